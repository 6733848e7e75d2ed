//! Bad input: one clear message with a remedy and an exit code, and nothing half-written.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{Rehearsal, holdpoint, text};

/// Runs a check of an environment file that differs from the rehearsal's, and answers with exit code and output.
fn check(environment: &Value, more: &[&str]) -> (i32, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("environment.json");
    std::fs::write(&file, environment.to_string()).unwrap();
    let output = holdpoint()
        .args(["check", "--out"])
        .arg(folder.path().join("out"))
        .arg("--environment")
        .arg(&file)
        .args(more)
        .output()
        .unwrap();
    (output.status.code().unwrap(), text(&output))
}

/// A server on this computer that answers everything with `answer`, for as long as the test lives.
fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().take(200) {
            let Ok(mut stream) = stream else { return };
            let mut request = [0_u8; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

const HTML: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 22\r\nconnection: close\r\n\r\n\
                    <html>not here</html>\n";

#[test]
fn wrong_configuration_is_said_before_any_load() {
    let rehearsal = Rehearsal::start("healthy");
    let good = rehearsal.json();
    let with = |pointer: &str, value: Value| {
        let mut changed = good.clone();
        *changed.pointer_mut(pointer).unwrap() = value;
        changed
    };
    let cases = [
        (
            "a rejected token",
            with("/secrets/railway_token", json!("11111111-2222-4333-8444-555555555555")),
            2,
            "Railway refused the token",
        ),
        (
            "a token of the wrong kind",
            with("/secrets/railway_token_kind", json!("account")),
            2,
            "refused the token",
        ),
        (
            "ids of another environment",
            with("/railway/environment_id", json!("11111111-2222-4333-8444-555555555555")),
            2,
            "you confirmed",
        ),
        (
            "an unknown service id",
            with("/railway/services/worker", json!("11111111-2222-4333-8444-555555555555")),
            2,
            "no such service id",
        ),
        ("a wrong password", with("/secrets/password", json!("wrong")), 2, "Login accepted"),
        ("a wrong ops key", with("/secrets/ops_key", json!("wrong")), 2, "ops key"),
        ("a wrong S3 key", with("/secrets/s3_secret_key", json!("wrong")), 2, "S3"),
        ("another environment", with("/expected_environment", json!("production")), 2, "calls itself"),
        (
            "an address with nothing behind it",
            with("/api_url", json!("http://127.0.0.1:9")),
            3,
            "nothing listens",
        ),
        ("HTML instead of the API", with("/api_url", json!(answering(HTML))), 2, "HTML instead of JSON"),
        ("an address that is none", with("/api_url", json!("not an address")), 2, "not an environment file"),
        ("plain http to a foreign host", with("/api_url", json!("http://example.org")), 2, "https://"),
        ("a foreign host in a rehearsal", with("/api_url", json!("https://example.org")), 2, "127.0.0.1"),
        (
            "a test that cannot run",
            {
                let mut changed = good.clone();
                changed["parameters"] = json!({"l1": {"rounds": 0}});
                changed
            },
            2,
            "l1.rounds must be at least 1",
        ),
        (
            "an unknown key",
            {
                let mut changed = good.clone();
                changed["api_ulr"] = json!("x");
                changed
            },
            2,
            "api_ulr",
        ),
    ];
    for (name, environment, expected, words) in cases {
        let (code, said) = check(&environment, &[]);
        assert_eq!(code, expected, "{name}: {said}");
        assert!(said.contains(words), "{name}: {words:?} is not said in: {said}");
        assert!(!said.contains("Verdict: GO"), "{name}");
        assert!(!said.contains("panicked"), "{name}: {said}");
    }
}

#[test]
fn what_looks_like_production_is_restarted_only_when_its_name_was_typed() {
    let rehearsal = Rehearsal::start("healthy");
    let mut environment = rehearsal.json();
    let token = environment["secrets"]["railway_token"].as_str().unwrap().to_owned();
    environment.as_object_mut().unwrap().remove("secrets");
    // As a saved environment of staging, whose Railway environment is called production as the recorded one's.
    environment["kind"] = json!("staging");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("environment.json");
    std::fs::write(&file, environment.to_string()).unwrap();
    let run = |command: &[&str], more: &[&str]| {
        let output = holdpoint()
            .args(command)
            .arg("--environment")
            .arg(&file)
            .args(more)
            .current_dir(folder.path())
            .env("RAILWAY_TOKEN", &token)
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
            .output()
            .unwrap();
        (output.status.code().unwrap(), text(&output))
    };
    let check = ["check", "--test", "C1"];
    let (code, said) = run(&check, &["--confirm-restarts"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("it is the primary environment of its project"), "{said}");
    assert!(said.contains("confirm with --confirm production"), "{said}");
    let (code, said) = run(&check, &["--confirm", "staging", "--out", "typed-wrong"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("\"staging\" was typed") && said.contains("--confirm production"), "{said}");
    let (_, said) = run(&check, &["--confirm", "production", "--out", "typed-right"]);
    let journal = std::fs::read_to_string(folder.path().join("typed-right/journal.ndjson")).unwrap();
    assert!(journal.contains("production, typed by a person"), "{said}");
    // By hand it is no other.
    let (code, said) = run(&["services", "restart", "web"], &["--yes"]);
    assert!(code == 2 && said.contains("type production to confirm"), "{said}");
    assert_eq!(rehearsal.restarts_asked(), 0);
    let (_, said) = run(&["services", "restart", "web"], &["--yes", "--confirm", "production"]);
    assert!(said.contains("accepted the restart of Web"), "{said}");
    assert_eq!(rehearsal.restarts_asked(), 1);
    // An environment cannot be on its own deny-list.
    environment["railway"]["deny"] = json!([environment["railway"]["environment_id"]]);
    std::fs::write(&file, environment.to_string()).unwrap();
    let (code, said) = run(&check, &["--confirm", "production"]);
    assert!(code == 2 && said.contains("railway.deny"), "{said}");
}

#[test]
fn without_evidence_keys_there_is_no_go() {
    let rehearsal = Rehearsal::start("healthy");
    let mut environment = rehearsal.json();
    environment["secrets"]["s3_access_key"] = json!("nobody");
    let (code, said) = check(&environment, &["--verify-only"]);
    assert_eq!(code, 2, "{said}");
}

#[test]
fn an_output_folder_that_cannot_be_used_is_said_before_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let output = holdpoint().args(["check", "--rehearse", "--out"]).arg(&file).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("--out"), "{}", text(&output));
    let used = folder.path().join("used");
    std::fs::create_dir(&used).unwrap();
    std::fs::write(used.join("journal.ndjson"), "kept").unwrap();
    let output = holdpoint().args(["check", "--rehearse", "--out"]).arg(&used).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(std::fs::read_to_string(used.join("journal.ndjson")).unwrap(), "kept");
}

#[test]
fn real_chaos_can_be_required_and_wrong_usage_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let output = holdpoint()
            .args(arguments)
            .current_dir(folder.path())
            .env("HOLDPOINT_CONFIG_DIR", folder.path())
            .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere")
            .output()
            .unwrap();
        (output.status.code().unwrap(), text(&output))
    };
    let (code, said) = run(&["check", "--require-real-chaos"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("no Railway token is set") && said.contains("keychain"), "{said}");
    assert_eq!(run(&["check", "--all", "--load-only"]).0, 2);
    assert_eq!(run(&["check", "--test", "L9"]).0, 2);
    assert_eq!(run(&["check", "--environment", "nowhere"]).0, 2);
    assert_eq!(run(&["services", "restart", "worker"]).0, 2);
    let (code, said) = run(&["token", "import", "--file", "/nowhere/config.json"]);
    assert_eq!(code, 2);
    assert!(said.contains("/nowhere/config.json"), "{said}");
}

fn report(path: &Path) -> (i32, String) {
    let output = holdpoint().args(["report", "show"]).arg(path).output().unwrap();
    (output.status.code().unwrap(), text(&output))
}

#[test]
fn files_that_are_no_results_are_refused_and_recorded_ones_are_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    for (name, content) in [
        ("empty.json", ""),
        ("cut.json", "{\"environment\": {"),
        ("html.json", "<html></html>"),
        ("foreign.json", "{\"hello\": 1}"),
        ("list.json", "[]"),
        ("journal.ndjson", "{\"seq\": 0}\n"),
    ] {
        let (code, said) = report(&write(name, content));
        assert_eq!(code, 2, "{name}: {said}");
        assert!(said.contains(name), "{name}: {said}");
    }
    assert_eq!(report(&folder.path().join("missing.json")).0, 2);
    let test = |status: &str, details: Value| json!({"status": status, "success_count": 5, "fail_count": 0, "p95_ms": 1.0, "details": details});
    let mut old = json!({
        "environment": {"api_url": "https://x.example/<script>alert(1)</script>"}, "test_started_at": "2026-01-10",
        "load_tests": {"L1": test("PASS", json!({}))},
        "chaos_tests": {"C1": test("PASS", json!({"service_restarted": false, "restart_method": "simulated"}))},
        "rep_integrity_results": [{"is_valid": true, "rep_path": "s3://b/smoke-tests/x.txt"}],
        "bucket_isolation_verified": true, "overall_status": "PASS", "all_run_ids": [], "stuck_runs_count": 0,
    });
    let (code, said) = report(&write("original.json", &old.to_string()));
    assert_eq!(code, 0);
    assert!(said.starts_with("# NO VERDICT"), "{said}");
    assert!(
        said.contains("original runner") && said.contains("health probes") && !said.contains("<script>"),
        "{said}"
    );
    old["llm_canary"] = json!({});
    old["chaos_tests"]["C1"]["details"] =
        json!({"boot_id_changed": true, "before_boot_id": "a", "after_boot_id": "b"});
    let (_, said) = report(&write("successor.json", &old.to_string()));
    assert!(said.contains("successor runner") && said.contains("a worker restart"), "{said}");
}
