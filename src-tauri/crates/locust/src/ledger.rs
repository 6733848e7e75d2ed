//! The ledger of a load: what every operation was and what became of it, one file a worker, joined by id.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::evidence::{EvidenceError, short};
use crate::plan::LEDGER_LIMIT;

/// One operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Its number over the whole load.
    pub index: u64,
    /// Our own id of it.
    #[serde(deserialize_with = "short")]
    pub id: String,
    /// Its kind.
    #[serde(deserialize_with = "short")]
    pub kind: String,
    /// `ok`, `abandoned`, or the class of its failure.
    #[serde(deserialize_with = "short")]
    pub fate: String,
    /// Milliseconds from the intended start to its end, where it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<f64>,
    /// The target's own id of what was made.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "maybe_short")]
    pub key: Option<String>,
}

fn maybe_short<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    short(deserializer).map(Some)
}

/// The operations of all workers, joined by their ids.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    entries: Vec<Entry>,
}

impl Ledger {
    /// All operations, in the order in which they were reported.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

/// Joins what the workers list, and writes it to one file each.
pub(crate) struct Joining {
    folder: Option<PathBuf>,
    files: HashMap<u32, BufWriter<File>>,
    /// Which worker listed which id.
    known: HashMap<String, u32>,
    joined: Ledger,
}

impl Joining {
    pub(crate) fn new(folder: Option<PathBuf>) -> Self {
        Self { folder, files: HashMap::new(), known: HashMap::new(), joined: Ledger::default() }
    }

    /// Takes what a worker lists. Answers with the ids that somebody listed before.
    pub(crate) fn take(&mut self, worker: u32, entries: Vec<Entry>) -> Result<Vec<String>, EvidenceError> {
        let mut twice = Vec::new();
        for entry in entries {
            if self.joined.entries.len() as u64 >= LEDGER_LIMIT {
                return Err(EvidenceError::TooLarge("its ledger lists more operations than one is kept of"));
            }
            self.write(worker, &entry)?;
            if self.known.insert(entry.id.clone(), worker).is_some() {
                twice.push(entry.id);
            } else {
                self.joined.entries.push(entry);
            }
        }
        Ok(twice)
    }

    fn write(&mut self, worker: u32, entry: &Entry) -> Result<(), EvidenceError> {
        let Some(folder) = &self.folder else { return Ok(()) };
        let path = folder.join(format!("worker-{worker}.jsonl"));
        let unwritable = |error: String| {
            EvidenceError::Unwritable(format!(
                "{} cannot be written: {error}; free some space",
                path.display()
            ))
        };
        let file = match self.files.entry(worker) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => {
                let file = std::fs::create_dir_all(folder).and_then(|()| File::create(&path));
                new.insert(BufWriter::new(file.map_err(|error| unwritable(error.to_string()))?))
            }
        };
        serde_json::to_writer(&mut *file, entry).map_err(|error| unwritable(error.to_string()))?;
        file.write_all(b"\n").map_err(|error| unwritable(error.to_string()))
    }

    pub(crate) fn finish(mut self) -> Result<Ledger, EvidenceError> {
        for file in self.files.values_mut() {
            file.flush().map_err(|error| {
                EvidenceError::Unwritable(format!("a ledger cannot be written: {error}; free some space"))
            })?;
        }
        Ok(self.joined)
    }
}
