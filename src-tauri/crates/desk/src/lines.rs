//! Events in words: what a person reads while a check runs and when it is looked at later.

use std::fmt::Write as _;

use holdpoint_check::event::{CheckEnding, Ending, Event, Phase, Record, RowState, StreamEndKind};
use holdpoint_check::words::TestId;

use crate::view::{EventLine, LineKind};

/// A record in words; none for what only machines read.
pub fn line(record: &Record) -> Option<EventLine> {
    let (kind, test, text) = words(&record.event)?;
    Some(EventLine { seq: record.seq, at_ms: record.elapsed_ms, kind, test, text })
}

fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

fn words(event: &Event) -> Option<(LineKind, Option<TestId>, String)> {
    Some(match event {
        Event::CheckStarted { plan, .. } => (
            LineKind::Info,
            None,
            format!(
                "Check of {} started: {}. {}",
                plan.environment.name,
                plan.suite.scope(),
                if plan.restarts().is_empty() {
                    "Nothing will be restarted."
                } else {
                    "Services will really be restarted."
                }
            ),
        ),
        Event::Preflight(row) => {
            let kind = match row.state {
                RowState::Ok => LineKind::Pass,
                RowState::Warning | RowState::NotChecked => LineKind::Warning,
                RowState::NotReady | RowState::Misconfigured => LineKind::Fail,
            };
            (kind, None, format!("{}: {}.", row.title, row.observed))
        }
        Event::TestStarted { test } => (LineKind::Info, Some(*test), format!("{} started.", test.title())),
        Event::Measured { test, kind, record } => {
            let mut text = format!("{kind}: {} answered, {} failed", record.ok, record.failures());
            if let Some(p95) = holdpoint_check::statistics::percentile_ms(&record.latency, 0.95) {
                let _ = write!(text, ", P95 {p95:.0} ms");
            }
            let kind = if record.failures() > 0 { LineKind::Warning } else { LineKind::Info };
            (kind, Some(*test), format!("{text}."))
        }
        Event::OperationFailed { test, kind, id, class, detail } => {
            (LineKind::Warning, Some(*test), format!("{kind} {id} failed: {class}. {detail}"))
        }
        Event::RunStuck { test, run_id, status, waited_s } => (
            LineKind::Fail,
            *test,
            format!("Run {} is still {status} after {waited_s:.0} s: stuck.", short(run_id)),
        ),
        Event::StreamEnded(outcome) => {
            let ticks = format!("{} ticks received", outcome.received);
            let (kind, how) = match outcome.end {
                StreamEndKind::Complete if outcome.missing.is_empty() => (LineKind::Info, "is complete"),
                StreamEndKind::Complete => (LineKind::Fail, "ended with ticks missing"),
                StreamEndKind::ClosedEarly => (LineKind::Fail, "was closed before its end"),
                StreamEndKind::Failed => (LineKind::Warning, "ended with a clear error"),
                StreamEndKind::Hung => (LineKind::Fail, "hung: neither data nor an end"),
                StreamEndKind::Aborted => (LineKind::Info, "was given up by the abort"),
            };
            let resumed = match outcome.resumed {
                0 => String::new(),
                1 => ", resumed once".to_owned(),
                times => format!(", resumed {times} times"),
            };
            (kind, Some(outcome.test), format!("Stream {} {how}: {ticks}{resumed}.", outcome.id))
        }
        Event::ExportEnded(outcome) => match &outcome.problem {
            Some(problem) => {
                (LineKind::Warning, Some(TestId::L3), format!("Export {}: {problem}.", outcome.id))
            }
            None => return None,
        },
        Event::StorageProbed { test, ok, detail, .. } => {
            let kind = if *ok { LineKind::Info } else { LineKind::Fail };
            (kind, Some(*test), format!("Storage probe: {detail}."))
        }
        Event::GraphAudited { test, nodes, edges, violations } => {
            let kind = if violations.is_empty() { LineKind::Pass } else { LineKind::Fail };
            (
                kind,
                Some(*test),
                format!(
                    "Universe graph read back: {} nodes, {} edges, {} broken rules.",
                    nodes.1,
                    edges.1,
                    violations.len()
                ),
            )
        }
        Event::Compared { test, what, before, after } => {
            if before == after {
                return None;
            }
            (LineKind::Warning, Some(*test), format!("{what} is not what it was before."))
        }
        Event::FaultIntended(intent) => (
            LineKind::Fault,
            Some(intent.test),
            format!(
                "{} is about to be restarted through Railway (deployment {}).{}",
                intent.service.title(),
                short(&intent.deployment_id),
                intent
                    .identity_before
                    .as_ref()
                    .map_or_else(String::new, |identity| format!(" It is {identity} now."))
            ),
        ),
        Event::FaultAccepted { .. } => {
            (LineKind::Info, None, "Railway accepted the restart. Accepted is not restarted.".into())
        }
        Event::FaultUnanswered { message, .. } => (
            LineKind::Info,
            None,
            format!(
                "Railway gave no definite answer ({message}). It is not asked again; what happens decides."
            ),
        ),
        Event::FaultRefused { message, remedy, .. } => {
            (LineKind::Fail, None, format!("The restart was refused: {message}. {remedy}"))
        }
        Event::FaultSimulated { test, service } => (
            LineKind::Simulated,
            Some(*test),
            format!("{} is not restarted: chaos is simulated.", service.title()),
        ),
        Event::FaultProven { how, before, after, .. } => {
            (LineKind::Fault, None, format!("The restart is proven by {how}: {before} became {after}."))
        }
        Event::FaultUnproven { reason, .. } => {
            (LineKind::Fail, None, format!("The restart is not proven: {reason}."))
        }
        Event::FaultRecovered { seconds, how, .. } => {
            (LineKind::Back, None, format!("Back after {seconds:.1} s: {how}."))
        }
        Event::FaultNotRecovered { waited_s, advice, .. } => {
            (LineKind::Fail, None, format!("Not back after {waited_s:.0} s. {advice}"))
        }
        Event::Offline { lasted_ms: None, .. } => (
            LineKind::Warning,
            None,
            "Holdpoint is offline, not the system: none of its hosts can be reached from this computer."
                .into(),
        ),
        Event::Offline { lasted_ms: Some(lasted), .. } => {
            (LineKind::Info, None, format!("The network is back after {:.1} s.", lasted / 1000.0))
        }
        Event::Steady { test, phase, healthy, detail, .. } => {
            let when = match phase {
                Phase::Before => "Before the fault",
                Phase::During => "During the fault",
                Phase::After => "After recovery",
                Phase::End => "At the end",
            };
            let kind = match (healthy, phase) {
                (true, _) => LineKind::Info,
                (false, Phase::During) => LineKind::Warning,
                (false, _) => LineKind::Fail,
            };
            (kind, *test, format!("{when}: {detail}."))
        }
        Event::Outage { test, service, at_least_ms, at_most_ms, to, .. } => {
            let kind = if to.is_some() { LineKind::Info } else { LineKind::Fail };
            (
                kind,
                Some(*test),
                format!("{} did not answer for {at_least_ms:.0} to {at_most_ms:.0} ms.", service.title()),
            )
        }
        Event::PackJudged { run_id, verdict } => {
            let kind = if verdict.problems().is_empty() { LineKind::Pass } else { LineKind::Fail };
            (
                kind,
                Some(TestId::Rep),
                format!("Evidence pack of run {}: {}.", short(run_id), verdict.state.word()),
            )
        }
        Event::BucketChecked(part) => {
            use holdpoint_check::event::PartState;
            let kind = match part.state {
                PartState::Holds => LineKind::Pass,
                PartState::Broken => LineKind::Fail,
                PartState::Unproven | PartState::NotChecked => LineKind::Warning,
            };
            (kind, Some(TestId::Bucket), format!("{}: {}.", part.title, part.observed))
        }
        Event::NotDrivable { test, what, reason } => {
            (LineKind::Fail, Some(*test), format!("This server cannot do it: {what}. {reason}"))
        }
        Event::TestEnded { test, ending } => match ending {
            Ending::Completed => (LineKind::Info, Some(*test), format!("{test} ran to its end.")),
            Ending::Aborted => (LineKind::Warning, Some(*test), format!("{test} was aborted.")),
            Ending::Stopped { reason } => {
                (LineKind::Fail, Some(*test), format!("{test} could not go on: {reason}."))
            }
        },
        Event::AbortRequested { reason } => (LineKind::Warning, None, format!("Abort asked for: {reason}.")),
        Event::CleanedUp { removed, left } => (
            LineKind::Info,
            None,
            format!("Cleaned up: {} removed, {} kinds of things left behind.", removed.len(), left.len()),
        ),
        Event::CheckEnded { ending } => match ending {
            CheckEnding::Completed => (LineKind::Info, None, "Every planned test has ended.".into()),
            CheckEnding::Aborted { reason } => (LineKind::Warning, None, format!("Ended: {reason}.")),
            CheckEnding::Blocked { .. } => {
                (LineKind::Fail, None, "The preflight did not let the check start.".into())
            }
        },
        Event::Waived(waiver) => (
            LineKind::Warning,
            None,
            format!("{} accepted the finding {}: {}", waiver.name, waiver.code, waiver.reason),
        ),
        Event::SignedOff(sign_off) => {
            let against = if sign_off.is_against() { ", against the verdict" } else { "" };
            let kind = if sign_off.is_against() { LineKind::Warning } else { LineKind::Info };
            (kind, None, format!("{} decided: {}{against}.", sign_off.name, sign_off.decision.word()))
        }
        Event::Regression(found) => match (&found.baseline, &found.refused) {
            (Some(baseline), None) if found.worse.is_empty() => (
                LineKind::Info,
                None,
                format!(
                    "Compared with {baseline}: nothing is worse by more than {:.0} %.",
                    found.tolerance_pct
                ),
            ),
            (Some(baseline), None) => {
                (LineKind::Warning, None, format!("Compared with {baseline}: {}.", found.worse.join("; ")))
            }
            (_, why) => (
                LineKind::Warning,
                None,
                format!("Not compared with a baseline: {}.", why.as_deref().unwrap_or("there is none")),
            ),
        },
        _ => return None,
    })
}
