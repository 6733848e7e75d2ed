//! The folder of saved checks. Every check has a folder of its own, `0042-20260131-140200`, and its journal in there is
//! the truth; everything else can be made again from it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use directories::ProjectDirs;
use holdpoint_check::event::{Event, Waiver};
use holdpoint_check::results::Results;
use holdpoint_check::run::JOURNAL_FILE;
use holdpoint_check::verdict::Verdict;
use holdpoint_check::{journal, judge, saved, waivers};
use holdpoint_foreign::file;
use holdpoint_report::{JSON_FILE, Recorded, files, recorded};
use serde::{Deserialize, Serialize};

use crate::error::DeskError;
use crate::facts::{self, Facts};
use crate::index::{Index, Place, Row};
use crate::numbered;
use crate::receiving;
use crate::saving;
use crate::summary;
use crate::view::{CheckSummary, ChecksPage, ChecksQuery, Imported, ImportedFile, Origin};

/// What lists show of a check, so that thousands open at once. Made again from the journal when it is missing.
const SUMMARY_FILE: &str = "summary.json";
/// A summary has some KiB; a larger one is made again.
const SUMMARY_LIMIT: u64 = 256 * 1024;
/// A results file that was opened, byte by byte as it was.
const IMPORTED_FILE: &str = "imported.json";
/// What is kept beside the summary; a file of an older format is made again.
const KEPT_FORMAT: u32 = 3;
/// Files of a folder that are looked at by one import.
const IMPORT_LIMIT: usize = 2000;
/// Folders below it that are looked into.
const IMPORT_DEPTH: usize = 4;

/// The folder of saved checks.
#[derive(Clone, Debug)]
pub struct Archive {
    folder: PathBuf,
    /// A cache, opened when it is first asked.
    index: Arc<Mutex<Option<Index>>>,
}

/// A kept summary, and how long the journal was that it was made from: a longer one makes another summary.
#[derive(Serialize, Deserialize)]
pub(crate) struct Kept {
    #[serde(default)]
    format: u32,
    journal_bytes: u64,
    pub(crate) summary: CheckSummary,
    #[serde(default)]
    facts: Facts,
    /// When the first of its waivers in force ends: from then on it says something else.
    #[serde(default)]
    waived_until: Option<DateTime<Utc>>,
}

/// A saved check, read.
#[derive(Debug)]
pub enum Opened {
    /// A check of ours: results and verdict.
    Ours(Box<(Results, Verdict)>),
    /// A file of another program.
    Foreign(Box<Recorded>),
}

impl Archive {
    /// The archive of this account, or the one below `HOLDPOINT_DATA_DIR` where that is set.
    pub fn of_account() -> Result<Self, DeskError> {
        if let Some(folder) = std::env::var_os("HOLDPOINT_DATA_DIR") {
            return Ok(Self::in_folder(&PathBuf::from(folder).join("checks")));
        }
        let dirs = ProjectDirs::from("", "", "holdpoint").ok_or_else(|| {
            DeskError::new(
                "archive.no_folder",
                "This account has no folder for data.",
                "Set HOLDPOINT_DATA_DIR to one.",
            )
        })?;
        Ok(Self::in_folder(&dirs.data_dir().join("checks")))
    }

    /// An archive in a given folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), index: Arc::default() }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Makes the folder of the next check, and answers with its number.
    pub fn next(&self) -> Result<(u32, PathBuf), DeskError> {
        numbered::next(&self.folder).map_err(|error| self.unusable(&error))
    }

    /// The folder of a check.
    pub fn folder_of(&self, number: u32) -> Result<PathBuf, DeskError> {
        self.numbers().into_iter().find(|(known, _)| *known == number).map(|(_, folder)| folder).ok_or_else(
            || {
                DeskError::new(
                    "check.unknown",
                    format!("There is no check {number}."),
                    "Its folder was removed or moved. Choose another check.",
                )
            },
        )
    }

