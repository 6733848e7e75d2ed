//! Railway as it really refuses: the quick ones of its oddities, and what must hold for all of them. `cargo xtask drills
//! --group railway` runs every one.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "support/oddity.rs"]
mod oddity;
mod support;

use std::process::Command;

use serde_json::Value;
use support::{Check, Rehearsal, rehearsal_program};

/// Of each kind those that end within seconds.
const QUICK: [&str; 9] = [
    "account-token",
    "project-token-as-bearer",
    "edge-1010",
    "latest-failed",
    "deployment-of-other-environment",
    "deployment-changed",
    "not-restartable",
    "restart-gateway",
    "restart-rate-limited-once",
];

#[test]
fn an_odd_railway_is_judged_by_proof_and_never_blamed_on_the_system() {
    let listed = Command::new(rehearsal_program()).arg("oddities").output().unwrap();
    let catalogue: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
    // Each has a rehearsal of its own and mostly waits.
    std::thread::scope(|scope| {
        for names in QUICK.chunks(3) {
            let catalogue = &catalogue;
            scope.spawn(move || names.iter().for_each(|name| judged(catalogue, name)));
        }
    });
}

fn judged(catalogue: &[Value], name: &str) {
    let row = catalogue.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name}"));
    let rehearsal = Rehearsal::odd(name);
    let (_, results, _out) =
        Check::start(&rehearsal.environment, &["--test", "C1", "--require-real-chaos"]).finish();
    let wrong = oddity::wrong(row, &results, rehearsal.restarts_asked());
    assert!(wrong.is_empty(), "{name}: {wrong:#?}");
}
