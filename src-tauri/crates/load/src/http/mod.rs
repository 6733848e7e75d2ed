//! Operations over HTTP: requests, event streams, WebSocket messages. hyper without a client on top of it, which
//! would cost twice the processor time.

mod connect;
mod deadline;
mod events;
mod exchange;
mod http1;
mod http2;
mod lane;
mod target;
mod tls;
mod websocket;

pub use lane::HttpLanes;
pub use target::{Family, Kind, Options, Target, TargetError, Timeouts, Version};
