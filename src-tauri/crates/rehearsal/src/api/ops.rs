//! The staging ops endpoints behind their own key (API facts 3.2, 4.2, 4.3).

use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Answer, Refusal, Shared, detail};
use crate::redis::Task;
use crate::telemetry;

/// Proof that the ops key was sent.
pub(super) struct Ops;

impl FromRequestParts<Shared> for Ops {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, app: &Shared) -> Result<Self, Refusal> {
        let key = parts.headers.get("x-api-key").ok_or(Refusal::Invalid("header", "X-API-Key"))?;
        if key.as_bytes() == app.setup.ops_key.as_bytes() {
            Ok(Self)
        } else {
            Err(detail(StatusCode::UNAUTHORIZED, "Invalid staging API key"))
        }
    }
}

fn now() -> Value {
    telemetry::text(chrono::Utc::now()).into()
}

pub(super) async fn worker_status(State(app): State<Shared>, _: Ops) -> Answer<Json<Value>> {
    let boot = app.clients.boot().await?;
    let status = if boot.is_some() { "available" } else { "unavailable" };
    let id = boot.as_ref().map(|boot| boot["boot_id"].clone());
    let seen = boot.as_ref().map(|boot| boot["boot_timestamp"].clone());
    Ok(Json(json!({
        "status": status, "boot_info": boot, "worker_boot_id": id, "last_seen_ts": seen,
        "redis_key_used": "staging:worker:boot_info", "timestamp": now(),
    })))
}

pub(super) async fn force_boot_id(State(app): State<Shared>, _: Ops) -> Answer<Json<Value>> {
    let token = Uuid::new_v4().to_string();
    app.clients.push(&Task::Heartbeat { token: token.clone() }).await?;
    Ok(Json(match app.clients.result(&token, Duration::from_secs(20)).await? {
        Some(result) => json!({"status": "success", "task_id": token, "heartbeat_result": result}),
        None => json!({"status": "timeout", "task_id": token, "message": "The operation timed out."}),
    }))
}

pub(super) async fn worker_exit(State(app): State<Shared>, _: Ops) -> Answer<Json<Value>> {
    let id_of =
        |boot: &Option<Value>| boot.as_ref().and_then(|boot| boot["boot_id"].as_str().map(str::to_owned));
    let Some(before) = id_of(&app.clients.boot().await?) else {
        return Ok(Json(
            json!({"status": "error", "message": "No worker boot info found", "timestamp": now()}),
        ));
    };
    let started = tokio::time::Instant::now();
    app.clients.push(&Task::Exit).await?;
    let mut after = None;
    while started.elapsed() < Duration::from_secs(120) {
        tokio::time::sleep(Duration::from_secs(2)).await;
        after = id_of(&app.clients.boot().await?).filter(|id| *id != before);
        if after.is_some() {
            break;
        }
    }
    Ok(Json(json!({
        "status": if after.is_some() { "success" } else { "timeout" }, "correlation_id": Uuid::new_v4().to_string(),
        "before_boot_id": before, "after_boot_id": after, "restart_verified": after.is_some(),
        "time_to_restart_seconds": started.elapsed().as_secs_f64(), "timestamp": now(),
    })))
}

pub(super) async fn status(State(app): State<Shared>, _: Ops) -> Answer<Json<Value>> {
    let available = app.clients.boot().await?.is_some();
    Ok(Json(json!({
        "status": if available { "ready" } else { "worker_unavailable" }, "environment": "staging",
        "staging_ops_configured": true, "worker_available": available, "timestamp": now(),
    })))
}

pub(super) async fn run_status(
    State(app): State<Shared>,
    _: Ops,
    Path(id): Path<String>,
) -> Answer<Json<Value>> {
    if Uuid::parse_str(&id).is_err() {
        return Ok(Json(json!({"status": "invalid_uuid", "run_id": id})));
    }
    let rows = app.clients.query("SELECT status FROM runs WHERE id = ?", [id.as_str().into()]).await?;
    Ok(Json(match rows.first() {
        Some(row) => json!({"run_id": id, "status": row["status"], "worker_id": null, "timestamp": now()}),
        None => json!({"status": "not_found", "run_id": id}),
    }))
}
