//! Nodes, forks and the universe map (API facts 4.5).

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::runs::{insert_run, now, owned_project};
use super::session::User;
use super::{Answer, Refusal, Shared, detail};
use crate::clients::sql;
use crate::drills::Drill;
use crate::postgres::Statement;
use crate::redis::Task;

type Row = Map<String, Value>;

fn node_answer(row: &Row) -> Value {
    let runs: Value = row["run_refs"]
        .as_str()
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_else(|| json!([]));
    json!({
        "node_id": row["id"], "project_id": row["project"], "parent_node_id": row["parent"], "depth": row["depth"],
        "label": row["label"], "is_explored": row["explored"] == 1, "is_pruned": false, "probability": 1.0,
        "cumulative_probability": 1.0, "aggregated_outcome": null, "run_refs": runs, "cluster_id": null,
        "is_baseline": row["parent"].is_null(), "created_at": row["created"], "updated_at": row["created"],
    })
}

fn edge_answer(row: &Row) -> Value {
    json!({
        "edge_id": row["id"], "from_node_id": row["source"], "to_node_id": row["target"], "intervention": {},
        "intervention_label": row["label"], "weight": 1.0, "is_primary_path": false, "created_at": row["created"],
    })
}

async fn owned_node(app: &Shared, user: &User, id: &str) -> Answer<Row> {
    let text = "SELECT nodes.* FROM nodes JOIN projects ON projects.id = nodes.project \
                WHERE nodes.id = ? AND projects.tenant = ?";
    let found = app.clients.query(text, [id.into(), user.id.as_str().into()]).await?;
    found.into_iter().next().ok_or_else(|| detail(StatusCode::NOT_FOUND, "Node not found"))
}

