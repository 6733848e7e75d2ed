//! HTTP/2: many requests at once over one connection, as browsers do.

use std::cell::RefCell;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::connect::Stream;
use super::deadline::Deadline;
use super::exchange::{Part, Trouble, exchange, of_hyper};
use super::target::{Ask, Target};
use crate::{Failure, FailureClass, Phases};

/// The connection that the lanes of one worker share.
#[derive(Default)]
pub(super) struct Shared {
    sender: RefCell<Option<SendRequest<Full<Bytes>>>>,
    /// Held by the one lane that opens a connection while the others wait for it.
    pub(super) opening: Mutex<()>,
}

impl Shared {
    /// The connection, if there is one that works.
    pub(super) fn sender(&self) -> Option<SendRequest<Full<Bytes>>> {
        self.sender.borrow().as_ref().filter(|sender| !sender.is_closed()).cloned()
    }

    /// Makes a connection the shared one.
    pub(super) async fn open(&self, stream: Stream) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let (sender, connection) = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(1024 * 1024)
            .initial_connection_window_size(16 * 1024 * 1024)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| of_hyper(&error, Part::Head))?;
        // Its end shows in every request that is under way.
        tokio::spawn(async move { drop(connection.await) });
        *self.sender.borrow_mut() = Some(sender.clone());
        Ok(sender)
    }
}

/// Sends one request and reads its answer.
pub(super) async fn ask(
    target: &Target,
    sender: &mut SendRequest<Full<Bytes>>,
    ask: Ask,
    deadline: &mut Deadline,
) -> Result<Phases, Trouble> {
    // The server bounds how many may be under way; beyond that a request waits here.
    match deadline.within(sender.ready()).await {
        Some(Ok(())) => {}
        Some(Err(_)) => return Err(Trouble::Unsent),
        None => return Err(Trouble::new(FailureClass::Timeout, "no room on the connection in time")),
    }
    let answer = sender.try_send_request(ask);
    let head = async move {
        answer.await.map_err(|mut error| match error.take_message() {
            Some(_) => Trouble::Unsent,
            None => Trouble::Failed(of_hyper(&error.into_error(), Part::Head)),
        })
    };
    exchange(target, head, Instant::now(), |_| {}, deadline).await.0
}
