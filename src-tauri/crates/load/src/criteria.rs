//! Criteria of a load, and what its figures make of them.
//!
//! A criterion on a percentile or on a share of failures is met only where its 95 % bound keeps the limit too (exact
//! binomial and order statistics, as [`crate::statistics`] has them): a few samples that happen to be good are too few to
//! tell. What breaks the limit in what was measured is not met, however few.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::collect::{LoadEnding, LoadResult};
use crate::fitness::FitnessLimits;
use crate::fleet::Stored;
use crate::plan::duration_of;
use crate::record::OperationRecord;
use crate::statistics::{failure_share_bound, fewest_samples, percentile_bound_rank};

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

/// A criterion such as `p95<500ms`, `max<2s`, `failures<1%`, `failures<=0` or `rate>480`, of all operations together or,
/// as `expand: p95<500ms`, of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    text: String,
    kind: Option<String>,
    measure: Measure,
    /// Milliseconds, a share, a number, or a rate.
    limit: f64,
    /// Whether the limit itself is still good.
    inclusive: bool,
}

/// What a criterion asks for, for those who write it down in other words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Asks {
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
    /// What it asks for.
    pub fn asks(&self) -> Asks {
        let limit = self.limit;
        match self.measure {
            Measure::Latency(quantile) => Asks::Latency { quantile, limit_ms: limit },
            Measure::Longest => Asks::Longest { limit_ms: limit },
            Measure::FailedShare => Asks::FailedShare { limit },
            Measure::Failed => Asks::Failed { limit },
            Measure::Rate => Asks::Rate { limit },
        }
    }

    /// The kind of operation it is for, if it is not for all together.
    pub fn kind(&self) -> Option<&str> {
        self.kind.as_deref()
    }

    /// Whether the limit itself is still good.
    pub fn is_inclusive(&self) -> bool {
        self.inclusive
    }
}

/// Why a criterion cannot be judged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ThresholdError {
    /// A text that is no criterion.
    #[error(
        "load.threshold: {0:?} is no criterion; write for example p95<500ms, p99.9<=2s, max<5s, failures<1%, failures<=0 or rate>480, and before it the operation it is for, as in \"expand: p95<500ms\", or nothing for all together"
    )]
    Criterion(String),
    /// It is for a kind of operation that the load does not send.
    #[error(
        "load.threshold.kind: {text:?} is for an operation that this load does not send; it sends {}",
        kinds.join(", ")
    )]
    Kind {
        /// The criterion.
        text: String,
        /// What is sent.
        kinds: Vec<String>,
    },
}

impl Threshold {
    /// Refuses a criterion for a kind of operation that is not sent.
    pub fn check(&self, kinds: &[String]) -> Result<(), ThresholdError> {
        match &self.kind {
            Some(kind) if !kinds.contains(kind) => {
                Err(ThresholdError::Kind { text: self.text.clone(), kinds: kinds.to_vec() })
            }
            _ => Ok(()),
        }
    }

    /// The criterion as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many operations are needed at least before it can be met, of all kinds together where `kinds` take turns.
    pub fn fewest(&self, kinds: usize) -> u64 {
        let turns = if self.kind.is_some() { kinds.max(1) as u64 } else { 1 };
        let own = match self.measure {
            Measure::Latency(quantile) => fewest_samples(quantile),
            Measure::FailedShare if self.limit < 1.0 => fewest_samples(1.0 - self.limit),
            _ => 1,
        };
        own.saturating_mul(turns)
    }
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        read(text).ok_or_else(|| ThresholdError::Criterion(text.to_owned()))
    }
}

fn read(text: &str) -> Option<Threshold> {
    let whole = text.trim();
    // A kind may hold a colon itself, such as one of an address; a criterion never does.
    let (kind, text) = match whole.rsplit_once(':') {
        Some((kind, text)) => (Some(kind.trim()).filter(|kind| !kind.is_empty())?.to_owned().into(), text),
        None => (None, whole),
    };
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
            Some(percent) => match number(percent)? / 100.0 {
                // No number of samples bounds a share by nothing; none may fail, and that can be counted.
                share if share <= 0.0 => (Measure::Failed, 0.0),
                share => (Measure::FailedShare, share),
            },
            None => (Measure::Failed, number(rest)?),
        },
        "rate" => (Measure::Rate, number(rest.strip_suffix("/s").unwrap_or(rest))?),
        _ => {
            let percent = number(name.strip_prefix('p')?)?;
            (percent > 0.0 && percent < 100.0).then_some((Measure::Latency(percent / 100.0), millis()?))?
        }
    };
    (above == (measure == Measure::Rate)).then(|| Threshold {
        text: whole.into(),
        kind,
        measure,
        limit,
        inclusive,
    })
}

