//! A plain health question twice a second through the whole check, whatever the tests do meanwhile.
//!
//! The load of a test waits for answers before it asks again, so a stall between its rounds would not be felt by
//! anybody; these questions do not wait for each other. They also see whether the one who answers changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use holdpoint_agentverse::types::Health;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::context::Context;
use crate::event::Event;

const STEP: Duration = Duration::from_millis(500);
/// Shorter waits are not written down.
const WORTH_TELLING: Duration = Duration::from_secs(1);
/// A question without an answer is given up after this long.
const PATIENCE: Duration = Duration::from_secs(30);
/// More questions than this do not wait at once: they would all say the same.
const WAITING_LIMIT: usize = 16;
/// A system that changes back and forth is told this often.
const CHANGE_LIMIT: u64 = 20;
/// Two readings of one process differ by the rounding of its uptime.
const SAME_PROCESS_MS: i64 = 2000;

/// A running watch.
#[derive(Debug)]
pub(super) struct Watch {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    client: holdpoint_agentverse::Client,
    emit: crate::journal::Emitter,
    began: Instant,
    last: Mutex<Option<Health>>,
    changes: AtomicU64,
}

impl Watch {
    /// Starts asking. `began` is when the check began.
    pub(super) fn start(context: &Context, began: Instant) -> Self {
        let stop = CancellationToken::new();
        let shared = Arc::new(Shared {
            client: context.api.clone(),
            emit: context.emit.clone(),
            began,
            last: Mutex::default(),
            changes: AtomicU64::new(0),
        });
        let task = tokio::spawn(watch(shared, stop.clone(), context.stop.clone()));
        Self { stop, task }
    }

    /// Ends the watch after every question has its answer or has waited in vain; after an abort, at once.
    pub(super) async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}

async fn watch(shared: Arc<Shared>, stop: CancellationToken, abort: CancellationToken) {
    let mut steps = interval(STEP);
    steps.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut waiting = JoinSet::new();
    let mut questions = 0;
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            () = abort.cancelled() => break,
            _ = steps.tick() => {}
        }
        while waiting.try_join_next().is_some() {}
        if waiting.len() < WAITING_LIMIT {
            questions += 1;
            let shared = Arc::clone(&shared);
            waiting.spawn(async move { ask(&shared).await });
        }
    }
    tokio::select! {
        () = async { while waiting.join_next().await.is_some() {} } => {}
        () = abort.cancelled() => waiting.abort_all(),
    }
    let step_ms = u64::try_from(STEP.as_millis()).unwrap_or(u64::MAX);
    shared.emit.emit(Event::Watched { questions, step_ms }).await;
}

async fn ask(shared: &Shared) {
    let asked = Instant::now();
    let answer = timeout(PATIENCE, shared.client.health_within(PATIENCE)).await;
    let waited = asked.elapsed();
    if waited >= WORTH_TELLING {
        let from_ms = u64::try_from((asked - shared.began).as_millis()).unwrap_or(u64::MAX);
        let event = Event::ApiStalled {
            from_ms,
            waited_ms: waited.as_secs_f64() * 1000.0,
            answered: matches!(answer, Ok(Ok(_))),
        };
        shared.emit.emit(event).await;
    }
    // An answer that was long under way may be older than the one seen last.
    if let Ok(Ok(health)) = answer
        && waited < WORTH_TELLING
    {
        compare(shared, health).await;
    }
}

/// Tells who answers now, where that is another than before.
async fn compare(shared: &Shared, health: Health) {
    let mut last = shared.last.lock().await;
    let changed = last.as_ref().is_some_and(|last| !same(last, &health));
    if changed && shared.changes.fetch_add(1, Ordering::Relaxed) < CHANGE_LIMIT {
        let event = Event::ApiObserved {
            version: health.version.clone(),
            environment: health.environment.clone(),
            process_started_at: health.started_at(),
        };
        shared.emit.emit(event).await;
    }
    *last = Some(health);
}

fn same(one: &Health, other: &Health) -> bool {
    one.version == other.version
        && one.environment == other.environment
        && (one.started_at() - other.started_at()).num_milliseconds().abs() <= SAME_PROCESS_MS
}
