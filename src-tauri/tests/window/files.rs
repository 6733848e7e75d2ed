//! Files from outside and files to hand on.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::desktop::{Desktop, Window, journey};

/// A results file of the first runner; `word` stands in every string field.
fn original(word: &str) -> Value {
    let test = |id: &str| {
        json!({
            "test_id": format!("{id}-{word}"), "test_name": format!("{id}: {word}"), "start_time": "2026-02-03T04:05:06+00:00",
            "end_time": "2026-02-03T04:06:06+00:00", "duration_ms": 60_000.0, "status": "PASS", "success_count": 7,
            "fail_count": 0, "error_codes": [word], "p50_ms": 12.5, "p95_ms": 40.25, "queue_backlog_peak": 0,
            "bucket_failures": 0, "details": { "note": word, "service_restarted": true }
        })
    };
    json!({
        "environment": {
            "api_url": format!("http://127.0.0.1/{word}"), "web_url": word, "minio_url": word, "bucket": word,
            "railway_project_id": word
        },
        "test_started_at": "2026-02-03T04:05:06+00:00", "test_completed_at": "2026-02-03T04:09:06+00:00",
        "total_duration_seconds": 240.0,
        "load_tests": { "L1": test("L1"), "L2": test("L2"), "L3": test("L3") },
        "chaos_tests": { "C1": test("C1"), "C2": test("C2"), "C3": test("C3") },
        "all_run_ids": [word], "bucket_isolation_verified": true, "rep_consistency_rate": 1.0,
        "overall_status": "PASS", "issues": [word], "recommendations": [word]
    })
}

fn successor(word: &str) -> Value {
    let mut file = original(word);
    if let Some(fields) = file.as_object_mut() {
        fields.insert("llm_canary".to_owned(), json!({ "status": word }));
    }
    file
}

fn write(desktop: &Desktop, name: &str, content: &Value) -> PathBuf {
    let path = desktop.home.path().join(name);
    std::fs::write(&path, content.to_string()).unwrap();
    path
}

