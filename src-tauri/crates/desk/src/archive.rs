//! The folder of saved checks. Every check has a folder of its own, `0042-20260131-140200`, and its journal in there is
//! the truth; everything else can be made again from it.

use std::fs;
use std::path::{Path, PathBuf};

use directories::ProjectDirs;
use holdpoint_check::event::{Event, Waiver};
use holdpoint_check::results::Results;
use holdpoint_check::run::JOURNAL_FILE;
use holdpoint_check::verdict::{Verdict, Word};
use holdpoint_check::words::ChaosMode;
use holdpoint_check::{fold, journal, judge, waivers};
use holdpoint_foreign::file;
use holdpoint_report::{JSON_FILE, Recorded, files, recorded};
use serde::{Deserialize, Serialize};

use crate::error::DeskError;
use crate::numbered;
use crate::saving;
use crate::summary;
use crate::view::{CheckSummary, ChecksPage, ChecksQuery, Origin, VerdictFilter};

/// What lists show of a check, so that thousands open at once. Made again from the journal when it is missing.
const SUMMARY_FILE: &str = "summary.json";
/// A summary has some KiB; a larger one is made again.
const SUMMARY_LIMIT: u64 = 256 * 1024;
/// A results file that was opened, byte by byte as it was.
const IMPORTED_FILE: &str = "imported.json";

/// The folder of saved checks.
#[derive(Clone, Debug)]
pub struct Archive {
    folder: PathBuf,
}

/// A kept summary, and how long the journal was that it was made from: a longer one makes another summary.
#[derive(Serialize, Deserialize)]
struct Kept {
    journal_bytes: u64,
    summary: CheckSummary,
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
            return Ok(Self { folder: PathBuf::from(folder).join("checks") });
        }
        let dirs = ProjectDirs::from("", "", "holdpoint").ok_or_else(|| {
            DeskError::new(
                "archive.no_folder",
                "This account has no folder for data.",
                "Set HOLDPOINT_DATA_DIR to one.",
            )
        })?;
        Ok(Self { folder: dirs.data_dir().join("checks") })
    }

    /// An archive in a given folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
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
        let all: Vec<_> = self.numbers().into_iter().filter(|(number, _)| Some(*number) != running).collect();
        let limit = usize::try_from(query.limit.min(200)).unwrap_or(200);
        let offset = usize::try_from(query.offset).unwrap_or(usize::MAX);
        let total = u32::try_from(all.len()).unwrap_or(u32::MAX);
        let everything = query.verdict.is_none() && query.environment.is_none() && query.text.is_empty();
        if everything {
            // Only the rows that are shown are read.
            let checks = all.iter().skip(offset).take(limit).map(|(number, folder)| shown(*number, folder));
            return ChecksPage { total, matching: total, checks: checks.collect() };
        }
        let text = query.text.to_lowercase();
        let matching: Vec<CheckSummary> = all
            .iter()
            .map(|(number, folder)| shown(*number, folder))
            .filter(|check| matches(check, query, &text))
            .collect();
        ChecksPage {
            total,
            matching: u32::try_from(matching.len()).unwrap_or(u32::MAX),
            checks: matching.into_iter().skip(offset).take(limit).collect(),
        }
    }

    /// How many checks are kept.
    pub fn count(&self) -> u32 {
        u32::try_from(self.numbers().len()).unwrap_or(u32::MAX)
    }

    /// Bytes of all checks.
    pub fn bytes(&self) -> u64 {
        let size = |folder: &Path| -> u64 {
            let entries = fs::read_dir(folder).into_iter().flatten().flatten();
            entries.filter_map(|entry| entry.metadata().ok()).map(|data| data.len()).sum()
        };
        self.numbers().iter().map(|(_, folder)| size(folder)).sum()
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
        let (summary, files) = seal(number, &self.folder_of(number)?)?;
        files.map(|()| summary)
    }

    /// Adds a results file from outside. The same file is added once: then the check it became is answered.
    pub fn import(&self, path: &Path) -> Result<CheckSummary, DeskError> {
        let bytes = recorded::bytes(path)?;
        // Judged before anything is written: what is refused leaves no trace.
        let _ = recorded::parse(&bytes, path)?;
        for (number, folder) in self.numbers() {
            let known = folder.join(IMPORTED_FILE);
            let same_size = known.metadata().is_ok_and(|data| data.len() == bytes.len() as u64);
            if same_size && fs::read(&known).is_ok_and(|other| other == bytes) {
                return self.summary(number);
            }
        }
        let (number, folder) = self.next()?;
        if let Err(error) = files::write_whole(&folder.join(IMPORTED_FILE), &bytes) {
            // An empty folder would look like a lost check.
            let _ = fs::remove_dir(&folder);
            return Err(self.unusable(&error.source));
        }
        Ok(seal(number, &folder)?.0)
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
        journal::append(&folder.join(JOURNAL_FILE), Event::Waived(waiver))?;
        Ok(seal(number, &folder)?.0)
    }

    /// Numbers and folders that hold anything, newest first. A check that was killed before its first event was on the
    /// disk has done nothing, and there is nothing to show of it.
    fn numbers(&self) -> Vec<(u32, PathBuf)> {
        let holds = |path: PathBuf| path.metadata().is_ok_and(|data| data.len() > 0);
        let mut folders = numbered::folders(&self.folder);
        folders.retain(|(_, folder)| {
            [JOURNAL_FILE, IMPORTED_FILE, JSON_FILE].into_iter().any(|name| holds(folder.join(name)))
        });
        folders
    }

    fn unusable(&self, error: &std::io::Error) -> DeskError {
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
        let results = fold::fold(&journal::read(&journal_path)?).map_err(|error| {
            DeskError::new(
                "journal.unusable",
                "The journal of this check cannot be used.",
                "Choose another check.",
            )
            .because(error)
        })?;
        let verdict = judge::judge(&results);
        return Ok(Opened::Ours(Box::new((results, verdict))));
    }
    let imported = folder.join(IMPORTED_FILE);
    let path = if imported.exists() { imported } else { folder.join(JSON_FILE) };
    Ok(match recorded::read(&path)? {
        Recorded::Ours(both) => Opened::Ours(both),
        foreign => Opened::Foreign(Box::new(foreign)),
    })
}

