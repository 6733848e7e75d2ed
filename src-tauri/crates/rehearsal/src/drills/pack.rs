//! Damage to the evidence pack of a run, done to the files before they are written.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// One of the five files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PackFile {
    Manifest,
    Trace,
    Ledger,
    Graph,
    Report,
}

impl PackFile {
    pub(crate) const ALL: [Self; 5] = [Self::Manifest, Self::Trace, Self::Ledger, Self::Graph, Self::Report];

    /// Its name in the bucket.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest.json",
            Self::Trace => "trace.ndjson",
            Self::Ledger => "llm_ledger.ndjson",
            Self::Graph => "universe_graph.json",
            Self::Report => "report.md",
        }
    }

    /// Its name in the name of a drill.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Trace => "trace",
            Self::Ledger => "ledger",
            Self::Graph => "graph",
            Self::Report => "report",
        }
    }
}

/// What is done to one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PackDamage {
    Absent,
    Empty,
    Truncated,
    NotUtf8,
    AnotherRun,
    OneByte,
}

/// What is wrong with a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PackFlaw {
    File(PackFile, PackDamage),
    CountsOff,
    CallDoubled,
    TimeBackwards,
    EdgeToNowhere,
}

impl PackFlaw {
    /// The file that is wrong.
    fn file(self) -> PackFile {
        match self {
            Self::File(file, _) => file,
            Self::CountsOff => PackFile::Manifest,
            Self::CallDoubled => PackFile::Ledger,
            Self::TimeBackwards => PackFile::Trace,
            Self::EdgeToNowhere => PackFile::Graph,
        }
    }
}

/// The files of a pack by name.
pub(crate) type Files = Vec<(&'static str, Vec<u8>)>;

/// The pack of `run` with its flaw.
pub(crate) fn damage(files: Files, flaw: PackFlaw, run: &str) -> Files {
    let changed = |(name, bytes): (&'static str, Vec<u8>)| {
        if name != flaw.file().name() {
            return Some((name, bytes));
        }
        let bytes = match flaw {
            PackFlaw::File(file, damage) => file_damage(file, damage, bytes, run)?,
            PackFlaw::CountsOff => one_more_step(&bytes),
            PackFlaw::CallDoubled => first_line_twice(&bytes),
            PackFlaw::TimeBackwards => times_swapped(&bytes),
            PackFlaw::EdgeToNowhere => edge_to_nowhere(&bytes),
        };
        Some((name, bytes))
    };
    files.into_iter().filter_map(changed).collect()
}

fn file_damage(file: PackFile, damage: PackDamage, mut bytes: Vec<u8>, run: &str) -> Option<Vec<u8>> {
    match damage {
        PackDamage::Absent => return None,
        PackDamage::Empty => bytes.clear(),
        PackDamage::Truncated => bytes.truncate(bytes.len() / 2),
        PackDamage::NotUtf8 => {
            let middle = bytes.len() / 2;
            bytes.splice(middle..middle, [0xff, 0xfe]);
        }
        PackDamage::AnotherRun => {
            let other = uuid::Uuid::new_v4().to_string();
            return Some(String::from_utf8_lossy(&bytes).replace(run, &other).into_bytes());
        }
        PackDamage::OneByte => one_byte(file, &mut bytes, run),
    }
    Some(bytes)
}

/// One byte changes where the file says something that another file or the API says too. A byte of a report's free
/// text could change unseen: no writer of packs leaves a digest of them.
fn one_byte(file: PackFile, bytes: &mut [u8], run: &str) {
    let telling = match file {
        PackFile::Manifest => "\"total_tokens\":",
        PackFile::Trace | PackFile::Report => run,
        PackFile::Ledger => "\"input_hash\":\"",
        PackFile::Graph => "\"node_id\":\"",
    };
    let at = String::from_utf8_lossy(bytes).find(telling).map(|at| match file {
        PackFile::Trace | PackFile::Report => at,
        _ => at + telling.len(),
    });
    if let Some(byte) = at.and_then(|at| bytes.get_mut(at)) {
        *byte = match *byte {
            b'0'..=b'8' if file != PackFile::Ledger => *byte + 1,
            b'9' if file != PackFile::Ledger => b'0',
            _ => b'x',
        };
    }
}

fn one_more_step(bytes: &[u8]) -> Vec<u8> {
    let mut manifest: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let steps = manifest["total_agent_steps"].as_u64().unwrap_or(0);
    manifest["total_agent_steps"] = (steps + 1).into();
    manifest.to_string().into_bytes()
}

fn first_line_twice(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let first = text.lines().next().unwrap_or_default();
    format!("{first}\n{text}").into_bytes()
}

fn times_swapped(bytes: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(bytes);
    let mut lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if let [_, _, third, fourth, ..] = lines.as_mut_slice() {
        let kept = third["timestamp"].take();
        third["timestamp"] = fourth["timestamp"].take();
        fourth["timestamp"] = kept;
    }
    let lines: Vec<String> = lines.iter().map(Value::to_string).collect();
    (lines.join("\n") + "\n").into_bytes()
}

fn edge_to_nowhere(bytes: &[u8]) -> Vec<u8> {
    let mut graph: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let id = || uuid::Uuid::new_v4().to_string();
    graph["edges"] = json!([{
        "edge_id": id(), "source_node_id": graph["root_node_id"], "target_node_id": id(), "edge_type": "fork",
    }]);
    graph["total_edges"] = 1.into();
    graph.to_string().into_bytes()
}
