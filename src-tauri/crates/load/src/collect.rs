//! Collecting what the workers recorded: totals, seconds, the live view, and whether this computer was fit.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc as std_mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::engine::{STEP, Said};
use crate::fitness::{FitnessWatch, Generator};
use crate::fleet::{Fleet, Stored};
use crate::hdr_log::HdrLog;
use crate::host::{HostTime, ThreadTime};
use crate::orders::{Order, Orders};
use crate::plan::Plan;
use crate::record::{Interval, OperationRecord};
use crate::{Beat, Histogram};

/// How a load ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadEnding {
    /// As planned.
    #[default]
    Completed,
    /// It was told to start nothing any more.
    Drained,
    /// It was told to end at once.
    Aborted,
}

/// One second of one kind of operation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// Which second, from the start of the load.
    pub at_s: u64,
    /// The kind.
    pub kind: usize,
    /// Operations that fell due.
    pub planned: u64,
    /// Operations that were started.
    pub sent: u64,
    /// Operations that ended well.
    pub ok: u64,
    /// Operations that failed.
    pub failed: u64,
    /// Operations that were not started for want of room.
    pub refused: u64,
    /// Operations under way at the end of the second.
    pub in_flight: u64,
    /// Median latency in milliseconds of what ended well, from the intended start.
    pub p50_ms: Option<f64>,
    /// Its 95th percentile.
    pub p95_ms: Option<f64>,
    /// Its 99th percentile.
    pub p99_ms: Option<f64>,
    /// The longest.
    pub max_ms: Option<f64>,
}

impl Second {
    /// The second of what was recorded of one kind in it; `in_flight` is under way at its end.
    pub fn of(at_s: u64, kind: usize, record: &OperationRecord, in_flight: u64) -> Self {
        let at = |quantile| record.latency.quantile_ms(quantile);
        Self {
            at_s,
            kind,
            planned: record.planned,
            sent: record.sent,
            ok: record.ok,
            failed: record.failures(),
            refused: record.refused,
            in_flight,
            p50_ms: at(0.5),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            max_ms: record.latency.max_ms(),
        }
    }
}

/// What has happened so far, ten times a second.
#[derive(Clone, Debug, Default)]
pub struct Live {
    /// Since the start.
    pub elapsed: Duration,
    /// What fell due.
    pub planned: u64,
    /// What was started.
    pub sent: u64,
    /// What ended well.
    pub ok: u64,
    /// What failed.
    pub failed: u64,
    /// What was not started for want of room.
    pub refused: u64,
    /// What is under way.
    pub in_flight: u64,
    /// Failures by class.
    pub classes: BTreeMap<String, u64>,
    /// What ended since the last step.
    pub step: Beat,
    /// How late what was started since the last step left.
    pub lag: Histogram,
}

/// Everything a load recorded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadResult {
    /// What was planned.
    pub plan: Option<Plan>,
    /// When it started, in milliseconds since 1970.
    pub started_unix_ms: u64,
    /// From the first intended start to the end of the last operation, in seconds.
    pub elapsed_s: f64,
    /// How it ended.
    pub ending: LoadEnding,
    /// The records by kind.
    pub operations: BTreeMap<String, OperationRecord>,
    /// Names of the kinds as the seconds count them.
    pub kinds: Vec<String>,
    /// Second by second.
    pub seconds: Vec<Second>,
    /// How fit this computer was.
    pub generator: Generator,
    /// Why this may not be all that happened, or not what was planned: what is wrong with the reports of workers
    /// elsewhere. Nothing is judged by such a record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<String>,
    /// Who sent it, where it was not this computer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fleet: Option<Fleet>,
    /// What was read back of what it wrote, where that was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stored: Option<Stored>,
    /// Why the log of the latencies is not whole, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_problem: Option<String>,
}

impl LoadResult {
    /// All kinds together.
    pub fn total(&self) -> OperationRecord {
        let mut total = OperationRecord::default();
        self.operations.values().for_each(|record| total.merge(record));
        total
    }

