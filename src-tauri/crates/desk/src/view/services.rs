//! The runbook's manual operations.

use holdpoint_check::words::{Service, TestId};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Problem;

/// The services of an environment.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct ServicesView {
    /// When asked.
    pub asked_at: String,
    /// All six, in order.
    pub services: Vec<ServiceRow>,
    /// What the API says of what it needs.
    pub dependencies: Vec<DependencyRow>,
    /// The API's version and name for its environment.
    pub api: String,
    /// Why the API could not be asked.
    pub api_problem: Option<Problem>,
    /// Why Railway could not be asked.
    pub railway_problem: Option<Problem>,
}

/// How a service is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// It works.
    Ready,
    /// It works and is slow.
    Slow,
    /// It does not work.
    Down,
    /// Nobody could be asked.
    Unknown,
}

/// One service.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct ServiceRow {
    /// Which.
    pub service: Service,
    /// Its name for people.
    pub title: String,
    /// A line about it: `through the API`, a version.
    pub note: String,
    /// How it is.
    pub state: ServiceState,
    /// What was seen, where it is not well.
    pub detail: String,
    /// How long it took to answer.
    pub answers_ms: Option<f64>,
    /// When the deployment that serves was made.
    pub deployed_at: Option<String>,
    /// Why it cannot be restarted from here; none when it can.
    pub no_restart: Option<String>,
}

/// What the API says of something it needs.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct DependencyRow {
    /// Its name.
    pub name: String,
    /// Its status as the API words it.
    pub status: String,
    /// Whether the status is a good one.
    pub ok: bool,
    /// How long it took.
    pub latency_ms: Option<f64>,
    /// What the API says.
    pub message: String,
}

/// The storage probe of the API.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct StorageReport {
    /// When.
    pub at: String,
    /// Whether it wrote, read and verified.
    pub ok: bool,
    /// The bucket.
    pub bucket: String,
    /// The object it left behind.
    pub object: String,
    /// Milliseconds of the write.
    pub write_ms: Option<f64>,
    /// Milliseconds of the read.
    pub read_ms: Option<f64>,
    /// Whether the content read was the content written.
    pub verified: Option<bool>,
    /// What it said.
    pub message: String,
}

/// Log lines of a service, oldest first.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct ServiceLog {
    /// Which.
    pub service: Service,
    /// When, as the log says.
    pub at: String,
    /// `info`, `warn`, `error`; may be empty.
    pub level: String,
    /// The line.
    pub text: String,
}

/// How a restart by hand ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RestartOutcome {
    /// Another process answers.
    Proven,
    /// Railway accepted it; this service shows no identity, so it cannot be proven from here.
    Accepted,
    /// Railway accepted it and the same process still answers after the deadline.
    NotSeen,
}

/// A restart by hand.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct RestartReport {
    /// Which service.
    pub service: Service,
    /// How it ended.
    pub outcome: RestartOutcome,
    /// Seconds until it was seen.
    pub seconds: f64,
    /// The identity before.
    pub before: Option<String>,
    /// The identity after.
    pub after: Option<String>,
    /// In words.
    pub message: String,
}

/// What was found of a service whose fault has no end on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RecoveryState {
    /// It works, as another process than before the fault.
    Back,
    /// It works, and is the process from before: the fault never hit it.
    Untouched,
    /// It works; which process it is cannot be told.
    Works,
    /// It does not work.
    Away,
}

/// A look at a service whose fault has no end on record. Nothing of it is written into the journal.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct RecoveryFound {
    /// Which service.
    pub service: Service,
    /// The test that restarted it.
    pub test: TestId,
    /// What was found.
    pub state: RecoveryState,
    /// Its identity before the fault.
    pub before: Option<String>,
    /// Its identity now.
    pub now: Option<String>,
    /// In words.
    pub message: String,
    /// What to do.
    pub next: String,
}
