//! A check in a pipeline: what it leaves there, what it does again, and what it refuses at night.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};
use support::{Rehearsal, holdpoint, text};

/// The shortest check there is, on a rehearsal.
fn check(environment: &Path, out: &Path, more: &[&str]) -> Output {
    holdpoint()
        .args(["check", "--test", "BUCKET", "--environment"])
        .arg(environment)
        .arg("--out")
        .arg(out.join("check"))
        .args(more)
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", out.join("summary.md"))
        .output()
        .unwrap()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn it_leaves_summary_annotations_and_files() {
    let rehearsal = Rehearsal::start("healthy");
    let out = tempfile::tempdir().unwrap();
    std::fs::write(out.path().join("summary.md"), "# What another command said\n").unwrap();
    let path = |name: &str| out.path().join(name);
    let files = ["junit.xml", "report.md", "report.html"].map(|name| path(name).display().to_string());
    let more = ["--junit", &files[0], "--markdown", &files[1], "--html", &files[2]];
    let output = check(&rehearsal.environment, out.path(), &more);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let headline = "NO VERDICT, BUCKET only: passed [rehearsal]";
    let summary = read(&path("summary.md"));
    assert!(summary.starts_with("# What another command said\n"), "{summary}");
    assert!(summary.contains(&format!("# {headline}\n")), "{summary}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let annotation = "::warning title=NO VERDICT%2C BUCKET only%3A passed [rehearsal]::";
    assert!(said.lines().any(|line| line.starts_with(annotation)), "{said}");
    assert!(
        read(&path("junit.xml")).contains("<testsuites name=\"NO VERDICT, BUCKET only: passed [rehearsal]\"")
    );
    assert!(read(&path("report.md")).starts_with(&format!("# {headline}\n")));
    assert!(read(&path("report.html")).starts_with("<!DOCTYPE html>"));
    // And what it left is whole.
    let verified = holdpoint().args(["report", "verify"]).arg(path("check")).output().unwrap();
    assert!(verified.status.success() && text(&verified).starts_with("unchanged"), "{}", text(&verified));
    let shown = holdpoint().args(["report", "show"]).arg(path("report.html")).output().unwrap();
    assert!(text(&shown).starts_with(&format!("# {headline}\n")), "{}", text(&shown));
}

#[test]
fn a_changed_byte_is_named_and_the_exit_code_says_so() {
    let rehearsal = Rehearsal::start("healthy");
    let out = tempfile::tempdir().unwrap();
    let output = check(&rehearsal.environment, out.path(), &[]);
    assert!(output.status.success(), "{}", text(&output));
    let results = out.path().join("check/step3_results.json");
    let mut bytes = std::fs::read(&results).unwrap();
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    std::fs::write(&results, bytes).unwrap();
    let verified = holdpoint().args(["report", "verify"]).arg(out.path().join("check")).output().unwrap();
    assert_eq!(verified.status.code(), Some(1));
    assert!(text(&verified).contains("changed: step3_results.json was changed"), "{}", text(&verified));
    let nothing = holdpoint().args(["report", "verify"]).arg(out.path()).output().unwrap();
    assert_eq!(nothing.status.code(), Some(3), "{}", text(&nothing));
}

#[test]
fn it_is_repeated_in_folders_of_their_own_and_ends_at_the_first_failure() {
    let rehearsal = Rehearsal::start("healthy");
    let out = tempfile::tempdir().unwrap();
    let junit = out.path().join("junit.xml").display().to_string();
    let output = check(&rehearsal.environment, out.path(), &["--repeat", "2", "--junit", &junit]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("2 checks: 2 passed, 0 NO-GO, 0 without a verdict."), "{}", text(&output));
    for turn in 1..=2 {
        assert!(out.path().join(format!("check/{turn:04}/journal.ndjson")).exists());
        assert!(out.path().join(format!("junit-{turn}.xml")).exists());
    }
    rehearsal.kill("minio");
    let failing = tempfile::tempdir().unwrap();
    let output = check(&rehearsal.environment, failing.path(), &["--repeat", "5", "--until-failure"]);
    assert_ne!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("1 check: 0 passed"), "{}", text(&output));
    assert!(!failing.path().join("check/0002").exists());
}

#[test]
fn in_quiet_hours_nothing_is_restarted_and_load_may_run() {
    let rehearsal = Rehearsal::start("healthy");
    let folder = tempfile::tempdir().unwrap();
    let mut environment: Value = rehearsal.json();
    // All day but the minute before the one in which the day of this zone turns.
    environment["quiet_hours"] = json!({"from": "00:00", "to": "23:59", "zone": "UTC"});
    if chrono::Utc::now().format("%H:%M").to_string() == "23:59" {
        environment["quiet_hours"] = json!({"from": "12:00", "to": "11:59", "zone": "UTC"});
    }
    let file = folder.path().join("environment.json");
    std::fs::write(&file, environment.to_string()).unwrap();
    let run = |suite: &str| {
        let out = folder.path().join(suite);
        let mut command = holdpoint();
        command.args(["check", "--test", suite, "--out"]).arg(out).arg("--environment").arg(&file);
        command.output().unwrap()
    };
    let refused = run("C1");
    assert_eq!(refused.status.code(), Some(3), "{}", text(&refused));
    assert!(
        text(&refused).contains("Outside quiet hours: it is in them: 00:00 to 23:59 UTC")
            || text(&refused).contains("it is in them: 12:00 to 11:59 UTC"),
        "{}",
        text(&refused)
    );
    assert_eq!(rehearsal.restarts_asked(), 0);
    let load = run("BUCKET");
    assert_eq!(load.status.code(), Some(0), "{}", text(&load));
    environment["quiet_hours"] = json!({"from": "25:00", "to": "06:00"});
    std::fs::write(&file, environment.to_string()).unwrap();
    let wrong = run("L1");
    assert_eq!(wrong.status.code(), Some(2), "{}", text(&wrong));
    assert!(text(&wrong).contains("quiet_hours"), "{}", text(&wrong));
}

#[test]
fn the_terminal_explains_what_a_verdict_is_made_of() {
    let explained = holdpoint().args(["explain", "L1.p95"]).output().unwrap();
    assert!(text(&explained).starts_with("L1.p95\n"), "{}", text(&explained));
    let topics = holdpoint().arg("explain").output().unwrap();
    assert!(text(&topics).contains("handon"), "{}", text(&topics));
    let unknown = holdpoint().args(["explain", "nonsense"]).output().unwrap();
    assert_eq!(unknown.status.code(), Some(2));
}
