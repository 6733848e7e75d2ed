//! Recorded durations, as they lie in a histogram: distinct values with counts.

use holdpoint_load::Histogram;

/// Samples in order, the shortest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    /// Distinct values in milliseconds, above zero, each with its count.
    pub(crate) values: Vec<(f64, u64)>,
    /// All counts together.
    pub(crate) len: u64,
}

impl From<&Histogram> for Sample {
    fn from(histogram: &Histogram) -> Self {
        let values: Vec<(f64, u64)> = histogram.counts().collect();
        let len = values.iter().map(|(_, count)| count).sum();
        Self { values, len }
    }
}

/// The rank of a percentile by nearest rank: the smallest sample with at least that share at or below it.
pub(crate) fn rank_of(quantile: f64, len: u64) -> u64 {
    let rank = (quantile * len as f64).ceil();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 and the count")]
    let rank = rank as u64;
    rank.clamp(1, len.max(1))
}

impl Sample {
    /// The value at a percentile by nearest rank; none without samples.
    pub(crate) fn quantile(&self, quantile: f64) -> Option<f64> {
        let rank = rank_of(quantile, self.len);
        let mut seen = 0;
        self.values.iter().find_map(|(value, count)| {
            seen += count;
            (seen >= rank).then_some(*value)
        })
    }

    /// The arithmetic mean; none without samples.
    pub(crate) fn mean(&self) -> Option<f64> {
        let sum: f64 = self.values.iter().map(|(value, count)| value * *count as f64).sum();
        (self.len > 0).then(|| sum / self.len as f64)
    }

    /// The variance around the mean, for a sample; none for fewer than two.
    pub(crate) fn variance(&self) -> Option<f64> {
        let mean = self.mean()?;
        let sum: f64 = self.values.iter().map(|(value, count)| (value - mean).powi(2) * *count as f64).sum();
        (self.len > 1).then(|| sum / (self.len - 1) as f64)
    }

    /// All samples of both.
    pub(crate) fn merged(&self, other: &Self) -> Self {
        let mut values = Vec::with_capacity(self.values.len() + other.values.len());
        let (mut left, mut right) = (self.values.iter().peekable(), other.values.iter().peekable());
        loop {
            let next = match (left.peek(), right.peek()) {
                (Some(one), Some(two)) if one.0.total_cmp(&two.0).is_eq() => {
                    let both = (one.0, one.1 + two.1);
                    left.next();
                    right.next();
                    both
                }
                (Some(one), Some(two)) if one.0 < two.0 => {
                    let next = **one;
                    left.next();
                    next
                }
                (_, Some(two)) => {
                    let next = **two;
                    right.next();
                    next
                }
                (Some(one), None) => {
                    let next = **one;
                    left.next();
                    next
                }
                (None, None) => break,
            };
            values.push(next);
        }
        Self { values, len: self.len + other.len }
    }
}
