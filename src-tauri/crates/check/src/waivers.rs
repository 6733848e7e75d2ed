//! A person may accept a single finding, with name, reason and expiry. What touches integrity cannot be accepted.

use chrono::{DateTime, Utc};

use crate::event::Waiver;
use crate::verdict::{Criterion, Finding, State, Weight};

/// The findings that may be accepted: something is slower, fuller or less complete than demanded. An allow-list, so that a
/// new finding cannot be waived before somebody has thought about it. Lost, duplicated, changed or misplaced data, a fault
/// that is not proven or not over, and an unfit generator are not in it.
const WAIVABLE: [&str; 10] = [
    "auto_tune.failing",
    "backlog.peak",
    "calibration.failing",
    "expand.failing",
    "latency.p95",
    "not_drivable",
    "regression.not_compared",
    "regression.worse",
    "rep.absent",
    "stream.timeout",
];

/// Whether a finding may be accepted at all.
pub fn may_be_waived(finding: &Finding) -> bool {
    finding.weight != Weight::Note && WAIVABLE.contains(&finding.code.as_str())
}

/// Whether a waiver is for this finding, in force or not.
fn is_of(waiver: &Waiver, finding: &Finding) -> bool {
    may_be_waived(finding) && waiver.code == finding.code && waiver.criterion == finding.criterion
}

/// Applies waivers: a criterion whose every finding is accepted at that moment reads [`State::Waived`]. Answers with those
/// in force.
pub(crate) fn apply(
    criteria: &mut [Criterion],
    findings: &[Finding],
    waivers: &[Waiver],
    at: DateTime<Utc>,
) -> Vec<Waiver> {
    let waiver_of = |finding: &Finding| {
        waivers.iter().rev().find(|waiver| {
            is_of(waiver, finding) && waiver.expires_at > waiver.given_at && waiver.expires_at > at
        })
    };
    let mut in_force: Vec<Waiver> = Vec::new();
    for row in criteria.iter_mut().filter(|row| matches!(row.state, State::Broken | State::Unproven)) {
        let on_it: Vec<&Finding> = findings
            .iter()
            .filter(|finding| finding.criterion == row.id && finding.weight != Weight::Note)
            .collect();
        let accepted: Option<Vec<&Waiver>> = on_it.iter().map(|finding| waiver_of(finding)).collect();
        if let Some(accepted) = accepted.filter(|accepted| !accepted.is_empty()) {
            row.state = State::Waived;
            for waiver in accepted {
                if !in_force.contains(waiver) {
                    in_force.push(waiver.clone());
                }
            }
        }
    }
    in_force
}

/// What once accepted one of these findings and does not any more, the latest of each finding.
pub(crate) fn ended<'a>(
    findings: &[Finding],
    waivers: &'a [Waiver],
    in_force: &[Waiver],
    at: DateTime<Utc>,
) -> Vec<&'a Waiver> {
    let of = |finding: &Finding| {
        let mut all = waivers.iter().filter(|waiver| is_of(waiver, finding));
        let again = in_force.iter().any(|waiver| is_of(waiver, finding));
        all.next_back().filter(|waiver| !again && waiver.expires_at <= at)
    };
    let mut ended: Vec<&Waiver> = Vec::new();
    for waiver in findings.iter().filter_map(of) {
        if !ended.contains(&waiver) {
            ended.push(waiver);
        }
    }
    ended
}
