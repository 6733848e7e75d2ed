//! What a GO must have behind it, said once more and from the events alone, so that a slip of fold or judge is seen.

use std::collections::{BTreeMap, BTreeSet};

use holdpoint_agentverse::evidence::PackState;
use holdpoint_check::event::{BUCKET_PARTS, CheckEnding, Ending, Event, PartState, Phase, Record};
use holdpoint_check::plan::ChaosIntent;
use holdpoint_check::verdict::{Verdict, Word};
use holdpoint_check::words::TestId;

/// A verdict of GO stands only where the events hold what a whole and good check has.
pub(crate) fn is_deserved(records: &[Record], verdict: &Verdict) {
    if verdict.word != Word::Go {
        return;
    }
    let plan = records.iter().find_map(|record| match &record.event {
        Event::CheckStarted { plan, .. } => Some(plan),
        _ => None,
    });
    let plan = plan.expect("a check that was started");
    let events = || records.iter().map(|record| &record.event);
    let last_end = events().rev().find_map(|event| match event {
        Event::CheckEnded { ending } => Some(ending),
        _ => None,
    });
    assert_eq!(last_end, Some(&CheckEnding::Completed), "GO without an end");
    assert_eq!(plan.suite.tests(), TestId::ALL, "GO of a part");
    for test in TestId::ALL {
        assert!(events().any(|event| matches!(event, Event::TestStarted { test: one } if *one == test)));
        let ending = events().rev().find_map(|event| match event {
            Event::TestEnded { test: one, ending } if *one == test => Some(ending),
            _ => None,
        });
        assert_eq!(ending, Some(&Ending::Completed), "GO without {test}");
    }
    assert!(events().any(|event| matches!(event, Event::Fitness(_))), "GO without a fit generator");
    assert!(events().any(|event| matches!(event, Event::Preflight(_))), "GO without a preflight");
    assert!(
        !events().any(|event| matches!(event, Event::Preflight(row) if row.state.blocks())),
        "GO although the environment was not ready"
    );
    let end = events().rev().find_map(|event| match event {
        Event::Steady { phase: Phase::End, healthy, .. } => Some(*healthy),
        _ => None,
    });
    assert_eq!(end, Some(true), "GO of a system that does not work at the end");
    evidence(records);
    match plan.chaos {
        ChaosIntent::Simulated => assert!(verdict.headline.contains("simulated"), "{}", verdict.headline),
        ChaosIntent::Real => faults(records),
    }
    if plan.environment.kind == holdpoint_check::environment::Kind::Rehearsal {
        assert!(verdict.headline.contains("rehearsal"), "{}", verdict.headline);
    }
    if verdict.waivers.is_empty() {
        nothing_failed(records, plan.parameters.l1.failure_limit);
    } else {
        assert!(verdict.headline.contains("waiver"), "{}", verdict.headline);
        for waiver in &verdict.waivers {
            assert!(waiver.expires_at > waiver.given_at, "{waiver:?}");
        }
    }
}

fn evidence(records: &[Record]) {
    let mut packs: BTreeMap<&str, PackState> = BTreeMap::new();
    let mut parts: BTreeSet<char> = BTreeSet::new();
    for record in records {
        match &record.event {
            Event::PackJudged { run_id, verdict } => {
                packs.insert(run_id, verdict.state);
            }
            Event::BucketChecked(part) if part.state == PartState::Holds => {
                parts.insert(part.part);
            }
            _ => {}
        }
    }
    assert!(!packs.is_empty(), "GO without evidence");
    assert!(
        packs.values().all(|state| !matches!(state, PackState::Corrupt | PackState::Unreadable)),
        "{packs:?}"
    );
    assert!(BUCKET_PARTS.iter().all(|part| parts.contains(part)), "GO with only {parts:?} of the bucket");
}

fn faults(records: &[Record]) {
    for test in [TestId::C1, TestId::C2, TestId::C3] {
        let proven = records.iter().any(|record| match &record.event {
            Event::FaultIntended(intent) if intent.test == test => {
                let id = &intent.fault;
                let of = |wanted: fn(&Event) -> Option<&String>| {
                    records.iter().any(|record| wanted(&record.event) == Some(id))
                };
                of(|event| match event {
                    Event::FaultProven { fault, .. } => Some(fault),
                    _ => None,
                }) && of(|event| match event {
                    Event::FaultRecovered { fault, .. } => Some(fault),
                    _ => None,
                })
            }
            _ => false,
        });
        assert!(proven, "GO without a proven restart in {test}");
    }
}

fn nothing_failed(records: &[Record], limit: u64) {
    let mut expanded = 0_u64;
    let mut failed = 0_u64;
    for record in records {
        if let Event::Measured { test: TestId::L1, kind, record } = &record.event
            && kind == "expand"
        {
            expanded = expanded.saturating_add(record.ok);
            failed = failed.saturating_add(record.failures());
        }
    }
    assert!(expanded > 0 && failed <= limit, "GO with {expanded} expansions and {failed} failures");
    let read = |test| {
        records
            .iter()
            .any(|record| matches!(&record.event, Event::WritesReadBack { test: one, .. } if *one == test))
    };
    assert!(read(TestId::L1) && read(TestId::C3), "GO without reading back what was written");
    for record in records {
        if let Event::GraphAudited { violations, test, .. } = &record.event
            && !violations.is_empty()
        {
            let later = records.iter().any(|other| {
                other.seq > record.seq
                    && matches!(&other.event, Event::GraphAudited { test: one, .. } if one == test)
            });
            assert!(later, "GO with a broken graph");
        }
    }
}
