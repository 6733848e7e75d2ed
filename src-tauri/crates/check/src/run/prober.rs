//! Asking the same question again and again, to know how long a service was away to one probing step.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// One continuous stretch of failed probes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stretch {
    pub(super) from: DateTime<Utc>,
    pub(super) to: Option<DateTime<Utc>>,
    pub(super) at_least: Duration,
    pub(super) at_most: Duration,
    pub(super) failed: u64,
    pub(super) classes: Vec<String>,
}

/// Everything a prober saw.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Seen {
    pub(super) probes: u64,
    pub(super) failed: u64,
    pub(super) stretches: Vec<Stretch>,
    last_good: Option<Instant>,
    open: Option<Open>,
}

#[derive(Clone, Debug, PartialEq)]
struct Open {
    from: DateTime<Utc>,
    last_good: Instant,
    first_failed: Instant,
    last_failed: Instant,
    failed: u64,
    classes: Vec<String>,
}

impl Seen {
    fn note(&mut self, asked: Instant, answered: Instant, wall: DateTime<Utc>, outcome: Result<(), String>) {
        self.probes += 1;
        match outcome {
            Ok(()) => {
                if let Some(open) = self.open.take() {
                    self.stretches.push(open.close(Some((answered, Utc::now()))));
                }
                self.last_good = Some(asked);
            }
            Err(class) => {
                self.failed += 1;
                let last_good = self.last_good.unwrap_or(asked);
                let open = self.open.get_or_insert_with(|| Open {
                    from: wall,
                    last_good,
                    first_failed: asked,
                    last_failed: answered,
                    failed: 0,
                    classes: Vec::new(),
                });
                open.failed += 1;
                open.last_failed = answered;
                if !open.classes.contains(&class) && open.classes.len() < 8 {
                    open.classes.push(class);
                }
            }
        }
    }
}

impl Open {
    fn close(self, back: Option<(Instant, DateTime<Utc>)>) -> Stretch {
        Stretch {
            from: self.from,
            to: back.map(|(_, wall)| wall),
            at_least: self.last_failed - self.first_failed,
            at_most: back.map_or(self.last_failed, |(at, _)| at) - self.last_good,
            failed: self.failed,
            classes: self.classes,
        }
    }
}

/// A running prober.
#[derive(Debug)]
pub(super) struct Prober {
    seen: Arc<Mutex<Seen>>,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Prober {
    /// Asks `question` every `step` until stopped. One probe is under way at a time, so a slow answer widens the step
    /// instead of piling up; the real times are what counts.
    pub(super) fn start<Q, F>(step: Duration, question: Q) -> Self
    where
        Q: Fn(u64) -> F + Send + 'static,
        F: Future<Output = Option<Result<(), String>>> + Send,
    {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let stop = CancellationToken::new();
        let (shared, stopped) = (Arc::clone(&seen), stop.clone());
        let task = tokio::spawn(async move {
            let mut steps = interval(step);
            steps.set_missed_tick_behavior(MissedTickBehavior::Skip);
            let mut number = 0;
            loop {
                tokio::select! {
                    () = stopped.cancelled() => return,
                    _ = steps.tick() => {}
                }
                let (asked, wall) = (Instant::now(), Utc::now());
                // No answer at all means that no question could be asked now (the limiter's window is full).
                if let Some(outcome) = question(number).await {
                    let answered = Instant::now();
                    shared
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .note(asked, answered, wall, outcome);
                }
                number += 1;
            }
        });
        Self { seen, stop, task: AbortOnDropHandle::new(task) }
    }

    /// Whether a failed probe was seen so far.
    pub(super) fn saw_outage(&self) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).failed > 0
    }

    /// Whether the newest probe was good.
    pub(super) fn is_good_now(&self) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.open.is_none() && seen.last_good.is_some()
    }

    /// Waits until the newest probe was good: a slow probe may still be under way when a service is back already, and
    /// stopping then would call the outage open.
    pub(super) async fn settle(&self, patience: Duration) {
        let until = Instant::now() + patience;
        while !self.is_good_now() && Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Good probes so far.
    pub(super) fn good(&self) -> u64 {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.probes - seen.failed
    }

    /// Stops and says what was seen; a stretch that is still open has no end.
    pub(super) async fn stop(self) -> Seen {
        self.stop.cancel();
        let _ = self.task.await;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(open) = seen.open.take() {
            seen.stretches.push(open.close(None));
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_known_to_one_step_on_each_side() {
        let started = Instant::now();
        let prober = Prober::start(Duration::from_millis(100), move |_| async move {
            let elapsed = started.elapsed();
            let away = elapsed >= Duration::from_millis(950) && elapsed < Duration::from_millis(2950);
            Some(if away { Err("refused".to_owned()) } else { Ok(()) })
        });
        tokio::time::sleep(Duration::from_secs(5)).await;
        let seen = prober.stop().await;
        assert_eq!(seen.stretches.len(), 1);
        let outage = &seen.stretches[0];
        assert!(outage.at_least <= Duration::from_secs(2) && outage.at_least >= Duration::from_millis(1800));
        assert!(outage.at_most >= Duration::from_secs(2) && outage.at_most <= Duration::from_millis(2200));
        assert!(outage.to.is_some());
        assert_eq!(outage.failed, seen.failed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_probe_at_the_end_of_an_outage_is_waited_for() {
        let started = Instant::now();
        let prober = Prober::start(Duration::from_millis(100), move |number| async move {
            if number == 0 {
                return Some(Ok(()));
            }
            if started.elapsed() < Duration::from_millis(1500) {
                tokio::time::sleep(Duration::from_secs(1)).await;
                return Some(Err("timeout".to_owned()));
            }
            Some(Ok(()))
        });
        tokio::time::sleep(Duration::from_millis(1600)).await;
        assert!(!prober.is_good_now(), "the service is back and the probe does not know yet");
        prober.settle(Duration::from_secs(5)).await;
        let seen = prober.stop().await;
        assert!(seen.stretches[0].to.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_without_end_has_none() {
        let prober = Prober::start(Duration::from_millis(100), |number| async move {
            Some(if number < 3 { Ok(()) } else { Err("refused".to_owned()) })
        });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(prober.saw_outage() && !prober.is_good_now());
        let seen = prober.stop().await;
        assert_eq!(seen.stretches[0].to, None);
    }
}
