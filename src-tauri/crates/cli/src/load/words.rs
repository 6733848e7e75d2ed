//! What a person reads of a load.

use std::time::Duration;

use holdpoint_foreign::text::{line, lines};
use holdpoint_load::plan::Model;
use holdpoint_load::{
    Capacity, Fleet, Generator, Histogram, Judged, Judgement, Live, LoadResult, State, Step,
};
use holdpoint_report::capacity::headline;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// One line that moves while a load runs; nothing where nobody looks.
pub(super) struct Progress {
    bar: ProgressBar,
    recent: Histogram,
    steps: u32,
}

impl Default for Progress {
    fn default() -> Self {
        Self { bar: ProgressBar::hidden(), recent: Histogram::new(), steps: 0 }
    }
}

impl Progress {
    /// Another load begins.
    pub(super) fn begin(&mut self, duration: Option<Duration>) {
        self.end();
        let tenths =
            duration.map_or(0, |duration| u64::try_from(duration.as_millis() / 100).unwrap_or(u64::MAX));
        let bar = ProgressBar::new(tenths);
        if !console::user_attended_stderr() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(template) = ProgressStyle::with_template("  {bar:24} {elapsed}  {msg}") {
            bar.set_style(template);
        }
        self.bar = bar;
        self.recent.clear();
        self.steps = 0;
    }

    pub(super) fn see(&mut self, live: &Live) {
        self.bar.set_position(u64::try_from(live.elapsed.as_millis() / 100).unwrap_or(u64::MAX));
        self.recent.merge(&live.step.latency);
        self.steps += 1;
        let p95 = self.recent.quantile_ms(0.95).map_or(String::new(), |value| format!(", P95 {value:.1} ms"));
        self.bar.set_message(format!(
            "{} sent, {} ok, {} failed, {} in flight, {} refused{p95}",
            live.sent, live.ok, live.failed, live.in_flight, live.refused
        ));
        // The percentile is that of the last second.
        if self.steps.is_multiple_of(10) {
            self.recent.clear();
        }
    }

