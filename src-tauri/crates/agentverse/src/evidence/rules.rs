//! The rules of each file and between files.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::lines::{Report, problem};
use super::{EvidenceFile, Expectation, Fetched, FileVerdict, Limits, Pack, PackState, PackVerdict, Problem};

const STATUSES: [&str; 5] = ["running", "completed", "failed", "pending", "cancelled"];
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
/// Clocks of the processes that write one pack may differ by this much.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(5);

#[derive(Default)]
struct Manifest {
    rep_id: Option<String>,
    project_id: Option<String>,
    node_id: Option<String>,
    total_ticks: Option<u64>,
    total_agent_steps: Option<u64>,
    total_llm_calls: Option<u64>,
    total_tokens: Option<u64>,
    total_cost: Option<f64>,
    expected_lines: Option<u64>,
}

#[derive(Default)]
struct Trace {
    ticks: u64,
    agent_steps: u64,
    lines: u64,
    first: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
}

#[derive(Default)]
struct Ledger {
    calls: u64,
    tokens: u64,
    has_tokens: bool,
    cost: f64,
    has_cost: bool,
    first: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
}

pub(super) fn judge(pack: &Pack, expectation: &Expectation, limits: &Limits) -> PackVerdict {
    let get = |file| pack.files.get(&file);
    let (manifest_file, manifest) = manifest(get(EvidenceFile::Manifest), expectation, limits);
    let mut warnings = Vec::new();
    let (trace_file, trace) = trace(get(EvidenceFile::Trace), expectation, limits, &mut warnings);
    let (ledger_file, ledger) = ledger(get(EvidenceFile::LlmLedger), expectation, limits);
    let (graph_file, node_known) = graph(get(EvidenceFile::UniverseGraph), expectation, limits);
    let report_file = report(
        get(EvidenceFile::Report),
        expectation,
        manifest.as_ref().and_then(|one| one.rep_id.as_deref()),
        limits,
    );
    let mut cross = Vec::new();
    if let Some(manifest) = &manifest {
        against_api(manifest, expectation, node_known, &mut cross);
        if let Some(trace) = &trace {
            totals_of_trace(manifest, trace, &mut cross, &mut warnings);
        }
        if let Some(ledger) = &ledger {
            totals_of_ledger(manifest, ledger, &mut cross, &mut warnings);
        }
    }
    if let (Some(trace), Some(ledger)) = (&trace, &ledger) {
        let outside = |time: Option<DateTime<Utc>>| match (time, trace.first, trace.last) {
            (Some(time), Some(first), Some(last)) => {
                time < first - CLOCK_TOLERANCE || time > last + CLOCK_TOLERANCE
            }
            _ => false,
        };
        if outside(ledger.first) || outside(ledger.last) {
            cross.push(problem("cross.ledger.time", None, "calls lie outside the run's own time"));
        }
    }
    let files = vec![manifest_file, trace_file, ledger_file, graph_file, report_file];
    let state = state_of(&files, &cross);
    PackVerdict { state, files, cross_file: cross, warnings }
}

fn state_of(files: &[FileVerdict], cross: &[Problem]) -> PackState {
    if files.iter().any(|file| file.state == PackState::Unreadable) {
        PackState::Unreadable
    } else if files.iter().all(|file| file.state == PackState::Absent) {
        PackState::Absent
    } else if cross.is_empty() && files.iter().all(|file| file.state == PackState::Valid) {
        PackState::Valid
    } else {
        PackState::Corrupt
    }
}

fn object(report: &mut Report, text: &str) -> Option<Map<String, Value>> {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(object)) => Some(object),
        Ok(_) => {
            report.add("file.object", None, "the file is not an object");
            None
        }
        Err(error) => {
            report.add("file.json", None, format!("the file is not JSON: {error}"));
            None
        }
    }
}

