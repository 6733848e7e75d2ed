//! From samples to words. The method, its error rate and why it is this one:
//!
//! * **One question an operation.** Five figures of an operation are asked at once (all samples by rank, P50, P95, P99,
//!   mean) by [shuffling](crate::shuffle), which corrects for there being five.
//! * **Holm over operations and their failures.** With `K` questions a figure counts when its p-value times `K` is at most
//!   5 %; a question all of whose figures count leaves the family, and the rest is asked again with one less. Questions
//!   whose sizes could not give such a p-value whatever was measured are told "too few samples" and do not widen the
//!   family (Tarone 1990). So of comparisons of two unchanged systems at most 5 % name anything at all.
//! * **And by enough.** A figure is slower or faster only when its whole 95 % interval also lies outside ±5 %, or outside
//!   what two checks of one and the same build differed by, where an A/A pair is given. That makes false alarms rarer
//!   still, never more.
//! * **What could not have been seen is said**: the change that would have been found in 95 of 100 comparisons.
//!
//! Requests of a check are taken as independent; where a system drifts from one check to the next, only an A/A pair shows
//! by how much. With `n` such pairs a drift as large as all of them is passed in 1 of `n + 1` comparisons.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF as _, Discrete as _, Hypergeometric, Normal};

use crate::sample::Sample;
use crate::shuffle::{self, Asked};
use crate::spread::{self, Spread};

/// Of so many comparisons of unchanged systems one may name a change.
pub const ERROR_RATE: f64 = 0.05;
/// Changes within this are none, in per cent.
pub const BAND_PCT: f64 = 5.0;
/// Half the width of a 95 % interval in standard errors.
const HALF: f64 = 1.959_964;
/// Beyond which 5 of 100 normal values lie on one side.
const ONE_SIDE: f64 = 1.644_854;

/// What is compared of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum MeasureKind {
    /// All requests: by which factor one has to be multiplied to be like the other (Hodges-Lehmann).
    All,
    /// Half of the requests took at most this.
    P50,
    /// 95 % of the requests took at most this.
    P95,
    /// 99 % of the requests took at most this.
    P99,
    /// The arithmetic mean.
    Mean,
    /// Failed operations, in per cent.
    Failures,
    /// Seconds until a restarted service was back.
    Recovery,
    /// The highest backlog.
    Backlog,
}

impl MeasureKind {
    /// As shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::All => "all requests",
            Self::P50 => "P50",
            Self::P95 => "P95",
            Self::P99 => "P99",
            Self::Mean => "mean",
            Self::Failures => "failures",
            Self::Recovery => "recovery",
            Self::Backlog => "highest backlog",
        }
    }
}

/// What a figure reads: one plain word each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Reading {
    /// It takes really longer.
    Slower,
    /// More operations really fail.
    More,
    /// It is really quicker.
    Faster,
    /// Fewer operations really fail.
    Fewer,
    /// Nothing that is more than noise.
    NoRealChange,
    /// No change of any size could have been told.
    TooFew,
    /// One value on each side: no comparison.
    OneValueEach,
    /// One side has none, or simulated it.
    NotComparable,
}

impl Reading {
    /// As shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Slower => "slower",
            Self::More => "more",
            Self::Faster => "faster",
            Self::Fewer => "fewer",
            Self::NoRealChange => "no real change",
            Self::TooFew => "too few samples",
            Self::OneValueEach => "one value each",
            Self::NotComparable => "cannot be compared",
        }
    }

    /// Whether it is a change for the worse.
    pub fn is_worse(self) -> bool {
        matches!(self, Self::Slower | Self::More)
    }

    /// Whether it is a change for the better.
    pub fn is_better(self) -> bool {
        matches!(self, Self::Faster | Self::Fewer)
    }
}

/// The figures asked of latencies.
pub(crate) const LATENCY: [MeasureKind; 5] =
    [MeasureKind::All, MeasureKind::P50, MeasureKind::P95, MeasureKind::P99, MeasureKind::Mean];

fn quantile(kind: MeasureKind) -> Option<f64> {
    match kind {
        MeasureKind::P50 => Some(0.5),
        MeasureKind::P95 => Some(0.95),
        MeasureKind::P99 => Some(0.99),
        _ => None,
    }
}

