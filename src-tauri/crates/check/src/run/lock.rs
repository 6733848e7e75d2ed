//! One check at a time on an environment. Two would count each other's load, and restart what the other relies on.
//!
//! Who holds an environment writes it down in a file that the operating system locks for it, so that nothing stays held
//! when the program dies, however it dies. It covers the programs of this computer.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use url::Url;

/// Who checks an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The check's id.
    pub check_id: String,
    /// The process that runs it.
    pub process: u32,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Why an environment is not held.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another check runs on it.
    #[error("{} is being checked already{}", .url, named(.holder.as_deref()))]
    Held {
        /// The API's address.
        url: String,
        /// Who, where that can be read.
        holder: Option<Box<Holder>>,
    },
    /// The file cannot be written.
    #[error("{} cannot be locked: {source}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

fn named(holder: Option<&Holder>) -> String {
    holder.map_or_else(String::new, |holder| {
        let since = holder.since.with_timezone(&chrono::Local).format("%H:%M:%S");
        format!(" by check {} in process {} since {since}", holder.check_id, holder.process)
    })
}

/// An environment that is held as long as this lives.
#[derive(Debug)]
pub(super) struct Held {
    _file: File,
}

/// Where the files are: what the system empties at its start, and for this account alone.
pub(super) fn folder() -> PathBuf {
    let of_account = || {
        let name = std::env::var("USER").or_else(|_| std::env::var("USERNAME")).unwrap_or_default();
        let safe: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        std::env::temp_dir().join(format!("holdpoint-{safe}"))
    };
    std::env::var_os("XDG_RUNTIME_DIR")
        .map_or_else(of_account, |folder| PathBuf::from(folder).join("holdpoint"))
}

/// Takes an environment by the address of its API.
pub(super) fn take(folder: &Path, url: &Url, check_id: &str) -> Result<Held, LockError> {
    let path = folder.join(format!("{}.lock", hex::encode(&Sha256::digest(url.as_str())[..8])));
    let failed = |source| LockError::File { path: path.clone(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = opened.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let holder =
                file.take(4096).read_to_string(&mut text).ok().and_then(|_| serde_json::from_str(&text).ok());
            return Err(LockError::Held { url: url.to_string(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    let holder = Holder { check_id: check_id.to_owned(), process: std::process::id(), since: Utc::now() };
    let text = serde_json::to_string(&holder).map_err(|error| failed(error.into()))?;
    let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
    written.map_err(failed)?;
    Ok(Held { _file: file })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_check_learns_who_holds_the_environment_and_an_end_frees_it() {
        let folder = tempfile::tempdir().unwrap();
        let url: Url = "https://staging.example.org".parse().unwrap();
        let other: Url = "https://other.example.org".parse().unwrap();
        let held = take(folder.path(), &url, "check-1").unwrap();
        let _other = take(folder.path(), &other, "check-2").unwrap();
        let refused = take(folder.path(), &url, "check-3").unwrap_err();
        assert!(refused.to_string().contains("by check check-1 in process"), "{refused}");
        drop(held);
        take(folder.path(), &url, "check-3").unwrap();
    }
}
