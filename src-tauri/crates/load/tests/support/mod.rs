//! Small servers on this computer, each with one fault, and loads that end by themselves.

#![allow(dead_code, missing_docs, clippy::unwrap_used, reason = "tests; each file uses a part of it")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use holdpoint_load::http::{HttpLanes, Options, Target, Timeouts};
use holdpoint_load::plan::{Arrivals, Model, Plan, Stage};
use holdpoint_load::{LoadResult, OperationRecord, Running, start};

/// A server whose connections are handled by `handle`, each in a thread. Counts its connections.
pub fn server(handle: impl Fn(TcpStream) + Send + Sync + 'static) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (handle, count) = (Arc::new(handle), Arc::new(AtomicU64::new(0)));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::Relaxed);
            let handle = Arc::clone(&handle);
            std::thread::spawn(move || handle(stream));
        }
    });
    (address, count)
}

/// Reads one head of a request; false at the end of the connection.
pub fn head(stream: &mut TcpStream) -> bool {
    let (mut seen, mut byte) = (Vec::new(), [0_u8; 1]);
    while !seen.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => seen.push(byte[0]),
            _ => return false,
        }
    }
    true
}

/// A server that answers every request with these bytes, and closes after the first if told so.
pub fn answering(answer: &'static str, close: bool) -> SocketAddr {
    server(
        move |mut stream| {
            while head(&mut stream) && stream.write_all(answer.as_bytes()).is_ok() && !close {}
        },
    )
    .0
}

pub const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Options with limits that end soon.
pub fn quick() -> Options {
    let soon = Duration::from_millis(400);
    let timeouts = Timeouts { resolve: Duration::from_secs(3), connect: soon, tls: soon, request: soon };
    Options { timeouts, ..Options::default() }
}

pub fn open(rate: f64, seconds: f64) -> Plan {
    let stages = vec![Stage::steady(rate, Duration::from_secs_f64(seconds))];
    Plan::new(Model::Open { arrivals: Arrivals::Constant, stages })
}

pub fn rounds(concurrency: u32, rounds: u32) -> Plan {
    Plan::new(Model::Rounds { concurrency, rounds })
}

pub fn begin(url: &str, options: Options, plan: Plan) -> Running {
    let target = Target::new(&[url.parse().unwrap()], options).unwrap();
    let kinds = target.names().to_vec();
    start(plan, kinds, &HttpLanes::new(target), None).unwrap()
}

/// Sends a load to its end, and checks what always holds.
pub fn load(url: &str, options: Options, plan: Plan) -> LoadResult {
    let result = begin(url, options, plan).join();
    balanced(&result.total());
    result
}

/// Every operation is accounted for, and seconds and totals agree.
pub fn balanced(total: &OperationRecord) {
    assert_eq!(total.planned, total.sent + total.refused + total.waiting(), "{total:?}");
    assert_eq!(total.sent, total.ok + total.failures() + total.abandoned, "{total:?}");
    assert_eq!(total.latency.len(), total.ok);
    assert_eq!(total.service.len(), total.ok);
    assert_eq!(total.lag.len(), total.sent);
    assert_eq!(total.failed_after.len(), total.failures());
}
