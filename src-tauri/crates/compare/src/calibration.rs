//! Whether 5 % means 5 %: thousands of simulated comparisons, seeded, with the sizes and shapes that checks have.

use std::time::Duration;

use holdpoint_load::Histogram;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::rule::{Failures, MeasureKind, Question, Reading, Rule, Told, tell};
use crate::sample::Sample;

/// A latency from a log-normal distribution around 1500 ms, now and then with a stall of seconds.
fn draw(random: &mut ChaCha8Rng, spread: f64, stalls: f64) -> f64 {
    let (u, v): (f64, f64) = (random.random::<f64>().max(1e-12), random.random());
    let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
    let stall = if random.random::<f64>() < stalls { random.random::<f64>() * 20_000.0 } else { 0.0 };
    1500.0 * (spread * normal).exp() + stall
}

/// As a check records it: through the histogram, ties and all.
fn recorded(values: impl Iterator<Item = f64>) -> Sample {
    let mut histogram = Histogram::new();
    for value in values {
        histogram.record(Duration::from_secs_f64(value / 1000.0));
    }
    Sample::from(&histogram)
}

fn sample(random: &mut ChaCha8Rng, len: u64, spread: f64, stalls: f64, factor: f64) -> Sample {
    recorded((0..len).map(|_| draw(random, spread, stalls) * factor).collect::<Vec<_>>().into_iter())
}

/// A whole check against another: the operations of a check in their usual sizes, their spread from 5 % to 60 %.
fn check(random: &mut ChaCha8Rng, times: u64, checks: usize, factor: f64) -> Vec<Question> {
    let shapes =
        [(60, 0.3, 0.0), (10, 0.05, 0.0), (10, 0.6, 0.0), (10, 0.3, 0.1), (10, 0.2, 0.0), (40, 0.4, 0.05)];
    shapes
        .into_iter()
        .map(|(len, spread, stalls)| Question {
            before: (0..checks).map(|_| sample(random, len * times, spread, stalls, 1.0)).collect(),
            after: sample(random, len * times, spread, stalls, factor),
            floors: Vec::new(),
        })
        .collect()
}

fn names_a_change(told: &[Vec<Told>]) -> bool {
    told.iter().flatten().any(|told| told.reading.is_worse() || told.reading.is_better())
}

/// The share of comparisons of unchanged systems that name any change, in per cent.
fn false_alarms(runs: u64, band_pct: f64, times: u64, checks: usize) -> f64 {
    let mut random = ChaCha8Rng::seed_from_u64(20_260_131);
    let alarms = (0..runs)
        .filter(|_| {
            let questions = check(&mut random, times, checks, 1.0);
            names_a_change(&tell(&questions, &[], Rule::with_band(band_pct)).0)
        })
        .count();
    alarms as f64 / runs as f64 * 100.0
}

/// Without the band the stated rate is reached and not passed: of 2000 comparisons 5 % are 100, give or take 20.
#[test]
fn five_per_cent_mean_five_per_cent() {
    let alone = false_alarms(2000, 0.0, 1, 1);
    eprintln!("A/A, band 0: {alone:.2} % of 2000 comparisons name a change");
    assert!(alone <= 5.0 + 3.0 * 0.49, "{alone}");
    assert!(alone >= 2.5, "{alone}: the test gives away what it could see");
}

/// As it is used: with the band, and against the median of several checks.
#[test]
fn unchanged_systems_are_called_unchanged() {
    for (times, checks, runs) in [(1, 1, 1000), (1, 5, 1000)] {
        let share = false_alarms(runs, crate::BAND_PCT, times, checks);
        eprintln!("A/A, band 5 %, sizes x{times}, {checks} before: {share:.2} % of {runs}");
        assert!(share <= 5.0, "{share} with {checks} checks before, {times} times the size");
    }
}

fn found(runs: u64, len: u64, spread: f64, factor: f64) -> f64 {
    let mut random = ChaCha8Rng::seed_from_u64(1_000 * len + 7);
    let found = (0..runs)
        .filter(|_| {
            let mut questions = check(&mut random, 1, 1, 1.0);
            questions[0] = Question {
                before: vec![sample(&mut random, len, spread, 0.0, 1.0)],
                after: sample(&mut random, len, spread, 0.0, factor),
                floors: Vec::new(),
            };
            let (told, _, _) = tell(&questions, &[], Rule::with_band(crate::BAND_PCT));
            told[0].iter().any(|told| told.reading == Reading::Slower)
        })
        .count();
    found as f64 / runs as f64 * 100.0
}

