//! A lane at its post: it performs one operation after the other in the same memory. A future made anew for each operation
//! would have to be found room for and be moved, which costs more than recording it.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::time::Instant;

use crate::drive::Lane;
use crate::record::Outcome;
use crate::source::Operation;

/// What passes between a lane and whoever gives it operations.
#[derive(Debug, Default)]
struct Tray(Mutex<Paper>);

#[derive(Debug, Default)]
enum Paper {
    #[default]
    None,
    Asked(Operation),
    Done(Outcome),
    Relieved,
}

impl Tray {
    fn put(&self, paper: Paper) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = paper;
    }

    fn take(&self) -> Paper {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The next operation; none when the lane is relieved. Nothing wakes it: whoever puts something here looks at the
    /// lane afterwards.
    fn poll_asked(&self) -> Poll<Option<Operation>> {
        match self.take() {
            Paper::Asked(operation) => Poll::Ready(Some(operation)),
            Paper::Relieved => Poll::Ready(None),
            Paper::Done(outcome) => {
                self.put(Paper::Done(outcome));
                Poll::Pending
            }
            Paper::None => Poll::Pending,
        }
    }
}

async fn serve<L: Lane>(mut lane: L, tray: Arc<Tray>) -> L {
    while let Some(operation) = poll_fn(|_| tray.poll_asked()).await {
        let outcome = lane.perform(operation).await;
        tray.put(Paper::Done(outcome));
    }
    lane
}

/// A lane at its post.
pub(crate) struct Post<F> {
    serving: Pin<Box<F>>,
    tray: Arc<Tray>,
}

/// Puts a lane at a post.
pub(crate) fn post<L: Lane>(lane: L) -> Post<impl Future<Output = L>> {
    let tray = Arc::new(Tray::default());
    Post { serving: Box::pin(serve(lane, Arc::clone(&tray))), tray }
}

impl<L, F: Future<Output = L>> Post<F> {
    /// Performs an operation that starts at `started`.
    pub(crate) fn perform(self, operation: Operation, started: Instant) -> Performing<F> {
        self.tray.put(Paper::Asked(operation));
        Performing { post: Some(self), operation, started }
    }

    /// Takes the lane away from its post.
    pub(crate) fn relieve(mut self, context: &mut Context<'_>) -> Option<L> {
        self.tray.put(Paper::Relieved);
        match self.serving.as_mut().poll(context) {
            Poll::Ready(lane) => Some(lane),
            Poll::Pending => None,
        }
    }
}

/// An operation under way.
pub(crate) struct Performing<F> {
    post: Option<Post<F>>,
    operation: Operation,
    started: Instant,
}

/// An operation that has ended, and the post that is free again.
pub(crate) struct Done<F> {
    pub(crate) post: Post<F>,
    pub(crate) operation: Operation,
    pub(crate) started: Instant,
    pub(crate) ended: Instant,
    pub(crate) outcome: Outcome,
}

impl<L, F: Future<Output = L>> Future for Performing<F> {
    type Output = Done<F>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Done<F>> {
        let Some(mut post) = self.post.take() else { return Poll::Pending };
        // A lane leaves its post only when it is relieved, and then nothing is under way.
        let _ = post.serving.as_mut().poll(context);
        match post.tray.take() {
            Paper::Done(outcome) => {
                let (operation, started) = (self.operation, self.started);
                Poll::Ready(Done { post, operation, started, ended: Instant::now(), outcome })
            }
            _ => {
                self.post = Some(post);
                Poll::Pending
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{Failure, FailureClass, Phases};

    struct Odd(u64);

    impl Lane for Odd {
        async fn perform(&mut self, operation: Operation) -> Outcome {
            self.0 += 1;
            tokio::time::sleep(Duration::from_millis(operation.index)).await;
            if operation.index % 2 == 0 {
                return Err(Failure::new(FailureClass::Timeout, ""));
            }
            Ok(Phases::default())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lane_performs_one_after_the_other_and_comes_back() {
        let mut at = post(Odd(0));
        for index in 0..5 {
            let started = Instant::now();
            let operation = Operation { index, round: 0, kind: 0, intended: started };
            let done = at.perform(operation, started).await;
            assert_eq!((done.operation.index, done.outcome.is_ok()), (index, index % 2 == 1));
            assert_eq!(done.ended - started, Duration::from_millis(index));
            at = done.post;
        }
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert_eq!(at.relieve(&mut context).unwrap().0, 5);
    }
}
