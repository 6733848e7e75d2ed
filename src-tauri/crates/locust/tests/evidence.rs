//! Evidence of a real load (`tests/recorded`, two workers of Locust), and what each way of spoiling it is called. The
//! spoilt file is sealed anew, so that what is found is the fault itself and not the broken seal.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

use holdpoint_load::{Capacity, FORMAT, FitnessLimits, State, Threshold, Wanted, judge};
use holdpoint_locust::{Gathered, Package, Sinks, gather};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded")
}

fn package() -> Package {
    Package::open(&folder()).unwrap()
}

fn recorded() -> String {
    std::fs::read_to_string(folder().join("evidence.ndjson")).unwrap()
}

fn digest(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// The lines without their seal.
fn lines() -> Vec<Value> {
    let mut lines: Vec<Value> = recorded().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.pop().unwrap().get("seal").is_some());
    lines
}

fn sealed(lines: &[Value]) -> String {
    let text = lines.iter().map(|line| format!("{line}\n")).collect::<Vec<_>>().concat();
    format!("{text}{}\n", json!({"seal": {"lines": lines.len(), "sha256": digest(&text)}}))
}

fn read(text: &str) -> Gathered {
    gather(&package(), text.as_bytes(), Sinks::default()).unwrap()
}

fn state(gathered: &Gathered) -> State {
    let thresholds: Vec<Threshold> = vec!["p95<10s".parse().unwrap(), "failures<=0".parse().unwrap()];
    judge(&gathered.result, &thresholds, &FitnessLimits::default()).state
}

/// The places of the reports of a worker, in order.
fn reports(lines: &[Value], worker: u64) -> Vec<usize> {
    let of = |line: &Value| {
        let body: Value = serde_json::from_str(line["report"]["body"].as_str()?).ok()?;
        (body["worker"] == worker).then_some(())
    };
    (0..lines.len()).filter(|place| of(&lines[*place]).is_some()).collect()
}

/// Changes what stands in a report, as a worker would have sent it.
fn rewrite(line: &mut Value, change: impl FnOnce(&mut Value)) {
    let mut body: Value = serde_json::from_str(line["report"]["body"].as_str().unwrap()).unwrap();
    change(&mut body);
    let body = body.to_string();
    line["report"]["sha256"] = digest(&body).into();
    line["report"]["body"] = body.into();
}

/// Spoils the evidence, and sees that it decides nothing and that the doubt is told in these words.
fn spoilt(spoil: impl FnOnce(&mut Vec<Value>), words: &[&str]) {
    let mut lines = lines();
    spoil(&mut lines);
    let gathered = read(&sealed(&lines));
    assert_eq!(state(&gathered), State::NotProven, "{:?}", gathered.result.doubts);
    let doubts = &gathered.result.doubts;
    assert!(
        doubts.iter().any(|doubt| words.iter().all(|word| doubt.contains(word))),
        "{words:?}: {doubts:#?}"
    );
    can_be_opened_again(gathered);
}

/// What was measured is kept as a document, whatever became of the evidence; reading one checks that it is possible.
fn can_be_opened_again(gathered: Gathered) {
    let kept = Capacity {
        holdpoint_load: FORMAT,
        holdpoint: String::new(),
        environment: None,
        origin: String::new(),
        kinds: gathered.result.kinds.clone(),
        wanted: Wanted::Load(package().plan().load.clone()),
        thresholds: vec!["p95<10s".into()],
        started_unix_ms: 0,
        took_s: None,
        figures: None,
        judgement: None,
        limit: None,
        left: Vec::new(),
        result: Some(gathered.result),
    };
    assert_eq!(kept.checked().unwrap().judgement.unwrap().state, State::NotProven);
}

#[test]
fn evidence_without_any_one_of_its_reports_can_be_opened_and_proves_nothing() {
    let all = lines();
    for place in (0..2).flat_map(|worker| reports(&all, worker)) {
        spoilt(|lines| drop(lines.remove(place)), &["missing"]);
    }
}

#[test]
fn what_a_fleet_reported_is_the_whole_load() {
    let gathered = read(&recorded());
    assert!(gathered.result.doubts.is_empty(), "{:?}", gathered.result.doubts);
    assert_eq!(state(&gathered), State::Met);
    let total = gathered.result.total();
    let expected = package().plan().expected(2).unwrap();
    assert_eq!(total.planned, expected.iter().flatten().sum::<u64>());
    assert_eq!(
        (total.ok, total.latency.len(), total.lag.len()),
        (total.planned, total.planned, total.planned)
    );
    assert_eq!(gathered.result.seconds.iter().map(|second| second.ok).sum::<u64>(), total.ok);
    assert_eq!(gathered.result.fleet.as_ref().unwrap().workers.len(), 2);
    assert!(
        gathered
            .result
            .fleet
            .as_ref()
            .unwrap()
            .workers
            .iter()
            .all(|worker| worker.clock_uncertainty_ms.unwrap() < 100.0)
    );
    assert_eq!(gathered.result.fleet.as_ref().unwrap().summary.unwrap().requests, total.ok);
    assert_eq!(gathered.ledger.entries().len() as u64, total.sent);
}

