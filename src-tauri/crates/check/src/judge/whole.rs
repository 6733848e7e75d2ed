//! Criteria of the whole check, and those that several tests share.

use super::sheet::{Row, Say, Sheet, witness, worst_lag};
use crate::event::{Phase, RowState, WriteKind};
use crate::parameters::Gate;
use crate::results::RunResults;
use crate::verdict::{State, Weight, Witness};
use crate::words::{Sureness, TestId};

const PROVEN: (State, Sureness) = (State::Met, Sureness::Proven);

/// The preflight: a row that blocks leaves everything unproven.
pub(super) fn preflight(sheet: &mut Sheet<'_>) {
    let rows = &sheet.results.preflight;
    let blocking: Vec<_> = rows.iter().filter(|row| row.state.blocks()).cloned().collect();
    for row in rows.iter().filter(|row| row.state == RowState::NotChecked && !row.remedy.is_empty()) {
        sheet.unchecked.push(format!("{}: {}. {}", row.title, row.observed, row.remedy));
    }
    let state = if rows.is_empty() || !blocking.is_empty() { State::Unproven } else { State::Met };
    sheet.row(Row {
        id: "preflight",
        test: None,
        title: "The environment is ready for a check",
        limit: "every row in order".into(),
        measured: if blocking.is_empty() {
            format!("{} rows looked at", rows.len())
        } else {
            blocking.iter().map(|row| row.title.as_str()).collect::<Vec<_>>().join(", ") + " not in order"
        },
        margin: None,
        bound: None,
        state,
        sureness: if state == State::Met { Sureness::Proven } else { Sureness::NotChecked },
    });
    for row in blocking {
        let say = Say {
            code: row.code.as_deref().unwrap_or("preflight"),
            title: format!("{} — {}", row.title, row.observed),
            happened: row.observed.clone(),
            likely_cause: "",
            next_action: &row.remedy,
            witness: Vec::new(),
        };
        sheet.find("preflight", None, Weight::Unproven, say);
    }
}

/// What concerns no single test.
pub(super) fn criteria(sheet: &mut Sheet<'_>) {
    flips(sheet);
    idle_runs(sheet);
    steady_at_end(sheet);
    super::system::criteria(sheet);
    generator(sheet);
    regression(sheet);
    open_faults(sheet);
}

/// How the check compares with its baseline, where the plan asks for it. It adds a criterion or a note and takes none away.
fn regression(sheet: &mut Sheet<'_>) {
    let plan = &sheet.results.plan.parameters.regression;
    let blocks = match plan.gate {
        Gate::Off => return,
        Gate::Warn => false,
        Gate::Block => true,
    };
    let found = sheet.results.regression.clone();
    let tolerance = found.as_ref().map_or(plan.tolerance_pct, |found| found.tolerance_pct);
    let missing = match &found {
        None => Some("it was not compared with one".to_owned()),
        Some(found) => match (&found.baseline, &found.refused) {
            (_, Some(why)) => Some(why.clone()),
            (None, None) => Some(format!("there is no check for the baseline {}", plan.baseline)),
            _ if found.figures == 0 => Some("no figure has enough samples".to_owned()),
            _ => None,
        },
    };
    let worse = found.as_ref().map_or(&[][..], |found| &found.worse);
    let (state, sureness) = match (&missing, worse.is_empty()) {
        (Some(_), _) => (State::Unproven, Sureness::NotChecked),
        (None, true) => (State::Met, Sureness::Observed),
        (None, false) => (State::Broken, Sureness::Observed),
    };
    let baseline =
        found.as_ref().and_then(|found| found.baseline.clone()).unwrap_or_else(|| plan.baseline.clone());
    if blocks {
        // Latencies are timed here, and an unfit computer times them wrongly.
        sheet.rests_on_us("regression");
        sheet.row(Row {
            id: "regression",
            test: None,
            title: "Figures that are worse than in the baseline",
            limit: format!("0 by more than {tolerance:.0} %"),
            measured: missing.as_ref().map_or_else(
                || {
                    format!(
                        "{} of {} against {baseline}",
                        worse.len(),
                        found.as_ref().map_or(0, |found| found.figures)
                    )
                },
                |why| format!("not compared: {why}"),
            ),
            margin: None,
            bound: found
                .as_ref()
                .and_then(|found| found.least_pct)
                .map(|least| format!("cannot see less than {least:.0} %")),
            state,
            sureness,
        });
    }
    if let Some(why) = missing {
        let say = Say {
            code: "regression.not_compared",
            title: "The check was not compared with its baseline".into(),
            happened: format!(
                "{}{}",
                why.get(..1).unwrap_or_default().to_uppercase(),
                why.get(1..).unwrap_or_default()
            ),
            likely_cause: "",
            next_action: "Choose a baseline with the same plan and environment, or accept this finding for the first check of \
                          its kind",
            witness: Vec::new(),
        };
        sheet.find("regression", None, if blocks { Weight::Unproven } else { Weight::Note }, say);
    } else if !worse.is_empty() {
        let say = Say {
            code: "regression.worse",
            title: format!("{} figures are worse than in {baseline}", worse.len()),
            happened: worse.join("; "),
            likely_cause: "This release is slower than the one before, or the environment is",
            next_action: "Compare the two checks figure by figure; run the same build twice to see how much is noise",
            witness: worse
                .iter()
                .take(5)
                .map(|one| witness(None, "figure", &baseline, one.clone()))
                .collect(),
        };
        sheet.find("regression", None, if blocks { Weight::Breaks } else { Weight::Note }, say);
    }
}