    /// The load has ended.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

/// Everything a person reads when it is over.
pub(super) fn capacity(done: &Capacity) {
    let (Some(result), Some(judged)) = (&done.result, &done.judgement) else { return };
    if let Some(limit) = &done.limit {
        println!();
        if let Some(step) = limit.highest_step() {
            println!("  At {:.1} a second:", step.rate);
        }
    }
    self::result(result);
    judgement(judged, done.limit.is_some());
    println!("{}", lines(&headline(done)));
}

fn result(result: &LoadResult) {
    let total = result.total();
    println!(
        "  planned {} = sent {} + refused {} + not sent {}; sent = ok {} + failed {} + abandoned {}",
        total.planned,
        total.sent,
        total.refused,
        total.waiting(),
        total.ok,
        total.failures(),
        total.abandoned
    );
    let rate = if result.elapsed_s > 0.0 { total.ok as f64 / result.elapsed_s } else { 0.0 };
    println!("  {rate:.1} a second ended well, over {:.2} s", result.elapsed_s);
    println!();
    println!("  {:<34}{:>10}{:>10}{:>10}{:>10}{:>10}  ms", "", "P50", "P95", "P99", "P99.9", "max");
    for (kind, record) in &result.operations {
        if result.operations.len() > 1 {
            println!("  {kind}");
        }
        row("latency from the intended start", &record.latency);
        row("service time", &record.service);
        for (name, histogram) in record.phases.named() {
            row(&format!("  {name}"), histogram);
        }
        row("failed after", &record.failed_after);
        row("schedule lag of the sender", &record.lag);
        for (class, count) in &record.failed {
            let example = record.examples.get(class).filter(|example| !example.is_empty());
            println!(
                "  failed: {class} × {count}{}",
                example.map_or(String::new(), |text| format!(", first: {}", line(text)))
            );
        }
    }
    if matches!(result.plan.as_ref().map(|plan| &plan.model), Some(Model::Users { .. })) {
        println!(
            "  A closed load: users who wait ask less often, so a stall shows in the rate more than in the latency"
        );
    }
    println!();
    match &result.fleet {
        None => generator(&result.generator),
        Some(sent_by) => fleet(sent_by),
    }
}

fn percent(share: Option<f64>) -> String {
    share.map_or("not known".into(), |share| format!("{:.1} %", share * 100.0))
}

/// How fit this computer was.
fn generator(generator: &Generator) {
    println!(
        "  This computer: sending threads ran {} and waited for a processor {} of the time; in use {}, stolen {}",
        percent(generator.own_cpu),
        percent(generator.kept_waiting),
        percent(generator.host_busy),
        percent(generator.stolen)
    );
}

/// Who sent it.
fn fleet(fleet: &Fleet) {
    let digest = fleet.plan.get(..16).unwrap_or(&fleet.plan);
    println!("  Sent by Locust {} (Python {}), plan {digest}…", fleet.locust, fleet.python);
    let ms = |value: Option<f64>| value.map_or("not known".into(), |value| format!("{value:.1} ms"));
    for worker in &fleet.workers {
        println!(
            "  worker {} ({}, process {}): sent {}, lag P99 {}, clock {} off, known to {}, processor {}",
            worker.index,
            worker.host,
            worker.pid,
            worker.sent,
            ms(worker.lag_p99_ms),
            ms(worker.clock_offset_ms),
            ms(worker.clock_uncertainty_ms),
            percent(Some(worker.cpu))
        );
    }
    if let Some(summary) = &fleet.summary {
        println!(
            "  Locust's own summary, rounded and from the real start, judged by nobody: {} requests, {} failed, P50 {} ms, \
             P95 {} ms, P99 {} ms",
            summary.requests, summary.failures, summary.p50_ms, summary.p95_ms, summary.p99_ms
        );
    }
}

fn row(name: &str, histogram: &Histogram) {
    let Some(longest) = histogram.max_ms() else { return };
    let at = |quantile| histogram.quantile_ms(quantile).unwrap_or_default();
    println!(
        "  {name:<34}{:>10.2}{:>10.2}{:>10.2}{:>10.2}{longest:>10.2}",
        at(0.5),
        at(0.95),
        at(0.99),
        at(0.999)
    );
}

fn judgement(judgement: &Judgement, of_search: bool) {
    println!();
    judgement.criteria.iter().for_each(|one| criterion("  ", one));
    for reason in &judgement.unfit {
        println!("  not fit to measure: {reason}");
    }
    // What a search comes to is its limit, and is said as such.
    if of_search {
        return;
    }
    let verdict = match (judgement.state, judgement.criteria.is_empty()) {
        (State::Met, true) => "measured; no criterion was given",
        (State::Met, false) => "every criterion is met",
        (State::NotMet, _) => "NOT MET",
        (State::TooFew, _) => "too few to tell",
        (State::NotProven, _) => "not proven",
    };
    println!("Load: {verdict}");
}

fn criterion(indent: &str, one: &Judged) {
    let bound = one.bound.as_ref().map_or(String::new(), |bound| format!(" [95 %: {bound}]"));
    let because = if one.because.is_empty() { String::new() } else { format!(": {}", one.because) };
    println!("{indent}{:<15} {} — {}{bound}{because}", one.state, one.criterion, one.measured);
}

/// One try of a search for the limit.
pub(super) fn step(step: &Step) {
    let Step { rate, judgement, figures } = step;
    let shown = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.1} ms"));
    println!(
        "  {rate:>9.1} a second  {:<15} P50 {}, P95 {}, P99 {}, {} failed, {} refused of {}",
        judgement.state,
        shown(figures.p50_ms),
        shown(figures.p95_ms),
        shown(figures.p99_ms),
        figures.failed,
        figures.refused,
        figures.planned
    );
    let broken = judgement.criteria.iter().filter(|one| one.state != State::Met);
    broken.for_each(|one| criterion("              ", one));
    for reason in &judgement.unfit {
        println!("              not fit to measure: {reason}");
    }
}
