//! What a load is told while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Context;

use futures::task::AtomicWaker;

/// What a load is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// Go on.
    #[default]
    Run,
    /// Start nothing until told to run again; the schedule waits too.
    Pause,
    /// Start nothing any more, and wait for what is in flight.
    Drain,
    /// End now; what is in flight is abandoned.
    Abort,
}

const ALL: [Order; 4] = [Order::Run, Order::Pause, Order::Drain, Order::Abort];

#[derive(Debug)]
struct Shared {
    order: AtomicU8,
    ears: Vec<AtomicWaker>,
}

/// Gives orders to every worker of a load. A drain or an abort is not taken back.
#[derive(Clone, Debug)]
pub struct Orders(Arc<Shared>);

impl Orders {
    /// Orders for `workers` workers.
    pub(crate) fn new(workers: usize) -> Self {
        let ears = (0..workers).map(|_| AtomicWaker::new()).collect();
        Self(Arc::new(Shared { order: AtomicU8::new(0), ears }))
    }

    /// Gives an order; one that would take back a drain or an abort changes nothing.
    pub fn give(&self, order: Order) {
        let number = ALL.iter().position(|one| *one == order).unwrap_or(0);
        let number = u8::try_from(number).unwrap_or(0);
        // Pause and run follow each other freely, all else only goes up.
        let _ = self.0.order.fetch_update(Ordering::AcqRel, Ordering::Acquire, |now| {
            (number > now || (now == 1 && number == 0)).then_some(number)
        });
        self.0.ears.iter().for_each(AtomicWaker::wake);
    }

    /// The order that holds.
    pub fn now(&self) -> Order {
        ALL[usize::from(self.0.order.load(Ordering::Acquire)).min(ALL.len() - 1)]
    }

    /// The ear of worker `worker`.
    pub(crate) fn ear(&self, worker: usize) -> Ear {
        Ear { orders: self.clone(), worker }
    }
}

/// Listens for orders.
#[derive(Debug)]
pub(crate) struct Ear {
    orders: Orders,
    worker: usize,
}

impl Ear {
    /// The order that holds.
    pub(crate) fn order(&self) -> Order {
        self.orders.now()
    }

    /// Wakes the task at the next order.
    pub(crate) fn listen(&self, context: &Context<'_>) {
        if let Some(ear) = self.orders.0.ears.get(self.worker) {
            ear.register(context.waker());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drain_and_an_abort_are_not_taken_back() {
        let orders = Orders::new(1);
        for (order, holds) in [
            (Order::Pause, Order::Pause),
            (Order::Run, Order::Run),
            (Order::Drain, Order::Drain),
            (Order::Run, Order::Drain),
            (Order::Abort, Order::Abort),
            (Order::Pause, Order::Abort),
        ] {
            orders.give(order);
            assert_eq!(orders.now(), holds);
        }
    }
}
