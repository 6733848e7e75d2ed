//! Secrets in the keychain: written and read by this side only, never printed, never in a file.

use chrono::{DateTime, Utc};
use holdpoint_agentverse::{ExposeSecret as _, SecretString};
use holdpoint_check::environment::Secrets;
use holdpoint_railway::TokenKind;
use keyring::Entry;
use serde::{Deserialize, Serialize};

/// The name under which the keychain shows our entries.
const SERVICE: &str = "holdpoint";
/// The account of the key that signs checks. No environment has this name: theirs hold a slash.
const SIGNING_KEY: &str = "signing-key";

/// One secret of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The address of the login.
    Email,
    /// Its password.
    Password,
    /// The key of the ops endpoints.
    OpsKey,
    /// The S3 access key.
    S3AccessKey,
    /// The S3 secret key.
    S3SecretKey,
    /// The Railway token.
    RailwayToken,
}

impl Field {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Email, Self::Password, Self::OpsKey, Self::S3AccessKey, Self::S3SecretKey, Self::RailwayToken];

    /// The word used on the command line and in the keychain.
    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Password => "password",
            Self::OpsKey => "ops-key",
            Self::S3AccessKey => "s3-access-key",
            Self::S3SecretKey => "s3-secret-key",
            Self::RailwayToken => "railway-token",
        }
    }
}

/// Why the keychain gave or took nothing.
#[derive(Debug, thiserror::Error)]
pub enum KeychainError {
    /// There is none, or it is locked.
    #[error(
        "the system keychain cannot be used: {0}. Unlock it (on Linux a Secret Service such as gnome-keyring must run), \
         or give the Railway token for this run only with RAILWAY_TOKEN"
    )]
    Unavailable(String),
    /// What is stored is not ours.
    #[error("the keychain entry {0} holds something else than Holdpoint wrote; remove it and set it again")]
    Foreign(String),
}

/// A stored secret with what may be shown of it.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The secret.
    pub secret: SecretString,
    /// When it was set.
    pub set_at: DateTime<Utc>,
    /// The kind of a token.
    pub kind: Option<TokenKind>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    secret: String,
    set_at: DateTime<Utc>,
    #[serde(default)]
    kind: Option<TokenKind>,
}

/// The keychain of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct Keychain;

impl Keychain {
    /// Stores a secret of an environment, replacing one that is there.
    pub fn set(
        self,
        environment: &str,
        field: Field,
        secret: &SecretString,
        kind: Option<TokenKind>,
    ) -> Result<(), KeychainError> {
        set(&account(environment, field), secret, kind)
    }

    /// Reads a secret; none where nothing is stored.
    pub fn get(self, environment: &str, field: Field) -> Result<Option<Saved>, KeychainError> {
        get(&account(environment, field))
    }

    /// Removes a secret; false where nothing was stored.
    pub fn clear(self, environment: &str, field: Field) -> Result<bool, KeychainError> {
        clear(&account(environment, field))
    }

    /// Stores the key that signs checks, replacing one that is there.
    pub fn set_signing_key(self, secret: &SecretString) -> Result<(), KeychainError> {
        set(SIGNING_KEY, secret, None)
    }

    /// The key that signs checks; none where nothing is stored.
    pub fn signing_key(self) -> Result<Option<Saved>, KeychainError> {
        get(SIGNING_KEY)
    }

    /// Removes the key that signs checks; false where nothing was stored.
    pub fn clear_signing_key(self) -> Result<bool, KeychainError> {
        clear(SIGNING_KEY)
    }

    /// Every secret of an environment.
    pub fn secrets(self, environment: &str) -> Result<Secrets, KeychainError> {
        let text = |field| -> Result<Option<String>, KeychainError> {
            Ok(self.get(environment, field)?.map(|saved| saved.secret.expose_secret().to_owned()))
        };
        let secret = |field| -> Result<Option<SecretString>, KeychainError> {
            Ok(self.get(environment, field)?.map(|saved| saved.secret))
        };
        let token = self.get(environment, Field::RailwayToken)?;
        Ok(Secrets {
            email: text(Field::Email)?,
            password: secret(Field::Password)?,
            ops_key: secret(Field::OpsKey)?,
            s3_access_key: text(Field::S3AccessKey)?,
            s3_secret_key: secret(Field::S3SecretKey)?,
            railway_token_kind: token.as_ref().and_then(|token| token.kind),
            railway_token: token.map(|token| token.secret),
        })
    }
}

fn account(environment: &str, field: Field) -> String {
    format!("{environment}/{}", field.name())
}

fn set(account: &str, secret: &SecretString, kind: Option<TokenKind>) -> Result<(), KeychainError> {
    let stored = Stored { secret: secret.expose_secret().to_owned(), set_at: Utc::now(), kind };
    let text =
        serde_json::to_string(&stored).map_err(|error| KeychainError::Unavailable(error.to_string()))?;
    entry(account)?.set_password(&text).map_err(|error| unavailable(&error))
}

fn get(account: &str) -> Result<Option<Saved>, KeychainError> {
    match entry(account)?.get_password() {
        Ok(text) => {
            let stored: Stored =
                serde_json::from_str(&text).map_err(|_| KeychainError::Foreign(account.to_owned()))?;
            Ok(Some(Saved { secret: stored.secret.into(), set_at: stored.set_at, kind: stored.kind }))
        }
        Err(keyring::Error::NoEntry) => Ok(None),
        Err(error) => Err(unavailable(&error)),
    }
}

fn clear(account: &str) -> Result<bool, KeychainError> {
    match entry(account)?.delete_credential() {
        Ok(()) => Ok(true),
        Err(keyring::Error::NoEntry) => Ok(false),
        Err(error) => Err(unavailable(&error)),
    }
}

fn entry(account: &str) -> Result<Entry, KeychainError> {
    Entry::new(SERVICE, account).map_err(|error| unavailable(&error))
}

fn unavailable(error: &keyring::Error) -> KeychainError {
    KeychainError::Unavailable(error.to_string())
}
