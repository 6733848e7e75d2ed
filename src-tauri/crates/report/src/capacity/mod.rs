//! A capacity run in words, tables, charts and Markdown. It is a capacity figure: nothing here says GO or NO-GO.

mod charts;
mod markdown;
mod read;
mod tables;
mod words;

pub use charts::of_capacity as charts;
pub use markdown::{render, with_charts};
pub use read::{is_one_at, parse, read, to_json};
pub use tables::{Rows, all as tables, thresholds};
pub use words::{NO_VERDICT, ended, explained, headline, model, wanted, worthless};
