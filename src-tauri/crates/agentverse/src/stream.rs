//! Server-sent telemetry, one event at a time (API facts 4.7).

use std::pin::Pin;
use std::time::Duration;

use eventsource_stream::{EventStreamError, Eventsource as _};
use futures::{Stream, StreamExt as _, stream};
use holdpoint_foreign::text;
use serde::Deserialize;

use crate::error::{ApiError, ErrorClass};

/// The largest event that is read, with everything before it since the last one.
const EVENT_LIMIT: usize = 1024 * 1024;

/// What the parser gets at a time, in bytes.
const PIECE: usize = 4096;

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
    Pin<Box<dyn Stream<Item = Result<eventsource_stream::Event, EventStreamError<ApiError>>> + Send>>;

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
        let name = call.clone();
        let bytes = response
            .bytes_stream()
            .map(move |piece| piece.map_err(|error| ApiError::from_reqwest(name.clone(), &error)));
        Self::of_bytes(bytes, call)
    }

    /// The events in a stream of bytes, however they are cut into pieces.
    pub fn of_bytes<B, S>(bytes: S, call: impl Into<String>) -> Self
    where
        B: AsRef<[u8]> + Send + 'static,
        S: Stream<Item = Result<B, ApiError>> + Send + 'static,
    {
        let call = call.into();
        let mut whole = WholeLines::default();
        let name = call.clone();
        let ended = stream::once(std::future::ready(None));
        let lines = bytes.map(Some).chain(ended).map(move |piece| match piece {
            Some(Ok(piece)) => whole.take(piece.as_ref()).ok_or_else(|| {
                ApiError::new(ErrorClass::Body, name.clone(), "an event is larger than 1 MiB")
            }),
            Some(Err(error)) => Err(error),
            None => Ok(std::mem::take(&mut whole.rest)),
        });
        // With every line the parser moves all that follows, so it gets little at a time.
        let pieces = lines.flat_map(|lines| {
            let pieces: Vec<Result<Vec<u8>, ApiError>> = match lines {
                Ok(lines) => lines.chunks(PIECE).map(|piece| Ok(piece.to_vec())).collect(),
                Err(error) => vec![Err(error)],
            };
            stream::iter(pieces)
        });
        Self { events: Box::pin(pieces.eventsource()), call }
    }

    /// The next event, or why there is none. Waits at most `silence`.
    pub async fn next(&mut self, silence: Duration) -> Result<StreamEvent, StreamEnd> {
        let event = match tokio::time::timeout(silence, self.events.next()).await {
            Err(_) => return Err(StreamEnd::Silent(silence)),
            Ok(None) => return Err(StreamEnd::Closed),
            Ok(Some(Err(EventStreamError::Transport(error)))) => return Err(StreamEnd::Broken(error)),
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
            other => Ok(StreamEvent::Other(text::cut(other, 40))),
        }
    }

    fn foreign(&self, detail: &str) -> StreamEnd {
        StreamEnd::Broken(ApiError::new(ErrorClass::Body, self.call.clone(), detail))
    }
}

/// Hands on whole lines only, and counts: the parser behind it keeps what is not finished without a limit, and looks
/// through it again with every piece.
#[derive(Default)]
struct WholeLines {
    rest: Vec<u8>,
    /// Bytes since the last empty line, which ends an event.
    event: usize,
}

impl WholeLines {
    /// The lines that `piece` ends; none where an event grows too large.
    fn take(&mut self, piece: &[u8]) -> Option<Vec<u8>> {
        let mut is_empty = self.rest.iter().all(|byte| *byte == b'\r');
        let mut end = 0;
        for (place, byte) in piece.iter().enumerate() {
            self.event += 1;
            match byte {
                b'\n' => {
                    if is_empty {
                        self.event = 0;
                    }
                    (is_empty, end) = (true, place + 1);
                }
                b'\r' => {}
                _ => is_empty = false,
            }
            if self.event > EVENT_LIMIT {
                return None;
            }
        }
        if end == 0 {
            self.rest.extend_from_slice(piece);
            return Some(Vec::new());
        }
        let mut lines = std::mem::replace(&mut self.rest, piece[end..].to_vec());
        lines.extend_from_slice(&piece[..end]);
        Some(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SILENCE: Duration = Duration::from_secs(1);

    async fn events(pieces: Vec<Vec<u8>>) -> (Vec<StreamEvent>, StreamEnd) {
        let mut stream = TelemetryStream::of_bytes(stream::iter(pieces.into_iter().map(Ok)), "GET stream");
        let mut events = Vec::new();
        loop {
            match stream.next(SILENCE).await {
                Ok(event) => events.push(event),
                Err(end) => return (events, end),
            }
        }
    }

    #[tokio::test]
    async fn events_are_the_same_however_the_bytes_are_cut() {
        let text = ": ping\r\n\r\nevent: tick\ndata: {\"tick\":\ndata: 7}\n\nevent: complete\ndata: {\"final_tick\": 7}\n\n";
        let expected = [StreamEvent::Tick(7), StreamEvent::Complete { final_tick: Some(7) }];
        for size in 1..text.len() {
            let pieces = text.as_bytes().chunks(size).map(<[u8]>::to_vec).collect();
            assert_eq!(events(pieces).await, (expected.to_vec(), StreamEnd::Closed), "{size}");
        }
    }

    /// Neither a line without an end nor an event without one is kept for ever.
    #[tokio::test]
    async fn what_never_ends_is_cut_off_at_the_limit() {
        for piece in ["x".repeat(65_536), "data: x\n".repeat(8192), ":\n".repeat(32_768)] {
            let endless = stream::repeat(piece.into_bytes()).map(Ok);
            let mut stream = TelemetryStream::of_bytes(endless, "GET stream");
            match stream.next(Duration::from_secs(60)).await {
                Err(StreamEnd::Broken(error)) => assert!(error.detail.contains("1 MiB"), "{error}"),
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn names_of_events_are_inert() {
        let (events, _) = events(vec![b"event: a\x1b[2Jb\ndata: x\n\n".to_vec()]).await;
        assert_eq!(events, [StreamEvent::Other("a\u{fffd}[2Jb".into())]);
    }
}
