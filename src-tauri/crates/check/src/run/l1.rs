//! L1: real node expansions, 20 at once in 3 rounds, and the graph read back.

use holdpoint_agentverse::error::{ApiError, ErrorClass};
use holdpoint_agentverse::graph::{self, UniverseMap};
use holdpoint_load::rounds;
use std::fmt::Write as _;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::context::Context;
use super::session::Session;
use super::{FailureLog, failure_of};
use crate::event::{Event, Stored, WriteKind};
use crate::words::TestId;

const PATH: &str = "/api/v1/nodes/fork/";
/// The kind of operation as it is counted.
pub(super) const KIND: &str = "expand";

pub(super) async fn run(context: &Context, session: &Session) -> Result<(), String> {
    let parameters = &context.plan.parameters.l1;
    let total = u64::from(parameters.concurrency) * u64::from(parameters.rounds);
    let before = map(context, session).await?;
    let failures = FailureLog::new(TestId::L1);
    let acknowledged: Mutex<Vec<graph::Fork>> = Mutex::new(Vec::new());
    let refusal: Mutex<Option<ApiError>> = Mutex::new(None);
    let progress =
        |done: u64, doing: &str| Event::Progress { test: TestId::L1, done, total, doing: doing.to_owned() };
    let record = rounds(
        (parameters.concurrency, parameters.rounds),
        |round| {
            let done = u64::from(round) * u64::from(parameters.concurrency);
            let mut doing = format!("round {} of {}", round + 1, parameters.rounds);
            let room = context.api.wait_for_room(PATH, parameters.concurrency as usize);
            if !room.is_zero() {
                let _ =
                    write!(doing, ", in {:.0} s when the API's limiter has room", room.as_secs_f64().ceil());
            }
            let event = progress(done, &doing);
            async move {
                context.emit.emit(event).await;
                context.pause(room).await
            }
        },
        |operation| {
            let (failures, acknowledged, refusal) = (&failures, &acknowledged, &refusal);
            async move {
                let id = format!("{}-fork-{:03}", context.tag(), operation.index);
                context
                    .emit
                    .emit(Event::WriteSent { test: TestId::L1, kind: WriteKind::Fork, id: id.clone() })
                    .await;
                match context.api.fork(&session.baseline, &id).await {
                    Ok(fork) => {
                        let latency_ms =
                            Instant::now().saturating_duration_since(operation.intended).as_secs_f64()
                                * 1000.0;
                        let key = fork.node.node_id.clone();
                        acknowledged.lock().await.push(graph::Fork {
                            node_id: fork.node.node_id,
                            edge_id: fork.edge.edge_id,
                            parent_node_id: session.baseline.clone(),
                        });
                        context.emit.emit(Event::WriteAcknowledged { id, key, latency_ms }).await;
                        Ok(())
                    }
                    Err(error) => {
                        let class = error.class.word();
                        failures.note(&context.emit, KIND, &id, &class, &error.to_string()).await;
                        let ambiguous = error.class.is_ambiguous();
                        let event = Event::WriteUnacknowledged { id, class, ambiguous };
                        context.emit.emit(event).await;
                        let failed = failure_of(&error);
                        refusal.lock().await.get_or_insert(error);
                        Err(failed)
                    }
                }
            }
        },
    )
    .await;
    let refused_all = record.ok == 0 && record.sent > 0;
    if let Some(error) = refusal.lock().await.as_ref().filter(|_| refused_all) {
        note_not_drivable(context, error).await;
    }
    context
        .emit
        .emit(Event::Measured { test: TestId::L1, kind: KIND.into(), record: Box::new(record) })
        .await;
    if context.stop.is_cancelled() {
        return Ok(());
    }
    context.emit.emit(progress(total, "reading the graph back")).await;
    read_back(context, session, TestId::L1, "after L1").await?;
    let after = map(context, session).await?;
    let acknowledged = acknowledged.into_inner();
    context
        .emit
        .emit(Event::GraphAudited {
            test: TestId::L1,
            nodes: (before.nodes.len() as u64, after.nodes.len() as u64),
            edges: (before.edges.len() as u64, after.edges.len() as u64),
            violations: graph::audit_growth(&before, &after, &acknowledged),
        })
        .await;
    Ok(())
}

/// The first generation refuses every fork with 400 (API facts 4.5): the server's fault, named as what it is.
async fn note_not_drivable(context: &Context, error: &ApiError) {
    if error.class == ErrorClass::Status(400) {
        context
            .emit
            .emit(Event::NotDrivable {
                test: TestId::L1,
                what: "node expansion (POST /api/v1/nodes/fork/)".into(),
                reason: error.to_string(),
            })
            .await;
    }
}

pub(super) async fn map(context: &Context, session: &Session) -> Result<UniverseMap, String> {
    context
        .api
        .universe_map(&session.project_id)
        .await
        .map_err(|error| format!("the universe map could not be read: {error}"))
}

/// Reads every node of the project by the list, which is another way than the fork's own answer and the map.
pub(super) async fn read_back(
    context: &Context,
    session: &Session,
    test: TestId,
    moment: &str,
) -> Result<(), String> {
    let nodes = context
        .api
        .nodes(&session.project_id)
        .await
        .map_err(|error| format!("the nodes could not be read back: {error}"))?;
    let tag = format!("{}-fork-", context.tag());
    let stored = nodes
        .into_iter()
        .filter(|node| node.parent_node_id.is_some())
        .map(|node| Stored {
            intact: node.parent_node_id.as_deref() == Some(session.baseline.as_str()),
            id: node.label.filter(|label| label.starts_with(&tag)),
            key: node.node_id,
        })
        .collect();
    context
        .emit
        .emit(Event::WritesReadBack { test, kind: WriteKind::Fork, moment: moment.into(), stored })
        .await;
    Ok(())
}
