//! C2: the API is restarted while streams flow; each must resume without a lost or repeated tick, or fail cleanly.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::future::join_all;
use holdpoint_agentverse::graph;
use tokio::time::Instant;

use super::context::Context;
use super::fault::{self, AtDeadline, Injected};
use super::prober::{Prober, Seen};
use super::session::Session;
use super::streams::{Follow, follow};
use super::{exports, l1, l3};
use crate::event::Event;
use crate::words::{Service, TestId};

const STEPS: u64 = 5;

pub(super) async fn run(context: &Context, session: &Session) -> Result<(), String> {
    let parameters = &context.plan.parameters.c2;
    progress(context, 0, "looking at the steady state").await;
    fault::before(context, TestId::C2).await?;
    let last = match l3::last_tick(context, session).await {
        Ok(last) => last,
        Err(error) => {
            let what = "telemetry stream (GET /api/v1/telemetry/…/stream)".into();
            context.emit.emit(Event::NotDrivable { test: TestId::C2, what, reason: error.to_string() }).await;
            return Err("this server has no stream that could be open during the restart".into());
        }
    };
    let hash_before =
        context.api.signature(&session.first_run.run_id).await.ok().and_then(|one| one.result_hash);
    let graph_before = l1::map(context, session).await.ok().map(|map| graph::structural_digest(&map));
    let export = exports::one(context, session, &format!("{}-c2-export", context.tag())).await.0;
    progress(context, 1, "opening streams").await;
    let counters: Vec<Arc<AtomicU64>> = (0..parameters.streams).map(|_| Arc::default()).collect();
    let patience = Duration::from_secs(parameters.restart_deadline_s);
    let plans: Vec<Follow> = (0..parameters.streams)
        .map(|index| Follow {
            test: TestId::C2,
            id: format!("{}-c2-stream-{index:02}", context.tag()),
            run_id: session.first_run.run_id.clone(),
            from_tick: (last + 1 - i64::from(parameters.ticks)).max(0),
            to_tick: last,
            silence: Duration::from_secs(parameters.silence_s),
            resume_for: Some(patience),
        })
        .collect();
    let following = join_all(plans.iter().zip(&counters).map(|(plan, seen)| follow(context, plan, seen)));
    let (outcomes, reason) = tokio::join!(following, restart(context, &counters));
    for outcome in outcomes {
        context.emit.emit(Event::StreamEnded(outcome)).await;
    }
    if context.stop.is_cancelled() {
        return Ok(());
    }
    progress(context, 4, "comparing with before").await;
    let hash_after =
        context.api.signature(&session.first_run.run_id).await.ok().and_then(|one| one.result_hash);
    let graph_after = l1::map(context, session).await.ok().map(|map| graph::structural_digest(&map));
    let export_after = exports::again(context, &export).await;
    // Where no export can be made at all there is none to lose; that is the business of L3.
    let export_before = export.sha256.filter(|_| export.problem.is_none());
    let exported =
        export_before.is_some().then_some(("an export that was done", export_before, export_after));
    let compared = [
        ("result hash of a finished run", hash_before, hash_after),
        ("universe graph", graph_before, graph_after),
    ];
    for (what, before, after) in compared.into_iter().chain(exported) {
        context.emit.emit(Event::Compared { test: TestId::C2, what: what.into(), before, after }).await;
    }
    if let Some(proven) = context.proven_identity(TestId::C2) {
        let now = process_start(context).await.map(|start| start.to_rfc3339());
        let same = now.as_deref().is_some_and(|now| same_process(&proven, now));
        context
            .emit
            .emit(Event::Compared {
                test: TestId::C2,
                what: "API process start since the restart".into(),
                after: if same { Some(proven.clone()) } else { now },
                before: Some(proven),
            })
            .await;
    }
    fault::after(context, TestId::C2).await;
    progress(context, STEPS, "done").await;
    reason.map_or(Ok(()), Err)
}

