//! Running a check: preflight, the tests one after another, a last look, clean-up. Only emits events.

mod abort;
mod api;
mod bucket;
mod c1;
mod c2;
mod c3;
mod context;
mod exports;
mod fault;
mod faults;
mod l1;
mod l2;
mod l3;
mod lock;
mod network;
mod preflight;
mod prober;
mod rep;
mod runs;
mod session;
mod spent;
mod streams;
mod watch;
mod witnesses;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use holdpoint_agentverse::error::{ApiError, ErrorClass};
use holdpoint_load::{Beat, Failure, FailureClass, FitnessWatch};
use tokio::sync::broadcast;
use tokio::task::JoinHandle;
use tokio_util::task::AbortOnDropHandle;

pub use self::abort::Abort;
pub use self::context::ConnectError;
pub use self::lock::{Held, Holder, LockError, hold};
pub use self::preflight::{NameToConfirm, Preview, name_to_confirm, preflight_rows};

use self::context::Context;
use self::session::Session;
use crate::environment::Secrets;
use crate::event::{CheckEnding, Ending, Event, GIVEN_UP, Interval, JOURNAL_FORMAT, Phase, Record};
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
    /// Stops the check.
    pub abort: Abort,
    /// Ends when the check has ended and its journal is on the disk.
    pub done: JoinHandle<Result<(), JournalError>>,
}

/// Starts a check; its journal is created in `folder`.
pub fn start(plan: Plan, secrets: &Secrets, folder: &Path) -> Result<Check, StartError> {
    let id = uuid::Uuid::new_v4().to_string();
    let journal = folder.join(JOURNAL_FILE);
    let abort = Abort::default();
    let (followers, records) = broadcast::channel(16_384);
    let held = lock::take(&lock::folder(), &plan.environment, &id)?;
    let clients = Context::connect(&plan, secrets)?;
    let first = Event::CheckStarted {
        format: JOURNAL_FORMAT,
        check_id: id.clone(),
        holdpoint: env!("CARGO_PKG_VERSION").into(),
        plan: Box::new(plan.clone()),
    };
    // What cannot be recorded must not be done: no load and no fault without a journal.
    let (emit, writer) = Journal::create(&journal, secrets.known(), first)?.start(followers, abort.load());
    let context = Context::new(clients, plan, id.clone(), emit, abort.clone());
    spent::recall(&held.spent, &context.api, chrono::Utc::now());
    let client = context.api.clone();
    let written_to = journal.clone();
    let started = tokio::time::Instant::now();
    let done = tokio::spawn(async move {
        // The runner gets a task of its own, so that a defect in it still leaves a journal with every event so far.
        // Its helpers hold the journal open, so they end with the runner however that ends.
        let runner = tokio::spawn(async move {
            let (abort, emit) = (context.abort.clone(), context.emit.clone());
            let _telling =
                AbortOnDropHandle::new(tokio::spawn(async move { abort.tell_when_requested(&emit).await }));
            let seconds = tokio::spawn(intervals(context.pulse.clone(), context.emit.clone(), started));
            let seconds = AbortOnDropHandle::new(seconds);
            let ending = Box::pin(run(&context, &written_to)).await;
            // Nothing may follow the end.
            seconds.abort();
            let _ = seconds.await;
            end(&context, ending).await;
        });
        let written = writer.await;
        let _ = runner.await;
        spent::keep(&held.spent, &client, chrono::Utc::now());
        drop(held);
        match written {
            Ok(result) => result,
            Err(_) => Ok(()),
        }
    });
    Ok(Check { id, journal, records, abort, done })
}

/// Records every second that had requests in it, until it is ended.
async fn intervals(pulse: Arc<context::ApiPulse>, emit: Emitter, started: tokio::time::Instant) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    second.tick().await;
    let mut from = started.elapsed();
    loop {
        second.tick().await;
        let now = started.elapsed();
        if let Some(Beat { ok, failed, latency }) = pulse.0.take() {
            let from_ms = u64::try_from(from.as_millis()).unwrap_or(u64::MAX);
            let latency = (&latency).into();
            emit.emit(Event::Interval(Interval { from_ms, ok, failed, latency })).await;
        }
        from = now;
    }
}

