//! Messages over a WebSocket.

use futures::{SinkExt as _, StreamExt as _};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::connect::{Stream, of_io};
use super::deadline::Deadline;
use super::target::Target;
use crate::{Failure, FailureClass, Phases};

pub(super) type Socket = WebSocketStream<Stream>;

/// Asks for the change of protocols; it counts as part of connecting.
pub(super) async fn open(
    target: &Target,
    kind: usize,
    stream: Stream,
    deadline: &mut Deadline,
) -> Result<Socket, Failure> {
    let whole = &target.whole[kind];
    let address = whole.uri().to_string().replacen("http", "ws", 1);
    let mut request = tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(address)
        .map_err(|error| of_socket(&error))?;
    request.headers_mut().extend(whole.headers().clone());
    let limit = usize::try_from(target.options.body_limit).unwrap_or(usize::MAX);
    let config = WebSocketConfig::default().max_message_size(Some(limit)).max_frame_size(Some(limit));
    match deadline.within(client_async_with_config(request, stream, Some(config))).await {
        Some(Ok((socket, _))) => Ok(socket),
        Some(Err(error)) => Err(of_socket(&error)),
        None => Err(Failure::new(FailureClass::Timeout, "no WebSocket in time")),
    }
}

/// Sends a message and waits for the next one.
pub(super) async fn say(socket: &mut Socket, text: &str, deadline: &mut Deadline) -> Result<Phases, Failure> {
    let started = Instant::now();
    let conversation = async {
        socket.send(Message::text(text)).await?;
        loop {
            match socket.next().await {
                Some(Ok(Message::Text(_) | Message::Binary(_))) => return Ok(()),
                // Pings are answered by the library.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Err(Error::ConnectionClosed),
                Some(Err(error)) => return Err(error),
            }
        }
    };
    match deadline.within(conversation).await {
        Some(Ok(())) => Ok(Phases { first_byte: started.elapsed(), ..Phases::default() }),
        Some(Err(error)) => Err(of_socket(&error)),
        None => Err(Failure::new(FailureClass::Timeout, "no message came back in time")),
    }
}

fn of_socket(error: &Error) -> Failure {
    let detail = error.to_string();
    match error {
        Error::Io(io) => Failure::new(of_io(io, FailureClass::Reset).class, detail),
        Error::ConnectionClosed | Error::AlreadyClosed => Failure::new(FailureClass::Reset, detail),
        Error::Http(answer) if answer.status().as_u16() == 429 => {
            Failure::new(FailureClass::RateLimited, detail)
        }
        Error::Http(answer) => Failure::new(FailureClass::Status(answer.status().as_u16()), detail),
        _ => Failure::new(FailureClass::Body, detail),
    }
}
