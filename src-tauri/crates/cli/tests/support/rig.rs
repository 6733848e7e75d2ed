//! A check of a rehearsal of its own that can be killed or aborted at any moment, and what must hold afterwards. Used by
//! the bounded tests and by the long forms behind `cargo xtask crash` and `cargo xtask abort`.

#![allow(dead_code, missing_docs, reason = "each user takes a part of it")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use holdpoint_desk::archive::Archive;
use holdpoint_desk::view::ChecksQuery;
use serde_json::Value;

/// Files that a check leaves when it has ended.
const RESULTS: [&str; 3] = ["step3_results.json", "step3_results.md", "step3_results.schema.json"];
/// How long processes may take to see that the one who started them is gone.
const ORPHANS: Duration = Duration::from_secs(10);
/// Longer than any check of a rehearsal waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// The two programs.
#[derive(Clone, Debug)]
pub struct Programs {
    pub holdpoint: PathBuf,
    pub rehearsal: PathBuf,
}

/// A running check.
pub struct Rig {
    root: tempfile::TempDir,
    programs: Programs,
    child: Child,
    lines: Receiver<String>,
    /// Every event that was seen, as it was printed.
    pub seen: Vec<String>,
}

/// What a killed check left, and what the next start said of it.
#[derive(Debug, Default)]
pub struct Aftermath {
    pub events: usize,
    pub last: String,
    pub said: String,
    /// Services that were touched, and of which nobody knows whether they are back.
    pub open: Vec<String>,
    pub wrong: Vec<String>,
}

