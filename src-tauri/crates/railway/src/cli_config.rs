//! The token that the Railway CLI keeps, in its old and new form (Railway facts 3). Read only, never refreshed.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use holdpoint_foreign::file;
use secrecy::SecretString;
use serde_json::Value;

use crate::types::TokenKind;

const SIZE_LIMIT: u64 = 1024 * 1024;

/// A token found in the CLI's file.
#[derive(Clone, Debug)]
pub struct CliToken {
    /// The token.
    pub token: SecretString,
    /// Always an account's: the CLI logs people in.
    pub kind: TokenKind,
    /// When it expires; the new form lives an hour.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Why the CLI's file gives no token.
#[derive(Debug, thiserror::Error)]
pub enum CliConfigError {
    /// It cannot be read.
    #[error(
        "{path} cannot be read: {source}. Log in with the Railway CLI first, or set a project token by hand"
    )]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("{0} is not the Railway CLI's file")]
    Foreign(PathBuf),
    /// It holds no token.
    #[error(
        "the Railway CLI is not logged in (no token in its file). Log in with it, or set a project token by hand"
    )]
    NoToken,
    /// Its token is too old.
    #[error(
        "the Railway CLI's session expired at {0}. Run any Railway CLI command to renew it, then import again"
    )]
    Expired(DateTime<Utc>),
}

/// Where the CLI keeps its file below a home folder.
pub fn path_in(home: &Path) -> PathBuf {
    home.join(".railway").join("config.json")
}

/// Reads the token; `now` decides whether it has expired.
pub fn read(path: &Path, now: DateTime<Utc>) -> Result<CliToken, CliConfigError> {
    let unreadable = |source| CliConfigError::Unreadable { path: path.to_owned(), source };
    let text = file::read_text(path, SIZE_LIMIT).map_err(|error| unreadable(error.into()))?;
    parse(&text, path, now)
}

/// Reads the token in the text of the CLI's file; `path` is what errors name.
pub fn parse(text: &str, path: &Path, now: DateTime<Utc>) -> Result<CliToken, CliConfigError> {
    let foreign = || CliConfigError::Foreign(path.to_owned());
    let config: Value = serde_json::from_str(text).map_err(|_| foreign())?;
    let user = config.as_object().ok_or_else(foreign)?.get("user");
    let token_of = |field: &str| {
        user.and_then(|user| user.get(field))
            .and_then(Value::as_str)
            .map(str::trim)
            // What `jq -r` makes of a missing value (Railway facts 3.4).
            .filter(|token| !token.is_empty() && *token != "null")
    };
    if let Some(token) = token_of("accessToken") {
        let seconds = user.and_then(|user| user.get("tokenExpiresAt")).and_then(Value::as_i64);
        let expires_at = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        if let Some(expired) = expires_at.filter(|expires| *expires <= now) {
            return Err(CliConfigError::Expired(expired));
        }
        return Ok(CliToken { token: SecretString::from(token), kind: TokenKind::Account, expires_at });
    }
    let token = token_of("token").ok_or(CliConfigError::NoToken)?;
    Ok(CliToken { token: SecretString::from(token), kind: TokenKind::Account, expires_at: None })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn of(text: &str) -> Result<CliToken, CliConfigError> {
        let name = format!(
            "holdpoint-cli-config-{:x}",
            std::hash::BuildHasher::hash_one(&std::collections::hash_map::RandomState::new(), text,)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).unwrap();
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let read = read(&path, now);
        std::fs::remove_file(&path).unwrap();
        read
    }

    #[test]
    fn both_forms_are_read_and_the_new_one_wins() {
        let old = of(r#"{"projects": {}, "user": {"token": "old-token"}}"#).unwrap();
        assert_eq!(old.token.expose_secret(), "old-token");
        let new = of(r#"{"user": {"token": "old", "accessToken": "new", "refreshToken": "never",
                        "tokenExpiresAt": 1800000100}}"#)
        .unwrap();
        assert_eq!(new.token.expose_secret(), "new");
        assert!(new.expires_at.is_some());
        assert!(!format!("{new:?}").contains("\"new\""));
    }

    #[test]
    fn what_is_no_token_is_said_clearly() {
        assert!(matches!(of(r#"{"user": {"token": null}}"#), Err(CliConfigError::NoToken)));
        assert!(matches!(of(r#"{"user": {"token": "null"}}"#), Err(CliConfigError::NoToken)));
        assert!(matches!(of("{}"), Err(CliConfigError::NoToken)));
        assert!(matches!(of("[]"), Err(CliConfigError::Foreign(_))));
        assert!(matches!(of("<html>"), Err(CliConfigError::Foreign(_))));
        let expired = r#"{"user": {"accessToken": "x", "tokenExpiresAt": 1700000000}}"#;
        assert!(matches!(of(expired), Err(CliConfigError::Expired(_))));
        assert!(matches!(
            read(Path::new("/nowhere/config.json"), Utc::now()),
            Err(CliConfigError::Unreadable { .. })
        ));
    }
}
