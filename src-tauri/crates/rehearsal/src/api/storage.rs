//! What is read from the bucket or kept in memory: telemetry, replay, exports (API facts 4.7, 4.8).

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::io::Read as _;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;
use futures::Stream;
use serde_json::{Value, json};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use super::runs::{now, owned_project, owned_run, run_answer};
use super::session::User;
use super::{Answer, Refusal, Shared, detail};
use crate::clients::sql;
use crate::drills::Defect;
use crate::telemetry::TICKS;

/// Reads and unzips a telemetry object.
async fn telemetry(app: &Shared, key: &str) -> Answer<Value> {
    let bytes = app.clients.fetch(key).await?;
    let mut text = String::new();
    GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).map_err(|_| Refusal::Unhandled)?;
    serde_json::from_str(&text).map_err(|_| Refusal::Unhandled)
}

async fn of_run(app: &Shared, user: &User, id: &str) -> Answer<Value> {
    if !app.setup.behaviour.second_generation() {
        return Err(Refusal::Unhandled);
    }
    let run = run_answer(&owned_run(app, user, id).await?);
    let key =
        run["telemetry_ref"]["key"].as_str().ok_or_else(|| detail(StatusCode::NOT_FOUND, "No telemetry"))?;
    telemetry(app, key).await
}

pub(super) async fn telemetry_index(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<String>,
) -> Answer<Json<Value>> {
    let content = of_run(&app, &user, &id).await?;
    Ok(Json(json!({
        "run_id": id, "total_ticks": content["ticks_executed"],
        "keyframe_ticks": content["index"]["keyframe_ticks"], "event_types": [], "agent_ids": [],
        "telemetry_schema_version": content["schema_version"], "total_agents": content["agent_count"],
        "total_events": 0, "metric_keys": [],
    })))
}

