//! What assistive technology finds on every screen of the real window.

use serde_json::json;

use crate::desktop::{Window, journey};

const AXE: &str = include_str!("../../../ui/node_modules/axe-core/axe.min.js");

async fn has_no_violation(window: &Window, screen: &str) {
    window.js(AXE).await;
    let found = window
        .js("return axe.run(document, { resultTypes: ['violations'] }).then(found =>
                 found.violations.map(one => one.id + ': ' + one.nodes.map(node => node.html.slice(0, 200) + ' ' + node.failureSummary).join(' | ')))")
        .await;
    assert_eq!(found, json!([]), "{screen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_screen_violates_a_rule_of_accessibility_in_either_theme() {
    journey("access", |desktop, window| async move {
        has_no_violation(&window, "welcome").await;
        window.press("Start rehearsal").await;
        window.reads("main", "elapsed").await;
        has_no_violation(&window, "live").await;
        window.press("Abort").await;
        window.reads("dialog[open]", "Abort").await;
        has_no_violation(&window, "abort").await;
        window.press("Keep running").await;
        window.reads("main", "All 54 criteria are met").await;
        drop(desktop);
        for theme in ["light", "dark"] {
            window.js(&format!("document.documentElement.dataset.theme = '{theme}'")).await;
            for (place, words) in [
                ("#/verdict/1", "All 54 criteria are met"),
                ("#/report/1", "Criteria"),
                ("#/report/1/timeline", "Latency"),
                ("#/report/1/tests", "Node expansion"),
                ("#/report/1/rep", "run"),
                ("#/report/1/evidence", "Preflight"),
                ("#/report/1/journal", "line"),
                ("#/check", "Preflight"),
                ("#/history", "rehearsal"),
                ("#/services", "Worker"),
                ("#/environments", "rehearsal"),
                ("#/drills", "Second generation"),
                ("#/settings", "Theme"),
            ] {
                window.go(place).await;
                window.reads("main", words).await;
                has_no_violation(&window, &format!("{place} in {theme}")).await;
            }
        }
        window
    })
    .await;
}
