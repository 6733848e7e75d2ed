//! Was the generator fit to measure? An unfit one invalidates its own figures instead of blaming the target.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How well this computer kept time while it measured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fitness {
    /// The longest time the watch task was kept from running, in milliseconds: a hogged or sleeping computer.
    pub longest_stall_ms: f64,
    /// The largest jump of the wall clock against the monotonic clock, in milliseconds: a stepped clock or sleep.
    pub largest_clock_step_ms: f64,
    /// How long was watched, in milliseconds.
    pub watched_ms: f64,
}

/// Above these an operator's own computer is not a witness any more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FitnessLimits {
    /// Longest acceptable stall in milliseconds.
    pub stall_ms: f64,
    /// Largest acceptable clock step in milliseconds.
    pub clock_step_ms: f64,
    /// Largest acceptable P99 of the schedule lag in milliseconds.
    pub lag_p99_ms: f64,
    /// Largest acceptable share of the processors that the host of a virtual computer gives to others.
    #[serde(default = "usual_stolen")]
    pub stolen: f64,
}

fn usual_stolen() -> f64 {
    0.2
}

impl Default for FitnessLimits {
    fn default() -> Self {
        Self { stall_ms: 2000.0, clock_step_ms: 1000.0, lag_p99_ms: 500.0, stolen: usual_stolen() }
    }
}

impl Fitness {
    /// Why these figures cannot be trusted, or nothing. `lag_p99_ms` is the worst schedule lag of any operation kind.
    pub fn complaints(&self, lag_p99_ms: Option<f64>, limits: &FitnessLimits) -> Vec<String> {
        let mut complaints = Vec::new();
        if self.longest_stall_ms > limits.stall_ms {
            complaints.push(format!(
                "this computer did not run Holdpoint for {:.0} ms (limit {:.0} ms): busy or asleep",
                self.longest_stall_ms, limits.stall_ms
            ));
        }
        if self.largest_clock_step_ms > limits.clock_step_ms {
            complaints.push(format!(
                "the clock of this computer jumped by {:.0} ms (limit {:.0} ms)",
                self.largest_clock_step_ms, limits.clock_step_ms
            ));
        }
        if let Some(lag) = lag_p99_ms.filter(|lag| *lag > limits.lag_p99_ms) {
            complaints.push(format!(
                "requests left up to {lag:.0} ms late (P99, limit {:.0} ms)",
                limits.lag_p99_ms
            ));
        }
        complaints
    }
}

/// How fit this computer was while it sent a load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Generator {
    /// How well it kept time.
    pub watch: Fitness,
    /// Schedule lag of every operation sent, in milliseconds: the median.
    pub lag_p50_ms: Option<f64>,
    /// Its 99th percentile.
    pub lag_p99_ms: Option<f64>,
    /// Its 99.9th percentile.
    pub lag_p999_ms: Option<f64>,
    /// The longest.
    pub lag_max_ms: Option<f64>,
    /// The share of the time in which a sending thread ran, on average; 1 is a whole processor.
    pub own_cpu: Option<f64>,
    /// The share of the time in which a sending thread was ready to run and had to wait for a processor.
    pub kept_waiting: Option<f64>,
    /// The share of all processors of this computer that was in use.
    pub host_busy: Option<f64>,
    /// The share of all processors that the host of this virtual computer gave to others.
    pub stolen: Option<f64>,
    /// Operations that were not started because too many were in flight.
    pub refused: u64,
    /// Operations that failed for want of ports, files or memory on this computer.
    pub own_limits: u64,
    /// Sending threads that ended by a defect.
    pub lost_workers: u64,
}

/// A sending thread that runs more than this is the bottleneck itself.
const SATURATED: f64 = 0.9;

impl Generator {
    /// Why figures taken on this computer cannot be trusted, or nothing. What was refused is not among the reasons:
    /// it is counted, and the judgement knows how much it could have changed.
    pub fn complaints(&self, limits: &FitnessLimits) -> Vec<String> {
        let mut complaints = self.watch.complaints(self.lag_p99_ms, limits);
        if let Some(stolen) = self.stolen.filter(|stolen| *stolen > limits.stolen) {
            complaints.push(format!(
                "{:.0} % of the processors of this computer were given to others (limit {:.0} %)",
                stolen * 100.0,
                limits.stolen * 100.0
            ));
        }
        if self.own_limits > 0 {
            complaints.push(format!(
                "{} requests could not be sent for want of ports, files or memory on this computer",
                self.own_limits
            ));
        }
        if self.lost_workers > 0 {
            complaints.push(format!("{} sending threads ended by a defect of Holdpoint", self.lost_workers));
        }
        complaints
    }

    /// Whether the sending threads themselves were at their limit.
    pub fn is_saturated(&self) -> bool {
        self.own_cpu.is_some_and(|share| share > SATURATED)
    }
}

/// Watches the clock of this computer for as long as it lives.
#[derive(Debug)]
pub struct FitnessWatch {
    state: Arc<Mutex<Fitness>>,
    task: JoinHandle<()>,
}

impl FitnessWatch {
    /// Starts watching, once every 50 ms.
    pub fn start() -> Self {
        let state = Arc::new(Mutex::new(Fitness::default()));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            let step = Duration::from_millis(50);
            let mut ticks = interval(step);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks.tick().await;
            let (mut last, mut last_wall) = (Instant::now(), SystemTime::now());
            loop {
                ticks.tick().await;
                let (now, wall) = (Instant::now(), SystemTime::now());
                let elapsed = now.saturating_duration_since(last).as_secs_f64() * 1000.0;
                let wall_elapsed = match wall.duration_since(last_wall) {
                    Ok(forward) => forward.as_secs_f64() * 1000.0,
                    Err(backward) => -backward.duration().as_secs_f64() * 1000.0,
                };
                let mut state = shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                state.watched_ms += elapsed;
                state.longest_stall_ms =
                    state.longest_stall_ms.max(elapsed - step.as_secs_f64() * 1000.0).max(0.0);
                state.largest_clock_step_ms = state.largest_clock_step_ms.max((wall_elapsed - elapsed).abs());
                (last, last_wall) = (now, wall);
            }
        });
        Self { state, task }
    }

    /// What was seen so far.
    pub fn read(&self) -> Fitness {
        *self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for FitnessWatch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_generator_has_no_complaints() {
        let fit = Fitness { longest_stall_ms: 20.0, largest_clock_step_ms: 3.0, watched_ms: 60_000.0 };
        assert!(fit.complaints(Some(12.0), &FitnessLimits::default()).is_empty());
    }

    #[test]
    fn each_limit_is_named() {
        let unfit = Fitness { longest_stall_ms: 9000.0, largest_clock_step_ms: 5000.0, watched_ms: 60_000.0 };
        let complaints = unfit.complaints(Some(700.0), &FitnessLimits::default());
        assert_eq!(complaints.len(), 3, "{complaints:?}");
    }
}
