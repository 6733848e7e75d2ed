//! Planning checks, and lists of them.

use holdpoint_check::environment::Kind;
use holdpoint_check::parameters::Parameters;
use holdpoint_check::plan::ChaosIntent;
use holdpoint_check::verdict::{NoVerdict, Word};
use holdpoint_check::words::{ChaosMode, Service, TestId};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a person has chosen for the next check.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct CheckDraft {
    /// The environment's name.
    pub environment: String,
    /// The defect of the rehearsal that is switched on; none for a healthy one. Only with `rehearsal`.
    pub drill: Option<String>,
    /// The tests to run.
    pub tests: Vec<TestId>,
    /// Values that differ from the environment's; none to take those.
    pub parameters: Option<Parameters>,
    /// Restart nothing although a token is there.
    pub simulate: bool,
    /// The services whose real restart a person has confirmed for this check.
    pub confirmed: Vec<Service>,
    /// The name of the Railway environment as typed, where the preflight asks for one.
    pub confirmed_name: Option<String>,
}

/// What a draft comes to.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct PlanPreview {
    /// All eight tests, planned or not.
    pub tests: Vec<PlannedTest>,
    /// The services that will really be restarted.
    pub restarts: Vec<PlannedRestart>,
    /// How chaos will be run.
    pub chaos: ChaosIntent,
    /// The values in force.
    pub parameters: Parameters,
    /// Limits that are looser than the runbook's, in words.
    pub looser: Vec<String>,
    /// Values no test can run with, in words.
    pub problems: Vec<String>,
    /// Whether the restarts must be confirmed.
    pub consent_needed: bool,
    /// How long the whole will take, as the last check here took or as the runbook's did.
    pub estimate_ms: u64,
}

/// One test of a plan.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct PlannedTest {
    /// Which.
    pub id: TestId,
    /// Its title.
    pub title: String,
    /// Its shortest title.
    pub short_title: String,
    /// What it demands, with the limits in force: `0 failures, P95 under 5000 ms`.
    pub demands: String,
    /// How long it will take.
    pub estimate_ms: u64,
    /// Whether it is part of the plan.
    pub planned: bool,
}

/// A service that will really be restarted.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct PlannedRestart {
    /// Which.
    pub service: Service,
    /// By which test.
    pub test: TestId,
    /// How long it was away last time here; none when it is not known.
    pub back_in_ms: Option<u64>,
}

/// The check that runs now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RunningCheck {
    /// Its number.
    pub number: u32,
    /// The environment's name.
    pub environment: String,
    /// How chaos is run.
    pub chaos: ChaosIntent,
    /// The tests it runs.
    pub tests: Vec<TestId>,
}

/// How a test stands or stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum TestState {
    /// Not part of the plan.
    NotPlanned,
    /// Planned, not begun.
    Waiting,
    /// Running now.
    Running,
    /// Every criterion met.
    Passed,
    /// A criterion broken.
    Failed,
    /// Something a criterion needs is not proven.
    Unproven,
    /// Met, with the restart simulated.
    Simulated,
    /// Stopped before its end.
    Aborted,
}

/// Where a saved check comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It ran here.
    Checked,
    /// A results file of Holdpoint was opened.
    Imported,
    /// A results file of another program was opened: it is shown and never believed.
    Foreign,
}

/// A saved check as lists show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct CheckSummary {
    /// Its number here.
    pub number: u32,
    /// Its own id.
    pub check_id: String,
    /// Where it comes from.
    pub origin: Origin,
    /// The environment's name.
    pub environment: String,
    /// Staging or rehearsal.
    pub kind: Kind,
    /// The rehearsal's drill, where it was one.
    pub drill: Option<String>,
    /// When it started.
    pub started_at: String,
    /// How long it took.
    pub elapsed_ms: u64,
    /// GO, NO-GO or NO VERDICT.
    pub word: Word,
    /// Why there is no verdict.
    pub no_verdict: Option<NoVerdict>,
    /// The verdict in a line, with every label.
    pub headline: String,
    /// `all tests`, `load only`, …
    pub scope: String,
    /// How chaos was run.
    pub chaos: ChaosMode,
    /// Waivers in force.
    pub waivers: u32,
    /// Limits looser than the runbook's.
    pub looser: u32,
    /// All eight tests in order.
    pub tests: Vec<(TestId, TestState)>,
    /// P50 of node expansions in milliseconds.
    pub l1_p50_ms: Option<f64>,
    /// P95 of node expansions in milliseconds; the runbook judges it.
    pub l1_p95_ms: Option<f64>,
    /// Its limit.
    pub l1_limit_ms: Option<f64>,
    /// Seconds until each restarted service was back.
    pub recoveries: Vec<(Service, f64)>,
    /// The version the API named.
    pub api_version: Option<String>,
    /// Titles of its findings, heaviest first, at most three.
    pub findings: Vec<String>,
}

/// Which checks to list. Newest first.
#[derive(Clone, Debug, Default, Serialize, Deserialize, TS)]
pub struct ChecksQuery {
    /// The first row to return.
    pub offset: u32,
    /// How many rows at most; 200 and more is cut.
    pub limit: u32,
    /// Only these verdicts.
    pub verdict: Option<VerdictFilter>,
    /// Only this environment.
    pub environment: Option<String>,
    /// Only checks whose number, environment, headline or findings contain this.
    pub text: String,
}

/// Verdicts to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum VerdictFilter {
    /// GO with real chaos.
    Go,
    /// NO-GO.
    NoGo,
    /// Anything with simulated chaos.
    Simulated,
    /// No verdict.
    NoVerdict,
}

/// A page of saved checks.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct ChecksPage {
    /// How many checks are kept.
    pub total: u32,
    /// How many of them match.
    pub matching: u32,
    /// The rows.
    pub checks: Vec<CheckSummary>,
}

/// A rehearsal with one named defect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Drill {
    /// Its name, as in `holdpoint rehearse --drill NAME`; none for the healthy rehearsal.
    pub name: Option<String>,
    /// Its title.
    pub title: String,
    /// What goes wrong.
    pub what: String,
    /// The tests that must catch it.
    pub caught_by: Vec<TestId>,
    /// What a sound check must answer.
    pub ends_in: Word,
    /// Whether nothing is restarted in it.
    pub simulated: bool,
    /// A group: `load`, `streaming and storage`, `chaos`, `evidence`, `deceit`, `whole system`.
    pub group: String,
}