fn own_run(report: &mut Report, object: &Map<String, Value>, expectation: &Expectation, line: Option<u64>) {
    if let Some(run_id) = report.string(object, "run_id", line)
        && run_id != expectation.run_id
    {
        let message = format!("run_id is {run_id}, expected {}", expectation.run_id);
        report.add("run_id.foreign", line, message);
    }
}

fn in_window(
    report: &mut Report,
    time: DateTime<Utc>,
    field: &str,
    expectation: &Expectation,
    line: Option<u64>,
) {
    let early = expectation.earliest.is_some_and(|earliest| time < earliest);
    let late = expectation.latest.is_some_and(|latest| time > latest);
    if early || late {
        report.add("time.outside", line, format!("{field} {time} lies outside the run's time"));
    }
}

fn manifest(
    fetched: Option<&Fetched>,
    expectation: &Expectation,
    limits: &Limits,
) -> (FileVerdict, Option<Manifest>) {
    let mut report = Report::new(EvidenceFile::Manifest);
    let parsed = report.text(fetched, limits).and_then(|text| object(&mut report, text));
    let Some(object) = parsed else { return (report.finish(), None) };
    own_run(&mut report, &object, expectation, None);
    let rep_id = report.string(&object, "rep_id", None).map(str::to_owned);
    let created = report.time(&object, "created_at", None);
    if let Some(status) = report.string(&object, "status", None) {
        if !STATUSES.contains(&status) {
            report.add("manifest.status", None, format!("status {status} is not one a pack has"));
        } else if expectation.run_succeeded && status != "completed" {
            report.add("manifest.status", None, format!("the run succeeded and the status is {status}"));
        }
    }
    if object.get("completed_at").is_some_and(|value| !value.is_null()) {
        let completed = report.time(&object, "completed_at", None);
        if let (Some(created), Some(completed)) = (created, completed)
            && completed < created
        {
            report.add("manifest.completed_at", None, "it was completed before it was created");
        }
    } else if expectation.run_succeeded {
        report.add("field.missing", None, "completed_at is missing although the run succeeded");
    }
    if let Some(created) = created {
        in_window(&mut report, created, "created_at", expectation, None);
    }
    if object.get("error").is_some_and(|value| !value.is_null()) && expectation.run_succeeded {
        report.add("manifest.error", None, "it holds an error although the run succeeded");
    }
    let mut whole = |field| report.count(&object, field, None);
    let (agents, steps, replicates) = (whole("agent_count"), whole("step_count"), whole("replicate_count"));
    let (total_ticks, total_agent_steps) = (whole("total_ticks"), whole("total_agent_steps"));
    let (total_llm_calls, total_tokens) = (whole("total_llm_calls"), whole("total_tokens"));
    let expected_lines = match (agents, steps, replicates) {
        (Some(a), Some(s), Some(r)) => a
            .checked_mul(s)
            .and_then(|steps| steps.checked_add(s + 2))
            .and_then(|lines| lines.checked_mul(r))
            .and_then(|lines| lines.checked_add(3)),
        _ => None,
    };
    let total_cost = report.amount(&object, "total_cost_usd", None);
    let text = |field: &str| object.get(field).and_then(Value::as_str).map(str::to_owned);
    let manifest = Manifest {
        rep_id,
        project_id: text("project_id"),
        node_id: text("node_id"),
        total_ticks,
        total_agent_steps,
        total_llm_calls,
        total_tokens,
        total_cost,
        expected_lines,
    };
    (report.finish(), Some(manifest))
}

