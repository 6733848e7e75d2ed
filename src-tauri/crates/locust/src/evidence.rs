//! The lines of a file of evidence, as the master wrote them. Every one of them is foreign: a worker elsewhere made it.

use std::io::{self, BufRead, Read as _};

use holdpoint_foreign::{json, text};
use holdpoint_load::OperationRecord;
use serde::{Deserialize, Deserializer};
use sha2::{Digest as _, Sha256};

use crate::ledger::Entry;
use crate::plan::MOST_KINDS;

/// The longest line that is read, in bytes: one report of 64 kinds with a full ledger is a fraction of it.
pub const LINE_LIMIT: usize = 16 * 1024 * 1024;
/// The most lines that are read: a thousand workers with 600 reports each, and their clocks.
const LINES_LIMIT: u64 = 1_000_000;
const LIMITS: json::Limits = json::Limits { bytes: LINE_LIMIT, values: 500_000 };
/// The most operations that one report lists.
const ENTRIES_LIMIT: usize = 50_000;

/// Why a file of evidence is not read at all. What can be read and is not as it should be becomes a doubt instead.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// It cannot be read.
    #[error("locust.evidence.read: the evidence cannot be read: {0}; fetch it once more from the master")]
    Unreadable(#[from] io::Error),
    /// It is something else.
    #[error("locust.evidence.foreign: this is no evidence of a load that Holdpoint gave to Locust: {0}")]
    Foreign(String),
    /// It is larger than anything a load leaves.
    #[error("locust.evidence.large: the evidence is larger than any load leaves it: {0}")]
    TooLarge(&'static str),
    /// What is made of it cannot be written.
    #[error("locust.evidence.write: {0}")]
    Unwritable(String),
}

/// One line.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Line {
    Head(Head),
    Worker(Introduction),
    Clock(Clock),
    Start(Start),
    Report(Report),
    Left(Left),
    End(End),
    Seal(Seal),
}

/// What the master says of itself.
#[derive(Debug, Deserialize)]
pub(crate) struct Head {
    pub(crate) holdpoint_locust: u32,
    #[serde(deserialize_with = "short")]
    pub(crate) plan: String,
    #[serde(deserialize_with = "short")]
    pub(crate) locust: String,
    #[serde(deserialize_with = "short")]
    pub(crate) python: String,
    pub(crate) workers: u32,
}

/// What a worker says of itself.
#[derive(Debug, Deserialize)]
pub(crate) struct Introduction {
    #[serde(deserialize_with = "short")]
    pub(crate) from: String,
    #[serde(deserialize_with = "short")]
    pub(crate) host: String,
    pub(crate) pid: u64,
    #[serde(deserialize_with = "short")]
    pub(crate) plan: String,
    #[serde(deserialize_with = "short")]
    pub(crate) program: String,
    #[serde(deserialize_with = "short")]
    pub(crate) locust: String,
    #[serde(deserialize_with = "short")]
    pub(crate) python: String,
    #[serde(deserialize_with = "short")]
    pub(crate) platform: String,
    #[serde(deserialize_with = "short")]
    pub(crate) problem: String,
}

/// A question for the time of day: when the master asked, what the worker's clock said, when the master heard it.
#[derive(Debug, Deserialize)]
pub(crate) struct Clock {
    #[serde(deserialize_with = "short")]
    pub(crate) from: String,
    pub(crate) sent: f64,
    pub(crate) answered: f64,
    pub(crate) received: f64,
}

/// The moment everything starts, by the master's time of day.
#[derive(Debug, Deserialize)]
pub(crate) struct Start {
    pub(crate) at: f64,
}

/// A report as it came, with its digest.
#[derive(Debug, Deserialize)]
pub(crate) struct Report {
    #[serde(deserialize_with = "short")]
    pub(crate) from: String,
    pub(crate) at: f64,
    pub(crate) body: String,
    pub(crate) sha256: String,
}

/// A worker that did not come to its end.
#[derive(Debug, Deserialize)]
pub(crate) struct Left {
    #[serde(deserialize_with = "short")]
    pub(crate) from: String,
    #[serde(deserialize_with = "short")]
    pub(crate) why: String,
}

/// How it ended.
#[derive(Debug, Deserialize)]
pub(crate) struct End {
    pub(crate) ending: Ending,
    #[serde(deserialize_with = "short")]
    pub(crate) problem: String,
    pub(crate) locust: holdpoint_load::Summary,
}

