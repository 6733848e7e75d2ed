//! What assistive technology finds on every screen of the real window.

use crate::desktop::{Desktop, Window, journey, journey_on, until};

const AXE: &str = include_str!("../../../ui/node_modules/axe-core/axe.min.js");

/// Every screen after a check, and words that stand on it.
const SCREENS: [(&str, &str); 15] = [
    ("#/verdict/1", "criteria are met"),
    ("#/report/1", "Verdict and fix plan"),
    ("#/report/1/timeline", "Data as a table"),
    ("#/report/1/tests", "Node expansion"),
    ("#/report/1/evidence", "Preflight"),
    ("#/check", "Preflight"),
    ("#/history", "rehearsal"),
    ("#/since", "read GO here"),
    ("#/trends", "Figures over time"),
    ("#/coverage", "Load only"),
    ("#/services", "Worker"),
    ("#/environments", "rehearsal"),
    ("#/drills", "Second generation"),
    ("#/capacity", "Past capacity runs"),
    ("#/settings", "Theme"),
];

pub async fn violations(window: &Window, screen: &str) -> Vec<String> {
    window.js(AXE).await;
    // What still fades in is fainter than it will be.
    window
        .js("if (!window.still) {
                 window.still = new CSSStyleSheet();
                 window.still.replaceSync('*, *::before, *::after, *::backdrop { animation: none !important; transition: none !important }');
                 document.adoptedStyleSheets.push(window.still);
             }")
        .await;
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
            for (place, words) in SCREENS {
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

/// In the smallest window, with text twice as large, everything can be reached by scrolling down.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_text_twice_as_large_no_screen_is_wider_than_its_window() {
    journey_on("large-text", async || Desktop::with_text("2").await, |_desktop, window| async move {
        window.page.set_window_size(960, 640).await.unwrap();
        until("the window is small", || async {
            window.js("return innerWidth <= 480").await.as_bool().filter(|small| *small)
        })
        .await;
        let mut wide = Vec::new();
        let mut look = async |window: &Window, screen: &str| {
            let over = window
                .js("const page = document.documentElement;
                     const all = [...document.querySelectorAll('main, main h1, main .btn--primary, .rail a, dialog[open]')];
                     const over = all.map(one => [Math.round(one.getBoundingClientRect().right - innerWidth), one.outerHTML.slice(0, 80)]);
                     over.push([page.scrollWidth - page.clientWidth, 'the page']);
                     return over.filter(([over]) => over > 1).map(([over, what]) => `${over} px: ${what}`)")
                .await;
            let over: Vec<String> = serde_json::from_value(over).unwrap();
            wide.extend(over.into_iter().map(|over| format!("{screen}: {over}")));
        };
        look(&window, "welcome").await;
        // The driver points at where things are without the larger text.
        window
            .js("[...document.querySelectorAll('main button')].find(one => one.textContent.includes('Start rehearsal')).click()")
            .await;
        window.reads("main", "elapsed").await;
        look(&window, "live").await;
        window.reads("main", "criteria are met").await;
        for (place, words) in SCREENS {
            window.go(place).await;
            window.reads("main", words).await;
            look(&window, place).await;
        }
        assert!(wide.is_empty(), "{}", wide.join("\n"));
        window
    })
    .await;
}
