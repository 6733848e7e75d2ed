//! Charts of a saved check as SVG, with their finding in words and their data as a table.
//!
//! Drawn with plain colours on a plain ground, for reading on screen and for going along with an export. Quantiles are
//! drawn only as far as there are samples for them.

use std::fmt::Write as _;

use holdpoint_check::results::Results;
use holdpoint_check::words::TestId;
use holdpoint_load::Histogram;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// The ground a chart is read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// Dark on light; exports use it.
    Light,
    /// Light on dark.
    Dark,
}

/// A chart, drawn.
#[derive(Clone, Debug)]
pub struct Chart {
    /// A stable id such as `L1-percentiles`.
    pub id: String,
    /// Of which test; none for the whole check.
    pub test: Option<TestId>,
    /// Its title.
    pub title: String,
    /// A note beside the title.
    pub note: String,
    /// What it shows, as a sentence with the finding.
    pub alt: String,
    /// The drawing.
    pub svg: String,
    /// Titles of the columns of its data.
    pub columns: Vec<&'static str>,
    /// Its data.
    pub rows: Vec<Vec<String>>,
}

const WIDTH: u32 = 720;
/// The most seconds a chart shows: twelve hours. More would make a picture of many megabytes that shows no one second.
const SECONDS_LIMIT: usize = 43_200;

#[derive(Clone, Copy)]
pub(crate) struct Palette {
    pub(crate) ground: RGBColor,
    pub(crate) ink: RGBColor,
    pub(crate) faint: RGBColor,
    pub(crate) line: RGBColor,
    pub(crate) thin: RGBColor,
    pub(crate) bar: RGBColor,
    pub(crate) bad: RGBColor,
    pub(crate) good: RGBColor,
    pub(crate) fault: RGBColor,
}

impl Theme {
    fn palette(self) -> Palette {
        match self {
            Self::Light => Palette {
                ground: RGBColor(255, 255, 255),
                ink: RGBColor(22, 27, 26),
                faint: RGBColor(224, 228, 226),
                line: RGBColor(29, 98, 199),
                thin: RGBColor(106, 158, 219),
                bar: RGBColor(130, 142, 138),
                bad: RGBColor(168, 40, 13),
                good: RGBColor(0, 98, 73),
                fault: RGBColor(233, 235, 234),
            },
            Self::Dark => Palette {
                ground: RGBColor(27, 31, 30),
                ink: RGBColor(236, 240, 238),
                faint: RGBColor(54, 61, 59),
                line: RGBColor(122, 175, 250),
                thin: RGBColor(88, 126, 180),
                bar: RGBColor(125, 137, 133),
                bad: RGBColor(255, 138, 112),
                good: RGBColor(72, 206, 163),
                fault: RGBColor(44, 50, 48),
            },
        }
    }
}

/// Every chart of a check: the whole first, then test by test.
pub fn of_check(results: &Results, theme: Theme) -> Vec<Chart> {
    let mut charts: Vec<Chart> = timeline(results, None, theme).into_iter().collect();
    for test in results.plan.suite.tests() {
        let one = results.test(test);
        let mut latency = Histogram::new();
        for record in one.operations.values() {
            latency.merge(&record.latency);
        }
        let limit = (test == TestId::L1).then_some(results.plan.parameters.l1.p95_limit_ms);
        let of_test = |chart: Chart| Chart { test: Some(test), ..chart };
        charts.extend(spectrum(&test.to_string(), &latency, None, limit, theme).map(of_test));
        charts.extend(histogram(test, &latency, theme));
        if test.is_chaos() {
            charts.extend(timeline(results, Some(test), theme));
        }
    }
    charts
}

pub(crate) type Drawn<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(crate) type Failure = Box<dyn std::error::Error>;

/// Draws; a chart that cannot be drawn is left out rather than shown half.
pub(crate) fn draw(
    height: u32,
    theme: Theme,
    paint: impl FnOnce(&Drawn<'_>, Palette) -> Result<(), Failure>,
) -> Option<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        let palette = theme.palette();
        area.fill(&palette.ground).ok()?;
        paint(&area, palette).ok()?;
        area.present().ok()?;
    }
    // A picture that scales with its place needs a view box; the generic face follows the system's.
    Some(svg.replace("font-family=\"sans-serif\"", "font-family=\"system-ui, sans-serif\""))
}

