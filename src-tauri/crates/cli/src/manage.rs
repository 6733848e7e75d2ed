//! `holdpoint environment` and `holdpoint token`, and finding an environment with its secrets.

use std::path::Path;

use holdpoint_agentverse::{ExposeSecret as _, SecretString};
use holdpoint_check::environment::{Environment, Secrets};
use holdpoint_check::event::RowState;
use holdpoint_check::plan::{ChaosIntent, Plan};
use holdpoint_check::run::preflight_rows;
use holdpoint_check::words::Suite;
use holdpoint_desk::rehearsal::{Manner, Rehearsal};
use holdpoint_railway::{TokenKind, cli_config};
use holdpoint_settings::{Environments, Field, Keychain};

use crate::arguments::{EnvironmentCommand, TokenCommand};
use crate::failure::Failure;

/// An environment by its name or file, with what the runbook's variables override, and its secrets.
pub(crate) async fn resolve(name: &str) -> Result<(Environment, Secrets), Failure> {
    let (mut environment, mut secrets) = if Path::new(name).is_file() {
        let limit = holdpoint_check::environment::FILE_LIMIT as u64;
        let text = holdpoint_foreign::file::read_text(Path::new(name), limit)
            .map_err(|error| Failure::usage(format!("{name}: {error}")))?;
        let (environment, throwaway) =
            Environment::from_json(&text).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
        let secrets =
            if throwaway.email.is_some() { throwaway } else { from_keychain(&environment.name).await? };
        (environment, secrets)
    } else {
        let environment = Environments::of_account()?.load(name)?;
        let secrets = from_keychain(&environment.name).await?;
        (environment, secrets)
    };
    for (variable, url) in
        [("STAGING_API_URL", &mut environment.api_url), ("STAGING_WEB_URL", &mut environment.web_url)]
    {
        if let Ok(text) = std::env::var(variable) {
            *url = text.parse().map_err(|error| {
                Failure::usage(format!(
                    "{variable} is not an address: {error}. An address starts with https://"
                ))
            })?;
        }
    }
    environment.validate()?;
    if let Ok(token) = std::env::var("RAILWAY_TOKEN") {
        let token = token.trim().to_owned();
        if token.is_empty() || token == "null" {
            return Err(Failure::usage(
                "RAILWAY_TOKEN is empty (the Railway CLI does not keep it where the runbook looks); \
                 unset it, or use a project token",
            ));
        }
        // Which kind it is cannot be seen; Railway is asked, and a refusal shows in the preflight.
        let token = SecretString::from(token);
        let kind = match &environment.railway {
            Some(railway) => holdpoint_railway::Client::detect_kind(&railway.url, &token).await.ok(),
            None => None,
        };
        secrets.railway_token = Some(token);
        secrets.railway_token_kind = kind.or(Some(TokenKind::Project));
    }
    Ok((environment, secrets))
}

/// The keychain blocks and speaks its own protocol, so it is asked on a thread of its own.
async fn keychain<T, F>(ask: F) -> Result<T, Failure>
where
    T: Send + 'static,
    F: FnOnce(Keychain) -> Result<T, holdpoint_settings::KeychainError> + Send + 'static,
{
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || sender.send(ask(Keychain)));
    Ok(receiver.await.map_err(|_| Failure::failed("the keychain gave no answer"))??)
}

/// Without a keychain there may still be what a run needs; what is missing shows in the preflight.
async fn from_keychain(name: &str) -> Result<Secrets, Failure> {
    let environment = name.to_owned();
    match keychain(move |keychain| keychain.secrets(&environment)).await {
        Ok(secrets) => Ok(secrets),
        Err(failure) => {
            eprintln!("holdpoint: {failure}");
            Ok(Secrets::default())
        }
    }
}

pub(crate) async fn environment(command: EnvironmentCommand) -> Result<u8, Failure> {
    let store = Environments::of_account()?;
    match command {
        EnvironmentCommand::List => {
            for name in store.names() {
                match store.load(&name) {
                    Ok(environment) => println!("{name}\t{}", environment.api_url),
                    Err(error) => println!("{name}\t{}", holdpoint_foreign::text::line(&error.to_string())),
                }
            }
            println!("rehearsal\tbuilt in: holdpoint check --rehearse");
        }
        EnvironmentCommand::Show { name } => {
            let environment = if name == "rehearsal" {
                let rehearsal = Rehearsal::start(&Manner::Profile("healthy".into()), false).await?;
                let environment = rehearsal.environment.clone();
                rehearsal.stop().await;
                environment
            } else {
                store.load(&name)?
            };
            println!("{}", serde_json::to_string_pretty(&environment)?);
        }
        EnvironmentCommand::Set { name, file, ask_secrets } => {
            let mut environment = match &file {
                Some(file) => store.read_file(file)?,
                None => store.load(&name)?,
            };
            environment.name.clone_from(&name);
            let path = store.save(&environment)?;
            println!("saved {}", path.display());
            if ask_secrets {
                ask_for_secrets(&name).await?;
            }
        }
        EnvironmentCommand::Test { name } => return test(&name).await,
    }
    Ok(0)
}

