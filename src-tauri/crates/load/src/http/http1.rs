//! HTTP/1.1 over one connection.

use std::error::Error as _;
use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{Connection, SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;

use super::connect::Stream;
use super::deadline::Deadline;
use super::exchange::{Part, Trouble, exchange, of_hyper};
use super::target::{Ask, Target};
use crate::{Failure, FailureClass, Phases};

/// A connection, moved on by the very task that uses it: no second task has to be woken for each request.
pub(super) struct Http1 {
    send: SendRequest<Full<Bytes>>,
    connection: Driven,
}

struct Driven {
    /// Gone once it has ended: only that gives back a request which it did not take.
    connection: Option<Pin<Box<Connection<TokioIo<Stream>, Full<Bytes>>>>>,
    /// How it ended, once it has.
    ended: Option<hyper::Result<()>>,
}

impl Driven {
    fn drive(&mut self, context: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && let Poll::Ready(end) = connection.as_mut().poll(context)
        {
            self.ended = Some(end);
            self.connection = None;
        }
    }
}

impl Http1 {
    pub(super) async fn new(stream: Stream) -> Result<Self, Failure> {
        let (send, connection) =
            handshake(TokioIo::new(stream)).await.map_err(|error| of_hyper(&error, Part::Head))?;
        Ok(Self { send, connection: Driven { connection: Some(Box::pin(connection)), ended: None } })
    }

    /// Whether another request can go over this connection. One that the server closes hands back what was not sent.
    pub(super) async fn is_usable(&mut self) -> bool {
        poll_fn(|context| {
            // It was mostly moved on to here by the end of the last answer.
            if self.connection.ended.is_none() && self.send.poll_ready(context).is_pending() {
                self.connection.drive(context);
            }
            if self.connection.ended.is_some() {
                return Poll::Ready(false);
            }
            // A connection that neither ended nor is ready still has to do with the last answer.
            Poll::Ready(matches!(self.send.poll_ready(context), Poll::Ready(Ok(()))))
        })
        .await
    }

    /// Sends one request and reads its answer. The second value says whether the connection can be used again.
    pub(super) async fn ask(
        &mut self,
        target: &Target,
        ask: Ask,
        now: Instant,
        deadline: &mut Deadline,
    ) -> (Result<Phases, Trouble>, bool) {
        let answer = self.send.try_send_request(ask);
        let head = async move {
            answer.await.map_err(|mut error| match error.take_message() {
                Some(_) => Trouble::Unsent,
                None => Trouble::Failed(of_hyper(&error.into_error(), Part::Head)),
            })
        };
        let connection = &mut self.connection;
        let (outcome, whole) =
            exchange(target, head, now, |context| connection.drive(context), deadline).await;
        if whole && outcome.is_ok() && self.is_followed_by_more() {
            let detail = "more came after the end of the answer, where nothing had been asked";
            return (Err(Trouble::new(FailureClass::Body, detail)), false);
        }
        (outcome, whole && self.connection.ended.is_none())
    }

    /// Whether bytes follow the end of an answer that belong to none: its length was wrong. That a connection is closed
    /// or breaks after a whole answer is no fault of that answer, and has a cause in the system.
    fn is_followed_by_more(&self) -> bool {
        // What brought the end of the answer has looked at what came with it.
        matches!(&self.connection.ended, Some(Err(error)) if error.source().is_none())
    }
}
