//! Run evidence packs (REPs): five files a run leaves in the bucket, and whether they can be believed.
//!
//! Pure: bytes in, verdict out. Three answers that must not be mixed up: valid, corrupt, absent; and a fourth for
//! what could not be read at all. Rules are the original's strict ones (API facts 7.3) plus what it never looked at:
//! every line, ids across files, counts, hashes, order, graph ends. Both dialects of writers are read (facts 7.2).
//!
//! False beats unknown: a pack with a proven fault is corrupt even when another of its files could not be read.

mod across;
mod graph_file;
mod ledger;
mod lines;
mod manifest;
mod report_file;
#[cfg(test)]
mod tests;
mod trace;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// One of the five files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceFile {
    /// `manifest.json`.
    Manifest,
    /// `trace.ndjson`.
    Trace,
    /// `llm_ledger.ndjson`.
    LlmLedger,
    /// `universe_graph.json`.
    UniverseGraph,
    /// `report.md`.
    Report,
}

impl EvidenceFile {
    /// All five.
    pub const ALL: [Self; 5] =
        [Self::Manifest, Self::Trace, Self::LlmLedger, Self::UniverseGraph, Self::Report];

    /// Its name in the bucket.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest.json",
            Self::Trace => "trace.ndjson",
            Self::LlmLedger => "llm_ledger.ndjson",
            Self::UniverseGraph => "universe_graph.json",
            Self::Report => "report.md",
        }
    }
}

/// What came of fetching a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// Its bytes.
    Bytes(Vec<u8>),
    /// There is no such object.
    Absent,
    /// It could not be read, with the reason.
    Unreadable(String),
}

/// The files of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// The run they were fetched for.
    pub run_id: String,
    /// The files; one that is missing here counts as absent.
    pub files: BTreeMap<EvidenceFile, Fetched>,
}

/// What the rest of the check knows about the run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// Its id.
    pub run_id: String,
    /// Its project.
    pub project_id: Option<String>,
    /// Its node.
    pub node_id: Option<String>,
    /// No time in the pack can be earlier; the caller has added its tolerance for clocks.
    pub earliest: Option<DateTime<Utc>>,
    /// No time in the pack can be later; the caller has added its tolerance for clocks.
    pub latest: Option<DateTime<Utc>>,
    /// Whether the API says that it succeeded; if not, it ended in another way.
    pub run_succeeded: bool,
}

/// Bounds of what is parsed. A file beyond one of them is unreadable, not corrupt; JSON nests at most 128 deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one file.
    pub file_bytes: usize,
    /// Lines of one file.
    pub lines: u64,
    /// Bytes of one line.
    pub line_bytes: usize,
    /// Values in one of the two JSON documents, which cannot be read line by line.
    pub values: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { file_bytes: 64 * 1024 * 1024, lines: 1_000_000, line_bytes: 1024 * 1024, values: 500_000 }
    }
}

/// What a pack or file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PackState {
    /// Complete, and every rule holds.
    Valid,
    /// There, and wrong or incomplete.
    Corrupt,
    /// Not there at all.
    Absent,
    /// Could not be read; never counts as valid.
    Unreadable,
}

impl PackState {
    /// As shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Corrupt => "CORRUPT",
            Self::Absent => "ABSENT",
            Self::Unreadable => "unreadable",
        }
    }
}

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable code such as `ledger.call_id.duplicate`.
    pub rule: String,
    /// What is wrong, in a sentence.
    pub message: String,
    /// The line, from 1.
    pub line: Option<u64>,
    /// What should be there, cut to 120 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What is there, cut to 120 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
}

/// The judgement of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileVerdict {
    /// Which.
    pub file: EvidenceFile,
    /// What it is by itself.
    pub state: PackState,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its lines, for the two line files that were read to the end.
    pub records: Option<u64>,
    /// SHA-256 of its bytes in hex.
    pub sha256: Option<String>,
    /// At most 20 broken rules.
    pub problems: Vec<Problem>,
    /// Broken rules in all.
    pub problem_count: u64,
}

/// The judgement of a pack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackVerdict {
    /// What it is.
    pub state: PackState,
    /// Each file.
    pub files: Vec<FileVerdict>,
    /// Rules between files, and against what the API says of the run.
    pub cross_file: Vec<Problem>,
    /// Worth knowing, not wrong.
    pub warnings: Vec<Problem>,
}

impl PackVerdict {
    /// Every problem with the name of its file.
    pub fn problems(&self) -> Vec<(&'static str, &Problem)> {
        let files = self
            .files
            .iter()
            .flat_map(|file| file.problems.iter().map(move |problem| (file.file.file_name(), problem)));
        files.chain(self.cross_file.iter().map(|problem| ("across files", problem))).collect()
    }
}

/// Judges a pack by the rules of API facts 7.3, by what holds in all samples (7.4), and across its files.
///
/// Never fails: what cannot be read or is not there is part of the verdict.
pub fn judge(pack: &Pack, expectation: &Expectation, limits: &Limits) -> PackVerdict {
    across::judge(pack, expectation, limits)
}
