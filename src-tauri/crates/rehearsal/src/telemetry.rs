//! What a run leaves behind: its telemetry object and its evidence pack, in the shapes of API facts 7.2 and 8.

use std::io::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::config::BUCKET;

/// Ticks of every run, whatever was asked for (API facts 1.5).
pub(crate) const TICKS: i64 = 1000;
/// Size of the evidence of a rehearsed run.
const AGENTS: u64 = 2;
const STEPS: u64 = 25;

/// A finished run, as far as its evidence needs it.
#[derive(Clone, Debug)]
pub(crate) struct Finished {
    pub(crate) run_id: String,
    pub(crate) project_id: String,
    pub(crate) node_id: String,
    pub(crate) tenant: String,
    pub(crate) seed: i64,
    pub(crate) started: DateTime<Utc>,
    pub(crate) completed: DateTime<Utc>,
    pub(crate) agents_act: bool,
}

/// The telemetry object: key, gzipped bytes, and the reference a run keeps to it.
pub(crate) fn object(run: &Finished, schema: &str) -> (String, Vec<u8>, Value) {
    let keyframes: Vec<Value> = (0..=TICKS)
        .step_by(100)
        .map(|tick| json!({"tick": tick, "agent_states": {}, "environment_state": {}, "metrics": {"activity": 0.5}}))
        .collect();
    let deltas: Vec<Value> =
        (0..=TICKS).map(|tick| json!({"tick": tick, "updates": [], "events": []})).collect();
    let content = json!({
        "run_id": run.run_id, "schema_version": schema, "created_at": text(run.completed), "ticks_executed": TICKS,
        "seed_used": run.seed, "agent_count": AGENTS, "keyframes": keyframes, "deltas": deltas, "final_states": {},
        "index": {"tick_count": TICKS, "keyframe_ticks": (0..=TICKS).step_by(100).collect::<Vec<_>>()},
        "metrics_summary": {},
    });
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    // Writing into memory does not fail.
    let _ = gzip.write_all(content.to_string().as_bytes());
    let bytes = gzip.finish().unwrap_or_default();
    let key = format!("telemetry/{}/{}/data.json", run.tenant, run.run_id);
    let reference = json!({
        "bucket": BUCKET, "key": key, "size_bytes": bytes.len(), "content_type": "application/gzip",
        "checksum": hex::encode(Sha256::digest(&bytes)), "compression": "gzip", "created_at": text(run.completed),
    });
    (key, bytes, reference)
}

/// The five files of the evidence pack by name.
pub(crate) fn pack(run: &Finished) -> Vec<(&'static str, Vec<u8>)> {
    let rep_id = Uuid::new_v4().to_string();
    let steps = if run.agents_act { AGENTS } else { 0 };
    let lines = 5 + STEPS * (1 + steps);
    let span = (run.completed - run.started).num_microseconds().unwrap_or(0).max(1);
    let at = |line: u64| {
        let share = span / i64::try_from(lines).unwrap_or(1) * i64::try_from(line).unwrap_or(0);
        text(run.started + chrono::TimeDelta::microseconds(share))
    };
    let mut trace = String::new();
    let mut ledger = String::new();
    let (mut line, mut calls, mut tokens) = (0, 0, 0);
    let mut event = |kind: &str, tick: Option<u64>, agent: Option<u64>| {
        let value = json!({
            "event_id": Uuid::new_v4().to_string(), "timestamp": at(line), "event_type": kind, "run_id": run.run_id,
            "node_id": run.node_id, "replicate_id": 0, "agent_id": agent, "tick": tick, "duration_ms": null,
            "details": {},
        });
        line += 1;
        trace += &value.to_string();
        trace.push('\n');
        at(line - 1)
    };
    event("RUN_STARTED", None, None);
    event("REPLICATE_START", None, None);
    for tick in 0..STEPS {
        event("WORLD_TICK", Some(tick), None);
        for agent in 0..steps {
            let when = event("AGENT_STEP", Some(tick), Some(agent));
            let hash = |side: &str| hex::encode(Sha256::digest(format!("{}{tick}{agent}{side}", run.run_id)));
            let call = json!({
                "call_id": Uuid::new_v4().to_string(), "timestamp": when, "run_id": run.run_id,
                "node_id": run.node_id, "replicate_id": 0, "purpose": "agent_step", "model": "openai/gpt-4o-mini",
                "model_provider": "openrouter", "input_hash": hash("in"), "output_hash": hash("out"),
                "tokens_in": 42, "tokens_out": 17, "latency_ms": 120.5, "cache_hit": false, "mock": false,
                "cost_usd": 0.0001, "error": null,
            });
            calls += 1;
            tokens += 59;
            ledger += &call.to_string();
            ledger.push('\n');
        }
    }
    event("REPLICATE_DONE", None, None);
    event("AGGREGATE", None, None);
    event("RUN_DONE", None, None);
    let manifest = json!({
        "rep_version": "1.0.0", "rep_id": rep_id, "created_at": text(run.started), "env": "staging",
        "run_id": run.run_id, "project_id": run.project_id, "node_id": run.node_id, "mode": "society",
        "seed": run.seed, "replicate_count": 1, "agent_count": AGENTS, "step_count": STEPS,
        "model_provider": "openrouter", "model_name": "openai/gpt-4o-mini", "status": "completed",
        "completed_at": text(run.completed), "error": null, "total_ticks": STEPS, "total_agent_steps": STEPS * steps,
        "total_llm_calls": calls, "total_tokens": tokens, "total_cost_usd": f64::from(calls) * 0.0001,
        "runtime_seconds": span as f64 / 1e6,
    });
    let graph = json!({
        "project_id": run.project_id, "root_node_id": run.node_id,
        "nodes": [{"node_id": run.node_id, "parent_id": null, "run_id": run.run_id, "rep_id": rep_id,
                   "created_at": text(run.started), "replicate_count": 1}],
        "edges": [], "total_nodes": 1, "total_edges": 0, "updated_at": text(run.completed),
    });
    let report = format!(
        "# Run Evidence Pack\n\nREP ID: {rep_id}\nRun ID: {}\nGenerated: {}\n\n## Summary\nThe run completed.\n\n\
         ## Configuration\n{AGENTS} agents, {STEPS} steps, 1 replicate.\n\n## Metrics\n{calls} calls, {tokens} tokens.\n\n\
         ## Execution Statistics\n{lines} events.\n\n## Verification\nAll files were written by the worker.\n",
        run.run_id,
        text(run.completed)
    );
    vec![
        ("manifest.json", manifest.to_string().into_bytes()),
        ("trace.ndjson", trace.into_bytes()),
        ("llm_ledger.ndjson", ledger.into_bytes()),
        ("universe_graph.json", graph.to_string().into_bytes()),
        ("report.md", report.into_bytes()),
    ]
}

/// ISO-8601 with microseconds and Z.
pub(crate) fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}
