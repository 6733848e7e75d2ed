//! What the workers reported, added up: the same record that the engine of this computer makes, and every doubt of it.

use std::collections::BTreeMap;
use std::io::{self, BufRead};
use std::path::PathBuf;
use std::time::{Duration, UNIX_EPOCH};

use holdpoint_load::{
    Fitness, Fleet, Generator, HdrLog, Histogram, LoadEnding, LoadResult, OperationRecord, Second, WorkerSeen,
};

use crate::Package;
use crate::evidence::{
    Body, Clock, End, Ending, EvidenceError, Head, Introduction, Line, Lines, Read, Report, Seal,
    WorkerFitness,
};
use crate::ledger::{Joining, Ledger};

/// More workers than one load has.
const MOST_WORKERS: usize = 10_000;
/// More doubts are not told; the first ones say enough.
const MOST_DOUBTS: usize = 40;
/// So many steps are kept open until every worker has reported them. Reports of one step come within a second or two.
const OPEN_STEPS: usize = 8;
/// A report that comes so long after the end of what it covers is late.
const LATE: Duration = Duration::from_secs(10);

/// How far the clock of a worker may be off. Beyond it, it is not known when its operations really started.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockLimits {
    /// The largest difference to the master's time of day, in milliseconds. The start is corrected by it, so it says no
    /// more than that a clock is set; one that is not is a sign of a computer that nobody looks after.
    pub offset_ms: f64,
    /// How well the difference must be known, in milliseconds: half of the quickest question and answer.
    pub uncertainty_ms: f64,
    /// How far it may move during the load beyond what is not known of it, in milliseconds.
    pub drift_ms: f64,
}

impl Default for ClockLimits {
    fn default() -> Self {
        Self { offset_ms: 1000.0, uncertainty_ms: 250.0, drift_ms: 250.0 }
    }
}

/// A load that workers of Locust sent.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    /// What was recorded, with who sent it and every doubt.
    pub result: LoadResult,
    /// What every operation was, where the plan wanted it.
    pub ledger: Ledger,
}

/// Where to write what does not go into the result.
#[derive(Default)]
pub struct Sinks {
    /// Latencies step by step, in the log format of `HdrHistogram`.
    pub log: Option<Box<dyn io::Write + Send>>,
    /// A folder for the ledgers, one file a worker.
    pub ledgers: Option<PathBuf>,
    /// How far clocks may be off.
    pub clocks: ClockLimits,
}

/// One worker while its reports are read.
#[derive(Default)]
struct State {
    introduction: Option<Introduction>,
    index: Option<u32>,
    clocks: Vec<Clock>,
    /// The digest of each report that was taken, by its number.
    seen: BTreeMap<u64, String>,
    last: Option<u64>,
    listed: u64,
    fitness: WorkerFitness,
    kinds: Vec<Counts>,
    lag: Histogram,
}

/// What one worker says of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counts {
    planned: u64,
    sent: u64,
    refused: u64,
    ended: u64,
    /// Whether a histogram holds more or fewer samples than were counted.
    uneven: bool,
}

/// A step that not every worker has reported.
struct Open {
    records: Vec<OperationRecord>,
    reports: usize,
}

struct Gathering<'a> {
    package: &'a Package,
    clocks: ClockLimits,
    head: Option<Head>,
    start: Option<f64>,
    end: Option<End>,
    seal: Option<Seal>,
    /// By the names that Locust gives them.
    workers: BTreeMap<String, State>,
    /// Doubts, with the worker they are of.
    doubts: Vec<(Option<String>, String)>,
    totals: Vec<OperationRecord>,
    open: BTreeMap<u64, Open>,
    closed_before: u64,
    in_flight: Vec<u64>,
    seconds: Vec<Second>,
    elapsed_s: f64,
    ledger: Joining,
    log: Option<Box<dyn io::Write + Send>>,
    writing: Option<HdrLog>,
}

