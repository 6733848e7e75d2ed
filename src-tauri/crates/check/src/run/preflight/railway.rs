//! May this check restart services, and would it succeed? Asked before anything is done, because a check that finds out in
//! its middle has cost everybody an hour.

use holdpoint_railway::{Client, EnvironmentState, Error, Reach, TokenKind, remedy_of};

use super::{NameToConfirm, Rows};
use crate::environment::{Kind, RailwayTarget, Secrets};
use crate::event::RowState;
use crate::plan::{ChaosIntent, Plan};
use crate::quiet::Quiet;
use crate::run::context::Context;

/// Requests a fault takes: pinning, comparing and asking, reading the deployment and its log afterwards, and the restart
/// that brings back what does not come back by itself.
const REQUESTS_A_FAULT: u64 = 16;

const TOKEN: (&str, &str) = ("railway.token", "Railway token accepted");
const SERVICES: (&str, &str) = ("railway.services", "Services to restart found");

pub(super) async fn look(context: &Context, rows: &mut Rows<'_>) {
    let suite = context.plan.suite.tests();
    let (id, title) = ("railway.token", "Railway reachable");
    if !suite.iter().any(|test| test.is_chaos()) {
        rows.add(id, title, RowState::NotChecked, "this suite restarts nothing", "").await;
        return;
    }
    if context.plan.chaos == ChaosIntent::Simulated {
        let remedy = "Set a Railway token to really restart services; until then chaos is simulated and the verdict \
                      says so";
        rows.add(id, title, RowState::Warning, "no Railway token: chaos will be simulated", remedy).await;
        return;
    }
    quiet_hours(context, rows).await;
    let (Some(client), Some(target)) = (&context.railway, &context.plan.environment.railway) else {
        let remedy = "Add the railway part to the environment file: project, environment and service ids";
        let observed = "a token is set, but this environment has no Railway ids";
        rows.add(id, title, RowState::Misconfigured, observed, remedy).await;
        return;
    };
    let Some(reach) = token(client, target, rows).await else { return };
    let Some(state) = services(context, client, target, rows).await else { return };
    name(context, client, &reach, &state, rows).await;
    budget(context, client, rows).await;
}

/// A check takes some minutes: quiet hours that begin within this many would cut its restarts off.
const QUIET_SOON: u32 = 30;

/// Whether restarts are allowed at this hour.
async fn quiet_hours(context: &Context, rows: &mut Rows<'_>) {
    let Some(quiet) = &context.plan.environment.quiet_hours else { return };
    let (id, title) = ("chaos.quiet_hours", "Outside quiet hours");
    match quiet.at(chrono::Utc::now()) {
        Quiet::Now => {
            let remedy =
                "Start the check when they are over, without its chaos tests, or with simulated restarts";
            rows.add(id, title, RowState::NotReady, format!("it is in them: {quiet}"), remedy).await;
        }
        Quiet::In(minutes) if minutes <= QUIET_SOON => {
            let observed = format!("they begin in {minutes} min: {quiet}");
            let remedy = "A restart that is due after that is refused, and the check then has no verdict";
            rows.add(id, title, RowState::Warning, observed, remedy).await;
        }
        Quiet::In(_) => rows.add(id, title, RowState::Ok, format!("they are {quiet}"), "").await,
    }
}

async fn failed(rows: &mut Rows<'_>, (id, title): (&str, &str), error: &Error) {
    let state = match error {
        Error::Transient(_) | Error::RateLimited { .. } => RowState::NotReady,
        _ => RowState::Misconfigured,
    };
    rows.add_coded(id, title, state, (Some(error.code()), error.to_string()), error.remedy()).await;
}

