//! A running load as the page sees it: counts as they are, and every second once it is over.

use std::collections::{BTreeMap, VecDeque};

use holdpoint_load::plan::{Model, Plan};
use holdpoint_load::{Beat, Histogram, Live, Order, Seen};

use super::words;
use crate::error::DeskError;
use crate::ticking::{BATCH, SIGN_OF_LIFE_MS};
use crate::view::{CapacityLive, CapacityPhase, CapacityPoint, CapacityState, CapacityTry};

/// Seconds that are kept for a page that begins to watch: three hours, as many as the page keeps.
const KEPT: usize = 10_800;
/// Classes of failures and tries that one message names.
const NAMED: usize = 12;

/// The second that is under way.
#[derive(Debug, Default)]
struct Open {
    at_s: u64,
    beat: Beat,
    lag: Histogram,
    in_flight: u64,
}

/// Counts of the loads before the one under way.
#[derive(Debug, Default)]
struct Sums {
    planned: u64,
    sent: u64,
    ok: u64,
    failed: u64,
    refused: u64,
    classes: BTreeMap<String, u64>,
}

impl Sums {
    fn add(&mut self, live: &Live) {
        self.planned += live.planned;
        self.sent += live.sent;
        self.ok += live.ok;
        self.failed += live.failed;
        self.refused += live.refused;
        for (class, count) in &live.classes {
            *self.classes.entry(class.clone()).or_default() += count;
        }
    }
}

/// Folds what a load tells.
#[derive(Debug)]
pub(super) struct LiveFold {
    state: CapacityState,
    /// When the load under way began, on the clock of the whole.
    began_ms: u64,
    before: Sums,
    last: Live,
    open: Option<Open>,
    points: VecDeque<CapacityPoint>,
    /// How many points were ever there.
    counted: usize,
    /// Grows with everything that changes what is shown, but for time.
    version: u64,
    over: bool,
}

/// What a watcher has been sent.
#[derive(Debug, Default)]
pub(super) struct Sent {
    points: usize,
    version: Option<u64>,
    at_ms: u64,
    behind: bool,
}

impl LiveFold {
    pub(super) fn new(state: CapacityState) -> Self {
        Self {
            state,
            began_ms: 0,
            before: Sums::default(),
            last: Live::default(),
            open: None,
            points: VecDeque::new(),
            counted: 0,
            version: 0,
            over: false,
        }
    }

    /// Takes what a load tells; `now_ms` is on the clock of the whole.
    pub(super) fn see(&mut self, seen: &Seen<'_>, now_ms: u64) {
        self.version += 1;
        match seen {
            Seen::Started(plan) => self.begin(plan, now_ms),
            Seen::Live(live) => self.step(live),
            Seen::Tried(step) => {
                self.state.tried.push(CapacityTry {
                    rate: step.rate,
                    state: words::verdict(&step.judgement),
                    p95_ms: step.figures.p95_ms,
                });
            }
        }
    }

    fn begin(&mut self, plan: &Plan, now_ms: u64) {
        let last = std::mem::take(&mut self.last);
        self.before.add(&last);
        self.began_ms = now_ms;
        self.state.lasts_ms = plan.duration().and_then(|lasts| u64::try_from(lasts.as_millis()).ok());
        self.state.trying = self.state.trying.and(rate(plan));
        self.state.making.clear();
        if self.state.phase == CapacityPhase::Preparing {
            self.state.phase = CapacityPhase::Running;
        }
    }

    /// Something that takes long is being made for it.
    pub(super) fn making(&mut self, what: &str) {
        self.version += 1;
        what.clone_into(&mut self.state.making);
    }

    /// So many workers are there.
    pub(super) fn workers(&mut self, workers: u32) {
        self.version += 1;
        if let Some(known) = &mut self.state.workers {
            known.count = workers;
        }
    }

    /// Whether it can be told to pause: a master of Locust cannot.
    pub(super) fn can_pause(&self) -> bool {
        self.state.workers.is_none()
    }

    fn step(&mut self, live: &Live) {
        let into_ms = u64::try_from(live.elapsed.as_millis()).unwrap_or(u64::MAX);
        let at_s = self.began_ms.saturating_add(into_ms) / 1000;
        if self.open.as_ref().is_some_and(|open| open.at_s < at_s) {
            self.close();
        }
        let open = self.open.get_or_insert_with(|| Open { at_s, ..Open::default() });
        // Counts go on from what was told last: a step that was told while nobody listened lacks in the latencies alone.
        open.beat.ok += live.ok.saturating_sub(self.last.ok);
        open.beat.failed += live.failed.saturating_sub(self.last.failed);
        open.beat.latency.merge(&live.step.latency);
        open.lag.merge(&live.lag);
        open.in_flight = live.in_flight;
        self.last = Live { step: Beat::default(), lag: Histogram::new(), ..live.clone() };
    }

