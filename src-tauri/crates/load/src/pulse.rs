//! What happened since somebody last looked: counts and latency of one interval.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::Histogram;

/// One interval of a [`Pulse`].
#[derive(Clone, Debug, Default)]
pub struct Beat {
    /// Operations that ended well.
    pub ok: u64,
    /// Operations that failed.
    pub failed: u64,
    /// Latency of those that ended well.
    pub latency: Histogram,
}

/// Counts operations as they end, until somebody takes the interval.
#[derive(Debug, Default)]
pub struct Pulse(Mutex<Beat>);

impl Pulse {
    /// Notes the end of one operation.
    pub fn ended(&self, latency: Duration, ok: bool) {
        let mut beat = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ok {
            beat.ok += 1;
            beat.latency.record(latency);
        } else {
            beat.failed += 1;
        }
    }

    /// What ended since the last call; none when nothing did: no data is a gap, not a zero.
    pub fn take(&self) -> Option<Beat> {
        let mut beat = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (beat.ok + beat.failed > 0).then(|| std::mem::take(&mut *beat))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_taken_once_and_silence_is_no_interval() {
        let pulse = Pulse::default();
        assert!(pulse.take().is_none());
        pulse.ended(Duration::from_millis(20), true);
        pulse.ended(Duration::from_secs(9), false);
        let beat = pulse.take().unwrap();
        assert_eq!((beat.ok, beat.failed, beat.latency.len()), (1, 1, 1));
        assert!(pulse.take().is_none());
    }
}