pub(crate) fn label(palette: Palette) -> TextStyle<'static> {
    ("sans-serif", 13.6).into_font().color(&palette.ink)
}

pub(crate) fn ms(value: f64) -> String {
    if value < 10.0 { format!("{value:.1}") } else { format!("{value:.0}") }
}

/// Values by rarity: x is one in n on a log axis, cut where one request is all that is left.
fn rarities(latency: &Histogram) -> Option<Vec<(f64, f64)>> {
    let count = latency.len();
    let mut points: Vec<(f64, f64)> = Vec::new();
    // Every rank while there are few, then steps that are even on the axis.
    let mut rank = 1;
    while rank <= count {
        let value = latency.rank_ms(rank)?;
        let rarity = count as f64 / (count - rank + 1) as f64;
        points.push((rarity, value));
        if rank == count {
            break;
        }
        let left = count - rank;
        rank += (left / 40).max(1);
    }
    Some(points)
}

/// Latency by rarity, and service time beside it as a thin line.
pub(crate) fn spectrum(
    name: &str,
    latency: &Histogram,
    service: Option<&Histogram>,
    limit_ms: Option<f64>,
    theme: Theme,
) -> Option<Chart> {
    let count = latency.len();
    if count < 2 {
        return None;
    }
    let points = rarities(latency)?;
    let beside = service.map_or_else(|| Some(Vec::new()), rarities)?;
    let mut rows = Vec::new();
    let row = |name: &str, value: f64, service: Option<f64>| {
        [name.to_owned(), ms(value)].into_iter().chain(service.map(ms)).collect::<Vec<String>>()
    };
    for (name, quantile) in [("P50", 0.5), ("P75", 0.75), ("P90", 0.9), ("P95", 0.95), ("P99", 0.99)] {
        // A quantile without a sample beyond it would only repeat the maximum.
        if count as f64 * (1.0 - quantile) >= 1.0 {
            let other = service.and_then(|service| service.quantile_ms(quantile));
            rows.push(row(name, latency.quantile_ms(quantile)?, other));
        }
    }
    let max = latency.max_ms()?;
    rows.push(row("longest", max, service.and_then(Histogram::max_ms)));
    let top = limit_ms.filter(|limit| *limit < max * 2.5).map_or(max, |limit| limit.max(max)) * 1.15;
    let right = (count as f64).max(2.0);
    let svg = draw(220, theme, |area, palette| {
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .x_label_area_size(34)
            .y_label_area_size(52)
            .build_cartesian_2d((1.0..right).log_scale(), 0.0..top.max(1.0))?;
        chart
            .configure_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(palette.faint)
            .axis_style(palette.faint)
            .label_style(label(palette))
            .axis_desc_style(label(palette))
            .x_desc("slowest 1 request in …")
            .y_desc("ms")
            .x_label_formatter(&|value| format!("{value:.0}"))
            .y_label_formatter(&|value| format!("{value:.0}"))
            .y_labels(5)
            .draw()?;
        chart.draw_series(LineSeries::new(beside.iter().copied(), palette.thin.stroke_width(1)))?;
        chart.draw_series(LineSeries::new(points.iter().copied(), palette.line.stroke_width(2)))?;
        if count >= 20 {
            let p95 = latency.quantile_ms(0.95).unwrap_or_default();
            chart.draw_series([Circle::new((20.0_f64.min(right), p95), 4, palette.line.filled())])?;
            chart.draw_series([Text::new(
                format!("P95 {} ms", ms(p95)),
                (20.0_f64.min(right), p95 + top * 0.09),
                label(palette).pos(plotters::style::text_anchor::Pos::new(
                    plotters::style::text_anchor::HPos::Right,
                    plotters::style::text_anchor::VPos::Bottom,
                )),
            )])?;
        }
        if let Some(limit) = limit_ms.filter(|limit| *limit < top) {
            chart
                .draw_series(LineSeries::new([(1.0, limit), (right, limit)], palette.ink.stroke_width(1)))?;
            chart.draw_series([Text::new(
                format!("limit {} ms", ms(limit)),
                (1.05, limit + top * 0.02),
                label(palette).pos(plotters::style::text_anchor::Pos::new(
                    plotters::style::text_anchor::HPos::Left,
                    plotters::style::text_anchor::VPos::Bottom,
                )),
            )])?;
        }
        Ok(())
    })?;
    let mut alt = format!("{name}: latency of {count} answered requests by percentile.");
    for row in &rows {
        let _ = write!(alt, " {} {} ms.", row[0], row[1]);
    }
    if service.is_some() {
        alt.push_str(" The thin line is service time.");
    }
    let mut note = format!("{count} requests answered");
    if let Some(limit) = limit_ms {
        let _ = write!(alt, " The limit of P95 is {} ms.", ms(limit));
        if limit >= top {
            let _ = write!(note, "; the limit of {} ms is above the chart", ms(limit));
        }
    }
    Some(Chart {
        id: format!("{name}-percentiles"),
        test: None,
        title: "Latency by percentile".into(),
        note,
        alt,
        svg,
        columns: if service.is_some() {
            vec!["Percentile", "Latency ms", "Service time ms"]
        } else {
            vec!["Percentile", "ms"]
        },
        rows,
    })
}