#[test]
fn each_fault_of_a_report_is_told_with_the_name_of_its_worker() {
    spoilt(
        |lines| drop(lines.remove(reports(lines, 1)[1])),
        &["worker 1 (", "1 reports of it are missing, report 1"],
    );
    spoilt(
        |lines| drop(lines.remove(*reports(lines, 0).last().unwrap())),
        &["worker 0 (", "its last report is missing"],
    );
    spoilt(
        |lines| {
            let place = reports(lines, 1)[1];
            lines.insert(place + 1, lines[place].clone());
        },
        &["worker 1 (", "report 1 of it came twice"],
    );
    spoilt(
        |lines| {
            let places = reports(lines, 0);
            lines.swap(places[0], places[1]);
        },
        &["worker 0 (", "report 0 of it came after report 1"],
    );
    spoilt(
        |lines| {
            let place = reports(lines, 1)[0];
            let at = lines[place]["report"]["at"].as_f64().unwrap();
            lines[place]["report"]["at"] = json!(at + 12.0);
        },
        &["worker 1 (", "report 0 of it came", "late"],
    );
    spoilt(
        |lines| {
            let place = reports(lines, 0)[1];
            let mut twin = lines[place].clone();
            rewrite(&mut twin, |body| body["step"] = json!(2));
            lines.insert(place + 1, twin);
        },
        &["worker 0 (", "two unlike reports of it have the number 1"],
    );
    // One bit, within a histogram.
    spoilt(
        |lines| {
            let place = reports(lines, 1)[1];
            let body = lines[place]["report"]["body"].as_str().unwrap();
            let at = body.find("latency").unwrap() + 80;
            let mut bytes = body.as_bytes().to_vec();
            bytes[at] ^= 1;
            lines[place]["report"]["body"] = String::from_utf8(bytes).unwrap().into();
        },
        &["worker 1 (", "damaged", "its digest is another"],
    );
    spoilt(
        |lines| {
            let place = reports(lines, 1)[0];
            rewrite(&mut lines[place], |body| body["plan"] = json!("0".repeat(64)));
        },
        &["worker 1 (", "of another plan"],
    );
    spoilt(
        |lines| {
            let place = reports(lines, 1)[0];
            rewrite(&mut lines[place], |body| body["worker"] = json!(0));
        },
        &["worker 1 (", "reports as worker 0, which it is not"],
    );
    spoilt(
        |lines| {
            let place = *reports(lines, 0).last().unwrap();
            rewrite(&mut lines[place], |body| {
                let sent = body["kinds"][0]["sent"].as_u64().unwrap();
                body["kinds"][0]["sent"] = json!(sent + 1);
            });
        },
        &["worker 0 (", "do not add up"],
    );
    // Everything adds up, and it is not what the plan gave it.
    spoilt(
        |lines| {
            let place = *reports(lines, 0).last().unwrap();
            rewrite(&mut lines[place], |body| {
                for name in ["planned", "refused"] {
                    let count = body["kinds"][0][name].as_u64().unwrap();
                    body["kinds"][0][name] = json!(count + 1);
                }
            });
        },
        &["worker 0 (", "were its share"],
    );
    spoilt(
        |lines| {
            let place = *reports(lines, 0).last().unwrap();
            let other = reports(lines, 1)[0];
            let theirs: Value =
                serde_json::from_str(lines[other]["report"]["body"].as_str().unwrap()).unwrap();
            rewrite(&mut lines[place], |body| {
                body["ledger"].as_array_mut().unwrap().push(theirs["ledger"][0].clone());
            });
        },
        &["worker 0 (", "is listed twice"],
    );
}

/// What Locust calls a worker.
fn of(lines: &[Value], worker: u64) -> Value {
    lines[reports(lines, worker)[0]]["report"]["from"].clone()
}

/// Changes the questions for the time of day that worker 1 answered, by their place.
fn clocks(change: impl Fn(usize, &mut Value)) -> impl FnOnce(&mut Vec<Value>) {
    move |lines| {
        let from = of(lines, 1);
        let own = lines.iter_mut().filter(|line| line["clock"]["from"] == from);
        own.enumerate().for_each(|(place, line)| change(place, &mut line["clock"]));
    }
}

