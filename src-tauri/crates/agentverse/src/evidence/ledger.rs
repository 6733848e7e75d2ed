//! `llm_ledger.ndjson`: each call to a model, one a line.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::lines::{Report, short};
use super::{EvidenceFile, Expectation, Fetched, Limits};

/// What the other files are held against.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) calls: u64,
    pub(super) tokens: u64,
    pub(super) cost: f64,
    /// Lines with a cost; one dialect states none.
    pub(super) with_cost: u64,
    pub(super) first: Option<DateTime<Utc>>,
    pub(super) last: Option<DateTime<Utc>>,
}

pub(super) fn read(
    fetched: Option<&Fetched>,
    expectation: &Expectation,
    limits: &Limits,
) -> (Report, Option<Ledger>) {
    let mut report = Report::new(EvidenceFile::LlmLedger);
    let Some(text) = report.text(fetched, limits) else { return (report, None) };
    let mut ledger = Ledger::default();
    let mut ids = BTreeSet::new();
    let mut before: Option<DateTime<Utc>> = None;
    let mut unordered = None;
    let mut mock = 0_u64;
    let calls = report.each_line(text, limits, |report, number, object| {
        let line = Some(number);
        report.own_run(object, expectation, line);
        if let Some(id) = report.string(object, "call_id", line)
            && !ids.insert(id.to_owned())
        {
            report.add("ledger.call_id.duplicate", line, format!("call {} occurs twice", short(id)));
        }
        report.string(object, "model", line);
        if let Some(time) = report.time(object, "timestamp", line) {
            report.in_window(time, "timestamp", expectation, line);
            if before.is_some_and(|before| time < before) {
                unordered = unordered.or(line);
            }
            before = Some(time);
            ledger.first = Some(ledger.first.map_or(time, |first| first.min(time)));
            ledger.last = Some(ledger.last.map_or(time, |last| last.max(time)));
        }
        hashes_and_tokens(report, object, line, &mut ledger);
        if let Some(cost) = report.amount(object, "cost_usd", line) {
            ledger.cost += cost;
            ledger.with_cost += 1;
        }
        report.amount(object, "latency_ms", line);
        mock += u64::from(object.get("mock") == Some(&Value::Bool(true)));
    });
    let Some(calls) = calls else { return (report, None) };
    ledger.calls = calls;
    if unordered.is_some() {
        // Calls run side by side and are written when they are answered.
        report.warn("ledger.order", unordered, "calls are not in the order of their timestamps");
    }
    if mock > 0 {
        report.warn("ledger.mock", None, format!("{mock} of {calls} calls were made to no real model"));
    }
    (report, Some(ledger))
}

/// Both dialects always write these, so a call without them is damaged, unless it failed before its answer.
fn hashes_and_tokens(
    report: &mut Report,
    object: &Map<String, Value>,
    line: Option<u64>,
    ledger: &mut Ledger,
) {
    let absent = |field: &str| match object.get(field) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    };
    let unanswered = !absent("error");
    for field in ["input_hash", "output_hash"] {
        if absent(field) && unanswered {
            continue;
        }
        if let Some(hash) = report.string(object, field, line)
            && (hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()))
        {
            report.add("ledger.hash", line, format!("{field} is not 64 hex digits: {}", short(hash)));
        }
    }
    for field in ["tokens_in", "tokens_out"] {
        if let Some(tokens) = report.count(object, field, line) {
            ledger.tokens = ledger.tokens.saturating_add(tokens);
        } else if object.get(field).is_none_or(Value::is_null) && !unanswered {
            report.add("field.missing", line, format!("{field} is missing"));
        }
    }
}
