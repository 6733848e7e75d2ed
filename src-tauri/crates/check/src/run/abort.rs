//! Asking a check to stop: once, and it ends safely; twice, and it does not wait for anything any more.

use std::sync::{Arc, OnceLock};

use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use crate::event::Event;
use crate::journal::Emitter;

/// The way to stop a check. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Abort {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Load ends.
    load: CancellationToken,
    /// Waiting for services ends too.
    waiting: CancellationToken,
    reason: OnceLock<String>,
    /// Set once the request is in the journal, or the check has ended without one.
    told: OnceCell<()>,
}

impl Abort {
    /// Stops the check safely: no new operation starts, services that were touched are waited for, the journal gets its
    /// end. `reason` says who wants it. A second request changes nothing.
    pub fn request(&self, reason: &str) {
        // The first one is the reason.
        let _ = self.inner.reason.set(reason.to_owned());
        self.inner.load.cancel();
    }

    /// The same without waiting for services that were touched; the report says that they were not seen to be back.
    pub fn request_at_once(&self, reason: &str) {
        self.request(reason);
        self.inner.waiting.cancel();
    }

    /// Whether somebody asked for the end.
    pub fn is_requested(&self) -> bool {
        self.inner.load.is_cancelled()
    }

    /// Cancelled when load must end.
    pub(super) fn load(&self) -> CancellationToken {
        self.inner.load.clone()
    }

    /// Cancelled when waiting for services must end too.
    pub(super) fn waiting(&self) -> CancellationToken {
        self.inner.waiting.clone()
    }

    /// Why.
    pub(super) fn reason(&self) -> String {
        self.inner.reason.get().cloned().unwrap_or_else(|| "the journal cannot be written".into())
    }

    /// Writes the request down as soon as there is one.
    pub(super) async fn tell_when_requested(&self, emit: &Emitter) {
        self.inner.load.cancelled().await;
        self.tell(emit).await;
    }

    /// Writes the request down, if there is one and it is not in the journal yet. After this none is written any more.
    pub(super) async fn tell(&self, emit: &Emitter) {
        self.inner
            .told
            .get_or_init(|| async {
                if self.is_requested() {
                    emit.emit_durably(Event::AbortRequested { reason: self.reason() }).await;
                }
            })
            .await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_request_is_the_reason_and_only_one_at_once_ends_the_waiting() {
        let abort = Abort::default();
        assert!(!abort.is_requested());
        abort.request("Ctrl-C");
        abort.request("the window was closed");
        assert!(abort.is_requested() && !abort.waiting().is_cancelled());
        abort.request_at_once("Ctrl-C again");
        assert!(abort.waiting().is_cancelled());
        assert_eq!(abort.reason(), "Ctrl-C");
    }
}