fn trace(
    fetched: Option<&Fetched>,
    expectation: &Expectation,
    limits: &Limits,
    warnings: &mut Vec<Problem>,
) -> (FileVerdict, Option<Trace>) {
    let mut report = Report::new(EvidenceFile::Trace);
    let Some(text) = report.text(fetched, limits) else { return (report.finish(), None) };
    let mut trace = Trace::default();
    let mut ids = BTreeSet::new();
    let (mut started, mut ended) = (0_u64, 0_u64);
    let (mut first_type, mut last_type) = (None::<String>, String::new());
    let lines = report.each_line(text, limits, |report, line, object| {
        let line = Some(line);
        own_run(report, object, expectation, line);
        if let Some(id) = report.string(object, "event_id", line)
            && !ids.insert(id.to_owned())
        {
            report.add("trace.event_id.duplicate", line, format!("event {id} occurs twice"));
        }
        if let Some(time) = report.time(object, "timestamp", line) {
            in_window(report, time, "timestamp", expectation, line);
            if trace.last.is_some_and(|last| time < last) {
                report.add("trace.order", line, "the timestamp is earlier than the line before");
            }
            trace.first = trace.first.or(Some(time));
            trace.last = Some(time);
        }
        if let Some(kind) = report.string(object, "event_type", line) {
            match kind {
                "RUN_STARTED" => started += 1,
                "RUN_DONE" | "RUN_FAILED" => ended += 1,
                "WORLD_TICK" => trace.ticks += 1,
                "AGENT_STEP" => trace.agent_steps += 1,
                _ => {}
            }
            if !EVENT_TYPES.contains(&kind) && warnings.len() < 20 {
                warnings.push(problem("trace.event_type", line, format!("event type {kind} is not known")));
            }
            first_type.get_or_insert_with(|| kind.to_owned());
            kind.clone_into(&mut last_type);
        }
    });
    trace.lines = lines;
    if lines == 0 {
        report.add("file.empty", None, "the file holds no event");
    } else {
        if first_type.as_deref() != Some("RUN_STARTED") || started != 1 {
            report.add(
                "trace.start",
                None,
                format!("RUN_STARTED occurs {started} times, and must be first and once"),
            );
        }
        let end = if expectation.run_succeeded { "RUN_DONE" } else { "an end event" };
        let right =
            if expectation.run_succeeded { last_type == "RUN_DONE" } else { last_type.starts_with("RUN_") };
        if !right || ended != 1 {
            report.add(
                "trace.end",
                None,
                format!("{end} must be last and once; {ended} ends, last {last_type}"),
            );
        }
    }
    (report.finish(), Some(trace))
}

fn ledger(
    fetched: Option<&Fetched>,
    expectation: &Expectation,
    limits: &Limits,
) -> (FileVerdict, Option<Ledger>) {
    let mut report = Report::new(EvidenceFile::LlmLedger);
    let Some(text) = report.text(fetched, limits) else { return (report.finish(), None) };
    let mut ledger = Ledger::default();
    let mut ids = BTreeSet::new();
    ledger.calls = report.each_line(text, limits, |report, line, object| {
        let line = Some(line);
        own_run(report, object, expectation, line);
        if let Some(id) = report.string(object, "call_id", line)
            && !ids.insert(id.to_owned())
        {
            report.add("ledger.call_id.duplicate", line, format!("call {id} occurs twice"));
        }
        report.string(object, "model", line);
        if let Some(time) = report.time(object, "timestamp", line) {
            in_window(report, time, "timestamp", expectation, line);
            if ledger.last.is_some_and(|last| time < last) {
                report.add("ledger.order", line, "the timestamp is earlier than the line before");
            }
            ledger.first = ledger.first.or(Some(time));
            ledger.last = Some(time);
        }
        for field in ["input_hash", "output_hash"] {
            if let Some(hash) = object.get(field).filter(|value| !value.is_null()) {
                let right = hash.as_str().is_some_and(|hash| {
                    hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
                });
                if !right {
                    report.add("ledger.hash", line, format!("{field} is not 64 hex digits"));
                }
            }
        }
        for field in ["tokens_in", "tokens_out"] {
            if let Some(tokens) = report.count(object, field, line) {
                ledger.tokens = ledger.tokens.saturating_add(tokens);
                ledger.has_tokens = true;
            }
        }
        if let Some(cost) = report.amount(object, "cost_usd", line) {
            ledger.cost += cost;
            ledger.has_cost = true;
        }
        report.amount(object, "latency_ms", line);
    });
    (report.finish(), Some(ledger))
}

