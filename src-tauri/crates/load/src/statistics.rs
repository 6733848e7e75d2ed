//! What a handful of samples can and cannot say: 95 % bounds beside every point value.

use crate::Histogram;
use statrs::distribution::{Beta, Binomial, ContinuousCDF as _, DiscreteCDF as _};

/// One-sided confidence of every bound.
pub const CONFIDENCE: f64 = 0.95;
/// After so many the two ends are next to each other.
const HALVINGS: u32 = 60;

/// The highest failure share that `failures` in `samples` still allow at 95 % (exact binomial, Clopper-Pearson,
/// one-sided): 0 in 20 allows 0.139. `None` without samples.
pub fn failure_share_bound(failures: u64, samples: u64) -> Option<f64> {
    if samples == 0 || failures > samples {
        return None;
    }
    if failures == samples {
        return Some(1.0);
    }
    let beta = Beta::new(failures as f64 + 1.0, (samples - failures) as f64).ok()?;
    // Found by halving, because the library's own inverse does not come to an end for very many samples.
    let (mut low, mut high) = (failures as f64 / samples as f64, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if beta.cdf(middle) < CONFIDENCE { low = middle } else { high = middle }
    }
    Some(high)
}

/// The sample at `quantile` by nearest rank (the smallest sample with at least that share at or below it).
pub fn percentile_ms(histogram: &Histogram, quantile: f64) -> Option<f64> {
    let rank = (quantile * histogram.len() as f64).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rank is within 0 and the count"
    )]
    histogram.rank_ms((rank as u64).max(1))
}

/// The value that the true percentile stays below at 95 %, from order statistics. `None` when there are too few samples to
/// bound it: 60 samples bound a P95 by their maximum and give no bound of a P99.
pub fn percentile_bound_ms(histogram: &Histogram, quantile: f64) -> Option<f64> {
    histogram.rank_ms(percentile_bound_rank(histogram.len(), quantile)?)
}

/// The rank of the sample that the true percentile stays below at 95 %: the smallest `r` with
/// P(Binomial(n, q) < r) ≥ 0.95. `None` when that is none of the samples.
pub fn percentile_bound_rank(samples: u64, quantile: f64) -> Option<u64> {
    let binomial = Binomial::new(quantile, samples).ok()?;
    // More samples below a rank are never less likely, so the smallest rank is found by halving: millions of samples
    // would take minutes one by one.
    let (mut low, mut high) = (1, samples.checked_add(1)?);
    while low < high {
        let middle = low + (high - low) / 2;
        if binomial.cdf(middle - 1) >= CONFIDENCE { high = middle } else { low = middle + 1 }
    }
    // Without such a rank this is one beyond the last.
    (low <= samples).then_some(low)
}

/// How many samples are needed at least, all of them good, before a percentile is bounded at 95 %; 59 for a P95, 299 for a
/// P99. As many show that less than a share of `1 - quantile` fails.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the quotient of two negative numbers, at most some 10^17"
)]
pub fn fewest_samples(quantile: f64) -> u64 {
    ((1.0 - CONFIDENCE).ln() / quantile.clamp(f64::EPSILON, 1.0 - f64::EPSILON).ln()).ceil() as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn of(samples: u64) -> Histogram {
        let mut histogram = Histogram::new();
        for millis in 1..=samples {
            histogram.record(Duration::from_millis(millis));
        }
        histogram
    }

    #[test]
    fn no_failure_in_twenty_still_allows_fourteen_percent() {
        let bound = failure_share_bound(0, 20).unwrap();
        assert!((bound - 0.1391).abs() < 0.0005, "{bound}");
        let bound = failure_share_bound(0, 60).unwrap();
        assert!((bound - 0.0487).abs() < 0.0005, "{bound}");
        assert_eq!(failure_share_bound(0, 0), None);
        assert_eq!(failure_share_bound(5, 5), Some(1.0));
        let bound = failure_share_bound(1, 10).unwrap();
        assert!((bound - 0.3942).abs() < 0.0005, "{bound}");
    }

    /// Counts from outside can be any: with these the inverse of the library never ended.
    #[test]
    fn very_many_samples_have_a_bound_too() {
        for (failures, samples) in [(9, u64::MAX), (1, 1 << 40), (0, u64::MAX), (u64::MAX / 2, u64::MAX)] {
            let bound = failure_share_bound(failures, samples).unwrap();
            let share = failures as f64 / samples as f64;
            assert!((share..=1.0).contains(&bound), "{failures} of {samples}: {bound}");
        }
    }

    #[test]
    fn sixty_samples_bound_a_p95_by_their_maximum_and_no_p99() {
        let histogram = of(60);
        assert!((percentile_ms(&histogram, 0.95).unwrap() - 57.0).abs() < 0.1);
        assert!((percentile_bound_ms(&histogram, 0.95).unwrap() - 60.0).abs() < 0.1);
        assert_eq!(percentile_bound_ms(&histogram, 0.99), None);
    }

    #[test]
    fn as_many_good_samples_as_are_needed_are_just_enough() {
        for quantile in [0.5, 0.95, 0.99, 0.999] {
            let fewest = fewest_samples(quantile);
            assert_eq!(percentile_bound_rank(fewest, quantile), Some(fewest), "{quantile}");
            assert_eq!(percentile_bound_rank(fewest - 1, quantile), None, "{quantile}");
            assert!(failure_share_bound(0, fewest).unwrap() < 1.0 - quantile, "{quantile}");
        }
        assert_eq!((fewest_samples(0.95), fewest_samples(0.99)), (59, 299));
    }

    /// The rank is the one that going through all of them finds.
    #[test]
    fn the_bound_of_a_percentile_is_the_smallest_rank_that_is_sure_enough() {
        for samples in [1, 20, 59, 60, 299, 300, 1000] {
            for quantile in [0.5, 0.95, 0.99] {
                let binomial = Binomial::new(quantile, samples).unwrap();
                let rank = (1..=samples).find(|rank| binomial.cdf(rank - 1) >= CONFIDENCE);
                let histogram = of(samples);
                let expected = rank.and_then(|rank| histogram.rank_ms(rank));
                assert_eq!(percentile_bound_ms(&histogram, quantile), expected, "{samples} {quantile}");
            }
        }
    }

    #[test]
    fn nothing_recorded_gives_nothing() {
        assert_eq!(percentile_ms(&of(0), 0.95), None);
        assert_eq!(percentile_bound_ms(&of(0), 0.95), None);
    }
}