/// Runs that changed after they had ended, and runs done twice, over all runs (late deliveries come late).
fn flips(sheet: &mut Sheet<'_>) {
    let audited = sheet.results.runs.iter().any(|run| !run.audits.is_empty());
    let known = if audited { PROVEN } else { (State::Unproven, Sureness::NotChecked) };
    let flipped: Vec<Witness> = sheet
        .results
        .runs
        .iter()
        .filter_map(|run| {
            let (from, to) = run.flipped()?;
            Some(witness(
                run.statuses.last().map(|(at, _)| *at),
                "run",
                &run.run_id,
                format!("{from}, later {to}"),
            ))
        })
        .collect();
    let bad = flipped.len() as u64;
    let all = sheet.results.runs.len();
    if sheet.none_allowed(
        "runs.flipped",
        None,
        "Runs that changed after their end",
        bad,
        known,
        format!("{bad} of {all}"),
    ) {
        let say = Say {
            code: "run.flipped",
            title: format!("{bad} runs changed after they had ended"),
            happened: flipped
                .first()
                .map_or_else(String::new, |one| format!("run {} was {}", one.id, one.shows)),
            likely_cause: "A second delivery of the same task ran into the first one's rows",
            next_action: "Make the worker skip a task whose run has ended; check the queue's visibility timeout",
            witness: flipped,
        };
        sheet.find("runs.flipped", None, Weight::Breaks, say);
    }
}