/// Answers whether the run's node is in the graph, where there is a graph.
fn graph(
    fetched: Option<&Fetched>,
    expectation: &Expectation,
    limits: &Limits,
) -> (FileVerdict, Option<bool>) {
    let mut report = Report::new(EvidenceFile::UniverseGraph);
    let parsed = report.text(fetched, limits).and_then(|text| object(&mut report, text));
    let Some(object) = parsed else { return (report.finish(), None) };
    let list = |report: &mut Report, field: &str| match object.get(field) {
        Some(Value::Array(list)) => list.clone(),
        _ => {
            report.add("field.missing", None, format!("{field} is missing or no list"));
            Vec::new()
        }
    };
    let (nodes, edges) = (list(&mut report, "nodes"), list(&mut report, "edges"));
    if nodes.is_empty() {
        report.add("graph.nodes", None, "the graph holds no node");
    }
    let mut ids = BTreeSet::new();
    let mut parents = Vec::new();
    for node in nodes.iter().filter_map(Value::as_object) {
        if let Some(id) = report.string(node, "node_id", None) {
            if !ids.insert(id.to_owned()) {
                report.add("graph.node_id.duplicate", None, format!("node {id} occurs twice"));
            }
            if let Some(parent) = node.get("parent_id").and_then(Value::as_str) {
                parents.push((id.to_owned(), parent.to_owned()));
            }
        }
    }
    if ids.len() < nodes.len() {
        report.add("graph.nodes", None, "not every node is an object with an id of its own");
    }
    for (id, parent) in &parents {
        if !ids.contains(parent) {
            report.add("graph.parent", None, format!("the parent {parent} of {id} is not in the graph"));
        }
    }
    if has_cycle(&parents) {
        report.add("graph.cycle", None, "following parents leads in a circle");
    }
    let mut edge_ids = BTreeSet::new();
    for edge in &edges {
        let Some(edge) = edge.as_object() else {
            report.add("graph.edges", None, "an edge is not an object");
            continue;
        };
        if let Some(id) = report.string(edge, "edge_id", None)
            && !edge_ids.insert(id.to_owned())
        {
            report.add("graph.edge_id.duplicate", None, format!("edge {id} occurs twice"));
        }
        for end in ["source_node_id", "target_node_id"] {
            if let Some(id) = report.string(edge, end, None)
                && !ids.contains(id)
            {
                report.add("graph.edge.end", None, format!("the {end} {id} of an edge is not in the graph"));
            }
        }
    }
    for (field, count) in [("total_nodes", nodes.len()), ("total_edges", edges.len())] {
        if report.count(&object, field, None).is_some_and(|total| total != count as u64) {
            report.add("graph.total", None, format!("{field} is not {count}"));
        }
    }
    if let Some(root) = object.get("root_node_id").and_then(Value::as_str)
        && !ids.contains(root)
    {
        report.add("graph.root", None, format!("the root {root} is not in the graph"));
    }
    if let (Some(expected), Some(project)) =
        (&expectation.project_id, object.get("project_id").and_then(Value::as_str))
        && project != expected
    {
        report.add("project_id.foreign", None, format!("project_id is {project}, expected {expected}"));
    }
    let known = expectation.node_id.as_ref().map(|node| ids.contains(node));
    (report.finish(), known)
}

fn has_cycle(parents: &[(String, String)]) -> bool {
    let up: std::collections::BTreeMap<&str, &str> =
        parents.iter().map(|(id, parent)| (id.as_str(), parent.as_str())).collect();
    let mut cleared: BTreeSet<&str> = BTreeSet::new();
    for start in up.keys() {
        let mut path = BTreeSet::new();
        let mut at = Some(*start);
        while let Some(id) = at.filter(|id| !cleared.contains(id)) {
            if !path.insert(id) {
                return true;
            }
            at = up.get(id).copied();
        }
        cleared.extend(path);
    }
    false
}

