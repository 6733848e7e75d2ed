//! Injecting a fault, proving it, and seeing it undone.
//!
//! The order is the safety: identity read, deployment pinned, intent on the disk, mutation, proof, recovery. Recovery
//! is waited for whatever else happens, an abort included.

use std::future::Future;
use std::time::Duration;

use chrono::{DateTime, Utc};
use holdpoint_railway::{self as railway, Target};
use tokio::time::Instant;

use super::context::Context;
use crate::event::{DEPLOYMENT, Event, FaultIntent, Phase};
use crate::plan::ChaosIntent;
use crate::quiet::Quiet;
use crate::words::{Service, TestId};

/// What became of the wish to inject a fault.
#[derive(Debug)]
pub(super) enum Injected {
    /// There is no token: nothing was done, as planned.
    Simulated,
    /// Railway was asked; the restart has to be proven.
    Asked(Asked),
    /// Nothing was done, and it should have been. The reason is in the journal.
    Refused(String),
}

/// A restart that Railway was asked for.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) fault: String,
    pub(super) test: TestId,
    pub(super) target: Target,
    pub(super) at: Instant,
    pub(super) wall: DateTime<Utc>,
}

/// The longest that Railway is waited for where it says when a refused restart may be asked for again.
const RETRY_AFTER_LIMIT_S: u64 = 30;

/// Waits until the last fault is far enough away, and looks at the system; chaos does not start on an unhealthy one.
pub(super) async fn before(context: &Context, test: TestId) -> Result<(), String> {
    let left = context.faults().left(spacing(context));
    if !left.is_zero() {
        context.pause(left).await;
    }
    let look = super::session::steady_state(context).await;
    context.emit.emit(look.event(Some(test), Phase::Before)).await;
    if look.healthy {
        Ok(())
    } else {
        let detail = look.detail;
        Err(format!("the system was not healthy before the fault, so none was injected: {detail}"))
    }
}

fn spacing(context: &Context) -> Duration {
    Duration::from_secs(context.plan.parameters.general.fault_spacing_s)
}

/// Looks at the system after a fault.
pub(super) async fn after(context: &Context, test: TestId) {
    compare_deployments(context, test).await;
    let look = super::session::steady_state(context).await;
    context.emit.emit(look.event(Some(test), Phase::After)).await;
}

/// A restart keeps its deployment; another one means that somebody deployed meanwhile.
async fn compare_deployments(context: &Context, test: TestId) {
    let Some((target, before)) = context.restarted(test) else { return };
    let Some(client) = &context.railway else { return };
    let after = client.pin(&target).await.ok().map(|pinned| pinned.deployment_id().to_owned());
    let what = format!("{DEPLOYMENT} since the restart");
    context.emit.emit(Event::Compared { test, what, before: Some(before), after }).await;
}

/// Asks Railway to restart a service, with the intent on the disk first.
pub(super) async fn inject(
    context: &Context,
    test: TestId,
    service: Service,
    identity_before: Option<String>,
) -> Injected {
    if context.plan.chaos == ChaosIntent::Simulated {
        context.emit.emit(Event::FaultSimulated { test, service }).await;
        return Injected::Simulated;
    }
    if let Some(quiet) = &context.plan.environment.quiet_hours
        && quiet.at(Utc::now()) == Quiet::Now
    {
        return Injected::Refused(format!("it is in the quiet hours of this environment ({quiet})"));
    }
    if let Some(overdue) = context.overdue() {
        return Injected::Refused(format!(
            "{overdue} did not come back in time from an earlier restart, so nothing else is restarted"
        ));
    }
    let fault = format!("{test}-{service}-restart");
    let (Some(client), Some(target)) = (&context.railway, &context.plan.environment.railway) else {
        return Injected::Refused("Railway is not configured for this environment".into());
    };
    let Some(service_id) = target.services.get(&service) else {
        return Injected::Refused(format!("the Railway id of {service} is not configured"));
    };
    let target = Target {
        project_id: target.project_id.clone(),
        environment_id: target.environment_id.clone(),
        service_id: service_id.clone(),
    };
    let intent = FaultIntent {
        fault: fault.clone(),
        test,
        service,
        service_id: service_id.clone(),
        deployment_id: String::new(),
        method: "deploymentRestart".into(),
        identity_before,
        undo: format!("restart {service} again, then redeploy it from Railway"),
    };
    let limit = context.plan.parameters.general.fault_limit;
    if let Err(why) = context.faults().begin(&fault, limit, spacing(context)) {
        return Injected::Refused(why);
    }
    let injected = ask(context, client, &target, intent).await;
    // What was asked for is over when the service is back; everything else is over now.
    if !matches!(injected, Injected::Asked(_)) {
        context.faults().ended();
    }
    injected
}

