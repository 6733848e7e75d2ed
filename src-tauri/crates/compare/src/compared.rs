//! Two checks side by side: figures, curves, criteria and findings.

use std::collections::BTreeMap;

use holdpoint_check::results::Results;
use holdpoint_check::verdict::{Criterion, State, Verdict, Weight, Word};
use holdpoint_check::words::{ChaosMode, TestId};
use holdpoint_load::OperationRecord;
use serde::{Deserialize, Serialize};

use crate::alike::{self, Difference};
use crate::rule::{self, Failures, LATENCY, MeasureKind, Question, Reading, Rule, Told};
use crate::sample::Sample;

/// Points of a curve at most.
const CURVE_POINTS: u32 = 60;

/// A check that is compared, with the words it is called by.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// `check 45`, or the name of its folder.
    pub label: &'a str,
    /// What it measured.
    pub results: &'a Results,
    /// What it answered.
    pub verdict: &'a Verdict,
}

/// One side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Side {
    /// What it is called: `check 45`, `the median of checks 41, 43, 45`.
    pub label: String,
    /// When it started, in UTC; of several the newest.
    pub started_at: String,
    /// The version the API named.
    pub api_version: Option<String>,
    /// The version of Holdpoint.
    pub holdpoint: String,
    /// GO, NO-GO or NO VERDICT.
    pub word: Word,
    /// The verdict in a line, with every label.
    pub headline: String,
    /// How chaos was run.
    pub chaos: ChaosMode,
    /// `all tests`, `load only`, …
    pub scope: String,
    /// The digest of the plan.
    pub plan_digest: String,
}

/// One figure on both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Measure {
    /// Of which test.
    pub test: TestId,
    /// Of which operation, such as `expand`.
    pub operation: String,
    /// The operation as people call it.
    pub title: String,
    /// Which figure of it.
    pub kind: MeasureKind,
    /// `ms`, `s`, `%` or nothing.
    pub unit: String,
    /// On the first side.
    pub before: Option<f64>,
    /// On the second.
    pub after: Option<f64>,
    /// Samples on both sides.
    pub samples: (u64, u64),
    /// The change in per cent; of failures in percentage points.
    pub change: Option<f64>,
    /// Its 95 % interval.
    pub interval: Option<(f64, f64)>,
    /// The p-value, corrected for all comparisons.
    pub p: Option<f64>,
    /// What an unchanged build was seen to differ by, in per cent.
    pub floor: Option<f64>,
    /// A change, in per cent, that 95 of 100 such comparisons would have found: less cannot be seen reliably.
    pub least: Option<f64>,
    /// The plain word.
    pub reading: Reading,
    /// Why, where the word alone does not say it.
    pub why: String,
}

/// Percentiles of an operation on both sides, for drawing: share of requests and milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct CurvePair {
    /// Of which test.
    pub test: TestId,
    /// Of which operation.
    pub operation: String,
    /// As people call it.
    pub title: String,
    /// The first side.
    pub before: Vec<(f64, f64)>,
    /// The second.
    pub after: Vec<(f64, f64)>,
}

/// A criterion on both sides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct CriterionPair {
    /// Its id.
    pub id: String,
    /// Of which test.
    pub test: Option<TestId>,
    /// What is demanded.
    pub title: String,
    /// The limit.
    pub limit: String,
    /// State, measured value and 95 % bound on the first side; none where it was not asked there.
    pub before: Option<CriterionSide>,
    /// On the second.
    pub after: Option<CriterionSide>,
}

/// How a criterion stood.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct CriterionSide {
    /// Met or not.
    pub state: State,
    /// The measured value.
    pub measured: String,
    /// Its 95 % bound, where samples give one.
    pub bound: Option<String>,
}

/// Whether a finding came, went or stayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Since {
    /// Only on the second side.
    New,
    /// On both.
    Still,
    /// Only on the first.
    Gone,
}