/// What became of a criterion, or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It holds, whatever could not be seen, and where it is one of a percentile or a share, its 95 % bound holds too.
    Met,
    /// It holds in what was measured, and so few samples do not show that it holds.
    TooFew,
    /// What was seen does not decide.
    NotProven,
    /// It does not hold, whatever could not be seen.
    NotMet,
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Met => "met",
            Self::TooFew => "too few to tell",
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
    /// What it stays within at 95 %, as `below 480.0 ms` or `at most 2.95 %`; none where the samples bound nothing, and
    /// where nothing is drawn from samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<String>,
    /// What became of it.
    pub state: State,
    /// Why it is too few to tell or not proven; empty otherwise.
    pub because: String,
}

/// What a load's figures make of its criteria.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// All criteria together: not met before not proven before too few to tell before met.
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
    let nothing = OperationRecord::default();
    let of = |threshold: &Threshold| match &threshold.kind {
        None => &total,
        Some(kind) => result.operations.get(kind).unwrap_or(&nothing),
    };
    let mut criteria: Vec<Judged> =
        thresholds.iter().map(|threshold| one(threshold, of(threshold), result, unfit.is_empty())).collect();
    criteria.extend(result.stored.as_ref().map(|stored| kept(stored, result)));
    // The worst of them, in the order of the states.
    let mut state = criteria.iter().map(|judged| judged.state).max().unwrap_or(State::Met);
    let incomplete = !unfit.is_empty() || result.ending != LoadEnding::Completed || total.ok == 0;
    if state < State::NotProven && incomplete {
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
    let bad = result.bad(total);
    let keeps = |value: f64| value < threshold.limit || (threshold.inclusive && value <= threshold.limit);
    let mut bound = None;
    let (measured, state) = match threshold.measure {
        Measure::Latency(quantile) => {
            let needed = rank(quantile, total.planned);
            let within = within(threshold, total, unseen);
            let bounding = percentile_bound_rank(total.planned, quantile);
            bound =
                bounding.and_then(|rank| total.latency.rank_ms(rank)).map(|ms| format!("below {ms:.1} ms"));
            let sure = bounding.is_some_and(|rank| within.at_least >= rank);
            let state = decide(within.at_least >= needed, within.at_most < needed);
            (shown_quantile(total, quantile), if_sure(state, sure))
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
            let share = bad as f64 * 100.0 / total.planned.max(1) as f64;
            let mut state = decide(keeps(perhaps), !keeps(surely));
            if threshold.measure == Measure::FailedShare {
                let at_most = failure_share_bound(bad + unseen, total.planned);
                bound = at_most.map(|share| format!("at most {:.2} %", share * 100.0));
                state = if_sure(state, at_most.is_some_and(keeps));
            }
            (format!("{bad} of {} ({share:.2} %)", total.planned), state)
        }
        Measure::Rate => {
            let rate = if result.elapsed_s > 0.0 { total.ok as f64 / result.elapsed_s } else { 0.0 };
            let good = rate > threshold.limit || (threshold.inclusive && rate >= threshold.limit);
            (format!("{rate:.1} a second"), decide(good, !good))
        }
    };
    let (state, because) = doubts(threshold, (total, result), state, fit, unseen);
    Judged { criterion: threshold.text.clone(), measured, bound, state, because }
}

/// Why nothing is decided by figures that cannot be trusted.
fn unfit_because(result: &LoadResult) -> &'static str {
    if result.doubts.is_empty() {
        "this computer was not fit to measure"
    } else {
        "the reports of the workers are not to be relied on"
    }
}

/// Whether what was acknowledged is stored. What is lost is lost, whatever else could not be seen.
fn kept(stored: &Stored, result: &LoadResult) -> Judged {
    let first = |ids: &[String]| ids.first().map_or(String::new(), |id| format!(", first {id}"));
    let (state, because) = if !stored.lost.is_empty() || !stored.twice.is_empty() {
        (State::NotMet, "")
    } else if result.doubts.is_empty() {
        (State::Met, "")
    } else {
        (State::NotProven, unfit_because(result))
    };
    Judged {
        criterion: format!("{}: every acknowledged write is stored once", stored.kind),
        measured: format!(
            "{} acknowledged, {} lost{}, {} stored twice{}",
            stored.acknowledged,
            stored.lost.len(),
            first(&stored.lost),
            stored.twice.len(),
            first(&stored.twice)
        ),
        bound: None,
        state,
        because: because.into(),
    }
}

