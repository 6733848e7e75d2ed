//! The database process: owns the durable state and runs transactions for the others.
//!
//! A transaction is answered only after it is on the disk (WAL, synchronous FULL), so what was acknowledged survives a
//! kill; what was not, may or may not.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use rusqlite::Connection;
use rusqlite::types::{Value as Sql, ValueRef};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::net::TcpListener;

use crate::config::{Outcome, Setup, say};
use crate::drills::{Defect, Switch};

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS projects (id TEXT PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL,
        description TEXT, created TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS nodes (id TEXT PRIMARY KEY, project TEXT NOT NULL, parent TEXT, depth INTEGER NOT NULL,
        label TEXT, explored INTEGER NOT NULL DEFAULT 0, run_refs TEXT NOT NULL DEFAULT '[]', created TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS edges (id TEXT PRIMARY KEY, project TEXT NOT NULL, source TEXT NOT NULL,
        target TEXT NOT NULL, label TEXT, created TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS runs (id TEXT PRIMARY KEY, project TEXT NOT NULL, node TEXT NOT NULL,
        tenant TEXT NOT NULL, status TEXT NOT NULL, seed INTEGER NOT NULL, task TEXT, created TEXT NOT NULL,
        started TEXT, completed TEXT, telemetry TEXT, outcome TEXT, ticks INTEGER NOT NULL DEFAULT 0);
    CREATE TABLE IF NOT EXISTS traces (run TEXT NOT NULL, at TEXT NOT NULL, worker TEXT NOT NULL, stage TEXT NOT NULL,
        description TEXT);
    CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, project TEXT NOT NULL, tenant TEXT NOT NULL,
        status TEXT NOT NULL, progress INTEGER NOT NULL DEFAULT 0, created TEXT NOT NULL, finished TEXT);
    CREATE TABLE IF NOT EXISTS versions (id TEXT PRIMARY KEY, project TEXT NOT NULL, number INTEGER NOT NULL,
        UNIQUE (project, number));
    CREATE TABLE IF NOT EXISTS exports (id TEXT PRIMARY KEY, kept TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS nodes_project ON nodes (project);
    CREATE INDEX IF NOT EXISTS edges_project ON edges (project);
    CREATE INDEX IF NOT EXISTS traces_run ON traces (run);
";

/// One statement with its parameters.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Statement {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<Value>,
}

/// The rows of one statement, or the number of rows it changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Rows {
    pub(crate) rows: Vec<Map<String, Value>>,
    pub(crate) changed: u64,
}

#[derive(Clone)]
struct Shared {
    main: Arc<Mutex<Connection>>,
    /// A copy that reads come from and that follows no more, where that is the defect.
    stale: Option<Arc<Mutex<Connection>>>,
}

/// What a restart does to the data, where that is the defect.
fn recover(connection: &Connection, switch: &Switch, folder: &Path) -> rusqlite::Result<Option<Connection>> {
    let newest = "(SELECT MAX(created) FROM projects)";
    if switch.has(Defect::LastSecondLost) {
        // The newest write is about as old as the last moment in which the database answered.
        let second = format!(
            "DELETE FROM projects WHERE created > strftime('%Y-%m-%dT%H:%M:%f', {newest}, '-1 seconds')"
        );
        connection.execute(&second, [])?;
    }
    if switch.has(Defect::TornWrite) {
        let half =
            format!("UPDATE projects SET description = substr(description, 1, 11) WHERE created = {newest}");
        connection.execute(&half, [])?;
    }
    if !switch.has(Defect::StaleReads) {
        return Ok(None);
    }
    let copy = folder.join("copy.sqlite");
    connection.execute("VACUUM INTO ?", [copy.to_string_lossy()])?;
    Connection::open(copy).map(Some)
}

pub(crate) async fn serve(setup: Setup) -> Outcome {
    let folder = setup.state.join("postgres");
    std::fs::create_dir_all(&folder)?;
    let connection = Connection::open(folder.join("data.sqlite"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(SCHEMA)?;
    let switch = setup.behaviour.switch();
    let stale = if setup.restarts > 0 { recover(&connection, &switch, &folder)? } else { None };
    let router = Router::new()
        .route("/ping", get(|| async { "pong" }))
        .route("/transaction", post(transaction))
        .with_state(Shared {
            main: Arc::new(Mutex::new(connection)),
            stale: stale.map(|copy| Arc::new(Mutex::new(copy))),
        });
    let listener = TcpListener::bind(("127.0.0.1", setup.postgres_port)).await?;
    say("database system is ready to accept connections");
    axum::serve(listener, router).await?;
    Ok(())
}

async fn transaction(
    State(shared): State<Shared>,
    Json(statements): Json<Vec<Statement>>,
) -> Result<Json<Vec<Rows>>, (StatusCode, String)> {
    let done = tokio::task::spawn_blocking(move || {
        let reads_only = statements.iter().all(|statement| statement.sql.starts_with("SELECT"));
        let connection = shared.stale.filter(|_| reads_only).unwrap_or(shared.main);
        let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
        run(&mut connection, &statements)
    })
    .await;
    match done {
        Ok(Ok(rows)) => Ok(Json(rows)),
        Ok(Err(error)) => Err((StatusCode::CONFLICT, error.to_string())),
        Err(error) => Err((StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

fn run(connection: &mut Connection, statements: &[Statement]) -> rusqlite::Result<Vec<Rows>> {
    let transaction = connection.transaction()?;
    let mut results = Vec::new();
    for statement in statements {
        let mut prepared = transaction.prepare_cached(&statement.sql)?;
        let parameters = rusqlite::params_from_iter(statement.parameters.iter().map(to_sql));
        if prepared.column_count() == 0 {
            let changed = prepared.execute(parameters)? as u64;
            results.push(Rows { rows: Vec::new(), changed });
            continue;
        }
        let names: Vec<String> = prepared.column_names().into_iter().map(str::to_owned).collect();
        let mut rows = prepared.query(parameters)?;
        let mut list = Vec::new();
        while let Some(row) = rows.next()? {
            let mut object = Map::new();
            for (at, name) in names.iter().enumerate() {
                object.insert(name.clone(), to_json(row.get_ref(at)?));
            }
            list.push(object);
        }
        results.push(Rows { rows: list, changed: 0 });
    }
    transaction.commit()?;
    Ok(results)
}

fn to_sql(value: &Value) -> Sql {
    match value {
        Value::Null => Sql::Null,
        Value::Bool(flag) => Sql::Integer(i64::from(*flag)),
        Value::Number(number) => {
            number.as_i64().map_or_else(|| Sql::Real(number.as_f64().unwrap_or_default()), Sql::Integer)
        }
        Value::String(text) => Sql::Text(text.clone()),
        other => Sql::Text(other.to_string()),
    }
}

fn to_json(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned().into(),
    }
}