/// A finding that came, went or stayed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct FindingChange {
    /// Its code.
    pub code: String,
    /// The criterion it bears on.
    pub criterion: String,
    /// Of which test.
    pub test: Option<TestId>,
    /// How heavily it weighs.
    pub weight: Weight,
    /// One line, as newest said.
    pub title: String,
    /// Which.
    pub since: Since,
}

/// How it was compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Method {
    /// Of so many per cent of comparisons of unchanged systems a change is named, at most.
    pub error_pct: f64,
    /// Changes within this are none, in per cent.
    pub band_pct: f64,
    /// How many questions were asked at once.
    pub questions: u32,
    /// The checks of one and the same build whose differences are noise; empty where none were given.
    pub noise: Vec<String>,
}

/// Two checks side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Compared {
    /// What is compared with.
    pub before: Side,
    /// What is compared.
    pub after: Side,
    /// Why they are not compared: what differs. Empty where they are.
    pub refused: Vec<Difference>,
    /// What has to be known about the comparison.
    pub notes: Vec<String>,
    /// The whole in a line.
    pub headline: String,
    /// One sentence of counts.
    pub because: String,
    /// Figures, real changes first.
    pub measures: Vec<Measure>,
    /// Percentiles of each operation.
    pub curves: Vec<CurvePair>,
    /// Criteria in the order of the second side.
    pub criteria: Vec<CriterionPair>,
    /// Findings, new ones first.
    pub findings: Vec<FindingChange>,
    /// How it was compared.
    pub method: Method,
}

impl Compared {
    /// Figures that are really worse.
    pub fn worse(&self) -> impl Iterator<Item = &Measure> {
        self.measures.iter().filter(|measure| measure.reading.is_worse())
    }
}