    /// A page of checks, newest first. `running` is not listed: it has no verdict yet.
    pub fn list(&self, query: &ChecksQuery, running: Option<u32>) -> ChecksPage {
        self.indexed(running, |index| index.list(query)).unwrap_or_else(|| ChecksPage {
            total: self.count(),
            matching: 0,
            checks: Vec::new(),
        })
    }

    /// Asks the index after it was made to agree with the folders. None where there is no folder yet, or where not even an
    /// index in memory can be had.
    pub(crate) fn indexed<T>(
        &self,
        running: Option<u32>,
        ask: impl Fn(&Index) -> rusqlite::Result<T>,
    ) -> Option<T> {
        let places = self.places(running);
        let mut held = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let try_with = |index: &mut Index| index.sync(&places, row).and_then(|()| ask(index));
        if held.is_none() {
            if !self.folder.is_dir() {
                return None;
            }
            *held = Index::open(&self.folder).ok();
        }
        let failed = match held.as_mut().map(try_with) {
            Some(Ok(answer)) => return Some(answer),
            Some(Err(error)) => error.to_string(),
            None => "it cannot be opened".to_owned(),
        };
        // Damaged, on a full disk, or not there: the folders are the truth.
        tracing::warn!(%failed, "the index of the archive is made anew");
        *held = None;
        Index::remove(&self.folder);
        let mut index = Index::in_memory().ok()?;
        let answer = index.sync(&places, row).and_then(|()| ask(&index));
        *held = Some(index);
        answer.ok()
    }

    /// Every check as it lies in its folder now, newest first.
    fn places(&self, running: Option<u32>) -> Vec<Place> {
        numbered::folders(&self.folder)
            .into_iter()
            .filter(|(number, _)| Some(*number) != running)
            .filter_map(|(number, folder)| {
                let stamp = stamp_of(&folder)?;
                Some(Place { number, folder, stamp })
            })
            .collect()
    }

    /// How many checks are kept.
    pub fn count(&self) -> u32 {
        u32::try_from(self.numbers().len()).unwrap_or(u32::MAX)
    }

    /// Bytes of all checks.
    pub fn bytes(&self) -> u64 {
        self.numbers().iter().map(|(_, folder)| size(folder)).sum()
    }

    /// Checks that started before a moment, with their bytes. The newest GO of each environment is not among them: later
    /// checks are compared with it. Nothing is removed here.
    pub fn before(&self, moment: DateTime<Utc>, running: Option<u32>) -> Vec<(u32, u64)> {
        let mut with_go = BTreeSet::new();
        let ages = self.indexed(running, Index::ages).unwrap_or_default();
        ages.into_iter()
            .filter(|(_, started_at, environment, word)| {
                let last_go = word == "go" && with_go.insert(environment.clone());
                // One whose time cannot be read is not known to be old.
                !last_go && DateTime::parse_from_rfc3339(started_at).is_ok_and(|started| started < moment)
            })
            .filter_map(|(number, ..)| Some((number, size(&self.folder_of(number).ok()?))))
            .collect()
    }

    /// Removes a check with everything in its folder.
    pub fn remove(&self, number: u32) -> Result<(), DeskError> {
        let folder = self.folder_of(number)?;
        fs::remove_dir_all(&folder).map_err(|error| {
            DeskError::new(
                "archive.not_removed",
                format!("Check {number} was not removed."),
                "Give Holdpoint the right to write there, or remove its folder by hand.",
            )
            .because(error)
        })
    }

    /// What lists show of a check.
    pub fn summary(&self, number: u32) -> Result<CheckSummary, DeskError> {
        summary_of(number, &self.folder_of(number)?)
    }

    /// Reads a check.
    pub fn open(&self, number: u32) -> Result<Opened, DeskError> {
        open(&self.folder_of(number)?)
    }

    /// Makes reports and summary of a check that has ended, or that was cut off. An error says that the files could not
    /// be written; the check can be opened all the same, and the files are made then.
    pub fn seal(&self, number: u32) -> Result<CheckSummary, DeskError> {
        let (kept, files) = seal(number, &self.folder_of(number)?, Remake::Own)?;
        files.map(|()| kept.summary)
    }

