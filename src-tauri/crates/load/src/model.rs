//! Workload models: who starts when.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::{Instant, sleep_until};

use crate::{Failure, Recorder};

/// One operation of a load, as the model hands it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its number over the whole load, from 0.
    pub index: u64,
    /// Its round, from 0; always 0 outside the rounds model.
    pub round: u32,
    /// When it should start; latency is counted from here.
    pub intended: Instant,
}

/// Runs `rounds` bursts of `concurrency` operations; a round starts when the one before has ended (the runbook's
/// L1: 20 concurrent requests × 3 rounds). All operations of a round have the same intended start.
///
/// `perform` yields the kind of the operation and how it ended. Before each round `before_round` is awaited: a place
/// to wait for a rate-limit window without counting the wait as latency. Stops between rounds once `stop` says so.
pub async fn rounds<P, F, B, G>(
    recorder: &Recorder,
    kind: &str,
    (concurrency, rounds): (u32, u32),
    mut before_round: B,
    perform: P,
) where
    P: Fn(Operation) -> F,
    F: Future<Output = Result<(), Failure>>,
    B: FnMut(u32) -> G,
    G: Future<Output = bool>,
{
    recorder.plan(kind, u64::from(concurrency) * u64::from(rounds));
    for round in 0..rounds {
        if !before_round(round).await {
            return;
        }
        let intended = Instant::now();
        let mut burst = FuturesUnordered::new();
        for slot in 0..concurrency {
            let index = u64::from(round) * u64::from(concurrency) + u64::from(slot);
            burst.push(one(recorder, kind, Operation { index, round, intended }, intended, &perform));
        }
        while burst.next().await.is_some() {}
    }
}

/// Starts one operation every `1 / per_second` (an open model: arrivals do not wait for answers) until `stop` is
/// true or `limit` operations were started, then waits for those in flight. At most `in_flight` run at once; an
/// arrival beyond that starts late, and its lateness is part of its latency; it is no lag of the generator, which could
/// not send because the target did not answer.
pub async fn constant_rate<P, F, S>(
    recorder: Arc<Recorder>,
    kind: &str,
    per_second: f64,
    (limit, in_flight): (u64, usize),
    stop: S,
    perform: P,
) where
    P: Fn(Operation) -> F,
    F: Future<Output = Result<(), Failure>>,
    S: Fn() -> bool,
{
    let interval = Duration::from_secs_f64(1.0 / per_second.max(0.001));
    let start = Instant::now();
    let mut running = FuturesUnordered::new();
    let mut index: u64 = 0;
    while index < limit && !stop() {
        let intended = start + interval.mul_f64(index as f64);
        let mut free = intended;
        while Instant::now() < intended || running.len() >= in_flight {
            tokio::select! {
                () = sleep_until(intended), if running.len() < in_flight => break,
                Some(()) = running.next(), if !running.is_empty() => free = free.max(Instant::now()),
            }
        }
        if stop() {
            break;
        }
        recorder.plan(kind, 1);
        running.push(one(&recorder, kind, Operation { index, round: 0, intended }, free, &perform));
        index += 1;
    }
    while running.next().await.is_some() {}
}

/// Runs one operation that could have left at `free`.
async fn one<P, F>(recorder: &Recorder, kind: &str, operation: Operation, free: Instant, perform: &P)
where
    P: Fn(Operation) -> F,
    F: Future<Output = Result<(), Failure>>,
{
    let started = Instant::now();
    recorder.sent(kind, started.saturating_duration_since(free));
    let outcome = perform(operation).await;
    let ended = Instant::now();
    recorder.ended(
        kind,
        ended.saturating_duration_since(operation.intended),
        ended.saturating_duration_since(started),
        &outcome,
    );
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn rounds_send_exactly_what_was_planned() {
        let recorder = Recorder::new();
        rounds(
            &recorder,
            "expand",
            (20, 3),
            |_| async { true },
            |operation| async move {
                sleep(Duration::from_millis(10)).await;
                if operation.index == 7 {
                    return Err(Failure { class: "status_500".into(), detail: String::new() });
                }
                Ok(())
            },
        )
        .await;
        let record = &recorder.snapshot()["expand"];
        assert_eq!((record.planned, record.sent, record.ok, record.failures()), (60, 60, 59, 1));
        assert_eq!(record.failed["status_500"], 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_round_leaves_its_operations_unsent() {
        let recorder = Recorder::new();
        rounds(&recorder, "expand", (5, 3), |round| async move { round < 2 }, |_| async { Ok(()) }).await;
        let record = &recorder.snapshot()["expand"];
        assert_eq!((record.planned, record.sent), (15, 10));
    }

    /// The fault a closed loop would hide: the target stalls, and arrivals during the stall must count as slow.
    #[tokio::test(start_paused = true)]
    async fn a_stall_shows_in_the_latency_of_every_arrival_it_delayed() {
        let recorder = Arc::new(Recorder::new());
        let start = Instant::now();
        let stall_ends = start + Duration::from_secs(1);
        constant_rate(
            Arc::clone(&recorder),
            "read",
            100.0,
            (200, 1),
            || false,
            |_| async move {
                if Instant::now() < stall_ends {
                    sleep_until(stall_ends).await;
                }
                Ok(())
            },
        )
        .await;
        let record = &recorder.snapshot()["read"];
        assert_eq!(record.ok, 200);
        let half = record.latency.rank_ms(150).unwrap();
        assert!(half > 400.0, "a quarter of the arrivals waited more than 400 ms, the record says {half}");
        assert!(record.service.rank_ms(150).unwrap() < 5.0, "service time alone hides the stall");
        let lag = record.lag.max_ms().unwrap();
        assert!(lag < 5.0, "the generator was free to send, the target was not: {lag}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_open_load_stops_when_told() {
        let recorder = Arc::new(Recorder::new());
        let done = AtomicU64::new(0);
        constant_rate(
            Arc::clone(&recorder),
            "write",
            10.0,
            (1000, 8),
            || done.load(Ordering::Relaxed) >= 5,
            |_| async {
                done.fetch_add(1, Ordering::Relaxed);
                Ok(())
            },
        )
        .await;
        let record = &recorder.snapshot()["write"];
        assert_eq!(record.sent, record.planned);
        assert!(record.sent < 10);
    }
}
