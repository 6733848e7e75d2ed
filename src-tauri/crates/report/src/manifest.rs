//! The manifest of a saved check: the SHA-256 of each of its files, in the form that `sha256sum -c` reads.
//!
//! It tells whether a byte was changed by accident, or after the digest of the manifest was handed on. Who may write in
//! the folder may write another manifest as well; what protects against that is a signature ([`crate::attestation`]).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use holdpoint_check::run::JOURNAL_FILE;
use holdpoint_foreign::file;
use sha2::{Digest as _, Sha256};

use crate::{CHARTS_FOLDER, JSON_FILE, MARKDOWN_FILE, SCHEMA_FILE};

/// The name of the manifest in the folder of a check.
pub const MANIFEST_FILE: &str = "SHA256SUMS";
/// A manifest has some KiB.
const SIZE_LIMIT: u64 = 256 * 1024;
/// More than any file of a check, in bytes.
pub const FILE_LIMIT: u64 = 160 * 1024 * 1024;
/// A check has one chart for the whole and three a test.
const CHARTS_LIMIT: usize = 64;

/// The sums of a check's files, by their names relative to its folder, with `/` between the parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest(BTreeMap<String, String>);

/// Why there is no manifest to compare with.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// There is none.
    #[error("{0} has no manifest ({MANIFEST_FILE}), so there is nothing to compare its files with")]
    None(PathBuf),
    /// A file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no manifest of ours.
    #[error("line {line} of the manifest is not one: {problem}")]
    Foreign {
        /// Which line.
        line: usize,
        /// What is wrong.
        problem: &'static str,
    },
}

/// What is not as the manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The file holds something else.
    Changed(String),
    /// The file is gone, or cannot be read.
    Missing(String),
    /// The manifest does not know the file.
    Added(String),
}

impl std::fmt::Display for Difference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Changed(name) => write!(formatter, "{name} was changed"),
            Self::Missing(name) => write!(formatter, "{name} is missing"),
            Self::Added(name) => write!(formatter, "{name} is not in the manifest"),
        }
    }
}

/// Whether a name is that of a file that belongs to a check. A name from outside is one of these or it is refused, so it
/// can lead nowhere else.
pub fn is_of_a_check(name: &str) -> bool {
    if [JOURNAL_FILE, JSON_FILE, MARKDOWN_FILE, SCHEMA_FILE].contains(&name) {
        return true;
    }
    let chart =
        name.strip_prefix(CHARTS_FOLDER).and_then(|rest| rest.strip_prefix('/')?.strip_suffix(".svg"));
    chart.is_some_and(|id| {
        (1..=40).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    })
}

/// The names of the files of a check that are in its folder.
pub fn files_in(folder: &Path) -> io::Result<Vec<String>> {
    let names = |folder: &Path, prefix: &str| -> io::Result<Vec<String>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name();
            let name = name.to_str().map(|name| format!("{prefix}{name}"));
            found.extend(name.filter(|name| is_of_a_check(name)));
        }
        Ok(found)
    };
    let mut files = names(folder, "")?;
    let charts = folder.join(CHARTS_FOLDER);
    if charts.is_dir() {
        files.extend(names(&charts, &format!("{CHARTS_FOLDER}/"))?);
    }
    files.sort();
    Ok(files)
}

impl Manifest {
    /// The sums of the files of a check as they are now.
    pub fn of_folder(folder: &Path) -> Result<Self, ManifestError> {
        let unreadable = |path: PathBuf| move |source| ManifestError::Unreadable { path, source };
        let files = files_in(folder).map_err(unreadable(folder.to_owned()))?;
        let sums = files.into_iter().map(|name| {
            let path = folder.join(&name);
            let sum = sum_of(&path).map_err(unreadable(path))?;
            Ok((name, sum))
        });
        sums.collect::<Result<_, _>>().map(Self)
    }