/// How many requests took how long, in at most 30 even steps.
fn histogram(test: TestId, latency: &Histogram, theme: Theme) -> Option<Chart> {
    let count = latency.len();
    if count < 2 {
        return None;
    }
    let (least, most) = (latency.rank_ms(1)?, latency.max_ms()?);
    let bins = usize::try_from(count.min(30)).unwrap_or(30).max(4);
    let width = ((most - least) / bins as f64).max(0.1);
    let mut counts = vec![0_u64; bins];
    for (value, many) in latency.counts() {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to bins")]
        let bin = (((value - least) / width) as usize).min(bins - 1);
        counts[bin] += many;
    }
    let edges = |bin: usize| (least + bin as f64 * width, least + (bin + 1) as f64 * width);
    let top = counts.iter().copied().max().unwrap_or(1);
    let svg = draw(180, theme, |area, palette| {
        let mut chart = ChartBuilder::on(area)
            .margin(8)
            .x_label_area_size(34)
            .y_label_area_size(52)
            .build_cartesian_2d(least..(least + bins as f64 * width), 0..(top + top / 10 + 1))?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(palette.faint)
            .axis_style(palette.faint)
            .label_style(label(palette))
            .axis_desc_style(label(palette))
            .x_desc("ms")
            .y_desc("requests")
            .x_label_formatter(&|value| ms(*value))
            .y_labels(4)
            .draw()?;
        chart.draw_series(counts.iter().enumerate().filter(|(_, count)| **count > 0).map(
            |(bin, count)| {
                let (from, to) = edges(bin);
                Rectangle::new([(from + width * 0.06, 0), (to - width * 0.06, *count)], palette.bar.filled())
            },
        ))?;
        Ok(())
    })?;
    let rows = counts
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
        .map(|(bin, count)| {
            let (from, to) = edges(bin);
            vec![format!("{} to {}", ms(from), ms(to)), count.to_string()]
        })
        .collect();
    Some(Chart {
        id: format!("{test}-histogram"),
        test: Some(test),
        title: "How many took how long".into(),
        note: format!("{count} requests answered"),
        alt: format!("{test}: {count} answered requests took {} to {} ms.", ms(least), ms(most)),
        svg,
        columns: vec!["ms", "Requests"],
        rows,
    })
}

/// One second of requests.
#[derive(Clone, Copy)]
pub(crate) struct Tick {
    pub(crate) from_ms: u64,
    pub(crate) ok: u64,
    pub(crate) failed: u64,
    pub(crate) p50_ms: Option<f64>,
    pub(crate) p95_ms: Option<f64>,
}

/// A fault on the clock.
struct Mark {
    start: u64,
    end: u64,
    recovered: bool,
    words: String,
}

