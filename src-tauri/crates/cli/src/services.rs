//! `holdpoint services`: the runbook's manual operations.

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use holdpoint_agentverse::Client;
use holdpoint_agentverse::client::{Credentials, Timeouts};
use holdpoint_agentverse::error::redact;
use holdpoint_check::environment::{Environment, Secrets};
use holdpoint_check::words::Service;
use holdpoint_railway::{self as railway, Target, TokenKind};

use crate::arguments::ServicesCommand;
use crate::failure::Failure;
use crate::manage::resolve;

pub(crate) async fn run(command: ServicesCommand) -> Result<u8, Failure> {
    match command {
        ServicesCommand::Health(of) => {
            let (environment, secrets) = resolve(&of.environment).await?;
            health(&api(&environment, &secrets)?).await
        }
        ServicesCommand::StorageTest(of) => {
            let (environment, secrets) = resolve(&of.environment).await?;
            storage_test(&api(&environment, &secrets)?).await
        }
        ServicesCommand::Logs { service, of, lines } => {
            let (environment, secrets) = resolve(&of.environment).await?;
            let (client, target) = railway(&environment, &secrets, service)?;
            let pinned = client.pin(&target).await.map_err(|error| explain(&error))?;
            let found = client
                .logs(pinned.deployment_id(), lines, None, None)
                .await
                .map_err(|error| explain(&error))?;
            for line in found {
                println!("{} {}", line.timestamp, redact(&line.message));
            }
            Ok(0)
        }
        ServicesCommand::Restart { service, of, yes } => {
            let (environment, secrets) = resolve(&of.environment).await?;
            restart(&environment, &secrets, service, yes).await
        }
    }
}

fn api(environment: &Environment, secrets: &Secrets) -> Result<Client, Failure> {
    let credentials = match (&secrets.email, &secrets.password) {
        (Some(email), Some(password)) => Some(Credentials {
            email: email.clone(),
            password: password.clone(),
            ops_key: secrets.ops_key.clone(),
        }),
        _ => None,
    };
    Ok(Client::new(environment.api_url.clone(), credentials, Timeouts::default())?)
}

fn railway(
    environment: &Environment,
    secrets: &Secrets,
    service: Service,
) -> Result<(railway::Client, Target), Failure> {
    let target = environment.railway.as_ref().ok_or_else(|| {
        Failure::usage(format!("{} has no Railway part; add it to its file", environment.name))
    })?;
    let token = secrets.railway_token.clone().ok_or_else(|| {
        Failure::usage(format!(
            "no Railway token is set; set one with `holdpoint token set {}`",
            environment.name
        ))
    })?;
    let id = target.services.get(&service).ok_or_else(|| {
        Failure::usage(format!("the Railway id of {service} is not in the environment file"))
    })?;
    let kind = secrets.railway_token_kind.unwrap_or(TokenKind::Project);
    let client = railway::Client::new(target.url.clone(), token, kind).map_err(|error| explain(&error))?;
    let target = Target {
        project_id: target.project_id.clone(),
        environment_id: target.environment_id.clone(),
        service_id: id.clone(),
    };
    Ok((client, target))
}

fn explain(error: &railway::Error) -> Failure {
    Failure::failed(format!("{error}. {}", error.remedy()))
}

async fn health(api: &Client) -> Result<u8, Failure> {
    let ready = api.ready().await.map_err(|error| Failure::failed(error.to_string()))?;
    println!(
        "API {} ({}), up for {:.0} s: {}",
        ready.version, ready.environment, ready.uptime_seconds, ready.status
    );
    for dependency in &ready.dependencies {
        let latency = dependency.latency_ms.map_or(String::new(), |latency| format!("{latency:.0} ms"));
        let message = dependency.message.as_deref().map(redact).unwrap_or_default();
        println!("  {:<12} {:<10} {latency} {message}", dependency.name, dependency.status);
    }
    let worker = match api.worker_heartbeat().await {
        Ok(beat) if beat.status == "success" => "answers a task".to_owned(),
        Ok(beat) => format!("does not answer a task ({})", beat.status),
        Err(error) => format!("unknown: {error}"),
    };
    println!("  {:<12} {worker}", "worker");
    Ok(u8::from(ready.status != "healthy"))
}

async fn storage_test(api: &Client) -> Result<u8, Failure> {
    let test = api.storage_test().await.map_err(|error| Failure::failed(error.to_string()))?;
    println!("{}: bucket {}", test.status, test.storage_bucket.unwrap_or_else(|| "unknown".into()));
    if let Some(key) = &test.test_object_key {
        println!(
            "  wrote {key} in {:.0} ms, read it in {:.0} ms, content verified: {}",
            test.write_latency_ms.unwrap_or_default(),
            test.read_latency_ms.unwrap_or_default(),
            test.content_verified.unwrap_or(false)
        );
    }
    if let Some(message) = &test.message {
        println!("  {}", redact(message));
    }
    Ok(u8::from(test.status != "success"))
}

async fn restart(
    environment: &Environment,
    secrets: &Secrets,
    service: Service,
    yes: bool,
) -> Result<u8, Failure> {
    let (client, target) = railway(environment, secrets, service)?;
    if !yes {
        return Err(Failure::usage(format!(
            "{service} of {} would really be restarted; confirm with --yes",
            environment.name
        )));
    }
    let api = api(environment, secrets)?;
    let before = identity(&api, service).await;
    let pinned = client.pin(&target).await.map_err(|error| explain(&error))?;
    let started = Instant::now();
    client.restart(&pinned).await.map_err(|error| explain(&error))?;
    println!("Railway accepted the restart of {service}; accepted is not restarted.");
    if before.is_none() {
        println!(
            "{service} shows no process identity, so the restart cannot be proven from here; look at its logs."
        );
        return Ok(3);
    }
    while started.elapsed() < Duration::from_secs(180) {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if let (Some(before), Some(now)) = (&before, identity(&api, service).await)
            && now.differs(before)
        {
            println!("proven after {:.1} s: {now}", started.elapsed().as_secs_f64());
            return Ok(0);
        }
    }
    Err(Failure::failed(format!(
        "{service} shows the same process as before after 180 s: the restart did not happen or it is not back"
    )))
}

/// What tells one process of a service from the next.
enum Identity {
    /// When it started, by its own clock.
    Started(DateTime<Utc>),
    /// The id of its boot.
    Boot(String),
}

impl Identity {
    fn differs(&self, other: &Self) -> bool {
        match (self, other) {
            // Two readings of one process differ by the rounding of its uptime.
            (Self::Started(one), Self::Started(other)) => (*one - *other).num_milliseconds().abs() > 1000,
            (Self::Boot(one), Self::Boot(other)) => one != other,
            _ => true,
        }
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Started(at) => write!(formatter, "process started {}", at.format("%H:%M:%S UTC")),
            Self::Boot(id) => write!(formatter, "boot id {id}"),
        }
    }
}

async fn identity(api: &Client, service: Service) -> Option<Identity> {
    match service {
        Service::Api => {
            let health = api.health_within(Duration::from_secs(3)).await.ok()?;
            Some(Identity::Started(health.started_at()))
        }
        Service::Worker => {
            let beat = api.worker_heartbeat().await.ok()?;
            beat.heartbeat_result.and_then(|result| result.boot_id).map(Identity::Boot)
        }
        _ => None,
    }
}
