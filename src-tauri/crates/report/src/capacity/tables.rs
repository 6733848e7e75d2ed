//! The figures of a capacity run as tables: the same in the window and in Markdown.

use holdpoint_load::{Capacity, Fleet, Histogram, Judged, LoadResult};

use super::words::ms;

/// A table of texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Its title.
    pub title: &'static str,
    /// A note beside the title; may be empty.
    pub note: String,
    /// Titles of its columns, and whether they hold numbers.
    pub columns: Vec<(&'static str, bool)>,
    /// Its cells.
    pub rows: Vec<Vec<String>>,
}

/// Every table that has rows, in order; the thresholds are apart.
pub fn all(capacity: &Capacity) -> Vec<Rows> {
    let mut tables = Vec::new();
    tables.extend(steps(capacity));
    if let Some(result) = &capacity.result {
        tables.extend([latency(result), counts(result), failures(result), generator(result)]);
        tables.extend(result.fleet.as_ref().map(workers));
    }
    tables.retain(|table| !table.rows.is_empty());
    tables
}

/// The thresholds with what was measured.
pub fn thresholds(judged: &[Judged]) -> Rows {
    Rows {
        title: "Thresholds",
        note: "judged with the 95 % bound".into(),
        columns: vec![("Threshold", false), ("Measured", false), ("95 % bound", false), ("Result", false)],
        rows: judged
            .iter()
            .map(|one| {
                let because =
                    if one.because.is_empty() { String::new() } else { format!(": {}", one.because) };
                vec![
                    one.criterion.clone(),
                    one.measured.clone(),
                    one.bound.clone().unwrap_or_else(|| "–".into()),
                    format!("{}{because}", one.state),
                ]
            })
            .collect(),
    }
}

fn steps(capacity: &Capacity) -> Option<Rows> {
    let limit = capacity.limit.as_ref()?;
    let rows = limit.steps.iter().map(|step| {
        let figures = &step.figures;
        let why: Vec<String> = step
            .judgement
            .criteria
            .iter()
            .filter(|one| one.state == step.judgement.state && one.state != holdpoint_load::State::Met)
            .map(|one| format!("{} is {}", one.criterion, one.measured))
            .chain(step.judgement.unfit.clone())
            .collect();
        vec![
            format!("{:.1}", step.rate),
            step.judgement.state.to_string(),
            ms(figures.p50_ms),
            ms(figures.p95_ms),
            ms(figures.p99_ms),
            format!("{} of {}", figures.failed, figures.planned),
            figures.refused.to_string(),
            why.join("; "),
        ]
    });
    Some(Rows {
        title: "Rates that were tried",
        note: "in order".into(),
        columns: vec![
            ("A second", true),
            ("Result", false),
            ("P50", true),
            ("P95", true),
            ("P99", true),
            ("Failed", true),
            ("Refused", true),
            ("Because", false),
        ],
        rows: rows.collect(),
    })
}

/// A percentile; none where fewer than one sample lies beyond it, for it would only repeat the longest.
fn at(histogram: &Histogram, quantile: f64) -> String {
    let beyond = histogram.len() as f64 * (1.0 - quantile);
    histogram
        .quantile_ms(quantile)
        .filter(|_| beyond >= 1.0 - 1e-9)
        .map_or_else(|| "–".into(), |value| format!("{value:.1}"))
}

fn latency(result: &LoadResult) -> Rows {
    let mut rows = Vec::new();
    for (kind, record) in &result.operations {
        let mut row = |what: &str, histogram: &Histogram| {
            let Some(longest) = histogram.max_ms() else { return };
            rows.push(vec![
                kind.clone(),
                what.to_owned(),
                at(histogram, 0.5),
                at(histogram, 0.95),
                at(histogram, 0.99),
                at(histogram, 0.999),
                format!("{longest:.1}"),
                histogram.len().to_string(),
            ]);
        };
        row("latency from the intended start", &record.latency);
        row("service time", &record.service);
        for (name, histogram) in record.phases.named() {
            row(name, histogram);
        }
        row("until it failed", &record.failed_after);
    }
    Rows {
        title: "Latency",
        note: "in ms".into(),
        columns: vec![
            ("Operation", false),
            ("What", false),
            ("P50", true),
            ("P95", true),
            ("P99", true),
            ("P99.9", true),
            ("Longest", true),
            ("Of", true),
        ],
        rows,
    }
}