    /// Adds a file from outside: results, a report of ours that carries them, or the bundle of a check. The same is added
    /// once: then the check it became is answered.
    pub fn import(&self, path: &Path) -> Result<CheckSummary, DeskError> {
        if receiving::is_bundle(path) {
            return receiving::receive(self, path);
        }
        let bytes = recorded::bytes(path)?;
        // Judged before anything is written: what is refused leaves no trace.
        let _ = recorded::parse(&bytes, path)?;
        let bytes = recorded::results_in(&bytes);
        if let Some(known) = self.known_file(bytes) {
            return self.summary(known);
        }
        let (number, folder) = self.next()?;
        if let Err(error) = files::write_whole(&folder.join(IMPORTED_FILE), bytes) {
            // An empty folder would look like a lost check.
            let _ = fs::remove_dir(&folder);
            return Err(self.unusable(&error.source));
        }
        Ok(seal(number, &folder, Remake::Own)?.0.summary)
    }

    /// The check that these bytes were imported as.
    fn known_file(&self, bytes: &[u8]) -> Option<u32> {
        self.numbers().into_iter().find_map(|(number, folder)| {
            let known = folder.join(IMPORTED_FILE);
            let same_size = known.metadata().is_ok_and(|data| data.len() == bytes.len() as u64);
            (same_size && fs::read(&known).is_ok_and(|other| other == bytes)).then_some(number)
        })
    }

    /// Adds every results file below a folder, of ours and of both runners before us, and says what each proved. Files that
    /// are none are told with the reason; nothing else is done with them.
    pub fn import_folder(&self, folder: &Path) -> Result<Imported, DeskError> {
        let (files, cut) = json_files(folder).map_err(|error| {
            DeskError::new(
                "import.folder",
                format!("{} cannot be read.", folder.display()),
                "Choose another folder.",
            )
            .because(error)
        })?;
        let mut imported = Imported { cut, ..Imported::default() };
        for path in files {
            let file = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
            match self.import_one(&path) {
                Ok(Some(one)) => imported.added.push(ImportedFile { file, ..one }),
                Ok(None) => imported.known += 1,
                Err(error) => imported.refused.push((file, error.0)),
            }
        }
        Ok(imported)
    }

    /// Adds one file, or none where it is a check already.
    fn import_one(&self, path: &Path) -> Result<Option<ImportedFile>, DeskError> {
        let bytes = recorded::bytes(path)?;
        let read = recorded::parse(&bytes, path)?;
        if self.known_file(&bytes).is_some() {
            return Ok(None);
        }
        let number = self.import(path)?.number;
        Ok(Some(match recorded::explain(&read) {
            Some(explained) => ImportedFile {
                file: String::new(),
                number,
                runner: explained.runner.into(),
                claims: explained.claims,
                proved: explained.tests.iter().map(|row| format!("{}: {}", row[0], row[5])).collect(),
            },
            None => {
                let headline = self.summary(number)?.headline;
                ImportedFile {
                    file: String::new(),
                    number,
                    runner: "Holdpoint".into(),
                    proved: vec!["judged again from what it measured".into()],
                    claims: headline,
                }
            }
        }))
    }

    /// Records that a person accepts a finding of a check.
    pub fn waive(&self, number: u32, waiver: Waiver) -> Result<CheckSummary, DeskError> {
        let folder = self.folder_of(number)?;
        let Opened::Ours(both) = open(&folder)? else { return Err(not_waivable()) };
        let finding = both
            .1
            .findings
            .iter()
            .find(|finding| finding.code == waiver.code && finding.criterion == waiver.criterion);
        match finding {
            Some(finding) if waivers::may_be_waived(finding) => {}
            _ => return Err(not_waivable()),
        }
        if waiver.name.trim().is_empty() || waiver.reason.trim().is_empty() {
            return Err(DeskError::new(
                "waiver.incomplete",
                "The waiver was not recorded.",
                "A waiver needs the name of who accepts the finding, and a reason.",
            ));
        }
        self.decide(number, Event::Waived(waiver))
    }

