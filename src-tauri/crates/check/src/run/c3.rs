//! C3: the database is restarted under real reads and writes; every acknowledged write must survive exactly once.

use std::sync::Arc;
use std::time::Duration;

use holdpoint_agentverse::error::ApiError;
use holdpoint_agentverse::types::Project;
use holdpoint_agentverse::{Client, graph};
use holdpoint_load::{Failure, Operation, constant_rate};
use tokio::time::Instant;

use super::c2::report;
use super::context::Context;
use super::fault::{self, AtDeadline, Injected};
use super::prober::Prober;
use super::session::{Look, Session};
use super::{FailureLog, failure_of, l1, runs};
use crate::event::{Event, Phase, Stored, WriteKind};
use crate::words::{Service, TestId};

const STEPS: u64 = 6;
const DESCRIPTION: &str = "written by a Holdpoint check while the database was restarted";

pub(super) async fn run(context: &Context, session: &Session) -> Result<(), String> {
    let parameters = &context.plan.parameters.c3;
    progress(context, 0, "looking at the steady state").await;
    fault::before(context, TestId::C3).await?;
    let graph_before = l1::map(context, session).await.ok().map(|map| graph::structural_digest(&map));
    progress(context, 1, "runs in flight, reads and writes under way").await;
    let mut tracked = runs::start_ensemble(context, session, TestId::C3, parameters.runs).await?;
    let paths = read_paths(context, session).await;
    let failures = FailureLog::new(TestId::C3);
    let over = context.stop.child_token();
    let client = context.api.clone();
    let prober = Prober::start(Duration::from_millis(parameters.probe_ms), move |number| {
        let (client, paths) = (client.clone(), paths.clone());
        async move { read_one(&client, &paths, number).await }
    });
    // The window's 60 writes a minute are the most that can be sent without being refused.
    let limit = 55;
    let writing = constant_rate(parameters.writes_per_second, (limit, 16), over.cancelled(), |operation| {
        write(context, session, &failures, operation)
    });
    let faulting = async {
        let reason = restart(context, &prober).await;
        over.cancel();
        reason
    };
    let (record, reason) = tokio::join!(writing, faulting);
    prober.settle(Duration::from_secs(5)).await;
    report(context, TestId::C3, Service::Postgres, parameters.probe_ms, prober.stop().await).await;
    if record.planned > 0 {
        let record = Box::new(record);
        context.emit.emit(Event::Measured { test: TestId::C3, kind: "write".into(), record }).await;
    }
    progress(context, 4, "waiting for every run to end").await;
    let deadline = Duration::from_secs(parameters.run_deadline_s);
    runs::wait_for_all(context, Some(TestId::C3), &mut tracked, deadline).await;
    if !context.stop.is_cancelled() {
        runs::audit_tracked(context, session, &tracked).await;
    }
    progress(context, 5, "reading every write back").await;
    read_back(context, session).await?;
    let graph_after = l1::map(context, session).await.ok().map(|map| graph::structural_digest(&map));
    context
        .emit
        .emit(Event::Compared {
            test: TestId::C3,
            what: "universe graph".into(),
            before: graph_before,
            after: graph_after,
        })
        .await;
    if let Ok(map) = l1::map(context, session).await {
        let (nodes, edges) = (map.nodes.len() as u64, map.edges.len() as u64);
        context
            .emit
            .emit(Event::GraphAudited {
                test: TestId::C3,
                nodes: (nodes, nodes),
                edges: (edges, edges),
                violations: graph::audit(&map),
            })
            .await;
    }
    fault::after(context, TestId::C3).await;
    progress(context, STEPS, "done").await;
    reason.map_or(Ok(()), Err)
}

async fn restart(context: &Context, prober: &Prober) -> Option<String> {
    let parameters = &context.plan.parameters.c3;
    if !context.pause(Duration::from_secs(parameters.before_s)).await {
        return None;
    }
    if prober.saw_outage() {
        return Some("data could not be read before the restart, so an outage would prove nothing".into());
    }
    progress(context, 2, "restarting Postgres").await;
    let reason = match fault::inject(context, TestId::C3, Service::Postgres, None).await {
        Injected::Simulated => {
            context.pause(Duration::from_secs(2)).await;
            None
        }
        Injected::Refused(why) => Some(why),
        Injected::Asked(asked) => {
            progress(context, 3, "waiting for the outage and its end").await;
            let limit = Duration::from_secs(parameters.restart_deadline_s);
            // Postgres has no identity to read; the outage of real reads, seen from outside, is the proof.
            let proof = || async {
                prober.saw_outage().then(|| {
                    ("outage of real reads observed".to_owned(), "answering".to_owned(), "away".to_owned())
                })
            };
            // That nothing was away proves nothing either: an outage may be shorter than the gap between two reads.
            let look = async { if prober.is_good_now() { AtDeadline::Answering } else { AtDeadline::Gone } };
            let went = fault::prove(context, &asked, limit, proof, look).await;
            let readiness = context.api.ready().await;
            let (healthy, detail, unanswered) = match readiness {
                Ok(ready) => {
                    (ready.status == "healthy", format!("/health/ready says {}", ready.status), false)
                }
                Err(error) => (false, error.to_string(), error.class.is_unanswered()),
            };
            let look = Look { healthy, detail, unanswered };
            context.emit.emit(look.event(Some(TestId::C3), Phase::During)).await;
            fault::recover(context, &asked, Service::Postgres, (limit, went), || async {
                if !prober.is_good_now() {
                    return None;
                }
                let ready = context.api.ready().await.ok()?;
                (ready.status == "healthy").then(|| "reads answer, /health/ready is healthy".to_owned())
            })
            .await;
            fault::keep_logs(context, TestId::C3, Service::Postgres, &asked).await;
            None
        }
    };
    context.pause(Duration::from_secs(parameters.after_s)).await;
    reason
}

