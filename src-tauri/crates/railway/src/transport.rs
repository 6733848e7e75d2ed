//! Sends one document and says what the answer means: by message, then code, then HTTP status (Railway facts 8.2).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use holdpoint_foreign::{json::Limits as Size, text};
use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use crate::error::{Error, cut};
use crate::types::TokenKind;

/// The largest answer that is read.
const LIMITS: Size = Size { bytes: 8 * 1024 * 1024, values: 400_000 };
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a read is repeated after a passing fault.
const READ_RETRIES: u32 = 2;
/// A read waits at most so many seconds where the budget is spent and Railway says for how long.
const READ_WAIT_S: u64 = 10;

/// How long an answer is waited for (Railway facts 8.4).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) read: Duration,
    pub(crate) mutation: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        // A restart is answered within a second (Railway facts 8.4). One that is not is judged by its effect, which can
        // be looked for only after the wait: a longer one would make a quick recovery look late.
        Self { read: Duration::from_secs(30), mutation: Duration::from_secs(10) }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Read,
    Mutation,
}

#[derive(Debug)]
pub(crate) struct Transport {
    endpoint: Url,
    http: reqwest::Client,
    header: (HeaderName, HeaderValue),
    token: SecretString,
    kind: TokenKind,
    limits: Limits,
    sent: AtomicU64,
    /// What Railway said last of the budget.
    said: Mutex<Said>,
}

/// What the headers of an answer say of the hour's budget. All of them are optional (Railway facts 9).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Said {
    pub(crate) limit: Option<u64>,
    pub(crate) remaining: Option<u64>,
}

impl Said {
    fn of(headers: &HeaderMap) -> Self {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse().ok();
        // `"default";q=1000;w=3600`
        let policy = headers.get("ratelimit-policy").and_then(|value| value.to_str().ok());
        let part = |wanted: &str| {
            let of =
                |part: &str| part.trim().strip_prefix(wanted).and_then(|number| number.parse::<u64>().ok());
            policy.and_then(|policy| policy.split(';').find_map(of))
        };
        let by_policy = part("q=").filter(|_| part("w=").is_none_or(|seconds| seconds == 3600));
        Self { limit: number("x-ratelimit-limit").or(by_policy), remaining: number("x-ratelimit-remaining") }
    }
}

impl Transport {
    pub(crate) fn new(
        endpoint: Url,
        token: SecretString,
        kind: TokenKind,
        limits: Limits,
    ) -> Result<Self, Error> {
        let header = credential(&token, kind)?;
        let http = reqwest::Client::builder()
            // Without a name of its own a client is turned away by the edge with 403 (Railway facts 1).
            .user_agent(concat!("holdpoint/", env!("CARGO_PKG_VERSION")))
            // A credential must not travel to another origin.
            .redirect(reqwest::redirect::Policy::none())
            // A mutation must be sent once, so nothing below this file may repeat a request either.
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .no_proxy()
            .build()
            .map_err(|error| Error::Transient(cut(&error.to_string())))?;
        Ok(Self {
            endpoint,
            http,
            header,
            token,
            kind,
            limits,
            sent: AtomicU64::new(0),
            said: Mutex::default(),
        })
    }

    pub(crate) fn kind(&self) -> TokenKind {
        self.kind
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    pub(crate) fn said(&self) -> Said {
        *self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, headers: &HeaderMap) {
        let now = Said::of(headers);
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        *said = Said { limit: now.limit.or(said.limit), remaining: now.remaining.or(said.remaining) };
    }

    /// Reads `field`. Repeated at most [`READ_RETRIES`] times after a passing fault, and once after a short wait that
    /// Railway asks for.
    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        document: &str,
        variables: Value,
        field: &str,
    ) -> Result<T, Error> {
        let mut attempt = 0;
        let mut waited = false;
        let mut data = loop {
            match self.send(document, &variables, Call::Read).await {
                Err(Error::RateLimited { retry_after_s: Some(seconds) })
                    if !waited && seconds <= READ_WAIT_S =>
                {
                    waited = true;
                    tokio::time::sleep(Duration::from_secs(seconds)).await;
                }
                Err(Error::Transient(_)) if attempt < READ_RETRIES => {
                    attempt += 1;
                    tokio::time::sleep(Duration::from_millis(200) * attempt).await;
                }
                other => break other?,
            }
        };
        field_of(&mut data, field)
    }