    /// Adds what a person decided to the journal of a check, and makes its files again.
    pub(crate) fn decide(&self, number: u32, event: Event) -> Result<CheckSummary, DeskError> {
        let folder = self.folder_of(number)?;
        if !folder.join(JOURNAL_FILE).exists() {
            return Err(DeskError::new(
                "decision.no_journal",
                "Nothing was recorded: only the results of this check are here, and not its journal.",
                "Open the check from its bundle, or decide where it was run.",
            ));
        }
        saving::unchanged(&folder)?;
        journal::append(&folder.join(JOURNAL_FILE), event)?;
        Ok(seal(number, &folder, Remake::Always)?.0.summary)
    }

    /// Numbers and folders that hold anything, newest first. A check that was killed before its first event was on the
    /// disk has done nothing, and there is nothing to show of it.
    pub(crate) fn numbers(&self) -> Vec<(u32, PathBuf)> {
        let mut folders = numbered::folders(&self.folder);
        folders.retain(|(_, folder)| is_check(folder));
        folders
    }

    pub(crate) fn unusable(&self, error: &std::io::Error) -> DeskError {
        DeskError::new(
            "archive.unusable",
            format!("Checks cannot be kept in {}.", self.folder.display()),
            "Free some space, or give Holdpoint the right to write there.",
        )
        .because(error)
    }
}

fn not_waivable() -> DeskError {
    DeskError::new(
        "waiver.refused",
        "This finding cannot be waived.",
        "Lost, doubled, changed or misplaced data, a restart that is not proven and an unfit generator have to be mended. \
         Mend it and run the check again.",
    )
}

/// Reads a check from its folder. The journal is the truth; a results file beside it is not looked at.
pub fn open(folder: &Path) -> Result<Opened, DeskError> {
    let journal_path = folder.join(JOURNAL_FILE);
    if journal_path.exists() {
        let results = saved::results(&journal_path)?;
        let verdict = judge::judge_now(&results);
        return Ok(Opened::Ours(Box::new((results, verdict))));
    }
    let imported = folder.join(IMPORTED_FILE);
    let path = if imported.exists() { imported } else { folder.join(JSON_FILE) };
    Ok(match recorded::read(&path)? {
        Recorded::Ours(both) => Opened::Ours(both),
        foreign => Opened::Foreign(Box::new(foreign)),
    })
}

/// Whose files are made again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remake {
    /// Those of checks that were run here; what others made stays byte by byte as it came.
    Own,
    /// Those of any check: something was decided here.
    Always,
    /// None. They say until when their waivers are in force, and a signature may be over them.
    None,
}

/// Reads a check and makes its files. That they cannot be written is no reason not to show it, so it is told apart.
pub(crate) fn seal(
    number: u32,
    folder: &Path,
    remake: Remake,
) -> Result<(Kept, Result<(), DeskError>), DeskError> {
    // Taken before the journal is read: what is added meanwhile makes the summary an old one, never the other way round.
    let journal_bytes = journal_bytes(folder);
    let opened = open(folder)?;
    let imported = folder.join(IMPORTED_FILE).exists() || receiving::is_received(folder);
    let origin = match (&opened, imported) {
        (Opened::Foreign(_), _) => Origin::Foreign,
        (Opened::Ours(_), true) => Origin::Imported,
        (Opened::Ours(_), false) => Origin::Checked,
    };
    files::remove_unfinished(folder);
    let (summary, saved) = match &opened {
        Opened::Ours(both) => {
            let summary = summary::of_check(number, origin, &both.0, &both.1);
            let own = remake == Remake::Always || (remake == Remake::Own && origin == Origin::Checked);
            (summary, if own { saving::save(folder, &both.0, &both.1) } else { Ok(()) })
        }
        Opened::Foreign(recorded) => (summary::of_foreign(number, recorded), Ok(())),
    };
    let facts = match &opened {
        Opened::Ours(both) => facts::of_check(&both.0, &both.1),
        Opened::Foreign(_) => Facts::default(),
    };
    let waived_until = match &opened {
        Opened::Ours(both) => both.1.waivers.iter().map(|waiver| waiver.expires_at).min(),
        Opened::Foreign(_) => None,
    };
    let kept = Kept { format: KEPT_FORMAT, journal_bytes, summary, facts, waived_until };
    // Without it, or without the reports, the next list makes them again.
    if let (Ok(()), Ok(text)) = (&saved, serde_json::to_string(&kept)) {
        let _ = files::write_whole(&folder.join(SUMMARY_FILE), &text);
    }
    Ok((kept, saved))
}

