//! What workers elsewhere report: any bytes, and genuine evidence with changes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use holdpoint_load::{FitnessLimits, State, Threshold, judge};
use holdpoint_locust::{Gathered, Package, Sinks, gather};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::edit::{Choices, change};
use crate::shown;

const EVIDENCE: &str = include_str!("../../locust/tests/recorded/evidence.ndjson");

fn package() -> &'static Package {
    static PACKAGE: OnceLock<Package> = OnceLock::new();
    PACKAGE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../locust/tests/recorded");
        Package::open(&folder).expect("it is in the repository")
    })
}

fn read(bytes: &[u8]) -> Option<Gathered> {
    gather(package(), bytes, Sinks::default()).map_err(|error| shown::values(&error.to_string())).ok()
}

/// Whatever a file of evidence holds: it is refused, or added up; every text of it is inert, and only a load that is whole
/// by its plan meets a criterion.
pub(crate) fn any_bytes(bytes: &[u8]) {
    if let Some(gathered) = read(bytes) {
        look_at(&gathered);
    }
}

fn look_at(gathered: &Gathered) {
    let result = &gathered.result;
    let names: Vec<&str> = gathered.ledger.entries().iter().map(|entry| entry.id.as_str()).collect();
    let examples: Vec<&BTreeMap<String, String>> =
        result.operations.values().map(|record| &record.examples).collect();
    shown::values(&(&result.doubts, &gathered.result.fleet, names, examples));
    let thresholds: [Threshold; 2] = ["failures<=0", "p99<1h"].map(|text| text.parse().expect("a criterion"));
    let judgement = judge(result, &thresholds, &FitnessLimits::default());
    if judgement.state == State::NotProven {
        return;
    }
    assert!(result.doubts.is_empty(), "{:?}", result.doubts);
    let expected: u64 = package().plan().expected(2).expect("an open load").iter().flatten().sum();
    let total = result.total();
    assert_eq!(total.planned, expected, "another load than was planned");
    if judgement.state == State::Met {
        assert_eq!((total.ok, total.latency.len()), (expected, expected));
    }
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// Genuine evidence with some of its lines and reports changed, left out, repeated or moved, then sealed as a master seals
/// it or left with the seal of before.
pub(crate) fn edited(bytes: &[u8]) {
    let mut choices = Choices(bytes);
    let sealed_anew = choices.byte() % 4 > 0;
    let mut lines: Vec<Value> =
        EVIDENCE.lines().map(|line| serde_json::from_str(line).expect("it is genuine")).collect();
    let seal = lines.pop();
    let mut changes = 0;
    while !choices.is_used_up() && changes < 8 && !lines.is_empty() {
        changes += 1;
        let place = choices.below(lines.len());
        match choices.byte() % 8 {
            0 => drop(lines.remove(place)),
            1 => lines.insert(place, lines[place].clone()),
            2 => {
                let other = choices.below(lines.len());
                lines.swap(place, other);
            }
            3 => change(&mut lines[place], &mut choices),
            _ => report(&mut lines[place], &mut choices),
        }
    }
    let text = lines.iter().map(|line| format!("{line}\n")).collect::<Vec<_>>().concat();
    let seal = if sealed_anew {
        json!({"seal": {"lines": lines.len(), "sha256": digest(&text)}})
    } else {
        seal.unwrap_or_default()
    };
    any_bytes(format!("{text}{seal}\n").as_bytes());
}

/// Changes what stands in a report, as a worker that means harm could.
fn report(line: &mut Value, choices: &mut Choices<'_>) {
    let body = line["report"]["body"].as_str().and_then(|body| serde_json::from_str::<Value>(body).ok());
    let Some(mut body) = body else { return };
    change(&mut body, choices);
    let body = body.to_string();
    line["report"]["sha256"] = digest(&body).into();
    line["report"]["body"] = body.into();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn genuine_evidence_is_a_load_that_is_met() {
        let gathered = read(EVIDENCE.as_bytes()).expect("it is genuine");
        assert!(gathered.result.doubts.is_empty(), "{:?}", gathered.result.doubts);
        look_at(&gathered);
        edited(&[]);
    }
}
