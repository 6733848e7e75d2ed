//! The answers of the API, as far as Holdpoint reads them. Unknown fields are ignored: the API may grow.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike as _, NaiveDateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// A generation of the API contract (API facts, "Two API generations").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Generation {
    /// Before `calibration/jobs`: the code that produced every recorded result.
    G1,
    /// With `calibration/jobs`.
    G2,
}

/// `GET /health`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Health {
    /// `healthy`, always, whatever the state of the system.
    pub status: String,
    /// The version of the API, for example `1.0.0-staging`.
    pub version: String,
    /// The name the API has for its environment.
    pub environment: String,
    /// The server's clock.
    #[serde(deserialize_with = "time")]
    pub timestamp: DateTime<Utc>,
    /// Seconds since the process started.
    #[serde(deserialize_with = "uptime")]
    pub uptime_seconds: f64,
    /// Filled by `/health/ready` only.
    #[serde(default, deserialize_with = "null_as_default")]
    pub dependencies: Vec<Dependency>,
}

impl Health {
    /// The moment the API process started by its own clock: its identity (API facts 4.1).
    pub fn started_at(&self) -> DateTime<Utc> {
        let micros = (self.uptime_seconds * 1_000_000.0).round();
        #[expect(clippy::cast_possible_truncation, reason = "`uptime` bounds it far below 2^63 µs")]
        let uptime = chrono::TimeDelta::microseconds(micros as i64);
        self.timestamp - uptime
    }
}

/// One dependency of `/health/ready`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dependency {
    /// `postgresql`, `redis`, `celery` or `storage`.
    pub name: String,
    /// `healthy`, `degraded` or `unhealthy`.
    pub status: String,
    /// How long the probe took.
    #[serde(default)]
    pub latency_ms: Option<f64>,
    /// The text of the exception, cut by the server.
    #[serde(default)]
    pub message: Option<String>,
    /// `queue_length` for celery, `bucket` for storage.
    #[serde(default)]
    pub details: Option<Value>,
}

/// `GET /health/storage-test`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StorageTest {
    /// `success`, `error` or `skipped`.
    pub status: String,
    /// The bucket the API is configured for.
    #[serde(default)]
    pub storage_bucket: Option<String>,
    /// The object it wrote; nobody deletes it.
    #[serde(default)]
    pub test_object_key: Option<String>,
    /// Milliseconds of the write.
    #[serde(default)]
    pub write_latency_ms: Option<f64>,
    /// Milliseconds of the read.
    #[serde(default)]
    pub read_latency_ms: Option<f64>,
    /// Whether the content read was the content written.
    #[serde(default)]
    pub content_verified: Option<bool>,
    /// The error text.
    #[serde(default)]
    pub message: Option<String>,
}

/// `GET /api/v1/auth/me`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// The user id, which is also the tenant id.
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// The role, `admin` where exports are allowed.
    #[serde(default)]
    pub role: Option<String>,
}

/// A project spec.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Project {
    /// The id the server gave.
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// The name; Holdpoint writes its own operation id into it.
    pub name: String,
    /// The description.
    #[serde(default)]
    pub description: Option<String>,
    /// The owner.
    #[serde(default, deserialize_with = "id")]
    pub tenant_id: Option<String>,
}

/// A simulation run of the API under test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The id.
    #[serde(deserialize_with = "id")]
    pub run_id: String,
    /// The node it ran on.
    #[serde(default, deserialize_with = "id")]
    pub node_id: Option<String>,
    /// The project.
    #[serde(default, deserialize_with = "id")]
    pub project_id: Option<String>,
    /// `created queued running succeeded failed cancelled`.
    pub status: String,
    /// When the worker began, by the server's clock.
    #[serde(default, deserialize_with = "lenient_time")]
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended, by the server's clock.
    #[serde(default, deserialize_with = "lenient_time")]
    pub completed_at: Option<DateTime<Utc>>,
    /// Where its telemetry lies.
    #[serde(default)]
    pub telemetry_ref: Option<StorageRef>,
    /// Ticks it executed.
    #[serde(default)]
    pub ticks_completed: Option<i64>,
    /// What came out of it.
    #[serde(default)]
    pub aggregated_outcome: Option<Value>,
}

impl Run {
    /// Whether the run has ended, whichever way.
    pub fn is_terminal(&self) -> bool {
        is_terminal(&self.status)
    }
}

/// Whether a run status is an end.
pub fn is_terminal(status: &str) -> bool {
    matches!(status, "succeeded" | "failed" | "cancelled")
}