fn report(
    fetched: Option<&Fetched>,
    expectation: &Expectation,
    rep_id: Option<&str>,
    limits: &Limits,
) -> FileVerdict {
    let mut report = Report::new(EvidenceFile::Report);
    if let Some(text) = report.text(fetched, limits) {
        let trimmed = text.trim();
        if trimmed.chars().count() < 100 {
            report.add("report.short", None, "the report has fewer than 100 characters");
        }
        if !trimmed.contains(&expectation.run_id) {
            report.add("run_id.foreign", None, "the report does not name its run");
        }
        // The report names the pack where the writer is the service; the other dialect has no report at all.
        if let Some(rep_id) = rep_id
            && trimmed.to_lowercase().contains("rep id")
            && !trimmed.contains(rep_id)
        {
            report.add("rep_id.foreign", None, "the report names another pack than the manifest");
        }
    }
    report.finish()
}

fn against_api(
    manifest: &Manifest,
    expectation: &Expectation,
    node_known: Option<bool>,
    cross: &mut Vec<Problem>,
) {
    let mut same = |rule: &str, name: &str, ours: &Option<String>, theirs: &Option<String>| {
        if let (Some(expected), Some(found)) = (ours, theirs)
            && expected != found
        {
            cross.push(problem(
                rule,
                None,
                format!("the manifest's {name} is {found}, the run's {expected}"),
            ));
        }
    };
    same("cross.project_id", "project_id", &expectation.project_id, &manifest.project_id);
    same("cross.node_id", "node_id", &expectation.node_id, &manifest.node_id);
    if node_known == Some(false) {
        cross.push(problem("cross.graph.node", None, "the run's node is not in the pack's graph"));
    }
}

fn totals_of_trace(
    manifest: &Manifest,
    trace: &Trace,
    cross: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) {
    let pairs = [
        ("cross.total_ticks", "total_ticks", manifest.total_ticks, trace.ticks),
        ("cross.total_agent_steps", "total_agent_steps", manifest.total_agent_steps, trace.agent_steps),
    ];
    for (rule, name, stated, counted) in pairs {
        match stated {
            Some(stated) if stated != counted => {
                cross.push(problem(rule, None, format!("{name} is {stated}, the trace holds {counted}")));
            }
            None => warnings.push(problem(rule, None, format!("the manifest states no {name}"))),
            Some(_) => {}
        }
    }
    if manifest.expected_lines.is_some_and(|expected| expected != trace.lines) {
        let message = format!("the trace has {} lines, other writers write another number", trace.lines);
        warnings.push(problem("trace.footprint", None, message));
    }
}

fn totals_of_ledger(
    manifest: &Manifest,
    ledger: &Ledger,
    cross: &mut Vec<Problem>,
    warnings: &mut Vec<Problem>,
) {
    match manifest.total_llm_calls {
        Some(stated) if stated != ledger.calls => {
            let message = format!("total_llm_calls is {stated}, the ledger holds {}", ledger.calls);
            cross.push(problem("cross.total_llm_calls", None, message));
        }
        None => {
            warnings.push(problem("cross.total_llm_calls", None, "the manifest states no total_llm_calls"))
        }
        Some(_) => {}
    }
    if let Some(stated) =
        manifest.total_tokens.filter(|stated| (ledger.has_tokens || *stated > 0) && *stated != ledger.tokens)
    {
        let message = format!("total_tokens is {stated}, the ledger sums to {}", ledger.tokens);
        cross.push(problem("cross.total_tokens", None, message));
    }
    if let Some(stated) = manifest.total_cost.filter(|_| ledger.has_cost || ledger.calls == 0) {
        let tolerance = 1e-6 * stated.abs().max(ledger.cost.abs()).max(1e-6);
        if (stated - ledger.cost).abs() > tolerance {
            let message = format!("total_cost_usd is {stated}, the ledger sums to {}", ledger.cost);
            cross.push(problem("cross.total_cost_usd", None, message));
        }
    }
}
