//! Runs every drill of the rehearsal and compares what the check called it with what it must be called:
//! `drills [NAME…] [--group GROUP] [--healthy N] [--jobs N] [--beside] [--write]`. The detection table goes to the terminal,
//! with `--write` into the docs too; with `--beside` the script that Holdpoint replaces is put beside it. After all drills
//! come healthy checks: a judge that calls everything a fault would call every drill.
//!
//! `--group railway` runs the oddities of Railway instead, which are no defects and have a table of their own.
//!
//! What was called is read from the verdict that the check saved, never from what it printed.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to the terminal")]

mod oddities;
mod old_script;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use futures::StreamExt as _;
use serde::Deserialize;
use serde_json::Value;

/// Rehearsals that the old script is asked about at once: it waits out windows of a minute and hardly works.
const AT_ONCE: usize = 20;

/// Checks at once where nobody says how many: each has a rehearsal of its own and mostly waits.
const JOBS: usize = 4;

/// Healthy checks after all drills, where nobody says how many.
const HEALTHY: usize = 50;

/// Defects that a check from outside cannot call, so that nobody takes their absence from the table for an oversight.
const NOT_SEEN: &str = "
## What cannot be seen from outside

- A changed byte in the free text of `report.md`, or in a detail of a trace that nothing else repeats: no writer of
  evidence packs leaves a digest of its files. `rep-…-one-byte` changes a byte that another file or the API repeats.
- A restart of Postgres that Railway accepts and does not do: the database has no identity that the API shows, so a
  check without an observed outage ends NO VERDICT, not proven, and never GO. API and worker have one:
  `api-restart-ignored`, `worker-restart-ignored`.
- A copy of an object in a bucket that the staging key can neither list nor read. An object that is missing where it
  belongs is seen: `object-in-second-bucket`.
- A wrong record of another tenant in an export that carries our own project's id.
";

type Failure = Box<dyn std::error::Error>;

/// A drill as the rehearsal's catalogue lists it. One without a name, criterion and finding is a whole generation: no
/// single defect.
#[derive(Deserialize)]
struct Listed {
    name: Option<String>,
    title: String,
    what: String,
    group: String,
    caught_by: Vec<String>,
    criterion: Option<String>,
    finding: Option<String>,
}

/// A drill, and what must be made of it: a NO-GO that breaks the criterion and names it by the finding.
struct Drill {
    name: String,
    title: String,
    what: String,
    group: String,
    tests: Vec<String>,
    criterion: String,
    finding: String,
}

/// What a check made of it.
struct Called {
    word: String,
    /// State of the criterion that was to call it.
    state: String,
    /// How many witnesses the expected finding has; none where it is not there.
    witnesses: usize,
    /// Every finding that weighs.
    findings: Vec<String>,
    because: String,
    seconds: f64,
    /// What the old script would have called it, where it was asked.
    old: Option<&'static str>,
}

