//! Railway's refusals in classes. Most come as HTTP 200 (Railway facts 8).

use holdpoint_foreign::text;
use serde_json::Value;

/// Why Railway did not do or say what was asked. No text holds a token, a header or a raw body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The token is refused, or does not reach this.
    #[error("Railway refused the token: {0}")]
    Auth(String),
    /// The ids Railway answers are not the confirmed ones.
    #[error("Railway answers with {what} {answered}, you confirmed {confirmed}")]
    WrongTarget {
        /// Which id.
        what: &'static str,
        /// What Railway answers.
        answered: String,
        /// What was confirmed.
        confirmed: String,
    },
    /// An id Railway answers is on the deny-list.
    #[error("Railway answers with {0}, which is on the deny-list of this environment")]
    Denied(String),
    /// There is no such thing.
    #[error("Railway does not know it: {0}")]
    NotFound(String),
    /// The deployment is asleep, failed or in transition.
    #[error("Railway cannot restart this deployment now: {0}")]
    NotRestartable(String),
    /// The service serves no deployment.
    #[error("the service serves no deployment")]
    NothingServing,
    /// Another deployment serves than the pinned one.
    #[error("another deployment serves now ({now}) than was pinned ({pinned})")]
    DeploymentChanged {
        /// The pinned one.
        pinned: String,
        /// The one that serves now.
        now: String,
    },
    /// The answer was false or empty.
    #[error("Railway did not accept the request")]
    NotAccepted,
    /// Nobody knows whether the mutation took effect. It must not be repeated without looking.
    #[error("Railway gave no definite answer to the request: {0}")]
    Ambiguous(String),
    /// The budget of requests is spent.
    #[error("Railway's request budget is spent")]
    RateLimited {
        /// Seconds to wait, where Railway says so.
        retry_after_s: Option<u64>,
    },
    /// The edge in front of Railway refused.
    #[error("the edge in front of Railway refused the request ({0})")]
    EdgeBlocked(String),
    /// What answers is not Railway's API: another address, or a page in front of it.
    #[error("this address does not answer as Railway's API ({0})")]
    NotGraphql(String),
    /// The plan or trial is at an end.
    #[error("Railway's plan does not allow it: {0}")]
    PlanOrBilling(String),
    /// The document is not valid: a defect of Holdpoint or a change of Railway's schema.
    #[error("Railway does not understand the request: {0}")]
    InvalidDocument(String),
    /// Not reachable, or a passing fault.
    #[error("Railway cannot be reached: {0}")]
    Transient(String),
    /// Something else.
    #[error("Railway refused: {message}{}", trace(trace_id.as_deref()))]
    Unknown {
        /// Its words.
        message: String,
        /// Its trace id, for support.
        trace_id: Option<String>,
    },
}

impl Error {
    /// A stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Auth(_) => "railway.auth",
            Self::WrongTarget { .. } => "railway.wrong_target",
            Self::Denied(_) => "railway.denied",
            Self::NotFound(_) => "railway.not_found",
            Self::NotRestartable(_) => "railway.not_restartable",
            Self::NothingServing => "railway.nothing_serving",
            Self::DeploymentChanged { .. } => "railway.deployment_changed",
            Self::NotAccepted => "railway.not_accepted",
            Self::Ambiguous(_) => "railway.ambiguous",
            Self::RateLimited { .. } => "railway.rate_limited",
            Self::EdgeBlocked(_) => "railway.edge_blocked",
            Self::NotGraphql(_) => "railway.not_graphql",
            Self::PlanOrBilling(_) => "railway.plan",
            Self::InvalidDocument(_) => "railway.invalid_document",
            Self::Transient(_) => "railway.unreachable",
            Self::Unknown { .. } => "railway.unknown",
        }
    }

    /// What a person can do.
    pub fn remedy(&self) -> String {
        match self {
            Self::Auth(_) => "The token was revoked, has expired, is of another kind than it was saved as, or does not \
                              reach these ids. Create a project token for the staging environment under the project's \
                              Settings, Tokens, and set it again"
                .into(),
            Self::WrongTarget { .. } => "Holdpoint restarts services only where the ids that you confirmed and the ids \
                                         that Railway answers are the same. Correct the ids or use another token"
                .into(),
            Self::Denied(_) => "Nothing is done there. Correct the ids of this environment, or use a token of the \
                                staging environment; only if the list itself is wrong, change `railway.deny` in the \
                                environment file"
                .into(),
            Self::NotFound(_) => "Compare the ids of this environment with those in the Railway dashboard".into(),
            Self::NotRestartable(_) => "Wait until the service runs in the Railway dashboard, then start again".into(),
            Self::NothingServing => "Deploy the service in the Railway dashboard, then start again".into(),
            Self::DeploymentChanged { .. } => {
                "Somebody deployed meanwhile. Wait until the deployment is finished, then start again".into()
            }
            Self::NotAccepted => "Look at the service in the Railway dashboard, then start again".into(),
            Self::Ambiguous(_) => "Look at the service in the Railway dashboard: it may have been restarted".into(),
            Self::RateLimited { retry_after_s } => match retry_after_s {
                Some(seconds) => format!("Start again in {seconds} s"),
                None => "Start again in an hour; the budget is shared with other tools of the same account".into(),
            },
            Self::EdgeBlocked(_) => "Check the network this computer is in; a proxy or address may be blocked".into(),
            Self::NotGraphql(_) => "Check the Railway address of this environment (normally \
                                    https://backboard.railway.com/graphql/v2) and the network this computer is in"
                .into(),
            Self::PlanOrBilling(_) => "Look at the plan of the Railway workspace".into(),
            Self::InvalidDocument(_) => "Railway may have changed its API; use a newer Holdpoint".into(),
            Self::Transient(_) => "Check the network and Railway's status page, then start again".into(),
            Self::Unknown { .. } => "Look at the service in the Railway dashboard, then start again".into(),
        }
    }

    /// Classifies an entry of `errors[]`: by its message first, then its code (Railway facts 8.2).
    pub(crate) fn from_graphql(error: &Value) -> Self {
        let message = cut(error.get("message").and_then(Value::as_str).unwrap_or("no message"));
        let code = error.pointer("/extensions/code").and_then(Value::as_str).unwrap_or("");
        let lower = message.to_lowercase();
        let has = |part: &str| lower.contains(part);
        // Whole words: "plan" also stands in "explanation" and "planned maintenance".
        let word = |wanted: &str| lower.split(|c: char| !c.is_alphanumeric()).any(|one| one == wanted);
        if has("not authorized")
            || has("project token not found")
            || has("invalid token")
            || has("two factor")
        {
            Self::Auth(message)
        } else if has("not restartable") {
            Self::NotRestartable(message)
        } else if has("not found") {
            Self::NotFound(message)
        } else if has("too quickly") || has("rate limit") {
            Self::RateLimited { retry_after_s: None }
        } else if code == "GRAPHQL_VALIDATION_FAILED" || code == "GRAPHQL_PARSE_FAILED" {
            Self::InvalidDocument(message)
        } else if word("plan") || word("trial") || word("billing") {
            Self::PlanOrBilling(message)
        } else {
            let trace_id = error.get("traceId").and_then(Value::as_str).map(cut);
            Self::Unknown { message, trace_id }
        }
    }
}

/// A foreign text on one line, cut, without what a terminal would act on.
pub(crate) fn cut(words: &str) -> String {
    let line: String = words.split_whitespace().collect::<Vec<_>>().join(" ");
    text::cut(&line, 200)
}

fn trace(id: Option<&str>) -> String {
    id.map(|id| format!(" (trace {id})")).unwrap_or_default()
}
