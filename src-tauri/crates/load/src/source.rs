//! Where a worker's operations come from: bursts, users, or the schedule of an open load.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::iter::Peekable;
use std::time::Duration;

use tokio::time::Instant;

use crate::schedule::{Arrival, Schedule};

/// One operation of a load, as the model hands it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its number over the whole load, from 0.
    pub index: u64,
    /// Its round, from 0; always 0 outside the rounds model.
    pub round: u32,
    /// Its kind, as the recorder counts them.
    pub kind: usize,
    /// When it should start; latency is counted from here.
    pub intended: Instant,
}

/// The operations of one worker.
#[derive(Debug)]
pub(crate) enum Source {
    /// All at once, announced beforehand.
    Burst { round: u32, next: u64, left: u32, intended: Instant },
    /// Users who wait for their answers.
    Users { waiting: BinaryHeap<Reverse<Instant>>, think: Duration, until: Instant, next: u64, step: u64 },
    /// Arrivals that wait for nothing.
    Open { schedule: Box<Peekable<Schedule>>, start: Instant, limit: u64 },
}

impl Source {
    pub(crate) fn burst(round: u32, concurrency: u32) -> Self {
        Self::Burst {
            round,
            next: u64::from(round) * u64::from(concurrency),
            left: concurrency,
            intended: Instant::now(),
        }
    }

    /// `users` of worker `worker` of `workers`, who start at `start` and ask until `until`.
    pub(crate) fn users(
        users: u32,
        think: Duration,
        (start, until): (Instant, Instant),
        (worker, workers): (u64, u64),
    ) -> Self {
        let waiting = (0..users).map(|_| Reverse(start)).collect();
        Self::Users { waiting, think, until, next: worker, step: workers }
    }

    /// Arrivals from `start` on, with numbers below `limit`.
    pub(crate) fn open(schedule: Schedule, start: Instant, limit: u64) -> Self {
        Self::Open { schedule: Box::new(schedule.peekable()), start, limit }
    }

    /// When the next operation is to start; none if nothing is to start before something ends.
    pub(crate) fn next_at(&mut self) -> Option<Instant> {
        match self {
            Self::Burst { left, intended, .. } => (*left > 0).then_some(*intended),
            Self::Users { waiting, until, .. } => {
                waiting.peek().map(|Reverse(at)| *at).filter(|at| at < until)
            }
            Self::Open { schedule, start, limit } => {
                schedule.peek().filter(|arrival| arrival.index < *limit).map(|arrival| *start + arrival.at)
            }
        }
    }

    /// Takes the next operation if its time has come. Kinds take turns.
    pub(crate) fn take(&mut self, now: Instant, kinds: usize) -> Option<Operation> {
        let intended = self.next_at().filter(|at| *at <= now)?;
        let mut round = 0;
        let index = match self {
            Self::Burst { round: burst, next, left, .. } => {
                *left -= 1;
                *next += 1;
                round = *burst;
                *next - 1
            }
            Self::Users { waiting, next, step, .. } => {
                waiting.pop();
                let index = *next;
                *next += *step;
                index
            }
            Self::Open { schedule, .. } => {
                let Arrival { index, .. } = schedule.next()?;
                index
            }
        };
        let kind = usize::try_from(index % kinds.max(1) as u64).unwrap_or(0);
        Some(Operation { index, round, kind, intended })
    }

    /// An operation ended; its user thinks and then asks again.
    pub(crate) fn ended(&mut self, at: Instant) {
        if let Self::Users { waiting, think, .. } = self {
            waiting.push(Reverse(at + *think));
        }
    }

    /// Whether operations have to be announced as they are taken.
    pub(crate) fn announces(&self) -> bool {
        !matches!(self, Self::Burst { .. })
    }

    /// Whether nothing starts any more; `quiet` says that nothing is under way.
    pub(crate) fn is_done(&mut self, now: Instant, quiet: bool) -> bool {
        match self {
            Self::Users { until, .. } if now < *until => quiet && self.next_at().is_none(),
            Self::Users { .. } => true,
            Self::Burst { .. } | Self::Open { .. } => self.next_at().is_none(),
        }
    }

    /// When there is something to see to, at the latest.
    pub(crate) fn wakes_at(&mut self) -> Option<Instant> {
        match self {
            Self::Users { until, .. } => {
                let until = *until;
                self.next_at().or_else(|| (Instant::now() < until).then_some(until))
            }
            Self::Burst { .. } | Self::Open { .. } => self.next_at(),
        }
    }

    /// Moves everything that is still to start, after a pause.
    pub(crate) fn shift(&mut self, by: Duration) {
        match self {
            Self::Burst { intended, .. } => *intended += by,
            Self::Users { waiting, until, .. } => {
                *until += by;
                *waiting = waiting.drain().map(|Reverse(at)| Reverse(at + by)).collect();
            }
            Self::Open { start, .. } => *start += by,
        }
    }

    /// Starts nothing any more.
    pub(crate) fn close(&mut self) {
        match self {
            Self::Burst { left, .. } => *left = 0,
            Self::Users { waiting, until, .. } => {
                waiting.clear();
                *until = Instant::now();
            }
            Self::Open { limit, .. } => *limit = 0,
        }
    }
}
