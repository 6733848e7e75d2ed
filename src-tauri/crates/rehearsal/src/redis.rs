//! The queue process: tasks with late acknowledgement, the worker's boot key, the limiter's windows, task results.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::config::{Outcome, Setup, say};
use crate::drills::{Defect, Switch};

/// What a task asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Task {
    /// Execute a run.
    Run { run_id: String },
    /// Answer with the boot id.
    Heartbeat { token: String },
    /// Make a parameter version.
    Tune { token: String, project_id: String },
    /// Execute a calibration job.
    Job { job_id: String },
    /// End the worker.
    Exit,
}

/// A task handed to a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Delivery {
    pub(crate) tag: u64,
    pub(crate) again: bool,
    pub(crate) task: Task,
}

#[derive(Default)]
struct Store {
    queue: VecDeque<(bool, Task)>,
    unacknowledged: HashMap<u64, (String, Instant, Task)>,
    alive: HashMap<String, Instant>,
    next_tag: u64,
    boot: Option<(Value, Instant)>,
    results: HashMap<String, Value>,
    windows: HashMap<String, VecDeque<Instant>>,
}

#[derive(Clone)]
struct Shared {
    store: Arc<Mutex<Store>>,
    switch: Arc<Switch>,
    redelivery: Duration,
}

impl Shared {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The boot key lives this long and is not renewed (API facts 4.2).
const BOOT_TTL: Duration = Duration::from_secs(300);

pub(crate) async fn serve(setup: Setup) -> Outcome {
    let shared = Shared {
        store: Arc::default(),
        switch: Arc::new(setup.behaviour.switch()),
        redelivery: Duration::from_millis(setup.behaviour.redelivery_ms()),
    };
    let router = Router::new()
        .route("/ping", get(|| async { "PONG" }))
        .route("/push", post(push))
        .route("/length", post(length))
        .route("/purge", post(purge))
        .route("/pop", post(pop))
        .route("/acknowledge", post(acknowledge))
        .route("/alive", post(alive))
        .route("/boot", get(read_boot).post(write_boot))
        .route("/result", post(write_result))
        .route("/take", post(take_result))
        .route("/limit", post(limit))
        .with_state(shared);
    let listener = TcpListener::bind(("127.0.0.1", setup.redis_port)).await?;
    say("Ready to accept connections");
    axum::serve(listener, router).await?;
    Ok(())
}

async fn push(State(shared): State<Shared>, Json(task): Json<Task>) -> Json<Value> {
    shared.store().queue.push_back((false, task));
    Json(json!({}))
}

async fn length(State(shared): State<Shared>) -> Json<usize> {
    Json(shared.store().queue.len())
}

/// Discards every run that waits.
async fn purge(State(shared): State<Shared>) -> Json<Value> {
    shared.store().queue.retain(|(_, task)| !matches!(task, Task::Run { .. }));
    Json(json!({}))
}

#[derive(Deserialize)]
struct Worker {
    boot_id: String,
}

async fn pop(State(shared): State<Shared>, Json(worker): Json<Worker>) -> Json<Option<Delivery>> {
    let mut store = shared.store();
    let now = Instant::now();
    // Tasks of a worker that has not been heard of for the redelivery time go back to the front of the queue.
    let due: Vec<u64> = store
        .unacknowledged
        .iter()
        .filter(|(_, (owner, taken, _))| {
            let heard = store.alive.get(owner).copied().unwrap_or(*taken);
            *owner != worker.boot_id && now.duration_since(heard) > shared.redelivery
        })
        .map(|(tag, _)| *tag)
        .collect();
    for tag in due {
        if let Some((_, _, task)) = store.unacknowledged.remove(&tag) {
            store.queue.push_front((true, task));
        }
    }
    let Some((again, task)) = store.queue.pop_front() else { return Json(None) };
    store.next_tag += 1;
    let tag = store.next_tag;
    store.unacknowledged.insert(tag, (worker.boot_id, now, task.clone()));
    Json(Some(Delivery { tag, again, task }))
}

async fn acknowledge(State(shared): State<Shared>, Json(tag): Json<u64>) -> Json<Value> {
    shared.store().unacknowledged.remove(&tag);
    Json(json!({}))
}

async fn alive(State(shared): State<Shared>, Json(worker): Json<Worker>) -> Json<Value> {
    shared.store().alive.insert(worker.boot_id, Instant::now());
    Json(json!({}))
}

async fn write_boot(State(shared): State<Shared>, Json(info): Json<Value>) -> Json<Value> {
    shared.store().boot = Some((info, Instant::now()));
    Json(json!({}))
}

async fn read_boot(State(shared): State<Shared>) -> Json<Option<Value>> {
    let store = shared.store();
    let known = store.boot.as_ref().filter(|(_, written)| written.elapsed() < BOOT_TTL);
    Json(known.map(|(info, written)| {
        let mut info = info.clone();
        info["ttl_seconds"] = BOOT_TTL.saturating_sub(written.elapsed()).as_secs().into();
        info
    }))
}

#[derive(Serialize, Deserialize)]
struct TaskResult {
    token: String,
    value: Value,
}

async fn write_result(State(shared): State<Shared>, Json(result): Json<TaskResult>) -> Json<Value> {
    shared.store().results.insert(result.token, result.value);
    Json(json!({}))
}

async fn take_result(State(shared): State<Shared>, Json(token): Json<String>) -> Json<Option<Value>> {
    Json(shared.store().results.remove(&token))
}

#[derive(Deserialize)]
struct LimitQuestion {
    key: String,
    limit: usize,
    window_s: u64,
}

/// A sliding window; refused requests count too (API facts 3.3).
async fn limit(State(shared): State<Shared>, Json(question): Json<LimitQuestion>) -> Json<Value> {
    let mut store = shared.store();
    let now = Instant::now();
    // Somebody else's requests count in the same window.
    let others =
        if question.key.contains("/nodes/fork") && shared.switch.has(Defect::LimiterStorm) { 2 } else { 0 };
    let window = store.windows.entry(question.key).or_default();
    while window.front().is_some_and(|at| now.duration_since(*at).as_secs() >= question.window_s) {
        window.pop_front();
    }
    let allowed = window.len() < question.limit;
    window.extend(std::iter::repeat_n(now, 1 + others));
    Json(json!({"allowed": allowed, "remaining": question.limit.saturating_sub(window.len())}))
}
