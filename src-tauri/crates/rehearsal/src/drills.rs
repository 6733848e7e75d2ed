//! Named defects of an otherwise healthy rehearsal, so that a person can see what a check makes of each.

use clap::ValueEnum;
use serde_json::{Value, json};

use crate::config::{Behaviour, Profile};

/// One defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Drill {
    /// Auto-tune answers 500
    AutoTune500,
    /// Calibration jobs are queued for ever
    JobsQueuedForEver,
    /// Exports report done and are empty
    ExportEmpty,
    /// The worker writes no evidence packs
    PacksAbsent,
    /// Runs succeed with zero agent steps
    AgentsIdle,
    /// Each worker child does one run and strands the rest
    WorkerStrandsRuns,
    /// A run that was hit by a restart is never delivered again
    RunLost,
    /// A late second delivery flips a finished run to failed
    LateFlip,
}

impl Drill {
    /// The behaviour with this one defect.
    pub(crate) fn behaviour(self) -> Behaviour {
        let mut behaviour = Behaviour::of(Profile::Healthy);
        match self {
            Self::AutoTune500 => behaviour.auto_tune_works = false,
            Self::JobsQueuedForEver => behaviour.jobs_work = false,
            Self::ExportEmpty => behaviour.exports_hold_records = false,
            Self::PacksAbsent => behaviour.writes_packs = false,
            Self::AgentsIdle => behaviour.agents_act = false,
            Self::WorkerStrandsRuns => behaviour.one_run_per_child = true,
            Self::RunLost => behaviour.redelivery_ms = 3_600_000,
            Self::LateFlip => behaviour.redelivery_flips = true,
        }
        behaviour
    }

    /// Title, what goes wrong, the tests that must catch it, and its group.
    fn words(self) -> (&'static str, &'static str, &'static [&'static str], &'static str) {
        match self {
            Self::AutoTune500 => {
                ("Auto-tune fails", "Auto-tune answers every request with 500", &["L2"], "load")
            }
            Self::JobsQueuedForEver => {
                ("Jobs wait for ever", "Calibration jobs are queued and never begin", &["L2"], "load")
            }
            Self::ExportEmpty => (
                "Empty exports",
                "Exports report that they are done and hold no records",
                &["L3"],
                "streaming and storage",
            ),
            Self::PacksAbsent => {
                ("No evidence", "Runs succeed and leave no evidence pack", &["REP"], "evidence")
            }
            Self::AgentsIdle => {
                ("Idle agents", "Runs succeed without a single agent step", &[], "whole system")
            }
            Self::WorkerStrandsRuns => (
                "Stranded runs",
                "Each worker process does one run and strands those it had taken besides",
                &["L2", "C1"],
                "chaos",
            ),
            Self::RunLost => {
                ("Lost runs", "A run that a restart hits is never taken up again", &["C1"], "chaos")
            }
            Self::LateFlip => (
                "Late flip",
                "A second delivery turns a run that had succeeded into a failed one",
                &["C1"],
                "chaos",
            ),
        }
    }
}

/// Every rehearsal that is offered for training, as a list that other programs read.
pub(crate) fn catalogue() -> Value {
    let entry = |name: Option<&str>,
                 title: &str,
                 what: &str,
                 caught_by: &[&str],
                 ends_in: &str,
                 simulated: bool,
                 group: &str| {
        json!({
            "name": name, "title": title, "what": what, "caught_by": caught_by, "ends_in": ends_in,
            "simulated": simulated, "group": group,
        })
    };
    let mut all = vec![
        entry(None, "Healthy", "Nothing", &[], "go", false, "whole system"),
        entry(None, "No token", "Nothing; restarts are simulated", &[], "go", true, "whole system"),
        entry(
            Some("g1"),
            "First generation",
            "The deployment of 10 January as it was recorded: no forks, no streams, idle agents",
            &["L1", "L2", "L3", "C1", "C2", "REP"],
            "no_go",
            false,
            "whole system",
        ),
        entry(
            Some("g2"),
            "Second generation",
            "The deployment of 11 January as it was recorded: auto-tune and exports broken, no evidence",
            &["L2", "L3", "C1", "REP"],
            "no_go",
            false,
            "whole system",
        ),
    ];
    for drill in Drill::value_variants() {
        let (title, what, caught_by, group) = drill.words();
        if let Some(value) = drill.to_possible_value() {
            all.push(entry(Some(value.get_name()), title, what, caught_by, "no_go", false, group));
        }
    }
    Value::Array(all)
}
