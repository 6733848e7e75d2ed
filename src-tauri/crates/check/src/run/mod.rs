//! Running a check: preflight, the tests one after another, a last look, clean-up. Only emits events.

mod api;
mod bucket;
mod c1;
mod c2;
mod c3;
mod context;
mod exports;
mod fault;
mod l1;
mod l2;
mod l3;
mod lock;
mod preflight;
mod prober;
mod rep;
mod runs;
mod session;
mod streams;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdpoint_agentverse::error::{ApiError, ErrorClass};
use holdpoint_load::{Beat, Failure, FailureClass, FitnessWatch};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

pub use self::context::ConnectError;
pub use self::lock::{Holder, LockError};
pub use self::preflight::preflight_rows;

use self::context::Context;
use self::session::Session;
use crate::environment::Secrets;
use crate::event::{CheckEnding, Ending, Event, Interval, JOURNAL_FORMAT, Phase, Record};
use crate::journal::{Emitter, Journal, JournalError};
use crate::plan::Plan;
use crate::words::TestId;

/// The name of the journal in the folder of a check.
pub const JOURNAL_FILE: &str = "journal.ndjson";

/// Why a check could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal cannot be created.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A client cannot be made.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The environment is being checked already.
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// A running check.
#[derive(Debug)]
pub struct Check {
    /// Its id.
    pub id: String,
    /// Where its journal is.
    pub journal: PathBuf,
    /// Every record from the first one on.
    pub records: broadcast::Receiver<Arc<Record>>,
    /// Stops the check safely: load ends, services touched are waited for, the journal gets its end.
    pub stop: CancellationToken,
    /// Ends when the check has ended and its journal is on the disk.
    pub done: JoinHandle<Result<(), JournalError>>,
}

/// Starts a check; its journal is created in `folder`.
pub fn start(plan: Plan, secrets: &Secrets, folder: &Path) -> Result<Check, StartError> {
    let id = uuid::Uuid::new_v4().to_string();
    let journal = folder.join(JOURNAL_FILE);
    let stop = CancellationToken::new();
    let (followers, records) = broadcast::channel(16_384);
    let held = lock::take(&lock::folder(), &plan.environment.api_url, &id)?;
    let clients = Context::connect(&plan, secrets)?;
    let (emit, writer) = Journal::create(&journal)?.start(followers);
    let context = Context::new(clients, plan, id.clone(), emit, stop.clone());
    let unwritten = stop.clone();
    let started = tokio::time::Instant::now();
    let done = tokio::spawn(async move {
        // The runner gets a task of its own, so that a defect in it still leaves a journal with every event so far.
        // The seconds hold the journal open, so they end with the runner however that ends.
        let seconds = tokio::spawn(intervals(context.pulse.clone(), context.emit.clone(), started));
        let seconds = AbortOnDropHandle::new(seconds);
        let runner = tokio::spawn(async move {
            run(context).await;
            drop(seconds);
        });
        let written = writer.await;
        // What cannot be recorded must not be done: no load and no fault without a journal.
        unwritten.cancel();
        let _ = runner.await;
        drop(held);
        match written {
            Ok(result) => result,
            Err(_) => Ok(()),
        }
    });
    Ok(Check { id, journal, records, stop, done })
}

/// Records every second that had requests in it, until it is ended.
async fn intervals(pulse: Arc<context::ApiPulse>, emit: Emitter, started: tokio::time::Instant) {
    let mut second = tokio::time::interval(std::time::Duration::from_secs(1));
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    second.tick().await;
    let mut from = started.elapsed();
    loop {
        second.tick().await;
        let now = started.elapsed();
        if let Some(Beat { ok, failed, latency }) = pulse.0.take() {
            let from_ms = u64::try_from(from.as_millis()).unwrap_or(u64::MAX);
            emit.emit(Event::Interval(Interval { from_ms, ok, failed, latency })).await;
        }
        from = now;
    }
}

async fn run(context: Context) {
    let began = tokio::time::Instant::now();
    let watch = FitnessWatch::start();
    let started = Event::CheckStarted {
        format: JOURNAL_FORMAT,
        check_id: context.check_id.clone(),
        holdpoint: env!("CARGO_PKG_VERSION").into(),
        plan: Box::new(context.plan.clone()),
    };
    if !context.emit.emit_durably(started).await {
        return;
    }
    let (session, blocking) = preflight::run(&context).await;
    let Some(session) = session else {
        let ending = if context.stop.is_cancelled() {
            CheckEnding::Aborted { reason: "aborted during the preflight".into() }
        } else {
            CheckEnding::Blocked { rows: blocking }
        };
        context.emit.emit(Event::Fitness(watch.read())).await;
        context.emit.emit_durably(Event::CheckEnded { ending }).await;
        return;
    };
    let api_watch = watch::Watch::start(&context, began);
    for test in context.plan.suite.tests() {
        if context.stop.is_cancelled() {
            break;
        }
        context.emit.emit(Event::TestStarted { test }).await;
        let ending = run_test(&context, &session, test).await;
        context.emit.emit_durably(Event::TestEnded { test, ending }).await;
    }
    context.emit.emit(Event::Fitness(watch.read())).await;
    last_look(&context, &session).await;
    api_watch.stop().await;
    clean_up(&context, &session).await;
    let ending = if context.stop.is_cancelled() {
        CheckEnding::Aborted { reason: "aborted".into() }
    } else {
        CheckEnding::Completed
    };
    context.emit.emit_durably(Event::CheckEnded { ending }).await;
}

