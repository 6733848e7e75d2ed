//! A comparison as Markdown, for a pull request or a chat.

use std::fmt::Write as _;

use crate::compared::{Compared, CriterionSide, FindingChange, Measure, Since};
use crate::rule::{MeasureKind, Reading};

/// Text of others as it stands in a table or a line: nothing in it is markup.
fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\r' | '\t' => out.push(' '),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '@' => {
                out.push('\\');
                out.push(letter);
            }
            letter => out.push(letter),
        }
    }
    out
}

/// The whole comparison.
pub fn render(compared: &Compared) -> String {
    let mut out = String::new();
    let (before, after) = (&compared.before, &compared.after);
    let _ = writeln!(out, "# {}\n", inert(&compared.headline));
    let _ = writeln!(out, "{}\n", inert(&compared.because));
    let version = |side: &crate::Side| side.api_version.clone().unwrap_or_else(|| "not stated".into());
    let _ = writeln!(out, "| | A | B |\n| --- | --- | --- |");
    for (what, one, two) in [
        ("Check", &before.label, &after.label),
        ("Verdict", &before.headline, &after.headline),
        ("Started", &before.started_at, &after.started_at),
        ("API version", &version(before), &version(after)),
    ] {
        let _ = writeln!(out, "| {what} | {} | {} |", inert(one), inert(two));
    }
    for note in &compared.notes {
        let _ = write!(out, "\n> {}\n", inert(note));
    }
    if !compared.refused.is_empty() {
        let _ = writeln!(out, "\n## What differs\n\n| What | A | B |\n| --- | --- | --- |");
        for one in &compared.refused {
            let _ =
                writeln!(out, "| {} | {} | {} |", inert(&one.what), inert(&one.before), inert(&one.after));
        }
    }
    figures(&mut out, compared);
    changed_criteria(&mut out, compared);
    findings(&mut out, &compared.findings);
    let _ = write!(out, "\n{}\n", method(compared));
    out
}

fn figures(out: &mut String, compared: &Compared) {
    let shown: Vec<&Measure> =
        compared.measures.iter().filter(|one| !matches!(one.reading, Reading::TooFew)).collect();
    if shown.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "\n## Figures\n\n| Test | Figure | A | B | Change | 95 % interval | Reading | Cannot see less than |\n\
         | --- | --- | ---: | ---: | ---: | ---: | --- | ---: |"
    );
    for one in shown {
        let name = if one.title.is_empty() {
            one.kind.word().to_owned()
        } else {
            format!("{}, {}", one.title, one.kind.word())
        };
        let value =
            |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| number(value, &one.unit));
        let reading = if one.reading.is_worse() {
            format!("**{}**", one.reading.word())
        } else {
            one.reading.word().to_owned()
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} | {reading} | {} |",
            one.test,
            inert(&name),
            value(one.before),
            value(one.after),
            one.change.map_or_else(|| "–".to_owned(), |change| signed(change, one.kind)),
            one.interval.map_or_else(
                || "–".to_owned(),
                |(low, high)| format!("{} to {}", signed(low, one.kind), signed(high, one.kind))
            ),
            one.least.map_or_else(|| "–".to_owned(), |least| format!("{least:.0} %")),
        );
    }
    let few = compared.measures.iter().filter(|one| one.reading == Reading::TooFew).count();
    if few > 0 {
        let _ = writeln!(out, "\nMore figures with too few samples for a word: {few}.");
    }
}

/// A value with its unit.
fn number(value: f64, unit: &str) -> String {
    let digits = usize::from(value.abs() < 10.0 && value.fract() != 0.0);
    if unit.is_empty() { format!("{value:.digits$}") } else { format!("{value:.digits$} {unit}") }
}

fn signed(change: f64, kind: MeasureKind) -> String {
    let unit = if kind == MeasureKind::Failures { "points" } else { "%" };
    // A change that rounds to nothing has no sign.
    let change = if change.abs() < 0.05 { 0.0 } else { change };
    let digits = usize::from(change.abs() < 10.0);
    if change == 0.0 { format!("0 {unit}") } else { format!("{change:+.digits$} {unit}") }
}

fn changed_criteria(out: &mut String, compared: &Compared) {
    let changed: Vec<_> = compared
        .criteria
        .iter()
        .filter(|pair| {
            pair.before.as_ref().map(|side| side.state) != pair.after.as_ref().map(|side| side.state)
        })
        .collect();
    if changed.is_empty() {
        let _ = writeln!(out, "\nEvery criterion stands as before.");
        return;
    }
    let _ = writeln!(
        out,
        "\n## Criteria that stand otherwise\n\n| Criterion | Limit | A | B |\n| --- | --- | --- | --- |"
    );
    let side = |side: Option<&CriterionSide>| {
        side.map_or_else(
            || "not asked".to_owned(),
            |side| {
                let bound = side.bound.as_ref().map_or(String::new(), |bound| format!(" (95 %: {bound})"));
                format!("{}: {}{bound}", side.state.word(), side.measured)
            },
        )
    };
    for pair in changed {
        let test = pair.test.map_or(String::new(), |test| format!("{test} "));
        let _ = writeln!(
            out,
            "| {test}{} | {} | {} | {} |",
            inert(&pair.title),
            inert(&pair.limit),
            inert(&side(pair.before.as_ref())),
            inert(&side(pair.after.as_ref()))
        );
    }
}

fn findings(out: &mut String, findings: &[FindingChange]) {
    for (since, title) in [
        (Since::New, "New findings"),
        (Since::Still, "Findings that stay"),
        (Since::Gone, "Findings that are gone"),
    ] {
        let of: Vec<_> = findings.iter().filter(|finding| finding.since == since).collect();
        if of.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n## {title}\n");
        for finding in of {
            let test = finding.test.map_or(String::new(), |test| format!("{test}: "));
            let _ = writeln!(out, "- {test}{} ({})", inert(&finding.title), inert(&finding.code));
        }
    }
}

/// How it was compared and how often that errs.
pub fn method(compared: &Compared) -> String {
    let method = &compared.method;
    let noise = if method.noise.is_empty() {
        "No two checks of one build were given, so drift from check to check is not known.".to_owned()
    } else {
        format!("Noise floor from {}.", inert(&method.noise.join("; ")))
    };
    format!(
        "Method: shuffling of the recorded samples (Mann-Whitney ranks with ties as halves, percentiles, mean; largest of all \
         figures of an operation), Holm over {} questions. A change is named in at most {:.0} % of comparisons of unchanged \
         systems, and only where its whole 95 % interval lies outside ±{:.0} %. {noise}",
        method.questions, method.error_pct, method.band_pct
    )
}
