//! Server-sent telemetry, one event at a time (API facts 4.7).

use std::pin::Pin;
use std::time::Duration;

use eventsource_stream::{EventStreamError, Eventsource as _};
use futures::{Stream, StreamExt as _};
use serde::Deserialize;

use crate::error::{ApiError, ErrorClass};

/// What a telemetry stream delivers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEvent {
    /// One tick.
    Tick(i64),
    /// The stream says it is complete, with the tick it ended on.
    Complete {
        /// The last tick.
        final_tick: Option<i64>,
    },
    /// An event of another kind, kept by name.
    Other(String),
}

/// Why a stream gave no next event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// The server closed it in an orderly way.
    Closed,
    /// The connection broke.
    Broken(ApiError),
    /// Nothing came for this long.
    Silent(Duration),
}

type Events =
    Pin<Box<dyn Stream<Item = Result<eventsource_stream::Event, EventStreamError<reqwest::Error>>> + Send>>;

/// An open telemetry stream.
pub struct TelemetryStream {
    events: Events,
    call: String,
}

impl std::fmt::Debug for TelemetryStream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TelemetryStream").field("call", &self.call).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct TickData {
    tick: i64,
}

#[derive(Deserialize)]
struct CompleteData {
    #[serde(default)]
    final_tick: Option<i64>,
}

impl TelemetryStream {
    pub(crate) fn new(response: reqwest::Response, call: String) -> Self {
        Self { events: Box::pin(response.bytes_stream().eventsource()), call }
    }

    /// The next event, or why there is none. Waits at most `silence`.
    pub async fn next(&mut self, silence: Duration) -> Result<StreamEvent, StreamEnd> {
        let event = match tokio::time::timeout(silence, self.events.next()).await {
            Err(_) => return Err(StreamEnd::Silent(silence)),
            Ok(None) => return Err(StreamEnd::Closed),
            Ok(Some(Err(EventStreamError::Transport(error)))) => {
                return Err(StreamEnd::Broken(ApiError::from_reqwest(self.call.clone(), &error)));
            }
            Ok(Some(Err(error))) => return Err(self.foreign(&error.to_string())),
            Ok(Some(Ok(event))) => event,
        };
        match event.event.as_str() {
            "tick" => serde_json::from_str::<TickData>(&event.data)
                .map(|data| StreamEvent::Tick(data.tick))
                .map_err(|error| self.foreign(&error.to_string())),
            "complete" => serde_json::from_str::<CompleteData>(&event.data)
                .map(|data| StreamEvent::Complete { final_tick: data.final_tick })
                .map_err(|error| self.foreign(&error.to_string())),
            other => Ok(StreamEvent::Other(other.chars().take(40).collect())),
        }
    }

    fn foreign(&self, detail: &str) -> StreamEnd {
        StreamEnd::Broken(ApiError::new(ErrorClass::Body, self.call.clone(), detail))
    }
}
