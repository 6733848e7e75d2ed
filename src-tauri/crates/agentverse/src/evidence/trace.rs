//! `trace.ndjson`: what happened in the run, one event a line.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::lines::{Report, short};
use super::{EvidenceFile, Expectation, Fetched, Limits, Problem};

const EVENT_TYPES: [&str; 27] = [
    "RUN_STARTED",
    "RUN_DONE",
    "RUN_FAILED",
    "WORLD_TICK",
    "AGENT_STEP",
    "AGENT_DECISION",
    "POLICY_UPDATE",
    "NODE_CREATE",
    "NODE_EXPAND",
    "NODE_BRANCH",
    "NODE_FORK",
    "NODE_PRUNE",
    "REPLICATE_START",
    "REPLICATE_DONE",
    "AGGREGATE",
    "PROBABILITY_COMPUTE",
    "CONFIDENCE_INTERVAL",
    "CALIBRATE",
    "CALIBRATION_TRIAL",
    "AUTO_TUNE",
    "AUTO_TUNE_TRIAL",
    "STABILITY_TEST",
    "DATA_INGEST",
    "PERSONA_GENERATE",
    "PERSONA_SNAPSHOT",
    "EXPORT_CREATED",
    "REPORT_GENERATED",
];

/// What the other files are held against.
#[derive(Default)]
pub(super) struct Trace {
    pub(super) lines: u64,
    pub(super) ticks: u64,
    pub(super) agent_steps: u64,
    /// The highest tick that an event names, with its line.
    pub(super) highest_tick: Option<(u64, u64)>,
    pub(super) first: Option<DateTime<Utc>>,
    pub(super) last: Option<DateTime<Utc>>,
}

#[derive(Default)]
struct Ends {
    started: u64,
    done: u64,
    failed: u64,
    first_type: Option<String>,
    last_type: String,
}

pub(super) fn read(
    fetched: Option<&Fetched>,
    expectation: &Expectation,
    status: Option<&str>,
    limits: &Limits,
) -> (Report, Option<Trace>) {
    let mut report = Report::new(EvidenceFile::Trace);
    let Some(text) = report.text(fetched, limits) else { return (report, None) };
    let mut trace = Trace::default();
    let mut ids = BTreeSet::new();
    let mut ends = Ends::default();
    let lines = report.each_line(text, limits, |report, number, object| {
        let line = Some(number);
        report.own_run(object, expectation, line);
        if let Some(id) = report.string(object, "event_id", line)
            && !ids.insert(id.to_owned())
        {
            report.add("trace.event_id.duplicate", line, format!("event {} occurs twice", short(id)));
        }
        if let Some(time) = report.time(object, "timestamp", line) {
            report.in_window(time, "timestamp", expectation, line);
            if let Some(last) = trace.last.filter(|last| time < *last) {
                let problem =
                    Problem::new("trace.order", line, "the timestamp is earlier than the line before");
                report.push(problem.against(&format!("from {}", last.to_rfc3339()), &time.to_rfc3339()));
            }
            trace.first = trace.first.or(Some(time));
            trace.last = Some(time);
        }
        if let Some(tick) = tick(report, object, line)
            && trace.highest_tick.is_none_or(|(highest, _)| tick > highest)
        {
            trace.highest_tick = Some((tick, number));
        }
        report.amount(object, "duration_ms", line);
        if let Some(kind) = report.string(object, "event_type", line) {
            match kind {
                "RUN_STARTED" => ends.started += 1,
                "RUN_DONE" => ends.done += 1,
                "RUN_FAILED" => ends.failed += 1,
                "WORLD_TICK" => trace.ticks += 1,
                "AGENT_STEP" => trace.agent_steps += 1,
                _ => {}
            }
            if !EVENT_TYPES.contains(&kind) {
                report.warn("trace.event_type", line, format!("event type {} is not known", short(kind)));
            }
            ends.first_type.get_or_insert_with(|| short(kind));
            ends.last_type = short(kind);
        }
    });
    let Some(lines) = lines else { return (report, None) };
    trace.lines = lines;
    if lines == 0 {
        report.add("file.empty", None, "the file holds no event");
    } else {
        start_and_end(&mut report, &ends, expectation, status);
    }
    (report, Some(trace))
}

/// The service names the tick on the event, the other dialect in its details (API facts 7.2).
fn tick(report: &mut Report, object: &Map<String, Value>, line: Option<u64>) -> Option<u64> {
    let own = report.count(object, "tick", line);
    let inside = match object.get("details") {
        None | Some(Value::Null) => None,
        Some(Value::Object(details)) => report.count(details, "tick", line),
        Some(_) => {
            report.add("field.type", line, "details is not an object");
            None
        }
    };
    own.max(inside)
}

fn start_and_end(report: &mut Report, ends: &Ends, expectation: &Expectation, status: Option<&str>) {
    if ends.first_type.as_deref() != Some("RUN_STARTED") || ends.started != 1 {
        let problem = Problem::new("trace.start", None, "RUN_STARTED must be the first event, and once");
        let first = ends.first_type.as_deref().unwrap_or("no type");
        report.push(problem.against("once, first", &format!("{} times, first is {first}", ends.started)));
    }
    let count = ends.done + ends.failed;
    let last = ends.last_type.as_str();
    let (expected, right) = match status {
        _ if expectation.run_succeeded => ("RUN_DONE", last == "RUN_DONE"),
        Some("completed") => ("RUN_DONE", last == "RUN_DONE"),
        Some("failed") => ("RUN_FAILED", last == "RUN_FAILED"),
        // No event type says that a run was cancelled.
        Some("cancelled") if count == 0 => {
            report.warn("trace.end", None, "the cancelled run has no event of its end");
            return;
        }
        _ => ("RUN_DONE or RUN_FAILED", last == "RUN_DONE" || last == "RUN_FAILED"),
    };
    if !right || count != 1 {
        let problem = Problem::new("trace.end", None, "the end of the run must be the last event, and once");
        report.push(problem.against(expected, &format!("{last} last, {count} ends")));
    }
}
