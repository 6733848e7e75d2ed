//! A typed client of the Railway API: the reads a check needs, the two mutations Holdpoint allows, and their guards.
//!
//! Names are shown, ids decide: before every mutation the deployment's project, environment and service, as answered
//! by Railway, must equal the ids a person confirmed (Railway facts 10.3). A mutation is never repeated blindly.

pub mod cli_config;
mod client;
mod documents;
mod error;
#[cfg(test)]
mod tests;
mod transport;
mod types;

pub use client::{Client, Pinned};
pub use error::Error;
pub use secrecy::{ExposeSecret, SecretString};
pub use transport::{mutation_answer, read_answer};
pub use types::{
    Budget, Deployment, EnvironmentState, Instance, LogLine, Reach, ServiceInstance, Status, Target,
    TokenKind, remedy_of,
};
