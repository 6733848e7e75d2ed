use std::path::Path;
use std::time::Duration;

use holdpoint_check::results::Results;
use holdpoint_check::verdict::Verdict;
use holdpoint_check::words::TestId;
use holdpoint_check::{fold, journal, judge};
use holdpoint_load::Histogram;

use super::*;

/// A check as it was recorded, under another id.
fn healthy(id: &str) -> (Results, Verdict) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../check/tests/journals/healthy.ndjson");
    let mut results = fold::fold(&journal::read(&path).unwrap()).unwrap();
    results.check_id = id.into();
    let verdict = judge::judge(&results);
    (results, verdict)
}

/// The latency of an operation, times a factor.
fn slow(results: &mut Results, test: TestId, operation: &str, factor: f64) {
    let record = results.tests.get_mut(&test).unwrap().operations.get_mut(operation).unwrap();
    let mut latency = Histogram::new();
    for (millis, count) in record.latency.counts() {
        for _ in 0..count {
            latency.record(Duration::from_secs_f64(millis * factor / 1000.0));
        }
    }
    record.latency = latency;
}

fn of(one: &(Results, Verdict), two: &(Results, Verdict)) -> Compared {
    let subject =
        |label, both: &'static (Results, Verdict)| Subject { label, results: &both.0, verdict: &both.1 };
    let (one, two) = (Box::leak(Box::new(one.clone())), Box::leak(Box::new(two.clone())));
    compare(&[subject("check 1", one)], &subject("check 2", two), &[], BAND_PCT).unwrap()
}

#[test]
fn the_same_measured_twice_has_no_change() {
    let compared = of(&healthy("a"), &healthy("b"));
    assert!(compared.refused.is_empty(), "{:?}", compared.refused);
    assert_eq!(compared.worse().count(), 0);
    assert_eq!(compared.headline, "No real change");
    assert!(!compared.curves.is_empty());
    assert!(compared.criteria.iter().all(|pair| pair.before == pair.after));
}

#[test]
fn what_got_slower_comes_first_and_is_called_so() {
    let before = healthy("a");
    let mut after = healthy("b");
    slow(&mut after.0, TestId::L1, "expand", 1.5);
    let compared = of(&before, &after);
    let first = &compared.measures[0];
    assert_eq!(
        (first.test, first.operation.as_str(), first.reading),
        (TestId::L1, "expand", Reading::Slower)
    );
    assert!(compared.worse().all(|measure| measure.operation == "expand"));
    assert!((first.change.unwrap() - 50.0).abs() < 2.0, "{first:?}");
    assert!(compared.headline.starts_with("L1 Node expansion got slower"), "{}", compared.headline);
    let back = of(&after, &before);
    assert_eq!(back.measures[0].reading, Reading::Faster);
}

/// Peers idea 15: a plan that differs by one number is not compared, and the number is named.
#[test]
fn unlike_checks_are_refused_by_what_differs() {
    let before = healthy("a");
    let mut after = healthy("b");
    after.0.plan.parameters.l1.concurrency += 1;
    let compared = of(&before, &after);
    let names: Vec<&str> = compared.refused.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(names, ["l1.concurrency"]);
    assert!(compared.measures.is_empty() && compared.curves.is_empty());
    assert!(compared.because.contains("l1.concurrency"));
    let mut drill = healthy("c");
    drill.0.plan.rehearsal_profile = Some("slow-expand".into());
    assert_eq!(of(&before, &drill).refused[0].what, "rehearsal");
    assert_eq!(of(&before, &before).refused[0].what, "check");
    let mut cut = healthy("d");
    cut.0.ending = None;
    cut.1 = judge::judge(&cut.0);
    assert_eq!(of(&before, &cut).refused[0].before, "fit to measure");
}

#[test]
fn simulated_chaos_cannot_be_compared() {
    let before = healthy("a");
    let mut after = healthy("b");
    after.0.plan.chaos = holdpoint_check::plan::ChaosIntent::Simulated;
    after.1 = judge::judge(&after.0);
    let compared = of(&before, &after);
    assert!(compared.refused.is_empty(), "{:?}", compared.refused);
    assert!(compared.notes.iter().any(|note| note.contains("simulated")), "{:?}", compared.notes);
    let chaos = compared.measures.iter().filter(|measure| measure.test.is_chaos());
    assert!(chaos.map(|measure| measure.reading).all(|reading| reading == Reading::NotComparable));
}

#[test]
fn a_median_of_several_is_compared_with_and_says_so() {
    let checks = [healthy("a"), healthy("b"), healthy("c")];
    let mut after = healthy("d");
    slow(&mut after.0, TestId::L1, "expand", 1.4);
    let labels = ["check 1", "check 2", "check 3"];
    let before: Vec<Subject<'_>> = checks
        .iter()
        .zip(labels)
        .map(|(both, label)| Subject { label, results: &both.0, verdict: &both.1 })
        .collect();
    let now = Subject { label: "check 4", results: &after.0, verdict: &after.1 };
    let compared = compare(&before, &now, &[], BAND_PCT).unwrap();
    assert_eq!(compared.before.label, "the median of check 1, check 2, check 3");
    assert!(compared.worse().all(|measure| measure.operation == "expand"));
    assert!(compared.worse().count() > 0);
}

#[test]
fn findings_come_stay_and_go() {
    let before = healthy("a");
    let mut after = healthy("b");
    after.0.plan.parameters.l1.p95_limit_ms = 1.0;
    after.1 = judge::judge(&after.0);
    after.0.plan.parameters.l1.p95_limit_ms = before.0.plan.parameters.l1.p95_limit_ms;
    let compared = of(&before, &after);
    let new: Vec<&str> = compared
        .findings
        .iter()
        .filter(|finding| finding.since == Since::New)
        .map(|finding| finding.code.as_str())
        .collect();
    assert!(new.contains(&"latency.p95"), "{new:?}");
    assert!(of(&after, &before).findings.iter().any(|finding| finding.since == Since::Gone));
}

#[test]
fn the_report_of_a_comparison() {
    let before = healthy("a");
    let mut after = healthy("b");
    slow(&mut after.0, TestId::L1, "expand", 1.5);
    insta::assert_snapshot!(markdown::render(&of(&before, &after)));
    after.0.plan.parameters.l1.rounds = 9;
    insta::assert_snapshot!(markdown::render(&of(&before, &after)));
}
