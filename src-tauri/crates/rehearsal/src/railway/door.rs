//! The HTTP side of Railway's API: who asks, and what is answered before, after or instead of the schema's answer.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{Request, Response as Executed, Variables};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use crate::oddities::Oddity;
use crate::supervisor::Supervisor;

/// Longer than anybody waits for an answer.
const NEVER: Duration = Duration::from_secs(120);

/// How a request is authorised.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Credential {
    Project,
    Account,
    Workspace,
    /// A project token sent as `Bearer`, or an unknown project token.
    NotFound,
    None,
}

#[derive(Deserialize)]
pub(super) struct Body {
    query: String,
    #[serde(default)]
    variables: Value,
}

impl Body {
    fn mutates(&self) -> bool {
        self.query.trim_start().starts_with("mutation")
    }
}

#[derive(Clone)]
pub(super) struct Shared {
    pub(super) schema: Api,
    pub(super) supervisor: Arc<Supervisor>,
}

pub(super) async fn answer(
    State(shared): State<Shared>,
    headers: HeaderMap,
    Json(body): Json<Body>,
) -> Response {
    let supervisor = &shared.supervisor;
    if body.mutates() {
        supervisor.note_asked(&body.query);
    }
    if let Some(instead) = instead(supervisor, &body) {
        return instead;
    }
    let credential = credential(&headers, supervisor, &body);
    let mutates = body.mutates();
    let request = Request::new(body.query).variables(Variables::from_json(body.variables)).data(credential);
    let response = told(&shared.schema.execute(request).await, credential);
    match supervisor.odd.which() {
        Some(Oddity::RestartTimesOut) if mutates => {
            tokio::time::sleep(NEVER).await;
            response
        }
        Some(Oddity::RestartGateway) if mutates => gateway(StatusCode::GATEWAY_TIMEOUT),
        Some(Oddity::BudgetLow) => with_budget(response),
        _ => response,
    }
}

/// What is answered although the schema is never asked.
fn instead(supervisor: &Supervisor, body: &Body) -> Option<Response> {
    let (odd, mutates) = (&supervisor.odd, body.mutates());
    let everything = match odd.which()? {
        Oddity::NotAuthorized => refused("Not Authorized", "INTERNAL_SERVER_ERROR"),
        Oddity::TwoFactor => refused("Two Factor Authentication Required", "INTERNAL_SERVER_ERROR"),
        Oddity::PlanExpired => {
            refused("Your trial has expired. Please select a plan to continue.", "INTERNAL_SERVER_ERROR")
        }
        Oddity::RateLimited => limited(None),
        Oddity::EdgeBlocked => (StatusCode::FORBIDDEN, "error code: 1010").into_response(),
        Oddity::EdgeDenied => page(StatusCode::FORBIDDEN, "Access denied"),
        Oddity::EdgeLimited => page(StatusCode::TOO_MANY_REQUESTS, "Access denied, error code: 1015"),
        // Nothing listens there; whoever follows with the token would give it to whoever does.
        Oddity::Redirected => {
            (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "http://127.0.0.2:9/")]).into_response()
        }
        only_restarts if mutates => return instead_of_restart(supervisor, only_restarts),
        only_reads => return instead_of_read(supervisor, only_reads, body),
    };
    Some(everything)
}

fn instead_of_restart(supervisor: &Supervisor, oddity: Oddity) -> Option<Response> {
    Some(match oddity {
        Oddity::NotAuthorizedRestart => refused("Not Authorized", "INTERNAL_SERVER_ERROR"),
        Oddity::DeploymentGone => refused("Deployment not found", "INTERNAL_SERVER_ERROR"),
        Oddity::NotRestartable | Oddity::Sleeping => {
            refused("Deployment is not restartable", "BAD_USER_INPUT")
        }
        Oddity::RestartFalse => Json(json!({"data": {"deploymentRestart": false}})).into_response(),
        Oddity::RestartNull => Json(json!({"data": {"deploymentRestart": null}})).into_response(),
        Oddity::RestartUnanswered => gateway(StatusCode::GATEWAY_TIMEOUT),
        Oddity::RestartAnsweredByPage => page(StatusCode::OK, "Access denied"),
        Oddity::RestartProblem => problem(StatusCode::BAD_REQUEST),
        Oddity::RestartRateLimited => limited(None),
        Oddity::RestartRateLimitedOnce if supervisor.odd.pass(oddity) == 1 => limited(Some("1")),
        Oddity::RestartTooQuick => refused(
            "You are doing this too quickly. Your plan allows 1 restart per 30 seconds",
            "INTERNAL_SERVER_ERROR",
        ),
        _ => return None,
    })
}

