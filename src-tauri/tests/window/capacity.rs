//! Capacity: a load of the rehearsal from its start to its saved figures, opened again, and exported as the terminal does.

use std::path::PathBuf;

use serde_json::json;

use crate::access::violations;
use crate::desktop::{Window, journey, until};

/// Types into the field of a label.
async fn fill(window: &Window, label: &str, text: &str) {
    let script = format!(
        "const label = [...document.querySelectorAll('main label')].find(one => one.textContent.trim() === {});
         const field = document.getElementById(label?.htmlFor);
         if (!field) return false;
         field.value = {};
         field.dispatchEvent(new Event('input', {{ bubbles: true }}));
         return true;",
        json!(label),
        json!(text)
    );
    until(&format!("there is a field {label:?}"), || async {
        window.js(&script).await.as_bool().filter(|there| *there)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_is_measured_kept_opened_again_and_exported() {
    journey("capacity", |desktop, window| async move {
        let mut found = Vec::new();
        window.go("#/capacity").await;
        window.reads("main h1", "Capacity").await;
        window.press("Environment:").await;
        window.press("Built-in rehearsal").await;
        window.reads("main", "nothing leaves 127.0.0.1").await;
        window.reads("main", "No capacity runs yet").await;
        found.extend(violations(&window, "the next capacity run").await);
        fill(&window, "For how long", "6").await;
        fill(&window, "One a line", "p95<5s\nfailures<1%").await;
        window.reads("main", "at least 299 are needed").await;
        window.press("Start load").await;
        window.reads("main h1", "Capacity run 1").await;
        window.reads("main", "under way").await;
        found.extend(violations(&window, "a running load").await);
        let report = window.reads("main", "What the figures mean").await;
        assert!(report.contains("no GO and no NO-GO"), "{report}");
        assert!(report.contains("Too few to tell"), "{report}");
        assert!(report.contains("service time"), "{report}");
        for theme in ["light", "dark"] {
            window.js(&format!("document.documentElement.dataset.theme = '{theme}'")).await;
            found.extend(violations(&window, &format!("the figures in {theme}")).await);
        }

        window.press("New capacity run").await;
        window.reads("main", "Past capacity runs").await;
        window.press("Capacity: ").await;
        window.reads("main", "What the figures mean").await;
        window.press("Export").await;
        window.reads("dialog[open]", "HdrHistogram log").await;
        window
            .js("[...document.querySelectorAll('dialog[open] button')].find(one => one.innerText.trim() === 'Export').click()")
            .await;
        window.reads("dialog[open]", "written").await;
        window.press("Done").await;

        let file = |end: &str| -> PathBuf {
            let reports = desktop.home.path().join("holdpoint/reports");
            desktop.files().into_iter().find(|file| file.starts_with(&reports) && file.ends_with(end)).unwrap()
        };
        let kept = desktop.files().into_iter().find(|file| file.ends_with("capacity.json")).unwrap();
        let to = desktop.home.path().join("again");
        let again = desktop
            .terminal()
            .args(["report", "export"])
            .arg(&kept)
            .arg("--to")
            .arg(&to)
            .args(["--name", "capacity-1"])
            .output()
            .unwrap();
        assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
        for name in ["capacity-1.md", "capacity-1.json"] {
            let ours = std::fs::read_to_string(file(name)).unwrap();
            assert_eq!(ours, std::fs::read_to_string(to.join(name)).unwrap(), "{name}");
        }
        assert!(std::fs::read_to_string(file("capacity-1.hlog")).unwrap().contains("Tag=health"));

        // The same by workers of Locust.
        window.go("#/capacity").await;
        window.press("Locust on this computer").await;
        fill(&window, "Workers", "2").await;
        fill(&window, "For how long", "3").await;
        fill(&window, "One a line", "failures<=0").await;
        found.extend(violations(&window, "the choice of workers").await);
        window.press("Start load").await;
        window.reads("main h1", "Capacity run 2").await;
        window.reads("main", "workers of Locust on this computer").await;
        found.extend(violations(&window, "a load by workers").await);
        let report = window.reads("main", "What the figures mean").await;
        assert!(report.contains("sent by Locust") && report.contains("failures<=0"), "{report}");
        assert!(!report.contains("not to be relied on"), "{report}");
        let kept = |name: &str| desktop.files().into_iter().any(|file| file.ends_with(name));
        assert!(kept("package/plan.json") && kept("evidence.ndjson"));

        window.go("#/capacity").await;
        window.press("A Locust master that runs elsewhere").await;
        window.reads("main", "No secret is written into it").await;
        window.press("Join the master").await;
        window.reads("main", "Folder of the package").await;
        found.extend(violations(&window, "joining a master").await);
        assert!(found.is_empty(), "{}", found.join("\n"));
        window
    })
    .await;
}
