//! Everything that can happen in a check. The journal is a sequence of these; nothing else is true.
//!
//! A new event needs: an arm in [`crate::fold`], a criterion or finding if it bears on the verdict, and a place in
//! the reporters. Fields are only added with `#[serde(default)]`, so that old journals stay readable.

use chrono::{DateTime, Utc};
use holdpoint_agentverse::evidence::PackVerdict;
use holdpoint_agentverse::graph::Violation;
use holdpoint_load::{Fitness, OperationRecord, Packed};
use serde::{Deserialize, Serialize};

use crate::plan::Plan;
use crate::verdict::{Verdict, Word};
use crate::words::{ChaosMode, Service, TestId};

/// The version of the journal format.
pub const JOURNAL_FORMAT: u32 = 1;

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Counts from 0 without a gap.
    pub seq: u64,
    /// When, by this computer's clock.
    pub at: DateTime<Utc>,
    /// Milliseconds since the check started, by the monotonic clock.
    pub elapsed_ms: u64,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// What is compared of a service's deployments, as [`Event::Compared`] begins.
pub(crate) const DEPLOYMENT: &str = "serving deployment";

/// The class of operations that an abort left undone. They are no failures: they say nothing about the system.
pub(crate) const GIVEN_UP: &str = "aborted";

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Always the first.
    CheckStarted {
        /// [`JOURNAL_FORMAT`].
        format: u32,
        /// The id of the check.
        check_id: String,
        /// The version of Holdpoint.
        holdpoint: String,
        /// What is going to be done.
        plan: Box<Plan>,
    },
    /// One row of the preflight.
    Preflight(PreflightRow),
    /// What the API says about itself, at the start and at the end.
    ApiObserved {
        /// Its version.
        version: String,
        /// Its name for its environment.
        environment: String,
        /// When its process started, by its own clock.
        process_started_at: DateTime<Utc>,
    },
    /// How far other clocks are from this computer's, in milliseconds; above zero they are ahead.
    ClocksCompared {
        /// The API's.
        api_ms: i64,
        /// The object store's, to the second, where it says.
        store_ms: Option<i64>,
    },
    /// A plain health question had to wait for long. It does not touch database, queue or bucket.
    ApiStalled {
        /// When it was asked, in milliseconds of the check.
        from_ms: u64,
        /// For how long, in milliseconds.
        waited_ms: f64,
        /// Whether it was answered in the end.
        answered: bool,
    },
    /// This computer reached none of the hosts of the environment: its own network is gone. Told when it begins and once
    /// more when it is over.
    Offline {
        /// Since when, in milliseconds of the check.
        from_ms: u64,
        /// For how long, in milliseconds; none while it lasts.
        lasted_ms: Option<f64>,
    },
    /// The health questions through the whole check have ended.
    Watched {
        /// How many were asked.
        questions: u64,
        /// Planned milliseconds between two of them.
        step_ms: u64,
    },
    /// A test begins.
    TestStarted {
        /// Which.
        test: TestId,
    },
    /// How far a test is; for people who watch.
    Progress {
        /// Which.
        test: TestId,
        /// Steps done.
        done: u64,
        /// Steps in all.
        total: u64,
        /// What is being done.
        doing: String,
    },
    /// A load of a test has ended.
    Measured {
        /// Which.
        test: TestId,
        /// The kind of operation.
        kind: String,
        /// What was recorded.
        record: Box<OperationRecord>,
    },
    /// One operation failed. At most 40 a test are kept one by one; the counts are in `Measured`.
    OperationFailed {
        /// Which.
        test: TestId,
        /// The kind of operation.
        kind: String,
        /// Our own id of it, or the id of what it worked on.
        id: String,
        /// A stable class.
        class: String,
        /// What was seen.
        detail: String,
    },
    /// A write left this computer.
    WriteSent {
        /// Which test.
        test: TestId,
        /// What is written.
        kind: WriteKind,
        /// Our own id of it, which the server stores.
        id: String,
    },
    /// The server acknowledged a write.
    WriteAcknowledged {
        /// Our own id.
        id: String,
        /// The server's id.
        key: String,
        /// Milliseconds from the intended start.
        latency_ms: f64,
    },
    /// A write ended without acknowledgement.
    WriteUnacknowledged {
        /// Our own id.
        id: String,
        /// A stable class.
        class: String,
        /// Whether it may have taken effect all the same.
        ambiguous: bool,
    },
    /// What the server holds, read back by another way than the write's own answer.
    WritesReadBack {
        /// Which test.
        test: TestId,
        /// What was read.
        kind: WriteKind,
        /// When in the check: `after L1`, `after fault`, `at the end`.
        moment: String,
        /// One entry for each stored thing.
        stored: Vec<Stored>,
    },
    /// The client-side backlog at one moment.
    Backlog {
        /// Which test.
        test: TestId,
        /// Our runs and jobs that were not finished yet.
        waiting: u64,
        /// Age of the oldest of them in seconds.
        oldest_s: f64,
        /// What the server says its queue length is; known to be unreliable (API facts 6).
        server_says: Option<i64>,
    },
    /// A run of the API was created for this check.
    RunCreated {
        /// By which test; none for the preflight's.
        test: Option<TestId>,
        /// The run.
        run_id: String,
        /// Its node.
        node_id: String,
    },
    /// A run was seen in a new status.
    RunObserved {
        /// The run.
        run_id: String,
        /// The status.
        status: String,
    },
    /// A run did not end in time.
    RunStuck {
        /// In which test; none for the preflight's.
        test: Option<TestId>,
        /// The run.
        run_id: String,
        /// Its last status.
        status: String,
        /// How long was waited for it, in seconds.
        waited_s: f64,
    },
    /// A finished run was looked at closely: was it done once, and did it do anything?
    RunAudited(RunAudit),
    /// A calibration job was seen.
    JobObserved {
        /// The job.
        job_id: String,
        /// Its status.
        status: String,
        /// Whether it was given up as stuck.
        stuck: bool,
    },
    /// A Brier score was recomputed.
    CalibrationChecked {
        /// Our id of the calibration.
        id: String,
        /// The server's score.
        answered: f64,
        /// Ours.
        recomputed: f64,
    },
    /// Auto-tune made a version.
    VersionCreated {
        /// Our id of the request.
        id: String,
        /// The version's id.
        version_id: String,
        /// Its number.
        number: i64,
    },
    /// A telemetry stream ended.
    StreamEnded(StreamOutcome),
    /// An export was created and read back.
    ExportEnded(ExportOutcome),
    /// The storage probe ran during a test.
    StorageProbed {
        /// Which test.
        test: TestId,
        /// Whether it wrote, read and verified.
        ok: bool,
        /// What it said.
        detail: String,
        /// Milliseconds of the write.
        write_ms: Option<f64>,
        /// Milliseconds of the read.
        read_ms: Option<f64>,
        /// Whether nobody answered: the failure may then lie between this computer and the API.
        #[serde(default)]
        unanswered: bool,
    },
    /// The universe graph was audited.
    GraphAudited {
        /// By which test.
        test: TestId,
        /// Nodes before and after.
        nodes: (u64, u64),
        /// Edges before and after.
        edges: (u64, u64),
        /// Broken rules.
        violations: Vec<Violation>,
    },
    /// Something that a fault must not change was compared.
    Compared {
        /// By which test.
        test: TestId,
        /// What: `result hash of run …`, `universe graph`.
        what: String,
        /// Before the fault.
        before: Option<String>,
        /// After it.
        after: Option<String>,
    },
    /// A fault is about to be injected. On disk before the fault.
    FaultIntended(FaultIntent),
    /// Railway accepted the restart. Accepted is not restarted.
    FaultAccepted {
        /// The fault.
        fault: String,
        /// When the request was sent.
        requested_at: DateTime<Utc>,
    },
    /// Railway gave no definite answer to the restart. It is not repeated; the proof decides.
    FaultUnanswered {
        /// The fault.
        fault: String,
        /// What came instead of an answer.
        message: String,
    },
    /// The fault was not injected.
    FaultRefused {
        /// The fault.
        fault: String,
        /// A stable code.
        code: String,
        /// Why.
        message: String,
        /// What to do.
        remedy: String,
    },
    /// No token: the moment of the fault passed without one.
    FaultSimulated {
        /// Which test.
        test: TestId,
        /// The service that would have been restarted.
        service: Service,
    },
    /// The restart is proven.
    FaultProven {
        /// The fault.
        fault: String,
        /// How: `new boot id`, `new process start`, `outage observed`.
        how: String,
        /// The identity before.
        before: String,
        /// The identity after.
        after: String,
    },
    /// The restart could not be proven.
    FaultUnproven {
        /// The fault.
        fault: String,
        /// Why not.
        reason: String,
        /// The identity from before the request, where it still serves: nothing was restarted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unchanged: Option<String>,
        /// Whether the service was seen to go by then: it does not answer, or answers as another. What is only back after
        /// that is back too late.
        #[serde(default)]
        gone: bool,
    },
    /// The service is back, verified.
    FaultRecovered {
        /// The fault.
        fault: String,
        /// Seconds from the request until the service worked again.
        seconds: f64,
        /// How it was verified.
        how: String,
    },
    /// The service is not back.
    FaultNotRecovered {
        /// The fault.
        fault: String,
        /// How long was waited, in seconds.
        waited_s: f64,
        /// What a person should do now.
        advice: String,
    },
    /// The system's steady state, looked at before, during or after a fault, or at the end of the check.
    Steady {
        /// Of which test; none at the end of the check.
        test: Option<TestId>,
        /// When.
        phase: Phase,
        /// Whether everything was in order.
        healthy: bool,
        /// What was seen.
        detail: String,
        /// Whether nobody answered: what was not in order may then lie between this computer and the API.
        #[serde(default)]
        unanswered: bool,
    },
    /// A service did not answer for a while, as a prober saw it.
    Outage {
        /// During which test.
        test: TestId,
        /// Which service.
        service: Service,
        /// First failed probe.
        from: DateTime<Utc>,
        /// First good probe after it; none when it did not come back.
        to: Option<DateTime<Utc>>,
        /// Milliseconds from the last good probe before to the first good one after: the longest it can have been.
        at_most_ms: f64,
        /// Milliseconds from the first to the last failed probe: the shortest it can have been.
        at_least_ms: f64,
        /// Failed probes.
        failed: u64,
        /// Distinct classes of failure.
        classes: Vec<String>,
    },
    /// The prober of a fault was stopped.
    Probed {
        /// During which test.
        test: TestId,
        /// Probes in all.
        probes: u64,
        /// Probes that failed.
        failed: u64,
        /// Planned milliseconds between two probes.
        step_ms: u64,
    },
    /// An evidence pack was judged.
    PackJudged {
        /// Of which run.
        run_id: String,
        /// The judgement.
        verdict: Box<PackVerdict>,
    },
    /// One part of bucket isolation was checked.
    BucketChecked(BucketPart),
    /// Lines of a service's log.
    LogLines {
        /// Around which test.
        test: TestId,
        /// Of which service.
        service: Service,
        /// The lines.
        lines: Vec<String>,
    },
    /// What a service logged while a criterion was broken.
    WitnessLogged {
        /// The criterion.
        criterion: String,
        /// The service.
        service: Service,
        /// Its lines, each with its own time, redacted.
        lines: Vec<String>,
    },
    /// This server cannot do what a test needs.
    NotDrivable {
        /// Which test.
        test: TestId,
        /// The operation.
        what: String,
        /// The reason found.
        reason: String,
    },
    /// A test has ended.
    TestEnded {
        /// Which.
        test: TestId,
        /// How.
        ending: Ending,
    },
    /// How well this computer kept time.
    Fitness(Fitness),
    /// What was removed after the check and what is left.
    CleanedUp {
        /// Removed things.
        removed: Vec<String>,
        /// Things left behind, each with where it is.
        left: Vec<String>,
    },
    /// Someone wants the check to stop.
    AbortRequested {
        /// Why.
        reason: String,
    },
    /// What one second of requests to the API was like.
    Interval(Interval),
    /// Always the last of the check itself; a journal without it was cut off. Only what people decide and the comparison
    /// with the baseline may follow.
    CheckEnded {
        /// How.
        ending: CheckEnding,
    },
    /// A person accepts a finding. Comes after the end of the check.
    Waived(Waiver),
    /// A person decides what becomes of the release. Comes after the end of the check.
    SignedOff(SignOff),
    /// The check was compared with its baseline. Comes after the end of the check.
    Regression(Regression),
}