/// Compares a check with one before it, or with the median of several. `noise` are pairs of checks of one and the same
/// build; changes no larger than theirs are none. `band_pct` is the change that counts as none, usually
/// [`BAND_PCT`](crate::BAND_PCT).
pub fn compare(
    before: &[Subject<'_>],
    after: &Subject<'_>,
    noise: &[(Subject<'_>, Subject<'_>)],
    band_pct: f64,
) -> Option<Compared> {
    let newest = before.iter().max_by_key(|one| one.results.started_at)?;
    let mut refused = Vec::new();
    for one in before {
        for difference in alike::differences((one.results, one.verdict), (after.results, after.verdict)) {
            if !refused.contains(&difference) {
                refused.push(difference);
            }
        }
    }
    let noise: Vec<_> = noise
        .iter()
        .filter(|(one, two)| {
            alike::differences((one.results, one.verdict), (two.results, two.verdict)).is_empty()
                && alike::differences((one.results, one.verdict), (newest.results, newest.verdict))
                    .iter()
                    .all(|difference| difference.what == "check")
        })
        .collect();
    let (measures, curves, questions) = if refused.is_empty() {
        figures(before, after, &noise, band_pct)
    } else {
        (Vec::new(), Vec::new(), 0)
    };
    let mut compared = Compared {
        before: side(newest, &label(before)),
        after: side(after, after.label),
        notes: notes(before, after),
        headline: String::new(),
        because: String::new(),
        criteria: criteria(newest.verdict, after.verdict),
        findings: findings(newest.verdict, after.verdict),
        method: Method {
            error_pct: crate::ERROR_RATE * 100.0,
            band_pct,
            questions,
            noise: noise.iter().map(|(one, two)| format!("{} and {}", one.label, two.label)).collect(),
        },
        refused,
        measures,
        curves,
    };
    (compared.headline, compared.because) = words(&compared);
    Some(compared)
}

fn label(before: &[Subject<'_>]) -> String {
    match before {
        [one] => one.label.to_owned(),
        many => {
            let labels: Vec<&str> = many.iter().map(|one| one.label).collect();
            format!("the median of {}", labels.join(", "))
        }
    }
}

fn side(subject: &Subject<'_>, label: &str) -> Side {
    let Subject { results, verdict, .. } = subject;
    Side {
        label: label.to_owned(),
        started_at: results.started_at.to_rfc3339(),
        api_version: results.api.last().map(|api| api.version.clone()),
        holdpoint: results.holdpoint.clone(),
        word: verdict.word,
        headline: verdict.headline.clone(),
        chaos: verdict.chaos,
        scope: verdict.scope.clone(),
        plan_digest: results.plan.digest(),
    }
}

fn notes(before: &[Subject<'_>], after: &Subject<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    for one in before.iter().chain([after]) {
        if one.verdict.chaos == ChaosMode::Simulated {
            notes.push(format!(
                "{} simulated its chaos tests: what was measured during C1, C2 and C3 cannot be compared.",
                sentence(one.label)
            ));
        }
    }
    for one in before {
        if one.verdict.scope != after.verdict.scope {
            notes.push(format!(
                "{} ran {}, {} ran {}: only what both ran is compared.",
                sentence(one.label),
                one.verdict.scope,
                after.label,
                after.verdict.scope
            ));
        }
        if one.results.holdpoint != after.results.holdpoint {
            notes.push(format!(
                "Holdpoint {} measured {}, Holdpoint {} measured {}.",
                one.results.holdpoint, one.label, after.results.holdpoint, after.label
            ));
        }
    }
    notes
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What people call an operation.
pub(crate) fn title(operation: &str) -> String {
    match operation {
        "expand" => "Node expansion".into(),
        "auto_tune" => "Auto-tune".into(),
        "calibrate" => "Calibration".into(),
        "calibration_job" => "Calibration job".into(),
        "stream" => "Replay stream".into(),
        "export" => "Export".into(),
        "write" => "Write".into(),
        other => sentence(&other.replace('_', " ")),
    }
}

type Operations<'a> = BTreeMap<(TestId, &'a str), Vec<&'a OperationRecord>>;

/// Operations that every check before and the one after recorded, in tests that all ran to their end.
fn operations<'a>(before: &[Subject<'a>], after: &Subject<'a>) -> Operations<'a> {
    let mut common: Operations<'a> = BTreeMap::new();
    for (test, results) in &after.results.tests {
        let simulated = test.is_chaos()
            && before.iter().chain([after]).any(|one| one.verdict.chaos == ChaosMode::Simulated);
        if simulated || before.iter().any(|one| !alike::in_common(one.results, after.results).contains(test))
        {
            continue;
        }
        for (kind, record) in &results.operations {
            let earlier: Option<Vec<&OperationRecord>> =
                before.iter().map(|one| one.results.tests.get(test)?.operations.get(kind)).collect();
            if let Some(mut records) = earlier {
                records.push(record);
                common.insert((*test, kind.as_str()), records);
            }
        }
    }
    common
}

fn figures(
    before: &[Subject<'_>],
    after: &Subject<'_>,
    noise: &[&(Subject<'_>, Subject<'_>)],
    band_pct: f64,
) -> (Vec<Measure>, Vec<CurvePair>, u32) {
    let operations = operations(before, after);
    let mut questions = Vec::new();
    let mut failures = Vec::new();
    for ((test, kind), records) in &operations {
        let Some((last, earlier)) = records.split_last() else { continue };
        let mut question = Question {
            before: earlier.iter().map(|record| Sample::from(&record.latency)).collect(),
            after: Sample::from(&last.latency),
            floors: Vec::new(),
        };
        question.floors = floors(*test, kind, &question, noise);
        questions.push(question);
        let of = |record: &OperationRecord| (record.failures(), record.failures().saturating_add(record.ok));
        let sum =
            earlier.iter().map(|record| of(record)).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        failures.push(Failures { before: sum, after: of(last) });
    }
    let (told, of_failures, family) = rule::tell(&questions, &failures, Rule::with_band(band_pct));
    let mut measures = Vec::new();
    let mut curves = Vec::new();
    for ((((test, operation), question), told), failed) in
        operations.keys().zip(&questions).zip(told).zip(of_failures.iter().zip(&failures))
    {
        let merged = question.before.iter().fold(Sample::default(), |sum, one| sum.merged(one));
        let samples = (merged.len, question.after.len);
        measures.extend(told.iter().map(|told| measure(*test, operation, told, samples)));
        measures.push(measure(*test, operation, failed.0, (failed.1.before.1, failed.1.after.1)));
        if samples.0 > 0 && samples.1 > 0 {
            curves.push(CurvePair {
                test: *test,
                operation: (*operation).to_owned(),
                title: title(operation),
                before: curve(&merged),
                after: curve(&question.after),
            });
        }
    }
    measures.extend(single(before, after));
    measures.sort_by_key(|measure| (order(measure.reading), measure.test));
    (measures, curves, u32::try_from(family).unwrap_or(u32::MAX))
}

/// Real changes come first, the worse ones before the better ones.
fn order(reading: Reading) -> u8 {
    match reading {
        Reading::Slower | Reading::More => 0,
        Reading::Faster | Reading::Fewer => 1,
        Reading::NoRealChange => 2,
        Reading::OneValueEach => 3,
        Reading::TooFew => 4,
        Reading::NotComparable => 5,
    }
}

/// What unchanged builds were seen to differ by: the far end of each pair's interval, or how far the checks before lie from
/// their own median.
fn floors(
    test: TestId,
    kind: &str,
    question: &Question,
    noise: &[&(Subject<'_>, Subject<'_>)],
) -> Vec<(MeasureKind, f64)> {
    let mut floors: Vec<(MeasureKind, f64)> = Vec::new();
    let mut widen = |kind: MeasureKind, floor: f64| match floors.iter_mut().find(|(of, _)| *of == kind) {
        Some((_, known)) => *known = known.max(floor),
        None => floors.push((kind, floor)),
    };
    for (one, two) in noise.iter().map(|pair| (pair.0, pair.1)) {
        let of = |subject: &Subject<'_>| {
            Some(Sample::from(&subject.results.tests.get(&test)?.operations.get(kind)?.latency))
        };
        let Some((one, two)) = of(&one).zip(of(&two)) else { continue };
        let pair = Question { before: vec![one.clone()], after: two, floors: Vec::new() };
        for kind in LATENCY {
            if let Some((low, high)) = rule::figure(&pair, &one, kind).interval
                && pair.after.len.min(one.len) >= rule::needed(kind)
            {
                widen(kind, low.ln().abs().max(high.ln().abs()));
            }
        }
    }
    if question.before.len() >= 3 {
        for kind in LATENCY {
            let values: Vec<f64> = question
                .before
                .iter()
                .filter_map(|one| match kind {
                    MeasureKind::Mean => one.mean(),
                    MeasureKind::P95 => one.quantile(0.95),
                    MeasureKind::P99 => one.quantile(0.99),
                    _ => one.quantile(0.5),
                })
                .collect();
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            if let Some(median) = sorted.get(sorted.len().saturating_sub(1) / 2) {
                let far = values.iter().map(|value| (value / median).ln().abs()).fold(0.0, f64::max);
                widen(kind, far);
            }
        }
    }
    floors
}

fn measure(test: TestId, operation: &str, told: &Told, samples: (u64, u64)) -> Measure {
    let failures = told.kind == MeasureKind::Failures;
    let per_cent = |ratio: f64| if failures { ratio } else { (ratio - 1.0) * 100.0 };
    let why = match told.reading {
        Reading::TooFew => {
            let needed = rule::needed(told.kind);
            let fewest = samples.0.min(samples.1);
            if fewest < needed {
                format!("{} needs {needed} samples on each side", told.kind.word())
            } else {
                "no change of any size could be told from so few".into()
            }
        }
        Reading::NotComparable => "one side has no samples".into(),
        _ => String::new(),
    };
    Measure {
        test,
        operation: operation.to_owned(),
        title: title(operation),
        kind: told.kind,
        unit: if failures { "%" } else { "ms" }.into(),
        before: told.before,
        after: told.after,
        samples,
        change: told.change.map(per_cent),
        interval: told.interval.map(|(low, high)| (per_cent(low), per_cent(high))),
        p: told.p,
        floor: told.floor.map(|floor| floor.exp_m1() * 100.0),
        least: told.least_pct,
        reading: told.reading,
        why,
    }
}

/// Figures of which a check has one value: nothing can be said of their noise.
fn single(before: &[Subject<'_>], after: &Subject<'_>) -> Vec<Measure> {
    let mut out = Vec::new();
    let mut add =
        |test: TestId, kind: MeasureKind, title: &str, unit: &str, values: (Option<f64>, Option<f64>)| {
            let simulated = test.is_chaos()
                && before.iter().chain([after]).any(|one| one.verdict.chaos == ChaosMode::Simulated);
            let both = values.0.zip(values.1).filter(|_| !simulated);
            if values.0.is_none() && values.1.is_none() {
                return;
            }
            out.push(Measure {
                test,
                operation: String::new(),
                title: title.to_owned(),
                kind,
                unit: unit.into(),
                before: values.0,
                after: values.1,
                samples: (before.len() as u64, 1),
                change: both.filter(|(one, _)| *one > 0.0).map(|(one, two)| (two / one - 1.0) * 100.0),
                interval: None,
                p: None,
                floor: None,
                least: None,
                reading: if both.is_some() { Reading::OneValueEach } else { Reading::NotComparable },
                why: match (simulated, both) {
                    (true, _) => "simulated: nothing was restarted".into(),
                    (false, None) => "measured on one side only".into(),
                    (false, Some(_)) => "one restart a check: its noise is not known".into(),
                },
            });
        };
    let median = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values.get(values.len().saturating_sub(1) / 2).copied()
    };
    for test in [TestId::C1, TestId::C2, TestId::C3] {
        let recovery = |subject: &Subject<'_>| {
            let fault = subject.results.fault_of(test)?;
            fault.proven.as_ref()?;
            Some((fault.intent.service.title(), fault.recovered.as_ref()?.0))
        };
        let earlier: Vec<_> = before.iter().filter_map(recovery).collect();
        let now = recovery(after);
        let service = now.or_else(|| earlier.first().copied()).map_or("", |found| found.0);
        add(
            test,
            MeasureKind::Recovery,
            service,
            "s",
            (median(earlier.iter().map(|found| found.1).collect()), now.map(|found| found.1)),
        );
    }
    let backlog = |subject: &Subject<'_>| {
        let test = subject.results.tests.get(&TestId::L2)?;
        test.backlog.iter().map(|sample| sample.waiting).max().map(|waiting| waiting as f64)
    };
    let earlier = before.iter().filter_map(backlog).collect();
    add(TestId::L2, MeasureKind::Backlog, "Queue", "", (median(earlier), backlog(after)));
    out
}

