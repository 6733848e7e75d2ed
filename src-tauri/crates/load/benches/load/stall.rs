//! A server frozen for two seconds: which engine sees it?

use std::fmt::Write as _;
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use crate::peers::{Said, hey, oha, ours, wrk};
use crate::process::{Ran, Server, signal};
use crate::server::noted;
use crate::{Options, report};

const RATE: f64 = 500.0;
const SECONDS: f64 = 20.0;
const STOP_AT: Duration = Duration::from_secs(8);
const STOP_FOR: Duration = Duration::from_secs(2);

/// One run: what the engine said, and how long the server was really frozen, by the clock of who froze it.
fn frozen(run: impl FnOnce(&str) -> (Ran, Said)) -> (Said, f64) {
    frozen_of(Server::start("plain", "-"), run)
}

fn frozen_of(server: Server, run: impl FnOnce(&str) -> (Ran, Said)) -> (Said, f64) {
    let id = server.id();
    let stopper = spawn(move || {
        sleep(STOP_AT);
        signal("STOP", id);
        let stopped = Instant::now();
        sleep(STOP_FOR);
        signal("CONT", id);
        stopped.elapsed().as_secs_f64()
    });
    let (_, said) = run(&server.url);
    server.end();
    (said, stopper.join().unwrap())
}

/// The same once more with a server that stamps what it reads. A server that goes on has a queue to work off, so its own
/// log is later than the stopper's clock; what the engine adds is what it reports beyond that log.
fn beside_the_log(text: &mut String) {
    let file = std::env::temp_dir().join(format!("holdpoint-thaw-{}", std::process::id()));
    let file = file.display().to_string();
    let (said, _) = frozen_of(Server::start("stamp", &file), |url| ours(url, "rate 500 20"));
    let mut stamps = noted(&file);
    let _ = std::fs::remove_file(&file);
    stamps.sort_unstable();
    // An arrival every two milliseconds; the one that waited least says when the first was due.
    let after_due: Vec<f64> = stamps
        .iter()
        .enumerate()
        .map(|(number, stamp)| *stamp as f64 / 1e6 - number as f64 * 1000.0 / RATE)
        .collect();
    let due = after_due.iter().copied().fold(f64::INFINITY, f64::min);
    let mut waited: Vec<f64> = after_due.iter().map(|late| late - due).collect();
    waited.sort_by(f64::total_cmp);
    text.push_str(
        "\nWhere the rest goes with a connection for every arrival: when the server goes on, it has a thousand connections to \
         accept before the last of them is read. Once more, beside the log of a server that notes when it read each request:\n\n\
         | percentile | by the server's own log ms | reported ms | added |\n|---|---|---|---|\n",
    );
    for (name, key, per_mille) in [("P95", "p95", 950), ("P99", "p99", 990), ("P99.9", "p999", 999)] {
        let log = waited.get(report::place(waited.len(), per_mille)).copied().unwrap_or(f64::NAN);
        let reported = said.own[key].as_f64().unwrap_or(f64::NAN);
        let _ = writeln!(
            text,
            "| {name} | {log:.1} | {reported:.1} | {:+.2} % |",
            (reported / log - 1.0) * 100.0
        );
    }
}

/// The percentile of the plan: an arrival within the stall waits for its end, all others for nothing.
fn truth(stall: f64, quantile: f64) -> f64 {
    ((stall - SECONDS * (1.0 - quantile)) * 1000.0).max(0.0)
}

/// Our engine, over all repeats.
struct Worst {
    /// Nothing that was planned is missing from the counts.
    exact: bool,
    /// How far the worst percentile of the worst run lies from the truth.
    off: f64,
    /// Whether every percentile of every run kept the goal.
    within: bool,
}

/// Repeats one of our own models, and shows its worst run.
fn worst_of(name: &str, model: &str, repeats: usize, text: &mut String) -> Worst {
    let mut worst = Worst { exact: true, off: 0.0, within: true };
    let mut shown = String::new();
    for number in 0..repeats {
        let (said, stall) = frozen(|url| ours(url, model));
        let own = &said.own;
        let count = |name: &str| own[name].as_u64().unwrap_or(0);
        worst.exact &= count("sent") + count("refused") == 10_000
            && count("ok") + count("failed") + count("abandoned") == count("sent");
        let mut off = 0.0_f64;
        for (name, lag, quantile) in
            [("p95", "lag_p95", 0.95), ("p99", "lag_p99", 0.99), ("p999", "lag_p999", 0.999)]
        {
            let (value, lag) = (own[name].as_f64().unwrap_or(0.0), own[lag].as_f64().unwrap_or(0.0));
            let expected = truth(stall, quantile);
            let error = (value - expected).abs();
            off = off.max(error / expected);
            worst.within &= error <= (expected * 0.01).max(3.0 * lag);
        }
        println!("{name}, run {}: {own}, frozen {stall:.3} s", number + 1);
        if shown.is_empty() || off > worst.off {
            worst.off = off;
            shown = line(name, &said, stall, judgement(off));
        }
    }
    text.push_str(&shown);
    worst
}