impl Event {
    /// The digest of the journal that a person had before them when they decided this; none for all other events.
    pub fn evidence(&self) -> Option<&str> {
        match self {
            Self::Waived(waiver) => waiver.evidence.as_deref(),
            Self::SignedOff(sign_off) => sign_off.evidence.as_deref(),
            _ => None,
        }
    }

    /// Binds a decision to the journal as it is before it.
    pub(crate) fn bind(&mut self, digest: String) {
        match self {
            Self::Waived(waiver) => waiver.evidence = Some(digest),
            Self::SignedOff(sign_off) => sign_off.evidence = Some(digest),
            _ => {}
        }
    }
}

/// Requests to the API that ended within one second of the check, whatever they were for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Where the second begins, in milliseconds of the check.
    pub from_ms: u64,
    /// Answered as expected.
    pub ok: u64,
    /// Failed.
    pub failed: u64,
    /// Latency of the answered ones.
    pub latency: Packed,
}

/// What came of comparing a check with its baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Regression {
    /// What it was compared with: `check 45, the last GO`; none where there is no such check.
    pub baseline: Option<String>,
    /// Slower by no more than this, in per cent, is accepted.
    pub tolerance_pct: f64,
    /// Why it was not compared; none where it was.
    pub refused: Option<String>,
    /// Figures that are really slower or fail really more by more than that, in words.
    pub worse: Vec<String>,
    /// How many figures had enough samples for a word.
    pub figures: u32,
    /// The smallest change, in per cent, that the best known of them could have shown.
    pub least_pct: Option<f64>,
}