/// The requests of every second on one clock with tests and faults; of one test, or of the whole check.
fn timeline(results: &Results, test: Option<TestId>, theme: Theme) -> Option<Chart> {
    let (from, to) = match test {
        None => (0, results.elapsed_ms),
        Some(test) => {
            let one = results.tests.get(&test)?;
            let began = one.began_ms?;
            (began, began.saturating_add(one.elapsed_ms.unwrap_or(results.elapsed_ms.saturating_sub(began))))
        }
    };
    let seconds: Vec<Tick> = results
        .intervals
        .iter()
        .filter(|second| second.from_ms.saturating_add(1000) > from && second.from_ms < to)
        .map(|second| Tick {
            from_ms: second.from_ms,
            ok: second.ok,
            failed: second.failed,
            p50_ms: second.latency.quantile_ms(0.5),
            p95_ms: second.latency.quantile_ms(0.95),
        })
        .collect();
    let faults: Vec<_> = results
        .faults
        .iter()
        .filter(|fault| fault.refused.is_none() && fault.intended_ms < to)
        .map(|fault| (fault, fault.intended_ms, fault.recovered_ms.unwrap_or(to).min(to)))
        .filter(|(_, _, end)| *end > from)
        .collect();
    let marks: Vec<Mark> = faults
        .iter()
        .map(|(fault, start, end)| Mark {
            start: *start,
            end: *end,
            recovered: fault.recovered_ms.is_some(),
            words: match &fault.recovered {
                Some((seconds, _)) => format!("{} back in {seconds:.1} s", fault.intent.service.title()),
                None => format!("{} not back", fault.intent.service.title()),
            },
        })
        .collect();
    let wide = test.is_some() || marks.len() < 2 || (to - from) < 120_000;
    let svg = over_time(&seconds, (from, to), (&marks, wide), theme)?;
    let x = |at: u64| at as f64 / 1000.0;
    let rows = seconds
        .iter()
        .map(|second| {
            let shown = |value: Option<f64>| value.map_or(String::new(), ms);
            vec![
                clock(second.from_ms as f64 / 1000.0),
                second.ok.to_string(),
                second.failed.to_string(),
                shown(second.p50_ms),
                shown(second.p95_ms),
            ]
        })
        .collect();
    let failed = seconds.iter().fold(0_u64, |sum, second| sum.saturating_add(second.failed));
    let answered = seconds.iter().fold(0_u64, |sum, second| sum.saturating_add(second.ok));
    let mut alt = format!("{answered} requests answered and {failed} failed.");
    for (fault, start, _) in &faults {
        let _ = match &fault.recovered {
            Some((seconds, _)) => write!(
                alt,
                " {} restarted at {} and back after {seconds:.1} s.",
                fault.intent.service,
                clock(x(*start))
            ),
            None => write!(alt, " {} restarted at {} and not back.", fault.intent.service, clock(x(*start))),
        };
    }
    Some(Chart {
        id: test.map_or_else(|| "timeline".to_owned(), |test| format!("{test}-timeline")),
        test,
        title: "Timeline".into(),
        note: if faults.is_empty() { String::new() } else { "fault windows shaded".into() },
        alt,
        svg,
        columns: vec!["Time", "Answered", "Failed", "P50 ms", "P95 ms"],
        rows,
    })
}

/// Draws the requests of every second over time.
pub(crate) fn seconds_alone(seconds: &[Tick], (from, to): (u64, u64), theme: Theme) -> Option<String> {
    over_time(seconds, (from, to), (&[], false), theme)
}

