//! What crosses to the page: plain data, made here, generated as TypeScript into `ui/src/host/types`.
//!
//! Nothing secret can be said in these types. Times are RFC 3339 in UTC, durations are milliseconds, `at_ms` counts
//! from the start of the check.

mod capacity;
mod checks;
mod environments;
mod live;
mod report;
mod services;
#[cfg(test)]
mod tests;
mod trends;

use holdpoint_check::environment::Kind;
use holdpoint_check::event::PreflightRow;
use holdpoint_check::parameters::Parameters;
use holdpoint_check::plan::ChaosIntent;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

pub use self::capacity::{
    ApiOperation, CapacityDraft, CapacityEngine, CapacityFormat, CapacityLive, CapacityModel, CapacityOrder,
    CapacityPage, CapacityPhase, CapacityPlan, CapacityPoint, CapacityReport, CapacityState, CapacitySummary,
    CapacityTarget, CapacityThreshold, CapacityTry, CapacityVerdict, CapacityWorkers, PackageDraft,
};
pub use self::checks::{
    CheckDraft, CheckSummary, ChecksPage, ChecksQuery, Drill, Origin, PlanPreview, PlannedRestart,
    PlannedTest, RunningCheck, TestState, VerdictFilter,
};
pub use self::environments::{
    EnvironmentForm, EnvironmentView, FieldProblem, NamedId, RailwayForm, RailwayFound, RailwayService,
    SecretField, SecretState, SecretView,
};
pub use self::live::{
    BacklogPoint, EventLine, FaultState, IntervalPoint, LineKind, Live, LiveFault, LivePhase, LiveState,
    LiveTest, LogLine, RunBar, RunCounts,
};
pub use self::report::{
    Chart, Column, ExportFormat, Figure, ForeignReport, Integrity, JournalLine, JournalPage, JournalQuery,
    PackFile, PackRow, Recovery, Report, SigningKey, Table, TestReport,
};
pub use self::services::{
    DependencyRow, RecoveryFound, RecoveryState, RestartOutcome, RestartReport, ServiceLog, ServiceRow,
    ServiceState, ServicesView, StorageReport,
};
pub use self::trends::{
    Coverage, CoverageCell, FindingTrend, Imported, ImportedFile, Sight, Tidied, Trends, TrendsQuery, Work,
};

/// An error as a person gets it: what happened, why, and what to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Problem {
    /// A stable code such as `keychain.unavailable`.
    pub code: String,
    /// What happened.
    pub message: String,
    /// Why, where that is known; may be empty.
    pub why: String,
    /// What to do; may be empty.
    pub remedy: String,
    /// Problems of single fields of a form.
    pub fields: Vec<FieldProblem>,
}

/// What the frame of the window shows.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct Home {
    /// The version of Holdpoint.
    pub version: String,
    /// How many checks are kept.
    pub checks: u32,
    /// Every environment, the built-in rehearsal last.
    pub environments: Vec<EnvironmentSummary>,
    /// The check that runs now.
    pub running: Option<RunningCheck>,
    /// The newest saved check.
    pub last: Option<CheckSummary>,
    /// Settings of the window.
    pub settings: Settings,
    /// The check that was opened from a file the program was started with.
    pub opened: Option<u32>,
    /// The capacity run that was opened from a file the program was started with.
    pub opened_capacity: Option<u32>,
    /// The capacity run that goes on now.
    pub capacity: Option<u32>,
    /// Why a file the program was started with could not be opened.
    pub refused: Option<Problem>,
}

/// An environment as lists show it.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct EnvironmentSummary {
    /// Its name; `rehearsal` is the built-in one.
    pub name: String,
    /// Staging or rehearsal.
    pub kind: Kind,
    /// The host of its API, `this computer` for the rehearsal.
    pub host: String,
    /// Whether services would really be restarted: a Railway token is known.
    pub chaos: ChaosIntent,
    /// One line about restarts: `Railway, project token`, `no token, restarts are simulated`.
    pub note: String,
    /// Whether a person has saved or changed it. The staging of the runbook is there before anyone did.
    pub saved: bool,
    /// Why it cannot be used, when its file is broken.
    pub problem: Option<Problem>,
}

/// Settings of the window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct Settings {
    /// Light, dark, or as the system says.
    pub theme: Theme,
    /// Where exports go at first.
    pub reports_folder: String,
    /// Whether the system tells when a check ended while the window is in the background.
    pub notify: bool,
    /// The environment that was selected last.
    pub environment: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { theme: Theme::System, reports_folder: String::new(), notify: true, environment: None }
    }
}

/// Light, dark, or as the system says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// About this program.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct About {
    /// The version of Holdpoint.
    pub version: String,
    /// Where checks are kept.
    pub checks_folder: String,
    /// Where environments are kept.
    pub environments_folder: String,
    /// Bytes of all checks.
    pub checks_bytes: u64,
    /// The licence.
    pub license: String,
    /// The runbook's limits.
    pub runbook: Parameters,
    /// Pages that may be opened in the browser: title and address.
    pub links: Vec<(String, String)>,
}

/// What a preflight found.
#[derive(Clone, Debug, Serialize, Deserialize, TS)]
pub struct PreflightReport {
    /// When it was asked.
    pub asked_at: String,
    /// Its rows in order.
    pub rows: Vec<PreflightRow>,
    /// Whether a check can start.
    pub ready: bool,
    /// What has to be typed before services are restarted, where the target looks like production.
    pub name_to_confirm: Option<NameToConfirm>,
}

/// A name that a person types to confirm restarts, for one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct NameToConfirm {
    /// What Railway calls the environment.
    pub name: String,
    /// What Railway calls its project; may be empty.
    pub project: String,
    /// Why it has to be typed.
    pub why: String,
}