/// Reads evidence of the load that `package` holds. Whatever is wrong with it is a doubt in the result, so that nothing is
/// judged by it; only what is no evidence at all is an error.
pub fn gather(package: &Package, evidence: impl BufRead, sinks: Sinks) -> Result<Gathered, EvidenceError> {
    let kinds = package.plan().operations.len();
    let mut gathering = Gathering {
        package,
        clocks: sinks.clocks,
        head: None,
        start: None,
        end: None,
        seal: None,
        workers: BTreeMap::new(),
        doubts: Vec::new(),
        totals: vec![OperationRecord::default(); kinds],
        open: BTreeMap::new(),
        closed_before: 0,
        in_flight: vec![0; kinds],
        seconds: Vec::new(),
        elapsed_s: 0.0,
        ledger: Joining::new(sinks.ledgers),
        log: sinks.log,
        writing: None,
    };
    let mut lines = Lines::new(evidence);
    while let Some(read) = lines.next()? {
        match read {
            Read::Line(line) => gathering.take(line)?,
            Read::Damaged(1, why) => return Err(EvidenceError::Foreign(why)),
            Read::Damaged(number, why) => {
                gathering.doubt(None, format!("line {number} of the evidence is damaged: {why}"));
            }
        }
    }
    match &gathering.seal {
        None => gathering
            .doubt(None, "the evidence has no end: the master was cut off, or the file is not whole".into()),
        Some(seal) if !lines.is_whole(seal) => {
            gathering
                .doubt(None, "the evidence is not as the master closed it: its digest is another".into());
        }
        Some(_) => {}
    }
    gathering.finish()
}

/// A number of somebody else, within what can be.
fn sane(value: f64, highest: f64) -> f64 {
    if value.is_finite() { value.clamp(0.0, highest) } else { 0.0 }
}

