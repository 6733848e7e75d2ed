//! Reading a file of evidence with limits, and collecting what is wrong with it.

use chrono::{DateTime, Utc};
use holdpoint_foreign::text::cut;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{EvidenceFile, Expectation, Fetched, FileVerdict, Limits, PackState, Problem};

const PROBLEM_LIMIT: usize = 20;
const VALUE_LIMIT: usize = 120;
const MESSAGE_LIMIT: usize = 240;

/// Collects the problems and warnings of one file.
pub(super) struct Report {
    verdict: FileVerdict,
    warnings: Vec<Problem>,
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
            warnings: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, rule: &str, line: Option<u64>, message: impl Into<String>) {
        self.push(Problem::new(rule, line, message));
    }

    pub(super) fn push(&mut self, problem: Problem) {
        if self.verdict.state == PackState::Valid {
            self.verdict.state = PackState::Corrupt;
        }
        self.list(problem);
    }

    pub(super) fn warn(&mut self, rule: &str, line: Option<u64>, message: impl Into<String>) {
        if self.warnings.len() < PROBLEM_LIMIT {
            self.warnings.push(Problem::new(rule, line, message));
        }
    }

    pub(super) fn finish(self) -> (FileVerdict, Vec<Problem>) {
        (self.verdict, self.warnings)
    }

    fn list(&mut self, problem: Problem) {
        self.verdict.problem_count += 1;
        if self.verdict.problems.len() < PROBLEM_LIMIT {
            self.verdict.problems.push(problem);
        }
    }

    /// What was found before the limit stays proven, so only a file without a problem becomes unreadable.
    fn unreadable(&mut self, rule: &str, line: Option<u64>, message: impl Into<String>) {
        if self.verdict.state == PackState::Valid {
            self.verdict.state = PackState::Unreadable;
        }
        self.list(Problem::new(rule, line, message));
    }

    /// The text of a file, or none with the reason noted.
    pub(super) fn text<'a>(&mut self, fetched: Option<&'a Fetched>, limits: &Limits) -> Option<&'a str> {
        let name = self.verdict.file.file_name();
        let bytes = match fetched {
            None | Some(Fetched::Absent) => {
                self.verdict.state = PackState::Absent;
                self.list(Problem::new("file.absent", None, format!("{name} is not there")));
                return None;
            }
            Some(Fetched::Unreadable(reason)) => {
                self.unreadable("file.unreadable", None, reason.clone());
                return None;
            }
            Some(Fetched::Bytes(bytes)) => bytes,
        };
        self.verdict.size_bytes = bytes.len() as u64;
        self.verdict.sha256 = Some(hex::encode(Sha256::digest(bytes)));
        if bytes.len() > limits.file_bytes {
            let message = format!("{name} is larger than the {} bytes that are read", limits.file_bytes);
            self.unreadable("limit.file_bytes", None, message);
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

    /// The one object that a JSON document is, or none with the reason noted.
    pub(super) fn document(&mut self, text: &str, limits: &Limits) -> Option<Map<String, Value>> {
        // Each value is opened by or follows one of these, so they bound the memory that parsing takes.
        let values = text.bytes().filter(|byte| matches!(byte, b',' | b'{' | b'[')).count();
        if values > limits.values {
            let message = format!("more than the {} values that are read", limits.values);
            self.unreadable("limit.values", None, message);
            return None;
        }
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(object)) => return Some(object),
            Ok(_) => self.add("file.object", None, "the file is not an object"),
            Err(error) if is_too_deep(&error) => self.unreadable("limit.json_depth", None, error.to_string()),
            Err(_) if text.trim().is_empty() => self.add("file.empty", None, "the file is empty"),
            Err(error) => self.add("file.json", None, format!("the file is not JSON: {error}")),
        }
        None
    }

    /// Calls `each` for every line that is a JSON object; everything else is a problem. Answers how many lines
    /// there are, or none where a limit ended the reading: then nothing that was counted is the whole.
    pub(super) fn each_line(
        &mut self,
        text: &str,
        limits: &Limits,
        mut each: impl FnMut(&mut Self, u64, &Map<String, Value>),
    ) -> Option<u64> {
        let mut count = 0;
        let mut lines = (1..).zip(text.split('\n')).peekable();
        while let Some((number, line)) = lines.next() {
            if line.trim().is_empty() {
                continue;
            }
            count += 1;
            if count > limits.lines {
                let message = format!("more than the {} lines that are read", limits.lines);
                self.unreadable("limit.lines", Some(number), message);
                return None;
            }
            if line.len() > limits.line_bytes {
                let message =
                    format!("the line is longer than the {} bytes that are read", limits.line_bytes);
                self.unreadable("limit.line_bytes", Some(number), message);
                return None;
            }
            match serde_json::from_str::<Value>(line) {
                Ok(Value::Object(object)) => each(self, number, &object),
                Ok(_) => self.add("line.object", Some(number), "the line is not an object"),
                Err(error) if is_too_deep(&error) => {
                    self.unreadable("limit.json_depth", Some(number), error.to_string());
                    return None;
                }
                // Both dialects end every line; a file that stops inside one was cut off.
                Err(error) if error.is_eof() && lines.peek().is_none() => {
                    self.add("line.truncated", Some(number), "the file ends inside a line");
                }
                Err(error) => self.add("line.json", Some(number), format!("the line is not JSON: {error}")),
            }
        }
        self.verdict.records = Some(count);
        Some(count)
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

    /// A string field that may be left out but must not be of another type.
    pub(super) fn optional_string<'a>(
        &mut self,
        object: &'a Map<String, Value>,
        field: &str,
        line: Option<u64>,
    ) -> Option<&'a str> {
        object.get(field).filter(|value| !value.is_null()).and_then(|_| self.string(object, field, line))
    }

    /// The run id, which has to be there and to be the expected one.
    pub(super) fn own_run(
        &mut self,
        object: &Map<String, Value>,
        expectation: &Expectation,
        line: Option<u64>,
    ) {
        if let Some(run_id) = self.string(object, "run_id", line)
            && run_id != expectation.run_id
        {
            let problem = Problem::new("run_id.foreign", line, "run_id is another run's");
            self.push(problem.against(&expectation.run_id, run_id));
        }
    }

    /// A time that must lie in the window of the run.
    pub(super) fn in_window(
        &mut self,
        time: DateTime<Utc>,
        field: &str,
        expectation: &Expectation,
        line: Option<u64>,
    ) {
        let early = expectation.earliest.is_some_and(|earliest| time < earliest);
        let late = expectation.latest.is_some_and(|latest| time > latest);
        if early || late {
            let bound = |time: Option<DateTime<Utc>>| time.map_or("…".to_owned(), |time| time.to_rfc3339());
            let window = format!("{} to {}", bound(expectation.earliest), bound(expectation.latest));
            let problem = Problem::new("time.outside", line, format!("{field} lies outside the run's time"));
            self.push(problem.against(&window, &time.to_rfc3339()));
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

impl Problem {
    pub(super) fn new(rule: &str, line: Option<u64>, message: impl Into<String>) -> Self {
        let message = cut(&message.into(), MESSAGE_LIMIT);
        Self { rule: rule.into(), message, line, expected: None, found: None }
    }

    /// The message says both too: most readers show nothing else.
    pub(super) fn against(self, expected: &str, found: &str) -> Self {
        let (expected, found) = (short(expected), short(found));
        let message = format!("{}: expected {expected}, found {found}", self.message);
        Self { message, expected: Some(expected), found: Some(found), ..self }
    }
}

/// A foreign value, cut, and without characters that could act on whatever shows it.
pub(super) fn short(text: &str) -> String {
    cut(text, VALUE_LIMIT)
}

/// The parser has no class of its own for its recursion limit.
fn is_too_deep(error: &serde_json::Error) -> bool {
    error.to_string().starts_with("recursion limit exceeded")
}

/// ISO-8601 with or without a zone; without one it is UTC.
pub(super) fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).map(|time| time.with_timezone(&Utc)).ok().or_else(|| {
        chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok().map(|naive| naive.and_utc())
    })
}
