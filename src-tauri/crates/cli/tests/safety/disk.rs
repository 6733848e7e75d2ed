//! A disk that fills up while a check runs, tried by a limit on the size of files: it needs no rights of root.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Check, Rehearsal, holdpoint, text};

/// The unit of `ulimit -f` in a POSIX shell.
const BLOCK: u64 = 512;

/// Runs a check whose files may not grow beyond so many blocks. The signal that the system sends then is ignored, so that
/// the program sees the error.
fn limited(rehearsal: &Rehearsal, test: &str, blocks: u64, out: &Path) -> Output {
    Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f \"$1\"; shift; exec \"$@\"", "sh"])
        .arg(blocks.to_string())
        .arg(holdpoint().get_program())
        .args(["check", "--test", test, "--environment"])
        .arg(&rehearsal.environment)
        .arg("--out")
        .arg(out)
        .env_remove("RAILWAY_TOKEN")
        .output()
        .unwrap()
}

fn journal(out: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(out.join("journal.ndjson")).unwrap();
    let whole = &text[..text.rfind('\n').map_or(0, |end| end + 1)];
    whole.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn holds(events: &[Value], name: &str) -> bool {
    events.iter().any(|event| event["event"] == name)
}

/// Where the first event of a name ends in the journal of a check that went well.
fn end_of(out: &Path, name: &str) -> u64 {
    let text = std::fs::read_to_string(out.join("journal.ndjson")).unwrap();
    let at = text.find(&format!("\"event\":\"{name}\"")).unwrap();
    (at + text[at..].find('\n').unwrap() + 1) as u64
}

#[test]
fn a_full_disk_in_the_middle_of_a_fault_waits_for_the_service_and_says_so() {
    let rehearsal = Rehearsal::start("healthy");
    let (code, _, reference) = Check::start(&rehearsal.environment, &["--test", "C1"]).finish();
    assert_eq!(code, 0);
    let accepted = end_of(reference.path(), "fault_accepted").div_ceil(BLOCK);
    // No two journals are of equal length, so the moment is looked for.
    let (rehearsal, out, said) = (0..6)
        .find_map(|step| {
            let rehearsal = Rehearsal::start("healthy");
            let out = tempfile::tempdir().unwrap();
            let output = limited(&rehearsal, "C1", accepted + step * 4, out.path());
            let said = text(&output);
            assert_eq!(output.status.code(), Some(3), "{said}");
            holds(&journal(out.path()), "fault_intended").then_some((rehearsal, out, said))
        })
        .unwrap();
    assert!(said.contains("could not be written any more") && said.contains("Free some space"), "{said}");
    let events = journal(out.path());
    assert!(!holds(&events, "check_ended"));
    assert!(
        holds(&events, "fault_recovered") || said.contains("C1-worker-restart: the service is back"),
        "what became of the worker is told: {said}"
    );
    let shown = text(&holdpoint().args(["report", "show"]).arg(out.path()).output().unwrap());
    assert!(shown.starts_with("# NO VERDICT, C1 only: cut off"), "{shown}");
    let health = holdpoint()
        .args(["services", "health", "--environment"])
        .arg(&rehearsal.environment)
        .output()
        .unwrap();
    assert_eq!(health.status.code(), Some(0), "{}", text(&health));
}

#[test]
fn a_disk_that_fills_at_any_moment_ends_without_a_verdict_and_keeps_what_was_written() {
    let rehearsal = Rehearsal::start("healthy");
    let (code, _, reference) = Check::start(&rehearsal.environment, &["--test", "L1"]).finish();
    assert_eq!(code, 0);
    let whole = std::fs::metadata(reference.path().join("journal.ndjson")).unwrap().len() / BLOCK;
    let root = tempfile::tempdir().unwrap();
    for (number, blocks) in [1, whole / 5, whole / 2, whole - 4].into_iter().enumerate() {
        let rehearsal = Rehearsal::start("healthy");
        let out = root.path().join(number.to_string());
        let output = limited(&rehearsal, "L1", blocks, &out);
        let said = text(&output);
        assert!(said.contains("ree some space") && !said.contains("panicked"), "{blocks} blocks: {said}");
        if blocks == 1 {
            assert_eq!(output.status.code(), Some(2), "nothing could be started: {said}");
            assert!(!out.join("journal.ndjson").exists(), "nothing looks like a lost check");
            continue;
        }
        assert_eq!(output.status.code(), Some(3), "{blocks} blocks: {said}");
        assert!(!holds(&journal(&out), "check_ended"));
        let shown = text(&holdpoint().args(["report", "show"]).arg(&out).output().unwrap());
        assert!(shown.starts_with("# NO VERDICT, L1 only: cut off"), "{blocks} blocks: {shown}");
    }
}

#[test]
fn results_that_cannot_be_saved_are_no_verdict_to_act_on() {
    let rehearsal = Rehearsal::start("healthy");
    let out = tempfile::tempdir().unwrap();
    std::fs::create_dir(out.path().join("step3_results.md")).unwrap();
    let output = holdpoint()
        .args(["check", "--test", "L1", "--environment"])
        .arg(&rehearsal.environment)
        .arg("--out")
        .arg(out.path())
        .output()
        .unwrap();
    let said = text(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("Verdict: NO VERDICT, L1 only: passed"), "the verdict is told: {said}");
    assert!(said.contains("step3_results.md cannot be written"), "{said}");
    assert!(!said.contains("Report: "), "nothing is pointed to that is not there: {said}");
    let shown = text(&holdpoint().args(["report", "show"]).arg(out.path()).output().unwrap());
    assert!(shown.starts_with("# NO VERDICT, L1 only: passed"), "the journal has it all: {shown}");
}
