//! Two checks side by side, since the last GO, over time, and what a release saw.

use std::path::Path;
use std::time::Duration;

use holdpoint_load::Histogram;
use serde_json::{Value, json};

use crate::access::violations;
use crate::desktop::{Desktop, journey};

/// A check of the rehearsal that is kept since a day, its node expansions slowed by a factor.
fn keep(desktop: &Desktop, number: u32, factor: f64) {
    let recorded = include_str!("../../crates/check/tests/journals/healthy.ndjson");
    let lines = recorded.lines().map(|line| {
        let mut event: Value = serde_json::from_str(line).unwrap();
        let at = event["at"].as_str().unwrap();
        event["at"] = json!(format!("2026-02-{number:02}{}", &at[10..]));
        if event["event"] == "check_started" {
            event["check_id"] = json!(format!("check-{number}"));
        }
        if event["event"] == "api_observed" {
            event["version"] = json!(format!("1.{number}.0"));
        }
        if event["event"] == "measured" && event["kind"] == "expand" {
            let old = Histogram::from_text(event["record"]["latency"].as_str().unwrap()).unwrap();
            let mut slow = Histogram::new();
            for (millis, count) in old.counts() {
                (0..count).for_each(|_| slow.record(Duration::from_secs_f64(millis * factor / 1000.0)));
            }
            event["record"]["latency"] = json!(slow.to_text());
        }
        format!("{event}\n")
    });
    let folder = desktop.home.path().join(format!("holdpoint/checks/{number:04}-20260201-120000"));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("journal.ndjson"), lines.collect::<String>()).unwrap();
}

/// The rehearsal is in hand.
fn choose(home: &Path) {
    let config = home.join("config");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("window.json"), r#"{"environment": "rehearsal"}"#).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checks_are_compared_and_seen_over_time() {
    journey("compare", |desktop, window| async move {
        window.close().await;
        choose(desktop.home.path());
        for (number, factor) in [(1, 1.0), (2, 1.0), (3, 1.5)] {
            keep(&desktop, number, factor);
        }
        let window = desktop.open(&[]).await;
        let mut found = Vec::new();

        // From the history: two rows, then C.
        window.go("#/history").await;
        window.reads("main", "Node expansion latency").await;
        window.press("Select check 3 to compare").await;
        window.press("Select check 2 to compare").await;
        window.press("Compare 2 and 3").await;
        let compared = window.reads("main", "Figures").await;
        assert!(compared.contains("L1 Node expansion got slower"), "{compared}");
        assert!(compared.contains("slower") && compared.contains("no real change"), "{compared}");
        window.reads("main", "by percentile").await;
        found.extend(violations(&window, "compare").await);

        // The same build twice has no real change, and swapping turns slower into faster.
        window.go("#/compare/2/1").await;
        window.reads("main", "No real change").await;
        window.go("#/compare/2/3").await;
        window.reads("main", "got faster").await;

        window.go("#/since").await;
        let since = window.reads("main", "the last GO").await;
        assert!(since.contains("1.2.0") && since.contains("1.3.0"), "{since}");
        window.go("#/compare/3/median:2").await;
        window.reads("main", "the median of check 2, check 1").await;

        window.go("#/trends").await;
        let trends = window.reads("main", "Figures over time").await;
        assert!(trends.contains("L1 expand, P95") && trends.contains("3 GO"), "{trends}");
        found.extend(violations(&window, "trends").await);

        window.go("#/coverage").await;
        let coverage = window.reads("main", "Postgres restart").await;
        assert!(coverage.contains("version 1.3.0") && coverage.contains("no test"), "{coverage}");
        found.extend(violations(&window, "coverage").await);
        assert!(found.is_empty(), "{}", found.join("\n"));
        window
    })
    .await;
}