/// Pins the deployment, writes the intent down and asks for the restart.
async fn ask(
    context: &Context,
    client: &railway::Client,
    target: &Target,
    mut intent: FaultIntent,
) -> Injected {
    let (fault, test) = (intent.fault.clone(), intent.test);
    let pinned = match client.pin(target).await {
        Ok(pinned) => pinned,
        Err(error) => {
            context.emit.emit_durably(Event::FaultIntended(intent)).await;
            return refused(context, &fault, &error).await;
        }
    };
    intent.deployment_id = pinned.deployment_id().to_owned();
    if context.stop.is_cancelled() {
        return Injected::Refused("aborted before the fault".into());
    }
    if !context.emit.emit_durably(Event::FaultIntended(intent)).await {
        return Injected::Refused("the intent could not be written to the journal".into());
    }
    let asked =
        || Asked { fault: fault.clone(), test, target: target.clone(), at: Instant::now(), wall: Utc::now() };
    let mut at = asked();
    let mut answer = client.restart(&pinned).await;
    // A refusal of the budget is clean: nothing happened, so it may be asked once more (Railway facts 4.4).
    if let Err(railway::Error::RateLimited { retry_after_s: Some(seconds) }) = answer
        && seconds <= RETRY_AFTER_LIMIT_S
        && context.pause(Duration::from_secs(seconds)).await
    {
        at = asked();
        answer = client.restart(&pinned).await;
    }
    match answer {
        Ok(_) => {
            context.keep_restarted(test, target.clone(), pinned.deployment_id());
            let requested_at = at.wall;
            context.emit.emit_durably(Event::FaultAccepted { fault, requested_at }).await;
            Injected::Asked(at)
        }
        // Nobody knows whether it took effect; it is never repeated, and the proof decides.
        Err(railway::Error::Ambiguous(message)) => {
            context.keep_restarted(test, target.clone(), pinned.deployment_id());
            context.emit.emit_durably(Event::FaultUnanswered { fault, message }).await;
            Injected::Asked(at)
        }
        Err(error) => refused(context, &fault, &error).await,
    }
}

async fn refused(context: &Context, fault: &str, error: &railway::Error) -> Injected {
    emit_refusal(context, fault, error).await;
    Injected::Refused(error.to_string())
}

async fn emit_refusal(context: &Context, fault: &str, error: &railway::Error) {
    context
        .emit
        .emit_durably(Event::FaultRefused {
            fault: fault.into(),
            code: error.code().into(),
            message: error.to_string(),
            remedy: error.remedy(),
        })
        .await;
}

/// What a restart that is not proven by its deadline left there.
#[derive(Debug)]
pub(super) enum AtDeadline {
    /// The identity from before still serves.
    Same(String),
    /// Something answers; nothing is known of whether it is what served before.
    Answering,
    /// Nothing answers, or another than before: what served was seen to go.
    Gone,
}

