//! Workload models, an engine that sends them, and latency recording. Knows HTTP, knows nothing of AgentVerse.
//!
//! Latency is always taken from the *intended* start of an operation, beside the bare service time, so a stall of
//! the system under test cannot hide behind a generator that politely waited (coordinated omission). No sample is
//! ever made up. Samples go into HDR histograms where they are taken; only the histograms travel.

mod capacity;
mod collect;
mod criteria;
mod drive;
mod engine;
mod failure;
mod figures;
mod fitness;
mod fleet;
mod hdr_log;
mod histogram;
mod host;
pub mod http;
mod limit;
mod measure;
mod model;
mod orders;
mod pace;
mod packed;
pub mod plan;
mod post;
mod pulse;
mod record;
mod schedule;
mod source;
pub mod statistics;

pub use capacity::{Capacity, CapacityError, FORMAT};
pub use collect::{Live, LoadEnding, LoadResult, Second};
pub use criteria::{Asks, Judged, Judgement, State, Threshold, ThresholdError, judge};
pub use drive::Lane;
pub use engine::{Lanes, Running, STEP, Sending, StartError, start};
pub use failure::{Failure, FailureClass};
pub use figures::Figures;
pub use fitness::{Fitness, FitnessLimits, FitnessWatch, Generator};
pub use fleet::{Fleet, Stored, Summary, WorkerSeen};
pub use hdr_log::{HdrLog, LogLine, interval_log};
pub use histogram::{Histogram, HistogramError};
pub use host::allow_connections;
pub use limit::{Finder, Found, Limit, Search, Step};
pub use measure::{Control, Job, Measured, Seen, Wanted, measure};
pub use model::{constant_rate, rounds};
pub use orders::{Order, Orders};
pub use packed::Packed;
pub use pulse::{Beat, Pulse};
pub use record::{Interval, OperationRecord, Outcome, PhaseRecord, Phases, Recorder};
pub use schedule::{Arrival, Schedule};
pub use source::Operation;
