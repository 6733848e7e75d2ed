//! Checks to write down: that of a real rehearsal, and what it becomes when something is changed in it.

use holdpoint_check::environment::Kind;
use holdpoint_check::event::{CheckEnding, Decision, SignOff};
use holdpoint_check::plan::ChaosIntent;
use holdpoint_check::results::Results;
use holdpoint_check::verdict::{Finding, Verdict, Weight, Witness, Word};
use holdpoint_check::words::{Service, TestId};
use holdpoint_check::{judge, saved};

/// A check.
pub struct Sample {
    pub name: String,
    pub results: Results,
    pub verdict: Verdict,
}

const HOSTILE: &str =
    "<script>alert(1)</script>]]> | `x` [a](javascript:b) & \" \u{fffe} </script> https://evil.example";

pub fn results() -> Results {
    let journal = concat!(env!("CARGO_MANIFEST_DIR"), "/../check/tests/journals/healthy.ndjson");
    saved::results(journal.as_ref()).unwrap()
}

fn sample(name: &str, change: impl FnOnce(&mut Results)) -> Sample {
    let mut results = results();
    change(&mut results);
    Sample { name: name.into(), verdict: judge::judge(&results), results }
}

pub fn healthy() -> Sample {
    sample("healthy", |_| {})
}

/// One of every kind that a report has to tell.
pub fn all() -> Vec<Sample> {
    let samples = vec![
        healthy(),
        sample("staging", |results| results.plan.environment.kind = Kind::Staging),
        sample("no-go", no_go),
        sample("simulated", |results| {
            results.plan.chaos = ChaosIntent::Simulated;
            results.faults.clear();
            let started = results.api[0].process_started_at;
            results.api.iter_mut().for_each(|api| api.process_started_at = started);
            results.simulated = vec![
                (TestId::C1, Service::Worker),
                (TestId::C2, Service::Api),
                (TestId::C3, Service::Postgres),
            ];
        }),
        sample("cut off", |results| results.ending = None),
        sample("aborted", |results| {
            results.ending = Some(CheckEnding::Aborted { reason: HOSTILE.into() });
            results.tests.remove(&TestId::Bucket);
            results.bucket.clear();
        }),
        sample("hostile", |results| {
            no_go(results);
            results.left = vec![HOSTILE.into()];
            results.plan.environment.storage.bucket = "b".into();
            results.bucket.iter_mut().for_each(|part| part.observed = HOSTILE.into());
            results.tests.values_mut().for_each(|test| {
                for failure in &mut test.failures {
                    failure.detail = HOSTILE.into();
                }
            });
            results.sign_offs = vec![SignOff {
                name: HOSTILE.into(),
                role: HOSTILE.into(),
                decision: Decision::Promote,
                note: HOSTILE.into(),
                word: Word::NoGo,
                headline: HOSTILE.into(),
                at: results.last_at,
                evidence: None,
            }];
        }),
    ];
    let words: Vec<Word> = samples.iter().map(|sample| sample.verdict.word).collect();
    for word in [Word::Go, Word::NoGo, Word::NoVerdict] {
        assert!(words.contains(&word), "{words:?}");
    }
    samples
}

fn no_go(results: &mut Results) {
    results.plan.parameters.l1.p95_limit_ms = 1.0;
    let run = results.runs[0].run_id.clone();
    results.runs[0].stuck = Some(("RUNNING".into(), 300.0));
    results.packs.remove(&run);
}

/// A finding with everything in it.
pub fn a_finding() -> Finding {
    Finding {
        code: "run.stuck".into(),
        criterion: "C1.stuck".into(),
        test: Some(TestId::C1),
        weight: Weight::Breaks,
        title: "a run is stuck".into(),
        happened: "it never ended, ".repeat(200),
        likely_cause: "nobody knows".into(),
        next_action: "look".into(),
        witness: vec![Witness {
            at_ms: Some(1),
            what: "run".into(),
            id: "r".into(),
            shows: "RUNNING".into(),
        }],
        logged: vec!["worker: gone".into()],
    }
}
