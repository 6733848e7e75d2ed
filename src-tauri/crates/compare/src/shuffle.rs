//! Whether two groups of samples can come from one and the same: by shuffling them.
//!
//! If nothing changed, every way to deal the pooled samples into the groups is as likely as the one that was measured. So
//! the share of shuffles that look at least as unlike as what was measured is an exact p-value, for any distribution and
//! any sizes. Several figures of one operation are asked at once: the largest difference of each shuffle is what each
//! measured one is compared with (max-T), so that asking more of one operation does not raise false alarms. Each difference
//! counts in its own standard errors, taken anew of every deal: a deal that mixes slow and quick samples is uncertain, and
//! does not make a clear separation look usual.
//! Shuffling stops early where it is plain that nothing is unlike (Besag and Clifford 1991); the p-value stays valid.

use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF as _, Normal};

use crate::sample::{Sample, rank_of};
use crate::spread::Spread;

/// Shuffles at most; the smallest p-value is one in so many and one.
const SHUFFLES: u32 = 1999;
/// Shuffles at least as unlike after which no more are needed.
const ENOUGH: u32 = 25;
/// A histogram keeps three digits: nothing is known more exactly, as a share.
const RESOLUTION: f64 = 0.0005;
/// More samples than these are not shuffled: their figures vary as a normal distribution says.
const SHUFFLED_LIMIT: u64 = 4000;

/// What is asked of the samples of an operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Asked {
    /// All samples by their ranks (Mann-Whitney, ties as halves).
    Ranks,
    /// A percentile.
    Quantile(f64),
    /// The mean.
    Mean,
}

/// The p-value of each question, corrected for asking all of them. `before` may be several checks, of which percentiles
/// are taken by their lower median.
pub(crate) fn p_values(before: &[Sample], after: &Sample, asked: &[Asked], seed: u64) -> Vec<f64> {
    let all: u64 = before.iter().map(|one| one.len).sum::<u64>() + after.len;
    if all > SHUFFLED_LIMIT {
        return by_normal(before, after, asked);
    }
    let pool = Pool::new(before, after);
    let unlike = pool.look(&pool.cards, asked);
    let most = unlike.iter().copied().fold(0.0, f64::max);
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut cards = pool.cards.clone();
    let mut at_least = vec![0_u32; asked.len()];
    let (mut shuffles, mut as_most) = (0_u32, 0_u32);
    while shuffles < SHUFFLES && as_most < ENOUGH {
        cards.shuffle(&mut random);
        shuffles += 1;
        let worst = pool.look(&cards, asked).into_iter().fold(0.0, f64::max);
        // Sums of the same numbers in another order differ in their last digits.
        let worst = worst + 1e-9 * worst.max(1.0);
        as_most += u32::from(worst >= most);
        for (count, unlike) in at_least.iter_mut().zip(&unlike) {
            *count += u32::from(worst >= *unlike);
        }
    }
    let stopped = as_most >= ENOUGH;
    at_least
        .into_iter()
        .map(|count| {
            if stopped {
                f64::from(count) / f64::from(shuffles)
            } else {
                f64::from(count + 1) / f64::from(shuffles + 1)
            }
        })
        .collect()
}

/// All samples as cards: each the place of its value among the distinct ones.
struct Pool {
    values: Vec<f64>,
    /// How many cards each check before has.
    sizes: Vec<usize>,
    /// The mid-rank of each distinct value.
    ranks: Vec<f64>,
    /// The standard error of the sum of ranks of the last group, with ties.
    ranks_error: f64,
    cards: Vec<u32>,
    after: usize,
}

