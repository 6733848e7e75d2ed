//! The append-only record of a check, one event a line; the only truth.
//!
//! Lines are written in order and flushed to the disk at once for what must not be lost (the intent of a fault, the
//! end of a test) and at least every 200 ms for the rest. A reader takes every whole line; a torn last line is what a
//! cut-off leaves, and is dropped.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read as _, Write};
use std::path::{Path, PathBuf};

use chrono::Utc;
use holdpoint_agentverse::KnownSecrets;
use sha2::{Digest as _, Sha256};
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{Duration, Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use holdpoint_foreign::file;

use crate::event::{Event, Phase, Record};
use crate::{files, line};

/// More than any check writes, in bytes.
const SIZE_LIMIT: u64 = 128 * 1024 * 1024;

/// What can go wrong with a journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be created or written.
    #[error(
        "the journal {path} cannot be written: {source}. Free some space or choose another folder with --out"
    )]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file could not be written any more while the check ran. Load and faults were stopped then.
    #[error(
        "the journal {path} could not be written any more: {source}. Load and faults were stopped; what is in it is kept \
         and reads as cut off. {}Free some space and check again",
        sentences(unrecorded)
    )]
    Broken {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
        /// What happened after that to services that were touched, and what is left behind: it is written nowhere else.
        unrecorded: Vec<String>,
    },
    /// The file cannot be read.
    #[error("the journal {path} cannot be read: {source}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is something else.
    #[error("{path} is not a Holdpoint journal: line {line}: {problem}")]
    Foreign {
        /// Which file.
        path: PathBuf,
        /// Where.
        line: usize,
        /// What is wrong.
        problem: String,
    },
}

fn sentences(lines: &[String]) -> String {
    lines.iter().flat_map(|line| [line.as_str(), ". "]).collect()
}

enum Message {
    Event(Box<Event>),
    Durable(Box<Event>, oneshot::Sender<bool>),
}

/// Where everything that happens goes. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Emitter {
    sender: mpsc::Sender<Message>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Message")
    }
}

impl Emitter {
    /// An emitter whose events nobody keeps, for looking at an environment without a check.
    pub fn nowhere() -> Self {
        Self { sender: mpsc::channel(1).0 }
    }

    /// Records an event. Waits while the journal is behind: nothing is ever dropped.
    pub async fn emit(&self, event: Event) {
        // The receiver ends only after every emitter is gone or writing has failed, and a failed journal has
        // already told the runner to stop.
        let _ = self.sender.send(Message::Event(Box::new(event))).await;
    }

    /// Records an event and waits until it is on the disk. False when it could not be written.
    pub async fn emit_durably(&self, event: Event) -> bool {
        let (sender, receiver) = oneshot::channel();
        self.sender.send(Message::Durable(Box::new(event), sender)).await.is_ok()
            && receiver.await.unwrap_or(false)
    }
}

/// The writing side of a journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    known: KnownSecrets,
    started: Instant,
    seq: u64,
    /// The first record, until there are followers to hand it to.
    first: Option<Record>,
}

impl Journal {
    /// Creates a new journal with its first event on the disk; refuses to overwrite one. What servers repeat of the
    /// `known` secrets is taken out of every event before anybody sees it.
    pub fn create(path: &Path, known: KnownSecrets, first: Event) -> Result<Self, JournalError> {
        let failed = |source| JournalError::Write { path: path.to_owned(), source };
        let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
        let mut journal =
            Self { path: path.to_owned(), file, known, started: Instant::now(), seq: 0, first: None };
        let written = journal.append(first).and_then(|record| journal.sync().map(|()| record));
        match written {
            Ok(record) => journal.first = Some(record),
            Err(error) => {
                // Nothing has happened yet: a journal without an event would look like a lost check.
                let _ = fs::remove_file(path);
                return Err(error);
            }
        }
        files::sync_names_above(path);
        Ok(journal)
    }

