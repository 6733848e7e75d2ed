//! Processor time a request, memory, pacing, precision.

use std::fmt::Write as _;

use crate::peers::{Said, hey, oha, ours, wrk};
use crate::process::{Ran, Server};
use crate::report::{median, place, when_and_where};
use crate::{Options, server};

const SECONDS: u32 = 8;

type Engine<'a> = (&'a str, Box<dyn Fn(&str) -> (Ran, Said) + 'a>);

pub fn run(options: &Options) -> String {
    let repeats = if options.repeats == 0 { 5 } else { options.repeats };
    let mut text = format!("## Cost\n\n{}\n\n", when_and_where(options));
    http1(options, repeats, &mut text);
    http2(options, repeats, &mut text);
    memory(&mut text);
    pacing(options, &mut text);
    precision(&mut text);
    text
}

/// Runs the engines in turn, and answers with the median processor time a request of each, in microseconds.
fn interleaved(server: &str, engines: &[Engine<'_>], repeats: usize, text: &mut String) -> Vec<f64> {
    let mut cpu = vec![Vec::new(); engines.len()];
    let mut rate = vec![Vec::new(); engines.len()];
    let mut peak = vec![0.0_f64; engines.len()];
    for _ in 0..repeats {
        for (number, (name, run)) in engines.iter().enumerate() {
            let server = Server::start(server, "-");
            let (ran, said) = run(&server.url);
            server.end();
            let requests = said.requests.max(1) as f64;
            println!(
                "{name}: {} requests, {:.2} µs each, {:.0} MB",
                said.requests,
                ran.cpu.as_secs_f64() * 1e6 / requests,
                ran.peak_mb
            );
            cpu[number].push(ran.cpu.as_secs_f64() * 1e6 / requests);
            rate[number].push(requests / f64::from(SECONDS));
            peak[number] = peak[number].max(ran.peak_mb);
        }
    }
    text.push_str("| engine | client CPU µs/request, median (range) | requests/s, median | most memory MB |\n|---|---|---|---|\n");
    let mut medians = Vec::new();
    for (number, (name, _)) in engines.iter().enumerate() {
        let (middle, least, most) = median(&cpu[number]);
        let _ = writeln!(
            text,
            "| {name} | {middle:.2} ({least:.2} to {most:.2}) | {:.0} | {:.0} |",
            median(&rate[number]).0,
            peak[number]
        );
        medians.push(middle);
    }
    medians
}

fn goal(text: &mut String, what: &str, value: f64, limit: f64) {
    let met = match value {
        _ if !value.is_finite() => "not measured",
        _ if value <= limit => "met",
        _ => "missed",
    };
    let _ = writeln!(text, "Goal {what} ≤ {limit}: {value:.2}, **{met}**.");
}

fn http1(options: &Options, repeats: usize, text: &mut String) {
    let _ = writeln!(
        text,
        "### HTTP/1.1\n\nClosed loop, 50 kept connections, {SECONDS} s, interleaved, {repeats} times.\n"
    );
    let engines: [Engine<'_>; 4] = [
        ("**Holdpoint**, everything recorded", Box::new(|url| ours(url, &format!("users 50 {SECONDS}")))),
        ("oha", Box::new(|url| oha(options, url, &format!("-z {SECONDS}s -c 50")))),
        ("wrk", Box::new(|url| wrk(url, &format!("-t1 -c50 -d{SECONDS}s")))),
        ("hey", Box::new(|url| hey(url, &format!("-z {SECONDS}s -c 50 -cpus 1")))),
    ];
    let cpu = interleaved("plain", &engines, repeats, text);
    text.push('\n');
    goal(text, "CPU beside oha", cpu[0] / cpu[1], 0.8);
    goal(text, "CPU beside wrk", cpu[0] / cpu[2], 1.15);
}

fn http2(options: &Options, repeats: usize, text: &mut String) {
    let _ =
        writeln!(text, "\n### HTTP/2\n\nOne connection, 50 requests at once, {SECONDS} s, without TLS.\n");
    let engines: [Engine<'_>; 2] = [
        ("**Holdpoint**", Box::new(|url| ours(url, &format!("users 50 {SECONDS} http2")))),
        ("oha", Box::new(|url| oha(options, url, &format!("--http2 -z {SECONDS}s -c 1 -p 50")))),
    ];
    let cpu = interleaved("http2", &engines, repeats, text);
    text.push('\n');
    goal(text, "CPU beside oha", cpu[0] / cpu[1], 1.0);
}

fn memory(text: &mut String) {
    let server = Server::start("plain", "-");
    let (ran, said) = ours(&server.url, "users 50 120");
    server.end();
    let (from, to) = ran.memory;
    let grown = to - from;
    let _ = writeln!(
        text,
        "\n### Memory\n\n{:.2} million requests in 120 s: {from:.1} MB in use after 2 s, {to:.1} MB at the end.",
        said.requests as f64 / 1e6
    );
    goal(text, "growth in MB (of 10 million requests, or of as many as two minutes allow)", grown, 40.0);
}

fn pacing(options: &Options, text: &mut String) {
    text.push_str(
        "\n### Pacing\n\nError of the time between two arrivals as the server stamped them, in µs, over 10 s.\n\n\
         | requests/s | engine | arrived | P50 | P99 | P99.9 | own lag P99 |\n|---|---|---|---|---|---|---|\n",
    );
    let file = std::env::temp_dir().join(format!("holdpoint-stamps-{}", std::process::id()));
    let file = file.display().to_string();
    for rate in [100_u32, 1_000, 10_000] {
        for peer in [false, true] {
            let server = Server::start("stamp", &file);
            let (_, said) = if peer {
                oha(options, &server.url, &format!("-q {rate} -z 10s -c 50"))
            } else {
                ours(&server.url, &format!("rate {rate} 10"))
            };
            server.end();
            let mut stamps = server::noted(&file);
            stamps.sort_unstable();
            let gap = 1e6 / f64::from(rate);
            let mut errors: Vec<f64> =
                stamps.windows(2).map(|two| ((two[1] - two[0]) as f64 / 1000.0 - gap).abs()).collect();
            errors.sort_by(f64::total_cmp);
            let at = |per_mille| errors.get(place(errors.len(), per_mille)).copied().unwrap_or(f64::NAN);
            let lag = said.own["lag_p99"].as_f64().map_or("-".into(), |lag| format!("{:.0}", lag * 1000.0));
            let name = if peer { "oha" } else { "**Holdpoint**" };
            let _ = writeln!(
                text,
                "| {rate} | {name} | {} | {:.0} | {:.0} | {:.0} | {lag} |",
                stamps.len(),
                at(500),
                at(990),
                at(999)
            );
        }
    }
    // Slow enough for the server: of two that arrive within its own time for one it sees the second late.
    let server = Server::start("stamp", &file);
    ours(&server.url, "poisson 100 40");
    server.end();
    let mut stamps = server::noted(&file);
    stamps.sort_unstable();
    let mut gaps: Vec<f64> = stamps.windows(2).map(|two| (two[1] - two[0]) as f64 / 1e7).collect();
    gaps.sort_by(f64::total_cmp);
    let count = gaps.len() as f64;
    let distance = gaps
        .iter()
        .enumerate()
        .map(|(rank, gap)| {
            let expected = 1.0 - (-gap).exp();
            (expected - rank as f64 / count).abs().max(((rank as f64 + 1.0) / count - expected).abs())
        })
        .fold(0.0, f64::max);
    let _ = writeln!(text);
    goal(
        text,
        "Kolmogorov-Smirnov distance × √n of Poisson arrivals (100/s for 40 s, seed 7) as stamped by the server, bound at 1 %",
        distance * count.sqrt(),
        1.63,
    );
    let _ = std::fs::remove_file(&file);
}

fn precision(text: &mut String) {
    let file = std::env::temp_dir().join(format!("holdpoint-delays-{}", std::process::id()));
    let file = file.display().to_string();
    let server = Server::start("delays", &file);
    let (_, said) = ours(&server.url, "rate 100 40");
    server.end();
    let mut took = server::noted(&file);
    let _ = std::fs::remove_file(&file);
    took.sort_unstable();
    text.push_str(
        "\n### Precision\n\n100 requests/s for 40 s; the server waits 5 ms, each 100th time 253 ms, each 500th 1460 ms, and \
         notes how long it really took.\n\n| percentile | by the server's own log ms | reported ms | added ms |\n|---|---|---|---|\n",
    );
    for (name, key, per_mille) in [("P50", "p50", 500), ("P99.5", "p995", 995), ("P99.9", "p999", 999)] {
        let log = took.get(place(took.len(), per_mille)).map_or(f64::NAN, |nanos| *nanos as f64 / 1e6);
        let reported = said.own[key].as_f64().unwrap_or(f64::NAN);
        let _ = writeln!(text, "| {name} | {log:.2} | {reported:.2} | {:+.2} |", reported - log);
    }
}
