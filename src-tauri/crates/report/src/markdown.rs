//! `step3_results.md`: for a release manager. What decides comes first; every number stands beside its limit.

use std::fmt::Write as _;

use holdpoint_check::results::Results;
use holdpoint_check::verdict::Verdict;
use holdpoint_foreign::text as foreign;

use crate::charts::Chart;
use crate::facts::{self, Facts, FindingFacts};
use crate::table::{Mark, Table};

/// GitHub takes no comment of 65,536 characters or more; bytes are never fewer than characters.
const SHORT_LIMIT: usize = 65_536;
/// What the end of a short form takes.
const SHORT_END: usize = 400;
/// The longest foreign text in a short form, in characters.
const SHORT_TEXT: usize = 600;

/// The whole report, without charts.
pub fn render(results: &Results, verdict: &Verdict) -> String {
    with_charts(results, verdict, &[], "")
}

/// The whole report with its charts as pictures that lie in `folder` beside it.
pub fn with_charts(results: &Results, verdict: &Verdict, charts: &[Chart], folder: &str) -> String {
    let facts = facts::of_check(results, verdict);
    let mut text = String::new();
    head(&mut text, &facts);
    findings(&mut text, &facts);
    decisions(&mut text, &facts);
    waivers(&mut text, &facts);
    table(&mut text, &facts.criteria, false);
    table(&mut text, &facts.tests, true);
    pictures(&mut text, charts, folder);
    for one in facts.faults.iter().chain(&facts.packs).chain(&facts.bucket) {
        table(&mut text, one, false);
    }
    if !facts.unchecked.is_empty() {
        list(&mut text, "What could not be checked", &facts.unchecked);
    }
    list(&mut text, "Left behind", &facts.left);
    text
}

/// The short form for a chat or a pull request: the verdict, what to do, and the criteria that are not met. Always short
/// enough for a comment; what had no room is named.
pub fn summary(results: &Results, verdict: &Verdict) -> String {
    let facts = shortened(facts::of_check(results, verdict));
    let mut text = String::new();
    head(&mut text, &facts);
    decisions(&mut text, &facts);
    waivers(&mut text, &facts);
    let shown = |text: &mut String, piece: &str, left_out: &mut usize| {
        if *left_out == 0 && text.len() + piece.len() + SHORT_END < SHORT_LIMIT {
            text.push_str(piece);
        } else {
            *left_out += 1;
        }
    };
    let mut left_out = 0;
    if !facts.findings.is_empty() {
        line(&mut text, "## Findings and fix plan");
        line(&mut text, "");
    }
    for (number, finding) in (1..).zip(&facts.findings) {
        let mut piece = String::new();
        finding_head(&mut piece, number, finding);
        line(&mut piece, "");
        shown(&mut text, &piece, &mut left_out);
    }
    if left_out > 0 {
        line(&mut text, format!("{left_out} more findings are in the whole report."));
        line(&mut text, "");
    }
    let met = facts.criteria.rows.iter().filter(|row| row.mark == Mark::Good).count();
    line(&mut text, format!("**{met} of {} criteria are met.**", facts.criteria.rows.len()));
    line(&mut text, "");
    let mut open = facts.criteria.clone();
    open.title = "Criteria that are not met".into();
    open.rows.retain(|row| row.mark != Mark::Good);
    if !open.rows.is_empty() {
        let mut piece = String::new();
        table(&mut piece, &open, false);
        let mut none = left_out;
        shown(&mut text, &piece, &mut none);
        if none > left_out {
            line(&mut text, "Those that are not met are in the whole report.");
        }
    }
    text
}

