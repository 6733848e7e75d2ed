//! Criteria of a load, and what its figures make of them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::collect::{LoadEnding, LoadResult};
use crate::fitness::FitnessLimits;
use crate::plan::duration_of;
use crate::record::OperationRecord;

/// What is compared with a limit.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Measure {
    /// A percentile of the latency from the intended start, over *all* operations: one that failed or was never
    /// answered is slower than every limit.
    Latency(f64),
    /// The longest latency, in the same sense.
    Longest,
    /// The share of operations that failed or were never answered.
    FailedShare,
    /// Their number.
    Failed,
    /// Operations a second that ended well; must not fall short.
    Rate,
}

/// A criterion such as `p95<500ms`, `max<2s`, `failures<1%`, `failures<=0` or `rate>480`.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    text: String,
    measure: Measure,
    /// Milliseconds, a share, a number, or a rate.
    limit: f64,
    /// Whether the limit itself is still good.
    inclusive: bool,
}

/// What a criterion bounds, for those who write it down in other words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// A percentile of the latency over all operations.
    Latency {
        /// Which, as a share.
        quantile: f64,
        /// Its limit in milliseconds.
        limit_ms: f64,
    },
    /// The longest latency.
    Longest {
        /// Its limit in milliseconds.
        limit_ms: f64,
    },
    /// The share of operations that failed.
    FailedShare {
        /// Its limit.
        limit: f64,
    },
    /// Their number.
    Failed {
        /// Its limit.
        limit: f64,
    },
    /// Operations a second that ended well, at least.
    Rate {
        /// The limit.
        limit: f64,
    },
}

impl Threshold {
    /// What it bounds.
    pub fn bound(&self) -> Bound {
        let limit = self.limit;
        match self.measure {
            Measure::Latency(quantile) => Bound::Latency { quantile, limit_ms: limit },
            Measure::Longest => Bound::Longest { limit_ms: limit },
            Measure::FailedShare => Bound::FailedShare { limit },
            Measure::Failed => Bound::Failed { limit },
            Measure::Rate => Bound::Rate { limit },
        }
    }

    /// Whether the limit itself is still good.
    pub fn is_inclusive(&self) -> bool {
        self.inclusive
    }
}

/// A text that is no criterion.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "load.threshold: {0:?} is no criterion; write for example p95<500ms, p99.9<=2s, max<5s, failures<1%, failures<=0 or rate>480"
)]
pub struct ThresholdError(String);

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        read(text).ok_or_else(|| ThresholdError(text.to_owned()))
    }
}

fn read(text: &str) -> Option<Threshold> {
    let at = text.find(['<', '>'])?;
    let (name, rest) = (text[..at].trim(), &text[at + 1..]);
    let above = text[at..].starts_with('>');
    let (rest, inclusive) = rest.strip_prefix('=').map_or((rest, false), |rest| (rest, true));
    let rest = rest.trim();
    let number =
        |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    let millis = || duration_of(rest).map(|limit| limit.as_secs_f64() * 1000.0);
    let (measure, limit) = match name {
        "max" => (Measure::Longest, millis()?),
        "failures" => match rest.strip_suffix('%') {
            Some(percent) => (Measure::FailedShare, number(percent)? / 100.0),
            None => (Measure::Failed, number(rest)?),
        },
        "rate" => (Measure::Rate, number(rest.strip_suffix("/s").unwrap_or(rest))?),
        _ => {
            let percent = number(name.strip_prefix('p')?)?;
            (percent > 0.0 && percent < 100.0).then_some((Measure::Latency(percent / 100.0), millis()?))?
        }
    };
    (above == (measure == Measure::Rate)).then(|| Threshold {
        text: text.trim().into(),
        measure,
        limit,
        inclusive,
    })
}

/// What became of a criterion, or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It holds, whatever could not be seen.
    Met,
    /// What was seen does not decide.
    NotProven,
    /// It does not hold, whatever could not be seen.
    NotMet,
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Met => "met",
            Self::NotProven => "not proven",
            Self::NotMet => "NOT MET",
        })
    }
}

