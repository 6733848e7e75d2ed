//! What a test did, as tables: for the window and for whoever doubts a report.

use holdpoint_check::results::Results;
use holdpoint_check::statistics::percentile_ms;
use holdpoint_check::words::TestId;

use crate::table::{Column, Row, Table};

/// Tables of everything that a test did, one by one where that is on record.
pub fn of_test(results: &Results, test: TestId) -> Vec<Table> {
    let one = results.test(test);
    let mut out = Vec::new();
    let mut add = |title: &str, note: &str, columns: Vec<Column>, rows: Vec<Vec<String>>| {
        if !rows.is_empty() {
            let rows = rows.into_iter().map(Row::from).collect();
            out.push(Table { title: title.into(), note: note.into(), columns, rows });
        }
    };
    let at = |ms: u64| format!("{}:{:02}", ms / 60_000, ms / 1000 % 60);
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.0}"));
    add(
        "Operations",
        "latency from the intended start",
        vec![
            Column::text("Operation"),
            Column::number("Planned"),
            Column::number("Sent"),
            Column::number("Answered"),
            Column::number("Failed"),
            Column::number("P50 ms"),
            Column::number("P95 ms"),
            Column::number("P99 ms"),
            Column::number("Longest ms"),
        ],
        one.operations
            .iter()
            .map(|(kind, record)| {
                vec![
                    kind.clone(),
                    record.planned.to_string(),
                    record.sent.to_string(),
                    record.ok.to_string(),
                    record.failures().to_string(),
                    number(percentile_ms(&record.latency, 0.5)),
                    number(percentile_ms(&record.latency, 0.95)),
                    number(percentile_ms(&record.latency, 0.99)),
                    number(record.latency.max_ms()),
                ]
            })
            .collect(),
    );
    add(
        "Failed operations",
        "at most 40 are kept one by one",
        vec![
            Column::number("At"),
            Column::text("Operation"),
            Column::mono("Id"),
            Column::text("Class"),
            Column::text("What was seen"),
        ],
        one.failures
            .iter()
            .map(|failure| {
                vec![
                    at(failure.at_ms),
                    failure.kind.clone(),
                    failure.id.clone(),
                    failure.class.clone(),
                    failure.detail.clone(),
                ]
            })
            .collect(),
    );
    add(
        "This server cannot do",
        "",
        vec![Column::text("What"), Column::text("Reason found")],
        one.not_drivable.iter().map(|(what, reason)| vec![what.clone(), reason.clone()]).collect(),
    );
    add(
        "Streams",
        "",
        vec![
            Column::mono("Stream"),
            Column::mono("Run"),
            Column::number("Ticks"),
            Column::number("Missing"),
            Column::number("Repeated"),
            Column::number("Resumed"),
            Column::number("Longest gap ms"),
            Column::text("End"),
        ],
        one.streams
            .iter()
            .map(|stream| {
                vec![
                    stream.id.clone(),
                    stream.run_id.clone(),
                    stream.received.to_string(),
                    stream.missing.len().to_string(),
                    stream.repeated.len().to_string(),
                    stream.resumed.to_string(),
                    format!("{:.0}", stream.longest_gap_ms),
                    if stream.detail.is_empty() {
                        format!("{:?}", stream.end).to_lowercase()
                    } else {
                        stream.detail.clone()
                    },
                ]
            })
            .collect(),
    );
    add(
        "Exports",
        "",
        vec![
            Column::mono("Export"),
            Column::number("Records said"),
            Column::number("Records read"),
            Column::number("Foreign"),
            Column::text("Problem"),
        ],
        one.exports
            .iter()
            .map(|export| {
                vec![
                    export.export_id.clone().unwrap_or_else(|| export.id.clone()),
                    export.records_said.map_or_else(|| "–".to_owned(), |count| count.to_string()),
                    export.records_read.map_or_else(|| "–".to_owned(), |count| count.to_string()),
                    export.foreign.to_string(),
                    export.problem.clone().unwrap_or_else(|| "none".to_owned()),
                ]
            })
            .collect(),
    );
    let runs = results.runs_of(test);
    add(
        "Runs",
        "",
        vec![
            Column::mono("Run"),
            Column::number("Created"),
            Column::text("Statuses"),
            Column::text("Outcome"),
        ],
        runs.iter()
            .map(|run| {
                vec![
                    run.run_id.clone(),
                    at(run.created_ms),
                    run.statuses
                        .iter()
                        .map(|(ms, status)| format!("{status} {}", at(*ms)))
                        .collect::<Vec<_>>()
                        .join(", "),
                    match &run.stuck {
                        Some((status, waited)) => format!("stuck: {status} after {waited:.0} s"),
                        None => run.status().to_owned(),
                    },
                ]
            })
            .collect(),
    );
    add(
        "Written and read back",
        "",
        vec![
            Column::text("What"),
            Column::text("When"),
            Column::number("Sent"),
            Column::number("Acknowledged"),
            Column::number("Kept"),
            Column::number("Lost"),
            Column::number("Doubled"),
            Column::number("Altered"),
            Column::number("Unexpected"),
            Column::number("Unknown"),
        ],
        results
            .reconciliations
            .iter()
            .filter(|one| one.test == Some(test))
            .map(|one| {
                vec![
                    one.kind.map_or("", holdpoint_check::event::WriteKind::word).to_owned(),
                    one.moment.clone(),
                    one.sent.to_string(),
                    one.acknowledged.to_string(),
                    one.kept.to_string(),
                    one.lost.len().to_string(),
                    one.duplicated.len().to_string(),
                    one.altered.len().to_string(),
                    one.unexpected.len().to_string(),
                    one.unknown.len().to_string(),
                ]
            })
            .collect(),
    );
    add(
        "Around the fault",
        "",
        vec![
            Column::number("At"),
            Column::text("When"),
            Column::text("Steady"),
            Column::text("What was seen"),
        ],
        results
            .steady
            .iter()
            .filter(|look| look.test == Some(test))
            .map(|look| {
                vec![
                    at(look.at_ms),
                    format!("{:?}", look.phase).to_lowercase(),
                    if look.healthy { "yes" } else { "no" }.to_owned(),
                    look.detail.clone(),
                ]
            })
            .collect(),
    );
    out
}
