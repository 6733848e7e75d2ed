//! Is the environment ready, is the configuration right, and may this check touch it? Each answer is a named row with
//! a remedy. The preflight ends with one real run from request to evidence, because nothing else proves that the
//! system works at all (API facts 12).

mod railway;

use std::time::Duration;

use chrono::Utc;
use holdpoint_agentverse::error::{ApiError, ErrorClass};
use holdpoint_agentverse::types::{Generation, Health};

pub use self::railway::name_to_confirm;

use super::context::{ConnectError, Context};
use super::runs::{self, Tracked};
use super::session::Session;
use crate::environment::Secrets;
use crate::event::{Event, PreflightRow, RowState};
use crate::journal::Emitter;
use crate::plan::Plan;

struct Rows<'a> {
    /// The journal of a check; none where somebody only looks.
    emit: Option<&'a Emitter>,
    found: Vec<PreflightRow>,
    name_to_confirm: Option<NameToConfirm>,
}

/// A name that a person has to type before services of its environment are restarted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameToConfirm {
    /// What Railway calls the environment.
    pub name: String,
    /// What Railway calls the project, where it says.
    pub project: Option<String>,
    /// Why it has to be typed.
    pub why: String,
}

/// What a look at an environment without a run has found.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The rows in order.
    pub rows: Vec<PreflightRow>,
    /// The name to type, where one has to be.
    pub name_to_confirm: Option<NameToConfirm>,
}

impl Rows<'_> {
    async fn add(
        &mut self,
        id: &str,
        title: &str,
        state: RowState,
        observed: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.add_coded(id, title, state, (None, observed.into()), remedy).await;
    }

    /// A row with a code of its own and what was observed.
    async fn add_coded(
        &mut self,
        id: &str,
        title: &str,
        state: RowState,
        (code, observed): (Option<&str>, String),
        remedy: impl Into<String>,
    ) {
        let row = PreflightRow {
            id: id.into(),
            title: title.into(),
            state,
            observed,
            remedy: remedy.into(),
            code: code.map(str::to_owned),
        };
        if let Some(emit) = self.emit {
            emit.emit(Event::Preflight(row.clone())).await;
        }
        self.found.push(row);
    }

    fn blocking(&self) -> Vec<String> {
        self.found.iter().filter(|row| row.state.blocks()).map(|row| row.id.clone()).collect()
    }
}

/// Runs the preflight. Answers the session, or none and the ids of the rows in the way.
pub(super) async fn run(context: &Context) -> (Option<Session>, Vec<String>) {
    let mut rows = Rows { emit: Some(&context.emit), found: Vec::new(), name_to_confirm: None };
    let found = look(context, &mut rows).await;
    let blocking = rows.blocking();
    let Some(has_jobs) = found.filter(|_| blocking.is_empty()) else {
        return (None, blocking);
    };
    super::api::observe(context).await;
    if context.stop.is_cancelled() {
        return (None, Vec::new());
    }
    let session = tiny_run(context, &mut rows, has_jobs).await;
    (session, rows.blocking())
}

/// The rows that need no run and change nothing: what "test connection" shows.
pub async fn preflight_rows(plan: Plan, secrets: &Secrets) -> Result<Preview, ConnectError> {
    let clients = Context::connect(&plan, secrets)?;
    let folder_less = crate::journal::Emitter::nowhere();
    let context = Context::new(clients, plan, String::new(), folder_less, super::Abort::default());
    let mut rows = Rows { emit: None, found: Vec::new(), name_to_confirm: None };
    look(&context, &mut rows).await;
    let known = secrets.known();
    for row in &mut rows.found {
        row.observed = known.hide(&row.observed).into_owned();
    }
    Ok(Preview { rows: rows.found, name_to_confirm: rows.name_to_confirm })
}

/// Ends early, without an answer, when the check is aborted.
async fn look(context: &Context, rows: &mut Rows<'_>) -> Option<bool> {
    if !api_reachable(context, rows).await {
        return None;
    }
    let generation = generation(context, rows).await;
    dependencies(context, rows).await;
    context.goes_on()?;
    login(context, rows).await;
    context.goes_on()?;
    worker(context, rows).await;
    context.goes_on()?;
    storage(context, rows).await;
    context.goes_on()?;
    railway::look(context, rows).await;
    context.goes_on()?;
    generation
}