/// "Succeeded" alone proves no work (API facts 17.3).
fn idle_runs(sheet: &mut Sheet<'_>) {
    let last = |run: &RunResults| run.audits.last().cloned();
    let audits: Vec<_> =
        sheet.results.runs.iter().filter_map(last).filter(|one| one.status == "succeeded").collect();
    let idle: Vec<Witness> = audits
        .iter()
        .filter(|audit| audit.agent_steps == Some(0))
        .map(|audit| witness(None, "run", &audit.run_id, "succeeded with 0 agent steps"))
        .collect();
    let failed: Vec<Witness> = sheet
        .results
        .runs
        .iter()
        .filter(|run| run.status() == "failed" && run.flipped().is_none())
        .map(|run| witness(run.statuses.last().map(|(at, _)| *at), "run", &run.run_id, "failed"))
        .collect();
    let silent = audits.iter().filter(|audit| audit.agent_steps.is_none()).count();
    if silent > 0 {
        sheet.unchecked.push(format!("{silent} runs state no agent steps, so their work was not counted"));
    }
    let bad = idle.len() as u64;
    let known = match (audits.len(), silent) {
        (0, _) => (State::Unproven, Sureness::NotChecked),
        (_, 0) => PROVEN,
        _ => (State::Met, Sureness::Observed),
    };
    let title = "Runs that succeeded without doing any work";
    if sheet.none_allowed("runs.idle", None, title, bad, known, format!("{bad} of {}", audits.len())) {
        let say = Say {
            code: "run.idle",
            title: format!("{bad} runs succeeded with zero agent steps"),
            happened: "Their execution counters say that no agent did anything".into(),
            likely_cause: "Agents fail every tick and the error is swallowed (known of the first generation)",
            next_action: "Read the worker's log for agent errors and let a run fail when its agents do",
            witness: idle,
        };
        sheet.find("runs.idle", None, Weight::Breaks, say);
    }
    let bad = failed.len() as u64;
    let ended = audits.len() as u64 + bad;
    let known = if ended == 0 { (State::Unproven, Sureness::NotChecked) } else { PROVEN };
    if sheet.none_allowed("runs.failed", None, "Runs that failed", bad, known, format!("{bad} of {ended}")) {
        let say = Say {
            code: "run.failed",
            title: format!("{bad} runs failed"),
            happened: failed.first().map_or_else(String::new, |one| format!("run {} failed", one.id)),
            likely_cause: "The worker, the database or the object store failed during the run",
            next_action: "Read the worker's log for the named runs",
            witness: failed,
        };
        sheet.find("runs.failed", None, Weight::Breaks, say);
    }
}

fn steady_at_end(sheet: &mut Sheet<'_>) {
    let end = sheet.results.steady.iter().rev().find(|one| one.phase == Phase::End).cloned();
    let (state, measured) = match &end {
        None => (State::Unproven, "not looked at".to_owned()),
        Some(one) if one.healthy => (State::Met, one.detail.clone()),
        Some(one) => (State::Broken, one.detail.clone()),
    };
    sheet.row(Row {
        id: "steady.end",
        test: None,
        title: "The system works at the end as at the start",
        limit: "healthy".into(),
        measured: measured.clone(),
        margin: None,
        bound: None,
        state,
        sureness: if end.is_some() { Sureness::Proven } else { Sureness::NotChecked },
    });
    if end.as_ref().is_some_and(|one| one.unanswered) {
        sheet.rests_on_us("steady.end");
    }
    if state == State::Broken {
        let worker = measured.contains("worker");
        let say = Say {
            code: if worker { "worker.down" } else { "steady.broken" },
            title: "The system does not work at the end of the check".into(),
            happened: measured,
            likely_cause: if worker {
                "The worker is dead or hangs; the API goes on calling it healthy"
            } else {
                "A dependency failed during the check and did not come back"
            },
            next_action: "Bring the named service back in Railway, read its log, then run the check again",
            witness: end
                .map(|one| witness(Some(one.at_ms), "steady state", "end", one.detail))
                .into_iter()
                .collect(),
        };
        sheet.find("steady.end", None, Weight::Breaks, say);
    }
}

fn generator(sheet: &mut Sheet<'_>) {
    let limits = holdpoint_load::FitnessLimits::default();
    let lag = worst_lag(sheet.results);
    let unfit = sheet.unfit.join("; ");
    let (state, measured) = match sheet.results.fitness {
        _ if !unfit.is_empty() => (State::Unproven, unfit),
        None => (State::Unproven, "not recorded".to_owned()),
        Some(fitness) => (
            State::Met,
            format!(
                "longest stall {:.0} ms, schedule lag P99 {:.0} ms, always online",
                fitness.longest_stall_ms,
                lag.unwrap_or_default()
            ),
        ),
    };
    sheet.row(Row {
        id: "generator",
        test: None,
        title: "This computer was fit to measure",
        limit: format!("stall < {:.0} ms, lag P99 < {:.0} ms, online", limits.stall_ms, limits.lag_p99_ms),
        measured: measured.clone(),
        margin: None,
        bound: None,
        state,
        sureness: if sheet.results.fitness.is_some() { Sureness::Proven } else { Sureness::NotChecked },
    });
    if !sheet.unfit.is_empty() {
        let say = Say {
            code: "generator.unfit",
            title: "This computer was not fit to measure".into(),
            happened: measured,
            likely_cause: "It was busy with something else, asleep, without network, or its clock was set",
            next_action: "Close what else runs, keep it awake and online, and run the check again; nothing is said about \
                          staging",
            witness: Vec::new(),
        };
        sheet.find("generator", None, Weight::Unproven, say);
    }
}