    /// Operations that failed or were never answered. What was under way when a person ended the load is none of them: it
    /// could have been answered.
    pub fn bad(&self, record: &OperationRecord) -> u64 {
        let given_up = if self.ending == LoadEnding::Completed { record.abandoned } else { 0 };
        record.failures().saturating_add(given_up)
    }
}

/// After so long a second is complete: every worker has handed over what belongs to it.
const GRACE: Duration = Duration::from_millis(300);

/// Adds up intervals.
pub(crate) struct Collector {
    plan: Plan,
    kinds: Vec<String>,
    begin: Instant,
    orders: Orders,
    emptied: Vec<std_mpsc::Sender<Box<Interval>>>,
    totals: Vec<OperationRecord>,
    open: BTreeMap<u64, Vec<OperationRecord>>,
    closed_before: u64,
    seconds: Vec<Second>,
    in_flight: Vec<u64>,
    step: Beat,
    lag: Histogram,
    last_end: Instant,
}

impl Collector {
    pub(crate) fn new(
        plan: Plan,
        kinds: Vec<String>,
        begin: Instant,
        orders: Orders,
        emptied: Vec<std_mpsc::Sender<Box<Interval>>>,
    ) -> Self {
        let totals = vec![OperationRecord::default(); kinds.len()];
        Self {
            plan,
            in_flight: vec![0; kinds.len()],
            kinds,
            begin,
            orders,
            emptied,
            totals,
            open: BTreeMap::new(),
            closed_before: 0,
            seconds: Vec::new(),
            step: Beat::default(),
            lag: Histogram::new(),
            last_end: begin,
        }
    }

    fn take(&mut self, worker: usize, interval: Box<Interval>) {
        let middle = interval.from + interval.to.saturating_duration_since(interval.from) / 2;
        let second = middle.saturating_duration_since(self.begin).as_secs().max(self.closed_before);
        let kinds = self.kinds.len();
        let open = self.open.entry(second).or_insert_with(|| vec![OperationRecord::default(); kinds]);
        for ((record, total), second) in interval.kinds.iter().zip(&mut self.totals).zip(open) {
            total.merge(record);
            second.planned += record.planned;
            second.sent += record.sent;
            second.refused += record.refused;
            second.abandoned += record.abandoned;
            second.ok += record.ok;
            let failures = record.failures();
            if failures > 0 {
                *second.failed.entry(String::new()).or_default() += failures;
            }
            second.latency.merge(&record.latency);
            self.step.ok += record.ok;
            self.step.failed += failures;
            self.step.latency.merge(&record.latency);
            self.lag.merge(&record.lag);
            if record.ok + failures + record.abandoned > 0 {
                self.last_end = self.last_end.max(interval.to);
            }
        }
        // The worker may have ended; then its memory is not needed again.
        let _ = self.emptied.get(worker).map(|back| back.send(interval));
    }

    /// Closes the seconds that are over at `now`.
    fn close(&mut self, now: Instant, log: &mut HdrLog) {
        while let Some(entry) = self.open.first_entry() {
            let at_s = *entry.key();
            if now < self.begin + Duration::from_secs(at_s + 1) + GRACE {
                break;
            }
            for (kind, record) in entry.remove().into_iter().enumerate() {
                let failed = record.failures();
                self.in_flight[kind] = (self.in_flight[kind] + record.sent)
                    .saturating_sub(record.ok + failed + record.abandoned);
                log.write(&self.kinds[kind], at_s, &record.latency);
                self.seconds.push(Second::of(at_s, kind, &record, self.in_flight[kind]));
            }
            self.closed_before = at_s + 1;
        }
    }

    fn live(&mut self, now: Instant) -> Live {
        let mut live = Live { elapsed: now.saturating_duration_since(self.begin), ..Live::default() };
        for total in &self.totals {
            live.planned += total.planned;
            live.sent += total.sent;
            live.ok += total.ok;
            live.failed += total.failures();
            live.refused += total.refused;
            live.in_flight += total.in_flight();
            for (class, count) in &total.failed {
                *live.classes.entry(class.clone()).or_default() += count;
            }
        }
        live.step = std::mem::take(&mut self.step);
        live.lag = std::mem::take(&mut self.lag);
        live
    }
}

