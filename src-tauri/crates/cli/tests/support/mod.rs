//! Starting the real programs, and stopping them whatever a test does.

#![allow(dead_code, missing_docs, reason = "each test file uses a part of it")]

pub mod office;

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The program under test.
pub fn holdpoint() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdpoint"));
    command.env_remove("RAILWAY_TOKEN").env_remove("STAGING_API_URL").env_remove("STAGING_WEB_URL");
    command
}

/// The rehearsal's program lies beside it; `cargo xtask test` builds both.
pub fn rehearsal_program() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_holdpoint")).with_file_name("holdpoint-rehearsal");
    assert!(path.exists(), "{} is not built; run cargo xtask test", path.display());
    path
}

pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Sends a signal by the shell's own `kill`: a bare system has no program of that name.
pub fn signal(which: &str, pid: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill {which} {pid}")]).status().unwrap();
    assert!(sent.success());
}

/// A rehearsal of its own with a known state folder; ends with the test.
pub struct Rehearsal {
    pub state: tempfile::TempDir,
    pub environment: PathBuf,
    child: Child,
}

impl Rehearsal {
    pub fn start(profile: &str) -> Self {
        Self::start_by(Command::new(rehearsal_program()), profile)
    }

    /// The same by a command that ends in the rehearsal's program.
    pub fn start_by(program: Command, profile: &str) -> Self {
        Self::up(program, ["--profile", profile])
    }

    /// A healthy one with an odd Railway.
    pub fn odd(oddity: &str) -> Self {
        Self::up(Command::new(rehearsal_program()), ["--oddity", oddity])
    }

    fn up(mut program: Command, manner: [&str; 2]) -> Self {
        let state = tempfile::tempdir().unwrap();
        let mut child = program
            .arg("up")
            .args(manner)
            .arg("--state")
            .arg(state.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("holdpoint_environment"), "{line}");
        let environment = state.path().join("environment.json");
        Self { state, environment, child }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&std::fs::read_to_string(&self.environment).unwrap()).unwrap()
    }

    /// How often its Railway was asked for a restart, whatever it answered.
    pub fn restarts_asked(&self) -> u64 {
        self.mutations("deploymentRestart")
    }

    /// How often its Railway was asked for a mutation.
    pub fn mutations(&self, name: &str) -> u64 {
        let asked = std::fs::read_to_string(self.state.path().join("logs/railway.log")).unwrap_or_default();
        asked.lines().filter(|line| line.contains(name)).count() as u64
    }

    /// Kills one service, as a crash would.
    pub fn kill(&self, role: &str) {
        let pids: Value =
            serde_json::from_str(&std::fs::read_to_string(self.state.path().join("pids.json")).unwrap())
                .unwrap();
        let pid = pids[role].as_u64().unwrap().to_string();
        signal("-9", &pid);
    }

    pub fn pids(&self) -> Vec<u64> {
        let pids: Value =
            serde_json::from_str(&std::fs::read_to_string(self.state.path().join("pids.json")).unwrap())
                .unwrap();
        pids.as_object().unwrap().values().map(|pid| pid.as_u64().unwrap()).collect()
    }

    pub fn kill_supervisor(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A check that prints its events, so that a test can act at a moment of it.
pub struct Check {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    pub out: tempfile::TempDir,
}

impl Check {
    pub fn start(environment: &Path, more: &[&str]) -> Self {
        Self::start_by(holdpoint(), environment, more)
    }

    /// The same by a command that ends in the program under test.
    pub fn start_by(program: Command, environment: &Path, more: &[&str]) -> Self {
        Self::start_in(program, &std::env::temp_dir(), environment, more)
    }

    /// The same with its output below `folder`.
    pub fn start_in(mut program: Command, folder: &Path, environment: &Path, more: &[&str]) -> Self {
        let out = tempfile::tempdir_in(folder).unwrap();
        let owner = |path: &Path| std::fs::metadata(path).unwrap().uid();
        // What another user's program writes to has to be that user's.
        if folder != std::env::temp_dir() && owner(folder) != owner(out.path()) {
            std::os::unix::fs::chown(out.path(), Some(owner(folder)), None).unwrap();
        }
        let mut child = program
            .args(["check", "--events", "--environment"])
            .arg(environment)
            .arg("--out")
            .arg(out.path())
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, out }
    }

    pub fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// Reads events until one is what is waited for.
    pub fn until(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        for line in self.lines.by_ref() {
            let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if wanted(&event) {
                return event;
            }
        }
        panic!("the check ended without the event that was waited for");
    }

    pub fn until_event(&mut self, name: &str) -> Value {
        self.until(|event| event["event"] == name)
    }

    pub fn until_test(&mut self, name: &str) -> Value {
        self.until(|event| event["event"] == "test_started" && event["test"] == name)
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end and answers with the exit code and the verdict.
    pub fn finish(mut self) -> (i32, Value, tempfile::TempDir) {
        for line in self.lines.by_ref() {
            line.unwrap();
        }
        let code = self.child.wait().unwrap().code().unwrap();
        let results = std::fs::read_to_string(self.out.path().join("step3_results.json")).unwrap();
        (code, serde_json::from_str(&results).unwrap(), self.out)
    }
}

/// The codes of the findings of a results file.
pub fn codes(results: &Value) -> Vec<String> {
    let findings = results["holdpoint"]["verdict"]["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

pub fn headline(results: &Value) -> String {
    results["holdpoint"]["verdict"]["headline"].as_str().unwrap().to_owned()
}

/// Waits until no process of the list is left.
pub fn all_gone(pids: &[u64]) -> bool {
    let until = Instant::now() + Duration::from_secs(10);
    let alive = |pid: &u64| {
        // A zombie has ended; only its parent has not looked yet.
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    };
    while pids.iter().any(alive) {
        if Instant::now() > until {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    true
}
