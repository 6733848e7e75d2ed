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

use holdpoint_check::words::TestId;
use holdpoint_desk::Theme;
use holdpoint_desk::view::{
    ApiOperation, CapacityDraft, CapacityEngine, CapacityOrder, CapacityPhase, CapacityReport,
    CapacityTarget, CapacityVerdict, CapacityWorkers, PackageDraft,
};
use serde_json::Value;
use support::office::{Office, PATIENCE, rate};
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

/// A master with two workers, as a team runs it; answers with the address of its page.
fn master_with_two(package: &Path) -> (String, [Process; 3]) {
    let (page, port) = (free_port(), free_port());
    let master = ["--master", "--web-host", "127.0.0.1", "--web-port", &page];
    let bound = ["--master-bind-host", "127.0.0.1", "--master-bind-port", &port];
    let worker = ["--worker", "--master-host", "127.0.0.1", "--master-port", &port];
    let processes = [
        Process::start(package, &[&master[..], &bound].concat()),
        Process::start(package, &worker),
        Process::start(package, &worker),
    ];
    let address = format!("http://127.0.0.1:{page}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    while runtime.block_on(connected(&address)) != Some(2) {
        assert!(Instant::now() < until, "the workers did not connect");
        std::thread::sleep(Duration::from_millis(200));
    }
    (address, processes)
}

/// How many workers a master has.
async fn connected(address: &str) -> Option<u64> {
    let answer = reqwest::get(format!("{address}/holdpoint")).await.ok()?;
    answer.json::<Value>().await.ok()?["workers"].as_u64()
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
    let (address, _processes) = master_with_two(&package);
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

/// What the window does, without one.
fn at_a_desk(work: impl AsyncFnOnce(Office)) {
    let _alone = alone();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async { work(Office::with_cache(Some(cache())).await).await });
}

fn by_workers(draft: CapacityDraft, workers: f64) -> CapacityDraft {
    CapacityDraft { engine: CapacityEngine::Locust { workers }, ..draft }
}

fn of_package(office: &Office, package: &Path, master: Option<&str>) -> PackageDraft {
    PackageDraft {
        environment: "mirror".into(),
        package: package.display().to_string(),
        master: master.map(str::to_owned),
        thresholds: vec!["failures<=0".into()],
        confirmed: Some(office.origin.clone()),
    }
}

fn titles(report: &CapacityReport) -> Vec<&str> {
    report.tables.iter().map(|table| table.title.as_str()).collect()
}

