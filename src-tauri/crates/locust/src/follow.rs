//! Evidence as it grows on this computer, for who watches. Nothing is judged by it: that is [`gather`](crate::gather())
//! alone, once the file is whole.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use holdpoint_load::{Beat, Histogram, Live};

use crate::evidence::{LINE_LIMIT, Line, parsed};

/// Reads what was added since the last look.
pub(crate) struct Follow {
    path: PathBuf,
    read_to: u64,
    /// The beginning of a line that is still being written.
    rest: Vec<u8>,
    begun: bool,
    /// What the reports told since it was last taken.
    step: Beat,
    lag: Histogram,
    classes: BTreeMap<String, u64>,
}

impl Follow {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            read_to: 0,
            rest: Vec::new(),
            begun: false,
            step: Beat::default(),
            lag: Histogram::new(),
            classes: BTreeMap::new(),
        }
    }

    /// Whether the workers have been told when to start.
    pub(crate) fn has_begun(&mut self) -> bool {
        if !self.begun {
            self.look();
        }
        self.begun
    }

    /// What the master told, with what stands in the reports since the last time: latencies, lateness, classes of failures.
    pub(crate) fn seen(&mut self, mut told: Live) -> Live {
        self.look();
        told.step = std::mem::take(&mut self.step);
        told.lag = std::mem::replace(&mut self.lag, Histogram::new());
        told.classes.clone_from(&self.classes);
        told
    }

    fn look(&mut self) {
        // What cannot be read now is read with the next look.
        let _ = self.read();
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            // What is damaged is told when all of it is read.
            if let Ok(line) = parsed::<Line>(&line) {
                self.take(line);
            }
        }
    }

    fn read(&mut self) -> std::io::Result<()> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.read_to))?;
        let room = LINE_LIMIT.saturating_sub(self.rest.len()) as u64;
        self.read_to += file.take(room).read_to_end(&mut self.rest)? as u64;
        Ok(())
    }

    fn take(&mut self, line: Line) {
        match line {
            Line::Start(_) => self.begun = true,
            Line::Report(report) => {
                let Ok(body) = report.open() else { return };
                for record in body.kinds {
                    self.step.ok = self.step.ok.saturating_add(record.ok);
                    self.step.failed = self.step.failed.saturating_add(record.failures());
                    self.step.latency.merge(&record.latency);
                    self.lag.merge(&record.lag);
                    for (class, count) in record.failed {
                        let sum = self.classes.entry(class).or_default();
                        *sum = sum.saturating_add(count);
                    }
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn every_report_is_seen_once_wherever_a_look_falls() {
        let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/evidence.ndjson");
        let all = std::fs::read(recorded).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("evidence.ndjson");
        let mut follow = Follow::new(&path);
        assert!(!follow.has_begun(), "nothing is there yet");
        let mut file = File::create(&path).unwrap();
        let (mut ok, mut latency) = (0, Histogram::new());
        for piece in all.chunks(4999) {
            file.write_all(piece).unwrap();
            let live = follow.seen(Live::default());
            ok += live.step.ok;
            latency.merge(&live.step.latency);
        }
        let package =
            crate::Package::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded")).unwrap();
        let whole = crate::gather(&package, &all[..], crate::Sinks::default()).unwrap().result.total();
        assert!(follow.has_begun());
        assert_eq!((ok, latency), (whole.ok, whole.latency));
        assert!(follow.seen(Live::default()).step.latency.is_empty());
    }
}
