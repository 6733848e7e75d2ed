//! The real window, driven through `WebKitWebDriver` on a screen of its own, with a real keychain on a bus of its own.
//!
//! Each test starts the built application as a person would. What fails leaves a screenshot and the page's state in
//! `ui/failures`.

#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod access;
mod capacity;
mod checks;
mod compare;
mod desktop;
mod files;
mod secrets;