/// A person accepts a single finding for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Waiver {
    /// The code of the finding.
    pub code: String,
    /// The criterion it bears on.
    pub criterion: String,
    /// Who accepts it.
    pub name: String,
    /// Why.
    pub reason: String,
    /// Until when it holds.
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    pub expires_at: DateTime<Utc>,
    /// When it was given.
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    pub given_at: DateTime<Utc>,
    /// SHA-256 of the journal before it; the journal sets it. None in journals of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub evidence: Option<String>,
}

/// What becomes of the release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Decision {
    /// It goes on.
    Promote,
    /// It waits.
    Hold,
}

impl Decision {
    /// As shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Promote => "Promote",
            Self::Hold => "Hold",
        }
    }
}

/// A person's decision. The verdict is measured, the decision is a person's: neither changes the other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SignOff {
    /// Who decides.
    pub name: String,
    /// As what: `release manager`.
    pub role: String,
    /// What was decided.
    pub decision: Decision,
    /// Why; never empty where [`needs_note`].
    pub note: String,
    /// The word of the verdict then.
    pub word: Word,
    /// The whole verdict then, with its labels.
    pub headline: String,
    /// When.
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    pub at: DateTime<Utc>,
    /// SHA-256 of the journal before it; the journal sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub evidence: Option<String>,
}

