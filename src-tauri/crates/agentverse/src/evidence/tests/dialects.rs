//! What must not be called corrupt: the other dialect, runs that failed, and what depends on the writer.

use super::*;
use EvidenceFile::{LlmLedger, Manifest, Report, Trace};

/// A pack as the other dialect writes it, with the files that it lacks.
fn other_dialect() -> Pack {
    let mut pack = pack(2, 5, 1);
    let manifest = json!({
        "rep_id": "rep-1", "run_id": RUN, "created_at": time(0), "status": "completed", "completed_at": time(50),
        "seed": 1, "agent_count": 2, "step_count": 5, "replicate_count": 1, "personas": 3,
    });
    put(&mut pack, Manifest, manifest.to_string());
    let event = |id: usize, kind: &str, details: &Value| {
        json!({
            "event_id": format!("event-{id}"), "timestamp": time(0), "event_type": kind, "run_id": RUN,
            "details": details,
        })
    };
    let mut trace = vec![event(0, "RUN_STARTED", &json!({}))];
    for at in 0..10 {
        let details = json!({"replicate": 0, "tick": at / 2, "agent": at % 2});
        trace.push(event(trace.len(), "AGENT_STEP", &details));
    }
    trace.push(event(trace.len(), "AGGREGATE", &json!({})));
    trace.push(event(trace.len(), "RUN_DONE", &json!({})));
    put(&mut pack, Trace, lines(&trace));
    let calls: Vec<Value> = (0..10)
        .map(|id| {
            json!({
                "call_id": format!("call-{id}"), "timestamp": time(0), "run_id": RUN, "purpose": "agent_decision",
                "model": "model", "input_hash": "a".repeat(64), "output_hash": "b".repeat(64), "tokens_in": 100,
                "tokens_out": 50, "latency_ms": 95, "mock": true,
            })
        })
        .collect();
    put(&mut pack, LlmLedger, lines(&calls));
    pack
}

fn warned(verdict: &PackVerdict, rule: &str) -> bool {
    verdict.warnings.iter().any(|warning| warning.rule == rule)
}

#[test]
fn the_other_dialect_is_valid_with_warnings() {
    let verdict = verdict(&other_dialect());
    assert_eq!(verdict.state, PackState::Valid, "{verdict:#?}");
    for rule in ["cross.total_ticks", "cross.total_tokens", "cross.total_cost_usd", "ledger.mock"] {
        assert!(warned(&verdict, rule), "{rule}");
    }
    assert!(!warned(&verdict, "trace.footprint"), "its own footprint is known (API facts 7.4)");
}

#[test]
fn an_empty_ledger_is_right_where_nothing_says_that_there_were_calls() {
    let mut silent = other_dialect();
    put(&mut silent, LlmLedger, "");
    let silent = verdict(&silent);
    assert_eq!(silent.state, PackState::Valid, "{silent:#?}");
    assert!(warned(&silent, "ledger.empty"));
    let stated = verdict(&pack(0, 5, 1));
    assert_eq!(stated.state, PackState::Valid);
    assert!(stated.warnings.is_empty(), "{:?}", stated.warnings);
}

#[test]
fn calls_side_by_side_may_be_written_in_another_order() {
    let mut pack = pack(5, 8, 1);
    let mut list: Vec<String> = text(&pack, LlmLedger).lines().map(str::to_owned).collect();
    list.reverse();
    put(&mut pack, LlmLedger, list.join("\n"));
    let verdict = verdict(&pack);
    assert_eq!(verdict.state, PackState::Valid, "{:?}", rules(&verdict));
    assert!(warned(&verdict, "ledger.order"));
}

#[test]
fn a_call_that_failed_has_no_answer_to_hash() {
    let mut pack = pack(2, 5, 1);
    replace(&mut pack, LlmLedger, "\"cost_usd\":0.001", "\"cost_usd\":0.001,\"error\":\"timeout\"");
    let (hash, none) = (format!("\"output_hash\":\"{}\"", "b".repeat(64)), "\"output_hash\":null");
    replace(&mut pack, LlmLedger, &hash, none);
    assert_eq!(verdict(&pack).state, PackState::Valid);
}

