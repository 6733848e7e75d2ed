//! `step3_results.md`: for a release manager. What decides comes first; every number stands beside its limit.

use std::fmt::Write as _;

use holdpoint_agentverse::evidence::PackState;
use holdpoint_check::results::Results;
use holdpoint_check::statistics::{percentile_bound_ms, percentile_ms};
use holdpoint_check::verdict::{Criterion, Verdict, Weight};
use holdpoint_check::words::{ChaosMode, TestId};
use holdpoint_foreign::text as foreign;

use crate::charts::Chart;
use crate::json::status;

/// The whole report, without charts.
pub fn render(results: &Results, verdict: &Verdict) -> String {
    with_charts(results, verdict, &[], "")
}

/// The whole report with its charts as pictures that lie in `folder` beside it.
pub fn with_charts(results: &Results, verdict: &Verdict, charts: &[Chart], folder: &str) -> String {
    let mut text = String::new();
    head(&mut text, results, verdict);
    fix_plan(&mut text, verdict);
    waivers(&mut text, verdict);
    criteria(&mut text, verdict);
    tests(&mut text, results, verdict);
    pictures(&mut text, charts, folder);
    faults(&mut text, results);
    evidence(&mut text, results);
    bucket(&mut text, results);
    unchecked(&mut text, results, verdict);
    text
}

/// The short form: verdict, fix plan and criteria, for a chat or a pull request.
pub fn summary(results: &Results, verdict: &Verdict) -> String {
    let mut text = String::new();
    head(&mut text, results, verdict);
    fix_plan(&mut text, verdict);
    waivers(&mut text, verdict);
    criteria(&mut text, verdict);
    text
}

/// Adds a line. Writing into a `String` cannot fail.
pub(crate) fn line(text: &mut String, content: impl AsRef<str>) {
    let _ = writeln!(text, "{}", content.as_ref());
}

/// A foreign value inside a table or sentence: one line, no Markdown, no HTML, no address that becomes a link.
pub fn inert(value: &str) -> String {
    let value = foreign::line(value);
    let mut out = String::with_capacity(value.len());
    let mut letters = value.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '#' | '\\' | '!' | '~' => {
                out.push('\\');
                out.push(letter);
            }
            // Readers make links of `https://…`, `www.…` and `a@b` by themselves.
            ':' if letters.peek() == Some(&'/') => out.push_str("\\:"),
            '.' if out
                .as_bytes()
                .last_chunk()
                .is_some_and(|end: &[u8; 3]| end.eq_ignore_ascii_case(b"www")) =>
            {
                out.push_str("\\.");
            }
            '@' => out.push_str("\\@"),
            letter => out.push(letter),
        }
    }
    out
}

fn head(text: &mut String, results: &Results, verdict: &Verdict) {
    line(text, format!("# {}", verdict.headline));
    line(text, "");
    line(text, inert(&verdict.because));
    line(text, "");
    if verdict.chaos == ChaosMode::Simulated {
        line(
            text,
            "> **Chaos simulated.** Nothing was restarted. This says nothing about how the system survives a restart.",
        );
        line(text, "");
    }
    if verdict.rehearsal {
        line(text, "> **Rehearsal.** The built-in environment was checked. This says nothing about staging.");
        line(text, "");
    }
    for looser in &verdict.looser {
        line(text, format!("> **Looser than the runbook:** {}", inert(looser)));
        line(text, "");
    }
    let environment = &results.plan.environment;
    line(text, "| | |");
    line(text, "|---|---|");
    let mut row = |name: &str, value: String| line(text, format!("| {name} | {value} |"));
    row("Scope", inert(&verdict.scope));
    row("Chaos", verdict.chaos.word().into());
    row("Environment", format!("{} ({})", inert(&environment.name), inert(environment.api_url.as_str())));
    row("Version", results.api.first().map_or("unknown".into(), |api| inert(&api.version)));
    row("Started", results.started_at.format("%Y-%m-%d %H:%M:%S UTC").to_string());
    row("Duration", format!("{:.1} s", results.elapsed_ms as f64 / 1000.0));
    row("Check", inert(&results.check_id));
    row("Plan", format!("sha256 {}", results.plan.digest().get(..16).unwrap_or_default()));
    row("Holdpoint", inert(&results.holdpoint));
    line(text, "");
}