    /// Starts the task that owns the file. Every record is handed to `followers` after it was written. The task ends
    /// when every emitter is dropped. When it cannot write any more it cancels `unwritable`, and then still takes what
    /// comes, so that what becomes of touched services can be told; it answers with all of that as an error.
    pub fn start(
        mut self,
        followers: broadcast::Sender<std::sync::Arc<Record>>,
        unwritable: CancellationToken,
    ) -> (Emitter, tokio::task::JoinHandle<Result<(), JournalError>>) {
        let (sender, mut receiver) = mpsc::channel(256);
        if let Some(first) = self.first.take() {
            // Nobody watching is fine.
            let _ = followers.send(std::sync::Arc::new(first));
        }
        let task = tokio::spawn(async move {
            let written = self.write_all(&mut receiver, &followers).await;
            let Err(JournalError::Write { path, source }) = written else { return written };
            unwritable.cancel();
            let mut unrecorded = Vec::new();
            while let Some(message) = receiver.recv().await {
                // A durable one learns by its dropped answer that it is not on the disk.
                let (Message::Event(event) | Message::Durable(event, _)) = message;
                unrecorded.extend(aftermath(&event));
            }
            Err(JournalError::Broken { path, source, unrecorded })
        });
        (Emitter { sender }, task)
    }

    async fn write_all(
        &mut self,
        receiver: &mut mpsc::Receiver<Message>,
        followers: &broadcast::Sender<std::sync::Arc<Record>>,
    ) -> Result<(), JournalError> {
        let mut flush = interval(Duration::from_millis(200));
        flush.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut dirty = false;
        loop {
            let message = tokio::select! {
                // Events that never cease must not keep what was written from the disk.
                biased;
                _ = flush.tick(), if dirty => {
                    self.sync()?;
                    dirty = false;
                    continue;
                }
                message = receiver.recv() => message,
            };
            let (event, done) = match message {
                None => return self.sync(),
                Some(Message::Event(event)) => (event, None),
                Some(Message::Durable(event, done)) => (event, Some(done)),
            };
            let urgent =
                done.is_some() || matches!(*event, Event::TestEnded { .. } | Event::CheckEnded { .. });
            let record = self.append(*event)?;
            dirty = true;
            if urgent {
                self.sync()?;
                dirty = false;
            }
            if let Some(done) = done {
                let _ = done.send(true);
            }
            // Nobody watching is fine.
            let _ = followers.send(std::sync::Arc::new(record));
        }
    }

    fn append(&mut self, event: Event) -> Result<Record, JournalError> {
        let elapsed = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut record = Record { seq: self.seq, at: Utc::now(), elapsed_ms: elapsed, event };
        self.seq += 1;
        let failed = |source| JournalError::Write { path: self.path.clone(), source };
        let write = |error| failed(io::Error::other(error));
        if self.known.are_in(&serde_json::to_string(&record).map_err(write)?)
            && let Some(hidden) = without(&self.known, &record)
        {
            record = hidden;
        }
        // What the followers see is what is on the disk.
        let (record, mut line) = line::write(record).map_err(write)?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(failed)?;
        Ok(record)
    }

    fn sync(&self) -> Result<(), JournalError> {
        self.file.sync_data().map_err(|source| JournalError::Write { path: self.path.clone(), source })
    }
}

/// A record without secrets. None where the secret is a word of the journal itself: then it gives nothing away.
fn without(known: &KnownSecrets, record: &Record) -> Option<Record> {
    let mut value = serde_json::to_value(record).ok()?;
    known.hide_in(&mut value);
    serde_json::from_value(value).ok()
}

/// What a person has to know of an event that could not be written down: services that were touched, things left behind.
fn aftermath(event: &Event) -> Option<String> {
    match event {
        Event::FaultProven { fault, .. } => Some(format!("{fault}: the service was restarted")),
        Event::FaultUnproven { fault, reason, .. } => Some(format!("{fault}: {reason}")),
        Event::FaultRecovered { fault, seconds, how } => {
            Some(format!("{fault}: the service is back after {seconds:.0} s, {how}"))
        }
        Event::FaultNotRecovered { fault, advice, .. } => Some(format!("{fault}: {advice}")),
        Event::Steady { phase: Phase::End, healthy, detail, .. } => {
            let state = if *healthy { "healthy" } else { "NOT healthy" };
            Some(format!("At the end the system was {state}: {detail}"))
        }
        Event::CleanedUp { left, .. } if !left.is_empty() => {
            Some(format!("Left behind: {}", left.join("; ")))
        }
        _ => None,
    }
}