/// Everything but the end.
async fn run(context: &Context, journal: &Path) -> CheckEnding {
    let began = tokio::time::Instant::now();
    let watch = FitnessWatch::start();
    let (session, blocking) = context.unless_given_up(preflight::run(context)).await.unwrap_or_default();
    let Some(session) = session else {
        if !context.created.is_empty() {
            clean_up(context).await;
        }
        context.emit.emit(Event::Fitness(watch.read())).await;
        return CheckEnding::Blocked { rows: blocking };
    };
    let api_watch = watch::Watch::start(context, began);
    let network = network::watch(context, began);
    for test in context.plan.suite.tests() {
        if context.stop.is_cancelled() {
            break;
        }
        context.emit.emit(Event::TestStarted { test }).await;
        let ending = run_test(context, &session, test).await;
        context.emit.emit_durably(Event::TestEnded { test, ending }).await;
    }
    context.unless_given_up(last_look(context, &session)).await;
    api_watch.stop().await;
    network.abort();
    let _ = network.await;
    // Read when nothing is observed any more: a sleep during the last look is ours too.
    context.emit.emit(Event::Fitness(watch.read())).await;
    clean_up(context).await;
    if !context.stop.is_cancelled() {
        witnesses::keep_logs(context, journal).await;
    }
    CheckEnding::Completed
}

/// The last event, which is another one where somebody asked for the end.
async fn end(context: &Context, ending: CheckEnding) {
    context.abort.tell(&context.emit).await;
    let ending = if context.stop.is_cancelled() {
        CheckEnding::Aborted { reason: format!("aborted: {}", context.abort.reason()) }
    } else {
        ending
    };
    context.emit.emit_durably(Event::CheckEnded { ending }).await;
}

async fn run_test(context: &Context, session: &Session, test: TestId) -> Ending {
    let doing = async {
        match test {
            TestId::L1 => l1::run(context, session).await,
            TestId::L2 => l2::run(context, session).await,
            TestId::L3 => l3::run(context, session).await,
            TestId::C1 => c1::run(context, session).await,
            TestId::C2 => c2::run(context, session).await,
            TestId::C3 => c3::run(context, session).await,
            TestId::Rep => rep::run(context, session).await,
            TestId::Bucket => bucket::run(context, session).await,
        }
    };
    match context.unless_given_up(doing).await {
        _ if context.stop.is_cancelled() => Ending::Aborted,
        Some(Ok(())) => Ending::Completed,
        Some(Err(reason)) => Ending::Stopped { reason },
        None => Ending::Aborted,
    }
}

/// Runs are looked at once more, so that a late second delivery that flips a finished run is seen (API facts 17.4);
/// then the whole system, so that nothing is left broken unnoticed. After an abort only the latter matters.
async fn last_look(context: &Context, session: &Session) {
    if !context.stop.is_cancelled() {
        runs::audit_all(context, session).await;
    }
    let look = session::steady_state(context).await;
    context.emit.emit(look.event(None, Phase::End)).await;
    api::observe(context).await;
}

/// How long things of ours are removed, however slow the API is; what is left then is listed.
const CLEAN_UP: Duration = Duration::from_secs(120);

/// Removes what the check made, and lists what it may not remove or could not.
async fn clean_up(context: &Context) {
    let mut removed = Vec::new();
    let mut left = Vec::new();
    let until = tokio::time::Instant::now() + CLEAN_UP;
    for (id, name) in context.created.projects() {
        let what = format!("project {name} ({id})");
        let deleting = tokio::time::timeout_at(until, context.api.delete_project(&id));
        match context.unless_given_up(deleting).await {
            Some(Ok(Ok(()))) => removed.push(what),
            Some(Ok(Err(error))) => left.push(format!("{what}: {error}")),
            Some(Err(_)) => left.push(format!("{what}: the API was too slow to remove everything")),
            None => left.push(format!("{what}: the check was ended at once")),
        }
    }
    left.extend(context.created.staying(&context.plan.environment.storage.bucket));
    context.emit.emit_durably(Event::CleanedUp { removed, left }).await;
}

/// An operation that the abort left undone: it says nothing about the system.
fn given_up() -> Failure {
    Failure::new(FailureClass::Other(GIVEN_UP), "the check was aborted")
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