/// Asks `proof` every 300 ms until it yields (how, before, after), or the deadline passes; then `look` says what is there.
/// Answers whether the service was seen to go, so that the time until it is back means something. Goes on through an abort:
/// what was started has to be seen through.
pub(super) async fn prove<P, F>(
    context: &Context,
    asked: &Asked,
    deadline: Duration,
    proof: P,
    look: impl Future<Output = AtDeadline>,
) -> bool
where
    P: Fn() -> F,
    F: Future<Output = Option<(String, String, String)>>,
{
    loop {
        // At least once: the request itself may have waited for its answer for long.
        if let Some(proof) = proof().await {
            proven(context, asked, proof).await;
            return true;
        }
        if asked.at.elapsed() >= deadline {
            break;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let there = look.await;
    let gone = matches!(there, AtDeadline::Gone);
    let unchanged = match there {
        AtDeadline::Same(identity) => Some(identity),
        AtDeadline::Answering | AtDeadline::Gone => None,
    };
    let reason = format!("no proof of a restart within {:.0} s", deadline.as_secs_f64());
    let fault = asked.fault.clone();
    context.emit.emit_durably(Event::FaultUnproven { fault, reason, unchanged, gone }).await;
    gone
}

async fn proven(context: &Context, asked: &Asked, (how, before, after): (String, String, String)) {
    context.keep_identity(asked.test, &after);
    let fault = asked.fault.clone();
    context.emit.emit_durably(Event::FaultProven { fault, how, before, after }).await;
}

/// Waits until `is_back` says how it knows that the service works again. Past the deadline the service is restarted
/// once more, and if that does not help a person is told what to do; `went` says whether it was seen to go at all. Goes
/// on through an abort.
pub(super) async fn recover<P, F>(
    context: &Context,
    asked: &Asked,
    service: Service,
    waiting: (Duration, bool),
    is_back: P,
) -> bool
where
    P: Fn() -> F,
    F: Future<Output = Option<String>>,
{
    let back = bring_back(context, asked, service, waiting, is_back).await;
    context.faults().ended();
    back
}

async fn bring_back<P, F>(
    context: &Context,
    asked: &Asked,
    service: Service,
    (deadline, went): (Duration, bool),
    is_back: P,
) -> bool
where
    P: Fn() -> F,
    F: Future<Output = Option<String>>,
{
    if let Some(how) = wait_back(asked.at, deadline, &is_back).await {
        if went && asked.at.elapsed() > deadline {
            context.note_overdue(service);
        }
        recovered(context, asked, how).await;
        return true;
    }
    context.note_overdue(service);
    context
        .emit
        .emit_durably(Event::FaultNotRecovered {
            fault: asked.fault.clone(),
            waited_s: asked.at.elapsed().as_secs_f64(),
            advice: format!("{service} is not back; Holdpoint restarts it once more"),
        })
        .await;
    if let Some(client) = &context.railway {
        // The outcome shows in whether the service comes back, which is what is waited for.
        if let Ok(pinned) = client.pin(&asked.target).await {
            let _ = client.restart(&pinned).await;
        }
    }
    if let Some(how) = wait_back(Instant::now(), deadline, &is_back).await {
        recovered(context, asked, format!("{how}, after a second restart")).await;
        return false;
    }
    context
        .emit
        .emit_durably(Event::FaultNotRecovered {
            fault: asked.fault.clone(),
            waited_s: asked.at.elapsed().as_secs_f64(),
            advice: format!(
                "{service} is still not back after a second restart. Redeploy it: holdpoint services redeploy {service} \
                 --environment {} --yes, or in the Railway dashboard (service {}); then look at its logs",
                context.plan.environment.name, asked.target.service_id
            ),
        })
        .await;
    false
}

async fn wait_back<P, F>(since: Instant, deadline: Duration, is_back: &P) -> Option<String>
where
    P: Fn() -> F,
    F: Future<Output = Option<String>>,
{
    loop {
        if let Some(how) = is_back().await {
            return Some(how);
        }
        if since.elapsed() >= deadline {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

async fn recovered(context: &Context, asked: &Asked, how: String) {
    let seconds = asked.at.elapsed().as_secs_f64();
    context.emit.emit_durably(Event::FaultRecovered { fault: asked.fault.clone(), seconds, how }).await;
}

/// Keeps the log lines of a service since the fault, as evidence. Missing logs are no failure: they are not judged.
pub(super) async fn keep_logs(
    context: &Context,
    test: TestId,
    service: Service,
    asked: &Asked,
) -> Vec<String> {
    let Some(client) = &context.railway else { return Vec::new() };
    let Ok(pinned) = client.pin(&asked.target).await else { return Vec::new() };
    let since = asked.wall - chrono::TimeDelta::seconds(2);
    let Ok(lines) = client.logs(pinned.deployment_id(), 60, Some(since), None).await else {
        return Vec::new();
    };
    let lines: Vec<String> = lines
        .iter()
        .map(|line| format!("{} {}", line.timestamp, holdpoint_agentverse::error::redact(&line.message)))
        .collect();
    if !lines.is_empty() {
        context.emit.emit(Event::LogLines { test, service, lines: lines.clone() }).await;
    }
    lines
}
