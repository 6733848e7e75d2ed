mod damage;
mod dialects;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const RUN: &str = "0d9f1f6e-5a3c-4f0e-9a53-6f1d2b7c8e90";

fn time(second: u64) -> String {
    format!("2026-11-20T10:{:02}:{:02}.000000Z", second / 60, second % 60)
}

fn lines(list: &[Value]) -> String {
    list.iter().fold(String::new(), |text, line| text + &line.to_string() + "\n")
}

/// A pack as the service's writer makes it, with `agents`, `steps` and `replicates`.
fn pack(agents: u64, steps: u64, replicates: u64) -> Pack {
    let mut trace = Vec::new();
    let mut ledger = Vec::new();
    let mut event = |kind: &str| {
        let id = trace.len();
        trace.push(json!({
            "event_id": format!("event-{id}"), "timestamp": time(id as u64 / 20), "event_type": kind, "run_id": RUN,
            "details": {},
        }));
    };
    event("RUN_STARTED");
    for _ in 0..replicates {
        event("REPLICATE_START");
        for _ in 0..steps {
            event("WORLD_TICK");
            (0..agents).for_each(|_| event("AGENT_STEP"));
        }
        event("REPLICATE_DONE");
    }
    event("AGGREGATE");
    event("RUN_DONE");
    let calls = agents * steps * replicates;
    for id in 0..calls {
        ledger.push(json!({
            "call_id": format!("call-{id}"), "timestamp": time(id / 20), "run_id": RUN, "purpose": "agent",
            "model": "model", "input_hash": "a".repeat(64), "output_hash": "b".repeat(64), "tokens_in": 10,
            "tokens_out": 5, "latency_ms": 12.5, "cost_usd": 0.001,
        }));
    }
    let manifest = json!({
        "rep_version": "1.0.0", "rep_id": "rep-1", "created_at": time(0), "run_id": RUN, "project_id": "project",
        "node_id": "node-1", "agent_count": agents, "step_count": steps, "replicate_count": replicates,
        "status": "completed", "completed_at": time(50), "error": null, "total_ticks": steps * replicates,
        "total_agent_steps": calls, "total_llm_calls": calls, "total_tokens": calls * 15,
        "total_cost_usd": calls as f64 * 0.001,
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
    let files = [
        (EvidenceFile::Manifest, manifest.to_string()),
        (EvidenceFile::Trace, lines(&trace)),
        (EvidenceFile::LlmLedger, lines(&ledger)),
        (EvidenceFile::UniverseGraph, graph.to_string()),
        (EvidenceFile::Report, report),
    ];
    let files = files.into_iter().map(|(file, text)| (file, Fetched::Bytes(text.into_bytes()))).collect();
    Pack { run_id: RUN.into(), files }
}

fn expectation() -> Expectation {
    let at = |second| {
        chrono::DateTime::parse_from_rfc3339(&time(second)).ok().map(|time| time.with_timezone(&Utc))
    };
    Expectation {
        run_id: RUN.into(),
        project_id: Some("project".into()),
        node_id: Some("node-1".into()),
        earliest: at(0),
        latest: at(600),
        run_succeeded: true,
    }
}

fn verdict(pack: &Pack) -> PackVerdict {
    judge(pack, &expectation(), &Limits::default())
}

fn text(pack: &Pack, file: EvidenceFile) -> String {
    match &pack.files[&file] {
        Fetched::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        other => panic!("{other:?}"),
    }
}

fn put(pack: &mut Pack, file: EvidenceFile, text: impl Into<Vec<u8>>) {
    pack.files.insert(file, Fetched::Bytes(text.into()));
}

/// Replaces the first `from` in a file.
fn replace(pack: &mut Pack, file: EvidenceFile, from: &str, to: &str) {
    let before = text(pack, file);
    assert!(before.contains(from), "{from} not in {}", file.file_name());
    put(pack, file, before.replacen(from, to, 1));
}

fn rules(verdict: &PackVerdict) -> Vec<String> {
    verdict.problems().into_iter().map(|(_, problem)| problem.rule.clone()).collect()
}

#[test]
fn a_whole_pack_is_valid_without_warnings() {
    let verdict = verdict(&pack(2, 5, 1));
    assert_eq!(verdict.state, PackState::Valid, "{verdict:#?}");
    assert!(verdict.warnings.is_empty(), "{:?}", verdict.warnings);
}

#[test]
fn each_replaced_value_is_found_by_its_rule() {
    use EvidenceFile::{LlmLedger, Manifest, Report, Trace, UniverseGraph};
    let damages = [
        (Manifest, "\"status\":\"completed\"", "\"status\":\"succeeded\"", "manifest.status"),
        (Manifest, "\"status\":\"completed\"", "\"status\":\"running\"", "manifest.status"),
        (Manifest, RUN, "another-run", "run_id.foreign"),
        (Manifest, "\"rep_id\":\"rep-1\",", "", "field.missing"),
        (Manifest, "\"rep-1\"", "\"rep-2\"", "rep_id.foreign"),
        (Manifest, "\"created_at\":\"2026", "\"created_at\":\"soon", "field.time"),
        (
            Manifest,
            "\"completed_at\":\"2026-11-20T10",
            "\"completed_at\":\"2026-11-20T09",
            "manifest.completed_at",
        ),
        (Manifest, "\"total_ticks\":5", "\"total_ticks\":4", "cross.total_ticks"),
        (Manifest, "\"total_agent_steps\":10", "\"total_agent_steps\":11", "cross.total_agent_steps"),
        (Manifest, "\"total_llm_calls\":10", "\"total_llm_calls\":9", "cross.total_llm_calls"),
        (Manifest, "\"total_tokens\":150", "\"total_tokens\":151", "cross.total_tokens"),
        (Manifest, "\"total_tokens\":150", "\"total_tokens\":-1", "field.count"),
        (Manifest, "\"total_cost_usd\":0.01", "\"total_cost_usd\":0.02", "cross.total_cost_usd"),
        (Manifest, "\"project_id\":\"project\"", "\"project_id\":\"other\"", "cross.project_id"),
        (Manifest, "\"node_id\":\"node-1\"", "\"node_id\":\"node-9\"", "cross.node_id"),
        (Manifest, "\"error\":null", "\"error\":\"boom\"", "manifest.error"),
        (Trace, "RUN_STARTED", "AGGREGATE", "trace.start"),
        (Trace, "RUN_DONE", "AGGREGATE", "trace.end"),
        (Trace, "RUN_DONE", "RUN_FAILED", "trace.end"),
        (Trace, "AGGREGATE", "RUN_STARTED", "trace.start"),
        (Trace, "AGGREGATE", "RUN_DONE", "trace.end"),
        (Trace, "event-3\"", "event-4\"", "trace.event_id.duplicate"),
        (Trace, "WORLD_TICK", "AGENT_STEP", "cross.total_ticks"),
        (Trace, RUN, "another-run", "run_id.foreign"),
        (
            Trace,
            "10:00:00.000000Z\",\"event_type\":\"WORLD_TICK",
            "10:09:00.000000Z\",\"event_type\":\"WORLD_TICK",
            "trace.order",
        ),
        (Trace, "2026-11-20", "2025-11-20", "time.outside"),
        (Trace, "{\"event_id\":\"event-2\"", "{\"event_id\"\"event-2\"", "line.json"),
        (LlmLedger, "call-3\"", "call-4\"", "ledger.call_id.duplicate"),
        (LlmLedger, "\"model\":\"model\",", "", "field.missing"),
        (LlmLedger, "aaaa", "aaaz", "ledger.hash"),
        (LlmLedger, "\"tokens_in\":10", "\"tokens_in\":11", "cross.total_tokens"),
        (LlmLedger, "\"tokens_in\":10", "\"tokens_in\":-10", "field.count"),
        (LlmLedger, "\"cost_usd\":0.001", "\"cost_usd\":-0.001", "field.amount"),
        (LlmLedger, RUN, "another-run", "run_id.foreign"),
        (UniverseGraph, "\"target_node_id\":\"node-1\"", "\"target_node_id\":\"node-7\"", "graph.edge.end"),
        (UniverseGraph, "\"total_nodes\":2", "\"total_nodes\":3", "graph.total"),
        (UniverseGraph, "\"total_edges\":1", "\"total_edges\":0", "graph.total"),
        (UniverseGraph, "\"root_node_id\":\"node-0\"", "\"root_node_id\":\"node-5\"", "graph.root"),
        (UniverseGraph, "\"parent_id\":\"node-0\"", "\"parent_id\":\"node-1\"", "graph.cycle"),
        (UniverseGraph, "{\"node_id\":\"node-0\"}", "{\"node_id\":\"node-1\"}", "graph.node_id.duplicate"),
        (UniverseGraph, "\"project_id\":\"project\"", "\"project_id\":\"other\"", "project_id.foreign"),
        (UniverseGraph, "\"nodes\"", "\"knots\"", "field.missing"),
        (Report, RUN, "another-run", "run_id.foreign"),
        (Report, "## Verification\n", "", "report.section"),
    ];
    for (file, from, to, rule) in damages {
        let mut pack = pack(2, 5, 1);
        replace(&mut pack, file, from, to);
        let verdict = verdict(&pack);
        assert_eq!(verdict.state, PackState::Corrupt, "{rule}");
        assert!(rules(&verdict).iter().any(|found| found == rule), "{rule} not in {:?}", rules(&verdict));
    }
}

#[test]
fn each_file_can_be_absent_empty_truncated_or_not_text() {
    for file in EvidenceFile::ALL {
        let mut absent = pack(2, 5, 1);
        absent.files.insert(file, Fetched::Absent);
        assert_eq!(verdict(&absent).state, PackState::Corrupt, "{file:?} absent");
        let mut empty = pack(2, 5, 1);
        put(&mut empty, file, "");
        assert_eq!(verdict(&empty).state, PackState::Corrupt, "{file:?} empty");
        let mut cut = pack(2, 5, 1);
        let whole = text(&cut, file);
        put(&mut cut, file, &whole.as_bytes()[..whole.len() / 3]);
        assert_eq!(verdict(&cut).state, PackState::Corrupt, "{file:?} truncated");
        let mut binary = pack(2, 5, 1);
        put(&mut binary, file, vec![0xff, 0xfe, 0x00]);
        assert_eq!(verdict(&binary).state, PackState::Corrupt, "{file:?} not UTF-8");
        let mut blank = pack(2, 5, 1);
        put(&mut blank, file, " \n\n");
        assert_eq!(verdict(&blank).state, PackState::Corrupt, "{file:?} blank");
        let mut unreadable = pack(2, 5, 1);
        unreadable.files.insert(file, Fetched::Unreadable("timeout".into()));
        assert_eq!(verdict(&unreadable).state, PackState::Unreadable, "{file:?} unreadable");
    }
}

#[test]
fn nothing_there_is_absent_and_not_corrupt() {
    let nothing = Pack { run_id: RUN.into(), files: BTreeMap::new() };
    assert_eq!(verdict(&nothing).state, PackState::Absent);
}

#[test]
fn a_file_beyond_the_limits_is_unreadable() {
    let limits = Limits { file_bytes: 100, ..Limits::default() };
    assert_eq!(judge(&pack(2, 5, 1), &expectation(), &limits).state, PackState::Unreadable);
    let limits = Limits { lines: 3, ..Limits::default() };
    assert_eq!(judge(&pack(2, 5, 1), &expectation(), &limits).state, PackState::Unreadable);
}

proptest! {
    #[test]
    fn every_size_of_pack_is_valid(agents in 0_u64..5, steps in 0_u64..8, replicates in 1_u64..4) {
        let verdict = verdict(&pack(agents, steps, replicates));
        prop_assert_eq!(verdict.state, PackState::Valid, "{:?}", rules(&verdict));
    }

    #[test]
    fn any_bytes_are_judged_without_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        which in 0_usize..5,
    ) {
        let mut pack = pack(1, 2, 1);
        put(&mut pack, EvidenceFile::ALL[which], bytes);
        prop_assert_ne!(verdict(&pack).state, PackState::Absent);
    }

    #[test]
    fn a_flipped_byte_never_panics(which in 0_usize..5, position in 0_usize..4000, bit in 0_u8..8) {
        let mut pack = pack(1, 2, 1);
        let mut bytes = text(&pack, EvidenceFile::ALL[which]).into_bytes();
        let position = position % bytes.len();
        bytes[position] ^= 1 << bit;
        put(&mut pack, EvidenceFile::ALL[which], bytes);
        let _ = verdict(&pack);
    }
}