#[test]
fn costs_may_be_rounded_to_six_digits() {
    let mut pack = pack(2, 5, 1);
    let odd = text(&pack, LlmLedger).replace("\"cost_usd\":0.001", "\"cost_usd\":0.00100004");
    put(&mut pack, LlmLedger, odd);
    assert_eq!(verdict(&pack).state, PackState::Valid);
}

#[test]
fn footprints_and_unknown_types_only_warn() {
    let mut pack = pack(2, 5, 1);
    replace(&mut pack, Trace, "\"REPLICATE_DONE\"", "\"COFFEE_BREAK\"");
    replace(&mut pack, Manifest, "\"agent_count\":2", "\"agent_count\":3");
    let verdict = verdict(&pack);
    assert_eq!(verdict.state, PackState::Valid, "{:?}", rules(&verdict));
    for rule in ["trace.event_type", "trace.footprint", "ledger.footprint"] {
        assert!(warned(&verdict, rule), "{rule}");
    }
}

#[test]
fn the_end_is_the_one_that_the_manifest_tells_of() {
    let judged = |status: &str, end: &str| {
        let mut pack = pack(2, 5, 1);
        replace(&mut pack, Manifest, "\"status\":\"completed\"", &format!("\"status\":\"{status}\""));
        replace(&mut pack, Trace, "RUN_DONE", end);
        let ended = Expectation { run_succeeded: false, ..expectation() };
        judge(&pack, &ended, &Limits::default()).state
    };
    assert_eq!(judged("failed", "RUN_FAILED"), PackState::Valid);
    assert_eq!(judged("failed", "RUN_DONE"), PackState::Corrupt);
    assert_eq!(judged("completed", "RUN_FAILED"), PackState::Corrupt);
    assert_eq!(judged("cancelled", "NODE_PRUNE"), PackState::Valid);
    assert_eq!(judged("running", "NODE_PRUNE"), PackState::Corrupt);
}

#[test]
fn times_are_read_with_and_without_a_zone() {
    for zone in ["", "+00:00", "Z"] {
        let mut pack = pack(2, 5, 1);
        for file in [Manifest, Trace, LlmLedger] {
            let changed = text(&pack, file).replace(".000000Z", zone);
            put(&mut pack, file, changed);
        }
        assert_eq!(verdict(&pack).state, PackState::Valid, "{zone}");
    }
}

#[test]
fn the_report_of_another_writer_need_not_speak_of_a_pack() {
    let mut other = other_dialect();
    replace(&mut other, Report, "REP ID: rep-1", "");
    assert_eq!(verdict(&other).state, PackState::Valid);
    let mut service = pack(2, 5, 1);
    replace(&mut service, Report, "REP ID: rep-1", "");
    assert_eq!(rules(&verdict(&service)), ["rep_id.foreign"]);
}

proptest! {
    #[test]
    fn a_changed_total_is_never_valid(field in 0_usize..5, by in 1_u64..1000) {
        let mut pack = pack(2, 5, 1);
        let mut manifest: Value = serde_json::from_str(&text(&pack, Manifest)).unwrap();
        let names = ["total_ticks", "total_agent_steps", "total_llm_calls", "total_tokens", "total_cost_usd"];
        let stated = manifest[names[field]].clone();
        manifest[names[field]] =
            stated.as_u64().map_or_else(|| json!(stated.as_f64().unwrap() + by as f64), |whole| json!(whole + by));
        put(&mut pack, Manifest, manifest.to_string());
        prop_assert_eq!(verdict(&pack).state, PackState::Corrupt);
    }

    #[test]
    fn a_pack_cut_anywhere_is_never_valid(which in 0_usize..4, keep in 0_usize..100_000) {
        let mut pack = pack(2, 5, 1);
        let file = EvidenceFile::ALL[which];
        let whole = text(&pack, file);
        // The last byte of a line file is its last line's end, which a whole file may lack.
        let keep = keep % (whole.len() - 1);
        put(&mut pack, file, &whole.as_bytes()[..keep]);
        prop_assert_eq!(verdict(&pack).state, PackState::Corrupt);
    }
}
