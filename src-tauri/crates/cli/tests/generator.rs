//! What happens when not the system fails but the computer that tests it: it sleeps, is kept busy, its clock is set, its
//! network goes. Each must end NO VERDICT: blaming the system would be as wrong as a GO.

#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "tests")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::{Check, Rehearsal, codes, headline, holdpoint, signal};

/// A user of no other process.
const NOBODY_ELSE: u32 = 54_321;

fn unfit((code, results, _out): (i32, Value, tempfile::TempDir)) {
    assert_eq!(code, 3, "{}: {:#?}", headline(&results), results["holdpoint"]["verdict"]["findings"]);
    assert!(headline(&results).starts_with("NO VERDICT"), "{}", headline(&results));
    assert!(codes(&results).contains(&"generator.unfit".to_owned()), "{:?}", codes(&results));
}

/// Stopped by a signal, a process is as asleep as its computer would be.
#[test]
fn a_computer_that_slept_blames_nobody() {
    let rehearsal = Rehearsal::start("healthy");
    let mut check = Check::start(&rehearsal.environment, &["--test", "L1,L3"]);
    check.until_event("write_sent");
    signal("-STOP", &check.pid());
    std::thread::sleep(Duration::from_secs(7));
    signal("-CONT", &check.pid());
    unfit(check.finish());
}

/// A core that others use gives a program little time, again and again.
#[test]
fn a_computer_that_is_kept_busy_blames_nobody() {
    let rehearsal = Rehearsal::start("healthy");
    let mut check = Check::start(&rehearsal.environment, &["--test", "L1,L3"]);
    check.until_event("write_sent");
    for _ in 0..3 {
        signal("-STOP", &check.pid());
        std::thread::sleep(Duration::from_millis(2600));
        signal("-CONT", &check.pid());
        std::thread::sleep(Duration::from_millis(40));
    }
    unfit(check.finish());
}

#[test]
fn a_clock_that_is_set_blames_nobody() {
    let library = ["x86_64-linux-gnu", "aarch64-linux-gnu"]
        .map(|kind| PathBuf::from(format!("/usr/lib/{kind}/faketime/libfaketimeMT.so.1")))
        .into_iter()
        .find(|path| path.exists())
        .expect("faketime is not installed; run cargo xtask test");
    let rehearsal = Rehearsal::start("healthy");
    let folder = tempfile::tempdir().unwrap();
    let clock = folder.path().join("clock");
    std::fs::write(&clock, "+0s\n").unwrap();
    let mut command = holdpoint();
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME_TIMESTAMP_FILE", &clock)
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    let mut check = Check::start_by(command, &rehearsal.environment, &["--test", "L1,L3"]);
    check.until_event("write_sent");
    // Put in place whole, so that nobody reads half of it.
    let set = folder.path().join("set");
    std::fs::write(&set, "+90s\n").unwrap();
    std::fs::rename(&set, &clock).unwrap();
    unfit(check.finish());
}

/// A network of its own, in which a rule can take every way from one user.
struct Network(Child);

impl Network {
    fn new() -> Self {
        let script = "ip link set lo up && ip rule add pref 100 lookup local && ip rule del pref 0 && echo ready && read _";
        let mut child = Command::new("unshare")
            .args(["-n", "sh", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        Self(child)
    }

    fn inside(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["-t", &self.0.id().to_string(), "-n", "--"]).arg(program);
        command
    }

    fn rule(&self, what: &str) {
        let users = format!("{NOBODY_ELSE}-{NOBODY_ELSE}");
        let changed = self
            .inside(Path::new("ip"))
            .args(["rule", what, "pref", "10", "uidrange", &users, "unreachable"])
            .status()
            .unwrap();
        assert!(changed.success());
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

#[test]
fn a_network_that_goes_blames_nobody() {
    let user = Command::new("id").arg("-u").output().unwrap();
    if String::from_utf8_lossy(&user.stdout).trim() != "0" {
        println!("not tried: only root can take the network from one program");
        return;
    }
    let network = Network::new();
    let rehearsal = Rehearsal::start_by(network.inside(&support::rehearsal_program()), "healthy");
    // Another user can neither read nor enter what is root's.
    let home = tempfile::tempdir().unwrap();
    let (program, environment) = (home.path().join("holdpoint"), home.path().join("environment.json"));
    std::fs::copy(env!("CARGO_BIN_EXE_holdpoint"), &program).unwrap();
    std::fs::copy(&rehearsal.environment, &environment).unwrap();
    for path in [home.path(), &environment] {
        std::os::unix::fs::chown(path, Some(NOBODY_ELSE), None).unwrap();
    }
    let mut command = network.inside(Path::new("setpriv"));
    command
        .args(["--reuid", &NOBODY_ELSE.to_string(), "--clear-groups"])
        .arg(&program)
        .env("HOME", home.path())
        .env("USER", "somebody");
    let mut check = Check::start_in(command, home.path(), &environment, &["--test", "L1,L3"]);
    check.until_event("write_sent");
    network.rule("add");
    check.until_event("offline");
    std::thread::sleep(Duration::from_secs(2));
    network.rule("del");
    let (code, results, out) = check.finish();
    let measured = results["holdpoint"]["verdict"]["criteria"].as_array().unwrap();
    let generator = measured.iter().find(|row| row["id"] == "generator").unwrap();
    assert!(generator["measured"].as_str().unwrap().contains("none of the hosts"), "{generator}");
    unfit((code, results, out));
}
