//! REP: the five evidence files of every run of this check, fetched over S3 and judged.

use chrono::TimeDelta;
use futures::StreamExt as _;
use holdpoint_agentverse::evidence::{self, EvidenceFile, Expectation, Fetched, Limits, Pack};
use holdpoint_agentverse::storage::Storage;

use super::context::Context;
use super::session::Session;
use crate::event::Event;
use crate::words::TestId;

/// What the five files of a run may hold together, in bytes: more is not kept in memory at once.
const PACK_LIMIT: usize = 64 * 1024 * 1024;

pub(super) async fn run(context: &Context, session: &Session) -> Result<(), String> {
    let Some(storage) = &context.storage else {
        return Err("no S3 key is set, so no evidence could be read".into());
    };
    let ids = session.run_ids();
    let total = ids.len() as u64;
    let done = std::sync::atomic::AtomicU64::new(0);
    futures::stream::iter(ids)
        .for_each_concurrent(4, |id| {
            let done = &done;
            async move {
                if context.stop.is_cancelled() {
                    return;
                }
                if let Some(verdict) = judge(context, session, storage, &id).await {
                    context
                        .emit
                        .emit(Event::PackJudged { run_id: id.clone(), verdict: Box::new(verdict) })
                        .await;
                }
                let done = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
                let doing = format!("evidence of run {id}");
                context.emit.emit(Event::Progress { test: TestId::Rep, done, total, doing }).await;
            }
        })
        .await;
    Ok(())
}

/// Judges the pack of a run that has ended. A run that has not is the business of the test that started it.
async fn judge(
    context: &Context,
    session: &Session,
    storage: &Storage,
    id: &str,
) -> Option<evidence::PackVerdict> {
    let run = context.api.run(id).await.ok();
    if run.as_ref().is_some_and(|run| !run.is_terminal()) {
        return None;
    }
    let succeeded = run.as_ref().is_none_or(|run| run.status == "succeeded");
    let mut files = std::collections::BTreeMap::new();
    let mut room = PACK_LIMIT;
    for file in EvidenceFile::ALL {
        let key = format!("runs/{id}/{}", file.file_name());
        let fetched = match storage.get_within(&key, room).await {
            Ok(Some(bytes)) => {
                room -= bytes.len();
                Fetched::Bytes(bytes)
            }
            Ok(None) => Fetched::Absent,
            Err(error) => Fetched::Unreadable(error.to_string()),
        };
        files.insert(file, fetched);
    }
    let pack = Pack { run_id: id.to_owned(), files };
    let run = run.as_ref();
    let expectation = Expectation {
        run_id: id.to_owned(),
        project_id: Some(session.project_id.clone()),
        node_id: run.and_then(|run| run.node_id.clone()),
        // The worker's clock may differ a little from the database's.
        earliest: run.and_then(|run| run.started_at).map(|time| time - TimeDelta::minutes(2)),
        latest: run.and_then(|run| run.completed_at).map(|time| time + TimeDelta::minutes(2)),
        run_succeeded: succeeded,
    };
    Some(evidence::judge(&pack, &expectation, &Limits::default()))
}
