//! Checks over time: trends, coverage, and what a folder of old results held.

use holdpoint_check::words::{Service, TestId};
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::Problem;
use super::checks::{CheckSummary, TestState};

/// Work a check puts on the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Node expansions.
    Expansions,
    /// Calibrations.
    Calibrations,
    /// Auto-tunes.
    AutoTunes,
    /// Replay streams.
    Streams,
    /// Exports.
    Exports,
    /// Simulation runs in flight.
    Runs,
    /// Writes to the database.
    Writes,
}

impl Work {
    /// All of it.
    pub const ALL: [Self; 7] = [
        Self::Expansions,
        Self::Calibrations,
        Self::AutoTunes,
        Self::Streams,
        Self::Exports,
        Self::Runs,
        Self::Writes,
    ];
}

/// Which checks a trend is about.
#[derive(Clone, Debug, Default, Serialize, Deserialize, TS)]
pub struct TrendsQuery {
    /// Only this environment.
    pub environment: Option<String>,
    /// Only this version of the API.
    pub version: Option<String>,
    /// Only this suite, by its scope.
    pub suite: Option<String>,
    /// How many checks at most; 200 and more is cut.
    pub limit: u32,
}

/// Checks over time.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct Trends {
    /// How many checks match.
    pub matching: u32,
    /// The newest of them, newest first.
    pub checks: Vec<CheckSummary>,
    /// P95 of each operation, one value a check in the order of `checks`.
    pub p95: Vec<(String, Vec<Option<f64>>)>,
    /// Findings of those checks, the last seen first.
    pub findings: Vec<FindingTrend>,
    /// Versions to filter by, the newest first.
    pub versions: Vec<String>,
    /// Suites to filter by.
    pub suites: Vec<String>,
}

/// A finding over time.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct FindingTrend {
    /// Its code.
    pub code: String,
    /// The criterion it bears on.
    pub criterion: String,
    /// Of which test.
    pub test: Option<TestId>,
    /// As it was put last.
    pub title: String,
    /// The check that saw it first, and when.
    pub first: (u32, String),
    /// The check that saw it last, and when.
    pub last: (u32, String),
    /// How many of those checks saw it.
    pub seen: u32,
    /// How many of those checks could have.
    pub of: u32,
    /// Whether checks of one and the same version saw it and did not.
    pub flaky: bool,
    /// Oldest first: whether a check saw it; none where it did not look.
    pub marks: Vec<Option<bool>>,
}

/// What a release really saw.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct Coverage {
    /// The environment.
    pub environment: String,
    /// The version that counts as this release: the newest one that was checked.
    pub version: Option<String>,
    /// Every pair, fault by fault.
    pub cells: Vec<CoverageCell>,
}

/// A fault while something was done.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct CoverageCell {
    /// The service that was restarted; none for load without a fault.
    pub fault: Option<Service>,
    /// What was done meanwhile.
    pub work: Work,
    /// The newest check of this version that really saw it.
    pub here: Option<Sight>,
    /// The newest check of another version that did, where none of this one has.
    pub elsewhere: Option<Sight>,
    /// Whether any test of this program drives the pair at all.
    pub driven: bool,
}

/// A check that saw something.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct Sight {
    /// Its number.
    pub number: u32,
    /// When it started.
    pub started_at: String,
    /// The version it saw.
    pub version: Option<String>,
    /// How the test stood that drove it.
    pub state: TestState,
}

/// Checks that are older than a person wants to keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Tidied {
    /// How many.
    pub checks: u32,
    /// Their bytes.
    pub bytes: u64,
    /// Whether they were removed; else they would be.
    pub removed: bool,
}

/// What came of importing a folder of old results.
#[derive(Clone, Debug, Default, Serialize, Deserialize, TS)]
pub struct Imported {
    /// Files that became checks now.
    pub added: Vec<ImportedFile>,
    /// Files that were checks already.
    pub known: u32,
    /// Files that are no results, with the reason.
    pub refused: Vec<(String, Problem)>,
    /// Whether there were more files than are looked at.
    pub cut: bool,
}

/// A file that became a check.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct ImportedFile {
    /// Its name below the folder.
    pub file: String,
    /// The check it became.
    pub number: u32,
    /// What wrote it.
    pub runner: String,
    /// Its own status; a claim where it is not ours.
    pub claims: String,
    /// What each test of it proved.
    pub proved: Vec<String>,
}
