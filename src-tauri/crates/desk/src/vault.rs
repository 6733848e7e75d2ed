//! Secrets of environments: in the keychain, or in memory for this session where a person chose that.
//!
//! The keychain blocks and speaks its own protocol, so it is asked on a thread of its own.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::Utc;
use holdpoint_agentverse::{ExposeSecret as _, SecretString};
use holdpoint_check::environment::Secrets;
use holdpoint_railway::TokenKind;
use holdpoint_report::attestation::Signing;
use holdpoint_settings::{Field, Keychain, KeychainError, Saved};

use crate::error::DeskError;
use crate::view::{Problem, SecretField, SecretState, SecretView};

/// Keychain and session together.
#[derive(Debug, Default)]
pub struct Vault {
    session: Mutex<BTreeMap<(String, SecretField), Saved>>,
}

const FIELDS: [SecretField; 6] = [
    SecretField::Email,
    SecretField::Password,
    SecretField::OpsKey,
    SecretField::S3AccessKey,
    SecretField::S3SecretKey,
    SecretField::RailwayToken,
];

fn entry(field: SecretField) -> Field {
    match field {
        SecretField::Email => Field::Email,
        SecretField::Password => Field::Password,
        SecretField::OpsKey => Field::OpsKey,
        SecretField::S3AccessKey => Field::S3AccessKey,
        SecretField::S3SecretKey => Field::S3SecretKey,
        SecretField::RailwayToken => Field::RailwayToken,
    }
}

fn words(field: SecretField) -> (&'static str, &'static str) {
    match field {
        SecretField::Email => ("Login, e-mail", "The account the checks log in with; exports need an admin"),
        SecretField::Password => ("Login, password", "Its password"),
        SecretField::OpsKey => ("Ops API key", "For the worker's state and the storage test"),
        SecretField::S3AccessKey => ("Bucket, access key", "Reads evidence packs from the bucket"),
        SecretField::S3SecretKey => ("Bucket, secret key", "Its secret half"),
        SecretField::RailwayToken => ("Railway token", "For real restarts; without it chaos is simulated"),
    }
}

async fn keychain<T, F>(ask: F) -> Result<T, DeskError>
where
    T: Send + 'static,
    F: FnOnce(Keychain) -> Result<T, KeychainError> + Send + 'static,
{
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || sender.send(ask(Keychain)));
    let answer =
        receiver.await.unwrap_or_else(|_| Err(KeychainError::Unavailable("it gave no answer".into())));
    Ok(answer?)
}

impl Vault {
    /// Keeps a secret.
    pub async fn set(
        &self,
        environment: &str,
        field: SecretField,
        secret: SecretString,
        kind: Option<TokenKind>,
        session_only: bool,
    ) -> Result<(), DeskError> {
        if secret.expose_secret().trim().is_empty() {
            return Err(DeskError::new("secret.empty", "Nothing was kept.", "Type the secret, then set it."));
        }
        if session_only {
            let saved = Saved { secret, set_at: Utc::now(), kind };
            self.session().insert((environment.to_owned(), field), saved);
            return Ok(());
        }
        let name = environment.to_owned();
        keychain(move |keychain| keychain.set(&name, entry(field), &secret, kind)).await?;
        // What was kept for the session would hide what is now in the keychain.
        self.session().remove(&(environment.to_owned(), field));
        Ok(())
    }