impl Called {
    fn right(&self) -> bool {
        self.word == "no_go" && self.state == "broken" && (1..=5).contains(&self.witnesses)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("drills: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<bool, Failure> {
    let mut names = Vec::new();
    let (mut group, mut healthy, mut jobs, mut write, mut beside) = (None, None, JOBS, false, false);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--group" => group = Some(words.next().ok_or("`--group` needs a name")?),
            "--healthy" => healthy = Some(words.next().ok_or("`--healthy` needs a number")?.parse()?),
            "--jobs" => jobs = words.next().ok_or("`--jobs` needs a number")?.parse()?,
            "--write" => write = true,
            "--beside" => beside = true,
            _ => names.push(word),
        }
    }
    if group.as_deref() == Some(oddities::GROUP) {
        return oddities::run(&names, jobs, write).await;
    }
    if write && (group.is_some() || !names.is_empty() || healthy == Some(0)) {
        return Err("`--write` keeps the whole table, so it runs every drill and the healthy checks".into());
    }
    let all = group.is_none() && names.is_empty();
    let healthy = healthy.unwrap_or(if all { HEALTHY } else { 0 });
    let drills: Vec<Drill> = catalogue()?
        .into_iter()
        .filter(|drill| group.as_ref().is_none_or(|group| drill.group == *group))
        .filter(|drill| names.is_empty() || names.contains(&drill.name))
        .collect();
    if drills.is_empty() || names.iter().any(|name| !drills.iter().any(|drill| drill.name == *name)) {
        return Err("there is no such drill; `holdpoint-rehearsal drills` lists them".into());
    }
    let folder = tempfile::tempdir()?;
    println!(
        "{:<28} {:<17} {:<24} {:<10} {:>7}  old script",
        "drill", "must break", "and be named", "verdict", "seconds"
    );
    // Asked first, so that its many probes disturb no check.
    let mut old = BTreeMap::new();
    if beside {
        let rehearsal = program("holdpoint-rehearsal")?;
        let asked = drills
            .iter()
            .map(|drill| async { (drill.name.clone(), old_script::verdict(&rehearsal, &drill.name).await) });
        let mut answers = futures::stream::iter(asked).buffer_unordered(AT_ONCE);
        while let Some((name, verdict)) = answers.next().await {
            old.insert(name, verdict?);
        }
    }
    let folder = folder.path();
    let checks = drills.into_iter().map(|drill| async {
        let out = folder.to_owned();
        let asked = tokio::task::spawn_blocking(move || {
            let called = check(&drill, &out).map_err(|error| error.to_string());
            (drill, called)
        });
        asked.await
    });
    let mut table = Vec::new();
    let mut checks = futures::stream::iter(checks).buffered(jobs.max(1));
    while let Some(answer) = checks.next().await {
        let (drill, called) = answer?;
        let mut called = called?;
        called.old = old.get(&drill.name).copied();
        let mark = if called.right() { "" } else { "  MISSED" };
        println!(
            "{:<28} {:<17} {:<24} {:<10} {:>7.1}  {}{mark}",
            drill.name,
            drill.criterion,
            drill.finding,
            told(&called.word),
            called.seconds,
            called.old.unwrap_or_default()
        );
        if !mark.is_empty() {
            println!("    {} is {}; found: {}", drill.criterion, called.state, called.findings.join(" "));
            println!("    {}", called.because);
        }
        table.push((drill, called));
    }
    let sound = all_sound(healthy, jobs, folder).await?;
    if write {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rehearsal/DRILLS.md");
        std::fs::write(&path, document(&table, sound, healthy)?)?;
        println!("\nwritten: {}", path.display());
    }
    let right = table.iter().filter(|(_, called)| called.right()).count();
    let fooled = table.iter().filter(|(_, called)| called.old == Some("GO")).count();
    if beside {
        println!("\nthe old script said GO to {fooled} of {}", table.len());
    }
    println!("\n{right} of {} drills called", table.len());
    if healthy > 0 {
        println!("{sound} of {healthy} healthy checks GO");
    }
    Ok(right == table.len() && sound == healthy)
}

/// How many of so many checks of a healthy but restless deployment are GO.
async fn all_sound(count: usize, jobs: usize, folder: &Path) -> Result<usize, Failure> {
    if count > 0 {
        println!("\n{:<28} {:<10} {:>7}", "healthy and restless", "verdict", "seconds");
    }
    let checks = (1..=count).map(|number| async move {
        let out = folder.join(format!("healthy-{number}"));
        let asked = move || -> Result<_, String> {
            let started = Instant::now();
            let results = results_of(&["--profile", "restless"], &out).map_err(|error| error.to_string())?;
            Ok((number, results, started.elapsed().as_secs_f64()))
        };
        tokio::task::spawn_blocking(asked).await
    });
    let mut checks = futures::stream::iter(checks).buffered(jobs.max(1));
    let mut sound = 0;
    while let Some(answer) = checks.next().await {
        let (number, results, seconds) = answer??;
        let verdict = &results["holdpoint"]["verdict"];
        let word = verdict["word"].as_str().unwrap_or_default();
        println!("{number:<28} {:<10} {seconds:>7.1}", told(word));
        if word == "go" {
            sound += 1;
        } else {
            println!("    {}", verdict["headline"]);
        }
    }
    Ok(sound)
}

/// Runs a check of the rehearsal and reads what it saved.
fn results_of(arguments: &[&str], out: &Path) -> Result<Value, Failure> {
    Command::new(program("holdpoint")?)
        .args(["check", "--rehearse"])
        .args(arguments)
        .arg("--out")
        .arg(out)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    let file = out.join("step3_results.json");
    let bytes = std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(serde_json::from_slice(&bytes)?)
}

