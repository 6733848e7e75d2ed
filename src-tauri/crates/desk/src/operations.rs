//! The runbook's manual operations that change nothing: health, storage test, logs.

use std::time::Instant;

use chrono::{SecondsFormat, Utc};
use holdpoint_agentverse::Client;
use holdpoint_agentverse::client::Timeouts;
use holdpoint_agentverse::error::redact;
use holdpoint_check::environment::{Environment, Secrets};
use holdpoint_check::words::Service;

use crate::clients;
use crate::error::DeskError;
use crate::live::SERVICES;
use crate::view::{DependencyRow, ServiceLog, ServiceRow, ServiceState, ServicesView, StorageReport};

/// A service that takes longer than this to answer is called slow.
const SLOW_MS: f64 = 2000.0;

/// Looks at every service.
pub async fn services(environment: &Environment, secrets: &Secrets) -> Result<ServicesView, DeskError> {
    let api = clients::api(environment, secrets)?;
    let asked = Instant::now();
    let ready = api.ready().await;
    let ready_ms = asked.elapsed().as_secs_f64() * 1000.0;
    let worker = api.worker_heartbeat().await;
    let worker_ms = asked.elapsed().as_secs_f64() * 1000.0 - ready_ms;
    let web = look_at_web(environment).await;
    let (deployed, railway_problem) = match deployments(environment, secrets).await {
        Ok(found) => (found, None),
        Err(error) => (Vec::new(), Some(error.0)),
    };
    let dependencies: Vec<DependencyRow> = ready
        .iter()
        .flat_map(|ready| &ready.dependencies)
        .map(|one| DependencyRow {
            name: one.name.clone(),
            status: one.status.clone(),
            ok: one.status == "healthy",
            latency_ms: one.latency_ms,
            message: one.message.as_deref().map(redact).unwrap_or_default(),
        })
        .collect();
    let through_api = |service: Service| {
        let found = dependencies.iter().find(|one| one.name.eq_ignore_ascii_case(dependency(service)));
        match found {
            Some(one) => (judged(one.ok, one.latency_ms), one.latency_ms, one.message.clone()),
            None => (ServiceState::Unknown, None, "the API does not say".to_owned()),
        }
    };
    let rows = SERVICES
        .into_iter()
        .map(|service| {
            let (state, answers_ms, detail) = match service {
                Service::Api => match &ready {
                    Ok(ready) if ready.status == "healthy" => {
                        (judged(true, Some(ready_ms)), Some(ready_ms), String::new())
                    }
                    Ok(ready) => {
                        (ServiceState::Down, Some(ready_ms), format!("it calls itself {}", ready.status))
                    }
                    Err(error) => (ServiceState::Down, None, error.to_string()),
                },
                Service::Worker => match &worker {
                    Ok(beat) if beat.status == "success" => {
                        (judged(true, Some(worker_ms)), Some(worker_ms), String::new())
                    }
                    Ok(beat) => {
                        (ServiceState::Down, None, format!("it does not answer a task: {}", beat.status))
                    }
                    Err(error) => (ServiceState::Unknown, None, error.to_string()),
                },
                Service::Web => match &web {
                    Ok(ms) => (judged(true, Some(*ms)), Some(*ms), String::new()),
                    Err(why) => (ServiceState::Down, None, why.clone()),
                },
                other => through_api(other),
            };
            ServiceRow {
                service,
                title: service.title().into(),
                note: match service {
                    Service::Api => ready.as_ref().map(|ready| ready.version.clone()).unwrap_or_default(),
                    Service::Worker => "by a real task".into(),
                    Service::Web => String::new(),
                    _ => "through the API".into(),
                },
                state,
                detail,
                answers_ms,
                deployed_at: deployed.iter().find(|(known, _)| *known == service).map(|(_, at)| at.clone()),
                no_restart: no_restart(environment, secrets, service),
            }
        })
        .collect();
    Ok(ServicesView {
        asked_at: now(),
        services: rows,
        dependencies,
        api: ready
            .as_ref()
            .map(|ready| format!("{} {}", ready.environment, ready.version))
            .unwrap_or_default(),
        api_problem: ready.err().map(|error| {
            DeskError::new(
                "api.unreachable",
                "The API cannot be reached.",
                "If Railway shows it running it may still be starting: ask again. Otherwise look at its logs.",
            )
            .because(error)
            .0
        }),
        railway_problem,
    })
}

fn judged(ok: bool, latency_ms: Option<f64>) -> ServiceState {
    match (ok, latency_ms) {
        (false, _) => ServiceState::Down,
        (true, Some(latency)) if latency > SLOW_MS => ServiceState::Slow,
        (true, _) => ServiceState::Ready,
    }
}

fn no_restart(environment: &Environment, secrets: &Secrets, service: Service) -> Option<String> {
    if let Err(error) = clients::target(environment, service) {
        return Some(error.0.message);
    }
    secrets.railway_token.is_none().then(|| "No Railway token is set for this environment.".to_owned())
}

async fn look_at_web(environment: &Environment) -> Result<f64, String> {
    let asked = Instant::now();
    let web = Client::new(environment.web_url.clone(), None, Timeouts::default());
    web.map_err(|error| error.to_string())?.reach().await.map_err(|error| error.to_string())?;
    Ok(asked.elapsed().as_secs_f64() * 1000.0)
}

async fn deployments(
    environment: &Environment,
    secrets: &Secrets,
) -> Result<Vec<(Service, String)>, DeskError> {
    let client = clients::railway(environment, secrets)?;
    let Some(target) = &environment.railway else { return Ok(Vec::new()) };
    let state = client.environment(&target.project_id, &target.environment_id).await?;
    let of = |service: Service| {
        let id = target.services.get(&service)?;
        let instance = state.services.iter().find(|instance| instance.service_id == *id)?;
        Some((service, instance.serving.as_ref()?.created_at?.to_rfc3339()))
    };
    Ok(SERVICES.into_iter().filter_map(of).collect())
}

/// Runs the API's storage probe, which leaves an object behind.
pub async fn storage_test(environment: &Environment, secrets: &Secrets) -> Result<StorageReport, DeskError> {
    let test = clients::api(environment, secrets)?.storage_test().await?;
    Ok(StorageReport {
        at: now(),
        ok: test.status == "success" && test.content_verified != Some(false),
        bucket: test.storage_bucket.unwrap_or_default(),
        object: test.test_object_key.unwrap_or_default(),
        write_ms: test.write_latency_ms,
        read_ms: test.read_latency_ms,
        verified: test.content_verified,
        message: test.message.as_deref().map(redact).unwrap_or_default(),
    })
}

/// The newest log lines of a service.
pub async fn logs(
    environment: &Environment,
    secrets: &Secrets,
    service: Service,
    lines: u32,
) -> Result<Vec<ServiceLog>, DeskError> {
    let client = clients::railway(environment, secrets)?;
    let pinned = client.pin(&clients::target(environment, service)?).await?;
    let found = client.logs(pinned.deployment_id(), lines, None, None).await?;
    let known = secrets.known();
    Ok(found
        .into_iter()
        .map(|line| ServiceLog {
            service,
            at: line.timestamp,
            level: line.severity.unwrap_or_default(),
            text: redact(&known.hide(&line.message)),
        })
        .collect())
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// What the API's readiness calls a service (API facts: `postgresql`, `redis`, `celery`, `storage`).
pub(crate) fn dependency(service: Service) -> &'static str {
    match service {
        Service::Postgres => "postgresql",
        Service::Minio => "storage",
        other => other.name(),
    }
}
