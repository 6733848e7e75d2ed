//! What a person at a desk does around a check, without a window: rehearse, run, watch, keep, look back, operate.
//!
//! The window and the terminal both stand on this crate, so neither knows more than the other. [`view`] is the data that
//! crosses to the page.

pub mod view;
