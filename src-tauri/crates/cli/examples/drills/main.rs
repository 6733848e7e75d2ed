//! Runs every drill of the rehearsal and compares what the check called it with what it must be called:
//! `drills [--group GROUP] [--beside] [--write] [NAME…]`. The detection table goes to the terminal, with `--write` into the
//! docs too; with `--beside` the script that Holdpoint replaces is put beside it.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to the terminal")]

mod old_script;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use futures::StreamExt as _;
use serde_json::Value;

/// Rehearsals that the old script is asked about at once.
const AT_ONCE: usize = 6;

/// Checks at once: each has a rehearsal of its own and mostly waits.
const CHECKS_AT_ONCE: usize = 4;

type Failure = Box<dyn std::error::Error>;

/// A drill, and what must be made of it.
struct Drill {
    name: String,
    title: String,
    what: String,
    group: String,
    criterion: String,
    tests: Vec<String>,
    ends_in: String,
}

/// What a check made of it.
struct Called {
    word: String,
    /// State of the criterion that was to call it.
    state: String,
    finding: String,
    witness: String,
    others: Vec<String>,
    seconds: f64,
    /// What the old script would have called it, where it was asked.
    old: Option<&'static str>,
}

impl Called {
    fn right(&self, drill: &Drill) -> bool {
        let named = drill.ends_in != "no_go" || (self.state == "broken" && !self.witness.is_empty());
        self.word == drill.ends_in && named
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
    let (mut group, mut write, mut beside) = (None, false, false);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--group" => group = Some(words.next().ok_or("`--group` needs a name")?),
            "--write" => write = true,
            "--beside" => beside = true,
            _ => names.push(word),
        }
    }
    let drills: Vec<Drill> = catalogue()?
        .into_iter()
        .filter(|drill| group.as_ref().is_none_or(|group| drill.group == *group))
        .filter(|drill| names.is_empty() || names.contains(&drill.name))
        .collect();
    if drills.is_empty() {
        return Err("there is no such drill; `holdpoint-rehearsal drills` lists them".into());
    }
    let folder = tempfile::tempdir()?;
    println!(
        "{:<22} {:<16} {:<11} {:<24} {:>7}  old script",
        "drill", "must break", "verdict", "finding", "seconds"
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
    let mut checks = futures::stream::iter(checks).buffered(CHECKS_AT_ONCE);
    while let Some(answer) = checks.next().await {
        let (drill, called) = answer?;
        let mut called = called?;
        called.old = old.get(&drill.name).copied();
        let mark = if called.right(&drill) { "" } else { "  MISSED" };
        println!(
            "{:<22} {:<16} {:<11} {:<24} {:>7.1}  {}{mark}",
            drill.name,
            drill.criterion,
            called.word,
            called.finding,
            called.seconds,
            called.old.unwrap_or_default()
        );
        if !mark.is_empty() {
            println!("    {} is {}; not met: {}", drill.criterion, called.state, called.others.join(" "));
        }
        table.push((drill, called));
    }
    if write {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rehearsal/DRILLS.md");
        std::fs::write(&path, document(&table)?)?;
        println!("\nwritten: {}", path.display());
    }
    let right = table.iter().filter(|(drill, called)| called.right(drill)).count();
    let fooled = table.iter().filter(|(_, called)| called.old == Some("GO")).count();
    if beside {
        println!("\nthe old script said GO to {fooled} of {}", table.len());
    }
    println!("\n{right} of {} drills called", table.len());
    Ok(right == table.len())
}

/// The programs lie where this one does.
fn program(name: &str) -> Result<PathBuf, Failure> {
    let here = std::env::current_exe()?;
    let folder = here.ancestors().nth(2).ok_or("this program lies nowhere")?;
    Ok(folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)))
}

fn catalogue() -> Result<Vec<Drill>, Failure> {
    let output = Command::new(program("holdpoint-rehearsal")?).arg("drills").output()?;
    let all: Vec<Value> = serde_json::from_slice(&output.stdout)?;
    let text = |entry: &Value, field: &str| entry[field].as_str().unwrap_or_default().to_owned();
    let drills = all.iter().filter(|entry| entry["criterion"].is_string()).map(|entry| Drill {
        name: text(entry, "name"),
        title: text(entry, "title"),
        what: text(entry, "what"),
        group: text(entry, "group"),
        criterion: text(entry, "criterion"),
        tests: entry["tests"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|test| Some(test.as_str()?.to_owned()))
            .collect(),
        ends_in: text(entry, "ends_in"),
    });
    Ok(drills.collect())
}

fn check(drill: &Drill, folder: &Path) -> Result<Called, Failure> {
    let out = folder.join(&drill.name);
    let started = Instant::now();
    Command::new(program("holdpoint")?)
        .args(["check", "--drill", &drill.name, "--test", &drill.tests.join(","), "--out"])
        .arg(&out)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    let seconds = started.elapsed().as_secs_f64();
    let file = out.join("step3_results.json");
    let results: Value = std::fs::read(&file)
        .map_err(|error| format!("{}: {}: {error}", drill.name, file.display()))
        .and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()))?;
    let verdict = &results["holdpoint"]["verdict"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows = || verdict["criteria"].as_array().into_iter().flatten();
    let state = rows()
        .find(|row| row["id"] == drill.criterion.as_str())
        .map_or_else(String::new, |row| text(&row["state"]));
    let finding = verdict["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|finding| finding["criterion"] == drill.criterion.as_str());
    let shown = finding.and_then(|finding| finding["witness"].as_array()).and_then(|all| all.first());
    Ok(Called {
        word: text(&verdict["word"]),
        state,
        finding: finding.map_or_else(String::new, |finding| text(&finding["code"])),
        witness: shown.map_or_else(String::new, |one| {
            format!("{} {}: {}", text(&one["what"]), text(&one["id"]), text(&one["shows"]))
        }),
        others: rows().filter(|row| row["state"] != "met").map(|row| text(&row["id"])).collect(),
        seconds,
        old: None,
    })
}

/// The table as a document. Ids differ with every run, so the witness is told by its kind alone.
fn document(table: &[(Drill, Called)]) -> Result<String, std::fmt::Error> {
    let mut text = String::from(
        "# Drills\n\nMade by `cargo xtask drills --write`: every seeded defect of the rehearsal, what a sound check must call it, and \
         what it was called.\n",
    );
    let beside = table.iter().any(|(_, called)| called.old.is_some());
    let mut group = "";
    for (drill, called) in table {
        if drill.group != group {
            group = &drill.group;
            write!(text, "\n## {}{}\n\n", group[..1].to_uppercase(), &group[1..])?;
            let (head, rule) = if beside { (" Old script |", "---|") } else { ("", "") };
            writeln!(text, "| Drill | What goes wrong | Must break | Verdict | Finding | Seconds |{head}")?;
            writeln!(text, "|---|---|---|---|---|---:|{rule}")?;
        }
        let word = called.word.replace('_', " ").to_uppercase().replace("NO GO", "NO-GO");
        let missed = if called.right(drill) { "" } else { " **missed**" };
        writeln!(
            text,
            "| {} (`{}`) | {} | `{}` | {word}{missed} | `{}` | {:.0} |{}",
            drill.title,
            drill.name,
            drill.what,
            drill.criterion,
            called.finding,
            called.seconds,
            called.old.map_or_else(String::new, |old| format!(" {old} |"))
        )?;
    }
    Ok(text)
}