/// Whether the kept summary of a check says what its journal says. Lists show it, so a changed one must be seen.
pub fn summary_is_true(folder: &Path) -> bool {
    let kept = file::read(&folder.join(SUMMARY_FILE), SUMMARY_LIMIT).ok();
    let Some(bytes) = kept else { return true };
    let Ok(kept) = serde_json::from_slice::<Kept>(&bytes) else { return false };
    let Ok(Opened::Ours(both)) = open(folder) else { return true };
    // What is kept for another length of the journal is not shown.
    let summary = summary::of_check(kept.summary.number, kept.summary.origin, &both.0, &both.1);
    let facts = facts::of_check(&both.0, &both.1);
    kept.format != KEPT_FORMAT
        || kept.journal_bytes != journal_bytes(folder)
        || serde_json::to_value((&summary, &facts)).ok()
            == serde_json::to_value((&kept.summary, &kept.facts)).ok()
}

fn journal_bytes(folder: &Path) -> u64 {
    folder.join(JOURNAL_FILE).metadata().map_or(0, |data| data.len())
}

/// Bytes of the files in a folder, and of those in the folders in it.
fn size(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let bytes = entries.map(|entry| match entry.metadata() {
        Ok(data) if data.is_dir() => size(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    });
    bytes.sum()
}

/// Whether a folder holds a check.
pub(crate) fn is_check(folder: &Path) -> bool {
    stamp_of(folder).is_some()
}

/// How long what a check is made from is; none where its folder holds nothing.
fn stamp_of(folder: &Path) -> Option<u64> {
    [JOURNAL_FILE, IMPORTED_FILE, JSON_FILE].into_iter().find_map(|name| {
        let path = folder.join(name);
        let bytes = path.metadata().ok()?.len();
        (bytes > 0 && (name != JOURNAL_FILE || has_event(&path, bytes))).then_some(bytes)
    })
}

/// No first event is longer.
const FIRST_EVENT_LIMIT: u64 = 64 * 1024;

/// Whether a journal holds a whole event. One that was torn in its first is of a check that has done nothing.
fn has_event(path: &Path, bytes: u64) -> bool {
    bytes > FIRST_EVENT_LIMIT
        || file::read(path, FIRST_EVENT_LIMIT).is_ok_and(|content| content.contains(&b'\n'))
}

fn summary_of(number: u32, folder: &Path) -> Result<CheckSummary, DeskError> {
    kept_of(number, folder).map(|kept| kept.summary)
}

fn kept_of(number: u32, folder: &Path) -> Result<Kept, DeskError> {
    let kept = file::read(&folder.join(SUMMARY_FILE), SUMMARY_LIMIT).ok();
    let kept = kept.and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
    match kept.filter(|kept| kept.format == KEPT_FORMAT && kept.journal_bytes == journal_bytes(folder)) {
        Some(kept) if kept.waived_until.is_some_and(|until| until <= Utc::now()) => {
            Ok(seal(number, folder, Remake::None)?.0)
        }
        // A folder that somebody copied still holds the number of the one it was copied from.
        Some(kept) => Ok(Kept { summary: CheckSummary { number, ..kept.summary }, ..kept }),
        None => Ok(seal(number, folder, Remake::Own)?.0),
    }
}

/// What lists show of a check, whether it can be read or not: one that was left out would look like one that never ran.
/// What cannot be read now may be readable later.
fn row(place: &Place) -> Row {
    match kept_of(place.number, &place.folder) {
        Ok(kept) => {
            let lasting = kept.waived_until.is_none();
            Row { summary: kept.summary, facts: kept.facts, lasting }
        }
        Err(error) => {
            let changed = place.folder.metadata().and_then(|data| data.modified());
            let changed = changed.unwrap_or(std::time::UNIX_EPOCH).into();
            let summary = summary::of_unreadable(place.number, changed, &error);
            Row { summary, facts: Facts::default(), lasting: false }
        }
    }
}

/// The JSON files below a folder, in order of their names, and whether there are more than are looked at.
fn json_files(folder: &Path) -> std::io::Result<(Vec<PathBuf>, bool)> {
    let mut found = Vec::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    let mut cut = false;
    while let Some((folder, depth)) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if depth == 0 => return Err(error),
            // One folder that cannot be read does not hide the others.
            Err(_) => continue,
        };
        for entry in entries.flatten() {
            let path = entry.path();
            // A link may lead anywhere, even round.
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < IMPORT_DEPTH => folders.push((path, depth + 1)),
                Ok(kind)
                    if kind.is_file()
                        && path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json")) =>
                {
                    if found.len() == IMPORT_LIMIT {
                        cut = true;
                    } else {
                        found.push(path);
                    }
                }
                _ => {}
            }
        }
    }
    found.sort();
    Ok((found, cut))
}

