//! Checks that come from a colleague in one file.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use chrono::Utc;
use holdpoint_check::run::JOURNAL_FILE;
use holdpoint_foreign::{file, text};
use holdpoint_report::bundle::{self, BundleError};
use holdpoint_report::files;
use serde_json::json;

use crate::archive::{Archive, Remake, seal};
use crate::error::DeskError;
use crate::view::CheckSummary;

/// Says that a check was not run here.
const RECEIVED_FILE: &str = "received.json";

/// Whether the folder of a check was filled from a bundle.
pub(crate) fn is_received(folder: &Path) -> bool {
    folder.join(RECEIVED_FILE).exists()
}

/// Whether a file begins as a bundle does.
pub(crate) fn is_bundle(path: &Path) -> bool {
    let mut head = Vec::new();
    file::open(path, bundle::SIZE_LIMIT)
        .is_ok_and(|file| file.take(64).read_to_end(&mut head).is_ok() && bundle::is_one(&head))
}

/// Adds the check in a bundle to the archive; one that is there already is answered.
pub(crate) fn receive(archive: &Archive, path: &Path) -> Result<CheckSummary, DeskError> {
    let bytes = file::read(path, bundle::SIZE_LIMIT)
        .map_err(|error| refused(&BundleError::NotOne(error.to_string())))?;
    // Unpacked and verified before anything is written: what is refused leaves no trace.
    let unpacked = bundle::unpack(&bytes).map_err(|error| refused(&error))?;
    drop(bytes);
    for (number, folder) in archive.numbers() {
        let journal = folder.join(JOURNAL_FILE);
        let same_size = journal.metadata().is_ok_and(|data| data.len() == unpacked.journal().len() as u64);
        if same_size && fs::read(&journal).is_ok_and(|other| other == unpacked.journal()) {
            return archive.summary(number);
        }
    }
    let (number, folder) = archive.next()?;
    let from = path.file_name().map(|name| text::cut(&name.to_string_lossy(), 200));
    // First, so that a half written one is never taken for a check that was run here.
    let note = json!({"received_at": Utc::now(), "from": from}).to_string();
    let written = files::write_whole(&folder.join(RECEIVED_FILE), note)
        .and_then(|()| bundle::write_into(&unpacked, &folder));
    if let Err(error) = written {
        let _ = fs::remove_dir_all(&folder);
        return Err(archive.unusable(&error.source));
    }
    Ok(seal(number, &folder, Remake::Own)?.0.summary)
}

fn refused(error: &BundleError) -> DeskError {
    let code = match error {
        BundleError::NotOne(_) | BundleError::Unreadable { .. } => "bundle.not_one",
        BundleError::Refused(_) => "bundle.refused",
        BundleError::Changed(_) => "bundle.changed",
    };
    DeskError::new(code, "This bundle was not opened.", "Ask for it again where the check was run.")
        .because(error)
}
