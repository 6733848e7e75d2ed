//! A time limit that costs nothing while it is kept.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// A limit that moves on with each request. The timer behind it is not moved each time: it runs out for an older
/// limit at most once a timeout, and is then set to the newest.
#[derive(Debug)]
pub(super) struct Deadline {
    at: Instant,
    sleep: Pin<Box<Sleep>>,
}

impl Deadline {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { at: now, sleep: Box::pin(sleep_until(now)) }
    }

    pub(super) fn set(&mut self, now: Instant, limit: Duration) {
        self.at = now + limit;
    }

    /// Ready when the limit is over.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.sleep.deadline() > self.at {
                self.sleep.as_mut().reset(self.at);
            }
            ready!(self.sleep.as_mut().poll(context));
            if Instant::now() >= self.at {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(self.at);
        }
    }

    /// Awaits something within the limit; none when the limit was over first.
    pub(super) async fn within<F: Future>(&mut self, future: F) -> Option<F::Output> {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => self.poll(context).map(|()| None),
        })
        .await
    }
}
