//! What assistive technology finds on every screen of the real window.

use crate::desktop::{Window, journey};

const AXE: &str = include_str!("../../../ui/node_modules/axe-core/axe.min.js");

async fn violations(window: &Window, screen: &str) -> Vec<String> {
    window.js(AXE).await;
    let found = window
        .js("return axe.run(document, { resultTypes: ['violations'] }).then(found =>
                 found.violations.map(one => one.id + ': ' + one.nodes.map(node => node.html.slice(0, 200) + ' ' + node.failureSummary).join(' | ')))")
        .await;
    let found: Vec<String> = serde_json::from_value(found).unwrap();
    found.into_iter().map(|one| format!("{screen}: {one}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_screen_violates_a_rule_of_accessibility_in_either_theme() {
    journey("access", |_desktop, window| async move {
        let mut found = Vec::new();
        // What still fades in is fainter than it will be.
        window
            .js("const still = new CSSStyleSheet();
                 still.replaceSync('*, *::before, *::after, *::backdrop { animation: none !important; transition: none !important }');
                 document.adoptedStyleSheets.push(still);")
            .await;
        found.extend(violations(&window, "welcome").await);
        window.press("Start rehearsal").await;
        window.reads("main", "elapsed").await;
        found.extend(violations(&window, "live").await);
        window.press("Abort").await;
        window.reads("dialog[open]", "Abort").await;
        found.extend(violations(&window, "abort").await);
        window.press("Keep running").await;
        window.reads("main", "criteria are met").await;
        for theme in ["light", "dark"] {
            window.js(&format!("document.documentElement.dataset.theme = '{theme}'")).await;
            for (place, words) in [
                ("#/verdict/1", "criteria are met"),
                ("#/report/1", "Verdict and fix plan"),
                ("#/report/1/timeline", "Data as a table"),
                ("#/report/1/tests", "Node expansion"),
                ("#/report/1/evidence", "Preflight"),
                ("#/check", "Preflight"),
                ("#/history", "rehearsal"),
                ("#/services", "Worker"),
                ("#/environments", "rehearsal"),
                ("#/drills", "Second generation"),
                ("#/settings", "Theme"),
            ] {
                window.go(place).await;
                window.reads("main", words).await;
                found.extend(violations(&window, &format!("{place} in {theme}")).await);
            }
        }
        assert!(found.is_empty(), "{}", found.join("\n"));
        window
    })
    .await;
}