#[test]
fn the_window_sends_a_test_of_the_runbook_by_workers_and_judges_its_evidence_again() {
    at_a_desk(async |office| {
        let draft = office.draft(&[], rate(1.0, 1.0), &["max<60s"]);
        let target = CapacityTarget::Test { test: TestId::L1 };
        let draft = by_workers(CapacityDraft { target, ..draft }, 2.0);
        let plan = office.desk.preview_capacity(&draft).unwrap();
        assert_eq!((plan.requests, &plan.problems), (Some(60), &Vec::new()));
        assert_eq!(plan.criteria, ["failures<=0", "p95<5000ms"]);
        assert!(plan.notes.iter().any(|note| note.contains("the audit of the graph")), "{plan:?}");
        let running = office.desk.start_capacity(&draft).await.unwrap();
        let messages = Office::watched(&running).await;
        let last = &messages.last().unwrap().state;
        assert_eq!((last.phase, last.saved, &last.problem), (CapacityPhase::Ended, true, &None));
        assert_eq!((last.planned, last.ok), (60, 60));
        assert_eq!(last.workers, Some(CapacityWorkers { count: 2, master: None }));
        let points: Vec<_> = messages.iter().flat_map(|message| &message.points).collect();
        assert_eq!(points.iter().map(|point| point.ok).sum::<u64>(), 60, "every answer is drawn once");
        assert!(points.iter().any(|point| point.p95_ms.is_some()), "latencies are drawn while it is sent");

        let report = office.desk.capacity_report(1, Theme::Light).unwrap();
        assert!(titles(&report).contains(&"Workers"), "{:?}", titles(&report));
        let judged: Vec<&str> = report.thresholds.iter().map(|one| one.threshold.as_str()).collect();
        let stored = "expand: every acknowledged write is stored once";
        assert_eq!(judged, ["failures<=0", "p95<5000ms", "max<60s", stored]);
        assert_eq!(report.summary.verdict, CapacityVerdict::Met, "{report:?}");
        assert!(report.has_log);
        let folder = office.folder_of(1);
        let secret = office.rehearsal.json()["secrets"]["password"].as_str().unwrap().to_owned();
        for file in ["package/plan.json", "evidence.ndjson", "master.log", "worker-1.log", "capacity.json"] {
            assert!(!std::fs::read_to_string(folder.join(file)).unwrap().contains(&secret), "{file}");
        }

        // The same evidence says the same, but for what was read back; one bit less says nothing.
        let package = of_package(&office, &folder.join("package"), None);
        let evidence = office.folder.path().join("brought.ndjson");
        std::fs::copy(folder.join("evidence.ndjson"), &evidence).unwrap();
        let again = office.desk.judge_evidence(&package, &evidence).unwrap();
        let judged = office.desk.capacity_report(again, Theme::Light).unwrap();
        assert_eq!((again, judged.summary.verdict), (2, CapacityVerdict::Met));
        assert_eq!(judged.summary.p95_ms, report.summary.p95_ms);
        let mut bytes = std::fs::read(&evidence).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&evidence, bytes).unwrap();
        let spoilt = office.desk.judge_evidence(&package, &evidence).unwrap();
        let spoilt = office.desk.capacity_report(spoilt, Theme::Light).unwrap();
        assert_eq!(spoilt.summary.verdict, CapacityVerdict::NotProven);
        assert!(spoilt.explained.iter().any(|text| text.contains("is damaged")), "{:?}", spoilt.explained);
        std::fs::write(&evidence, "{}").unwrap();
        let foreign = office.desk.judge_evidence(&package, &evidence).unwrap_err();
        assert_eq!(foreign.0.code, "locust.evidence.foreign");
        assert_eq!(office.desk.capacity_runs(0, 10).total, 3, "what is no evidence leaves nothing");
    });
}

#[test]
fn the_window_does_not_offer_what_a_master_cannot_and_keeps_what_was_drained() {
    at_a_desk(async |office| {
        let target = CapacityTarget::Url { url: "/health".into() };
        let draft = CapacityDraft { target, ..office.draft(&[], rate(50.0, 600.0), &["failures<=0"]) };
        let running = office.desk.start_capacity(&by_workers(draft.clone(), 1.0)).await.unwrap();
        let told = running.clone();
        let mut phases = Vec::new();
        let watching = running.watch(|live| {
            let state = live.state;
            if phases.last() != Some(&state.phase) {
                phases.push(state.phase);
            }
            if state.phase == CapacityPhase::Running && state.sent > 0 {
                told.order(CapacityOrder::Pause);
                told.order(CapacityOrder::Drain);
            }
            true
        });
        tokio::time::timeout(PATIENCE, watching).await.unwrap();
        assert!(!phases.contains(&CapacityPhase::Paused), "{phases:?}");
        let report = office.desk.capacity_report(1, Theme::Light).unwrap();
        assert_eq!(report.summary.ended, "drained");
        assert_eq!(report.summary.verdict, CapacityVerdict::NotProven);
        assert!(!report.unfit.iter().any(|why| why.contains("report")), "{report:?}");

        // Ended before anything was sent: at once, and nothing is kept.
        let running = office.desk.start_capacity(&by_workers(draft, 1.0)).await.unwrap();
        running.order(CapacityOrder::Abort);
        let messages = Office::watched(&running).await;
        let last = &messages.last().unwrap().state;
        assert_eq!(last.problem.as_ref().unwrap().code, "locust.here.stopped");
        assert_eq!((last.saved, office.desk.capacity_runs(0, 10).total), (false, 1));
    });
}

