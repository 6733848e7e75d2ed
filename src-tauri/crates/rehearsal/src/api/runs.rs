//! Projects and runs (API facts 4.4).

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::session::User;
use super::{Answer, Refusal, Shared, detail};
use crate::clients::sql;
use crate::postgres::Statement;
use crate::redis::Task;
use crate::telemetry;

type Row = Map<String, Value>;

pub(super) fn now() -> String {
    telemetry::text(chrono::Utc::now())
}

fn project_answer(row: &Row) -> Value {
    json!({
        "id": row["id"], "tenant_id": row["tenant"], "name": row["name"], "description": row["description"],
        "domain": "custom", "dataset_refs": [], "schema_version": "1.0.0", "project_version": "1.0.0", "settings": {},
        "created_at": row["created"], "updated_at": row["created"],
    })
}

/// The project, if it is this user's.
pub(super) async fn owned_project(app: &Shared, user: &User, id: &str) -> Answer<Row> {
    let found = app
        .clients
        .query("SELECT * FROM projects WHERE id = ? AND tenant = ?", [id.into(), user.id.as_str().into()])
        .await?;
    found.into_iter().next().ok_or_else(|| detail(StatusCode::NOT_FOUND, "Project not found"))
}

pub(super) async fn create_project(
    State(app): State<Shared>,
    user: User,
    Json(body): Json<Value>,
) -> Answer<(StatusCode, Json<Value>)> {
    let name =
        body["name"].as_str().filter(|name| !name.is_empty()).ok_or(Refusal::Invalid("body", "name"))?;
    let id = Uuid::new_v4().to_string();
    let statements = [
        sql(
            "INSERT INTO projects VALUES (?, ?, ?, ?, ?)",
            [
                id.as_str().into(),
                user.id.as_str().into(),
                name.into(),
                body["description"].clone(),
                now().into(),
            ],
        ),
        sql("SELECT * FROM projects WHERE id = ?", [id.as_str().into()]),
    ];
    let rows = app.clients.transaction(&statements).await?;
    let row = rows.last().and_then(|rows| rows.rows.first()).ok_or(Refusal::Unhandled)?;
    Ok((StatusCode::CREATED, Json(project_answer(row))))
}