async fn api_reachable(context: &Context, rows: &mut Rows<'_>) -> bool {
    let (id, title) = ("api.reachable", "API answers");
    let url = &context.plan.environment.api_url;
    let health = match context.api.health().await {
        Ok(health) => health,
        Err(error) => {
            let state = if error.class == ErrorClass::Body || error.class == ErrorClass::Resolve {
                RowState::Misconfigured
            } else {
                RowState::NotReady
            };
            rows.add(id, title, state, error.to_string(), unreachable_remedy(&error, url.as_str())).await;
            return false;
        }
    };
    let observed = format!("version {}, up for {:.0} s", health.version, health.uptime_seconds);
    rows.add(id, title, RowState::Ok, observed, "").await;
    let expected = &context.plan.environment.expected_environment;
    let (state, remedy) = if health.environment == *expected {
        (RowState::Ok, String::new())
    } else {
        let remedy = format!(
            "{url} serves another environment than {expected}; no load is sent there. Correct the address, or \
             expected_environment if the name has changed"
        );
        (RowState::Misconfigured, remedy)
    };
    rows.add(
        "api.environment",
        "API is the expected environment",
        state,
        format!("it calls itself {:?}, expected {expected:?}", health.environment),
        remedy,
    )
    .await;
    let difference = (Utc::now() - health.timestamp).num_milliseconds().unsigned_abs();
    compare_clocks(context, &health).await;
    let limit = context.plan.parameters.general.clock_difference_limit_s * 1000;
    let (state, remedy) = if difference <= limit {
        (RowState::Ok, "")
    } else {
        (
            RowState::Warning,
            "Set the clock of this computer or of the server; times of both sides cannot be compared",
        )
    };
    rows.add("api.clock", "Clocks agree", state, format!("{difference} ms apart"), remedy).await;
    true
}

/// A third clock tells whose is wrong.
async fn compare_clocks(context: &Context, health: &Health) {
    let api_ms = (health.timestamp - Utc::now()).num_milliseconds();
    let store = match &context.storage {
        Some(storage) => storage.clock().await.ok().flatten(),
        None => None,
    };
    let store_ms = store.map(|time| (time - Utc::now()).num_milliseconds());
    context.emit.emit(Event::ClocksCompared { api_ms, store_ms }).await;
}

fn unreachable_remedy(error: &ApiError, url: &str) -> String {
    match error.class {
        ErrorClass::Resolve => {
            format!("Check the address {url} for a typing error, and this computer's network")
        }
        ErrorClass::Body => format!("{url} does not serve the AgentVerse API; check the address"),
        ErrorClass::Tls => {
            "The certificate was not accepted; check the address and this computer's clock".into()
        }
        ErrorClass::Status(_) => {
            "Look at the API service in Railway: it may be starting, stopped or crashed; then try again"
                .into()
        }
        _ => format!("Check that the API at {url} runs and that this computer reaches it, then try again"),
    }
}

async fn generation(context: &Context, rows: &mut Rows<'_>) -> Option<bool> {
    let (id, title) = ("api.contract", "API contract known");
    match context.api.generation().await {
        Ok((generation, paths)) => {
            let has_jobs = generation == Generation::G2;
            let name = match generation {
                Generation::G1 => "first generation (no calibration jobs)",
                Generation::G2 => "second generation",
            };
            rows.add(id, title, RowState::Ok, format!("{name}, {} paths", paths.len()), "").await;
            Some(has_jobs)
        }
        Err(error) => {
            let remedy = "The API must serve /api/v1/openapi.json, as it does outside production";
            rows.add(id, title, RowState::NotReady, error.to_string(), remedy).await;
            None
        }
    }
}