async fn run_test(context: &Context, session: &Session, test: TestId) -> Ending {
    let outcome = match test {
        TestId::L1 => l1::run(context, session).await,
        TestId::L2 => l2::run(context, session).await,
        TestId::L3 => l3::run(context, session).await,
        TestId::C1 => c1::run(context, session).await,
        TestId::C2 => c2::run(context, session).await,
        TestId::C3 => c3::run(context, session).await,
        TestId::Rep => rep::run(context, session).await,
        TestId::Bucket => bucket::run(context, session).await,
    };
    match outcome {
        _ if context.stop.is_cancelled() => Ending::Aborted,
        Ok(()) => Ending::Completed,
        Err(reason) => Ending::Stopped { reason },
    }
}

/// Runs are looked at once more, so that a late second delivery that flips a finished run is seen (API facts 17.4);
/// then the whole system, so that nothing is left broken unnoticed.
async fn last_look(context: &Context, session: &Session) {
    runs::audit_all(context, session).await;
    let (healthy, detail) = session::steady_state(context).await;
    context.emit.emit(Event::Steady { test: None, phase: Phase::End, healthy, detail }).await;
    api::observe(context).await;
}

async fn clean_up(context: &Context, session: &Session) {
    let mut removed = Vec::new();
    let mut left = Vec::new();
    for (id, name) in session.created_projects() {
        match context.api.delete_project(&id).await {
            Ok(()) => removed.push(format!("project {name} ({id})")),
            Err(error) => left.push(format!("project {name} ({id}): {error}")),
        }
    }
    let runs = session.run_ids();
    if !runs.is_empty() {
        let bucket = &context.plan.environment.storage.bucket;
        left.push(format!(
            "telemetry and evidence of {} runs in bucket {bucket}, below telemetry/ and runs/ by run id",
            runs.len()
        ));
    }
    let probes = session.smoke_objects();
    if !probes.is_empty() {
        left.push(format!("{} small objects of storage probes: {}", probes.len(), probes.join(", ")));
    }
    context.emit.emit(Event::CleanedUp { removed, left }).await;
}

/// The class of a failed call, as every load counts it.
fn class_of(class: &ErrorClass) -> FailureClass {
    match class {
        ErrorClass::Resolve => FailureClass::Resolve,
        ErrorClass::Refused => FailureClass::Refused,
        ErrorClass::Reset => FailureClass::Reset,
        ErrorClass::Tls => FailureClass::Tls,
        ErrorClass::ConnectTimeout => FailureClass::ConnectTimeout,
        ErrorClass::Timeout => FailureClass::Timeout,
        ErrorClass::RateLimited => FailureClass::RateLimited,
        ErrorClass::Status(code) => FailureClass::Status(*code),
        ErrorClass::Body => FailureClass::Body,
        ErrorClass::Assertion => FailureClass::Assertion,
    }
}

/// The failure that a failed call is to a load.
pub fn failure_of(error: &ApiError) -> Failure {
    Failure::new(class_of(&error.class), error.to_string())
}

/// Emits at most 40 failed operations a test one by one; the counts are in the measurement.
#[derive(Debug)]
struct FailureLog {
    test: TestId,
    left: std::sync::atomic::AtomicI32,
}

impl FailureLog {
    fn new(test: TestId) -> Self {
        Self { test, left: std::sync::atomic::AtomicI32::new(40) }
    }

    async fn note(&self, emit: &Emitter, kind: &str, id: &str, class: &str, detail: &str) {
        if self.left.fetch_sub(1, std::sync::atomic::Ordering::Relaxed) > 0 {
            emit.emit(Event::OperationFailed {
                test: self.test,
                kind: kind.into(),
                id: id.into(),
                class: class.into(),
                detail: detail.into(),
            })
            .await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reports and the judge know failures by their words, so both sides must use the same ones.
    #[test]
    fn a_failed_call_keeps_its_word() {
        for class in [
            ErrorClass::Resolve,
            ErrorClass::Refused,
            ErrorClass::Reset,
            ErrorClass::Tls,
            ErrorClass::ConnectTimeout,
            ErrorClass::Timeout,
            ErrorClass::RateLimited,
            ErrorClass::Status(503),
            ErrorClass::Body,
            ErrorClass::Assertion,
        ] {
            assert_eq!(class_of(&class).word(), class.word());
        }
    }
}
