//! Runs every drill through a real check and says which of them the check called: `cargo xtask drills`.
//!
//! What was called is read from the verdict that the check saved, never from what it printed.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to the terminal")]

use std::collections::VecDeque;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use clap::Parser;
use serde::Deserialize;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Parser)]
struct Options {
    /// Only these drills
    names: Vec<String>,
    /// Only the drills of this group
    #[arg(long)]
    group: Option<String>,
    /// So many checks side by side; more than one can disturb each other's times
    #[arg(long, default_value_t = 1)]
    jobs: usize,
    /// Write the table to this file, as Markdown; only where every drill is run
    #[arg(long, value_name = "FILE", conflicts_with_all = ["names", "group"])]
    write: Option<PathBuf>,
    /// Keep the folders of the checks here
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// Defects that a check from outside cannot call, so that nobody takes their absence above for an oversight.
const NOT_SEEN: &str = "## What cannot be seen from outside

- A changed byte in the free text of `report.md`, or in a detail of a trace that nothing else repeats: no writer of
  evidence packs leaves a digest of its files. `rep-…-one-byte` changes a byte that another file or the API repeats.
- A restart of Postgres that Railway accepts and does not do: the database has no identity that the API shows, so a
  check without an observed outage ends NO VERDICT, not proven, and never GO. API and worker have one:
  `api-restart-ignored`, `worker-restart-ignored`.
- A copy of an object in a bucket that the staging key can neither list nor read. An object that is missing where it
  belongs is seen: `object-in-second-bucket`.
- A wrong record of another tenant in an export that carries our own project's id.";

/// A drill as the rehearsal's catalogue lists it.
#[derive(Deserialize)]
struct Drill {
    name: Option<String>,
    title: String,
    what: String,
    caught_by: Vec<String>,
    group: String,
    criterion: Option<String>,
    finding: Option<String>,
}

/// A drill that says what must become of it.
struct Expected {
    name: String,
    drill: Drill,
    criterion: String,
    finding: String,
}

#[derive(Deserialize)]
struct Saved {
    holdpoint: Holdpoint,
}

#[derive(Deserialize)]
struct Holdpoint {
    verdict: Verdict,
}

#[derive(Deserialize)]
struct Verdict {
    word: String,
    criteria: Vec<Criterion>,
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Criterion {
    id: String,
    state: String,
}

#[derive(Deserialize)]
struct Finding {
    code: String,
    criterion: String,
    weight: String,
    witness: Vec<Witness>,
}

#[derive(Deserialize)]
struct Witness {
    what: String,
    id: String,
    shows: String,
}

/// What a check made of a drill.
struct Outcome {
    verdict: &'static str,
    criterion: String,
    finding: String,
    witness: String,
    called: bool,
    seconds: f64,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("drills: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(options: &Options) -> Fallible<bool> {
    let drills = chosen(options)?;
    let temporary = tempfile::Builder::new().prefix("holdpoint-drills-").tempdir()?;
    let folder = options.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    println!(
        "{:<28} {:<17} {:<24} {:<10} {:>7}  called",
        "drill", "criterion", "finding", "verdict", "seconds"
    );
    let queue: Mutex<VecDeque<usize>> = Mutex::new((0..drills.len()).collect());
    let outcomes: Mutex<Vec<Option<Outcome>>> = Mutex::new(drills.iter().map(|_| None).collect());
    std::thread::scope(|scope| {
        for _ in 0..options.jobs.max(1) {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(index) = next else { return };
                    let outcome = one(&drills[index], &folder.join(&drills[index].name));
                    show(&drills[index], &outcome);
                    outcomes.lock().unwrap_or_else(PoisonError::into_inner)[index] = Some(outcome);
                }
            });
        }
    });
    let outcomes: Vec<Outcome> =
        outcomes.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten().collect();
    let called = outcomes.iter().filter(|outcome| outcome.called).count();
    let closing = format!("{called} of {} drills called", drills.len());
    println!("\n{closing}");
    if let Some(path) = &options.write {
        std::fs::write(path, markdown(&drills, &outcomes, &closing))?;
    }
    Ok(called == drills.len())
}

/// A program that was built beside this one.
fn beside(name: &str) -> std::io::Result<PathBuf> {
    let here = std::env::current_exe()?;
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    Ok(here.parent().map_or_else(|| PathBuf::from(&file), |folder| folder.join(&file)))
}

fn chosen(options: &Options) -> Fallible<Vec<Expected>> {
    let catalogue = Command::new(beside("holdpoint-rehearsal")?).arg("drills").output()?;
    let all: Vec<Drill> = serde_json::from_slice(&catalogue.stdout)?;
    let mut drills = Vec::new();
    for mut drill in all {
        // A whole generation is no single defect: it has no criterion of its own.
        let (Some(name), Some(criterion), Some(finding)) =
            (drill.name.take(), drill.criterion.take(), drill.finding.take())
        else {
            continue;
        };
        let wanted = (options.names.is_empty() || options.names.contains(&name))
            && options.group.as_ref().is_none_or(|group| *group == drill.group);
        if wanted {
            drills.push(Expected { name, drill, criterion, finding });
        }
    }
    if let Some(unknown) = options.names.iter().find(|name| !drills.iter().any(|drill| drill.name == **name))
    {
        return Err(format!("there is no drill {unknown}; `holdpoint-rehearsal drills` lists all").into());
    }
    if drills.is_empty() {
        return Err("there is no drill in this group".into());
    }
    Ok(drills)
}

