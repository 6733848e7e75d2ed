//! Restarting a service by hand, and redeploying the one that a restart did not bring back. Both pass the guards that a
//! check's own restarts pass: ids as Railway answers them, the deny-list, and the name typed where the target looks like
//! production.

use std::time::{Duration, Instant};

use holdpoint_check::environment::{Environment, Secrets};
use holdpoint_check::plan::{ChaosIntent, Plan};
use holdpoint_check::run;
use holdpoint_check::words::{Service, Suite};

use crate::clients;
use crate::error::DeskError;
use crate::identity::{Identity, identity, works};
use crate::planning::usual_parameters;
use crate::view::{RestartOutcome, RestartReport};

/// How long a restart by hand is watched.
const RESTART_WATCH: Duration = Duration::from_secs(180);
/// How long a redeploy is watched; it may build (Railway facts 4.3).
const REDEPLOY_WATCH: Duration = Duration::from_secs(600);
/// Between two looks at a service that is being changed.
const LOOK: Duration = Duration::from_millis(500);

/// Restarts a service and watches for the proof. `typed` is the name of the Railway environment as a person typed it.
pub async fn restart(
    environment: &Environment,
    secrets: &Secrets,
    service: Service,
    typed: Option<&str>,
) -> Result<RestartReport, DeskError> {
    let client = clients::railway(environment, secrets)?;
    let target = clients::target(environment, service)?;
    admit(environment, secrets, typed).await?;
    let api = clients::api(environment, secrets)?;
    let before = identity(&api, service).await;
    let pinned = client.pin(&target).await?;
    let started = Instant::now();
    let answer = match client.restart(&pinned).await {
        Ok(_) => "Railway accepted the restart",
        // It may have happened: it is looked for, and never asked for twice.
        Err(holdpoint_railway::Error::Ambiguous(_)) => "Railway gave no definite answer to the restart",
        Err(error) => return Err(error.into()),
    };
    let report = |outcome, after: Option<&Identity>, message: String| RestartReport {
        service,
        outcome,
        seconds: started.elapsed().as_secs_f64(),
        before: before.as_ref().map(ToString::to_string),
        after: after.map(ToString::to_string),
        message,
    };
    let name = service.title();
    let Some(known) = &before else {
        return Ok(report(
            RestartOutcome::Accepted,
            None,
            format!(
                "{answer} of {name}. It showed no process identity before, so the restart cannot be proven from here: \
                 look at its state and its logs."
            ),
        ));
    };
    while started.elapsed() < RESTART_WATCH {
        tokio::time::sleep(LOOK).await;
        if let Some(now) = identity(&api, service).await
            && now.differs(known)
        {
            let seconds = started.elapsed().as_secs_f64();
            return Ok(report(
                RestartOutcome::Proven,
                Some(&now),
                format!("{name} was really restarted: another process answers after {seconds:.1} s."),
            ));
        }
    }
    Ok(report(
        RestartOutcome::NotSeen,
        None,
        format!(
            "{answer}. {name} shows the same process as before after {} s, or none: the restart did not happen, or it is \
             not back.",
            RESTART_WATCH.as_secs()
        ),
    ))
}

/// Starts a new deployment of a service from the same source, and watches until it works: for what a restart did not
/// bring back. `typed` as in [`restart`].
pub async fn redeploy(
    environment: &Environment,
    secrets: &Secrets,
    service: Service,
    typed: Option<&str>,
) -> Result<RestartReport, DeskError> {
    let client = clients::railway(environment, secrets)?;
    let target = clients::target(environment, service)?;
    admit(environment, secrets, typed).await?;
    let api = clients::api(environment, secrets)?;
    // The deployment is the identity of a redeploy; a service that is away may have none.
    let before = client.pin(&target).await.ok().map(|pinned| pinned.deployment_id().to_owned());
    let started = Instant::now();
    let answer = match client.redeploy(&target).await {
        Ok(()) => "Railway accepted the redeploy",
        Err(holdpoint_railway::Error::Ambiguous(_)) => "Railway gave no definite answer to the redeploy",
        Err(error) => return Err(error.into()),
    };
    let report = |outcome, after: Option<String>, message: String| RestartReport {
        service,
        outcome,
        seconds: started.elapsed().as_secs_f64(),
        before: before.as_ref().map(|id| format!("deployment {id}")),
        after: after.map(|id| format!("deployment {id}")),
        message,
    };
    let name = service.title();
    while started.elapsed() < REDEPLOY_WATCH {
        tokio::time::sleep(LOOK * 4).await;
        let now = client.pin(&target).await.ok().map(|pinned| pinned.deployment_id().to_owned());
        let Some(now) = now.filter(|now| before.as_ref() != Some(now)) else { continue };
        if works(environment, &api, service).await.is_ok() {
            let seconds = started.elapsed().as_secs_f64();
            let message = format!("{name} works again from a new deployment, after {seconds:.1} s.");
            return Ok(report(RestartOutcome::Proven, Some(now), message));
        }
    }
    let message = format!(
        "{answer}. {name} does not work from a new deployment after {} s: look at its build and its logs in Railway.",
        REDEPLOY_WATCH.as_secs()
    );
    Ok(report(RestartOutcome::NotSeen, None, message))
}

/// Refuses an environment that looks like production, unless its name was typed.
async fn admit(environment: &Environment, secrets: &Secrets, typed: Option<&str>) -> Result<(), DeskError> {
    let plan = Plan {
        parameters: usual_parameters(environment),
        environment: environment.clone(),
        suite: Suite::Chaos,
        chaos: ChaosIntent::Real,
        rehearsal_profile: None,
        confirmed_name: None,
    };
    match run::name_to_confirm(&plan, secrets).await? {
        Some(wanted) if typed != Some(wanted.name.as_str()) => Err(DeskError::new(
            "railway.not_confirmed",
            "Nothing was done: the name of this environment has to be typed first.",
            format!("If it is the one that is meant, type {} to confirm.", wanted.name),
        )
        .because(format!("{}.", wanted.why))),
        _ => Ok(()),
    }
}
