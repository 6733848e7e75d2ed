//! The quick ones of the drills: each ends as declared and its finding names a witness. `cargo xtask drills` runs all of
//! them.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use std::process::Command;

use serde_json::Value;
use support::{holdpoint, rehearsal_program};

/// One or two of every group that end within seconds.
const QUICK: [&str; 12] = [
    "expansion-lost",
    "expansion-doubled",
    "wrong-parent",
    "graph-cycle",
    "backlog-peaks",
    "calibration-wrong",
    "tick-missing",
    "export-foreign",
    "last-second-lost",
    "telemetry-altered",
    "rep-call-doubled",
    "other-environment",
];

#[test]
fn a_seeded_defect_is_called_by_the_criterion_it_breaks() {
    let listed = Command::new(rehearsal_program()).arg("drills").output().unwrap();
    let catalogue: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
    for name in QUICK {
        let drill =
            catalogue.iter().find(|drill| drill["name"] == name).unwrap_or_else(|| panic!("no {name}"));
        let tests: Vec<&str> =
            drill["caught_by"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        holdpoint()
            .args(["check", "--drill", name, "--test", &tests.join(","), "--out"])
            .arg(&out)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let results = std::fs::read(out.join("step3_results.json")).unwrap();
        let results: Value = serde_json::from_slice(&results).unwrap();
        let verdict = &results["holdpoint"]["verdict"];
        assert_eq!(verdict["word"], "no_go", "{name}: {}", verdict["headline"]);
        let criteria = verdict["criteria"].as_array().unwrap();
        let row = criteria.iter().find(|row| row["id"] == drill["criterion"]).unwrap();
        assert_eq!(row["state"], "broken", "{name}");
        let findings = verdict["findings"].as_array().unwrap();
        let named = findings.iter().find(|finding| {
            finding["criterion"] == drill["criterion"] && finding["code"] == drill["finding"]
        });
        let named = named.unwrap_or_else(|| panic!("{name}: {findings:#?}"));
        let witness = named["witness"].as_array().unwrap();
        assert!((1..=5).contains(&witness.len()), "{name}: {named}");
    }
}
