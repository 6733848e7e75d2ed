//! Calibration and auto-tune (API facts 4.6).

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde_json::{Value, json};
use uuid::Uuid;

use super::runs::owned_project;
use super::session::User;
use super::{Answer, Refusal, Shared, detail, not_found};
use crate::clients::sql;
use crate::drills::Defect;
use crate::redis::Task;
use crate::telemetry;

fn text<'a>(body: &'a Value, field: &'static str) -> Answer<&'a str> {
    body[field].as_str().ok_or(Refusal::Invalid("body", field))
}

pub(super) async fn create_scenario(
    State(app): State<Shared>,
    user: User,
    Json(body): Json<Value>,
) -> Answer<(StatusCode, Json<Value>)> {
    let project = text(&body, "project_id")?;
    let name = text(&body, "name")?;
    owned_project(&app, &user, project).await?;
    let id = Uuid::new_v4().to_string();
    app.scenarios.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), project.to_owned());
    let answer = json!({
        "scenario_id": id, "project_id": project, "name": name, "data_cutoff": body["data_cutoff"],
        "status": "created", "created_at": telemetry::text(chrono::Utc::now()),
    });
    Ok((StatusCode::CREATED, Json(answer)))
}

pub(super) async fn run(
    State(app): State<Shared>,
    _: User,
    Json(body): Json<Value>,
) -> Answer<(StatusCode, Json<Value>)> {
    let scenario = text(&body, "scenario_id")?;
    if !app.scenarios.lock().unwrap_or_else(PoisonError::into_inner).contains_key(scenario) {
        return Err(detail(StatusCode::NOT_FOUND, "Scenario not found"));
    }
    let side = |name: &str| -> Answer<BTreeMap<String, f64>> {
        serde_json::from_value(body["ground_truth"][name].clone())
            .map_err(|_| Refusal::Invalid("body", "ground_truth"))
    };
    let (predicted, actual) = (side("predicted")?, side("actual")?);
    let squares: Vec<f64> = predicted
        .iter()
        .filter_map(|(key, value)| actual.get(key).map(|truth| (value - truth).powi(2)))
        .collect();
    let mut brier = squares.iter().sum::<f64>() / squares.len().max(1) as f64;
    if app.switch.nth(Defect::CalibrationWrong, 4) {
        brier = brier.sqrt();
    }
    let answer = json!({
        "calibration_id": Uuid::new_v4().to_string(), "scenario_id": scenario, "status": "completed",
        "brier_score": brier, "ece_score": brier.sqrt(), "comparison_summary": {}, "evidence_refs": [],
        "calibration_timestamp": telemetry::text(chrono::Utc::now()),
    });
    Ok((StatusCode::CREATED, Json(answer)))
}

pub(super) async fn auto_tune(
    State(app): State<Shared>,
    user: User,
    Json(body): Json<Value>,
) -> Answer<(StatusCode, Json<Value>)> {
    let project = text(&body, "project_id")?;
    owned_project(&app, &user, project).await?;
    if !app.setup.behaviour.auto_tune_works() {
        // A missing audit constant (API facts 1.8).
        return Err(Refusal::Unhandled);
    }
    let token = Uuid::new_v4().to_string();
    app.clients.push(&Task::Tune { token: token.clone(), project_id: project.into() }).await?;
    let Some(version) = app.clients.result(&token, Duration::from_secs(25)).await? else {
        return Err(Refusal::Unhandled);
    };
    let mut number = version["version_number"].as_i64();
    if app.switch.nth(Defect::VersionDoubled, 5) {
        // As if it had been computed before another one was stored.
        number = number.map(|number| if number > 1 { number - 1 } else { number + 1 });
    }
    let answer = json!({
        "version_id": version["version_id"], "version_number": number, "status": "proposed",
        "parameters": {"learning_rate": 0.1}, "calibration_score": 0.82, "requires_approval": true,
        "previous_version_id": null,
    });
    Ok((StatusCode::CREATED, Json(answer)))
}

pub(super) async fn create_job(
    State(app): State<Shared>,
    user: User,
    Query(query): Query<BTreeMap<String, String>>,
) -> Answer<(StatusCode, Json<Value>)> {
    let project = query.get("project_id").ok_or(Refusal::Invalid("query", "project_id"))?;
    owned_project(&app, &user, project).await?;
    let id = Uuid::new_v4().to_string();
    let row = sql(
        "INSERT INTO jobs VALUES (?, ?, ?, 'queued', 0, ?, NULL)",
        [
            id.as_str().into(),
            project.as_str().into(),
            user.id.as_str().into(),
            telemetry::text(chrono::Utc::now()).into(),
        ],
    );
    app.clients.transaction(&[row]).await?;
    if !app.setup.behaviour.jobs_work() {
        // After the row was committed: it stays queued for ever (API facts 4.6).
        return Err(Refusal::Unhandled);
    }
    if !app.switch.nth(Defect::JobForgotten, 4) {
        app.clients.push(&Task::Job { job_id: id.clone() }).await?;
    }
    let answer = json!({"job_id": id, "status": "queued", "message": "Calibration job queued"});
    Ok((StatusCode::CREATED, Json(answer)))
}

pub(super) async fn read_job(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<String>,
) -> Answer<Json<Value>> {
    let rows = app
        .clients
        .query("SELECT * FROM jobs WHERE id = ? AND tenant = ?", [id.into(), user.id.into()])
        .await?;
    let row = rows.into_iter().next().ok_or_else(not_found)?;
    Ok(Json(json!({
        "id": row["id"], "tenant_id": row["tenant"], "project_id": row["project"], "status": row["status"],
        "progress": row["progress"], "total_iterations": 50, "created_at": row["created"],
        "finished_at": row["finished"], "error_message": null,
    })))
}
