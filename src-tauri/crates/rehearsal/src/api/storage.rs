//! What is read from the bucket or kept in memory: telemetry, replay, exports (API facts 4.7, 4.8).

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Read as _;
use std::sync::PoisonError;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use flate2::read::GzDecoder;
use futures::Stream;
use serde_json::{Value, json};
use uuid::Uuid;

use super::runs::{now, owned_project, owned_run, run_answer};
use super::session::User;
use super::{Answer, Refusal, Shared, detail};
use crate::drills::Drill;
use crate::telemetry::TICKS;

/// Reads and unzips a telemetry object.
async fn telemetry(app: &Shared, key: &str) -> Answer<Value> {
    let bytes = app.clients.fetch(key).await?;
    let mut text = String::new();
    GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).map_err(|_| Refusal::Unhandled)?;
    serde_json::from_str(&text).map_err(|_| Refusal::Unhandled)
}

async fn of_run(app: &Shared, user: &User, id: &str) -> Answer<Value> {
    if !app.setup.behaviour.second_generation {
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
    let start = if app.restarted && app.setup.behaviour.has(Drill::StreamGap) { start + 3 } else { start };
    let pause = Duration::from_secs_f64(1.0 / speed);
    let connection = if app.setup.behaviour.has(Drill::StreamsUsePool) {
        app.pool.clone().acquire_owned().await.ok()
    } else {
        None
    };
    let flow = Flow { pause, defect: app.setup.behaviour.defect, _connection: connection };
    let mut response = Sse::new(flow.ticks(start.max(0))).into_response();
    response.headers_mut().insert("x-accel-buffering", "no".parse().map_err(|_| Refusal::Unhandled)?);
    Ok(response)
}

/// A stream that flows.
struct Flow {
    pause: Duration,
    defect: Option<Drill>,
    /// Kept as long as the stream is open, where a drill makes connections scarce.
    _connection: Option<tokio::sync::OwnedSemaphorePermit>,
}

/// Where the drills of streams go wrong: late enough that every stream passes it.
const ODD_TICK: i64 = TICKS - 5;

impl Flow {
    /// Every tick from `start` to the last one, then the end event; no event ids (API facts 4.7).
    fn ticks(self, start: i64) -> impl Stream<Item = Result<Event, Infallible>> {
        let order = self.order(start);
        let end = Event::default().event("complete").data(json!({"final_tick": TICKS}).to_string());
        let end = (self.defect != Some(Drill::StreamWithoutEnd)).then_some(end);
        futures::stream::unfold(
            (self, order.into_iter(), end, false),
            |(flow, mut order, end, begun)| async move {
                let Some(tick) = order.next() else {
                    return end.map(|event| (Ok(event), (flow, order, None, begun)));
                };
                if flow.defect == Some(Drill::StreamStalls) && tick == ODD_TICK {
                    std::future::pending::<()>().await;
                }
                if begun {
                    tokio::time::sleep(flow.pause).await;
                }
                let data = json!({"tick": tick, "total_ticks": TICKS, "keyframes": [], "events": []});
                Some((Ok(Event::default().event("tick").data(data.to_string())), (flow, order, end, true)))
            },
        )
    }

    /// The ticks in the order in which they are sent.
    fn order(&self, start: i64) -> Vec<i64> {
        let mut order: Vec<i64> = (start..=TICKS).collect();
        let odd = order.iter().position(|tick| *tick == ODD_TICK);
        match (self.defect, odd) {
            (Some(Drill::TickMissing), Some(at)) => {
                order.remove(at);
            }
            (Some(Drill::TickRepeated), Some(at)) => order.insert(at, ODD_TICK),
            (Some(Drill::TicksOutOfOrder), Some(at)) => order.swap(at, at + 1),
            _ => {}
        }
        order
    }
}

pub(super) async fn replay_chunk(
    State(app): State<Shared>,
    _: User,
    Query(query): Query<BTreeMap<String, String>>,
    Json(reference): Json<Value>,
) -> Answer<Json<Value>> {
    let key = reference["key"].as_str().ok_or(Refusal::Invalid("body", "key"))?;
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
    let mut records = Vec::new();
    if app.setup.behaviour.exports_hold_records
        && let Some(project) = body["project_id"].as_str()
    {
        owned_project(&app, &user, project).await?;
        let text = "SELECT * FROM runs WHERE project = ? ORDER BY created";
        records = app.clients.query(text, [project.into()]).await?.iter().map(run_answer).collect();
        if app.setup.behaviour.has(Drill::ExportForeign) {
            let elsewhere = Value::from(Uuid::new_v4().to_string());
            for record in &mut records {
                record["project_id"] = elsewhere.clone();
            }
        }
    }
    let id = Uuid::new_v4().to_string();
    let answer = json!({
        "export_id": id, "status": "completed", "format": "json", "record_count": records.len(),
        "redacted_field_count": 0, "download_url": format!("/api/v1/exports/{id}/download"), "error_message": null,
        "metadata": {}, "created_at": now(),
    });
    let kept = json!({"answer": answer, "records": records});
    app.exports.lock().unwrap_or_else(PoisonError::into_inner).insert(id, kept);
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

fn kept(app: &Shared, id: &str) -> Answer<Value> {
    let exports = app.exports.lock().unwrap_or_else(PoisonError::into_inner);
    exports.get(id).cloned().ok_or_else(|| detail(StatusCode::NOT_FOUND, "Export not found"))
}

pub(super) async fn read_export(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<String>,
) -> Answer<Json<Value>> {
    Ok(Json(kept(&app, &id)?["answer"].clone()))
}

pub(super) async fn download_export(
    State(app): State<Shared>,
    _: User,
    Path(id): Path<String>,
) -> Answer<Json<Value>> {
    Ok(Json(kept(&app, &id)?["records"].clone()))
}
