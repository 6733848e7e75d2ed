//! `fuzz`: the properties of every parser of outside bytes, tried with bytes that a fuzzer makes up.
//!
//! What it finds interesting lies in `src-tauri/fuzz/found` (not kept), what breaks a property in
//! `src-tauri/fuzz/artifacts`. Put the latter, made small, into `src-tauri/fuzz/corpus/TARGET` once the cause is mended:
//! the tests try all of the corpus again.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::steps::{Failure, cargo, code_of, repository, spelled, status, step};

const DEFAULT_MINUTES: u64 = 1;
/// What is kept of one target, so that the corpus stays some hundred KiB.
const CORPUS_LIMIT: u64 = 24 * 1024;

#[derive(Debug, PartialEq, Eq)]
struct Options {
    /// For each target.
    minutes: u64,
    keep: bool,
    targets: Vec<String>,
}

impl Options {
    fn read(arguments: &[String], known: &[String]) -> Result<Self, Failure> {
        let mut options = Self { minutes: DEFAULT_MINUTES, keep: false, targets: Vec::new() };
        let mut words = arguments.iter();
        while let Some(word) = words.next() {
            if word == "--keep" {
                options.keep = true;
            } else if word == "--minutes" {
                let number = words.next().and_then(|text| text.parse().ok()).filter(|minutes| *minutes > 0);
                options.minutes = number
                    .ok_or_else(|| Failure::usage("`--minutes` needs a number of minutes from 1 up"))?;
            } else if known.contains(word) {
                options.targets.push(word.clone());
            } else {
                let list = known.join(" ");
                return Err(Failure::usage(format!("there is no target `{word}`; the targets are {list}")));
            }
        }
        if options.targets.is_empty() {
            options.targets = known.to_vec();
        }
        Ok(options)
    }
}

/// `cargo xtask fuzz [--minutes N] [--keep] [TARGET...]`.
pub fn fuzz(arguments: &[String]) -> Result<(), Failure> {
    let options = Options::read(arguments, &targets()?)?;
    if !status(cargo().args(["fuzz", "--version"]).stderr(std::process::Stdio::null()))?.success() {
        step("Install cargo-fuzz", cargo().args(["install", "cargo-fuzz", "--locked"]))?;
    }
    step("Build the fuzzer", &mut cargo_fuzz("build"))?;
    let mut broken = Vec::new();
    for target in &options.targets {
        println!("\n== {target}, {} min", options.minutes);
        make(&found(target))?;
        let mut run = run(target, &[found(target), corpus(target)]);
        run.arg(format!("-max_total_time={}", options.minutes * 60));
        if code_of(status(&mut run)?) != 0 {
            broken.push(target.as_str());
        } else if options.keep {
            keep(target)?;
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    let artifacts = folder().join("artifacts");
    let list = broken.join(", ");
    Err(Failure::new(1, format!("not kept: {list}; what breaks them is in {}", artifacts.display())))
}

/// Adds to the corpus what reaches code that nothing in it reaches, the smallest first.
fn keep(target: &str) -> Result<(), Failure> {
    let merged = folder().join("found").join(format!("{target}.merged"));
    let _ = fs::remove_dir_all(&merged);
    make(&merged)?;
    let mut merge = run(target, &[merged.clone(), corpus(target), found(target)]);
    merge.arg("-merge=1");
    if code_of(status(&mut merge)?) != 0 {
        return Err(Failure::new(1, format!("{} failed", spelled(&merge))));
    }
    let kept = files(&corpus(target))?;
    let mut bytes: u64 = kept.iter().map(|(size, _)| size).sum();
    let contents: HashSet<Vec<u8>> = kept.iter().filter_map(|(_, path)| fs::read(path).ok()).collect();
    for (size, path) in files(&merged)? {
        let content = fs::read(&path).map_err(|error| unusable(&path, &error))?;
        if bytes + size > CORPUS_LIMIT || contents.contains(&content) {
            continue;
        }
        let name = path.file_name().unwrap_or_default();
        fs::write(corpus(target).join(name), content).map_err(|error| unusable(&path, &error))?;
        bytes += size;
    }
    println!("== {target}: the corpus has {bytes} bytes");
    Ok(())
}

fn folder() -> PathBuf {
    repository().join("src-tauri").join("fuzz")
}

fn corpus(target: &str) -> PathBuf {
    folder().join("corpus").join(target)
}

fn found(target: &str) -> PathBuf {
    folder().join("found").join(target)
}

/// Every target has a folder in the corpus, which the tests see to.
fn targets() -> Result<Vec<String>, Failure> {
    let corpus = folder().join("corpus");
    let entries = fs::read_dir(&corpus).map_err(|error| unusable(&corpus, &error))?;
    let mut names: Vec<String> =
        entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// The files of a folder with their sizes, the smallest first.
fn files(folder: &Path) -> Result<Vec<(u64, PathBuf)>, Failure> {
    let entries = fs::read_dir(folder).map_err(|error| unusable(folder, &error))?.flatten();
    let mut files: Vec<(u64, PathBuf)> =
        entries.filter_map(|entry| Some((entry.metadata().ok()?.len(), entry.path()))).collect();
    files.sort();
    Ok(files)
}

fn make(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| unusable(folder, &error))
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(1, format!("{}: {error}", path.display()))
}

/// No sanitizer: the product forbids unsafe code, and without one the stable compiler will do.
fn cargo_fuzz(what: &str) -> Command {
    let mut command = cargo();
    command.args(["fuzz", what, "--sanitizer", "none", "--fuzz-dir", "src-tauri/fuzz", "any"]);
    command
}

/// Memory and time of a single input are limits too: a parser that takes more of either has failed.
fn run(target: &str, folders: &[PathBuf]) -> Command {
    let mut command = cargo_fuzz("run");
    command.env("HOLDPOINT_FUZZ", target).args(folders);
    command.args([
        "--",
        "-rss_limit_mb=1024",
        "-timeout=10",
        "-max_len=65536",
        "-print_final_stats=1",
        "-verbosity=1",
    ]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &[&str]) -> Result<Options, Failure> {
        let known = ["graph".to_owned(), "journal".to_owned()];
        Options::read(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), &known)
    }

    #[test]
    fn without_names_every_target_is_run() {
        let options = read(&["--minutes", "5"]).expect("a usage");
        assert_eq!((options.minutes, options.targets.len(), options.keep), (5, 2, false));
        assert_eq!(read(&["journal", "--keep"]).expect("a usage").targets, ["journal"]);
        assert!(read(&["nothing"]).is_err() && read(&["--minutes", "0"]).is_err());
    }

    #[test]
    fn the_targets_are_there() {
        assert!(targets().expect("the corpus").contains(&"journal".to_owned()));
    }
}
