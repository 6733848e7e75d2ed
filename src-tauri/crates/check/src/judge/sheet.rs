//! The sheet the judge writes on: criteria and findings, and the shapes that recur.

use crate::event::{CheckEnding, Ending};
use std::collections::BTreeSet;

use holdpoint_agentverse::error::ErrorClass;
use holdpoint_load::FitnessLimits;

use crate::results::{Results, TestResults};
use crate::verdict::{Criterion, Finding, State, Weight, Witness};
use crate::words::{Sureness, TestId};

pub(super) struct Sheet<'a> {
    pub(super) results: &'a Results,
    pub(super) criteria: Vec<Criterion>,
    pub(super) findings: Vec<Finding>,
    pub(super) unchecked: Vec<String>,
    /// Why this computer's own figures cannot be trusted; none where they can, or where nothing is on record.
    pub(super) unfit: Vec<String>,
    /// Criteria that nothing breaks but this computer's own time and network.
    ours: BTreeSet<&'static str>,
}

/// A criterion before it is written down.
pub(super) struct Row {
    pub(super) id: &'static str,
    pub(super) test: Option<TestId>,
    pub(super) title: &'static str,
    pub(super) limit: String,
    pub(super) measured: String,
    pub(super) margin: Option<String>,
    pub(super) bound: Option<String>,
    pub(super) state: State,
    pub(super) sureness: Sureness,
}

/// What a finding says.
pub(super) struct Say<'a> {
    pub(super) code: &'a str,
    pub(super) title: String,
    pub(super) happened: String,
    pub(super) likely_cause: &'a str,
    pub(super) next_action: &'a str,
    pub(super) witness: Vec<Witness>,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(results: &'a Results) -> Self {
        Self {
            results,
            criteria: Vec::new(),
            findings: Vec::new(),
            unchecked: Vec::new(),
            unfit: complaints(results),
            ours: BTreeSet::new(),
        }
    }

    /// Says that nothing breaks a criterion but what this computer timed itself, or answers that did not reach it.
    pub(super) fn rests_on_us(&mut self, id: &'static str) {
        self.ours.insert(id);
    }

    /// An unfit generator must not blame the target: what rests on its own time and network alone is not proven then.
    pub(super) fn excuse(&mut self) {
        if self.unfit.is_empty() {
            return;
        }
        for row in &mut self.criteria {
            if row.state == State::Broken && self.ours.contains(row.id.as_str()) {
                row.state = State::Unproven;
                row.sureness = Sureness::NotChecked;
            }
        }
        for finding in &mut self.findings {
            if finding.weight == Weight::Breaks && self.ours.contains(finding.criterion.as_str()) {
                finding.weight = Weight::Unproven;
                finding.likely_cause =
                    "This computer was not fit to measure then; nothing follows about the system".into();
            }
        }
    }

    pub(super) fn row(&mut self, row: Row) {
        self.criteria.push(Criterion {
            id: row.id.into(),
            test: row.test,
            title: row.title.into(),
            limit: row.limit,
            measured: row.measured,
            margin: row.margin,
            bound: row.bound,
            state: row.state,
            sureness: row.sureness,
        });
    }

    /// A criterion that counts bad things and allows none.
    pub(super) fn none_allowed(
        &mut self,
        id: &'static str,
        test: Option<TestId>,
        title: &'static str,
        bad: u64,
        (state_if_none, sureness): (State, Sureness),
        measured: String,
    ) -> bool {
        let state = if bad > 0 { State::Broken } else { state_if_none };
        let row =
            Row { id, test, title, limit: "0".into(), measured, margin: None, bound: None, state, sureness };
        self.row(row);
        state == State::Broken
    }

    pub(super) fn find(&mut self, criterion: &str, test: Option<TestId>, weight: Weight, say: Say<'_>) {
        let mut witness = say.witness;
        witness.truncate(5);
        self.findings.push(Finding {
            code: say.code.into(),
            criterion: criterion.into(),
            test,
            weight,
            title: say.title,
            happened: say.happened,
            likely_cause: say.likely_cause.into(),
            next_action: say.next_action.into(),
            witness,
            logged: self.logged(criterion),
        });
    }

    fn logged(&self, criterion: &str) -> Vec<String> {
        let Some((service, lines)) = self.results.witness_logs.get(criterion) else { return Vec::new() };
        lines.iter().take(5).map(|line| format!("{service}: {line}")).collect()
    }

    pub(super) fn has_finding(&self, code: &str) -> bool {
        self.findings.iter().any(|finding| finding.code == code)
    }

    /// The first row of every test: whether it ran to its end. Without that nothing it did not do is a pass.
    pub(super) fn completed(&mut self, id: &'static str, test: TestId) -> Option<&'a TestResults> {
        let found = self.results.tests.get(&test);
        let ending = found.and_then(|results| results.ending.as_ref());
        let (state, measured, reason) = match (found.and_then(|results| results.started_at), ending) {
            (Some(_), Some(Ending::Completed)) => (State::Met, "ran to its end".to_owned(), None),
            (Some(_), Some(Ending::Stopped { reason })) => {
                (State::Unproven, "could not go on".to_owned(), Some(reason.clone()))
            }
            (Some(_), Some(Ending::Aborted)) => (State::Unproven, "aborted".to_owned(), None),
            (Some(_), None) => (State::Unproven, "cut off".to_owned(), None),
            (None, _) => (State::Unproven, "not reached".to_owned(), None),
        };
        self.row(Row {
            id,
            test: Some(test),
            title: "The test ran to its end",
            limit: "all steps".into(),
            measured: measured.clone(),
            margin: None,
            bound: None,
            state,
            sureness: if state == State::Met { Sureness::Observed } else { Sureness::NotChecked },
        });
        if let Some(reason) = reason {
            let say = Say {
                code: "test.stopped",
                title: format!("{test} could not finish"),
                happened: reason,
                likely_cause: "The environment did not offer what the test needs at that moment",
                next_action: "Look at the findings of the tests before it, mend them, and run the check again",
                witness: Vec::new(),
            };
            self.find(id, Some(test), Weight::Unproven, say);
        } else if state == State::Unproven {
            self.unchecked.push(format!("{test}: {measured}"));
        }
        found.filter(|results| results.started_at.is_some())
    }

    /// Whether the check was aborted: what is missing then is missing for that reason.
    pub(super) fn aborted(&self) -> bool {
        matches!(self.results.ending, Some(CheckEnding::Aborted { .. }))
    }
}