#[cfg(test)]
mod tests {
    use holdpoint_check::verdict::Word;

    use super::*;

    #[test]
    fn a_folder_that_was_copied_by_hand_is_a_check_of_its_own_or_none_but_never_the_same_twice() {
        let folder = tempfile::tempdir().unwrap();
        let journals = Path::new(env!("CARGO_MANIFEST_DIR")).join("../check/tests/journals");
        let archive = Archive::in_folder(folder.path());
        let first = folder.path().join("0001-20260131-140200");
        fs::create_dir(&first).unwrap();
        fs::copy(journals.join("healthy.ndjson"), first.join(JOURNAL_FILE)).unwrap();
        assert_eq!(archive.summary(1).unwrap().number, 1);
        for copy in ["0001-20260131-140200 (copy)", "0002-20260131-140200"] {
            let copy = folder.path().join(copy);
            fs::create_dir(&copy).unwrap();
            for name in [JOURNAL_FILE, SUMMARY_FILE] {
                fs::copy(first.join(name), copy.join(name)).unwrap();
            }
        }
        let listed = archive.list(&ChecksQuery { limit: 10, ..ChecksQuery::default() }, None);
        let numbers: Vec<u32> = listed.checks.iter().map(|check| check.number).collect();
        assert_eq!((listed.total, numbers), (2, vec![2, 1]));
        assert_eq!(archive.folder_of(1).unwrap(), first);
    }

    fn healthy(folder: &Path, number: u32) -> PathBuf {
        let journals = Path::new(env!("CARGO_MANIFEST_DIR")).join("../check/tests/journals");
        let check = folder.join(format!("{number:04}-20260131-140200"));
        fs::create_dir(&check).unwrap();
        fs::copy(journals.join("healthy.ndjson"), check.join(JOURNAL_FILE)).unwrap();
        check
    }

    fn numbers(archive: &Archive, query: &ChecksQuery) -> Vec<u32> {
        archive.list(query, None).checks.iter().map(|check| check.number).collect()
    }

    /// Whatever becomes of the index, the folders are what is listed.
    #[test]
    fn the_index_is_a_cache_that_may_be_lost_damaged_or_old() {
        let folder = tempfile::tempdir().unwrap();
        let first = healthy(folder.path(), 1);
        healthy(folder.path(), 2);
        let all = ChecksQuery { limit: 10, ..ChecksQuery::default() };
        let archive = Archive::in_folder(folder.path());
        assert_eq!(numbers(&archive, &all), [2, 1]);
        let file = folder.path().join(crate::index::INDEX_FILE);
        assert!(file.exists());
        // Removed, made anew by hand, and longer than it was.
        fs::remove_dir_all(&first).unwrap();
        healthy(folder.path(), 3);
        assert_eq!(numbers(&archive, &all), [3, 2]);
        for damage in [&b"not a database at all, and long enough to be one"[..], b""] {
            fs::write(&file, damage).unwrap();
            assert_eq!(numbers(&Archive::in_folder(folder.path()), &all), [3, 2]);
        }
        fs::remove_file(&file).unwrap();
        assert_eq!(numbers(&Archive::in_folder(folder.path()), &all), [3, 2]);
        // One that says something else than the folders do is not believed about what is there.
        fs::create_dir(folder.path().join("0009-20260131-140200")).unwrap();
        assert_eq!(numbers(&Archive::in_folder(folder.path()), &all), [3, 2]);
    }

