//! Workload models, an engine that sends them, and latency recording. Knows HTTP, knows nothing of AgentVerse.
//!
//! Latency is always taken from the *intended* start of an operation, beside the bare service time, so a stall of
//! the system under test cannot hide behind a generator that politely waited (coordinated omission). No sample is
//! ever made up. Samples go into HDR histograms where they are taken; only the histograms travel.

mod collect;
mod criteria;
mod drive;
mod engine;
mod failure;
mod fitness;
mod hdr_log;
mod histogram;
mod host;
pub mod http;
mod limit;
mod model;
mod orders;
mod pace;
mod packed;
pub mod plan;
mod pulse;
mod record;
mod schedule;
mod source;

pub use collect::{Live, LoadEnding, LoadResult, Second};
pub use criteria::{Bound, Judged, Judgement, State, Threshold, ThresholdError, judge};
pub use drive::Lane;
pub use engine::{Lanes, Running, STEP, StartError, start};
pub use failure::{Failure, FailureClass};
pub use fitness::{Fitness, FitnessLimits, FitnessWatch, Generator};
pub use hdr_log::HdrLog;
pub use histogram::{Histogram, HistogramError};
pub use host::allow_connections;
pub use limit::{Found, Limit, Search, Step, find};
pub use model::{constant_rate, rounds};
pub use orders::{Order, Orders};
pub use packed::Packed;
pub use pulse::{Beat, Pulse};
pub use record::{Interval, OperationRecord, Outcome, PhaseRecord, Phases, Recorder};
pub use schedule::{Arrival, Schedule};
pub use source::Operation;