    /// Removes a secret, wherever it is.
    pub async fn clear(&self, environment: &str, field: SecretField) -> Result<(), DeskError> {
        let removed = self.session().remove(&(environment.to_owned(), field)).is_some();
        let name = environment.to_owned();
        match keychain(move |keychain| keychain.clear(&name, entry(field))).await {
            Err(_) if removed => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// What may be shown of the secrets of an environment, and why the keychain cannot be asked.
    pub async fn views(&self, environment: &str) -> (Vec<SecretView>, Option<Problem>) {
        let mut views = Vec::new();
        let mut problem = None;
        for field in FIELDS {
            let (label, purpose) = words(field);
            let session = self.session().get(&(environment.to_owned(), field)).cloned();
            let (state, saved) = match session {
                Some(saved) => (SecretState::Session, Some(saved)),
                // Asked once: a locked keychain would ask the person again for every field.
                None if problem.is_some() => (SecretState::Unknown, None),
                None => {
                    let name = environment.to_owned();
                    match keychain(move |keychain| keychain.get(&name, entry(field))).await {
                        Ok(Some(saved)) => (SecretState::Keychain, Some(saved)),
                        Ok(None) => (SecretState::Absent, None),
                        Err(error) => {
                            problem = Some(error.0);
                            (SecretState::Unknown, None)
                        }
                    }
                }
            };
            views.push(SecretView {
                field,
                label: label.into(),
                purpose: purpose.into(),
                state,
                kind: saved
                    .as_ref()
                    .filter(|_| field == SecretField::RailwayToken)
                    .and_then(|saved| saved.kind)
                    .map(|kind| kind.word().to_owned()),
                set_at: saved.map(|saved| saved.set_at.to_rfc3339()),
            });
        }
        (views, problem)
    }

    /// The Railway token of an environment alone: lists need no more, and every secret is a question to the keychain.
    pub async fn railway_token(&self, environment: &str) -> Option<Saved> {
        let field = SecretField::RailwayToken;
        if let Some(saved) = self.session().get(&(environment.to_owned(), field)) {
            return Some(saved.clone());
        }
        let name = environment.to_owned();
        keychain(move |keychain| keychain.get(&name, entry(field))).await.ok().flatten()
    }

    /// Every secret of an environment. Without a keychain there may still be what a person gave for the session.
    pub async fn secrets(&self, environment: &str) -> Secrets {
        let name = environment.to_owned();
        let mut secrets = keychain(move |keychain| keychain.secrets(&name)).await.unwrap_or_default();
        for ((name, field), saved) in self.session().iter() {
            if name != environment {
                continue;
            }
            let text = || Some(saved.secret.expose_secret().to_owned());
            let secret = || Some(saved.secret.clone());
            match field {
                SecretField::Email => secrets.email = text(),
                SecretField::Password => secrets.password = secret(),
                SecretField::OpsKey => secrets.ops_key = secret(),
                SecretField::S3AccessKey => secrets.s3_access_key = text(),
                SecretField::S3SecretKey => secrets.s3_secret_key = secret(),
                SecretField::RailwayToken => {
                    secrets.railway_token = secret();
                    secrets.railway_token_kind = saved.kind;
                }
            }
        }
        secrets
    }

    /// The key that signs checks, where there is one.
    pub async fn signing_key(&self) -> Result<Option<Signing>, DeskError> {
        let Some(saved) = keychain(Keychain::signing_key).await? else { return Ok(None) };
        Signing::from_text(saved.secret.expose_secret()).map(Some).map_err(|error| {
            DeskError::new(
                "signing.foreign",
                "The key in the keychain cannot be used.",
                "Remove it and make another one.",
            )
            .because(error)
        })
    }

    /// Makes the key that signs checks; one that is there is kept and answered.
    pub async fn create_signing_key(&self) -> Result<Signing, DeskError> {
        if let Some(key) = self.signing_key().await? {
            return Ok(key);
        }
        let secret: [u8; 32] = rand::random();
        let text = SecretString::from(STANDARD.encode(secret));
        keychain(move |keychain| keychain.set_signing_key(&text)).await?;
        Ok(Signing::from_secret(&secret))
    }

    /// Removes the key that signs checks. What it signed stays signed.
    pub async fn remove_signing_key(&self) -> Result<(), DeskError> {
        keychain(Keychain::clear_signing_key).await.map(drop)
    }

    fn session(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, SecretField), Saved>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
