//! One line of a journal: written inert and short, read with limits.
//!
//! Foreign texts reach every reader of a check through its events, so this is where they are made inert: on the way
//! into the journal, before a terminal or a window sees them, and on the way back out of a file.

use std::borrow::Cow;

use holdpoint_foreign::{json, text};
use serde_json::Value;

use crate::event::{Event, JOURNAL_FORMAT, Record};
use crate::results::ELAPSED_LIMIT;

/// What is read of one line.
pub(crate) const LIMITS: json::Limits = json::Limits { bytes: 4 * 1024 * 1024, values: 200_000 };
/// More lines than any check writes.
const LINES_LIMIT: u64 = 100_000;
/// More loads than any check measures: each takes half a megabyte of memory.
const MEASURED_LIMIT: u32 = 400;
/// A line beyond this has its longest texts cut.
const LONG_LINE: usize = 64 * 1024;
/// What is kept of a text in a long line, in characters.
const TEXT_LIMIT: usize = 2000;

/// A record as its line without the end, and as it reads back.
pub(crate) fn write(record: Record) -> serde_json::Result<(Record, Vec<u8>)> {
    let line = serde_json::to_string(&record)?;
    if line.len() <= LONG_LINE && is_plain(&line) {
        return Ok((record, line.into_bytes()));
    }
    let mut value: Value = serde_json::from_str(&line)?;
    text::clean(&mut value);
    if line.len() > LONG_LINE {
        shorten(&mut value);
    }
    let line = serde_json::to_vec(&value)?;
    Ok((serde_json::from_value(value)?, line))
}

/// Reads a line back.
fn read(line: &[u8]) -> Result<Record, String> {
    LIMITS.check(line).map_err(|error| error.to_string())?;
    let line = std::str::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned())?;
    let said = |error| json::said(&error);
    if is_plain(line.trim_end()) {
        return serde_json::from_str(line).map_err(said);
    }
    let mut value: Value = serde_json::from_str(line).map_err(said)?;
    text::clean(&mut value);
    serde_json::from_value(value).map_err(said)
}

/// Whether no text in a line can hold anything but letters that stand there.
fn is_plain(line: &str) -> bool {
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        // All other escapes are of characters that act.
        if !text::is_inert(letter) || (letter == '\\' && !matches!(letters.next(), Some('"' | '\\' | '/'))) {
            return false;
        }
    }
    true
}

/// A text of megabytes would make a line that nobody reads back.
fn shorten(value: &mut Value) {
    match value {
        // The texts of histograms are long by nature, and no foreign ones.
        Value::String(text) if !is_base64(text) => {
            if let Cow::Owned(short) = shortened(text) {
                *text = short;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        _ => {}
    }
}

fn shortened(text: &str) -> Cow<'_, str> {
    match text.chars().nth(TEXT_LIMIT) {
        Some(_) => Cow::Owned(text::cut(text, TEXT_LIMIT)),
        None => Cow::Borrowed(text),
    }
}

/// The longest histogram, each of its 23,552 counts different, has some 150 KB.
fn is_base64(text: &str) -> bool {
    text.len() < 256 * 1024
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
}

/// The lines of a journal in their order: which may follow which, and how many there may be.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    read: u64,
    measured: u32,
    ended: bool,
    compared: bool,
}

impl Lines {
    /// Reads the next line; what is wrong with it otherwise.
    pub(crate) fn next(&mut self, line: &[u8]) -> Result<Record, String> {
        let record = read(line)?;
        if record.seq != self.read {
            return Err(format!("event {} follows event {}", record.seq, self.read));
        }
        match (&record.event, self.read) {
            (Event::CheckStarted { format, .. }, 0) if *format != JOURNAL_FORMAT => {
                return Err(format!("journal format {format}; this Holdpoint reads {JOURNAL_FORMAT}"));
            }
            (Event::CheckStarted { plan, .. }, 0) => {
                plan.check()?;
            }
            (_, 0) => return Err("the first event does not start a check".into()),
            (Event::CheckStarted { .. }, _) => return Err("a second check starts".into()),
            (Event::Measured { .. }, _) => self.measured += 1,
            _ => {}
        }
        self.in_order(&record.event)?;
        self.read += 1;
        if self.read > LINES_LIMIT || record.elapsed_ms > ELAPSED_LIMIT || self.measured > MEASURED_LIMIT {
            return Err("more than a check writes".into());
        }
        Ok(record)
    }

    /// How a check ended and how it compared are said once: a line at the end of a file that says otherwise would take
    /// back what stands before it. Nobody decides before the end.
    pub(crate) fn in_order(&mut self, event: &Event) -> Result<(), &'static str> {
        match event {
            Event::CheckEnded { .. } => once(&mut self.ended, "the check ends a second time"),
            Event::Waived(_) | Event::SignedOff(_) | Event::Regression(_) if !self.ended => {
                Err("something is decided before the check has ended")
            }
            Event::Regression(_) => once(&mut self.compared, "the check is compared a second time"),
            _ => Ok(()),
        }
    }
}

fn once(said: &mut bool, problem: &'static str) -> Result<(), &'static str> {
    if std::mem::replace(said, true) { Err(problem) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;

    fn record(reason: &str) -> Record {
        Record {
            seq: 0,
            at: Utc::now(),
            elapsed_ms: 1,
            event: Event::AbortRequested { reason: reason.into() },
        }
    }

    #[test]
    fn what_is_written_is_inert_and_reads_back_the_same() {
        for reason in ["plain \\ \"quoted\" / Ärger", "\u{1b}[2J\u{202e}OG-ON\nVerdict: GO", "\u{0}"] {
            let (written, line) = write(record(reason)).unwrap();
            assert!(std::str::from_utf8(&line).unwrap().chars().all(text::is_inert));
            assert_eq!(read(&line).unwrap(), written, "{reason:?}");
        }
        let plain = record("plain \\ \"quoted\"");
        assert_eq!(write(plain.clone()).unwrap().0, plain);
    }

    #[test]
    fn a_text_of_megabytes_does_not_make_a_line_that_cannot_be_read() {
        let (written, line) = write(record(&"ab ".repeat(3_000_000))).unwrap();
        assert!(line.len() < 10_000);
        assert_eq!(read(&line).unwrap(), written);
    }

    #[test]
    fn escapes_in_a_foreign_line_are_made_inert() {
        let line = serde_json::to_string(&record("x")).unwrap();
        for escape in ["\\u001b[31m", "\\u202e", "\\n", "\u{9b}"] {
            let hostile = line.replace("\"x\"", &format!("\"NO{escape}GO\""));
            let Event::AbortRequested { reason } = read(hostile.as_bytes()).unwrap().event else { panic!() };
            assert!(reason.chars().all(text::is_inert), "{escape}");
        }
    }
}
