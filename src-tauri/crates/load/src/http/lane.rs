//! A lane of requests: one at a time, over connections that it keeps.

use std::rc::Rc;
use std::sync::Arc;

use tokio::time::{Instant, timeout};

use super::connect::{Stream, connect};
use super::deadline::Deadline;
use super::exchange::Trouble;
use super::http1::Http1;
use super::http2::{self, Shared};
use super::target::{Kind, Target, Version};
use super::websocket::{self, Socket};
use crate::drive::Lane;
use crate::engine::{Lanes, Sending};
use crate::record::Outcome;
use crate::{Failure, FailureClass, Operation, Phases};

/// Makes the lanes of a load over HTTP.
#[derive(Clone, Debug)]
pub struct HttpLanes(Arc<Target>);

impl HttpLanes {
    /// Lanes to a target.
    pub fn new(target: Target) -> Self {
        Self(Arc::new(target))
    }

    /// The target.
    pub fn target(&self) -> &Target {
        &self.0
    }
}

impl Lanes for HttpLanes {
    type Lane = HttpLane;

    fn worker(&self) -> impl FnMut() -> HttpLane {
        let (target, shared) = (Arc::clone(&self.0), Rc::new(Shared::default()));
        move || HttpLane {
            target: Arc::clone(&target),
            shared: Rc::clone(&shared),
            link: None,
            deadline: Deadline::new(),
        }
    }

    // Compiled here, with what this crate is compiled for, and not by whoever starts a load.
    fn run(&self, thread: Sending) {
        thread.run(self);
    }
}

/// What a lane is connected by.
enum Link {
    One(Box<Http1>),
    Many(hyper::client::conn::http2::SendRequest<http_body_util::Full<bytes::Bytes>>),
    Socket(Box<Socket>),
}

/// One request at a time.
pub struct HttpLane {
    target: Arc<Target>,
    shared: Rc<Shared>,
    link: Option<Link>,
    deadline: Deadline,
}

/// How often another connection is tried after one that turned out closed before anything was sent.
const FRESH_TRIES: u32 = 3;

impl Lane for HttpLane {
    async fn perform(&mut self, operation: Operation) -> Outcome {
        let mut spent = Phases::default();
        for _ in 0..FRESH_TRIES {
            match self.attempt(operation.kind, &mut spent).await {
                Ok(phases) => {
                    let Phases { resolve, connect, tls, .. } = spent;
                    return Ok(Phases { resolve, connect, tls, ..phases });
                }
                Err(Trouble::Failed(failure)) => return Err(failure),
                Err(Trouble::Unsent) => self.link = None,
            }
        }
        Err(Failure::new(
            FailureClass::Reset,
            "each new connection was closed before a request could be sent",
        ))
    }
}

impl HttpLane {
    async fn attempt(&mut self, kind: usize, spent: &mut Phases) -> Result<Phases, Trouble> {
        let mut link = self.link(kind, spent).await.map_err(Trouble::Failed)?;
        let target = &*self.target;
        let now = Instant::now();
        self.deadline.set(now, target.options.timeouts.request);
        let (outcome, again) = match &mut link {
            Link::One(connection) => {
                connection.ask(target, target.asks[kind].clone(), now, &mut self.deadline).await
            }
            Link::Many(sender) => {
                let ask = target.whole[kind].clone();
                let outcome = http2::ask(target, sender, ask, &mut self.deadline).await;
                (outcome, !sender.is_closed())
            }
            Link::Socket(socket) => {
                let Kind::Message(text) = &target.options.kind else {
                    return Err(Trouble::new(FailureClass::Assertion, "a WebSocket without a message"));
                };
                let outcome = Box::pin(websocket::say(socket, text, &mut self.deadline)).await;
                let again = outcome.is_ok();
                (outcome.map_err(Trouble::Failed), again)
            }
        };
        if again && target.options.keep_connections {
            self.link = Some(link);
        }
        outcome
    }

    /// The connection of before if it still works, or a new one.
    async fn link(&mut self, kind: usize, spent: &mut Phases) -> Result<Link, Failure> {
        if let Some(mut link) = self.link.take() {
            let usable = match &mut link {
                Link::One(connection) => connection.is_usable().await,
                Link::Many(sender) => !sender.is_closed(),
                Link::Socket(_) => true,
            };
            if usable {
                return Ok(link);
            }
        }
        // Opening a connection is rare and takes much room, which every request would have to find.
        Box::pin(self.open(kind, spent)).await
    }

    /// A new connection, or the one that is shared.
    async fn open(&mut self, kind: usize, spent: &mut Phases) -> Result<Link, Failure> {
        let options = &self.target.options;
        let message = matches!(options.kind, Kind::Message(_));
        let may_share = !message
            && options.keep_connections
            && (options.version == Version::Http2
                || (options.version == Version::Auto && self.target.tls.is_some()));
        if !may_share {
            let stream = self.stream(spent).await?;
            if message {
                let started = Instant::now();
                self.deadline.set(started, options.timeouts.request);
                let socket = websocket::open(&self.target, kind, stream, &mut self.deadline).await?;
                spent.connect += started.elapsed();
                return Ok(Link::Socket(Box::new(socket)));
            }
            if stream.chose_http2() || options.version == Version::Http2 {
                return Ok(Link::Many(Shared::default().open(stream).await?));
            }
            return Ok(Link::One(Box::new(Http1::new(stream).await?)));
        }
        if let Some(sender) = self.shared.sender() {
            return Ok(Link::Many(sender));
        }
        let started = Instant::now();
        let shared = Rc::clone(&self.shared);
        let limits = &options.timeouts;
        // Those who wait for another lane's attempt wait no longer than for one of their own.
        let opening = timeout(limits.resolve + limits.connect + limits.tls, shared.opening.lock())
            .await
            .map_err(|_| Failure::new(FailureClass::ConnectTimeout, "no connection in time"))?;
        if let Some(sender) = shared.sender() {
            // Another lane opened it; to this one that was a wait for a connection.
            spent.connect += started.elapsed();
            return Ok(Link::Many(sender));
        }
        let stream = self.stream(spent).await?;
        if stream.chose_http2() || options.version == Version::Http2 {
            return Ok(Link::Many(shared.open(stream).await?));
        }
        drop(opening);
        Ok(Link::One(Box::new(Http1::new(stream).await?)))
    }

    async fn stream(&self, spent: &mut Phases) -> Result<Stream, Failure> {
        let (stream, phases) = connect(&self.target).await?;
        spent.resolve += phases.resolve;
        spent.connect += phases.connect;
        spent.tls += phases.tls;
        Ok(stream)
    }
}