fn open_faults(sheet: &mut Sheet<'_>) {
    let open: Vec<_> = sheet.results.faults.iter().filter(|fault| fault.is_open()).cloned().collect();
    for fault in open {
        let say = Say {
            code: "fault.open",
            title: format!("The restart of {} was never seen to end", fault.intent.service),
            happened: format!("it was intended at {} and its recovery is not on record", fault.intended_at),
            likely_cause: "The check was cut off, or the service did not come back",
            next_action: "Verify its recovery: holdpoint services recovered FOLDER, or the button beside this verdict; it \
                          looks at the service as it is now and says what brings it back",
            witness: vec![witness(
                Some(fault.intended_ms),
                "fault",
                &fault.intent.fault,
                fault.intent.undo.clone(),
            )],
        };
        sheet.find("fault.open", Some(fault.intent.test), Weight::Breaks, say);
    }
}

/// Runs and jobs of a test that did not end in time.
pub(super) fn stuck(sheet: &mut Sheet<'_>, id: &'static str, test: TestId, deadline_s: u64) {
    stuck_with(sheet, id, test, deadline_s, PROVEN);
}

pub(super) fn stuck_with(
    sheet: &mut Sheet<'_>,
    id: &'static str,
    test: TestId,
    deadline_s: u64,
    known: (State, Sureness),
) {
    // "In time" is measured here.
    sheet.rests_on_us(id);
    let runs = sheet.results.runs_of(test);
    let mut stuck: Vec<Witness> = runs
        .iter()
        .filter_map(|run| {
            let (status, waited) = run.stuck.as_ref()?;
            Some(witness(
                Some(run.created_ms),
                "run",
                &run.run_id,
                format!("still {status} after {waited:.0} s"),
            ))
        })
        .collect();
    let mut all = runs.len();
    if test == TestId::L2 {
        all += sheet.results.jobs.len();
        stuck.extend(
            sheet
                .results
                .jobs
                .iter()
                .filter(|(_, job)| job.stuck)
                .map(|(id, job)| witness(None, "calibration job", id, format!("still {}", job.status))),
        );
    }
    let unended = runs
        .iter()
        .filter(|run| run.stuck.is_none() && !holdpoint_agentverse::types::is_terminal(run.status()))
        .count();
    let known = if all == 0 || unended > 0 || sheet.aborted() {
        (State::Unproven, Sureness::NotChecked)
    } else {
        known
    };
    let bad = stuck.len() as u64;
    let measured = format!("{bad} of {all} within {deadline_s} s");
    if sheet.none_allowed(id, Some(test), "Runs and jobs that are stuck", bad, known, measured) {
        let say = Say {
            code: "run.stuck",
            title: format!("{bad} of {all} runs and jobs are stuck"),
            happened: stuck
                .first()
                .map_or_else(String::new, |one| format!("{} {} is {}", one.what, one.id, one.shows)),
            likely_cause: "The worker crashed or strands work: a task it had taken is not delivered again in time",
            next_action: "Check the worker's log; check that it runs, and the queue's visibility timeout (default 3600 s)",
            witness: stuck,
        };
        sheet.find(id, Some(test), Weight::Breaks, say);
    }
}

