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

    /// Whether a deployment in this state is on its way to replace the one that serves (Railway facts 6.1).
    fn is_under_way(&self) -> bool {
        let words = ["INITIALIZING", "QUEUED", "WAITING", "BUILDING", "DEPLOYING"];
        matches!(self, Self::Other(name) if words.contains(&name.as_str()))
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
    /// Its replicas, where asked for and answered.
    #[serde(default)]
    pub instances: Option<Vec<Instance>>,
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

/// A replica of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Instance {
    /// Its status, by Railway's name.
    pub status: String,
}

impl Deployment {
    /// How many replicas run, where Railway says.
    pub fn replicas(&self) -> Option<usize> {
        let running = |one: &&Instance| matches!(one.status.as_str(), "RUNNING" | "RESTARTING");
        self.instances.as_ref().map(|all| all.iter().filter(running).count())
    }
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

impl ServiceInstance {
    /// Why its deployment cannot be taken for one that works and stays; a stable code and what was seen. Not whether it
    /// works: a status says little of that (Railway facts 6.2).
    pub fn in_the_way(&self) -> Option<(&'static str, String)> {
        let name = &self.service_name;
        if let Some(latest) = self.latest.as_ref().filter(|latest| latest.status.is_under_way()) {
            return Some((
                "railway.deploying",
                format!("{name}: a newer deployment is under way ({})", latest.status),
            ));
        }
        let Some(serving) = &self.serving else {
            let seen = self.latest.as_ref().map_or("it was never deployed".to_owned(), |latest| {
                format!("its newest one is {}", latest.status)
            });
            return Some(("railway.nothing_serving", format!("{name} serves no deployment: {seen}")));
        };
        if serving.status == Status::Crashed {
            return Some(("railway.crashed", format!("{name} has crashed")));
        }
        // Only then does the flag mean anything: a deployment that sleeps carries it too.
        if serving.status == Status::Success && serving.deployment_stopped {
            return Some(("railway.stopped", format!("{name} was stopped, or has ended by itself")));
        }
        let replicas = serving.replicas().filter(|replicas| *replicas > 1)?;
        Some(("railway.replicas", format!("{name} runs as {replicas} replicas")))
    }
}

/// What a person can do about what [`ServiceInstance::in_the_way`] names.
pub fn remedy_of(code: &str) -> &'static str {
    match code {
        "railway.deploying" => {
            "Wait until the deployment is finished in the Railway dashboard, then start again"
        }
        "railway.crashed" => {
            "Read the service's log in the Railway dashboard, bring it back, then start again"
        }
        "railway.stopped" => "Restart the service in the Railway dashboard, then start again",
        "railway.replicas" => {
            "Set the service to one replica for the time of the check: one new process says nothing of \
                               the others"
        }
        _ => "Deploy the service in the Railway dashboard, then start again",
    }
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

/// The budget of requests, which Railway counts per hour and shares with other tools of the same account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Sent by this client so far, by its own count.
    pub sent: u64,
    /// Allowed an hour, where Railway says.
    pub limit: Option<u64>,
    /// Left of this hour, where Railway says.
    pub remaining: Option<u64>,
}

impl Budget {
    /// Why `more` requests would not fit; none where they do, or where Railway says nothing.
    pub fn falls_short(&self, more: u64) -> Option<String> {
        if let Some(left) = self.remaining.filter(|left| *left < more) {
            return Some(format!("{left} requests are left of this hour, about {more} are needed"));
        }
        let limit = self.limit.filter(|limit| *limit < self.sent + more)?;
        Some(format!("{limit} requests an hour are allowed, about {} are needed", self.sent + more))
    }
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
