//! A whole check in one file, `*.holdpoint`: a ZIP archive of the files of its folder with their manifest. It carries a
//! check to a colleague.
//!
//! One from outside is data: names that no check has, links, folders, doubled and encrypted entries, more bytes than a
//! check has and files that are not as the manifest says are refused before anything is written.

use std::fs;
use std::io::{Cursor, Read as _, Write as _};
use std::path::{Path, PathBuf};

use holdpoint_check::journal;
use holdpoint_check::run::JOURNAL_FILE;
use holdpoint_foreign::file;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::attestation::{self, ATTESTATION_FILE};
use crate::manifest::{self, FILE_LIMIT, MANIFEST_FILE, Manifest};

/// How the names of bundles end.
pub const EXTENSION: &str = "holdpoint";
/// The first entry of a bundle, stored as it is, so that its kind can be seen without unpacking it.
const KIND_FILE: &str = "mimetype";
/// What stands in it.
pub const KIND: &str = "application/vnd.holdpoint.check+zip";
/// More than the files of any check together, in bytes.
const TOTAL_LIMIT: u64 = 192 * 1024 * 1024;
/// More than the bundle of any check, in bytes.
pub const SIZE_LIMIT: u64 = 96 * 1024 * 1024;
/// More files than any check has.
const FILES_LIMIT: usize = 80;

/// Why a bundle is not opened, or not made.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// It is no archive.
    #[error("it is not a bundle of Holdpoint: {0}")]
    NotOne(String),
    /// It holds what no check holds.
    #[error("it is refused: {0}")]
    Refused(String),
    /// It was changed on its way.
    #[error("it was changed since it was made: {0}")]
    Changed(String),
    /// A file of the check cannot be read.
    #[error("{path} cannot be read: {problem}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        problem: String,
    },
}

/// The files of a check from a bundle, each as it was, the manifest included.
#[derive(Debug)]
pub struct Unpacked(Vec<(String, Vec<u8>)>);

impl Unpacked {
    /// Names and contents.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }

    /// The content of a file.
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files().find(|(other, _)| *other == name).map(|(_, bytes)| bytes)
    }

    /// The journal of the check.
    pub fn journal(&self) -> &[u8] {
        self.file(JOURNAL_FILE).unwrap_or_default()
    }
}

/// Whether bytes begin as a bundle does.
pub fn is_one(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04") && bytes.get(30..38) == Some(KIND_FILE.as_bytes())
}

/// Packs the folder of a check. The manifest that goes along is made from what is there, so that what a bundle holds is
/// always what its manifest says; a signature goes along where there is one.
pub fn pack(folder: &Path) -> Result<Vec<u8>, BundleError> {
    let read = |name: &str| {
        let path = folder.join(name);
        file::read(&path, FILE_LIMIT).map_err(|error| unreadable(&path, &error))
    };
    let mut files = Vec::new();
    for name in manifest::files_in(folder).map_err(|error| unreadable(folder, &error))? {
        let bytes = read(&name)?;
        files.push((name, bytes));
    }
    if !files.iter().any(|(name, _)| name == JOURNAL_FILE) {
        return Err(BundleError::Refused("there is no journal in it, so it is no check of ours".into()));
    }
    let manifest = Manifest::of_files(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())));
    files.push((MANIFEST_FILE.into(), manifest.text().into_bytes()));
    if folder.join(ATTESTATION_FILE).exists() {
        files.push((ATTESTATION_FILE.into(), read(ATTESTATION_FILE)?));
    }
    written(&files).map_err(|error| BundleError::NotOne(error.to_string()))
}

