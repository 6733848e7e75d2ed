//! Files that a person points at.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be opened or read.
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    /// It is larger than this many bytes.
    #[error("it is larger than the {0} bytes that are read")]
    TooLarge(u64),
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Unreadable(error) => error,
            Error::TooLarge(_) => Self::new(io::ErrorKind::FileTooLarge, error.to_string()),
        }
    }
}

/// Opens a file of at most `limit` bytes. A pipe, a device or a folder is none: reading it may never end.
pub fn open(path: &Path, limit: u64) -> Result<File, Error> {
    // Looked at before it is opened too: opening a pipe waits for its other end.
    regular(&std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    let data = file.metadata()?;
    regular(&data)?;
    if data.len() > limit { Err(Error::TooLarge(limit)) } else { Ok(file) }
}

fn regular(data: &std::fs::Metadata) -> Result<(), Error> {
    if data.is_file() {
        return Ok(());
    }
    Err(Error::Unreadable(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file")))
}

/// The bytes of a file of at most `limit` bytes, also where it grows meanwhile.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    open(path, limit)?.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { Err(Error::TooLarge(limit)) } else { Ok(bytes) }
}

/// The text of a file of at most `limit` bytes.
pub fn read_text(path: &Path, limit: u64) -> Result<String, Error> {
    String::from_utf8(read(path, limit)?)
        .map_err(|_| Error::Unreadable(io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_within_the_limit_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "abc").unwrap();
        assert_eq!(read_text(&path, 3).unwrap(), "abc");
        assert!(matches!(read(&path, 2), Err(Error::TooLarge(2))));
        assert!(matches!(read(folder.path(), 99), Err(Error::Unreadable(_))));
        std::fs::write(&path, b"\xff").unwrap();
        assert!(matches!(read_text(&path, 3), Err(Error::Unreadable(_))));
    }

    /// A file that is huge by its length alone takes neither time nor memory.
    #[test]
    fn the_length_alone_refuses() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("huge");
        File::create(&path).unwrap().set_len(2 << 30).unwrap();
        assert!(matches!(read(&path, 1 << 20), Err(Error::TooLarge(_))));
    }

    #[cfg(unix)]
    #[test]
    fn a_device_that_never_ends_is_no_file() {
        assert!(matches!(read(Path::new("/dev/zero"), 9), Err(Error::Unreadable(_))));
    }
}