    /// Sends a mutation, once. `Ok` only where Railway answers `true`.
    pub(crate) async fn mutate(&self, document: &str, variables: Value, field: &str) -> Result<(), Error> {
        accepted(&self.send(document, &variables, Call::Mutation).await?, field)
    }

    async fn send(&self, document: &str, variables: &Value, call: Call) -> Result<Value, Error> {
        match definite(self.exchange(document, variables, call).await, call) {
            Err(Error::Auth(what)) => Err(Error::Auth(format!("{what} (sent as {})", self.kind.word()))),
            answer => answer,
        }
    }

    async fn exchange(&self, document: &str, variables: &Value, call: Call) -> Result<Value, Error> {
        let limit = match call {
            Call::Read => self.limits.read,
            Call::Mutation => self.limits.mutation,
        };
        self.sent.fetch_add(1, Ordering::Relaxed);
        let (name, value) = self.header.clone();
        let mut response = self
            .http
            .post(self.endpoint.clone())
            .timeout(limit)
            .header(name, value)
            .json(&json!({"query": document, "variables": variables}))
            .send()
            .await
            .map_err(|error| broken(&error, limit))?;
        let status = response.status();
        self.hear(response.headers());
        if status == StatusCode::TOO_MANY_REQUESTS {
            let retry_after = response.headers().get(reqwest::header::RETRY_AFTER);
            let retry_after_s = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
            return Err(Error::RateLimited { retry_after_s });
        }
        // Whatever stands in the body, the effect may have happened (Railway facts 4.4).
        if call == Call::Mutation && no_definite_answer(status) {
            return Err(Error::Transient(format!("HTTP {}", status.as_u16())));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error, limit))? {
            if body.len() + chunk.len() > LIMITS.bytes {
                return Err(Error::Unknown { message: "the answer is too large".into(), trace_id: None });
            }
            body.extend_from_slice(&chunk);
        }
        understood(status, &body, self.token.expose_secret(), call)
    }
}

fn understood(status: StatusCode, body: &[u8], token: &str, call: Call) -> Result<Value, Error> {
    let parsed = LIMITS.check(body).ok().and_then(|()| serde_json::from_slice::<Value>(body).ok());
    let Some(mut answer) = parsed else {
        return Err(foreign(status, &String::from_utf8_lossy(body), call));
    };
    hide(&mut answer, token);
    text::clean(&mut answer);
    meaning(status, answer, call)
}

/// What the data of an answer hold under a name.
fn field_of<T: DeserializeOwned>(data: &mut Value, field: &str) -> Result<T, Error> {
    let value = data.get_mut(field).map(Value::take).unwrap_or_default();
    if value.is_null() {
        return Err(Error::NotFound(format!("{field} is empty")));
    }
    serde_json::from_value(value).map_err(|error| Error::InvalidDocument(cut(&format!("{field}: {error}"))))
}

/// What an answer to a read of `field` means, given the token it was asked with.
pub fn read_answer<T: DeserializeOwned>(
    status: u16,
    body: &[u8],
    token: &str,
    field: &str,
) -> Result<T, Error> {
    field_of(&mut understood(code(status), body, token, Call::Read)?, field)
}