/// Samples from which on a figure is worth a word: that many bound a percentile on both sides at 95 %.
pub(crate) fn needed(kind: MeasureKind) -> u64 {
    match kind {
        MeasureKind::P95 => 59,
        MeasureKind::P99 => 299,
        _ => 5,
    }
}

/// Latencies of one operation on both sides.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// Of each check before; one, or those whose median is taken.
    pub(crate) before: Vec<Sample>,
    pub(crate) after: Sample,
    /// What an unchanged build was seen to differ by, as a logarithm, by figure.
    pub(crate) floors: Vec<(MeasureKind, f64)>,
}

/// Failed operations of one kind on both sides: failed, of all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failures {
    pub(crate) before: (u64, u64),
    pub(crate) after: (u64, u64),
}

/// What a figure comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) kind: MeasureKind,
    pub(crate) before: Option<f64>,
    pub(crate) after: Option<f64>,
    /// After by before; of failures the difference in percentage points.
    pub(crate) change: Option<f64>,
    pub(crate) interval: Option<(f64, f64)>,
    pub(crate) p: Option<f64>,
    pub(crate) floor: Option<f64>,
    /// The change, in per cent, that 95 of 100 such comparisons would have found.
    pub(crate) least_pct: Option<f64>,
    pub(crate) reading: Reading,
}

/// How much counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) error_rate: f64,
    pub(crate) band: f64,
}

impl Rule {
    pub(crate) fn with_band(band_pct: f64) -> Self {
        Self { error_rate: ERROR_RATE, band: band_pct / 100.0 }
    }
}

/// One member of the family, before it is judged.
struct Member {
    figures: Vec<Told>,
    /// The p-value of each figure within its question; none where it is not asked.
    raw: Vec<Option<f64>>,
    smallest: f64,
}

/// Judges everything at once, because the number of questions is part of the answer.
pub(crate) fn tell(
    questions: &[Question],
    failures: &[Failures],
    rule: Rule,
) -> (Vec<Vec<Told>>, Vec<Told>, usize) {
    let mut members: Vec<Member> = questions.iter().map(latencies).collect();
    members.extend(failures.iter().map(|one| failed(*one)));
    let family = family(&members, rule.error_rate);
    judge(&mut members, family, rule);
    let mut told: Vec<Vec<Told>> = members.into_iter().map(|member| member.figures).collect();
    let of_failures = told.split_off(questions.len()).into_iter().flatten().collect();
    (told, of_failures, family)
}

/// How many questions can be answered at all when there are so many (Tarone 1990).
fn family(members: &[Member], error_rate: f64) -> usize {
    (1..=members.len().max(1))
        .find(|count| {
            let possible = members.iter().filter(|one| one.smallest <= error_rate / *count as f64).count();
            possible <= *count
        })
        .unwrap_or(1)
}

fn judge(members: &mut [Member], family: usize, rule: Rule) {
    let possible = |member: &Member| member.smallest <= rule.error_rate / family as f64;
    let mut counted: Vec<Vec<Option<f64>>> =
        members.iter().map(|member| vec![None; member.raw.len()]).collect();
    let mut left = family;
    loop {
        let mut grown = false;
        for (member, counted) in members.iter().zip(&mut counted).filter(|(member, _)| possible(member)) {
            for (raw, counted) in member.raw.iter().zip(counted) {
                if let Some(p) = raw.map(|raw| raw * left as f64)
                    && counted.is_none()
                    && p <= rule.error_rate
                {
                    *counted = Some(p);
                    grown = true;
                }
            }
        }
        let whole = members
            .iter()
            .zip(&counted)
            .filter(|(member, counted)| {
                possible(member)
                    && member
                        .raw
                        .iter()
                        .zip(counted.iter())
                        .all(|(raw, counted)| raw.is_none() || counted.is_some())
            })
            .count();
        left = (family.saturating_sub(whole)).max(1);
        if !grown {
            break;
        }
    }
    for (member, counted) in members.iter_mut().zip(counted) {
        let asked = possible(member);
        for ((told, raw), counted) in member.figures.iter_mut().zip(&member.raw).zip(counted) {
            let Some(raw) = raw.filter(|_| asked) else {
                (told.interval, told.least_pct) = (None, None);
                continue;
            };
            told.p = Some(counted.unwrap_or((raw * left as f64).min(1.0)));
            word(told, counted.is_some(), family, rule);
        }
    }
}

