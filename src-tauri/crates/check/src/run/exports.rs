//! An export from request to downloaded file.

use holdpoint_agentverse::answer;
use holdpoint_agentverse::error::{ApiError, ErrorClass};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::context::Context;
use super::session::Session;
use crate::event::ExportOutcome;

/// Creates an export of the project's runs, reads it back and downloads it. An error of the API ends it; content that
/// is wrong is in the outcome's `problem`. After an abort it is not read: there is neither a problem nor a digest then.
pub(super) async fn one(
    context: &Context,
    session: &Session,
    id: &str,
) -> (ExportOutcome, Result<(), ApiError>) {
    let mut outcome = ExportOutcome {
        id: id.into(),
        export_id: None,
        records_said: None,
        records_read: None,
        foreign: 0,
        sha256: None,
        problem: None,
    };
    let ended = steps(context, session, &mut outcome).await;
    if let Err(error) = &ended {
        outcome.problem = Some(error.to_string());
    }
    (outcome, ended)
}

async fn steps(context: &Context, session: &Session, outcome: &mut ExportOutcome) -> Result<(), ApiError> {
    let created = context.api.create_export(&session.project_id).await?;
    session.created.note_other("exports", &created.export_id);
    outcome.export_id = Some(created.export_id.clone());
    if context.stop.is_cancelled() {
        return Ok(());
    }
    let read = context.api.export(&created.export_id).await?;
    outcome.records_said = read.record_count;
    if read.status != "completed" {
        outcome.problem = Some(format!("its status is {}, not completed", read.status));
        return Ok(());
    }
    if read.record_count == Some(0) {
        outcome.records_read = Some(0);
        outcome.problem = Some("it says that it is completed and holds no record".into());
        return Ok(());
    }
    let text = context.api.download_export(&created.export_id).await?;
    outcome.sha256 = Some(hex::encode(Sha256::digest(text.as_bytes())));
    // Too full to be parsed is as good as not what was asked for.
    let parsed =
        answer::LIMITS.check(text.as_bytes()).ok().and_then(|()| serde_json::from_str::<Value>(&text).ok());
    let Some(content) = parsed else {
        outcome.problem = Some("the downloaded file is not the JSON that was asked for".into());
        return Ok(());
    };
    let Some(records) = records_of(&content) else {
        outcome.problem = Some("the downloaded file holds no list of records".into());
        return Ok(());
    };
    outcome.records_read = Some(records.len() as u64);
    outcome.foreign = records
        .iter()
        .filter(|record| {
            record
                .get("project_id")
                .and_then(Value::as_str)
                .is_some_and(|project| project != session.project_id)
        })
        .count() as u64;
    outcome.problem = if records.is_empty() {
        Some("the downloaded file is empty".into())
    } else if outcome.foreign > 0 {
        Some(format!("{} of its records belong to another project", outcome.foreign))
    } else if read.record_count.is_some_and(|said| u64::try_from(said).ok() != outcome.records_read) {
        Some(format!("it says {} records, the file holds {}", read.record_count.unwrap_or(0), records.len()))
    } else {
        None
    };
    Ok(())
}

/// What the same export is later: its digest, that it is gone, or none where it could not be asked.
pub(super) async fn again(context: &Context, export: &ExportOutcome) -> Option<String> {
    let id = export.export_id.as_deref()?;
    match context.api.download_export(id).await {
        Ok(text) => Some(hex::encode(Sha256::digest(text.as_bytes()))),
        Err(error) if matches!(error.class, ErrorClass::Status(404 | 410)) => {
            Some(format!("gone: {}", error.class.word()))
        }
        Err(_) => None,
    }
}

/// The records of an export: the list itself, or the one list inside an object.
fn records_of(content: &Value) -> Option<&Vec<Value>> {
    content.as_array().or_else(|| {
        ["records", "data", "items", "runs"].iter().find_map(|key| content.get(key).and_then(Value::as_array))
    })
}
