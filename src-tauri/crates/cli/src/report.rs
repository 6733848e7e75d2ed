//! `holdpoint report`.

use std::path::{Path, PathBuf};

use holdpoint_check::{fold, journal, judge, run};
use holdpoint_desk::archive::{self, Opened};
use holdpoint_desk::capacity::CAPACITY_FILE;
use holdpoint_desk::saving;
use holdpoint_desk::view::{CapacityFormat, ExportFormat};
use holdpoint_report::capacity;
use holdpoint_report::recorded::{self, Recorded};
use holdpoint_report::{JSON_FILE, markdown};

use crate::arguments::ReportCommand;
use crate::failure::Failure;
use crate::out;

pub(crate) fn run(command: &ReportCommand) -> Result<u8, Failure> {
    let file = match &command {
        ReportCommand::Show { file } | ReportCommand::Markdown { file } => file,
        ReportCommand::Export { check, to, name } => return export(check, to, name),
    };
    if out::text(&text(file)?) {
        Ok(0)
    } else {
        Err(Failure::failed("the report could not be written to where it was to go"))
    }
}

/// A folder shows its journal, because that is the truth; a file is shown by what it is.
fn text(path: &Path) -> Result<String, Failure> {
    let journal_path = if path.is_dir() { path.join(run::JOURNAL_FILE) } else { path.to_owned() };
    if journal_path.extension().is_some_and(|extension| extension == "ndjson") && journal_path.exists() {
        let results = fold::fold(&journal::read(&journal_path)?)?;
        return Ok(markdown::render(&results, &judge::judge(&results)));
    }
    if let Some(path) = of_capacity(path) {
        return Ok(capacity::render(&capacity::read(&path)?));
    }
    let path = if path.is_dir() { path.join(JSON_FILE) } else { path.to_owned() };
    let recorded: Recorded = recorded::read(&path)?;
    Ok(recorded::markdown(&recorded))
}

/// The document of a capacity run, where a path is one or a folder with one.
fn of_capacity(path: &Path) -> Option<PathBuf> {
    let path = if path.is_dir() { path.join(CAPACITY_FILE) } else { path.to_owned() };
    capacity::is_one_at(&path).then_some(path)
}

fn export(check: &Path, to: &Path, name: &str) -> Result<u8, Failure> {
    if let Some(path) = of_capacity(check) {
        let formats = [CapacityFormat::Markdown, CapacityFormat::Json];
        let from = path.parent().unwrap_or(Path::new(""));
        for file in holdpoint_desk::capacity::export(from, to, name, &formats, &capacity::read(&path)?)? {
            out::line(&file.display().to_string());
        }
        return Ok(0);
    }
    let Opened::Ours(both) = archive::open(check)? else {
        return Err(Failure::usage("a file of another program has no report of ours"));
    };
    let formats = [ExportFormat::Markdown, ExportFormat::Json];
    for file in saving::export(to, name, &formats, &both.0, &both.1)? {
        out::line(&file.display().to_string());
    }
    Ok(0)
}
