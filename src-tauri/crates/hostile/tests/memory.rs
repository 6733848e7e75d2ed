//! What is huge is refused or read within fixed memory: the peak of this process is measured for each case.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test that shows its figures")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use holdpoint_agentverse::client::Timeouts;
use holdpoint_agentverse::evidence::{EvidenceFile, Expectation, Fetched, Limits, Pack, PackState, judge};
use holdpoint_agentverse::storage::Storage;
use holdpoint_agentverse::{Client, SecretString};
use holdpoint_check::journal;
use holdpoint_report::recorded::{self, ReadError};
use url::Url;

const MIB: u64 = 1024 * 1024;
const HUGE: u64 = 2048 * MIB;

/// How far the memory of this process rose while `work` ran, in MiB.
fn peak(name: &str, limit: u64, work: impl FnOnce()) {
    // The peak begins anew at what is in use now.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = status("VmRSS:");
    work();
    let rose = status("VmHWM:").saturating_sub(before) / 1024;
    println!("{name}: at most {rose} MiB");
    assert!(rose < limit, "{name} took {rose} MiB");
}

/// A figure of this process in KiB.
fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Answers one request with the head and then the same piece, until `HUGE` bytes are sent or the client has
/// had enough.
fn endless(status: u16, length: Option<u64>, piece: &'static str) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    std::thread::spawn(move || {
        if let Ok((mut stream, _)) = listener.accept() {
            let _ = stream.read(&mut [0; 4096]);
            let length = length.map_or_else(String::new, |bytes| format!("content-length: {bytes}\r\n"));
            let head = format!(
                "HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\nconnection: close\r\n{length}\r\n"
            );
            let _ = stream.write_all(head.as_bytes());
            let block = piece.repeat(64 * 1024 / piece.len());
            let mut sent = 0;
            while sent < HUGE && stream.write_all(block.as_bytes()).is_ok() {
                sent += block.len() as u64;
            }
        }
    });
    url
}

#[test]
fn what_is_huge_is_refused_or_read_within_fixed_memory() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sparse = |name: &str| {
        let path = folder.path().join(name);
        File::create(&path).unwrap().set_len(HUGE).unwrap();
        path
    };

    let results = sparse("step3_results.json");
    peak("a results file of 2 GiB", 8, || {
        assert!(matches!(recorded::read(&results), Err(ReadError::TooLarge(_))));
    });
    let journal_file = sparse("journal.ndjson");
    peak("a journal of 2 GiB", 8, || assert!(journal::read(&journal_file).is_err()));

    // As large as is read at all, and made to take as much as it can.
    peak("a results file of 64 MiB full of values", 100, || {
        let full = "[],".repeat(64 * 1024 * 1024 / 3);
        assert!(recorded::parse(full.as_bytes(), Path::new("full")).is_err());
    });
    peak("a results file with the most values", 400, || {
        let full = format!("[{}[]]", "{\"a\":0},".repeat(499_990));
        assert!(recorded::parse(full.as_bytes(), Path::new("full")).is_err());
    });

    let storage = |url: Url| Storage::new(url, "bucket", "r", "key", &SecretString::from("secret")).unwrap();
    let line = "{\"event_id\":\"e\",\"timestamp\":\"2026-11-24T01:25:43Z\",\"event_type\":\"AGENT_STEP\",\"run_id\":\"r\",\
                \"details\":{\"padding\":\"..............................................................................\
                ..........................\"}}\n";
    // 2 GiB of such lines are ten million.
    assert!(HUGE / line.len() as u64 > 9_000_000);
    for (name, length) in
        [("ten million lines, their length stated", Some(HUGE)), ("ten million lines without an end", None)]
    {
        let storage = storage(endless(200, length, line));
        peak(name, 160, || {
            let error = runtime.block_on(storage.get("runs/r/trace.ndjson")).unwrap_err();
            assert!(error.detail.contains("larger"), "{error}");
        });
    }
    peak("an evidence pack of 700,000 lines", 400, || {
        let mut text = String::new();
        for number in 0..700_000 {
            let rest = "\"event_type\":\"AGENT_STEP\",\"run_id\":\"r\",\"a\":[1,2]";
            writeln!(text, "{{\"event_id\":\"{number}\",{rest}}}").unwrap();
        }
        let files = BTreeMap::from([(EvidenceFile::Trace, Fetched::Bytes(text.into_bytes()))]);
        let expectation = Expectation {
            run_id: "r".into(),
            project_id: None,
            node_id: None,
            earliest: None,
            latest: None,
            run_succeeded: true,
        };
        let verdict = judge(&Pack { run_id: "r".into(), files }, &expectation, &Limits::default());
        assert_eq!(verdict.state, PackState::Corrupt);
    });

    for (name, length) in [("an answer of 2 GiB", Some(HUGE)), ("an answer without an end", None)] {
        let client = Client::new(endless(200, length, "[[0],"), None, Timeouts::default()).unwrap();
        peak(name, 100, || assert!(runtime.block_on(client.health()).is_err()));
    }
    let client = Client::new(endless(500, None, "no "), None, Timeouts::default()).unwrap();
    peak("a refusal without an end", 8, || assert!(runtime.block_on(client.reach()).is_err()));
}
