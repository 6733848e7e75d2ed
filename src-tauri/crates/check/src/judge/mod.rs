//! Results to verdict: pure, so that the same results always read the same.
//!
//! Order of verdicts, as in Jepsen: false beats unknown beats true. A broken criterion makes NO-GO; else anything that
//! a criterion needs and that is missing makes NO VERDICT; else GO, with every label it has to carry.

mod chaos;
mod load;
#[cfg(test)]
mod odd_tests;
mod sheet;
mod system;
#[cfg(test)]
mod tests;
mod verify;
mod whole;

use chrono::{DateTime, Utc};

use self::sheet::Sheet;
use crate::environment::Kind;
use crate::event::{CheckEnding, RowState};
use crate::plan::ChaosIntent;
use crate::results::Results;
use crate::verdict::{NoVerdict, State, Verdict, Weight, Word};
use crate::words::{ChaosMode, Suite, TestId};

/// Judges a check as it was when the last waiver was given: for what was just recorded.
pub fn judge(results: &Results) -> Verdict {
    let given = results.waivers.iter().map(|waiver| waiver.given_at).max();
    judge_at(results, given.unwrap_or(DateTime::<Utc>::MIN_UTC))
}

/// Judges a saved check as of now: a waiver that has ended accepts nothing any more.
pub fn judge_now(results: &Results) -> Verdict {
    judge_at(results, Utc::now())
}

/// Judges a check as of a moment. Nothing but the waivers depends on it.
pub fn judge_at(results: &Results, at: DateTime<Utc>) -> Verdict {
    let mut sheet = Sheet::new(results);
    let blocked = matches!(results.ending, Some(CheckEnding::Blocked { .. }));
    whole::preflight(&mut sheet);
    if !blocked {
        for test in results.plan.suite.tests() {
            match test {
                TestId::L1 => load::l1(&mut sheet),
                TestId::L2 => load::l2(&mut sheet),
                TestId::L3 => load::l3(&mut sheet),
                TestId::C1 => chaos::c1(&mut sheet),
                TestId::C2 => chaos::c2(&mut sheet),
                TestId::C3 => chaos::c3(&mut sheet),
                TestId::Rep => verify::rep(&mut sheet),
                TestId::Bucket => verify::bucket(&mut sheet),
            }
        }
        whole::criteria(&mut sheet);
        sheet.excuse();
    }
    let Sheet { mut criteria, mut findings, unchecked, unfit, .. } = sheet;
    findings.sort_by_key(|finding| finding.weight);
    let waivers = crate::waivers::apply(&mut criteria, &findings, &results.waivers, at);
    let ended = crate::waivers::ended(&findings, &results.waivers, &waivers, at);
    let suite = &results.plan.suite;
    let unproven: Vec<String> =
        criteria.iter().filter(|row| row.state == State::Unproven).map(|row| row.id.clone()).collect();
    let broken = criteria.iter().any(|row| row.state == State::Broken);
    let reason = match &results.ending {
        // What was cut off is never called anything else, whatever was seen until then.
        None => Some(NoVerdict::CutOff),
        Some(CheckEnding::Blocked { rows }) => Some(NoVerdict::NotReady {
            rows: rows.clone(),
            misconfigured: results.preflight.iter().any(|row| row.state == RowState::Misconfigured),
        }),
        _ if broken => None,
        Some(CheckEnding::Aborted { .. }) => Some(NoVerdict::Aborted),
        Some(CheckEnding::Completed) if !unfit.is_empty() => Some(NoVerdict::UnfitGenerator),
        Some(CheckEnding::Completed) if !unproven.is_empty() => {
            Some(NoVerdict::Unproven { criteria: unproven })
        }
        Some(CheckEnding::Completed) if !suite.is_whole() => Some(NoVerdict::PartOfSuite),
        Some(CheckEnding::Completed) => None,
    };
    let word = match (&reason, broken) {
        (Some(_), _) => Word::NoVerdict,
        (None, true) => Word::NoGo,
        (None, false) => Word::Go,
    };
    let chaos = chaos_mode(results);
    let rehearsal = results.plan.environment.kind == Kind::Rehearsal;
    let looser = results.plan.parameters.looser_than_runbook();
    let headline = headline(word, reason.as_ref(), suite, chaos, rehearsal, &looser, waivers.len());
    let mut because = vec![because(results, word, reason.as_ref(), &criteria, &findings)];
    because.extend(ended.iter().map(|waiver| {
        let day = waiver.expires_at.format("%Y-%m-%d");
        format!("The waiver of {} for {} ended on {day}.", waiver.name, waiver.code)
    }));
    Verdict {
        word,
        no_verdict: reason,
        scope: suite.scope(),
        chaos,
        rehearsal,
        headline,
        because: because.join(" "),
        looser,
        waivers,
        criteria,
        findings,
        unchecked,
    }
}

