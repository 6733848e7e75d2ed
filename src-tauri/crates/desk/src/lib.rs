//! What a person at a desk does around a check, without a window: rehearse, run, watch, keep, look back, operate.
//!
//! The window and the terminal both stand on this crate, so neither knows more than the other. [`view`] is the data that
//! crosses to the page, [`archive`] the folder of saved checks, [`live`] a running check ten times a second.

pub mod archive;
pub mod by_hand;
pub mod capacity;
pub mod clients;
pub mod comparing;
pub mod decisions;
pub mod desk;
pub mod error;
mod facts;
pub mod forms;
pub mod guide;
mod identity;
mod index;
pub mod lines;
pub mod live;
mod numbered;
pub mod operations;
pub mod planning;
mod receiving;
pub mod recovery;
pub mod rehearsal;
pub mod report;
pub mod saving;
pub mod summary;
mod ticking;
mod trends;
pub mod vault;
pub mod view;

pub use desk::Desk;
pub use error::DeskError;
pub use holdpoint_foreign::file;
pub use holdpoint_report::charts::Theme;
pub use holdpoint_report::files::write_whole;
