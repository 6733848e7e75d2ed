//! A saved capacity run as the page opens it, and its exports. Pure functions of its document.

use std::path::{Path, PathBuf};

use holdpoint_load::{Capacity, OperationRecord};
use holdpoint_report::capacity::{self as document, Rows};
use holdpoint_report::charts::Theme;
use holdpoint_report::files;

use super::archive::{self, LOG_FILE};
use super::words;
use crate::error::DeskError;
use crate::report::chart;
use crate::saving;
use crate::view::{CapacityFormat, CapacityReport, Column, Figure, Table};

/// Opens a capacity run.
pub(super) fn of(number: u32, folder: &Path, capacity: &Capacity, theme: Theme) -> CapacityReport {
    let judgement = capacity.judgement.as_ref();
    let (worthless, next) = document::worthless(capacity).unwrap_or_default();
    CapacityReport {
        worthless: worthless.into(),
        next: next.into(),
        summary: words::summary(number, capacity),
        no_verdict: document::NO_VERDICT.into(),
        figures: figures(capacity),
        explained: document::explained(capacity),
        unfit: judgement.map(|judgement| judgement.unfit.clone()).unwrap_or_default(),
        thresholds: judgement
            .map(|judgement| judgement.criteria.iter().map(words::threshold).collect())
            .unwrap_or_default(),
        tables: document::tables(capacity).into_iter().map(table).collect(),
        charts: document::charts(capacity, theme).into_iter().map(chart).collect(),
        folder: folder.display().to_string(),
        has_log: folder.join(LOG_FILE).is_file(),
    }
}

fn table(rows: Rows) -> Table {
    let column = |(title, numeric): &(&str, bool)| Column {
        title: (*title).to_owned(),
        numeric: *numeric,
        mono: false,
    };
    Table {
        title: rows.title.into(),
        note: rows.note,
        columns: rows.columns.iter().map(column).collect(),
        rows: rows.rows,
    }
}

fn figures(capacity: &Capacity) -> Vec<Figure> {
    let Some(figures) = capacity.figures else { return Vec::new() };
    let figure = |value: String, unit: &str, label: &str, bad: bool| Figure {
        value,
        unit: unit.into(),
        label: label.into(),
        bad,
    };
    let ms = |value: Option<f64>| value.map_or_else(|| "–".into(), |value| format!("{value:.1}"));
    let total = capacity.result.as_ref().map(holdpoint_load::LoadResult::total).unwrap_or_default();
    let service = |record: &OperationRecord| record.service.quantile_ms(0.95);
    let mut out = Vec::new();
    if let Some(rate) = capacity.limit.as_ref().and_then(|limit| limit.highest_met) {
        out.push(figure(format!("{rate:.1}"), "a second", "highest rate that held", false));
    }
    out.extend([
        figure(ms(figures.p50_ms), "ms", "P50, from the intended start", false),
        figure(ms(figures.p95_ms), "ms", "P95, from the intended start", false),
        figure(ms(figures.p99_ms), "ms", "P99, from the intended start", false),
        figure(ms(service(&total)), "ms", "P95 of service time", false),
        figure(format!("{:.1}", figures.per_second), "a second", "ended well", false),
        figure(figures.failed.to_string(), &format!("of {}", figures.planned), "failed", figures.failed > 0),
    ]);
    out
}

/// Writes exports under `name` into a folder that a person picked, and answers with the files.
pub fn export(
    from: &Path,
    to: &Path,
    name: &str,
    formats: &[CapacityFormat],
    capacity: &Capacity,
) -> Result<Vec<PathBuf>, DeskError> {
    std::fs::create_dir_all(to).map_err(|error| archive::unwritable(to, &error))?;
    let mut written = Vec::new();
    for format in formats {
        match format {
            CapacityFormat::Markdown => {
                let path = to.join(format!("{name}.md"));
                let charts = document::charts(capacity, Theme::Light);
                let (folder, pictures) = saving::write_charts(&path, &charts)?;
                whole(&path, document::with_charts(capacity, &charts, &folder).as_bytes())?;
                written.push(path);
                written.extend(pictures);
            }
            CapacityFormat::Json => {
                let path = to.join(format!("{name}.json"));
                whole(&path, document::to_json(capacity).as_bytes())?;
                written.push(path);
            }
            CapacityFormat::HdrLog => {
                let log = from.join(LOG_FILE);
                if !log.is_file() {
                    return Err(DeskError::new(
                        "capacity.no_log",
                        "This capacity run has no HdrHistogram log.",
                        "A document from outside comes without one. Export the other formats.",
                    ));
                }
                let path = to.join(format!("{name}.hlog"));
                std::fs::copy(&log, &path).map_err(|error| archive::unwritable(&path, &error))?;
                written.push(path);
            }
        }
    }
    Ok(written)
}

fn whole(path: &Path, bytes: &[u8]) -> Result<(), DeskError> {
    files::write_whole(path, bytes).map_err(|error| archive::unwritable(path, &error))
}