/// Paths that read stored data, many of them, because the limiter allows 60 a minute on each.
async fn read_paths(context: &Context, session: &Session) -> Arc<Vec<Read>> {
    let mut paths: Vec<Read> = session.run_ids().into_iter().map(Read::Run).collect();
    if let Ok(nodes) = context.api.nodes(&session.project_id).await {
        paths.extend(nodes.into_iter().map(|node| Read::Node(node.node_id)));
    }
    paths.extend(session.created_projects().into_iter().map(|(id, _)| Read::Project(id)));
    Arc::new(paths)
}

#[derive(Clone, Debug)]
enum Read {
    Run(String),
    Node(String),
    Project(String),
}

/// Reads the next path that has room; none when every window is full.
async fn read_one(client: &Client, paths: &[Read], number: u64) -> Option<Result<(), String>> {
    let count = paths.len();
    let first = usize::try_from(number).unwrap_or(0) % count.max(1);
    let read = (0..count).map(|step| &paths[(first + step) % count]).find(|read| {
        let path = match read {
            Read::Run(id) => format!("/api/v1/runs/{id}"),
            Read::Node(id) => format!("/api/v1/nodes/{id}"),
            Read::Project(id) => format!("/api/v1/project-specs/{id}"),
        };
        // Some room is left for the polls that wait for the runs.
        client.wait_for_room(&path, 20).is_zero()
    })?;
    let asked = async {
        match read {
            Read::Run(id) => client.run(id).await.map(|_| ()),
            Read::Node(id) => client.node(id).await.map(|_| ()),
            Read::Project(id) => client.project(id).await.map(|_| ()),
        }
    };
    match tokio::time::timeout(Duration::from_secs(2), asked).await {
        Ok(answer) => Some(answer.map_err(|error| error.class.word())),
        Err(_) => Some(Err("timeout".into())),
    }
}

async fn write(
    context: &Context,
    session: &Session,
    failures: &FailureLog,
    operation: Operation,
) -> Result<(), Failure> {
    let id = format!("{}-write-{:03}", context.tag(), operation.index);
    context.emit.emit(Event::WriteSent { test: TestId::C3, kind: WriteKind::Project, id: id.clone() }).await;
    match context.api.create_project(&id, DESCRIPTION).await {
        Ok(project) => {
            let latency_ms =
                Instant::now().saturating_duration_since(operation.intended).as_secs_f64() * 1000.0;
            session.note_project(&project.id, &id);
            context.emit.emit(Event::WriteAcknowledged { id, key: project.id, latency_ms }).await;
            Ok(())
        }
        Err(error) => {
            let class = error.class.word();
            failures.note(&context.emit, "write", &id, &class, &error.to_string()).await;
            let ambiguous = error.class.is_ambiguous();
            context.emit.emit(Event::WriteUnacknowledged { id, class, ambiguous }).await;
            Err(failure_of(&error))
        }
    }
}

/// Between two lists, so that what one page boundary hid the other one shows.
const LIST_AGAIN: Duration = Duration::from_secs(2);

/// Reads every project spec of ours back by the list, and each acknowledged one by its id, where the list leaves it out. A
/// list that leaves out twice what single reads have answers from before the fault.
async fn read_back(context: &Context, session: &Session) -> Result<(), String> {
    let tag = format!("{}-write-", context.tag());
    let explain = |error: ApiError| format!("the writes could not be read back: {error}");
    let mut found = context.api.projects().await.map_err(explain)?;
    let acknowledged = session.created_projects();
    let left_out = |listed: &[Project]| -> Vec<String> {
        let listed: std::collections::BTreeSet<&String> = listed.iter().map(|project| &project.id).collect();
        let ours = acknowledged.iter().filter(|(id, name)| name.starts_with(&tag) && !listed.contains(id));
        ours.map(|(id, _)| id.clone()).collect()
    };
    let mut missing = left_out(&found);
    if !missing.is_empty() {
        if context.pause(LIST_AGAIN).await {
            let again = left_out(&context.api.projects().await.map_err(explain)?);
            missing.retain(|id| again.contains(id));
        } else {
            // Nobody looked twice.
            missing.clear();
        }
    }
    let mut stale = 0;
    for id in left_out(&found) {
        if let Ok(project) = context.api.project(&id).await {
            stale += u64::from(missing.contains(&id));
            found.push(project);
        }
    }
    if stale > 0 {
        context
            .emit
            .emit(Event::Compared {
                test: TestId::C3,
                what: "projects in single reads and in the list".into(),
                before: Some(format!("{stale} there")),
                after: Some(format!("the same {stale} missing from two lists")),
            })
            .await;
    }
    let known: std::collections::BTreeSet<&String> = acknowledged.iter().map(|(id, _)| id).collect();
    let stored: Vec<Stored> = found
        .into_iter()
        .filter(|project| project.name.starts_with(&tag))
        .map(|project| Stored {
            intact: project.description.as_deref() == Some(DESCRIPTION),
            id: Some(project.name),
            key: project.id,
        })
        .collect();
    // A write that was recovered without our knowing has to be removed after the check too.
    for thing in stored.iter().filter(|thing| !known.contains(&thing.key)) {
        session.note_project(&thing.key, thing.id.as_deref().unwrap_or("unnamed"));
    }
    context
        .emit
        .emit(Event::WritesReadBack {
            test: TestId::C3,
            kind: WriteKind::Project,
            moment: "after the fault".into(),
            stored,
        })
        .await;
    Ok(())
}

async fn progress(context: &Context, done: u64, doing: &str) {
    context.emit.emit(Event::Progress { test: TestId::C3, done, total: STEPS, doing: doing.into() }).await;
}