fn chaos_mode(results: &Results) -> ChaosMode {
    let reached = results.plan.suite.tests().into_iter().any(|test| {
        test.is_chaos() && results.tests.get(&test).is_some_and(|test| test.started_at.is_some())
    });
    match (reached, results.plan.chaos) {
        (false, _) => ChaosMode::NotRun,
        (true, ChaosIntent::Simulated) => ChaosMode::Simulated,
        (true, ChaosIntent::Real) => ChaosMode::Real,
    }
}

fn headline(
    word: Word,
    reason: Option<&NoVerdict>,
    suite: &Suite,
    chaos: ChaosMode,
    rehearsal: bool,
    looser: &[String],
    waivers: usize,
) -> String {
    let mut labels = Vec::new();
    if chaos == ChaosMode::Simulated {
        labels.push("chaos simulated".to_owned());
    }
    if !looser.is_empty() {
        let plural = if looser.len() == 1 { "limit" } else { "limits" };
        labels.push(format!("{} {plural} looser", looser.len()));
    }
    let mut labels = if labels.is_empty() { String::new() } else { format!(" ({})", labels.join(", ")) };
    if rehearsal {
        labels.push_str(" [rehearsal]");
    }
    let part = if suite.is_whole() { String::new() } else { format!(", {}", suite.scope()) };
    let waived = match waivers {
        0 => String::new(),
        1 => " with 1 waiver".to_owned(),
        many => format!(" with {many} waivers"),
    };
    match (word, reason) {
        (Word::Go, _) => format!("GO{waived}{labels}"),
        (Word::NoGo, _) => format!("NO-GO{part}{waived}{labels}"),
        (Word::NoVerdict, reason) => {
            let why = match reason {
                Some(NoVerdict::CutOff) => format!("{part}: cut off"),
                Some(NoVerdict::Aborted) => format!("{part}: aborted"),
                Some(NoVerdict::NotReady { misconfigured: true, .. }) => {
                    ": the configuration is not right".into()
                }
                Some(NoVerdict::NotReady { .. }) => ": the environment is not ready".into(),
                Some(NoVerdict::PartOfSuite) => format!("{part}: passed"),
                Some(NoVerdict::UnfitGenerator) => format!("{part}: this computer was not fit to measure"),
                Some(NoVerdict::Unproven { .. }) | None => format!("{part}: not everything is proven"),
            };
            format!("NO VERDICT{why}{waived}{labels}")
        }
    }
}

fn because(
    results: &Results,
    word: Word,
    reason: Option<&NoVerdict>,
    criteria: &[crate::verdict::Criterion],
    findings: &[crate::verdict::Finding],
) -> String {
    let count = |state| criteria.iter().filter(|row| row.state == state).count();
    match (word, reason) {
        (Word::Go, _) if count(State::Simulated) > 0 => format!(
            "{} of {} criteria are met; {} were met without their fault: nothing was restarted.",
            count(State::Met),
            criteria.len(),
            count(State::Simulated)
        ),
        (Word::Go, _) if count(State::Waived) > 0 => format!(
            "{} of {} criteria are met; {} are not, and a person accepted that.",
            count(State::Met),
            criteria.len(),
            count(State::Waived)
        ),
        (Word::Go, _) => format!("All {} criteria are met.", criteria.len()),
        (Word::NoGo, _) => {
            let titles: Vec<&str> = findings
                .iter()
                .filter(|finding| finding.weight == Weight::Breaks)
                .map(|finding| finding.title.as_str())
                .take(3)
                .collect();
            format!(
                "{} of {} criteria are not met: {}.",
                count(State::Broken),
                criteria.len(),
                titles.join("; ")
            )
        }
        (Word::NoVerdict, Some(NoVerdict::NotReady { .. })) => results
            .preflight
            .iter()
            .find(|row| row.state.blocks())
            .map_or_else(String::new, |row| format!("{}: {}. {}.", row.title, row.observed, row.remedy)),
        (Word::NoVerdict, Some(NoVerdict::PartOfSuite)) => {
            format!(
                "{} of {} criteria of this part are met. A verdict needs all eight tests.",
                count(State::Met) + count(State::Simulated),
                criteria.len()
            )
        }
        (Word::NoVerdict, Some(NoVerdict::CutOff)) => {
            let kept =
                "The check has no end: Holdpoint was stopped while it ran. Everything up to then is kept.";
            let open: Vec<&str> = results
                .faults
                .iter()
                .filter(|fault| fault.is_open())
                .map(|fault| fault.intent.service.title())
                .collect();
            if open.is_empty() {
                kept.into()
            } else {
                format!("{kept} The restart of {} was never seen to end.", open.join(" and of "))
            }
        }
        (Word::NoVerdict, Some(NoVerdict::Aborted)) => "The check was aborted before it was complete.".into(),
        (Word::NoVerdict, _) => {
            let titles: Vec<&str> = findings
                .iter()
                .filter(|finding| finding.weight == Weight::Unproven)
                .map(|finding| finding.title.as_str())
                .take(3)
                .collect();
            format!(
                "{} of {} criteria are not proven: {}.",
                count(State::Unproven),
                criteria.len(),
                titles.join("; ")
            )
        }
    }
}
