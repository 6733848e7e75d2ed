//! `step3_results.json`: the runbook's keys and types exactly, so that what reads the old file reads ours; everything
//! new lies below one versioned key.

use chrono::{DateTime, SecondsFormat, Utc};
use holdpoint_agentverse::evidence::{EvidenceFile, PackState, PackVerdict};
use holdpoint_check::event::{BUCKET_PARTS, PartState};
use holdpoint_check::results::{Results, TestResults};
use holdpoint_check::statistics::percentile_ms;
use holdpoint_check::verdict::{NoVerdict, State, Verdict, Word};
use holdpoint_check::words::TestId;
use holdpoint_load::Histogram;
use serde_json::{Map, Value, json};

/// The version of what lies below `holdpoint`.
pub const FORMAT: u32 = 1;

/// The whole file.
pub fn document(results: &Results, verdict: &Verdict) -> Value {
    let environment = &results.plan.environment;
    let tests = |list: [TestId; 3]| {
        let entries = list
            .into_iter()
            .filter(|test| results.planned(*test))
            .map(|test| (test.name().to_owned(), metrics(results, verdict, test)));
        Value::Object(entries.collect::<Map<_, _>>())
    };
    let paths: Vec<String> = results
        .packs
        .iter()
        .filter(|(_, pack)| pack.state != PackState::Absent)
        .map(|(run, _)| rep_path(results, run))
        .collect();
    let packs = |state: PackState| results.packs.values().filter(|pack| pack.state == state).count();
    let errors: Vec<Value> = verdict
        .findings
        .iter()
        .map(|finding| {
            json!({
                "phase": finding.test.map_or("check", TestId::name), "error": finding.title, "traceback": "",
            })
        })
        .collect();
    json!({
        "environment": {
            "api_url": environment.api_url, "web_url": environment.web_url, "minio_url": environment.storage.url,
            "bucket": environment.storage.bucket,
            "railway_project_id": environment.railway.as_ref().map_or("", |railway| railway.project_id.as_str()),
        },
        "test_started_at": stamp(results.started_at),
        "test_completed_at": stamp(results.last_at),
        "total_duration_seconds": results.elapsed_ms as f64 / 1000.0,
        "load_tests": tests([TestId::L1, TestId::L2, TestId::L3]),
        "chaos_tests": tests([TestId::C1, TestId::C2, TestId::C3]),
        "all_run_ids": results.runs.iter().map(|run| run.run_id.as_str()).collect::<Vec<_>>(),
        "all_rep_paths": paths,
        "rep_integrity_results":
            results.packs.iter().map(|(run, pack)| rep(results, run, pack)).collect::<Vec<_>>(),
        "bucket_isolation_verified":
            BUCKET_PARTS.iter().all(|letter| {
                let mut looks = results.bucket.iter().filter(|part| part.part == *letter).peekable();
                looks.peek().is_some() && looks.all(|part| part.state == PartState::Holds)
            }),
        "overall_status": overall(verdict),
        "rep_corruption_count": packs(PackState::Corrupt),
        "stuck_runs_count": results.runs.iter().filter(|run| run.stuck.is_some()).count()
            + results.jobs.values().filter(|job| job.stuck).count(),
        "graph_integrity_errors":
            results.tests.values().flat_map(|test| &test.graph).map(|audit| audit.violations.len()).sum::<usize>(),
        "errors": errors,
        "holdpoint": {"format": FORMAT, "verdict": verdict, "results": results},
    })
}

/// The word an old reader knows. Only a GO without waivers is PASS: nothing unproven can read as one.
fn overall(verdict: &Verdict) -> &'static str {
    match (&verdict.word, &verdict.no_verdict) {
        (Word::Go, _) if !verdict.waivers.is_empty() => "PARTIAL",
        (Word::Go, _) => "PASS",
        (Word::NoGo, _) => "FAIL",
        (Word::NoVerdict, Some(NoVerdict::PartOfSuite)) => "SKIP",
        (Word::NoVerdict, _) => "ERROR",
    }
}

fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, false)
}

fn rep_path(results: &Results, run: &str) -> String {
    format!("s3://{}/runs/{run}/", results.plan.environment.storage.bucket)
}

/// The status of one test by its criteria.
pub fn status(verdict: &Verdict, test: TestId) -> &'static str {
    let mut rows = verdict.criteria.iter().filter(|row| row.test == Some(test)).peekable();
    if rows.peek().is_none() {
        return "SKIP";
    }
    let states: Vec<State> = rows.map(|row| row.state).collect();
    // A waiver accepts what was measured; it does not change it.
    if states.contains(&State::Broken) || states.contains(&State::Waived) {
        "FAIL"
    } else if states.contains(&State::Unproven) {
        "ERROR"
    } else if states.contains(&State::Simulated) {
        "SKIP"
    } else {
        "PASS"
    }
}

