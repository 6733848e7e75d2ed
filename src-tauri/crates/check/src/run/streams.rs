//! Following a telemetry stream to its end, across cuts where that is wanted, and keeping account of every tick.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use holdpoint_agentverse::error::{ApiError, ErrorClass};
use holdpoint_agentverse::stream::{StreamEnd, StreamEvent};
use tokio::time::Instant;

use super::context::Context;
use crate::event::{StreamEndKind, StreamOutcome};
use crate::words::TestId;

/// What to follow and how patiently.
#[derive(Clone, Debug)]
pub(super) struct Follow {
    pub(super) test: TestId,
    pub(super) id: String,
    pub(super) run_id: String,
    pub(super) from_tick: i64,
    pub(super) to_tick: i64,
    /// A stream that gives nothing for this long hangs.
    pub(super) silence: Duration,
    /// Whether to reconnect after a cut, and for how long.
    pub(super) resume_for: Option<Duration>,
}

/// The speed of every stream: ten ticks a second, the fastest the API offers.
const SPEED: f64 = 10.0;
/// Lists of ticks in an outcome are cut here; the counts stay right.
const LIST_LIMIT: usize = 50;
/// Events beyond ten for each tick: a stream that never comes to its end is given up.
const SURPLUS: u64 = 1000;

/// Follows one stream. `seen` counts its events while it runs.
pub(super) async fn follow(context: &Context, plan: &Follow, seen: &AtomicU64) -> StreamOutcome {
    let mut account = Account::new(plan);
    let mut first_cut: Option<Instant> = None;
    let mut backoff = Duration::from_millis(200);
    let opened = Instant::now();
    loop {
        let start = account.next_tick();
        // A cut after the last tick but before the end event: ask for the last tick's successor all the same, the
        // server answers with the end event alone.
        let attempt = tokio::select! {
            () = context.stop.cancelled() => return account.finish(StreamEndKind::Aborted, "aborted", first_cut),
            attempt = context.api.telemetry_stream(&plan.run_id, start, SPEED) => attempt,
        };
        let cut = match attempt {
            Ok(mut stream) => {
                let mut last_event = Instant::now();
                loop {
                    let next = tokio::select! {
                        () = context.stop.cancelled() => {
                            return account.finish(StreamEndKind::Aborted, "aborted", first_cut);
                        }
                        next = stream.next(plan.silence) => next,
                    };
                    if next.is_ok() && account.is_endless() {
                        let what = "more events came than a stream of these ticks has";
                        return account.finish(StreamEndKind::Failed, what, first_cut);
                    }
                    match next {
                        Ok(StreamEvent::Tick(tick)) => {
                            let now = Instant::now();
                            account.tick(tick, now - last_event, now - opened, first_cut);
                            last_event = now;
                            backoff = Duration::from_millis(200);
                            seen.fetch_add(1, Ordering::Relaxed);
                        }
                        Ok(StreamEvent::Complete { final_tick }) => {
                            account.complete(final_tick);
                            return account.finish(StreamEndKind::Complete, "", first_cut);
                        }
                        Ok(StreamEvent::Other(name)) => {
                            if name == "error" {
                                break Cut { hung: false, error: None, what: "an error event".into() };
                            }
                        }
                        Err(StreamEnd::Silent(silence)) => {
                            let what = format!("no event for {:.0} s", silence.as_secs_f64());
                            break Cut { hung: true, error: None, what };
                        }
                        Err(StreamEnd::Closed) => {
                            break Cut {
                                hung: false,
                                error: None,
                                what: "closed without its end event".into(),
                            };
                        }
                        Err(StreamEnd::Broken(error)) => {
                            break Cut { hung: false, what: error.to_string(), error: Some(error) };
                        }
                    }
                }
            }
            Err(error) => {
                Cut { hung: error.class == ErrorClass::Timeout, what: error.to_string(), error: Some(error) }
            }
        };
        let since_cut = *first_cut.get_or_insert_with(Instant::now);
        let patient = plan.resume_for.is_some_and(|limit| since_cut.elapsed() < limit);
        let hopeless = cut.error.as_ref().is_some_and(is_final);
        if !patient || hopeless || cut.hung {
            let kind = match &cut {
                Cut { hung: true, .. } => StreamEndKind::Hung,
                Cut { error: Some(_), .. } => StreamEndKind::Failed,
                _ => StreamEndKind::ClosedEarly,
            };
            account.outcome.unanswered =
                cut.hung || cut.error.is_some_and(|error| error.class.is_unanswered());
            return account.finish(kind, &cut.what, first_cut);
        }
        account.outcome.resumed += 1;
        if !context.pause(backoff).await {
            return account.finish(StreamEndKind::Aborted, "aborted", first_cut);
        }
        backoff = (backoff * 2).min(Duration::from_secs(2));
    }
}

struct Cut {
    hung: bool,
    error: Option<ApiError>,
    what: String,
}

/// A refusal that trying again will not change. 404 is what an edge answers while a service starts.
fn is_final(error: &ApiError) -> bool {
    matches!(error.class, ErrorClass::Status(code) if (400..500).contains(&code) && code != 404)
        || error.class == ErrorClass::Assertion
}