/// The word of a figure that could be asked.
fn word(told: &mut Told, counts: bool, family: usize, rule: Rule) {
    told.reading = Reading::NoRealChange;
    let Some((low, high)) = told.interval else { return };
    if told.kind == MeasureKind::Failures {
        if counts {
            told.reading = if told.change > Some(0.0) { Reading::More } else { Reading::Fewer };
        }
        return;
    }
    let band = rule.band.max(told.floor.map_or(0.0, f64::exp_m1));
    let error = (high / low).ln() / (2.0 * HALF);
    let z = Normal::new(0.0, 1.0)
        .map_or(HALF, |normal| normal.inverse_cdf(1.0 - rule.error_rate / (2.0 * family as f64)));
    let least = (band.ln_1p() + HALF * error).max(z * error) + ONE_SIDE * error;
    told.least_pct = Some(least.exp_m1() * 100.0);
    if counts && low > 1.0 + band {
        told.reading = Reading::Slower;
    } else if counts && high < 1.0 - band.min(0.99) {
        told.reading = Reading::Faster;
    }
}

/// Figures of latencies with their raw p-values.
fn latencies(question: &Question) -> Member {
    let before = question.before.iter().fold(Sample::default(), |sum, one| sum.merged(one));
    let fewest = question.before.iter().map(|one| one.len).min().unwrap_or(0).min(question.after.len);
    let asked: Vec<MeasureKind> = LATENCY.into_iter().filter(|kind| fewest >= needed(*kind)).collect();
    let shuffled: Vec<Asked> = asked
        .iter()
        .map(|kind| match (kind, quantile(*kind)) {
            (_, Some(quantile)) => Asked::Quantile(quantile),
            (MeasureKind::Mean, _) => Asked::Mean,
            _ => Asked::Ranks,
        })
        .collect();
    let ps = if asked.is_empty() {
        Vec::new()
    } else {
        let seed = shuffle::seed_of(&question.before, &question.after);
        shuffle::p_values(&question.before, &question.after, &shuffled, seed)
    };
    let mut figures = Vec::new();
    let mut raw = Vec::new();
    for kind in LATENCY {
        let p = asked.iter().position(|asked| *asked == kind).and_then(|place| ps.get(place)).copied();
        let mut told = figure(question, &before, kind);
        if p.is_none() {
            told.interval = None;
        }
        figures.push(told);
        raw.push(p);
    }
    let smallest = if asked.is_empty() { 1.0 } else { shuffle::smallest_p(before.len, question.after.len) };
    Member { figures, raw, smallest }
}

/// The ratio of a figure and its 95 % interval, without a word yet.
pub(crate) fn figure(question: &Question, before: &Sample, kind: MeasureKind) -> Told {
    let after = &question.after;
    let (value, interval) = if let Some(quantile) = quantile(kind) {
        let mut values: Vec<f64> = question.before.iter().filter_map(|one| one.quantile(quantile)).collect();
        values.sort_by(f64::total_cmp);
        let median = values.get(values.len().saturating_sub(1) / 2).copied();
        let own: Option<Vec<Spread>> =
            question.before.iter().map(|one| Spread::of_quantile(one, quantile)).collect();
        let interval = own
            .and_then(|own| Spread::median_of(&own))
            .and_then(|own| own.interval(&Spread::of_quantile(after, quantile)?));
        (median.zip(after.quantile(quantile)), interval)
    } else if kind == MeasureKind::Mean {
        (before.mean().zip(after.mean()), spread::mean_interval(before, after))
    } else {
        (before.quantile(0.5).zip(after.quantile(0.5)), ranks_interval(before, after))
    };
    let change = if kind == MeasureKind::All {
        Spread::from(before).ratio_at(&Spread::from(after), 0.5)
    } else {
        value.filter(|(before, _)| *before > 0.0).map(|(before, after)| after / before)
    };
    let floor = question.floors.iter().find(|(of, _)| *of == kind).map(|(_, floor)| *floor);
    Told {
        kind,
        before: value.map(|value| value.0),
        after: value.map(|value| value.1),
        change,
        interval,
        p: None,
        floor,
        least_pct: None,
        reading: if value.is_some() { Reading::TooFew } else { Reading::NotComparable },
    }
}