async fn open(desktop: &Desktop, file: &Path) -> Window {
    desktop.open(&[file.to_str().unwrap()]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_recorded_formats_are_explained_and_never_believed() {
    journey("recorded", |desktop, window| async move {
        window.close().await;
        for (name, file) in [("original", original("plain")), ("successor", successor("plain"))] {
            let window = open(&desktop, &write(&desktop, &format!("{name}.json"), &file)).await;
            let shown = window.reads("main", "probe health endpoints").await;
            assert!(shown.to_uppercase().contains("NO VERDICT"), "{name}: {shown}");
            window.close().await;
        }
        let window =
            open(&desktop, &write(&desktop, "not-one.json", &json!({ "name": "something else" }))).await;
        window.reads("body", "not a results file").await;
        window
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn script_in_every_field_of_a_file_stays_text() {
    journey("hostile", |desktop, window| async move {
        window.close().await;
        let hostile = "<img src=x onerror='window.owned=1'><script>window.owned=1</script>";
        let mut window = open(&desktop, &write(&desktop, "hostile-0.json", &original(hostile))).await;
        for (turn, file) in [successor(hostile), original(&hostile.repeat(2_000))].iter().enumerate() {
            window.reads("main", "probe health endpoints").await;
            for tab in ["summary", "timeline", "tests", "rep", "evidence", "journal"] {
                window
                    .js(&format!(
                        "location.hash = location.hash.split('/').slice(0, 3).concat('{tab}').join('/')"
                    ))
                    .await;
                window.reads("main", "Check").await;
                assert_eq!(window.js("return window.owned ?? null").await, Value::Null, "a script ran");
                let alive = window
                    .js("return document.querySelectorAll('main img[onerror], main script').length")
                    .await;
                assert_eq!(alive, json!(0), "a field became an element");
            }
            assert_eq!(window.wrongs().await, json!([]));
            window.close().await;
            window = open(&desktop, &write(&desktop, &format!("hostile-{}.json", turn + 1), file)).await;
        }
        window.reads("main", "probe health endpoints").await;
        window
    })
    .await;
}

/// A check of a real rehearsal, as it lies in the archive before the window opens.
fn saved_check(desktop: &Desktop) -> PathBuf {
    let folder = desktop.home.path().join("holdpoint/checks/0001-20260131-140200");
    std::fs::create_dir_all(&folder).unwrap();
    let journal = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/check/tests/journals/healthy.ndjson");
    std::fs::copy(journal, folder.join("journal.ndjson")).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_signs_and_hands_the_check_on_in_every_format() {
    journey("sign-off", |desktop, window| async move {
        window.close().await;
        let check = saved_check(&desktop);
        let window = desktop.open(&[]).await;
        let made = window
            .js("return window.__TAURI_INTERNALS__.invoke('create_signing_key').then(key => key.public, problem => JSON.stringify(problem))")
            .await;
        let public = made.as_str().unwrap().to_owned();
        assert!(public.starts_with("-----BEGIN PUBLIC KEY-----"), "{public}");
        window.go("#/verdict/1").await;
        window.press("Hold despite GO").await;
        for (label, text) in [("Name", "Mira Okafor"), ("Role", "release manager"), ("Note", "A freeze until Monday.")] {
            window
                .js(&format!(
                    "[...document.querySelectorAll('section[aria-label=Sign-off] label')]
                        .find(one => one.innerText.startsWith('{label}'))?.click();"
                ))
                .await;
            window.keys(text).await;
        }
        window.press("Sign: hold").await;
        let signed = window.reads("section[aria-label=Sign-off]", "against the verdict").await;
        assert!(signed.contains("Mira Okafor, release manager") && signed.contains("GO [rehearsal]"), "{signed}");

        window.press("Export").await;
        window.reads("dialog[open]", "Holdpoint bundle").await;
        window
            .js("document.querySelectorAll('dialog[open] input[type=checkbox]').forEach(one => one.checked || one.click())")
            .await;
        window
            .js("[...document.querySelectorAll('dialog[open] button')].find(one => one.innerText.trim() === 'Export').click()")
            .await;
        let written = window.reads("dialog[open]", "written").await;
        window.press("Done").await;
        let reports = desktop.home.path().join("holdpoint/reports");
        for ending in [".md", "-short.md", ".html", ".json", "-junit.xml", "-intervals.csv", ".hlog", ".holdpoint"] {
            let there = desktop.files().into_iter().any(|file| {
                file.starts_with(&reports) && file.to_str().is_some_and(|name| name.ends_with(ending))
            });
            assert!(there, "{ending} is missing: {written}");
        }

        // The terminal says the same of the folder and of the bundle, by the public key alone.
        let key = desktop.home.path().join("key.pem");
        std::fs::write(&key, public).unwrap();
        let bundle = desktop.files().into_iter().find(|file| file.extension().is_some_and(|kind| kind == "holdpoint"));
        for what in [check.clone(), bundle.clone().unwrap()] {
            let verified =
                desktop.terminal().args(["report", "verify"]).arg(&what).arg("--key").arg(&key).output().unwrap();
            let said = String::from_utf8_lossy(&verified.stdout).into_owned();
            assert!(verified.status.success() && said.contains("signed as it is"), "{}: {said}", what.display());
        }

        // Somebody who does not have the check opens the bundle.
        window.close().await;
        std::fs::remove_dir_all(&check).unwrap();
        let window = open(&desktop, &bundle.unwrap()).await;
        window.reads("main", "GO").await;
        let opened = window.reads("section[aria-label=Sign-off]", "against the verdict").await;
        assert!(opened.contains("A freeze until Monday."), "{opened}");
        window
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_window_exports_what_the_terminal_exports() {
    journey("export", |desktop, window| async move {
        let started = window
            .js("return window.__TAURI_INTERNALS__.invoke('start_check', { draft: {
                    environment: 'rehearsal', drill: null, tests: ['BUCKET'], parameters: null, simulate: false, confirmed: [] } })
                 .then(() => 'started', problem => JSON.stringify(problem))")
            .await;
        assert_eq!(started, "started");
        window.page.refresh().await.unwrap();
        window.listen().await;
        window.reads("main", "criteria of this part are met").await;
        window.go("#/report/1").await;
        window.press("Export").await;
        window.reads("dialog[open]", "JSON results").await;
        window.js("document.querySelector('dialog[open] input[value=markdown]').click()").await;
        window
            .js("[...document.querySelectorAll('dialog[open] button')].find(one => one.innerText.trim() === 'Export').click()")
            .await;
        window.reads("dialog[open]", "written").await;
        window.press("Done").await;

        let reports = desktop.home.path().join("holdpoint/reports");
        let report = desktop.files().into_iter().find(|file| {
            file.starts_with(&reports) && file.extension().is_some_and(|kind| kind == "md")
        });
        let report = report.unwrap();
        let check = desktop.files().into_iter().find(|file| file.ends_with("journal.ndjson")).unwrap();
        let to = desktop.home.path().join("again");
        let name = report.file_stem().unwrap();
        let again = desktop
            .terminal()
            .args(["report", "export"])
            .arg(check.parent().unwrap())
            .arg("--to")
            .arg(&to)
            .arg("--name")
            .arg(name)
            .output()
            .unwrap();
        assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
        let ours = std::fs::read_to_string(&report).unwrap();
        assert_eq!(ours, std::fs::read_to_string(to.join(report.file_name().unwrap())).unwrap());
        assert!(ours.starts_with("# NO VERDICT, BUCKET only"), "{ours}");
        window
    })
    .await;
}