impl SignOff {
    /// Whether the decision goes against the verdict. Allowed, and shown as such.
    pub fn is_against(&self) -> bool {
        is_against(self.decision, self.word)
    }
}

/// Whether a decision goes against a verdict: the release goes on without a GO, or waits in spite of one.
pub fn is_against(decision: Decision, word: Word) -> bool {
    (decision == Decision::Promote) != (word == Word::Go)
}

/// Whether a decision has to be explained: against the verdict, or a GO for which nothing was restarted.
pub fn needs_note(decision: Decision, verdict: &Verdict) -> bool {
    is_against(decision, verdict.word)
        || (decision == Decision::Promote && verdict.chaos == ChaosMode::Simulated)
}

/// A row of the preflight.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct PreflightRow {
    /// A stable id such as `api.reachable`.
    pub id: String,
    /// What is looked at.
    pub title: String,
    /// What came out.
    pub state: RowState,
    /// What was seen.
    pub observed: String,
    /// What to do about it; empty when all is well.
    #[serde(default)]
    pub remedy: String,
    /// A stable code of what is in the way, such as `railway.auth`, where it has one of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub code: Option<String>,
}

/// What a preflight row says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum RowState {
    /// In order.
    Ok,
    /// Worth knowing; the check goes on.
    Warning,
    /// The environment is not ready for a check.
    NotReady,
    /// An address, id or secret is wrong: a person has to change the configuration.
    Misconfigured,
    /// Not looked at, with the reason.
    NotChecked,
}

impl RowState {
    /// Whether a check cannot go on.
    pub fn blocks(self) -> bool {
        matches!(self, Self::NotReady | Self::Misconfigured)
    }
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteKind {
    /// A node forked from the baseline.
    Fork,
    /// A project spec.
    Project,
}

impl WriteKind {
    /// As shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fork => "node expansions",
            Self::Project => "project specs",
        }
    }
}

/// One stored thing that was read back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Our own id, where the thing carries one of ours.
    pub id: Option<String>,
    /// The server's id.
    pub key: String,
    /// Whether its content is what was written.
    #[serde(default = "yes")]
    pub intact: bool,
}

fn yes() -> bool {
    true
}

