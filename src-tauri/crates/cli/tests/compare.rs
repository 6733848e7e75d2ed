//! `holdpoint compare`: what it says of recorded checks, and how it ends.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use holdpoint_load::Histogram;
use serde_json::{Value, json};

/// A check of a day, its node expansions slowed by a factor, with so many rounds of them in its plan.
fn keep(root: &Path, day: u32, factor: f64, rounds: u32) {
    let recorded = include_str!("../../check/tests/journals/healthy.ndjson");
    let lines = recorded.lines().map(|line| {
        let mut event: Value = serde_json::from_str(line).unwrap();
        let at = event["at"].as_str().unwrap();
        event["at"] = json!(format!("2026-02-{day:02}{}", &at[10..]));
        if event["event"] == "check_started" {
            event["check_id"] = json!(format!("check-{day}"));
            event["plan"]["parameters"]["l1"]["rounds"] = json!(rounds);
        }
        if event["event"] == "measured" && event["kind"] == "expand" {
            let old = Histogram::from_text(event["record"]["latency"].as_str().unwrap()).unwrap();
            let mut slow = Histogram::new();
            for (millis, count) in old.counts() {
                (0..count).for_each(|_| slow.record(Duration::from_secs_f64(millis * factor / 1000.0)));
            }
            event["record"]["latency"] = json!(slow.to_text());
        }
        format!("{event}\n")
    });
    let folder = root.join(format!("day-{day}"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("journal.ndjson"), lines.collect::<String>()).unwrap();
}

fn compare(root: &Path, words: &[&str]) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_holdpoint"))
        .arg("compare")
        .args(words)
        .arg("--checks")
        .arg(root)
        .env("HOLDPOINT_DATA_DIR", root.join("data"))
        .output()
        .unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn the_exit_code_says_worse_alike_or_not_comparable() {
    let root = tempfile::tempdir().unwrap();
    for (day, factor, rounds) in [(1, 1.0, 3), (2, 1.0, 3), (3, 1.5, 3), (4, 1.0, 4)] {
        keep(root.path(), day, factor, rounds);
    }
    let of = |words: &[&str]| compare(root.path(), words);
    let (code, said, _) = of(&["day-1", "day-2"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.starts_with("# No real change"), "{said}");
    let (code, said, _) = of(&["day-2", "day-3"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("| L1 | Node expansion, P95 |") && said.contains("**slower**"), "{said}");
    let (code, said, _) = of(&["day-3", "day-4"]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("l1.rounds"), "{said}");
    let (code, _, told) = of(&["day-1", "day-9"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("there is no check day-9"), "{told}");
}

#[test]
fn baselines_are_the_last_go_a_median_or_a_check_and_json_says_the_same() {
    let root = tempfile::tempdir().unwrap();
    for (day, factor) in [(1, 1.0), (2, 1.0), (3, 1.5)] {
        keep(root.path(), day, factor, 3);
    }
    for (baseline, label) in
        [("last-go", "day-2, the last GO"), ("median:2", "the median of day-2, day-1"), ("day-1", "day-1")]
    {
        let (code, said, told) = compare(root.path(), &["day-3", "--baseline", baseline, "--json"]);
        assert_eq!(code, Some(1), "{baseline}: {told}");
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["before"]["label"], label);
        assert_eq!(said["measures"][0]["reading"], "slower");
        assert_eq!(said["method"]["error_pct"], 5.0);
    }
    // What two checks of one build differ by as much as that is noise.
    let (code, said, _) = compare(root.path(), &["day-2", "day-3", "--noise", "day-1", "day-3"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Noise floor from day-1 and day-3"), "{said}");
    let (code, _, told) = compare(root.path(), &["day-1", "--baseline", "last-go"]);
    assert_eq!(code, Some(3), "{told}");
    let (code, _, _) = compare(root.path(), &["day-1"]);
    assert_eq!(code, Some(2));
    let (code, _, _) = compare(root.path(), &["day-1", "--baseline", "median:1"]);
    assert_eq!(code, Some(2));
}