/// Percentiles on a scale of rarity, up to the one request that is left.
fn curve(sample: &Sample) -> Vec<(f64, f64)> {
    let last = (sample.len as f64).log10();
    let mut points: Vec<(f64, f64)> = (0..=CURVE_POINTS)
        .filter_map(|step| {
            let share = 1.0 - 10_f64.powf(-last * f64::from(step) / f64::from(CURVE_POINTS));
            Some((share, sample.quantile(share)?))
        })
        .collect();
    points.dedup_by(|next, last| next.1.total_cmp(&last.1).is_eq() && next.0 < 0.999);
    points
}

fn criteria(before: &Verdict, after: &Verdict) -> Vec<CriterionPair> {
    let side = |row: &Criterion| CriterionSide {
        state: row.state,
        measured: row.measured.clone(),
        bound: row.bound.clone(),
    };
    let find = |verdict: &Verdict, id: &str| verdict.criteria.iter().find(|row| row.id == id).map(side);
    let gone = before.criteria.iter().filter(|row| !after.criteria.iter().any(|other| other.id == row.id));
    after
        .criteria
        .iter()
        .chain(gone)
        .map(|row| CriterionPair {
            id: row.id.clone(),
            test: row.test,
            title: row.title.clone(),
            limit: row.limit.clone(),
            before: find(before, &row.id),
            after: find(after, &row.id),
        })
        .collect()
}

