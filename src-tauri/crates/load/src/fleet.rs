//! Who sent a load, where it was not this computer: workers elsewhere, and what was read back of what they wrote.

use serde::{Deserialize, Serialize};

/// The workers of a load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fleet {
    /// The digest of the plan they were given.
    pub plan: String,
    /// The master's version of Locust.
    pub locust: String,
    /// The master's version of Python.
    pub python: String,
    /// The workers.
    pub workers: Vec<WorkerSeen>,
    /// Locust's own figures.
    #[serde(default)]
    pub summary: Option<Summary>,
}

/// A worker as it was seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkerSeen {
    /// Its number: it took the arrivals that leave this remainder.
    pub index: u32,
    /// Its computer, as that calls itself.
    pub host: String,
    /// Its process.
    pub pid: u64,
    /// Its version of Locust.
    pub locust: String,
    /// Its version of Python.
    pub python: String,
    /// Its system.
    pub platform: String,
    /// How far its time of day is ahead of the master's, in milliseconds.
    pub clock_offset_ms: Option<f64>,
    /// How well that is known, in milliseconds.
    pub clock_uncertainty_ms: Option<f64>,
    /// Reports that came.
    pub reports: u64,
    /// Operations it started.
    pub sent: u64,
    /// How late it started them, in milliseconds: the 99th percentile.
    pub lag_p99_ms: Option<f64>,
    /// The share of the time in which its process ran; near 1 it is the bottleneck itself.
    pub cpu: f64,
}

/// Locust's own figures, a check on sanity: it rounds to two digits, and leaves out what it could not send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Requests it counted: operations of ours.
    pub requests: u64,
    /// Failures among them.
    pub failures: u64,
    /// Its median in milliseconds, from the real start.
    pub p50_ms: f64,
    /// Its 95th percentile.
    pub p95_ms: f64,
    /// Its 99th percentile.
    pub p99_ms: f64,
    /// Its longest.
    pub max_ms: f64,
}

/// What was read back of what a load wrote. Each write that was acknowledged has to be stored, and once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// What was written, such as `expand`.
    pub kind: String,
    /// Writes that were acknowledged.
    pub acknowledged: u64,
    /// Ids of those that are not stored.
    #[serde(default)]
    pub lost: Vec<String>,
    /// Ids of ours that are stored more than once.
    #[serde(default)]
    pub twice: Vec<String>,
}
