//! Capacity: how much an environment takes, and what the tail looks like. Never a verdict.

use holdpoint_check::environment::Kind;
use holdpoint_check::words::TestId;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Problem;
use super::environments::FieldProblem;
use super::report::{Chart, Figure, Table};

/// An operation of the API under load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ApiOperation {
    /// Ask whether the API is alive.
    Health,
    /// Ask whether its dependencies are.
    Ready,
    /// List the projects of the login.
    Projects,
    /// Read one run; a project and a run are made for it.
    Run,
    /// Expand a node, as L1 does; a project is made for it and removed afterwards.
    Expand,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum CapacityTarget {
    /// Operations of the API in turn, through the login of the environment.
    Operations {
        /// Which.
        operations: Vec<ApiOperation>,
    },
    /// An address of the environment, or a path of its API, without a login.
    Url {
        /// As typed.
        url: String,
    },
    /// L1, L2 or L3 of the runbook as a load, with its own amount and criteria; workers of Locust send it.
    Test {
        /// Which.
        test: TestId,
    },
}

/// Who sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "engine", rename_all = "snake_case")]
pub enum CapacityEngine {
    /// This program.
    Own,
    /// Workers of Locust on this computer.
    Locust {
        /// How many, as typed.
        workers: f64,
    },
}

/// Who starts when. Numbers are as they were typed and may be none that a load can have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "model", rename_all = "snake_case")]
pub enum CapacityModel {
    /// Arrivals at one rate, whether answers come or not.
    Rate {
        /// A second.
        per_second: f64,
        /// For so long.
        seconds: f64,
        /// As independent people arrive, instead of evenly.
        poisson: bool,
    },
    /// Users who wait for their answers.
    Users {
        /// How many.
        users: f64,
        /// The pause between an answer and the next request, in seconds.
        think: f64,
        /// For so long.
        seconds: f64,
    },
    /// Bursts with a barrier between them.
    Rounds {
        /// At once.
        concurrency: f64,
        /// How many times.
        rounds: f64,
    },
    /// Arrivals at rates that change, as `0-100:30s,100:1m`.
    Stages {
        /// As typed.
        stages: String,
        /// As independent people arrive, instead of evenly.
        poisson: bool,
    },
    /// The highest rate at which every threshold holds.
    Limit {
        /// The first rate a second.
        from: f64,
        /// The highest that is tried.
        up_to: f64,
        /// How long each try is at least.
        seconds: f64,
        /// As independent people arrive, instead of evenly.
        poisson: bool,
    },
}

/// What a person has chosen for the next capacity run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct CapacityDraft {
    /// The environment's name.
    pub environment: String,
    /// Who sends.
    pub engine: CapacityEngine,
    /// What is asked.
    pub target: CapacityTarget,
    /// Who starts when; of a test its own amount is taken.
    pub model: CapacityModel,
    /// How many may be under way at once; arrivals beyond are refused and counted.
    pub in_flight: f64,
    /// Thresholds as they are written: `p95<500ms`, `expand: failures<1%`.
    pub thresholds: Vec<String>,
    /// The origin that a person has agreed to load, this once.
    pub confirmed: Option<String>,
}

/// A load that a package holds and workers elsewhere send.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct PackageDraft {
    /// The environment's name; the load of the package has to go there.
    pub environment: String,
    /// The folder of the package.
    pub package: String,
    /// The address of the master's page, as typed; none where evidence is judged that somebody brought.
    pub master: Option<String>,
    /// Thresholds as they are written.
    pub thresholds: Vec<String>,
    /// The origin that a person has agreed to load, this once.
    pub confirmed: Option<String>,
}

/// What a draft comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct CapacityPlan {
    /// The one origin that the load goes to; empty while that is not known.
    pub origin: String,
    /// The load in words.
    pub load: String,
    /// How many requests it sends, where it can be said.
    pub requests: Option<u64>,
    /// How long it lasts in milliseconds, where it can be said.
    pub lasts_ms: Option<u64>,
    /// Whether a person has to agree first.
    pub consent_needed: bool,
    /// What cannot be done, by field.
    pub problems: Vec<FieldProblem>,
    /// What can be done and will not tell what a person may expect of it.
    pub notes: Vec<String>,
    /// The criteria of the test that is asked, which are judged besides the thresholds.
    pub criteria: Vec<String>,
    /// Why it cannot be written down for others to send; empty where it can.
    pub not_written: String,
}

/// What a running load is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CapacityOrder {
    /// Go on.
    Go,
    /// Send nothing until told to go on.
    Pause,
    /// Send nothing more, and wait for what is under way.
    Drain,
    /// End now.
    Abort,
}

/// What a capacity run is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CapacityPhase {
    /// Logging in, and making what the operations need.
    Preparing,
    /// Sending.
    Running,
    /// Told to pause.
    Paused,
    /// Told to send nothing more; waiting for what is under way.
    Draining,
    /// Told to end; or over, and saving and cleaning up.
    Ending,
    /// Over.
    Ended,
}

/// What the page gets of a running load: first everything so far, then at most four times a second the newest state with
/// the seconds that ended since the last message.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct CapacityLive {
    /// True for the first message after watching began: the seconds are all there are.
    pub whole: bool,
    /// The newest state.
    pub state: CapacityState,
    /// Seconds that are over, in order.
    pub points: Vec<CapacityPoint>,
}