/// The programs lie where this one does.
fn program(name: &str) -> Result<PathBuf, Failure> {
    let here = std::env::current_exe()?;
    let folder = here.ancestors().nth(2).ok_or("this program lies nowhere")?;
    Ok(folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}

fn catalogue() -> Result<Vec<Drill>, Failure> {
    let output = Command::new(program("holdpoint-rehearsal")?).arg("drills").output()?;
    let all: Vec<Listed> = serde_json::from_slice(&output.stdout)?;
    let drills = all.into_iter().filter_map(|listed| {
        let (name, criterion, finding) = (listed.name?, listed.criterion?, listed.finding?);
        let (title, what, group, tests) = (listed.title, listed.what, listed.group, listed.caught_by);
        Some(Drill { name, title, what, group, tests, criterion, finding })
    });
    Ok(drills.collect())
}

/// A verdict's word as it is told.
fn told(word: &str) -> &str {
    match word {
        "go" => "GO",
        "no_go" => "NO-GO",
        "no_verdict" => "NO VERDICT",
        other => other,
    }
}

fn check(drill: &Drill, folder: &Path) -> Result<Called, Failure> {
    let started = Instant::now();
    let arguments = ["--drill", drill.name.as_str(), "--test", &drill.tests.join(",")];
    let results = results_of(&arguments, &folder.join(&drill.name))?;
    let seconds = started.elapsed().as_secs_f64();
    let verdict = &results["holdpoint"]["verdict"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = || verdict["criteria"].as_array().into_iter().flatten();
    let state = rows()
        .find(|row| row["id"] == drill.criterion.as_str())
        .map_or_else(String::new, |row| text(&row["state"]));
    let findings = || {
        let all = verdict["findings"].as_array().into_iter().flatten();
        all.filter(|finding| finding["weight"] != "note")
    };
    let named = findings().find(|finding| {
        finding["code"] == drill.finding.as_str()
            && finding["criterion"] == drill.criterion.as_str()
            && finding["weight"] == "breaks"
    });
    Ok(Called {
        word: text(&verdict["word"]),
        state,
        witnesses: named.and_then(|finding| finding["witness"].as_array()).map_or(0, Vec::len),
        findings: findings().map(|finding| text(&finding["code"])).collect(),
        because: text(&verdict["because"]),
        seconds,
        old: None,
    })
}

/// The table as a document.
fn document(table: &[(Drill, Called)], sound: usize, healthy: usize) -> Result<String, std::fmt::Error> {
    let mut text = String::from(
        "# Drills\n\nMade by `cargo xtask drills --write` from the verdicts that real checks saved. Each drill is the \
         healthy rehearsal with one seeded defect; a sound check must end NO-GO, break the criterion of the row, and \
         name it by the finding of the row with a witness.\n",
    );
    let beside = table.iter().any(|(_, called)| called.old.is_some());
    if beside {
        text.push_str(
            "\nThe last column is what the script that Holdpoint replaces would have said of the same defect: health \
             probes called load, fixed waits, nothing read back.\n",
        );
    }
    let mut group = "";
    for (drill, called) in table {
        if drill.group != group {
            group = &drill.group;
            write!(text, "\n## {}{}\n\n", group[..1].to_uppercase(), &group[1..])?;
            let (head, rule) = if beside { (" Old script |", "---|") } else { ("", "") };
            writeln!(
                text,
                "| Drill | What goes wrong | Tests | Must break | Finding | Verdict | Seconds |{head}"
            )?;
            writeln!(text, "|---|---|---|---|---|---|---:|{rule}")?;
        }
        let missed = if called.right() { "" } else { " **missed**" };
        writeln!(
            text,
            "| {} (`{}`) | {} | {} | `{}` | `{}` | {}{missed} | {:.0} |{}",
            drill.title,
            drill.name,
            drill.what,
            drill.tests.join(", "),
            drill.criterion,
            drill.finding,
            told(&called.word),
            called.seconds,
            called.old.map_or_else(String::new, |old| format!(" {old} |"))
        )?;
    }
    let right = table.iter().filter(|(_, called)| called.right()).count();
    writeln!(text, "\n{right} of {} drills called.", table.len())?;
    write!(
        text,
        "\n## Healthy\n\n{sound} of {healthy} checks of the `restless` profile are GO: slow answers, lists in any order and \
         tasks delivered twice, all within the contract.\n"
    )?;
    text.push_str(NOT_SEEN);
    Ok(text)
}