impl Gathering<'_> {
    fn doubt(&mut self, worker: Option<&str>, what: String) {
        if self.doubts.len() < MOST_DOUBTS {
            self.doubts.push((worker.map(str::to_owned), what));
        }
    }

    /// A worker by the name that Locust gave it; one that did not introduce itself has no business here.
    fn worker(&mut self, from: &str) -> Option<&mut State> {
        if !self.workers.contains_key(from) {
            self.doubt(None, format!("something came from {from}, which did not introduce itself"));
        }
        self.workers.get_mut(from)
    }

    fn take(&mut self, line: Line) -> Result<(), EvidenceError> {
        if self.head.is_none() && !matches!(line, Line::Head(_)) {
            return Err(EvidenceError::Foreign("it does not begin as one".into()));
        }
        if self.seal.is_some() || (self.end.is_some() && !matches!(line, Line::Seal(_))) {
            self.doubt(None, "something follows the end of the evidence".into());
            return Ok(());
        }
        match line {
            Line::Head(head) => self.begin(head)?,
            Line::Worker(introduction) => self.introduce(introduction)?,
            Line::Clock(clock) => {
                // A worker may be asked before it has introduced itself; its answer is of no use then.
                if let Some(state) = self.workers.get_mut(&clock.from)
                    && state.clocks.len() < 100
                {
                    state.clocks.push(clock);
                }
            }
            Line::Start(start) => self.start = Some(start.at),
            Line::Report(report) => self.report(&report)?,
            Line::Left(left) => {
                // One that never introduced itself has no other name.
                let known = self.workers.contains_key(&left.from);
                let what = if known { left.why } else { format!("{}: {}", left.from, left.why) };
                self.doubt(known.then_some(&left.from), what);
            }
            Line::End(end) => self.end = Some(end),
            Line::Seal(seal) => self.seal = Some(seal),
        }
        Ok(())
    }

    fn begin(&mut self, head: Head) -> Result<(), EvidenceError> {
        if head.holdpoint_locust != 1 {
            let what = format!("it is of format {}, and this program knows 1", head.holdpoint_locust);
            return Err(EvidenceError::Foreign(what));
        }
        if self.head.is_some() {
            self.doubt(None, "the evidence begins twice".into());
            return Ok(());
        }
        if head.plan != self.package.digest() {
            let what = format!(
                "the master had another plan: its digest is {}, that of this package {}",
                head.plan,
                self.package.digest()
            );
            self.doubt(None, what);
        }
        self.head = Some(head);
        Ok(())
    }

    fn introduce(&mut self, introduction: Introduction) -> Result<(), EvidenceError> {
        if self.workers.len() >= MOST_WORKERS {
            return Err(EvidenceError::TooLarge("it names more than 10000 workers"));
        }
        let from = introduction.from.clone();
        let mut wrong = Vec::new();
        if introduction.plan != self.package.digest() {
            wrong.push(format!("it had another plan, of digest {}", introduction.plan));
        }
        if introduction.program != self.package.program() {
            wrong.push("it ran another locustfile than that of the package".to_owned());
        }
        if !introduction.problem.is_empty() {
            wrong.push(introduction.problem.clone());
        }
        let known = self.workers.insert(
            from.clone(),
            State {
                introduction: Some(introduction),
                kinds: vec![Counts::default(); self.totals.len()],
                ..State::default()
            },
        );
        if known.is_some() {
            wrong.push("it introduced itself twice".to_owned());
        }
        for what in wrong {
            self.doubt(Some(&from), what);
        }
        Ok(())
    }

    fn report(&mut self, report: &Report) -> Result<(), EvidenceError> {
        let from = report.from.as_str();
        if self.worker(from).is_none() {
            return Ok(());
        }
        let body = match report.open() {
            Ok(body) => body,
            Err(why) => {
                self.doubt(Some(from), format!("a report of it is damaged: {why}"));
                return Ok(());
            }
        };
        if body.plan != self.package.digest() {
            self.doubt(Some(from), "a report of it is of another plan".into());
            return Ok(());
        }
        if body.kinds.len() != self.totals.len() {
            self.doubt(Some(from), "a report of it has other kinds of operations than the plan".into());
            return Ok(());
        }
        if self.is_repeated(report, &body) {
            return Ok(());
        }
        self.note_order(report, &body);
        self.add(from, body)
    }

    /// Whether a report with this number came before.
    fn is_repeated(&mut self, report: &Report, body: &Body) -> bool {
        let Some(state) = self.workers.get(&report.from) else { return true };
        let what = match state.seen.get(&body.sequence) {
            None => return false,
            Some(digest) if *digest == report.sha256 => format!("report {} of it came twice", body.sequence),
            Some(_) => format!("two unlike reports of it have the number {}", body.sequence),
        };
        self.doubt(Some(&report.from), what);
        true
    }

    fn note_order(&mut self, report: &Report, body: &Body) {
        let workers = self.head.as_ref().map_or(0, |head| head.workers);
        let taken =
            self.workers.iter().any(|(name, state)| *name != report.from && state.index == Some(body.worker));
        let mut wrong = Vec::new();
        if let Some(state) = self.workers.get_mut(&report.from) {
            if body.worker >= workers || taken || state.index.is_some_and(|index| index != body.worker) {
                wrong.push(format!("it reports as worker {}, which it is not", body.worker));
            }
            if let Some((latest, _)) = state.seen.last_key_value()
                && body.sequence < *latest
            {
                wrong.push(format!("report {} of it came after report {latest}", body.sequence));
            }
            if state.last.is_some() {
                wrong.push(format!("report {} of it came after its last one", body.sequence));
            }
            // What it wrongly calls itself is not its number.
            if wrong.is_empty() {
                state.index.get_or_insert(body.worker);
            }
            if body.last {
                state.last = Some(body.sequence);
            }
            state.seen.insert(body.sequence, report.sha256.clone());
            state.fitness = body.fitness;
            state.listed += body.ledger.len() as u64;
        }
        match self.start {
            None => wrong.push("it reported before the start".to_owned()),
            Some(start) => {
                let late = report.at - start - body.until_s;
                // What is no number is not in time.
                if late.is_nan() || late > LATE.as_secs_f64() {
                    wrong.push(format!("report {} of it came {late:.1} s late", body.sequence));
                }
            }
        }
        for what in wrong {
            self.doubt(Some(&report.from), what);
        }
    }

    fn add(&mut self, from: &str, body: Body) -> Result<(), EvidenceError> {
        self.elapsed_s = self.elapsed_s.max(sane(body.last_end_s, 1e6));
        let step = body.step.max(self.closed_before);
        let kinds = self.totals.len();
        let open = self
            .open
            .entry(step)
            .or_insert_with(|| Open { records: vec![OperationRecord::default(); kinds], reports: 0 });
        open.reports += 1;
        for (kind, record) in body.kinds.iter().enumerate() {
            self.totals[kind].merge(record);
            let second = &mut open.records[kind];
            second.planned = second.planned.saturating_add(record.planned);
            second.sent = second.sent.saturating_add(record.sent);
            second.refused = second.refused.saturating_add(record.refused);
            second.abandoned = second.abandoned.saturating_add(record.abandoned);
            second.ok = second.ok.saturating_add(record.ok);
            if record.failures() > 0 {
                let failed = second.failed.entry(String::new()).or_default();
                *failed = failed.saturating_add(record.failures());
            }
            second.latency.merge(&record.latency);
            if let Some(state) = self.workers.get_mut(from) {
                let counts = &mut state.kinds[kind];
                counts.planned = counts.planned.saturating_add(record.planned);
                counts.sent = counts.sent.saturating_add(record.sent);
                counts.refused = counts.refused.saturating_add(record.refused);
                let ended = record.ok.saturating_add(record.failures()).saturating_add(record.abandoned);
                counts.ended = counts.ended.saturating_add(ended);
                counts.uneven |= record.latency.len() != record.ok
                    || record.service.len() != record.ok
                    || record.failed_after.len() != record.failures()
                    || record.lag.len() != record.sent;
                state.lag.merge(&record.lag);
            }
        }
        for id in self.ledger.take(body.worker, body.ledger)? {
            self.doubt(Some(from), format!("operation {id} is listed twice"));
        }
        self.close_steps();
        Ok(())
    }

    /// Closes the steps that every worker has reported, the first ones first.
    fn close_steps(&mut self) {
        let workers = self.workers.len();
        while let Some(first) = self.open.first_entry() {
            if first.get().reports < workers && self.open.len() <= OPEN_STEPS {
                break;
            }
            self.close_first();
        }
    }

    fn close_first(&mut self) {
        let Some((step, open)) = self.open.pop_first() else { return };
        self.closed_before = step.saturating_add(1);
        if self.writing.is_none() {
            let started = Duration::try_from_secs_f64(self.start.unwrap_or(0.0)).unwrap_or_default();
            self.writing =
                Some(HdrLog::new(self.log.take(), UNIX_EPOCH.checked_add(started).unwrap_or(UNIX_EPOCH)));
        }
        let at_s = seconds_at(step, self.package.plan().report_every_s);
        for (kind, record) in open.records.iter().enumerate() {
            let ended = record.ok.saturating_add(record.failures()).saturating_add(record.abandoned);
            self.in_flight[kind] = self.in_flight[kind].saturating_add(record.sent).saturating_sub(ended);
            if let (Some(log), Some(operation)) =
                (&mut self.writing, self.package.plan().operations.get(kind))
            {
                log.write(&operation.name, at_s, &record.latency);
            }
            self.seconds.push(Second::of(at_s, kind, record, self.in_flight[kind]));
        }
    }

    /// What can only be said when everything has been read.
    fn look_at_workers(&mut self) {
        let expected_workers = self.head.as_ref().map_or(0, |head| head.workers);
        if self.workers.len() != expected_workers as usize {
            let what = format!("{} of {expected_workers} workers introduced themselves", self.workers.len());
            self.doubt(None, what);
        }
        let ending = self.end.as_ref().map(|end| end.ending);
        let refused = ending == Some(Ending::Refused);
        let whole = (ending == Some(Ending::Completed))
            .then(|| self.package.plan().expected(expected_workers))
            .flatten();
        let ledger = self.package.plan().ledger;
        let mut wrong: Vec<(String, String)> = Vec::new();
        for (from, state) in &self.workers {
            let mut say = |what: String| wrong.push((from.clone(), what));
            clock_doubts(state, &self.clocks, &mut say);
            if refused {
                continue;
            }
            let latest = state.seen.last_key_value().map(|(latest, _)| *latest);
            let missing =
                latest.map_or(0, |latest| latest.saturating_add(1).saturating_sub(state.seen.len() as u64));
            if missing > 0 {
                let first = (0..).zip(state.seen.keys()).find(|(place, number)| place != *number);
                let first = first.map_or(0, |(place, _)| place);
                say(format!("{missing} reports of it are missing, report {first} first"));
            }
            if state.last.is_none() {
                say(latest.map_or_else(
                    || "no report of it came".into(),
                    |latest| format!("its last report is missing; the one before is report {latest}"),
                ));
                continue;
            }
            for (kind, counts) in state.kinds.iter().enumerate() {
                let name = self.package.plan().operations.get(kind).map_or("", |one| one.name.as_str());
                if counts.uneven
                    || counts.sent != counts.ended
                    || counts.planned < counts.sent.saturating_add(counts.refused)
                {
                    say(format!("its figures of {name} do not add up: {counts:?}"));
                }
                let wanted =
                    whole.as_ref().and_then(|all| all.get(state.index? as usize)?.get(kind).copied());
                if let Some(wanted) = wanted.filter(|wanted| *wanted != counts.planned) {
                    say(format!(
                        "it took {} operations of {name}, and {wanted} were its share",
                        counts.planned
                    ));
                }
            }
            let sent: u64 = state.kinds.iter().fold(0, |sum, counts| sum.saturating_add(counts.sent));
            if ledger && state.listed != sent {
                say(format!("it started {sent} operations and lists {}", state.listed));
            }
        }
        for (from, what) in wrong {
            self.doubt(Some(&from), what);
        }
        match (ending, self.end.as_ref().map(|end| end.problem.clone())) {
            (Some(Ending::Refused), _) => self.doubt(None, "nothing was sent, for these reasons".into()),
            (Some(Ending::Lost), problem)
                if self.doubts.is_empty() || problem.as_ref().is_some_and(|one| !one.is_empty()) =>
            {
                let problem = problem.unwrap_or_default();
                self.doubt(None, format!("the load could not be led to its end; {problem}"));
            }
            _ => {}
        }
        if self.end.is_none() {
            self.doubt(None, "the evidence does not say how the load ended".into());
        } else if self.start.is_none() && !refused {
            self.doubt(None, "the load has no start".into());
        }
    }

    fn name(&self, from: &str) -> String {
        let state = self.workers.get(from);
        let introduction = state.and_then(|state| state.introduction.as_ref());
        let place = || self.workers.keys().position(|name| name == from).unwrap_or(0);
        let index = state.and_then(|state| state.index).map_or_else(place, |index| index as usize);
        introduction.map_or_else(
            || from.to_owned(),
            |known| format!("worker {index} ({}, process {})", known.host, known.pid),
        )
    }

    fn finish(mut self) -> Result<Gathered, EvidenceError> {
        while !self.open.is_empty() {
            self.close_first();
        }
        self.look_at_workers();
        let settled = self.totals.iter_mut().map(settle).filter(|changed| *changed).count();
        if settled > 0 && self.doubts.is_empty() {
            self.doubt(None, "its figures do not add up".into());
        }
        let Some(head) = &self.head else {
            return Err(EvidenceError::Foreign("it is empty".into()));
        };
        let log_problem = match (self.writing.take(), self.log.take()) {
            (Some(writing), _) => writing.finish(),
            (None, log) => HdrLog::new(log, UNIX_EPOCH).finish(),
        };
        let workers: Vec<WorkerSeen> = self.workers.iter().enumerate().map(seen).collect();
        let doubts = self
            .doubts
            .iter()
            .map(|(worker, what)| match worker {
                Some(worker) => format!("{}: {what}", self.name(worker)),
                None => what.clone(),
            })
            .collect();
        let kinds = self.package.plan().kinds();
        let fleet = Fleet {
            plan: head.plan.clone(),
            locust: head.locust.clone(),
            python: head.python.clone(),
            workers,
            summary: self.end.as_ref().map(|end| end.locust),
        };
        let started = sane(self.start.unwrap_or(0.0) * 1000.0, 1e15);
        let result = LoadResult {
            plan: Some(self.package.plan().load.clone()),
            started_unix_ms: Duration::try_from_secs_f64(started / 1000.0)
                .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
            elapsed_s: self.elapsed_s,
            ending: match self.end.as_ref().map(|end| end.ending) {
                Some(Ending::Completed) => LoadEnding::Completed,
                Some(Ending::Drained) => LoadEnding::Drained,
                _ => LoadEnding::Aborted,
            },
            generator: generator(&self.workers, &self.totals),
            operations: kinds.iter().cloned().zip(self.totals).collect(),
            kinds,
            seconds: self.seconds,
            doubts,
            fleet: Some(fleet),
            stored: None,
            log_problem,
        };
        Ok(Gathered { result, ledger: self.ledger.finish()? })
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded, and a cast saturates")]
fn seconds_at(step: u64, every: f64) -> u64 {
    (step as f64 * every) as u64
}

/// The quickest question and answer of some: how far ahead, and how well that is known, in milliseconds.
fn best(clocks: &[Clock]) -> Option<(f64, f64)> {
    let answers = clocks.iter().map(|clock| {
        let uncertainty = (clock.received - clock.sent) / 2.0;
        ((clock.answered - clock.sent - uncertainty) * 1000.0, uncertainty * 1000.0)
    });
    answers.filter(|(_, uncertainty)| *uncertainty >= 0.0).min_by(|one, other| one.1.total_cmp(&other.1))
}

fn clock_doubts(state: &State, limits: &ClockLimits, say: &mut impl FnMut(String)) {
    let Some((offset, uncertainty)) = best(&state.clocks) else {
        say("its clock could not be compared with the master's".into());
        return;
    };
    if offset.abs() > limits.offset_ms {
        say(format!(
            "its clock is {offset:.0} ms off (limit {:.0} ms); set it, by NTP for example",
            limits.offset_ms
        ));
    }
    if uncertainty > limits.uncertainty_ms {
        say(format!(
            "its clock is not known better than to {uncertainty:.0} ms (limit {:.0} ms): it answers too slowly",
            limits.uncertainty_ms
        ));
    }
    let (before, after) = state.clocks.split_at(state.clocks.len() / 2);
    if let (Some(before), Some(after)) = (best(before), best(after)) {
        let moved = (after.0 - before.0).abs() - before.1 - after.1;
        if moved > limits.drift_ms {
            say(format!(
                "its clock moved by {moved:.0} ms during the load (limit {:.0} ms)",
                limits.drift_ms
            ));
        }
    }
}

fn seen((place, (_, state)): (usize, (&String, &State))) -> WorkerSeen {
    let clock = best(&state.clocks);
    let mut seen = WorkerSeen {
        index: state.index.unwrap_or_else(|| u32::try_from(place).unwrap_or(u32::MAX)),
        clock_offset_ms: clock.map(|(offset, _)| offset),
        clock_uncertainty_ms: clock.map(|(_, uncertainty)| uncertainty),
        reports: state.seen.len() as u64,
        sent: state.kinds.iter().fold(0, |sum, counts| sum.saturating_add(counts.sent)),
        lag_p99_ms: state.lag.quantile_ms(0.99),
        cpu: sane(state.fitness.cpu, 1e3),
        ..WorkerSeen::default()
    };
    if let Some(known) = &state.introduction {
        seen.host.clone_from(&known.host);
        seen.pid = known.pid;
        seen.locust.clone_from(&known.locust);
        seen.python.clone_from(&known.python);
        seen.platform.clone_from(&known.platform);
    }
    seen
}

/// Makes figures agree with each other, and answers whether they did not. Where a report is missing, more can have ended
/// than was sent: what ended was sent, and what was sent was planned. Latencies that are not those of the operations are
/// none. Whatever it changes has been told as a doubt, so nothing is judged by it; but it can be kept and opened again.
fn settle(record: &mut OperationRecord) -> bool {
    if record.latency.len() != record.ok || record.service.len() != record.ok {
        *record = OperationRecord::default();
        return true;
    }
    let ended = record.ok.saturating_add(record.failures()).saturating_add(record.abandoned);
    let before = (record.sent, record.planned);
    record.sent = record.sent.max(ended);
    record.planned = record.planned.max(record.sent.saturating_add(record.refused));
    (record.sent, record.planned) != before
}

/// How fit the workers were, each figure that of the worst.
fn generator(workers: &BTreeMap<String, State>, totals: &[OperationRecord]) -> Generator {
    let worst = |of: fn(&WorkerFitness) -> f64| {
        workers.values().map(|state| sane(of(&state.fitness), 1e12)).fold(0.0, f64::max)
    };
    let mut lag = Histogram::new();
    for record in totals {
        lag.merge(&record.lag);
    }
    Generator {
        watch: Fitness {
            longest_stall_ms: worst(|one| one.stall_ms),
            largest_clock_step_ms: worst(|one| one.clock_step_ms),
            watched_ms: worst(|one| one.watched_ms),
        },
        lag_p50_ms: lag.quantile_ms(0.5),
        // A worker that is late is not made up for by those that are not.
        lag_p99_ms: workers.values().filter_map(|state| state.lag.quantile_ms(0.99)).reduce(f64::max),
        lag_p999_ms: lag.quantile_ms(0.999),
        lag_max_ms: lag.max_ms(),
        own_cpu: (!workers.is_empty()).then(|| worst(|one| one.cpu)),
        kept_waiting: None,
        host_busy: None,
        stolen: None,
        refused: totals.iter().fold(0, |sum, record| sum.saturating_add(record.refused)),
        own_limits: totals
            .iter()
            .filter_map(|record| record.failed.get("generator"))
            .fold(0, |sum, one| sum.saturating_add(*one)),
        lost_workers: 0,
    }
}
