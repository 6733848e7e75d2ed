//! What a check measured: a pure fold over its journal, and the only thing the judge looks at.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use holdpoint_agentverse::evidence::PackVerdict;
use holdpoint_agentverse::graph::Violation;
use holdpoint_load::{Fitness, OperationRecord};
use serde::{Deserialize, Serialize};

use crate::event::{
    BucketPart, CheckEnding, Ending, ExportOutcome, FaultIntent, Interval, Phase, PreflightRow, Regression,
    RunAudit, SignOff, StreamOutcome, Waiver, WriteKind,
};
use crate::ledger::{Reading, Reconciliation, Write};
use crate::plan::Plan;
use crate::words::{Service, TestId};

/// A year in milliseconds: no check lasts longer, and what is added to such a time does not run over.
pub(crate) const ELAPSED_LIMIT: u64 = 366 * 24 * 60 * 60 * 1000;

/// Everything a check measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The id of the check.
    pub check_id: String,
    /// The version of Holdpoint that ran it.
    pub holdpoint: String,
    /// What was planned.
    pub plan: Plan,
    /// First event.
    pub started_at: DateTime<Utc>,
    /// Last event.
    pub last_at: DateTime<Utc>,
    /// Milliseconds from the first to the last event.
    pub elapsed_ms: u64,
    /// How it ended; none when it was cut off or still runs.
    pub ending: Option<CheckEnding>,
    /// The rows of the preflight, in order.
    pub preflight: Vec<PreflightRow>,
    /// What the API said about itself, in order.
    pub api: Vec<ApiIdentity>,
    /// How far other clocks are from this computer's: the API's and the object store's, in milliseconds.
    #[serde(default)]
    pub clocks: Option<(i64, Option<i64>)>,
    /// Health questions that had to wait for long, in order.
    #[serde(default)]
    pub stalls: Vec<Stall>,
    /// When this computer had no network, in order.
    #[serde(default)]
    pub offline: Vec<Offline>,
    /// Health questions through the whole check, and the milliseconds between two of them.
    #[serde(default)]
    pub watched: Option<(u64, u64)>,
    /// Each planned test.
    pub tests: BTreeMap<TestId, TestResults>,
    /// Runs that were created, in order.
    pub runs: Vec<RunResults>,
    /// Calibration jobs.
    pub jobs: BTreeMap<String, JobResults>,
    /// Faults, in order.
    pub faults: Vec<FaultResults>,
    /// Services whose restart was simulated.
    pub simulated: Vec<(TestId, Service)>,
    /// Every write.
    pub writes: Vec<Write>,
    /// What was read back.
    #[serde(skip)]
    pub readings: Vec<Reading>,
    /// Writes against readings.
    pub reconciliations: Vec<Reconciliation>,
    /// Evidence packs by run.
    pub packs: BTreeMap<String, PackVerdict>,
    /// Bucket isolation.
    pub bucket: Vec<BucketPart>,
    /// Steady state.
    pub steady: Vec<SteadyState>,
    /// What services logged while a criterion was broken, by criterion.
    #[serde(default)]
    pub witness_logs: BTreeMap<String, (Service, Vec<String>)>,
    /// How this computer kept time.
    pub fitness: Option<Fitness>,
    /// Seconds with requests to the API in them, in order.
    #[serde(default)]
    pub intervals: Vec<Interval>,
    /// Findings that a person accepted.
    #[serde(default)]
    pub waivers: Vec<Waiver>,
    /// What people decided, in order.
    #[serde(default)]
    pub sign_offs: Vec<SignOff>,
    /// SHA-256 of the journal that this was read from; none while the check runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal_sha256: Option<String>,
    /// How it compares with its baseline, where it was compared.
    #[serde(default)]
    pub regression: Option<Regression>,
    /// What was removed.
    pub removed: Vec<String>,
    /// What is left behind.
    pub left: Vec<String>,
}

/// What the API said about itself once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiIdentity {
    /// When asked, in milliseconds of the check.
    pub at_ms: u64,
    /// Its version.
    pub version: String,
    /// Its name for its environment.
    pub environment: String,
    /// When its process started.
    pub process_started_at: DateTime<Utc>,
}

impl ApiIdentity {
    /// Whether one process answered both times. Two readings of one differ by the rounding of its uptime.
    pub fn is_same_process(&self, other: &Self) -> bool {
        (self.process_started_at - other.process_started_at).num_milliseconds().abs() <= 2000
    }

    /// Whether both looks saw one and the same system.
    pub fn is_same(&self, other: &Self) -> bool {
        self.version == other.version && self.environment == other.environment && self.is_same_process(other)
    }
}

