//! A load in a few numbers: what lists show, and what is kept of each try of a search.

use serde::{Deserialize, Serialize};

use crate::collect::LoadResult;

/// The numbers of a load, all kinds together. Latency counts from the intended start, of what ended well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Operations that fell due.
    pub planned: u64,
    /// Operations that ended well.
    pub ok: u64,
    /// Operations that failed or were never answered.
    pub failed: u64,
    /// Operations that were not started for want of room.
    pub refused: u64,
    /// Operations a second that ended well.
    pub per_second: f64,
    /// The median of the latency in milliseconds.
    pub p50_ms: Option<f64>,
    /// Its 95th percentile.
    pub p95_ms: Option<f64>,
    /// Its 99th percentile.
    pub p99_ms: Option<f64>,
    /// The longest.
    pub max_ms: Option<f64>,
}

impl From<&LoadResult> for Figures {
    fn from(result: &LoadResult) -> Self {
        let total = result.total();
        let at = |quantile| total.latency.quantile_ms(quantile);
        Self {
            planned: total.planned,
            ok: total.ok,
            failed: result.bad(&total),
            refused: total.refused,
            per_second: if result.elapsed_s > 0.0 { total.ok as f64 / result.elapsed_s } else { 0.0 },
            p50_ms: at(0.5),
            p95_ms: at(0.95),
            p99_ms: at(0.99),
            max_ms: total.latency.max_ms(),
        }
    }
}
