//! In front of every handler: the limiter by client and exact path, and significant trailing slashes (facts 3.3, 3.4).

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::{Refusal, Shared, not_found};

/// Requests and seconds of a path's window; none where the limiter does not look.
fn window(path: &str) -> Option<(usize, u64)> {
    match path {
        "/" | "/health" | "/docs" | "/redoc" | "/openapi.json" => None,
        "/api/v1/runs" => Some((10, 60)),
        "/api/v1/projects" | "/api/v1/personas" => Some((100, 60)),
        "/api/v1/auth/login" => Some((10, 300)),
        "/api/v1/auth/register" => Some((5, 300)),
        _ => Some((60, 60)),
    }
}

pub(super) async fn limited(State(app): State<Shared>, request: Request, next: Next) -> Response {
    drop(app.frozen.read().await);
    app.setup.behaviour.linger().await;
    let path = request.uri().path().to_owned();
    let Some((limit, window_s)) = window(&path) else { return next.run(request).await };
    let Ok((allowed, remaining)) = app.clients.limit(&path, limit, window_s).await else {
        // Without its queue the API answers 500 everywhere but /health (API facts 17.10).
        return Refusal::Unhandled.into_response();
    };
    let mut response = if allowed {
        next.run(request).await
    } else {
        let mut refused =
            (StatusCode::TOO_MANY_REQUESTS, axum::Json(json!({"detail": "Rate limit exceeded"})))
                .into_response();
        refused.headers_mut().insert(header::RETRY_AFTER, window_s.into());
        refused
    };
    let headers = response.headers_mut();
    headers.insert("x-ratelimit-limit", limit.into());
    headers.insert("x-ratelimit-remaining", HeaderValue::from(remaining));
    let reset = chrono::Utc::now().timestamp() + i64::try_from(window_s).unwrap_or(60);
    headers.insert("x-ratelimit-reset", reset.into());
    response
}

/// A path that only lacks or has a slash too many is redirected; every other unknown one is 404.
pub(super) async fn unknown(request: Request) -> Response {
    let path = request.uri().path();
    let slashed = ["/api/v1/nodes/fork", "/api/v1/nodes", "/api/v1/project-specs"];
    let target = if slashed.contains(&path) {
        format!("{path}/")
    } else if path.len() > 1 && path.ends_with('/') && path.starts_with("/api/v1/") {
        path.trim_end_matches('/').to_owned()
    } else {
        return not_found().into_response();
    };
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, format!("http://{host}{target}"))]).into_response()
}