pub(super) async fn fork(
    State(app): State<Shared>,
    user: User,
    Json(body): Json<Value>,
) -> Answer<(StatusCode, Json<Value>)> {
    let parent_id = body["parent_node_id"].as_str().ok_or(Refusal::Invalid("body", "parent_node_id"))?;
    if !app.setup.behaviour.fork_works {
        return Err(detail(StatusCode::BAD_REQUEST, "too many values to unpack (expected 2)"));
    }
    let Ok(parent) = owned_node(&app, &user, parent_id).await else {
        return Err(detail(StatusCode::BAD_REQUEST, "Parent node not found"));
    };
    if parent["parent"].is_null() && parent["explored"] != 1 {
        return Err(detail(StatusCode::BAD_REQUEST, "Baseline node must be explored before forking"));
    }
    let (node, edge) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    let depth = parent["depth"].as_i64().unwrap_or(0) + 1;
    let mut statements = vec![
        sql(
            "INSERT INTO nodes (id, project, parent, depth, label, created) VALUES (?, ?, ?, ?, ?, ?)",
            [
                node.as_str().into(),
                parent["project"].clone(),
                parent_id.into(),
                depth.into(),
                body["label"].clone(),
                now().into(),
            ],
        ),
        sql(
            "INSERT INTO edges VALUES (?, ?, ?, ?, ?, ?)",
            [
                edge.as_str().into(),
                parent["project"].clone(),
                parent_id.into(),
                node.as_str().into(),
                body["intervention_label"].clone(),
                now().into(),
            ],
        ),
        sql("SELECT * FROM nodes WHERE id = ?", [node.as_str().into()]),
        sql("SELECT * FROM edges WHERE id = ?", [edge.as_str().into()]),
    ];
    misfork(&app, &mut statements, &parent, &node).await?;
    let rows = app.clients.transaction(&statements).await?;
    let first = |at: usize| rows.get(at).and_then(|rows| rows.rows.first()).ok_or(Refusal::Unhandled);
    let answer = json!({"node": node_answer(first(2)?), "edge": edge_answer(first(3)?), "run_id": null, "task_id": null});
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Drills: a fork that goes wrong. What is answered was read before, so only reading back shows it.
async fn misfork(app: &Shared, statements: &mut Vec<Statement>, parent: &Row, node: &str) -> Answer<()> {
    let behaviour = &app.setup.behaviour;
    let project = || parent["project"].clone();
    let edge = |from: Value, to: Value| {
        let id = Uuid::new_v4().to_string();
        let values = [id.into(), project(), from, to, Value::Null, now().into()];
        sql("INSERT INTO edges VALUES (?, ?, ?, ?, ?, ?)", values)
    };
    if behaviour.every(30, Drill::ExpansionFails) {
        return Err(Refusal::Unhandled);
    }
    if behaviour.every(30, Drill::ExpansionLost) {
        statements.push(sql("DELETE FROM nodes WHERE id = ?", [node.into()]));
        statements.push(sql("DELETE FROM edges WHERE target = ?", [node.into()]));
    }
    if behaviour.every(30, Drill::ExpansionDoubled) {
        let twin = Uuid::new_v4().to_string();
        let columns = "project, parent, depth, label, created";
        let copy = format!("INSERT INTO nodes (id, {columns}) SELECT ?, {columns} FROM nodes WHERE id = ?");
        statements.push(sql(&copy, [twin.as_str().into(), node.into()]));
        statements.push(edge(parent["id"].clone(), twin.into()));
    }
    if behaviour.every(30, Drill::WrongParent) {
        let text = "UPDATE nodes SET parent = (SELECT id FROM nodes WHERE project = ? AND parent IS NOT NULL \
                    AND id != ? LIMIT 1) WHERE id = ?";
        statements.push(sql(text, [project(), node.into(), node.into()]));
    }
    if behaviour.every(30, Drill::WrongDepth) {
        statements.push(sql("UPDATE nodes SET depth = depth + 1 WHERE id = ?", [node.into()]));
    }
    if behaviour.every(30, Drill::Cycle) {
        statements.push(edge(node.into(), parent["id"].clone()));
    }
    if behaviour.every(30, Drill::EdgeToNowhere) {
        statements.push(edge(node.into(), Uuid::new_v4().to_string().into()));
    }
    if behaviour.every(12, Drill::SlowTail) {
        tokio::time::sleep(Duration::from_millis(5200)).await;
    }
    if behaviour.chance(Drill::Stall) == Some(29) {
        let _still = app.still.write().await;
        tokio::time::sleep(Duration::from_secs(6)).await;
    }
    Ok(())
}

pub(super) async fn list(
    State(app): State<Shared>,
    user: User,
    Query(query): Query<BTreeMap<String, String>>,
) -> Answer<Json<Vec<Value>>> {
    let project = query.get("project_id").ok_or(Refusal::Invalid("query", "project_id"))?;
    owned_project(&app, &user, project).await?;
    let number =
        |name: &str, default: i64| query.get(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let text = "SELECT * FROM nodes WHERE project = ? ORDER BY depth, created, id LIMIT ? OFFSET ?";
    let parameters =
        [project.as_str().into(), number("limit", 50).clamp(1, 200).into(), number("skip", 0).max(0).into()];
    let rows = app.clients.query(text, parameters).await?;
    Ok(Json(rows.iter().map(node_answer).collect()))
}

pub(super) async fn read(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<String>,
) -> Answer<Json<Value>> {
    Ok(Json(node_answer(&owned_node(&app, &user, &id).await?)))
}

pub(super) async fn universe_map(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<String>,
) -> Answer<Json<Value>> {
    owned_project(&app, &user, &id).await?;
    let of = |text: &str| sql(text, [id.as_str().into()]);
    // One transaction, so that nodes and edges belong together.
    let statements = [
        of("SELECT * FROM nodes WHERE project = ? ORDER BY depth, created, id"),
        of("SELECT * FROM edges WHERE project = ? ORDER BY created, id"),
    ];
    let mut rows = app.clients.transaction(&statements).await?;
    let edges: Vec<Value> =
        rows.pop().map(|rows| rows.rows.iter().map(edge_answer).collect()).unwrap_or_default();
    let nodes: Vec<Value> =
        rows.pop().map(|rows| rows.rows.iter().map(node_answer).collect()).unwrap_or_default();
    let explored = nodes.iter().filter(|node| node["is_explored"] == true).count();
    let depth = nodes.iter().filter_map(|node| node["depth"].as_i64()).max();
    Ok(Json(json!({
        "project_id": id, "root_node_id": nodes.first().map(|node| node["node_id"].clone()),
        "total_nodes": nodes.len(), "explored_nodes": explored, "max_depth": depth, "nodes": nodes, "edges": edges,
    })))
}

pub(super) async fn run_ensemble(
    State(app): State<Shared>,
    user: User,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Answer<Json<Value>> {
    let node = owned_node(&app, &user, &id).await?;
    let seeds: Vec<i64> = body["seeds"].as_array().into_iter().flatten().filter_map(Value::as_i64).collect();
    if seeds.len() < 2 {
        return Err(Refusal::Invalid("body", "seeds"));
    }
    let queued = body["auto_start"] != false;
    let status = if queued { "queued" } else { "created" };
    let project = node["project"].as_str().unwrap_or_default();
    let (ids, statements): (Vec<String>, Vec<_>) =
        seeds.iter().map(|seed| insert_run(project, &id, &user.id, status, *seed)).unzip();
    app.clients.transaction(&statements).await?;
    if queued {
        for run in &ids {
            app.clients.push(&Task::Run { run_id: run.clone() }).await?;
        }
    }
    Ok(Json(json!({"node_id": id, "run_ids": ids, "task_ids": [], "ensemble_size": ids.len()})))
}