async fn ask_for_secrets(name: &str) -> Result<(), Failure> {
    for field in [Field::Email, Field::Password, Field::OpsKey, Field::S3AccessKey, Field::S3SecretKey] {
        let text = rpassword::prompt_password(format!("{} (empty keeps what is stored): ", field.name()))?;
        if text.is_empty() {
            continue;
        }
        let (name, secret) = (name.to_owned(), SecretString::from(text));
        keychain(move |keychain| keychain.set(&name, field, &secret, None)).await?;
    }
    println!("kept in the system keychain");
    Ok(())
}

async fn test(name: &str) -> Result<u8, Failure> {
    let (environment, secrets) = resolve(name).await?;
    let chaos = if secrets.railway_token.is_some() { ChaosIntent::Real } else { ChaosIntent::Simulated };
    let parameters = environment.parameters.clone();
    let suite = Suite::All;
    let plan = Plan { environment, suite, parameters, chaos, rehearsal_profile: None, confirmed_name: None };
    let rows = preflight_rows(plan, &secrets).await?.rows;
    for row in &rows {
        let mark = match row.state {
            RowState::Ok => "ok  ",
            RowState::Warning => "warn",
            RowState::NotChecked => "-   ",
            RowState::NotReady | RowState::Misconfigured => "FAIL",
        };
        println!("{mark}  {}: {}", row.title, row.observed);
        if !row.remedy.is_empty() && row.state != RowState::Ok {
            println!("        → {}", row.remedy);
        }
    }
    Ok(if rows.iter().any(|row| row.state == RowState::Misconfigured) {
        2
    } else if rows.iter().any(|row| row.state.blocks()) {
        3
    } else {
        0
    })
}

pub(crate) async fn token(command: TokenCommand) -> Result<u8, Failure> {
    match command {
        TokenCommand::Set { environment } => {
            let target = Environments::of_account()?.load(&environment)?;
            let text = rpassword::prompt_password("Railway token (not shown): ")?;
            if text.trim().is_empty() {
                return Err(Failure::usage("no token was typed; nothing was changed"));
            }
            let token = SecretString::from(text.trim().to_owned());
            let railway = target.railway.ok_or_else(|| {
                Failure::usage(format!("{environment} has no Railway part; add it to its file"))
            })?;
            let kind = holdpoint_railway::Client::detect_kind(&railway.url, &token)
                .await
                .map_err(|error| Failure::usage(format!("{error}. {}", error.remedy())))?;
            keep(environment, token, kind).await?;
        }
        TokenCommand::Import { environment, file } => {
            let path = match file {
                Some(file) => file,
                None => cli_config::path_in(
                    directories_home().as_deref().ok_or_else(|| Failure::usage("there is no home folder"))?,
                ),
            };
            let found = cli_config::read(&path, chrono::Utc::now())?;
            let token = SecretString::from(found.token.expose_secret().to_owned());
            keep(environment, token, found.kind).await?;
            if let Some(expires) = found.expires_at {
                println!("this session of the Railway CLI ends at {expires}; a project token does not end");
            }
        }
        TokenCommand::Clear { environment } => {
            let name = environment.clone();
            let removed = keychain(move |keychain| keychain.clear(&name, Field::RailwayToken)).await?;
            println!("{}", if removed { "the token was removed" } else { "there was no token" });
        }
        TokenCommand::Status { environment } => {
            let name = environment.clone();
            match keychain(move |keychain| keychain.get(&name, Field::RailwayToken)).await? {
                Some(saved) => println!(
                    "{environment}: a {} is set since {}",
                    saved.kind.map_or("token", TokenKind::word),
                    saved.set_at
                ),
                None => println!("{environment}: no token is set; chaos will be simulated"),
            }
        }
    }
    Ok(0)
}

fn directories_home() -> Option<std::path::PathBuf> {
    std::env::home_dir().filter(|home| !home.as_os_str().is_empty())
}

async fn keep(environment: String, token: SecretString, kind: TokenKind) -> Result<(), Failure> {
    let name = environment.clone();
    keychain(move |keychain| keychain.set(&name, Field::RailwayToken, &token, Some(kind))).await?;
    println!("{environment}: the {} is kept in the system keychain", kind.word());
    Ok(())
}
