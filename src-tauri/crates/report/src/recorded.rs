//! Results files read back: ours, and the two recorded formats of before us, which are explained and never believed.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use holdpoint_check::results::Results;
use holdpoint_check::verdict::Verdict;
use holdpoint_foreign::{file, json, text};
use serde_json::Value;

use crate::json::FORMAT;
use crate::markdown::{self, inert};

/// A results file is some hundred KiB; more than this is not read.
const LIMITS: json::Limits = json::Limits { bytes: 64 * 1024 * 1024, values: 1_000_000 };
/// More loads than any check measures: each takes half a megabyte of memory.
const MEASURED_LIMIT: usize = 400;

/// Why a file cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is too large.
    #[error("{0} is larger than 64 MiB; it is not a results file")]
    TooLarge(PathBuf),
    /// It is not JSON.
    #[error("{path} is not a results file: {problem}. A results file is a whole step3_results.json")]
    NotJson {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// It is JSON of something else.
    #[error("{path} is not a results file: {missing} is missing in it")]
    Foreign {
        /// Which.
        path: PathBuf,
        /// What.
        missing: &'static str,
    },
    /// It is none of a capacity run.
    #[error(
        "{path} is not the file of a capacity run: {problem}. One is written by `holdpoint load --json FILE`"
    )]
    NotCapacity {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// It says what no check of ours can have measured or done.
    #[error("{path} was not written by Holdpoint as it is: {problem}")]
    Impossible {
        /// Which.
        path: PathBuf,
        /// What.
        problem: String,
    },
    /// It was written by a newer version.
    #[error("{path} has format {format}, this Holdpoint reads {FORMAT}; use a newer Holdpoint")]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its format.
        format: u64,
    },
}

/// A results file.
#[derive(Debug)]
pub enum Recorded {
    /// One of ours.
    Ours(Box<(Results, Verdict)>),
    /// The original runner's.
    Original(Box<Value>),
    /// The successor runner's.
    Successor(Box<Value>),
}

/// Reads a results file of any of the three kinds.
pub fn read(path: &Path) -> Result<Recorded, ReadError> {
    parse(&bytes(path)?, path)
}

/// The bytes of what may be a results file.
pub fn bytes(path: &Path) -> Result<Vec<u8>, ReadError> {
    file::read(path, LIMITS.bytes as u64).map_err(|error| match error {
        file::Error::Unreadable(source) => ReadError::Unreadable { path: path.to_owned(), source },
        file::Error::TooLarge(_) => ReadError::TooLarge(path.to_owned()),
    })
}

/// The results in the bytes of a file: a report of ours as HTML carries them with it, and any other file is them.
pub fn results_in(bytes: &[u8]) -> &[u8] {
    crate::html::embedded(bytes).unwrap_or(bytes)
}

/// Reads the bytes of a results file; `path` is what errors name. Every text in it is made inert first.
pub fn parse(bytes: &[u8], path: &Path) -> Result<Recorded, ReadError> {
    let not_json = |problem: String| ReadError::NotJson { path: path.to_owned(), problem };
    let bytes = results_in(bytes);
    LIMITS.check(bytes).map_err(|error| not_json(error.to_string()))?;
    let mut value: Value = serde_json::from_slice(bytes).map_err(|error| not_json(json::said(&error)))?;
    text::clean(&mut value);
    for field in ["environment", "load_tests", "chaos_tests", "overall_status"] {
        if value.get(field).is_none() {
            return Err(ReadError::Foreign { path: path.to_owned(), missing: field });
        }
    }
    if let Some(ours) = value.get_mut("holdpoint") {
        let format = ours.get("format").and_then(Value::as_u64).unwrap_or(0);
        if format != u64::from(FORMAT) {
            return Err(ReadError::Newer { path: path.to_owned(), format });
        }
        let results = ours.get_mut("results").map(Value::take).unwrap_or_default();
        let impossible = |problem: String| ReadError::Impossible { path: path.to_owned(), problem };
        if measured(&results) > MEASURED_LIMIT {
            return Err(impossible("it holds more loads than a check measures".into()));
        }
        let results = Results::from_value(results).map_err(|error| not_json(json::said(&error)))?;
        results.check().map_err(impossible)?;
        // The verdict is computed again: what stands in a file from outside is not trusted.
        let verdict = holdpoint_check::judge::judge_now(&results);
        return Ok(Recorded::Ours(Box::new((results, verdict))));
    }
    if value.get("llm_canary").is_some() {
        Ok(Recorded::Successor(Box::new(value)))
    } else {
        Ok(Recorded::Original(Box::new(value)))
    }
}

