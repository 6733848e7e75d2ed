//! What stands in the body of an answer: read with limits, every text in it inert.

use std::collections::BTreeMap;

use holdpoint_foreign::{json, text};
use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use crate::error::{ApiError, ErrorClass};

/// What is read of one answer. The biggest legitimate one, a universe map, is far below.
pub const LIMITS: json::Limits = json::Limits { bytes: 32 * 1024 * 1024, values: 1_000_000 };

/// The API's own description, as far as Holdpoint reads it.
#[derive(Debug, Deserialize)]
pub struct OpenApi {
    /// What it offers, by path; what stands there is not read.
    #[expect(clippy::zero_sized_map_values, reason = "a set could not be read from an object")]
    pub paths: BTreeMap<String, IgnoredAny>,
}

/// Reads an answer. Control characters and marks of direction in its texts become U+FFFD.
pub fn read<T: DeserializeOwned>(body: &str, call: &str) -> Result<T, ApiError> {
    let foreign = |what: &str| ApiError::new(ErrorClass::Body, call, what);
    LIMITS.check(body.as_bytes()).map_err(|error| foreign(&error.to_string()))?;
    let inert = |letter: char| letter != '\\' && (text::is_inert(letter) || letter.is_ascii_whitespace());
    let read = if body.chars().all(inert) {
        serde_json::from_str(body)
    } else {
        // Only a text with an escape or such a character can hold one, and few answers do.
        serde_json::from_str::<Value>(body).and_then(|mut value| {
            text::clean(&mut value);
            serde_json::from_value(value)
        })
    };
    read.map_err(|error| {
        if body.trim_start().starts_with('<') {
            foreign("HTML instead of JSON: an edge or a proxy answered")
        } else {
            foreign(&error.to_string())
        }
    })
}

/// What a refusal says, where that is text.
pub fn refusal(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    match serde_json::from_str::<Value>(&text) {
        Ok(body) => match body.get("detail") {
            Some(Value::String(detail)) => detail.clone(),
            Some(other) => other.to_string(),
            None => body.get("message").and_then(Value::as_str).unwrap_or("").to_owned(),
        },
        Err(_) if text.trim_start().starts_with('<') => "an HTML page".to_owned(),
        Err(_) => text.into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Health, Run, TelemetryIndex};

    #[test]
    fn texts_of_an_answer_are_inert_however_they_are_written() {
        for hostile in ["\\u001b[2J", "\u{202e}", "\\u202e", "\u{9b}31m", "\\n"] {
            let body = format!(r#"{{"run_id": "r", "status": "failed{hostile}succeeded"}}"#);
            let run: Run = read(&body, "GET").unwrap();
            assert!(run.status.chars().all(text::is_inert), "{hostile}");
            assert!(!run.is_terminal());
        }
    }

    #[test]
    fn ids_that_would_lead_elsewhere_are_no_ids() {
        for id in ["..", "../../auth/me", "a/b", "a?b", "a%2fb", "", "a b", "\\u0000"] {
            let body = format!(r#"{{"run_id": "{id}", "status": "queued"}}"#);
            assert!(read::<Run>(&body, "GET").is_err(), "{id}");
        }
        assert!(
            read::<Run>(&format!(r#"{{"run_id": "{}", "status": "x"}}"#, "a".repeat(1000)), "GET").is_err()
        );
    }

    #[test]
    fn numbers_that_no_server_means_are_refused() {
        let health = |uptime: &str, time: &str| {
            let body = format!(
                r#"{{"status": "healthy", "version": "1", "environment": "staging", "timestamp": "{time}",
                    "uptime_seconds": {uptime}}}"#
            );
            read::<Health>(&body, "GET /health").map(|health| health.started_at())
        };
        assert!(health("10.5", "2026-11-23T08:00:10Z").is_ok());
        for (uptime, time) in [
            ("1e300", "2026-11-23T08:00:10Z"),
            ("1e999", "2026-11-23T08:00:10Z"),
            ("1", "+262142-01-01T00:00:00Z"),
        ] {
            assert!(health(uptime, time).is_err(), "{uptime} {time}");
        }
        assert!(read::<TelemetryIndex>(r#"{"total_ticks": -9223372036854775808}"#, "GET").is_err());
    }

    #[test]
    fn an_answer_that_is_deep_or_full_is_refused() {
        assert!(read::<Value>(&"[".repeat(100_000), "GET").is_err());
        assert!(read::<Value>(&format!("[{}0]", "0,".repeat(LIMITS.values)), "GET").is_err());
    }
}
