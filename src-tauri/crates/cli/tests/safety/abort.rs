//! An abort at some events of each kind of test; the long form is `cargo xtask abort`.

use std::time::{Duration, Instant};

use crate::programs;
use crate::rig::{PATIENCE, Rig, named};

#[test]
fn an_abort_ends_load_at_once_sees_services_back_and_says_what_is_left() {
    // Test, kind of event, its occurrence, the signal.
    let moments = [
        ("L1", "preflight", 3, "-INT"),
        ("L1", "run_created", 1, "-TERM"),
        ("L1", "write_acknowledged", 21, "-INT"),
        ("L2", "version_created", 2, "-HUP"),
        ("L3", "storage_probed", 1, "-INT"),
        ("C1", "fault_intended", 1, "-INT"),
        ("C2", "fault_accepted", 1, "-TERM"),
        ("C3", "fault_proven", 1, "-INT"),
        ("L1,REP,BUCKET", "bucket_checked", 2, "-INT"),
    ];
    let programs = programs();
    std::thread::scope(|scope| {
        for lane in moments.chunks(5) {
            let programs = &programs;
            scope.spawn(move || {
                for (test, kind, occurrence, signal) in lane {
                    let mut rig = Rig::start(programs, &["--test", test]);
                    let mut count = 0;
                    let reached = rig.until(PATIENCE, |event| {
                        count += i32::from(named(event) == *kind);
                        count == *occurrence
                    });
                    assert!(reached, "{test} has {occurrence} {kind}: {}", rig.told());
                    rig.signal(signal);
                    let code = rig.finish();
                    let after = rig.after_abort(code);
                    assert!(after.wrong.is_empty(), "{test} at {occurrence} {kind}: {after:#?}");
                }
            });
        }
    });
}

#[test]
fn a_second_request_waits_for_nothing_and_still_writes_the_end() {
    let mut rig = Rig::start(&programs(), &["--test", "C1"]);
    assert!(rig.until(PATIENCE, |event| named(event) == "fault_accepted"), "{}", rig.told());
    rig.signal("-INT");
    assert!(rig.until(PATIENCE, |event| named(event) == "abort_requested"));
    let asked = Instant::now();
    rig.signal("-INT");
    let code = rig.finish();
    let after = rig.after_abort(code);
    assert!(after.wrong.is_empty(), "{after:#?}");
    let (_, shown) = rig.show();
    // Unless the worker was faster than the second request.
    let waited = rig.seen.iter().any(|line| line.contains("fault_recovered"));
    assert!(waited || shown.contains("The restart of worker was never seen to end"), "{shown}");
    assert!(asked.elapsed() < Duration::from_secs(120));
}

/// Whoever reads the events goes away; the check goes on to its end.
#[test]
fn a_closed_pipe_ends_no_check() {
    use std::io::{BufRead as _, BufReader};
    use std::process::Stdio;

    use crate::support::{Rehearsal, holdpoint};

    let rehearsal = Rehearsal::start("healthy");
    let out = tempfile::tempdir().unwrap();
    let mut child = holdpoint()
        .args(["check", "--events", "--test", "L1", "--environment"])
        .arg(&rehearsal.environment)
        .arg("--out")
        .arg(out.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("check_started"));
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(out.path().join("step3_results.json").exists());
}
