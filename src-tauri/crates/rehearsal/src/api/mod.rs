//! The API process: AgentVerse's HTTP contract (API facts 3 and 4), state in the database, queue and bucket.

mod calibration;
mod front;
mod health;
mod nodes;
mod ops;
mod runs;
mod session;
mod storage;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::clients::{Away, Clients};
use crate::config::{Outcome, Setup, say};
use crate::drills::Switch;

/// What the handlers share.
pub(crate) struct App {
    pub(super) setup: Setup,
    pub(super) switch: Switch,
    pub(super) clients: Clients,
    pub(super) started: Instant,
    pub(super) started_at: DateTime<Utc>,
    /// In memory on purpose: a restart of the API loses them (API facts 4.6, 4.8).
    pub(super) scenarios: Mutex<HashMap<String, String>>,
    pub(super) exports: Mutex<HashMap<String, Value>>,
    /// Storage probes block the event loop one after another (API facts 4.1).
    pub(super) storage_turn: tokio::sync::Mutex<()>,
    /// Held by whatever stands in the way of every request.
    pub(super) frozen: tokio::sync::RwLock<()>,
    /// When another version began to answer, where one does.
    pub(super) deployed: OnceLock<Instant>,
    /// Database connections that streams may hold, where they hold one.
    pub(super) pool: Arc<tokio::sync::Semaphore>,
}

impl App {
    /// Lets every request wait for so long.
    pub(super) fn freeze(self: &Arc<Self>, milliseconds: u64) {
        let app = Arc::clone(self);
        tokio::spawn(async move {
            let _nobody_else = app.frozen.write().await;
            tokio::time::sleep(std::time::Duration::from_millis(milliseconds)).await;
        });
    }
}

pub(super) type Shared = Arc<App>;

/// A refusal in one of the API's forms (API facts 3.4).
pub(super) enum Refusal {
    /// `{"detail": …}`.
    Detail(StatusCode, String),
    /// Validation: a list of what is wrong.
    Invalid(&'static str, &'static str),
    /// An unhandled exception: plain text.
    Unhandled,
}

pub(super) type Answer<T> = Result<T, Refusal>;

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Detail(status, detail) => (status, axum::Json(json!({"detail": detail}))).into_response(),
            Self::Invalid(place, field) => {
                let body = json!({"detail": [
                    {"type": "missing", "loc": [place, field], "msg": "Field required", "input": null}
                ]});
                (StatusCode::UNPROCESSABLE_ENTITY, axum::Json(body)).into_response()
            }
            Self::Unhandled => (StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error").into_response(),
        }
    }
}

impl From<Away> for Refusal {
    fn from(error: Away) -> Self {
        say(&format!("ERROR: Exception in ASGI application: {error}"));
        Self::Unhandled
    }
}

pub(super) fn detail(status: StatusCode, text: impl Into<String>) -> Refusal {
    Refusal::Detail(status, text.into())
}

pub(super) fn not_found() -> Refusal {
    detail(StatusCode::NOT_FOUND, "Not Found")
}

pub(crate) async fn serve(setup: Setup) -> Outcome {
    let app: Shared = Arc::new(App {
        clients: Clients::new(&setup)?,
        switch: setup.behaviour.switch(),
        setup,
        started: Instant::now(),
        started_at: Utc::now(),
        scenarios: Mutex::default(),
        exports: Mutex::default(),
        storage_turn: tokio::sync::Mutex::new(()),
        frozen: tokio::sync::RwLock::new(()),
        deployed: OnceLock::new(),
        pool: Arc::new(tokio::sync::Semaphore::new(8)),
    });
    let listener = TcpListener::bind(("127.0.0.1", app.setup.api_port)).await?;
    say(&format!("Application startup complete at {}", app.started_at));
    axum::serve(listener, router(app)).await?;
    Ok(())
}

fn router(app: Shared) -> Router {
    let second = app.setup.behaviour.second_generation();
    let mut router = Router::new()
        .route("/", get(health::root))
        .route("/health", get(health::live))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .route("/health/storage-test", get(health::storage_test))
        .route("/api/v1/openapi.json", get(health::openapi))
        .route("/api/v1/auth/login", post(session::login))
        .route("/api/v1/auth/me", get(session::me))
        .route("/api/v1/project-specs/", get(runs::projects).post(runs::create_project))
        .route("/api/v1/project-specs/{id}", get(runs::project).delete(runs::delete_project))
        .route("/api/v1/runs", get(runs::list).post(runs::create))
        .route("/api/v1/runs/{id}", get(runs::read))
        .route("/api/v1/runs/{id}/start", post(runs::start))
        .route("/api/v1/runs/{id}/cancel", post(runs::cancel))
        .route("/api/v1/runs/{id}/progress", get(runs::progress))
        .route("/api/v1/runs/{id}/traces", get(runs::traces))
        .route("/api/v1/runs/{id}/outcome", get(runs::outcome))
        .route("/api/v1/evidence/signature/{id}", get(runs::signature))
        .route("/api/v1/nodes/fork/", post(nodes::fork))
        .route("/api/v1/nodes/", get(nodes::list))
        .route("/api/v1/nodes/{id}", get(nodes::read))
        .route("/api/v1/nodes/{id}/run-ensemble", post(nodes::run_ensemble))
        .route("/api/v1/nodes/universe-map/{id}", get(nodes::universe_map))
        .route("/api/v1/calibration/scenarios", post(calibration::create_scenario))
        .route("/api/v1/calibration/run", post(calibration::run))
        .route("/api/v1/calibration/auto-tune", post(calibration::auto_tune))
        .route("/api/v1/replay/chunk", post(storage::replay_chunk))
        .route("/api/v1/exports", post(storage::create_export))
        .route("/api/v1/exports/{id}", get(storage::read_export))
        .route("/api/v1/exports/{id}/download", get(storage::download_export))
        .route("/api/v1/telemetry/{id}", get(storage::telemetry_index))
        .route("/api/v1/telemetry/{id}/stream", get(storage::telemetry_stream))
        .route("/api/v1/ops/chaos/worker-status", get(ops::worker_status))
        .route("/api/v1/ops/chaos/force-boot-id", post(ops::force_boot_id))
        .route("/api/v1/ops/chaos/worker-exit", post(ops::worker_exit))
        .route("/api/v1/ops/test/status", get(ops::status))
        .route("/api/v1/ops/test/run-status/{id}", get(ops::run_status));
    if second {
        router = router
            .route("/health/llm", get(health::llm))
            .route("/api/v1/calibration/jobs", post(calibration::create_job))
            .route("/api/v1/calibration/jobs/{id}", get(calibration::read_job));
    }
    router
        .fallback(front::unknown)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&app), front::limited))
        .with_state(app)
}