/// A pointer to a stored object, with what is needed to check it (API facts 8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageRef {
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// Size of the stored bytes.
    #[serde(default)]
    pub size_bytes: Option<u64>,
    /// SHA-256 of the stored bytes in hex.
    #[serde(default)]
    pub checksum: Option<String>,
    /// `none` or `gzip`.
    #[serde(default)]
    pub compression: Option<String>,
    /// Everything else, kept so that the reference can be handed back whole.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

/// One line of a run's trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// For example `run_succeeded`.
    pub execution_stage: String,
    /// Which worker child wrote it.
    #[serde(default)]
    pub worker_id: Option<String>,
    /// Free text; names the violated key after a double delivery.
    #[serde(default)]
    pub description: Option<String>,
}

/// The answer of a fork.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fork {
    /// The new node.
    pub node: Node,
    /// The edge to it.
    pub edge: Edge,
}

/// A node of the universe map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    /// The id.
    #[serde(deserialize_with = "id")]
    pub node_id: String,
    /// Its parent; none for a root.
    #[serde(default, deserialize_with = "id")]
    pub parent_node_id: Option<String>,
    /// Distance from its root.
    pub depth: i64,
    /// The label; Holdpoint writes its own operation id into it.
    #[serde(default)]
    pub label: Option<String>,
    /// Whether a run of it has succeeded.
    #[serde(default)]
    pub is_explored: bool,
    /// Runs of this node; each id should occur once.
    #[serde(default, deserialize_with = "null_as_default")]
    pub run_refs: Vec<Value>,
}

/// An edge of the universe map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// The id.
    #[serde(deserialize_with = "id")]
    pub edge_id: String,
    /// The parent.
    #[serde(deserialize_with = "id")]
    pub from_node_id: String,
    /// The child.
    #[serde(deserialize_with = "id")]
    pub to_node_id: String,
}

/// The answer of `run-ensemble`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ensemble {
    /// One run for each seed.
    #[serde(deserialize_with = "id")]
    pub run_ids: Vec<String>,
}

/// The answer of `calibration/run`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// The id.
    #[serde(deserialize_with = "id")]
    pub calibration_id: String,
    /// Mean squared difference of predicted and actual; Holdpoint recomputes it.
    pub brier_score: f64,
    /// `completed`.
    #[serde(default)]
    pub status: Option<String>,
}

/// The answer of `calibration/auto-tune`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AutoTune {
    /// The id of the new version.
    #[serde(deserialize_with = "id")]
    pub version_id: String,
    /// Its number; two versions of a project must not share one.
    pub version_number: i64,
    /// `proposed` or `active`.
    #[serde(default)]
    pub status: Option<String>,
}

/// A queued calibration job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The id.
    #[serde(alias = "job_id", deserialize_with = "id")]
    pub id: String,
    /// `queued running succeeded failed canceled`.
    pub status: String,
    /// Why it failed.
    #[serde(default)]
    pub error_message: Option<String>,
}

/// An export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Export {
    /// The id.
    #[serde(deserialize_with = "id")]
    pub export_id: String,
    /// `completed` even when it holds nothing.
    pub status: String,
    /// How many records the server says it holds.
    #[serde(default)]
    pub record_count: Option<i64>,
    /// Why it failed.
    #[serde(default)]
    pub error_message: Option<String>,
}

/// `GET /ops/chaos/worker-status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkerStatus {
    /// `available` when the boot key exists; says nothing about life (API facts 4.2).
    pub status: String,
    /// The identity of the worker's boot.
    #[serde(default)]
    pub worker_boot_id: Option<String>,
    /// The server's clock.
    #[serde(default, deserialize_with = "lenient_time")]
    pub timestamp: Option<DateTime<Utc>>,
    /// All of what the worker wrote at boot.
    #[serde(default)]
    pub boot_info: Option<BootInfo>,
}

/// What the worker wrote about its boot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BootInfo {
    /// The identity.
    #[serde(default)]
    pub boot_id: Option<String>,
    /// When it booted, by the worker's clock.
    #[serde(default, deserialize_with = "lenient_time")]
    pub boot_timestamp: Option<DateTime<Utc>>,
}

/// `POST /ops/chaos/force-boot-id`: a real task round trip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// `success`, `timeout` or `error`.
    pub status: String,
    /// What the worker answered.
    #[serde(default)]
    pub heartbeat_result: Option<HeartbeatResult>,
    /// The error text.
    #[serde(default)]
    pub message: Option<String>,
}

/// The worker's own answer to a heartbeat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeartbeatResult {
    /// `alive`, `restored` or `error`.
    pub status: String,
    /// The identity of the worker that answered.
    #[serde(default)]
    pub boot_id: Option<String>,
}

