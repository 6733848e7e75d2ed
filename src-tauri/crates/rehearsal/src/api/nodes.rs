//! Nodes, forks and the universe map (API facts 4.5).

use std::collections::BTreeMap;
use std::time::Instant;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::runs::{insert_run, now, owned_project};
use super::session::User;
use super::{Answer, Refusal, Shared, detail};
use crate::clients::sql;
use crate::drills::{Defect, Switch};
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
    if !app.setup.behaviour.fork_works() {
        return Err(detail(StatusCode::BAD_REQUEST, "too many values to unpack (expected 2)"));
    }
    let Ok(parent) = owned_node(&app, &user, parent_id).await else {
        return Err(detail(StatusCode::BAD_REQUEST, "Parent node not found"));
    };
    if parent["parent"].is_null() && parent["explored"] != 1 {
        return Err(detail(StatusCode::BAD_REQUEST, "Baseline node must be explored before forking"));
    }
    if app.switch.has(Defect::VersionFlaps) {
        app.deployed.get_or_init(Instant::now);
    }
    let flaw = ForkFlaw::of_this_one(&app.switch);
    if flaw == Some(ForkFlaw::Fails) {
        return Err(detail(StatusCode::INTERNAL_SERVER_ERROR, "Failed to fork node: deadlock detected"));
    }
    Switch::linger(flaw == Some(ForkFlaw::Slow), 5_200).await;
    let (node, edge) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
    let mut depth = parent["depth"].as_i64().unwrap_or(0) + 1;
    let mut stored_parent = parent_id.to_owned();
    if flaw == Some(ForkFlaw::OtherParent) {
        stored_parent = a_child_of(&app, parent_id).await?;
        depth += 1;
    }
    let stored_depth = if flaw == Some(ForkFlaw::WrongDepth) { depth + 1 } else { depth };
    let target =
        if flaw == Some(ForkFlaw::EdgeToNowhere) { Uuid::new_v4().to_string() } else { node.clone() };
    let statements = [
        sql(
            "INSERT INTO nodes (id, project, parent, depth, label, created) VALUES (?, ?, ?, ?, ?, ?)",
            [
                node.as_str().into(),
                parent["project"].clone(),
                stored_parent.as_str().into(),
                stored_depth.into(),
                body["label"].clone(),
                now().into(),
            ],
        ),
        sql(
            "INSERT INTO edges VALUES (?, ?, ?, ?, ?, ?)",
            [
                edge.as_str().into(),
                parent["project"].clone(),
                stored_parent.as_str().into(),
                target.into(),
                body["intervention_label"].clone(),
                now().into(),
            ],
        ),
        sql("SELECT * FROM nodes WHERE id = ?", [node.as_str().into()]),
        sql("SELECT * FROM edges WHERE id = ?", [edge.as_str().into()]),
    ];
    let rows = app.clients.transaction(&statements).await?;
    let first = |at: usize| rows.get(at).and_then(|rows| rows.rows.first()).ok_or(Refusal::Unhandled);
    flaw_afterwards(&app, flaw, parent_id, &node, &edge).await?;
    let answer = json!({"node": node_answer(first(2)?), "edge": edge_answer(first(3)?), "run_id": null, "task_id": null});
    Ok((StatusCode::CREATED, Json(answer)))
}

/// What goes wrong with one fork.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ForkFlaw {
    Fails,
    Slow,
    Lost,
    Doubled,
    OtherParent,
    WrongDepth,
    Cycle,
    EdgeToNowhere,
    StallAfter,
}

