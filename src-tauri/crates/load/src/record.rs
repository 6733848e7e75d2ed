//! What a load recorded, one record an operation kind.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use tokio::time::Instant;

use crate::engine::Said;
use crate::{Failure, Histogram, Operation};

/// The longest example of a failure that is kept.
const EXAMPLE_LIMIT: usize = 300;

/// How long the parts of one operation took; what did not happen is zero and not recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phases {
    /// Finding the address of the host name.
    pub resolve: Duration,
    /// Opening the connection.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// From the request to the head of the answer (of a stream: to its first event).
    pub first_byte: Duration,
    /// From there to the end of the answer.
    pub body: Duration,
    /// The longest silence between two events of a stream.
    pub longest_gap: Duration,
}

/// Histograms of [`Phases`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PhaseRecord {
    /// Finding the address of the host name.
    pub resolve: Histogram,
    /// Opening the connection.
    pub connect: Histogram,
    /// The TLS handshake.
    pub tls: Histogram,
    /// From the request to the head of the answer, or to the first event.
    pub first_byte: Histogram,
    /// From there to the end of the answer.
    pub body: Histogram,
    /// The longest silence between two events of each stream.
    pub longest_gap: Histogram,
}

impl PhaseRecord {
    fn is_empty(&self) -> bool {
        self.named().iter().all(|(_, histogram)| histogram.is_empty())
    }

    /// Each phase with its name, in the order in which they happen.
    pub fn named(&self) -> [(&'static str, &Histogram); 6] {
        [
            ("resolve", &self.resolve),
            ("connect", &self.connect),
            ("tls", &self.tls),
            ("first byte", &self.first_byte),
            ("body", &self.body),
            ("longest gap", &self.longest_gap),
        ]
    }

    fn record(&mut self, phases: &Phases) {
        for (histogram, took) in [
            (&mut self.resolve, phases.resolve),
            (&mut self.connect, phases.connect),
            (&mut self.tls, phases.tls),
            (&mut self.first_byte, phases.first_byte),
            (&mut self.body, phases.body),
            (&mut self.longest_gap, phases.longest_gap),
        ] {
            if !took.is_zero() {
                histogram.record(took);
            }
        }
    }

    fn each(&mut self) -> [&mut Histogram; 6] {
        [
            &mut self.resolve,
            &mut self.connect,
            &mut self.tls,
            &mut self.first_byte,
            &mut self.body,
            &mut self.longest_gap,
        ]
    }

    fn merge(&mut self, other: &Self) {
        for (own, (_, other)) in self.each().into_iter().zip(other.named()) {
            own.merge(other);
        }
    }
}

/// Everything recorded of one kind of operation.
///
/// `planned = sent + refused + waiting` and `sent = ok + failures + abandoned + in flight`, always and exactly. After
/// the end nothing is waiting unless the load was cut off, and nothing is in flight.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct OperationRecord {
    /// Operations the plan asked for until now.
    #[serde(deserialize_with = "count")]
    pub planned: u64,
    /// Operations that were started; less than `planned` only after an abort, or where some were refused.
    #[serde(deserialize_with = "count")]
    pub sent: u64,
    /// Operations that were not started because too many were in flight.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "count")]
    pub refused: u64,
    /// Operations that were started and not waited for to the end: what was in flight when the load was cut off.
    #[serde(default, skip_serializing_if = "is_zero", deserialize_with = "count")]
    pub abandoned: u64,
    /// Operations that ended as they should.
    #[serde(deserialize_with = "count")]
    pub ok: u64,
    /// Failed operations by class.
    #[serde(deserialize_with = "counts")]
    pub failed: BTreeMap<String, u64>,
    /// Latency of successful operations from their intended start.
    pub latency: Histogram,
    /// Latency of successful operations from their real start.
    pub service: Histogram,
    /// Time from when an operation could have left to when it did: how late the generator itself was. One that had to wait
    /// because too many were under way could leave when one of them ended.
    pub lag: Histogram,
    /// Time from intended start to failure of every failed operation.
    #[serde(default, skip_serializing_if = "Histogram::is_empty")]
    pub failed_after: Histogram,
    /// Where the time of successful operations went.
    #[serde(default, skip_serializing_if = "PhaseRecord::is_empty")]
    pub phases: PhaseRecord,
    /// What was seen first of each class of failure.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub examples: BTreeMap<String, String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// More operations than any load has, so that sums of such counts do not run over: one that did could read as none.
const COUNT_LIMIT: u64 = 1 << 40;
/// More classes of failure than there are.
const CLASS_LIMIT: usize = 1000;

fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let count = u64::deserialize(deserializer)?;
    if count <= COUNT_LIMIT {
        return Ok(count);
    }
    Err(serde::de::Error::custom(format!("{count} operations are more than any load has")))
}

