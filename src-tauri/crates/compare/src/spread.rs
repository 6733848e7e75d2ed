//! How far a measured value may be from the true one, from the samples alone.
//!
//! The bootstrap of a percentile needs no drawing of lots: the value of rank `r` in a resample of `n` is at most the k-th
//! value with the probability that at least `r` of `n` draws hit the first k, a binomial. So the whole bootstrap
//! distribution is computed, as of endlessly many resamples, and two comparisons of the same files always agree.

use statrs::distribution::{Binomial, ContinuousCDF as _, DiscreteCDF as _, StudentsT};

use crate::sample::{Sample, rank_of};

/// Halvings until an end of an interval is known to far below the width of a bucket.
const HALVINGS: u32 = 50;

/// A weighted distribution over values in order; weights add up to `total`.
#[derive(Clone, Debug)]
pub(crate) struct Spread {
    values: Vec<(f64, f64)>,
    total: f64,
}

impl From<&Sample> for Spread {
    fn from(sample: &Sample) -> Self {
        let values = sample.values.iter().map(|(value, count)| (*value, *count as f64)).collect();
        Self { values, total: sample.len as f64 }
    }
}

impl Spread {
    /// The bootstrap distribution of a percentile; none without samples.
    pub(crate) fn of_quantile(sample: &Sample, quantile: f64) -> Option<Self> {
        if sample.len == 0 {
            return None;
        }
        let rank = rank_of(quantile, sample.len);
        let (mut seen, mut below) = (0_u64, 0.0);
        let mut values = Vec::new();
        for (value, count) in &sample.values {
            seen += count;
            let share = seen as f64 / sample.len as f64;
            let at_most = if seen >= sample.len {
                1.0
            } else {
                1.0 - Binomial::new(share, sample.len).ok()?.cdf(rank - 1)
            };
            if at_most > below {
                values.push((*value, at_most - below));
                below = at_most;
            }
        }
        Some(Self { values, total: 1.0 })
    }

    /// The distribution of the lower median of independent ones.
    pub(crate) fn median_of(all: &[Self]) -> Option<Self> {
        if let [one] = all {
            return Some(one.clone());
        }
        let wanted = all.len().div_ceil(2);
        let mut points: Vec<f64> =
            all.iter().flat_map(|one| one.values.iter().map(|(value, _)| *value)).collect();
        points.sort_by(f64::total_cmp);
        points.dedup();
        let mut places = vec![(0_usize, 0.0); all.len()];
        let mut below = 0.0;
        let mut values = Vec::new();
        for point in points {
            // How many of them are at or below the point: a sum of unlike coins.
            let mut chances = vec![0.0; all.len() + 1];
            chances[0] = 1.0;
            for (one, (place, share)) in all.iter().zip(&mut places) {
                while let Some((_, weight)) = one.values.get(*place).filter(|(value, _)| *value <= point) {
                    *share += weight / one.total;
                    *place += 1;
                }
                for count in (0..all.len()).rev() {
                    let moved = chances[count] * share.min(1.0);
                    chances[count] -= moved;
                    chances[count + 1] += moved;
                }
            }
            let at_most: f64 = chances[wanted..].iter().sum();
            if at_most > below {
                values.push((point, at_most - below));
                below = at_most;
            }
        }
        (!values.is_empty()).then_some(Self { values, total: below })
    }

    /// The share of pairs in which the other value is larger than `ratio` times ours, ties counted half.
    pub(crate) fn share_above(&self, other: &Self, ratio: f64) -> f64 {
        let mut place = 0;
        let mut passed = 0.0;
        let mut above = 0.0;
        for (value, weight) in &other.values {
            while let Some((_, of_own)) = self.values.get(place).filter(|(own, _)| own * ratio < *value) {
                passed += of_own;
                place += 1;
            }
            let tied = match self.values.get(place) {
                Some((own, of_own)) if (own * ratio).total_cmp(value).is_eq() => of_own / 2.0,
                _ => 0.0,
            };
            above += weight * (passed + tied);
        }
        above / (self.total * other.total)
    }

    /// The ratio that the share `above` of pairs exceeds.
    pub(crate) fn ratio_at(&self, other: &Self, above: f64) -> Option<f64> {
        let (first, last) = (self.values.first()?.0, self.values.last()?.0);
        let (other_first, other_last) = (other.values.first()?.0, other.values.last()?.0);
        let (mut low, mut high) = ((other_first / last).ln() - 1e-9, (other_last / first).ln() + 1e-9);
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if self.share_above(other, middle.exp()) > above { low = middle } else { high = middle }
        }
        Some(f64::midpoint(low, high).exp())
    }

    /// The 95 % interval of the ratio of two figures with these distributions.
    pub(crate) fn interval(&self, other: &Self) -> Option<(f64, f64)> {
        Some((self.ratio_at(other, 0.975)?, self.ratio_at(other, 0.025)?))
    }
}

/// The 95 % interval of the ratio of two means, by their standard errors on the logarithm.
pub(crate) fn mean_interval(before: &Sample, after: &Sample) -> Option<(f64, f64)> {
    let share = |sample: &Sample| {
        let mean = sample.mean()?;
        Some(sample.variance()? / sample.len as f64 / (mean * mean))
    };
    let error = (share(before)? + share(after)?).sqrt();
    let freedom = before.len.min(after.len).saturating_sub(1).max(1);
    let t = StudentsT::new(0.0, 1.0, freedom as f64).ok()?.inverse_cdf(0.975);
    let ratio = (after.mean()? / before.mean()?).ln();
    Some(((ratio - t * error).exp(), (ratio + t * error).exp()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[f64]) -> Sample {
        let mut values = values.to_vec();
        values.sort_by(f64::total_cmp);
        Sample { len: values.len() as u64, values: values.into_iter().map(|value| (value, 1)).collect() }
    }

    #[test]
    fn pairs_are_counted_with_ties_as_halves() {
        let (one, two) = (Spread::from(&sample(&[1.0, 2.0, 3.0])), Spread::from(&sample(&[2.0, 4.0])));
        // 2 is above 1 and ties with 2; 4 is above all three: 1.5 + 3 of 6.
        assert!((one.share_above(&two, 1.0) - 0.75).abs() < 1e-12);
        assert!((two.share_above(&one, 1.0) - 0.25).abs() < 1e-12);
        assert!((one.share_above(&two, 10.0)).abs() < 1e-12);
    }

    #[test]
    fn the_bootstrap_of_a_median_is_that_of_all_resamples() {
        // Of three, a resample of three has the middle value in the middle with 1 - 2 * 7/27.
        let spread = Spread::of_quantile(&sample(&[1.0, 2.0, 3.0]), 0.5).unwrap();
        let weights: Vec<f64> = spread.values.iter().map(|(_, weight)| *weight).collect();
        for (weight, expected) in weights.iter().zip([7.0 / 27.0, 13.0 / 27.0, 7.0 / 27.0]) {
            assert!((weight - expected).abs() < 1e-9, "{weights:?}");
        }
    }

    #[test]
    fn the_median_of_three_lies_between() {
        let single = |value| Spread { values: vec![(value, 1.0)], total: 1.0 };
        let median = Spread::median_of(&[single(3.0), single(1.0), single(2.0)]).unwrap();
        assert_eq!(median.values, vec![(2.0, 1.0)]);
        let lower = Spread::median_of(&[single(3.0), single(1.0)]).unwrap();
        assert_eq!(lower.values, vec![(1.0, 1.0)]);
    }
}
