//! The log format of `HdrHistogram`, which its own tools and others read: one line a second and kind.

use std::io;
use std::time::{Duration, SystemTime};

use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::Histogram;

/// Writes latencies second by second, if anybody wants them.
pub struct HdrLog {
    to: Option<Box<dyn io::Write + Send>>,
    problem: Option<String>,
    started: SystemTime,
    headed: bool,
}

impl HdrLog {
    /// A log of a load that started at that time; writes nowhere without a place to write to.
    pub fn new(to: Option<Box<dyn io::Write + Send>>, started: SystemTime) -> Self {
        Self { to, problem: None, started, headed: false }
    }

    /// Writes one second of one kind. After an error nothing more is written, and the error is kept.
    pub fn write(&mut self, kind: &str, at_s: u64, latency: &Histogram) {
        let Some(to) = &mut self.to else { return };
        if let Err(error) = line(&mut *to, (self.started, !self.headed), kind, at_s, latency) {
            self.problem = Some(error);
            self.to = None;
        }
        self.headed = true;
    }

    /// What went wrong, if anything did.
    pub fn finish(mut self) -> Option<String> {
        if let Some(mut to) = self.to.take()
            && let Err(error) = to.flush()
        {
            self.problem = Some(error.to_string());
        }
        self.problem
    }
}

/// One line of a log.
#[derive(Clone, Debug)]
pub struct LogLine {
    /// What was sent; none for all of it.
    pub tag: Option<String>,
    /// When it begins, from the start of the log.
    pub from: Duration,
    /// How long it lasted.
    pub length: Duration,
    /// What it measured.
    pub latency: Histogram,
}

/// A whole log; `about` is told in its first lines.
pub fn interval_log(started: SystemTime, about: &[String], lines: &[LogLine]) -> String {
    let mut bytes = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    for one in about {
        builder.add_comment(one);
    }
    builder
        .add_comment(UNITS)
        .with_start_time(started)
        .with_base_time(started)
        .with_max_value_divisor(1000.0);
    // Writing into memory cannot fail, and every value is within the bounds that the encoder supports.
    if let Ok(mut log) = builder.begin_log_with(&mut bytes, &mut serializer) {
        for line in lines {
            let tag = line.tag.as_deref().map(tag);
            let tag = tag.as_deref().and_then(Tag::new);
            let _ = log.write_histogram(&*line.latency.to_library(), line.from, line.length, tag);
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// A tag ends at a comma or a space.
fn tag(kind: &str) -> String {
    kind.chars().map(|one| if one.is_whitespace() || one == ',' { '_' } else { one }).collect()
}

const UNITS: &str = "latency from the intended start, in microseconds; maxima in milliseconds";

fn line(
    to: &mut dyn io::Write,
    (started, head): (SystemTime, bool),
    kind: &str,
    at_s: u64,
    latency: &Histogram,
) -> Result<(), String> {
    let tag = tag(kind);
    let mut to = to;
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    if head {
        builder.add_comment(UNITS);
        builder.with_start_time(started).with_base_time(started);
    }
    // Values are microseconds; the column of maxima shows milliseconds.
    builder.with_max_value_divisor(1000.0);
    let mut log = builder.begin_log_with(&mut to, &mut serializer).map_err(|error| error.to_string())?;
    log.write_histogram(
        &*latency.to_library(),
        Duration::from_secs(at_s),
        Duration::from_secs(1),
        Tag::new(&tag),
    )
    .map_err(|error| format!("{error:?}"))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_log_is_read_back_by_the_library_that_others_use() {
        let shared = Shared::default();
        let mut log = HdrLog::new(Some(Box::new(shared.clone())), SystemTime::now());
        for second in 0..3_u64 {
            let mut latency = Histogram::new();
            (0..=second).for_each(|_| latency.record(Duration::from_millis(20)));
            log.write("GET /a, b", second, &latency);
        }
        assert_eq!(log.finish(), None);
        let bytes = shared.0.lock().unwrap().clone();
        let mut counts = Vec::new();
        let mut heads = 0;
        for entry in IntervalLogIterator::new(&bytes) {
            match entry.unwrap() {
                LogEntry::Interval(line) => {
                    assert_eq!(line.tag().unwrap().as_str(), "GET_/a__b");
                    assert!((line.max() - 20.0).abs() < 0.1, "{}", line.max());
                    let text = base64::Engine::decode(
                        &base64::engine::general_purpose::STANDARD,
                        line.encoded_histogram(),
                    );
                    let read: hdrhistogram::Histogram<u64> =
                        Deserializer::new().deserialize(&mut text.unwrap().as_slice()).unwrap();
                    counts.push((line.start_timestamp().as_secs(), read.len()));
                }
                _ => heads += 1,
            }
        }
        assert_eq!(counts, [(0, 1), (1, 2), (2, 3)]);
        assert_eq!(heads, 2);
    }
}
