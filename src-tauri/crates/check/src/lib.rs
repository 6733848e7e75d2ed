//! A check: one GO/NO-GO execution of a suite against an environment, from preflight to verdict.
//!
//! One way data flows: [`plan::Plan`] → [`run`] emits [`event::Event`]s → the [`journal`] keeps them → [`fold`]
//! turns them into [`results::Results`] → [`judge`] turns those into a [`verdict::Verdict`]. Only the runner does
//! anything; fold and judge are pure, so a saved check can be replayed and no two views can disagree.

pub mod environment;
pub mod event;
pub mod files;
pub mod fold;
pub mod journal;
pub mod judge;
pub mod ledger;
mod line;
pub mod parameters;
pub mod plan;
pub mod quiet;
pub mod results;
pub mod run;
pub mod saved;
pub mod verdict;
pub mod waivers;
pub mod words;

pub use holdpoint_load::statistics;
