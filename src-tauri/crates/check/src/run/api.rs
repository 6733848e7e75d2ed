//! Asking the API who it is.

use super::context::Context;
use crate::event::Event;

/// Records version, environment and process start, so that a deployment in the middle of a check is seen.
pub(super) async fn observe(context: &Context) {
    if let Ok(health) = context.api.health().await {
        let event = Event::ApiObserved {
            version: health.version.clone(),
            environment: health.environment.clone(),
            process_started_at: health.started_at(),
        };
        context.emit.emit(event).await;
    }
}
