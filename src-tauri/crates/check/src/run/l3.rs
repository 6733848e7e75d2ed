//! L3: telemetry streams and exports at once, with storage probes beside them.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use holdpoint_agentverse::error::ApiError;
use holdpoint_load::{Failure, FailureClass, Operation, OperationRecord, rounds};
use serde_json::Value;

use super::context::Context;
use super::session::Session;
use super::streams::{Follow, follow};
use super::{FailureLog, exports, failure_of, given_up};
use crate::event::{Event, StreamEndKind};
use crate::words::TestId;

const FEWEST_PROBES: u32 = 3;

pub(super) async fn run(context: &Context, session: &Session) -> Result<(), String> {
    let parameters = &context.plan.parameters.l3;
    let failures = FailureLog::new(TestId::L3);
    progress(context, 0, "streams and exports at once").await;
    let last_tick = last_tick(context, session).await;
    let streaming = async {
        match &last_tick {
            Ok(last) => {
                let record = rounds(
                    (parameters.streams, 1),
                    |_| async { !context.stop.is_cancelled() },
                    |operation| stream(context, session, &failures, *last, operation),
                )
                .await;
                Some(("stream", record))
            }
            Err(error) => {
                replay_instead(context, session, &failures, error).await.map(|record| ("replay", record))
            }
        }
    };
    let exporting = rounds(
        (parameters.exports, 1),
        |_| async { !context.stop.is_cancelled() },
        |operation| export(context, session, &failures, operation),
    );
    let over = AtomicBool::new(false);
    let load = async {
        let records = tokio::join!(streaming, exporting);
        over.store(true, Ordering::Relaxed);
        records
    };
    let probing = async {
        for number in 0..parameters.storage_probes {
            // Beside the load, not after it; but never fewer than tell anything.
            if number >= FEWEST_PROBES && over.load(Ordering::Relaxed) {
                break;
            }
            probe_storage(context, session, TestId::L3).await;
            if !context.pause(Duration::from_millis(300)).await {
                break;
            }
        }
    };
    let ((streamed, exported), ()) = tokio::join!(load, probing);
    for (kind, record) in [("export", exported)].into_iter().chain(streamed) {
        let record = Box::new(record);
        context.emit.emit(Event::Measured { test: TestId::L3, kind: kind.into(), record }).await;
    }
    progress(context, 2, "done").await;
    Ok(())
}

async fn progress(context: &Context, done: u64, doing: &str) {
    context.emit.emit(Event::Progress { test: TestId::L3, done, total: 2, doing: doing.into() }).await;
}

/// The last tick a stream of the session's run must deliver: ticks count from 0, the last one included.
pub(super) async fn last_tick(context: &Context, session: &Session) -> Result<i64, ApiError> {
    Ok(context.api.telemetry_index(&session.first_run.run_id).await?.total_ticks)
}

async fn stream(
    context: &Context,
    session: &Session,
    failures: &FailureLog,
    last: i64,
    operation: Operation,
) -> Result<(), Failure> {
    let parameters = &context.plan.parameters.l3;
    let plan = Follow {
        test: TestId::L3,
        id: format!("{}-stream-{:02}", context.tag(), operation.index),
        run_id: session.first_run.run_id.clone(),
        from_tick: (last + 1 - i64::from(parameters.ticks)).max(0),
        to_tick: last,
        silence: Duration::from_secs(parameters.silence_s),
        resume_for: None,
    };
    let outcome = follow(context, &plan, &AtomicU64::new(0)).await;
    context.emit.emit(Event::StreamEnded(outcome.clone())).await;
    let class = match outcome.end {
        StreamEndKind::Complete => return Ok(()),
        StreamEndKind::Hung => FailureClass::Timeout,
        StreamEndKind::ClosedEarly => FailureClass::Other("closed_early"),
        StreamEndKind::Failed => FailureClass::Other("failed"),
        StreamEndKind::Aborted => return Err(given_up()),
    };
    failures.note(&context.emit, "stream", &plan.id, &class.word(), &outcome.detail).await;
    Err(Failure::new(class, outcome.detail))
}

async fn export(
    context: &Context,
    session: &Session,
    failures: &FailureLog,
    operation: Operation,
) -> Result<(), Failure> {
    let id = format!("{}-export-{:02}", context.tag(), operation.index);
    let (outcome, ended) = exports::one(context, session, &id).await;
    if ended.is_ok() && outcome.problem.is_none() && outcome.sha256.is_none() {
        return Err(given_up());
    }
    let problem = outcome.problem.clone();
    context.emit.emit(Event::ExportEnded(outcome)).await;
    let failure = match (ended, problem) {
        (Ok(()), None) => return Ok(()),
        (Err(error), _) => failure_of(&error),
        (Ok(()), Some(problem)) => Failure::new(FailureClass::Other("content"), problem),
    };
    failures.note(&context.emit, "export", &id, &failure.class.word(), &failure.detail).await;
    Err(failure)
}

/// The API's own storage probe, the only endpoint that measures a bucket write and read (API facts 4.1).
pub(super) async fn probe_storage(context: &Context, session: &Session, test: TestId) {
    let event = match context.api.storage_test().await {
        Ok(probe) => {
            if let Some(key) = &probe.test_object_key {
                session.note_smoke_object(key);
            }
            let ok = probe.status == "success" && probe.content_verified == Some(true);
            let message = holdpoint_agentverse::error::redact(&probe.message.unwrap_or_default());
            Event::StorageProbed {
                test,
                ok,
                detail: if ok {
                    "written, read and verified".into()
                } else {
                    format!("{} {message}", probe.status)
                },
                write_ms: probe.write_latency_ms,
                read_ms: probe.read_latency_ms,
                unanswered: false,
            }
        }
        Err(error) => Event::StorageProbed {
            test,
            ok: false,
            detail: error.to_string(),
            write_ms: None,
            read_ms: None,
            unanswered: error.class.is_unanswered(),
        },
    };
    context.emit.emit(event).await;
}

/// The first generation has no telemetry stream; its replay endpoint reads the same object and stands in, labelled as
/// the proxy it is (API facts 12).
async fn replay_instead(
    context: &Context,
    session: &Session,
    failures: &FailureLog,
    error: &ApiError,
) -> Option<OperationRecord> {
    context
        .emit
        .emit(Event::NotDrivable {
            test: TestId::L3,
            what: "telemetry stream (GET /api/v1/telemetry/…/stream)".into(),
            reason: error.to_string(),
        })
        .await;
    let reference =
        session.first_run.telemetry_ref.as_ref().and_then(|one| serde_json::to_value(one).ok())?;
    let parameters = &context.plan.parameters.l3;
    let record = rounds(
        (parameters.streams, 1),
        |_| async { !context.stop.is_cancelled() },
        |operation| {
            let reference = &reference;
            async move {
                let id = format!("{}-replay-{:02}", context.tag(), operation.index);
                let failure = match context.api.replay_chunk(reference, 0, 100).await {
                    Ok(chunk) if chunk.get("states").and_then(Value::as_array).is_some() => return Ok(()),
                    Ok(_) => Failure::new(FailureClass::Body, "the chunk holds no states"),
                    Err(error) => failure_of(&error),
                };
                failures.note(&context.emit, "replay", &id, &failure.class.word(), &failure.detail).await;
                Err(failure)
            }
        },
    )
    .await;
    Some(record)
}
