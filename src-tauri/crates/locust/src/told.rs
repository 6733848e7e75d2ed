//! What a master tells on its way, by its output or on its page.

use std::time::Duration;

use holdpoint_load::Live;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Told {
    /// Where its workers find it.
    Port(u16),
    /// What has happened so far; none before a load has begun.
    Live(Option<Counts>),
}

/// Counts over all workers, as they have reported them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
pub(crate) struct Counts {
    elapsed_s: f64,
    planned: u64,
    sent: u64,
    ok: u64,
    failed: u64,
    refused: u64,
}

impl Counts {
    /// The same for who watches. Of latencies a master tells nothing before the end.
    pub(crate) fn live(&self) -> Live {
        Live {
            elapsed: Duration::try_from_secs_f64(self.elapsed_s).unwrap_or_default(),
            planned: self.planned,
            sent: self.sent,
            ok: self.ok,
            failed: self.failed,
            refused: self.refused,
            in_flight: self.sent.saturating_sub(self.ok.saturating_add(self.failed)),
            ..Live::default()
        }
    }
}
