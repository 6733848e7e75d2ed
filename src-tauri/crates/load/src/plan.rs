//! What load is wanted: a model, its size and its length, checked before anything is sent.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The highest rate one plan may ask for, a second. No single computer sends more.
pub const HIGHEST_RATE: f64 = 1_000_000.0;
/// The most users, operations of a round, and operations in flight.
pub const MOST_AT_ONCE: u32 = 100_000;
/// The most rounds.
pub const MOST_ROUNDS: u32 = 1_000_000;
/// The longest load.
pub const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// The most stages.
pub const MOST_STAGES: usize = 1000;

/// How the arrivals of an open load follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Evenly.
    Constant,
    /// As independent people do: exponential gaps. The same seed gives the same arrivals.
    Poisson {
        /// The seed.
        seed: u64,
    },
}

/// A stretch of an open load in which the rate moves evenly from one value to another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// The rate at its start, a second.
    pub from: f64,
    /// The rate at its end, a second.
    pub to: f64,
    /// How long it lasts.
    pub duration: Duration,
}

impl Stage {
    /// A stage at one rate.
    pub fn steady(rate: f64, duration: Duration) -> Self {
        Self { from: rate, to: rate, duration }
    }
}

/// Who starts when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// Bursts of `concurrency` operations, each after the one before has ended (the runbook's L1).
    Rounds {
        /// Operations at once.
        concurrency: u32,
        /// How many times.
        rounds: u32,
    },
    /// A closed load: each user waits for an answer, thinks, and asks again. A stall of the target delays what would
    /// have been asked, so a closed load can not show how long others would have waited.
    Users {
        /// How many.
        users: u32,
        /// The pause between an answer and the next request.
        think: Duration,
        /// For how long.
        duration: Duration,
    },
    /// An open load: arrivals do not wait for answers.
    Open {
        /// How they follow each other.
        arrivals: Arrivals,
        /// The rates over time: one steady stage, or ramps, steps, spikes, a soak.
        stages: Vec<Stage>,
    },
}

/// What happens to an arrival that finds as many operations in flight as are allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtCap {
    /// It waits for one of them to end, and its wait is part of its latency. The schedule lag counts from when there was
    /// room. What has found no room when the time to drain has passed since the end of the schedule is refused.
    Wait,
    /// It is not sent, and counted as refused.
    Refuse,
}

/// A whole load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Who starts when.
    pub model: Model,
    /// How many operations may be in flight at once, over all threads.
    pub in_flight: u32,
    /// What happens to an arrival beyond that.
    pub at_cap: AtCap,
    /// How long is waited at the end for what is in flight.
    pub drain: Duration,
    /// Threads that send.
    pub threads: u32,
}

impl Plan {
    /// A plan with the usual bounds: 10 000 in flight, refusing beyond, 30 s to drain, one thread.
    pub fn new(model: Model) -> Self {
        Self { model, in_flight: 10_000, at_cap: AtCap::Refuse, drain: Duration::from_secs(30), threads: 1 }
    }

    /// Refuses what cannot be done, before anything is sent.
    pub fn check(&self) -> Result<(), PlanError> {
        within("the number in flight", f64::from(self.in_flight), 1.0, f64::from(MOST_AT_ONCE))?;
        within("the number of threads", f64::from(self.threads), 1.0, 64.0)?;
        match &self.model {
            Model::Rounds { concurrency, rounds } => {
                within("the concurrency", f64::from(*concurrency), 1.0, f64::from(MOST_AT_ONCE))?;
                within("the number of rounds", f64::from(*rounds), 1.0, f64::from(MOST_ROUNDS))
            }
            Model::Users { users, think, duration } => {
                within("the number of users", f64::from(*users), 1.0, f64::from(MOST_AT_ONCE))?;
                within("the think time in seconds", think.as_secs_f64(), 0.0, 3600.0)?;
                lasting(*duration)
            }
            Model::Open { stages, .. } => {
                within("the number of stages", stages.len() as f64, 1.0, MOST_STAGES as f64)?;
                for stage in stages {
                    for rate in [stage.from, stage.to] {
                        within("the rate", rate, 0.0, HIGHEST_RATE)?;
                    }
                    lasting(stage.duration)?;
                }
                if stages.iter().all(|stage| stage.from + stage.to <= 0.0) {
                    return Err(PlanError::Nothing);
                }
                lasting(stages.iter().map(|stage| stage.duration).sum())
            }
        }
    }

