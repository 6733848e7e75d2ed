//! `holdpoint load --engine locust`, `export`, `join` and `judge`, with real workers of Locust.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{holdpoint, text};

/// One load at a time: two would measure each other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The folder of the environment of Python that all tests share.
fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("locust")
}

fn load(words: &[&str]) -> (i32, String) {
    let configuration = tempfile::tempdir().unwrap();
    let output = holdpoint()
        .env("HOLDPOINT_CONFIG_DIR", configuration.path())
        .env("HOLDPOINT_CACHE_DIR", cache())
        .arg("load")
        .args(words)
        .output()
        .unwrap();
    (output.status.code().unwrap(), text(&output))
}

/// A server that answers everything.
fn answering() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut request = [0_u8; 4096];
                while stream.read(&mut request).is_ok_and(|count| count > 0)
                    && stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_ok()
                {
                }
            });
        }
    });
    url
}

#[test]
fn a_load_by_workers_is_judged_like_any_other_and_can_be_judged_again() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (kept, json) = (folder.path().join("kept"), folder.path().join("load.json"));
    let url = answering();
    let secret = folder.path().join("headers");
    std::fs::write(&secret, "Authorization: Bearer hp-secret-token\n").unwrap();
    let ledger = folder.path().join("ledger");
    let (code, said) = load(&[
        &url,
        "--engine",
        "locust",
        "--rate",
        "50",
        "--duration",
        "2s",
        "--threshold",
        "failures<=0",
        "--header-file",
        secret.to_str().unwrap(),
        "--keep",
        kept.to_str().unwrap(),
        "--json",
        json.to_str().unwrap(),
        "--ledger",
        ledger.to_str().unwrap(),
    ]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("planned 100 = sent 100") && said.contains("Sent by Locust 2.47.0"), "{said}");
    assert!(said.contains("Locust's own summary"), "{said}");
    let value: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    assert_eq!(value["result"]["fleet"]["workers"].as_array().unwrap().len(), 2);
    assert_eq!(value["judgement"]["state"], "met");
    assert_eq!(std::fs::read_to_string(ledger.join("worker-1.jsonl")).unwrap().lines().count(), 50);
    // The secret went to the workers and into no file.
    for file in ["package/plan.json", "evidence.ndjson", "master.log", "worker-0.log"] {
        let text = std::fs::read_to_string(kept.join(file)).unwrap();
        assert!(!text.contains("hp-secret-token"), "{file}");
    }
    let (package, evidence) = (kept.join("package"), kept.join("evidence.ndjson"));
    let judge = || {
        let words = [Path::new("judge"), &package, &evidence];
        load(&[&words.map(|word| word.to_str().unwrap())[..], &["--threshold", "failures<=0"]].concat())
    };
    let (code, said) = judge();
    assert_eq!(code, 0, "{said}");
    let mut bytes = std::fs::read(&evidence).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&evidence, bytes).unwrap();
    let (code, said) = judge();
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("Load: not proven") && said.contains("is damaged"), "{said}");
}

#[test]
fn the_load_tests_of_the_runbook_run_on_workers() {
    let _alone = alone();
    let rehearsal = support::Rehearsal::start("healthy");
    let environment = rehearsal.environment.to_str().unwrap();
    for (test, expected) in [
        ("L1", "expand: every acknowledged write is stored once — 60 acknowledged, 0 lost, 0 stored twice"),
        ("L2", "planned 20 = sent 20"),
        ("L3", "planned 20 = sent 20"),
    ] {
        let (code, said) = load(&["--engine", "locust", "--test", test, "--environment", environment]);
        assert_eq!(code, 0, "{test}: {said}");
        assert!(said.contains(expected) && said.contains("Load: every criterion is met"), "{test}: {said}");
        assert!(said.contains("only in a check"), "{test}: {said}");
    }
}

