//! Checks over time, and what a release really saw: pure functions over what is remembered of checks.

use std::collections::BTreeMap;

use holdpoint_check::words::{Service, TestId};

use crate::facts::{Facts, Found};
use crate::view::{CheckSummary, Coverage, CoverageCell, FindingTrend, Sight, TestState, Work};

/// Faults that coverage knows: none, and the restart of each service.
fn faults() -> impl Iterator<Item = Option<Service>> {
    [None, Some(Service::Worker), Some(Service::Api), Some(Service::Postgres)]
        .into_iter()
        .chain([Service::Redis, Service::Minio, Service::Web].map(Some))
}

/// What the eight tests drive.
fn driven(fault: Option<Service>, work: Work) -> bool {
    match fault {
        None => work != Work::Writes,
        Some(Service::Worker) => work == Work::Runs,
        Some(Service::Api) => work == Work::Streams,
        Some(Service::Postgres) => matches!(work, Work::Writes | Work::Runs),
        Some(_) => false,
    }
}

/// P95 of each operation over checks, one value a check.
pub(crate) fn p95(checks: &[(CheckSummary, Facts)]) -> Vec<(String, Vec<Option<f64>>)> {
    let mut names: Vec<&String> = checks.iter().flat_map(|(_, facts)| facts.p95.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .map(|name| (name.clone(), checks.iter().map(|(_, facts)| facts.p95.get(name).copied()).collect()))
        .collect()
}

/// Findings over checks, given newest first.
pub(crate) fn findings(checks: &[(CheckSummary, Facts)]) -> Vec<FindingTrend> {
    let mut latest: BTreeMap<(&str, &str), &Found> = BTreeMap::new();
    for found in checks.iter().rev().flat_map(|(_, facts)| &facts.findings) {
        latest.insert((found.code.as_str(), found.criterion.as_str()), found);
    }
    let mut trends: Vec<FindingTrend> = latest
        .into_values()
        .filter_map(|finding| {
            let saw = |facts: &Facts| {
                facts
                    .findings
                    .iter()
                    .any(|one| one.code == finding.code && one.criterion == finding.criterion)
            };
            let marks: Vec<Option<bool>> = checks
                .iter()
                .rev()
                .map(|(check, facts)| (saw(facts) || looked(check, finding.test)).then(|| saw(facts)))
                .collect();
            let of = |check: &CheckSummary| (check.number, check.started_at.clone());
            let mut seen = checks.iter().filter(|(_, facts)| saw(facts)).map(|(check, _)| check);
            let last = seen.next()?;
            let first = seen.next_back().unwrap_or(last);
            let count = |wanted: fn(Option<bool>) -> bool| {
                u32::try_from(marks.iter().filter(|mark| wanted(**mark)).count()).unwrap_or(u32::MAX)
            };
            Some(FindingTrend {
                code: finding.code.clone(),
                criterion: finding.criterion.clone(),
                test: finding.test,
                title: finding.title.clone(),
                first: of(first),
                last: of(last),
                seen: count(|mark| mark == Some(true)),
                of: count(|mark| mark.is_some()),
                flaky: flaky(checks, finding.test, saw),
                marks,
            })
        })
        .collect();
    trends.sort_by(|one, two| two.last.0.cmp(&one.last.0).then(two.seen.cmp(&one.seen)));
    trends
}

/// Whether a check looked at what a finding is about. A test that was not reached says nothing about it.
fn looked(check: &CheckSummary, test: Option<TestId>) -> bool {
    let ran = |state: TestState| {
        matches!(state, TestState::Passed | TestState::Failed | TestState::Unproven | TestState::Simulated)
    };
    match test {
        Some(test) => check.tests.iter().any(|(of, state)| *of == test && ran(*state)),
        None => check.tests.iter().any(|(_, state)| ran(*state)),
    }
}

/// Whether checks of one and the same version saw it and did not.
fn flaky(checks: &[(CheckSummary, Facts)], test: Option<TestId>, saw: impl Fn(&Facts) -> bool) -> bool {
    let mut versions: BTreeMap<&str, (bool, bool)> = BTreeMap::new();
    for (check, facts) in checks {
        let Some(version) = &check.api_version else { continue };
        let entry = versions.entry(version.as_str()).or_default();
        if saw(facts) {
            entry.0 = true;
        } else if looked(check, test) {
            entry.1 = true;
        }
    }
    versions.values().any(|(seen, unseen)| *seen && *unseen)
}

/// Collects coverage from checks, given newest first.
#[derive(Debug)]
pub(crate) struct Map {
    coverage: Coverage,
}

impl Map {
    pub(crate) fn new(environment: &str) -> Self {
        let cells = faults()
            .flat_map(|fault| {
                Work::ALL.map(|work| CoverageCell {
                    fault,
                    work,
                    here: None,
                    elsewhere: None,
                    driven: driven(fault, work),
                })
            })
            .collect();
        Self { coverage: Coverage { environment: environment.to_owned(), version: None, cells } }
    }

    pub(crate) fn see(&mut self, check: &CheckSummary, facts: &Facts) {
        if self.coverage.version.is_none() {
            self.coverage.version.clone_from(&check.api_version);
        }
        // Without a version nobody knows which release it was.
        let here = check.api_version.is_some() && check.api_version == self.coverage.version;
        for seen in &facts.seen {
            let cell = self
                .coverage
                .cells
                .iter_mut()
                .find(|cell| cell.fault == seen.fault && cell.work == seen.work);
            let Some(cell) = cell else { continue };
            cell.driven = true;
            let place = if here { &mut cell.here } else { &mut cell.elsewhere };
            let sight = || Sight {
                number: check.number,
                started_at: check.started_at.clone(),
                version: check.api_version.clone(),
                state: seen.state,
            };
            match place {
                // Two tests of one check that drive the same pair: the worse one counts.
                Some(known) if known.number == check.number => {
                    if seen.state != TestState::Passed {
                        known.state = seen.state;
                    }
                }
                Some(_) => {}
                None => *place = Some(sight()),
            }
        }
    }

    pub(crate) fn finish(mut self) -> Coverage {
        for cell in &mut self.coverage.cells {
            if cell.here.is_some() {
                cell.elsewhere = None;
            }
        }
        self.coverage
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use holdpoint_check::{fold, journal, judge};

    use super::*;
    use crate::facts;
    use crate::summary;
    use crate::view::Origin;

    fn check(
        number: u32,
        version: &str,
        damage: impl FnOnce(&mut holdpoint_check::results::Results),
    ) -> (CheckSummary, Facts) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../check/tests/journals/healthy.ndjson");
        let mut results = fold::fold(&journal::read(&path).unwrap()).unwrap();
        damage(&mut results);
        for api in &mut results.api {
            version.clone_into(&mut api.version);
        }
        let verdict = judge::judge(&results);
        (summary::of_check(number, Origin::Checked, &results, &verdict), facts::of_check(&results, &verdict))
    }

    fn slow(results: &mut holdpoint_check::results::Results) {
        results.plan.parameters.l1.p95_limit_ms = 1.0;
    }

    fn cell(coverage: &Coverage, fault: Option<Service>, work: Work) -> &CoverageCell {
        coverage.cells.iter().find(|cell| cell.fault == fault && cell.work == work).unwrap()
    }

    /// Peers idea 13: without the check its pairs are untested again.
    #[test]
    fn coverage_is_what_this_release_really_saw() {
        let of = |checks: &[(CheckSummary, Facts)]| {
            let mut map = Map::new("rehearsal");
            checks.iter().for_each(|(check, facts)| map.see(check, facts));
            map.finish()
        };
        let without_restart = |results: &mut holdpoint_check::results::Results| results.faults.clear();
        let (new, old) = (check(2, "2.0", without_restart), check(1, "1.0", |_| ()));
        let both = of(&[new.clone(), old]);
        assert_eq!(both.version.as_deref(), Some("2.0"));
        assert_eq!(cell(&both, None, Work::Expansions).here.as_ref().unwrap().number, 2);
        let worker = cell(&both, Some(Service::Worker), Work::Runs);
        assert!(worker.here.is_none(), "a fault that is not proven covers nothing");
        assert_eq!(worker.elsewhere.as_ref().unwrap().number, 1);
        let alone = of(&[new]);
        assert!(cell(&alone, Some(Service::Worker), Work::Runs).elsewhere.is_none());
        assert!(!cell(&alone, Some(Service::Redis), Work::Runs).driven);
        let whole = of(&[check(1, "1.0", |_| ())]);
        for cell in whole.cells.iter().filter(|cell| cell.driven) {
            assert!(cell.here.is_some(), "{cell:?}");
        }
    }

    #[test]
    fn a_finding_says_when_it_was_first_and_last_seen_and_whether_it_comes_and_goes() {
        let newest_first =
            [check(4, "2.0", |_| ()), check(3, "2.0", slow), check(2, "1.0", slow), check(1, "1.0", slow)];
        let trends = findings(&newest_first);
        let slow_finding = trends.iter().find(|trend| trend.code == "latency.p95").unwrap();
        assert_eq!((slow_finding.first.0, slow_finding.last.0), (1, 3));
        assert_eq!((slow_finding.seen, slow_finding.of), (3, 4));
        assert_eq!(slow_finding.marks, [Some(true), Some(true), Some(true), Some(false)]);
        assert!(slow_finding.flaky, "2.0 saw it and did not");
        let steady = findings(&newest_first[2..]);
        assert!(steady.iter().all(|trend| !trend.flaky), "{steady:?}");
        let p95 = p95(&newest_first);
        assert!(p95.iter().any(|(name, values)| name == "L1 expand" && values.iter().all(Option::is_some)));
    }
}
