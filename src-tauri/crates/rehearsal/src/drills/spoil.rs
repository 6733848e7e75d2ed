//! Evidence packs that something is wrong with.

use serde_json::{Value, json};
use uuid::Uuid;

use super::Drill;
use crate::config::Behaviour;

type File = (&'static str, Vec<u8>);

/// Spoils a pack, where that is the defect. What concerns one file of five concerns another one with every pack.
pub(crate) fn pack(behaviour: &Behaviour, files: &mut Vec<File>) {
    let Some(defect) = behaviour.defect else { return };
    let count = files.len();
    let turn = || {
        let chance = behaviour.chance(defect).unwrap_or(0);
        usize::try_from(chance).unwrap_or(0) % count
    };
    match defect {
        Drill::PackFileAbsent => {
            files.remove(turn());
        }
        Drill::PackFileEmpty => files[turn()].1.clear(),
        Drill::PackFileTruncated => {
            let bytes = &mut files[turn()].1;
            bytes.truncate(bytes.len() / 2);
        }
        Drill::PackFileNotUtf8 => {
            let bytes = &mut files[turn()].1;
            let middle = bytes.len() / 2;
            bytes[middle] = 0xff;
        }
        Drill::PackOfAnotherRun => {
            let other = Value::from(Uuid::new_v4().to_string());
            change_json(files, "manifest.json", |manifest| manifest["run_id"] = other.clone());
        }
        Drill::PackCountsOff => {
            change_json(files, "manifest.json", |manifest| add(manifest, "total_llm_calls", 1));
        }
        Drill::LedgerCallDoubled => {
            let mut tokens = 0;
            change_lines(files, "llm_ledger.ndjson", |lines| {
                let twice = lines[0].clone();
                tokens = ["tokens_in", "tokens_out"].iter().filter_map(|name| twice[*name].as_i64()).sum();
                lines.insert(1, twice);
            });
            change_json(files, "manifest.json", |manifest| {
                add(manifest, "total_llm_calls", 1);
                add(manifest, "total_tokens", tokens);
            });
        }
        Drill::TraceBackwards => change_lines(files, "trace.ndjson", |lines| {
            let (early, late) = (lines[3]["timestamp"].clone(), lines[9]["timestamp"].clone());
            lines[3]["timestamp"] = late;
            lines[9]["timestamp"] = early;
        }),
        Drill::PackEdgeToNowhere => change_json(files, "universe_graph.json", |graph| {
            let (from, to) = (graph["root_node_id"].clone(), Uuid::new_v4().to_string());
            graph["edges"] =
                json!([{"from_node_id": from, "to_node_id": to, "created_at": graph["updated_at"]}]);
            graph["total_edges"] = 1.into();
        }),
        _ => {}
    }
}

fn add(object: &mut Value, name: &str, more: i64) {
    object[name] = (object[name].as_i64().unwrap_or(0) + more).into();
}

fn change_json(files: &mut [File], name: &str, change: impl FnOnce(&mut Value)) {
    let Some((_, bytes)) = files.iter_mut().find(|(known, _)| *known == name) else { return };
    let mut value = serde_json::from_slice(bytes).unwrap_or_default();
    change(&mut value);
    *bytes = value.to_string().into_bytes();
}

fn change_lines(files: &mut [File], name: &str, change: impl FnOnce(&mut Vec<Value>)) {
    let Some((_, bytes)) = files.iter_mut().find(|(known, _)| *known == name) else { return };
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    change(&mut lines);
    *bytes = lines.iter().flat_map(|line| [line.to_string(), "\n".into()]).collect::<String>().into_bytes();
}
