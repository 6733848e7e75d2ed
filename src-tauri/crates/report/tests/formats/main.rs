//! Each format, read by somebody else than us, and all of them saying the same.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod paper;
mod read;
mod samples;
mod signature;

use std::collections::BTreeMap;
use std::process::Command;

use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use holdpoint_check::verdict::{State, Word};
use holdpoint_report::{Recorded, html, intervals, json, junit, markdown, recorded};
use junit_parser::TestStatus;
use read::{Html, Markdown, Table};
use samples::{Sample, all, healthy};
use serde_json::Value;

/// The rows that a table must have, in no order: HTML folds some of them away into a table of their own.
fn sorted(mut rows: Table) -> Table {
    rows.sort();
    rows
}

#[test]
fn no_number_differs_between_the_formats() {
    for Sample { name, results, verdict } in all() {
        let markdown = Markdown::read(&markdown::render(&results, &verdict));
        let html = Html::read(&html::render(&results, &verdict));
        let json: Value = serde_json::from_str(&json::document(&results, &verdict).to_string()).unwrap();

        let criteria = sorted(markdown.table("Criterion/Limit"));
        assert_eq!(criteria.len(), verdict.criteria.len(), "{name}");
        assert_eq!(criteria, sorted(html.table("Criterion/Limit")), "{name}: criteria");
        for title in ["Test/Operation", "Test/Service", "Run/State", "Part/Says"] {
            assert_eq!(sorted(markdown.table(title)), sorted(html.table(title)), "{name}: {title}");
        }
        assert_eq!(markdown.headline, html.headline, "{name}");
        assert_eq!(json["holdpoint"]["verdict"]["headline"], verdict.headline.as_str(), "{name}");

        // JSON, and JUnit beside it.
        let cases = cases(&junit::render(&results, &verdict));
        for (row, told) in
            verdict.criteria.iter().zip(json["holdpoint"]["verdict"]["criteria"].as_array().unwrap())
        {
            let cells: Vec<&str> = [&row.limit, &row.measured]
                .into_iter()
                .map(String::as_str)
                .chain([row.margin.as_deref().unwrap_or(""), row.bound.as_deref().unwrap_or("")])
                .collect();
            // Runs of spaces are one where text is shown.
            let cells: Vec<String> = cells.into_iter().map(read::plain).collect();
            let in_markdown =
                criteria.iter().any(|line| line[0].ends_with(&row.title) && line[1..5] == cells[..]);
            assert!(in_markdown, "{name}: {} is not told as {cells:?} in {criteria:?}", row.id);
            assert_eq!(told["measured"], row.measured.as_str(), "{name}: {}", row.id);
            assert_eq!(told["limit"], row.limit.as_str(), "{name}: {}", row.id);
            let (_, text) = &cases[&format!("{}: {}", row.id, row.title)];
            for (what, value) in [("measured", &row.measured), ("limit", &row.limit)] {
                // What XML cannot hold is replaced in it.
                let told = format!("{what}: {value}").replace('\u{fffe}', "\u{fffd}");
                assert!(text.contains(&told), "{name}: {}: {text}", row.id);
            }
            for (what, value) in [("margin", &row.margin), ("95 % bound", &row.bound)] {
                let line = value.as_ref().map(|value| format!("{what}: {value}"));
                assert!(line.is_none_or(|line| text.contains(&line)), "{name}: {}: {text}", row.id);
            }
        }

        // Operations, one by one.
        let operations = markdown.table("Test/Operation");
        for (test, one) in &results.tests {
            for (kind, record) in &one.operations {
                let row = operations
                    .iter()
                    .find(|row| row[0].starts_with(test.name()) && row[1] == *kind)
                    .unwrap_or_else(|| panic!("{name}: {test} {kind} in {operations:?}"));
                let told = &json["holdpoint"]["results"]["tests"][test.name()]["operations"][kind];
                assert_eq!(row[2], told["sent"].to_string(), "{name}: {test} {kind}");
                assert_eq!(row[3], record.failures().to_string(), "{name}: {test} {kind}");
                let max = record.latency.max_ms().map_or("-".to_owned(), |max| format!("{max:.0} ms"));
                assert_eq!(row[6], max, "{name}: {test} {kind}");
            }
        }
        seconds(&name, &results, &verdict, &json);
    }
}

