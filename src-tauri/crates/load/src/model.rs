//! Loads within a larger task, performed by functions: what the tests of a check are made of.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::drive::{Bounds, Lane, drive};
use crate::orders::{Order, Orders};
use crate::pace::Pace;
use crate::plan::{Arrivals, AtCap, LONGEST, Stage};
use crate::record::{OperationRecord, Outcome, Recorder};
use crate::schedule::Schedule;
use crate::source::{Operation, Source};
use crate::{Failure, Phases};

/// Requests end by their own time limit, and what they answer counts; so these loads wait for all of them.
const AS_LONG_AS_IT_TAKES: Duration = LONGEST;

/// Runs `rounds` bursts of `concurrency` operations; a round starts when the one before has ended (the runbook's
/// L1: 20 concurrent requests × 3 rounds). All operations of a round have the same intended start.
///
/// Before each round `before_round` is awaited: a place to wait for a rate-limit window without counting the wait as
/// latency. Stops between rounds once it says `false`; what was not sent then stays visible as planned.
pub async fn rounds<P, F, B, G>(
    (concurrency, rounds): (u32, u32),
    mut before_round: B,
    perform: P,
) -> OperationRecord
where
    P: Fn(Operation) -> F,
    F: Future<Output = Result<(), Failure>>,
    B: FnMut(u32) -> G,
    G: Future<Output = bool>,
{
    let mut recorder = Recorder::new([""]);
    recorder.plan(0, u64::from(concurrency) * u64::from(rounds));
    let ear = Orders::new(1).ear(0);
    let bounds =
        Bounds { in_flight: usize::MAX, at_cap: AtCap::Wait, room_until: None, drain: AS_LONG_AS_IT_TAKES };
    for round in 0..rounds {
        if !before_round(round).await {
            break;
        }
        let mut source = Source::burst(round, concurrency);
        drive(&mut source, bounds, &mut recorder, &ear, Pace::coarse(), || Counted(&perform)).await;
    }
    only(recorder)
}

/// Starts one operation every `1 / per_second` (an open model: arrivals do not wait for answers) until `stop` ends or
/// `limit` operations were started, then waits for those in flight. At most `in_flight` run at once; an arrival beyond
/// that starts late, and its lateness is part of its latency; it is no lag of the generator, which could not send because
/// the target did not answer.
pub async fn constant_rate<P, F>(
    per_second: f64,
    (limit, in_flight): (u64, usize),
    stop: impl Future<Output = ()>,
    perform: P,
) -> OperationRecord
where
    P: Fn(Operation) -> F,
    F: Future<Output = Result<(), Failure>>,
{
    let mut recorder = Recorder::new([""]);
    let rate = per_second.max(0.001);
    let stages = [Stage::steady(rate, LONGEST)];
    let mut source = Source::open(Schedule::new(Arrivals::Constant, &stages), Instant::now(), limit);
    let orders = Orders::new(1);
    let ear = orders.ear(0);
    let bounds = Bounds { in_flight, at_cap: AtCap::Wait, room_until: None, drain: AS_LONG_AS_IT_TAKES };
    let stopping = async {
        stop.await;
        orders.give(Order::Drain);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        biased;
        () = stopping => {}
        _ = drive(&mut source, bounds, &mut recorder, &ear, Pace::coarse(), || Counted(&perform)) => {}
    }
    only(recorder)
}

/// A function whose operations have no phases to tell of.
struct Counted<'a, P>(&'a P);

impl<P, F> Lane for Counted<'_, P>
where
    P: Fn(Operation) -> F,
    F: Future<Output = Result<(), Failure>>,
{
    async fn perform(&mut self, operation: Operation) -> Outcome {
        (self.0)(operation).await.map(|()| Phases::default())
    }
}

fn only(recorder: Recorder) -> OperationRecord {
    recorder.finish().into_values().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio::sync::Notify;
    use tokio::time::{sleep, sleep_until};

    use super::*;
    use crate::FailureClass;

    const DONE: Result<(), Failure> = Ok(());

    #[tokio::test(start_paused = true)]
    async fn rounds_send_exactly_what_was_planned() {
        let record = rounds(
            (20, 3),
            |_| async { true },
            |operation| async move {
                sleep(Duration::from_millis(10)).await;
                if operation.index == 7 {
                    return Err(Failure::new(FailureClass::Status(500), ""));
                }
                DONE
            },
        )
        .await;
        assert_eq!((record.planned, record.sent, record.ok, record.failures()), (60, 60, 59, 1));
        assert_eq!(record.failed["status_500"], 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_round_leaves_its_operations_unsent() {
        let record = rounds((5, 3), |round| async move { round < 2 }, |_| async { DONE }).await;
        assert_eq!((record.planned, record.sent, record.waiting()), (15, 10, 5));
    }

    /// The fault a closed loop would hide: the target stalls, and arrivals during the stall must count as slow.
    #[tokio::test(start_paused = true)]
    async fn a_stall_shows_in_the_latency_of_every_arrival_it_delayed() {
        let start = Instant::now();
        let stall_ends = start + Duration::from_secs(1);
        let record = constant_rate(100.0, (200, 1), std::future::pending(), |_| async move {
            if Instant::now() < stall_ends {
                sleep_until(stall_ends).await;
            }
            DONE
        })
        .await;
        assert_eq!(record.ok, 200);
        let half = record.latency.rank_ms(150).unwrap();
        assert!(half > 400.0, "a quarter of the arrivals waited more than 400 ms, the record says {half}");
        assert!(record.service.rank_ms(150).unwrap() < 5.0, "service time alone hides the stall");
        let lag = record.lag.max_ms().unwrap();
        assert!(lag < 5.0, "the generator was free to send, the target was not: {lag}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_load_stops_when_told() {
        let (done, enough) = (AtomicU64::new(0), Notify::new());
        let record = constant_rate(10.0, (1000, 8), enough.notified(), |_| async {
            if done.fetch_add(1, Ordering::Relaxed) == 4 {
                enough.notify_one();
            }
            DONE
        })
        .await;
        assert_eq!(record.sent, record.planned);
        assert!((5..10).contains(&record.sent), "{}", record.sent);
    }
}
