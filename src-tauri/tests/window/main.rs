//! The real window, driven through `WebKitWebDriver` on a screen of its own, with a real keychain on a bus of its own.
//!
//! Each test starts the built application as a person would. What fails leaves a screenshot and the page's state in
//! `ui/failures`.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod desktop;
mod journeys;
