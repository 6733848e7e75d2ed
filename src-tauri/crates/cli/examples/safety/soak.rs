//! Checks back to back in one process, as a window that stays open for days: memory, descriptors, threads, processes and
//! temporary files must stay flat.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use holdpoint_check::words::TestId;
use holdpoint_desk::archive::Archive;
use holdpoint_desk::view::{CheckDraft, ChecksQuery, ExportFormat};
use holdpoint_desk::{Desk, Theme};
use holdpoint_settings::Environments;

use crate::Failure;

/// Rounds that warm up what is kept on purpose: caches, pools, threads.
const WARM_UP: usize = 4;
/// Growth from the first to the last measured round, by a fitted line, that is taken for noise.
const MEMORY_KIB: f64 = 16.0 * 1024.0;
const DESCRIPTORS: f64 = 3.0;
const THREADS: f64 = 3.0;
const PROCESSES: f64 = 0.5;
const TEMPORARY: f64 = 0.5;

/// One figure of a round.
type Measure = fn(&Reading) -> f64;

/// One round after its check.
#[derive(Clone, Copy, Debug)]
struct Reading {
    memory_kib: f64,
    descriptors: f64,
    threads: f64,
    processes: f64,
    temporary: f64,
    kept_bytes: u64,
}

pub(crate) async fn run(minutes: f64) -> Result<bool, Failure> {
    // The temporary folder and the rehearsal's program are told by whoever starts this (`cargo xtask soak`).
    let temporary = std::env::temp_dir();
    if names(&temporary) > 0 {
        return Err(
            format!("TMPDIR must be an empty folder of its own, and is {}", temporary.display()).into()
        );
    }
    let data = temporary.join("kept");
    std::fs::create_dir(&data)?;
    let desk = Arc::new(Desk::new(
        Archive::in_folder(&data.join("checks")),
        Environments::in_folder(&data.join("environments")),
    ));
    let until = Instant::now() + Duration::from_secs_f64(minutes * 60.0);
    println!(
        "{:>5}  {:<16} {:>8}  {:>10} {:>6} {:>8} {:>10} {:>6} {:>10}  headline",
        "round", "tests", "seconds", "memory KiB", "files", "threads", "processes", "temp", "kept KiB"
    );
    let mut readings = Vec::new();
    while Instant::now() < until || readings.len() < WARM_UP + 4 {
        let tests = suite(readings.len());
        let started = Instant::now();
        let headline = one(&desk, &tests, &data).await?;
        let reading = read(&temporary, &data)?;
        let tests: Vec<&str> = tests.iter().map(|test| test.name()).collect();
        println!(
            "{:>5}  {:<16} {:>8.1}  {:>10.0} {:>6.0} {:>8.0} {:>10.0} {:>6.0} {:>10}  {headline}",
            readings.len() + 1,
            if tests.len() == 8 { "all".to_owned() } else { tests.join(",") },
            started.elapsed().as_secs_f64(),
            reading.memory_kib,
            reading.descriptors,
            reading.threads,
            reading.processes,
            reading.temporary,
            reading.kept_bytes / 1024
        );
        readings.push(reading);
        // Every fifth check gets a rehearsal of its own, so that starting and ending one is part of it.
        if readings.len().is_multiple_of(5) {
            desk.stop_rehearsal().await;
        }
    }
    desk.stop_rehearsal().await;
    let after = read(&temporary, &data)?;
    println!(
        "\nafter the rehearsal has ended: {:.0} processes, {:.0} temporary files",
        after.processes, after.temporary
    );
    let mut flat = after.processes < 0.5 && after.temporary < 0.5;
    let rounds = &readings[WARM_UP..];
    println!("{:<16} {:>12} {:>14} {:>10}", "of the process", "a round", "over all", "allowed");
    let measures: [(&str, Measure, f64); 5] = [
        ("memory KiB", |one| one.memory_kib, MEMORY_KIB),
        ("descriptors", |one| one.descriptors, DESCRIPTORS),
        ("threads", |one| one.threads, THREADS),
        ("processes", |one| one.processes, PROCESSES),
        ("temporary files", |one| one.temporary, TEMPORARY),
    ];
    for (name, of, allowed) in measures {
        let slope = slope(&rounds.iter().map(of).collect::<Vec<_>>());
        let grown = slope * (rounds.len() as f64 - 1.0);
        let mark = if grown > allowed { "  GROWS" } else { "" };
        println!("{name:<16} {slope:>+12.2} {grown:>+14.1} {allowed:>10.1}{mark}");
        flat &= grown <= allowed;
    }
    Ok(flat)
}

fn suite(round: usize) -> Vec<TestId> {
    match round % 4 {
        0 => TestId::ALL.to_vec(),
        1 => vec![TestId::L1, TestId::L3, TestId::Rep],
        2 => vec![TestId::C1, TestId::C3],
        _ => vec![TestId::L2, TestId::C2, TestId::Bucket],
    }
}

/// A check as the window does it: started, watched to its end, listed, opened, exported.
async fn one(desk: &Arc<Desk>, tests: &[TestId], data: &Path) -> Result<String, Failure> {
    let draft = CheckDraft {
        confirmed_name: None,
        environment: holdpoint_desk::rehearsal::NAME.into(),
        drill: None,
        tests: tests.to_vec(),
        parameters: None,
        simulate: false,
        confirmed: Vec::new(),
    };
    let current = desk.start_check(&draft).await?;
    let mut messages = 0_u64;
    current
        .watch(|_| {
            messages += 1;
            true
        })
        .await;
    current.over().await;
    let number = current.check.number;
    let page = desk.archive.list(&ChecksQuery { limit: 50, ..ChecksQuery::default() }, None);
    let report = desk.report(number, Theme::Light, None)?;
    desk.export(number, &data.join("exports"), &[ExportFormat::Markdown, ExportFormat::Json])?;
    std::fs::remove_dir_all(data.join("exports"))?;
    if page.checks.first().map(|check| check.number) != Some(number) || messages == 0 {
        return Err("the newest check is not the first of the list, or nobody heard of it".into());
    }
    Ok(report.summary.headline)
}

fn read(temporary: &Path, data: &Path) -> Result<Reading, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let field = |name: &str| -> f64 {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(f64::NAN)
    };
    Ok(Reading {
        memory_kib: field("VmRSS:"),
        descriptors: names(Path::new("/proc/self/fd")) as f64,
        threads: field("Threads:"),
        processes: children() as f64,
        // The folder of what is kept is one of them.
        temporary: names(temporary) as f64 - 1.0,
        kept_bytes: bytes(data),
    })
}

/// Processes that this one has started and that have not been taken leave of.
fn children() -> usize {
    let own = format!(" {} ", std::process::id());
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok())
        // After the name in brackets: the state and the parent.
        .filter(|stat| stat.rsplit(") ").next().is_some_and(|rest| rest[1..].starts_with(&own)))
        .count()
}

fn names(folder: &Path) -> usize {
    std::fs::read_dir(folder).into_iter().flatten().flatten().count()
}

fn bytes(path: &Path) -> u64 {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(data) if data.is_dir() => bytes(&entry.path()),
            Ok(data) => data.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Least squares over rounds.
fn slope(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let (middle, mean) = ((count - 1.0) / 2.0, values.iter().sum::<f64>() / count);
    let (mut over, mut under) = (0.0, 0.0);
    for (round, value) in values.iter().enumerate() {
        over += (round as f64 - middle) * (value - mean);
        under += (round as f64 - middle).powi(2);
    }
    if under > 0.0 { over / under } else { 0.0 }
}