/// One criterion with what was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The criterion as it was written.
    pub criterion: String,
    /// What was measured.
    pub measured: String,
    /// What became of it.
    pub state: State,
    /// Why it is not proven; empty otherwise.
    pub because: String,
}

/// What a load's figures make of its criteria.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// All criteria together: not met before not proven before met.
    pub state: State,
    /// Each criterion.
    pub criteria: Vec<Judged>,
    /// Why the figures cannot be trusted: those of this computer, or what workers elsewhere reported. Then no criterion
    /// is decided by them.
    pub unfit: Vec<String>,
}

/// Judges a load. An unfit generator decides nothing, nor does a record that may not be whole: neither for the target
/// nor against it.
pub fn judge(result: &LoadResult, thresholds: &[Threshold], limits: &FitnessLimits) -> Judgement {
    let total = result.total();
    let mut unfit = result.generator.complaints(limits);
    unfit.extend(result.doubts.iter().cloned());
    let criteria: Vec<Judged> =
        thresholds.iter().map(|threshold| one(threshold, &total, result, unfit.is_empty())).collect();
    // Not proven is worse than met, and not met is decided first.
    let mut state = criteria.iter().map(|judged| judged.state).max().unwrap_or(State::Met);
    let incomplete = !unfit.is_empty() || result.ending != LoadEnding::Completed || total.ok == 0;
    if state == State::Met && incomplete {
        state = State::NotProven;
    }
    Judgement { state, criteria, unfit }
}

/// What is certain about how many operations are good: at least, and at most.
struct Certain {
    at_least: u64,
    at_most: u64,
}

fn one(threshold: &Threshold, total: &OperationRecord, result: &LoadResult, fit: bool) -> Judged {
    let unseen = total.refused
        + total.waiting()
        + if result.ending == LoadEnding::Completed { 0 } else { total.abandoned };
    let bad = total.failures() + total.abandoned;
    let (measured, state) = match threshold.measure {
        Measure::Latency(quantile) => {
            let needed = rank(quantile, total.planned);
            let within = within(threshold, total, unseen);
            let shown = shown_quantile(total, quantile);
            (shown, decide(within.at_least >= needed, within.at_most < needed))
        }
        Measure::Longest => {
            let within = within(threshold, total, unseen);
            let shown = match (bad, total.latency.max_ms()) {
                (0, Some(longest)) => format!("{longest:.1} ms"),
                (0, None) => "nothing ended".into(),
                (bad, _) => format!("{bad} failed or never answered"),
            };
            (shown, decide(within.at_least >= total.planned, within.at_most < total.planned))
        }
        Measure::FailedShare | Measure::Failed => {
            let scale = if threshold.measure == Measure::Failed { 1.0 } else { total.planned.max(1) as f64 };
            let (surely, perhaps) = (bad as f64 / scale, (bad + unseen) as f64 / scale);
            let good =
                |value: f64| value < threshold.limit || (threshold.inclusive && value <= threshold.limit);
            let share = bad as f64 * 100.0 / total.planned.max(1) as f64;
            (format!("{bad} of {} ({share:.2} %)", total.planned), decide(good(perhaps), !good(surely)))
        }
        Measure::Rate => {
            let rate = if result.elapsed_s > 0.0 { total.ok as f64 / result.elapsed_s } else { 0.0 };
            let good = rate > threshold.limit || (threshold.inclusive && rate >= threshold.limit);
            (format!("{rate:.1} a second"), decide(good, !good))
        }
    };
    let (state, because) = doubts(threshold, (total, result), state, fit, unseen);
    Judged { criterion: threshold.text.clone(), measured, state, because }
}

/// How many operations were answered well within the limit. What was not seen may be either.
fn within(threshold: &Threshold, total: &OperationRecord, unseen: u64) -> Certain {
    let limit = Duration::from_secs_f64(threshold.limit / 1000.0);
    let good = total.ok - total.latency.longer_than(limit);
    Certain { at_least: good, at_most: good + unseen }
}