/// The fault itself, beside the streams. Answers the reason where it could not be injected.
async fn restart(context: &Context, counters: &[Arc<AtomicU64>]) -> Option<String> {
    let parameters = &context.plan.parameters.c2;
    // Mid-stream means that events flow on every stream; without that the fault would prove nothing.
    let started = Instant::now();
    while counters.iter().any(|seen| seen.load(Ordering::Relaxed) < 3) {
        if started.elapsed() > Duration::from_secs(30) {
            return Some("not every stream delivered events before the restart".into());
        }
        if !context.pause(Duration::from_millis(50)).await {
            return None;
        }
    }
    progress(context, 2, "restarting the API").await;
    let client = context.api.clone();
    let prober = Prober::start(Duration::from_millis(parameters.probe_ms), move |_| {
        let client = client.clone();
        async move {
            let answer = client.health_within(Duration::from_secs(1)).await;
            Some(answer.map(|_| ()).map_err(|error| error.class.word()))
        }
    });
    while prober.good() < 3 {
        if !context.pause(Duration::from_millis(50)).await {
            break;
        }
    }
    let before = process_start(context).await;
    let identity = before.map(|start| start.to_rfc3339());
    let reason = match fault::inject(context, TestId::C2, Service::Api, identity).await {
        Injected::Simulated => {
            context.pause(Duration::from_secs(1)).await;
            None
        }
        Injected::Refused(why) => Some(why),
        Injected::Asked(asked) => {
            progress(context, 3, "waiting for a new process").await;
            let limit = Duration::from_secs(parameters.restart_deadline_s);
            let proof = || async {
                let (before, after) = (before?, process_start(context).await?);
                // By the server's own clock on both sides: a new process started later than the old one's whole life
                // up to the request.
                let lived = (asked.wall - before).max(chrono::TimeDelta::zero());
                let newer = after > before + chrono::TimeDelta::seconds(1) && (after - before) * 2 > lived;
                newer.then(|| ("new process start".to_owned(), before.to_rfc3339(), after.to_rfc3339()))
            };
            let look = async {
                let now = process_start(context).await.map(|start| start.to_rfc3339());
                match (before.map(|start| start.to_rfc3339()), now) {
                    (Some(before), Some(now)) if same_process(&before, &now) => AtDeadline::Same(before),
                    (None, Some(_)) => AtDeadline::Answering,
                    _ => AtDeadline::Gone,
                }
            };
            let went = fault::prove(context, &asked, limit, proof, look).await;
            fault::recover(context, &asked, Service::Api, (limit, went), || async {
                let ready = context.api.ready().await.ok()?;
                (ready.status == "healthy").then(|| "/health/ready is healthy".to_owned())
            })
            .await;
            fault::keep_logs(context, TestId::C2, Service::Api, &asked).await;
            None
        }
    };
    prober.settle(Duration::from_secs(5)).await;
    report(context, TestId::C2, Service::Api, parameters.probe_ms, prober.stop().await).await;
    reason
}

/// Writes down what a prober saw.
pub(super) async fn report(context: &Context, test: TestId, service: Service, step_ms: u64, seen: Seen) {
    for stretch in seen.stretches {
        context
            .emit
            .emit(Event::Outage {
                test,
                service,
                from: stretch.from,
                to: stretch.to,
                at_most_ms: stretch.at_most.as_secs_f64() * 1000.0,
                at_least_ms: stretch.at_least.as_secs_f64() * 1000.0,
                failed: stretch.failed,
                classes: stretch.classes,
            })
            .await;
    }
    context.emit.emit(Event::Probed { test, probes: seen.probes, failed: seen.failed, step_ms }).await;
}

async fn process_start(context: &Context) -> Option<DateTime<Utc>> {
    let health = context.api.health_within(Duration::from_secs(2)).await.ok()?;
    Some(health.started_at())
}

/// Two readings of one process differ by the rounding of its uptime.
fn same_process(one: &str, other: &str) -> bool {
    match (DateTime::parse_from_rfc3339(one), DateTime::parse_from_rfc3339(other)) {
        (Ok(one), Ok(other)) => (one - other).num_milliseconds().abs() < 1000,
        _ => false,
    }
}

async fn progress(context: &Context, done: u64, doing: &str) {
    context.emit.emit(Event::Progress { test: TestId::C2, done, total: STEPS, doing: doing.into() }).await;
}
