//! The worker process: four slots that take tasks from the queue (API facts 5).

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chrono::Utc;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::clients::{Away, Clients, sql};
use crate::config::{Outcome, Setup, say};
use crate::drills::{Defect, Switch, damage};
use crate::redis::{Delivery, Task};
use crate::telemetry::{self, Finished, TICKS};

const SLOTS: u32 = 4;

struct Worker {
    setup: Setup,
    switch: Switch,
    clients: Clients,
    boot_id: String,
    runs_done: AtomicU32,
}

pub(crate) async fn serve(setup: Setup) -> Outcome {
    let clients = Clients::new(&setup)?;
    let boot_id = Uuid::new_v4().to_string();
    let switch = setup.behaviour.switch();
    let worker = Arc::new(Worker { setup, switch, clients, boot_id, runs_done: AtomicU32::new(0) });
    if worker.switch.has(Defect::QueueLost) {
        // As a worker that is started with the option to purge its queues.
        patiently(|| worker.clients.purge()).await?;
    }
    patiently(|| worker.clients.alive(&worker.boot_id)).await?;
    let boot = boot_info(&worker.boot_id);
    patiently(|| worker.clients.write_boot(&boot)).await?;
    say(&format!("celery@worker ready, boot {}", worker.boot_id));
    for slot in 0..SLOTS {
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
                if worker.setup.behaviour.one_run_per_child()
                    && matches!(delivery.task, Task::Run { .. })
                    && worker.runs_done.fetch_add(1, Ordering::Relaxed) >= SLOTS
                {
                    // A child that has done its one run takes the task and never gets anywhere with it.
                    say("task runs.execute stranded: the child has done its work");
                    continue;
                }
                perform(&worker, slot, delivery).await;
            }
            Ok(None) => tokio::time::sleep(Duration::from_millis(40)).await,
            Err(_) => tokio::time::sleep(Duration::from_millis(200)).await,
        }
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
        Ok(()) if acknowledgement_is_lost(worker, &delivery.task) => {}
        Ok(()) => {
            // Late acknowledgement: only what is done is taken off the queue.
            let _ = patiently(|| worker.clients.acknowledge(delivery.tag)).await;
            if matches!(delivery.task, Task::Run { .. }) && worker.setup.behaviour.delivers_again() {
                let _ = worker.clients.push(&delivery.task).await;
            }
        }
        Err(error) => say(&format!("task failed: {error}")),
    }
}

/// Whether the queue never learns that a run was done, so that a restart delivers it again.
fn acknowledgement_is_lost(worker: &Worker, task: &Task) -> bool {
    let lost = worker.switch.has(Defect::SucceededFails) || worker.switch.has(Defect::LateFlip);
    lost && matches!(task, Task::Run { .. })
}

async fn execute(worker: &Worker, slot: u32, run_id: &str, again: bool) -> Result<(), Away> {
    let clients = &worker.clients;
    let id = Value::from(run_id);
    let row = patiently(|| clients.query("SELECT * FROM runs WHERE id = ?", [id.clone()])).await?;
    let Some(row) = row.into_iter().next() else { return Ok(()) };
    let field = |row: &Map<String, Value>, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    if field(&row, "status") != "queued" {
        let late = worker.switch.has(Defect::LateFlip);
        if again && (late || worker.setup.behaviour.redelivery_flips()) {
            Switch::linger(late, 8_000).await;
            flip(clients, run_id).await?;
        }
        return Ok(());
    }
    if again && worker.switch.nth(Defect::RunLost, 1) {
        return clients.transaction(&[sql("DELETE FROM runs WHERE id = ?", [id])]).await.map(|_| ());
    }
    if worker.switch.from(Defect::WorkFails, 2) {
        return fail(clients, run_id, "402 Payment Required from the model provider").await;
    }
    if worker.switch.from(Defect::BacklogStays, 6) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        return clients.push(&Task::Run { run_id: run_id.into() }).await;
    }
    let started = Utc::now();
    say(&format!("run {run_id} started on slot {slot}"));
    let usual = worker.setup.behaviour.about(worker.setup.run_ms);
    let jitter = usual / 4;
    let spread = if jitter == 0 { 0 } else { rand::random_range(0..=2 * jitter) };
    tokio::time::sleep(Duration::from_millis(usual - jitter + spread)).await;
    let finished = Finished {
        run_id: run_id.into(),
        project_id: field(&row, "project"),
        node_id: field(&row, "node"),
        tenant: field(&row, "tenant"),
        seed: row["seed"].as_i64().unwrap_or(0),
        started,
        completed: Utc::now(),
        agents_act: worker.setup.behaviour.agents_act(),
    };
    let schema = if worker.setup.behaviour.second_generation() { "1.1.0" } else { "1.0.0" };
    let (key, mut bytes, reference) = telemetry::object(&finished, schema);
    if let Some(last) = bytes.last_mut().filter(|_| worker.switch.nth(Defect::TelemetryAltered, 1)) {
        *last ^= 1;
    }
    if let Err(error) = clients.put(&key, bytes, "application/gzip").await {
        return fail(clients, run_id, &error.0).await;
    }
    if worker.switch.has(Defect::StrangeKey) {
        clients
            .put(&format!("tmp/{run_id}.pickle"), b"left behind".to_vec(), "application/octet-stream")
            .await?;
    }
    if worker.setup.behaviour.writes_packs() {
        let mut files = telemetry::pack(&finished);
        if let Some(flaw) = worker.switch.pack_flaw() {
            files = damage(files, flaw, run_id);
        }
        for (name, bytes) in files {
            let key = format!("runs/{run_id}/{name}");
            if let Err(error) = clients.put(&key, bytes, "application/octet-stream").await {
                return fail(clients, run_id, &error.0).await;
            }
        }
    }
    commit(worker, slot, &finished, &reference).await?;
    if again && worker.switch.has(Defect::RunDoneTwice) {
        record_again(worker, &finished).await?;
    }
    if worker.switch.has(Defect::WorkerListedDead) {
        // The run is stored, and the boot key stays where it is.
        std::process::exit(137);
    }
    Ok(())
}

/// What a commit without its guard leaves when a run is done a second time.
async fn record_again(worker: &Worker, run: &Finished) -> Result<(), Away> {
    let id = || Value::from(run.run_id.as_str());
    let statements = [
        sql(
            "INSERT INTO traces VALUES (?, ?, 'rehearsal', 'run_succeeded', NULL)",
            [id(), telemetry::text(run.completed).into()],
        ),
        sql(
            "UPDATE nodes SET run_refs = json_insert(run_refs, '$[#]', ?) WHERE id = ?",
            [id(), run.node_id.as_str().into()],
        ),
    ];
    worker.clients.transaction(&statements).await.map(|_| ())
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
    Ok(())
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
    say(&format!("run {run_id} failed: {reason}"));
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