fn over_time(
    seconds: &[Tick],
    (from, to): (u64, u64),
    (marks, wide): (&[Mark], bool),
    theme: Theme,
) -> Option<String> {
    if seconds.is_empty() || seconds.len() > SECONDS_LIMIT || to <= from {
        return None;
    }
    let top_ms = seconds.iter().filter_map(|second| second.p95_ms).fold(1.0, f64::max) * 1.2;
    let top_count =
        seconds.iter().map(|second| second.ok.saturating_add(second.failed)).max().unwrap_or(1).max(1);
    let x = |at: u64| at as f64 / 1000.0;
    draw(300, theme, |area, palette| {
        let (upper, lower) = area.split_vertically(190);
        let frame = |area: &Drawn<'_>, top: f64, desc: &str, bottom: bool| -> Result<(), Failure> {
            let mut chart = ChartBuilder::on(area)
                .margin(8)
                .x_label_area_size(if bottom { 30 } else { 0 })
                .y_label_area_size(52)
                .build_cartesian_2d(x(from)..x(to), 0.0..top)?;
            for mark in marks {
                chart.draw_series([Rectangle::new(
                    [(x(mark.start.max(from)), 0.0), (x(mark.end), top)],
                    palette.fault.filled(),
                )])?;
            }
            chart
                .configure_mesh()
                .light_line_style(TRANSPARENT)
                .bold_line_style(palette.faint)
                .axis_style(palette.faint)
                .label_style(label(palette))
                .axis_desc_style(label(palette))
                .y_desc(desc)
                .x_label_formatter(&|value| clock(*value))
                .y_label_formatter(&|value| format!("{value:.0}"))
                .y_labels(4)
                .draw()?;
            if bottom {
                chart.draw_series(seconds.iter().map(|second| {
                    let height = second.ok as f64;
                    Rectangle::new(
                        [(x(second.from_ms) + 0.1, 0.0), (x(second.from_ms) + 0.9, height)],
                        palette.bar.filled(),
                    )
                }))?;
                chart.draw_series(seconds.iter().filter(|second| second.failed > 0).map(|second| {
                    let low = second.ok as f64;
                    Rectangle::new(
                        [
                            (x(second.from_ms) + 0.1, low),
                            (x(second.from_ms) + 0.9, low + second.failed as f64),
                        ],
                        palette.bad.stroke_width(1),
                    )
                }))?;
            } else {
                let p50: fn(&Tick) -> Option<f64> = |second| second.p50_ms;
                let p95: fn(&Tick) -> Option<f64> = |second| second.p95_ms;
                for (value, style) in
                    [(p50, palette.thin.stroke_width(1)), (p95, palette.line.stroke_width(2))]
                {
                    // No data is a gap: a line goes only through seconds that follow each other.
                    for piece in pieces(seconds) {
                        let points: Vec<(f64, f64)> = piece
                            .iter()
                            .filter_map(|second| Some((x(second.from_ms) + 0.5, value(second)?)))
                            .collect();
                        chart.draw_series(
                            points.iter().map(|point| Circle::new(*point, 1, style.color.filled())),
                        )?;
                        chart.draw_series(LineSeries::new(points, style))?;
                    }
                }
            }
            // Words of faults that follow closely stand on rows of their own.
            let mut last: Option<(u64, u32)> = None;
            for mark in marks {
                if mark.start >= from {
                    chart.draw_series(LineSeries::new(
                        [(x(mark.start), 0.0), (x(mark.start), top)],
                        palette.ink.stroke_width(2),
                    ))?;
                }
                if mark.recovered {
                    chart.draw_series(LineSeries::new(
                        [(x(mark.end), 0.0), (x(mark.end), top)],
                        palette.good.stroke_width(1),
                    ))?;
                }
                if !bottom && wide {
                    let at = mark.start.max(from);
                    let row = match last {
                        Some((before, row)) if at.abs_diff(before) < (to - from) / 4 => (row + 1) % 3,
                        _ => 0,
                    };
                    last = Some((at, row));
                    // Near the end of the clock there is only room before the fault.
                    let late = at - from > (to - from) / 10 * 7;
                    let (aside, side) = if late { (-0.2, HPos::Right) } else { (0.2, HPos::Left) };
                    chart.draw_series([Text::new(
                        mark.words.clone(),
                        (x(at) + aside, top * (0.98 - 0.1 * f64::from(row))),
                        label(palette).pos(Pos::new(side, VPos::Top)),
                    )])?;
                }
            }
            Ok(())
        };
        frame(&upper, top_ms, "P50, P95 in ms", false)?;
        frame(&lower, top_count as f64 * 1.1, "requests/s", true)
    })
}

/// Runs of seconds without a hole.
fn pieces(seconds: &[Tick]) -> Vec<Vec<Tick>> {
    let mut pieces: Vec<Vec<Tick>> = Vec::new();
    for second in seconds.iter().filter(|second| second.ok > 0) {
        match pieces.last_mut() {
            Some(piece) if piece.last().is_some_and(|last| second.from_ms.abs_diff(last.from_ms) < 1500) => {
                piece.push(*second);
            }
            _ => pieces.push(vec![*second]),
        }
    }
    pieces
}

pub(crate) fn clock(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of a check")]
    let whole = seconds.max(0.0).round() as u64;
    format!("{}:{:02}", whole / 60, whole % 60)
}
