//! The same load on more than one machine. Locust sends it; the plan, the arrivals, the figures and the judgement are
//! Holdpoint's own.
//!
//! 1. [`FleetPlan`] is a load plan with everything that is asked, as data: requests of plain addresses, or operations of
//!    some steps each. [`Package::write`] makes a folder of it that needs nothing of Holdpoint: `locustfile.py`,
//!    `plan.json`, `requirements.txt` with exact versions and digests, and manifests for Kubernetes.
//! 2. [`send_here`] writes a package, makes the environment of Python that Locust runs in ([`Venv::ensure`]), and starts a
//!    master and workers on this computer ([`run_here`]). [`Master`] starts the load of a master that runs elsewhere,
//!    follows it, and fetches what came of it.
//! 3. Worker `i` of `W` takes the arrivals `k ≡ i (mod W)`, so the same seed gives the same arrivals over any number of
//!    workers and in Rust (`tests/vectors.json` is tried on both sides). Latency counts from the intended start.
//! 4. Each worker reports step by step: counts, HDR histograms and, where wanted, the ledger of its operations. The master
//!    writes the reports down as they came, one a line; it neither merges nor judges. A report carries a digest of itself
//!    and the digest of the plan, the file a digest of all its lines.
//! 5. [`gather`] reads that file and adds it up into the same [`LoadResult`](holdpoint_load::LoadResult) that the engine
//!    of this computer makes, and [`judge`](holdpoint_load::judge) judges it like any other. Integer counts of equal
//!    buckets add up exactly in any order. A report that is missing, late, repeated, out of order, damaged or of another
//!    plan, a worker that vanished, and a clock that is off are *doubts*, each with the name of the worker: nothing is
//!    then proven, for the target or against it, and no load is judged over fewer operations than it had.
//!
//! Locust's own summary is kept beside ours as a check on sanity; it rounds to two digits and judges nothing. [`k6`]
//! writes a script with the same arrivals and criteria for those who use that; it is an export, and what it says is not
//! judged here.
//!
//! What Locust cannot do here: HTTP/2, messages over a WebSocket. Faults stay with the desktop.
//!
//! # What it costs
//!
#![doc = include_str!("../BENCH.md")]

mod evidence;
mod follow;
mod gather;
mod here;
pub mod k6;
mod ledger;
mod master;
mod package;
mod plan;
mod told;
mod venv;

pub use evidence::{EvidenceError, LINE_LIMIT};
pub use gather::{ClockLimits, Gathered, Sinks, gather};
pub use here::{Here, HereError, MOST_WORKERS_HERE, SendError, Sending, run_here, send_here};
pub use ledger::{Entry, Ledger};
pub use master::{Master, MasterError};
pub use package::{Package, PackageError};
pub use plan::{
    Check, FleetPlan, FleetPlanError, Holds, Http, LEDGER_LIMIT, Limits, Operation, Secrets, Step, Stream,
};
pub use venv::{Venv, VenvError};