fn page(query: &BTreeMap<String, String>, default: i64, most: i64) -> (Value, Value) {
    let number =
        |name: &str, default: i64| query.get(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    (number("limit", default).clamp(1, most).into(), number("skip", 0).max(0).into())
}

pub(super) async fn projects(
    State(app): State<Shared>,
    user: User,
    Query(query): Query<BTreeMap<String, String>>,
) -> Answer<Json<Vec<Value>>> {
    let (limit, skip) = page(&query, 20, 100);
    let text = "SELECT * FROM projects WHERE tenant = ? ORDER BY created, id LIMIT ? OFFSET ?";
    let rows = app.clients.query(text, [user.id.into(), limit, skip]).await?;
    Ok(Json(rows.iter().map(project_answer).collect()))
}

pub(super) async fn project(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<String>,
) -> Answer<Json<Value>> {
    Ok(Json(project_answer(&owned_project(&app, &user, &id).await?)))
}

pub(super) async fn delete_project(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    owned_project(&app, &user, &id).await?;
    let one = |text: &str| sql(text, [id.as_str().into()]);
    let statements = [
        one("DELETE FROM nodes WHERE project = ?"),
        one("DELETE FROM edges WHERE project = ?"),
        one("DELETE FROM projects WHERE id = ?"),
    ];
    app.clients.transaction(&statements).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn run_answer(row: &Row) -> Value {
    let parsed = |name: &str| {
        row[name].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok()).unwrap_or(Value::Null)
    };
    json!({
        "run_id": row["id"], "node_id": row["node"], "project_id": row["project"], "label": null,
        "status": row["status"], "config": {}, "seeds": [row["seed"]], "created_at": row["created"],
        "started_at": row["started"], "completed_at": row["completed"], "aggregated_outcome": parsed("outcome"),
        "telemetry_ref": parsed("telemetry"), "reliability_ref": null, "ticks_completed": row["ticks"],
        "agents_processed": 0, "duration_seconds": null, "task_id": null,
    })
}

/// The statement that creates a run, and its id.
pub(super) fn insert_run(
    project: &str,
    node: &str,
    tenant: &str,
    status: &str,
    seed: i64,
) -> (String, Statement) {
    let id = Uuid::new_v4().to_string();
    let columns = "id, project, node, tenant, status, seed, task, created";
    let statement = sql(
        &format!("INSERT INTO runs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"),
        [
            id.as_str().into(),
            project.into(),
            node.into(),
            tenant.into(),
            status.into(),
            seed.into(),
            Uuid::new_v4().to_string().into(),
            now().into(),
        ],
    );
    (id, statement)
}

pub(super) async fn create(
    State(app): State<Shared>,
    user: User,
    Json(body): Json<Value>,
) -> Answer<(StatusCode, Json<Value>)> {
    let project = body["project_id"].as_str().ok_or(Refusal::Invalid("body", "project_id"))?;
    if owned_project(&app, &user, project).await.is_err() {
        let text = "Failed to create run: (IntegrityError) violates foreign key constraint on project_id";
        return Err(detail(StatusCode::INTERNAL_SERVER_ERROR, text));
    }
    let mut statements = Vec::new();
    let node = match body["node_id"].as_str() {
        Some(node) => {
            let known = app
                .clients
                .query("SELECT id FROM nodes WHERE id = ? AND project = ?", [node.into(), project.into()])
                .await?;
            if known.is_empty() {
                return Err(detail(StatusCode::BAD_REQUEST, "Node not found"));
            }
            node.to_owned()
        }
        None => {
            let node = Uuid::new_v4().to_string();
            statements.push(sql(
                "INSERT INTO nodes (id, project, parent, depth, label, created) VALUES (?, ?, NULL, 0, 'Baseline', ?)",
                [node.as_str().into(), project.into(), now().into()],
            ));
            node
        }
    };
    let queued = body["auto_start"] == true;
    let seed = rand::random_range(1..2_000_000_000);
    let status = if queued { "queued" } else { "created" };
    let (id, statement) = insert_run(project, &node, &user.id, status, seed);
    statements.push(statement);
    app.clients.transaction(&statements).await?;
    if queued {
        app.clients.push(&Task::Run { run_id: id.clone() }).await?;
    }
    Ok((StatusCode::CREATED, Json(run_answer(&owned_run(&app, &user, &id).await?))))
}

/// The run, if it is this user's. A malformed id is an unhandled exception (API facts 17.20).
pub(super) async fn owned_run(app: &Shared, user: &User, id: &str) -> Answer<Row> {
    if Uuid::parse_str(id).is_err() {
        return Err(Refusal::Unhandled);
    }
    let found = app
        .clients
        .query("SELECT * FROM runs WHERE id = ? AND tenant = ?", [id.into(), user.id.as_str().into()])
        .await?;
    found.into_iter().next().ok_or_else(|| detail(StatusCode::NOT_FOUND, "Run not found"))
}

pub(super) async fn list(
    State(app): State<Shared>,
    user: User,
    Query(query): Query<BTreeMap<String, String>>,
) -> Answer<Json<Vec<Value>>> {
    let (limit, skip) = page(&query, 20, 100);
    let of = |name: &str| query.get(name).map_or(Value::Null, |text| text.as_str().into());
    let text = "SELECT * FROM runs WHERE tenant = ? AND (? IS NULL OR project = ?) AND (? IS NULL OR node = ?) \
                ORDER BY created DESC LIMIT ? OFFSET ?";
    let (project, node) = (of("project_id"), of("node_id"));
    let parameters = [user.id.into(), project.clone(), project, node.clone(), node, limit, skip];
    let rows = app.clients.query(text, parameters).await?;
    Ok(Json(rows.iter().map(run_answer).collect()))
}

pub(super) async fn read(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<String>,
) -> Answer<Json<Value>> {
    Ok(Json(run_answer(&owned_run(&app, &user, &id).await?)))
}

pub(super) async fn start(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<String>,
) -> Answer<Json<Value>> {
    let row = owned_run(&app, &user, &id).await?;
    let status = row["status"].as_str().unwrap_or_default();
    if status != "created" || !app.setup.behaviour.second_generation() {
        let text = format!("Run must be pending or queued to start. Current status: {status}");
        return Err(detail(StatusCode::BAD_REQUEST, text));
    }
    app.clients
        .transaction(&[sql("UPDATE runs SET status = 'queued' WHERE id = ?", [id.as_str().into()])])
        .await?;
    app.clients.push(&Task::Run { run_id: id.clone() }).await?;
    Ok(Json(run_answer(&owned_run(&app, &user, &id).await?)))
}

pub(super) async fn cancel(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<String>,
) -> Answer<Json<Value>> {
    let row = owned_run(&app, &user, &id).await?;
    let text = format!("Cannot cancel run with status: {}", row["status"].as_str().unwrap_or_default());
    Err(detail(StatusCode::BAD_REQUEST, text))
}

pub(super) async fn progress(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<String>,
) -> Answer<Json<Value>> {
    let row = owned_run(&app, &user, &id).await?;
    let done = row["status"] == "succeeded";
    Ok(Json(json!({
        "run_id": id, "status": row["status"], "progress_percent": if done { 100.0 } else { 0.0 },
        "current_tick": row["ticks"], "max_ticks": 100, "agents_completed": 0, "agents_total": 0,
        "eta_seconds": null, "current_phase": if done { "completed" } else { "pending" },
    })))
}

pub(super) async fn traces(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<String>,
) -> Answer<Json<Vec<Value>>> {
    owned_run(&app, &user, &id).await?;
    let rows = app.clients.query("SELECT * FROM traces WHERE run = ? ORDER BY rowid", [id.into()]).await?;
    let answer = rows.iter().map(|row| {
        json!({
            "run_id": row["run"], "timestamp": row["at"], "worker_id": row["worker"],
            "execution_stage": row["stage"], "description": row["description"],
        })
    });
    Ok(Json(answer.collect()))
}

pub(super) async fn outcome(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<String>,
) -> Answer<Json<Value>> {
    let row = owned_run(&app, &user, &id).await?;
    if row["status"] != "succeeded" {
        let text = format!("Run not completed. Status: {}", row["status"].as_str().unwrap_or_default());
        return Err(detail(StatusCode::BAD_REQUEST, text));
    }
    let mut answer = run_answer(&row)["aggregated_outcome"].clone();
    answer["run_id"] = id.into();
    Ok(Json(answer))
}

pub(super) async fn signature(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<String>,
) -> Answer<Json<Value>> {
    let row = owned_run(&app, &user, &id).await?;
    let hash = |name: &str| hex::encode(Sha256::digest(row[name].as_str().unwrap_or_default().as_bytes()));
    Ok(Json(json!({
        "run_config_hash": hash("project"), "result_hash": hash("outcome"), "telemetry_hash": "0".repeat(64),
        "seed_used": row["seed"], "algorithm": "sha256", "computed_at": now(),
    })))
}
