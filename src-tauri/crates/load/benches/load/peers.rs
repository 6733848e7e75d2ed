//! Other load engines, and what they say.

use serde_json::Value;

use crate::Options;
use crate::process::{Ran, client, own};

/// Figures of one run of an engine, in milliseconds where it gives them.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub requests: u64,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
    pub p999: Option<f64>,
    /// Our own engine's record.
    pub own: Value,
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Our engine.
pub fn ours(url: &str, how: &str) -> (Ran, Said) {
    let ran = client(&own(), &words(&format!("send {url} {how}")));
    let own: Value = serde_json::from_str(&ran.output).unwrap();
    let at = |name: &str| own[name].as_f64();
    let said = Said {
        requests: own["ok"].as_u64().unwrap_or(0),
        p95: at("p95"),
        p99: at("p99"),
        p999: at("p999"),
        own,
    };
    (ran, said)
}

/// oha.
pub fn oha(options: &Options, url: &str, how: &str) -> (Ran, Said) {
    let ran = client(
        &options.oha.display().to_string(),
        &words(&format!("--no-tui --output-format json {how} {url}")),
    );
    let json: Value = serde_json::from_str(&ran.output).unwrap_or_default();
    let at = |name: &str| json["latencyPercentiles"][name].as_f64().map(|seconds| seconds * 1000.0);
    let statuses = json["statusCodeDistribution"].as_object();
    let requests = statuses.map_or(0, |all| all.values().filter_map(Value::as_u64).sum());
    let said = Said { requests, p95: at("p95"), p99: at("p99"), p999: at("p99.9"), own: Value::Null };
    (ran, said)
}

/// hey.
pub fn hey(url: &str, how: &str) -> (Ran, Said) {
    let ran = client("hey", &words(&format!("{how} {url}")));
    let line = |mark: &str| ran.output.lines().find(|line| line.trim_start().starts_with(mark));
    let at = |mark: &str| {
        line(mark)?.split_whitespace().nth(2)?.parse::<f64>().ok().map(|seconds| seconds * 1000.0)
    };
    let requests =
        line("[200]").and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or_default();
    let said = Said { requests, p95: at("95%"), p99: at("99%"), ..Said::default() };
    (ran, said)
}

/// wrk, which sends as fast as it can.
pub fn wrk(url: &str, how: &str) -> (Ran, Said) {
    let ran = client("wrk", &words(&format!("--latency {how} {url}")));
    let requests = ran
        .output
        .lines()
        .find(|line| line.contains(" requests in "))
        .and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or_default();
    let p99 = ran.output.lines().find_map(|line| line.trim().strip_prefix("99%")).and_then(|text| {
        let text = text.trim();
        let split = text.find(|one: char| one.is_alphabetic())?;
        let number: f64 = text[..split].parse().ok()?;
        Some(
            number
                * match &text[split..] {
                    "us" => 0.001,
                    "ms" => 1.0,
                    _ => 1000.0,
                },
        )
    });
    (ran, Said { requests, p99, ..Said::default() })
}