impl Pool {
    fn new(before: &[Sample], after: &Sample) -> Self {
        let merged = before.iter().fold(after.clone(), |sum, one| sum.merged(one));
        let values: Vec<f64> = merged.values.iter().map(|(value, _)| *value).collect();
        let mut passed = 0.0;
        let ranks = merged
            .values
            .iter()
            .map(|(_, count)| {
                let rank = passed + (*count as f64 + 1.0) / 2.0;
                passed += *count as f64;
                rank
            })
            .collect();
        let mut cards = Vec::new();
        for sample in before.iter().chain([after]) {
            for (value, count) in &sample.values {
                let place = values.partition_point(|known| known < value);
                let place = u32::try_from(place).unwrap_or(u32::MAX);
                cards.extend((0..*count).map(|_| place));
            }
        }
        let (m, n) = (merged.len as f64 - after.len as f64, after.len as f64);
        let ties: f64 = merged.values.iter().map(|(_, count)| (*count as f64).powi(3) - *count as f64).sum();
        let all = m + n;
        let ranks_error =
            (m * n / 12.0 * ((all + 1.0) - ties / (all * (all - 1.0)).max(1.0))).max(0.0).sqrt();
        let sizes = before.iter().map(|one| usize::try_from(one.len).unwrap_or(0)).collect();
        Self { values, sizes, ranks, ranks_error, cards, after: usize::try_from(after.len).unwrap_or(0) }
    }

    fn value(&self, card: u32) -> f64 {
        self.values[card as usize]
    }

    /// How unlike the groups are in each question, in standard errors.
    fn look(&self, cards: &[u32], asked: &[Asked]) -> Vec<f64> {
        let (before, after) = cards.split_at(cards.len() - self.after);
        let sorted = |group: &[u32]| {
            let mut group = group.to_vec();
            group.sort_unstable();
            group
        };
        let mut groups = Vec::with_capacity(self.sizes.len());
        let mut rest = before;
        for size in &self.sizes {
            let (group, others) = rest.split_at(*size);
            groups.push(sorted(group));
            rest = others;
        }
        let last = sorted(after);
        asked
            .iter()
            .map(|asked| {
                let (difference, error) = match asked {
                    Asked::Ranks => {
                        let sum: f64 = last.iter().map(|card| self.ranks[*card as usize]).sum();
                        (sum - last.len() as f64 * (cards.len() as f64 + 1.0) / 2.0, self.ranks_error)
                    }
                    Asked::Mean => {
                        let (one, of_one) = self.mean(before);
                        let (two, of_two) = self.mean(after);
                        ((two / one).ln(), of_one.hypot(of_two))
                    }
                    Asked::Quantile(quantile) => {
                        let mut figures: Vec<(f64, f64)> =
                            groups.iter().map(|group| self.quantile(group, *quantile)).collect();
                        figures.sort_by(|one, two| one.0.total_cmp(&two.0));
                        let (two, of_two) = self.quantile(&last, *quantile);
                        let count = figures.len() as f64;
                        let squares: f64 = figures.iter().map(|(_, error)| error * error).sum();
                        // The median of normal values varies by so much more than their mean.
                        let wider = if figures.len() > 1 { std::f64::consts::FRAC_PI_2 } else { 1.0 };
                        let of_one = (squares * wider).sqrt() / count;
                        ((two - figures[(figures.len() - 1) / 2].0), of_one.hypot(of_two))
                    }
                };
                if difference == 0.0 { 0.0 } else { (difference / error).abs() }
            })
            .collect()
    }

    /// The mean of a group and its standard error as a share of it.
    fn mean(&self, group: &[u32]) -> (f64, f64) {
        let count = group.len() as f64;
        let mean = group.iter().map(|card| self.value(*card)).sum::<f64>() / count;
        let squares: f64 = group.iter().map(|card| (self.value(*card) - mean).powi(2)).sum();
        (mean, ((squares / (count - 1.0).max(1.0) / count).sqrt() / mean).max(RESOLUTION))
    }

    /// The logarithm of a percentile of a sorted group and its standard error, from the values two standard errors of a rank
    /// around it.
    fn quantile(&self, group: &[u32], quantile: f64) -> (f64, f64) {
        let at = |rank: u64| self.value(group[usize::try_from(rank - 1).unwrap_or(0)]).ln();
        let len = group.len() as u64;
        let rank = rank_of(quantile, len);
        let spread = (len as f64 * quantile * (1.0 - quantile)).sqrt();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 1 and the count")]
        let around = (2.0 * spread).ceil() as u64;
        let (low, high) = (rank.saturating_sub(around).max(1), (rank + around).min(len));
        let error = (at(high) - at(low)) * spread / (high - low).max(1) as f64;
        (at(rank), error.max(RESOLUTION))
    }
}

