//! A check in one row, and the words its tests have everywhere.

use chrono::{DateTime, Utc};
use holdpoint_check::environment::Kind;
use holdpoint_check::event::Ending;
use holdpoint_check::results::Results;
use holdpoint_check::statistics::percentile_ms;
use holdpoint_check::verdict::{NoVerdict, State, Verdict, Weight, Word};
use holdpoint_check::words::{ChaosMode, TestId};
use holdpoint_load::Histogram;
use holdpoint_report::{Recorded, recorded};

use crate::error::DeskError;
use crate::view::{CheckSummary, Origin, Problem, TestState};

/// A test's shortest title.
pub fn short_title(test: TestId) -> &'static str {
    match test {
        TestId::L1 => "Node expansion",
        TestId::L2 => "Calibration + auto-tune",
        TestId::L3 => "Replay + export",
        TestId::C1 => "Worker restart mid-run",
        TestId::C2 => "API restart mid-stream",
        TestId::C3 => "Database outage",
        TestId::Rep => "Evidence packs",
        TestId::Bucket => "Artifact location",
    }
}

/// How a test stands by its criteria, whether the check still runs or not.
pub fn test_state(results: &Results, verdict: &Verdict, test: TestId) -> TestState {
    let Some(one) = results.tests.get(&test) else { return TestState::NotPlanned };
    match (one.started_at, &one.ending, &results.ending) {
        (None, _, None) => return TestState::Waiting,
        (None, _, Some(_)) => return TestState::Aborted,
        (Some(_), None, None) => return TestState::Running,
        (Some(_), None | Some(Ending::Aborted), _) => return TestState::Aborted,
        (Some(_), Some(_), _) => {}
    }
    let has = |state| verdict.criteria.iter().any(|row| row.test == Some(test) && row.state == state);
    if has(State::Broken) || has(State::Waived) {
        TestState::Failed
    } else if has(State::Unproven) {
        TestState::Unproven
    } else if has(State::Simulated) {
        TestState::Simulated
    } else {
        TestState::Passed
    }
}

/// Latency of a test's answered requests, all kinds together.
pub fn latency(results: &Results, test: TestId) -> Histogram {
    let mut latency = Histogram::new();
    for record in results.tests.get(&test).into_iter().flat_map(|one| one.operations.values()) {
        latency.merge(&record.latency);
    }
    latency
}

/// A check of ours.
pub fn of_check(number: u32, origin: Origin, results: &Results, verdict: &Verdict) -> CheckSummary {
    let l1 = latency(results, TestId::L1);
    let environment = &results.plan.environment;
    CheckSummary {
        number,
        check_id: results.check_id.clone(),
        origin,
        environment: environment.name.clone(),
        kind: environment.kind,
        drill: results.plan.rehearsal_profile.clone().filter(|name| name != "healthy"),
        started_at: results.started_at.to_rfc3339(),
        elapsed_ms: results.elapsed_ms,
        word: verdict.word,
        no_verdict: verdict.no_verdict.clone(),
        headline: verdict.headline.clone(),
        scope: verdict.scope.clone(),
        chaos: verdict.chaos,
        waivers: u32::try_from(verdict.waivers.len()).unwrap_or(u32::MAX),
        looser: u32::try_from(verdict.looser.len()).unwrap_or(u32::MAX),
        tests: TestId::ALL
            .into_iter()
            .map(|test| (test, ended(test_state(results, verdict, test))))
            .collect(),
        l1_p50_ms: percentile_ms(&l1, 0.5),
        l1_p95_ms: percentile_ms(&l1, 0.95),
        l1_limit_ms: results.planned(TestId::L1).then_some(results.plan.parameters.l1.p95_limit_ms),
        recoveries: results
            .faults
            .iter()
            .filter(|fault| fault.proven.is_some())
            .filter_map(|fault| Some((fault.intent.service, fault.recovered.as_ref()?.0)))
            .collect(),
        api_version: results.api.last().map(|api| api.version.clone()),
        findings: verdict
            .findings
            .iter()
            .filter(|finding| finding.weight != Weight::Note)
            .take(3)
            .map(|finding| finding.title.clone())
            .collect(),
    }
}

/// A saved check has nothing that waits or runs: it was cut off there.
fn ended(state: TestState) -> TestState {
    match state {
        TestState::Waiting | TestState::Running => TestState::Aborted,
        other => other,
    }
}

/// A file of another program: it proves nothing, so it passed nothing.
pub fn of_foreign(number: u32, file: &Recorded) -> CheckSummary {
    let explained = recorded::explain(file);
    let text = |pick: fn(&recorded::Explained) -> &str| {
        explained.as_ref().map_or_else(String::new, |explained| pick(explained).to_owned())
    };
    let claims = text(|explained| &explained.claims);
    CheckSummary {
        origin: Origin::Foreign,
        environment: text(|explained| &explained.api_url),
        started_at: text(|explained| &explained.started_at),
        elapsed_ms: explained.as_ref().map_or(0, |explained| explained.seconds.saturating_mul(1000)),
        headline: format!("NO VERDICT: a recorded file of another runner, which claims \"{claims}\""),
        scope: "another runner".into(),
        ..of_nothing(number)
    }
}

/// A check whose files cannot be read: it is there, so it is shown, with the reason.
pub fn of_unreadable(number: u32, began: DateTime<Utc>, error: &DeskError) -> CheckSummary {
    let Problem { message, why, .. } = &error.0;
    CheckSummary {
        started_at: began.to_rfc3339(),
        headline: format!("NO VERDICT: {message} {why}"),
        scope: "unreadable".into(),
        ..of_nothing(number)
    }
}

fn of_nothing(number: u32) -> CheckSummary {
    CheckSummary {
        number,
        check_id: String::new(),
        origin: Origin::Checked,
        environment: String::new(),
        kind: Kind::Staging,
        drill: None,
        started_at: String::new(),
        elapsed_ms: 0,
        word: Word::NoVerdict,
        no_verdict: Some(NoVerdict::Unproven { criteria: Vec::new() }),
        headline: String::new(),
        scope: String::new(),
        chaos: ChaosMode::NotRun,
        waivers: 0,
        looser: 0,
        tests: TestId::ALL.into_iter().map(|test| (test, TestState::Unproven)).collect(),
        l1_p50_ms: None,
        l1_p95_ms: None,
        l1_limit_ms: None,
        recoveries: Vec::new(),
        api_version: None,
        findings: Vec::new(),
    }
}
