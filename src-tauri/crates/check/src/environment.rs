//! A saved target: addresses, bucket, Railway ids and safety policy. Secrets are apart, in the keychain.

use std::collections::BTreeMap;
use std::net::IpAddr;

use holdpoint_agentverse::{ExposeSecret, KnownSecrets, SecretString};
use holdpoint_foreign::text;
use holdpoint_railway::TokenKind;
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::parameters::Parameters;
use crate::quiet::QuietHours;
use crate::words::Service;

/// The version of the environment file format.
pub const FORMAT: u32 = 1;
/// The longest word in it that names something of the server's.
const WORD_LIMIT: usize = 100;
/// An environment file is small; more is not read.
pub const FILE_LIMIT: usize = 256 * 1024;

/// Where an environment comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Kind {
    /// A real staging deployment.
    Staging,
    /// The built-in stand-in on this computer.
    Rehearsal,
}

/// The target of a check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// [`FORMAT`].
    pub holdpoint_environment: u32,
    /// The name people know it by; letters, digits, `-`, `_`.
    pub name: String,
    /// Staging or rehearsal.
    pub kind: Kind,
    /// What the API must call its environment.
    #[serde(default = "default_expected")]
    pub expected_environment: String,
    /// The API.
    pub api_url: Url,
    /// The web front.
    pub web_url: Url,
    /// The object store.
    pub storage: StorageTarget,
    /// Railway, where chaos and manual operations are possible.
    #[serde(default)]
    pub railway: Option<RailwayTarget>,
    /// When no service of it may be restarted by a check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_hours: Option<QuietHours>,
    /// Parameters that differ from the runbook's.
    #[serde(default)]
    pub parameters: Parameters,
}

/// The object store of an environment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorageTarget {
    /// Its S3 endpoint.
    pub url: Url,
    /// The bucket that all artifacts must lie in.
    pub bucket: String,
    /// The region used in signatures.
    #[serde(default = "default_region")]
    pub region: String,
}

/// The ids a person confirmed. Names are shown, ids decide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RailwayTarget {
    /// The GraphQL endpoint.
    pub url: Url,
    /// The project.
    pub project_id: String,
    /// The environment in it.
    pub environment_id: String,
    /// Service ids by service.
    pub services: BTreeMap<Service, String>,
    /// Ids of environments and projects, such as production's, that are never touched. Compared with what Railway
    /// answers, so that it holds whatever else is wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
}

/// Secrets of an environment, in memory only. Not serialisable on purpose.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    /// The login's address; not secret itself, kept with its password.
    pub email: Option<String>,
    /// The login's password.
    pub password: Option<SecretString>,
    /// The key of the ops endpoints.
    pub ops_key: Option<SecretString>,
    /// The staging key of the object store.
    pub s3_access_key: Option<String>,
    /// Its secret half.
    pub s3_secret_key: Option<SecretString>,
    /// The Railway token.
    pub railway_token: Option<SecretString>,
    /// Its kind, when known.
    pub railway_token_kind: Option<TokenKind>,
}

