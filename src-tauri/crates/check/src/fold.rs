//! Events to results, one at a time; the same for a running check and for one read back.

use holdpoint_agentverse::types::is_terminal;

use crate::event::{Event, Record};
use crate::ledger::{Fate, Reading, Write, reconcile};
use crate::results::{
    ApiIdentity, BacklogSample, CalibrationCheck, Comparison, FailedOperation, FaultResults, GraphAudit,
    JobResults, Offline, Outage, Progress, Results, RunResults, Stall, SteadyState, StorageProbe,
    TestResults,
};
use crate::words::TestId;

/// Why events are no check.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the events do not start with the start of a check")]
pub struct NoStart;

/// Folds a whole journal.
pub fn fold(records: &[Record]) -> Result<Results, NoStart> {
    let mut records = records.iter();
    let mut results = records.next().and_then(start).ok_or(NoStart)?;
    for record in records {
        apply(&mut results, record);
    }
    Ok(results)
}

/// Results of the first event of a check; none for any other event.
pub fn start(record: &Record) -> Option<Results> {
    let Event::CheckStarted { check_id, holdpoint, plan, .. } = &record.event else { return None };
    let tests = plan.suite.tests().into_iter().map(|test| (test, TestResults::default())).collect();
    Some(Results {
        check_id: check_id.clone(),
        holdpoint: holdpoint.clone(),
        plan: (**plan).clone(),
        started_at: record.at,
        last_at: record.at,
        elapsed_ms: record.elapsed_ms,
        ending: None,
        preflight: Vec::new(),
        api: Vec::new(),
        clocks: None,
        stalls: Vec::new(),
        offline: Vec::new(),
        watched: None,
        tests,
        runs: Vec::new(),
        jobs: std::collections::BTreeMap::new(),
        faults: Vec::new(),
        simulated: Vec::new(),
        writes: Vec::new(),
        readings: Vec::new(),
        reconciliations: Vec::new(),
        packs: std::collections::BTreeMap::new(),
        bucket: Vec::new(),
        steady: Vec::new(),
        witness_logs: std::collections::BTreeMap::new(),
        fitness: None,
        intervals: Vec::new(),
        waivers: Vec::new(),
        sign_offs: Vec::new(),
        journal_sha256: None,
        regression: None,
        removed: Vec::new(),
        left: Vec::new(),
    })
}

/// Adds one event.
pub fn apply(results: &mut Results, record: &Record) {
    // What was decided after the check does not make the check longer.
    match &record.event {
        Event::Waived(waiver) => return results.waivers.push(waiver.clone()),
        Event::SignedOff(sign_off) => return results.sign_offs.push(sign_off.clone()),
        _ => {}
    }
    if let Event::Regression(regression) = &record.event {
        results.regression = Some(regression.clone());
        return;
    }
    results.last_at = record.at;
    results.elapsed_ms = record.elapsed_ms;
    let at_ms = record.elapsed_ms;
    match &record.event {
        Event::CheckStarted { .. } | Event::AbortRequested { .. } => {}
        Event::Preflight(row) => results.preflight.push(row.clone()),
        Event::ApiObserved { version, environment, process_started_at } => results.api.push(ApiIdentity {
            at_ms,
            version: version.clone(),
            environment: environment.clone(),
            process_started_at: *process_started_at,
        }),
        Event::ClocksCompared { api_ms, store_ms } => results.clocks = Some((*api_ms, *store_ms)),
        Event::ApiStalled { from_ms, waited_ms, answered } => {
            results.stalls.push(Stall { from_ms: *from_ms, waited_ms: *waited_ms, answered: *answered });
        }
        Event::Offline { from_ms, lasted_ms } => {
            let known = results.offline.iter_mut().find(|one| one.from_ms == *from_ms);
            match known {
                Some(known) => known.lasted_ms = *lasted_ms,
                None => results.offline.push(Offline { from_ms: *from_ms, lasted_ms: *lasted_ms }),
            }
        }
        Event::Watched { questions, step_ms } => results.watched = Some((*questions, *step_ms)),
        Event::Steady { test, phase, healthy, detail, unanswered } => results.steady.push(SteadyState {
            at_ms,
            test: *test,
            phase: *phase,
            healthy: *healthy,
            detail: detail.clone(),
            unanswered: *unanswered,
        }),
        Event::Interval(interval) => results.intervals.push(interval.clone()),
        Event::WitnessLogged { criterion, service, lines } => {
            results.witness_logs.insert(criterion.clone(), (*service, lines.clone()));
        }
        Event::Fitness(fitness) => results.fitness = Some(*fitness),
        Event::CleanedUp { removed, left } => {
            results.removed.extend(removed.iter().cloned());
            results.left.extend(left.iter().cloned());
        }
        Event::CheckEnded { ending } => results.ending = Some(ending.clone()),
        Event::PackJudged { run_id, verdict } => {
            results.packs.insert(run_id.clone(), (**verdict).clone());
        }
        Event::BucketChecked(part) => results.bucket.push(part.clone()),
        Event::WriteSent { .. }
        | Event::WriteAcknowledged { .. }
        | Event::WriteUnacknowledged { .. }
        | Event::WritesReadBack { .. } => apply_write(results, record),
        Event::RunCreated { .. }
        | Event::RunObserved { .. }
        | Event::RunStuck { .. }
        | Event::RunAudited(_) => {
            apply_run(results, record);
        }
        Event::JobObserved { job_id, status, stuck } => {
            results.jobs.insert(job_id.clone(), JobResults { status: status.clone(), stuck: *stuck });
        }
        Event::FaultIntended(_)
        | Event::FaultAccepted { .. }
        | Event::FaultUnanswered { .. }
        | Event::FaultRefused { .. }
        | Event::FaultSimulated { .. }
        | Event::FaultProven { .. }
        | Event::FaultUnproven { .. }
        | Event::FaultRecovered { .. }
        | Event::FaultNotRecovered { .. } => apply_fault(results, record),
        _ => apply_test(results, record),
    }
}