/// CSV, `HdrHistogram` log and JSON, second by second.
fn seconds(
    name: &str,
    results: &holdpoint_check::results::Results,
    verdict: &holdpoint_check::verdict::Verdict,
    json: &Value,
) {
    let csv = intervals::csv(results, verdict);
    let rows: Vec<Vec<&str>> = csv.split_terminator("\r\n").map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0], intervals::COLUMNS, "{name}");
    assert!(rows.iter().all(|row| row.len() == intervals::COLUMNS.len()), "{name}");
    let told = json["holdpoint"]["results"]["intervals"].as_array().unwrap();
    assert_eq!(rows.len() - 1, told.len(), "{name}");
    let mut logged = hdr_log(&intervals::hdr_log(results, verdict));
    for (row, told) in rows[1..].iter().zip(told) {
        assert_eq!(
            [row[0], row[2], row[3]],
            [&told["from_ms"], &told["ok"], &told["failed"]].map(Value::to_string),
            "{name}"
        );
        assert_eq!(row[10], verdict.chaos.word(), "{name}");
        let Some(second) = logged.remove(row[0]) else {
            assert_eq!(row[2], "0", "{name}: a second without a line in the log");
            continue;
        };
        assert_eq!(second.len().to_string(), row[2], "{name}: {}", row[0]);
        let ms = |micros: u64| format!("{:.3}", micros as f64 / 1000.0);
        let quantiles = [0.5, 0.95, 0.99].map(|quantile| ms(second.value_at_quantile(quantile)));
        assert_eq!([row[4], row[5], row[6]], quantiles.each_ref().map(String::as_str), "{name}: {}", row[0]);
        assert_eq!(row[7], ms(second.max()), "{name}: {}", row[0]);
    }
    assert_eq!(logged.len(), 0, "{name}: the log holds seconds that nobody else knows: {:?}", logged.keys());
}

/// The seconds of a log by their start in milliseconds, as the library's own reader reads them.
fn hdr_log(text: &str) -> BTreeMap<String, hdrhistogram::Histogram<u64>> {
    let mut seconds = BTreeMap::new();
    let mut starts = 0;
    for entry in IntervalLogIterator::new(text.as_bytes()) {
        match entry.expect("a line of a log") {
            LogEntry::Interval(line) => {
                let bytes = read::base64(line.encoded_histogram());
                let read: hdrhistogram::Histogram<u64> = hdrhistogram::serialization::Deserializer::new()
                    .deserialize(&mut bytes.as_slice())
                    .unwrap();
                if line.tag().is_none() {
                    seconds.insert(line.start_timestamp().as_millis().to_string(), read);
                }
            }
            _ => starts += 1,
        }
    }
    assert_eq!(starts, 2, "the log says when it started, and from when its lines count");
    seconds
}

/// Cases by name: whether each passed, and all its texts.
fn cases(xml: &str) -> BTreeMap<String, (TestStatus, String)> {
    let suites = junit_parser::from_reader(xml.as_bytes()).expect("JUnit");
    let cases = suites.suites.into_iter().flat_map(|suite| suite.cases);
    cases
        .map(|case| {
            let text = match &case.status {
                TestStatus::Failure(failure) => failure.text.clone(),
                TestStatus::Error(error) => error.text.clone(),
                _ => case.system_out.clone().unwrap_or_default(),
            };
            (case.original_name.clone(), (case.status, text))
        })
        .collect()
}

