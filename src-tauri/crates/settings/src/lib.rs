//! Saved environments, and their secrets in the keychain of the operating system.
//!
//! Environments are files a person can read and share; secrets are never in them.

mod environments;
mod keychain;

pub use environments::{Environments, StoreError};
pub use keychain::{Field, Keychain, KeychainError, Saved};
