//! The requests of every second, for whoever wants to draw or doubt them: as CSV, and as an `HdrHistogram` log.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use chrono::SecondsFormat;
use holdpoint_check::event::Interval;
use holdpoint_check::results::Results;
use holdpoint_check::verdict::Verdict;
use holdpoint_load::{LogLine, interval_log};

/// Titles of the columns of the CSV. `chaos` stands in every row, so that no row of a simulation is taken for another.
pub const COLUMNS: [&str; 11] = [
    "from_ms", "utc", "answered", "failed", "p50_ms", "p95_ms", "p99_ms", "max_ms", "test", "fault", "chaos",
];

/// The seconds with requests in them as CSV (RFC 4180). No cell needs quotes: there are only numbers and our own words.
pub fn csv(results: &Results, verdict: &Verdict) -> String {
    let mut text = COLUMNS.join(",");
    text.push_str("\r\n");
    for second in &results.intervals {
        let latency = second.latency.unpacked();
        let ms = |value: Option<f64>| value.map_or(String::new(), |value| format!("{value:.3}"));
        let at = results.started_at + chrono::Duration::milliseconds(as_signed(second.from_ms));
        // Writing into a `String` cannot fail.
        let _ = write!(
            text,
            "{},{},{},{},{},{},{},{},{},{},{}\r\n",
            second.from_ms,
            at.to_rfc3339_opts(SecondsFormat::Millis, true),
            second.ok,
            second.failed,
            ms(latency.quantile_ms(0.5)),
            ms(latency.quantile_ms(0.95)),
            ms(latency.quantile_ms(0.99)),
            ms(latency.max_ms()),
            test_at(results, second),
            faults_at(results, second),
            verdict.chaos.word(),
        );
    }
    text
}

fn as_signed(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX / 2)
}

/// The test that ran in a second.
fn test_at(results: &Results, second: &Interval) -> String {
    let running = results.tests.iter().find(|(_, one)| {
        one.began_ms.is_some_and(|began| {
            let end = began.saturating_add(one.elapsed_ms.unwrap_or(u64::MAX));
            second.from_ms.saturating_add(999) >= began && second.from_ms < end
        })
    });
    running.map_or(String::new(), |(test, _)| test.to_string())
}

/// The services whose restart was under way in a second.
fn faults_at(results: &Results, second: &Interval) -> String {
    let away = results.faults.iter().filter(|fault| {
        fault.requested_at.is_some()
            && second.from_ms.saturating_add(999) >= fault.intended_ms
            && fault.recovered_ms.is_none_or(|back| second.from_ms < back)
    });
    away.map(|fault| fault.intent.service.name()).collect::<Vec<_>>().join("+")
}

/// The log: every second without a tag, then each kind of operation as a whole under its own, `L1.expand`.
pub fn hdr_log(results: &Results, verdict: &Verdict) -> String {
    let started = SystemTime::from(results.started_at);
    let mut lines: Vec<LogLine> = results
        .intervals
        .iter()
        .filter(|second| second.ok > 0)
        .map(|second| LogLine {
            tag: None,
            from: Duration::from_millis(second.from_ms),
            length: Duration::from_secs(1),
            latency: second.latency.unpacked(),
        })
        .collect();
    for (test, one) in &results.tests {
        for (kind, record) in &one.operations {
            lines.push(LogLine {
                tag: Some(format!("{test}.{kind}")),
                from: Duration::from_millis(one.began_ms.unwrap_or_default()),
                length: Duration::from_millis(one.elapsed_ms.unwrap_or_default()),
                latency: record.latency.clone(),
            });
        }
    }
    let about = [verdict.headline.clone(), format!("check {}", results.check_id)];
    interval_log(started, &about, &lines)
}
