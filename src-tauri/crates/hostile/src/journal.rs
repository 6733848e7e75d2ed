//! Journals: any bytes, and a genuine one with changes.

use std::path::Path;
use std::sync::OnceLock;

use holdpoint_check::event::Record;
use holdpoint_check::{fold, journal, judge};
use holdpoint_report::{json, markdown};
use serde_json::{Value, json};

use crate::edit::{Choices, change, lines};
use crate::{go, results, shown};

/// The journal of a real rehearsed check, without what no verdict rests on.
fn genuine() -> &'static [Value] {
    static LINES: OnceLock<Vec<Value>> = OnceLock::new();
    LINES.get_or_init(|| {
        let text = include_str!("../../check/tests/journals/healthy.ndjson");
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a line of ours"));
        let mut intervals = 0;
        let kept = lines.filter(|line| match line["event"].as_str() {
            Some("progress" | "log_lines") => false,
            Some("interval") => {
                intervals += 1;
                intervals < 4
            }
            _ => true,
        });
        kept.collect()
    })
}

/// A genuine check's results, for those that change them.
pub(crate) fn genuine_results() -> holdpoint_check::results::Results {
    let text = lines(numbered(genuine()));
    fold::fold(&read(text.as_bytes()).expect("a genuine journal")).expect("a check")
}

fn numbered(lines: &[Value]) -> Vec<Value> {
    let mut lines = lines.to_vec();
    for (seq, line) in lines.iter_mut().enumerate() {
        if let Some(line) = line.as_object_mut() {
            line.insert("seq".into(), json!(seq));
        }
    }
    lines
}

fn read(bytes: &[u8]) -> Option<Vec<Record>> {
    journal::read_from(bytes, Path::new("journal.ndjson"))
        .map_err(|error| shown::values(&error.to_string()))
        .ok()
}

/// Whatever a journal holds: it is refused, or shown inert, and GO only where its events hold a whole check.
pub(crate) fn any_bytes(bytes: &[u8]) {
    if let Some(records) = read(bytes) {
        look_at(&records, true);
    }
}

fn look_at(records: &[Record], pictures: bool) {
    let results = fold::fold(records).expect("the reader lets no other start pass");
    let verdict = judge::judge(&results);
    go::is_deserved(records, &verdict);
    shown::markdown(&markdown::render(&results, &verdict));
    shown::values(&verdict);
    records.iter().for_each(shown::values);
    // What is cut off anywhere never reads GO.
    if let Some(cut) = records.len().checked_sub(1).filter(|cut| *cut > 0)
        && matches!(records[cut].event, holdpoint_check::event::Event::CheckEnded { .. })
    {
        let before = fold::fold(&records[..cut]).expect("the same start");
        go::is_deserved(&records[..cut], &judge::judge(&before));
    }
    if pictures {
        results::pictures(&results);
        let _ = json::document(&results, &verdict);
    }
}

/// A genuine journal with lines taken out, doubled, exchanged, changed and added.
pub(crate) fn edited(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let mut kept = genuine().to_vec();
    let pictures = choices.byte() % 8 == 0;
    let mut changes = 0;
    while !choices.is_used_up() && changes < 12 && !kept.is_empty() {
        changes += 1;
        let at = choices.below(kept.len());
        match choices.byte() % 8 {
            0 => drop(kept.remove(at)),
            1 => {
                let other = choices.below(kept.len());
                kept.swap(at, other);
            }
            2 => {
                let copy = kept[at].clone();
                let to = choices.below(kept.len());
                kept.insert(to.max(1), copy);
            }
            3 => kept.truncate(at.max(1)),
            4 => {
                let finding =
                    ["latency.p95", "write.lost", "expand.failing", "rep.corrupt", "fault.unproven"];
                let criterion = ["L1.p95", "L1.ledger", "L1.failures", "REP.corrupt", "C1.fault"];
                let which = choices.below(finding.len());
                let mut waiver = json!({
                    "seq": 0, "at": "2026-11-24T02:25:43Z", "elapsed_ms": 60_000, "event": "waived",
                    "code": finding[which], "criterion": criterion[which], "name": "n", "reason": "r",
                    "expires_at": "2026-12-24T02:25:43Z", "given_at": "2026-11-24T02:25:43Z",
                });
                change(&mut waiver, &mut choices);
                kept.push(waiver);
            }
            _ => {
                change(&mut kept[at], &mut choices);
            }
        }
    }
    let text = lines(numbered(&kept));
    if let Some(records) = read(text.as_bytes()) {
        look_at(&records, pictures);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use holdpoint_check::verdict::Word;

    #[test]
    fn the_genuine_journal_is_go_and_deserves_it() {
        let text = lines(numbered(genuine()));
        let records = read(text.as_bytes()).unwrap();
        let verdict = judge::judge(&fold::fold(&records).unwrap());
        assert_eq!(verdict.word, Word::Go);
        look_at(&records, true);
    }

    /// Each line that carries evidence is needed: without any one of a kind there is no undeserved GO.
    #[test]
    fn no_line_can_be_left_out_for_an_undeserved_go() {
        let text = lines(numbered(genuine()));
        let mut records = read(text.as_bytes()).unwrap();
        for at in 1..records.len() {
            let left_out = records.remove(at);
            go::is_deserved(&records, &judge::judge(&fold::fold(&records).unwrap()));
            records.insert(at, left_out);
        }
    }
}
