//! Health endpoints: HTTP 200 whatever the body says (API facts 4.1).

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Shared;
use crate::clients::Away;
use crate::config::BUCKET;
use crate::drills::Defect;
use crate::telemetry;

const VERSION: &str = "1.0.0-staging";

pub(super) async fn root() -> Json<Value> {
    Json(json!({
        "name": "AgentVerse API", "version": "1.0.0-staging", "docs": "/docs", "health": "/health",
        "metrics": "/metrics",
    }))
}

fn body(app: &Shared, status: &str, dependencies: &Value) -> Json<Value> {
    let flaps = app.deployed.get().is_some_and(|since| since.elapsed() < Duration::from_secs(2));
    let other = flaps || app.switch.passed(Defect::VersionChanges);
    let version = if other { "1.0.1-staging" } else { VERSION };
    let environment = if app.switch.passed(Defect::OtherEnvironment) { "production" } else { "staging" };
    let behind = chrono::TimeDelta::minutes(if app.switch.has(Defect::ClockOff) { 7 } else { 0 });
    Json(json!({
        "status": status, "version": version, "environment": environment,
        "timestamp": telemetry::text(chrono::Utc::now() - behind),
        "uptime_seconds": (app.started.elapsed().as_secs_f64() * 100.0).round() / 100.0,
        "dependencies": dependencies,
    }))
}

pub(super) async fn live(State(app): State<Shared>) -> Json<Value> {
    body(&app, "healthy", &Value::Null)
}

fn dependency(
    name: &str,
    started: Instant,
    outcome: Result<(), Away>,
    on_failure: &str,
    details: &Value,
) -> Value {
    let latency = (started.elapsed().as_secs_f64() * 100_000.0).round() / 100.0;
    match outcome {
        Ok(()) => {
            json!({"name": name, "status": "healthy", "latency_ms": latency, "message": null, "details": details})
        }
        Err(error) => {
            let message: String = error.0.chars().take(100).collect();
            json!({"name": name, "status": on_failure, "latency_ms": null, "message": message, "details": null})
        }
    }
}

pub(super) async fn ready(State(app): State<Shared>) -> Json<Value> {
    let now = Instant::now;
    let (started, clients) = (now(), &app.clients);
    let postgresql =
        dependency("postgresql", started, clients.postgres_answers().await, "unhealthy", &Value::Null);
    let started = now();
    let redis = dependency("redis", started, clients.redis_answers().await, "unhealthy", &Value::Null);
    let redis = if app.switch.passed(Defect::ReadyUnhealthy) {
        let full = Away("OOM command not allowed when used memory > 'maxmemory'".into());
        dependency("redis", started, Err(full), "unhealthy", &Value::Null)
    } else {
        redis
    };
    // The recorded generations tell the length of a list that nothing is ever put into (API facts 6).
    let started = now();
    let length = if app.setup.behaviour.tells_queue_length() {
        clients.queue_length().await
    } else {
        clients.redis_answers().await.map(|()| 0)
    };
    let details = json!({"queue_length": length.as_ref().copied().unwrap_or(0)});
    let celery = dependency("celery", started, length.map(|_| ()), "degraded", &details);
    let started = now();
    let storage = {
        let _turn = app.storage_turn.lock().await;
        let details = json!({"bucket": BUCKET, "backend": "s3"});
        dependency("storage", started, clients.bucket_answers().await, "degraded", &details)
    };
    let is = |one: &Value, status: &str| one["status"] == status;
    let status = if is(&postgresql, "unhealthy") || is(&redis, "unhealthy") {
        "unhealthy"
    } else if is(&celery, "healthy") && is(&storage, "healthy") {
        "healthy"
    } else {
        "degraded"
    };
    body(&app, status, &json!([postgresql, redis, celery, storage]))
}

pub(super) async fn storage_test(State(app): State<Shared>) -> Json<Value> {
    let id = Uuid::new_v4().simple().to_string();
    let key = format!("smoke-tests/storage-test-{}.txt", &id[..8]);
    let content = format!("storage test {id}");
    let milliseconds = |started: Instant| (started.elapsed().as_secs_f64() * 100_000.0).round() / 100.0;
    let mut answer = json!({
        "timestamp": telemetry::text(chrono::Utc::now()), "environment": "staging", "storage_backend": "s3",
        "storage_bucket": BUCKET,
    });
    let _turn = app.storage_turn.lock().await;
    // The preflight's own probe is the first.
    if app.switch.nth(Defect::DependencyFreezes, 2) {
        app.freeze(8_000);
    }
    let started = Instant::now();
    let outcome = async {
        app.clients.put(&key, content.clone().into_bytes(), "text/plain").await?;
        let write = milliseconds(started);
        let started = Instant::now();
        let read = app.clients.fetch(&key).await?;
        Ok::<_, Away>((write, milliseconds(started), read == content.as_bytes()))
    };
    match outcome.await {
        Ok((write, read, verified)) => {
            answer["status"] = "success".into();
            answer["test_object_key"] = key.into();
            answer["write_latency_ms"] = write.into();
            answer["read_latency_ms"] = read.into();
            answer["content_verified"] = verified.into();
        }
        Err(error) => {
            answer["status"] = "error".into();
            answer["message"] = error.0.clone().into();
            answer["traceback"] = format!("Traceback (most recent call last):\n{error}").into();
        }
    }
    Json(answer)
}

pub(super) async fn llm() -> Json<Value> {
    Json(json!({
        "timestamp": telemetry::text(chrono::Utc::now()), "environment": "staging", "api_key_configured": true,
        "api_key_prefix": "sk-", "default_model": "openai/gpt-4o-mini", "status": "healthy",
    }))
}

/// The document by which the generation is recognised.
pub(super) async fn openapi(State(app): State<Shared>) -> Json<Value> {
    let mut paths = vec![
        "/health",
        "/health/ready",
        "/api/v1/auth/login",
        "/api/v1/project-specs/",
        "/api/v1/runs",
        "/api/v1/nodes/fork/",
        "/api/v1/calibration/auto-tune",
        "/api/v1/exports",
        "/api/v1/replay/chunk",
    ];
    if app.setup.behaviour.second_generation() {
        paths.extend(["/api/v1/calibration/jobs", "/api/v1/teg/nodes/{node_id}/expand", "/health/llm"]);
    }
    let paths: serde_json::Map<String, Value> =
        paths.into_iter().map(|path| (path.to_owned(), json!({}))).collect();
    Json(
        json!({"openapi": "3.1.0", "info": {"title": "AgentVerse API", "version": "1.0.0-staging"}, "paths": paths}),
    )
}
