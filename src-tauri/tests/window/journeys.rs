//! What people do.

use crate::desktop::journey;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_click_on_the_first_start_leads_to_a_running_check_and_its_verdict() {
    journey("first-start", &[], |_desktop, window| async move {
        window.press("Start rehearsal").await;
        window.reads("main", "Abort").await;
        let verdict = window.reads("main", "All 54 criteria are met").await;
        assert!(verdict.contains("GO") && verdict.contains("rehearsal"), "{verdict}");
        assert!(!verdict.contains("NO-GO"), "{verdict}");
        window.close().await;
    })
    .await;
}
