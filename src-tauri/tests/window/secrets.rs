//! A token: set in the window, kept by the real keychain, used, and nowhere to be read.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::desktop::{Desktop, journey};

/// A rehearsal that stands for staging; it ends with its standard input.
struct Staging {
    child: Child,
    folder: tempfile::TempDir,
}

impl Staging {
    fn start(desktop: &Desktop) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = desktop
            .program("holdpoint-rehearsal")
            .args(["up", "--profile", "healthy", "--state"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("holdpoint_environment"), "{line}");
        Self { child, folder }
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_kept_across_a_restart_and_is_nowhere_to_be_read() {
    journey("token", |desktop, window| async move {
        let staging = Staging::start(&desktop);
        let file = staging.folder.path().join("environment.json");
        let environment: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let token = environment["secrets"]["railway_token"].as_str().unwrap().to_owned();
        let saved =
            desktop.terminal().args(["environment", "set", "staging", "--file"]).arg(&file).output().unwrap();
        assert!(saved.status.success(), "{}", String::from_utf8_lossy(&saved.stderr));

        window.page.refresh().await.unwrap();
        window.listen().await;
        window.go("#/environments/staging").await;
        window.press("Set Railway token").await;
        window.keys(&format!("{token}\u{e007}")).await;
        let row = "li:has([data-there=true])";
        window.reads(row, "in the system keychain").await;
        window.close().await;

        let window = desktop.open(&[]).await;
        window.go("#/environments/staging").await;
        let kept = window.reads(row, "in the system keychain").await;
        assert!(kept.contains("Railway token"), "{kept}");

        // The token is used: preflight asks Railway with it, and the check records what was asked.
        let started = window
            .js("return window.__TAURI_INTERNALS__.invoke('start_check', { draft: {
                    environment: 'staging', drill: null, tests: ['BUCKET'], parameters: null, simulate: false, confirmed: [] } })
                 .then(() => 'started', problem => JSON.stringify(problem))")
            .await;
        assert_eq!(started, "started");
        window.page.refresh().await.unwrap();
        window.listen().await;
        window.go("#/check").await;
        window.reads("main", "NO VERDICT").await;

        let html = window.page.source().await.unwrap();
        assert!(!html.contains(&token), "the token is in the page");
        let fields = window.js("return [...document.querySelectorAll('input')].map(field => field.value).join()").await;
        assert!(!fields.to_string().contains(&token), "the token is in a field");
        let files = desktop.files();
        assert!(files.iter().any(|file| file.ends_with("journal.ndjson")), "{files:?}");
        for file in files {
            let content = std::fs::read(&file).unwrap();
            let there = content.windows(token.len()).any(|part| part == token.as_bytes());
            assert!(!there, "the token is in {}", file.display());
        }
        window
    })
    .await;
}
