//! Capacity runs: any bytes, and a genuine one with changes.

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use holdpoint_load::plan::{Model, Plan};
use holdpoint_load::{
    Capacity, FORMAT, Finder, FitnessLimits, LoadResult, Measured, OperationRecord, Search, Second,
    Threshold, Wanted, judge,
};
use holdpoint_report::capacity;
use holdpoint_report::charts::Theme;
use serde_json::Value;

use crate::edit::{Choices, change};
use crate::shown;

/// Whatever a file holds: it is refused, or shown inert, and never as GO; what was read is written and read back the same.
pub(crate) fn any_bytes(bytes: &[u8]) {
    match capacity::parse(bytes, Path::new("capacity.json")) {
        Ok(read) => look_at(&read, true),
        Err(error) => shown::values(&error.to_string()),
    }
}

fn look_at(read: &Capacity, with_pictures: bool) {
    let report = capacity::render(read);
    shown::markdown(&report);
    assert!(report.starts_with("# Capacity: "), "{report}");
    shown::values(&(capacity::headline(read), capacity::explained(read)));
    let again = capacity::parse(capacity::to_json(read).as_bytes(), Path::new("capacity.json"));
    assert_eq!(&again.expect("what was read and written is read again"), read);
    if with_pictures {
        for chart in capacity::charts(read, Theme::Dark) {
            shown::picture(&chart.svg);
            shown::values(&(chart.id, chart.title, chart.note, chart.alt, chart.rows));
        }
    }
}

/// A genuine document: a search with a load that was kept.
fn genuine() -> Value {
    static OURS: OnceLock<Value> = OnceLock::new();
    let make = || {
        let kind = "GET /health".to_owned();
        let mut record = OperationRecord { planned: 100, sent: 100, ok: 98, ..OperationRecord::default() };
        for millis in 1..=98 {
            record.latency.record(Duration::from_millis(millis));
            record.service.record(Duration::from_millis(millis / 2 + 1));
            record.lag.record(Duration::from_micros(80));
        }
        record.failed.insert("timeout".into(), 2);
        record.examples.insert("timeout".into(), "no answer within 30 s".into());
        let thresholds = ["p95<1s", "GET /health: failures<1%"];
        let second = Second { at_s: 0, ok: 98, planned: 100, p95_ms: Some(93.0), ..Second::default() };
        let plan = Plan::new(Model::Rounds { concurrency: 10, rounds: 10 });
        let result = LoadResult {
            plan: Some(plan.clone()),
            elapsed_s: 1.5,
            operations: [(kind.clone(), record)].into(),
            kinds: vec![kind.clone()],
            seconds: vec![second],
            ..LoadResult::default()
        };
        let read: Vec<Threshold> =
            thresholds.iter().map(|text| text.parse().expect("a threshold of ours")).collect();
        let judgement = judge(&result, &read, &FitnessLimits::default());
        let mut finder = Finder::new(Search { from: 10.0, up_to: 20.0, precision: 0.1, steps: 4 });
        while finder.next().is_some() {
            finder.tell(judgement.clone(), (&result).into());
        }
        let asked = Capacity {
            holdpoint_load: FORMAT,
            holdpoint: "0.1.0".into(),
            environment: Some("staging".into()),
            origin: "https://api.example.org".into(),
            kinds: vec![kind],
            wanted: Wanted::Load(plan),
            thresholds: thresholds.map(str::to_owned).to_vec(),
            started_unix_ms: 1_768_000_000_000,
            took_s: None,
            figures: None,
            judgement: None,
            limit: None,
            left: vec!["Project 1 could not be removed.".into()],
            result: None,
        };
        let measured = Measured { limit: Some(finder.into_limit()), result, judgement, log: Vec::new() };
        serde_json::to_value(asked.with(measured, 3.0)).expect("a thing of ours")
    };
    OURS.get_or_init(make).clone()
}

/// The genuine document with some of its values changed.
pub(crate) fn edited(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let pictures = choices.byte() % 16 > 13;
    let mut document = genuine();
    let mut changes = 0;
    while !choices.is_used_up() && changes < 8 {
        changes += 1;
        change(&mut document, &mut choices);
    }
    if let Ok(read) = capacity::parse(document.to_string().as_bytes(), Path::new("capacity.json")) {
        look_at(&read, pictures);
    }
}