/// A closer look at a finished run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunAudit {
    /// The run.
    pub run_id: String,
    /// Its status at this moment.
    pub status: String,
    /// How often its traces say that it succeeded; more than once is a duplicate.
    pub succeeded_traces: u64,
    /// How often its traces say that it failed.
    pub failed_traces: u64,
    /// How often its node refers to it; more than once is a duplicate.
    pub node_refs: Option<u64>,
    /// Agent steps it executed, where the server says; 0 means that it did no work.
    pub agent_steps: Option<i64>,
    /// What could not be read.
    #[serde(default)]
    pub unread: Vec<String>,
}

/// How a telemetry stream went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StreamOutcome {
    /// In which test.
    pub test: TestId,
    /// Our id of the stream.
    pub id: String,
    /// The run it streams.
    pub run_id: String,
    /// The first tick asked for.
    pub from_tick: i64,
    /// The last tick it must deliver.
    pub to_tick: i64,
    /// Ticks received.
    pub received: u64,
    /// Ticks that never came.
    pub missing: Vec<i64>,
    /// Ticks that came more than once.
    pub repeated: Vec<i64>,
    /// Ticks that came before a smaller one.
    pub out_of_order: Vec<i64>,
    /// Whether the stream said that it is complete, and on the right tick.
    pub completed: bool,
    /// The tick it said it is complete on, where that is wrong.
    #[serde(default)]
    pub wrong_final: Option<i64>,
    /// Milliseconds until the first event.
    pub first_event_ms: Option<f64>,
    /// The longest gap between two events in milliseconds, not counting a reconnection.
    pub longest_gap_ms: f64,
    /// Times it was cut and resumed.
    pub resumed: u32,
    /// Milliseconds from the first cut to the first event after the last one.
    pub resume_ms: Option<f64>,
    /// How it ended.
    pub end: StreamEndKind,
    /// What was seen at the end, where it did not complete.
    pub detail: String,
    /// Whether it ended because nobody answered any more.
    #[serde(default)]
    pub unanswered: bool,
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamEndKind {
    /// With its own end event.
    Complete,
    /// Closed by the server without its end event.
    ClosedEarly,
    /// Refused or broken with a clear error.
    Failed,
    /// Neither data nor an end until the time limit.
    Hung,
    /// Given up because the check was aborted.
    Aborted,
}

/// How an export went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportOutcome {
    /// Our id of the export.
    pub id: String,
    /// The server's id.
    pub export_id: Option<String>,
    /// Records the server said it holds.
    pub records_said: Option<i64>,
    /// Records in the downloaded file.
    pub records_read: Option<u64>,
    /// Records that belong to somebody else.
    pub foreign: u64,
    /// SHA-256 of the downloaded bytes.
    pub sha256: Option<String>,
    /// What went wrong.
    pub problem: Option<String>,
}

/// A fault that is about to be injected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultIntent {
    /// Our id of the fault.
    pub fault: String,
    /// By which test.
    pub test: TestId,
    /// Which service.
    pub service: Service,
    /// The Railway service id.
    pub service_id: String,
    /// The deployment that serves, pinned.
    pub deployment_id: String,
    /// The mutation.
    pub method: String,
    /// The process identity before, where the service has one.
    pub identity_before: Option<String>,
    /// How it is undone should it not recover by itself.
    pub undo: String,
}

/// A moment relative to a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Before the fault.
    Before,
    /// While it lasts.
    During,
    /// After recovery.
    After,
    /// At the end of the check.
    End,
}

/// The parts of bucket isolation, all of which a check looks at.
pub const BUCKET_PARTS: [char; 7] = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];

/// One part of bucket isolation (API facts 8).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct BucketPart {
    /// `a` to `g`.
    pub part: char,
    /// What it says.
    pub title: String,
    /// What came out.
    pub state: PartState,
    /// What was seen.
    pub observed: String,
    /// Objects, buckets or ids that show it.
    #[serde(default)]
    pub witness: Vec<String>,
}

/// What a part of bucket isolation says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum PartState {
    /// Holds, and was read back.
    Holds,
    /// Does not hold.
    Broken,
    /// Could not be decided.
    Unproven,
    /// Credentials lack.
    NotChecked,
}

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum Ending {
    /// It did everything it planned.
    Completed,
    /// It was aborted.
    Aborted,
    /// It could not go on.
    Stopped {
        /// Why.
        reason: String,
    },
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "how")]
pub enum CheckEnding {
    /// Every planned test has ended.
    Completed,
    /// A person or a guard stopped it.
    Aborted {
        /// Why.
        reason: String,
    },
    /// The preflight did not let it start.
    Blocked {
        /// The ids of the rows in the way.
        rows: Vec<String>,
    },
}
