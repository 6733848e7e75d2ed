//! C1: the worker is restarted while runs are queued and in flight; every run must end once.

use std::time::Duration;

use holdpoint_agentverse::types::WorkerStatus;

use super::context::Context;
use super::fault::{self, AtDeadline, Injected};
use super::runs::{self, Tracked};
use super::session::Session;
use crate::event::Event;
use crate::words::{Service, TestId};

const STEPS: u64 = 5;

pub(super) async fn run(context: &Context, session: &Session) -> Result<(), String> {
    let parameters = &context.plan.parameters.c1;
    progress(context, 0, "looking at the steady state").await;
    fault::before(context, TestId::C1).await?;
    let before = boot_identity(context).await;
    progress(context, 1, "runs queued, waiting for the first to finish").await;
    let mut tracked = runs::start_ensemble(context, session, TestId::C1, parameters.runs).await?;
    let deadline = Duration::from_secs(parameters.run_deadline_s);
    // The first finished run proves that the worker was consuming when it was hit.
    let consumed =
        runs::wait_until(context, &mut tracked, deadline, |runs| runs.iter().any(Tracked::is_terminal)).await;
    if context.stop.is_cancelled() {
        return Ok(());
    }
    if !consumed {
        runs::wait_for_all(context, Some(TestId::C1), &mut tracked, Duration::ZERO).await;
        return Err("no run finished before the restart, so the worker was not consuming".into());
    }
    progress(context, 2, "restarting the worker").await;
    let injected = fault::inject(context, TestId::C1, Service::Worker, before.clone()).await;
    let mut reason = None;
    match injected {
        Injected::Simulated => {}
        Injected::Refused(why) => reason = Some(why),
        Injected::Asked(asked) => {
            progress(context, 3, "waiting for a new boot id").await;
            let limit = Duration::from_secs(parameters.restart_deadline_s);
            let known = before.clone().unwrap_or_default();
            let proof = || async {
                let status = status_with_room(context).await?;
                let after = status.worker_boot_id.clone()?;
                let booted = status.boot_info.as_ref().and_then(|info| info.boot_timestamp);
                // The boot must lie after the request, both by the server's side of the clock: the status carries the
                // server's present time, and the request was at most this long ago.
                let age = asked.at.elapsed();
                let late_enough = match (booted, status.timestamp) {
                    (Some(booted), Some(now)) => {
                        (now - booted).to_std().unwrap_or_default() <= age + Duration::from_secs(1)
                    }
                    _ => true,
                };
                (!known.is_empty() && after != known && late_enough)
                    .then(|| ("new boot id".to_owned(), known.clone(), after))
            };
            let look = async {
                match boot_identity(context).await {
                    Some(now) if now == known => AtDeadline::Same(now),
                    Some(_) if known.is_empty() => AtDeadline::Answering,
                    _ => AtDeadline::Gone,
                }
            };
            let went = fault::prove(context, &asked, limit, proof, look).await;
            fault::recover(context, &asked, Service::Worker, (limit, went), || async {
                let beat = context.api.worker_heartbeat().await.ok()?;
                (beat.status == "success").then(|| "the worker answered a task".to_owned())
            })
            .await;
            fault::keep_logs(context, TestId::C1, Service::Worker, &asked).await;
        }
    }
    progress(context, 4, "waiting for every run to end").await;
    runs::wait_for_all(context, Some(TestId::C1), &mut tracked, deadline).await;
    if !context.stop.is_cancelled() {
        runs::audit_tracked(context, session, &tracked).await;
    }
    if let Some(proven) = context.proven_identity(TestId::C1) {
        let now = boot_identity(context).await;
        context
            .emit
            .emit(Event::Compared {
                test: TestId::C1,
                what: "worker boot id since the restart".into(),
                before: Some(proven),
                after: now,
            })
            .await;
    }
    fault::after(context, TestId::C1).await;
    progress(context, STEPS, "done").await;
    reason.map_or(Ok(()), Err)
}

async fn progress(context: &Context, done: u64, doing: &str) {
    context.emit.emit(Event::Progress { test: TestId::C1, done, total: STEPS, doing: doing.into() }).await;
}

async fn status_with_room(context: &Context) -> Option<WorkerStatus> {
    let room = context.api.wait_for_room("/api/v1/ops/chaos/worker-status", 4);
    if !room.is_zero() {
        tokio::time::sleep(room.min(Duration::from_secs(5))).await;
        return None;
    }
    context.api.worker_status().await.ok()
}

/// The worker's boot id, restored first: the key expires 300 s after boot while the worker lives (API facts 4.2).
pub(super) async fn boot_identity(context: &Context) -> Option<String> {
    let beat = context.api.worker_heartbeat().await.ok()?;
    // A dead worker leaves its key behind.
    if beat.status != "success" {
        return None;
    }
    let answered = beat.heartbeat_result.and_then(|result| result.boot_id);
    match answered {
        Some(id) => Some(id),
        None => context.api.worker_status().await.ok()?.worker_boot_id,
    }
}