impl Rig {
    /// Starts a check of the rehearsal. Everything it may write to lies in one folder.
    pub fn start(programs: &Programs, arguments: &[&str]) -> Self {
        let root = tempfile::Builder::new().prefix("holdpoint-rig-").tempdir().unwrap();
        for name in ["home", "tmp"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        let mut command = Command::new(&programs.holdpoint);
        command
            .args(["check", "--rehearse", "--events", "--out"])
            .arg(root.path().join("out"))
            .args(arguments)
            .env("HOME", root.path().join("home"))
            .env("TMPDIR", root.path().join("tmp"))
            .env("HOLDPOINT_REHEARSAL", &programs.rehearsal)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(root.path().join("stderr")).unwrap());
        for name in
            ["RAILWAY_TOKEN", "STAGING_API_URL", "STAGING_WEB_URL", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"]
        {
            command.env_remove(name);
        }
        let mut child = command.spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { root, programs: programs.clone(), child, lines, seen: Vec::new() }
    }

    pub fn out(&self) -> PathBuf {
        self.root.path().join("out")
    }

    pub fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// What it said to people.
    pub fn told(&self) -> String {
        std::fs::read_to_string(self.root.path().join("stderr")).unwrap_or_default()
    }

    /// Waits until `wanted` holds for an event. False when the check ended, or the time passed, without it.
    pub fn until(&mut self, patience: Duration, mut wanted: impl FnMut(&Value) -> bool) -> bool {
        let until = Instant::now() + patience;
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    let event: Value = serde_json::from_str(&line).unwrap();
                    self.seen.push(line);
                    if wanted(&event) {
                        return true;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// `kill -9`, and everything that was printed until then.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.until(PATIENCE, |_| false);
    }

    pub fn signal(&self, name: &str) {
        super::signal(name, &self.pid());
    }

    /// Waits for the end. None when it does not come.
    pub fn finish(&mut self) -> Option<i32> {
        let until = Instant::now() + PATIENCE;
        // The end of its output is the end of the program.
        self.until(PATIENCE, |_| false);
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Some(status.code().unwrap_or(-1));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        None
    }

    /// Records of the journal as they lie on the disk: whole lines, and whether a torn one follows.
    pub fn journal(&self) -> (Vec<String>, bool) {
        let bytes = std::fs::read(self.out().join("journal.ndjson")).unwrap_or_default();
        let mut lines: Vec<String> = bytes
            .split(|byte| *byte == b'\n')
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        let torn = lines.pop().is_some_and(|rest| !rest.is_empty());
        (lines, torn)
    }

    /// Everything that must hold after a `kill -9`, whenever it came.
    pub fn after_kill(&self) -> Aftermath {
        let mut after = Aftermath::default();
        self.no_orphans(&mut after.wrong);
        let (lines, _) = self.journal();
        let events: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        after.events = events.len();
        after.last = events.last().map_or_else(String::new, |event| named(event).to_owned());
        for (number, seen) in self.seen.iter().enumerate() {
            if lines.get(number) != Some(seen) {
                after.wrong.push(format!("event {number} was seen and is not in the journal"));
            }
        }
        let (code, shown) = self.show();
        shown.lines().next().unwrap_or_default().clone_into(&mut after.said);
        let ended = events.iter().any(|event| named(event) == "check_ended");
        let cut_off = after.said.starts_with("# NO VERDICT") && after.said.contains("cut off");
        if events.is_empty() {
            if code != 2 {
                after.wrong.push(format!("nothing was recorded, and `report show` ends with {code}"));
            }
        } else if !ended && !cut_off {
            after.wrong.push(format!("a check without an end reads {:?}", after.said));
        }
        after.open = open_faults(&events);
        for service in &after.open {
            if !ended && !shown.contains(&format!("The restart of {service} was never seen to end")) {
                after.wrong.push(format!("the open fault of {service} is not named"));
            }
        }
        self.whole_files(ended, &mut after.wrong);
        self.in_archive(&events, ended, &mut after.wrong);
        self.locks_are_free(&mut after.wrong);
        after
    }

    /// `holdpoint report show` of the folder.
    pub fn show(&self) -> (i32, String) {
        let output =
            Command::new(&self.programs.holdpoint).args(["report", "show"]).arg(self.out()).output().unwrap();
        let text =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap_or(-1), text)
    }

    /// No process of this check lives on, and their temporary folders are gone with them.
    pub fn no_orphans(&self, wrong: &mut Vec<String>) {
        let until = Instant::now() + ORPHANS;
        loop {
            let left = self.processes();
            if left.is_empty() {
                break;
            }
            if Instant::now() > until {
                wrong.push(format!("processes live on: {left:?}"));
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let left = names(&self.root.path().join("tmp"));
        if !left.is_empty() {
            wrong.push(format!("temporary files are left: {left:?}"));
        }
    }

    /// Processes that were started by this check, by any way: they have its folder in their environment.
    fn processes(&self) -> BTreeMap<u32, String> {
        let mark = self.root.path().display().to_string();
        let mut found = BTreeMap::new();
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            if String::from_utf8_lossy(&environment).contains(&mark) {
                let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
                found.insert(pid, String::from_utf8_lossy(&command).replace('\0', " "));
            }
        }
        found
    }

    /// Result files are whole or not there, and there is none of a check without an end.
    fn whole_files(&self, ended: bool, wrong: &mut Vec<String>) {
        for name in RESULTS {
            let Ok(text) = std::fs::read_to_string(self.out().join(name)) else { continue };
            let whole = if name.ends_with("json") {
                serde_json::from_str::<Value>(&text).is_ok()
            } else {
                text.ends_with('\n') && text.starts_with("# ")
            };
            if !ended {
                wrong.push(format!("{name} is there, and the check has no end"));
            }
            if !whole {
                wrong.push(format!("{name} is not whole"));
            }
        }
        for name in names(&self.out().join("step3_results-charts")) {
            let chart = self.out().join("step3_results-charts").join(&name);
            let text = std::fs::read_to_string(chart).unwrap_or_default();
            if !name.starts_with(".holdpoint-unfinished-") && !text.trim_end().ends_with("</svg>") {
                wrong.push(format!("chart {name} is not whole"));
            }
        }
    }

    /// The window finds the check, without a verdict and with every event.
    fn in_archive(&self, events: &[Value], ended: bool, wrong: &mut Vec<String>) {
        let checks = self.root.path().join("checks");
        let folder = checks.join("0001-20260131-140200");
        std::fs::create_dir_all(&folder).unwrap();
        let journal = self.out().join("journal.ndjson");
        if journal.exists() {
            std::fs::copy(journal, folder.join("journal.ndjson")).unwrap();
        }
        let archive = Archive::in_folder(&checks);
        let page = archive.list(&ChecksQuery { limit: 10, ..ChecksQuery::default() }, None);
        let expected = u32::from(!events.is_empty());
        if page.total != expected || page.checks.len() != expected as usize {
            wrong.push(format!("the window lists {} of {} checks", page.checks.len(), page.total));
        }
        for check in page.checks {
            if !ended && !check.headline.contains("cut off") {
                wrong.push(format!("the window calls it {:?}", check.headline));
            }
            if archive.open(check.number).is_err() {
                wrong.push("the window cannot open it".to_owned());
            }
        }
    }

    /// What a killed check held is free for the next one.
    fn locks_are_free(&self, wrong: &mut Vec<String>) {
        let locks = self.root.path().join("home/.local/share/holdpoint/locks");
        for name in names(&locks) {
            let file = std::fs::File::open(locks.join(&name)).unwrap();
            if file.try_lock().is_err() {
                wrong.push(format!("{name} is still held"));
            }
        }
    }

    /// Everything that must hold after an abort that was asked for while the check ran.
    pub fn after_abort(&mut self, code: Option<i32>) -> Aftermath {
        let mut after = Aftermath::default();
        let wrong = &mut after.wrong;
        if code.is_none() {
            wrong.push(format!("it did not end within {} s", PATIENCE.as_secs()));
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        self.no_orphans(wrong);
        let (lines, torn) = self.journal();
        let events: Vec<Value> = lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        after.events = events.len();
        after.last = events.last().map_or_else(String::new, |event| named(event).to_owned());
        if torn || after.last != "check_ended" {
            wrong.push(format!("the journal ends with {}", after.last));
        }
        let ending = events.last().map_or("", |event| event["ending"]["how"].as_str().unwrap_or_default());
        let request = events.iter().find(|event| named(event) == "abort_requested");
        let Some(request) = request else {
            // It came when everything was done already.
            if ending == "aborted" {
                wrong.push("it was aborted, and nobody asked for that".to_owned());
            }
            after.said = format!("{ending} before the request");
            return after;
        };
        if ending != "aborted" || code != Some(3) {
            wrong.push(format!("it ended {ending:?} with exit code {code:?}"));
        }
        let at = request["elapsed_ms"].as_u64().unwrap_or_default();
        for late in events.iter().filter(|event| starts_operation(event)) {
            let after_ms = late["elapsed_ms"].as_u64().unwrap_or_default().saturating_sub(at);
            if after_ms > 1000 {
                wrong.push(format!("{} {after_ms} ms after the abort", named(late)));
            }
        }
        let (_, shown) = self.show();
        shown.lines().next().unwrap_or_default().clone_into(&mut after.said);
        if !after.said.starts_with("# NO VERDICT") || !after.said.contains("aborted") {
            wrong.push(format!("it reads {:?}", after.said));
        }
        for service in open_faults(&events) {
            if !shown.contains(&format!("The restart of {service} was never seen to end")) {
                wrong.push(format!("nothing is said of {service}, which was touched"));
            }
        }
        let made = events.iter().any(|event| named(event) == "run_created");
        if made && !events.iter().any(|event| named(event) == "cleaned_up") {
            wrong.push("nothing is said of what the check made".to_owned());
        }
        self.whole_files(true, wrong);
        self.locks_are_free(wrong);
        after
    }
}

pub fn named(event: &Value) -> &str {
    event["event"].as_str().unwrap_or_default()
}

/// Whether an event tells of load or a fault that begins.
fn starts_operation(event: &Value) -> bool {
    match named(event) {
        "write_sent" | "run_created" | "fault_intended" | "test_started" => true,
        "job_observed" => event["status"] == "queued",
        _ => false,
    }
}

/// Services whose restart was asked for and was neither refused nor seen to end, as reports call them.
fn open_faults(events: &[Value]) -> Vec<String> {
    let mut open: BTreeMap<&str, &str> = BTreeMap::new();
    for event in events {
        let fault = event["fault"].as_str().unwrap_or_default();
        match named(event) {
            "fault_intended" => {
                open.insert(fault, event["service"].as_str().unwrap_or_default());
            }
            "fault_recovered" | "fault_refused" | "fault_not_recovered" => {
                open.remove(fault);
            }
            _ => {}
        }
    }
    open.into_values().map(str::to_owned).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Numbers that look random and are the same for the same seed.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `limit` (`SplitMix64`).
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (value ^ (value >> 31)) % limit.max(1)
    }
}

/// One seeded point of a kill: which tests, and when.
#[derive(Clone, Debug)]
pub struct Point {
    pub suite: &'static [&'static str],
    /// After so many events; without them after the time alone.
    pub events: Option<u64>,
    pub then: Duration,
}

/// Quick suites, and about how many events they have.
const SUITES: [(&[&str], u64); 7] = [
    (&["--test", "L1"], 180),
    (&["--test", "C1"], 110),
    (&["--test", "L3"], 90),
    (&["--test", "C2"], 80),
    (&["--test", "L2"], 110),
    (&["--test", "C3"], 220),
    (&["--test", "L1,REP,BUCKET"], 230),
];

impl Point {
    pub fn of(number: u64, seed: u64) -> Self {
        let mut dice = Dice::new(seed.wrapping_add(number));
        let (suite, events) = SUITES[usize::try_from(number).unwrap_or(0) % SUITES.len()];
        if dice.below(3) == 0 {
            // Any time from the start of the first process on.
            return Self { suite, events: None, then: Duration::from_micros(dice.below(9_000_000)) };
        }
        let events = Some(1 + dice.below(events));
        Self { suite, events, then: Duration::from_micros(dice.below(60_000)) }
    }

    /// Runs a check up to here, kills it, and looks.
    pub fn run(&self, programs: &Programs) -> Aftermath {
        let mut rig = Rig::start(programs, self.suite);
        if let Some(events) = self.events {
            let mut count = 0;
            rig.until(PATIENCE, |_| {
                count += 1;
                count == events
            });
        }
        std::thread::sleep(self.then);
        rig.kill();
        rig.after_kill()
    }

    pub fn told(&self) -> String {
        let suite = self.suite.last().unwrap_or(&"");
        let ms = self.then.as_micros() as f64 / 1000.0;
        match self.events {
            Some(events) => format!("{suite}, event {events} + {ms:.1} ms"),
            None => format!("{suite}, {ms:.1} ms"),
        }
    }
}
