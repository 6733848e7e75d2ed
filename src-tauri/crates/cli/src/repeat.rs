//! `holdpoint check --repeat` and `--until-failure`: the same check again and again, to see whether it says the same.

use std::path::{Path, PathBuf};

use crate::arguments::CheckOptions;
use crate::check::{self, Checked};
use crate::failure::Failure;
use crate::out;

/// Nobody waits for more.
const MOST: u32 = 1000;

pub(crate) async fn run(options: &CheckOptions) -> Result<u8, Failure> {
    if options.repeat.is_none() && !options.until_failure {
        return check::run(options, None).await.map(|checked| checked.code);
    }
    let times = options.repeat.unwrap_or(MOST);
    let mut codes = Vec::new();
    for turn in 1..=times {
        if !options.events {
            out::tell(&format!(
                "Check {turn} of {}",
                if options.repeat.is_some() { times.to_string() } else { "many".into() }
            ));
        }
        let Checked { code, aborted } = check::run(options, Some(turn)).await?;
        codes.push(code);
        // Who aborted one does not want the next.
        if aborted || (options.until_failure && code != 0) {
            break;
        }
    }
    if !options.events {
        out::line(&summary(&codes));
    }
    Ok(worst(&codes))
}

/// `5 checks: 4 passed, 1 NO-GO, 0 without a verdict.`
fn summary(codes: &[u8]) -> String {
    let count = |wanted: fn(u8) -> bool| codes.iter().filter(|code| wanted(**code)).count();
    let checks = if codes.len() == 1 { "check" } else { "checks" };
    format!(
        "\n{} {checks}: {} passed, {} NO-GO, {} without a verdict.",
        codes.len(),
        count(|code| code == 0),
        count(|code| code == 1),
        count(|code| code > 1)
    )
}

/// NO-GO beats everything, and everything else beats a pass.
fn worst(codes: &[u8]) -> u8 {
    if codes.contains(&1) { 1 } else { codes.iter().copied().find(|code| *code != 0).unwrap_or(0) }
}

/// The name of a file of one turn: `junit.xml`, and of the third `junit-3.xml`.
pub(crate) fn of_turn(path: &Path, turn: Option<u32>) -> PathBuf {
    let Some(turn) = turn else { return path.to_owned() };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().map_or(String::new(), |ending| format!(".{}", ending.to_string_lossy()));
    path.with_file_name(format!("{stem}-{turn}{ending}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_answer_counts() {
        assert_eq!(worst(&[0, 0]), 0);
        assert_eq!(worst(&[0, 3, 0]), 3);
        assert_eq!(worst(&[3, 1, 0]), 1);
        assert_eq!(summary(&[0, 1, 3]), "\n3 checks: 1 passed, 1 NO-GO, 1 without a verdict.");
    }

    #[test]
    fn each_turn_has_files_of_its_own() {
        assert_eq!(of_turn(Path::new("out/junit.xml"), Some(3)), Path::new("out/junit-3.xml"));
        assert_eq!(of_turn(Path::new("out/junit.xml"), None), Path::new("out/junit.xml"));
        assert_eq!(of_turn(Path::new("report"), Some(1)), Path::new("report-1"));
    }
}
