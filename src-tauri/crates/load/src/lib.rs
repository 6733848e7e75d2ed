//! Workload models and latency recording. Knows operations and time, knows nothing of AgentVerse.
//!
//! Latency is always taken from the *intended* start of an operation, beside the bare service time, so a stall of
//! the system under test cannot hide behind a generator that politely waited (coordinated omission). Samples go
//! into HDR histograms where they are taken; only the histograms travel.

mod fitness;
mod histogram;
mod model;
mod packed;
mod pulse;
mod record;

pub use fitness::{Fitness, FitnessLimits, FitnessWatch};
pub use histogram::{Histogram, HistogramError};
pub use model::{Operation, constant_rate, rounds};
pub use packed::Packed;
pub use pulse::{Beat, Pulse};
pub use record::{Failure, OperationRecord, Recorder};
