//! A capacity run in sentences.

use std::time::Duration;

use holdpoint_load::plan::{Arrivals, AtCap, Model, Plan, Stage};
use holdpoint_load::{Capacity, Found, Limit, LoadEnding, LoadResult, State, Wanted};

/// What stands on every view of a capacity run.
pub const NO_VERDICT: &str =
    "A capacity figure. It is no GO and no NO-GO, and decides about no release: only a check does.";

/// Who starts when.
pub fn model(model: &Model) -> String {
    match model {
        Model::Rounds { concurrency, rounds } => format!("{concurrency} at once, {rounds} rounds"),
        Model::Users { users, think, duration } => {
            let think =
                if think.is_zero() { String::new() } else { format!(" who think for {}", seconds(*think)) };
            format!("{users} users{think} for {}", seconds(*duration))
        }
        Model::Open { arrivals, stages } => {
            let stages: Vec<String> = stages.iter().map(stage).collect();
            let random = match arrivals {
                Arrivals::Constant => String::new(),
                Arrivals::Poisson { seed } => format!(", Poisson with seed {seed}"),
            };
            format!("{}{random}", stages.join(", then "))
        }
    }
}

#[expect(clippy::float_cmp, reason = "a steady stage has the same number twice")]
fn stage(stage: &Stage) -> String {
    let duration = seconds(stage.duration);
    if stage.from == stage.to {
        format!("{} a second for {duration}", stage.from)
    } else {
        format!("{} to {} a second in {duration}", stage.from, stage.to)
    }
}

fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

/// What was wanted.
pub fn wanted(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Load(plan) => format!("{}{}", model(&plan.model), connections(plan)),
        Wanted::Limit { search, each } => {
            let connections = connections(each);
            let each = each.duration().map_or(String::new(), |each| format!(", each try {}", seconds(each)));
            format!("find the limit from {} to {} a second{each}{connections}", search.from, search.up_to)
        }
    }
}

/// How many connections there may be, where arrivals wait for one.
fn connections(plan: &Plan) -> String {
    match plan.at_cap {
        AtCap::Wait => format!(", at most {} connections", plan.in_flight),
        AtCap::Refuse => String::new(),
    }
}

pub(super) fn ms(value: Option<f64>) -> String {
    value.map_or_else(|| "–".into(), |value| format!("{value:.1} ms"))
}

/// Why the figures are worth nothing, and what to do; none where they may be believed.
pub fn worthless(capacity: &Capacity) -> Option<(&'static str, &'static str)> {
    let result = capacity.result.as_ref()?;
    if !result.doubts.is_empty() {
        return Some(("the reports of the workers are not to be relied on", "Send the load again."));
    }
    let unfit = if result.fleet.is_some() {
        (
            "a worker was not fit to measure",
            "They say nothing of the target. Send the load again by workers that are idle.",
        )
    } else {
        (
            "this computer was not fit to measure",
            "They say nothing of the target. Measure again on a computer that is idle.",
        )
    };
    capacity.is_unfit().then_some(unfit)
}

/// The first line.
pub fn headline(capacity: &Capacity) -> String {
    let Some((result, judgement)) = capacity.result.as_ref().zip(capacity.judgement.as_ref()) else {
        return "Capacity: no figure, it was cut off".into();
    };
    if let Some((why, _)) = worthless(capacity) {
        return format!("Capacity: no figure, {why}");
    }
    if let Some(limit) = &capacity.limit {
        return format!("Capacity: {}", found(limit));
    }
    let figures = capacity.figures.unwrap_or_default();
    let measured = if figures.ok == 0 {
        "nothing was answered well".to_owned()
    } else {
        format!("P95 {} at {:.1} a second", ms(figures.p95_ms), figures.per_second)
    };
    let judged = match (judgement.state, judgement.criteria.len()) {
        (State::NotMet, 1) => "the threshold is not met, ",
        (State::NotMet, _) => "a threshold is not met, ",
        (State::NotProven, _) if result.ending != LoadEnding::Completed => "ended before its time, ",
        (State::NotProven, 0) => "",
        (State::NotProven, _) => "not proven, ",
        (State::TooFew, _) => "too few to tell, ",
        (State::Met, 0) => "",
        (State::Met, 1) => "the threshold is met, ",
        (State::Met, _) => "every threshold is met, ",
    };
    format!("Capacity: {judged}{measured}")
}

fn found(limit: &Limit) -> String {
    let rate = |rate: Option<f64>| rate.map_or_else(|| "none".into(), |rate| format!("{rate:.1}"));
    let (good, bad) = (rate(limit.highest_met), rate(limit.lowest_broken));
    match limit.found {
        Found::Knee => format!("holds up to {good} a second, and not at {bad}"),
        Found::HigherThanTried => format!("holds up to {good} a second, the highest rate that was tried"),
        Found::LowerThanTried => format!("does not even hold at {bad} a second"),
        Found::TooFew => "too few to tell, each try has to last longer".into(),
        Found::NotProven if limit.highest_met.is_some() => {
            format!("holds up to {good} a second, and is not known above")
        }
        Found::NotProven => "not known, the first rate could not be judged".into(),
        Found::Aborted if limit.highest_met.is_some() => {
            format!("ended before its time; holds up to {good} a second")
        }
        Found::Aborted => "ended before its time, nothing was found".into(),
    }
}