impl Secrets {
    /// All of them, to be taken out of what servers repeat. The login's address is none.
    pub fn known(&self) -> KnownSecrets {
        let hidden = [&self.password, &self.ops_key, &self.s3_secret_key, &self.railway_token];
        let hidden = hidden.into_iter().flatten().map(ExposeSecret::expose_secret);
        KnownSecrets::new(hidden.chain(self.s3_access_key.as_deref()))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThrowawaySecrets {
    email: String,
    password: String,
    ops_key: String,
    s3_access_key: String,
    s3_secret_key: String,
    railway_token: String,
    railway_token_kind: TokenKind,
}

/// Why a text is not an environment.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// Larger than [`FILE_LIMIT`].
    #[error("the environment file is larger than {} KiB; it cannot be one", FILE_LIMIT / 1024)]
    TooLarge,
    /// Not JSON, or JSON of something else.
    #[error("this is not an environment file: {0}. Compare it with `holdpoint environment show rehearsal`")]
    Malformed(#[source] serde_json::Error),
    /// Of a version that this program does not know.
    #[error("the environment file has format {0}, this Holdpoint reads {FORMAT}; use a newer Holdpoint")]
    Version(u32),
    /// A value that cannot be used.
    #[error("{field}: {problem}")]
    Field {
        /// Which.
        field: &'static str,
        /// What is wrong and what to do.
        problem: String,
    },
}

impl EnvironmentError {
    fn field(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Field { field, problem: problem.into() }
    }
}

impl Environment {
    /// Reads and checks an environment file. Secrets in it are accepted only for a rehearsal on this computer, whose
    /// secrets are thrown away with it.
    pub fn from_json(json: &str) -> Result<(Self, Secrets), EnvironmentError> {
        if json.len() > FILE_LIMIT {
            return Err(EnvironmentError::TooLarge);
        }
        let mut value: serde_json::Value = serde_json::from_str(json).map_err(EnvironmentError::Malformed)?;
        let throwaway = value.as_object_mut().and_then(|object| object.shift_remove("secrets"));
        // What is wrong in it is quoted where it is refused.
        text::clean(&mut value);
        let version = value.get("holdpoint_environment").and_then(serde_json::Value::as_u64);
        if let Some(version) = version.filter(|version| *version != u64::from(FORMAT)) {
            return Err(EnvironmentError::Version(u32::try_from(version).unwrap_or(u32::MAX)));
        }
        let environment: Self = serde_json::from_value(value).map_err(EnvironmentError::Malformed)?;
        environment.validate()?;
        let secrets = match throwaway {
            None => Secrets::default(),
            Some(_) if environment.kind != Kind::Rehearsal => {
                return Err(EnvironmentError::field(
                    "secrets",
                    "secrets do not belong into an environment file; remove them there and use \
                     `holdpoint token set` and `holdpoint environment set --ask-secrets`",
                ));
            }
            Some(value) => {
                let known: ThrowawaySecrets =
                    serde_json::from_value(value).map_err(EnvironmentError::Malformed)?;
                Secrets {
                    email: Some(known.email),
                    password: Some(known.password.into()),
                    ops_key: Some(known.ops_key.into()),
                    s3_access_key: Some(known.s3_access_key),
                    s3_secret_key: Some(known.s3_secret_key.into()),
                    railway_token: Some(known.railway_token.into()),
                    railway_token_kind: Some(known.railway_token_kind),
                }
            }
        };
        Ok((environment, secrets))
    }

    /// Checks every value.
    pub fn validate(&self) -> Result<(), EnvironmentError> {
        if !is_name(&self.name) {
            return Err(EnvironmentError::field(
                "name",
                format!("{:?} is not a name: use 1 to 60 letters, digits, - and _", self.name),
            ));
        }
        for (field, url) in
            [("api_url", &self.api_url), ("web_url", &self.web_url), ("storage.url", &self.storage.url)]
        {
            check_url(field, url)?;
        }
        if !is_bucket(&self.storage.bucket) {
            return Err(EnvironmentError::field(
                "storage.bucket",
                format!(
                    "{:?} is not a bucket name: 3 to 63 small letters, digits, - and .",
                    self.storage.bucket
                ),
            ));
        }
        for (field, word) in
            [("expected_environment", &self.expected_environment), ("storage.region", &self.storage.region)]
        {
            if !(1..=WORD_LIMIT).contains(&word.len())
                || !word.chars().all(|letter| letter.is_ascii_graphic())
            {
                return Err(EnvironmentError::field(
                    field,
                    format!(
                        "{:?} cannot be used: 1 to {WORD_LIMIT} letters, digits and marks",
                        text::cut(word, 60)
                    ),
                ));
            }
        }
        if let Some(railway) = &self.railway {
            check_url("railway.url", &railway.url)?;
            let ids = [("project_id", &railway.project_id), ("environment_id", &railway.environment_id)];
            let services = railway.services.iter().map(|(service, id)| (service.name(), id));
            let denied = railway.deny.iter().map(|id| ("deny", id));
            for (field, id) in ids.into_iter().chain(services).chain(denied) {
                if uuid::Uuid::parse_str(id).is_err() {
                    return Err(EnvironmentError::field(
                        "railway",
                        format!("{field} {id:?} is not a Railway id; copy it from the project's settings"),
                    ));
                }
            }
        }
        if let Some(railway) = &self.railway {
            let denied = |id: &String| railway.deny.iter().any(|one| one.eq_ignore_ascii_case(id));
            if denied(&railway.environment_id) || denied(&railway.project_id) {
                return Err(EnvironmentError::field(
                    "railway.deny",
                    "the deny-list holds the environment or project of this very file; correct one of the two",
                ));
            }
        }
        if self.kind == Kind::Rehearsal {
            let urls = [&self.api_url, &self.web_url, &self.storage.url];
            let railway = self.railway.as_ref().map(|railway| &railway.url);
            if urls.into_iter().chain(railway).any(|url| !is_loopback(url)) {
                return Err(EnvironmentError::field(
                    "kind",
                    "a rehearsal lives on this computer only; every address must be 127.0.0.1",
                ));
            }
        }
        if let Some(problem) = self.quiet_hours.as_ref().and_then(QuietHours::problem) {
            return Err(EnvironmentError::field("quiet_hours", problem));
        }
        let problems = self.parameters.problems();
        if !problems.is_empty() {
            return Err(EnvironmentError::field("parameters", problems.join("; ")));
        }
        Ok(())
    }

    /// The staging environment of the runbook. The project id is from its recorded results; the ids of Postgres and
    /// Redis are resolved from Railway by a person (the runbook does not name them).
    ///
    /// # Panics
    /// Never: the addresses are constants.
    #[expect(clippy::expect_used, reason = "constant addresses, covered by a test")]
    pub fn staging() -> Self {
        let url = |text: &str| Url::parse(text).expect("a constant address");
        Self {
            holdpoint_environment: FORMAT,
            name: "staging".into(),
            kind: Kind::Staging,
            expected_environment: default_expected(),
            api_url: url("https://agentverse-api-staging-production.up.railway.app"),
            web_url: url("https://agentverse-web-staging-production.up.railway.app"),
            storage: StorageTarget {
                url: url("https://minio-staging-production.up.railway.app"),
                bucket: "agentverse-staging-artifacts".into(),
                region: default_region(),
            },
            railway: Some(RailwayTarget {
                url: url("https://backboard.railway.com/graphql/v2"),
                project_id: "30cf5498-5aeb-4cf6-b35c-5ba0b9ed81f2".into(),
                environment_id: "668ced2e-6da8-4b5d-a915-818580666b01".into(),
                services: BTreeMap::from([
                    (Service::Api, "8b516747-7745-431b-9a91-a2eb1cc9eab3".into()),
                    (Service::Worker, "b6edcdd4-a1c0-4d7f-9eda-30aeb12dcf3a".into()),
                    (Service::Web, "093ac3ad-9bb5-43c0-8028-288b4d8faf5b".into()),
                    (Service::Minio, "b2254168-907d-4d99-9341-5d4cff255d43".into()),
                    (Service::Postgres, "f6e14839-4db9-434b-a8f3-0c50b2e8b22f".into()),
                ]),
                deny: Vec::new(),
            }),
            quiet_hours: None,
            parameters: Parameters::default(),
        }
    }
}

/// Whether a text may name an environment (and so a file).
pub fn is_name(name: &str) -> bool {
    (1..=60).contains(&name.len())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_')
}

/// Whether an address is on this computer.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn check_url(field: &'static str, url: &Url) -> Result<(), EnvironmentError> {
    let secure = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
    if !secure || url.host().is_none() {
        return Err(EnvironmentError::field(
            field,
            format!("{url} cannot be used: an address starts with https:// (http:// only on this computer)"),
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(EnvironmentError::field(field, "an address must not carry a user name or password"));
    }
    Ok(())
}

fn is_bucket(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name
            .chars()
            .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "-.".contains(letter))
}

fn default_expected() -> String {
    "staging".into()
}

fn default_region() -> String {
    "us-east-1".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_runbooks_staging_is_valid_and_survives_its_file() {
        let staging = Environment::staging();
        staging.validate().unwrap();
        let text = serde_json::to_string_pretty(&staging).unwrap();
        let (back, secrets) = Environment::from_json(&text).unwrap();
        assert_eq!(back, staging);
        assert!(secrets.password.is_none());
    }

    #[test]
    fn bad_files_are_refused_with_the_field_named() {
        let good = serde_json::to_value(Environment::staging()).unwrap();
        let with = |key: &str, value: serde_json::Value| {
            let mut changed = good.clone();
            changed[key] = value;
            Environment::from_json(&changed.to_string()).unwrap_err().to_string()
        };
        assert!(with("nmae", "x".into()).contains("nmae"));
        assert!(with("api_url", "http://example.org".into()).contains("api_url"));
        assert!(with("api_url", "not an address".into()).contains("not an environment file"));
        assert!(with("api_url", "https://user:pw@example.org".into()).contains("user name"));
        assert!(with("kind", "rehearsal".into()).contains("127.0.0.1"));
        assert!(with("holdpoint_environment", 9.into()).contains("format 9"));
        assert!(with("name", "../x".into()).contains("name"));
        assert!(with("secrets", serde_json::json!({})).contains("secrets"));
        assert!(with("parameters", serde_json::json!({"l1": {"rounds": 0}})).contains("l1.rounds"));
        assert!(
            Environment::from_json("<html>").unwrap_err().to_string().contains("not an environment file")
        );
        assert!(matches!(
            Environment::from_json(&" ".repeat(FILE_LIMIT + 1)),
            Err(EnvironmentError::TooLarge)
        ));
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let secrets = Secrets { password: Some("hunter2".to_owned().into()), ..Secrets::default() };
        assert!(!format!("{secrets:?}").contains("hunter2"));
    }
}
