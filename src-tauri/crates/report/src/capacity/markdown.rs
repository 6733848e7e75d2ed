//! A capacity run as Markdown.

use chrono::{DateTime, Utc};
use holdpoint_load::Capacity;

use super::tables::{self, Rows};
use super::words;
use crate::charts::Chart;
use crate::markdown::{inert, line, pictures};

/// The whole report, without charts.
pub fn render(capacity: &Capacity) -> String {
    with_charts(capacity, &[], "")
}

/// The whole report with its charts as pictures that lie in `folder` beside it.
pub fn with_charts(capacity: &Capacity, charts: &[Chart], folder: &str) -> String {
    let mut text = String::new();
    line(&mut text, format!("# {}", inert(&words::headline(capacity))));
    line(&mut text, "");
    line(&mut text, format!("> {}", words::NO_VERDICT));
    line(&mut text, "");
    head(&mut text, capacity);
    if let Some(judgement) = capacity.judgement.as_ref().filter(|judgement| !judgement.criteria.is_empty()) {
        table(&mut text, &tables::thresholds(&judgement.criteria));
    }
    line(&mut text, "## What the figures mean");
    line(&mut text, "");
    for sentence in words::explained(capacity) {
        line(&mut text, format!("- {}", inert(&sentence)));
    }
    line(&mut text, "");
    for rows in tables::all(capacity) {
        table(&mut text, &rows);
    }
    pictures(&mut text, charts, folder);
    text
}

fn head(text: &mut String, capacity: &Capacity) {
    line(text, "| | |");
    line(text, "|---|---|");
    let mut row = |name: &str, value: String| line(text, format!("| {name} | {value} |"));
    if let Some(environment) = &capacity.environment {
        row("Environment", inert(environment));
    }
    row("Where to", inert(&capacity.origin));
    row("What", inert(&capacity.kinds.join(", ")));
    row("Load", inert(&words::wanted(&capacity.wanted)));
    row("Started", started(capacity.started_unix_ms));
    row("Took", capacity.took_s.map_or_else(|| "cut off".into(), |took| format!("{took:.1} s")));
    row("Ended", words::ended(capacity).into());
    row("Holdpoint", inert(&capacity.holdpoint));
    line(text, "");
}

fn started(unix_ms: u64) -> String {
    let moment = i64::try_from(unix_ms).ok().and_then(DateTime::<Utc>::from_timestamp_millis);
    moment.map_or_else(|| "not known".into(), |at| at.format("%Y-%m-%d %H:%M:%S UTC").to_string())
}

fn table(text: &mut String, rows: &Rows) {
    line(text, format!("## {}", rows.title));
    line(text, "");
    if !rows.note.is_empty() {
        line(text, format!("({})", inert(&rows.note)));
        line(text, "");
    }
    let titles: Vec<&str> = rows.columns.iter().map(|(title, _)| *title).collect();
    line(text, format!("| {} |", titles.join(" | ")));
    let rules: Vec<&str> =
        rows.columns.iter().map(|(_, numeric)| if *numeric { "---:" } else { "---" }).collect();
    line(text, format!("|{}|", rules.join("|")));
    for row in &rows.rows {
        let cells: Vec<String> = row.iter().map(|cell| inert(cell)).collect();
        line(text, format!("| {} |", cells.join(" | ")));
    }
    line(text, "");
}