/// What an answer to the mutation `field` means: `Ok` is a plain `true` alone.
pub fn mutation_answer(status: u16, body: &[u8], token: &str, field: &str) -> Result<(), Error> {
    accepted(&definite(understood(code(status), body, token, Call::Mutation), Call::Mutation)?, field)
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn accepted(data: &Value, field: &str) -> Result<(), Error> {
    match data.get(field) {
        Some(Value::Bool(true)) => Ok(()),
        None | Some(Value::Null | Value::Bool(false)) => Err(Error::NotAccepted),
        Some(_) => Err(Error::Ambiguous(format!("{field} is neither true nor false"))),
    }
}

/// Neither a passing fault nor an unknown one says that nothing happened. Who takes them for a refusal of a mutation
/// would not look after the service.
fn definite(answer: Result<Value, Error>, call: Call) -> Result<Value, Error> {
    match (answer, call) {
        (Err(Error::Transient(what) | Error::Unknown { message: what, .. }), Call::Mutation) => {
            Err(Error::Ambiguous(what))
        }
        (answer, _) => answer,
    }
}

/// The header that carries the token (Railway facts 2.1). A token that cannot be one is refused before it is sent.
fn credential(token: &SecretString, kind: TokenKind) -> Result<(HeaderName, HeaderValue), Error> {
    let text = token.expose_secret();
    // What `jq -r` makes of a missing value (Railway facts 3.4).
    if text.is_empty() || text == "null" || text.chars().any(char::is_whitespace) {
        return Err(Error::Auth("the token is empty or is not a token; nothing was sent".into()));
    }
    let (name, value) = match kind {
        TokenKind::Project => (HeaderName::from_static("project-access-token"), HeaderValue::from_str(text)),
        TokenKind::Account => (AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {text}"))),
    };
    let mut value =
        value.map_err(|_| Error::Auth("the token holds characters no token has; nothing was sent".into()))?;
    value.set_sensitive(true);
    Ok((name, value))
}

fn no_definite_answer(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT
}

/// The library's own text may hold the address, and says less to a person.
fn broken(error: &reqwest::Error, limit: Duration) -> Error {
    Error::Transient(if error.is_connect() {
        "no connection".into()
    } else if error.is_timeout() {
        format!("no answer within {} s", limit.as_secs_f64())
    } else {
        "the connection broke off".into()
    })
}

/// An answer that is not JSON, so not from Railway's API itself.
fn foreign(status: StatusCode, body: &str, call: Call) -> Error {
    let number = status.as_u16();
    if no_definite_answer(status) {
        Error::Transient(format!("HTTP {number}"))
    } else if status == StatusCode::FORBIDDEN || body.contains("error code: 10") {
        Error::EdgeBlocked(format!("HTTP {number}"))
    } else if status == StatusCode::UNAUTHORIZED {
        Error::Auth("HTTP 401".into())
    } else if status.is_success() && call == Call::Mutation {
        Error::Ambiguous(format!("HTTP {number}, but not an answer of Railway's API"))
    } else {
        Error::NotGraphql(format!("HTTP {number}"))
    }
}

fn meaning(status: StatusCode, mut answer: Value, call: Call) -> Result<Value, Error> {
    let number = status.as_u16();
    let refusal = answer.get("errors").and_then(Value::as_array).and_then(|errors| errors.first());
    if let Some(refusal) = refusal {
        let has_effect =
            |data: &Value| data.as_object().is_some_and(|data| data.values().any(|one| !one.is_null()));
        let error = match Error::from_graphql(refusal) {
            // With a code of its own it is an answer, however odd; without one the status has the last word.
            Error::Unknown { .. }
                if no_definite_answer(status) && refusal.pointer("/extensions/code").is_none() =>
            {
                Error::Transient(format!("HTTP {number}"))
            }
            Error::Unknown { message, .. } if status == StatusCode::BAD_REQUEST => {
                Error::InvalidDocument(message)
            }
            error => error,
        };
        return Err(match call {
            Call::Mutation if answer.get("data").is_some_and(has_effect) => {
                Error::Ambiguous("it answered with an error and a result at once".into())
            }
            _ => error,
        });
    }
    match answer.get_mut("data") {
        Some(data) if status.is_success() => Ok(data.take()),
        _ if no_definite_answer(status) => Err(Error::Transient(format!("HTTP {number}"))),
        _ if status == StatusCode::UNAUTHORIZED => Err(Error::Auth("HTTP 401".into())),
        _ if status == StatusCode::FORBIDDEN => Err(Error::EdgeBlocked("HTTP 403".into())),
        _ if status.is_success() => {
            Err(Error::Unknown { message: format!("HTTP {number} without data"), trace_id: None })
        }
        _ => Err(Error::NotGraphql(format!("HTTP {number}"))),
    }
}

/// Takes the token out of everything that was answered, before anything is made of it: texts that echo it would
/// carry it into errors and logs.
fn hide(value: &mut Value, token: &str) {
    match value {
        Value::String(text) if text.contains(token) => *text = text.replace(token, "[secret]"),
        Value::Array(items) => items.iter_mut().for_each(|item| hide(item, token)),
        Value::Object(fields) => fields.values_mut().for_each(|field| hide(field, token)),
        _ => {}
    }
}
