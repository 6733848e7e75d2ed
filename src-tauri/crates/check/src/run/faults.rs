//! How many faults a check injects, and how far apart: one in flight at a time (Railway facts 10.3).

use std::time::Duration;

use tokio::time::Instant;

/// The faults of a check so far.
#[derive(Debug, Default)]
pub(super) struct Faults {
    injected: u32,
    in_flight: Option<String>,
    last_ended: Option<Instant>,
}

impl Faults {
    /// Lets a fault begin, or says why not. What begins must be told to have [`Faults::ended`].
    pub(super) fn begin(&mut self, fault: &str, limit: u32, spacing: Duration) -> Result<(), String> {
        if let Some(other) = &self.in_flight {
            return Err(format!("{other} is not over, and only one fault is in flight at a time"));
        }
        if self.injected >= limit {
            return Err(format!(
                "the plan allows {limit} faults (general.fault_limit), and so many there were"
            ));
        }
        let left = self.left(spacing);
        if !left.is_zero() {
            return Err(format!("the fault before it has ended less than {} s ago", spacing.as_secs()));
        }
        self.injected += 1;
        self.in_flight = Some(fault.to_owned());
        Ok(())
    }

    /// How long to wait until the next fault is far enough from the last one.
    pub(super) fn left(&self, spacing: Duration) -> Duration {
        self.last_ended.map_or(Duration::ZERO, |ended| spacing.saturating_sub(ended.elapsed()))
    }

    /// The fault in flight is over: its service is back, or was given up, or was never touched.
    pub(super) fn ended(&mut self) {
        if self.in_flight.take().is_some() {
            self.last_ended = Some(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACING: Duration = Duration::from_secs(15);

    #[tokio::test(start_paused = true)]
    async fn one_fault_is_in_flight_and_the_next_keeps_its_distance() {
        let mut faults = Faults::default();
        assert_eq!(faults.left(SPACING), Duration::ZERO);
        faults.begin("C1", 3, SPACING).unwrap();
        assert!(faults.begin("C2", 3, SPACING).unwrap_err().contains("C1 is not over"));
        faults.ended();
        assert_eq!(faults.left(SPACING), SPACING);
        assert!(faults.begin("C2", 3, SPACING).unwrap_err().contains("15 s"));
        tokio::time::advance(Duration::from_secs(14)).await;
        assert_eq!(faults.left(SPACING), Duration::from_secs(1));
        assert!(faults.begin("C2", 3, SPACING).is_err());
        tokio::time::advance(Duration::from_secs(1)).await;
        faults.begin("C2", 3, SPACING).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_has_so_many_faults_and_no_more() {
        let mut faults = Faults::default();
        for fault in ["C1", "C2"] {
            faults.begin(fault, 2, Duration::ZERO).unwrap();
            faults.ended();
        }
        assert!(faults.begin("C3", 2, Duration::ZERO).unwrap_err().contains("allows 2 faults"));
        let mut none = Faults::default();
        assert!(none.begin("C1", 0, Duration::ZERO).is_err());
    }
}
