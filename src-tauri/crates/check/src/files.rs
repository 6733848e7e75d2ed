//! Writing whole files or none: a temporary name in the same folder, fsync, rename, fsync of the folder.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How temporary files begin, so that what a killed program left of them is known as such.
const UNFINISHED: &str = ".holdpoint-unfinished-";
/// Nobody writes a file of ours for this long.
const FORGOTTEN: Duration = Duration::from_secs(600);

/// A file that could not be written. What was there before is there still.
#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be written: {source}. Choose another folder with --out, or free some space")]
pub struct WriteError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// Writes a file atomically: a reader sees the old content, the new one, or nothing, never a part; and so does whoever
/// reads after a crash.
pub fn write_whole(path: &Path, content: impl AsRef<[u8]>) -> Result<(), WriteError> {
    let failed = |source| WriteError { path: path.to_owned(), source };
    let folder = folder_of(path);
    let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(folder).map_err(failed)?;
    file.write_all(content.as_ref()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    sync_folder(folder);
    Ok(())
}

/// The folder a file is in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Puts the names in a folder on the disk: a file is only as safe as its name. Not every system can; where it cannot,
/// a power cut may lose the newest names, and a crash of a program never does.
pub(crate) fn sync_folder(folder: &Path) {
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
}

/// The same for a new file in a new folder, whose own name is in the folder above.
pub(crate) fn sync_names_above(path: &Path) {
    let folder = folder_of(path);
    sync_folder(folder);
    sync_folder(folder_of(folder));
}

/// Removes what programs that were killed in the middle of [`write_whole`] left in a folder.
pub fn remove_unfinished(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(UNFINISHED));
        let age = entry.metadata().ok().and_then(|data| data.modified().ok()?.elapsed().ok());
        if ours && age.is_some_and(|age| age > FORGOTTEN) {
            // In the way of nothing: the next one tries again.
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.md");
        write_whole(&path, "one").unwrap();
        write_whole(&path, "two").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no temporary file is left");
        let error = write_whole(Path::new("/nowhere/at/all.md"), "x").unwrap_err().to_string();
        assert!(error.contains("/nowhere/at/all.md") && error.contains("--out"), "{error}");
    }

    #[test]
    fn what_a_killed_program_left_is_removed_and_what_is_being_written_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, age: Duration| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(std::time::SystemTime::now() - age).unwrap();
        };
        let old = FORGOTTEN + Duration::from_secs(1);
        file(&format!("{UNFINISHED}old"), old);
        file(&format!("{UNFINISHED}new"), Duration::ZERO);
        file("report.md", old);
        remove_unfinished(folder.path());
        let mut left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [format!("{UNFINISHED}new").as_str(), "report.md"]);
    }
}
