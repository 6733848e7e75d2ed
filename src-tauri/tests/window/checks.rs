//! Running checks: the first start, what is wrong, the reload, the abort, and the keyboard alone.

use serde_json::json;

use crate::desktop::{Window, journey, until};

/// Starts what the first screen offers and waits for the board.
async fn start(window: &Window) {
    window.press("Start rehearsal").await;
    window.reads("main", "Node expansion").await;
    window.reads("main", "elapsed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_click_on_the_first_start_leads_to_a_check_and_its_verdict() {
    journey("first-start", |_desktop, window| async move {
        start(&window).await;
        let verdict = window.reads("main", "criteria are met").await;
        assert!(verdict.contains("rehearsal"), "{verdict}");
        assert!(!verdict.contains("NO-GO"), "{verdict}");
        window
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_with_a_defect_is_no_go_and_names_what_is_wrong() {
    journey("no-go", |_desktop, window| async move {
        window.go("#/drills").await;
        // The first screen names drills too.
        window.reads("main h1", "Drills").await;
        window.reads("main", "Second generation").await;
        window
            .js("[...document.querySelectorAll('main tr')].find(row => row.innerText.includes('Second generation')).querySelector('button').click()")
            .await;
        window.reads("main", "criteria are not met").await;
        let verdict = window.reads("main", "NO-GO").await;
        window.reads("main", "auto_tune").await;
        assert!(!verdict.contains("criteria are met"), "{verdict}");
        window
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_in_the_middle_loses_nothing_and_an_abort_ends_without_a_verdict() {
    journey("reload-and-abort", |_desktop, window| async move {
        start(&window).await;
        window.reads("main", "Load").await;
        let before = window.reads("main", "L1").await;
        assert!(before.contains("Check 1"), "{before}");
        window.page.refresh().await.unwrap();
        window.listen().await;
        window.reads("main", "Check 1").await;
        window.reads("main", "Preflight").await;
        window.press("Abort").await;
        window.reads("dialog[open]", "Abort").await;
        window.press("Abort safely").await;
        let ended = window.reads("main", "NO VERDICT").await;
        assert!(!ended.contains("criteria are met"), "{ended}");
        window
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_check_goes_by_keyboard_alone() {
    journey("keyboard", |_desktop, window| async move {
        // Tab until the focus is on the wanted button; what has the focus must be seen to have it.
        focus(&window, "Start rehearsal").await;
        window.keys("\u{e007}").await;
        window.reads("main", "elapsed").await;
        window.reads("main", "criteria are met").await;
        focus(&window, "Export").await;
        window.keys("\u{e007}").await;
        window.reads("dialog[open]", "Markdown").await;
        window.keys("\u{e00c}").await;
        window.reads("main", "criteria are met").await;
        until("the dialog is closed", || async {
            window
                .js("return !document.querySelector('dialog[open]')")
                .await
                .as_bool()
                .filter(|closed| *closed)
        })
        .await;
        window
    })
    .await;
}

async fn focus(window: &Window, name: &str) {
    for _ in 0..80 {
        let named = window.js("return document.activeElement?.innerText ?? ''").await;
        if named.as_str().is_some_and(|text| text.trim().starts_with(name)) {
            let seen = window
                .js("const style = getComputedStyle(document.activeElement);
                     return style.outlineStyle !== 'none' || style.boxShadow !== 'none'")
                .await;
            assert_eq!(seen, json!(true), "the focus on {name} cannot be seen");
            return;
        }
        window.keys("\u{e004}").await;
    }
    panic!("no number of tabs leads to {name}");
}