/// The 95 % interval of the shift by the Mann-Whitney statistic, its variance corrected for ties.
fn ranks_interval(before: &Sample, after: &Sample) -> Option<(f64, f64)> {
    let (m, n) = (before.len as f64, after.len as f64);
    let all = m + n;
    if before.len == 0 || after.len == 0 || all < 3.0 {
        return None;
    }
    let pool = before.merged(after);
    let ties: f64 = pool.values.iter().map(|(_, count)| (*count as f64).powi(3) - *count as f64).sum();
    let variance = ((all + 1.0) - ties / (all * (all - 1.0))) / (12.0 * m * n);
    let half = (HALF * variance.max(0.0).sqrt()).min(0.499);
    let (before, after) = (Spread::from(before), Spread::from(after));
    Some((before.ratio_at(&after, 0.5 + half)?, before.ratio_at(&after, 0.5 - half)?))
}

/// Failed operations: Fisher's exact test, with Newcombe's interval of the difference.
fn failed(failures: Failures) -> Member {
    let Failures { before: (a, m), after: (b, n) } = failures;
    let share = |failed: u64, all: u64| (all > 0).then(|| failed as f64 / all as f64 * 100.0);
    let (before, after) = (share(a, m), share(b, n));
    let mut told = Told {
        kind: MeasureKind::Failures,
        before,
        after,
        change: before.zip(after).map(|(before, after)| after - before),
        interval: newcombe(failures),
        p: None,
        floor: None,
        least_pct: None,
        reading: if m > 0 && n > 0 { Reading::TooFew } else { Reading::NotComparable },
    };
    let together = a + b;
    if m == 0 || n == 0 {
        return Member { figures: vec![told], raw: vec![None], smallest: 1.0 };
    }
    if together == 0 || together == m + n {
        // Nothing differs: there is nothing to ask.
        told.reading = Reading::NoRealChange;
        return Member { figures: vec![told], raw: vec![None], smallest: 1.0 };
    }
    let Ok(deals) = Hypergeometric::new(m + n, together, n) else {
        return Member { figures: vec![told], raw: vec![None], smallest: 1.0 };
    };
    let chance = |failed: u64| deals.pmf(failed);
    let (lowest, highest) = (together.saturating_sub(m), together.min(n));
    // As likely as what was measured, or less; chances of the same size differ in their last digits.
    let at_most = |limit: f64| -> f64 {
        (lowest..=highest).map(chance).filter(|chance| *chance <= limit * (1.0 + 1e-9)).sum()
    };
    let smallest = at_most(chance(lowest)).min(at_most(chance(highest)));
    Member { figures: vec![told], raw: vec![Some(at_most(chance(b)).min(1.0))], smallest }
}

/// The 95 % interval of the difference of two shares, in percentage points (Newcombe 1998, method 10).
fn newcombe(failures: Failures) -> Option<(f64, f64)> {
    let wilson = |(failed, all): (u64, u64)| {
        let (p, n, z) = (failed as f64 / all as f64, all as f64, HALF * HALF);
        let middle = (p + z / (2.0 * n)) / (1.0 + z / n);
        let half = HALF / (1.0 + z / n) * (p * (1.0 - p) / n + z / (4.0 * n * n)).sqrt();
        (p, (middle - half).max(0.0), (middle + half).min(1.0))
    };
    if failures.before.1 == 0 || failures.after.1 == 0 {
        return None;
    }
    let ((p, p_low, p_high), (q, q_low, q_high)) = (wilson(failures.before), wilson(failures.after));
    let low = q - p - ((q - q_low).powi(2) + (p_high - p).powi(2)).sqrt();
    let high = q - p + ((q_high - q).powi(2) + (p - p_low).powi(2)).sqrt();
    Some((low * 100.0, high * 100.0))
}
