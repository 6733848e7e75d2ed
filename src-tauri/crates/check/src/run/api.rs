//! Asking the API who it is.

use holdpoint_agentverse::types::Health;

use super::context::Context;
use crate::event::Event;

/// Records version, environment and process start, so that a deployment in the middle of a check is seen.
pub(super) async fn observe(context: &Context) {
    if let Ok(health) = context.api.health().await {
        context.emit.emit(observed(&health)).await;
    }
}

/// What an answer says about who gave it.
pub(super) fn observed(health: &Health) -> Event {
    Event::ApiObserved {
        version: health.version.clone(),
        environment: health.environment.clone(),
        process_started_at: health.started_at(),
    }
}