fn counts(result: &LoadResult) -> Rows {
    let rows = result.operations.iter().map(|(kind, record)| {
        let seconds = result.elapsed_s;
        let rate = if seconds > 0.0 { record.ok as f64 / seconds } else { 0.0 };
        vec![
            kind.clone(),
            record.planned.to_string(),
            record.sent.to_string(),
            record.ok.to_string(),
            record.failures().to_string(),
            record.abandoned.to_string(),
            record.refused.to_string(),
            record.waiting().to_string(),
            format!("{rate:.1}"),
        ]
    });
    Rows {
        title: "Operations",
        note: format!("over {:.1} s", result.elapsed_s),
        columns: vec![
            ("Operation", false),
            ("Planned", true),
            ("Sent", true),
            ("Ok", true),
            ("Failed", true),
            ("Not waited for", true),
            ("Refused", true),
            ("Not sent", true),
            ("Ok a second", true),
        ],
        rows: rows.collect(),
    }
}

fn failures(result: &LoadResult) -> Rows {
    let mut rows = Vec::new();
    for (kind, record) in &result.operations {
        for (class, count) in &record.failed {
            let example = record.examples.get(class).cloned().unwrap_or_default();
            rows.push(vec![kind.clone(), class.clone(), count.to_string(), example]);
        }
    }
    Rows {
        title: "Failures by class",
        note: String::new(),
        columns: vec![("Operation", false), ("Class", false), ("How many", true), ("Seen first", false)],
        rows,
    }
}

/// Who sent it, where it was not this computer.
fn workers(fleet: &Fleet) -> Rows {
    let summary = fleet.summary.map_or_else(String::new, |summary| {
        format!(
            ". Its own summary, rounded and judged by nobody: {} requests, {} failed, P50 {} ms, P95 {} ms, P99 {} ms",
            summary.requests, summary.failures, summary.p50_ms, summary.p95_ms, summary.p99_ms
        )
    });
    let digest = fleet.plan.get(..16).unwrap_or(&fleet.plan);
    Rows {
        title: "Workers",
        note: format!("sent by Locust {}, plan {digest}…{summary}", fleet.locust),
        columns: vec![
            ("Worker", true),
            ("Computer", false),
            ("Process", true),
            ("Python", false),
            ("Sent", true),
            ("Late, P99", true),
            ("Clock off", true),
            ("Known to", true),
            ("Processor", true),
        ],
        rows: fleet
            .workers
            .iter()
            .map(|worker| {
                vec![
                    worker.index.to_string(),
                    worker.host.clone(),
                    worker.pid.to_string(),
                    worker.python.clone(),
                    worker.sent.to_string(),
                    ms(worker.lag_p99_ms),
                    ms(worker.clock_offset_ms),
                    ms(worker.clock_uncertainty_ms),
                    format!("{:.0} %", worker.cpu * 100.0),
                ]
            })
            .collect(),
    }
}

fn generator(result: &LoadResult) -> Rows {
    let generator = &result.generator;
    let percent = |share: Option<f64>| {
        share.map_or_else(|| "not known".into(), |share| format!("{:.1} %", share * 100.0))
    };
    let row = |what: &str, value: String| vec![what.to_owned(), value];
    Rows {
        title: if result.fleet.is_some() { "The worst of the workers" } else { "This computer" },
        note: "whether it was fit to measure".into(),
        columns: vec![("What", false), ("Measured", true)],
        rows: vec![
            row("Requests left late, median", ms(generator.lag_p50_ms)),
            row("Requests left late, P99", ms(generator.lag_p99_ms)),
            row("Requests left late, longest", ms(generator.lag_max_ms)),
            row("Longest time in which Holdpoint did not run", ms(Some(generator.watch.longest_stall_ms))),
            row("Largest step of the clock", ms(Some(generator.watch.largest_clock_step_ms))),
            row("Sending threads ran", percent(generator.own_cpu)),
            row("Sending threads waited for a processor", percent(generator.kept_waiting)),
            row("Processors in use", percent(generator.host_busy)),
            row("Processors given to others by the host", percent(generator.stolen)),
            row("Could not be sent for want of ports, files or memory", generator.own_limits.to_string()),
        ],
    }
}