/// Whether the token is accepted, and bound to the confirmed environment where it is bound to one.
async fn token(client: &Client, target: &RailwayTarget, rows: &mut Rows<'_>) -> Option<Reach> {
    let reach = match client.reach().await {
        Ok(reach) => reach,
        Err(error) => {
            failed(rows, TOKEN, &error).await;
            return None;
        }
    };
    let compared = [
        ("project id", &reach.project_id, &target.project_id),
        ("environment id", &reach.environment_id, &target.environment_id),
    ];
    for (what, answered, confirmed) in compared {
        if let Some(answered) = answered.as_ref().filter(|answered| *answered != confirmed) {
            let (answered, confirmed) = (answered.clone(), confirmed.clone());
            failed(rows, TOKEN, &Error::WrongTarget { what, answered, confirmed }).await;
            return None;
        }
    }
    let (id, title) = TOKEN;
    match client.kind() {
        TokenKind::Project => {
            rows.add(id, title, RowState::Ok, "reaches the confirmed environment, and no other", "").await;
        }
        TokenKind::Account => {
            let observed = "an account token: it reaches everything its owner can, production included";
            let remedy = "Use a project token of the staging environment; until then only the ids that are compared \
                          before each restart keep this check where it belongs";
            rows.add(id, title, RowState::Warning, observed, remedy).await;
        }
    }
    Some(reach)
}

/// Whether everything that will be restarted is there and works.
async fn services(
    context: &Context,
    client: &Client,
    target: &RailwayTarget,
    rows: &mut Rows<'_>,
) -> Option<EnvironmentState> {
    let state = match client.environment(&target.project_id, &target.environment_id).await {
        Ok(state) => state,
        Err(error) => {
            failed(rows, SERVICES, &error).await;
            return None;
        }
    };
    let (id, title) = SERVICES;
    let mut names = Vec::new();
    let (mut unknown, mut in_the_way) = (Vec::new(), Vec::new());
    for service in context.plan.restarts() {
        let known = target.services.get(&service);
        let instance =
            known.and_then(|wanted| state.services.iter().find(|instance| instance.service_id == *wanted));
        match instance {
            Some(instance) => match instance.in_the_way() {
                Some(problem) => in_the_way.push(problem),
                None => names.push(format!("{service} = {}", instance.service_name)),
            },
            None => unknown.push(format!("{service}: no such service id in this environment")),
        }
    }
    if !unknown.is_empty() {
        let remedy =
            "Correct the service ids of this environment; Railway shows them in each service's settings";
        rows.add(id, title, RowState::Misconfigured, unknown.join("; "), remedy).await;
        return None;
    }
    if let Some((code, _)) = in_the_way.first().cloned() {
        let observed: Vec<String> = in_the_way.into_iter().map(|(_, observed)| observed).collect();
        let observed = (Some(code), observed.join("; "));
        rows.add_coded(id, title, RowState::NotReady, observed, remedy_of(code)).await;
        return None;
    }
    rows.add(id, title, RowState::Ok, names.join(", "), "").await;
    Some(state)
}

/// Ids decide; but where everything points at production a person has to say its name (Railway facts 10.3).
async fn name(
    context: &Context,
    client: &Client,
    reach: &Reach,
    state: &EnvironmentState,
    rows: &mut Rows<'_>,
) {
    // The rehearsal calls itself production on purpose, and is this computer.
    if context.plan.environment.kind == Kind::Rehearsal || context.plan.restarts().is_empty() {
        return;
    }
    let (id, title) = ("railway.name", "Environment confirmed by its name");
    let wanted = match wanted(client, reach, state).await {
        Ok(Some(wanted)) => wanted,
        Ok(None) => {
            let observed = format!("{}, not the primary environment of its project", state.name);
            rows.add(id, title, RowState::Ok, observed, "").await;
            return;
        }
        Err(error) => return failed(rows, (id, title), &error).await,
    };
    if context.plan.confirmed_name.as_deref() == Some(wanted.name.as_str()) {
        rows.add(id, title, RowState::Ok, format!("{}, typed by a person", wanted.name), "").await;
        return;
    }
    let observed = match &context.plan.confirmed_name {
        Some(typed) => format!("{}; {typed:?} was typed", wanted.why),
        None => wanted.why.clone(),
    };
    // Who only looks is told; a check does not go on.
    let state = if rows.emit.is_some() { RowState::Misconfigured } else { RowState::Warning };
    let remedy = format!(
        "Look at its ids in Railway. If services of this very environment may be restarted, type its name: \
         --confirm {}",
        wanted.name
    );
    rows.add_coded(id, title, state, (Some("railway.not_confirmed"), observed), remedy).await;
    rows.name_to_confirm = Some(wanted);
}

