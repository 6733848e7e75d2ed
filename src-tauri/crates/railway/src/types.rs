//! What Railway answers, as far as Holdpoint reads it.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// How a token is presented. It cannot be read off the token itself (Railway facts 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenKind {
    /// A project token: bound to one environment of one project. The safest.
    Project,
    /// An account or workspace token, or the session of the Railway CLI: reaches everything its owner can, production
    /// included.
    Account,
}

impl TokenKind {
    /// As shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Project => "project token",
            Self::Account => "account token",
        }
    }
}

/// What a token reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// The project it is bound to; none for an account token.
    pub project_id: Option<String>,
    /// That project's name, to be shown. Never decides.
    pub project_name: Option<String>,
    /// The environment it is bound to; none for an account token.
    pub environment_id: Option<String>,
    /// That environment's name, to be shown. Never decides.
    pub environment_name: Option<String>,
}

/// The ids a person confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The project.
    pub project_id: String,
    /// The environment.
    pub environment_id: String,
    /// The service, whose id is the same in every environment of the project.
    pub service_id: String,
}

/// The state of a deployment. Values of the future map to `Other`, never to up or down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Status {
    /// Deployed. Does not mean that it is up (Railway facts 6.2).
    Success,
    /// Asleep; wakes by a request.
    Sleeping,
    /// Ended with an error.
    Crashed,
    /// Any other status, by Railway's name.
    Other(String),
}

impl Status {
    /// Whether a deployment in this state can be the one that serves (Railway facts 6.1). No unknown status can.
    pub(crate) fn may_serve(&self) -> bool {
        matches!(self, Self::Success | Self::Sleeping | Self::Crashed)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Success => "SUCCESS",
            Self::Sleeping => "SLEEPING",
            Self::Crashed => "CRASHED",
            Self::Other(name) => name,
        })
    }
}

impl From<&str> for Status {
    fn from(text: &str) -> Self {
        match text {
            "SUCCESS" => Self::Success,
            "SLEEPING" => Self::Sleeping,
            "CRASHED" => Self::Crashed,
            other => Self::Other(other.chars().take(40).collect()),
        }
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(String::deserialize(deserializer)?.as_str()))
    }
}

/// A deployment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// The id, which a restart keeps.
    pub id: String,
    /// Its status.
    pub status: Status,
    /// Whether it was stopped; read only where the status is `Success`.
    #[serde(default)]
    pub deployment_stopped: bool,
    /// When it was made.
    #[serde(default)]
    pub created_at: Option<DateTime<Utc>>,
    /// Its project, where asked for.
    #[serde(default)]
    pub project_id: Option<String>,
    /// Its environment, where asked for.
    #[serde(default)]
    pub environment_id: Option<String>,
    /// Its service, where asked for.
    #[serde(default)]
    pub service_id: Option<String>,
}

/// A service in one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceInstance {
    /// The service.
    pub service_id: String,
    /// Its name.
    pub service_name: String,
    /// The deployment that serves: from the active ones, not blindly the latest attempt (Railway facts 5.2).
    pub serving: Option<Deployment>,
    /// The newest attempt.
    pub latest: Option<Deployment>,
}

/// An environment with its services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentState {
    /// The id.
    pub id: String,
    /// The name; says nothing about what it is for.
    pub name: String,
    /// Its project.
    pub project_id: String,
    /// Its services.
    pub services: Vec<ServiceInstance>,
}

/// A line of a log.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct LogLine {
    /// RFC 3339 with nanoseconds, kept as text.
    pub timestamp: String,
    /// The line.
    pub message: String,
    /// `error` for everything a program writes to stderr, so no sign of a failure.
    #[serde(default)]
    pub severity: Option<String>,
}