#[test]
fn a_load_can_be_written_down_for_others() {
    let folder = tempfile::tempdir().unwrap();
    let (script, package) = (folder.path().join("load.js"), folder.path().join("package"));
    let words = ["export", "--k6", script.to_str().unwrap(), "--locust", package.to_str().unwrap()];
    let (code, said) = load(
        &[&words[..], &["http://127.0.0.1:9/a", "--rate", "20", "--duration", "1s", "--poisson", "3"]]
            .concat(),
    );
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("not judged by Holdpoint"), "{said}");
    assert!(std::fs::read_to_string(&script).unwrap().starts_with("// NOT JUDGED BY HOLDPOINT"));
    let check = Command::new("sh")
        .args(["-c", "cd \"$0\" && sha256sum --check --quiet SHA256SUMS"])
        .arg(&package)
        .status()
        .unwrap();
    assert!(check.success());
    // Never over something that is there, and no package of what was changed.
    let (code, said) =
        load(&["export", "--locust", package.to_str().unwrap(), "http://127.0.0.1:9/", "--rate", "1"]);
    assert_eq!(code, 2, "{said}");
    let plan = std::fs::read_to_string(package.join("plan.json")).unwrap();
    std::fs::write(package.join("plan.json"), plan.replace("20.0", "21.0")).unwrap();
    let (code, said) = load(&["judge", package.to_str().unwrap(), script.to_str().unwrap()]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("was changed since"), "{said}");
}

#[test]
fn what_locust_cannot_do_is_said_before_anything_is_made() {
    let url = answering();
    let cases: [(&[&str], &str); 6] = [
        (&[&url, "--engine", "locust", "--rate", "5", "--http2"], "no HTTP/2"),
        (
            &[&url, "--engine", "locust", "--rate", "5", "--find-limit", "--threshold", "p95<1s"],
            "--find-limit",
        ),
        (&["--engine", "locust", "--test", "C1", "--environment", "x"], ""),
        (&["--test", "L1", "--environment", "x"], "--engine locust"),
        (&[&url, "--rate", "5", "--ledger", "x"], "--engine locust"),
        (
            &["https://somebody.invalid/", "--engine", "locust", "--rate", "5"],
            "--i-may-load somebody.invalid",
        ),
    ];
    for (words, expected) in cases {
        let (code, said) = load(words);
        assert_eq!(code, 2, "{words:?}: {said}");
        assert!(said.contains(expected), "{words:?}: {said}");
    }
}

/// A process of Locust that a team runs; ends with its handle.
struct Process(Child);

impl Process {
    fn start(package: &Path, words: &[&str]) -> Self {
        let mut python =
            std::fs::read_dir(cache()).unwrap().flatten().map(|entry| entry.path().join("bin/python"));
        let python = python.find(|path| path.exists()).unwrap();
        let child = Command::new(python)
            .args(["-m", "locust", "--locustfile", "locustfile.py"])
            .args(words)
            .env("HOLDPOINT_LEAD_S", "1")
            .current_dir(package)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

#[test]
fn a_master_that_a_team_runs_is_joined_by_its_address() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let url = answering();
    let package = folder.path().join("package");
    let (code, said) =
        load(&["export", "--locust", package.to_str().unwrap(), &url, "--rate", "50", "--duration", "2s"]);
    assert_eq!(code, 0, "{said}");
    // This makes the environment that the processes below run in, where no test before did.
    let (code, said) = load(&[&url, "--engine", "locust", "--rounds", "2x1", "--workers", "1"]);
    assert_eq!(code, 0, "{said}");
    let (page, port) = (free_port(), free_port());
    let _master = Process::start(
        &package,
        &[
            "--master",
            "--web-host",
            "127.0.0.1",
            "--web-port",
            &page,
            "--master-bind-host",
            "127.0.0.1",
            "--master-bind-port",
            &port,
        ],
    );
    let worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", &port];
    let _workers = [Process::start(&package, &worker), Process::start(&package, &worker)];
    let address = format!("http://127.0.0.1:{page}");
    // Until both have connected.
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let ready = runtime.block_on(async {
            let answer = reqwest::get(format!("{address}/holdpoint")).await.ok()?;
            Some(answer.json::<Value>().await.ok()?["workers"] == 2)
        });
        if ready == Some(true) {
            break;
        }
        assert!(Instant::now() < until, "the workers did not connect");
        std::thread::sleep(Duration::from_millis(200));
    }
    let package = package.to_str().unwrap();
    let (code, said) = load(&["join", package, &address, "--threshold", "failures<=0"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("planned 100 = sent 100") && said.contains("worker 1 ("), "{said}");
    // Again with the same master, and not with another plan.
    let (code, said) = load(&["join", package, &address, "--threshold", "failures<=0"]);
    assert_eq!(code, 0, "{said}");
    let other = folder.path().join("other");
    let other = other.to_str().unwrap();
    load(&["export", "--locust", other, &url, "--rate", "51", "--duration", "2s"]);
    let (code, said) = load(&["join", other, &address]);
    assert_eq!(code, 3, "{said}");
    assert!(said.contains("the master has another plan"), "{said}");
}