fn counts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, u64>, D::Error> {
    let counts = BTreeMap::<String, u64>::deserialize(deserializer)?;
    if counts.len() <= CLASS_LIMIT && counts.values().all(|count| *count <= COUNT_LIMIT) {
        return Ok(counts);
    }
    Err(serde::de::Error::custom("more failures than any load has"))
}

impl OperationRecord {
    /// All failures.
    pub fn failures(&self) -> u64 {
        self.failed.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// What is under way.
    pub fn in_flight(&self) -> u64 {
        self.sent.saturating_sub(self.ok + self.failures() + self.abandoned)
    }

    /// What was planned and is neither sent nor refused.
    pub fn waiting(&self) -> u64 {
        self.planned.saturating_sub(self.sent + self.refused)
    }

    /// Adds every sample and count of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.planned = self.planned.saturating_add(other.planned);
        self.sent = self.sent.saturating_add(other.sent);
        self.refused = self.refused.saturating_add(other.refused);
        self.abandoned = self.abandoned.saturating_add(other.abandoned);
        self.ok = self.ok.saturating_add(other.ok);
        for (class, count) in &other.failed {
            add(&mut self.failed, class, *count);
        }
        for (class, example) in &other.examples {
            if !self.examples.contains_key(class) {
                self.examples.insert(class.clone(), example.clone());
            }
        }
        self.latency.merge(&other.latency);
        self.service.merge(&other.service);
        self.lag.merge(&other.lag);
        self.failed_after.merge(&other.failed_after);
        self.phases.merge(&other.phases);
    }

    fn ended(&mut self, latency: Duration, service: Duration, outcome: &Outcome) {
        match outcome {
            Ok(phases) => {
                self.ok += 1;
                self.latency.record(latency);
                self.service.record(service);
                self.phases.record(phases);
            }
            Err(failure) => {
                let class = failure.class.word();
                if !self.examples.contains_key(&*class) {
                    let example = failure.detail.chars().take(EXAMPLE_LIMIT).collect();
                    self.examples.insert(class.to_string(), example);
                }
                add(&mut self.failed, &class, 1);
                self.failed_after.record(latency);
            }
        }
    }

    /// Forgets everything and keeps the memory of the histograms.
    fn clear(&mut self) {
        (self.planned, self.sent, self.refused, self.abandoned, self.ok) = (0, 0, 0, 0, 0);
        self.failed.clear();
        self.examples.clear();
        for histogram in [&mut self.latency, &mut self.service, &mut self.lag, &mut self.failed_after] {
            histogram.clear();
        }
        for histogram in self.phases.each() {
            histogram.clear();
        }
    }
}

fn add(counts: &mut BTreeMap<String, u64>, class: &str, count: u64) {
    if let Some(known) = counts.get_mut(class) {
        *known += count;
    } else {
        counts.insert(class.to_owned(), count);
    }
}

/// How one operation ended.
pub type Outcome = Result<Phases, Failure>;

/// What one worker recorded in a short while. Adding up all intervals gives the whole.
#[derive(Clone, Debug)]
pub struct Interval {
    /// When it began.
    pub from: Instant,
    /// When it ended.
    pub to: Instant,
    /// The records, in the order of the kinds.
    pub kinds: Vec<OperationRecord>,
}

