//! One request and its answer, over whichever version of HTTP.

use std::error::Error as _;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Response;
use hyper::body::{Body as _, Incoming};
use tokio::time::Instant;

use super::connect::of_io;
use super::deadline::Deadline;
use super::events;
use super::target::{Kind, Target};
use crate::{Failure, FailureClass, Phases};

/// Why there is no good answer.
pub(super) enum Trouble {
    /// Nothing was sent, because the connection had been closed before: another one may be tried.
    Unsent,
    /// The operation failed.
    Failed(Failure),
}

impl Trouble {
    pub(super) fn new(class: FailureClass, detail: impl Into<std::borrow::Cow<'static, str>>) -> Self {
        Self::Failed(Failure::new(class, detail))
    }
}

/// An answer whose body is being read.
pub(super) struct Answer<'a, D> {
    body: Incoming,
    /// Moves the connection on.
    drive: D,
    deadline: &'a mut Deadline,
    left: u64,
}

impl<D: FnMut(&mut Context<'_>)> Answer<'_, D> {
    /// The next piece of the body; none at its end.
    pub(super) fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        loop {
            let mut frame = Pin::new(&mut self.body).poll_frame(context);
            if frame.is_pending() {
                (self.drive)(context);
                frame = Pin::new(&mut self.body).poll_frame(context);
            }
            return match frame {
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers are no part of the body.
                    let Ok(piece) = frame.into_data() else { continue };
                    let Some(left) = self.left.checked_sub(piece.len() as u64) else {
                        let detail = "the answer is larger than allowed";
                        return Poll::Ready(Some(Err(Failure::new(FailureClass::Body, detail))));
                    };
                    self.left = left;
                    Poll::Ready(Some(Ok(piece)))
                }
                Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(of_hyper(&error, Part::Body)))),
                Poll::Pending => self.deadline.poll(context).map(|()| {
                    let detail = "the answer began and did not end in time";
                    Some(Err(Failure::new(FailureClass::BodyTimeout, detail)))
                }),
            };
        }
    }
}

/// Waits for the head of an answer to what was sent at `started`, then reads it to its end. `drive` moves the connection on where nobody else does.
/// The answer was read whole exactly when this is no `Failed` of an unread one: see the second value.
pub(super) async fn exchange<H, D>(
    target: &Target,
    head: H,
    started: Instant,
    mut drive: D,
    deadline: &mut Deadline,
) -> (Result<Phases, Trouble>, bool)
where
    H: Future<Output = Result<Response<Incoming>, Trouble>>,
    D: FnMut(&mut Context<'_>),
{
    let mut head = pin!(head);
    let answer = poll_fn(|context| {
        drive(context);
        match head.as_mut().poll(context) {
            Poll::Ready(answer) => Poll::Ready(answer),
            Poll::Pending => deadline
                .poll(context)
                .map(|()| Err(Trouble::new(FailureClass::Timeout, "no answer began in time"))),
        }
    })
    .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(trouble) => return (Err(trouble), false),
    };
    let head_at = Instant::now();
    let mut phases = Phases { first_byte: head_at - started, ..Phases::default() };
    let status = answer.status().as_u16();
    let mut answer = Answer { body: answer.into_body(), drive, deadline, left: target.options.body_limit };
    if target.options.kind == Kind::Events && target.expects(status) {
        let outcome = events::follow(answer, started, &mut phases).await;
        let whole = outcome.is_ok();
        return (outcome.map(|()| phases).map_err(Trouble::Failed), whole);
    }
    while !answer.body.is_end_stream() {
        match poll_fn(|context| answer.poll_piece(context)).await {
            Some(Ok(_)) => {}
            Some(Err(failure)) => return (Err(Trouble::Failed(failure)), false),
            None => break,
        }
    }
    phases.body = head_at.elapsed();
    let outcome = match status {
        _ if target.expects(status) => Ok(phases),
        429 => Err(Trouble::new(FailureClass::RateLimited, "the rate limiter refused (429)")),
        _ => Err(Trouble::new(FailureClass::Status(status), "")),
    };
    (outcome, true)
}

/// Where in an exchange an error came up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Head,
    Body,
}

/// The failure behind an error of hyper.
pub(super) fn of_hyper(error: &hyper::Error, part: Part) -> Failure {
    let mut source = error.source();
    let mut detail = error.to_string();
    while let Some(inner) = source {
        detail = format!("{detail}: {inner}");
        if let Some(io) = inner.downcast_ref::<std::io::Error>() {
            let short = io.kind() == std::io::ErrorKind::UnexpectedEof && part == Part::Body;
            let class = if short { FailureClass::Body } else { of_io(io, FailureClass::Reset).class };
            return Failure::new(class, detail);
        }
        source = inner.source();
    }
    let class = if error.is_parse() || error.is_parse_too_large() {
        FailureClass::Body
    } else if part == Part::Body && error.is_incomplete_message() {
        // The connection was closed in an orderly way before the answer was whole.
        FailureClass::Body
    } else {
        FailureClass::Reset
    };
    Failure::new(class, detail)
}