/// How it ended.
pub fn ended(capacity: &Capacity) -> &'static str {
    match capacity.result.as_ref().map(|result| result.ending) {
        None => "cut off",
        Some(_) if capacity.limit.as_ref().is_some_and(|limit| limit.found == Found::Aborted) => {
            "ended early"
        }
        Some(LoadEnding::Completed) => "to its end",
        Some(LoadEnding::Drained) => "drained",
        Some(LoadEnding::Aborted) => "aborted",
    }
}

/// What the figures mean, for people.
pub fn explained(capacity: &Capacity) -> Vec<String> {
    let Some(result) = &capacity.result else {
        return vec![
            "Holdpoint was ended while this load ran. Latencies up to then are in the HdrHistogram log beside it; they \
             are not judged."
                .into(),
        ];
    };
    let mut out = Vec::new();
    for doubt in &result.doubts {
        out.push(format!("These figures are not to be relied on: {doubt}. Send the load again."));
    }
    let unfit = capacity.judgement.iter().flat_map(|judgement| &judgement.unfit);
    for reason in unfit.filter(|reason| !result.doubts.contains(reason)) {
        let (of, again) = if result.fleet.is_some() {
            ("the workers", "send the load again by workers that are idle")
        } else {
            ("this computer", "measure again on one that is idle")
        };
        out.push(format!(
            "These figures are worth nothing: {reason}. They say something of {of} and not of the target; {again}."
        ));
    }
    if let Some(limit) = &capacity.limit {
        out.push(match limit.highest_step() {
            Some(step) => format!(
                "The figures are those at {:.1} a second, the highest rate at which every threshold held.",
                step.rate
            ),
            None => "No rate held, so the figures are those of the last try.".into(),
        });
        if limit.found == Found::Knee {
            out.push(
                "A rate counts as too high when a threshold broke there twice in a row, or twice so few operations kept \
                 it that it is too near to tell."
                    .into(),
            );
        }
    }
    out.extend(waiting(result));
    let total = result.total();
    if matches!(capacity.wanted.plan().model, Model::Users { .. } | Model::Rounds { .. }) {
        out.push(
            "This load waits for its answers: while the target stalls it asks less, so a stall shows in the rate more \
             than in the latency. An arrival rate shows how long others would have waited."
                .into(),
        );
    }
    let failed = result.bad(&total);
    if failed > 0 {
        out.push(format!(
            "{failed} of {} operations failed or were never answered. They have no latency; a threshold counts them as \
             slower than any limit.",
            total.planned
        ));
    }
    if let Some(limited) = total.failed.get("rate_limited") {
        out.push(format!(
            "The limiter of the API refused {limited}: this is the limit that is set there, not what the machine behind \
             it can do."
        ));
    }
    if total.refused > 0 {
        out.push(format!(
            "{} were not sent, because as many as allowed were under way already. What became of them is not known, and \
             no threshold is met by them.",
            total.refused
        ));
    }
    match result.ending {
        LoadEnding::Completed => {}
        LoadEnding::Drained => {
            out.push("It was told to send nothing more before its time, so nothing is proven by it.".into());
        }
        LoadEnding::Aborted => out.push("It was aborted, so nothing is proven by it.".into()),
    }
    out.extend(capacity.left.iter().map(|left| format!("Left behind: {left}")));
    if let Some(problem) = &result.log_problem {
        out.push(format!("The HdrHistogram log is not whole: {problem}."));
    }
    out
}

/// Service time beside latency from the intended start.
fn waiting(result: &LoadResult) -> Option<String> {
    let total = result.total();
    let (latency, service) = (total.latency.quantile_ms(0.95)?, total.service.quantile_ms(0.95)?);
    let lag = result.generator.lag_p99_ms.unwrap_or(0.0);
    let who = if result.fleet.is_some() { "The worst of the workers" } else { "This computer itself" };
    let late = format!("{who} left at most {lag:.1} ms late (P99).");
    let both = "Latency counts from the moment at which a request was meant to leave, service time from when it left";
    let difference = latency - service;
    Some(if difference <= service * 0.1 + 1.0 {
        format!(
            "{both}: P95 is {latency:.1} ms and {service:.1} ms, so next to nothing waited for others. {late}"
        )
    } else if lag * 2.0 > difference {
        format!(
            "{both}: P95 is {latency:.1} ms against {service:.1} ms. {late} That may be much of the difference, so the \
             target is better than the latency says."
        )
    } else {
        format!(
            "{both}: P95 is {latency:.1} ms against {service:.1} ms. The difference is time spent waiting for others, \
             which a person feels and service time hides. {late}"
        )
    })
}
