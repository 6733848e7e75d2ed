//! Clients for work outside a check.

use holdpoint_agentverse::Client;
use holdpoint_agentverse::client::{Credentials, Timeouts};
use holdpoint_check::environment::{Environment, Secrets};
use holdpoint_check::words::Service;
use holdpoint_railway::{self as railway, Target, TokenKind};

use crate::error::DeskError;

/// The API of an environment.
pub fn api(environment: &Environment, secrets: &Secrets) -> Result<Client, DeskError> {
    let credentials = match (&secrets.email, &secrets.password) {
        (Some(email), Some(password)) => Some(Credentials {
            email: email.clone(),
            password: password.clone(),
            ops_key: secrets.ops_key.clone(),
        }),
        _ => None,
    };
    Ok(Client::new(environment.api_url.clone(), credentials, Timeouts::default())?.hiding(&secrets.known()))
}

/// Railway, as the environment's token reaches it.
pub fn railway(environment: &Environment, secrets: &Secrets) -> Result<railway::Client, DeskError> {
    let target = environment.railway.as_ref().ok_or_else(|| {
        DeskError::new(
            "railway.not_configured",
            format!("{} has no Railway ids.", environment.name),
            "Add them under Environments.",
        )
    })?;
    let token = secrets.railway_token.clone().ok_or_else(|| {
        DeskError::new(
            "railway.no_token",
            format!("No Railway token is set for {}.", environment.name),
            "Set one under Environments, or with `holdpoint token set`.",
        )
    })?;
    let kind = secrets.railway_token_kind.unwrap_or(TokenKind::Project);
    Ok(railway::Client::new(target.url.clone(), token, kind)?.denying(&target.deny))
}

/// The confirmed ids of a service.
pub fn target(environment: &Environment, service: Service) -> Result<Target, DeskError> {
    let missing = || {
        DeskError::new(
            "railway.no_service",
            format!("The Railway id of {service} is not known for {}.", environment.name),
            "Find the ids under Environments and save them.",
        )
    };
    let railway = environment.railway.as_ref().ok_or_else(missing)?;
    Ok(Target {
        project_id: railway.project_id.clone(),
        environment_id: railway.environment_id.clone(),
        service_id: railway.services.get(&service).ok_or_else(missing)?.clone(),
    })
}