/// How many loads results hold.
fn measured(results: &Value) -> usize {
    let tests = results.get("tests").and_then(Value::as_object);
    let operations =
        tests.into_iter().flat_map(|tests| tests.values()).filter_map(|test| test.get("operations"));
    operations.filter_map(Value::as_object).map(serde_json::Map::len).sum()
}

/// The file as Markdown: a report of ours, or what an old one did and did not prove.
pub fn markdown(recorded: &Recorded) -> String {
    match recorded {
        Recorded::Ours(both) => markdown::render(&both.0, &both.1),
        Recorded::Original(_) | Recorded::Successor(_) => {
            explain(recorded).map_or_else(String::new, |explained| explained_markdown(&explained))
        }
    }
}

/// What a file of another runner claims, and what that proves. Every text in it is inert and bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Which runner wrote it.
    pub runner: &'static str,
    /// Its own status; a claim.
    pub claims: String,
    /// When it says it started.
    pub started_at: String,
    /// How long it says it took, in seconds.
    pub seconds: u64,
    /// The API's address as it states it.
    pub api_url: String,
    /// Test, its status, ok and failed, its P95, what it did, what that proves.
    pub tests: Vec<[String; 6]>,
    /// What it says of evidence and bucket.
    pub evidence: Vec<String>,
}

/// Titles of the columns of [`Explained::tests`].
pub const EXPLAINED_COLUMNS: [&str; 6] =
    ["Test", "Its status", "Ok / failed", "Its P95", "What it did", "What it proves"];

/// Why a file of another runner gets no verdict.
pub const WHY_NO_VERDICT: &str = "The load tests of this runner probe health endpoints instead of the product, no run or \
     stream was open during a restart, and evidence was not fetched. Run a check to get a verdict.";

/// Explains a file of another runner; none for one of ours.
pub fn explain(recorded: &Recorded) -> Option<Explained> {
    let (value, runner) = match recorded {
        Recorded::Ours(_) => return None,
        Recorded::Original(value) => (value, "Step 3, the original runner (2026-01-10)"),
        Recorded::Successor(value) => (value, "Step 3.1, the successor runner (2026-01-11)"),
    };
    let mut tests = Vec::new();
    for (group, names) in [("load_tests", ["L1", "L2", "L3"]), ("chaos_tests", ["C1", "C2", "C3"])] {
        for name in names {
            tests.push(match value.pointer(&format!("/{group}/{name}")) {
                None => {
                    [name, "missing", "", "", "the file holds no such test", "nothing"].map(str::to_owned)
                }
                Some(test) => row(name, test),
            });
        }
    }
    let seconds = value.get("total_duration_seconds").and_then(Value::as_f64).unwrap_or(0.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    let seconds = seconds.clamp(0.0, 1e9) as u64;
    Some(Explained {
        runner,
        claims: clean(stated(value, "/overall_status")),
        started_at: clean(stated(value, "/test_started_at")),
        seconds,
        api_url: clean(stated(value, "/environment/api_url")),
        tests,
        evidence: evidence(value),
    })
}

fn explained_markdown(explained: &Explained) -> String {
    let mut out = String::new();
    let mut say = |line: String| {
        let _ = writeln!(out, "{line}");
    };
    say("# NO VERDICT: a recorded file of another runner".into());
    say(String::new());
    say(format!(
        "Written by: {}. Its own status reads \"{}\"; that is its claim, not ours.",
        explained.runner,
        inert(&explained.claims)
    ));
    say(format!("Started {}, API {}.", inert(&explained.started_at), inert(&explained.api_url)));
    say(String::new());
    say(format!("| {} |", EXPLAINED_COLUMNS.join(" | ")));
    say("|---|---|---|---|---|---|".into());
    for row in &explained.tests {
        say(format!("| {} |", row.each_ref().map(|cell| inert(cell)).join(" | ")));
    }
    say(String::new());
    say("## Evidence and bucket".into());
    say(String::new());
    for line in &explained.evidence {
        say(format!("- {}", inert(line)));
    }
    say(String::new());
    say("## Verdict of Holdpoint".into());
    say(String::new());
    say(format!("None. {WHY_NO_VERDICT}"));
    out
}

fn stated<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("unknown")
}