/// Why the figures that this computer took cannot be trusted.
fn complaints(results: &Results) -> Vec<String> {
    let limits = FitnessLimits::default();
    let of_time = results.fitness.map(|fitness| fitness.complaints(worst_lag(results), &limits));
    let offline = results.offline.iter().map(|one| {
        let lasted = one.lasted_ms.unwrap_or(results.elapsed_ms.saturating_sub(one.from_ms) as f64);
        let over = if one.lasted_ms.is_some() { "" } else { ", and still at the end" };
        format!(
            "this computer reached none of the hosts for {:.1} s, {:.1} s into the check{over}",
            lasted / 1000.0,
            one.from_ms as f64 / 1000.0
        )
    });
    of_time.into_iter().flatten().chain(offline).collect()
}

/// Whether every one of these failures is one in which nobody answered.
pub(super) fn nobody_answered<'a>(mut classes: impl Iterator<Item = &'a str>) -> bool {
    classes.all(|class| ErrorClass::UNANSWERED.iter().any(|known| known.word() == class))
}

/// The worst schedule lag of any load, P99 in milliseconds.
pub(super) fn worst_lag(results: &Results) -> Option<f64> {
    let lags = results.tests.values().flat_map(|test| test.operations.values());
    lags.filter_map(|record| record.lag.quantile_ms(0.99)).max_by(f64::total_cmp)
}

pub(super) fn witness(at_ms: Option<u64>, what: &str, id: &str, shows: impl Into<String>) -> Witness {
    Witness { at_ms, what: what.into(), id: id.into(), shows: shows.into() }
}

/// The failed operations of a kind as witnesses.
pub(super) fn failed_operations(test: &TestResults, kind: &str) -> Vec<Witness> {
    test.failures
        .iter()
        .filter(|failure| failure.kind == kind)
        .take(5)
        .map(|failure| {
            witness(Some(failure.at_ms), kind, &failure.id, format!("{}: {}", failure.class, failure.detail))
        })
        .collect()
}

/// `3 status_500, 1 timeout`.
pub(super) fn classes(failed: &std::collections::BTreeMap<String, u64>) -> String {
    failed.iter().map(|(class, count)| format!("{count} {class}")).collect::<Vec<_>>().join(", ")
}