pub fn run(options: &Options) -> String {
    let repeats = if options.repeats == 0 { 5 } else { options.repeats };
    let mut text = format!(
        "## Stall\n\n{RATE} requests a second planned for {SECONDS} s, the server frozen from 8 s to 10 s (SIGSTOP, SIGCONT). The truth \
         of each run is that of the stopper's clock. Worst of {repeats} for the engines with a schedule, one run for the others. {}\n\n",
        report::when_and_where(options)
    );
    text.push_str("| engine | sent | P95 ms | P99 ms | P99.9 ms | off by (worst) | judgement |\n|---|---|---|---|---|---|---|\n");
    // Both ways to hold an open schedule: a new connection for every arrival that finds none free, as independent people
    // would open, and a bounded number of them, as the peers keep.
    let free = worst_of("**Holdpoint** `--rate 500`", "rate 500 20", repeats, &mut text);
    let bounded = worst_of(
        "**Holdpoint** `--rate 500 --connections 50`",
        "rate 500 20 connections 50",
        repeats,
        &mut text,
    );
    for (name, how) in [
        ("oha `-q 500 --latency-correction`", "-q 500 -z 20s -c 50 --latency-correction"),
        ("oha `-q 500`", "-q 500 -z 20s -c 50"),
    ] {
        let mut row: Option<(f64, String)> = None;
        for _ in 0..repeats {
            let (said, stall) = frozen(|url| oha(options, url, how));
            println!("{name}: {said:?}, frozen {stall:.3} s");
            let expected = truth(stall, 0.95);
            let off = (said.p95.unwrap_or(0.0) - expected).abs() / expected;
            let judgement = if said.requests == 0 { "did not run" } else { judgement(off) };
            if row.as_ref().is_none_or(|(known, _)| off > *known) {
                row = Some((off, line(name, &said, stall, judgement)));
            }
        }
        text.push_str(&row.unwrap().1);
    }
    let (said, stall) = frozen(|url| hey(url, "-z 20s -q 10 -c 50"));
    text.push_str(&line("hey `-q 10 -c 50`", &said, stall, "wrong, and sent fewer"));
    let (said, stall) = frozen(|url| wrk(url, "-t1 -c50 -d20s"));
    text.push_str(&line("wrk (closed, full speed)", &said, stall, "no schedule"));
    let word = |met: bool| if met { "met" } else { "missed" };
    let _ = write!(
        text,
        "\nGoals: sent + refused + in flight = planned exactly: **{}**. P95, P99 and P99.9 within 1 % or 3 × the measured schedule \
         lag, worst of {repeats}: **{}** with 50 connections (off by {:.2} %), **{}** with a connection for every arrival (off by \
         {:.2} %).\n",
        word(free.exact && bounded.exact),
        word(bounded.within),
        bounded.off * 100.0,
        word(free.within),
        free.off * 100.0
    );
    beside_the_log(&mut text);
    text
}

/// One word for all engines: how far the worst percentile that is looked at lies from the stopper's clock.
fn judgement(off: f64) -> &'static str {
    match off {
        off if off <= 0.01 => "right",
        off if off <= 0.05 => "near",
        _ => "wrong",
    }
}

fn line(name: &str, said: &Said, stall: f64, judgement: &str) -> String {
    let quantiles = [(said.p95, 0.95), (said.p99, 0.99), (said.p999, 0.999)];
    let shown = quantiles.map(|(value, quantile)| {
        value.map_or("-".into(), |value| format!("{value:.1} (true {:.0})", truth(stall, quantile)))
    });
    let off = quantiles
        .iter()
        .filter_map(|(value, quantile)| {
            Some((value.as_ref()? - truth(stall, *quantile)).abs() / truth(stall, *quantile))
        })
        .fold(0.0, f64::max);
    let sent = said.own["sent"].as_u64().unwrap_or(said.requests);
    format!("| {name} | {sent} | {} | {:.1} % | {judgement} |\n", shown.join(" | "), off * 100.0)
}
