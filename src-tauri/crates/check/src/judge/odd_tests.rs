//! Whatever Railway answers to a restart: without proof and recovery there is no GO.

use proptest::prelude::*;

use super::judge;
use crate::event::Record;
use crate::fold::fold;
use crate::plan::ChaosIntent;
use crate::results::{FaultResults, Results};
use crate::verdict::{State, Verdict, Weight, Word};
use crate::words::TestId;

fn healthy() -> Results {
    let lines = include_str!("../../tests/journals/healthy.ndjson").lines();
    let records: Vec<Record> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    fold(&records).unwrap()
}

fn with(fault: usize, change: impl FnOnce(&mut FaultResults)) -> Verdict {
    let mut results = healthy();
    change(&mut results.faults[fault]);
    judge(&results)
}

#[test]
fn a_restart_without_an_answer_is_judged_by_its_proof() {
    for fault in 0..3 {
        let proven = with(fault, |fault| {
            fault.requested_at = None;
            fault.unanswered = Some("no answer within 10 s".into());
        });
        assert_eq!(proven.headline, "GO [rehearsal]", "{:#?}", proven.findings);
        let unproven = with(fault, |fault| {
            fault.requested_at = None;
            fault.unanswered = Some("no answer within 10 s".into());
            fault.proven = None;
            fault.unproven = Some("no proof of a restart within 30 s".into());
            // Where nobody knows whether it was asked, an identity that stays breaks nothing.
            fault.unchanged = Some("the same".into());
        });
        assert_ne!(unproven.word, Word::Go);
        let id = ["C1.fault", "C2.fault", "C3.fault"][fault];
        let row = unproven.criteria.iter().find(|row| row.id == id && row.state == State::Unproven);
        assert!(row.unwrap().measured.contains("no answer within 10 s"), "{row:?}");
        let named = unproven.findings.iter().find(|finding| finding.code == "fault.unproven").unwrap();
        assert!(named.likely_cause.contains("no definite answer"), "{named:?}");
    }
}

#[test]
fn a_refusal_is_named_by_its_own_code_and_breaks_nothing() {
    let verdict = with(0, |fault| {
        *fault = FaultResults {
            requested_at: None,
            refused: Some(("railway.rate_limited".into(), "spent".into(), "Wait".into())),
            proven: None,
            recovered: None,
            recovered_ms: None,
            ..fault.clone()
        };
    });
    let named = verdict.findings.iter().find(|finding| finding.criterion == "C1.fault").unwrap();
    assert_eq!(
        (named.code.as_str(), named.weight, named.next_action.as_str()),
        ("railway.rate_limited", Weight::Unproven, "Wait")
    );
    assert_eq!(verdict.word, Word::NoVerdict);
}

#[test]
fn what_was_left_open_is_named_where_a_check_was_cut_off() {
    let mut results = healthy();
    results.ending = None;
    assert!(!judge(&results).because.contains("never seen"));
    results.faults[0].recovered = None;
    let verdict = judge(&results);
    assert!(verdict.because.ends_with("The restart of Worker was never seen to end."), "{}", verdict.because);
    assert_eq!(verdict.word, Word::NoVerdict);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_answer_of_railway_reads_go_without_proof(
        which in 0_usize..3,
        answer in 0..4,
        proven: bool,
        recovered in proptest::option::of(0.0_f64..90.0),
        unproven: bool,
        unchanged: bool,
        gone: bool,
        not_recovered: bool,
    ) {
        let mut results = healthy();
        let c = &results.plan.parameters;
        let deadline = [c.c1.restart_deadline_s, c.c2.restart_deadline_s, c.c3.restart_deadline_s][which] as f64;
        let fault = &mut results.faults[which];
        let at = fault.requested_at;
        fault.requested_at = at.filter(|_| answer == 0);
        fault.unanswered = (answer == 1).then(|| "HTTP 504".into());
        fault.refused = (answer == 2).then(|| ("railway.auth".into(), "no".into(), "do".into()));
        if !proven {
            fault.proven = None;
        }
        fault.recovered = recovered.map(|seconds| (seconds, "it answered".into()));
        fault.recovered_ms = fault.recovered_ms.filter(|_| recovered.is_some());
        fault.unproven = unproven.then(|| "no proof".into());
        fault.unchanged = unchanged.then(|| "the same".into());
        fault.gone = gone;
        fault.not_recovered = not_recovered.then(|| (30.0, "look".into()));
        let verdict = judge(&results);
        if verdict.word == Word::Go {
            prop_assert!(proven && answer != 2 && !not_recovered);
            prop_assert!(recovered.is_some_and(|seconds| seconds <= deadline));
        }
        let test = [TestId::C1, TestId::C2, TestId::C3][which];
        let row = verdict.criteria.iter().find(|row| row.id == format!("{test}.fault")).unwrap();
        prop_assert!(row.state != State::Met || proven);
        prop_assert!(row.state != State::Simulated && results.plan.chaos == ChaosIntent::Real);
    }
}
