//! `repeat`: many checks in a row on the rehearsal, to find the one run in twenty that fails.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::steps::{Failure, build, cannot_start, code_of, holdpoint, repository, step};

const DEFAULT_RUNS: u32 = 20;
const DEFAULT_PROFILE: &str = "healthy";

#[derive(Debug, PartialEq, Eq)]
struct Options {
    runs: u32,
    profile: String,
}

impl Options {
    fn read(arguments: &[String]) -> Result<Self, Failure> {
        let mut runs = None;
        let mut profile = None;
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            if word == "--profile" {
                let name = words.next().ok_or_else(|| Failure::usage("`--profile` needs a name"))?;
                profile = Some(name.clone());
            } else if let Some(name) = word.strip_prefix("--profile=") {
                profile = Some(name.to_owned());
            } else {
                let number = word.parse().ok().filter(|number| *number > 0);
                let number = number
                    .ok_or_else(|| Failure::usage(format!("`{word}` is not a number of checks from 1 up")))?;
                if runs.replace(number).is_some() {
                    return Err(Failure::usage("the number of checks is given twice"));
                }
            }
        }
        Ok(Self {
            runs: runs.unwrap_or(DEFAULT_RUNS),
            profile: profile.unwrap_or_else(|| DEFAULT_PROFILE.to_owned()),
        })
    }
}

/// `cargo xtask repeat [N] [--profile PROFILE]`.
pub fn repeat(arguments: &[String]) -> Result<(), Failure> {
    let options = Options::read(arguments)?;
    step("Build holdpoint and its rehearsal", &mut build())?;

    let folder = std::env::temp_dir().join(format!("holdpoint-repeat-{}", std::process::id()));
    fs::create_dir_all(&folder)
        .map_err(|error| Failure::new(1, format!("cannot make {}: {error}", folder.display())))?;
    println!("\n== {} checks on the rehearsal, profile {}", options.runs, options.profile);
    println!("{:>4}  {:>4}  {:>8}  verdict", "no.", "exit", "seconds");

    let mut failed = 0;
    for number in 1..=options.runs {
        if !one(number, &options.profile, &folder)? {
            failed += 1;
        }
    }

    if failed > 0 {
        println!("\nReports and output of all checks: {}", folder.display());
    } else {
        // Twenty good reports are of no use to anyone; a folder that cannot be removed is no reason to fail.
        let _ = fs::remove_dir_all(&folder);
    }
    println!("\n{} passed, {failed} failed", options.runs - failed);
    if failed == 0 { Ok(()) } else { Err(Failure::silent(1)) }
}

/// One check: prints its line, keeps its output beside its report, and tells whether it passed.
fn one(number: u32, profile: &str, folder: &Path) -> Result<bool, Failure> {
    let mut command = Command::new(holdpoint());
    command
        .args(["check", "--rehearse", "--profile", profile, "--out"])
        .arg(folder.join(number.to_string()))
        .current_dir(repository())
        .stdin(std::process::Stdio::null());
    let start = Instant::now();
    let output = command.output().map_err(|error| cannot_start(&command, &error))?;
    let seconds = start.elapsed().as_secs_f64();
    let code = code_of(output.status);

    for (ending, text) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
        let file = folder.join(format!("{number}.{ending}.txt"));
        fs::write(&file, text)
            .map_err(|error| Failure::new(1, format!("cannot write {}: {error}", file.display())))?;
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    println!("{number:>4}  {code:>4}  {seconds:>8.1}  {}", verdict(&stdout));
    Ok(code == 0)
}

/// The headline of the verdict in what a check printed.
fn verdict(stdout: &str) -> &str {
    stdout.lines().find(|line| line.starts_with("Verdict")).unwrap_or("(no verdict was printed)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Options, Failure> {
        Options::read(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn options_may_come_in_any_order() {
        let default = Options { runs: 20, profile: "healthy".to_owned() };
        assert_eq!(read(&[]).expect("nothing is needed"), default);
        let slow = Options { runs: 3, profile: "slow".to_owned() };
        assert_eq!(read(&["3", "--profile", "slow"]).expect("both are well formed"), slow);
        assert_eq!(read(&["--profile=slow", "3"]).expect("both are well formed"), slow);
    }

    #[test]
    fn anything_else_is_a_mistake_in_usage() {
        for words in [&["0"][..], &["many"], &["3", "4"], &["--profile"], &["--verbose"]] {
            assert_eq!(read(words).expect_err("it is malformed").code, 2, "{words:?}");
        }
    }

    #[test]
    fn the_verdict_is_the_first_line_that_begins_with_the_word() {
        assert_eq!(verdict("Checking\nVerdict: GO\nVerdict: again\n"), "Verdict: GO");
        assert_eq!(verdict("No Verdict here\n"), "(no verdict was printed)");
    }
}
