//! `holdpoint report`.

use std::path::Path;

use holdpoint_check::{fold, journal, judge, run};
use holdpoint_report::recorded::{self, Recorded};
use holdpoint_report::{JSON_FILE, markdown};

use crate::arguments::ReportCommand;
use crate::failure::Failure;

pub(crate) fn run(command: &ReportCommand) -> Result<u8, Failure> {
    let (ReportCommand::Show { file } | ReportCommand::Markdown { file }) = command;
    print!("{}", text(file)?);
    Ok(0)
}

/// A folder shows its journal, because that is the truth; a file is shown by what it is.
fn text(path: &Path) -> Result<String, Failure> {
    let journal_path = if path.is_dir() { path.join(run::JOURNAL_FILE) } else { path.to_owned() };
    if journal_path.extension().is_some_and(|extension| extension == "ndjson") && journal_path.exists() {
        let results = fold::fold(&journal::read(&journal_path)?)?;
        return Ok(markdown::render(&results, &judge::judge(&results)));
    }
    let path = if path.is_dir() { path.join(JSON_FILE) } else { path.to_owned() };
    let recorded: Recorded = recorded::read(&path)?;
    Ok(recorded::markdown(&recorded))
}
