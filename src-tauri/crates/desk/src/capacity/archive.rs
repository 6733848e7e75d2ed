//! The folder of capacity runs. Each has a folder of its own with its document and the HdrHistogram log.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use holdpoint_foreign::file;
use holdpoint_load::{Capacity, Figures, Judgement, Limit, LoadEnding, LoadResult, Wanted};
use holdpoint_report::{capacity as document, files};
use serde::Deserialize;

use super::words;
use crate::error::DeskError;
use crate::numbered;
use crate::view::{CapacityPage, CapacitySummary};

/// The document of a capacity run.
pub const CAPACITY_FILE: &str = "capacity.json";
/// Its latencies second by second.
pub const LOG_FILE: &str = "latency.hlog";
/// Where workers of Locust sent it: what they reported.
pub(super) const EVIDENCE_FILE: &str = "evidence.ndjson";
/// And what they were given.
pub(super) const PACKAGE_FOLDER: &str = "package";
/// A list reads the documents of its page; a larger one is named and not read.
const LISTED_LIMIT: u64 = 64 * 1024 * 1024;

/// The folder of capacity runs.
#[derive(Clone, Debug)]
pub struct CapacityArchive {
    folder: PathBuf,
}

/// What a list shows of a document: everything but what was recorded, which takes megabytes to unpack.
#[derive(Deserialize)]
struct Head {
    holdpoint_load: u32,
    #[serde(default)]
    environment: Option<String>,
    #[serde(default)]
    origin: String,
    #[serde(default)]
    kinds: Vec<String>,
    wanted: Wanted,
    started_unix_ms: u64,
    #[serde(default)]
    took_s: Option<f64>,
    #[serde(default)]
    figures: Option<Figures>,
    #[serde(default)]
    judgement: Option<Judgement>,
    #[serde(default)]
    limit: Option<Limit>,
    #[serde(default)]
    result: Option<Ending>,
}

#[derive(Deserialize)]
struct Ending {
    #[serde(default)]
    ending: LoadEnding,
}

impl From<Head> for Capacity {
    fn from(head: Head) -> Self {
        Self {
            holdpoint_load: head.holdpoint_load,
            holdpoint: String::new(),
            environment: head.environment,
            origin: head.origin,
            kinds: head.kinds,
            wanted: head.wanted,
            thresholds: Vec::new(),
            started_unix_ms: head.started_unix_ms,
            took_s: head.took_s,
            figures: head.figures,
            judgement: head.judgement,
            limit: head.limit,
            left: Vec::new(),
            result: head.result.map(|result| LoadResult { ending: result.ending, ..LoadResult::default() }),
        }
    }
}

impl CapacityArchive {
    /// An archive in a given folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the folder of the next capacity run, and answers with its number.
    pub fn next(&self) -> Result<(u32, PathBuf), DeskError> {
        numbered::next(&self.folder).map_err(|error| unwritable(&self.folder, &error))
    }

    /// A page of capacity runs, newest first. `running` is not listed: there is nothing to show of it yet.
    pub fn list(&self, offset: u32, limit: u32, running: Option<u32>) -> CapacityPage {
        let mut folders = self.folders();
        folders.retain(|(number, _)| Some(*number) != running);
        let skip = usize::try_from(offset).unwrap_or(usize::MAX);
        let take = usize::try_from(limit.min(100)).unwrap_or(100);
        CapacityPage {
            total: u32::try_from(folders.len()).unwrap_or(u32::MAX),
            runs: folders
                .iter()
                .skip(skip)
                .take(take)
                .map(|(number, folder)| listed(*number, folder))
                .collect(),
        }
    }

    /// The folder of a capacity run.
    pub fn folder_of(&self, number: u32) -> Result<PathBuf, DeskError> {
        self.folders().into_iter().find(|(known, _)| *known == number).map(|(_, folder)| folder).ok_or_else(
            || {
                DeskError::new(
                    "capacity.unknown",
                    format!("There is no capacity run {number}."),
                    "Its folder was removed or moved. Choose another one.",
                )
            },
        )
    }

    /// Reads a capacity run.
    pub fn open(&self, number: u32) -> Result<Capacity, DeskError> {
        Ok(document::read(&self.folder_of(number)?.join(CAPACITY_FILE))?)
    }

    /// Adds a document from outside, such as the terminal writes. The same document is added once.
    pub fn import(&self, path: &Path) -> Result<u32, DeskError> {
        let capacity = document::read(path)?;
        let text = document::to_json(&capacity);
        for (number, folder) in self.folders() {
            let known = folder.join(CAPACITY_FILE);
            let same_size = known.metadata().is_ok_and(|data| data.len() == text.len() as u64);
            if same_size && fs::read(&known).is_ok_and(|other| other == text.as_bytes()) {
                return Ok(number);
            }
        }
        let (number, folder) = self.next()?;
        if let Err(error) = write(&folder, &capacity) {
            // An empty folder would look like a lost one.
            let _ = fs::remove_dir(&folder);
            return Err(error);
        }
        Ok(number)
    }

    fn folders(&self) -> Vec<(u32, PathBuf)> {
        let mut folders = numbered::folders(&self.folder);
        folders.retain(|(_, folder)| folder.join(CAPACITY_FILE).is_file());
        folders
    }
}

fn listed(number: u32, folder: &Path) -> CapacitySummary {
    let head = file::read(&folder.join(CAPACITY_FILE), LISTED_LIMIT)
        .map_err(|error| error.to_string())
        .and_then(|bytes| serde_json::from_slice::<Head>(&bytes).map_err(|error| error.to_string()));
    match head {
        Ok(head) => words::summary(number, &head.into()),
        Err(why) => words::unreadable(number, &holdpoint_foreign::text::cut(&why, 200)),
    }
}

/// Writes the document into the folder of its capacity run, whole or not at all.
pub(super) fn write(folder: &Path, capacity: &Capacity) -> Result<(), DeskError> {
    let path = folder.join(CAPACITY_FILE);
    files::write_whole(&path, document::to_json(capacity)).map_err(|error| unwritable(&path, &error))
}

/// Opens the log of a capacity run.
pub(super) fn log(folder: &Path) -> Result<BufWriter<File>, DeskError> {
    let path = folder.join(LOG_FILE);
    File::create(&path).map(BufWriter::new).map_err(|error| unwritable(&path, &error))
}

pub(super) fn unwritable(path: &Path, error: &dyn std::fmt::Display) -> DeskError {
    DeskError::new(
        "capacity.unwritable",
        format!("{} cannot be written.", path.display()),
        "Free some space, or give Holdpoint the right to write there.",
    )
    .because(error)
}