/// Adds an event to the journal of a check that has ended. What is there is never changed, and a person's decision is
/// bound to it: once a line before a decision is changed, the journal is not read any more.
pub fn append(path: &Path, mut event: Event) -> Result<(), JournalError> {
    let failed = |source| JournalError::Write { path: path.to_owned(), source };
    let Read { records, whole, mut lines, .. } = read_file(path)?;
    event.bind(hex::encode(whole.finalize()));
    let refused = |problem: &str| JournalError::Foreign {
        path: path.to_owned(),
        line: records.len(),
        problem: problem.into(),
    };
    let ended = records.iter().any(|record| matches!(record.event, Event::CheckEnded { .. }));
    let (Some(first), Some(last), true) = (records.first(), records.last(), ended) else {
        return Err(refused("the check has no end, so nothing can be added to it"));
    };
    // What could not be read back would make the whole check unreadable.
    lines.in_order(&event).map_err(refused)?;
    let at = Utc::now();
    let elapsed_ms = u64::try_from((at - first.at).num_milliseconds()).unwrap_or(last.elapsed_ms);
    let record = Record { seq: last.seq + 1, at, elapsed_ms, event };
    let (_, mut line) = line::write(record).map_err(|error| failed(io::Error::other(error)))?;
    line.push(b'\n');
    let mut file = OpenOptions::new().append(true).open(path).map_err(failed)?;
    // A line that an earlier addition tore was never read as a record; what follows it would be lost with it.
    let whole = whole_lines(path).map_err(failed)?;
    let added = file.set_len(whole).and_then(|()| file.write_all(&line)).and_then(|()| file.sync_all());
    added.map_err(|error| {
        // Half a line helps nobody.
        let _ = file.set_len(whole);
        failed(error)
    })
}

/// How many bytes of a file are whole lines.
fn whole_lines(path: &Path) -> io::Result<u64> {
    let mut reader = BufReader::new(File::open(path)?);
    let (mut whole, mut read) = (0, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        read += match reader.read_until(b'\n', &mut line)? {
            0 => return Ok(whole),
            length => length as u64,
        };
        if line.last() == Some(&b'\n') {
            whole = read;
        }
    }
}

/// A journal, read.
struct Read {
    records: Vec<Record>,
    /// Over its whole lines.
    whole: Sha256,
    /// What follows them: a torn line, or nothing.
    torn: Vec<u8>,
    /// What may follow them.
    lines: line::Lines,
}

/// Reads a journal back: every whole line up to the first torn one at the end.
pub fn read(path: &Path) -> Result<Vec<Record>, JournalError> {
    Ok(read_file(path)?.records)
}

/// The same from anything that can be read; `path` is what errors name.
pub fn read_from(reader: impl BufRead, path: &Path) -> Result<Vec<Record>, JournalError> {
    Ok(read_all(reader, path)?.records)
}

/// The same with the SHA-256 of the whole file, in hexadecimal.
pub fn read_with_digest(path: &Path) -> Result<(Vec<Record>, String), JournalError> {
    let Read { records, whole, torn, .. } = read_file(path)?;
    Ok((records, hex::encode(whole.chain_update(torn).finalize())))
}

/// The SHA-256 that a journal had before each thing that people decided after its end, the first first.
pub fn digests_before_decisions(records: &[Record]) -> impl Iterator<Item = &str> {
    records.iter().filter_map(|record| record.event.evidence())
}

fn read_file(path: &Path) -> Result<Read, JournalError> {
    let failed = |error: file::Error| JournalError::Read { path: path.to_owned(), source: error.into() };
    read_all(BufReader::new(file::open(path, SIZE_LIMIT).map_err(failed)?), path)
}

