//! A saved check as the page opens it. A pure function of results and verdict, as every report.

use std::collections::BTreeMap;

use chrono::SecondsFormat;
use holdpoint_agentverse::evidence::PackState;
use holdpoint_check::event::{Ending, StreamEndKind};
use holdpoint_check::results::{ApiIdentity, Results, TestResults};
use holdpoint_check::statistics::percentile_ms;
use holdpoint_check::verdict::Verdict;
use holdpoint_check::words::{Service, TestId};
use holdpoint_report::charts::{self, Theme};
use holdpoint_report::{Recorded, details, recorded};

use crate::live::{fault_state, figure};
use crate::summary::{self, short_title};
use crate::view::{
    Chart, CheckSummary, Column, Figure, ForeignReport, PackFile, PackRow, Recovery, Report, Table,
    TestReport,
};

/// Opens a check of ours. `earlier` are recovery times of checks before it, oldest first.
pub fn of_check(
    check: CheckSummary,
    folder: String,
    results: &Results,
    verdict: Verdict,
    theme: Theme,
    earlier: &BTreeMap<Service, Vec<f64>>,
) -> Report {
    let mut timeline = None;
    let mut by_test: BTreeMap<TestId, Vec<Chart>> = BTreeMap::new();
    for one in charts::of_check(results, theme) {
        let test = one.test;
        let chart = chart(one);
        match test {
            Some(test) => by_test.entry(test).or_default().push(chart),
            None => timeline = Some(chart),
        }
    }
    let environment = &results.plan.environment;
    let mut target = vec![
        ("API".to_owned(), environment.api_url.to_string()),
        ("Web".to_owned(), environment.web_url.to_string()),
        ("Object store".to_owned(), environment.storage.url.to_string()),
        ("Bucket".to_owned(), environment.storage.bucket.clone()),
    ];
    if let Some(railway) = &environment.railway {
        target.push(("Railway project".to_owned(), railway.project_id.clone()));
        target.push(("Railway environment".to_owned(), railway.environment_id.clone()));
    }
    let mut last: Option<&ApiIdentity> = None;
    for api in &results.api {
        // Many looks at one process are one line.
        if last.is_some_and(|last| last.is_same(api)) {
            continue;
        }
        last = Some(api);
        target.push((
            "API as seen".to_owned(),
            format!(
                "{} {}, process started {}",
                api.environment,
                api.version,
                api.process_started_at.to_rfc3339_opts(SecondsFormat::Secs, true)
            ),
        ));
    }
    target.push(("Holdpoint".to_owned(), results.holdpoint.clone()));
    target.push(("Check id".to_owned(), results.check_id.clone()));
    let fitness = results.fitness.map_or_else(
        || "This computer's time keeping was not recorded: the check has no end.".to_owned(),
        |fitness| {
            format!(
                "Watched for {:.0} s: longest stall {:.0} ms, largest clock step {:.0} ms.",
                fitness.watched_ms / 1000.0,
                fitness.longest_stall_ms,
                fitness.largest_clock_step_ms
            )
        },
    );
    Report {
        summary: check,
        foreign: None,
        sign_offs: results.sign_offs.clone(),
        journal_sha256: results.journal_sha256.clone(),
        integrity: None,
        target,
        preflight: results.preflight.clone(),
        tests: results
            .plan
            .suite
            .tests()
            .into_iter()
            .map(|test| test_report(results, &verdict, test, by_test.remove(&test).unwrap_or_default()))
            .collect(),
        recoveries: recoveries(results, earlier),
        packs: packs(results),
        bucket: results.bucket.clone(),
        timeline,
        fitness,
        left: results.left.clone(),
        removed: results.removed.clone(),
        plan_digest: results.plan.digest(),
        folder,
        verdict: Some(verdict),
    }
}

/// Opens a file of another program: its claims as claims.
pub fn of_foreign(check: CheckSummary, folder: String, file: &Recorded) -> Report {
    let foreign = recorded::explain(file).map(|explained| ForeignReport {
        runner: explained.runner.into(),
        claims: explained.claims,
        tests: Table {
            title: "What it claims, and what that proves".into(),
            note: String::new(),
            columns: recorded::EXPLAINED_COLUMNS
                .iter()
                .enumerate()
                .map(|(place, title)| column(title, place == 2 || place == 3))
                .collect(),
            rows: explained.tests.iter().map(|row| row.to_vec()).collect(),
        },
        evidence: explained.evidence,
        why_no_verdict: recorded::WHY_NO_VERDICT.into(),
    });
    Report {
        target: vec![("API, as the file states it".to_owned(), check.environment.clone())],
        summary: check,
        verdict: None,
        foreign,
        sign_offs: Vec::new(),
        journal_sha256: None,
        integrity: None,
        preflight: Vec::new(),
        tests: Vec::new(),
        recoveries: Vec::new(),
        packs: Vec::new(),
        bucket: Vec::new(),
        timeline: None,
        fitness: String::new(),
        left: Vec::new(),
        removed: Vec::new(),
        plan_digest: String::new(),
        folder,
    }
}

