//! Creating runs, waiting for their end, and looking at them closely.

use std::time::Duration;

use futures::StreamExt as _;
use holdpoint_agentverse::types::is_terminal;
use serde_json::Value;
use tokio::time::Instant;

use super::context::Context;
use super::session::Session;
use crate::event::{Event, RunAudit};
use crate::words::TestId;

/// A run that is waited for.
#[derive(Clone, Debug)]
pub(super) struct Tracked {
    pub(super) id: String,
    pub(super) created: Instant,
    pub(super) status: String,
}

impl Tracked {
    pub(super) fn is_terminal(&self) -> bool {
        is_terminal(&self.status)
    }
}

/// Queues `count` runs on the baseline node. One request: that path is not the narrow `/runs` one.
pub(super) async fn start_ensemble(
    context: &Context,
    session: &Session,
    test: TestId,
    count: u32,
) -> Result<Vec<Tracked>, String> {
    let seeds: Vec<u32> = (0..count).map(|index| 1000 + index).collect();
    let path = format!("/api/v1/nodes/{}/run-ensemble", session.baseline);
    if !context.pause(context.api.wait_for_room(&path, 1)).await {
        return Ok(Vec::new());
    }
    let ensemble = context
        .api
        .run_ensemble(&session.baseline, &seeds)
        .await
        .map_err(|error| format!("runs could not be queued: {error}"))?;
    let created = Instant::now();
    let mut tracked = Vec::new();
    for id in ensemble.run_ids {
        session.note_run(&id);
        let event =
            Event::RunCreated { test: Some(test), run_id: id.clone(), node_id: session.baseline.clone() };
        context.emit.emit(event).await;
        tracked.push(Tracked { id, created, status: "queued".into() });
    }
    if tracked.len() != seeds.len() {
        return Err(format!("{} runs were asked for, {} were created", seeds.len(), tracked.len()));
    }
    Ok(tracked)
}

/// Reads the status of every run that has not ended, once. Skips runs whose path has no room in the limiter's window.
/// Errors are kept out of the statuses: during an outage they are expected.
pub(super) async fn poll(context: &Context, runs: &mut [Tracked]) {
    let due = runs.iter_mut().filter(|run| {
        // Some room is left for the looks at the run that come after its end.
        !run.is_terminal() && context.api.wait_for_room(&format!("/api/v1/runs/{}", run.id), 12).is_zero()
    });
    futures::stream::iter(due)
        .for_each_concurrent(8, |run| async move {
            if let Ok(answer) = context.api.run(&run.id).await
                && answer.status != run.status
            {
                run.status.clone_from(&answer.status);
                let event = Event::RunObserved { run_id: run.id.clone(), status: answer.status };
                context.emit.emit(event).await;
            }
        })
        .await;
}

/// Waits until `enough` says so, the deadline passes, or the check is aborted. Answers whether it was enough.
pub(super) async fn wait_until(
    context: &Context,
    runs: &mut [Tracked],
    deadline: Duration,
    enough: impl Fn(&[Tracked]) -> bool,
) -> bool {
    let started = Instant::now();
    loop {
        poll(context, runs).await;
        if enough(runs) {
            return true;
        }
        if started.elapsed() >= deadline {
            return false;
        }
        // Close to the start quick answers matter; later the limiter's 60 a minute for each run do.
        let step = if started.elapsed() < Duration::from_secs(8) { 250 } else { 1200 };
        if !context.pause(Duration::from_millis(step)).await {
            return false;
        }
    }
}

/// Waits for the end of every run and names those that did not end in time.
pub(super) async fn wait_for_all(
    context: &Context,
    test: Option<TestId>,
    runs: &mut [Tracked],
    deadline: Duration,
) {
    let all = |runs: &[Tracked]| runs.iter().all(Tracked::is_terminal);
    if wait_until(context, runs, deadline, all).await || context.stop.is_cancelled() {
        return;
    }
    for run in runs.iter().filter(|run| !run.is_terminal()) {
        context
            .emit
            .emit(Event::RunStuck {
                test,
                run_id: run.id.clone(),
                status: run.status.clone(),
                waited_s: run.created.elapsed().as_secs_f64(),
            })
            .await;
    }
}

/// Looks at every run of the check once more: its status now, how often it was done, what it did.
pub(super) async fn audit_all(context: &Context, session: &Session) {
    audit_these(context, session, session.run_ids()).await;
}

/// Looks at the runs of a test when it ends, so that what it proves is known then and not only at the end of the check.
pub(super) async fn audit_tracked(context: &Context, session: &Session, tracked: &[Tracked]) {
    audit_these(context, session, tracked.iter().map(|run| run.id.clone()).collect()).await;
}

async fn audit_these(context: &Context, session: &Session, ids: Vec<String>) {
    let references = node_references(context, session).await;
    futures::stream::iter(ids)
        .for_each_concurrent(6, |id| {
            let references = &references;
            async move {
                let audit = audit(context, &id, references.as_deref()).await;
                context.emit.emit(Event::RunAudited(audit)).await;
            }
        })
        .await;
}

async fn node_references(context: &Context, session: &Session) -> Option<Vec<String>> {
    let node = context.api.node(&session.baseline).await.ok()?;
    Some(
        node.run_refs
            .iter()
            .map(|reference| match reference {
                Value::String(id) => id.clone(),
                other => other.get("run_id").and_then(Value::as_str).unwrap_or_default().to_owned(),
            })
            .collect(),
    )
}

async fn audit(context: &Context, id: &str, references: Option<&[String]>) -> RunAudit {
    let mut unread = Vec::new();
    let status = match context.api.run(id).await {
        Ok(run) => run.status,
        Err(error) => {
            unread.push(format!("status: {error}"));
            "unread".into()
        }
    };
    let (mut succeeded_traces, mut failed_traces) = (0, 0);
    match context.api.traces(id).await {
        Ok(traces) => {
            for trace in traces {
                match trace.execution_stage.as_str() {
                    "run_succeeded" => succeeded_traces += 1,
                    "run_failed" => failed_traces += 1,
                    _ => {}
                }
            }
        }
        Err(error) => unread.push(format!("traces: {error}")),
    }
    let agent_steps = if status == "succeeded" {
        match context.api.outcome(id).await {
            Ok(outcome) => {
                outcome.pointer("/execution_counters/agent_steps_executed").and_then(Value::as_i64)
            }
            Err(error) => {
                unread.push(format!("outcome: {error}"));
                None
            }
        }
    } else {
        None
    };
    let node_refs =
        references.map(|all| all.iter().filter(|reference| reference.as_str() == id).count() as u64);
    RunAudit { run_id: id.into(), status, succeeded_traces, failed_traces, node_refs, agent_steps, unread }
}