fn instead_of_read(supervisor: &Supervisor, oddity: Oddity, body: &Body) -> Option<Response> {
    Some(match oddity {
        Oddity::RateLimitedOnce if supervisor.odd.pass(oddity) == 1 => limited(Some("1")),
        Oddity::GatewayOnce if supervisor.odd.pass(oddity) <= 2 => gateway(StatusCode::BAD_GATEWAY),
        Oddity::LogsRefused if body.query.contains("deploymentLogs") => problem(StatusCode::OK),
        Oddity::DocumentRefused => no_field(StatusCode::BAD_REQUEST, "serviceInstances"),
        Oddity::PrimaryUnknown if body.query.contains("primaryEnvironmentId") => {
            no_field(StatusCode::OK, "primaryEnvironmentId")
        }
        _ => return None,
    })
}

/// A refusal as most are: HTTP 200, no data.
fn refused(message: &str, code: &str) -> Response {
    let error = json!({"message": message, "extensions": {"code": code}, "traceId": trace_id()});
    Json(json!({"errors": [error], "data": null})).into_response()
}

/// A field that the schema does not know; validation failures may leave `data` out.
fn no_field(status: StatusCode, field: &str) -> Response {
    let errors = json!([{"message": format!("Cannot query field \"{field}\"."),
                         "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}, "traceId": trace_id()}]);
    (status, Json(json!({"errors": errors}))).into_response()
}

fn problem(status: StatusCode) -> Response {
    let error = json!({"message": "Problem processing request", "traceId": trace_id()});
    (status, Json(json!({"errors": [error], "data": null}))).into_response()
}

fn limited(retry_after: Option<&'static str>) -> Response {
    match retry_after {
        Some(seconds) => (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds)]).into_response(),
        None => StatusCode::TOO_MANY_REQUESTS.into_response(),
    }
}

fn page(status: StatusCode, text: &str) -> Response {
    (status, Html(format!("<!DOCTYPE html><html><body><h1>{text}</h1></body></html>"))).into_response()
}

fn gateway(status: StatusCode) -> Response {
    page(status, status.canonical_reason().unwrap_or_default())
}

fn with_budget(mut response: Response) -> Response {
    for (name, value) in [("x-ratelimit-limit", "1000"), ("x-ratelimit-remaining", "7")] {
        response.headers_mut().insert(name, header::HeaderValue::from_static(value));
    }
    response
}

/// What the schema answered, in Railway's shape.
fn told(executed: &Executed, credential: Credential) -> Response {
    if executed.errors.is_empty() {
        return Json(json!({"data": executed.data})).into_response();
    }
    let errors: Vec<Value> = executed
        .errors
        .iter()
        .map(|error| {
            let mut value = serde_json::to_value(error).unwrap_or_default();
            if error.path.is_empty() {
                value["extensions"] = json!({"code": "GRAPHQL_VALIDATION_FAILED"});
            }
            value["traceId"] = trace_id().into();
            value
        })
        .collect();
    let invalid = executed.errors.iter().any(|error| error.path.is_empty());
    let status =
        if invalid && credential == Credential::None { StatusCode::BAD_REQUEST } else { StatusCode::OK };
    (status, Json(json!({"errors": errors, "data": null}))).into_response()
}

/// A numeric text of 18 digits (Railway facts 8.1).
fn trace_id() -> String {
    rand::random_range(10_u64.pow(17)..10_u64.pow(18)).to_string()
}

fn credential(headers: &HeaderMap, supervisor: &Supervisor, body: &Body) -> Credential {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let odd = &supervisor.odd;
    // The preflight looks at the environment once; what comes after that is the restart.
    let meanwhile = body.query.contains("serviceInstances") && odd.pass(Oddity::TokenRevokedMeanwhile) > 1;
    let as_project = !matches!(
        odd.which(),
        Some(
            Oddity::AccountToken
                | Oddity::WorkspaceToken
                | Oddity::AccountTokenAsProject
                | Oddity::TokenRevoked
        )
    );
    let is_ours = |sent: &str| sent == supervisor.token;
    match (text("project-access-token"), text("authorization")) {
        (Some(sent), _) if is_ours(sent) && as_project && !meanwhile => Credential::Project,
        (Some(_), _) => Credential::NotFound,
        (None, Some(bearer)) if bearer.strip_prefix("Bearer ").is_some_and(is_ours) => match odd.which() {
            Some(Oddity::AccountToken | Oddity::AccountTokenAsProject) => Credential::Account,
            Some(Oddity::WorkspaceToken) => Credential::Workspace,
            _ => Credential::NotFound,
        },
        _ => Credential::None,
    }
}