fn apply_write(results: &mut Results, record: &Record) {
    let find = |results: &mut Results, id: &str, fate: Fate| {
        // The newest write first: an id is used once, and recent ones are the usual case.
        if let Some(write) = results.writes.iter_mut().rev().find(|write| write.id == id) {
            write.fate = fate;
        }
    };
    match &record.event {
        Event::WriteSent { test, kind, id } => results.writes.push(Write {
            id: id.clone(),
            test: *test,
            kind: *kind,
            sent_ms: record.elapsed_ms,
            fate: Fate::Open,
        }),
        Event::WriteAcknowledged { id, key, latency_ms } => {
            find(results, id, Fate::Acknowledged { key: key.clone(), latency_ms: *latency_ms });
        }
        Event::WriteUnacknowledged { id, class, ambiguous } => {
            find(results, id, Fate::Unacknowledged { class: class.clone(), ambiguous: *ambiguous });
        }
        Event::WritesReadBack { test, kind, moment, stored } => {
            let reading = Reading {
                test: *test,
                kind: *kind,
                moment: moment.clone(),
                at_ms: record.elapsed_ms,
                stored: stored.clone(),
            };
            results.reconciliations.push(reconcile(&results.writes, &reading));
            results.readings.push(reading);
        }
        _ => {}
    }
}

fn apply_run(results: &mut Results, record: &Record) {
    let at_ms = record.elapsed_ms;
    let find = |results: &mut Results, id: &str, change: &mut dyn FnMut(&mut RunResults)| {
        if let Some(run) = results.runs.iter_mut().find(|run| run.run_id == id) {
            change(run);
        }
    };
    match &record.event {
        Event::RunCreated { test, run_id, node_id } => results.runs.push(RunResults {
            run_id: run_id.clone(),
            node_id: node_id.clone(),
            test: *test,
            created_ms: at_ms,
            statuses: Vec::new(),
            stuck: None,
            audits: Vec::new(),
        }),
        Event::RunObserved { run_id, status } => find(results, run_id, &mut |run| {
            if run.status() != status || run.statuses.is_empty() {
                run.statuses.push((at_ms, status.clone()));
            }
        }),
        Event::RunStuck { run_id, status, waited_s, .. } => find(results, run_id, &mut |run| {
            run.stuck = Some((status.clone(), *waited_s));
        }),
        Event::RunAudited(audit) => find(results, &audit.run_id, &mut |run| {
            if run.status() != audit.status && (is_terminal(run.status()) || is_terminal(&audit.status)) {
                run.statuses.push((at_ms, audit.status.clone()));
            }
            run.audits.push(audit.clone());
        }),
        _ => {}
    }
}

fn apply_fault(results: &mut Results, record: &Record) {
    if let Event::FaultIntended(intent) = &record.event {
        results.faults.push(FaultResults {
            intent: intent.clone(),
            intended_at: record.at,
            intended_ms: record.elapsed_ms,
            requested_at: None,
            unanswered: None,
            refused: None,
            proven: None,
            unproven: None,
            unchanged: None,
            gone: false,
            recovered: None,
            recovered_ms: None,
            not_recovered: None,
        });
        return;
    }
    if let Event::FaultSimulated { test, service } = &record.event {
        results.simulated.push((*test, *service));
        return;
    }
    let (Event::FaultAccepted { fault, .. }
    | Event::FaultUnanswered { fault, .. }
    | Event::FaultRefused { fault, .. }
    | Event::FaultProven { fault, .. }
    | Event::FaultUnproven { fault, .. }
    | Event::FaultRecovered { fault, .. }
    | Event::FaultNotRecovered { fault, .. }) = &record.event
    else {
        return;
    };
    let Some(fault) = results.faults.iter_mut().find(|known| known.intent.fault == *fault) else { return };
    match &record.event {
        Event::FaultAccepted { requested_at, .. } => fault.requested_at = Some(*requested_at),
        Event::FaultUnanswered { message, .. } => fault.unanswered = Some(message.clone()),
        Event::FaultRefused { code, message, remedy, .. } => {
            fault.refused = Some((code.clone(), message.clone(), remedy.clone()));
        }
        Event::FaultProven { how, before, after, .. } => {
            fault.proven = Some((how.clone(), before.clone(), after.clone()));
        }
        Event::FaultUnproven { reason, unchanged, gone, .. } => {
            fault.unproven = Some(reason.clone());
            fault.unchanged.clone_from(unchanged);
            fault.gone = *gone;
        }
        Event::FaultRecovered { seconds, how, .. } => {
            fault.recovered = Some((*seconds, how.clone()));
            fault.recovered_ms = Some(record.elapsed_ms);
        }
        Event::FaultNotRecovered { waited_s, advice, .. } => {
            fault.not_recovered = Some((*waited_s, advice.clone()));
        }
        _ => {}
    }
}