    /// A second is over.
    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let at = |quantile| open.beat.latency.quantile_ms(quantile);
        if self.points.len() == KEPT {
            self.points.pop_front();
        }
        self.counted += 1;
        self.points.push_back(CapacityPoint {
            at_ms: open.at_s.saturating_mul(1000),
            ok: open.beat.ok,
            failed: open.beat.failed,
            p50_ms: at(0.5),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            in_flight: open.in_flight,
            lag_ms: open.lag.quantile_ms(0.99),
        });
    }

    /// A person gave an order.
    pub(super) fn ordered(&mut self, order: Order) {
        self.version += 1;
        let phase = self.state.phase;
        self.state.phase = match order {
            _ if matches!(phase, CapacityPhase::Ending | CapacityPhase::Ended) => phase,
            Order::Abort => CapacityPhase::Ending,
            _ if phase == CapacityPhase::Draining => phase,
            Order::Drain => CapacityPhase::Draining,
            _ if phase == CapacityPhase::Preparing => phase,
            Order::Pause => CapacityPhase::Paused,
            Order::Run => CapacityPhase::Running,
        };
    }

    /// The load has ended; it is being saved, and what was made for it removed.
    pub(super) fn measured(&mut self) {
        self.version += 1;
        self.close();
        self.state.phase = CapacityPhase::Ending;
    }

    /// Its result is on the disk.
    pub(super) fn saved(&mut self) {
        self.version += 1;
        self.state.saved = true;
    }

    /// Something went wrong that belongs into no result.
    pub(super) fn tell(&mut self, error: DeskError) {
        self.version += 1;
        self.state.problem = Some(error.0);
    }

    /// Nothing more will come; `now_ms` is its end.
    pub(super) fn end(&mut self, now_ms: u64) {
        self.version += 1;
        self.state.phase = CapacityPhase::Ended;
        self.state.elapsed_ms = now_ms;
        self.over = true;
    }

    /// Whether there is a result to open, though something may still be cleaned up.
    pub(super) fn has_result(&self) -> bool {
        self.state.saved
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// The next message to a watcher; none while nothing but time changes, except once a second.
    pub(super) fn message(&self, sent: &mut Sent, now_ms: u64) -> Option<CapacityLive> {
        let whole = sent.version.is_none();
        let silent = now_ms.saturating_sub(sent.at_ms) < SIGN_OF_LIFE_MS;
        if sent.version == Some(self.version) && !sent.behind && (silent || self.over) {
            return None;
        }
        sent.version = Some(self.version);
        sent.at_ms = now_ms;
        // Points that are not kept any more are passed over.
        let gone = self.counted - self.points.len();
        let skip = sent.points.saturating_sub(gone);
        let take = if whole { usize::MAX } else { BATCH };
        let points: Vec<CapacityPoint> = self.points.iter().skip(skip).take(take).copied().collect();
        sent.points = sent.points.max(gone) + points.len();
        sent.behind = sent.points < self.counted;
        Some(CapacityLive { whole, state: self.state(now_ms), points })
    }

    fn state(&self, now_ms: u64) -> CapacityState {
        let (before, last) = (&self.before, &self.last);
        let mut classes = before.classes.clone();
        for (class, count) in &last.classes {
            *classes.entry(class.clone()).or_default() += count;
        }
        let mut classes: Vec<(String, u64)> = classes.into_iter().collect();
        classes.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
        classes.truncate(NAMED);
        let tried = &self.state.tried;
        CapacityState {
            elapsed_ms: if self.over { self.state.elapsed_ms } else { now_ms },
            into_ms: u64::try_from(last.elapsed.as_millis()).unwrap_or(u64::MAX),
            planned: before.planned + last.planned,
            sent: before.sent + last.sent,
            ok: before.ok + last.ok,
            failed: before.failed + last.failed,
            refused: before.refused + last.refused,
            in_flight: last.in_flight,
            classes,
            tried: tried[tried.len().saturating_sub(NAMED)..].to_vec(),
            ..self.state.clone()
        }
    }
}

