//! When the arrivals of an open load are to start.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore as _, SeedableRng as _};

use crate::plan::{Arrivals, Stage};

/// One arrival of an open load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its number over the whole load, from 0.
    pub index: u64,
    /// When it is to start, from the start of the load.
    pub at: Duration,
}

/// The arrivals of an open load in order.
///
/// Arrival `k` is where the expected number of arrivals reaches `k` (constant), or the sum of `k` exponential draws
/// (Poisson). That holds for every course of the rate, and does not depend on who sends: worker `i` of `W` takes the
/// arrivals with `k ≡ i (mod W)`, so the same seed gives the same arrivals over any number of workers.
#[derive(Clone, Debug)]
pub struct Schedule {
    stages: Vec<Stage>,
    random: Option<ChaCha8Rng>,
    /// The number of arrivals expected up to the next one.
    mass: f64,
    index: u64,
    stage: usize,
    /// The expected number and the time at the start of the stage.
    before: (f64, f64),
    worker: u64,
    workers: u64,
}

impl Schedule {
    /// All arrivals.
    pub fn new(arrivals: Arrivals, stages: &[Stage]) -> Self {
        let mut random = match arrivals {
            Arrivals::Constant => None,
            Arrivals::Poisson { seed } => Some(ChaCha8Rng::seed_from_u64(seed)),
        };
        let mass = random.as_mut().map_or(0.0, exponential);
        Self {
            stages: stages.to_vec(),
            random,
            mass,
            index: 0,
            stage: 0,
            before: (0.0, 0.0),
            worker: 0,
            workers: 1,
        }
    }

    /// The part of worker `worker` (from 0) of `workers`.
    #[must_use]
    pub fn share(mut self, worker: u64, workers: u64) -> Self {
        (self.worker, self.workers) = (worker, workers.max(1));
        self
    }

    fn step(&mut self) -> Option<Arrival> {
        let at = loop {
            let stage = self.stages.get(self.stage)?;
            let (count, start) = self.before;
            let seconds = stage.duration.as_secs_f64();
            let expected = f64::midpoint(stage.from, stage.to) * seconds;
            // An arrival that falls on the end of a stage belongs to the next one.
            if self.mass < count + expected {
                break start + reached(stage, self.mass - count);
            }
            self.before = (count + expected, start + seconds);
            self.stage += 1;
        };
        let arrival = Arrival { index: self.index, at: Duration::from_secs_f64(at) };
        self.index += 1;
        match &mut self.random {
            Some(random) => self.mass += exponential(random),
            None => self.mass = self.index as f64,
        }
        Some(arrival)
    }
}

impl Iterator for Schedule {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        loop {
            let arrival = self.step()?;
            if arrival.index % self.workers == self.worker {
                return Some(arrival);
            }
        }
    }
}

/// The seconds after which `count` arrivals are expected in a stage: the solution of
/// `from·t + (to − from)/(2·d)·t² = count`, in the form that does not cancel.
fn reached(stage: &Stage, count: f64) -> f64 {
    let slope = (stage.to - stage.from) / stage.duration.as_secs_f64();
    if slope == 0.0 {
        return count / stage.from;
    }
    let root = (stage.from * stage.from + 2.0 * slope * count).max(0.0).sqrt();
    if root + stage.from <= 0.0 {
        return 0.0;
    }
    2.0 * count / (root + stage.from)
}

/// An exponential draw with mean 1.
fn exponential(random: &mut ChaCha8Rng) -> f64 {
    // 53 bits in (0, 1], so that the logarithm is finite.
    let uniform = ((random.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    -uniform.ln()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(schedule: Schedule) -> Vec<f64> {
        schedule.map(|arrival| arrival.at.as_secs_f64()).collect()
    }

    #[test]
    fn a_constant_rate_is_even_and_complete() {
        let stages = [Stage::steady(500.0, Duration::from_secs(20))];
        let all = seconds(Schedule::new(Arrivals::Constant, &stages));
        assert_eq!(all.len(), 10_000);
        for (index, at) in all.iter().enumerate() {
            assert!((at - index as f64 / 500.0).abs() < 1e-8, "{index} {at}");
        }
    }

    #[test]
    fn a_ramp_sends_the_area_below_its_rate_and_speeds_up() {
        let ramp = [Stage { from: 0.0, to: 100.0, duration: Duration::from_secs(10) }];
        let all = seconds(Schedule::new(Arrivals::Constant, &ramp));
        assert_eq!(all.len(), 500);
        let before_half = all.iter().filter(|at| **at < 5.0).count();
        assert!((124..=126).contains(&before_half), "a quarter of the area, not {before_half}");
    }

    #[test]
    fn stages_follow_each_other_without_gap_or_repeat() {
        let stages = [
            Stage::steady(10.0, Duration::from_secs(2)),
            Stage::steady(0.0, Duration::from_secs(3)),
            Stage::steady(100.0, Duration::from_secs(1)),
        ];
        let all = seconds(Schedule::new(Arrivals::Constant, &stages));
        assert_eq!(all.len(), 120);
        assert_eq!(all.iter().filter(|at| (2.0..5.0).contains(*at)).count(), 0);
        assert!((all[20] - 5.0).abs() < 1e-9);
    }

    /// Kolmogorov-Smirnov against the exponential distribution; 1.95/√n is the bound at 0.1 %.
    #[test]
    fn poisson_gaps_are_exponential() {
        for seed in 0..20 {
            let stages = [Stage::steady(1000.0, Duration::from_secs(10))];
            let all = seconds(Schedule::new(Arrivals::Poisson { seed }, &stages));
            let mut gaps: Vec<f64> = all.windows(2).map(|pair| pair[1] - pair[0]).collect();
            gaps.sort_by(f64::total_cmp);
            let n = gaps.len() as f64;
            let distance = gaps
                .iter()
                .enumerate()
                .map(|(rank, gap)| {
                    let expected = 1.0 - (-gap * 1000.0).exp();
                    (expected - rank as f64 / n).abs().max((expected - (rank as f64 + 1.0) / n).abs())
                })
                .fold(0.0, f64::max);
            assert!(distance < 1.95 / n.sqrt(), "seed {seed}: {distance} of {n}");
        }
    }

    proptest! {
        #[test]
        fn the_same_seed_gives_the_same_arrivals_over_any_number_of_workers(
            seed in any::<u64>(),
            workers in 1_u64..6,
            rates in proptest::collection::vec((0.0..300.0_f64, 0.0..300.0_f64), 1..4),
        ) {
            let stages: Vec<Stage> = rates
                .iter()
                .map(|(from, to)| Stage { from: *from, to: *to, duration: Duration::from_secs(2) })
                .collect();
            for arrivals in [Arrivals::Constant, Arrivals::Poisson { seed }] {
                let all: Vec<Arrival> = Schedule::new(arrivals, &stages).collect();
                let mut together: Vec<Arrival> = (0..workers)
                    .flat_map(|worker| Schedule::new(arrivals, &stages).share(worker, workers))
                    .collect();
                together.sort_by_key(|arrival| arrival.index);
                prop_assert_eq!(&together, &all);
                prop_assert!(all.windows(2).all(|pair| pair[0].at <= pair[1].at));
                let end = Duration::from_secs(2 * stages.len() as u64);
                prop_assert!(all.iter().all(|arrival| arrival.at < end + Duration::from_micros(1)));
            }
        }
    }
}