/// A time without a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offline {
    /// Since when, in milliseconds of the check.
    pub from_ms: u64,
    /// For how long; none where it was not over at the end.
    pub lasted_ms: Option<f64>,
}

/// A health question that had to wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stall {
    /// When it was asked, in milliseconds of the check.
    pub from_ms: u64,
    /// For how long.
    pub waited_ms: f64,
    /// Whether it was answered in the end.
    pub answered: bool,
}

/// One test.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TestResults {
    /// When it began; none when it was never reached.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Milliseconds from begin to end.
    pub elapsed_ms: Option<u64>,
    /// Where it began, in milliseconds of the check.
    pub began_ms: Option<u64>,
    /// How it ended; none while it runs or when the check was cut off.
    pub ending: Option<Ending>,
    /// Where it stands.
    pub progress: Option<Progress>,
    /// Operations by kind.
    pub operations: BTreeMap<String, OperationRecord>,
    /// Failed operations, at most 40.
    pub failures: Vec<FailedOperation>,
    /// Backlog samples in order.
    pub backlog: Vec<BacklogSample>,
    /// Brier scores.
    pub calibrations: Vec<CalibrationCheck>,
    /// Versions auto-tune made: our id, version id, number.
    pub versions: Vec<(String, String, i64)>,
    /// Streams.
    pub streams: Vec<StreamOutcome>,
    /// Exports.
    pub exports: Vec<ExportOutcome>,
    /// Storage probes: in order, whether well, what was said.
    pub storage_probes: Vec<StorageProbe>,
    /// Graph audits.
    pub graph: Vec<GraphAudit>,
    /// Comparisons before and after a fault.
    pub compared: Vec<Comparison>,
    /// Outages seen by the prober.
    pub outages: Vec<Outage>,
    /// Probes in all, failed, and the planned step in milliseconds.
    pub probes: Option<(u64, u64, u64)>,
    /// What this server cannot do, with the reason.
    pub not_drivable: Vec<(String, String)>,
    /// Log lines by service.
    pub logs: BTreeMap<Service, Vec<String>>,
}

/// Where a running test stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Progress {
    /// Steps done.
    pub done: u64,
    /// Steps in all.
    pub total: u64,
    /// What is being done.
    pub doing: String,
}

/// One failed operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailedOperation {
    /// When, in milliseconds of the check.
    pub at_ms: u64,
    /// The kind.
    pub kind: String,
    /// Our id.
    pub id: String,
    /// The class.
    pub class: String,
    /// What was seen.
    pub detail: String,
}

/// The backlog at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BacklogSample {
    /// When, in milliseconds of the check.
    pub at_ms: u64,
    /// Ours that wait.
    pub waiting: u64,
    /// Age of the oldest in seconds.
    pub oldest_s: f64,
    /// What the server says.
    pub server_says: Option<i64>,
}

/// A recomputed Brier score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationCheck {
    /// Our id.
    pub id: String,
    /// The server's score.
    pub answered: f64,
    /// Ours.
    pub recomputed: f64,
}

/// A storage probe.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StorageProbe {
    /// When, in milliseconds of the check.
    pub at_ms: u64,
    /// Whether well.
    pub ok: bool,
    /// What it said.
    pub detail: String,
    /// Milliseconds of the write.
    #[serde(default)]
    pub write_ms: Option<f64>,
    /// Milliseconds of the read.
    #[serde(default)]
    pub read_ms: Option<f64>,
    /// Whether nobody answered.
    #[serde(default)]
    pub unanswered: bool,
}

impl StorageProbe {
    /// The slower of its two operations.
    pub fn slowest_ms(&self) -> Option<f64> {
        [self.write_ms, self.read_ms].into_iter().flatten().max_by(f64::total_cmp)
    }
}

/// A graph audit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GraphAudit {
    /// Nodes before and after.
    pub nodes: (u64, u64),
    /// Edges before and after.
    pub edges: (u64, u64),
    /// Broken rules.
    pub violations: Vec<Violation>,
}

/// Something compared before and after a fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// What.
    pub what: String,
    /// Before.
    pub before: Option<String>,
    /// After.
    pub after: Option<String>,
}

/// An outage a prober saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outage {
    /// Which service.
    pub service: Service,
    /// First failed probe.
    pub from: DateTime<Utc>,
    /// First good probe after.
    pub to: Option<DateTime<Utc>>,
    /// The longest it can have been.
    pub at_most_ms: f64,
    /// The shortest it can have been.
    pub at_least_ms: f64,
    /// Failed probes.
    pub failed: u64,
    /// Classes of failure.
    pub classes: Vec<String>,
}