/// The last line: how many there are before it, and the digest of all of them.
#[derive(Debug, Deserialize)]
pub(crate) struct Seal {
    pub(crate) lines: u64,
    pub(crate) sha256: String,
}

/// How the master says that the load ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Ending {
    /// As planned.
    Completed,
    /// Nothing was started any more, because somebody said so.
    Drained,
    /// It was given up, because somebody said so.
    Aborted,
    /// It could not be led to its end.
    Lost,
    /// Nothing was sent.
    Refused,
}

/// What stands in a report.
#[derive(Debug, Deserialize)]
pub(crate) struct Body {
    pub(crate) worker: u32,
    pub(crate) sequence: u64,
    #[serde(deserialize_with = "short")]
    pub(crate) plan: String,
    pub(crate) step: u64,
    pub(crate) until_s: f64,
    pub(crate) last_end_s: f64,
    pub(crate) last: bool,
    pub(crate) kinds: Vec<OperationRecord>,
    pub(crate) fitness: WorkerFitness,
    pub(crate) ledger: Vec<Entry>,
}

/// How well a worker's computer kept time until then.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct WorkerFitness {
    pub(crate) stall_ms: f64,
    pub(crate) clock_step_ms: f64,
    pub(crate) watched_ms: f64,
    pub(crate) cpu: f64,
}

/// A text of somebody else, on one line and short.
pub(crate) fn short<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(text::cut(&String::deserialize(deserializer)?, 200))
}

/// A document within bounds.
pub(crate) fn parsed<'de, T: Deserialize<'de>>(bytes: &'de [u8]) -> Result<T, String> {
    LIMITS.check(bytes).map_err(|error| error.to_string())?;
    serde_json::from_slice(bytes).map_err(|error| json::said(&error))
}

impl Report {
    /// What stands in it, if it is what the worker sent.
    pub(crate) fn open(&self) -> Result<Body, String> {
        if crate::package::digest(self.body.as_bytes()) != self.sha256 {
            return Err("it is not what the worker sent: its digest is another".into());
        }
        let mut body: Body = parsed(self.body.as_bytes())?;
        if body.kinds.len() > MOST_KINDS || body.ledger.len() > ENTRIES_LIMIT {
            return Err("it holds more than any report does".into());
        }
        for record in &mut body.kinds {
            let classes = std::mem::take(&mut record.failed);
            for (class, count) in classes {
                let sum = record.failed.entry(text::cut(&class, 60)).or_default();
                *sum = sum.saturating_add(count);
            }
            let examples = std::mem::take(&mut record.examples);
            record.examples = examples
                .into_iter()
                .map(|(class, said)| (text::cut(&class, 60), text::cut(&said, 300)))
                .collect();
        }
        Ok(body)
    }
}

/// What a line turned out to be.
pub(crate) enum Read {
    /// One that is understood.
    Line(Line),
    /// One that is not, by its number, and why.
    Damaged(u64, String),
}

/// Reads lines, and keeps the digest of all of them but the seal.
pub(crate) struct Lines<R> {
    from: R,
    number: u64,
    digest: Sha256,
}

impl<R: BufRead> Lines<R> {
    pub(crate) fn new(from: R) -> Self {
        Self { from, number: 0, digest: Sha256::new() }
    }

    /// The next line, if there is one.
    pub(crate) fn next(&mut self) -> Result<Option<Read>, EvidenceError> {
        let mut line = Vec::new();
        let limit = LINE_LIMIT as u64 + 1;
        self.from.by_ref().take(limit).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        if line.len() > LINE_LIMIT {
            return Err(EvidenceError::TooLarge("a line of it has more than 16 MiB"));
        }
        self.number += 1;
        if self.number > LINES_LIMIT {
            return Err(EvidenceError::TooLarge("it has more than a million lines"));
        }
        let read = parsed::<Line>(&line);
        if !matches!(read, Ok(Line::Seal(_))) {
            self.digest.update(&line);
        }
        Ok(Some(match read {
            Ok(line) => Read::Line(line),
            Err(why) => Read::Damaged(self.number, why),
        }))
    }

    /// Whether the file is the one that the master closed: as many lines, and the same.
    pub(crate) fn is_whole(&self, seal: &Seal) -> bool {
        seal.lines == self.number.saturating_sub(1)
            && hex::encode(self.digest.clone().finalize()) == seal.sha256
    }
}
