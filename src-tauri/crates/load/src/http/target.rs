//! What is asked, and how.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Request, Uri};
use http_body_util::Full;
use rustls::pki_types::ServerName;
use url::{Host, Url};

use super::tls;

/// Which version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.1 without TLS; with TLS whichever the server chooses.
    #[default]
    Auto,
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, without TLS by prior knowledge.
    Http2,
}

/// Which addresses of a host name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Family {
    /// Any, in the order of the resolver.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

/// What one operation is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// One request and its answer.
    #[default]
    Request,
    /// One request and the events that follow, to the end of the stream.
    Events,
    /// One message over a WebSocket and the next message back.
    Message(String),
}

/// How long each part may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Finding an address.
    pub resolve: Duration,
    /// Opening a connection.
    pub connect: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// From the request to the end of the answer.
    pub request: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        let ten = Duration::from_secs(10);
        Self { resolve: ten, connect: ten, tls: ten, request: Duration::from_secs(30) }
    }
}

/// How to ask.
#[derive(Clone, Debug)]
pub struct Options {
    /// The method.
    pub method: Method,
    /// Further headers, as name and value.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
    /// Which version of HTTP.
    pub version: Version,
    /// Whether connections are kept, as browsers do, or made for each request.
    pub keep_connections: bool,
    /// Which addresses.
    pub family: Family,
    /// How long each part may take.
    pub timeouts: Timeouts,
    /// The longest answer that is read; a longer one is a failure.
    pub body_limit: u64,
    /// The statuses that are expected; empty for all from 200 to 299. A redirect is never followed.
    pub expected: Vec<u16>,
    /// What one operation is.
    pub kind: Kind,
    /// A file of certificate authorities (PEM) to trust besides those of the system.
    pub authorities: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            method: Method::GET,
            headers: Vec::new(),
            body: Bytes::new(),
            version: Version::Auto,
            keep_connections: true,
            family: Family::Any,
            timeouts: Timeouts::default(),
            body_limit: 64 * 1024 * 1024,
            expected: Vec::new(),
            kind: Kind::Request,
            authorities: None,
        }
    }
}

/// Why a target cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// There is no address.
    #[error(
        "load.target.none: no address was given, so nothing can be asked; give one that starts with http:// or https://"
    )]
    None,
    /// An address of another kind.
    #[error(
        "load.target.url: {0} cannot be asked; an address starts with http://, https://, ws:// or wss:// and names a host"
    )]
    Url(String),
    /// Addresses of different origins.
    #[error(
        "load.target.origin: {0} lies elsewhere than {1}; one load goes to one origin, so that no header reaches another"
    )]
    Origin(String, String),
    /// A header that cannot be sent.
    #[error("load.target.header: the header {0:?} cannot be sent; write NAME: VALUE in plain letters")]
    Header(String),
    /// TLS cannot be set up.
    #[error("load.target.tls: TLS cannot be set up: {0}")]
    Tls(String),
}

pub(super) type Ask = Request<Full<Bytes>>;

/// A checked target: one origin and the requests that go there, one a kind.
#[derive(Debug)]
pub struct Target {
    pub(super) host: Host<String>,
    pub(super) port: u16,
    pub(super) tls: Option<(Arc<rustls::ClientConfig>, ServerName<'static>)>,
    pub(super) options: Options,
    /// For HTTP/1.1: the path alone.
    pub(super) asks: Vec<Ask>,
    /// For HTTP/2 and the handshake of a WebSocket: the whole address.
    pub(super) whole: Vec<Ask>,
    names: Vec<String>,
}

impl Target {
    /// Checks addresses and options.
    pub fn new(urls: &[Url], options: Options) -> Result<Self, TargetError> {
        let first = urls.first().ok_or(TargetError::None)?;
        let wrong = || TargetError::Url(shown(first));
        let secure = match first.scheme() {
            "http" | "ws" => false,
            "https" | "wss" => true,
            _ => return Err(wrong()),
        };
        let socket = matches!(options.kind, Kind::Message(_));
        if first.scheme().starts_with("ws") != socket {
            return Err(wrong());
        }
        let host = first.host().ok_or_else(wrong)?.to_owned();
        let port = first.port_or_known_default().ok_or_else(wrong)?;
        let mut names: Vec<String> = Vec::new();
        let (mut asks, mut whole) = (Vec::new(), Vec::new());
        for url in urls {
            let origin = (url.scheme(), url.host(), url.port_or_known_default());
            if origin != (first.scheme(), first.host(), first.port_or_known_default()) {
                return Err(TargetError::Origin(shown(url), shown(first)));
            }
            let path = url.query().map_or(url.path().to_owned(), |query| format!("{}?{query}", url.path()));
            let authority = url.port().map_or(host.to_string(), |port| format!("{host}:{port}"));
            let scheme = if secure { "https" } else { "http" };
            let absolute = format!("{scheme}://{authority}{path}");
            let mut headers = HeaderMap::new();
            let host_value = HeaderValue::from_str(&authority).map_err(|_| TargetError::Url(shown(url)))?;
            headers.insert(HOST, host_value);
            headers.insert(
                USER_AGENT,
                HeaderValue::from_static(concat!("holdpoint/", env!("CARGO_PKG_VERSION"))),
            );
            for (name, value) in &options.headers {
                let wrong = || TargetError::Header(name.clone());
                let value = HeaderValue::from_str(value.trim()).map_err(|_| wrong())?;
                headers.insert(HeaderName::from_bytes(name.trim().as_bytes()).map_err(|_| wrong())?, value);
            }
            let ask = |uri: &str, headers: HeaderMap| {
                let mut ask = Request::new(Full::new(options.body.clone()));
                *ask.method_mut() = options.method.clone();
                *ask.uri_mut() = uri.parse::<Uri>().map_err(|_| TargetError::Url(shown(url)))?;
                *ask.headers_mut() = headers;
                Ok(ask)
            };
            asks.push(ask(&path, headers.clone())?);
            headers.remove(HOST);
            whole.push(ask(&absolute, headers)?);
            let name = format!("{} {}", options.method, url.path());
            names.push(if names.contains(&name) { format!("{name} ({})", names.len() + 1) } else { name });
        }
        let tls = if secure { Some(tls::client(&host, &options)?) } else { None };
        Ok(Self { host, port, tls, options, asks, whole, names })
    }

    /// What the operations are called: method and path, without the query.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Host and port as people read them.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Whether the target is this computer, by its address and not by what a resolver says.
    pub fn is_loopback(url: &Url) -> bool {
        match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
            None => false,
        }
    }

    pub(super) fn literal(&self) -> Option<IpAddr> {
        match &self.host {
            Host::Ipv4(address) => Some(IpAddr::V4(*address)),
            Host::Ipv6(address) => Some(IpAddr::V6(*address)),
            Host::Domain(_) => None,
        }
    }

    pub(super) fn expects(&self, status: u16) -> bool {
        if self.options.expected.is_empty() {
            (200..300).contains(&status)
        } else {
            self.options.expected.contains(&status)
        }
    }
}

/// An address without what may be secret in it.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // These fail for addresses that have neither, and then there is nothing to hide.
    let _ = url.set_password(None);
    let _ = url.set_username("");
    url.set_query(None);
    url.to_string()
}
