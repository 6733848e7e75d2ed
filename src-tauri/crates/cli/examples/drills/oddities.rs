//! Runs the oddities of the rehearsal's Railway, each with a check of C1, and writes their table.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use futures::StreamExt as _;
use serde_json::Value;
use tokio::io::AsyncBufReadExt as _;

use super::{Failure, program};

#[path = "../../tests/support/oddity.rs"]
mod oddity;

/// The group they are called by.
pub const GROUP: &str = "railway";

struct Outcome {
    row: Value,
    wrong: Vec<String>,
    headline: String,
    asked: u64,
    seconds: f64,
}

/// Runs the named ones, or all of them; answers whether every one was judged as it must be.
pub async fn run(names: &[String], jobs: usize, write: bool) -> Result<bool, Failure> {
    if write && !names.is_empty() {
        return Err("`--write` keeps the whole table, so it runs every oddity".into());
    }
    let listed =
        tokio::process::Command::new(program("holdpoint-rehearsal")?).arg("oddities").output().await?;
    let all: Vec<Value> = serde_json::from_slice(&listed.stdout)?;
    let chosen: Vec<Value> = all
        .into_iter()
        .filter(|row| names.is_empty() || names.iter().any(|name| row["name"] == **name))
        .collect();
    if chosen.is_empty() || (!names.is_empty() && chosen.len() != names.len()) {
        return Err("there is no such oddity; `holdpoint-rehearsal oddities` lists them".into());
    }
    println!("{:<32} {:<11} {:<28} {:>5} {:>7}", "oddity", "must end", "and be named", "asked", "seconds");
    let mut checks = futures::stream::iter(chosen.into_iter().map(check)).buffered(jobs.max(1));
    let mut table = Vec::new();
    while let Some(outcome) = checks.next().await {
        let outcome = outcome?;
        let mark = if outcome.wrong.is_empty() { "" } else { "  MISSED" };
        println!(
            "{:<32} {:<11} {:<28} {:>5} {:>7.1}{mark}",
            text(&outcome.row, "name"),
            ends(&outcome.row),
            text(&outcome.row, "code"),
            outcome.asked,
            outcome.seconds
        );
        for one in &outcome.wrong {
            println!("    {one}");
        }
        table.push(outcome);
    }
    let right = table.iter().filter(|outcome| outcome.wrong.is_empty()).count();
    println!("\n{right} of {} oddities judged as they must be", table.len());
    if write {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rehearsal/ODDITIES.md");
        std::fs::write(&path, document(&table, right)?)?;
        println!("written: {}", path.display());
    }
    Ok(right == table.len())
}

async fn check(row: Value) -> Result<Outcome, Failure> {
    let started = Instant::now();
    let state = tempfile::tempdir()?;
    let mut rehearsal = tokio::process::Command::new(program("holdpoint-rehearsal")?)
        .args(["up", "--oddity", text(&row, "name"), "--state"])
        .arg(state.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let stdout = rehearsal.stdout.take().ok_or("the rehearsal has no output")?;
    let mut line = String::new();
    tokio::io::BufReader::new(stdout).read_line(&mut line).await?;
    let out = state.path().join("check");
    tokio::process::Command::new(program("holdpoint")?)
        .args(["check", "--test", "C1", "--require-real-chaos", "--environment"])
        .arg(state.path().join("environment.json"))
        .arg("--out")
        .arg(&out)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .await?;
    let file = out.join("step3_results.json");
    let results: Value = serde_json::from_slice(
        &std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?,
    )?;
    let asked = std::fs::read_to_string(state.path().join("logs/railway.log")).unwrap_or_default();
    let asked = asked.lines().filter(|line| line.contains("deploymentRestart")).count() as u64;
    // The end of its standard input ends the rehearsal with everything it started.
    drop(rehearsal.stdin.take());
    let _ = rehearsal.wait().await;
    Ok(Outcome {
        wrong: oddity::wrong(&row, &results, asked),
        headline: text(&results["holdpoint"]["verdict"], "headline").to_owned(),
        asked,
        seconds: started.elapsed().as_secs_f64(),
        row,
    })
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_default()
}

/// How a check must end, in words.
fn ends(row: &Value) -> &'static str {
    match text(row, "ends") {
        "passes" => "passes",
        "blocked" => "blocked",
        _ => "not proven",
    }
}

fn document(table: &[Outcome], right: usize) -> Result<String, std::fmt::Error> {
    let mut out = String::from(
        "# Oddities of Railway\n\nMade by `cargo xtask drills --group railway --write` from the verdicts that real checks \
         of C1 saved. Each is the healthy rehearsal with a Railway that refuses, or answers as the real one was seen to; \
         the system under test is sound. A sound check *passes* where the restart is proven by the identity of the \
         process all the same, is *blocked* by its preflight, or ends *not proven*, with a finding of the named code and \
         a remedy; it never reads GO without proof, never simulates, and blames no criterion on the system. *Asked* \
         counts the restarts that Railway was asked for.\n\n\
         | Oddity | What Railway does | Facts | Must end | Named | Asked | Verdict | Seconds |\n\
         |---|---|---|---|---|---:|---|---:|\n",
    );
    for outcome in table {
        let row = &outcome.row;
        let code = match text(row, "code") {
            "" => String::new(),
            code => format!("`{code}`"),
        };
        let missed = if outcome.wrong.is_empty() { "" } else { " **missed**" };
        writeln!(
            out,
            "| `{}` | {} | {} | {} | {code} | {} | {}{missed} | {:.0} |",
            text(row, "name"),
            text(row, "what"),
            text(row, "facts"),
            ends(row),
            outcome.asked,
            outcome.headline.trim_end_matches(" [rehearsal]"),
            outcome.seconds
        )?;
    }
    writeln!(
        out,
        "\n{right} of {} oddities judged as they must be. A restart that Railway accepts and never does is a drill: \
         `worker-restart-ignored`, `api-restart-ignored`.",
        table.len()
    )?;
    Ok(out)
}