/// The sizes that the documentation states for +20 %, each beside five more operations.
#[test]
fn a_fifth_slower_is_found_at_the_stated_sizes() {
    for (len, spread) in [(60, 0.15), (120, 0.2), (300, 0.3)] {
        let share = found(300, len, spread, 1.2);
        eprintln!("+20 %, {len} samples, spread {spread}: found in {share:.1} % of 300");
        assert!(share >= 95.0, "{len} samples of spread {spread}: {share}");
    }
}

/// "Cannot see less than": a change of just that is found in 95 of 100.
#[test]
fn what_cannot_be_seen_is_stated_rightly() {
    let mut random = ChaCha8Rng::seed_from_u64(77);
    let (mut hits, runs) = (0, 400);
    for _ in 0..runs {
        let before = vec![sample(&mut random, 200, 0.25, 0.0, 1.0)];
        let rule = Rule::with_band(crate::BAND_PCT);
        let ask = |after: Sample| {
            let question = Question { before: before.clone(), after, floors: Vec::new() };
            tell(&[question], &[], rule).0.remove(0).remove(0)
        };
        let least = ask(sample(&mut random, 200, 0.25, 0.0, 1.0)).least_pct.unwrap();
        let told = ask(sample(&mut random, 200, 0.25, 0.0, 1.0 + least / 100.0));
        hits += u32::from(told.reading == Reading::Slower);
    }
    assert!(hits >= 370, "{hits} of {runs}");
}

/// The known hole of a Mann-Whitney judge with a fixed confidence (kayenta issue 780): seven of ten samples a hundred
/// times as slow still passed. Here they must not, even among the other operations of a check.
#[test]
fn seven_of_ten_samples_at_a_hundred_times_are_slower() {
    for seed in 0..50 {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut questions = check(&mut random, 1, 1, 1.0);
        let before = sample(&mut random, 10, 0.1, 0.0, 1.0);
        let after = (0..10).map(|k| draw(&mut random, 0.1, 0.0) * if k < 7 { 100.0 } else { 1.0 });
        let after = recorded(after.collect::<Vec<_>>().into_iter());
        questions.push(Question { before: vec![before], after, floors: Vec::new() });
        let (told, _, _) = tell(&questions, &[], Rule::with_band(crate::BAND_PCT));
        let last = told.last().unwrap();
        assert!(last.iter().any(|told| told.reading == Reading::Slower), "seed {seed}: {last:#?}");
    }
}

/// Of two builds that are the same, an A/A pair says what is noise: a drift as large as that is no change.
#[test]
fn a_drift_that_an_unchanged_build_shows_too_is_no_change() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let before = sample(&mut random, 600, 0.2, 0.0, 1.0);
    let after = sample(&mut random, 600, 0.2, 0.0, 1.12);
    let question = |floors| Question { before: vec![before.clone()], after: after.clone(), floors };
    let rule = Rule::with_band(crate::BAND_PCT);
    let word = |question| tell(&[question], &[], rule).0[0][0];
    assert_eq!(word(question(Vec::new())).reading, Reading::Slower);
    let with = word(question(vec![(MeasureKind::All, 1.15_f64.ln())]));
    assert_eq!(with.reading, Reading::NoRealChange);
    assert!(with.least_pct.unwrap() > 15.0, "{with:?}");
}

/// Sizes at which nothing could be told say so, and nothing else.
#[test]
fn too_few_samples_are_called_too_few() {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let question = |len| Question {
        before: vec![sample(&mut random, len, 0.1, 0.0, 1.0)],
        after: sample(&mut random, len, 0.1, 0.0, 9.0),
        floors: Vec::new(),
    };
    let mut question = question;
    let rule = Rule::with_band(crate::BAND_PCT);
    let four = tell(&[question(4)], &[], rule).0.remove(0);
    assert!(four.iter().all(|told| told.reading == Reading::TooFew && told.interval.is_none()), "{four:#?}");
    let sixty = tell(&[question(60)], &[], rule).0.remove(0);
    let words: Vec<Reading> = sixty.iter().map(|told| told.reading).collect();
    let slower = Reading::Slower;
    assert_eq!(words, [slower, slower, slower, Reading::TooFew, slower]);
    let none = tell(&[question(0)], &[], rule).0.remove(0);
    assert!(none.iter().all(|told| told.reading == Reading::NotComparable));
}

#[test]
fn failures_are_compared_exactly() {
    let word = |before, after| {
        let (_, told, _) = tell(&[], &[Failures { before, after }], Rule::with_band(5.0));
        told[0].reading
    };
    assert_eq!(word((0, 60), (0, 60)), Reading::NoRealChange);
    assert_eq!(word((0, 60), (8, 60)), Reading::More);
    assert_eq!(word((30, 60), (3, 60)), Reading::Fewer);
    assert_eq!(word((1, 60), (2, 60)), Reading::TooFew);
    assert_eq!(word((0, 0), (2, 60)), Reading::NotComparable);
}