fn written(files: &[(String, Vec<u8>)]) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    // No time of writing: the same check makes the same bytes.
    let options = SimpleFileOptions::default().unix_permissions(0o644);
    archive.start_file(KIND_FILE, options.compression_method(CompressionMethod::Stored))?;
    archive.write_all(KIND.as_bytes())?;
    for (name, bytes) in files {
        archive.start_file(name.as_str(), options.compression_method(CompressionMethod::Deflated))?;
        archive.write_all(bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}

/// Unpacks a bundle in memory, and answers only with one that is whole and unchanged.
pub fn unpack(bytes: &[u8]) -> Result<Unpacked, BundleError> {
    unpack_within(bytes, TOTAL_LIMIT)
}

/// The same with at most so many bytes in all files together.
fn unpack_within(bytes: &[u8], mut left: u64) -> Result<Unpacked, BundleError> {
    let not_one = |error: zip::result::ZipError| {
        BundleError::NotOne(holdpoint_foreign::text::cut(&error.to_string(), 200))
    };
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(refused("it is larger than the bundle of any check"));
    }
    if !is_one(bytes) {
        return Err(BundleError::NotOne("it does not begin as one".into()));
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(not_one)?;
    if archive.len() > FILES_LIMIT {
        return Err(refused("it holds more files than a check has"));
    }
    if archive.has_duplicate_names() {
        return Err(refused("it holds a name twice"));
    }
    if archive.has_overlapping_files().map_err(not_one)? {
        return Err(refused("its files lie in each other"));
    }
    let mut files = Vec::new();
    for place in 0..archive.len() {
        let mut entry = archive.by_index(place).map_err(not_one)?;
        let name = entry.name().map_err(not_one)?.into_owned();
        let known = [KIND_FILE, MANIFEST_FILE, ATTESTATION_FILE].contains(&name.as_str());
        if !known && !manifest::is_of_a_check(&name) {
            let name = holdpoint_foreign::text::cut(&name, 80);
            return Err(refused(&format!("no check holds a file named {name}")));
        }
        if entry.is_dir() || entry.is_symlink() || entry.encrypted() {
            return Err(refused(&format!("{name} is a folder, a link or encrypted")));
        }
        // What is read counts, never what the archive says of itself.
        let limit = left.min(FILE_LIMIT);
        let mut content = Vec::new();
        entry
            .by_ref()
            .take(limit + 1)
            .read_to_end(&mut content)
            .map_err(|error| BundleError::Changed(format!("{name}: {error}")))?;
        if content.len() as u64 > limit {
            return Err(refused("unpacked it is larger than any check"));
        }
        left -= content.len() as u64;
        if name == KIND_FILE {
            if content != KIND.as_bytes() {
                return Err(BundleError::NotOne("it says that it is of another kind".into()));
            }
        } else {
            files.push((name, content));
        }
    }
    verified(Unpacked(files))
}

/// Refuses what is not as its manifest says, and what cannot be read as a check.
fn verified(unpacked: Unpacked) -> Result<Unpacked, BundleError> {
    let text = unpacked.file(MANIFEST_FILE).ok_or_else(|| refused("it holds no manifest"))?;
    let text = std::str::from_utf8(text).map_err(|_| refused("its manifest is not a text"))?;
    let manifest = Manifest::parse(text).map_err(|error| refused(&error.to_string()))?;
    let own = |name: &str| name != MANIFEST_FILE && name != ATTESTATION_FILE;
    let now = Manifest::of_files(unpacked.files().filter(|(name, _)| own(name)));
    if let Some(difference) = manifest.compare(&now).first() {
        return Err(BundleError::Changed(difference.to_string()));
    }
    if unpacked.file(JOURNAL_FILE).is_none() {
        return Err(refused("there is no journal in it"));
    }
    journal::read_from(unpacked.journal(), Path::new(JOURNAL_FILE))
        .map_err(|error| refused(&error.to_string()))?;
    if let Some(envelope) = unpacked.file(ATTESTATION_FILE) {
        attestation::parse(envelope).map_err(|error| refused(&error.to_string()))?;
    }
    Ok(unpacked)
}

/// Writes the files of a bundle into a folder that is empty.
pub fn write_into(unpacked: &Unpacked, folder: &Path) -> Result<(), crate::files::WriteError> {
    for (name, bytes) in unpacked.files() {
        let path = folder.join(name);
        if let Some(above) = path.parent().filter(|above| *above != folder) {
            fs::create_dir_all(above)
                .map_err(|source| crate::files::WriteError { path: above.to_owned(), source })?;
        }
        crate::files::write_whole(&path, bytes)?;
    }
    Ok(())
}

fn refused(why: &str) -> BundleError {
    BundleError::Refused(why.to_owned())
}

fn unreadable(path: &Path, problem: &dyn std::fmt::Display) -> BundleError {
    BundleError::Unreadable { path: path.to_owned(), problem: problem.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small archive may be a large check; what is read is counted, and what the archive says of itself is not.
    #[test]
    fn what_unpacks_to_more_than_a_check_is_refused_while_it_is_read() {
        let zeros = vec![0; 300_000];
        let bytes = written(&[(JOURNAL_FILE.into(), zeros)]).unwrap();
        assert!(bytes.len() < 2000, "{}", bytes.len());
        let error = unpack_within(&bytes, 200_000).unwrap_err();
        assert!(error.to_string().contains("larger than any check"), "{error}");
        assert!(matches!(unpack_within(&bytes, 400_000), Err(BundleError::Refused(_))), "it has no manifest");
    }
}