async fn dependencies(context: &Context, rows: &mut Rows<'_>) {
    let ready = match context.api.ready().await {
        Ok(ready) => ready,
        Err(error) => {
            let remedy = "Look at the API's logs, then try again";
            rows.add("ready", "Dependencies healthy", RowState::NotReady, error.to_string(), remedy).await;
            return;
        }
    };
    if ready.dependencies.is_empty() {
        let remedy = "This server does not report its dependencies; Holdpoint cannot tell that they work";
        rows.add("ready", "Dependencies healthy", RowState::NotReady, "none is named", remedy).await;
        return;
    }
    for dependency in &ready.dependencies {
        let latency = dependency.latency_ms.map_or(String::new(), |latency| format!(", {latency:.0} ms"));
        let message = dependency
            .message
            .as_deref()
            .map_or(String::new(), |text| format!(": {}", holdpoint_agentverse::error::redact(text)));
        let (state, remedy) = if dependency.status == "healthy" {
            (RowState::Ok, String::new())
        } else {
            (
                RowState::NotReady,
                format!("Look at {} in Railway and its logs, then try again", dependency.name),
            )
        };
        rows.add(
            &format!("ready.{}", dependency.name),
            &format!("{} healthy", dependency.name),
            state,
            format!("{}{latency}{message}", dependency.status),
            remedy,
        )
        .await;
    }
}

async fn login(context: &Context, rows: &mut Rows<'_>) {
    let (id, title) = ("api.login", "Login accepted");
    let outcome = match context.api.login().await {
        Ok(()) => context.api.me().await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(user) => {
            let role = user.role.unwrap_or_else(|| "no".into());
            let (state, remedy) = if role == "admin" {
                (RowState::Ok, "")
            } else {
                (RowState::Warning, "Exports work for an admin login only; L3 will find them refused")
            };
            rows.add(id, title, state, format!("{role} role"), remedy).await;
        }
        Err(error) => {
            let state = match error.class {
                ErrorClass::Status(401 | 403) => RowState::Misconfigured,
                _ => RowState::NotReady,
            };
            let remedy = match error.class {
                ErrorClass::RateLimited => {
                    "The API allows 10 logins in 5 minutes; wait 5 minutes without trying, then start again"
                }
                _ => "Set the login of this environment again: holdpoint environment set NAME --ask-secrets",
            };
            rows.add(id, title, state, error.to_string(), remedy).await;
        }
    }
}

async fn worker(context: &Context, rows: &mut Rows<'_>) {
    let (id, title) = ("worker.alive", "Worker answers a task");
    match context.api.worker_heartbeat().await {
        Ok(answer) if answer.status == "success" => {
            let boot = answer.heartbeat_result.and_then(|result| result.boot_id).unwrap_or_default();
            rows.add(id, title, RowState::Ok, format!("boot id {boot}"), "").await;
        }
        Ok(answer) => {
            let remedy = "Restart the worker in Railway, look at its logs, then try again";
            let observed = format!("{} {}", answer.status, answer.message.unwrap_or_default());
            rows.add(id, title, RowState::NotReady, observed, remedy).await;
        }
        Err(error) if matches!(error.class, ErrorClass::Status(401 | 403 | 422)) => {
            let remedy = "The ops key of this environment is missing or wrong; set it with \
                          holdpoint environment set NAME --ask-secrets";
            rows.add(id, title, RowState::Misconfigured, error.to_string(), remedy).await;
        }
        Err(error) => {
            let remedy = "Look at the worker and the queue in Railway, then try again";
            rows.add(id, title, RowState::NotReady, error.to_string(), remedy).await;
        }
    }
}

