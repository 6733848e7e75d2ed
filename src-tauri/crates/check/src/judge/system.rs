//! Whether it was one and the same system all the time, whether it answered all the time, and whether its clock is right.

use super::sheet::{Row, Say, Sheet, witness};
use crate::results::{ApiIdentity, Stall};
use crate::verdict::{State, Weight, Witness};
use crate::words::{Service, Sureness};

pub(super) fn criteria(sheet: &mut Sheet<'_>) {
    same(sheet);
    stalls(sheet);
    clocks(sheet);
}

/// Version and environment must not change under a check, not even for a moment, and the API must not restart without
/// us.
fn same(sheet: &mut Sheet<'_>) {
    let looks = &sheet.results.api;
    let Some(first) = looks.first() else { return };
    let one_look = looks.len() < 2;
    let several = several_processes(sheet);
    let mut changes: Vec<Witness> = Vec::new();
    let mut note = |at_ms: u64, version: &str, text: String| {
        if !changes.iter().any(|known| known.shows == text) {
            changes.push(witness(Some(at_ms), "GET /health", version, text));
        }
    };
    let mut restarts = 0;
    for (before, now) in looks.iter().zip(looks.iter().skip(1)) {
        if before.version != now.version {
            note(now.at_ms, &now.version, format!("version {} → {}", before.version, now.version));
        }
        if before.environment != now.environment {
            let text = format!("environment {} → {}", before.environment, now.environment);
            note(now.at_ms, &now.version, text);
        }
        let moved = !before.is_same_process(now);
        restarts += u64::from(moved && !several);
        if moved && restarts > ours(sheet, now.at_ms) {
            let text = "the API restarted although this check did not restart it then".to_owned();
            note(now.at_ms, &now.version, text);
        }
    }
    let told: Vec<&str> = changes.iter().map(|change| change.shows.as_str()).collect();
    let told = told.join("; ");
    let state = match (one_look || several, changes.is_empty()) {
        (_, false) => State::Broken,
        (true, true) => State::Unproven,
        (false, true) => State::Met,
    };
    let unchanged = if several {
        "several processes answer in turn, so nobody can tell whether one was replaced".to_owned()
    } else {
        format!("version {}", first.version)
    };
    sheet.row(Row {
        id: "system.same",
        test: None,
        title: "One and the same system was checked from start to end",
        limit: "unchanged".into(),
        measured: if changes.is_empty() { unchanged.clone() } else { told.clone() },
        margin: None,
        bound: None,
        state,
        sureness: if state == State::Unproven { Sureness::NotChecked } else { Sureness::Proven },
    });
    if state == State::Unproven && several {
        let say = Say {
            code: "system.several",
            title: "The API runs as several processes".into(),
            happened: unchanged,
            likely_cause: "The service has more than one replica",
            next_action: "Set the staging API to one replica for the time of the check, then run it again",
            witness: vec![witness(
                None,
                "GET /health",
                "uptime_seconds",
                "an earlier process answered again",
            )],
        };
        sheet.find("system.same", None, Weight::Unproven, say);
    }
    if state == State::Broken {
        let say = Say {
            code: "system.changed",
            title: "The system changed while it was checked".into(),
            happened: told,
            likely_cause: "Somebody deployed during the check, or the API crashed and was restarted",
            next_action: "Wait until the deployment is finished, then run the check again",
            witness: changes,
        };
        sheet.find("system.same", None, Weight::Breaks, say);
    }
}

/// A process that answers again after another one did was never replaced. While one is being replaced both may answer.
fn several_processes(sheet: &Sheet<'_>) -> bool {
    let looks: Vec<&ApiIdentity> =
        sheet.results.api.iter().filter(|look| !is_restarting(sheet, look.at_ms)).collect();
    looks.iter().enumerate().any(|(at, look)| {
        let earlier = &looks[..at];
        let left = earlier.iter().rposition(|known| known.is_same_process(look));
        left.is_some_and(|left| left + 1 < at)
    })
}

fn is_restarting(sheet: &Sheet<'_>, at_ms: u64) -> bool {
    sheet.results.faults.iter().filter(|fault| fault.refused.is_none()).any(|fault| {
        fault.intended_ms <= at_ms && fault.recovered_ms.is_none_or(|recovered| at_ms <= recovered)
    })
}

/// How often this check had asked for a restart of the API until then; one that did not come back is asked for twice.
fn ours(sheet: &Sheet<'_>, at_ms: u64) -> u64 {
    let faults = sheet.results.faults.iter().filter(|fault| {
        fault.intent.service == Service::Api && fault.refused.is_none() && fault.intended_ms <= at_ms
    });
    faults.map(|fault| 1 + u64::from(fault.not_recovered.is_some())).sum()
}

