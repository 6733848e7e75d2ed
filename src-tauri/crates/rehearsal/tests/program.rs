//! The program as others start it: what it offers, and what it refuses.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::process::{Command, Output};

use serde_json::Value;

fn rehearsal(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_holdpoint-rehearsal")).args(arguments).output().unwrap()
}

#[test]
fn every_drill_says_how_a_sound_check_calls_it() {
    let listed = rehearsal(&["drills"]);
    assert!(listed.status.success());
    let drills: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
    let (whole, seeded): (Vec<&Value>, Vec<&Value>) =
        drills.iter().partition(|drill| drill["criterion"].is_null());
    assert!(whole.iter().any(|drill| drill["ends_in"] == "go"));
    let names: BTreeSet<&str> = seeded.iter().map(|drill| drill["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), seeded.len(), "a name stands twice");
    assert!(names.len() >= 45, "{}", names.len());
    for drill in seeded {
        assert_eq!(drill["ends_in"], "no_go", "{drill}");
        assert!(!drill["finding"].as_str().unwrap().is_empty(), "{drill}");
        assert!(!drill["caught_by"].as_array().unwrap().is_empty(), "{drill}");
    }
}

#[test]
fn what_there_is_not_is_refused_before_anything_is_started() {
    for arguments in [
        ["up", "--drill", "no-such-drill"],
        ["up", "--oddity", "no-such-oddity"],
        ["up", "--profile", "no-such-profile"],
    ] {
        let refused = rehearsal(&arguments);
        assert!(!refused.status.success(), "{arguments:?}");
        assert!(refused.stdout.is_empty(), "{arguments:?}");
        assert!(!refused.stderr.is_empty(), "{arguments:?}");
    }
}
