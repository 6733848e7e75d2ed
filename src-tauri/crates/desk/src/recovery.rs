//! A fault whose end is not on record: is its service back now? What is found is told and not written: the journal says
//! what the check saw, and the check has no verdict for good.

use holdpoint_check::environment::{Environment, Secrets};
use holdpoint_check::results::{FaultResults, Results};

use crate::clients;
use crate::error::DeskError;
use crate::identity::{Identity, identity, works};
use crate::view::{RecoveryFound, RecoveryState};

/// Faults that a check may have injected and never saw the end of.
pub fn open_faults(results: &Results) -> Vec<&FaultResults> {
    results.faults.iter().filter(|fault| fault.is_open()).collect()
}

/// Looks at the service of every open fault of a check. `environment` must be the one that was checked.
pub async fn verify(
    results: &Results,
    environment: &Environment,
    secrets: &Secrets,
) -> Result<Vec<RecoveryFound>, DeskError> {
    let checked = &results.plan.environment;
    let ids = |of: &Environment| {
        of.railway.as_ref().map(|one| (one.project_id.clone(), one.environment_id.clone()))
    };
    if checked.api_url != environment.api_url || ids(checked) != ids(environment) {
        return Err(DeskError::new(
            "recovery.other_environment",
            "Nothing was asked: this is not the environment that was checked.",
            "Name the environment of the check, or give it back the addresses and ids that it had then.",
        )
        .because(format!("The check was of {} at {}.", checked.name, checked.api_url)));
    }
    let api = clients::api(environment, secrets)?;
    let mut found = Vec::new();
    for fault in open_faults(results) {
        let service = fault.intent.service;
        let before =
            fault.intent.identity_before.as_deref().and_then(|text| Identity::recorded(service, text));
        let now = identity(&api, service).await;
        let (state, message) = match works(environment, &api, service).await {
            Err(why) => (RecoveryState::Away, format!("{service} does not work: {why}.")),
            Ok(how) => match (&before, &now) {
                (Some(before), Some(now)) if now.differs(before) => {
                    (RecoveryState::Back, format!("{service} is back as another process: {how}."))
                }
                (Some(_), Some(_)) => (
                    RecoveryState::Untouched,
                    format!("{service} works, and is the process from before the fault: {how}."),
                ),
                _ => (
                    RecoveryState::Works,
                    format!("{service} works: {how}. Whether it was restarted cannot be told from here."),
                ),
            },
        };
        let next = match state {
            RecoveryState::Away => format!(
                "Bring it back: holdpoint services restart {service} --environment {name} --yes; if that does not help, \
                 holdpoint services redeploy {service} --environment {name} --yes",
                name = environment.name
            ),
            _ => "Nothing has to be brought back. The check itself stays without a verdict: run it again"
                .into(),
        };
        found.push(RecoveryFound {
            service,
            test: fault.intent.test,
            state,
            before: before.map(|one| one.to_string()),
            now: now.map(|one| one.to_string()),
            message,
            next,
        });
    }
    Ok(found)
}
