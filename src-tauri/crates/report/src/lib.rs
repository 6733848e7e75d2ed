//! Results of a check as files: JSON that keeps the runbook's shape, and Markdown for a release manager; and results
//! of before us read back. Every report is a pure function of results and verdict.

pub mod capacity;
pub mod charts;
pub mod json;
pub mod markdown;
pub mod recorded;

pub use holdpoint_check::files;
pub use recorded::{ReadError, Recorded};

/// The name of the JSON file that the runbook promises.
pub const JSON_FILE: &str = "step3_results.json";
/// The name of the Markdown file that the runbook promises.
pub const MARKDOWN_FILE: &str = "step3_results.md";
/// The JSON Schema of the JSON file.
pub const SCHEMA: &str = include_str!("../schema/step3_results.schema.json");
