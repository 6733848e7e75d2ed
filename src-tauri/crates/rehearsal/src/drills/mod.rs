//! Named defects of an otherwise healthy rehearsal: what a person trains on, and what a sound check must call.
//!
//! Each is small, is switched on alone, and happens at the place where a real deployment would go wrong. What it must be
//! called is declared here, beside its name; `cargo xtask drills` runs all of them and compares.

mod lessons;
pub(crate) mod spoil;

use std::sync::atomic::{AtomicU64, Ordering};

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::config::{Behaviour, Profile};
pub(crate) use lessons::Lesson;

/// One defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Drill {
    /// One of 30 node expansions answers 500
    ExpansionFails,
    /// A node expansion is acknowledged and not stored
    ExpansionLost,
    /// A node expansion is stored twice
    ExpansionDoubled,
    /// A node is stored below another parent than was asked for
    WrongParent,
    /// A node is stored at another depth than its parent's plus one
    WrongDepth,
    /// Two edges make a cycle
    Cycle,
    /// An edge leads to a node that is not there
    EdgeToNowhere,
    /// A few slow expansions put the P95 just over its limit
    SlowTail,
    /// The API stands still for seconds
    Stall,
    /// The limiter refuses expansions long before its limit
    RateLimited,
    /// Auto-tune answers 500
    #[value(name = "auto-tune-500")]
    #[serde(rename = "auto-tune-500")]
    AutoTune500,
    /// A calibration answers a wrong score
    WrongScore,
    /// The queue's backlog passes the limit and drains
    BacklogPeak,
    /// The queue's backlog never drains
    BacklogStuck,
    /// One calibration job is queued for ever
    JobStuck,
    /// Calibration jobs answer 500 and are queued for ever
    JobsQueuedForEver,
    /// A stream leaves out a tick
    TickMissing,
    /// A stream sends a tick twice
    TickRepeated,
    /// A stream sends two ticks in the wrong order
    TicksOutOfOrder,
    /// A stream closes without its end event
    StreamWithoutEnd,
    /// A stream stays open and sends nothing
    StreamStalls,
    /// Exports report done and are empty
    ExportEmpty,
    /// Exports hold runs of somebody else
    ExportForeign,
    /// The bucket takes longer to write than anybody waits
    SlowBucket,
    /// One of ten bucket writes fails
    BucketWriteFails,
    /// The bucket is full
    BucketFull,
    /// A restart is accepted and never happens
    RestartIgnored,
    /// A restarted process restarts once more
    RestartsTwice,
    /// The worker does not come back from its restart
    WorkerNeverReturns,
    /// The worker comes back after the deadline
    SlowRecovery,
    /// A run is taken off the queue and never executed
    RunStuckQueued,
    /// A run that was hit by a restart is never delivered again
    RunLost,
    /// A run is done twice
    RunDoneTwice,
    /// A late second delivery flips a finished run to failed
    LateFlip,
    /// Each worker child does one run and strands the rest
    WorkerStrandsRuns,
    /// After its restart the worker is listed and does nothing
    WorkerListedDead,
    /// A stream that resumes after a restart leaves out ticks
    StreamGap,
    /// After its restart the database lacks the last second of acknowledged writes
    LastSecondLost,
    /// After its restart the database holds half of a write
    TornWrite,
    /// After its restart the database answers from before
    StaleReads,
    /// Another deployment of the API appears in the middle of the check
    OtherDeployment,
    /// The worker writes no evidence packs
    PacksAbsent,
    /// Of each evidence pack one file is absent
    PackFileAbsent,
    /// Of each evidence pack one file is empty
    PackFileEmpty,
    /// Of each evidence pack one file is cut off in the middle
    PackFileTruncated,
    /// Of each evidence pack one file is not UTF-8
    PackFileNotUtf8,
    /// Evidence packs are those of other runs
    PackOfAnotherRun,
    /// Manifests count one call too many
    PackCountsOff,
    /// A ledger holds a call twice, and the manifest counts it twice
    LedgerCallDoubled,
    /// Times in a trace run backwards
    TraceBackwards,
    /// The graph of an evidence pack has an edge that leads nowhere
    PackEdgeToNowhere,
    /// Evidence packs are written to another bucket
    PacksElsewhere,
    /// Runs refer to artifacts in another bucket
    ArtifactsElsewhere,
    /// One byte of a stored artifact is changed
    ArtifactByteChanged,
    /// The staging key reads a bucket that looks like production's
    KeyReadsProduction,
    /// Runs succeed with zero agent steps
    AgentsIdle,
    /// Open streams use up the database connections
    StreamsUsePool,
    /// One slow dependency freezes the whole API
    DependencyFreezes,
    /// Health says healthy while the bucket refuses every write
    HealthLies,
    /// Readiness answers 200 with `unhealthy` once the load has begun
    #[value(name = "unhealthy-with-200")]
    #[serde(rename = "unhealthy-with-200")]
    UnhealthyWith200,
    /// Another version answers after the API's restart
    VersionChanges,
    /// The server's clock is five minutes off
    ClockOff,
    /// The server says that it is another environment
    OtherEnvironment,
}