/// The determinism signature of a run's evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Signature {
    /// Hash of the results' content; must not change once the run has ended.
    #[serde(default)]
    pub result_hash: Option<String>,
}

/// The index of a run's telemetry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TelemetryIndex {
    /// Ticks of the run. Ticks count from 0 and the last one is included (API facts 4.7).
    #[serde(deserialize_with = "ticks")]
    pub total_ticks: i64,
}

/// The longest id of a server; its own have 36 characters.
const ID_LIMIT: usize = 200;
/// More ticks than any run has.
const TICKS_LIMIT: i64 = 1_000_000_000;
/// No process lives longer than this, in seconds.
const UPTIME_LIMIT: f64 = 1e9;

/// Whether a text can be an id: it becomes a part of addresses and keys, and must not lead anywhere else there.
pub fn is_id(text: &str) -> bool {
    (1..=ID_LIMIT).contains(&text.len())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.:".contains(letter))
        && !text.chars().all(|letter| letter == '.')
}

/// Ids in an answer: one, perhaps one, or several.
pub(crate) trait Ids {
    fn are_ids(&self) -> bool;
}

impl Ids for String {
    fn are_ids(&self) -> bool {
        is_id(self)
    }
}

impl Ids for Option<String> {
    fn are_ids(&self) -> bool {
        self.as_deref().is_none_or(is_id)
    }
}

impl Ids for Vec<String> {
    fn are_ids(&self) -> bool {
        self.iter().all(|text| is_id(text))
    }
}

pub(crate) fn id<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Ids,
{
    let ids = T::deserialize(deserializer)?;
    if ids.are_ids() { Ok(ids) } else { Err(serde::de::Error::custom("an id is no id that a server gives")) }
}

fn uptime<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let seconds = f64::deserialize(deserializer)?;
    if seconds.abs() <= UPTIME_LIMIT {
        return Ok(seconds);
    }
    Err(serde::de::Error::custom(format!("{seconds} s is not an uptime")))
}

fn ticks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let ticks = i64::deserialize(deserializer)?;
    if (0..=TICKS_LIMIT).contains(&ticks) {
        return Ok(ticks);
    }
    Err(serde::de::Error::custom(format!("{ticks} is not a number of ticks")))
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime<Utc>, D::Error> {
    let time = DateTime::<Utc>::deserialize(deserializer)?;
    plausible(time).ok_or_else(|| serde::de::Error::custom("the time is not of our days"))
}

/// Times far away would run over where a tolerance is added.
fn plausible(time: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (1970..=9999).contains(&time.year()).then_some(time)
}

fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// The API writes some times with a zone, some without (they are UTC), and the worker writes unix seconds as text.
fn lenient_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let text = match Option::<Value>::deserialize(deserializer)? {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
    };
    let zoned = || DateTime::parse_from_rfc3339(&text).ok().map(|time| time.with_timezone(&Utc));
    let naive =
        || NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f").ok().map(|time| time.and_utc());
    let unix = || {
        let seconds =
            text.parse::<f64>().ok().filter(|seconds| seconds.is_finite() && seconds.abs() < 1e11)?;
        #[expect(clippy::cast_possible_truncation, reason = "bounded above: microseconds fit")]
        DateTime::from_timestamp_micros((seconds * 1e6) as i64)
    };
    let time = zoned().or_else(naive).or_else(unix).and_then(plausible);
    time.map(Some).ok_or_else(|| serde::de::Error::custom(format!("{text:?} is not a time")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_each_of_the_forms_the_api_uses() {
        let read = |text: &str| {
            serde_json::from_value::<BootInfo>(serde_json::json!({"boot_timestamp": text}))
                .map(|info| info.boot_timestamp)
        };
        let zoned = read("2026-11-23T08:25:43.625990+00:00").unwrap();
        assert!(zoned.is_some());
        assert_eq!(read("2026-11-23T08:25:43.625990").unwrap(), zoned);
        assert_eq!(read("1795422343.625990").unwrap().map(|time| time.timestamp()), Some(1_795_422_343));
        assert!(read("yesterday").is_err());
    }

    #[test]
    fn the_start_of_the_process_is_its_identity() {
        let health: Health = serde_json::from_value(serde_json::json!({
            "status": "healthy", "version": "1", "environment": "staging",
            "timestamp": "2026-11-23T08:00:10+00:00", "uptime_seconds": 10.0, "dependencies": null,
        }))
        .unwrap();
        assert_eq!(health.started_at().to_rfc3339(), "2026-11-23T08:00:00+00:00");
    }
}