fn fix_plan(text: &mut String, verdict: &Verdict) {
    if verdict.findings.is_empty() {
        return;
    }
    line(text, "## Findings and fix plan");
    line(text, "");
    for (number, finding) in (1..).zip(&verdict.findings) {
        let weight = match finding.weight {
            Weight::Breaks => "breaks",
            Weight::Unproven => "leaves unproven",
            Weight::Note => "note on",
        };
        line(text, format!("### {number}. {}", inert(&finding.title)));
        line(text, "");
        line(text, format!("- {weight}: {} (code {})", inert(&finding.criterion), inert(&finding.code)));
        line(text, format!("- What happened: {}", inert(&finding.happened)));
        if !finding.likely_cause.is_empty() {
            line(text, format!("- Likely cause: {}", inert(&finding.likely_cause)));
        }
        line(text, format!("- Do next: {}", inert(&finding.next_action)));
        for witness in &finding.witness {
            let at = witness.at_ms.map_or(String::new(), |at| format!(" at {:.1} s", at as f64 / 1000.0));
            line(
                text,
                format!(
                    "- Witness{at}: {} {}: {}",
                    inert(&witness.what),
                    inert(&witness.id),
                    inert(&witness.shows)
                ),
            );
        }
        for logged in &finding.logged {
            line(text, format!("- Logged then by {}", inert(logged)));
        }
        line(text, "");
    }
}

/// Who accepted what: as loud as the verdict it changed.
fn waivers(text: &mut String, verdict: &Verdict) {
    if verdict.waivers.is_empty() {
        return;
    }
    line(text, "## Waivers");
    line(text, "");
    for waiver in &verdict.waivers {
        line(
            text,
            format!(
                "- **{}** on {}: accepted by {} until {}. Reason: {}",
                inert(&waiver.code),
                inert(&waiver.criterion),
                inert(&waiver.name),
                waiver.expires_at.format("%Y-%m-%d %H:%M UTC"),
                inert(&waiver.reason)
            ),
        );
    }
    line(text, "");
}

pub(crate) fn pictures(text: &mut String, charts: &[Chart], folder: &str) {
    if charts.is_empty() {
        return;
    }
    line(text, "## Charts");
    line(text, "");
    for chart in charts {
        let test = chart.test.map_or_else(String::new, |test| format!("{test}: "));
        line(text, format!("**{test}{}**", inert(&chart.title)));
        line(text, "");
        line(text, format!("![{}]({folder}/{}.svg)", inert(&chart.alt), chart.id));
        line(text, "");
    }
}

fn criteria(text: &mut String, verdict: &Verdict) {
    line(text, "## Criteria");
    line(text, "");
    line(text, "| Criterion | Limit | Measured | Margin | 95 % bound | How sure | State |");
    line(text, "|---|---|---|---|---|---|---|");
    for row in &verdict.criteria {
        let Criterion { title, limit, measured, margin, bound, sureness, state, test, .. } = row;
        let test = test.map_or(String::new(), |test| format!("{test}: "));
        line(
            text,
            format!(
                "| {test}{} | {} | {} | {} | {} | {} | {} |",
                inert(title),
                inert(limit),
                inert(measured),
                margin.as_deref().map(inert).unwrap_or_default(),
                bound.as_deref().map(inert).unwrap_or_default(),
                sureness.word(),
                state.word()
            ),
        );
    }
    line(text, "");
}

fn tests(text: &mut String, results: &Results, verdict: &Verdict) {
    line(text, "## Tests");
    line(text, "");
    line(text, "| Test | Operation | Sent | Failed | P50 | P95 (95 % bound) | Max | Status |");
    line(text, "|---|---|---|---|---|---|---|---|");
    for (test, one) in &results.tests {
        let status = status(verdict, *test);
        let status = if status == "SKIP" && one.started_at.is_some() { "simulated" } else { status };
        if one.operations.is_empty() {
            line(text, format!("| {test} {} | | | | | | | {status} |", test.title()));
        }
        for (kind, record) in &one.operations {
            let ms = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.0} ms"));
            line(
                text,
                format!(
                    "| {test} {} | {} | {} | {} | {} | {} ({}) | {} | {status} |",
                    test.title(),
                    inert(kind),
                    record.sent,
                    record.failures(),
                    ms(percentile_ms(&record.latency, 0.5)),
                    ms(percentile_ms(&record.latency, 0.95)),
                    percentile_bound_ms(&record.latency, 0.95)
                        .map_or("too few samples".to_owned(), |bound| format!("below {bound:.0} ms")),
                    ms(record.latency.max_ms()),
                ),
            );
        }
    }
    line(text, "");
    line(
        text,
        "Latency counts from the intended start of each operation. P99 is not stated: it needs at least 299 samples.",
    );
    line(text, "");
}

