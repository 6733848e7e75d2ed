//! Real workers of Locust, from the package index, on this computer: the same plan as Holdpoint's own engine, and what
//! becomes of a load whose workers vanish or whose reports are tampered with on their way.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use holdpoint_load::http::{HttpLanes, Options, Target};
use holdpoint_load::plan::{Arrivals, Model, Plan, Stage};
use holdpoint_load::{FitnessLimits, Judgement, LoadResult, Order, State, Threshold, judge, start};
use holdpoint_locust::{FleetPlan, Gathered, Here, Package, Secrets, Sinks, Venv, gather, run_here};
use serde_json::Value;
use tokio::sync::watch;

/// One load at a time: two would measure each other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The environment that the product makes, made once for these tests.
fn venv() -> &'static Venv {
    static VENV: OnceLock<Venv> = OnceLock::new();
    VENV.get_or_init(|| Venv::ensure(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("locust"), |_| {}).unwrap())
}

/// How long the server takes for an answer.
const DELAY: Duration = Duration::from_millis(20);

/// A server that counts its requests.
fn server() -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let counted = Arc::clone(&counted);
            std::thread::spawn(move || answer(stream, &counted));
        }
    });
    (url, count)
}

fn answer(mut stream: TcpStream, counted: &AtomicU64) {
    let (mut seen, mut buffer) = (Vec::new(), [0_u8; 4096]);
    while let Ok(count) = stream.read(&mut buffer) {
        if count == 0 {
            return;
        }
        seen.extend_from_slice(&buffer[..count]);
        while let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
            seen.drain(..end + 4);
            counted.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(DELAY);
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err() {
                return;
            }
        }
    }
}

fn open(rate: f64, seconds: u64) -> Plan {
    let stages = vec![Stage::steady(rate, Duration::from_secs(seconds))];
    let plan = Plan::new(Model::Open { arrivals: Arrivals::Poisson { seed: 7 }, stages });
    Plan { drain: Duration::from_secs(5), ..plan }
}

fn fleet_plan(url: &str, load: Plan) -> FleetPlan {
    let urls = [url.parse().unwrap()];
    let mut plan = FleetPlan::of_urls(load, &urls, &Options::default(), 0, &mut Secrets::default()).unwrap();
    plan.ledger = true;
    plan
}

/// Sends a load by workers, and answers with what was gathered. `watching` sees the evidence as it grows.
fn send(
    plan: &FleetPlan,
    venv: &Venv,
    workers: u32,
    mut watching: impl FnMut(&Path, &watch::Sender<Order>),
) -> Gathered {
    let folder = tempfile::tempdir().unwrap();
    let package = Package::write(&folder.path().join("package"), plan, None).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (give, orders) = watch::channel(Order::Run);
    let secrets = Secrets::default();
    let here = Here { venv, workers, secrets: &secrets, folder: folder.path() };
    let expected = folder.path().join("evidence.ndjson");
    let evidence =
        runtime.block_on(run_here(&package, here, orders, |_| watching(&expected, &give))).unwrap();
    let file = std::io::BufReader::new(std::fs::File::open(evidence).unwrap());
    gather(&package, file, Sinks::default()).unwrap()
}

fn judged(result: &LoadResult) -> Judgement {
    let thresholds: Vec<Threshold> = vec!["failures<=0".parse().unwrap(), "p95<10s".parse().unwrap()];
    judge(result, &thresholds, &FitnessLimits::default())
}

fn alone_here(url: &str, plan: Plan) -> LoadResult {
    let target = Target::new(&[url.parse().unwrap()], Options::default()).unwrap();
    let kinds = target.names().to_vec();
    start(plan, kinds, &HttpLanes::new(target), None).unwrap().join()
}

/// A doubt that holds all these words.
fn doubted(gathered: &Gathered, words: &[&str]) {
    let doubts = &gathered.result.doubts;
    assert!(
        doubts.iter().any(|doubt| words.iter().all(|word| doubt.contains(word))),
        "{words:?}: {doubts:#?}"
    );
    assert_eq!(judged(&gathered.result).state, State::NotProven);
}