    fn waiver(from_now: chrono::Duration) -> Waiver {
        let now = Utc::now();
        Waiver {
            code: "backlog.peak".into(),
            criterion: "L2.backlog".into(),
            name: "Kim".into(),
            reason: "the queue drains, and nobody waits for it".into(),
            given_at: now - chrono::Duration::days(30),
            expires_at: now + from_now,
            evidence: None,
        }
    }

    /// A limit that L2 breaks.
    fn backlog(folder: &Path, number: u32) {
        let journal = healthy(folder, number).join(JOURNAL_FILE);
        let text = fs::read_to_string(&journal).unwrap();
        assert!(text.contains("\"backlog_limit\":100"));
        fs::write(&journal, text.replace("\"backlog_limit\":100", "\"backlog_limit\":1")).unwrap();
    }

    #[test]
    fn a_waiver_that_has_ended_makes_no_go_of_a_listed_check() {
        let folder = tempfile::tempdir().unwrap();
        backlog(folder.path(), 1);
        backlog(folder.path(), 2);
        let archive = Archive::in_folder(folder.path());
        let words = || -> Vec<Word> {
            let query = ChecksQuery { limit: 10, ..ChecksQuery::default() };
            archive.list(&query, None).checks.iter().map(|check| check.word).collect()
        };
        assert_eq!(words(), [Word::NoGo, Word::NoGo]);
        archive.waive(1, waiver(chrono::Duration::days(1))).unwrap();
        archive.waive(2, waiver(-chrono::Duration::days(1))).unwrap();
        assert_eq!(words(), [Word::NoGo, Word::Go]);
        // What was kept while a waiver was in force is not believed once that is over.
        let kept = archive.folder_of(1).unwrap().join(SUMMARY_FILE);
        let mut stale: Kept = serde_json::from_slice(&fs::read(&kept).unwrap()).unwrap();
        assert!(stale.waived_until.is_some());
        stale.waived_until = Some(Utc::now() - chrono::Duration::seconds(1));
        stale.summary.word = Word::NoVerdict;
        fs::write(&kept, serde_json::to_string(&stale).unwrap()).unwrap();
        assert_eq!(words(), [Word::NoGo, Word::Go]);
    }

    #[test]
    fn checks_are_found_by_verdict_environment_number_and_words() {
        let folder = tempfile::tempdir().unwrap();
        for number in 1..=12 {
            healthy(folder.path(), number);
        }
        let archive = Archive::in_folder(folder.path());
        let query = |text: &str, verdict| ChecksQuery {
            limit: 3,
            text: text.into(),
            verdict,
            environment: None,
            offset: 0,
        };
        assert_eq!(numbers(&archive, &query("", None)), [12, 11, 10]);
        assert_eq!(numbers(&archive, &query("12", None)), [12]);
        assert_eq!(
            numbers(&archive, &query("REHEARSAL", Some(crate::view::VerdictFilter::Go))),
            [12, 11, 10]
        );
        assert!(numbers(&archive, &query("", Some(crate::view::VerdictFilter::NoGo))).is_empty());
        assert!(numbers(&archive, &query("' OR 1=1 --", None)).is_empty());
        let elsewhere = ChecksQuery { environment: Some("staging".into()), ..query("", None) };
        let page = archive.list(&elsewhere, None);
        assert_eq!((page.total, page.matching), (12, 0));
        let second = archive.list(&ChecksQuery { offset: 10, ..query("", None) }, Some(12));
        assert_eq!((second.total, second.checks.len()), (11, 1));
    }

