//! What was sent to an environment shortly before this check: a check that follows another must not run into the window of
//! the API's limiter that the other one has used up, and call it a failing API (API facts 3.3).
//!
//! The file is a memory and no record: one that cannot be read or written costs nothing but what it would have saved.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use holdpoint_agentverse::Client;
use holdpoint_foreign::file;
use serde::{Deserialize, Serialize};

use crate::files;

/// A check sends some hundred requests a window.
const SIZE_LIMIT: u64 = 256 * 1024;

/// So many of a path are kept: more than any limiter of the API allows, and all of a capacity run would not fit.
const NEWEST: usize = 1000;

/// Times of requests by exact path.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
struct Spent(BTreeMap<String, Vec<DateTime<Utc>>>);

/// Tells the client what was sent before.
pub(super) fn recall(path: &Path, client: &Client, now: DateTime<Utc>) {
    let text = file::read_text(path, SIZE_LIMIT).ok();
    let spent: Option<Spent> = text.and_then(|text| serde_json::from_str(&text).ok());
    for (path, times) in spent.unwrap_or_default().0 {
        // A time that is still to come was written by another clock.
        let ago: Vec<Duration> = times.iter().filter_map(|time| (now - *time).to_std().ok()).collect();
        client.recall(&path, &ago);
    }
}

/// Keeps what the client has sent.
pub(super) fn keep(path: &Path, client: &Client, now: DateTime<Utc>) {
    let spent = client.counted().into_iter().map(|(path, ago)| {
        let newest = ago.into_iter().rev().take(NEWEST);
        let times = newest.filter_map(|ago| Some(now - chrono::TimeDelta::from_std(ago).ok()?));
        (path, times.collect())
    });
    if let Ok(text) = serde_json::to_string(&Spent(spent.collect())) {
        let _ = files::write_whole(path, text);
    }
}

#[cfg(test)]
mod tests {
    use holdpoint_agentverse::client::Timeouts;

    use super::*;

    fn client() -> Client {
        Client::new("http://127.0.0.1:1".parse().unwrap(), None, Timeouts::default()).unwrap()
    }

    #[test]
    fn a_check_knows_what_the_one_before_it_sent() {
        let folder = tempfile::tempdir().unwrap();
        let (path, fork) = (folder.path().join("spent"), "/api/v1/nodes/fork/");
        let (before, now) = (client(), Utc::now());
        before.recall(fork, &[Duration::from_secs(10); 60]);
        keep(&path, &before, now);
        let after = client();
        recall(&path, &after, now + chrono::TimeDelta::seconds(20));
        let wait = after.wait_for_room(fork, 60);
        assert!((29..=31).contains(&wait.as_secs()), "{wait:?}");
        let later = client();
        recall(&path, &later, now + chrono::TimeDelta::seconds(51));
        assert_eq!(later.wait_for_room(fork, 60), Duration::ZERO);
    }

    #[test]
    fn what_is_no_memory_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("spent");
        for content in ["", "{", "{\"/api/v1/nodes/fork/\": [\"2999-01-01T00:00:00Z\"]}"] {
            std::fs::write(&path, content).unwrap();
            let after = client();
            recall(&path, &after, Utc::now());
            assert_eq!(after.wait_for_room("/api/v1/nodes/fork/", 60), Duration::ZERO, "{content}");
        }
    }
}
