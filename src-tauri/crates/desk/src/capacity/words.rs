//! A capacity run as lists and messages name it.

use chrono::{DateTime, SecondsFormat, Utc};
use holdpoint_load::{Capacity, Judged, Judgement, State};
use holdpoint_report::capacity as words;

use crate::view::{CapacitySummary, CapacityThreshold, CapacityVerdict};

/// What became of all thresholds.
pub(super) fn verdict(judgement: &Judgement) -> CapacityVerdict {
    match judgement.state {
        State::Met if judgement.criteria.is_empty() => CapacityVerdict::None,
        state => of_state(state),
    }
}

fn of_state(state: State) -> CapacityVerdict {
    match state {
        State::Met => CapacityVerdict::Met,
        State::TooFew => CapacityVerdict::TooFew,
        State::NotProven => CapacityVerdict::NotProven,
        State::NotMet => CapacityVerdict::NotMet,
    }
}

/// A threshold, judged.
pub(super) fn threshold(judged: &Judged) -> CapacityThreshold {
    CapacityThreshold {
        threshold: judged.criterion.clone(),
        measured: judged.measured.clone(),
        bound: judged.bound.clone().unwrap_or_default(),
        verdict: of_state(judged.state),
        because: judged.because.clone(),
    }
}

/// A moment in milliseconds since 1970 as it crosses.
pub(super) fn moment(unix_ms: u64) -> String {
    let at = i64::try_from(unix_ms).ok().and_then(DateTime::<Utc>::from_timestamp_millis);
    at.unwrap_or_default().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// What lists show of a capacity run.
pub(super) fn summary(number: u32, capacity: &Capacity) -> CapacitySummary {
    let figures = capacity.figures.as_ref();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a load")]
    let took_ms = capacity.took_s.map(|seconds| (seconds.max(0.0) * 1000.0) as u64);
    CapacitySummary {
        number,
        environment: capacity.environment.clone().unwrap_or_default(),
        origin: capacity.origin.clone(),
        asked: capacity.kinds.join(", "),
        load: words::wanted(&capacity.wanted),
        started_at: moment(capacity.started_unix_ms),
        took_ms,
        ended: words::ended(capacity).into(),
        verdict: capacity.judgement.as_ref().map_or(CapacityVerdict::NotProven, verdict),
        headline: words::headline(capacity),
        unfit: capacity.is_unfit(),
        p95_ms: figures.and_then(|figures| figures.p95_ms),
        per_second: figures.map(|figures| figures.per_second),
        problem: None,
    }
}

/// A folder whose document cannot be read.
pub(super) fn unreadable(number: u32, why: &str) -> CapacitySummary {
    CapacitySummary {
        number,
        environment: String::new(),
        origin: String::new(),
        asked: String::new(),
        load: String::new(),
        started_at: moment(0),
        took_ms: None,
        ended: "cannot be read".into(),
        verdict: CapacityVerdict::NotProven,
        headline: "Capacity: its file cannot be read".into(),
        unfit: false,
        p95_ms: None,
        per_second: None,
        problem: Some(why.into()),
    }
}