/// Collects until the last worker has ended.
pub(crate) fn run(
    mut collector: Collector,
    mut said: mpsc::UnboundedReceiver<(usize, Said)>,
    publish: &watch::Sender<Live>,
    threads: Vec<JoinHandle<()>>,
    log: Option<Box<dyn io::Write + Send>>,
) -> LoadResult {
    let wall = SystemTime::now();
    let host_before = HostTime::now();
    let mut log = HdrLog::new(log, wall);
    let mut times: Vec<Option<ThreadTime>> = Vec::new();
    let mut fitness = None;
    if let Ok(runtime) = Builder::new_current_thread().enable_time().build() {
        runtime.block_on(async {
            let watch = FitnessWatch::start();
            let mut steps = interval(STEP);
            steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    one = said.recv() => match one {
                        Some((worker, Said::Recorded(interval))) => collector.take(worker, interval),
                        Some((_, Said::Ended(time))) => times.push(time),
                        None => break,
                    },
                    now = steps.tick() => {
                        collector.close(now, &mut log);
                        publish.send_replace(collector.live(now));
                    }
                }
            }
            fitness = Some(watch.read());
        });
    }
    let ended = Instant::now();
    let lost = threads.len().saturating_sub(times.len());
    // A thread that panicked said nothing at its end, and is counted by that.
    for thread in threads {
        drop(thread.join());
    }
    collector.close(ended + Duration::from_secs(24 * 3600), &mut log);
    publish.send_replace(collector.live(ended));
    let elapsed_s = ended.saturating_duration_since(collector.begin).as_secs_f64();
    let times: Vec<ThreadTime> = times.into_iter().flatten().collect();
    let share = |part: fn(&ThreadTime) -> u64| {
        let total = times.iter().map(|time| part(time) as f64 / 1e9).sum::<f64>();
        (!times.is_empty() && elapsed_s > 0.0).then(|| total / elapsed_s / times.len() as f64)
    };
    let (host_busy, stolen) = match (host_before, HostTime::now()) {
        (Some(before), Some(after)) => after.shares_since(before).unzip(),
        _ => (None, None),
    };
    let mut lag = Histogram::new();
    collector.totals.iter().for_each(|record| lag.merge(&record.lag));
    let sum = |part: fn(&OperationRecord) -> u64| collector.totals.iter().map(part).sum();
    let generator = Generator {
        watch: fitness.unwrap_or_default(),
        lag_p50_ms: lag.quantile_ms(0.5),
        lag_p99_ms: lag.quantile_ms(0.99),
        lag_p999_ms: lag.quantile_ms(0.999),
        lag_max_ms: lag.max_ms(),
        own_cpu: share(|time| time.ran),
        kept_waiting: share(|time| time.waited),
        host_busy,
        stolen,
        refused: sum(|record| record.refused),
        own_limits: sum(|record| record.failed.get(crate::failure::GENERATOR).copied().unwrap_or(0)),
        lost_workers: lost as u64,
    };
    let ending = match collector.orders.now() {
        Order::Run | Order::Pause => LoadEnding::Completed,
        Order::Drain => LoadEnding::Drained,
        Order::Abort => LoadEnding::Aborted,
    };
    LoadResult {
        plan: Some(collector.plan),
        started_unix_ms: wall
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
        elapsed_s: collector.last_end.saturating_duration_since(collector.begin).as_secs_f64(),
        ending,
        operations: collector.kinds.iter().cloned().zip(collector.totals).collect(),
        kinds: collector.kinds,
        seconds: collector.seconds,
        generator,
        doubts: Vec::new(),
        fleet: None,
        stored: None,
        log_problem: log.finish(),
    }
}
