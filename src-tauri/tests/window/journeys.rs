//! What people do.

use crate::desktop::journey;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_window_opens() {
    journey("opens", &[], |_desktop, window| async move {
        window.close().await;
    })
    .await;
}
