//! The one loop that sends: takes operations from a source as they fall due, and records how they end.

use std::future::Future;
use std::task::Poll;
use std::time::Duration;

use futures::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::Instant;

use crate::orders::{Ear, Order};
use crate::pace::Pace;
use crate::plan::AtCap;
use crate::post::{Done, post};
use crate::record::{Outcome, Recorder};
use crate::source::{Operation, Source};

/// What performs one operation at a time, such as a connection.
pub trait Lane {
    /// Performs one operation to its end.
    fn perform(&mut self, operation: Operation) -> impl Future<Output = Outcome>;
}

/// How a worker is bounded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) in_flight: usize,
    pub(crate) at_cap: AtCap,
    /// From when on an arrival that would wait for room is refused instead; none where it may wait for ever.
    pub(crate) room_until: Option<Instant>,
    /// How long is waited for what is in flight once nothing starts any more.
    pub(crate) drain: Duration,
}

/// After so many endings in a row the schedule is looked at, so that a fast target cannot make arrivals late.
const ENDINGS_AT_ONCE: u32 = 32;

/// After so many turns without a pause the runtime gets its turn: operations that end at once would keep it from
/// seeing what the others wait for.
const TURNS_AT_ONCE: u32 = 64;

/// Sends everything the source has. Returns when all of it has ended, was refused, or was given up.
///
/// Every operation is started by the loop itself at its time and by nothing else; it holds the recorder alone, so
/// nothing is locked. Lanes are made as they are needed and used again, the one used last first, as browsers do with
/// connections. The lanes that are free at the end are handed back.
pub(crate) async fn drive<L: Lane>(
    source: &mut Source,
    bounds: Bounds,
    recorder: &mut Recorder,
    ear: &Ear,
    mut pace: Pace,
    mut new_lane: impl FnMut() -> L,
) -> Vec<L> {
    let mut running = FuturesUnordered::new();
    let mut idle = Vec::new();
    let mut in_flight = vec![0_u64; recorder.kinds()];
    let mut paused: Option<Instant> = None;
    let mut give_up_at: Option<Instant> = None;
    let mut room_until = bounds.room_until;
    // Since when there has been room for one more, after there was none.
    let mut room_since: Option<Instant> = None;
    std::future::poll_fn(|context| {
        let mut turns = 0;
        loop {
            turns += 1;
            if turns > TURNS_AT_ONCE {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let order = ear.order();
            match order {
                Order::Run => {
                    if let Some(since) = paused.take() {
                        let by = since.elapsed();
                        source.shift(by);
                        room_until = room_until.map(|until| until + by);
                    }
                }
                Order::Pause => {
                    paused.get_or_insert_with(Instant::now);
                }
                Order::Drain => {
                    paused = None;
                    source.close();
                }
                Order::Abort => {
                    source.close();
                    return Poll::Ready(());
                }
            }
            let mut endings = 0;
            while endings < ENDINGS_AT_ONCE {
                let Poll::Ready(Some(done)) = running.poll_next_unpin(context) else { break };
                let Done { post, operation, started, ended, outcome } = done;
                recorder.ended(&operation, started, ended, &outcome);
                in_flight[operation.kind] -= 1;
                if running.len() + 1 == bounds.in_flight {
                    room_since = Some(ended);
                }
                source.ended(ended);
                idle.push(post);
                endings += 1;
            }
            let now = Instant::now();
            let mut started = false;
            let waits = bounds.at_cap == AtCap::Wait && room_until.is_none_or(|until| now < until);
            while paused.is_none() && (!waits || running.len() < bounds.in_flight) {
                let Some(operation) = source.take(now, in_flight.len()) else { break };
                if source.announces() {
                    recorder.plan(operation.kind, 1);
                }
                if running.len() >= bounds.in_flight {
                    recorder.refused(&operation);
                    continue;
                }
                let free = idle.pop().unwrap_or_else(|| post(new_lane()));
                // The clock is read again: sending what fell due before took time.
                let began = if started { Instant::now() } else { now };
                let ready = room_since.map_or(operation.intended, |room| room.max(operation.intended));
                recorder.sent(&operation, ready, began);
                in_flight[operation.kind] += 1;
                running.push(free.perform(operation, began));
                started = true;
            }
            recorder.hand_over(now, false);
            if started || endings == ENDINGS_AT_ONCE {
                continue;
            }
            if paused.is_none() && source.is_done(now, running.is_empty()) {
                let limit = *give_up_at.get_or_insert_with(|| now + bounds.drain);
                if running.is_empty() || limit <= now {
                    return Poll::Ready(());
                }
            }
            let next = match paused {
                Some(_) => None,
                None if waits && running.len() >= bounds.in_flight => room_until,
                None => source.wakes_at(),
            };
            ear.listen(context);
            if ear.order() != order {
                continue;
            }
            match [next, recorder.due(), give_up_at].into_iter().flatten().min() {
                Some(at) => {
                    if pace.poll(context, at).is_pending() {
                        return Poll::Pending;
                    }
                }
                None => return Poll::Pending,
            }
        }
    })
    .await;
    for (kind, count) in in_flight.into_iter().enumerate() {
        recorder.abandoned(kind, count);
    }
    recorder.hand_over(Instant::now(), true);
    std::future::poll_fn(|context| {
        Poll::Ready(idle.drain(..).filter_map(|free| free.relieve(context)).collect())
    })
    .await
}