impl ForkFlaw {
    /// One fork in the midst of a check's sixty is hit; a slow tail takes four.
    fn of_this_one(switch: &Switch) -> Option<Self> {
        for defect in [Defect::ReadyUnhealthy, Defect::VersionChanges, Defect::OtherEnvironment] {
            // These begin with the first fork and show elsewhere.
            switch.pass(defect);
        }
        if switch.pass(Defect::SlowTail).is_some_and(|number| (30..34).contains(&number)) {
            return Some(Self::Slow);
        }
        if switch.nth(Defect::HiddenStall, 60) {
            return Some(Self::StallAfter);
        }
        [
            (Defect::ExpansionFails, Self::Fails),
            (Defect::ExpansionLost, Self::Lost),
            (Defect::ExpansionDoubled, Self::Doubled),
            (Defect::ExpansionWrongParent, Self::OtherParent),
            (Defect::ExpansionWrongDepth, Self::WrongDepth),
            (Defect::GraphCycle, Self::Cycle),
            (Defect::EdgeToNowhere, Self::EdgeToNowhere),
        ]
        .into_iter()
        .find_map(|(defect, flaw)| switch.nth(defect, 33).then_some(flaw))
    }
}

async fn a_child_of(app: &Shared, parent: &str) -> Answer<String> {
    let rows = app.clients.query("SELECT id FROM nodes WHERE parent = ? LIMIT 1", [parent.into()]).await?;
    Ok(rows.first().and_then(|row| row["id"].as_str()).unwrap_or(parent).to_owned())
}

async fn flaw_afterwards(
    app: &Shared,
    flaw: Option<ForkFlaw>,
    parent: &str,
    node: &str,
    edge: &str,
) -> Answer<()> {
    let id = |text: &str| Value::from(text);
    let statements = match flaw {
        Some(ForkFlaw::Lost) => vec![
            sql("DELETE FROM nodes WHERE id = ?", [id(node)]),
            sql("DELETE FROM edges WHERE id = ?", [id(edge)]),
        ],
        Some(ForkFlaw::Doubled) => {
            let (second, second_edge) = (Uuid::new_v4().to_string(), Uuid::new_v4().to_string());
            vec![
                sql(
                    "INSERT INTO nodes SELECT ?, project, parent, depth, label, explored, run_refs, created \
                     FROM nodes WHERE id = ?",
                    [id(&second), id(node)],
                ),
                sql(
                    "INSERT INTO edges SELECT ?, project, source, ?, label, created FROM edges WHERE id = ?",
                    [id(&second_edge), id(&second), id(edge)],
                ),
            ]
        }
        Some(ForkFlaw::Cycle) => {
            let other = a_child_of(app, parent).await?;
            vec![
                sql("UPDATE nodes SET parent = ? WHERE id = ?", [id(&other), id(node)]),
                sql("UPDATE nodes SET parent = ? WHERE id = ?", [id(node), id(&other)]),
                sql("UPDATE edges SET source = ? WHERE target = ?", [id(&other), id(node)]),
                sql("UPDATE edges SET source = ? WHERE target = ?", [id(node), id(&other)]),
            ]
        }
        Some(ForkFlaw::StallAfter) => {
            // Every measured request is past the door by now.
            app.freeze(6_000);
            return Ok(());
        }
        _ => return Ok(()),
    };
    app.clients.transaction(&statements).await?;
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
    let mut edges: Vec<Value> =
        rows.pop().map(|rows| rows.rows.iter().map(edge_answer).collect()).unwrap_or_default();
    let mut nodes: Vec<Value> =
        rows.pop().map(|rows| rows.rows.iter().map(node_answer).collect()).unwrap_or_default();
    let explored = nodes.iter().filter(|node| node["is_explored"] == true).count();
    let depth = nodes.iter().filter_map(|node| node["depth"].as_i64()).max();
    let root = nodes.first().map(|node| node["node_id"].clone());
    app.setup.behaviour.reorder(&mut nodes);
    app.setup.behaviour.reorder(&mut edges);
    Ok(Json(json!({
        "project_id": id, "root_node_id": root,
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
        let times = if app.switch.has(Defect::BacklogPeaks) { 16 } else { 1 };
        for run in ids.iter().cycle().take(ids.len() * times) {
            app.clients.push(&Task::Run { run_id: run.clone() }).await?;
        }
    }
    Ok(Json(json!({"node_id": id, "run_ids": ids, "task_ids": [], "ensemble_size": ids.len()})))
}
