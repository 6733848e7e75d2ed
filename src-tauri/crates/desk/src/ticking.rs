//! Telling a watcher the newest state, no oftener than it can use it.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

/// How often a watcher gets the newest state at most. Every message has the window drawn, which on a computer without a
/// graphics card costs some hundredths of a second of a core that the load needs too.
const TICK: Duration = Duration::from_millis(250);

/// Silence is broken after this many milliseconds, so that a page can tell a quiet load from a lost one.
pub(crate) const SIGN_OF_LIFE_MS: u64 = 1000;

/// What one message may carry of each list, so that it stays small; the rest follows with the next.
pub(crate) const BATCH: usize = 16;

/// Sends what `next` has, tick by tick, until there is nothing more and it is over, or the watcher is gone.
pub(crate) async fn watch<M>(mut next: impl FnMut() -> (Option<M>, bool), mut send: impl FnMut(M) -> bool) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        match next() {
            (Some(message), _) => {
                if !send(message) {
                    return;
                }
            }
            (None, true) => return,
            (None, false) => {}
        }
    }
}
