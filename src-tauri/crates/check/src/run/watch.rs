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
use crate::results::ApiIdentity;

const STEP: Duration = Duration::from_millis(500);
/// Shorter waits are not written down.
const WORTH_TELLING: Duration = Duration::from_secs(1);
/// A question without an answer is given up after this long.
const PATIENCE: Duration = Duration::from_secs(30);
/// More questions than this do not wait at once: they would all say the same.
const WAITING_LIMIT: usize = 16;
/// A system that changes back and forth is told this often.
const CHANGE_LIMIT: u64 = 20;

/// A running watch.
#[derive(Debug)]
pub(super) struct Watch {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

/// How long questions have failed, whether they waited or were refused at once.
#[derive(Debug, Default)]
struct Silence {
    /// When the latest question was asked that was answered.
    heard: Option<Instant>,
    /// When the first question after it was asked that was not.
    since: Option<Instant>,
}

impl Silence {
    /// Takes the end of a question, and answers with a silence that it ends: since when, and how long. Ends come in any
    /// order; one that is older than the latest answer says nothing.
    fn note(&mut self, asked: Instant, answered: bool) -> Option<(Instant, Duration)> {
        if self.heard.is_some_and(|heard| asked < heard) {
            return None;
        }
        if !answered {
            self.since = Some(self.since.map_or(asked, |since| since.min(asked)));
            return None;
        }
        self.heard = Some(asked);
        let since = self.since.take_if(|since| *since < asked)?;
        Some((since, asked - since))
    }
}

struct Shared {
    client: holdpoint_agentverse::Client,
    emit: crate::journal::Emitter,
    began: Instant,
    last: Mutex<Option<ApiIdentity>>,
    silence: Mutex<Silence>,
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
            silence: Mutex::default(),
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
    if let Some(since) = shared.silence.lock().await.since {
        tell(&shared, since, since.elapsed(), false).await;
    }
    let step_ms = u64::try_from(STEP.as_millis()).unwrap_or(u64::MAX);
    shared.emit.emit(Event::Watched { questions, step_ms }).await;
}

async fn ask(shared: &Shared) {
    let asked = Instant::now();
    let answer = timeout(PATIENCE, shared.client.health_within(PATIENCE)).await;
    let waited = asked.elapsed();
    let answered = matches!(answer, Ok(Ok(_)));
    if waited >= WORTH_TELLING {
        tell(shared, asked, waited, answered).await;
    }
    let silence = shared.silence.lock().await.note(asked, answered);
    if let Some((since, lasted)) = silence.filter(|(_, lasted)| *lasted >= WORTH_TELLING) {
        tell(shared, since, lasted, false).await;
    }
    // An answer that was long under way may be older than the one seen last.
    if let Ok(Ok(health)) = answer
        && waited < WORTH_TELLING
    {
        compare(shared, health).await;
    }
}

async fn tell(shared: &Shared, from: Instant, waited: Duration, answered: bool) {
    let from_ms = u64::try_from((from - shared.began).as_millis()).unwrap_or(u64::MAX);
    let event = Event::ApiStalled { from_ms, waited_ms: waited.as_secs_f64() * 1000.0, answered };
    shared.emit.emit(event).await;
}

/// Tells who answers now, where that is another than before.
async fn compare(shared: &Shared, health: Health) {
    let now = ApiIdentity {
        at_ms: 0,
        version: health.version.clone(),
        environment: health.environment.clone(),
        process_started_at: health.started_at(),
    };
    let mut last = shared.last.lock().await;
    let changed = last.as_ref().is_some_and(|last| !last.is_same(&now));
    if changed && shared.changes.fetch_add(1, Ordering::Relaxed) < CHANGE_LIMIT {
        shared.emit.emit(super::api::observed(&health)).await;
    }
    *last = Some(now);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_a_silence_until_a_later_question_is_answered() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut silence = Silence::default();
        assert_eq!(silence.note(at(1), true), None);
        assert_eq!(silence.note(at(2), false), None);
        assert_eq!(silence.note(at(5), false), None);
        assert_eq!(silence.note(at(7), true), Some((at(2), Duration::from_secs(5))));
        assert_eq!(silence.note(at(8), true), None);
    }

    #[test]
    fn a_question_that_fails_after_later_ones_were_answered_is_no_silence() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut silence = Silence::default();
        assert_eq!(silence.note(at(3), true), None);
        assert_eq!(silence.note(at(1), false), None);
        assert_eq!(silence.note(at(4), true), None);
        assert_eq!(silence.since, None);
    }
}
