//! Reading a file of evidence with limits, and collecting what is wrong with it.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{EvidenceFile, Fetched, FileVerdict, Limits, PackState, Problem};

const PROBLEM_LIMIT: usize = 20;
const VALUE_LIMIT: usize = 120;

/// Collects the problems of one file.
pub(super) struct Report {
    verdict: FileVerdict,
}

impl Report {
    pub(super) fn new(file: EvidenceFile) -> Self {
        Self {
            verdict: FileVerdict {
                file,
                state: PackState::Valid,
                size_bytes: 0,
                records: None,
                sha256: None,
                problems: Vec::new(),
                problem_count: 0,
            },
        }
    }

    pub(super) fn add(&mut self, rule: &str, line: Option<u64>, message: impl Into<String>) {
        self.verdict.problem_count += 1;
        if self.verdict.state == PackState::Valid {
            self.verdict.state = PackState::Corrupt;
        }
        if self.verdict.problems.len() < PROBLEM_LIMIT {
            self.verdict.problems.push(problem(rule, line, message));
        }
    }

    pub(super) fn records(&mut self, count: u64) {
        self.verdict.records = Some(count);
    }

    pub(super) fn finish(self) -> FileVerdict {
        self.verdict
    }

    /// The text of a file, or none with the reason noted.
    pub(super) fn text<'a>(&mut self, fetched: Option<&'a Fetched>, limits: &Limits) -> Option<&'a str> {
        let name = self.verdict.file.file_name();
        let bytes = match fetched {
            None | Some(Fetched::Absent) => {
                self.verdict.state = PackState::Absent;
                self.verdict.problems.push(problem("file.absent", None, format!("{name} is not there")));
                self.verdict.problem_count += 1;
                return None;
            }
            Some(Fetched::Unreadable(reason)) => {
                self.verdict.state = PackState::Unreadable;
                self.verdict.problems.push(problem("file.unreadable", None, reason.clone()));
                self.verdict.problem_count += 1;
                return None;
            }
            Some(Fetched::Bytes(bytes)) => bytes,
        };
        self.verdict.size_bytes = bytes.len() as u64;
        self.verdict.sha256 = Some(hex::encode(Sha256::digest(bytes)));
        if bytes.len() > limits.file_bytes {
            self.verdict.state = PackState::Unreadable;
            let message = format!("{name} is larger than {} bytes", limits.file_bytes);
            self.verdict.problems.push(problem("limit.file_bytes", None, message));
            self.verdict.problem_count += 1;
            return None;
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Some(text),
            Err(error) => {
                self.add("file.utf8", None, format!("{name} is not UTF-8 at byte {}", error.valid_up_to()));
                None
            }
        }
    }

    /// Calls `each` for every line that is a JSON object; everything else is a problem.
    pub(super) fn each_line(
        &mut self,
        text: &str,
        limits: &Limits,
        mut each: impl FnMut(&mut Self, u64, &Map<String, Value>),
    ) -> u64 {
        let mut count = 0;
        if !text.is_empty() && !text.ends_with('\n') {
            // Both dialects end every line; a file that stops inside one was cut off.
            let whole =
                text.rsplit('\n').next().is_some_and(|last| serde_json::from_str::<Value>(last).is_ok());
            if !whole {
                self.add("line.truncated", None, "the file ends inside a line");
            }
        }
        for (number, line) in (1..).zip(text.split('\n')) {
            if line.trim().is_empty() {
                continue;
            }
            count += 1;
            if count > limits.lines || line.len() > limits.line_bytes {
                self.add("limit.lines", Some(number), "more or longer lines than are read");
                self.verdict.state = PackState::Unreadable;
                break;
            }
            match serde_json::from_str::<Value>(line) {
                Ok(Value::Object(object)) => each(self, number, &object),
                Ok(_) => self.add("line.object", Some(number), "the line is not an object"),
                Err(error) => self.add("line.json", Some(number), format!("the line is not JSON: {error}")),
            }
        }
        self.records(count);
        count
    }

    /// A string field that has to be there and not empty.
    pub(super) fn string<'a>(
        &mut self,
        object: &'a Map<String, Value>,
        field: &str,
        line: Option<u64>,
    ) -> Option<&'a str> {
        match object.get(field) {
            Some(Value::String(text)) if !text.is_empty() => Some(text),
            Some(other) => {
                self.add("field.type", line, format!("{field} is {}, not a text", short(&other.to_string())));
                None
            }
            None => {
                self.add("field.missing", line, format!("{field} is missing"));
                None
            }
        }
    }

    /// A time field that has to be there.
    pub(super) fn time(
        &mut self,
        object: &Map<String, Value>,
        field: &str,
        line: Option<u64>,
    ) -> Option<DateTime<Utc>> {
        let text = self.string(object, field, line)?;
        let time = parse_time(text);
        if time.is_none() {
            self.add("field.time", line, format!("{field} {} is not a time", short(text)));
        }
        time
    }

    /// A number that may be left out but must not be negative or of another type.
    pub(super) fn count(
        &mut self,
        object: &Map<String, Value>,
        field: &str,
        line: Option<u64>,
    ) -> Option<u64> {
        match object.get(field) {
            None | Some(Value::Null) => None,
            Some(value) => {
                let number = value.as_u64();
                if number.is_none() {
                    let message = format!("{field} is {}, not a count", short(&value.to_string()));
                    self.add("field.count", line, message);
                }
                number
            }
        }
    }

    /// An amount that may be left out but must not be negative or of another type.
    pub(super) fn amount(
        &mut self,
        object: &Map<String, Value>,
        field: &str,
        line: Option<u64>,
    ) -> Option<f64> {
        match object.get(field) {
            None | Some(Value::Null) => None,
            Some(value) => {
                let number = value.as_f64().filter(|number| number.is_finite() && *number >= 0.0);
                if number.is_none() {
                    let message = format!("{field} is {}, not an amount", short(&value.to_string()));
                    self.add("field.amount", line, message);
                }
                number
            }
        }
    }
}

pub(super) fn problem(rule: &str, line: Option<u64>, message: impl Into<String>) -> Problem {
    Problem { rule: rule.into(), message: short(&message.into()), line }
}

/// A foreign value, cut.
pub(super) fn short(text: &str) -> String {
    if text.chars().count() <= VALUE_LIMIT * 2 {
        return text.to_owned();
    }
    text.chars().take(VALUE_LIMIT * 2).chain(['…']).collect()
}

/// ISO-8601 with or without a zone; without one it is UTC.
pub(super) fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).map(|time| time.with_timezone(&Utc)).ok().or_else(|| {
        chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok().map(|naive| naive.and_utc())
    })
}
