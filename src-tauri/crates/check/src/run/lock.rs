//! One check at a time on an environment. Two would count each other's load, and restart what the other relies on.
//!
//! Who holds an environment writes it down in files that the operating system locks for it, so that nothing stays held
//! when the program dies, however it dies. It covers the programs of this account on this computer, whatever they call the
//! environment: what counts is where its API answers, and which Railway environment its services are in.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use directories::ProjectDirs;
use holdpoint_agentverse::Client;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::spent;
use crate::environment::{Environment, is_loopback};

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
    #[error(
        "{} cannot be written, so nobody could tell that the environment is being checked: {source}. Free some space, or \
         give Holdpoint the right to write there", .path.display()
    )]
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
pub struct Held {
    _files: Vec<File>,
    /// Where it is remembered what was sent to it.
    pub(super) spent: PathBuf,
}

/// Where the files are. Window and terminal of one account must find the same folder, so nothing of their session counts
/// (`XDG_RUNTIME_DIR` and `TMPDIR` differ between a desktop, a remote login and a timer).
pub(super) fn folder() -> PathBuf {
    let of_account = ProjectDirs::from("", "", "holdpoint").map(|dirs| dirs.data_local_dir().join("locks"));
    if let Some(folder) = of_account.filter(|folder| std::fs::create_dir_all(folder).is_ok()) {
        return folder;
    }
    // An account without a home of its own still checks, one at a time.
    let name = std::env::var("USER").or_else(|_| std::env::var("USERNAME")).unwrap_or_default();
    let safe: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    std::env::temp_dir().join(format!("holdpoint-{safe}"))
}

/// Where an API answers, however its address is spelled: its path does not count, because every call has its own.
fn place(url: &Url) -> String {
    let host = if is_loopback(url) {
        "this computer".to_owned()
    } else {
        url.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase()
    };
    format!("{host} {}", url.port_or_known_default().unwrap_or_default())
}

/// Takes an environment for load beside checks, so that no check is measured under it. `id` is what others are told.
pub fn hold(environment: &Environment, id: &str) -> Result<Held, LockError> {
    take(&folder(), environment, id)
}

impl Held {
    /// Remembers what a client sent, so that a check that follows knows of the limiter's window.
    pub fn remember(&self, client: &Client) {
        spent::keep(&self.spent, client, Utc::now());
    }
}

/// Takes an environment.
pub(super) fn take(folder: &Path, environment: &Environment, check_id: &str) -> Result<Held, LockError> {
    let mut names = vec![place(&environment.api_url)];
    names.extend(environment.railway.as_ref().map(|target| target.environment_id.to_ascii_lowercase()));
    let files = names.iter().map(|name| take_one(folder, name, environment.api_url.as_str(), check_id));
    // Another rehearsal may answer at the same address a moment later, with a limiter of its own.
    let spent = folder.join(format!("{}.spent", short(&names.join(" "))));
    Ok(Held { _files: files.collect::<Result<_, _>>()?, spent })
}

/// A name that fits a file.
fn short(name: &str) -> String {
    hex::encode(&Sha256::digest(name)[..8])
}

fn take_one(folder: &Path, name: &str, url: &str, check_id: &str) -> Result<File, LockError> {
    let path = folder.join(format!("{}.lock", short(name)));
    let failed = |source| LockError::File { path: path.clone(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = opened.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            let read = file.take(4096).read_to_string(&mut text).ok();
            let holder = read.and_then(|_| serde_json::from_str(&text).ok());
            return Err(LockError::Held { url: url.to_owned(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    let holder = Holder { check_id: check_id.to_owned(), process: std::process::id(), since: Utc::now() };
    let text = serde_json::to_string(&holder).map_err(|error| failed(error.into()))?;
    let written = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
    written.map_err(failed)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Environment {
        Environment { api_url: url.parse().unwrap(), railway: None, ..Environment::staging() }
    }

    #[test]
    fn a_second_check_learns_who_holds_the_environment_and_an_end_frees_it() {
        let folder = tempfile::tempdir().unwrap();
        let held = take(folder.path(), &at("https://staging.example.org"), "check-1").unwrap();
        let _other = take(folder.path(), &at("https://other.example.org"), "check-2").unwrap();
        let refused = take(folder.path(), &at("https://staging.example.org"), "check-3").unwrap_err();
        assert!(refused.to_string().contains("by check check-1 in process"), "{refused}");
        drop(held);
        take(folder.path(), &at("https://staging.example.org"), "check-3").unwrap();
    }

    #[test]
    fn an_environment_is_the_same_however_its_address_is_spelled() {
        for (one, other, same) in [
            ("https://staging.example.org", "https://STAGING.Example.org/", true),
            ("https://staging.example.org", "https://staging.example.org:443/api/", true),
            ("https://staging.example.org", "https://staging.example.org.", true),
            ("https://staging.example.org", "https://staging.example.org?from=bookmark#top", true),
            ("http://127.0.0.1:8000", "http://localhost:8000/", true),
            ("http://127.0.0.1:8000", "http://[::1]:8000", true),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8001", false),
            ("https://staging.example.org", "https://staging.example.org:8443", false),
            ("https://staging.example.org", "https://staging.example.com", false),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let _held = take(folder.path(), &at(one), "check-1").unwrap();
            assert_eq!(take(folder.path(), &at(other), "check-2").is_err(), same, "{one} and {other}");
        }
    }

    #[test]
    fn two_addresses_of_one_railway_environment_are_one_environment() {
        let folder = tempfile::tempdir().unwrap();
        let one = Environment::staging();
        let mut other = Environment::staging();
        other.api_url = "https://api.example.org".parse().unwrap();
        let held = take(folder.path(), &one, "check-1").unwrap();
        assert!(take(folder.path(), &other, "check-2").is_err());
        drop(held);
        let held = take(folder.path(), &other, "check-2").unwrap();
        assert!(take(folder.path(), &one, "check-3").is_err(), "what was refused holds nothing");
        drop(held);
        take(folder.path(), &one, "check-3").unwrap();
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named_with_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("locks");
        std::fs::write(&file, "in the way").unwrap();
        let refused = take(&file, &at("https://staging.example.org"), "check-1").unwrap_err().to_string();
        assert!(refused.contains("locks") && refused.contains("right to write"), "{refused}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "in the way");
    }
}