/// Where a capacity run stands now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct CapacityState {
    /// Its number.
    pub number: u32,
    /// The environment's name.
    pub environment: String,
    /// Staging or rehearsal.
    pub kind: Kind,
    /// Where the load goes.
    pub origin: String,
    /// What is asked.
    pub asked: String,
    /// The load in words.
    pub load: String,
    /// When it started.
    pub started_at: String,
    /// Milliseconds since.
    pub elapsed_ms: u64,
    /// How long the load under way lasts; of a search one try.
    pub lasts_ms: Option<u64>,
    /// Milliseconds since that load began.
    pub into_ms: u64,
    /// What it is at.
    pub phase: CapacityPhase,
    /// What takes long before it is sent; empty otherwise.
    pub making: String,
    /// The workers that send it; none where this program sends itself.
    pub workers: Option<CapacityWorkers>,
    /// What fell due, over all tries.
    pub planned: u64,
    /// What was started.
    pub sent: u64,
    /// What ended well.
    pub ok: u64,
    /// What failed.
    pub failed: u64,
    /// What was not started for want of room.
    pub refused: u64,
    /// What is under way.
    pub in_flight: u64,
    /// Failures by class, the most first.
    pub classes: Vec<(String, u64)>,
    /// The rate of the try that is under way in a search.
    pub trying: Option<f64>,
    /// Tries that are over, in words.
    pub tried: Vec<CapacityTry>,
    /// Why nothing was measured, where it could not be prepared.
    pub problem: Option<Problem>,
    /// Its result is saved and can be opened.
    pub saved: bool,
}

/// Workers of Locust that send a load.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CapacityWorkers {
    /// How many.
    pub count: u32,
    /// The address of the master that leads them; none on this computer. A master elsewhere tells no latencies before the
    /// end.
    pub master: Option<String>,
}

/// A try of a search that is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct CapacityTry {
    /// Its rate a second.
    pub rate: f64,
    /// What became of the thresholds.
    pub state: CapacityVerdict,
    /// P95 in milliseconds.
    pub p95_ms: Option<f64>,
}

/// What became of thresholds. No GO and no NO-GO.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CapacityVerdict {
    /// Every threshold is met, with its 95 % bound where it has one.
    Met,
    /// They hold in what was measured, and that was too little to tell.
    TooFew,
    /// What was measured does not decide.
    NotProven,
    /// One is not met.
    NotMet,
    /// There was no threshold.
    None,
}

/// A second of load.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct CapacityPoint {
    /// Where the second begins.
    pub at_ms: u64,
    /// Answered well.
    pub ok: u64,
    /// Failed.
    pub failed: u64,
    /// Half were faster, from the intended start; none without an answer.
    pub p50_ms: Option<f64>,
    /// 95 % were faster.
    pub p95_ms: Option<f64>,
    /// 99 % were faster.
    pub p99_ms: Option<f64>,
    /// Under way at its end.
    pub in_flight: u64,
    /// How late this computer itself sent: P99.
    pub lag_ms: Option<f64>,
}

/// A capacity run as lists show it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct CapacitySummary {
    /// Its number.
    pub number: u32,
    /// The environment's name; empty where none was named.
    pub environment: String,
    /// Where the load went.
    pub origin: String,
    /// What was asked.
    pub asked: String,
    /// The load in words.
    pub load: String,
    /// When it started.
    pub started_at: String,
    /// How long it took; none when it was cut off.
    pub took_ms: Option<u64>,
    /// How it ended: `to its end`, `drained`, `aborted`, `cut off`.
    pub ended: String,
    /// What became of the thresholds.
    pub verdict: CapacityVerdict,
    /// The first line of its report.
    pub headline: String,
    /// Whether the figures are worth nothing, because who sent the load was not fit to measure.
    pub unfit: bool,
    /// P95 in milliseconds.
    pub p95_ms: Option<f64>,
    /// Ended well, a second.
    pub per_second: Option<f64>,
    /// Why its file cannot be read.
    pub problem: Option<String>,
}

/// Some capacity runs, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, TS)]
pub struct CapacityPage {
    /// How many there are.
    pub total: u32,
    /// These of them.
    pub runs: Vec<CapacitySummary>,
}

/// A capacity run, opened.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct CapacityReport {
    /// As lists show it.
    pub summary: CapacitySummary,
    /// That this is no verdict, in words.
    pub no_verdict: String,
    /// Key figures.
    pub figures: Vec<Figure>,
    /// What the figures mean, sentence by sentence.
    pub explained: Vec<String>,
    /// Why the figures are worth nothing, in a few words; empty where they may be believed.
    pub worthless: String,
    /// What to do then.
    pub next: String,
    /// What exactly was seen of who sent them.
    pub unfit: Vec<String>,
    /// The thresholds, judged.
    pub thresholds: Vec<CapacityThreshold>,
    /// Tables.
    pub tables: Vec<Table>,
    /// Charts.
    pub charts: Vec<Chart>,
    /// Where its files are.
    pub folder: String,
    /// Whether there is an HdrHistogram log.
    pub has_log: bool,
}

/// A threshold, judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CapacityThreshold {
    /// As it was written.
    pub threshold: String,
    /// What was measured.
    pub measured: String,
    /// What it stays within at 95 %; empty where nothing is drawn from samples.
    pub bound: String,
    /// What became of it.
    pub verdict: CapacityVerdict,
    /// Why it is not decided; empty when it is.
    pub because: String,
}

/// What an export of a capacity run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CapacityFormat {
    /// A Markdown report with its charts beside it.
    Markdown,
    /// The document with everything that was recorded.
    Json,
    /// Latencies second by second, as the tools of `HdrHistogram` read them.
    HdrLog,
}
