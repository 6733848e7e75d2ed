//! The judge against the journal of a real rehearsed check (`tests/journals/healthy.ndjson`), damaged in every way
//! that a release could be damaged.

use chrono::{DateTime, Utc};
use holdpoint_agentverse::evidence::PackState;
use proptest::prelude::*;

use super::{judge, judge_at};
use crate::event::{Ending, Event, PartState, Phase, Record, Regression, StreamEndKind, Waiver};
use crate::fold::fold;
use crate::ledger::{Fate, reconcile};
use crate::parameters::Gate;
use crate::plan::ChaosIntent;
use crate::results::Results;
use crate::verdict::{NoVerdict, Verdict, Word};
use crate::words::{Suite, TestId};

fn records() -> Vec<Record> {
    include_str!("../../tests/journals/healthy.ndjson")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn healthy() -> Results {
    fold(&records()).unwrap()
}

fn damaged(damage: impl FnOnce(&mut Results)) -> Verdict {
    let mut results = healthy();
    damage(&mut results);
    // Reconciliations are part of the fold, so a damaged ledger is reconciled again.
    results.reconciliations =
        results.readings.iter().map(|reading| reconcile(&results.writes, reading)).collect();
    judge(&results)
}

/// As if nothing had been restarted.
fn without_restart(results: &mut Results) {
    results.faults.clear();
    let started = results.api[0].process_started_at;
    results.api.iter_mut().for_each(|api| api.process_started_at = started);
}

fn test(results: &mut Results, id: TestId) -> &mut crate::results::TestResults {
    results.tests.get_mut(&id).unwrap()
}

#[test]
fn a_healthy_check_is_go_with_nothing_to_say() {
    let verdict = judge(&healthy());
    assert_eq!(verdict.word, Word::Go, "{:#?}", verdict.findings);
    assert_eq!(verdict.headline, "GO [rehearsal]");
    assert!(verdict.findings.is_empty() && verdict.unchecked.is_empty());
    assert_eq!(verdict.exit_code(), 0);
}

/// Name, damage, and the code of the finding that must name it.
type Damage = (&'static str, fn(&mut Results), &'static str);

#[test]
fn each_damage_is_no_go_and_named() {
    let damages: [Damage; 33] = [
        (
            "an expansion fails",
            |r| {
                let record = test(r, TestId::L1).operations.get_mut("expand").unwrap();
                record.ok -= 1;
                record.failed.insert("status_500".into(), 1);
            },
            "expand.failing",
        ),
        (
            "the limiter refuses",
            |r| {
                let record = test(r, TestId::L1).operations.get_mut("expand").unwrap();
                record.ok -= 5;
                record.failed.insert("rate_limited".into(), 5);
            },
            "rate_limit.storm",
        ),
        (
            "slow expansions",
            |r| {
                let record = test(r, TestId::L1).operations.get_mut("expand").unwrap();
                for _ in 0..5 {
                    record.latency.record(std::time::Duration::from_secs(6));
                }
            },
            "latency.p95",
        ),
        (
            "an acknowledged node is gone",
            |r| {
                r.readings[0].stored.pop();
            },
            "write.lost",
        ),
        (
            "a node is stored twice",
            |r| {
                let copy = r.readings[0].stored[0].clone();
                r.readings[0].stored.push(copy);
            },
            "write.wrong",
        ),
        ("a foreign node", |r| r.readings[0].stored[0].id = None, "write.lost"),
        (
            "the graph breaks a rule",
            |r| {
                let violation = holdpoint_agentverse::graph::Violation {
                    rule: holdpoint_agentverse::graph::GraphRule::Cycle,
                    id: "n".into(),
                    message: "a cycle".into(),
                    node_ids: Vec::new(),
                    edge_ids: Vec::new(),
                };
                test(r, TestId::L1).graph[0].violations.push(violation);
            },
            "graph.integrity",
        ),
        (
            "two versions share a number",
            |r| {
                let number = test(r, TestId::L2).versions[0].2;
                test(r, TestId::L2).versions[1].2 = number;
            },
            "auto_tune.version_doubled",
        ),
        ("the backlog passes 100", |r| test(r, TestId::L2).backlog[0].waiting = 100, "backlog.peak"),
        ("a job is stuck", |r| r.jobs.values_mut().next().unwrap().stuck = true, "run.stuck"),
        ("a tick is missing", |r| test(r, TestId::L3).streams[0].missing.push(990), "stream.ticks"),
        ("a stream hangs", |r| test(r, TestId::C2).streams[0].end = StreamEndKind::Hung, "stream.ticks"),
        ("a storage probe fails", |r| test(r, TestId::L3).storage_probes[0].ok = false, "bucket.failing"),
        (
            "a run is stuck after the restart",
            |r| {
                r.runs.iter_mut().find(|run| run.test == Some(TestId::C1)).unwrap().stuck =
                    Some(("queued".into(), 30.0));
            },
            "run.stuck",
        ),
        (
            "a run was done twice",
            |r| {
                let run = r.runs.iter_mut().find(|run| run.test == Some(TestId::C1)).unwrap();
                run.audits.last_mut().unwrap().succeeded_traces = 2;
            },
            "run.duplicated",
        ),
        ("a finished run flips", |r| r.runs[3].statuses.push((99_999, "failed".into())), "run.flipped"),
        ("a run did no work", |r| r.runs[3].audits.last_mut().unwrap().agent_steps = Some(0), "run.idle"),
        (
            "a result changed over the fault",
            |r| {
                test(r, TestId::C2).compared[0].after = Some("other".into());
            },
            "data.changed",
        ),
        (
            "an evidence pack is corrupt",
            |r| {
                r.packs.values_mut().next().unwrap().state = PackState::Corrupt;
            },
            "rep.corrupt",
        ),
        (
            "the server says that more waits than we count",
            |r| test(r, TestId::L2).backlog[0].server_says = Some(140),
            "backlog.peak",
        ),
        (
            "a restart is accepted and never done",
            |r| {
                r.faults[0].proven = None;
                r.faults[0].unproven = Some("no proof of a restart within 30 s".into());
                r.faults[0].unchanged = Some("boot-1".into());
            },
            "fault.ignored",
        ),
        (
            "a service comes back after its deadline",
            |r| {
                r.faults[0].proven = None;
                r.faults[0].gone = true;
                r.faults[0].recovered = Some((999.0, "the worker answered a task".into()));
            },
            "fault.not_recovered",
        ),
        ("an artifact lies elsewhere", |r| r.bucket[2].state = PartState::Broken, "bucket.isolation"),
        (
            "another version at the end",
            |r| r.api.last_mut().unwrap().version = "2.0.0".into(),
            "system.changed",
        ),
        (
            "another version for a moment",
            |r| {
                let mut other = r.api[0].clone();
                other.version = "2.0.0".into();
                r.api.insert(1, other);
            },
            "system.changed",
        ),
        (
            "the API restarts before this check restarts it",
            |r| {
                let mut other = r.api.last().unwrap().clone();
                other.at_ms = 1;
                r.api.insert(1, other);
            },
            "system.changed",
        ),
        (
            "a bucket write is slow",
            |r| test(r, TestId::L3).storage_probes[0].write_ms = Some(6000.0),
            "bucket.slow",
        ),
        (
            "no stream can be opened",
            |r| {
                let one = &mut test(r, TestId::L3).streams[0];
                (one.end, one.received, one.completed) = (StreamEndKind::Failed, 0, false);
            },
            "stream.refused",
        ),
        ("the API stands still", |r| r.stalls.push(stall(1)), "api.stalled"),
        ("the server's clock is off", |r| r.clocks = Some((-420_000, Some(300))), "clock.off"),
        (
            "a service that was seen to restart comes back late",
            |r| r.faults[0].recovered.as_mut().unwrap().0 = 31.0,
            "fault.not_recovered",
        ),
        (
            "another deployment serves since the restart",
            |r| {
                let deployments = test(r, TestId::C1).compared.iter_mut();
                deployments.filter(|one| one.what.contains("deployment")).for_each(|one| {
                    one.after = Some("another".into());
                });
            },
            "fault.other_deployment",
        ),
        (
            "an export is gone after the restart",
            |r| {
                let exports = test(r, TestId::C2).compared.iter_mut();
                exports.filter(|one| one.what.contains("export")).for_each(|one| {
                    one.after = Some("gone: status_404".into());
                });
            },
            "data.changed",
        ),
    ];
    for (name, damage, code) in damages {
        let verdict = damaged(damage);
        assert_eq!(verdict.word, Word::NoGo, "{name}: {}", verdict.headline);
        assert_eq!(verdict.exit_code(), 1, "{name}");
        let codes: Vec<&str> = verdict.findings.iter().map(|finding| finding.code.as_str()).collect();
        assert!(codes.contains(&code), "{name}: {code} not in {codes:?}");
        assert!(verdict.findings.iter().all(|finding| finding.witness.len() <= 5));
        let named = verdict.findings.iter().find(|finding| finding.code == code).unwrap();
        let broken = verdict.criteria.iter().find(|row| row.id == named.criterion).unwrap();
        assert_eq!(broken.state, crate::verdict::State::Broken, "{name}");
    }
}

/// A wait that no one should have.
fn stall(from_ms: u64) -> crate::results::Stall {
    crate::results::Stall { from_ms, waited_ms: 6000.0, answered: true }
}

#[test]
fn a_wait_while_a_service_restarts_is_not_held_against_the_api() {
    let verdict = damaged(|results| {
        let during = results.faults[1].intended_ms + 100;
        results.stalls.push(stall(during));
    });
    assert_eq!(verdict.word, Word::Go, "{:#?}", verdict.findings);
}

#[test]
fn a_wait_that_was_too_long_before_a_restart_is_not_excused_by_it() {
    let verdict = damaged(|results| {
        let from_ms = results.faults[0].intended_ms - 5500;
        results.stalls.push(stall(from_ms));
    });
    assert!(verdict.findings.iter().any(|finding| finding.code == "api.stalled"), "{:#?}", verdict.findings);
}

#[test]
fn the_api_may_restart_as_often_as_this_check_restarts_it() {
    // The healthy check restarts it once; a second process that was never asked for is somebody else's.
    let verdict = damaged(|results| {
        let mut again = results.api.last().unwrap().clone();
        again.process_started_at += chrono::TimeDelta::seconds(5);
        results.api.push(again);
    });
    assert!(verdict.findings.iter().any(|finding| finding.code == "system.changed"));
}

#[test]
fn several_processes_that_answer_in_turn_are_no_restarts() {
    let verdict = damaged(|results| {
        let first = results.api[0].clone();
        let mut other = first.clone();
        other.process_started_at += chrono::TimeDelta::seconds(7);
        results.api.splice(1..1, [other.clone(), first, other]);
    });
    assert_eq!(verdict.word, Word::NoVerdict, "{:#?}", verdict.findings);
    assert!(verdict.findings.iter().any(|finding| finding.code == "system.several"));
}

#[test]
fn what_is_missing_is_never_go() {
    type Missing = (&'static str, fn(&mut Results));
    let damages: [Missing; 22] = [
        ("the restart is not proven", |r| r.faults[0].proven = None),
        ("nothing was seen to go, and recovery was looked for after the deadline", |r| {
            r.faults[2].proven = None;
            r.faults[2].unproven = Some("no proof of a restart within 30 s".into());
            r.faults[2].recovered = Some((999.0, "reads answer".into()));
        }),
        ("nobody knows whether the request arrived, and nothing was restarted", |r| {
            r.faults[0].proven = None;
            r.faults[0].requested_at = None;
            r.faults[0].unchanged = Some("boot-1".into());
        }),
        ("the recovery was not seen", |r| r.faults[1].recovered = None),
        ("no run was in flight", |r| {
            for run in r.runs.iter_mut().filter(|run| run.test == Some(TestId::C1)) {
                run.statuses = vec![(run.created_ms, "succeeded".into())];
            }
        }),
        ("nothing was read back", |r| r.readings.clear()),
        ("the graph was not read", |r| test(r, TestId::L1).graph.clear()),
        ("a test was not reached", |r| *test(r, TestId::Bucket) = crate::results::TestResults::default()),
        ("a test stopped", |r| {
            test(r, TestId::L3).ending = Some(Ending::Stopped { reason: "x".into() });
        }),
        ("fewer operations than planned", |r| {
            test(r, TestId::L1).operations.get_mut("expand").unwrap().sent = 59;
        }),
        ("evidence could not be read", |r| {
            r.packs.values_mut().next().unwrap().state = PackState::Unreadable;
        }),
        ("a bucket part was not checked", |r| r.bucket[3].state = PartState::NotChecked),
        ("the computer slept", |r| r.fitness.as_mut().unwrap().longest_stall_ms = 60_000.0),
        ("this computer was offline", |r| {
            r.offline.push(crate::results::Offline { from_ms: 9000, lasted_ms: Some(4000.0) });
        }),
        ("no fitness on record", |r| r.fitness = None),
        ("nobody watched", |r| r.watched = None),
        ("the deployments were not compared", |r| {
            test(r, TestId::C3).compared.retain(|one| !one.what.contains("deployment"));
        }),
        ("the worker's identity was not read again", |r| {
            test(r, TestId::C1).compared.retain(|one| !one.what.contains("boot id"));
        }),
        ("bucket writes have no time", |r| {
            for probe in &mut test(r, TestId::L3).storage_probes {
                (probe.write_ms, probe.read_ms) = (None, None);
            }
        }),
        ("the clocks were not compared", |r| r.clocks = None),
        ("both other clocks differ", |r| r.clocks = Some((-420_000, Some(-420_000)))),
        ("only one other clock, and it differs", |r| r.clocks = Some((-420_000, None))),
    ];
    for (name, damage) in damages {
        let verdict = damaged(damage);
        assert_ne!(verdict.word, Word::Go, "{name}");
        assert_ne!(verdict.exit_code(), 0, "{name}");
    }
}

#[test]
fn an_unfit_generator_does_not_blame_the_target() {
    let verdict = damaged(|results| {
        results.fitness.as_mut().unwrap().longest_stall_ms = 60_000.0;
        let record = test(results, TestId::L1).operations.get_mut("expand").unwrap();
        for _ in 0..20 {
            record.latency.record(std::time::Duration::from_secs(9));
        }
    });
    assert_eq!(verdict.no_verdict, Some(NoVerdict::UnfitGenerator), "{}", verdict.headline);
}

#[test]
fn what_an_offline_computer_did_not_hear_breaks_nothing_and_what_it_read_does() {
    let offline = |results: &mut Results| {
        results.offline.push(crate::results::Offline { from_ms: 2000, lasted_ms: Some(30_000.0) });
        let record = test(results, TestId::L1).operations.get_mut("expand").unwrap();
        record.failed.insert("timeout".into(), 20);
        record.ok -= 20;
        let end = results.steady.iter_mut().rev().find(|one| one.phase == Phase::End).unwrap();
        (end.healthy, end.unanswered) = (false, true);
    };
    let verdict = damaged(offline);
    assert_eq!(verdict.no_verdict, Some(NoVerdict::UnfitGenerator), "{}", verdict.headline);
    // A server that answers with a failure has failed, whatever this computer did meanwhile.
    let verdict = damaged(|results| {
        offline(results);
        let record = test(results, TestId::L1).operations.get_mut("expand").unwrap();
        record.failed.insert("status_500".into(), 1);
    });
    assert_eq!(verdict.word, Word::NoGo);
    // Without an outage of ours the same silence is the system's.
    let verdict = damaged(|results| {
        offline(results);
        results.offline.clear();
    });
    assert_eq!(verdict.word, Word::NoGo);
}

#[test]
fn part_of_the_suite_is_never_go_and_passes() {
    let verdict = damaged(|results| {
        results.plan.suite = Suite::Load;
        results.tests.retain(|test, _| matches!(test, TestId::L1 | TestId::L2 | TestId::L3));
        without_restart(results);
    });
    assert_eq!(verdict.headline, "NO VERDICT, load only: passed [rehearsal]");
    assert_eq!((verdict.word, verdict.exit_code()), (Word::NoVerdict, 0));
}

#[test]
fn simulated_chaos_is_a_label_that_cannot_be_lost() {
    let verdict = damaged(|results| {
        results.plan.chaos = ChaosIntent::Simulated;
        without_restart(results);
    });
    assert_eq!(verdict.headline, "GO (chaos simulated) [rehearsal]");
    assert!(verdict.because.contains("nothing was restarted"));
}

#[test]
fn looser_limits_are_said_in_the_headline() {
    let verdict = damaged(|results| results.plan.parameters.l1.p95_limit_ms = 9000.0);
    assert_eq!(verdict.headline, "GO (1 limit looser) [rehearsal]");
}

/// Rule 6 of the architecture: whatever was recorded before the cut, a cut-off check is NO VERDICT.
#[test]
fn every_prefix_of_a_check_is_cut_off() {
    let records = records();
    for length in 1..records.len() {
        let verdict = judge(&fold(&records[..length]).unwrap());
        assert_eq!(verdict.no_verdict, Some(NoVerdict::CutOff), "after {length} events");
        assert_eq!(verdict.exit_code(), 3);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// No event that carries evidence can be left out without losing the GO; the others change nothing.
    #[test]
    fn without_a_piece_of_evidence_there_is_no_go(pick in 0_usize..100_000) {
        let mut records = records();
        let pick = 1 + pick % (records.len() - 2);
        let removed = records.remove(pick);
        let verdict = judge(&fold(&records).unwrap());
        let needed = matches!(
            removed.event,
            Event::Measured { .. } | Event::WritesReadBack { .. } | Event::TestEnded { .. } | Event::TestStarted { .. }
                | Event::FaultIntended(_) | Event::FaultProven { .. } | Event::FaultRecovered { .. }
                | Event::BucketChecked(_) | Event::StreamEnded(_) | Event::Fitness(_) | Event::WriteAcknowledged { .. }
                | Event::Watched { .. } | Event::ClocksCompared { .. }
        );
        if needed {
            prop_assert_ne!(verdict.word, Word::Go, "without event {}", removed.seq);
        }
    }

    /// A failed write that is not in the store never breaks, one that is acknowledged and not there always does.
    #[test]
    fn unacknowledged_writes_may_vanish_and_acknowledged_may_not(pick in 0_usize..60) {
        let verdict = damaged(|results| {
            let id = results.writes[pick].id.clone();
            results.writes[pick].fate = Fate::Unacknowledged { class: "reset".into(), ambiguous: true };
            test(results, TestId::L1).operations.get_mut("expand").unwrap().ok -= 1;
            results.readings[0].stored.retain(|thing| thing.id.as_deref() != Some(id.as_str()));
        });
        let lost = verdict.criteria.iter().find(|row| row.id == "L1.ledger").unwrap();
        prop_assert_eq!(lost.state, crate::verdict::State::Met);
        let verdict = damaged(|results| {
            let id = results.writes[pick].id.clone();
            results.readings[0].stored.retain(|thing| thing.id.as_deref() != Some(id.as_str()));
        });
        prop_assert_eq!(verdict.word, Word::NoGo);
    }
}

/// A comparison with a baseline: what it is asked to do, and what came of it.
fn compared(gate: Gate, found: Option<Regression>) -> impl FnOnce(&mut Results) {
    move |results| {
        results.plan.parameters.regression.gate = gate;
        results.regression = found;
    }
}

fn found(worse: &[&str]) -> Regression {
    Regression {
        baseline: Some("check 45, the last GO".into()),
        tolerance_pct: 10.0,
        refused: None,
        worse: worse.iter().map(|one| (*one).to_owned()).collect(),
        figures: 30,
        least_pct: Some(12.0),
    }
}

#[test]
fn a_regression_blocks_warns_or_is_not_asked_as_the_plan_says() {
    let worse = || Some(found(&["L1 Node expansion got slower: P95 is 40 % up"]));
    let word = |gate, found| damaged(compared(gate, found));
    assert_eq!(word(Gate::Off, worse()), judge(&healthy()));
    let warned = word(Gate::Warn, worse());
    assert_eq!(warned.word, Word::Go);
    assert!(warned.findings.iter().any(|finding| finding.code == "regression.worse"));
    let blocked = word(Gate::Block, worse());
    assert_eq!(blocked.word, Word::NoGo);
    assert_eq!(word(Gate::Block, Some(found(&[]))).word, Word::Go);
    // Not compared is not passed.
    for missing in [
        None,
        Some(Regression { baseline: None, ..found(&[]) }),
        Some(Regression { refused: Some("l1.rounds differs".into()), ..found(&[]) }),
        Some(Regression { figures: 0, ..found(&[]) }),
    ] {
        assert_eq!(word(Gate::Block, missing.clone()).word, Word::NoVerdict, "{missing:?}");
        assert_eq!(word(Gate::Warn, missing).word, Word::Go);
    }
}

#[test]
fn no_comparison_turns_a_no_go_into_a_go() {
    for gate in [Gate::Off, Gate::Warn, Gate::Block] {
        let verdict = damaged(|results| {
            compared(gate, Some(found(&[])))(results);
            test(results, TestId::L1)
                .operations
                .get_mut("expand")
                .unwrap()
                .failed
                .insert("status_500".into(), 1);
        });
        assert_eq!(verdict.word, Word::NoGo, "{gate:?}");
    }
}

/// A limit that L2 breaks, and who accepted that, until when.
fn accepted(waivers: &[(&str, i64)]) -> Results {
    let mut results = healthy();
    results.plan.parameters.l2.backlog_limit = 1;
    for (name, days) in waivers {
        results.waivers.push(Waiver {
            code: "backlog.peak".into(),
            criterion: "L2.backlog".into(),
            name: (*name).into(),
            reason: "the queue drains, and nobody waits for it".into(),
            expires_at: given() + chrono::Duration::days(*days),
            given_at: given(),
            evidence: None,
        });
    }
    results
}

fn given() -> DateTime<Utc> {
    "2026-02-01T09:00:00Z".parse().unwrap()
}

#[test]
fn what_a_person_accepted_is_waived_until_it_ends() {
    assert_eq!(judge(&accepted(&[])).word, Word::NoGo);
    let results = accepted(&[("Kim", 7)]);
    let on_day = |days| judge_at(&results, given() + chrono::Duration::days(days));
    let held = on_day(6);
    assert_eq!((held.word, held.waivers.len()), (Word::Go, 1));
    assert!(held.headline.starts_with("GO with 1 waiver"), "{}", held.headline);
    assert_eq!(judge(&results), held);
    for days in [7, 8, 400] {
        let over = on_day(days);
        assert_eq!((over.word, over.waivers.len()), (Word::NoGo, 0));
        assert!(
            over.because.ends_with("The waiver of Kim for backlog.peak ended on 2026-02-08."),
            "{}",
            over.because
        );
    }
    let again = judge_at(&accepted(&[("Kim", 7), ("Ada", 30)]), given() + chrono::Duration::days(8));
    assert_eq!((again.word, again.waivers[0].name.as_str()), (Word::Go, "Ada"));
    assert!(!again.because.contains("ended on"), "{}", again.because);
}

#[test]
fn what_touches_integrity_cannot_be_accepted() {
    let mut results = healthy();
    let id = results.writes[0].id.clone();
    results.readings[0].stored.retain(|thing| thing.id.as_deref() != Some(id.as_str()));
    results.reconciliations =
        results.readings.iter().map(|reading| reconcile(&results.writes, reading)).collect();
    let verdict = judge(&results);
    assert_eq!(verdict.word, Word::NoGo);
    for finding in &verdict.findings {
        results.waivers.push(Waiver {
            code: finding.code.clone(),
            criterion: finding.criterion.clone(),
            ..accepted(&[("Kim", 7)]).waivers[0].clone()
        });
    }
    assert_eq!(judge(&results).word, Word::NoGo);
}
