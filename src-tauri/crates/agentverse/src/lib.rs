//! A typed client of the AgentVerse API (the system under test), of the object store its evidence lies in, and
//! the rules that evidence packs and universe graphs must keep.
//!
//! Nothing here judges a release: the client says what was asked and what came back, with errors in classes.

pub mod answer;
pub mod client;
pub mod error;
pub mod evidence;
pub mod graph;
pub mod known;
pub mod pace;
pub mod storage;
pub mod stream;
pub mod types;

pub use client::Client;
pub use error::{ApiError, ErrorClass};
pub use known::KnownSecrets;
pub use secrecy::{ExposeSecret, SecretString};