#[test]
fn the_window_writes_a_package_and_joins_the_master_that_has_it() {
    at_a_desk(async |office| {
        let target = CapacityTarget::Url { url: "/health".into() };
        let draft = CapacityDraft { target, ..office.draft(&[], rate(50.0, 2.0), &["p95<10s"]) };
        let into = office.folder.path();
        let package = office.desk.write_package(&draft, into).await.unwrap();
        assert_eq!(package, into.join("holdpoint-locust"));
        assert_eq!(office.desk.write_package(&draft, into).await.unwrap(), into.join("holdpoint-locust-2"));
        let script = office.desk.write_script(&draft, into).await.unwrap();
        assert!(std::fs::read_to_string(&script).unwrap().starts_with("// NOT JUDGED BY HOLDPOINT"));
        let operations = office.draft(&[ApiOperation::Health], rate(5.0, 1.0), &[]);
        assert!(office.desk.preview_capacity(&operations).unwrap().not_written.contains("Choose an address"));
        let refused = office.desk.write_package(&operations, into).await.unwrap_err();
        assert_eq!(refused.0.code, "capacity.not_written");

        // This makes the environment of Python where no test before did.
        let once = CapacityDraft { model: rate(20.0, 0.5), ..draft };
        Office::watched(&office.desk.start_capacity(&by_workers(once, 1.0)).await.unwrap()).await;
        let (address, processes) = tokio::task::block_in_place(|| {
            let package = package.clone();
            std::thread::spawn(move || master_with_two(&package)).join().unwrap()
        });
        let draft = of_package(&office, &package, Some(&address));
        let plan = office.desk.preview_package(&draft).unwrap();
        assert_eq!((plan.requests, plan.origin.as_str()), (Some(100), office.origin.as_str()));
        assert!(plan.consent_needed);
        let unasked = PackageDraft { confirmed: None, ..draft.clone() };
        let code = office.desk.join_master(&unasked, None).await.err().map(|error| error.0.code);
        assert_eq!(code.as_deref(), Some("capacity.not_confirmed"));
        let running = office.desk.join_master(&draft, Some("X-Login: hp-secret-token")).await.unwrap();
        let messages = Office::watched(&running).await;
        let last = &messages.last().unwrap().state;
        assert_eq!((last.saved, &last.problem), (true, &None));
        assert_eq!((last.ok, last.workers.as_ref().map(|workers| workers.count)), (100, Some(2)));
        let report = office.desk.capacity_report(running.number, Theme::Light).unwrap();
        assert_eq!(report.summary.verdict, CapacityVerdict::Met, "{report:?}");
        assert_eq!(report.summary.environment, "mirror");
        let folder = office.folder_of(running.number);
        assert!(folder.join("package/plan.json").is_file());
        for file in ["capacity.json", "evidence.ndjson", "package/plan.json"] {
            let text = std::fs::read_to_string(folder.join(file)).unwrap();
            assert!(!text.contains("hp-secret-token"), "{file}");
        }

        // Another package, and a master that is gone.
        let other = into.join("holdpoint-locust-2");
        let text = std::fs::read_to_string(other.join("plan.json")).unwrap();
        std::fs::write(other.join("plan.json"), text.replace("50.0", "51.0")).unwrap();
        let changed = office.desk.preview_package(&of_package(&office, &other, Some(&address))).unwrap();
        assert!(changed.problems[0].message.contains("was changed since"), "{changed:?}");
        drop(processes);
        let running = office.desk.join_master(&draft, None).await.unwrap();
        let messages = Office::watched(&running).await;
        let problem = messages.last().unwrap().state.problem.clone().unwrap();
        assert_eq!(problem.code, "locust.master.unreachable");
        assert_eq!(office.desk.capacity_runs(0, 10).total, 2, "what was never sent leaves nothing");
    });
}

#[test]
fn a_computer_without_what_locust_needs_says_so_and_nothing_hangs() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let file = tempfile::NamedTempFile::new().unwrap();
        let office = Office::with_cache(Some(file.path().to_owned())).await;
        let draft = office.draft(&[ApiOperation::Health], rate(5.0, 1.0), &[]);
        let running = office.desk.start_capacity(&by_workers(draft, 1.0)).await.unwrap();
        let messages = Office::watched(&running).await;
        let problem = messages.last().unwrap().state.problem.clone().unwrap();
        assert_eq!(problem.code, "locust.python.write");
        assert!(problem.remedy.contains("HOLDPOINT_CACHE_DIR"), "{problem:?}");
        assert_eq!(office.desk.capacity_runs(0, 10).total, 0);
    });
}