fn read_all(reader: impl BufRead, path: &Path) -> Result<Read, JournalError> {
    let failed = |source| JournalError::Read { path: path.to_owned(), source };
    let foreign =
        |line: usize, problem: String| JournalError::Foreign { path: path.to_owned(), line, problem };
    // It may grow while it is read.
    let mut reader = reader.take(SIZE_LIMIT);
    let mut lines = line::Lines::default();
    let mut records: Vec<Record> = Vec::new();
    let mut whole = Sha256::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        let number = records.len() + 1;
        let longest = line::LIMITS.bytes as u64;
        let read = (&mut reader).take(longest).read_until(b'\n', &mut line).map_err(failed)?;
        if read == 0 {
            break;
        }
        if line.last() != Some(&b'\n') {
            if read as u64 == longest {
                return Err(foreign(number, "the line is longer than 4 MiB".into()));
            }
            break;
        }
        let record = lines.next(&line).map_err(|problem| foreign(number, problem))?;
        if record.event.evidence().is_some_and(|digest| digest != hex::encode(whole.clone().finalize())) {
            return Err(foreign(number, "what stands before this decision was changed after it".into()));
        }
        whole.update(&line);
        records.push(record);
    }
    if records.is_empty() {
        return Err(foreign(1, "the file holds no whole event".into()));
    }
    Ok(Read { records, whole, torn: line, lines })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;
    use crate::event::{CheckEnding, JOURNAL_FORMAT};
    use crate::plan::{ChaosIntent, Plan};
    use crate::words::Suite;

    fn started() -> Event {
        Event::CheckStarted {
            format: JOURNAL_FORMAT,
            check_id: "c".into(),
            holdpoint: "0".into(),
            plan: Box::new(Plan {
                environment: Environment::staging(),
                suite: Suite::All,
                parameters: crate::parameters::Parameters::default(),
                chaos: ChaosIntent::Simulated,
                rehearsal_profile: None,
                confirmed_name: None,
            }),
        }
    }

    async fn write(path: &Path) {
        let (followers, _) = broadcast::channel(8);
        let (emitter, task) = Journal::create(path, KnownSecrets::default(), started())
            .unwrap()
            .start(followers, CancellationToken::new());
        emitter.emit(Event::AbortRequested { reason: "test".into() }).await;
        emitter.emit(Event::CheckEnded { ending: CheckEnding::Completed }).await;
        drop(emitter);
        task.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn what_was_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.ndjson");
        write(&path).await;
        let records = read(&path).unwrap();
        assert_eq!(records.len(), 3);
        assert_eq!(records[2].event, Event::CheckEnded { ending: CheckEnding::Completed });
        assert!(
            Journal::create(&path, KnownSecrets::default(), started()).is_err(),
            "a journal is never overwritten"
        );
    }

    /// Rule 6 of the architecture: cut at any byte, everything before the cut is still there.
    #[tokio::test]
    async fn a_journal_cut_at_any_byte_gives_its_whole_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.ndjson");
        write(&path).await;
        let bytes = std::fs::read(&path).unwrap();
        let first = bytes.iter().position(|byte| *byte == b'\n').unwrap();
        for cut in 0..bytes.len() {
            std::fs::write(&path, &bytes[..cut]).unwrap();
            match read(&path) {
                Ok(records) => {
                    let whole = bytes[..cut].iter().filter(|byte| **byte == b'\n').count();
                    assert_eq!(records.len(), whole, "cut at {cut}");
                }
                Err(JournalError::Foreign { .. }) => assert!(cut <= first, "cut at {cut}"),
                Err(other) => panic!("cut at {cut}: {other}"),
            }
        }
    }

    #[tokio::test]
    async fn an_addition_after_a_torn_one_loses_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.ndjson");
        write(&path).await;
        let before = read(&path).unwrap();
        OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"seq\":3,\"at\"").unwrap();
        let added = Event::Regression(compared("check 1"));
        append(&path, added.clone()).unwrap();
        let after = read(&path).unwrap();
        assert_eq!(after[..3], before[..]);
        assert_eq!((after[3].seq, &after[3].event), (3, &added));
    }

    fn compared(baseline: &str) -> crate::event::Regression {
        crate::event::Regression {
            baseline: Some(baseline.into()),
            tolerance_pct: 10.0,
            refused: None,
            worse: Vec::new(),
            figures: 30,
            least_pct: None,
        }
    }

    #[tokio::test]
    async fn a_line_at_the_end_cannot_take_back_what_stands_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.ndjson");
        write(&path).await;
        append(&path, Event::Regression(compared("check 1"))).unwrap();
        let whole = std::fs::read(&path).unwrap();
        let mut record = read(&path).unwrap().pop().unwrap();
        record.seq += 1;
        for (again, problem) in [
            (Event::CheckEnded { ending: CheckEnding::Completed }, "the check ends a second time"),
            (Event::Regression(compared("check 2")), "the check is compared a second time"),
        ] {
            // We do not add it,
            assert!(append(&path, again.clone()).unwrap_err().to_string().contains(problem));
            assert_eq!(std::fs::read(&path).unwrap(), whole);
            // and where somebody did, the file is no journal any more.
            record.event = again;
            let line = line::write(record.clone()).unwrap().1;
            std::fs::write(&path, [&whole[..], &line, b"\n"].concat()).unwrap();
            assert!(read(&path).unwrap_err().to_string().contains(problem));
            std::fs::write(&path, &whole).unwrap();
        }
    }

    /// A server that repeats a credential in any text of any event.
    #[tokio::test]
    async fn secrets_that_others_repeat_are_in_neither_the_file_nor_what_followers_see() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.ndjson");
        let (followers, mut seen) = broadcast::channel(8);
        let secret = "correct-horse/battery";
        let journal = Journal::create(&path, KnownSecrets::new([secret]), started()).unwrap();
        let (emitter, task) = journal.start(followers, CancellationToken::new());
        let lines = vec![format!("Authorization: Bearer {secret}"), "correct-horse%2Fbattery".to_owned()];
        let test = crate::words::TestId::C1;
        emitter.emit(Event::LogLines { test, service: crate::words::Service::Worker, lines }).await;
        drop(emitter);
        task.await.unwrap().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("correct-horse"), "{text}");
        seen.recv().await.unwrap();
        let Event::LogLines { lines, .. } = &seen.recv().await.unwrap().event else {
            panic!("not the event")
        };
        assert_eq!(lines[..], ["Authorization: Bearer [secret]", "[secret]"]);
        assert_eq!(read(&path).unwrap().len(), 2);
    }

    /// A disk that is full: load is stopped, what happens to services afterwards is told, what was written stays.
    #[tokio::test]
    async fn a_journal_that_cannot_be_written_any_more_stops_the_check_and_still_listens() {
        let full = Path::new("/dev/full");
        if !full.exists() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.ndjson");
        let mut journal = Journal::create(&path, KnownSecrets::default(), started()).unwrap();
        journal.file = OpenOptions::new().write(true).open(full).unwrap();
        let (followers, _) = broadcast::channel(8);
        let unwritable = CancellationToken::new();
        let (emitter, task) = journal.start(followers, unwritable.clone());
        assert!(!emitter.emit_durably(Event::AbortRequested { reason: "test".into() }).await);
        unwritable.cancelled().await;
        let fault = "C1-worker-restart".to_owned();
        emitter.emit(Event::FaultRecovered { fault, seconds: 3.0, how: "it answered".into() }).await;
        drop(emitter);
        let error = task.await.unwrap().unwrap_err().to_string();
        assert!(error.contains("journal.ndjson") && error.contains("Free some space"), "{error}");
        assert!(error.contains("C1-worker-restart: the service is back after 3 s, it answered"), "{error}");
        assert_eq!(read(&path).unwrap().len(), 1);
    }

    #[test]
    fn foreign_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.ndjson");
        for content in ["", "hello\n", "{}\n", "{\"seq\":0}\n"] {
            std::fs::write(&path, content).unwrap();
            assert!(matches!(read(&path), Err(JournalError::Foreign { .. })), "{content:?}");
        }
    }
}
