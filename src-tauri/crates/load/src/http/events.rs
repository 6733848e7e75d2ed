//! Event streams: when the first event came, the longest silence, and whether the stream ended as it should.

use std::task::Context;

use eventsource_stream::{EventStreamError, Eventsource as _};
use futures::StreamExt as _;
use futures::stream::poll_fn;
use tokio::time::Instant;

use super::exchange::Answer;
use crate::{Failure, FailureClass, Phases};

/// Follows a stream to its end.
pub(super) async fn follow<D: FnMut(&mut Context<'_>)>(
    mut answer: Answer<'_, D>,
    started: Instant,
    phases: &mut Phases,
) -> Result<(), Failure> {
    let mut events = poll_fn(move |context| answer.poll_piece(context)).eventsource();
    let mut last: Option<Instant> = None;
    while let Some(event) = events.next().await {
        match event {
            Ok(_) => {
                let now = Instant::now();
                match last {
                    None => phases.first_byte = now - started,
                    Some(last) => phases.longest_gap = phases.longest_gap.max(now - last),
                }
                last = Some(now);
            }
            Err(EventStreamError::Transport(failure)) => return Err(failure),
            Err(error) => return Err(Failure::new(FailureClass::Body, error.to_string())),
        }
    }
    if last.is_none() {
        return Err(Failure::new(FailureClass::Assertion, "the stream ended without an event"));
    }
    phases.body = started.elapsed().saturating_sub(phases.first_byte);
    Ok(())
}