fn metrics(results: &Results, verdict: &Verdict, test: TestId) -> Value {
    let one = results.test(test);
    let mut latency = Histogram::new();
    let (mut ok, mut failed) = (0, 0);
    let mut classes: Vec<String> = Vec::new();
    for record in one.operations.values() {
        latency.merge(&record.latency);
        ok += record.ok;
        failed += record.failures();
        for class in
            record.failed.keys().filter(|class| !classes.contains(class)).cloned().collect::<Vec<_>>()
        {
            classes.push(class);
        }
    }
    classes.truncate(10);
    if test == TestId::C1 {
        ok = results.runs_of(test).iter().filter(|run| run.status() == "succeeded").count() as u64;
        failed = results.runs_of(test).len() as u64 - ok;
    }
    if test == TestId::C2 {
        ok = one.streams.iter().filter(|stream| stream.completed).count() as u64;
        failed = one.streams.len() as u64 - ok;
    }
    let bucket_failures = one.storage_probes.iter().filter(|probe| !probe.ok).count();
    json!({
        "test_id": format!("{}-{}", test.name(), results.check_id.get(..8).unwrap_or_default()),
        "test_name": format!("{}: {}", test.name(), test.title()),
        "start_time": stamp(one.started_at.unwrap_or(results.started_at)),
        "end_time": stamp(one.ended_at.unwrap_or(results.last_at)),
        "duration_ms": one.elapsed_ms.unwrap_or_default() as f64,
        "status": status(verdict, test),
        "success_count": ok,
        "fail_count": failed,
        "error_codes": classes,
        "p50_ms": percentile_ms(&latency, 0.5).unwrap_or_default(),
        "p95_ms": percentile_ms(&latency, 0.95).unwrap_or_default(),
        "queue_backlog_peak": one.backlog.iter().map(|sample| sample.waiting).max().unwrap_or_default(),
        "bucket_failures": bucket_failures,
        "details": details(results, test, &one),
    })
}

fn details(results: &Results, test: TestId, one: &TestResults) -> Value {
    let parameters = &results.plan.parameters;
    let fault = results.fault_of(test);
    let restarted = fault.is_some_and(|fault| fault.proven.is_some());
    let method = match fault {
        Some(fault) if fault.requested_at.is_some() => "deploymentRestart",
        Some(_) => "refused",
        None => "simulated",
    };
    let runs = results.runs_of(test);
    let with_status = |status: &str| runs.iter().filter(|run| run.status() == status).count();
    let stuck = runs.iter().filter(|run| run.stuck.is_some()).count();
    let doubled =
        runs.iter().filter(|run| run.audits.last().is_some_and(|audit| audit.succeeded_traces > 1)).count();
    match test {
        TestId::L1 => json!({
            "total_requests": parameters.l1.concurrency * parameters.l1.rounds,
            "concurrency": parameters.l1.concurrency, "rounds": parameters.l1.rounds,
        }),
        TestId::L2 => json!({
            "calibration_jobs": parameters.l2.calibrations, "auto_tune_jobs": parameters.l2.auto_tunes,
        }),
        TestId::L3 => json!({
            "streaming_sessions": parameters.l3.streams, "export_jobs": parameters.l3.exports,
        }),
        TestId::C1 => json!({
            "runs_started": runs.len(), "runs_completed": with_status("succeeded"), "runs_failed": with_status("failed"),
            "runs_stuck": stuck, "duplicate_results": doubled,
            "rep_complete": runs.iter().all(|run| {
                results.packs.get(&run.run_id).is_some_and(|pack| pack.state == PackState::Valid)
            }),
            "service_restarted": restarted, "restart_method": method,
        }),
        TestId::C2 => json!({
            "streams_opened": one.streams.len(),
            "streams_reconnected":
                one.streams.iter().filter(|stream| stream.resumed > 0 && stream.completed).count(),
            "streams_failed_gracefully": one
                .streams
                .iter()
                .filter(|stream| stream.end == holdpoint_check::event::StreamEndKind::Failed)
                .count(),
            "run_status_correct": one.compared.iter().all(|pair| pair.before == pair.after),
            "rep_intact": results.packs.values().all(|pack| pack.state == PackState::Valid),
            "service_restarted": restarted, "restart_method": method,
        }),
        _ => json!({
            "db_failure_simulated": restarted, "runs_failed_cleanly": with_status("failed"),
            "runs_recovered": with_status("succeeded"),
            "data_corruption": results.reconciliations.iter().any(|one| one.test == Some(test) && one.is_broken()),
            "stuck_runs": stuck, "method": method, "restart_method": method,
        }),
    }
}

fn rep(results: &Results, run: &str, pack: &PackVerdict) -> Value {
    let names = |present: bool| -> Vec<&str> {
        pack.files
            .iter()
            .filter(|file| (file.state != PackState::Absent) == present)
            .map(|file| file.file.file_name())
            .collect()
    };
    let valid =
        |file: EvidenceFile| pack.files.iter().any(|one| one.file == file && one.state == PackState::Valid);
    let errors: Vec<String> = pack
        .problems()
        .into_iter()
        .take(20)
        .map(|(file, problem)| format!("{file}: {}", problem.message))
        .collect();
    json!({
        "run_id": run, "rep_path": rep_path(results, run), "is_valid": pack.state == PackState::Valid,
        "files_found": names(true), "files_missing": names(false), "trace_valid": valid(EvidenceFile::Trace),
        "ledger_valid": valid(EvidenceFile::LlmLedger), "manifest_valid": valid(EvidenceFile::Manifest),
        "graph_valid": valid(EvidenceFile::UniverseGraph), "report_valid": valid(EvidenceFile::Report),
        "errors": errors,
    })
}
