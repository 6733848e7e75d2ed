//! Which process of a service answers, and whether the service works.

use std::time::Duration;

use chrono::{DateTime, Utc};
use holdpoint_agentverse::Client;
use holdpoint_agentverse::client::Timeouts;
use holdpoint_check::environment::Environment;
use holdpoint_check::words::Service;

use crate::operations::dependency;

/// What tells one process of a service from the next.
pub(crate) enum Identity {
    /// When it started, by its own clock.
    Started(DateTime<Utc>),
    /// The id of its boot.
    Boot(String),
}

impl Identity {
    /// As a check wrote it down before a fault.
    pub(crate) fn recorded(service: Service, text: &str) -> Option<Self> {
        match service {
            Service::Api => {
                DateTime::parse_from_rfc3339(text).ok().map(|at| Self::Started(at.with_timezone(&Utc)))
            }
            Service::Worker if !text.is_empty() => Some(Self::Boot(text.to_owned())),
            _ => None,
        }
    }

    pub(crate) fn differs(&self, other: &Self) -> bool {
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

/// The identity that answers now; none where the service has none or does not answer.
pub(crate) async fn identity(api: &Client, service: Service) -> Option<Identity> {
    match service {
        Service::Api => {
            let health = api.health_within(Duration::from_secs(3)).await.ok()?;
            Some(Identity::Started(health.started_at()))
        }
        Service::Worker => {
            let beat = api.worker_heartbeat().await.ok().filter(|beat| beat.status == "success")?;
            beat.heartbeat_result.and_then(|result| result.boot_id).map(Identity::Boot)
        }
        _ => None,
    }
}

/// What shows that a service works right now, or why it does not.
pub(crate) async fn works(
    environment: &Environment,
    api: &Client,
    service: Service,
) -> Result<String, String> {
    if service == Service::Web {
        let web = Client::new(environment.web_url.clone(), None, Timeouts::default());
        web.map_err(|error| error.to_string())?.reach().await.map_err(|error| error.to_string())?;
        return Ok("the web front answers".into());
    }
    if service == Service::Worker {
        // The API calls a dead worker healthy (API facts 17.9), so it is given a task.
        let beat = api.worker_heartbeat().await.map_err(|error| error.to_string())?;
        return if beat.status == "success" {
            Ok("the worker answered a task".into())
        } else {
            Err(format!("the worker did not answer a task: {}", beat.status))
        };
    }
    let ready = api.ready().await.map_err(|error| error.to_string())?;
    if service == Service::Api {
        return if ready.status == "healthy" {
            Ok("/health/ready is healthy".into())
        } else {
            Err(format!("/health/ready says {}", ready.status))
        };
    }
    let wanted = dependency(service);
    match ready.dependencies.iter().find(|one| one.name.eq_ignore_ascii_case(wanted)) {
        Some(one) if one.status == "healthy" => Ok(format!("the API calls {wanted} healthy")),
        Some(one) => Err(format!("the API calls {wanted} {}", one.status)),
        None => Err(format!("the API says nothing of {wanted}")),
    }
}
