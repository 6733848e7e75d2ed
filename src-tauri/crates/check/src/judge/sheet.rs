//! The sheet the judge writes on: criteria and findings, and the shapes that recur.

use crate::event::{CheckEnding, Ending};
use crate::results::{Results, TestResults};
use crate::verdict::{Criterion, Finding, State, Weight, Witness};
use crate::words::{Sureness, TestId};

pub(super) struct Sheet<'a> {
    pub(super) results: &'a Results,
    pub(super) criteria: Vec<Criterion>,
    pub(super) findings: Vec<Finding>,
    pub(super) unchecked: Vec<String>,
    /// Whether the generator's own figures cannot be trusted.
    pub(super) unfit: bool,
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
        let unfit = results.fitness.is_some_and(|fitness| {
            !fitness.complaints(worst_lag(results), &holdpoint_load::FitnessLimits::default()).is_empty()
        });
        Self { results, criteria: Vec::new(), findings: Vec::new(), unchecked: Vec::new(), unfit }
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
        });
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
