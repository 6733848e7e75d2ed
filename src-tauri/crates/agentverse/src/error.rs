//! What can go wrong between Holdpoint and the API, in classes that can be counted.

use std::error::Error as _;
use std::fmt;

use holdpoint_foreign::text;
use serde::{Deserialize, Serialize};

/// The longest piece of a foreign answer that is kept in an error.
const DETAIL_LIMIT: usize = 240;
/// The longest name of a call: ids in it may be foreign too.
const CALL_LIMIT: usize = 400;

/// How a call failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The host name has no address.
    Resolve,
    /// Nothing listens at the address.
    Refused,
    /// The connection broke before the answer was whole.
    Reset,
    /// The TLS handshake failed.
    Tls,
    /// No connection within the connect timeout.
    ConnectTimeout,
    /// Connected, but no whole answer within the request timeout.
    Timeout,
    /// HTTP 429: the limiter refused. Its own class, because it says nothing about the work itself.
    RateLimited,
    /// Another HTTP status than the expected one.
    Status(u16),
    /// An answer that is not what the API serves: HTML, cut-off JSON, a missing field.
    Body,
    /// A well-formed answer whose content is wrong.
    Assertion,
}

impl ErrorClass {
    /// The stable word used in counts, journals and reports.
    pub fn word(&self) -> String {
        match self {
            Self::Resolve => "resolve".into(),
            Self::Refused => "refused".into(),
            Self::Reset => "reset".into(),
            Self::Tls => "tls".into(),
            Self::ConnectTimeout => "connect_timeout".into(),
            Self::Timeout => "timeout".into(),
            Self::RateLimited => "rate_limited".into(),
            Self::Status(code) => format!("status_{code}"),
            Self::Body => "body".into(),
            Self::Assertion => "assertion".into(),
        }
    }

    /// Whether the request may have taken effect although no good answer came.
    pub fn is_ambiguous(&self) -> bool {
        match self {
            Self::Reset | Self::Timeout | Self::Body => true,
            Self::Status(code) => *code >= 500,
            _ => false,
        }
    }

    /// The classes in which nobody answered, so that the fault may lie on either side of the network.
    pub const UNANSWERED: [Self; 6] =
        [Self::Resolve, Self::Refused, Self::Reset, Self::Tls, Self::ConnectTimeout, Self::Timeout];

    /// Whether nobody answered.
    pub fn is_unanswered(&self) -> bool {
        Self::UNANSWERED.contains(self)
    }

    /// Whether the system could not be reached at all.
    pub fn is_unreachable(&self) -> bool {
        self.is_unanswered() || matches!(self, Self::Status(502..=504))
    }
}

/// A failed call: which one, how, and what the other side said (redacted and cut).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// How it failed.
    pub class: ErrorClass,
    /// Method and path, without query and host.
    pub call: String,
    /// What was seen. Never contains a credential.
    pub detail: String,
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match &self.class {
            ErrorClass::Resolve => "the host name has no address".to_owned(),
            ErrorClass::Refused => "nothing listens at the address".to_owned(),
            ErrorClass::Reset => "the connection broke before the answer was whole".to_owned(),
            ErrorClass::Tls => "the TLS handshake failed".to_owned(),
            ErrorClass::ConnectTimeout => "no connection in time".to_owned(),
            ErrorClass::Timeout => "no whole answer in time".to_owned(),
            ErrorClass::RateLimited => "the rate limiter refused (429)".to_owned(),
            ErrorClass::Status(code) => format!("HTTP {code}"),
            ErrorClass::Body => "the answer is not what this API serves".to_owned(),
            ErrorClass::Assertion => "the answer is wrong".to_owned(),
        };
        write!(formatter, "{}: {what}", self.call)?;
        if !self.detail.is_empty() {
            write!(formatter, " ({})", self.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for ApiError {}

impl ApiError {
    /// An error with a redacted, cut detail.
    pub fn new(class: ErrorClass, call: impl Into<String>, detail: impl AsRef<str>) -> Self {
        Self { class, call: text::cut(&call.into(), CALL_LIMIT), detail: redact(detail.as_ref()) }
    }

    /// Classifies what the HTTP client reports.
    pub fn from_reqwest(call: impl Into<String>, error: &reqwest::Error) -> Self {
        let mut texts = Vec::new();
        let mut kind = None;
        let mut source = error.source();
        while let Some(cause) = source {
            texts.push(cause.to_string());
            if let Some(io) = cause.downcast_ref::<std::io::Error>() {
                kind = Some(io.kind());
            }
            source = cause.source();
        }
        let text = texts.join(": ").to_lowercase();
        let class = if error.is_timeout() {
            if error.is_connect() { ErrorClass::ConnectTimeout } else { ErrorClass::Timeout }
        } else if kind == Some(std::io::ErrorKind::ConnectionRefused) {
            ErrorClass::Refused
        } else if error.is_connect() && (text.contains("dns") || text.contains("lookup")) {
            ErrorClass::Resolve
        } else if error.is_connect() && (text.contains("certificate") || text.contains("tls")) {
            ErrorClass::Tls
        } else if error.is_connect() {
            ErrorClass::Refused
        } else if error.is_decode()
            && kind.is_none()
            && !text.contains("connection")
            && !text.contains("closed")
        {
            ErrorClass::Body
        } else {
            ErrorClass::Reset
        };
        // The last cause names the fault; the first ones repeat the address.
        Self::new(class, call, texts.last().map_or("", String::as_str))
    }
}

/// Cuts a foreign text, puts it on one line, makes it inert, and hides what looks like a credential.
pub fn redact(text: &str) -> String {
    let mut words = Vec::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let hidden = text::line(&hide(word)).into_owned();
        length += hidden.chars().count() + 1;
        if length > DETAIL_LIMIT {
            words.push("…".to_owned());
            break;
        }
        words.push(hidden);
    }
    words.join(" ")
}

fn hide(word: &str) -> String {
    let lower = word.to_lowercase();
    let carries_password = word.find("://").is_some_and(|start| word[start..].contains('@'));
    // A JSON web token, also inside quotes or behind a name.
    let is_token = word.find("eyJ").is_some_and(|start| word[start..].matches('.').count() >= 2);
    let is_assignment = ["password=", "secret=", "token=", "apikey=", "api_key=", "bearer "]
        .iter()
        .any(|mark| lower.contains(mark));
    if carries_password || is_token || is_assignment {
        return "[hidden]".to_owned();
    }
    if word.chars().count() > DETAIL_LIMIT {
        return word.chars().take(DETAIL_LIMIT - 2).chain(['…']).collect();
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_foreign_texts_are_hidden() {
        let text = redact(
            "redis://user:hunter2@host:6379 eyJhbGciOi.J9.abc \"t\":\"eyJhbGciOi.J9.abc\" password=hunter2 fine",
        );
        assert_eq!(text, "[hidden] [hidden] [hidden] [hidden] fine");
    }

    #[test]
    fn foreign_texts_cannot_act_on_a_terminal() {
        let error = ApiError::new(ErrorClass::Body, "GET /a\u{1b}[2J", "NO\u{202e}\u{1b}]0;GO\u{7} x");
        assert!(error.to_string().chars().all(text::is_inert), "{error:?}");
    }

    #[test]
    fn long_texts_are_cut() {
        assert!(redact(&"x".repeat(10_000)).chars().count() <= DETAIL_LIMIT);
        assert!(redact(&"word ".repeat(10_000)).chars().count() <= DETAIL_LIMIT + 2);
    }
}