/// Reads a check and makes its files. That they cannot be written is no reason not to show it, so it is told apart.
fn seal(number: u32, folder: &Path) -> Result<(CheckSummary, Result<(), DeskError>), DeskError> {
    // Taken before the journal is read: what is added meanwhile makes the summary an old one, never the other way round.
    let journal_bytes = journal_bytes(folder);
    let opened = open(folder)?;
    let imported = folder.join(IMPORTED_FILE).exists();
    let origin = match (&opened, imported) {
        (Opened::Foreign(_), _) => Origin::Foreign,
        (Opened::Ours(_), true) => Origin::Imported,
        (Opened::Ours(_), false) => Origin::Checked,
    };
    files::remove_unfinished(folder);
    let (summary, saved) = match &opened {
        Opened::Ours(both) => {
            let summary = summary::of_check(number, origin, &both.0, &both.1);
            let own = origin == Origin::Checked;
            (summary, if own { saving::save(folder, &both.0, &both.1) } else { Ok(()) })
        }
        Opened::Foreign(recorded) => (summary::of_foreign(number, recorded), Ok(())),
    };
    let kept = Kept { journal_bytes, summary };
    // Without it, or without the reports, the next list makes them again.
    if let (Ok(()), Ok(text)) = (&saved, serde_json::to_string(&kept)) {
        let _ = files::write_whole(&folder.join(SUMMARY_FILE), &text);
    }
    Ok((kept.summary, saved))
}

fn journal_bytes(folder: &Path) -> u64 {
    folder.join(JOURNAL_FILE).metadata().map_or(0, |data| data.len())
}

fn summary_of(number: u32, folder: &Path) -> Result<CheckSummary, DeskError> {
    let kept = file::read(&folder.join(SUMMARY_FILE), SUMMARY_LIMIT).ok();
    let kept = kept.and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
    match kept.filter(|kept| kept.journal_bytes == journal_bytes(folder)) {
        // A folder that somebody copied still holds the number of the one it was copied from.
        Some(kept) => Ok(CheckSummary { number, ..kept.summary }),
        None => Ok(seal(number, folder)?.0),
    }
}

/// What lists show of a check, whether it can be read or not: one that was left out would look like one that never ran.
fn shown(number: u32, folder: &Path) -> CheckSummary {
    summary_of(number, folder).unwrap_or_else(|error| {
        let changed = folder.metadata().and_then(|data| data.modified()).unwrap_or(std::time::UNIX_EPOCH);
        summary::of_unreadable(number, changed.into(), &error)
    })
}

fn matches(check: &CheckSummary, query: &ChecksQuery, text: &str) -> bool {
    let verdict = match query.verdict {
        None => true,
        Some(VerdictFilter::Go) => check.word == Word::Go && check.chaos != ChaosMode::Simulated,
        Some(VerdictFilter::NoGo) => check.word == Word::NoGo,
        Some(VerdictFilter::Simulated) => check.chaos == ChaosMode::Simulated,
        Some(VerdictFilter::NoVerdict) => check.word == Word::NoVerdict,
    };
    let environment = query.environment.as_ref().is_none_or(|name| *name == check.environment);
    let contains = |words: &str| words.to_lowercase().contains(text);
    verdict
        && environment
        && (text.is_empty()
            || check.number.to_string() == text
            || contains(&check.environment)
            || contains(&check.headline)
            || check.drill.as_deref().is_some_and(contains)
            || check.findings.iter().any(|title| contains(title)))
}

#[cfg(test)]
mod tests {
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