/// For very many samples: normal p-values, corrected by Bonferroni.
fn by_normal(before: &[Sample], after: &Sample, asked: &[Asked]) -> Vec<f64> {
    let merged = before.iter().fold(Sample::default(), |sum, one| sum.merged(one));
    let pool = merged.merged(after);
    let (m, n) = (merged.len as f64, after.len as f64);
    let ties: f64 = pool.values.iter().map(|(_, count)| (*count as f64).powi(3) - *count as f64).sum();
    let all = m + n;
    let z_of = |asked: &Asked| match asked {
        Asked::Ranks => {
            let above = Spread::from(&merged).share_above(&Spread::from(after), 1.0);
            let variance = m * n / 12.0 * ((all + 1.0) - ties / (all * (all - 1.0)));
            (variance > 0.0).then(|| (above - 0.5) * m * n / variance.sqrt())
        }
        Asked::Mean => {
            let error = |sample: &Sample| Some(sample.variance()? / sample.len as f64);
            let error = (error(&merged)? + error(after)?).sqrt();
            (error > 0.0).then(|| Some((after.mean()? - merged.mean()?) / error))?
        }
        Asked::Quantile(quantile) => {
            let own: Option<Vec<Spread>> =
                before.iter().map(|one| Spread::of_quantile(one, *quantile)).collect();
            let (low, high) = Spread::median_of(&own?)?.interval(&Spread::of_quantile(after, *quantile)?)?;
            let width = (high / low).ln();
            (width > 0.0).then(|| f64::midpoint(high.ln(), low.ln()) / (width / (2.0 * 1.96)))
        }
    };
    let Ok(normal) = Normal::new(0.0, 1.0) else { return vec![1.0; asked.len()] };
    asked
        .iter()
        .map(|one| {
            let p = z_of(one).map_or(1.0, |z| 2.0 * normal.cdf(-z.abs()));
            (p * asked.len() as f64).min(1.0)
        })
        .collect()
}

/// A seed from the samples: the same comparison always reads the same, and nobody chooses the lots.
pub(crate) fn seed_of(before: &[Sample], after: &Sample) -> u64 {
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for sample in before.iter().chain([after]) {
        for (value, count) in &sample.values {
            seed = (seed ^ value.to_bits() ^ count.rotate_left(32)).wrapping_mul(0x0100_0000_01b3);
        }
        seed = seed.rotate_left(17);
    }
    ChaCha8Rng::seed_from_u64(seed).random()
}

/// The smallest p-value that groups of these sizes can give, whatever is measured: one deal of many, either way round.
pub(crate) fn smallest_p(before: u64, after: u64) -> f64 {
    let few = before.min(after);
    let all = (before + after) as f64;
    let mut deals = 1.0_f64;
    for step in 0..few {
        deals *= (all - step as f64) / (step as f64 + 1.0);
        if deals > 2.0 * f64::from(SHUFFLES) {
            break;
        }
    }
    (2.0 / deals).clamp(1.0 / f64::from(SHUFFLES + 1), 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_bound_what_can_be_told() {
        assert!((smallest_p(4, 4) - 2.0 / 70.0).abs() < 1e-12);
        assert!((smallest_p(1, 1) - 1.0).abs() < 1e-12);
        assert!(smallest_p(10, 10) < 0.001);
        assert!((smallest_p(0, 10) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn equal_values_are_never_unlike() {
        let same = Sample { values: vec![(5.0, 30)], len: 30 };
        let asked = [Asked::Ranks, Asked::Quantile(0.5), Asked::Mean];
        assert!(p_values(std::slice::from_ref(&same), &same, &asked, 1).iter().all(|p| *p >= 0.99));
    }
}