#[test]
fn the_same_plan_here_and_with_workers_agrees_within_the_measured_lag() {
    let _alone = alone();
    let (url, count) = server();
    let plan = open(100.0, 3);
    let own = alone_here(&url, plan.clone());
    let planned = own.total().planned;
    assert_eq!((count.swap(0, Ordering::SeqCst), own.total().ok), (planned, planned));
    for workers in [1, 2, 4] {
        let gathered = send(&fleet_plan(&url, plan.clone()), venv(), workers, |_, _| {});
        assert!(gathered.result.doubts.is_empty(), "{workers}: {:#?}", gathered.result.doubts);
        let total = gathered.result.total();
        assert_eq!((total.planned, total.ok), (planned, planned), "{workers}");
        assert_eq!(count.swap(0, Ordering::SeqCst), planned, "the server saw each once");
        assert_eq!(gathered.ledger.entries().len() as u64, planned);
        assert_eq!(judged(&gathered.result).state, State::Met, "{:?}", judged(&gathered.result));
        assert_eq!(gathered.result.fleet.as_ref().unwrap().workers.len(), workers as usize);
        // Of Locust's own figures the counts are exact.
        assert_eq!(gathered.result.fleet.as_ref().unwrap().summary.unwrap().requests, planned);
        for (ours, theirs) in [(&own.total().latency, &total.latency), (&own.total().service, &total.service)]
        {
            let lag = own.total().lag.max_ms().unwrap() + total.lag.max_ms().unwrap();
            let (ours, theirs) = (ours.quantile_ms(0.5).unwrap(), theirs.quantile_ms(0.5).unwrap());
            assert!((ours - theirs).abs() <= lag + 1.0, "{workers} workers: {ours} and {theirs}, lag {lag}");
        }
        let least = DELAY.as_secs_f64() * 1000.0;
        assert!(total.service.min_ms().unwrap() >= least && total.latency.min_ms().unwrap() >= least);
    }
}

#[test]
fn rounds_and_users_are_shared_among_workers() {
    let _alone = alone();
    let (url, count) = server();
    let rounds =
        Plan { drain: Duration::from_secs(5), ..Plan::new(Model::Rounds { concurrency: 5, rounds: 3 }) };
    let gathered = send(&fleet_plan(&url, rounds), venv(), 2, |_, _| {});
    assert!(gathered.result.doubts.is_empty(), "{:#?}", gathered.result.doubts);
    assert_eq!((gathered.result.total().ok, count.swap(0, Ordering::SeqCst)), (15, 15));
    let users = Model::Users { users: 3, think: Duration::from_millis(50), duration: Duration::from_secs(1) };
    let users = Plan { drain: Duration::from_secs(5), ..Plan::new(users) };
    let gathered = send(&fleet_plan(&url, users), venv(), 2, |_, _| {});
    assert!(gathered.result.doubts.is_empty(), "{:#?}", gathered.result.doubts);
    assert_eq!(gathered.result.total().ok, count.load(Ordering::SeqCst));
    assert!(gathered.result.fleet.as_ref().unwrap().workers.iter().all(|worker| worker.sent > 0));
}

/// The processes of workers, as they introduced themselves.
fn pids(evidence: &Path) -> Vec<u64> {
    let text = std::fs::read_to_string(evidence).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|line| line["worker"]["pid"].as_u64()).collect()
}

/// Whether anything was reported.
fn has_reports(evidence: &Path) -> bool {
    std::fs::read_to_string(evidence).unwrap_or_default().contains("{\"report\"")
}

#[test]
fn a_worker_that_is_killed_makes_it_no_verdict_with_its_name() {
    let _alone = alone();
    let (url, _) = server();
    let mut killed = None;
    // Its ending does not wait for the end of the plan. The other one has sent something by then.
    let gathered = send(&fleet_plan(&url, open(50.0, 60)), venv(), 2, |evidence, _| {
        if killed.is_none()
            && has_reports(evidence)
            && let Some(pid) = pids(evidence).first()
        {
            assert!(Command::new("sh").args(["-c", &format!("kill -9 {pid}")]).status().unwrap().success());
            killed = Some(*pid);
        }
    });
    let process = format!("process {}", killed.unwrap());
    doubted(&gathered, &["worker ", &process, "it vanished"]);
    doubted(&gathered, &["worker ", &process, "report"]);
    assert!(gathered.result.total().ok > 0, "what the other one did is shown");
}

#[test]
fn a_load_that_is_told_to_end_ends_and_says_so() {
    let _alone = alone();
    let (url, count) = server();
    let gathered = send(&fleet_plan(&url, open(50.0, 60)), venv(), 1, |evidence, give| {
        if has_reports(evidence) {
            give.send_replace(Order::Drain);
        }
    });
    assert!(gathered.result.doubts.is_empty(), "{:#?}", gathered.result.doubts);
    assert_eq!(gathered.result.ending, holdpoint_load::LoadEnding::Drained);
    let total = gathered.result.total();
    assert!(total.sent > 0);
    assert_eq!((total.sent, total.ok), (count.load(Ordering::SeqCst), total.sent));
    assert_eq!(judged(&gathered.result).state, State::NotProven);
}