fn apply_test(results: &mut Results, record: &Record) {
    let at_ms = record.elapsed_ms;
    let Some(id) = test_of(&record.event) else { return };
    // A test that was not planned cannot be in a journal of ours; in a foreign one it is kept all the same.
    let test = results.tests.entry(id).or_default();
    match &record.event {
        Event::TestStarted { .. } => {
            test.started_at = Some(record.at);
            test.began_ms = Some(at_ms);
        }
        Event::Progress { done, total, doing, .. } => {
            test.progress = Some(Progress { done: *done, total: *total, doing: doing.clone() });
        }
        Event::Measured { kind, record: measured, .. } => {
            test.operations.entry(kind.clone()).or_default().merge(measured);
        }
        Event::OperationFailed { kind, id, class, detail, .. } => test.failures.push(FailedOperation {
            at_ms,
            kind: kind.clone(),
            id: id.clone(),
            class: class.clone(),
            detail: detail.clone(),
        }),
        Event::Backlog { waiting, oldest_s, server_says, .. } => test.backlog.push(BacklogSample {
            at_ms,
            waiting: *waiting,
            oldest_s: *oldest_s,
            server_says: *server_says,
        }),
        Event::CalibrationChecked { id, answered, recomputed } => test.calibrations.push(CalibrationCheck {
            id: id.clone(),
            answered: *answered,
            recomputed: *recomputed,
        }),
        Event::VersionCreated { id, version_id, number } => {
            test.versions.push((id.clone(), version_id.clone(), *number));
        }
        Event::StreamEnded(outcome) => test.streams.push(outcome.clone()),
        Event::ExportEnded(outcome) => test.exports.push(outcome.clone()),
        Event::StorageProbed { ok, detail, write_ms, read_ms, unanswered, .. } => {
            test.storage_probes.push(StorageProbe {
                at_ms,
                ok: *ok,
                detail: detail.clone(),
                write_ms: *write_ms,
                read_ms: *read_ms,
                unanswered: *unanswered,
            });
        }
        Event::GraphAudited { nodes, edges, violations, .. } => {
            test.graph.push(GraphAudit { nodes: *nodes, edges: *edges, violations: violations.clone() });
        }
        Event::Compared { what, before, after, .. } => test.compared.push(Comparison {
            what: what.clone(),
            before: before.clone(),
            after: after.clone(),
        }),
        Event::Outage { service, from, to, at_most_ms, at_least_ms, failed, classes, .. } => {
            test.outages.push(Outage {
                service: *service,
                from: *from,
                to: *to,
                at_most_ms: *at_most_ms,
                at_least_ms: *at_least_ms,
                failed: *failed,
                classes: classes.clone(),
            });
        }
        Event::Probed { probes, failed, step_ms, .. } => test.probes = Some((*probes, *failed, *step_ms)),
        Event::LogLines { service, lines, .. } => {
            test.logs.entry(*service).or_default().extend(lines.iter().cloned());
        }
        Event::NotDrivable { what, reason, .. } => test.not_drivable.push((what.clone(), reason.clone())),
        Event::TestEnded { ending, .. } => {
            test.ended_at = Some(record.at);
            test.elapsed_ms = test.began_ms.map(|began| at_ms.saturating_sub(began));
            test.ending = Some(ending.clone());
        }
        _ => {}
    }
}

fn test_of(event: &Event) -> Option<TestId> {
    match event {
        Event::TestStarted { test }
        | Event::Progress { test, .. }
        | Event::Measured { test, .. }
        | Event::OperationFailed { test, .. }
        | Event::Backlog { test, .. }
        | Event::StorageProbed { test, .. }
        | Event::GraphAudited { test, .. }
        | Event::Compared { test, .. }
        | Event::Outage { test, .. }
        | Event::Probed { test, .. }
        | Event::LogLines { test, .. }
        | Event::NotDrivable { test, .. }
        | Event::TestEnded { test, .. } => Some(*test),
        Event::StreamEnded(outcome) => Some(outcome.test),
        Event::ExportEnded(_) => Some(TestId::L3),
        Event::CalibrationChecked { .. } | Event::VersionCreated { .. } => Some(TestId::L2),
        _ => None,
    }
}