fn column(title: &str, numeric: bool) -> Column {
    Column { title: title.into(), numeric, mono: false }
}

fn table(one: holdpoint_report::table::Table) -> Table {
    let columns = one.columns.iter().map(|column| Column {
        title: column.title.into(),
        numeric: column.numeric,
        mono: column.mono,
    });
    Table {
        columns: columns.collect(),
        rows: one.rows.into_iter().map(|row| row.cells).collect(),
        title: one.title,
        note: one.note,
    }
}

pub(crate) fn chart(one: charts::Chart) -> Chart {
    let columns = one.columns.iter().enumerate().map(|(place, title)| column(title, place > 0)).collect();
    Chart {
        id: one.id,
        table: Table {
            title: format!("{}, as numbers", one.title),
            note: String::new(),
            columns,
            rows: one.rows,
        },
        title: one.title,
        note: one.note,
        alt: one.alt,
        svg: one.svg,
    }
}

fn test_report(results: &Results, verdict: &Verdict, test: TestId, charts: Vec<Chart>) -> TestReport {
    let one = results.test(test);
    let key = figure(results, test, results.elapsed_ms);
    let state = summary::test_state(results, verdict, test);
    let met = verdict.criteria.iter().filter(|row| row.test == Some(test));
    let broken = verdict
        .criteria
        .iter()
        .find(|row| row.test == Some(test) && row.state == holdpoint_check::verdict::State::Broken);
    let summary = match (broken, &key) {
        (Some(row), _) => format!("{}: {}", row.title, row.measured),
        (None, Some(key)) => [key.label.as_str(), key.value.as_str(), key.unit.as_str()]
            .into_iter()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
            .join(" "),
        (None, None) => format!("{} criteria", met.count()),
    };
    TestReport {
        id: test,
        title: test.title().into(),
        short_title: short_title(test).into(),
        state,
        summary,
        elapsed_ms: one.elapsed_ms,
        figures: figures(results, &one, test),
        charts,
        tables: details::of_test(results, test).into_iter().map(table).collect(),
        stopped: match &one.ending {
            Some(Ending::Stopped { reason }) => Some(reason.clone()),
            _ => None,
        },
    }
}

#[expect(clippy::needless_pass_by_value, reason = "numbers and fresh strings alike")]
fn fig(value: impl ToString, unit: &str, label: impl Into<String>, bad: bool) -> Figure {
    Figure { value: value.to_string(), unit: unit.into(), label: label.into(), bad }
}

