//! `holdpoint compare`: two checks side by side, as Markdown or JSON.

use std::path::{Path, PathBuf};

use holdpoint_compare::{BAND_PCT, Baseline, markdown};
use holdpoint_desk::archive::Archive;
use holdpoint_desk::comparing::{self, Known, Shelf};

use crate::arguments::CompareOptions;
use crate::failure::Failure;
use crate::out;

/// Exit codes: 0 nothing is worse, 1 something is really worse, 2 wrong usage, 3 the checks cannot be compared.
pub(crate) fn run(options: &CompareOptions) -> Result<u8, Failure> {
    let shelf = shelf(options.checks.as_deref())?;
    let (before, after) = match (&options.after, &options.baseline) {
        (Some(after), _) => (vec![find(&options.before, &shelf)?], find(after, &shelf)?),
        (None, asked) => {
            let now = find(&options.before, &shelf)?;
            let asked = asked.clone().unwrap_or(Baseline::LastGo);
            let before = comparing::baseline(&now, &asked, &shelf)
                .map_err(|error| Failure::failed(error.to_string()))?;
            (before, now)
        }
    };
    let noise = match options.noise.as_slice() {
        [one, two] => Some((find(one, &shelf)?, find(two, &shelf)?)),
        _ => None,
    };
    let compared = comparing::side_by_side(&before, &after, noise.as_ref(), BAND_PCT)?;
    let text = if options.json {
        let mut text = serde_json::to_string_pretty(&compared)?;
        text.push('\n');
        text
    } else {
        markdown::render(&compared)
    };
    if !out::text(&text) {
        return Err(Failure::failed("the comparison could not be written to where it was to go"));
    }
    Ok(match (compared.refused.is_empty(), compared.worse().next()) {
        (false, _) => 3,
        (true, Some(_)) => 1,
        (true, None) => 0,
    })
}

/// Where checks are looked for: a folder, or the archive of the window.
fn shelf(folder: Option<&Path>) -> Result<Shelf, Failure> {
    let Some(folder) = folder else { return Ok(numbered(Archive::of_account()?.folder())) };
    if !folder.is_dir() {
        return Err(Failure::usage(format!("{} is no folder; name one with --checks", folder.display())));
    }
    Ok(comparing::shelf(folder))
}

/// The checks of the archive by their numbers.
fn numbered(folder: &Path) -> Shelf {
    let number = |name: &str| name.split('-').next()?.parse::<u32>().ok();
    comparing::shelf(folder)
        .into_iter()
        .map(|(name, path)| (number(&name).map_or(name, |number| format!("check {number}")), path))
        .collect()
}

/// A check by its number or name on the shelf, its folder or its file.
fn find(name: &str, shelf: &[(String, PathBuf)]) -> Result<Known, Failure> {
    let known = shelf.iter().find(|(label, _)| label == name || *label == format!("check {name}"));
    let (label, path) = known.cloned().unwrap_or_else(|| (name.to_owned(), PathBuf::from(name)));
    if !path.exists() {
        return Err(Failure::usage(format!(
            "there is no check {name}: name one by its number in the archive, its folder or its results file"
        )));
    }
    Ok(comparing::read(&label, &path)?)
}