fn findings(before: &Verdict, after: &Verdict) -> Vec<FindingChange> {
    let is_in = |verdict: &Verdict, code: &str, criterion: &str| {
        verdict.findings.iter().any(|finding| finding.code == code && finding.criterion == criterion)
    };
    let change = |finding: &holdpoint_check::verdict::Finding, since: Since| FindingChange {
        code: finding.code.clone(),
        criterion: finding.criterion.clone(),
        test: finding.test,
        weight: finding.weight,
        title: finding.title.clone(),
        since,
    };
    let mut all: Vec<FindingChange> = after
        .findings
        .iter()
        .map(|finding| {
            let still = is_in(before, &finding.code, &finding.criterion);
            change(finding, if still { Since::Still } else { Since::New })
        })
        .collect();
    all.extend(
        before
            .findings
            .iter()
            .filter(|finding| !is_in(after, &finding.code, &finding.criterion))
            .map(|finding| change(finding, Since::Gone)),
    );
    all.sort_by_key(|finding| (finding.since, finding.weight));
    all
}

fn words(compared: &Compared) -> (String, String) {
    if !compared.refused.is_empty() {
        let names: Vec<&str> = compared.refused.iter().take(3).map(|one| one.what.as_str()).collect();
        let more = compared.refused.len().saturating_sub(3);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        return (
            "These checks cannot be compared".into(),
            format!(
                "They differ in {}{more}. Figures of unlike checks say nothing about the release.",
                names.join(", ")
            ),
        );
    }
    let count = |pick: fn(Reading) -> bool| compared.measures.iter().filter(|one| pick(one.reading)).count();
    let (worse, better) = (count(Reading::is_worse), count(Reading::is_better));
    let headline =
        match compared.measures.first().filter(|one| one.reading.is_worse() || one.reading.is_better()) {
            None => "No real change".to_owned(),
            Some(first) => {
                let more = (worse + better).saturating_sub(1);
                let others = match more {
                    0 => String::new(),
                    1 => ", and 1 more figure changed".to_owned(),
                    more => format!(", and {more} more figures changed"),
                };
                format!("{}{others}", change_words(first))
            }
        };
    let because = format!(
        "{worse} of {} figures {} really worse, {better} really better, {} show no real change, {} have too few samples or one \
         value each, {} cannot be compared.",
        compared.measures.len(),
        if worse == 1 { "is" } else { "are" },
        count(|reading| reading == Reading::NoRealChange),
        count(|reading| matches!(reading, Reading::TooFew | Reading::OneValueEach)),
        count(|reading| reading == Reading::NotComparable),
    );
    (headline, because)
}

/// `Export got slower: P95 is 11 % up`.
pub fn change_words(measure: &Measure) -> String {
    let change = measure.change.unwrap_or_default();
    let figure = match measure.kind {
        MeasureKind::All => "all requests together are",
        MeasureKind::Failures => "failures are",
        kind => {
            return format!(
                "{} {} got {}: {} is {:.0}% {}",
                measure.test,
                measure.title,
                measure.reading.word(),
                kind.word(),
                change.abs(),
                if change < 0.0 { "down" } else { "up" }
            );
        }
    };
    let unit = if measure.kind == MeasureKind::Failures { " points" } else { "%" };
    let word = match measure.reading {
        Reading::More => "more failures",
        Reading::Fewer => "fewer failures",
        other => other.word(),
    };
    format!(
        "{} {} got {word}: {figure} {:.0}{unit} {}",
        measure.test,
        measure.title,
        change.abs(),
        if change < 0.0 { "down" } else { "up" }
    )
}
