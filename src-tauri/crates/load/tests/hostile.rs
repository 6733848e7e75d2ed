//! Servers that do not behave: each failure gets its class, memory and time stay bounded, and nothing panics.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::Ordering;
use std::time::Duration;

use holdpoint_load::http::Options;
use support::{OK, answering, head, load, quick, rounds, server};

/// Two rounds of three requests, all of which must fail in this class.
fn all_fail(url: &str, options: Options, class: &str) {
    let total = load(url, options, rounds(3, 2)).total();
    assert_eq!(total.failed.get(class), Some(&6), "{class}: {:?} {:?}", total.failed, total.examples);
}

fn patient() -> Options {
    let mut options = quick();
    let long = Duration::from_secs(60);
    (options.timeouts.request, options.timeouts.connect, options.timeouts.tls) = (long, long, long);
    options
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}/")
}

#[test]
fn a_server_that_never_answers() {
    let (address, _) = server(|mut stream| {
        // Reads for ever and says nothing.
        let _ = std::io::copy(&mut stream, &mut std::io::sink());
    });
    all_fail(&url(address), quick(), "timeout");
}

#[test]
fn a_half_open_connection() {
    // Connections are made by the system and never accepted by anybody.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    all_fail(&url(listener.local_addr().unwrap()), quick(), "timeout");
}

#[test]
fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    all_fail(&url(address), patient(), "refused");
}

#[test]
fn a_connection_that_is_reset() {
    let (address, _) = server(|mut stream| {
        // Closing with unread bytes resets.
        let _ = stream.read(&mut [0_u8; 1]);
    });
    all_fail(&url(address), patient(), "reset");
}

#[test]
fn a_connection_that_is_closed_without_an_answer() {
    let (address, _) = server(|mut stream| {
        head(&mut stream);
    });
    all_fail(&url(address), patient(), "reset");
}

#[test]
fn an_answer_of_one_byte_now_and_then() {
    let slowly = |answer: &'static str| {
        server(move |mut stream| {
            head(&mut stream);
            for byte in answer.bytes() {
                if stream.write_all(&[byte]).is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        })
        .0
    };
    all_fail(&url(slowly(OK)), quick(), "timeout");
    let (address, _) = server(|mut stream| {
        head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    // The head comes at once, on a busy computer too; the body would take a hundred seconds.
    let mut options = quick();
    options.timeouts.request = Duration::from_secs(3);
    all_fail(&url(address), options, "body_timeout");
}

#[test]
fn an_answer_that_is_larger_than_allowed() {
    let (address, _) = server(|mut stream| {
        head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n");
        let piece = vec![b'x'; 100_000];
        for _ in 0..1000 {
            if stream.write_all(&piece).is_err() {
                return;
            }
        }
    });
    all_fail(&url(address), Options { body_limit: 1_000_000, ..patient() }, "body");
    // The same is read to its end where it is allowed, and is never held as a whole.
    let allowed = Options { body_limit: 100_000_000, ..patient() };
    assert_eq!(load(&url(address), allowed, rounds(1, 1)).total().ok, 1);
}

#[test]
fn chunks_without_end() {
    let (address, _) = server(|mut stream| {
        head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        while stream.write_all(b"5\r\nhello\r\n").is_ok() {}
    });
    all_fail(&url(address), Options { body_limit: 100_000, ..patient() }, "body");
}

#[test]
fn a_wrong_content_length() {
    let longer = "HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\nonly this";
    all_fail(&url(answering(longer, true)), patient(), "body");
    let shorter = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nmore than four";
    all_fail(&url(answering(shorter, false)), patient(), "body");
}

#[test]
fn what_is_no_http() {
    all_fail(&url(answering("SSH-2.0-something\r\n\r\n", true)), patient(), "body");
    all_fail(&url(answering("HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n", true)), patient(), "body");
    let (address, _) = server(|mut stream| {
        head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nendless: ");
        while stream.write_all(&[b'x'; 10_000]).is_ok() {}
    });
    all_fail(&url(address), patient(), "body");
}

#[test]
fn statuses_that_are_not_expected() {
    let status = |line: &'static str| url(answering(line, false));
    all_fail(&status("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"), patient(), "status_500");
    all_fail(&status("HTTP/1.1 429 Slow\r\ncontent-length: 0\r\n\r\n"), patient(), "rate_limited");
    let expected = Options { expected: vec![500], ..patient() };
    let total = load(&status("HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"), expected, rounds(3, 2)).total();
    assert_eq!(total.ok, 6);
}

#[test]
fn a_redirect_is_not_followed() {
    let (elsewhere, visits) = server(|mut stream| {
        let _ = stream.write_all(OK.as_bytes());
    });
    let (address, _) = server(move |mut stream| {
        while head(&mut stream) {
            let answer =
                format!("HTTP/1.1 302 Go\r\nlocation: http://{elsewhere}/\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    all_fail(&url(address), patient(), "status_302");
    assert_eq!(visits.load(Ordering::Relaxed), 0);
}

#[test]
fn an_empty_answer_is_an_answer() {
    for answer in ["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"] {
        assert_eq!(load(&url(answering(answer, false)), patient(), rounds(3, 2)).total().ok, 6);
    }
}

#[test]
fn a_name_without_an_address() {
    let total = load("http://no-such-host.invalid/", patient(), rounds(2, 1)).total();
    let resolved = |class: &str| total.failed.get(class).copied().unwrap_or(0);
    assert_eq!(resolved("resolve") + resolved("resolve_timeout"), 2, "{:?}", total.failed);
}

#[test]
fn a_server_without_tls() {
    let (address, _) = server(|mut stream| {
        let _ = stream.read(&mut [0_u8; 1000]);
        let _ = stream.write_all(OK.as_bytes());
    });
    all_fail(&format!("https://{address}/"), patient(), "tls");
}

/// A server that closes kept connections between requests is no failure: a new connection is made.
#[test]
fn a_connection_closed_while_idle_is_replaced() {
    let (address, connections) = server(|mut stream| {
        head(&mut stream);
        let _ = stream.write_all(OK.as_bytes());
    });
    let total = load(&url(address), patient(), support::open(1.0, 3.0)).total();
    assert_eq!(total.ok, 3, "{:?}", total.failed);
    assert_eq!(connections.load(Ordering::Relaxed), 3);
}
