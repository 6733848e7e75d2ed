//! What a healthy deployment may do and an idle computer does not: answer slowly, list in any order, deliver a task again.
//! A check that calls any of it a fault cries wolf.

use std::time::Duration;

use rand::seq::SliceRandom as _;

use crate::config::Behaviour;

/// Of so many answers one takes long.
const ONE_SLOW_OF: u32 = 40;
const USUAL_MS: u64 = 60;
/// Well below the limits of the runbook.
const SLOW_MS: u64 = 900;
/// Of so many tasks one is delivered a second time after it was done.
const ONE_AGAIN_OF: u32 = 4;

impl Behaviour {
    /// Waits as long as a busy service may before it answers.
    pub(crate) async fn linger(&self) {
        if self.restless() {
            let slow = rand::random_ratio(1, ONE_SLOW_OF);
            let longest = if slow { SLOW_MS } else { USUAL_MS };
            tokio::time::sleep(Duration::from_millis(rand::random_range(0..=longest))).await;
        }
    }

    /// Puts a list without a promised order into another one.
    pub(crate) fn reorder<T>(&self, list: &mut [T]) {
        if self.restless() {
            list.shuffle(&mut rand::rng());
        }
    }

    /// Whether a task that was done is delivered again, as the queue may after a lost acknowledgement.
    pub(crate) fn delivers_again(&self) -> bool {
        self.restless() && rand::random_ratio(1, ONE_AGAIN_OF)
    }

    /// So many milliseconds, or somewhere between half and twice as many.
    pub(crate) fn about(&self, milliseconds: u64) -> u64 {
        if self.restless() { rand::random_range(milliseconds / 2..=milliseconds * 2) } else { milliseconds }
    }
}