#[test]
fn each_fault_of_a_worker_is_told_with_its_name() {
    let add = |clock: &mut Value, name: &str, seconds: f64| {
        clock[name] = json!(clock[name].as_f64().unwrap() + seconds);
    };
    spoilt(clocks(|_, clock| add(clock, "answered", 5.0)), &["worker 1 (", "its clock is", "ms off"]);
    spoilt(clocks(|_, clock| add(clock, "received", 2.0)), &["worker 1 (", "is not known better than"]);
    spoilt(
        clocks(|place, clock| add(clock, "answered", if place < 7 { 0.0 } else { 0.7 })),
        &["worker 1 (", "its clock moved by"],
    );
    spoilt(
        |lines| {
            let from = of(lines, 0);
            lines.retain(|line| line["clock"]["from"] != from);
        },
        &["worker 0 (", "could not be compared"],
    );
    for (name, words) in [("plan", "it had another plan"), ("program", "it ran another locustfile")] {
        spoilt(
            |lines| {
                let from = of(lines, 0);
                let own = lines.iter_mut().find(|line| line["worker"]["from"] == from).unwrap();
                own["worker"][name] = "0".repeat(64).into();
            },
            &["worker 0 (", words],
        );
    }
    spoilt(
        |lines| {
            let from = of(lines, 1);
            let end = lines.len() - 1;
            lines.insert(end, json!({"left": {"from": from, "why": "it vanished", "at": 0}}));
        },
        &["worker 1 (", "it vanished"],
    );
    spoilt(
        |lines| {
            let from = of(lines, 1);
            lines.retain(|line| line["report"]["from"] != from);
        },
        &["no report of it came"],
    );
}

#[test]
fn evidence_that_is_cut_off_or_changed_decides_nothing() {
    let text = recorded();
    let lines: Vec<&str> = text.lines().collect();
    for count in 1..lines.len() {
        let gathered = read(&format!("{}\n", lines[..count].join("\n")));
        assert_eq!(state(&gathered), State::NotProven, "{count}");
    }
    let gathered = read(&text.replacen("\"requests\":", "\"requests\":1", 1));
    assert_eq!(state(&gathered), State::NotProven);
    assert!(gather(&package(), &b""[..], Sinks::default()).is_err());
    assert!(gather(&package(), &b"{\"a\": 1}\n"[..], Sinks::default()).is_err());
}

#[test]
fn evidence_of_another_plan_decides_nothing() {
    let mut plan = package().plan().clone();
    plan.tag = "another".into();
    let folder = tempfile::tempdir().unwrap();
    let other = Package::write(&folder.path().join("package"), &plan, None).unwrap();
    let gathered = gather(&other, recorded().as_bytes(), Sinks::default()).unwrap();
    assert_eq!(state(&gathered), State::NotProven);
    assert!(
        gathered.result.doubts[0].contains("the master had another plan"),
        "{:?}",
        gathered.result.doubts
    );
}

#[test]
fn the_log_and_the_ledgers_hold_every_operation() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let sinks = Sinks {
        log: Some(Box::new(std::fs::File::create(&log).unwrap())),
        ledgers: Some(folder.path().join("ledgers")),
        ..Sinks::default()
    };
    let gathered = gather(&package(), recorded().as_bytes(), sinks).unwrap();
    assert_eq!(gathered.result.log_problem, None);
    assert!(std::fs::read_to_string(log).unwrap().contains("Tag=GET_/,0.000,1.000,"));
    let mut ids = Vec::new();
    for worker in 0..2 {
        let text =
            std::fs::read_to_string(folder.path().join(format!("ledgers/worker-{worker}.jsonl"))).unwrap();
        let entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_worker: Vec<u64> = entries.map(|entry| entry["index"].as_u64().unwrap()).collect();
        assert!(of_worker.iter().all(|index| index % 2 == worker));
        ids.extend(of_worker);
    }
    ids.sort_unstable();
    assert_eq!(ids, (0..gathered.result.total().sent).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Counts of equal buckets add up in any order; that the order was another is a doubt all the same.
    #[test]
    fn the_sum_is_the_same_in_any_order(seed in any::<u64>()) {
        let mut lines = lines();
        let places: Vec<usize> = (0..lines.len()).filter(|place| lines[*place].get("report").is_some()).collect();
        let mut state = seed | 1;
        for (count, place) in places.iter().enumerate().skip(1) {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let other = usize::try_from((state >> 33) % (count as u64 + 1)).unwrap();
            lines.swap(*place, places[other]);
        }
        let (plain, mixed) = (read(&recorded()), read(&sealed(&lines)));
        prop_assert_eq!(plain.result.total(), mixed.result.total());
    }
}
