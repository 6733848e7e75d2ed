//! Other processes: starting them on one processor, their processor time and memory. Linux only.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// `/proc` counts processor time in hundredths of a second on every Linux that Holdpoint runs on.
const TICKS: f64 = 100.0;
/// The server's processor, and the clients'.
pub const SERVER_CORE: &str = "0";
/// The clients' processor.
pub const CLIENT_CORE: &str = "1";

/// A command on one processor.
pub fn pinned(core: &str, program: &str, words: &[String]) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", core, program]).args(words);
    command
}

/// This very program.
pub fn own() -> String {
    std::env::current_exe().unwrap().display().to_string()
}

/// The server that is asked; ends with its handle.
pub struct Server {
    child: Child,
    /// Its address.
    pub url: String,
}

impl Server {
    /// Starts a server of a kind, which may write to a file at its end.
    pub fn start(kind: &str, file: &str) -> Self {
        let mut child = pinned(SERVER_CORE, &own(), &["serve".into(), kind.into(), file.into()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, url: format!("http://127.0.0.1:{}/", line.trim()) }
    }

    /// Its process: `taskset` becomes the program it starts.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it and waits until it has written what it writes.
    pub fn end(mut self) {
        self.close();
    }

    fn close(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.close();
    }
}

/// What a client has done.
pub struct Ran {
    /// What it said.
    pub output: String,
    /// Its processor time.
    pub cpu: Duration,
    /// The most memory it had in use, in MB.
    pub peak_mb: f64,
    /// Memory in use at the start (after two seconds) and at the end, in MB.
    pub memory: (f64, f64),
}

/// Runs a client to its end.
pub fn client(program: &str, words: &[String]) -> Ran {
    let before = children();
    let mut child =
        pinned(CLIENT_CORE, program, words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut out = child.stdout.take().unwrap();
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).unwrap();
        text
    });
    let (started, mut peak, mut first, mut last) = (Instant::now(), 0.0_f64, None, 0.0);
    while child.try_wait().unwrap().is_none() {
        if let Some(now) = resident_mb(child.id()) {
            peak = peak.max(now);
            last = now;
            if started.elapsed() > Duration::from_secs(2) {
                first.get_or_insert(now);
            }
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let cpu = Duration::from_secs_f64((children() - before) / TICKS);
    Ran { output: reading.join().unwrap(), cpu, peak_mb: peak, memory: (first.unwrap_or(last), last) }
}

/// Processor time of all children that have ended, in ticks: exact for the one between two readings.
fn children() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, rest) = text.rsplit_once(')').unwrap();
    let numbers: Vec<f64> = rest.split_whitespace().map(|word| word.parse().unwrap_or(0.0)).collect();
    numbers[13] + numbers[14]
}

fn resident_mb(id: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(line.split_whitespace().next()?.parse::<f64>().ok()? / 1024.0)
}

/// Sends a signal by the shell's own `kill`.
pub fn signal(which: &str, id: u32) {
    assert!(Command::new("sh").args(["-c", &format!("kill -{which} {id}")]).status().unwrap().success());
}
