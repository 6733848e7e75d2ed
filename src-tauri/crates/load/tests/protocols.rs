//! TLS, HTTP/2, event streams and messages, against real servers of those kinds.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod support;

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use holdpoint_load::http::{Kind, Options, Version};
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use support::{head, load, open, quick, rounds, server};

/// Runs an asynchronous server in a thread of its own, for as long as the test lives.
fn serve<F: Future<Output = ()> + Send>(run: impl FnOnce(TcpListener) -> F + Send + 'static) -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move { run(TcpListener::from_std(listener).unwrap()).await });
    });
    address
}

/// An HTTP server that answers with the version that was asked in; counts connections.
fn hyper_server(tls: Option<TlsAcceptor>) -> (SocketAddr, Arc<AtomicU64>) {
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let address = serve(move |listener| async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::Relaxed);
            let tls = tls.clone();
            tokio::spawn(async move {
                let service =
                    hyper::service::service_fn(|ask: http::Request<hyper::body::Incoming>| async move {
                        let answer = http::Response::new(Full::new(Bytes::from("ok")));
                        let wanted = ask.uri().path() == "/2" && ask.version() == http::Version::HTTP_2
                            || ask.uri().path() == "/1" && ask.version() == http::Version::HTTP_11;
                        let (mut parts, body) = answer.into_parts();
                        parts.status =
                            if wanted { http::StatusCode::OK } else { http::StatusCode::BAD_REQUEST };
                        Ok::<_, Infallible>(http::Response::from_parts(parts, body))
                    });
                let builder = auto::Builder::new(TokioExecutor::new());
                // How a connection ends is the client's business.
                match tls {
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                        }
                    }
                    None => {
                        let _ = builder.serve_connection(TokioIo::new(stream), service).await;
                    }
                }
            });
        }
    });
    (address, count)
}

/// A certificate of this test's own for `localhost`, as the server's acceptor and as a file to trust.
fn tls(alpn: &[&[u8]]) -> (TlsAcceptor, tempfile::NamedTempFile) {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(certified.cert.pem().as_bytes()).unwrap();
    let key = PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    (TlsAcceptor::from(Arc::new(config)), file)
}

fn patient() -> Options {
    let mut options = quick();
    options.timeouts.request = Duration::from_secs(60);
    options.timeouts.connect = Duration::from_secs(60);
    options.timeouts.tls = Duration::from_secs(60);
    options
}

#[test]
fn http2_carries_many_requests_over_one_connection() {
    let (address, connections) = hyper_server(None);
    let options = Options { version: Version::Http2, ..patient() };
    let total = load(&format!("http://{address}/2"), options, rounds(20, 3)).total();
    assert_eq!(total.ok, 60, "{:?} {:?}", total.failed, total.examples);
    assert_eq!(connections.load(Ordering::Relaxed), 1);
}

#[test]
fn tls_speaks_what_the_server_chooses() {
    for (alpn, path, most) in [(&[&b"h2"[..], b"http/1.1"][..], "/2", 1), (&[&b"http/1.1"[..]], "/1", 5)] {
        let (acceptor, file) = tls(alpn);
        let (address, connections) = hyper_server(Some(acceptor));
        let options = Options { authorities: Some(file.path().to_owned()), ..patient() };
        let url = format!("https://localhost:{}{path}", address.port());
        let total = load(&url, options, rounds(5, 2)).total();
        assert_eq!(total.ok, 10, "{path}: {:?} {:?}", total.failed, total.examples);
        assert!(connections.load(Ordering::Relaxed) <= most);
        assert!(!total.phases.tls.is_empty() && !total.phases.connect.is_empty());
    }
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_a_failure_of_tls() {
    let (acceptor, _file) = tls(&[b"http/1.1"]);
    let (address, _) = hyper_server(Some(acceptor));
    let total = load(&format!("https://localhost:{}/1", address.port()), patient(), rounds(2, 1)).total();
    assert_eq!(total.failed.get("tls"), Some(&2), "{:?} {:?}", total.failed, total.examples);
}

#[test]
fn a_stream_of_events_is_timed_event_by_event() {
    let (address, _) = server(|mut stream| {
        while head(&mut stream) {
            let _ = stream.write_all(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
            );
            for event in ["data: 1\n\n", "data: 2\n\n", ": only a comment\n\n", "data: 3\n\n"] {
                std::thread::sleep(Duration::from_millis(30));
                let _ = write!(stream, "{:x}\r\n{event}\r\n", event.len());
            }
            let _ = stream.write_all(b"0\r\n\r\n");
        }
    });
    let options = Options { kind: Kind::Events, ..patient() };
    let total = load(&format!("http://{address}/"), options, rounds(2, 2)).total();
    assert_eq!(total.ok, 4, "{:?} {:?}", total.failed, total.examples);
    assert_eq!((total.phases.first_byte.len(), total.phases.longest_gap.len()), (4, 4));
    // Sleeps are never shorter than asked for: between the second and the third event lie two of them.
    assert!(total.phases.longest_gap.min_ms().unwrap() >= 50.0);
    assert!(total.phases.first_byte.min_ms().unwrap() >= 29.0);
}

#[test]
fn a_stream_that_breaks_off_or_says_nothing_is_no_success() {
    let (address, _) = server(|mut stream| {
        head(&mut stream);
        let _ =
            stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n");
    });
    let options = || Options { kind: Kind::Events, ..patient() };
    let total = load(&format!("http://{address}/"), options(), rounds(2, 1)).total();
    assert_eq!(total.failed.get("body"), Some(&2), "{:?} {:?}", total.failed, total.examples);
    let empty = support::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", false);
    let total = load(&format!("http://{empty}/"), options(), rounds(2, 1)).total();
    assert_eq!(total.failed.get("assertion"), Some(&2), "{:?}", total.failed);
}

#[test]
fn messages_go_and_come_back_over_a_websocket() {
    let address = serve(|listener| async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
                while let Some(Ok(message)) = socket.next().await {
                    if message.is_text() && socket.send(message).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    let options = Options { kind: Kind::Message("hello".into()), ..patient() };
    let total = load(&format!("ws://{address}/"), options, open(50.0, 1.0)).total();
    assert_eq!(total.ok, 50, "{:?} {:?}", total.failed, total.examples);
    assert!(total.phases.connect.len() < 50, "connections are kept");

    let plain = support::answering(support::OK, false);
    let options = Options { kind: Kind::Message("hello".into()), ..patient() };
    let total = load(&format!("ws://{plain}/"), options, rounds(2, 1)).total();
    assert_eq!(total.failed.get("status_200"), Some(&2), "{:?} {:?}", total.failed, total.examples);
}