    /// How long the load is to last, where the plan says it.
    pub fn duration(&self) -> Option<Duration> {
        match &self.model {
            Model::Rounds { .. } => None,
            Model::Users { duration, .. } => Some(*duration),
            Model::Open { stages, .. } => Some(stages.iter().map(|stage| stage.duration).sum()),
        }
    }
}

fn lasting(duration: Duration) -> Result<(), PlanError> {
    within("the duration in seconds", duration.as_secs_f64(), 0.001, LONGEST.as_secs_f64())
}

pub(crate) fn within(what: &'static str, value: f64, lowest: f64, highest: f64) -> Result<(), PlanError> {
    // Not a number is in no range.
    if (lowest..=highest).contains(&value) {
        Ok(())
    } else {
        Err(PlanError::Range { what, value, lowest, highest })
    }
}

/// Why a plan cannot be carried out.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// A number that is none or lies outside of what is possible.
    #[error("load.plan.range: {what} is {value}; it must lie between {lowest} and {highest}")]
    Range {
        /// Which number.
        what: &'static str,
        /// What it is.
        value: f64,
        /// The lowest possible.
        lowest: f64,
        /// The highest possible.
        highest: f64,
    },
    /// No stage ever sends.
    #[error("load.plan.nothing: the rate is 0 throughout, so nothing would be sent; give a rate above 0")]
    Nothing,
    /// A text that is no stage.
    #[error(
        "load.plan.stage: {text:?} is no stage; write RATE:DURATION or FROM-TO:DURATION, such as 0-500:30s"
    )]
    Stage {
        /// The text.
        text: String,
    },
}

/// Reads stages such as `100:30s,100-500:1m,500:10s`: rate or ramp, then duration.
pub fn stages(text: &str) -> Result<Vec<Stage>, PlanError> {
    text.split(',')
        .map(|part| stage(part.trim()).ok_or_else(|| PlanError::Stage { text: part.into() }))
        .collect()
}

fn stage(text: &str) -> Option<Stage> {
    let (rates, duration) = text.split_once(':')?;
    let (from, to) = rates.split_once('-').unwrap_or((rates, rates));
    Some(Stage { from: from.parse().ok()?, to: to.parse().ok()?, duration: duration_of(duration)? })
}

/// Reads a duration such as `500ms`, `20s`, `1.5m` or `1h`.
pub fn duration_of(text: &str) -> Option<Duration> {
    let text = text.trim();
    let split = text.find(|letter: char| letter.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let seconds = number.trim().parse::<f64>().ok()?
        * match unit {
            "us" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(from: f64, to: f64, seconds: u64) -> Plan {
        let stages = vec![Stage { from, to, duration: Duration::from_secs(seconds) }];
        Plan::new(Model::Open { arrivals: Arrivals::Constant, stages })
    }

    #[test]
    fn what_cannot_be_done_is_refused_before_anything_is_sent() {
        let users = |users| {
            Plan::new(Model::Users { users, think: Duration::ZERO, duration: Duration::from_secs(1) })
        };
        let rounds = |concurrency, rounds| Plan::new(Model::Rounds { concurrency, rounds });
        for plan in [
            open(0.0, 0.0, 10),
            open(f64::NAN, 1.0, 10),
            open(f64::INFINITY, 1.0, 10),
            open(-1.0, 1.0, 10),
            open(2e6, 1.0, 10),
            open(10.0, 10.0, 0),
            open(10.0, 10.0, 25 * 3600),
            Plan::new(Model::Open { arrivals: Arrivals::Constant, stages: Vec::new() }),
            users(0),
            users(200_000),
            rounds(0, 3),
            rounds(20, 0),
            Plan { in_flight: 0, ..open(1.0, 1.0, 1) },
            Plan { threads: 0, ..open(1.0, 1.0, 1) },
        ] {
            assert!(plan.check().is_err(), "{plan:?}");
        }
        assert_eq!(open(0.0, 10.0, 10).check(), Ok(()));
    }

    #[test]
    fn stages_are_read_as_they_are_written() {
        let read = stages("0-500:30s, 500:1.5m").unwrap();
        assert_eq!(read[0], Stage { from: 0.0, to: 500.0, duration: Duration::from_secs(30) });
        assert_eq!(read[1], Stage::steady(500.0, Duration::from_secs(90)));
        for wrong in ["", "500", "500:", "x:1s", "500:1", "500:1y", "1-2-3:1s", "5:-1s", "5:nans"] {
            assert!(stages(wrong).is_err(), "{wrong:?}");
        }
    }
}
