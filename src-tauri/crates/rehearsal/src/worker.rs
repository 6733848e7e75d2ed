//! The worker process: four slots that take tasks from the queue (API facts 5).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::Utc;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::clients::{Away, Clients, sql};
use crate::config::{OTHER_BUCKET, Outcome, Setup, say};
use crate::drills::{Drill, spoil};
use crate::redis::{Delivery, Task};
use crate::telemetry::{self, Finished, TICKS};

const SLOTS: u32 = 4;

/// When a second delivery of a run that is done comes, where that is the defect.
const LATE: Duration = Duration::from_millis(600);

struct Worker {
    setup: Setup,
    clients: Clients,
    boot_id: String,
    runs_done: AtomicU32,
    /// Whether this process came after another.
    restarted: bool,
}

pub(crate) async fn serve(setup: Setup) -> Outcome {
    let clients = Clients::new(&setup)?;
    let boot_id = Uuid::new_v4().to_string();
    let restarted = setup.is_restart("worker")?;
    let worker = Arc::new(Worker { setup, clients, boot_id, runs_done: AtomicU32::new(0), restarted });
    patiently(|| worker.clients.alive(&worker.boot_id)).await?;
    let boot = boot_info(&worker.boot_id);
    patiently(|| worker.clients.write_boot(&boot)).await?;
    say(&format!("celery@worker ready, boot {}", worker.boot_id));
    let listed_only = worker.restarted && worker.setup.behaviour.has(Drill::WorkerListedDead);
    for slot in 0..if listed_only { 0 } else { SLOTS } {
        tokio::spawn(slot_loop(Arc::clone(&worker), slot));
    }
    loop {
        let _ = worker.clients.alive(&worker.boot_id).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

fn boot_info(boot_id: &str) -> Value {
    let now = Utc::now();
    json!({
        "boot_id": boot_id, "boot_timestamp": format!("{:.6}", now.timestamp_micros() as f64 / 1e6),
        "hostname": "rehearsal", "pid": std::process::id().to_string(), "environment": "staging", "ttl_seconds": 300,
    })
}

async fn slot_loop(worker: Arc<Worker>, slot: u32) {
    loop {
        match worker.clients.pop(&worker.boot_id).await {
            Ok(Some(delivery)) => {
                if worker.setup.behaviour.one_run_per_child
                    && matches!(delivery.task, Task::Run { .. })
                    && worker.runs_done.fetch_add(1, Ordering::Relaxed) >= SLOTS
                {
                    // A child that has done its one run takes the task and never gets anywhere with it.
                    say("task runs.execute stranded: the child has done its work");
                    continue;
                }
                if lost_on_the_way(&worker, &delivery) {
                    let _ = worker.clients.acknowledge(delivery.tag).await;
                    continue;
                }
                perform(&worker, slot, delivery).await;
            }
            Ok(None) => tokio::time::sleep(Duration::from_millis(40)).await,
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// Drills: tasks that are taken off the queue and never done.
fn lost_on_the_way(worker: &Worker, delivery: &Delivery) -> bool {
    let behaviour = &worker.setup.behaviour;
    match delivery.task {
        Task::Run { .. } => {
            behaviour.after(3, Drill::BacklogStuck) || behaviour.chance(Drill::RunStuckQueued) == Some(4)
        }
        Task::Job { .. } => behaviour.every(5, Drill::JobStuck) || behaviour.has(Drill::BacklogStuck),
        Task::Heartbeat { .. } | Task::Tune { .. } | Task::Exit => false,
    }
}

async fn perform(worker: &Worker, slot: u32, delivery: Delivery) {
    let done = match &delivery.task {
        Task::Run { run_id } => execute(worker, slot, run_id, delivery.again).await,
        Task::Heartbeat { token } => heartbeat(worker, token).await,
        Task::Tune { token, project_id } => tune(worker, token, project_id).await,
        Task::Job { job_id } => job(worker, job_id).await,
        Task::Exit => {
            let _ = worker.clients.acknowledge(delivery.tag).await;
            say("exit task received");
            std::process::exit(137);
        }
    };
    match done {
        Ok(()) => {
            // Late acknowledgement: only what is done is taken off the queue.
            let _ = patiently(|| worker.clients.acknowledge(delivery.tag)).await;
        }
        Err(error) => say(&format!("ERROR: task failed: {error}")),
    }
}

async fn execute(worker: &Worker, slot: u32, run_id: &str, again: bool) -> Result<(), Away> {
    let clients = &worker.clients;
    let id = Value::from(run_id);
    let row = patiently(|| clients.query("SELECT * FROM runs WHERE id = ?", [id.clone()])).await?;
    let Some(row) = row.into_iter().next() else { return Ok(()) };
    let field = |row: &Map<String, Value>, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    if field(&row, "status") != "queued" {
        if again && worker.setup.behaviour.redelivery_flips {
            flip(clients, run_id).await?;
        }
        return Ok(());
    }
    let started = Utc::now();
    say(&format!("run {run_id} started on slot {slot}"));
    let jitter = worker.setup.run_ms / 4;
    let spread = if jitter == 0 { 0 } else { rand::random_range(0..=2 * jitter) };
    tokio::time::sleep(Duration::from_millis(worker.setup.run_ms - jitter + spread)).await;
    let finished = Finished {
        run_id: run_id.into(),
        project_id: field(&row, "project"),
        node_id: field(&row, "node"),
        tenant: field(&row, "tenant"),
        seed: row["seed"].as_i64().unwrap_or(0),
        started,
        completed: Utc::now(),
        agents_act: worker.setup.behaviour.agents_act,
    };
    let schema = if worker.setup.behaviour.second_generation { "1.1.0" } else { "1.0.0" };
    let (key, mut bytes, mut reference) = telemetry::object(&finished, schema);
    let behaviour = &worker.setup.behaviour;
    if behaviour.every(3, Drill::ArtifactByteChanged)
        && let Some(last) = bytes.last_mut()
    {
        *last ^= 1;
    }
    if behaviour.every(3, Drill::ArtifactsElsewhere) {
        reference["bucket"] = OTHER_BUCKET.into();
    }
    if let Err(error) = clients.put(&key, bytes, "application/gzip").await {
        return fail(clients, run_id, &error.0).await;
    }
    if worker.setup.behaviour.writes_packs {
        let mut pack: Vec<(&str, Vec<u8>)> =
            telemetry::pack(&finished).into_iter().map(|(name, text)| (name, text.into_bytes())).collect();
        spoil::pack(behaviour, &mut pack);
        for (name, bytes) in pack {
            let key = format!("runs/{run_id}/{name}");
            if behaviour.has(Drill::PacksElsewhere) {
                put_elsewhere(&worker.setup, &key, &bytes)?;
                continue;
            }
            if let Err(error) = clients.put(&key, bytes, "application/octet-stream").await {
                return fail(clients, run_id, &error.0).await;
            }
        }
    }
    commit(worker, slot, &finished, &reference).await
}

/// Everything a finished run changes in one transaction, and only while it is still queued: so it is done once.
async fn commit(worker: &Worker, slot: u32, run: &Finished, reference: &Value) -> Result<(), Away> {
    let id = || Value::from(run.run_id.as_str());
    let still = "EXISTS (SELECT 1 FROM runs WHERE id = ? AND status = 'queued')";
    let at = telemetry::text(run.completed);
    let child = format!("rehearsal-{}", std::process::id() + slot);
    let outcome = outcome(run);
    let mut statements: Vec<_> =
        ["worker_assigned", "simulation_start", "simulation_complete", "run_succeeded"]
            .iter()
            .map(|stage| {
                sql(
                    &format!("INSERT INTO traces SELECT ?, ?, ?, ?, NULL WHERE {still}"),
                    [id(), at.as_str().into(), child.as_str().into(), (*stage).into(), id()],
                )
            })
            .collect();
    statements.push(sql(
        &format!(
            "UPDATE nodes SET explored = 1, run_refs = json_insert(run_refs, '$[#]', ?) WHERE id = ? AND {still}"
        ),
        [id(), run.node_id.as_str().into(), id()],
    ));
    statements.push(sql(
        "UPDATE runs SET status = 'succeeded', started = ?, completed = ?, telemetry = ?, outcome = ?, ticks = ? \
         WHERE id = ? AND status = 'queued'",
        [
            telemetry::text(run.started).into(),
            at.as_str().into(),
            reference.to_string().into(),
            outcome.to_string().into(),
            TICKS.into(),
            id(),
        ],
    ));
    patiently(|| worker.clients.transaction(&statements)).await?;
    say(&format!("run {} succeeded", run.run_id));
    if worker.setup.behaviour.every(2, Drill::LateFlip) {
        let (clients, run_id) = (worker.clients.clone(), run.run_id.clone());
        tokio::spawn(async move {
            tokio::time::sleep(LATE).await;
            let _ = flip(&clients, &run_id).await;
        });
    }
    if worker.setup.behaviour.every(4, Drill::RunDoneTwice) {
        let again = sql(
            "INSERT INTO traces VALUES (?, ?, ?, 'run_succeeded', NULL)",
            [id(), telemetry::text(Utc::now()).into(), child.into()],
        );
        worker.clients.transaction(&[again]).await?;
    }
    Ok(())
}

/// Past the store and its access rules, as a wrong bucket name in the worker's settings would do it.
fn put_elsewhere(setup: &Setup, key: &str, bytes: &[u8]) -> Result<(), Away> {
    let path = setup.state.join("minio").join(OTHER_BUCKET).join(key);
    let folder = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    folder.and_then(|()| std::fs::write(&path, bytes)).map_err(|error| Away(error.to_string()))
}

fn outcome(run: &Finished) -> Value {
    let steps = if run.agents_act { 50 } else { 0 };
    json!({
        "status": "completed", "primary_outcome": "simulation_complete", "primary_outcome_probability": 1.0,
        "outcome_distribution": {}, "seed": run.seed,
        "key_metrics": [{"metric_name": "ticks_executed", "value": TICKS, "unit": "ticks"}],
        "execution_counters": {
            "agent_steps_executed": steps, "batches_count": TICKS, "llm_calls_in_tick_loop": steps,
            "loop_stage_counters": {"observe": steps, "evaluate": steps, "decide": steps, "act": steps, "update": steps},
        },
    })
}

async fn fail(clients: &Clients, run_id: &str, reason: &str) -> Result<(), Away> {
    say(&format!("ERROR: run {run_id} failed: {reason}"));
    let statements = [
        sql(
            "INSERT INTO traces VALUES (?, ?, 'rehearsal', 'run_failed', ?)",
            [run_id.into(), telemetry::text(Utc::now()).into(), reason.into()],
        ),
        sql(
            "UPDATE runs SET status = 'failed', completed = ? WHERE id = ? AND status = 'queued'",
            [telemetry::text(Utc::now()).into(), run_id.into()],
        ),
    ];
    patiently(|| clients.transaction(&statements)).await.map(|_| ())
}

/// A second delivery runs into the unique key of the first one's spec row (API facts 5).
async fn flip(clients: &Clients, run_id: &str) -> Result<(), Away> {
    let statements = [
        sql(
            "INSERT INTO traces VALUES (?, ?, 'rehearsal', 'run_failed', 'duplicate key value: run_specs_run_id')",
            [run_id.into(), telemetry::text(Utc::now()).into()],
        ),
        sql("UPDATE runs SET status = 'failed' WHERE id = ?", [run_id.into()]),
    ];
    clients.transaction(&statements).await.map(|_| ())
}

async fn heartbeat(worker: &Worker, token: &str) -> Result<(), Away> {
    let mut info = boot_info(&worker.boot_id);
    if let Some(known) = worker.clients.boot().await? {
        info = known;
    }
    info["boot_id"] = worker.boot_id.as_str().into();
    worker.clients.write_boot(&info).await?;
    let value = json!({
        "status": "alive", "boot_id": worker.boot_id, "heartbeat_at": telemetry::text(Utc::now()),
    });
    worker.clients.write_result(token, value).await
}

async fn tune(worker: &Worker, token: &str, project_id: &str) -> Result<(), Away> {
    let id = Uuid::new_v4().to_string();
    let project = || Value::from(project_id);
    let statements = [
        sql(
            "INSERT INTO versions SELECT ?, ?, COALESCE(MAX(number), 0) + 1 FROM versions WHERE project = ?",
            [id.as_str().into(), project(), project()],
        ),
        sql("SELECT number FROM versions WHERE id = ?", [id.as_str().into()]),
    ];
    let rows = worker.clients.transaction(&statements).await?;
    let number = rows.last().and_then(|rows| rows.rows.first()).and_then(|row| row["number"].as_i64());
    worker.clients.write_result(token, json!({"version_id": id, "version_number": number})).await
}

async fn job(worker: &Worker, job_id: &str) -> Result<(), Away> {
    tokio::time::sleep(Duration::from_millis(150)).await;
    let statement = sql(
        "UPDATE jobs SET status = 'succeeded', progress = 50, finished = ? WHERE id = ? AND status = 'queued'",
        [telemetry::text(Utc::now()).into(), job_id.into()],
    );
    patiently(|| worker.clients.transaction(std::slice::from_ref(&statement))).await.map(|_| ())
}

/// Tries again for half a minute: a dependency that restarts must not cost work.
async fn patiently<T, F, G>(action: F) -> Result<T, Away>
where
    F: Fn() -> G,
    G: Future<Output = Result<T, Away>>,
{
    let until = tokio::time::Instant::now() + Duration::from_secs(30);
    loop {
        match action().await {
            Ok(value) => return Ok(value),
            Err(error) if tokio::time::Instant::now() >= until => return Err(error),
            Err(_) => tokio::time::sleep(Duration::from_millis(150)).await,
        }
    }
}
