//! The edge in front of the API, as clients of Railway meet it (Railway facts 6.4), and the little web front.

use axum::Router;
use axum::response::Html;
use axum::routing::get;
use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::config::{Outcome, Setup};

const AWAY: &str = "{\"status\":\"error\",\"code\":502,\"message\":\"Application failed to respond\"}";

/// Passes every connection on to the API's process. While that does not listen the edge answers 502; when it dies the
/// connection is cut.
pub(crate) async fn serve(listener: TcpListener, backend: u16) {
    while let Ok((mut client, _)) = listener.accept().await {
        tokio::spawn(async move {
            let _ = client.set_nodelay(true);
            match TcpStream::connect(("127.0.0.1", backend)).await {
                Ok(mut server) => {
                    let _ = server.set_nodelay(true);
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                }
                Err(_) => {
                    // The request has to be read, or closing would reset the connection before the answer arrives.
                    let mut request = [0_u8; 16 * 1024];
                    let _ = tokio::io::AsyncReadExt::read(&mut client, &mut request).await;
                    let answer = format!(
                        "HTTP/1.1 502 Bad Gateway\r\nserver: railway-edge\r\ncontent-type: application/json\r\n\
                         content-length: {}\r\nconnection: close\r\n\r\n{AWAY}",
                        AWAY.len()
                    );
                    let _ = client.write_all(answer.as_bytes()).await;
                    let _ = client.shutdown().await;
                }
            }
        });
    }
}

/// The web front: a page.
pub(crate) async fn serve_web(setup: Setup) -> Outcome {
    let page =
        get(|| async { Html("<!doctype html><title>AgentVerse</title><h1>AgentVerse (rehearsal)</h1>") });
    let listener = TcpListener::bind(("127.0.0.1", setup.web_port)).await?;
    axum::serve(listener, Router::new().fallback(page)).await?;
    Ok(())
}
