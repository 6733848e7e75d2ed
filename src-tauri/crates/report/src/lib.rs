//! Results of a check as files: JSON that keeps the runbook's shape, Markdown and HTML for a release manager, JUnit for
//! CI systems, intervals for who wants to doubt them; a whole check in one file, with its sums and its signature; and
//! results of before us read back. Every report is a pure function of results and verdict.
//!
//! What people read comes from [`facts`], so that Markdown and HTML cannot say different things.

pub mod attestation;
pub mod bundle;
pub mod capacity;
pub mod charts;
pub mod details;
pub mod facts;
pub mod html;
pub mod intervals;
pub mod json;
pub mod junit;
pub mod manifest;
pub mod markdown;
pub mod recorded;
pub mod table;
pub mod verification;

pub use holdpoint_check::files;
pub use recorded::{ReadError, Recorded};

/// The name of the JSON file that the runbook promises.
pub const JSON_FILE: &str = "step3_results.json";
/// The name of the Markdown file that the runbook promises.
pub const MARKDOWN_FILE: &str = "step3_results.md";
/// The name of the JSON Schema beside it.
pub const SCHEMA_FILE: &str = "step3_results.schema.json";
/// The folder of the charts of the Markdown file.
pub const CHARTS_FOLDER: &str = "step3_results-charts";
/// The JSON Schema of the JSON file.
pub const SCHEMA: &str = include_str!("../schema/step3_results.schema.json");
