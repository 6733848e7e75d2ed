//! The database process: owns the durable state and runs transactions for the others.
//!
//! A transaction is answered only after it is on the disk (WAL, synchronous FULL), so what was acknowledged survives a
//! kill; what was not, may or may not.

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

type Shared = Arc<Mutex<Connection>>;

pub(crate) async fn serve(setup: Setup) -> Outcome {
    let folder = setup.state.join("postgres");
    std::fs::create_dir_all(&folder)?;
    let connection = Connection::open(folder.join("data.sqlite"))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute_batch(SCHEMA)?;
    let router = Router::new()
        .route("/ping", get(|| async { "pong" }))
        .route("/transaction", post(transaction))
        .with_state(Arc::new(Mutex::new(connection)));
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
        let mut connection = shared.lock().unwrap_or_else(PoisonError::into_inner);
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