    #[test]
    fn what_is_old_is_found_and_the_last_go_of_an_environment_stays() {
        let folder = tempfile::tempdir().unwrap();
        for number in 1..=3 {
            healthy(folder.path(), number);
        }
        let archive = Archive::in_folder(folder.path());
        let never = archive.before(DateTime::UNIX_EPOCH, None);
        assert!(never.is_empty());
        let old = archive.before(Utc::now() + chrono::Duration::days(10_000), None);
        assert_eq!(old.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [2, 1]);
        assert!(old.iter().all(|(_, bytes)| *bytes > 100_000));
        archive.remove(1).unwrap();
        assert_eq!(archive.remove(1).unwrap_err().0.code, "check.unknown");
        assert_eq!(numbers(&archive, &ChecksQuery { limit: 9, ..ChecksQuery::default() }), [3, 2]);
    }

    /// Both formats of before us, and one of ours, from a folder with other things in it.
    #[test]
    fn a_folder_of_old_results_becomes_checks_and_says_what_each_proved() {
        let outside = tempfile::tempdir().unwrap();
        let deep = outside.path().join("2026");
        fs::create_dir(&deep).unwrap();
        let tests = |zero: &str| {
            format!(
                r#"{{"environment": {{"api_url": "https://a.example"}}, "load_tests": {{}}, "chaos_tests": {{}},
               "overall_status": "PASS"{zero}}}"#
            )
        };
        fs::write(outside.path().join("a.json"), tests("")).unwrap();
        fs::write(deep.join("b.JSON"), tests(r#", "llm_canary": {}"#)).unwrap();
        fs::write(deep.join("c.json"), "{}").unwrap();
        fs::write(deep.join("d.txt"), "not looked at").unwrap();
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::in_folder(folder.path());
        let imported = archive.import_folder(outside.path()).unwrap();
        let runners: Vec<&str> = imported.added.iter().map(|one| one.runner.as_str()).collect();
        assert_eq!(runners.len(), 2, "{imported:?}");
        assert!(
            runners.iter().any(|one| one.contains("3.1")) && runners.iter().any(|one| !one.contains("3.1"))
        );
        assert!(imported.added.iter().all(|one| one.proved.iter().all(|line| line.ends_with("nothing"))));
        assert_eq!(imported.refused.len(), 1);
        assert!(imported.refused[0].0.ends_with("c.json"));
        let again = archive.import_folder(outside.path()).unwrap();
        assert_eq!((again.added.len(), again.known), (0, 2));
        assert_eq!(archive.count(), 2);
        assert!(archive.import_folder(Path::new("/nowhere/at/all")).is_err());
    }

    #[test]
    fn a_check_whose_journal_is_damaged_stays_in_the_list_and_says_where() {
        let folder = tempfile::tempdir().unwrap();
        let check = folder.path().join("0001-20260131-140200");
        fs::create_dir(&check).unwrap();
        let healthy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../check/tests/journals/healthy.ndjson");
        let text = fs::read_to_string(healthy).unwrap();
        let lines: Vec<&str> =
            text.lines().enumerate().map(|(at, line)| if at == 4 { "{" } else { line }).collect();
        fs::write(check.join(JOURNAL_FILE), lines.join("\n") + "\n").unwrap();
        let archive = Archive::in_folder(folder.path());
        for query in [ChecksQuery::default(), ChecksQuery { text: "line 5".into(), ..ChecksQuery::default() }]
        {
            let listed = archive.list(&ChecksQuery { limit: 10, ..query }, None);
            assert_eq!((listed.matching, listed.checks.len()), (1, 1));
            let headline = &listed.checks[0].headline;
            assert!(headline.starts_with("NO VERDICT") && headline.contains("line 5"), "{headline}");
        }
        assert!(archive.open(1).is_err());
        assert!(!check.join(SUMMARY_FILE).exists(), "what cannot be read now may be readable later");
    }
}
