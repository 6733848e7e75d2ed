//! How an operation failed, in classes that can be counted.

use std::borrow::Cow;
use std::fmt;

/// The word of [`FailureClass::Generator`].
pub(crate) const GENERATOR: &str = "generator";

/// The class of a failure. One set for every load, whoever sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureClass {
    /// The host name has no address.
    Resolve,
    /// Nothing listens at the address.
    Refused,
    /// The connection broke before the answer was whole.
    Reset,
    /// The TLS handshake failed.
    Tls,
    /// No address of the host name in time.
    ResolveTimeout,
    /// No connection in time.
    ConnectTimeout,
    /// No end of the TLS handshake in time.
    TlsTimeout,
    /// Connected and asked, and no first byte of an answer in time.
    Timeout,
    /// An answer began and did not end in time.
    BodyTimeout,
    /// HTTP 429. Its own class, because it says nothing about the work itself.
    RateLimited,
    /// Another HTTP status than an expected one.
    Status(u16),
    /// An answer that is none: no HTTP, shorter or longer than it says, larger than allowed.
    Body,
    /// A whole answer whose content is wrong.
    Assertion,
    /// This computer had no port, file or memory left to send with: its own limit, which says nothing of the target.
    Generator,
    /// What only one kind of operation knows, as a stable word.
    Other(&'static str),
}

impl FailureClass {
    /// The stable word used in counts, journals and reports.
    pub fn word(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Resolve => "resolve",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Tls => "tls",
            Self::ResolveTimeout => "resolve_timeout",
            Self::ConnectTimeout => "connect_timeout",
            Self::TlsTimeout => "tls_timeout",
            Self::Timeout => "timeout",
            Self::BodyTimeout => "body_timeout",
            Self::RateLimited => "rate_limited",
            Self::Status(code) => return Cow::Owned(format!("status_{code}")),
            Self::Body => "body",
            Self::Assertion => "assertion",
            Self::Generator => GENERATOR,
            Self::Other(word) => word,
        })
    }
}

impl fmt::Display for FailureClass {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.word())
    }
}

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The class that is counted.
    pub class: FailureClass,
    /// What was seen; never contains a secret.
    pub detail: Cow<'static, str>,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.class, self.detail)
    }
}

impl std::error::Error for Failure {}

impl Failure {
    /// A failure of a class with what was seen.
    pub fn new(class: FailureClass, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { class, detail: detail.into() }
    }
}