/// Where the intervals of a worker go, and where emptied ones come back from.
pub(crate) struct Outlet {
    pub(crate) worker: usize,
    pub(crate) send: tokio::sync::mpsc::UnboundedSender<(usize, Said)>,
    pub(crate) emptied: std::sync::mpsc::Receiver<Box<Interval>>,
    pub(crate) every: Duration,
}

/// Collects the records of one worker. Nobody else touches it, so nothing is locked.
pub struct Recorder {
    names: Arc<[String]>,
    current: Box<Interval>,
    outlet: Option<(Outlet, Instant)>,
}

impl Recorder {
    /// A recorder of these kinds of operations.
    pub fn new(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let names: Arc<[String]> = names.into_iter().map(Into::into).collect();
        let now = Instant::now();
        let kinds = vec![OperationRecord::default(); names.len()];
        Self { names, current: Box::new(Interval { from: now, to: now, kinds }), outlet: None }
    }

    /// Hands over what was recorded at each step of the outlet.
    pub(crate) fn with_outlet(mut self, outlet: Outlet, start: Instant) -> Self {
        let next = start + outlet.every;
        self.outlet = Some((outlet, next));
        self
    }

    /// How many kinds there are.
    pub(crate) fn kinds(&self) -> usize {
        self.names.len()
    }

    /// Announces `count` operations of a kind, so that what was never sent is visible.
    pub fn plan(&mut self, kind: usize, count: u64) {
        self.current.kinds[kind].planned += count;
    }

    /// Announces `count` operations of kinds that take turns.
    pub(crate) fn plan_in_turn(&mut self, count: u64) {
        let kinds = self.names.len() as u64;
        for (kind, record) in (0..).zip(&mut self.current.kinds) {
            record.planned += count / kinds + u64::from(kind < count % kinds);
        }
    }

    /// Notes that an operation that could have left at `ready` left at `began`.
    pub(crate) fn sent(&mut self, operation: &Operation, ready: Instant, began: Instant) {
        let record = &mut self.current.kinds[operation.kind];
        record.sent += 1;
        record.lag.record(began.saturating_duration_since(ready));
    }

    /// Notes that an operation was not started, for want of room.
    pub(crate) fn refused(&mut self, operation: &Operation) {
        self.current.kinds[operation.kind].refused += 1;
    }

    /// Notes that an operation was started and is not waited for.
    pub(crate) fn abandoned(&mut self, kind: usize, count: u64) {
        self.current.kinds[kind].abandoned += count;
    }

    /// Notes the end of an operation.
    pub(crate) fn ended(
        &mut self,
        operation: &Operation,
        started: Instant,
        ended: Instant,
        outcome: &Outcome,
    ) {
        self.current.kinds[operation.kind].ended(
            ended.saturating_duration_since(operation.intended),
            ended.saturating_duration_since(started),
            outcome,
        );
    }

    /// When the next interval is to be handed over.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.outlet.as_ref().map(|(_, next)| *next)
    }

    /// Hands over the interval if its time has come; `last` hands over what there is.
    pub(crate) fn hand_over(&mut self, now: Instant, last: bool) {
        let Some((outlet, next)) = &mut self.outlet else { return };
        if now < *next && !last {
            return;
        }
        while *next <= now {
            *next += outlet.every;
        }
        let mut fresh = outlet.emptied.try_recv().unwrap_or_else(|_| {
            let kinds = vec![OperationRecord::default(); self.names.len()];
            Box::new(Interval { from: now, to: now, kinds })
        });
        fresh.kinds.iter_mut().for_each(OperationRecord::clear);
        (fresh.from, fresh.to) = (now, now);
        let mut full = std::mem::replace(&mut self.current, fresh);
        full.to = now;
        // Whoever listened is gone only when the load as a whole is given up.
        let _ = outlet.send.send((outlet.worker, Said::Recorded(full)));
    }

    /// What is recorded and not handed over, by name.
    pub fn finish(self) -> BTreeMap<String, OperationRecord> {
        self.names.iter().cloned().zip(self.current.kinds).collect()
    }
}