fn if_sure(state: State, sure: bool) -> State {
    if state == State::Met && !sure { State::TooFew } else { state }
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
    if !fit {
        return (State::NotProven, unfit_because(result).into());
    }
    if matches!(state, State::Met | State::TooFew) && result.ending != LoadEnding::Completed {
        return (State::NotProven, "the load was ended before its time".into());
    }
    if state == State::TooFew {
        let needed = threshold.fewest(1);
        let why = if total.planned < needed {
            format!("{} operations; at least {needed} are needed to tell", total.planned)
        } else {
            format!("it lies too near the limit for {} operations; measure longer", total.planned)
        };
        return (state, why);
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
        for good in [
            "p95<500ms",
            "p99.9 <= 2s",
            "max<5s",
            "failures<1%",
            "failures<=0",
            "rate>480",
            "rate>=480/s",
            "GET /a:b: p95<1s",
        ] {
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
            ": p95<1s",
            "expand:",
            "expand: p95",
            "p95<1s: expand",
        ] {
            assert!(wrong.parse::<Threshold>().is_err(), "{wrong}");
        }
    }

    /// Failing fast must not make a percentile better, nor may it be left out.
    #[test]
    fn a_failed_operation_is_slower_than_every_limit() {
        assert_eq!(state(&result(&[(5, 970)], 30, 0), "p95<10ms"), State::Met);
        assert_eq!(state(&result(&[(5, 94)], 6, 0), "p95<10ms"), State::NotMet);
        assert_eq!(state(&result(&[(5, 99)], 1, 0), "max<10ms"), State::NotMet);
    }

    /// A few good samples prove no percentile and no share; a few bad ones break the limit all the same.
    #[test]
    fn too_few_samples_are_too_few_to_tell() {
        for (good, criterion, expected) in [
            (58, "p95<10ms", State::TooFew),
            (59, "p95<10ms", State::Met),
            (298, "p99<10ms", State::TooFew),
            (299, "p99<10ms", State::Met),
            (298, "failures<1%", State::TooFew),
            (299, "failures<1%", State::Met),
            (5, "failures<=0", State::Met),
            (5, "failures<=0%", State::Met),
            (5, "max<10ms", State::Met),
            (5, "rate>0.1", State::Met),
        ] {
            assert_eq!(state(&result(&[(5, good)], 0, 0), criterion), expected, "{good} {criterion}");
        }
        assert_eq!(state(&result(&[(5, 96)], 4, 0), "p95<10ms"), State::TooFew);
        assert_eq!(state(&result(&[(50, 3)], 0, 0), "p95<10ms"), State::NotMet);
        let few =
            judge(&result(&[(5, 20)], 0, 0), &["failures<1%".parse().unwrap()], &FitnessLimits::default());
        assert_eq!(few.criteria[0].bound.as_deref(), Some("at most 13.91 %"));
        assert_eq!(few.criteria[0].because, "20 operations; at least 299 are needed to tell");
    }

    #[test]
    fn a_criterion_of_one_kind_looks_at_no_other() {
        let mut both = result(&[(5, 100)], 0, 0);
        let slow = result(&[(50, 100)], 0, 0).operations.remove("a").unwrap();
        both.operations.insert("b".into(), slow);
        assert_eq!(state(&both, "a: p95<10ms"), State::Met);
        assert_eq!(state(&both, "b: p95<10ms"), State::NotMet);
        assert_eq!(state(&both, "p95<10ms"), State::NotMet);
        // A kind that was never sent proves nothing.
        assert_eq!(state(&both, "c: p95<10ms"), State::NotProven);
        let other: Threshold = "c: p95<10ms".parse().unwrap();
        let said = other.check(&["a".into(), "b".into()]).unwrap_err().to_string();
        assert!(said.contains("it sends a, b"), "{said}");
        assert_eq!("a: p99<1s".parse::<Threshold>().unwrap().fewest(2), 598);
    }

    #[test]
    fn what_was_refused_could_have_been_either() {
        assert_eq!(state(&result(&[(5, 90)], 0, 10), "p95<10ms"), State::NotProven);
        assert_eq!(state(&result(&[(5, 999)], 0, 1), "p95<10ms"), State::Met);
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
    fn what_was_acknowledged_and_is_lost_or_twice_there_is_not_met_whatever_else_is_doubted() {
        let stored = |lost: &[&str], twice: &[&str]| Stored {
            kind: "expand".into(),
            acknowledged: 100,
            lost: lost.iter().map(ToString::to_string).collect(),
            twice: twice.iter().map(ToString::to_string).collect(),
        };
        let state = |stored: Stored, doubts: &[&str]| {
            let mut load = result(&[(5, 100)], 0, 0);
            load.stored = Some(stored);
            load.doubts = doubts.iter().map(ToString::to_string).collect();
            judge(&load, &[], &FitnessLimits::default()).state
        };
        assert_eq!(state(stored(&[], &[]), &[]), State::Met);
        assert_eq!(state(stored(&["t-1"], &[]), &[]), State::NotMet);
        assert_eq!(state(stored(&[], &["t-1"]), &["a doubt"]), State::NotMet);
        assert_eq!(state(stored(&[], &[]), &["a doubt"]), State::NotProven);
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
        // What was given up by the abort is no failure of the target.
        let record = cut.operations.get_mut("a").unwrap();
        (record.planned, record.sent, record.abandoned) = (103, 103, 3);
        assert_eq!(state(&cut, "failures<=0"), State::NotProven);
        cut.ending = LoadEnding::Completed;
        assert_eq!(state(&cut, "failures<=0"), State::NotMet);
    }
}
