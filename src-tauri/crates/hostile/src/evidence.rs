//! Evidence packs: any bytes, and a genuine pack with damage.

use chrono::{DateTime, TimeDelta, Utc};
use holdpoint_agentverse::evidence::{
    EvidenceFile, Expectation, Fetched, Limits, Pack, PackState, PackVerdict, judge,
};
use serde_json::{Value, json};

use crate::edit::{Choices, lines};
use crate::shown;

const RUN: &str = "0d9f1f6e-5a3c-4f0e-9a53-6f1d2b7c8e90";

fn time(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_500_000 + second, 0).expect("a time of our days")
}

fn expectation() -> Expectation {
    Expectation {
        run_id: RUN.into(),
        project_id: Some("project".into()),
        node_id: Some("node-1".into()),
        earliest: Some(time(-120)),
        latest: Some(time(600)),
        run_succeeded: true,
    }
}

fn look_at(files: impl IntoIterator<Item = (EvidenceFile, Vec<u8>)>) -> PackVerdict {
    let files = files.into_iter().map(|(file, bytes)| (file, Fetched::Bytes(bytes))).collect();
    let verdict = judge(&Pack { run_id: RUN.into(), files }, &expectation(), &Limits::default());
    shown::values(&verdict);
    assert!(verdict.files.iter().all(|file| file.problems.len() <= 20));
    if verdict.state == PackState::Valid {
        assert!(verdict.problems().is_empty() && verdict.files.len() == 5, "{verdict:?}");
        assert!(verdict.files.iter().all(|file| file.state == PackState::Valid), "{verdict:?}");
    }
    verdict
}

/// Whatever the five files hold, they are judged, and what is said of them is inert.
pub(crate) fn any_bytes(bytes: &[u8]) {
    let parts: Vec<Vec<u8>> = bytes.splitn(5, |byte| *byte == 0x1e).map(<[u8]>::to_vec).collect();
    look_at(EvidenceFile::ALL.into_iter().zip(parts));
}

/// A pack as a writer makes it.
fn genuine(steps: u64) -> Vec<(EvidenceFile, Vec<u8>)> {
    let mut second = 0;
    let mut next = || {
        second += 1;
        time(second).to_rfc3339()
    };
    let mut trace: Vec<Value> = Vec::new();
    let mut event = |kind: &str| {
        let id = format!("event-{}", trace.len());
        trace.push(
            json!({"event_id": id, "timestamp": next(), "event_type": kind, "run_id": RUN, "details": {}}),
        );
    };
    event("RUN_STARTED");
    for _ in 0..steps {
        event("WORLD_TICK");
        event("AGENT_STEP");
    }
    event("RUN_DONE");
    let ledger: Vec<Value> = (0..steps)
        .map(|call| {
            json!({
                "call_id": format!("call-{call}"), "timestamp": time(2).to_rfc3339(), "run_id": RUN, "model": "model",
                "input_hash": "a".repeat(64), "output_hash": "b".repeat(64), "tokens_in": 10, "tokens_out": 5,
                "cost_usd": 0.001,
            })
        })
        .collect();
    let manifest = json!({
        "rep_version": "1.0.0", "rep_id": "rep-1", "created_at": time(0).to_rfc3339(), "run_id": RUN,
        "project_id": "project", "node_id": "node-1", "agent_count": 1, "step_count": steps, "replicate_count": 1,
        "status": "completed", "completed_at": (time(0) + TimeDelta::seconds(60)).to_rfc3339(), "total_ticks": steps,
        "total_agent_steps": steps, "total_llm_calls": steps, "total_tokens": steps * 15,
        "total_cost_usd": steps as f64 * 0.001,
    });
    let graph = json!({
        "project_id": "project", "root_node_id": "node-0",
        "nodes": [{"node_id": "node-0"}, {"node_id": "node-1", "parent_id": "node-0"}],
        "edges": [{"edge_id": "edge-1", "source_node_id": "node-0", "target_node_id": "node-1"}],
        "total_nodes": 2, "total_edges": 1,
    });
    let report = format!(
        "# Run report\n\nREP ID: rep-1\nRun ID: {RUN}\n\n## Summary\n{}\n## Configuration\n## Metrics\n\
         ## Execution Statistics\n## Verification\n",
        "All is well. ".repeat(10)
    );
    vec![
        (EvidenceFile::Manifest, manifest.to_string().into_bytes()),
        (EvidenceFile::Trace, lines(&trace).into_bytes()),
        (EvidenceFile::LlmLedger, lines(&ledger).into_bytes()),
        (EvidenceFile::UniverseGraph, graph.to_string().into_bytes()),
        (EvidenceFile::Report, report.into_bytes()),
    ]
}

/// A genuine pack is valid; after any damage of these kinds it is not.
pub(crate) fn damage(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let steps = 1 + choices.below(6) as u64;
    let mut files = genuine(steps);
    assert_eq!(look_at(files.clone()).state, PackState::Valid);
    let which = choices.below(files.len());
    let line_file = 1 + choices.below(2);
    let what = match choices.byte() % 8 {
        0 => {
            files.remove(which);
            "a file is absent"
        }
        1 => {
            files[which].1.clear();
            "a file is empty"
        }
        2 => {
            // The report is prose: only what was cut below its last section is not seen.
            let which = which % 4;
            let whole = files[which].1.trim_ascii_end().len();
            let kept = choices.below(whole);
            files[which].1.truncate(kept);
            "a file is cut off"
        }
        3 => {
            let at = choices.below(files[which].1.len());
            files[which].1[at] = 0xff;
            "a file is not UTF-8"
        }
        4 => {
            change_lines(&mut files[line_file].1, |lines| {
                lines.remove(choices.below(lines.len()));
            });
            "a line is missing"
        }
        5 => {
            change_lines(&mut files[line_file].1, |lines| {
                let copy = lines[choices.below(lines.len())];
                lines.push(copy);
            });
            "a line is doubled"
        }
        6 => {
            let text = String::from_utf8(files[which].1.clone()).expect("a file of ours");
            if which == 3 {
                files[which].1 = text.replace("node-1", "node-2").into_bytes();
            } else {
                files[which].1 = text.replacen(RUN, "1d9f1f6e-5a3c-4f0e-9a53-6f1d2b7c8e90", 1).into_bytes();
            }
            "another run's"
        }
        _ => {
            change_lines(&mut files[1].1, |lines| {
                let at = choices.below(lines.len() - 1);
                lines.swap(at, at + 1);
            });
            "times run backwards"
        }
    };
    let verdict = look_at(files);
    assert_ne!(verdict.state, PackState::Valid, "{what}");
}

fn change_lines(file: &mut Vec<u8>, change: impl FnOnce(&mut Vec<&str>)) {
    let text = String::from_utf8(file.clone()).expect("a file of ours");
    let mut kept: Vec<&str> = text.lines().collect();
    change(&mut kept);
    *file = lines(kept).into_bytes();
}