/// Runs of a test that were done more than once.
pub(super) fn duplicates(sheet: &mut Sheet<'_>, id: &'static str, test: TestId, known: (State, Sureness)) {
    let runs = sheet.results.runs_of(test);
    let mut unread = 0;
    let mut doubled = Vec::new();
    for run in &runs {
        let Some(audit) = run.audits.last() else {
            unread += 1;
            continue;
        };
        unread += u64::from(!audit.unread.is_empty());
        let mut shows = Vec::new();
        if audit.succeeded_traces > 1 {
            shows.push(format!("done {} times by its traces", audit.succeeded_traces));
        }
        if audit.succeeded_traces > 0 && audit.failed_traces > 0 {
            shows.push("both succeeded and failed by its traces".into());
        }
        if audit.node_refs.is_some_and(|count| count > 1) {
            shows.push(format!("its node refers to it {} times", audit.node_refs.unwrap_or_default()));
        }
        if !shows.is_empty() {
            doubled.push(witness(Some(run.created_ms), "run", &run.run_id, shows.join("; ")));
        }
    }
    let known = if unread > 0 || runs.is_empty() { (State::Unproven, Sureness::NotChecked) } else { known };
    let (bad, all) = (doubled.len() as u64, runs.len());
    let measured =
        if unread > 0 { format!("{bad} of {all}, {unread} not read") } else { format!("{bad} of {all}") };
    if sheet.none_allowed(id, Some(test), "Runs that were done more than once", bad, known, measured) {
        let say = Say {
            code: "run.duplicated",
            title: format!("{bad} runs were done more than once"),
            happened: doubled
                .first()
                .map_or_else(String::new, |one| format!("run {}: {}", one.id, one.shows)),
            likely_cause: "A task was delivered again although it had been done",
            next_action: "Make the worker acknowledge and guard each run once; look at the named runs' traces",
            witness: doubled,
        };
        sheet.find(id, Some(test), Weight::Breaks, say);
    }
}

/// Writes against what is stored.
pub(super) fn ledger(sheet: &mut Sheet<'_>, id: &'static str, test: TestId, kind: WriteKind) {
    ledger_with(sheet, id, test, kind, PROVEN);
}

pub(super) fn ledger_with(
    sheet: &mut Sheet<'_>,
    id: &'static str,
    test: TestId,
    kind: WriteKind,
    known: (State, Sureness),
) {
    let readings = sheet.results.reconciliations_of(test, kind);
    let Some(last) = readings.last().map(|one| (*one).clone()) else {
        sheet.row(Row {
            id,
            test: Some(test),
            title: "Acknowledged writes lost, doubled, altered or invented",
            limit: "0".into(),
            measured: "not read back".into(),
            margin: None,
            bound: None,
            state: State::Unproven,
            sureness: Sureness::NotChecked,
        });
        return;
    };
    let lists = [
        ("lost", &last.lost),
        ("duplicated", &last.duplicated),
        ("altered", &last.altered),
        ("unexpected", &last.unexpected),
    ];
    let bad: u64 = lists.iter().map(|(_, list)| list.len() as u64).sum();
    let measured = format!(
        "{bad}; sent {}, acknowledged {}, kept {}, recovered {}, unknown {}",
        last.sent,
        last.acknowledged,
        last.kept,
        last.recovered.len(),
        last.unknown.len()
    );
    // The load's own count is another record of the same acknowledgements; where they differ, something is missing.
    let operation = match kind {
        WriteKind::Fork => "expand",
        WriteKind::Project => "write",
    };
    let counted = sheet.results.test(test).operations.get(operation).map_or(0, |record| record.ok);
    let known = if last.acknowledged == 0 || counted != last.acknowledged {
        (State::Unproven, Sureness::NotChecked)
    } else {
        known
    };
    let title = "Acknowledged writes lost, doubled, altered or invented";
    if sheet.none_allowed(id, Some(test), title, bad, known, measured.clone()) {
        let witnesses: Vec<Witness> = lists
            .iter()
            .flat_map(|(word, list)| list.iter().map(move |one| witness(None, kind.word(), one, *word)))
            .collect();
        let words: Vec<String> = lists
            .iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(word, list)| format!("{} {word}", list.len()))
            .collect();
        let code = if last.lost.is_empty() { "write.wrong" } else { "write.lost" };
        let say = Say {
            code,
            title: format!("{} {}", kind.word(), words.join(", ")),
            happened: measured,
            likely_cause: "The server acknowledges before the data is safe, or stores it twice",
            next_action: "Look at the named writes in the database and at its commit and durability settings",
            witness: witnesses,
        };
        if !sheet.has_finding(code) {
            sheet.find(id, Some(test), Weight::Breaks, say);
        }
    }
}