struct Account {
    outcome: StreamOutcome,
    ticks: BTreeSet<i64>,
    highest: Option<i64>,
    events: u64,
}

impl Account {
    fn new(plan: &Follow) -> Self {
        Self {
            outcome: StreamOutcome {
                test: plan.test,
                id: plan.id.clone(),
                run_id: plan.run_id.clone(),
                from_tick: plan.from_tick,
                to_tick: plan.to_tick,
                received: 0,
                missing: Vec::new(),
                repeated: Vec::new(),
                out_of_order: Vec::new(),
                completed: false,
                wrong_final: None,
                first_event_ms: None,
                longest_gap_ms: 0.0,
                resumed: 0,
                resume_ms: None,
                end: StreamEndKind::Failed,
                detail: String::new(),
                unanswered: false,
            },
            ticks: BTreeSet::new(),
            highest: None,
            events: 0,
        }
    }

    fn next_tick(&self) -> i64 {
        self.highest.map_or(self.outcome.from_tick, |tick| tick.saturating_add(1))
    }

    /// Counts an event; whether there were far more than there can be.
    fn is_endless(&mut self) -> bool {
        self.events += 1;
        let ticks = self.outcome.to_tick.saturating_sub(self.outcome.from_tick).unsigned_abs();
        self.events > ticks.saturating_add(1).saturating_mul(10).saturating_add(SURPLUS)
    }

    fn tick(&mut self, tick: i64, gap: Duration, since_open: Duration, first_cut: Option<Instant>) {
        self.outcome.received += 1;
        let list = |list: &mut Vec<i64>| {
            if list.len() < LIST_LIMIT {
                list.push(tick);
            }
        };
        if !self.ticks.insert(tick) {
            list(&mut self.outcome.repeated);
        } else if self.highest.is_some_and(|highest| tick < highest) {
            list(&mut self.outcome.out_of_order);
        }
        self.highest = Some(self.highest.map_or(tick, |highest| highest.max(tick)));
        if self.outcome.first_event_ms.is_none() {
            self.outcome.first_event_ms = Some(since_open.as_secs_f64() * 1000.0);
        } else if let (Some(cut), None) = (first_cut, self.outcome.resume_ms) {
            self.outcome.resume_ms = Some(cut.elapsed().as_secs_f64() * 1000.0);
        } else {
            self.outcome.longest_gap_ms = self.outcome.longest_gap_ms.max(gap.as_secs_f64() * 1000.0);
        }
    }

    fn complete(&mut self, final_tick: Option<i64>) {
        let right = final_tick.is_none_or(|tick| tick == self.outcome.to_tick);
        if !right {
            self.outcome.wrong_final = final_tick;
        }
        self.outcome.completed = right;
    }

    fn finish(mut self, end: StreamEndKind, detail: &str, first_cut: Option<Instant>) -> StreamOutcome {
        if end != StreamEndKind::Aborted {
            self.outcome.missing = (self.outcome.from_tick..=self.outcome.to_tick)
                .filter(|tick| !self.ticks.contains(tick))
                .take(LIST_LIMIT)
                .collect();
        }
        if first_cut.is_none() {
            self.outcome.resume_ms = None;
        }
        self.outcome.end = end;
        self.outcome.detail = detail.into();
        self.outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(ticks: &[i64]) -> StreamOutcome {
        let plan = Follow {
            test: TestId::L3,
            id: "s".into(),
            run_id: "r".into(),
            from_tick: 0,
            to_tick: 4,
            silence: Duration::from_secs(1),
            resume_for: None,
        };
        let mut account = Account::new(&plan);
        for tick in ticks {
            account.tick(*tick, Duration::ZERO, Duration::ZERO, None);
        }
        account.complete(Some(4));
        account.finish(StreamEndKind::Complete, "", None)
    }

    #[test]
    fn a_whole_stream_has_nothing_to_report() {
        let outcome = account(&[0, 1, 2, 3, 4]);
        assert!(outcome.missing.is_empty() && outcome.repeated.is_empty() && outcome.out_of_order.is_empty());
        assert!(outcome.completed);
    }

    #[test]
    fn a_stream_that_goes_on_for_ever_is_given_up_and_the_last_tick_of_all_has_no_successor() {
        let mut account = Account::new(&Follow {
            test: TestId::L3,
            id: "s".into(),
            run_id: "r".into(),
            from_tick: 0,
            to_tick: 4,
            silence: Duration::from_secs(1),
            resume_for: None,
        });
        assert_eq!((0..10_000).position(|_| account.is_endless()), Some(1050));
        account.tick(i64::MAX, Duration::ZERO, Duration::ZERO, None);
        assert_eq!(account.next_tick(), i64::MAX);
    }

    #[test]
    fn missing_repeated_and_disordered_ticks_are_told_apart() {
        assert_eq!(account(&[0, 1, 3, 4]).missing, [2]);
        assert_eq!(account(&[0, 1, 1, 2, 3, 4]).repeated, [1]);
        assert_eq!(account(&[0, 2, 1, 3, 4]).out_of_order, [1]);
    }
}