    /// The sums of files in memory.
    pub fn of_files<'a>(files: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        Self(files.map(|(name, bytes)| (name.to_owned(), hex::encode(Sha256::digest(bytes)))).collect())
    }

    /// The manifest in the folder of a check.
    pub fn read(folder: &Path) -> Result<Self, ManifestError> {
        let path = folder.join(MANIFEST_FILE);
        let text = file::read_text(&path, SIZE_LIMIT).map_err(|error| {
            let source = io::Error::from(error);
            if source.kind() == io::ErrorKind::NotFound {
                ManifestError::None(folder.to_owned())
            } else {
                ManifestError::Unreadable { path, source }
            }
        })?;
        Self::parse(&text)
    }

    /// Reads what [`Manifest::text`] wrote.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let mut sums = BTreeMap::new();
        for (line, content) in (1..).zip(text.lines()) {
            let foreign = |problem| ManifestError::Foreign { line, problem };
            let (sum, name) = content.split_once("  ").ok_or(foreign("it has no sum and name"))?;
            if sum.len() != 64 || !sum.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                return Err(foreign("its sum is no SHA-256"));
            }
            if !is_of_a_check(name) {
                return Err(foreign("its name is of no file of a check"));
            }
            if sums.insert(name.to_owned(), sum.to_owned()).is_some() {
                return Err(foreign("its name stands in it twice"));
            }
            if sums.len() > CHARTS_LIMIT {
                return Err(foreign("it holds more files than a check has"));
            }
        }
        Ok(Self(sums))
    }

    /// One line a file, as `sha256sum` writes it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (name, sum) in &self.0 {
            // Writing into a `String` cannot fail.
            let _ = writeln!(text, "{sum}  {name}");
        }
        text
    }

    /// The digest of the manifest itself, in hexadecimal: it stands for every byte of the check.
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(self.text()))
    }

    /// The sum of a file.
    pub fn sum(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Names and sums, in the order of the names.
    pub fn sums(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, sum)| (name.as_str(), sum.as_str()))
    }

    /// What is different from this manifest in what there is now.
    pub fn compare(&self, now: &Self) -> Vec<Difference> {
        let mut differences: Vec<Difference> = self
            .sums()
            .filter_map(|(name, sum)| match now.sum(name) {
                None => Some(Difference::Missing(name.to_owned())),
                Some(other) if other != sum => Some(Difference::Changed(name.to_owned())),
                Some(_) => None,
            })
            .collect();
        let added = now.sums().filter(|(name, _)| self.sum(name).is_none());
        differences.extend(added.map(|(name, _)| Difference::Added(name.to_owned())));
        differences
    }
}

/// The SHA-256 of a file, in hexadecimal.
fn sum_of(path: &Path) -> io::Result<String> {
    let mut sum = Sha256::new();
    io::copy(&mut file::open(path, FILE_LIMIT)?, &mut sum)?;
    Ok(hex::encode(sum.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_else() {
        for good in ["journal.ndjson", "step3_results.md", "step3_results-charts/L1-percentiles.svg"] {
            assert!(is_of_a_check(good), "{good}");
        }
        for bad in [
            "",
            "..",
            "/etc/passwd",
            "../journal.ndjson",
            "step3_results-charts/../../x.svg",
            "step3_results-charts/.svg",
            "step3_results-charts/a/b.svg",
            "step3_results-charts\\a.svg",
            "JOURNAL.NDJSON",
            "summary.json",
        ] {
            assert!(!is_of_a_check(bad), "{bad}");
        }
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written_and_nothing_else_is_one() {
        let sum = "a".repeat(64);
        let text = format!("{sum}  journal.ndjson\n{sum}  step3_results.json\n");
        assert_eq!(Manifest::parse(&text).unwrap().text(), text);
        for bad in [
            format!("{sum} journal.ndjson"),
            format!("{}  journal.ndjson", &sum[1..]),
            format!("{}  journal.ndjson", "A".repeat(64)),
            format!("{sum}  ../journal.ndjson"),
            format!("{sum}  journal.ndjson\n{sum}  journal.ndjson"),
            "x".repeat(100),
        ] {
            assert!(matches!(Manifest::parse(&bad), Err(ManifestError::Foreign { .. })), "{bad}");
        }
    }
}
