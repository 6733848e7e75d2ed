//! Charts of a capacity run.

use holdpoint_load::{Capacity, State};
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::charts::{Chart, Theme, Tick, clock, draw, label, ms, seconds_alone, spectrum};

/// Every chart of a capacity run: the rates that were tried, the percentiles, the seconds.
pub fn of_capacity(capacity: &Capacity, theme: Theme) -> Vec<Chart> {
    let mut charts: Vec<Chart> = tried(capacity, theme).into_iter().collect();
    if let Some(result) = &capacity.result {
        let total = result.total();
        charts.extend(spectrum("capacity", &total.latency, Some(&total.service), None, theme));
    }
    charts.extend(timeline(capacity, theme));
    charts
}

fn timeline(capacity: &Capacity, theme: Theme) -> Option<Chart> {
    let seconds = capacity.seconds();
    let ticks: Vec<Tick> = seconds
        .iter()
        .map(|second| Tick {
            from_ms: second.at_s.saturating_mul(1000),
            ok: second.ok,
            failed: second.failed,
            p50_ms: second.p50_ms,
            p95_ms: second.p95_ms,
        })
        .collect();
    let to = ticks.last()?.from_ms.saturating_add(1000);
    let svg = seconds_alone(&ticks, (0, to), theme)?;
    let most = |part: fn(&holdpoint_load::Second) -> u64| seconds.iter().map(part).max().unwrap_or(0);
    let slowest = seconds.iter().filter_map(|second| second.p95_ms).fold(0.0, f64::max);
    let shown = |value: Option<f64>| value.map_or(String::new(), ms);
    Some(Chart {
        id: "capacity-timeline".into(),
        test: None,
        title: "Second by second".into(),
        note: "latency from the intended start; failed requests are hollow".into(),
        alt: format!(
            "In {} seconds at most {} requests were answered in one, at most {} were under way, and the slowest P95 of a \
             second was {} ms.",
            seconds.len(),
            most(|second| second.ok),
            most(|second| second.in_flight),
            ms(slowest)
        ),
        svg,
        columns: vec![
            "Time",
            "Planned",
            "Answered",
            "Failed",
            "Refused",
            "Under way",
            "P50 ms",
            "P95 ms",
            "P99 ms",
        ],
        rows: seconds
            .iter()
            .map(|second| {
                vec![
                    clock(second.at_s as f64),
                    second.planned.to_string(),
                    second.ok.to_string(),
                    second.failed.to_string(),
                    second.refused.to_string(),
                    second.in_flight.to_string(),
                    shown(second.p50_ms),
                    shown(second.p95_ms),
                    shown(second.p99_ms),
                ]
            })
            .collect(),
    })
}

/// P95 by rate: where the curve bends is the knee. What held is a disc, what did not a ring.
fn tried(capacity: &Capacity, theme: Theme) -> Option<Chart> {
    let limit = capacity.limit.as_ref()?;
    let mut points: Vec<(f64, f64, bool)> = limit
        .steps
        .iter()
        .filter_map(|step| Some((step.rate, step.figures.p95_ms?, step.judgement.state == State::Met)))
        .collect();
    if points.len() < 2 {
        return None;
    }
    points.sort_by(|one, other| one.0.total_cmp(&other.0));
    let right = points.last()?.0 * 1.08;
    let top = points.iter().map(|point| point.1).fold(1.0, f64::max) * 1.2;
    let svg = draw(220, theme, |area, palette| {
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .x_label_area_size(34)
            .y_label_area_size(52)
            .build_cartesian_2d(0.0..right, 0.0..top)?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(palette.faint)
            .axis_style(palette.faint)
            .label_style(label(palette))
            .axis_desc_style(label(palette))
            .x_desc("requests a second")
            .y_desc("P95 in ms")
            .x_label_formatter(&|value| format!("{value:.0}"))
            .y_label_formatter(&|value| format!("{value:.0}"))
            .y_labels(5)
            .draw()?;
        let line = points.iter().map(|(rate, p95, _)| (*rate, *p95));
        chart.draw_series(LineSeries::new(line, palette.thin.stroke_width(1)))?;
        chart.draw_series(points.iter().map(|(rate, p95, held)| {
            let style = if *held { palette.line.filled() } else { palette.bad.stroke_width(2) };
            Circle::new((*rate, *p95), 4, style)
        }))?;
        if let Some(good) = limit.highest_met {
            chart.draw_series(LineSeries::new([(good, 0.0), (good, top)], palette.ink.stroke_width(1)))?;
            let late = good > right * 0.6;
            let (aside, side) = if late { (-0.01, HPos::Right) } else { (0.01, HPos::Left) };
            chart.draw_series([Text::new(
                format!("holds up to {good:.1} a second"),
                (good + right * aside, top * 0.98),
                label(palette).pos(Pos::new(side, VPos::Top)),
            )])?;
        }
        Ok(())
    })?;
    Some(Chart {
        id: "capacity-rates".into(),
        test: None,
        title: "P95 by rate".into(),
        note: "a disc where every threshold held, a ring where one did not".into(),
        alt: match (limit.highest_met, limit.lowest_broken) {
            (Some(good), Some(bad)) => {
                format!("Every threshold held up to {good:.1} a second, and not at {bad:.1} a second.")
            }
            (Some(good), None) => format!("Every threshold held up to {good:.1} a second."),
            (None, _) => "No rate that was tried kept every threshold.".into(),
        },
        svg,
        columns: vec!["A second", "P95 ms", "Result"],
        rows: limit
            .steps
            .iter()
            .map(|step| {
                vec![
                    format!("{:.1}", step.rate),
                    step.figures.p95_ms.map_or(String::new(), ms),
                    step.judgement.state.to_string(),
                ]
            })
            .collect(),
    })
}
