//! A bare server on loopback: reads heads of requests and answers each with two bytes.

use std::cell::RefCell;
use std::convert::Infallible;
use std::fs;
use std::io::{Read as _, Write as _};
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{LocalSet, spawn_local};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
/// More connections at once than a stall of two seconds makes.
const BACKLOG: u32 = 4096;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Plain,
    /// Notes when each request arrived.
    Stamp,
    /// Waits, notes how long each answer really took.
    Delays,
    /// HTTP/2.
    Http2,
}

/// `serve KIND FILE`: says its port, serves until its input is closed, writes what it noted.
pub fn run(words: &[String]) {
    let kind = match words[0].as_str() {
        "stamp" => Kind::Stamp,
        "delays" => Kind::Delays,
        "http2" => Kind::Http2,
        _ => Kind::Plain,
    };
    holdpoint_load::allow_connections();
    let noted: Rc<RefCell<Vec<u64>>> = Rc::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (closed, until) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        let _ = closed.send(());
    });
    let notes = Rc::clone(&noted);
    LocalSet::new().block_on(&runtime, async move {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(BACKLOG).unwrap();
        println!("{}", listener.local_addr().unwrap().port());
        std::io::stdout().flush().unwrap();
        let start = Instant::now();
        let accepting = async {
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let _ = stream.set_nodelay(true);
                let notes = Rc::clone(&notes);
                spawn_local(async move {
                    if kind == Kind::Http2 {
                        http2(stream).await;
                    } else {
                        http1(stream, kind, start, &notes).await;
                    }
                });
            }
        };
        tokio::select! {
            () = accepting => {}
            _ = until => {}
        }
    });
    let bytes: Vec<u8> = noted.borrow().iter().flat_map(|value| value.to_le_bytes()).collect();
    if !bytes.is_empty() {
        fs::write(&words[1], bytes).unwrap();
    }
}

async fn http1(mut stream: TcpStream, kind: Kind, start: Instant, notes: &RefCell<Vec<u64>>) {
    let mut buffer = vec![0_u8; 16 * 1024];
    let mut tail: Vec<u8> = Vec::new();
    while let Ok(count) = stream.read(&mut buffer).await {
        if count == 0 {
            return;
        }
        let now = Instant::now();
        // Requests of a load have no body, so their ends can be counted; one may be cut in two.
        tail.extend_from_slice(&buffer[..count]);
        let mut ends = 0;
        while let Some(at) = tail.windows(4).position(|four| four == b"\r\n\r\n") {
            tail.drain(..at + 4);
            ends += 1;
        }
        for _ in 0..ends {
            match kind {
                Kind::Stamp => notes.borrow_mut().push(u64::try_from((now - start).as_nanos()).unwrap()),
                Kind::Delays => {
                    let number = notes.borrow().len() as u64 + 1;
                    notes.borrow_mut().push(0);
                    let delay = match number {
                        _ if number.is_multiple_of(500) => 1460,
                        _ if number.is_multiple_of(100) => 253,
                        _ => 5,
                    };
                    tokio::time::sleep(Duration::from_millis(delay)).await;
                    let took = u64::try_from(now.elapsed().as_nanos()).unwrap();
                    notes.borrow_mut()[usize::try_from(number - 1).unwrap()] = took;
                }
                Kind::Plain | Kind::Http2 => {}
            }
            if stream.write_all(ANSWER).await.is_err() {
                return;
            }
        }
    }
}

async fn http2(stream: TcpStream) {
    let service = hyper::service::service_fn(|_: http::Request<hyper::body::Incoming>| async {
        Ok::<_, Infallible>(http::Response::new(Full::new(Bytes::from_static(b"ok"))))
    });
    // How a connection ends is the client's business.
    let _ = auto::Builder::new(TokioExecutor::new())
        .http2_only()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// What a server wrote at its end.
pub fn noted(file: &str) -> Vec<u64> {
    let bytes = fs::read(file).unwrap_or_default();
    bytes.chunks_exact(8).map(|eight| u64::from_le_bytes(eight.try_into().unwrap())).collect()
}