/// Chances to misbehave that this process has had.
static CHANCES: AtomicU64 = AtomicU64::new(0);

impl Drill {
    /// The behaviour with this one defect.
    pub(crate) fn behaviour(self) -> Behaviour {
        let mut behaviour = Behaviour::of(Profile::Healthy);
        behaviour.defect = Some(self);
        match self {
            Self::AutoTune500 => behaviour.auto_tune_works = false,
            Self::JobsQueuedForEver => behaviour.jobs_work = false,
            Self::ExportEmpty => behaviour.exports_hold_records = false,
            Self::PacksAbsent => behaviour.writes_packs = false,
            Self::AgentsIdle => behaviour.agents_act = false,
            Self::WorkerStrandsRuns => behaviour.one_run_per_child = true,
            Self::RunLost => behaviour.redelivery_ms = 3_600_000,
            _ => {}
        }
        behaviour
    }
}

impl Behaviour {
    /// Whether this is the defect.
    pub(crate) fn has(&self, drill: Drill) -> bool {
        self.defect == Some(drill)
    }

    /// Whether this is the defect, and this chance one of every `nth` that this process gets.
    pub(crate) fn every(&self, nth: u64, drill: Drill) -> bool {
        self.has(drill) && (CHANCES.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(nth)
    }

    /// Whether this is the defect, and this process has had `chances` before.
    pub(crate) fn after(&self, chances: u64, drill: Drill) -> bool {
        self.has(drill) && CHANCES.fetch_add(1, Ordering::Relaxed) >= chances
    }

    /// Which chance this is, where this is the defect.
    pub(crate) fn chance(&self, drill: Drill) -> Option<u64> {
        self.has(drill).then(|| CHANCES.fetch_add(1, Ordering::Relaxed))
    }
}

/// Every rehearsal that is offered for training, as a list that other programs read.
pub(crate) fn catalogue() -> Value {
    let whole =
        |name: Option<&str>, title: &str, what: &str, caught_by: &[&str], ends_in: &str, simulated: bool| {
            json!({
                "name": name, "title": title, "what": what, "caught_by": caught_by, "ends_in": ends_in,
                "simulated": simulated, "group": "whole system", "criterion": null, "tests": [],
            })
        };
    let mut all = vec![
        whole(None, "Healthy", "Nothing", &[], "go", false),
        whole(None, "No token", "Nothing; restarts are simulated", &[], "go", true),
        whole(
            Some("g1"),
            "First generation",
            "The deployment of 10 January as it was recorded: no forks, no streams, idle agents",
            &["L1", "L2", "L3", "C1", "C2", "REP"],
            "no_go",
            false,
        ),
        whole(
            Some("g2"),
            "Second generation",
            "The deployment of 11 January as it was recorded: auto-tune and exports broken, no evidence",
            &["L2", "L3", "C1", "REP"],
            "no_go",
            false,
        ),
    ];
    for drill in Drill::value_variants() {
        let Lesson { title, what, group, tests, criterion, ends_in } = lessons::of(*drill);
        let caught_by: Vec<&str> = criterion
            .split_once('.')
            .map(|(test, _)| test)
            .filter(|test| tests.contains(test))
            .into_iter()
            .collect();
        if let Some(value) = drill.to_possible_value() {
            all.push(json!({
                "name": value.get_name(), "title": title, "what": what, "caught_by": caught_by, "ends_in": ends_in,
                "simulated": false, "group": group, "criterion": criterion, "tests": tests,
            }));
        }
    }
    Value::Array(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_defect_has_a_name_of_its_own_and_says_what_must_call_it() {
        let catalogue = catalogue();
        let entries = catalogue.as_array().unwrap();
        let mut names: Vec<&str> = entries.iter().filter_map(|entry| entry["name"].as_str()).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        for entry in entries.iter().filter(|entry| !entry["criterion"].is_null()) {
            for field in ["title", "what", "group", "criterion"] {
                assert!(entry[field].as_str().is_some_and(|text| !text.is_empty()), "{field} of {entry}");
            }
        }
    }

    #[test]
    fn a_defect_of_one_in_n_happens_once_in_n() {
        let behaviour = Drill::ExpansionFails.behaviour();
        let happened = (0..60).filter(|_| behaviour.every(30, Drill::ExpansionFails)).count();
        assert_eq!(happened, 2);
        assert!(!behaviour.every(1, Drill::Cycle));
    }
}