fn faults(text: &mut String, results: &Results) {
    if results.faults.is_empty() && results.simulated.is_empty() {
        return;
    }
    line(text, "## Faults");
    line(text, "");
    line(text, "| Test | Service | Requested | Proof | Back after | Outage seen by the prober |");
    line(text, "|---|---|---|---|---|---|");
    for (test, service) in &results.simulated {
        line(
            text,
            format!("| {test} | {service} | simulated: not restarted | none | not measured | not measured |"),
        );
    }
    for fault in &results.faults {
        let requested =
            fault.requested_at.map_or("not accepted".into(), |at| at.format("%H:%M:%S%.3f UTC").to_string());
        let proof = match (&fault.proven, &fault.refused, &fault.unproven) {
            (Some((how, before, after)), _, _) => {
                format!("{}: {} → {}", inert(how), inert(before), inert(after))
            }
            (None, Some((_, message, _)), _) => format!("refused: {}", inert(message)),
            (None, None, Some(reason)) => format!("none: {}", inert(reason)),
            (None, None, None) => "none".into(),
        };
        let back = match (&fault.recovered, &fault.not_recovered) {
            (Some((seconds, how)), _) => format!("{seconds:.1} s ({})", inert(how)),
            (None, Some((waited, advice))) => format!("not within {waited:.0} s: {}", inert(advice)),
            (None, None) => "not seen".into(),
        };
        let outages: Vec<String> = results
            .test(fault.intent.test)
            .outages
            .iter()
            .map(|outage| format!("{:.0} to {:.0} ms", outage.at_least_ms, outage.at_most_ms))
            .collect();
        let seen = if outages.is_empty() { "none".into() } else { outages.join(", ") };
        line(
            text,
            format!(
                "| {} | {} | {requested} | {proof} | {back} | {seen} |",
                fault.intent.test, fault.intent.service
            ),
        );
    }
    line(text, "");
}

fn evidence(text: &mut String, results: &Results) {
    if !results.planned(TestId::Rep) {
        return;
    }
    line(text, "## Evidence packs");
    line(text, "");
    let count = |state| results.packs.values().filter(|pack| pack.state == state).count();
    line(
        text,
        format!(
            "{} valid, {} corrupt, {} absent, {} unreadable.",
            count(PackState::Valid),
            count(PackState::Corrupt),
            count(PackState::Absent),
            count(PackState::Unreadable)
        ),
    );
    line(text, "");
    line(text, "| Run | State | Events | Calls | First problem |");
    line(text, "|---|---|---|---|---|");
    for (run, pack) in &results.packs {
        let records = |name: &str| {
            pack.files
                .iter()
                .find(|file| file.file.file_name() == name)
                .and_then(|file| file.records)
                .map_or(String::new(), |count| count.to_string())
        };
        let first = pack
            .problems()
            .first()
            .map_or(String::new(), |(file, problem)| format!("{file}: {}", inert(&problem.message)));
        line(
            text,
            format!(
                "| {} | {} | {} | {} | {first} |",
                inert(run),
                pack.state.word(),
                records("trace.ndjson"),
                records("llm_ledger.ndjson")
            ),
        );
    }
    line(text, "");
}

fn bucket(text: &mut String, results: &Results) {
    if results.bucket.is_empty() {
        return;
    }
    line(text, "## Bucket isolation");
    line(text, "");
    line(text, "| Part | Says | State | Seen |");
    line(text, "|---|---|---|---|");
    for part in &results.bucket {
        let state = match part.state {
            holdpoint_check::event::PartState::Holds => "holds",
            holdpoint_check::event::PartState::Broken => "BROKEN",
            holdpoint_check::event::PartState::Unproven => "not proven",
            holdpoint_check::event::PartState::NotChecked => "not checked",
        };
        line(
            text,
            format!(
                "| {} | {} | {state} | {} |",
                inert(&part.part.to_string()),
                inert(&part.title),
                inert(&part.observed)
            ),
        );
    }
    line(text, "");
}

fn unchecked(text: &mut String, results: &Results, verdict: &Verdict) {
    if !verdict.unchecked.is_empty() {
        line(text, "## What could not be checked");
        line(text, "");
        for one in &verdict.unchecked {
            line(text, format!("- {}", inert(one)));
        }
        line(text, "");
    }
    line(text, "## Left behind");
    line(text, "");
    if !results.removed.is_empty() {
        line(text, format!("- {} project specs of this check were removed", results.removed.len()));
    }
    for one in &results.left {
        line(text, format!("- {}", inert(one)));
    }
    if results.left.is_empty() && results.removed.is_empty() {
        line(text, "- nothing is on record");
    }
    line(text, "");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_values_stay_text() {
        let evil = "<script>alert(1)</script> | [x](javascript:y) `z`\n# head";
        let shown = inert(evil);
        assert!(!shown.contains('<') && !shown.contains('\n') && !shown.contains(" | "));
        assert!(shown.contains("\\[x\\]") && shown.contains("\\#"));
    }
}
