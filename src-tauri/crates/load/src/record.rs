//! What a load recorded, one record an operation kind.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use crate::Histogram;

/// Why an operation failed: a class that can be counted, and the text a person reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A stable class such as `timeout`, `refused`, `status_500`, `rate_limited` or `assertion`.
    pub class: String,
    /// What was seen; never contains a secret.
    pub detail: String,
}

/// Everything recorded of one kind of operation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OperationRecord {
    /// Operations the plan asked for.
    #[serde(deserialize_with = "count")]
    pub planned: u64,
    /// Operations that were started; less than `planned` only after an abort.
    #[serde(deserialize_with = "count")]
    pub sent: u64,
    /// Operations that ended as they should.
    #[serde(deserialize_with = "count")]
    pub ok: u64,
    /// Failed operations by class.
    #[serde(deserialize_with = "counts")]
    pub failed: BTreeMap<String, u64>,
    /// Latency of successful operations from their intended start.
    pub latency: Histogram,
    /// Latency of successful operations from their real start.
    pub service: Histogram,
    /// Time from intended to real start of every operation: how late the generator itself was.
    pub lag: Histogram,
}

/// More operations than any load has, so that sums of such counts do not run over: one that did could read as none.
const COUNT_LIMIT: u64 = 1 << 40;
/// More classes of failure than there are.
const CLASS_LIMIT: usize = 1000;

fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let count = u64::deserialize(deserializer)?;
    if count <= COUNT_LIMIT {
        return Ok(count);
    }
    Err(serde::de::Error::custom(format!("{count} operations are more than any load has")))
}

fn counts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, u64>, D::Error> {
    let counts = BTreeMap::<String, u64>::deserialize(deserializer)?;
    if counts.len() <= CLASS_LIMIT && counts.values().all(|count| *count <= COUNT_LIMIT) {
        return Ok(counts);
    }
    Err(serde::de::Error::custom("more failures than any load has"))
}

impl OperationRecord {
    /// All failures.
    pub fn failures(&self) -> u64 {
        self.failed.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Adds every sample and count of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.planned = self.planned.saturating_add(other.planned);
        self.sent = self.sent.saturating_add(other.sent);
        self.ok = self.ok.saturating_add(other.ok);
        for (class, count) in &other.failed {
            let known = self.failed.entry(class.clone()).or_default();
            *known = known.saturating_add(*count);
        }
        self.latency.merge(&other.latency);
        self.service.merge(&other.service);
        self.lag.merge(&other.lag);
    }
}

/// Collects records while a load runs.
#[derive(Debug, Default)]
pub struct Recorder {
    kinds: Mutex<BTreeMap<String, OperationRecord>>,
}

impl Recorder {
    /// An empty recorder.
    pub fn new() -> Self {
        Self::default()
    }

    /// Announces `count` operations of `kind`, so that what was never sent is visible.
    pub fn plan(&self, kind: &str, count: u64) {
        self.with(kind, |record| record.planned += count);
    }

    /// Notes that one operation of `kind` started, `lag` after its intended time.
    pub fn sent(&self, kind: &str, lag: Duration) {
        self.with(kind, |record| {
            record.sent += 1;
            record.lag.record(lag);
        });
    }

    /// Notes the end of one operation of `kind`.
    pub fn ended(&self, kind: &str, latency: Duration, service: Duration, outcome: &Result<(), Failure>) {
        self.with(kind, |record| match outcome {
            Ok(()) => {
                record.ok += 1;
                record.latency.record(latency);
                record.service.record(service);
            }
            Err(failure) => *record.failed.entry(failure.class.clone()).or_default() += 1,
        });
    }

    /// A copy of what is recorded so far.
    pub fn snapshot(&self) -> BTreeMap<String, OperationRecord> {
        self.kinds.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn with(&self, kind: &str, change: impl FnOnce(&mut OperationRecord)) {
        let mut kinds = self.kinds.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(record) = kinds.get_mut(kind) {
            change(record);
        } else {
            let mut record = OperationRecord::default();
            change(&mut record);
            kinds.insert(kind.to_owned(), record);
        }
    }
}
