//! What is remembered of a check beside its row in the list: what it saw, for trends, coverage and findings over time.

use std::collections::BTreeMap;

use holdpoint_check::results::Results;
use holdpoint_check::statistics::percentile_ms;
use holdpoint_check::verdict::{Verdict, Weight};
use holdpoint_check::words::{Service, TestId};
use serde::{Deserialize, Serialize};

use crate::summary;
use crate::view::{TestState, Work};

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// Every finding that is more than a note.
    pub(crate) findings: Vec<Found>,
    /// What was done during which fault.
    pub(crate) seen: Vec<Seen>,
    /// P95 in milliseconds of each operation.
    pub(crate) p95: BTreeMap<String, f64>,
    /// The digest of the plan.
    pub(crate) plan: String,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Found {
    pub(crate) code: String,
    pub(crate) criterion: String,
    pub(crate) test: Option<TestId>,
    pub(crate) title: String,
}

/// Work that was really done, during a fault that was proven or without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) fault: Option<Service>,
    pub(crate) work: Work,
    pub(crate) state: TestState,
}

/// What is remembered of a check of ours.
pub(crate) fn of_check(results: &Results, verdict: &Verdict) -> Facts {
    let mut facts = Facts { plan: results.plan.digest(), ..Facts::default() };
    facts.findings = verdict
        .findings
        .iter()
        .filter(|finding| finding.weight != Weight::Note)
        .map(|finding| Found {
            code: finding.code.clone(),
            criterion: finding.criterion.clone(),
            test: finding.test,
            title: finding.title.clone(),
        })
        .collect();
    for (test, one) in &results.tests {
        let fault = match results.fault_of(*test) {
            // A fault that is not proven was not there, and neither was one that was simulated.
            Some(fault) if fault.proven.is_some() => Some(fault.intent.service),
            _ if test.is_chaos() => continue,
            _ => None,
        };
        let state = summary::test_state(results, verdict, *test);
        let mut saw = |work: Work, really: bool| {
            if really {
                facts.seen.push(Seen { fault, work, state });
            }
        };
        let sent = |kind: &str| one.operations.get(kind).is_some_and(|record| record.sent > 0);
        saw(Work::Expansions, sent("expand"));
        saw(Work::Calibrations, sent("calibrate"));
        saw(Work::AutoTunes, sent("auto_tune"));
        saw(Work::Streams, !one.streams.is_empty());
        saw(Work::Exports, !one.exports.is_empty());
        saw(Work::Runs, !results.runs_of(*test).is_empty());
        saw(Work::Writes, sent("write"));
        for (kind, record) in &one.operations {
            if let Some(p95) = percentile_ms(&record.latency, 0.95) {
                facts.p95.insert(format!("{} {}", test.name(), kind.replace('_', " ")), p95);
            }
        }
    }
    facts
}