fn figures(results: &Results, one: &TestResults, test: TestId) -> Vec<Figure> {
    let parameters = &results.plan.parameters;
    let mut out = Vec::new();
    let latency = summary::latency(results, test);
    let sent: u64 = one.operations.values().map(|record| record.sent).sum();
    let failed: u64 = one.operations.values().map(holdpoint_load::OperationRecord::failures).sum();
    match test {
        TestId::L1 => {
            if let Some(p95) = percentile_ms(&latency, 0.95) {
                let limit = parameters.l1.p95_limit_ms;
                out.push(fig(
                    format!("{p95:.0}"),
                    "ms",
                    format!("P95, limit {limit:.0}\u{a0}ms"),
                    p95 >= limit,
                ));
            }
            out.push(fig(
                failed,
                &format!("of {sent}"),
                format!("failed, limit {}", parameters.l1.failure_limit),
                failed > parameters.l1.failure_limit,
            ));
        }
        TestId::L2 => {
            out.push(fig(
                failed,
                &format!("of {sent}"),
                format!("failed, limit {}", parameters.l2.failure_limit),
                failed > parameters.l2.failure_limit,
            ));
            if let Some(peak) = one.backlog.iter().map(|sample| sample.waiting).max() {
                let limit = parameters.l2.backlog_limit;
                out.push(fig(peak, "", format!("highest backlog, limit {limit}"), peak >= limit));
            }
        }
        TestId::L3 => {
            let whole = one.streams.iter().filter(|stream| stream.completed).count();
            out.push(fig(
                whole,
                &format!("of {}", one.streams.len()),
                "streams complete",
                whole < one.streams.len(),
            ));
            let good = one.exports.iter().filter(|export| export.problem.is_none()).count();
            out.push(fig(
                good,
                &format!("of {}", one.exports.len()),
                "exports read back",
                good < one.exports.len(),
            ));
            let bad = one.storage_probes.iter().filter(|probe| !probe.ok).count();
            out.push(fig(
                bad,
                &format!("of {}", one.storage_probes.len()),
                "bucket failures, limit 0",
                bad > 0,
            ));
        }
        TestId::C1 | TestId::C3 => {
            let runs = results.runs_of(test);
            let done = runs.iter().filter(|run| run.status() == "succeeded").count();
            let stuck = runs.iter().filter(|run| run.stuck.is_some()).count();
            out.push(fig(done, &format!("of {}", runs.len()), "runs finished", false));
            out.push(fig(stuck, "", "stuck, limit 0", stuck > 0));
        }
        TestId::C2 => {
            let resumed = one.streams.iter().filter(|stream| stream.completed).count();
            let clean = one.streams.iter().filter(|stream| stream.end == StreamEndKind::Failed).count();
            let lost = one.streams.len() - resumed - clean.min(one.streams.len() - resumed);
            out.push(fig(resumed, &format!("of {}", one.streams.len()), "streams complete", false));
            out.push(fig(clean, "", "failed cleanly", false));
            out.push(fig(lost, "", "lost, limit 0", lost > 0));
        }
        TestId::Rep => {
            let bad = results.packs.values().filter(|pack| pack.state == PackState::Corrupt).count();
            let absent = results.packs.values().filter(|pack| pack.state == PackState::Absent).count();
            let files: usize = results.packs.values().map(|pack| pack.files.len()).sum();
            let intact: usize = results
                .packs
                .values()
                .flat_map(|pack| &pack.files)
                .filter(|file| file.state == PackState::Valid)
                .count();
            out.push(fig(bad, &format!("of {}", results.packs.len()), "corrupted, limit 0", bad > 0));
            out.push(fig(absent, "", "absent", absent > 0));
            out.push(fig(intact, &format!("of {files}"), "files intact", intact < files));
        }
        TestId::Bucket => {}
    }
    out.extend(
        figure(results, test, results.elapsed_ms).filter(|_| test.is_chaos() || test == TestId::Bucket),
    );
    if let Some(outage) = one.outages.first() {
        out.push(fig(
            format!("{:.1} to {:.1}", outage.at_least_ms / 1000.0, outage.at_most_ms / 1000.0),
            "s",
            format!("{} did not answer", outage.service.title()),
            outage.to.is_none(),
        ));
    }
    out
}

fn recoveries(results: &Results, earlier: &BTreeMap<Service, Vec<f64>>) -> Vec<Recovery> {
    let parameters = &results.plan.parameters;
    let limit = |test| match test {
        TestId::C1 => parameters.c1.restart_deadline_s,
        TestId::C2 => parameters.c2.restart_deadline_s,
        _ => parameters.c3.restart_deadline_s,
    };
    let mut out: Vec<Recovery> = results
        .faults
        .iter()
        .map(|fault| {
            let mut how = Vec::new();
            if let Some((proof, ..)) = &fault.proven {
                how.push(format!("proven by {proof}"));
            }
            if let Some((_, verified)) = &fault.recovered {
                how.push(verified.clone());
            }
            if let Some((code, message, _)) = &fault.refused {
                how.push(format!("refused ({code}): {message}"));
            }
            how.extend(fault.unproven.iter().cloned());
            how.extend(fault.not_recovered.iter().map(|(_, advice)| advice.clone()));
            Recovery {
                service: fault.intent.service,
                test: fault.intent.test,
                state: fault_state(fault),
                seconds: fault.recovered.as_ref().map(|(seconds, _)| *seconds),
                limit_s: limit(fault.intent.test),
                how: how.join("; "),
                identity: fault.proven.as_ref().map(|(_, before, after)| (before.clone(), after.clone())),
                earlier: earlier.get(&fault.intent.service).cloned().unwrap_or_default(),
            }
        })
        .collect();
    out.extend(results.simulated.iter().map(|(test, service)| Recovery {
        service: *service,
        test: *test,
        state: crate::view::FaultState::Simulated,
        seconds: None,
        limit_s: limit(*test),
        how: "not measured: nothing was restarted".into(),
        identity: None,
        earlier: earlier.get(service).cloned().unwrap_or_default(),
    }));
    out
}

fn packs(results: &Results) -> Vec<PackRow> {
    results
        .packs
        .iter()
        .map(|(run_id, pack)| PackRow {
            run_id: run_id.clone(),
            test: results.runs.iter().find(|run| run.run_id == *run_id).and_then(|run| run.test),
            intact: pack.state == PackState::Valid,
            state: pack.state.word().into(),
            files: pack
                .files
                .iter()
                .map(|file| PackFile {
                    name: file.file.file_name().into(),
                    intact: file.state == PackState::Valid,
                    state: file.state.word().into(),
                    records: file.records,
                    size_bytes: file.size_bytes,
                })
                .collect(),
            problems: pack
                .problems()
                .into_iter()
                .take(20)
                .map(|(file, problem)| format!("{file}: {}", problem.message))
                .collect(),
        })
        .collect()
}