fn clean(text: &str) -> String {
    text::cut(text, 200)
}

fn row(name: &str, test: &Value) -> [String; 6] {
    let number = |field: &str| test.get(field).and_then(Value::as_f64).unwrap_or(0.0);
    let (did, proves) = match name {
        "L1" => {
            ("health probes (/health/ready)".to_owned(), "that the API answered health probes".to_owned())
        }
        "L2" => ("health and storage probes".to_owned(), "no calibration or auto-tune ran".to_owned()),
        "L3" => (
            "/health and storage probes".to_owned(),
            "that the storage probe worked; no stream or export ran".to_owned(),
        ),
        _ => chaos(test),
    };
    [
        name.to_owned(),
        clean(test.get("status").and_then(Value::as_str).unwrap_or("unknown")),
        format!("{} / {}", number("success_count"), number("fail_count")),
        format!("{:.0} ms", number("p95_ms")),
        did,
        proves,
    ]
}

fn chaos(test: &Value) -> (String, String) {
    let detail = |field: &str| test.pointer(&format!("/details/{field}"));
    let words = |field: &str| clean(detail(field).and_then(Value::as_str).unwrap_or(""));
    let boot_changed = detail("boot_id_changed") == Some(&Value::Bool(true));
    let (before, after) = (words("before_boot_id"), words("after_boot_id"));
    let method = words("restart_method");
    let skipped = words("skip_reason");
    let seconds = test.get("duration_ms").and_then(Value::as_f64).unwrap_or(0.0) / 1000.0;
    if boot_changed && !before.is_empty() && !after.is_empty() && before != after {
        return (
            format!("worker exit, boot id changed in {seconds:.0} s"),
            "a worker restart; no run was in flight, so nothing about work that is hit".into(),
        );
    }
    if !skipped.is_empty() {
        return (format!("skipped: {skipped}"), "nothing".into());
    }
    let claimed = ["service_restarted", "db_failure_simulated"]
        .iter()
        .any(|field| detail(field) == Some(&Value::Bool(true)));
    match method.as_str() {
        "simulated" => ("simulated, although its flag may say otherwise".into(), "nothing".into()),
        "" | "none" if !claimed => ("no restart".into(), "nothing".into()),
        method => (
            format!(
                "restart asked for ({}), no identity compared",
                if method.is_empty() { "unstated" } else { method }
            ),
            "that a request was sent; no restart is proven".into(),
        ),
    }
}

fn evidence(value: &Value) -> Vec<String> {
    let packs = value.get("rep_integrity_results").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let mut lines = Vec::new();
    if packs.is_empty() {
        lines.push("no evidence pack was looked at".to_owned());
    }
    for pack in packs.iter().take(10) {
        let claim = if pack.get("is_valid") == Some(&Value::Bool(true)) { "valid" } else { "not valid" };
        let path = clean(pack.get("rep_path").and_then(Value::as_str).unwrap_or("no path"));
        let method = clean(pack.get("method").and_then(Value::as_str).unwrap_or("storage probe"));
        let truth = if path.contains("smoke-tests") || method.contains("storage") {
            "it is a text file of the storage probe"
        } else {
            "the five files were never fetched"
        };
        lines.push(format!("claimed {claim}: {path} ({method}); {truth}"));
    }
    let bucket = value.get("bucket_isolation_verified") == Some(&Value::Bool(true));
    lines.push(format!(
        "bucket isolation claimed {}: it is the server's own setting echoed back",
        if bucket { "verified" } else { "not verified" }
    ));
    let runs = value.get("all_run_ids").and_then(Value::as_array).map_or(0, Vec::len);
    let stuck = value.get("stuck_runs_count").and_then(Value::as_u64);
    lines.push(format!(
        "{runs} run ids on record; stuck runs {}",
        stuck.map_or_else(|| "not stated".to_owned(), |count| count.to_string())
    ));
    lines
}
