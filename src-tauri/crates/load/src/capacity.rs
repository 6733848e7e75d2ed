//! A capacity run as it is kept: one JSON document, whoever sent the load.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::collect::{LoadResult, Second};
use crate::criteria::{Judgement, Threshold, judge};
use crate::figures::Figures;
use crate::fitness::FitnessLimits;
use crate::limit::{Found, Limit};
use crate::measure::{Measured, Wanted};

/// The version of the document.
pub const FORMAT: u32 = 1;

/// Everything of one capacity run. It is a capacity figure and decides about no release.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// [`FORMAT`].
    pub holdpoint_load: u32,
    /// The version of the program that wrote it.
    #[serde(default)]
    pub holdpoint: String,
    /// The environment by its name, where one was named.
    #[serde(default)]
    pub environment: Option<String>,
    /// The origin that the load went to, such as `https://api.example.org`.
    #[serde(default)]
    pub origin: String,
    /// What was asked in turn.
    #[serde(default)]
    pub kinds: Vec<String>,
    /// What was wanted.
    pub wanted: Wanted,
    /// The criteria as they were written.
    #[serde(default)]
    pub thresholds: Vec<String>,
    /// When it started, in milliseconds since 1970.
    pub started_unix_ms: u64,
    /// From its start to its end in seconds, over all tries; none when it was cut off.
    #[serde(default)]
    pub took_s: Option<f64>,
    /// The load in a few numbers.
    #[serde(default)]
    pub figures: Option<Figures>,
    /// What became of the criteria.
    #[serde(default)]
    pub judgement: Option<Judgement>,
    /// What was found, where the limit was looked for.
    #[serde(default)]
    pub limit: Option<Limit>,
    /// What was made for the load and could not be removed, in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left: Vec<String>,
    /// Everything that was recorded; of a search the load at the highest rate at which every criterion held, else the last.
    /// None while it runs, and when it was cut off.
    #[serde(default)]
    pub result: Option<LoadResult>,
}

/// Why a document is none that this program could have written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CapacityError {
    /// Of a version that this program does not know.
    #[error("load.capacity.format: it has format {0}, this Holdpoint reads {FORMAT}; use a newer Holdpoint")]
    Format(u32),
    /// A value that no load has.
    #[error("load.capacity.impossible: {0}; measure again")]
    Impossible(String),
}

