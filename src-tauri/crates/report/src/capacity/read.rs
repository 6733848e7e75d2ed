//! The document of a capacity run, read back.

use std::io::Read as _;
use std::path::Path;

use holdpoint_foreign::{file, json, text};
use holdpoint_load::Capacity;
use serde_json::Value;

use crate::recorded::ReadError;

/// A day of one-second rows of a few kinds; more than that is not read.
const LIMITS: json::Limits = json::Limits { bytes: 64 * 1024 * 1024, values: 4_000_000 };
/// More kinds of operations than a load has: each takes up to two megabytes of memory.
const KIND_LIMIT: usize = 200;

/// Whether a file looks like the document of a capacity run, and not like another results file.
pub fn is_one_at(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = file::open(path, LIMITS.bytes as u64)
        .is_ok_and(|file| file.take(200).read_to_end(&mut start).is_ok());
    read && start.windows(16).any(|piece| piece == br#""holdpoint_load""#)
}

/// Reads a file.
pub fn read(path: &Path) -> Result<Capacity, ReadError> {
    let bytes = file::read(path, LIMITS.bytes as u64).map_err(|error| match error {
        file::Error::Unreadable(source) => ReadError::Unreadable { path: path.to_owned(), source },
        file::Error::TooLarge(_) => ReadError::TooLarge(path.to_owned()),
    })?;
    parse(&bytes, path)
}

/// Reads the bytes of a file; `path` is what errors name. Every text in it is made inert first, and what it claims of itself
/// is computed again.
pub fn parse(bytes: &[u8], path: &Path) -> Result<Capacity, ReadError> {
    let not_one = |problem: String| ReadError::NotCapacity { path: path.to_owned(), problem };
    LIMITS.check(bytes).map_err(|error| not_one(error.to_string()))?;
    let mut value: Value = serde_json::from_slice(bytes).map_err(|error| not_one(json::said(&error)))?;
    if value.get("holdpoint_load").is_none() {
        return Err(not_one("it has no holdpoint_load".into()));
    }
    text::clean(&mut value);
    let kinds =
        value.pointer("/result/operations").and_then(Value::as_object).map_or(0, serde_json::Map::len);
    if kinds > KIND_LIMIT {
        return Err(not_one("it holds more operations than a load has".into()));
    }
    let capacity: Capacity = serde_json::from_value(value).map_err(|error| not_one(json::said(&error)))?;
    capacity.checked().map_err(|error| not_one(error.to_string()))
}

/// The document as text, as everything of ours writes it.
pub fn to_json(capacity: &Capacity) -> String {
    // Texts as names of fields and numbers: none of it can fail to be written.
    serde_json::to_string_pretty(capacity).unwrap_or_default()
}
