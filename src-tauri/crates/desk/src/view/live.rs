//! A check while it runs.

use holdpoint_check::environment::Kind;
use holdpoint_check::event::PreflightRow;
use holdpoint_check::plan::ChaosIntent;
use holdpoint_check::results::Progress;
use holdpoint_check::words::{Service, TestId};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::checks::TestState;
use super::report::Figure;

/// What the page gets: first everything so far, then at most ten times a second the newest state with what was added
/// since the last message. Appending the lists and replacing the state gives the same picture at any moment.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct Live {
    /// True for the first message after watching began: the lists hold everything, so they replace what the page has.
    pub whole: bool,
    /// The newest state.
    pub state: LiveState,
    /// Seconds with requests in them, in order.
    pub intervals: Vec<IntervalPoint>,
    /// Backlog samples, in order.
    pub backlog: Vec<BacklogPoint>,
    /// Events in words, in order.
    pub lines: Vec<EventLine>,
    /// Log lines of services, in order.
    pub logs: Vec<LogLine>,
    /// Runs that are new or changed; replace by `run_id`.
    pub runs: Vec<RunBar>,
}

/// Where a check stands now.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct LiveState {
    /// Its number.
    pub number: u32,
    /// Its id.
    pub check_id: String,
    /// The environment's name.
    pub environment: String,
    /// Staging or rehearsal.
    pub kind: Kind,
    /// The rehearsal's drill.
    pub drill: Option<String>,
    /// How chaos is run.
    pub chaos: ChaosIntent,
    /// When it started.
    pub started_at: String,
    /// Milliseconds since.
    pub elapsed_ms: u64,
    /// Milliseconds that are left by experience; none when nobody can say.
    pub remaining_ms: Option<u64>,
    /// What it is at.
    pub phase: LivePhase,
    /// The eight tests, in order.
    pub tests: Vec<LiveTest>,
    /// The preflight's rows so far.
    pub preflight: Vec<PreflightRow>,
    /// Faults, in order.
    pub faults: Vec<LiveFault>,
    /// Runs by state.
    pub runs: RunCounts,
    /// Our runs and jobs that wait now.
    pub backlog_now: Option<u64>,
    /// The most that ever waited.
    pub backlog_peak: Option<u64>,
    /// The limit of the backlog.
    pub backlog_limit: u64,
    /// The limit of P95 in L1, in milliseconds.
    pub p95_limit_ms: f64,
    /// What the check waits for, in words, while a service is away.
    pub waiting_for: Option<String>,
    /// Since when this computer has had no network, while that lasts.
    pub offline_since_ms: Option<u64>,
    /// After the end: its verdict is saved and its report can be asked for.
    pub saved: bool,
}

/// What a check is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum LivePhase {
    /// Looking whether it can start.
    Preflight,
    /// Running tests.
    Testing,
    /// Looking once more, cleaning up, saving.
    Finishing,
    /// Aborted: load has ended, touched services are waited for.
    Stopping,
    /// Ended.
    Ended,
}

/// One tile of the board.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct LiveTest {
    /// Which.
    pub id: TestId,
    /// Its shortest title.
    pub title: String,
    /// How it stands.
    pub state: TestState,
    /// When it began.
    pub began_ms: Option<u64>,
    /// How long it has run or ran.
    pub elapsed_ms: Option<u64>,
    /// How long it will take by experience.
    pub estimate_ms: u64,
    /// Steps done and what is being done.
    pub progress: Option<Progress>,
    /// Its key figure so far.
    pub figure: Option<Figure>,
}

/// A fault on the time line.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct LiveFault {
    /// By which test.
    pub test: TestId,
    /// Which service.
    pub service: Service,
    /// When it was injected.
    pub at_ms: u64,
    /// When the service was back.
    pub recovered_ms: Option<u64>,
    /// How it stands.
    pub state: FaultState,
    /// In words: `Worker back in 5 s`, `API down 38 s`.
    pub label: String,
}

/// How a fault stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum FaultState {
    /// Asked for; not proven yet.
    Asked,
    /// The restart is proven; the service is not back yet.
    Down,
    /// Proven and back.
    Recovered,
    /// Railway refused it: nothing was restarted.
    Refused,
    /// It could not be proven.
    Unproven,
    /// The service did not come back in time.
    NotRecovered,
    /// Nothing was restarted, on purpose.
    Simulated,
}

/// Runs by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RunCounts {
    /// Created.
    pub created: u32,
    /// Waiting.
    pub waiting: u32,
    /// Executing.
    pub executing: u32,
    /// Succeeded.
    pub finished: u32,
    /// Failed or cancelled.
    pub failed: u32,
    /// Given up.
    pub stuck: u32,
}

/// Requests to the API in one second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct IntervalPoint {
    /// Where the second begins.
    pub at_ms: u64,
    /// Answered well.
    pub ok: u64,
    /// Failed.
    pub failed: u64,
    /// Half were faster; none without an answer.
    pub p50_ms: Option<f64>,
    /// 95 % were faster.
    pub p95_ms: Option<f64>,
    /// 99 % were faster; none below 100 samples is not enforced here: the page says how many there were.
    pub p99_ms: Option<f64>,
}

/// Our runs and jobs that wait at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct BacklogPoint {
    /// When.
    pub at_ms: u64,
    /// How many.
    pub waiting: u64,
}

/// One event in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct EventLine {
    /// Its place in the journal.
    pub seq: u64,
    /// When.
    pub at_ms: u64,
    /// What kind.
    pub kind: LineKind,
    /// Of which test.
    pub test: Option<TestId>,
    /// What happened.
    pub text: String,
}

/// The kind of an event line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum LineKind {
    /// Worth reading.
    Info,
    /// Something passed.
    Pass,
    /// Something failed.
    Fail,
    /// Something strange that does not fail by itself.
    Warning,
    /// A fault is injected.
    Fault,
    /// A service is back.
    Back,
    /// A restart that was left out.
    Simulated,
}

/// A line of a service's log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LogLine {
    /// Which service.
    pub service: Service,
    /// Around which test.
    pub test: TestId,
    /// The line.
    pub text: String,
}

/// A run of the API on the time line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RunBar {
    /// Its id.
    pub run_id: String,
    /// By which test.
    pub test: Option<TestId>,
    /// When it was created.
    pub created_ms: u64,
    /// When it was first seen executing.
    pub executing_ms: Option<u64>,
    /// When its end was seen.
    pub ended_ms: Option<u64>,
    /// Its last status.
    pub status: String,
    /// Whether it was given up.
    pub stuck: bool,
}
