//! The files of a check: results, report, charts and the schema. All made from the results, so they cannot disagree.

use std::path::{Path, PathBuf};

use holdpoint_check::results::Results;
use holdpoint_check::verdict::Verdict;
use holdpoint_report::charts::Chart;
use holdpoint_report::{JSON_FILE, MARKDOWN_FILE, SCHEMA, files, json, markdown};

use crate::error::DeskError;
use crate::view::ExportFormat;

/// Writes results, report and schema into the folder of a check.
pub fn save(folder: &Path, results: &Results, verdict: &Verdict) -> Result<(), DeskError> {
    write(&folder.join(JSON_FILE), &json_text(results, verdict)?)?;
    write_markdown(&folder.join(MARKDOWN_FILE), results, verdict)?;
    write(&folder.join("step3_results.schema.json"), SCHEMA)?;
    Ok(())
}

/// Writes exports under `name` into a folder that a person picked, and answers with the files.
pub fn export(
    folder: &Path,
    name: &str,
    formats: &[ExportFormat],
    results: &Results,
    verdict: &Verdict,
) -> Result<Vec<PathBuf>, DeskError> {
    std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    let mut written = Vec::new();
    for format in formats {
        match format {
            ExportFormat::Markdown => {
                let path = folder.join(format!("{name}.md"));
                written.push(path.clone());
                written.extend(write_markdown(&path, results, verdict)?);
            }
            ExportFormat::Json => {
                let path = folder.join(format!("{name}.json"));
                write(&path, &json_text(results, verdict)?)?;
                written.push(path);
            }
        }
    }
    Ok(written)
}

/// A report with its charts in a folder beside it.
fn write_markdown(path: &Path, results: &Results, verdict: &Verdict) -> Result<Vec<PathBuf>, DeskError> {
    let charts = holdpoint_report::charts::of_check(results, holdpoint_report::charts::Theme::Light);
    let (folder_name, written) = write_charts(path, &charts)?;
    write(path, &markdown::with_charts(results, verdict, &charts, &folder_name))?;
    Ok(written)
}

/// Writes charts into a folder beside the report that shows them, and answers with its name and the files.
pub(crate) fn write_charts(path: &Path, charts: &[Chart]) -> Result<(String, Vec<PathBuf>), DeskError> {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("report");
    let folder_name = format!("{stem}-charts");
    let mut written = Vec::new();
    if !charts.is_empty() {
        let folder = path.with_file_name(&folder_name);
        std::fs::create_dir_all(&folder).map_err(|error| unwritable(&folder, &error))?;
        for chart in charts {
            let file = folder.join(format!("{}.svg", chart.id));
            write(&file, &chart.svg)?;
            written.push(file);
        }
    }
    Ok((folder_name, written))
}

fn json_text(results: &Results, verdict: &Verdict) -> Result<String, DeskError> {
    serde_json::to_string_pretty(&json::document(results, verdict)).map_err(|error| {
        DeskError::new("report.unwritable", "The results cannot be written.", "").because(error)
    })
}

fn write(path: &Path, text: &str) -> Result<(), DeskError> {
    files::write_whole(path, text).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &dyn std::fmt::Display) -> DeskError {
    DeskError::new(
        "report.unwritable",
        format!("{} cannot be written.", path.display()),
        "Free some space or choose another folder. Nothing of the check is lost: its journal is kept.",
    )
    .because(error)
}
