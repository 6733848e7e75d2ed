//! `holdpoint load`: who gets load, what is said, and the exit codes.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::Value;
use support::{holdpoint, text};

/// A server on this computer that answers everything with `answer`, for as long as the test lives.
fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut request = [0_u8; 4096];
                while stream.read(&mut request).is_ok_and(|count| count > 0)
                    && stream.write_all(answer.as_bytes()).is_ok()
                {}
            });
        }
    });
    url
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const BAD: &str = "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n";

/// Runs `holdpoint load` with a configuration of its own, and answers with exit code and output.
fn load(words: &[&str]) -> (i32, String) {
    let configuration = tempfile::tempdir().unwrap();
    let output = holdpoint()
        .env("HOLDPOINT_CONFIG_DIR", configuration.path())
        .arg("load")
        .args(words)
        .output()
        .unwrap();
    (output.status.code().unwrap(), text(&output))
}

#[test]
fn the_exit_code_is_the_judgement() {
    let (good, bad) = (answering(OK), answering(BAD));
    let all = ["--rounds", "20x4", "--threshold", "failures<=0", "--threshold", "GET /: p95<60s"];
    let (code, said) = load(&[&[good.as_str()], &all[..]].concat());
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("planned 80 = sent 80 + refused 0"), "{said}");
    let (code, said) = load(&[&[bad.as_str()], &all[..]].concat());
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("status_500 × 80") && said.contains("NOT MET"), "{said}");
    // Nothing answered and nothing was demanded: that is measured, and proves nothing.
    let (code, said) = load(&[bad.as_str(), "--rounds", "5x2"]);
    assert_eq!(code, 3, "{said}");
    // Ten good answers are too few to tell of a P95 or of a share.
    for threshold in ["p95<60s", "failures<1%", "GET /: p99<60s"] {
        let (code, said) = load(&[good.as_str(), "--rounds", "5x2", "--threshold", threshold]);
        assert_eq!(code, 4, "{threshold}: {said}");
        assert!(said.contains("too few to tell") && said.contains("are needed"), "{said}");
    }
}

#[test]
fn wrong_usage_is_said_before_anything_is_sent() {
    let url = answering(OK);
    let cases: [(&[&str], &str); 13] = [
        (&[], "required"),
        (&["--rate", "0"], "nothing would be sent"),
        (&["--rate", "NaN"], "must lie between"),
        (&["--users", "0"], "number of users"),
        (&["--rounds", "20"], "rounds are written"),
        (&["--rate", "5", "--duration", "0s"], "duration"),
        (&["--rate", "5", "--threshold", "p95"], "is no criterion"),
        (&["--rate", "5", "--threshold", "expand: p95<1s"], "it sends GET /"),
        (&["--rate", "5", "--header", "Authorization: Bearer x"], "--header-file"),
        (&["--rate", "5", "--connections", "0"], "number in flight"),
        (&["--users", "5", "--connections", "5"], "cannot be used with"),
        (&["--rate", "5", "--connections", "5", "--engine", "locust"], "belong to one computer"),
        (&["--rate", "5", "--find-limit"], "needs at least one --threshold"),
    ];
    for (words, expected) in cases {
        let (code, said) = load(&[&[url.as_str()], words].concat());
        assert_eq!(code, 2, "{words:?}: {said}");
        assert!(said.contains(expected), "{words:?}: {said}");
    }
}

#[test]
fn only_who_is_named_gets_load() {
    let (code, said) = load(&["https://somebody.invalid/", "--rounds", "1x1"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("--i-may-load somebody.invalid"), "{said}");
    let (code, said) =
        load(&["https://somebody.invalid/", "--rounds", "1x1", "--i-may-load", "another.invalid"]);
    assert_eq!(code, 2, "{said}");
    // Another origin than the first never gets what was meant for it.
    let (one, other) = (answering(OK), answering(OK));
    let (code, said) = load(&[one.as_str(), other.as_str(), "--rounds", "1x1"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("one load goes to one origin"), "{said}");
}

#[test]
fn what_was_recorded_can_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (json, log) = (folder.path().join("load.json"), folder.path().join("load.hlog"));
    let url = answering(OK);
    let (code, said) = load(&[
        url.as_str(),
        "--rate",
        "100",
        "--duration",
        "1s",
        "--json",
        json.to_str().unwrap(),
        "--hdr-log",
        log.to_str().unwrap(),
    ]);
    assert_eq!(code, 0, "{said}");
    let value: Value = serde_json::from_str(&std::fs::read_to_string(json).unwrap()).unwrap();
    let record = &value["result"]["operations"]["GET /"];
    assert_eq!((record["planned"].as_u64(), record["ok"].as_u64()), (Some(100), Some(100)));
    assert_eq!(value["judgement"]["state"], "met");
    assert_eq!((value["holdpoint_load"].as_u64(), value["kinds"][0].as_str()), (Some(1), Some("GET /")));
    let log = std::fs::read_to_string(log).unwrap();
    assert!(log.contains("Tag=GET_/,0.000,1.000,"), "{log}");
}

#[test]
fn a_bound_of_connections_is_kept_and_is_part_of_the_record() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("load.json");
    let url = answering(OK);
    let (code, said) = load(&[
        url.as_str(),
        "--rate",
        "200",
        "--duration",
        "1s",
        "--connections",
        "2",
        "--json",
        json.to_str().unwrap(),
    ]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("200 a second for 1 s, at most 2 connections"), "{said}");
    assert!(said.contains("planned 200 = sent 200 + refused 0"), "{said}");
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    assert!(kept.to_string().contains(r#""at_cap":"wait""#), "{kept}");
}

#[test]
fn the_limit_of_a_server_that_always_answers_lies_higher_than_tried() {
    let url = answering(OK);
    let words = [
        "--rate",
        "20",
        "--up-to",
        "40",
        "--duration",
        "300ms",
        "--find-limit",
        "--threshold",
        "failures<=0",
    ];
    let (code, said) = load(&[&[url.as_str()], &words[..]].concat());
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("holds up to 40.0 a second, the highest rate that was tried"), "{said}");
}

#[test]
fn operations_of_the_api_go_through_the_login_of_a_named_environment() {
    let rehearsal = support::Rehearsal::start("healthy");
    let environment = rehearsal.environment.to_str().unwrap();
    let words = ["--operation", "expand,health", "--rounds", "5x2", "--threshold", "failures<=0"];
    let (code, said) = load(&[&words[..], &["--environment", environment]].concat());
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("expand") && said.contains("planned 10 = sent 10"), "{said}");
    let (code, said) = load(&words);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("--environment"), "{said}");
}
