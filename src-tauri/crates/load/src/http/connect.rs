//! Opening a connection, part by part.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

use super::target::{Family, Target};
use crate::{Failure, FailureClass, Phases};

/// A connection, with TLS or without.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Whether the server chose HTTP/2.
    pub(super) fn chose_http2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }
}

/// Opens a connection to the first address that answers.
pub(super) async fn connect(target: &Target) -> Result<(Stream, Phases), Failure> {
    let limits = &target.options.timeouts;
    let mut phases = Phases::default();
    let start = Instant::now();
    let addresses = timeout(limits.resolve, resolve(target)).await.map_err(|_| {
        Failure::new(FailureClass::ResolveTimeout, format!("no address of {} in time", target.host))
    })??;
    if target.literal().is_none() {
        phases.resolve = start.elapsed();
    }
    let start = Instant::now();
    let stream = timeout(limits.connect, first(target, &addresses)).await.map_err(|_| {
        Failure::new(FailureClass::ConnectTimeout, format!("no connection to {} in time", target.authority()))
    })??;
    phases.connect = start.elapsed();
    // Small requests must leave at once; a socket that cannot do that sends all the same.
    let _ = stream.set_nodelay(true);
    let Some((config, name)) = &target.tls else { return Ok((Stream::Plain(stream), phases)) };
    let start = Instant::now();
    let connector = TlsConnector::from(std::sync::Arc::clone(config));
    let stream = timeout(limits.tls, connector.connect(name.clone(), stream))
        .await
        .map_err(|_| Failure::new(FailureClass::TlsTimeout, "no end of the TLS handshake in time"))?
        .map_err(|error| {
            if error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>) {
                Failure::new(FailureClass::Tls, error.to_string())
            } else {
                of_io(&error, FailureClass::Tls)
            }
        })?;
    phases.tls = start.elapsed();
    Ok((Stream::Tls(Box::new(stream)), phases))
}

async fn resolve(target: &Target) -> Result<Vec<SocketAddr>, Failure> {
    let none = |detail: String| Failure::new(FailureClass::Resolve, detail);
    let all: Vec<SocketAddr> = match (&target.host, target.literal()) {
        (_, Some(literal)) => vec![SocketAddr::new(literal, target.port)],
        (Host::Domain(name), _) => match lookup_host((name.as_str(), target.port)).await {
            Ok(addresses) => addresses.collect(),
            Err(error) => return Err(none(format!("{name}: {error}"))),
        },
        _ => Vec::new(),
    };
    let wanted = |address: &SocketAddr| match target.options.family {
        Family::Any => true,
        Family::V4 => address.is_ipv4(),
        Family::V6 => address.is_ipv6(),
    };
    let addresses: Vec<SocketAddr> = all.into_iter().filter(wanted).collect();
    if addresses.is_empty() {
        return Err(none(format!("{} has no address of the wanted kind", target.host)));
    }
    Ok(addresses)
}

async fn first(target: &Target, addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
    let mut last = Failure::new(FailureClass::Resolve, "no address");
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = of_io(&error, FailureClass::Refused),
        }
    }
    if addresses.len() > 1 {
        last.detail = format!("all {} addresses of {}: {}", addresses.len(), target.host, last.detail).into();
    }
    Err(last)
}

/// The failure behind an error of the system; `usual` where the system does not say.
pub(super) fn of_io(error: &io::Error, usual: FailureClass) -> Failure {
    use io::ErrorKind as Kind;
    // No port left, too many open files, no memory: this computer's own limits (EMFILE and ENFILE have no kind).
    let own = matches!(error.kind(), Kind::AddrNotAvailable | Kind::AddrInUse | Kind::OutOfMemory)
        || matches!(error.raw_os_error(), Some(23 | 24));
    let class = match error.kind() {
        _ if own => FailureClass::Generator,
        Kind::ConnectionRefused | Kind::HostUnreachable | Kind::NetworkUnreachable => FailureClass::Refused,
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::NotConnected => {
            FailureClass::Reset
        }
        Kind::UnexpectedEof => FailureClass::Reset,
        Kind::TimedOut => FailureClass::ConnectTimeout,
        _ => usual,
    };
    Failure::new(class, error.to_string())
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write_vectored(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