fn one(drill: &Expected, folder: &Path) -> Outcome {
    let started = Instant::now();
    let verdict = check(drill, folder);
    let seconds = started.elapsed().as_secs_f64();
    match verdict {
        Ok(verdict) => judged(drill, &verdict, seconds),
        Err(error) => Outcome {
            verdict: "none",
            criterion: "not judged".into(),
            finding: error.to_string(),
            witness: String::new(),
            called: false,
            seconds,
        },
    }
}

fn check(drill: &Expected, folder: &Path) -> Fallible<Verdict> {
    std::fs::create_dir_all(folder)?;
    let log = |name: &str| std::fs::File::create(folder.join(name));
    Command::new(beside("holdpoint")?)
        .args([
            "check",
            "--rehearse",
            "--drill",
            &drill.name,
            "--test",
            &drill.drill.caught_by.join(","),
            "--out",
        ])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(log("stdout.txt")?)
        .stderr(log("stderr.txt")?)
        .status()?;
    let saved: Saved = serde_json::from_slice(&std::fs::read(folder.join("step3_results.json"))?)?;
    Ok(saved.holdpoint.verdict)
}

/// Called is a drill whose check says NO-GO, breaks the expected criterion, and names it with a witness.
fn judged(drill: &Expected, verdict: &Verdict, seconds: f64) -> Outcome {
    let row = verdict.criteria.iter().find(|row| row.id == drill.criterion);
    let named = verdict.findings.iter().find(|finding| {
        finding.code == drill.finding && finding.criterion == drill.criterion && finding.weight == "breaks"
    });
    let witness = named.and_then(|finding| finding.witness.first());
    let called = verdict.word == "no_go"
        && row.is_some_and(|row| row.state == "broken")
        && named.is_some_and(|finding| (1..=5).contains(&finding.witness.len()));
    let others: Vec<&str> = verdict
        .findings
        .iter()
        .filter(|finding| finding.weight != "note")
        .map(|finding| finding.code.as_str())
        .collect();
    Outcome {
        verdict: match verdict.word.as_str() {
            "go" => "GO",
            "no_go" => "NO-GO",
            _ => "NO VERDICT",
        },
        criterion: row.map_or_else(|| "not judged".into(), |row| row.state.clone()),
        finding: if named.is_some() { drill.finding.clone() } else { format!("only {}", others.join(", ")) },
        witness: witness.map_or_else(String::new, |one| format!("{} {}: {}", one.what, one.id, one.shows)),
        called,
        seconds,
    }
}

fn show(drill: &Expected, outcome: &Outcome) {
    println!(
        "{:<28} {:<17} {:<24} {:<10} {:>7.1}  {}",
        drill.name,
        drill.criterion,
        drill.finding,
        outcome.verdict,
        outcome.seconds,
        if outcome.called { "yes".into() } else { format!("NO: {}, {}", outcome.criterion, outcome.finding) },
    );
}

fn markdown(drills: &[Expected], outcomes: &[Outcome], closing: &str) -> String {
    let mut text = String::from(
        "# Drills\n\nEach drill is the healthy rehearsal with one named defect; a sound check must end NO-GO, break the \
         criterion of the row, and name it by the finding of the row with a witness. This table is written by `cargo \
         xtask drills --write` from the verdicts of real checks. Ids and times are those of that run.\n",
    );
    let mut group = "";
    for (drill, outcome) in drills.iter().zip(outcomes) {
        if drill.drill.group != group {
            group = &drill.drill.group;
            let _ = write!(
                text,
                "\n## {group}\n\n| Drill | Defect | Tests | Criterion | Verdict | Finding | Witness | Seconds |\n\
                 |---|---|---|---|---|---|---|---|\n"
            );
        }
        let verdict =
            if outcome.called { outcome.verdict.into() } else { format!("**{}, missed**", outcome.verdict) };
        let _ = writeln!(
            text,
            "| `{}` | {}: {} | {} | `{}` | {verdict} | `{}` | {} | {:.0} |",
            drill.name,
            drill.drill.title,
            lower_first(&drill.drill.what),
            drill.drill.caught_by.join(", "),
            drill.criterion,
            outcome.finding,
            cell(&outcome.witness),
            outcome.seconds
        );
    }
    let _ = writeln!(text, "\n{closing}\n\n{NOT_SEEN}");
    text
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_lowercase);
    first.into_iter().flatten().chain(letters).collect()
}

/// Free text in a cell of a table.
fn cell(text: &str) -> String {
    let short: String = text.chars().take(160).collect();
    short.replace('|', "\\|").replace(['\n', '\r'], " ")
}