/// An environment whose processes do something else first: `before` is shell, `with` a further file for Locust.
fn tampered(folder: &Path, before: &str, with: &str) -> Venv {
    let (python, further) = (folder.join("python"), folder.join("further.py"));
    std::fs::write(&further, with).unwrap();
    let script = format!(
        "#!/bin/sh\n{before}\nfor word in \"$@\"; do\n  [ \"$word\" = locustfile.py ] && word=locustfile.py,{}\n  \
         set -- \"$@\" \"$word\"; shift\ndone\nexec {} \"$@\"\n",
        further.display(),
        venv().python().display()
    );
    std::fs::write(&python, script).unwrap();
    std::fs::set_permissions(&python, std::fs::Permissions::from_mode(0o755)).unwrap();
    Venv::of_python(&python)
}

/// On the wire, below everything that Holdpoint wrote: worker 0 repeats a report, 1 sends two in the wrong order, of 2 one
/// bit is turned, and 3 loses one.
const TAMPER: &str = r#"
import json
from locust.rpc import zmqrpc

held = []

def send(self, message):
    def really(one):
        zmqrpc.BaseSocket.send(self, one)

    if message.type != "holdpoint_report":
        return really(message)
    body = json.loads(message.data["body"])
    if body["sequence"] != 1:
        really(message)
        while held:
            really(held.pop())
    elif body["worker"] == 0:
        really(message)
        really(message)
    elif body["worker"] == 1:
        held.append(message)
    elif body["worker"] == 2:
        text = bytearray(message.data["body"].encode())
        text[text.index(b"latency") + 80] ^= 1
        message.data["body"] = text.decode()
        really(message)

zmqrpc.Client.send = send
"#;

#[test]
fn reports_that_are_repeated_reordered_changed_or_lost_are_told_with_their_worker() {
    let _alone = alone();
    let (url, _) = server();
    let folder = tempfile::tempdir().unwrap();
    let gathered = send(&fleet_plan(&url, open(80.0, 3)), &tampered(folder.path(), "", TAMPER), 4, |_, _| {});
    doubted(&gathered, &["worker 0 (", "report 1 of it came twice"]);
    doubted(&gathered, &["worker 1 (", "report 1 of it came after report 2"]);
    doubted(&gathered, &["worker 2 (", "damaged", "its digest is another"]);
    doubted(&gathered, &["worker 3 (", "report 1 first"]);
}

/// One worker alone comes first to this folder.
const FIRST_WORKER: &str =
    r#"case "$*" in *--worker*) if mkdir "$FOLDER/first" 2>/dev/null; then $DO; fi;; esac"#;

fn for_one_worker(folder: &Path, action: &str) -> String {
    FIRST_WORKER.replace("$FOLDER", folder.to_str().unwrap()).replace("$DO", action)
}

#[test]
fn a_worker_with_another_plan_is_named_and_nothing_is_sent() {
    let _alone = alone();
    let (url, count) = server();
    let folder = tempfile::tempdir().unwrap();
    let other: PathBuf = folder.path().join("other");
    Package::write(&other, &fleet_plan(&url, open(51.0, 2)), None).unwrap();
    let before = for_one_worker(folder.path(), &format!("cd {}", other.display()));
    let gathered =
        send(&fleet_plan(&url, open(50.0, 2)), &tampered(folder.path(), &before, ""), 2, |_, _| {});
    doubted(&gathered, &["worker ", "it had another plan"]);
    assert_eq!(count.load(Ordering::SeqCst), 0);
}

#[test]
fn a_worker_whose_clock_is_off_is_named() {
    let _alone = alone();
    let (url, _) = server();
    let folder = tempfile::tempdir().unwrap();
    let wrong = "import os, time\nif os.environ.get('WRONG_CLOCK'):\n    real = time.time\n    time.time = lambda: real() + 7\n";
    let before = for_one_worker(folder.path(), "export WRONG_CLOCK=1");
    let gathered =
        send(&fleet_plan(&url, open(50.0, 1)), &tampered(folder.path(), &before, wrong), 2, |_, _| {});
    doubted(&gathered, &["worker ", "its clock is 7"]);
    // The start was corrected by what was measured, so the load itself is whole.
    assert_eq!(gathered.result.total().planned, fleet_plan(&url, open(50.0, 1)).expected(1).unwrap()[0][0]);
}

#[test]
fn the_arrivals_of_python_are_those_of_rust() {
    let folder = tempfile::tempdir().unwrap();
    let package = folder.path().join("package");
    Package::write(&package, &fleet_plan("http://127.0.0.1:1/", open(1.0, 1)), None).unwrap();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let output = Command::new(venv().python())
        .args([tests.join("vectors.py"), tests.join("vectors.json")])
        .current_dir(&package)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("are those of Rust"));
}