async fn storage(context: &Context, rows: &mut Rows<'_>) {
    let (id, title) = ("storage.probe", "API writes and reads its bucket");
    let tested = context.api.storage_test().await;
    if let Some(key) = tested.as_ref().ok().and_then(|test| test.test_object_key.as_deref()) {
        context.created.note_smoke_object(key);
    }
    match tested {
        Ok(test) if test.status == "success" && test.content_verified == Some(true) => {
            let observed = format!(
                "write {:.0} ms, read {:.0} ms",
                test.write_latency_ms.unwrap_or_default(),
                test.read_latency_ms.unwrap_or_default()
            );
            rows.add(id, title, RowState::Ok, observed, "").await;
        }
        Ok(test) => {
            let message = holdpoint_agentverse::error::redact(&test.message.unwrap_or_default());
            let remedy = "Check MinIO in Railway and the API's storage settings (runbook, bucket failures)";
            rows.add(id, title, RowState::NotReady, format!("{} {message}", test.status), remedy).await;
        }
        Err(error) => {
            let remedy = "Check MinIO in Railway and the API's logs";
            rows.add(id, title, RowState::NotReady, error.to_string(), remedy).await;
        }
    }
    let (id, title) = ("storage.key", "Holdpoint reads the bucket");
    let Some(storage) = &context.storage else {
        let remedy = "Without a staging S3 key REP and BUCKET cannot be checked and the check cannot end in GO; set \
                      it with holdpoint environment set NAME --ask-secrets";
        rows.add(id, title, RowState::NotChecked, "no S3 key is set", remedy).await;
        return;
    };
    match storage.list("runs/", 1).await {
        Ok(_) => rows.add(id, title, RowState::Ok, format!("bucket {}", storage.bucket()), "").await,
        Err(error) => {
            let state = match error.class {
                ErrorClass::Status(401 | 403) | ErrorClass::Resolve => RowState::Misconfigured,
                ErrorClass::Status(404) => RowState::Misconfigured,
                _ => RowState::NotReady,
            };
            let remedy = "Check the S3 address, bucket name and key of this environment";
            rows.add(id, title, state, error.to_string(), remedy).await;
        }
    }
}

/// One complete run: project, run, worker, telemetry. Everything after builds on it.
async fn tiny_run(context: &Context, rows: &mut Rows<'_>, has_jobs: bool) -> Option<Session> {
    let (id, title) = ("run.complete", "One real run succeeds");
    let name = format!("{} check", context.tag());
    let failed = "The environment does not complete a single run; look at the API's and the worker's logs";
    let project = match context.api.create_project(&name, "made by a Holdpoint check").await {
        Ok(project) => project,
        Err(error) => {
            rows.add(id, title, RowState::NotReady, error.to_string(), failed).await;
            return None;
        }
    };
    context.created.note_project(&project.id, &name);
    let tenant = match (&project.tenant_id, context.api.me().await) {
        (Some(tenant), _) => tenant.clone(),
        (None, Ok(user)) => user.id,
        (None, Err(_)) => String::new(),
    };
    let room = context.api.wait_for_room("/api/v1/runs", 1);
    if !context.pause(room).await {
        return None;
    }
    let run = match context.api.start_run(&project.id).await {
        Ok(run) => run,
        Err(error) => {
            rows.add(id, title, RowState::NotReady, error.to_string(), failed).await;
            return None;
        }
    };
    context.created.note_run(&run.run_id);
    let node = run.node_id.clone().unwrap_or_default();
    context
        .emit
        .emit(Event::RunCreated { test: None, run_id: run.run_id.clone(), node_id: node.clone() })
        .await;
    let mut tracked =
        vec![Tracked { id: run.run_id.clone(), created: tokio::time::Instant::now(), status: run.status }];
    let deadline = Duration::from_secs(context.plan.parameters.general.preflight_run_deadline_s);
    let ended =
        runs::wait_until(context, &mut tracked, deadline, |runs| runs.iter().all(Tracked::is_terminal)).await;
    context.goes_on()?;
    let status = tracked[0].status.clone();
    let finished = context.api.run(&run.run_id).await;
    match finished {
        Ok(finished) if ended && finished.status == "succeeded" => {
            let seconds = tracked[0].created.elapsed().as_secs_f64();
            rows.add(id, title, RowState::Ok, format!("succeeded within {seconds:.1} s"), "").await;
            Some(Session {
                has_jobs,
                tenant_id: tenant,
                project_id: project.id,
                baseline: node,
                first_run: finished,
                created: context.created.clone(),
            })
        }
        _ => {
            let observed = format!("run {} is {status} after {} s", run.run_id, deadline.as_secs());
            rows.add(id, title, RowState::NotReady, observed, failed).await;
            None
        }
    }
}