/// The 1-based rank of a percentile among `count` operations.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a count is neither negative nor larger than it"
)]
fn rank(quantile: f64, count: u64) -> u64 {
    // What is meant as a whole number may lie a grain above it: 0.95 × 20 is 19.
    ((quantile * count as f64 - 1e-9).ceil() as u64).max(1)
}

fn decide(met: bool, not_met: bool) -> State {
    match (met, not_met) {
        (true, false) => State::Met,
        (false, true) => State::NotMet,
        _ => State::NotProven,
    }
}

/// A percentile over all operations; beyond the good ones there is no number.
fn shown_quantile(total: &OperationRecord, quantile: f64) -> String {
    match total.latency.rank_ms(rank(quantile, total.planned)) {
        Some(value) => format!("{value:.1} ms"),
        None if total.planned == 0 => "nothing was planned".into(),
        None => format!("no answer for more than {:.3} % of all", (1.0 - quantile) * 100.0),
    }
}

/// Latency counts from the intended start, so lateness of our own can only make it longer: met stays met. What it may
/// have broken is not laid at the target's door, unless the bare service time breaks it too.
fn doubts(
    threshold: &Threshold,
    (total, result): (&OperationRecord, &LoadResult),
    state: State,
    fit: bool,
    unseen: u64,
) -> (State, String) {
    if total.planned == 0 {
        return (State::NotProven, "nothing was planned".into());
    }
    if !fit && result.doubts.is_empty() {
        return (State::NotProven, "this computer was not fit to measure".into());
    }
    if !fit {
        return (State::NotProven, "the reports of the workers are not to be relied on".into());
    }
    if state == State::Met && result.ending != LoadEnding::Completed {
        return (State::NotProven, "the load was ended before its time".into());
    }
    if state == State::NotProven && unseen > 0 {
        return (
            state,
            format!("{unseen} operations were not sent or not waited for, and could decide it either way"),
        );
    }
    if state == State::NotMet && matches!(threshold.measure, Measure::Latency(_) | Measure::Longest) {
        let quantile = if let Measure::Latency(quantile) = threshold.measure { quantile } else { 1.0 };
        let lag = total.lag.quantile_ms(quantile).unwrap_or(0.0);
        let late = lag > threshold.limit / 10.0 || result.generator.is_saturated();
        let limit = Duration::from_secs_f64(threshold.limit / 1000.0);
        let by_service = total.ok - total.service.longer_than(limit) + unseen;
        let needed = rank(quantile, total.planned);
        if late && by_service >= needed {
            let why = format!("the sender itself was up to {lag:.1} ms late, which may be all of it");
            return (State::NotProven, why);
        }
    }
    if state == State::NotMet
        && threshold.measure == Measure::Rate
        && (unseen > 0 || result.generator.is_saturated())
    {
        return (State::NotProven, "the sender could not send more".into());
    }
    (state, String::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fitness::Generator;

    fn result(ok: &[(u64, u64)], failed: u64, refused: u64) -> LoadResult {
        let mut record = OperationRecord::default();
        for (millis, count) in ok {
            for _ in 0..*count {
                record.latency.record(Duration::from_millis(*millis));
                record.service.record(Duration::from_millis(*millis));
                record.lag.record(Duration::from_micros(50));
            }
            record.ok += count;
        }
        if failed > 0 {
            record.failed.insert("refused".into(), failed);
        }
        record.sent = record.ok + failed;
        record.refused = refused;
        record.planned = record.sent + refused;
        let elapsed_s = 10.0;
        LoadResult { operations: [("a".to_owned(), record)].into(), elapsed_s, ..LoadResult::default() }
    }

    fn state(result: &LoadResult, criterion: &str) -> State {
        judge(result, &[criterion.parse().unwrap()], &FitnessLimits::default()).state
    }

    #[test]
    fn criteria_are_read_or_refused() {
        for good in
            ["p95<500ms", "p99.9 <= 2s", "max<5s", "failures<1%", "failures<=0", "rate>480", "rate>=480/s"]
        {
            assert!(good.parse::<Threshold>().is_ok(), "{good}");
        }
        for wrong in [
            "",
            "p95",
            "p95<",
            "p95<500",
            "p95>500ms",
            "p0<1s",
            "p100<1s",
            "pNaN<1s",
            "failures<NaN%",
            "rate<5",
            "x<1s",
            "failures<-1",
        ] {
            assert!(wrong.parse::<Threshold>().is_err(), "{wrong}");
        }
    }

    /// Failing fast must not make a percentile better, nor may it be left out.
    #[test]
    fn a_failed_operation_is_slower_than_every_limit() {
        assert_eq!(state(&result(&[(5, 96)], 4, 0), "p95<10ms"), State::Met);
        assert_eq!(state(&result(&[(5, 94)], 6, 0), "p95<10ms"), State::NotMet);
        assert_eq!(state(&result(&[(5, 99)], 1, 0), "max<10ms"), State::NotMet);
    }

    #[test]
    fn what_was_refused_could_have_been_either() {
        assert_eq!(state(&result(&[(5, 90)], 0, 10), "p95<10ms"), State::NotProven);
        assert_eq!(state(&result(&[(5, 99)], 0, 1), "p95<10ms"), State::Met);
        assert_eq!(state(&result(&[(50, 90)], 0, 10), "p95<10ms"), State::NotMet);
        assert_eq!(state(&result(&[(5, 90)], 0, 10), "failures<5%"), State::NotProven);
    }

    #[test]
    fn an_unfit_generator_decides_nothing() {
        for (measured, criterion) in [(5, "p95<10ms"), (50, "p95<10ms")] {
            let mut unfit = result(&[(measured, 100)], 0, 0);
            unfit.generator = Generator { own_limits: 3, ..Generator::default() };
            assert_eq!(state(&unfit, criterion), State::NotProven);
        }
    }

    #[test]
    fn a_record_that_may_not_be_whole_decides_nothing() {
        for (measured, criterion) in [(5, "p95<10ms"), (50, "p95<10ms")] {
            let mut doubtful = result(&[(measured, 100)], 0, 0);
            doubtful.doubts.push("worker 1 (here): it vanished".into());
            assert_eq!(state(&doubtful, criterion), State::NotProven);
            let judgement = judge(&doubtful, &[], &FitnessLimits::default());
            assert_eq!((judgement.state, judgement.unfit), (State::NotProven, doubtful.doubts));
        }
    }

    #[test]
    fn lateness_of_our_own_is_not_laid_at_the_targets_door() {
        let mut late = result(&[(5, 100)], 0, 0);
        let record = late.operations.get_mut("a").unwrap();
        record.latency.clear();
        record.lag.clear();
        for _ in 0..100 {
            record.latency.record(Duration::from_millis(45));
            record.lag.record(Duration::from_millis(40));
        }
        assert_eq!(state(&late, "p95<10ms"), State::NotProven);
        assert_eq!(state(&late, "p95<50ms"), State::Met);
        late.operations.get_mut("a").unwrap().service = late.operations["a"].latency.clone();
        assert_eq!(state(&late, "p95<10ms"), State::NotMet);
    }

    #[test]
    fn a_load_without_a_good_answer_or_cut_off_proves_nothing() {
        assert_eq!(state(&result(&[], 0, 0), "failures<1%"), State::NotProven);
        assert_eq!(judge(&result(&[], 5, 0), &[], &FitnessLimits::default()).state, State::NotProven);
        let mut cut = result(&[(5, 100)], 0, 0);
        cut.ending = LoadEnding::Aborted;
        assert_eq!(state(&cut, "p95<10ms"), State::NotProven);
        assert_eq!(state(&cut, "p95<1ms"), State::NotMet);
    }
}