/// A run created for the check.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunResults {
    /// The id.
    pub run_id: String,
    /// Its node.
    pub node_id: String,
    /// By which test; none for the preflight's.
    pub test: Option<TestId>,
    /// When it was created, in milliseconds of the check.
    pub created_ms: u64,
    /// Statuses in the order they were seen, with the time in milliseconds of the check.
    pub statuses: Vec<(u64, String)>,
    /// The status and the seconds waited when it was given up.
    pub stuck: Option<(String, f64)>,
    /// Closer looks, in order.
    pub audits: Vec<RunAudit>,
}

impl RunResults {
    /// The last seen status.
    pub fn status(&self) -> &str {
        self.statuses.last().map_or("created", |(_, status)| status)
    }

    /// Whether an end was seen and later another status.
    pub fn flipped(&self) -> Option<(&str, &str)> {
        self.statuses.windows(2).find_map(|pair| {
            holdpoint_agentverse::types::is_terminal(&pair[0].1)
                .then_some((pair[0].1.as_str(), pair[1].1.as_str()))
        })
    }
}

/// A calibration job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobResults {
    /// Its last status.
    pub status: String,
    /// Whether it was given up.
    pub stuck: bool,
}

/// A fault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultResults {
    /// What was intended.
    pub intent: FaultIntent,
    /// When the intent was written.
    pub intended_at: DateTime<Utc>,
    /// In milliseconds of the check.
    pub intended_ms: u64,
    /// When the request was sent, if it was accepted.
    pub requested_at: Option<DateTime<Utc>>,
    /// What came instead of a definite answer.
    pub unanswered: Option<String>,
    /// Code, message and remedy of a refusal.
    pub refused: Option<(String, String, String)>,
    /// How, identity before, identity after.
    pub proven: Option<(String, String, String)>,
    /// Why it is not proven.
    pub unproven: Option<String>,
    /// The identity that served before the request and still did when the proof was given up.
    pub unchanged: Option<String>,
    /// Whether the service was seen to go by the time the proof was given up.
    pub gone: bool,
    /// Seconds and how it was verified.
    pub recovered: Option<(f64, String)>,
    /// In milliseconds of the check.
    pub recovered_ms: Option<u64>,
    /// Seconds waited and advice.
    pub not_recovered: Option<(f64, String)>,
}

impl FaultResults {
    /// Whether the fault may have happened and its end was never seen.
    pub fn is_open(&self) -> bool {
        self.refused.is_none() && self.recovered.is_none()
    }
}

/// A look at the whole system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SteadyState {
    /// When, in milliseconds of the check.
    pub at_ms: u64,
    /// Around which test.
    pub test: Option<TestId>,
    /// Relative to its fault.
    pub phase: Phase,
    /// Whether all was in order.
    pub healthy: bool,
    /// What was seen.
    pub detail: String,
    /// Whether nobody answered.
    #[serde(default)]
    pub unanswered: bool,
}

impl Results {
    /// Reads results back from JSON.
    pub fn from_value(value: serde_json::Value) -> Result<Self, serde_json::Error> {
        serde_json::from_value(value)
    }

    /// Whether a check can have had these results; what is wrong with them otherwise. For results from outside.
    pub fn check(&self) -> Result<(), String> {
        self.plan.check()?;
        if self.elapsed_ms > ELAPSED_LIMIT {
            return Err("it lasted longer than a year".into());
        }
        Ok(())
    }

    /// The results of a test; empty for one that was not planned.
    pub fn test(&self, test: TestId) -> TestResults {
        self.tests.get(&test).cloned().unwrap_or_default()
    }

    /// Whether a test was planned.
    pub fn planned(&self, test: TestId) -> bool {
        self.tests.contains_key(&test)
    }

    /// The runs of a test.
    pub fn runs_of(&self, test: TestId) -> Vec<&RunResults> {
        self.runs.iter().filter(|run| run.test == Some(test)).collect()
    }

    /// The fault of a test.
    pub fn fault_of(&self, test: TestId) -> Option<&FaultResults> {
        self.faults.iter().find(|fault| fault.intent.test == test)
    }

    /// Reconciliations of a test.
    pub fn reconciliations_of(&self, test: TestId, kind: WriteKind) -> Vec<&Reconciliation> {
        self.reconciliations.iter().filter(|one| one.test == Some(test) && one.kind == Some(kind)).collect()
    }
}
