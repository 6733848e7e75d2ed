//! Damages that are more than one replaced value.

use super::*;
use EvidenceFile::{LlmLedger, Manifest, Trace, UniverseGraph};

/// Changes the one object of a JSON document, or one line of a line file.
fn edit(pack: &mut Pack, file: EvidenceFile, line: usize, change: fn(&mut Value)) {
    let before = text(pack, file);
    if matches!(file, Manifest | UniverseGraph) {
        let mut value = serde_json::from_str(&before).unwrap();
        change(&mut value);
        put(pack, file, value.to_string());
    } else {
        let mut list: Vec<Value> = before.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        change(&mut list[line]);
        put(pack, file, lines(&list));
    }
}

fn remove(value: &mut Value, field: &str) {
    assert!(value.as_object_mut().unwrap().remove(field).is_some(), "{field} is not there");
}

type Damage = (EvidenceFile, usize, fn(&mut Value), &'static str);

#[test]
fn each_edited_field_is_found_by_its_rule() {
    let damages: [Damage; 45] = [
        (Manifest, 0, |it| remove(it, "run_id"), "field.missing"),
        (Manifest, 0, |it| remove(it, "created_at"), "field.missing"),
        (Manifest, 0, |it| remove(it, "status"), "field.missing"),
        (Manifest, 0, |it| remove(it, "completed_at"), "field.missing"),
        (Manifest, 0, |it| it["run_id"] = json!(7), "field.type"),
        (Manifest, 0, |it| it["project_id"] = json!(7), "field.type"),
        (Manifest, 0, |it| it["node_id"] = json!(["node-1"]), "field.type"),
        (Manifest, 0, |it| it["completed_at"] = json!("2099-01-01T00:00:00Z"), "time.outside"),
        (Manifest, 0, |it| it["total_cost_usd"] = json!(-1), "field.amount"),
        (Manifest, 0, |it| it["total_cost_usd"] = json!(0), "cross.total_cost_usd"),
        (Manifest, 0, |it| it["total_ticks"] = json!(2.5), "field.count"),
        (Manifest, 0, |it| it["step_count"] = json!("five"), "field.count"),
        (Manifest, 0, |it| it["total_llm_calls"] = json!(u64::MAX), "cross.total_llm_calls"),
        (Manifest, 0, |it| *it = json!([it.clone()]), "file.object"),
        (Trace, 9, |it| remove(it, "event_id"), "field.missing"),
        (Trace, 9, |it| remove(it, "timestamp"), "field.missing"),
        (Trace, 9, |it| remove(it, "event_type"), "field.missing"),
        (Trace, 9, |it| remove(it, "run_id"), "field.missing"),
        (Trace, 9, |it| it["run_id"] = json!("another-run"), "run_id.foreign"),
        (Trace, 9, |it| it["timestamp"] = json!("noon"), "field.time"),
        (Trace, 9, |it| it["details"] = json!("text"), "field.type"),
        (Trace, 9, |it| it["tick"] = json!(-1), "field.count"),
        (Trace, 9, |it| it["tick"] = json!(999), "cross.tick"),
        (Trace, 9, |it| it["details"] = json!({"tick": 999}), "cross.tick"),
        (Trace, 9, |it| it["duration_ms"] = json!(-4), "field.amount"),
        (Trace, 9, |it| *it = json!([1, 2]), "line.object"),
        (LlmLedger, 9, |it| remove(it, "call_id"), "field.missing"),
        (LlmLedger, 9, |it| remove(it, "model"), "field.missing"),
        (LlmLedger, 9, |it| remove(it, "timestamp"), "field.missing"),
        (LlmLedger, 9, |it| remove(it, "input_hash"), "field.missing"),
        (LlmLedger, 9, |it| remove(it, "tokens_out"), "field.missing"),
        (LlmLedger, 9, |it| it["run_id"] = json!("another-run"), "run_id.foreign"),
        (LlmLedger, 9, |it| it["output_hash"] = json!("b".repeat(63)), "ledger.hash"),
        (LlmLedger, 4, |it| it["timestamp"] = json!(time(30)), "cross.ledger.time"),
        (LlmLedger, 9, |it| it["latency_ms"] = json!(-1), "field.amount"),
        (LlmLedger, 9, |it| remove(it, "cost_usd"), "cross.total_cost_usd"),
        (UniverseGraph, 0, |it| remove(it, "edges"), "field.missing"),
        (UniverseGraph, 0, |it| it["nodes"] = json!([]), "graph.nodes"),
        (UniverseGraph, 0, |it| it["nodes"][1]["parent_id"] = json!("gone"), "graph.parent"),
        (UniverseGraph, 0, |it| it["nodes"][1]["node_id"] = json!("node-2"), "cross.graph.node"),
        (UniverseGraph, 0, |it| it["root_node_id"] = json!("node-1"), "graph.root"),
        (UniverseGraph, 0, |it| it["nodes"][1]["run_id"] = json!("another-run"), "graph.run_id.foreign"),
        (UniverseGraph, 0, |it| it["root_node_id"] = json!(0), "field.type"),
        (UniverseGraph, 0, |it| it["edges"][0]["source_node_id"] = json!("node-1"), "graph.cycle"),
        (
            UniverseGraph,
            0,
            |it| {
                let edge = it["edges"][0].clone();
                it["edges"] = json!([edge, edge]);
            },
            "graph.edge_id.duplicate",
        ),
    ];
    for (file, line, change, rule) in damages {
        let mut pack = pack(2, 5, 1);
        edit(&mut pack, file, line, change);
        let verdict = verdict(&pack);
        assert_eq!(verdict.state, PackState::Corrupt, "{file:?} {rule}");
        assert!(rules(&verdict).iter().any(|found| found == rule), "{rule} not in {:?}", rules(&verdict));
    }
}

#[test]
fn edges_that_lead_in_a_circle_are_found_without_parents() {
    let mut pack = pack(2, 5, 1);
    edit(&mut pack, UniverseGraph, 0, |it| {
        remove(&mut it["nodes"][1], "parent_id");
        let back = json!({"edge_id": "edge-2", "source_node_id": "node-1", "target_node_id": "node-0"});
        it["edges"].as_array_mut().unwrap().push(back);
        it["total_edges"] = json!(2);
    });
    assert_eq!(rules(&verdict(&pack)), ["graph.cycle"]);
}

#[test]
fn a_lost_or_repeated_line_does_not_add_up() {
    for (file, rule) in [(Trace, "cross.total_agent_steps"), (LlmLedger, "cross.total_llm_calls")] {
        for repeated in [false, true] {
            let mut pack = pack(2, 5, 1);
            let mut list: Vec<String> = text(&pack, file).lines().map(str::to_owned).collect();
            if repeated {
                list.insert(4, list[4].clone());
            } else {
                list.remove(4);
            }
            put(&mut pack, file, list.join("\n") + "\n");
            let verdict = verdict(&pack);
            assert_eq!(verdict.state, PackState::Corrupt);
            assert!(rules(&verdict).iter().any(|found| found == rule), "{:?}", rules(&verdict));
        }
    }
}

#[test]
fn an_emptied_or_cut_line_file_is_named_as_what_it_is() {
    let mut emptied = pack(2, 5, 1);
    put(&mut emptied, LlmLedger, "");
    assert!(rules(&verdict(&emptied)).contains(&"cross.total_llm_calls".to_owned()));
    put(&mut emptied, Trace, "");
    assert!(rules(&verdict(&emptied)).contains(&"file.empty".to_owned()));
    for file in [Trace, LlmLedger] {
        let mut cut = pack(2, 5, 1);
        let whole = text(&cut, file);
        put(&mut cut, file, &whole.as_bytes()[..whole.len() - 20]);
        assert!(rules(&verdict(&cut)).contains(&"line.truncated".to_owned()), "{file:?}");
    }
}

#[test]
fn what_is_proven_wrong_outweighs_what_could_not_be_read() {
    let mut damaged = pack(2, 5, 1);
    put(&mut damaged, Manifest, "{");
    damaged.files.insert(EvidenceFile::Report, Fetched::Unreadable("timeout".into()));
    assert_eq!(verdict(&damaged).state, PackState::Corrupt);
    let mut incomplete = pack(2, 5, 1);
    incomplete.files.insert(Trace, Fetched::Absent);
    incomplete.files.insert(EvidenceFile::Report, Fetched::Unreadable("timeout".into()));
    assert_eq!(verdict(&incomplete).state, PackState::Corrupt);
    let mut unknown = Pack { run_id: RUN.into(), files: BTreeMap::new() };
    unknown.files.insert(Trace, Fetched::Unreadable("timeout".into()));
    assert_eq!(verdict(&unknown).state, PackState::Unreadable);
}

#[test]
fn each_limit_makes_a_sound_file_unreadable_and_nothing_else_wrong() {
    let deep = format!("{{\"a\":{}{}}}\n", "[".repeat(200), "]".repeat(200));
    let tight: [(Limits, EvidenceFile, Option<&str>, &str); 6] = [
        (Limits { file_bytes: 700, ..Limits::default() }, Trace, None, "limit.file_bytes"),
        (Limits { lines: 12, ..Limits::default() }, Trace, None, "limit.lines"),
        (Limits { line_bytes: 300, ..Limits::default() }, LlmLedger, None, "limit.line_bytes"),
        (Limits { values: 12, ..Limits::default() }, Manifest, None, "limit.values"),
        (Limits::default(), Manifest, Some(&deep), "limit.json_depth"),
        (Limits::default(), Trace, Some(&deep), "limit.json_depth"),
    ];
    for (limits, file, content, rule) in tight {
        let mut pack = pack(2, 5, 1);
        if let Some(content) = content {
            put(&mut pack, file, content);
        }
        let verdict = judge(&pack, &expectation(), &limits);
        assert_eq!(verdict.state, PackState::Unreadable, "{rule}: {:?}", rules(&verdict));
        assert!(rules(&verdict).iter().all(|found| found.starts_with("limit.")), "{:?}", rules(&verdict));
        assert!(rules(&verdict).iter().any(|found| found == rule), "{rule} not in {:?}", rules(&verdict));
    }
}

#[test]
fn many_problems_are_counted_and_foreign_values_are_cut_and_inert() {
    let mut pack = pack(2, 50, 1);
    let long = "\u{1b}[31m".to_owned() + &"x".repeat(5000);
    let changed = text(&pack, Trace).replace(RUN, &long.replace('\u{1b}', "\\u001b"));
    put(&mut pack, Trace, changed);
    let verdict = verdict(&pack);
    let file = &verdict.files[1];
    assert_eq!((file.problems.len(), file.problem_count), (20, 155));
    let problem = &file.problems[0];
    assert_eq!(problem.expected.as_deref(), Some(RUN));
    assert_eq!(problem.found.as_ref().unwrap().chars().count(), 120);
    assert!(problem.message.contains(RUN) && problem.message.chars().count() < 500);
    assert!(!problem.message.contains('\u{1b}'));
}

#[test]
fn files_that_name_two_projects_disagree_even_where_none_is_expected() {
    let mut pack = pack(2, 5, 1);
    edit(&mut pack, UniverseGraph, 0, |it| it["project_id"] = json!("other"));
    let open = Expectation { project_id: None, ..expectation() };
    assert_eq!(rules(&judge(&pack, &open, &Limits::default())), ["cross.graph.project_id"]);
}

#[test]
fn a_call_before_or_after_its_run_is_found_and_a_clock_that_is_a_little_off_is_not() {
    for (second, found) in [(0, true), (14, true), (15, false), (25, false), (26, true), (40, true)] {
        let mut pack = pack(2, 5, 1);
        for file in [Trace, LlmLedger] {
            let later = text(&pack, file).replace(&time(0), &time(20));
            put(&mut pack, file, later);
        }
        replace(&mut pack, LlmLedger, &time(20), &time(second));
        let expected: &[&str] = if found { &["cross.ledger.time"] } else { &[] };
        assert_eq!(rules(&verdict(&pack)), expected, "{second}");
    }
}

#[test]
fn a_pack_fetched_for_another_run_is_corrupt() {
    let pack = Pack { run_id: "another-run".into(), ..pack(2, 5, 1) };
    assert_eq!(rules(&verdict(&pack)), ["cross.run_id"]);
}

#[test]
fn the_greatest_numbers_and_years_are_judged_without_overflow() {
    let mut pack = pack(0, 5, 1);
    edit(&mut pack, Manifest, 0, |it| {
        for field in ["agent_count", "step_count", "replicate_count"] {
            it[field] = json!(u64::MAX);
        }
        it["agent_count"] = json!(0);
        it["replicate_count"] = json!(1);
    });
    let far = text(&pack, Trace).replace("2026-11-20T", "+262142-12-31T").replace(".000000Z", "");
    put(&mut pack, Trace, far);
    put(&mut pack, LlmLedger, text(&super::pack(1, 1, 1), LlmLedger));
    let open = Expectation { earliest: None, latest: None, ..expectation() };
    assert_eq!(judge(&pack, &open, &Limits::default()).state, PackState::Corrupt);
}

#[test]
fn a_verdict_survives_being_written_and_read() {
    let mut pack = pack(2, 5, 1);
    put(&mut pack, Manifest, "{");
    let verdict = verdict(&pack);
    let text = serde_json::to_string(&verdict).unwrap();
    assert_eq!(serde_json::from_str::<PackVerdict>(&text).unwrap(), verdict);
    let old = r#"{"rule":"file.json","message":"m","line":null}"#;
    assert_eq!(serde_json::from_str::<Problem>(old).unwrap().expected, None);
}