async fn wanted(
    client: &Client,
    reach: &Reach,
    state: &EnvironmentState,
) -> Result<Option<NameToConfirm>, Error> {
    let is_primary = client.primary_environment(&state.project_id).await?.as_ref() == Some(&state.id);
    let project = reach.project_name.clone();
    Ok(why_typed(&state.name, is_primary).map(|why| NameToConfirm { name: state.name.clone(), project, why }))
}

/// The name that a person has to type before this plan may restart anything, as Railway answers it now; none where none
/// is needed or nothing is restarted.
pub async fn name_to_confirm(plan: &Plan, secrets: &Secrets) -> Result<Option<NameToConfirm>, Error> {
    let (Some(target), Some(token)) = (&plan.environment.railway, &secrets.railway_token) else {
        return Ok(None);
    };
    if plan.environment.kind == Kind::Rehearsal || plan.restarts().is_empty() {
        return Ok(None);
    }
    let kind = secrets.railway_token_kind.unwrap_or(TokenKind::Project);
    let client = Client::new(target.url.clone(), token.clone(), kind)?.denying(&target.deny);
    let reach = client.reach().await?;
    let state = client.environment(&target.project_id, &target.environment_id).await?;
    wanted(&client, &reach, &state).await
}

/// Why the name of an environment has to be typed.
fn why_typed(name: &str, is_primary: bool) -> Option<String> {
    let lower = name.to_lowercase();
    let like_production = lower.contains("prod") || lower == "live";
    match (is_primary, like_production) {
        (true, _) => {
            Some(format!("Railway calls it {name}, and it is the primary environment of its project"))
        }
        (false, true) => Some(format!("Railway calls it {name}")),
        (false, false) => None,
    }
}

/// Whether the check fits what is left of the hour's requests.
async fn budget(context: &Context, client: &Client, rows: &mut Rows<'_>) {
    let (id, title) = ("railway.budget", "Requests fit Railway's hourly budget");
    let faults = u64::try_from(context.plan.restarts().len()).unwrap_or(u64::MAX);
    let needed = faults.saturating_mul(REQUESTS_A_FAULT);
    let budget = client.budget();
    if let Some(short) = budget.falls_short(needed) {
        let remedy = "Wait until the hour is over, or stop other tools that use the same account; a restart that is \
                      refused for this leaves the check without a verdict";
        rows.add_coded(id, title, RowState::Warning, (Some("railway.budget"), short), remedy).await;
        return;
    }
    let said = match (budget.remaining, budget.limit) {
        (Some(left), _) => format!("{left} are left of this hour"),
        (None, Some(limit)) => format!("{limit} are allowed an hour"),
        (None, None) => {
            "Railway does not say how many are allowed; the smallest plan allows 100 an hour".into()
        }
    };
    let observed = format!("about {needed} more, {} sent so far; {said}", budget.sent);
    rows.add(id, title, RowState::Ok, observed, "").await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_primary_or_production_like_environment_has_to_be_named() {
        for (name, is_primary, typed) in [
            ("production", false, true),
            ("Production", true, true),
            ("prod-eu", false, true),
            ("live", false, true),
            ("staging", true, true),
            ("staging", false, false),
            ("delivery", false, false),
        ] {
            assert_eq!(why_typed(name, is_primary).is_some(), typed, "{name} {is_primary}");
        }
    }
}