/// The same with foreign texts of a length that a person reads.
fn shortened(mut facts: Facts) -> Facts {
    let cut = |text: &mut String| *text = foreign::cut(text, SHORT_TEXT);
    cut(&mut facts.because);
    facts.labels.truncate(20);
    facts.decisions.truncate(20);
    facts.waivers.truncate(20);
    facts.labels.iter_mut().for_each(|(_, text)| cut(text));
    facts.about.iter_mut().for_each(|(_, text)| cut(text));
    for decision in &mut facts.decisions {
        [&mut decision.by, &mut decision.verdict_then, &mut decision.note].into_iter().for_each(cut);
    }
    for waiver in &mut facts.waivers {
        [&mut waiver.code, &mut waiver.criterion, &mut waiver.by, &mut waiver.reason]
            .into_iter()
            .for_each(cut);
    }
    for finding in &mut facts.findings {
        [&mut finding.title, &mut finding.happened, &mut finding.likely_cause, &mut finding.next_action]
            .into_iter()
            .for_each(cut);
    }
    facts
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

fn head(text: &mut String, facts: &Facts) {
    line(text, format!("# {}", facts.headline));
    line(text, "");
    line(text, inert(&facts.because));
    line(text, "");
    for (title, meaning) in &facts.labels {
        line(text, format!("> **{title}** {}", inert(meaning)));
        line(text, "");
    }
    line(text, "| | |");
    line(text, "|---|---|");
    for (name, value) in &facts.about {
        line(text, format!("| {name} | {} |", inert(value)));
    }
    line(text, "");
}

/// What to do about a finding; its evidence is told apart.
fn finding_head(text: &mut String, number: usize, finding: &FindingFacts) {
    line(text, format!("### {number}. {}", inert(&finding.title)));
    line(text, "");
    line(
        text,
        format!("- {}: {} (code {})", finding.weight, inert(&finding.criterion), inert(&finding.code)),
    );
    line(text, format!("- What happened: {}", inert(&finding.happened)));
    if !finding.likely_cause.is_empty() {
        line(text, format!("- Likely cause: {}", inert(&finding.likely_cause)));
    }
    line(text, format!("- Do next: {}", inert(&finding.next_action)));
}

fn findings(text: &mut String, facts: &Facts) {
    if facts.findings.is_empty() {
        return;
    }
    line(text, "## Findings and fix plan");
    line(text, "");
    for (number, finding) in (1..).zip(&facts.findings) {
        finding_head(text, number, finding);
        for (at, shows) in &finding.witness {
            line(text, format!("- Witness{at}: {}", inert(shows)));
        }
        for logged in &finding.logged {
            line(text, format!("- Logged then by {}", inert(logged)));
        }
        line(text, "");
    }
}

/// What a person made of the verdict. It changes nothing above it.
fn decisions(text: &mut String, facts: &Facts) {
    if facts.decisions.is_empty() {
        return;
    }
    line(text, "## Sign-off");
    line(text, "");
    for decision in &facts.decisions {
        let note = if decision.note.is_empty() {
            String::new()
        } else {
            format!(" Note: {}", inert(&decision.note))
        };
        line(
            text,
            format!(
                "- **{}** by {} at {}. Verdict then: {}.{note}",
                decision.decision,
                inert(&decision.by),
                decision.at,
                inert(&decision.verdict_then)
            ),
        );
    }
    line(text, "");
}

/// Who accepted what: as loud as the verdict it changed.
fn waivers(text: &mut String, facts: &Facts) {
    if facts.waivers.is_empty() {
        return;
    }
    line(text, "## Waivers");
    line(text, "");
    for waiver in &facts.waivers {
        line(
            text,
            format!(
                "- **{}** on {}: accepted by {} until {}. Reason: {}",
                inert(&waiver.code),
                inert(&waiver.criterion),
                inert(&waiver.by),
                waiver.until,
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

/// A table below its title; its note stands before it, or below.
fn table(text: &mut String, table: &Table, note_below: bool) {
    line(text, format!("## {}", table.title));
    line(text, "");
    let note = |text: &mut String| {
        if !table.note.is_empty() {
            line(text, inert(&table.note));
            line(text, "");
        }
    };
    if !note_below {
        note(text);
    }
    let titles: Vec<&str> = table.columns.iter().map(|column| column.title).collect();
    line(text, format!("| {} |", titles.join(" | ")));
    line(text, format!("|{}", "---|".repeat(titles.len())));
    for row in &table.rows {
        let cells: Vec<String> = row.cells.iter().map(|cell| inert(cell)).collect();
        line(text, format!("| {} |", cells.join(" | ")));
    }
    line(text, "");
    if note_below {
        note(text);
    }
}

fn list(text: &mut String, title: &str, lines: &[String]) {
    line(text, format!("## {title}"));
    line(text, "");
    for one in lines {
        line(text, format!("- {}", inert(one)));
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