/// Health questions do not wait for each other, so they feel a stall that a load in rounds would not.
fn stalls(sheet: &mut Sheet<'_>) {
    let results = sheet.results;
    // The runbook names one limit of a wait.
    let limit = results.plan.parameters.l1.p95_limit_ms;
    let (excused, counted): (Vec<&Stall>, Vec<&Stall>) =
        results.stalls.iter().partition(|stall| during_a_fault(sheet, stall));
    let longest = counted.iter().copied().max_by(|one, other| one.waited_ms.total_cmp(&other.waited_ms));
    let over = longest.is_some_and(|stall| stall.waited_ms >= limit);
    let (asked, step) = results.watched.unwrap_or_default();
    let state = match (over, asked) {
        (true, _) => State::Broken,
        (false, 0) => State::Unproven,
        (false, _) => State::Met,
    };
    let mut measured = longest.map_or_else(
        || format!("below 1000 ms, {asked} questions every {step} ms"),
        |stall| format!("{:.0} ms, {asked} questions every {step} ms", stall.waited_ms),
    );
    if !excused.is_empty() {
        measured.push_str("; waits during a restart are not counted");
    }
    sheet.row(Row {
        id: "api.stalls",
        test: None,
        title: "Longest wait for a plain health answer, through the whole check",
        limit: format!("< {limit:.0} ms"),
        measured: measured.clone(),
        margin: longest.map(|stall| format!("{:+.0} ms", limit - stall.waited_ms)),
        bound: None,
        state,
        sureness: if asked == 0 { Sureness::NotChecked } else { Sureness::Observed },
    });
    if !over {
        return;
    }
    sheet.rests_on_us("api.stalls");
    let mut longest: Vec<&Stall> = counted.into_iter().filter(|stall| stall.waited_ms >= limit).collect();
    longest.sort_by(|one, other| other.waited_ms.total_cmp(&one.waited_ms));
    let shown = longest.iter().map(|stall| {
        let end = if stall.answered { "answered" } else { "not answered" };
        witness(
            Some(stall.from_ms),
            "GET /health",
            "question",
            format!("{end} after {:.0} ms", stall.waited_ms),
        )
    });
    let say = Say {
        code: "api.stalled",
        title: "The API stood still".into(),
        happened: format!("a question that touches no dependency waited: {measured}"),
        likely_cause: "A slow call, such as to the object store or the queue, blocks the API's only loop, and every \
                       request waits for it",
        next_action: "Look at the API's log of that moment for a call without a time limit, and make it asynchronous",
        witness: shown.collect(),
    };
    sheet.find("api.stalls", None, Weight::Breaks, say);
}

/// Whether the question waited because of a restart.
fn during_a_fault(sheet: &Sheet<'_>, stall: &Stall) -> bool {
    let end = stall.from_ms as f64 + stall.waited_ms;
    sheet.results.faults.iter().filter(|fault| fault.refused.is_none()).any(|fault| {
        let over = fault.recovered_ms.is_some_and(|recovered| recovered < stall.from_ms);
        // What it had waited for by then is nobody's restart.
        let before = fault.intended_ms as f64 - stall.from_ms as f64;
        let limit = sheet.results.plan.parameters.l1.p95_limit_ms;
        !over && end >= fault.intended_ms as f64 && before < limit
    })
}

/// Of three clocks the one that differs from two is wrong; of two nobody can tell.
fn clocks(sheet: &mut Sheet<'_>) {
    let limit_s = sheet.results.plan.parameters.general.clock_difference_limit_s;
    let fits = |difference: i64| difference.unsigned_abs() <= limit_s.saturating_mul(1000);
    let known = sheet.results.clocks;
    let state = match known {
        None => State::Unproven,
        Some((api, _)) if fits(api) => State::Met,
        Some((_, Some(store))) if fits(store) => State::Broken,
        Some(_) => State::Unproven,
    };
    let seconds = |difference: i64| match difference {
        -49..=49 => "0.0 s".to_owned(),
        _ => format!("{:+.1} s", difference as f64 / 1000.0),
    };
    let measured = match known {
        None => "not compared".to_owned(),
        Some((api, None)) => format!("API {}", seconds(api)),
        Some((api, Some(store))) => format!("API {}, object store {}", seconds(api), seconds(store)),
    };
    sheet.row(Row {
        id: "clocks",
        test: None,
        title: "The server's clock, compared with this computer's and the object store's",
        limit: format!("≤ {limit_s} s"),
        measured: measured.clone(),
        margin: None,
        bound: None,
        state,
        sureness: if known.is_some() { Sureness::Observed } else { Sureness::NotChecked },
    });
    let Some((api, _)) = known.filter(|_| state != State::Met) else { return };
    let shown =
        witness(None, "GET /health", "timestamp", format!("{} from this computer's clock", seconds(api)));
    let say = if state == State::Broken {
        Say {
            code: "clock.off",
            title: format!("The server's clock is off by {}", seconds(api)),
            happened: format!("{measured}; two of three clocks agree, and the API's is the third"),
            likely_cause: "The host of the API does not keep its time",
            next_action: "Redeploy the API on another host and compare again: tokens, windows and evidence carry this time",
            witness: vec![shown],
        }
    } else {
        Say {
            code: "clock.unknown",
            title: "It cannot be told whose clock is wrong".into(),
            happened: measured,
            likely_cause: "This computer's clock is wrong, or the server's is",
            next_action: "Set this computer's clock from the network, then run the check again",
            witness: vec![shown],
        }
    };
    let weight = if state == State::Broken { Weight::Breaks } else { Weight::Unproven };
    sheet.find("clocks", None, weight, say);
}