pub(super) async fn telemetry_stream(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Answer<Response> {
    let number = |name: &str| query.get(name).and_then(|text| text.parse::<f64>().ok());
    #[expect(clippy::cast_possible_truncation, reason = "a tick is a small whole number")]
    let start = number("start_tick").unwrap_or(0.0) as i64;
    let speed = number("speed").unwrap_or(1.0).clamp(0.1, 10.0);
    of_run(&app, &user, &id).await?;
    let connection = connection(&app).await?;
    let mut start = start.max(0);
    if app.setup.restarts > 0 && app.switch.has(Defect::StreamGap) {
        start += 1;
    }
    let flaw = STREAM_FLAWS.into_iter().find(|flaw| app.switch.nth(*flaw, 4));
    let steps = steps(start, flaw);
    let behaviour = app.setup.behaviour.clone();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 100 and 10,000")]
    let usual = (1000.0 / speed) as u64;
    let pause = move || Duration::from_millis(behaviour.about(usual));
    let mut response = Sse::new(ticks(steps, pause, connection)).into_response();
    response.headers_mut().insert("x-accel-buffering", "no".parse().map_err(|_| Refusal::Unhandled)?);
    Ok(response)
}

/// A connection of the database's pool, where streams hold one as long as they are open (API facts 17.14).
async fn connection(app: &Shared) -> Answer<Option<OwnedSemaphorePermit>> {
    if !app.switch.has(Defect::StreamsUsePool) {
        return Ok(None);
    }
    let wanted = Arc::clone(&app.pool).acquire_owned();
    match tokio::time::timeout(Duration::from_secs(2), wanted).await {
        Ok(Ok(connection)) => Ok(Some(connection)),
        _ => Err(Refusal::Unhandled),
    }
}

/// What can go wrong with one stream of many.
const STREAM_FLAWS: [Defect; 5] = [
    Defect::TickMissing,
    Defect::TickRepeated,
    Defect::TicksOutOfOrder,
    Defect::StreamWithoutEnd,
    Defect::StreamStalls,
];

/// What a stream does next.
#[derive(Clone, Copy)]
enum Step {
    Tick(i64),
    End,
    Silence,
}

/// Every tick from `start` to the last one, then the end event.
fn steps(start: i64, flaw: Option<Defect>) -> VecDeque<Step> {
    let mut ticks: Vec<i64> = (start..=TICKS).collect();
    let middle = ticks.len() / 2;
    let mut silence = None;
    let mut end = Some(Step::End);
    match flaw {
        Some(Defect::TickMissing) => {
            ticks.remove(middle);
        }
        Some(Defect::TickRepeated) => ticks.insert(middle, ticks[middle]),
        Some(Defect::TicksOutOfOrder) => ticks.swap(middle, middle - 1),
        Some(Defect::StreamWithoutEnd) => end = None,
        Some(Defect::StreamStalls) => silence = Some((middle, Step::Silence)),
        _ => {}
    }
    let mut steps: VecDeque<Step> = ticks.into_iter().map(Step::Tick).chain(end).collect();
    if let Some((at, step)) = silence {
        steps.insert(at, step);
    }
    steps
}

/// One event a step; no event ids (API facts 4.7).
fn ticks(
    steps: VecDeque<Step>,
    pause: impl Fn() -> Duration,
    connection: Option<OwnedSemaphorePermit>,
) -> impl Stream<Item = Result<Event, Infallible>> {
    let state = (steps, connection, pause, true);
    futures::stream::unfold(state, move |(mut steps, connection, pause, first)| async move {
        let event = match steps.pop_front()? {
            Step::End => Event::default().event("complete").data(json!({"final_tick": TICKS}).to_string()),
            Step::Silence => std::future::pending().await,
            Step::Tick(tick) => {
                if !first {
                    tokio::time::sleep(pause()).await;
                }
                let data = json!({"tick": tick, "total_ticks": TICKS, "keyframes": [], "events": []});
                Event::default().event("tick").data(data.to_string())
            }
        };
        Some((Ok(event), (steps, connection, pause, false)))
    })
}

pub(super) async fn replay_chunk(
    State(app): State<Shared>,
    user: User,
    Query(query): Query<BTreeMap<String, String>>,
    Json(reference): Json<Value>,
) -> Answer<Json<Value>> {
    let key = reference["key"].as_str().ok_or(Refusal::Invalid("body", "key"))?;
    // The recorded generations trust the key (API facts 17.19).
    if app.setup.behaviour.guards_objects() && !key.starts_with(&format!("telemetry/{}/", user.id)) {
        return Err(detail(StatusCode::FORBIDDEN, "Not authorized for this object"));
    }
    telemetry(&app, key).await?;
    let number =
        |name: &str, default: i64| query.get(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (start, end) = (number("start_tick", 0), number("end_tick", 1000));
    let states: Vec<Value> =
        (start..=end).filter(|tick| tick % 10 == 0).map(|tick| json!({"tick": tick, "agents": {}})).collect();
    Ok(Json(json!({
        "start_tick": start, "end_tick": end, "keyframe_count": 1, "delta_count": end - start, "states": states,
    })))
}

pub(super) async fn create_export(
    State(app): State<Shared>,
    user: User,
    Json(body): Json<Value>,
) -> Answer<(StatusCode, Json<Value>)> {
    if !user.is_admin {
        return Err(detail(StatusCode::BAD_REQUEST, "Missing permission: result:export"));
    }
    drop(connection(&app).await?);
    let mut records: Vec<Value> = Vec::new();
    if app.setup.behaviour.exports_hold_records()
        && let Some(project) = body["project_id"].as_str()
    {
        owned_project(&app, &user, project).await?;
        let text = "SELECT * FROM runs WHERE project = ? ORDER BY created";
        records = app.clients.query(text, [project.into()]).await?.iter().map(run_answer).collect();
    }
    if app.switch.nth(Defect::ExportForeign, 4)
        && let Some(record) = records.first_mut()
    {
        record["project_id"] = Uuid::new_v4().to_string().into();
    }
    let id = Uuid::new_v4().to_string();
    let answer = json!({
        "export_id": id, "status": "completed", "format": "json", "record_count": records.len(),
        "redacted_field_count": 0, "download_url": format!("/api/v1/exports/{id}/download"), "error_message": null,
        "metadata": {}, "created_at": now(),
    });
    let kept = json!({"answer": answer, "records": records});
    if app.setup.behaviour.exports_are_kept() {
        let row = sql("INSERT INTO exports VALUES (?, ?)", [id.into(), kept.to_string().into()]);
        app.clients.transaction(&[row]).await?;
    } else {
        app.exports.lock().unwrap_or_else(PoisonError::into_inner).insert(id, kept);
    }
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

async fn kept(app: &Shared, id: &str) -> Answer<Value> {
    let missing = || detail(StatusCode::NOT_FOUND, "Export not found");
    if app.setup.behaviour.exports_are_kept() {
        let rows = app.clients.query("SELECT kept FROM exports WHERE id = ?", [id.into()]).await?;
        let text = rows.first().and_then(|row| row["kept"].as_str()).ok_or_else(missing)?;
        return serde_json::from_str(text).map_err(|_| Refusal::Unhandled);
    }
    let exports = app.exports.lock().unwrap_or_else(PoisonError::into_inner);
    exports.get(id).cloned().ok_or_else(missing)
}

pub(super) async fn read_export(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<String>,
) -> Answer<Json<Value>> {
    Ok(Json(kept(&app, &id).await?["answer"].clone()))
}

pub(super) async fn download_export(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<String>,
) -> Answer<Json<Value>> {
    Ok(Json(kept(&app, &id).await?["records"].clone()))
}
