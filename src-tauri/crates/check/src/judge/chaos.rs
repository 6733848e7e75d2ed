//! C1 to C3.

use super::load::streams;
use super::sheet::{Row, Say, Sheet, witness};
use super::whole;
use crate::event::{DEPLOYMENT, StreamEndKind, WriteKind};
use crate::plan::ChaosIntent;
use crate::results::{Comparison, FaultResults, TestResults};
use crate::verdict::{State, Weight, Witness};
use crate::words::{Service, Sureness, TestId};

/// The fault itself: proven and over, or labelled, or the reason why not. Answers what a criterion of this test is
/// worth when nothing bad was counted.
fn fault(
    sheet: &mut Sheet<'_>,
    (id, test): (&'static str, TestId),
    service: Service,
    deadline_s: u64,
) -> (State, Sureness) {
    if sheet.results.plan.chaos == ChaosIntent::Simulated {
        let row = Row {
            id,
            test: Some(test),
            title: "The service was restarted, proven by process identity",
            limit: "proven".into(),
            measured: format!("simulated: {service} was not restarted"),
            margin: None,
            bound: None,
            state: State::Simulated,
            sureness: Sureness::Simulated,
        };
        sheet.row(row);
        return (State::Simulated, Sureness::Simulated);
    }
    let fault = sheet.results.fault_of(test).cloned();
    let (state, measured) = match &fault {
        None => (State::Unproven, "no restart was asked for".to_owned()),
        Some(fault) => describe(fault, deadline_s as f64),
    };
    sheet.row(Row {
        id,
        test: Some(test),
        title: "The service was restarted, proven, and came back in time",
        limit: format!("proven, back within {deadline_s} s"),
        measured: measured.clone(),
        margin: fault
            .as_ref()
            .and_then(|fault| fault.recovered.as_ref())
            .map(|(seconds, _)| format!("{:+.1} s", deadline_s as f64 - seconds)),
        bound: None,
        state,
        sureness: if state == State::Met { Sureness::Proven } else { Sureness::NotChecked },
    });
    // That it is late or away is timed and seen from here; that the same process goes on is its own word.
    if fault.as_ref().is_some_and(|fault| ignored(fault).is_none()) {
        sheet.rests_on_us(id);
    }
    if let Some(fault) = &fault {
        explain(sheet, (id, test), service, state, measured, fault);
    }
    // A service that went on as before was not hit, so that it worked says nothing of a restart.
    let not_hit = fault.is_some_and(|fault| fault.proven.is_none() && fault.not_recovered.is_none());
    if state == State::Unproven || not_hit {
        (State::Unproven, Sureness::NotChecked)
    } else {
        (State::Met, Sureness::Proven)
    }
}

/// The identity that still serves although Railway accepted its restart. A request that nobody knows to have arrived was
/// not ignored, and what does not answer any more was hit.
fn ignored(fault: &FaultResults) -> Option<&String> {
    fault.unchanged.as_ref().filter(|_| fault.requested_at.is_some() && fault.not_recovered.is_none())
}

fn describe(fault: &FaultResults, deadline_s: f64) -> (State, String) {
    if let Some((_, message, _)) = &fault.refused {
        return (State::Unproven, format!("not restarted: {message}"));
    }
    if fault.not_recovered.is_some() {
        let back = fault.recovered.as_ref().map_or("it is still away".to_owned(), |(seconds, how)| {
            format!("back only after {seconds:.1} s ({how})")
        });
        return (State::Broken, back);
    }
    // Only what was seen to go can come back too late; recovery is looked for after the proof was given up.
    let went = fault.proven.is_some() || fault.gone;
    if let Some((seconds, how)) =
        fault.recovered.as_ref().filter(|(seconds, _)| went && *seconds > deadline_s)
    {
        return (State::Broken, format!("back only after {seconds:.1} s ({how})"));
    }
    if let Some(identity) = ignored(fault) {
        return (
            State::Broken,
            format!("accepted and never done: {identity} still serves after {deadline_s:.0} s"),
        );
    }
    match (&fault.proven, &fault.recovered) {
        (Some((how, before, after)), Some((seconds, back))) => {
            (State::Met, format!("{how} ({before} → {after}); {back} after {seconds:.1} s"))
        }
        (None, _) => {
            let missing = fault.unproven.as_deref().unwrap_or("no proof of a restart");
            let answer =
                fault.unanswered.as_ref().map_or(String::new(), |answer| format!("; Railway: {answer}"));
            (State::Unproven, format!("{missing}{answer}"))
        }
        (Some(_), None) => (State::Unproven, "the restart happened, its end was not seen".to_owned()),
    }
}

fn explain(
    sheet: &mut Sheet<'_>,
    (id, test): (&'static str, TestId),
    service: Service,
    state: State,
    measured: String,
    fault: &FaultResults,
) {
    let shown =
        witness(Some(fault.intended_ms), "deploymentRestart", &fault.intent.deployment_id, measured.clone());
    let (weight, code, cause, next) = match (state, &fault.refused) {
        (State::Broken, _) if ignored(fault).is_some() => (
            Weight::Breaks,
            "fault.ignored",
            "Railway accepts restarts of this service and does not do them",
            "Restart the service in the Railway dashboard and see whether its process changes; then ask Railway",
        ),
        (State::Broken, _) => (
            Weight::Breaks,
            "fault.not_recovered",
            "The service does not come back from a restart by itself",
            "Bring it back in the Railway dashboard, read its log, and find out why it does not start",
        ),
        (State::Unproven, Some((code, _, remedy))) => (
            Weight::Unproven,
            code.as_str(),
            "Railway refused the restart, or answers with something else than was confirmed; nothing was restarted",
            remedy.as_str(),
        ),
        (State::Unproven, None) if fault.unanswered.is_some() => (
            Weight::Unproven,
            "fault.unproven",
            "Railway gave no definite answer to the restart, and nothing shows that it happened",
            "Look at the service's deployment and log in Railway, then run the check again",
        ),
        (State::Unproven, None) => (
            Weight::Unproven,
            "fault.unproven",
            "Railway accepted the restart but nothing shows that it happened",
            "Look at the service's deployment and log in Railway, then run the check again",
        ),
        _ => return,
    };
    let title = match state {
        State::Broken if ignored(fault).is_some() => {
            format!("The restart of {service} was accepted and never done")
        }
        State::Broken => format!("{service} did not come back from its restart in time"),
        _ => format!("The restart of {service} is not proven"),
    };
    let happened = measured;
    let say = Say { code, title, happened, likely_cause: cause, next_action: next, witness: vec![shown] };
    sheet.find(id, Some(test), weight, say);
}

/// Runs that were under way when the fault was asked for; none means that it hit nothing.
fn in_flight(sheet: &Sheet<'_>, test: TestId) -> u64 {
    let Some(fault) = sheet.results.fault_of(test) else { return 0 };
    sheet
        .results
        .runs_of(test)
        .iter()
        .filter(|run| {
            run.created_ms <= fault.intended_ms
                && !run.statuses.iter().any(|(at, status)| {
                    *at <= fault.intended_ms && holdpoint_agentverse::types::is_terminal(status)
                })
        })
        .count() as u64
}

pub(super) fn c1(sheet: &mut Sheet<'_>) {
    let Some(results) = sheet.completed("C1.completed", TestId::C1) else { return };
    let parameters = sheet.results.plan.parameters.c1.clone();
    let mut known = fault(sheet, ("C1.fault", TestId::C1), Service::Worker, parameters.restart_deadline_s);
    if known.0 == State::Met {
        let flying = in_flight(sheet, TestId::C1);
        let state = if flying > 0 { State::Met } else { State::Unproven };
        sheet.row(Row {
            id: "C1.in_flight",
            test: Some(TestId::C1),
            title: "Runs were under way when the worker was restarted",
            limit: "≥ 1".into(),
            measured: format!("{flying} of {}", sheet.results.runs_of(TestId::C1).len()),
            margin: None,
            bound: None,
            state,
            sureness: Sureness::Observed,
        });
        if state == State::Unproven {
            known = (State::Unproven, Sureness::NotChecked);
            let say = Say {
                code: "fault.missed",
                title: "The worker was restarted when no run was under way".into(),
                happened: "Every run had ended before the restart".into(),
                likely_cause: "Runs are shorter than the time it takes to restart",
                next_action: "Raise c1.runs in the parameters and run the check again",
                witness: Vec::new(),
            };
            sheet.find("C1.in_flight", Some(TestId::C1), Weight::Unproven, say);
        }
    }
    whole::stuck_with(sheet, "C1.stuck", TestId::C1, parameters.run_deadline_s, known);
    whole::duplicates(sheet, "C1.duplicates", TestId::C1, known);
    identity_kept(sheet, ("C1.once", TestId::C1), Service::Worker, results);
    deployment_kept(sheet, ("C1.deployment", TestId::C1), Service::Worker, results);
}

pub(super) fn c2(sheet: &mut Sheet<'_>) {
    let Some(results) = sheet.completed("C2.completed", TestId::C2) else { return };
    let parameters = sheet.results.plan.parameters.c2.clone();
    if let Some((what, reason)) = results.not_drivable.first() {
        sheet.row(Row {
            id: "C2.drivable",
            test: Some(TestId::C2),
            title: "This server can do what the test asks for",
            limit: "everything".into(),
            measured: format!("not: {what}"),
            margin: None,
            bound: None,
            state: State::Broken,
            sureness: Sureness::NotDrivable,
        });
        let say = Say {
            code: "not_drivable",
            title: format!("C2 cannot be driven on this server: {what}"),
            happened: reason.clone(),
            likely_cause: "This generation of the API has no working telemetry stream",
            next_action: "Deploy a version of the API in which the stream works, then run the check again",
            witness: vec![witness(None, "call", what, reason.clone())],
        };
        sheet.find("C2.drivable", Some(TestId::C2), Weight::Breaks, say);
        return;
    }
    let known = fault(sheet, ("C2.fault", TestId::C2), Service::Api, parameters.restart_deadline_s);
    outage_row(sheet, "C2.outage", TestId::C2, results, known);
    streams(sheet, "C2.streams", TestId::C2, results, u64::from(parameters.streams));
    if known.0 != State::Met
        && let Some(row) =
            sheet.criteria.iter_mut().rev().find(|row| row.id == "C2.streams" && row.state == State::Met)
    {
        (row.state, row.sureness) = known;
    }
    let cut =
        results.streams.iter().filter(|one| one.resumed > 0 || one.end == StreamEndKind::Failed).count();
    if known.0 == State::Met && cut == 0 {
        sheet.unchecked.push("C2: no stream was cut by the restart, so resuming was not exercised".into());
    }
    compared(sheet, ("C2.unchanged", TestId::C2), results, known);
    identity_kept(sheet, ("C2.once", TestId::C2), Service::Api, results);
    deployment_kept(sheet, ("C2.deployment", TestId::C2), Service::Api, results);
}

pub(super) fn c3(sheet: &mut Sheet<'_>) {
    let Some(results) = sheet.completed("C3.completed", TestId::C3) else { return };
    let parameters = sheet.results.plan.parameters.c3.clone();
    let known = fault(sheet, ("C3.fault", TestId::C3), Service::Postgres, parameters.restart_deadline_s);
    outage_row(sheet, "C3.outage", TestId::C3, results, known);
    whole::ledger_with(sheet, "C3.ledger", TestId::C3, WriteKind::Project, known);
    whole::stuck_with(sheet, "C3.stuck", TestId::C3, parameters.run_deadline_s, known);
    whole::duplicates(sheet, "C3.duplicates", TestId::C3, known);
    compared(sheet, ("C3.unchanged", TestId::C3), results, known);
    deployment_kept(sheet, ("C3.deployment", TestId::C3), Service::Postgres, results);
    let violations = results.graph.last().map(|audit| audit.violations.clone());
    let bad = violations.as_ref().map_or(0, Vec::len) as u64;
    let state = if violations.is_some() { known } else { (State::Unproven, Sureness::NotChecked) };
    let title = "Universe graph integrity errors after the fault";
    if sheet.none_allowed("C3.graph", Some(TestId::C3), title, bad, state, bad.to_string()) {
        let list = violations.unwrap_or_default();
        let say = Say {
            code: "graph.integrity",
            title: format!("The universe graph breaks {bad} rules after the database restart"),
            happened: list.first().map_or_else(String::new, |one| one.message.clone()),
            likely_cause: "A write was torn by the restart",
            next_action: "Look at the named nodes in the database; check that writes are one transaction",
            witness: list.iter().map(|one| witness(None, "graph", &one.id, one.message.clone())).collect(),
        };
        sheet.find("C3.graph", Some(TestId::C3), Weight::Breaks, say);
    }
}

/// The outage as the prober saw it: shown always, and never a failure by itself.
fn outage_row(
    sheet: &mut Sheet<'_>,
    id: &'static str,
    test: TestId,
    results: &TestResults,
    known: (State, Sureness),
) {
    let (probes, failed, step) = results.probes.unwrap_or_default();
    let measured = match results.outages.as_slice() {
        [] => format!("none seen in {probes} probes every {step} ms"),
        outages => {
            let parts: Vec<String> = outages
                .iter()
                .map(|one| {
                    let classes = one.classes.join(", ");
                    format!("{:.0} to {:.0} ms ({classes})", one.at_least_ms, one.at_most_ms)
                })
                .collect();
            format!("{}; {failed} of {probes} probes failed", parts.join("; "))
        }
    };
    let still_away = results.outages.iter().any(|one| one.to.is_none());
    let state = if still_away {
        State::Broken
    } else if probes == 0 {
        State::Unproven
    } else {
        known.0
    };
    sheet.row(Row {
        id,
        test: Some(test),
        title: "The service answers again after the fault",
        limit: "answers".into(),
        measured: measured.clone(),
        margin: None,
        bound: None,
        state,
        sureness: if probes == 0 { Sureness::NotChecked } else { known.1 },
    });
    sheet.rests_on_us(id);
    if still_away {
        let say = Say {
            code: "outage.open",
            title: format!("{test}: the service did not answer again"),
            happened: measured,
            likely_cause: "The service did not recover",
            next_action: "Look at the service in Railway and its log",
            witness: results
                .outages
                .iter()
                .filter(|one| one.to.is_none())
                .map(|one| witness(None, "probe", &one.from.to_rfc3339(), one.classes.join(", ")))
                .collect(),
        };
        sheet.find(id, Some(test), Weight::Breaks, say);
    }
}

/// What a fault must not change.
fn compared(
    sheet: &mut Sheet<'_>,
    (id, test): (&'static str, TestId),
    results: &TestResults,
    known: (State, Sureness),
) {
    let all = || results.compared.iter().filter(|one| !one.what.contains("since the restart"));
    let changed: Vec<Witness> = all()
        .filter(|one| one.before.is_some() && one.after.is_some() && one.before != one.after)
        .map(|one| {
            let text = |side: &Option<String>| side.clone().unwrap_or_default();
            witness(
                None,
                "compare",
                &one.what,
                format!("{} before, {} after", text(&one.before), text(&one.after)),
            )
        })
        .collect();
    let unread: Vec<&str> = all()
        .filter(|one| one.before.is_none() || one.after.is_none())
        .map(|one| one.what.as_str())
        .collect();
    let count = all().count();
    let state = match (changed.len(), unread.len(), count) {
        (_, _, 0) => (State::Unproven, Sureness::NotChecked),
        (0, missing, _) if missing > 0 => (State::Unproven, Sureness::NotChecked),
        _ => known,
    };
    let bad = changed.len() as u64;
    let measured = if unread.is_empty() {
        format!("{bad} of {count}")
    } else {
        format!("{bad} of {count}; not read: {}", unread.join(", "))
    };
    let title = "Stored results and graph that changed over the fault";
    if sheet.none_allowed(id, Some(test), title, bad, state, measured) {
        let say = Say {
            code: "data.changed",
            title: "Stored data is different after the fault".into(),
            happened: changed.first().map_or_else(String::new, |one| format!("{}: {}", one.id, one.shows)),
            likely_cause: "Data was lost, restored from an older state, or written twice",
            next_action: "Compare the database with its backup before anything is released",
            witness: changed,
        };
        sheet.find(id, Some(test), Weight::Breaks, say);
    } else if state.0 == State::Unproven && !unread.is_empty() {
        let say = Say {
            code: "data.unread",
            title: format!("{} could not be compared over the fault", unread.join(", ")),
            happened: "It could not be read before or after".into(),
            likely_cause: "The endpoint failed",
            next_action: "Look at the API's log, then run the check again",
            witness: Vec::new(),
        };
        sheet.find(id, Some(test), Weight::Unproven, say);
    }
}

/// The identity a restart was proven with must still be there: another one means another restart, by somebody else or
/// by a process that crashes again.
fn identity_kept(
    sheet: &mut Sheet<'_>,
    (id, test): (&'static str, TestId),
    service: Service,
    results: &TestResults,
) {
    let proven = sheet.results.fault_of(test).and_then(|fault| fault.proven.as_ref());
    let compared = since_the_restart(results).find(|one| !one.what.starts_with(DEPLOYMENT)).cloned();
    let Some(one) = compared.or_else(|| proven.map(|(_, _, after)| not_compared(after))) else { return };
    let same = one.after.is_some() && one.before == one.after;
    let after = one.after.clone().unwrap_or_else(|| "unknown".into());
    sheet.row(Row {
        id,
        test: Some(test),
        title: "The service was restarted once",
        limit: "one new process".into(),
        measured: if same { "one".into() } else { format!("another process since: {after}") },
        margin: None,
        bound: None,
        state: match (same, &one.after) {
            (true, _) => State::Met,
            (false, Some(_)) => State::Broken,
            (false, None) => State::Unproven,
        },
        sureness: if one.after.is_some() { Sureness::Proven } else { Sureness::NotChecked },
    });
    if !same {
        let say = Say {
            code: "fault.again",
            title: format!("{service} restarted again after the restart"),
            happened: format!(
                "its identity changed from {} to {after}",
                one.before.clone().unwrap_or_default()
            ),
            likely_cause: "It crashes after its start, or somebody else restarted it meanwhile",
            next_action: "Read its log and Railway's deployments of that minute",
            witness: vec![witness(None, "identity", &after, "another process than the one the restart made")],
        };
        let weight = if one.after.is_some() { Weight::Breaks } else { Weight::Unproven };
        sheet.find(id, Some(test), weight, say);
    }
}

fn since_the_restart(results: &TestResults) -> impl Iterator<Item = &Comparison> {
    results.compared.iter().filter(|one| one.what.contains("since the restart"))
}

/// What a restart that was done must be compared with, and was not.
fn not_compared(before: &str) -> Comparison {
    Comparison { what: String::new(), before: Some(before.into()), after: None }
}

/// A restart starts the same deployment again; another one is another program, whose behaviour this test did not ask for.
fn deployment_kept(
    sheet: &mut Sheet<'_>,
    (id, test): (&'static str, TestId),
    service: Service,
    results: &TestResults,
) {
    let asked = sheet.results.fault_of(test).filter(|fault| fault.refused.is_none());
    let compared = since_the_restart(results).find(|one| one.what.starts_with(DEPLOYMENT)).cloned();
    let missing = || asked.map(|fault| not_compared(&fault.intent.deployment_id));
    let Some(one) = compared.or_else(missing) else { return };
    let (state, measured) = match &one.after {
        Some(after) if one.before.as_ref() == Some(after) => (State::Met, "the same".to_owned()),
        Some(after) => (State::Broken, format!("another since: {after}")),
        None => (State::Unproven, "could not be read afterwards".to_owned()),
    };
    sheet.row(Row {
        id,
        test: Some(test),
        title: "The same deployment serves before and after the restart",
        limit: "the same".into(),
        measured: measured.clone(),
        margin: None,
        bound: None,
        state,
        sureness: if state == State::Unproven { Sureness::NotChecked } else { Sureness::Observed },
    });
    if state == State::Met {
        return;
    }
    let before = one.before.unwrap_or_default();
    let say = Say {
        code: "fault.other_deployment",
        title: format!("Another deployment of {service} serves since the restart"),
        happened: format!("deployment {before} was restarted; {measured}"),
        likely_cause: "Somebody deployed during the check, or Railway did not answer",
        next_action: "Wait until the deployment is finished, then run the check again",
        witness: one
            .after
            .iter()
            .map(|after| witness(None, "deployment", after, format!("not {before}")))
            .collect(),
    };
    let weight = if state == State::Broken { Weight::Breaks } else { Weight::Unproven };
    sheet.find(id, Some(test), weight, say);
}