#[test]
fn junit_fits_the_schema_that_ci_systems_use() {
    let folder = tempfile::tempdir().unwrap();
    let schema = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schema/junit-10.xsd");
    for Sample { name, results, verdict } in all() {
        let path = folder.path().join("junit.xml");
        std::fs::write(&path, junit::render(&results, &verdict)).unwrap();
        let output = Command::new("xmllint")
            .args(["--noout", "--nonet", "--schema", schema])
            .arg(&path)
            .output()
            .expect("xmllint; `cargo xtask test` installs it");
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn in_junit_only_what_is_met_passes() {
    for Sample { name, results, verdict } in all() {
        let xml = junit::render(&results, &verdict);
        let cases = cases(&xml);
        for row in &verdict.criteria {
            let (status, _) = &cases[&format!("{}: {}", row.id, row.title)];
            let right = match row.state {
                State::Met => matches!(status, TestStatus::Success),
                State::Broken => matches!(status, TestStatus::Failure(_)),
                State::Unproven => matches!(status, TestStatus::Error(_)),
                State::Simulated | State::Waived => matches!(status, TestStatus::Skipped(_)),
            };
            assert!(right, "{name}: {} is {:?} and reads {status:?}", row.id, row.state);
        }
        let (status, _) = &cases["verdict"];
        let plain_go = verdict.headline == "GO" || verdict.headline == "GO [rehearsal]";
        assert_eq!(matches!(status, TestStatus::Success), plain_go, "{name}: {status:?}");
        assert_eq!(
            matches!(status, TestStatus::Failure(_)),
            verdict.word == Word::NoGo,
            "{name}: {status:?}"
        );
        let suites = junit_parser::from_reader(xml.as_bytes()).unwrap();
        let count = |which: fn(&TestStatus) -> bool| {
            cases.values().filter(|(status, _)| which(status)).count() as u64
        };
        assert_eq!(suites.tests, cases.len() as u64, "{name}");
        assert_eq!(suites.failures, count(|status| matches!(status, TestStatus::Failure(_))), "{name}");
        assert_eq!(suites.errors, count(|status| matches!(status, TestStatus::Error(_))), "{name}");
    }
}

#[test]
fn html_needs_nothing_else_and_opens_again() {
    for Sample { name, results, verdict } in all() {
        let page = html::render(&results, &verdict);
        let html = Html::read(&page);
        assert_eq!(html.acting, Vec::<String>::new(), "{name}: something in the page acts or fetches");
        let Recorded::Ours(again) = recorded::parse(page.as_bytes(), "report.html".as_ref()).unwrap() else {
            panic!("{name}: ours reads as another's")
        };
        assert_eq!(again.1, verdict, "{name}");
        assert_eq!(json::document(&again.0, &again.1), json::document(&results, &verdict), "{name}");
        // What is wrong stands open, its evidence one click away; what is met is folded beside it.
        let open = html.open_rows("Criterion/Limit");
        let wrong = verdict.criteria.iter().filter(|row| row.state != State::Met).count();
        assert_eq!(open, if wrong == 0 { verdict.criteria.len() } else { wrong }, "{name}");
        let evidence =
            verdict.findings.iter().filter(|one| !one.witness.is_empty() || !one.logged.is_empty()).count();
        assert_eq!(html.folded("Evidence"), evidence, "{name}");
    }
}

#[test]
fn the_first_line_of_every_text_says_that_nothing_was_restarted() {
    let sample = all().into_iter().find(|sample| sample.name == "simulated").unwrap();
    let Sample { results, verdict, .. } = &sample;
    for text in [
        markdown::render(results, verdict),
        markdown::summary(results, verdict),
        intervals::hdr_log(results, verdict),
    ] {
        assert!(text.lines().next().unwrap().contains("chaos simulated"), "{text}");
    }
    assert!(junit::render(results, verdict).lines().nth(1).unwrap().contains("chaos simulated"));
    assert!(html::render(results, verdict).contains("Nothing was restarted"));
}

#[test]
fn the_short_form_always_fits_into_a_comment() {
    let mut sample = healthy();
    let finding = samples::a_finding();
    sample.verdict.findings = (0..5000).map(|_| finding.clone()).collect();
    sample.verdict.because = "long ".repeat(20_000);
    let row = sample.verdict.criteria[0].clone();
    sample.verdict.criteria = (0..5000)
        .map(|_| holdpoint_check::verdict::Criterion { state: State::Broken, ..row.clone() })
        .collect();
    let short = markdown::summary(&sample.results, &sample.verdict);
    assert!(short.chars().count() < 65_536, "{} characters", short.chars().count());
    assert!(short.contains("more findings are in the whole report"), "{short}");
    for Sample { name, results, verdict } in all() {
        let read = Markdown::read(&markdown::summary(&results, &verdict));
        assert_eq!(read.headline, verdict.headline, "{name}");
        let open = verdict.criteria.iter().filter(|row| row.state != State::Met).count();
        assert_eq!(read.table("Criterion/Limit").len(), open, "{name}");
    }
}