fn rate(plan: &Plan) -> Option<f64> {
    match &plan.model {
        Model::Open { stages, .. } => stages.first().map(|stage| stage.to),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use holdpoint_check::environment::Kind;
    use holdpoint_load::plan::{Arrivals, Stage};

    use super::*;

    fn fold() -> LiveFold {
        let mut fold = LiveFold::new(CapacityState {
            number: 1,
            environment: "staging".into(),
            kind: Kind::Staging,
            origin: "https://api.example.org".into(),
            asked: "health".into(),
            load: "100 a second for 30 s".into(),
            started_at: "2026-01-31T14:02:00Z".into(),
            elapsed_ms: 0,
            lasts_ms: None,
            into_ms: 0,
            phase: CapacityPhase::Preparing,
            making: String::new(),
            workers: None,
            planned: 0,
            sent: 0,
            ok: 0,
            failed: 0,
            refused: 0,
            in_flight: 0,
            classes: Vec::new(),
            trying: None,
            tried: Vec::new(),
            problem: None,
            saved: false,
        });
        let stages = vec![Stage::steady(100.0, Duration::from_secs(30))];
        fold.see(&Seen::Started(&Plan::new(Model::Open { arrivals: Arrivals::Constant, stages })), 0);
        fold
    }

    fn live(ms: u64, ok: u64) -> Live {
        let mut step = Beat { ok: 1, ..Beat::default() };
        step.latency.record(Duration::from_millis(20));
        let classes = [("timeout".to_owned(), 2), ("reset".to_owned(), 5)].into();
        Live {
            elapsed: Duration::from_millis(ms),
            planned: ok,
            ok,
            failed: 7,
            classes,
            step,
            ..Live::default()
        }
    }

    #[test]
    fn every_second_is_told_once_and_counts_go_on_over_several_loads() {
        let mut fold = fold();
        let mut sent = Sent::default();
        assert!(fold.message(&mut sent, 0).unwrap().whole);
        for step in 1..=25_u64 {
            fold.see(&Seen::Live(&live(step * 100, step)), step * 100);
        }
        let message = fold.message(&mut sent, 2500).unwrap();
        let points: Vec<(u64, u64)> = message.points.iter().map(|point| (point.at_ms, point.ok)).collect();
        assert_eq!(points, [(0, 9), (1000, 10)]);
        assert_eq!(message.state.classes, [("reset".to_owned(), 5), ("timeout".to_owned(), 2)]);
        assert!(fold.message(&mut sent, 2600).is_none(), "nothing is new");
        assert!(fold.message(&mut sent, 3600).unwrap().points.is_empty(), "a sign of life");
        let plan = Plan::new(Model::Rounds { concurrency: 1, rounds: 1 });
        fold.see(&Seen::Started(&plan), 4000);
        fold.see(&Seen::Live(&live(100, 3)), 4100);
        let message = fold.message(&mut sent, 4200).unwrap();
        assert_eq!((message.state.ok, message.state.failed, message.points.len()), (28, 14, 1));
        fold.measured();
        fold.end(4300);
        assert_eq!(fold.message(&mut sent, 4400).unwrap().points.len(), 1);
        assert!(fold.message(&mut sent, 9000).is_none(), "nothing comes after the end");
    }

    #[test]
    fn a_message_stays_small_however_much_there_is_to_say() {
        let mut fold = fold();
        let mut sent = Sent::default();
        fold.message(&mut sent, 0);
        for step in 0..100 {
            let mut live = live(step * 1000, step);
            live.classes = (0..500).map(|class| (format!("status_{class}"), u64::MAX >> 20)).collect();
            fold.see(&Seen::Live(&live), step * 1000);
        }
        let mut heard = 0;
        while let Some(message) = fold.message(&mut sent, 99_000) {
            assert!(serde_json::to_vec(&message).unwrap().len() < 8 * 1024);
            heard += message.points.len();
        }
        assert_eq!(heard, 99);
    }

    #[test]
    fn an_order_that_cannot_be_taken_back_stays() {
        let mut fold = fold();
        for (order, phase) in [
            (Order::Pause, CapacityPhase::Paused),
            (Order::Run, CapacityPhase::Running),
            (Order::Drain, CapacityPhase::Draining),
            (Order::Run, CapacityPhase::Draining),
            (Order::Abort, CapacityPhase::Ending),
            (Order::Pause, CapacityPhase::Ending),
        ] {
            fold.ordered(order);
            assert_eq!(fold.state.phase, phase);
        }
    }
}