impl Capacity {
    /// The document of a load that is about to be sent.
    pub fn asked(
        environment: Option<String>,
        origin: String,
        kinds: Vec<String>,
        wanted: Wanted,
        thresholds: Vec<String>,
    ) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            holdpoint_load: FORMAT,
            holdpoint: env!("CARGO_PKG_VERSION").into(),
            environment,
            origin,
            kinds,
            wanted,
            thresholds,
            started_unix_ms: now.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
            took_s: None,
            figures: None,
            judgement: None,
            limit: None,
            left: Vec::new(),
            result: None,
        }
    }

    /// What was measured, added to what was asked.
    #[must_use]
    pub fn with(mut self, measured: Measured, took_s: f64) -> Self {
        self.took_s = Some(took_s);
        self.figures = Some(Figures::from(&measured.result));
        self.judgement = Some(measured.judgement);
        self.limit = measured.limit;
        self.result = Some(measured.result);
        self
    }

    /// Checks a document from outside, and computes again what can be computed from what it recorded: a judgement that
    /// stands in a file is not trusted.
    pub fn checked(mut self) -> Result<Self, CapacityError> {
        let impossible = |what: String| CapacityError::Impossible(what);
        if self.holdpoint_load != FORMAT {
            return Err(CapacityError::Format(self.holdpoint_load));
        }
        self.wanted.check().map_err(|error| impossible(error.to_string()))?;
        let thresholds: Vec<Threshold> = self
            .thresholds
            .iter()
            .map(|text| text.parse())
            .collect::<Result<_, _>>()
            .map_err(|error: crate::ThresholdError| impossible(error.to_string()))?;
        if let Some(result) = &self.result {
            for record in result.operations.values() {
                let ended = record.ok.saturating_add(record.failures()).saturating_add(record.abandoned);
                let counted = record.planned >= record.sent.saturating_add(record.refused)
                    && record.sent >= ended
                    && record.latency.len() == record.ok
                    && record.service.len() == record.ok;
                if !counted {
                    return Err(impossible("its counts do not add up".into()));
                }
            }
            // A share of nothing would be infinite, and cannot be written down again.
            let possible = |time: f64| time == 0.0 || (1e-6..=1e9).contains(&time);
            let seconds_known = result.seconds.iter().all(|second| second.kind < result.kinds.len());
            if !possible(result.elapsed_s) || !possible(self.took_s.unwrap_or(0.0)) || !seconds_known {
                return Err(impossible("its times or seconds are none of a load".into()));
            }
            self.figures = Some(Figures::from(result));
            self.judgement = Some(judge(result, &thresholds, &FitnessLimits::default()));
        } else {
            (self.figures, self.judgement) = (None, None);
        }
        if let Some(limit) = &mut self.limit {
            let rates = limit.steps.iter().map(|step| step.rate);
            let rates = rates.chain(limit.highest_met).chain(limit.lowest_broken);
            if rates.into_iter().any(|rate| !(0.0..=crate::plan::HIGHEST_RATE).contains(&rate)) {
                return Err(impossible("it tried a rate that is none".into()));
            }
            let held = limit.highest_step().map(|step| step.rate);
            let found = matches!(limit.found, Found::Knee | Found::HigherThanTried);
            if held != limit.highest_met || (found && held.is_none()) {
                return Err(impossible("what it found is not what its tries show".into()));
            }
        }
        Ok(self)
    }

    /// Whether the figures are worth nothing, because the computer that took them was not fit to.
    pub fn is_unfit(&self) -> bool {
        self.judgement.as_ref().is_some_and(|judgement| !judgement.unfit.is_empty())
    }

    /// All kinds of a second together, in order. A percentile of several kinds is the worst of them.
    pub fn seconds(&self) -> Vec<Second> {
        let mut out: Vec<Second> = Vec::new();
        let worst = |one: Option<f64>, other: Option<f64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.max(other)),
            (one, other) => one.or(other),
        };
        for second in self.result.iter().flat_map(|result| &result.seconds) {
            match out.last_mut().filter(|last| last.at_s == second.at_s) {
                None => out.push(Second { kind: 0, ..second.clone() }),
                Some(last) => {
                    last.planned = last.planned.saturating_add(second.planned);
                    last.sent = last.sent.saturating_add(second.sent);
                    last.ok = last.ok.saturating_add(second.ok);
                    last.failed = last.failed.saturating_add(second.failed);
                    last.refused = last.refused.saturating_add(second.refused);
                    last.in_flight = last.in_flight.saturating_add(second.in_flight);
                    last.p50_ms = worst(last.p50_ms, second.p50_ms);
                    last.p95_ms = worst(last.p95_ms, second.p95_ms);
                    last.p99_ms = worst(last.p99_ms, second.p99_ms);
                    last.max_ms = worst(last.max_ms, second.max_ms);
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::{Model, Plan};
    use crate::{OperationRecord, State};

    fn of(samples: u64) -> Capacity {
        let mut record =
            OperationRecord { planned: samples, sent: samples, ok: samples, ..OperationRecord::default() };
        for _ in 0..samples {
            record.latency.record(Duration::from_millis(20));
            record.service.record(Duration::from_millis(20));
        }
        let result = LoadResult {
            operations: [("a".to_owned(), record)].into(),
            kinds: vec!["a".into()],
            elapsed_s: 1.0,
            ..LoadResult::default()
        };
        let thresholds = ["p95<50ms".parse().unwrap()];
        let judgement = judge(&result, &thresholds, &FitnessLimits::default());
        let wanted = Wanted::Load(Plan::new(Model::Rounds { concurrency: 10, rounds: 10 }));
        let asked = Capacity::asked(
            None,
            "http://127.0.0.1:1".into(),
            vec!["a".into()],
            wanted,
            vec!["p95<50ms".into()],
        );
        asked.with(Measured { limit: None, result, judgement, log: Vec::new() }, 1.0)
    }

    #[test]
    fn a_document_comes_back_as_it_was() {
        let kept = of(100);
        let text = serde_json::to_string_pretty(&kept).unwrap();
        let read: Capacity = serde_json::from_str(&text).unwrap();
        assert_eq!(read.checked().unwrap(), kept);
        assert_eq!(kept.judgement.unwrap().state, State::Met);
    }

    #[test]
    fn what_a_file_claims_is_computed_again_or_refused() {
        let mut claims = of(10);
        claims.judgement.as_mut().unwrap().state = State::Met;
        claims.figures.as_mut().unwrap().p95_ms = Some(1.0);
        let read = claims.checked().unwrap();
        assert_eq!(read.judgement.unwrap().state, State::TooFew);
        assert!(read.figures.unwrap().p95_ms.unwrap() > 19.0);
        let mut counts = of(10);
        counts.result.as_mut().unwrap().operations.get_mut("a").unwrap().ok = 11;
        let wrong = [
            Capacity { holdpoint_load: 9, ..of(10) },
            Capacity { thresholds: vec!["p95".into()], ..of(10) },
            Capacity { took_s: Some(f64::NAN), ..of(10) },
            Capacity {
                limit: Some(Limit {
                    found: Found::Knee,
                    highest_met: Some(500.0),
                    lowest_broken: None,
                    steps: Vec::new(),
                }),
                ..of(10)
            },
            counts,
        ];
        for one in wrong {
            assert!(one.clone().checked().is_err(), "{one:?}");
        }
    }
}
