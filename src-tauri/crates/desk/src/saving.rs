//! The files of a check: results, report, charts, the schema and the manifest of them all. All made from the results, so
//! they cannot disagree.

use std::path::{Path, PathBuf};

use holdpoint_check::results::Results;
use holdpoint_check::run::JOURNAL_FILE;
use holdpoint_check::verdict::Verdict;
use holdpoint_report::attestation::{self, ATTESTATION_FILE, Signing};
use holdpoint_report::charts::Chart;
use holdpoint_report::manifest::{MANIFEST_FILE, Manifest};
use holdpoint_report::{
    JSON_FILE, MARKDOWN_FILE, SCHEMA, SCHEMA_FILE, bundle, files, html, intervals, json, junit, markdown,
    verification,
};

use crate::error::DeskError;
use crate::view::ExportFormat;

/// Writes results, report, schema and manifest into the folder of a check. A check whose journal was changed gets none of
/// them: they would make it look whole.
pub fn save(folder: &Path, results: &Results, verdict: &Verdict) -> Result<(), DeskError> {
    unchanged(folder)?;
    write(&folder.join(JSON_FILE), &json_text(results, verdict)?)?;
    write_markdown(&folder.join(MARKDOWN_FILE), results, verdict)?;
    write(&folder.join(SCHEMA_FILE), SCHEMA)?;
    let manifest = Manifest::of_folder(folder).map_err(|error| unwritable(folder, &error))?;
    write(&folder.join(MANIFEST_FILE), &manifest.text())
}

/// Refuses a check whose journal is not the one of its manifest, nor that one with decisions added.
pub fn unchanged(folder: &Path) -> Result<(), DeskError> {
    match verification::continues(folder) {
        Ok(true) => Ok(()),
        Ok(false) => Err(DeskError::new(
            "check.changed",
            format!("{JOURNAL_FILE} of this check was changed after the check."),
            "Nothing is added to it. Take the check from a copy that was not changed, or run it again.",
        )),
        Err(error) => Err(DeskError::new(
            "check.unverifiable",
            "It cannot be told whether this check was changed.",
            "Nothing is added to it. Take the check from a copy, or run it again.",
        )
        .because(error)),
    }
}

/// Signs the manifest of a check.
pub fn sign(folder: &Path, results: &Results, verdict: &Verdict, key: &Signing) -> Result<(), DeskError> {
    let unsigned = |error: &dyn std::fmt::Display| {
        DeskError::new(
            "signature.impossible",
            "The check was not signed.",
            "Save the check again, then sign it.",
        )
        .because(error)
    };
    let found = verification::of_folder(folder, None).map_err(|error| unsigned(&error))?;
    if let Some(difference) = found.differences.first() {
        return Err(unsigned(difference));
    }
    let manifest = Manifest::read(folder).map_err(|error| unsigned(&error))?;
    let envelope = attestation::sign(&attestation::statement(results, verdict, &manifest), key);
    let text = serde_json::to_string_pretty(&envelope).map_err(|error| unsigned(&error))?;
    write(&folder.join(ATTESTATION_FILE), &text)
}

/// Writes exports under `name` into a folder that a person picked, and answers with the files. `check` is the folder of
/// the check; a bundle is made of it.
pub fn export(
    folder: &Path,
    name: &str,
    formats: &[ExportFormat],
    check: &Path,
    results: &Results,
    verdict: &Verdict,
) -> Result<Vec<PathBuf>, DeskError> {
    std::fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    let mut written = Vec::new();
    for format in formats {
        let path = folder.join(format!("{name}{}", format.ending()));
        let text = match format {
            ExportFormat::Markdown => {
                written.push(path.clone());
                written.extend(write_markdown(&path, results, verdict)?);
                continue;
            }
            ExportFormat::Bundle => {
                let bytes = bundle::pack(check).map_err(|error| {
                    DeskError::new(
                        "export.no_bundle",
                        "This check cannot be bundled.",
                        "Export it in another format.",
                    )
                    .because(error)
                })?;
                write_bytes(&path, &bytes)?;
                written.push(path);
                continue;
            }
            ExportFormat::MarkdownShort => markdown::summary(results, verdict),
            ExportFormat::Html => html::render(results, verdict),
            ExportFormat::Json => json_text(results, verdict)?,
            ExportFormat::Junit => junit::render(results, verdict),
            ExportFormat::Csv => intervals::csv(results, verdict),
            ExportFormat::HdrLog => intervals::hdr_log(results, verdict),
        };
        write(&path, &text)?;
        written.push(path);
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
    write_bytes(path, text.as_bytes())
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<(), DeskError> {
    files::write_whole(path, bytes).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &dyn std::fmt::Display) -> DeskError {
    DeskError::new(
        "report.unwritable",
        format!("{} cannot be written.", path.display()),
        "Free some space or choose another folder. Nothing of the check is lost: its journal is kept.",
    )
    .because(error)
}
