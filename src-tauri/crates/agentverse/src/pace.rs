//! Knowing the limiter of the API, so that Holdpoint never spends a window by accident (API facts 3.3).

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// Every limited path has this window unless it is one of the login paths.
const WINDOW: Duration = Duration::from_secs(60);

/// What may lie between our clock and the server's beyond what is measured.
const MARGIN: Duration = Duration::from_millis(500);

/// Counts our own requests by exact path, as the server's sliding window does.
///
/// The server counts a request at a moment that nobody tells: after it was sent and before it was answered. So one counts
/// from when it is sent, and its window is over when it surely is: that long after the answer.
#[derive(Debug, Default)]
pub struct Pace {
    sent: Mutex<HashMap<String, PathWindow>>,
}

#[derive(Debug, Default)]
struct PathWindow {
    times: VecDeque<Instant>,
    /// The limit the server stated in `X-RateLimit-Limit`, once seen.
    stated: Option<usize>,
}

impl Pace {
    /// Counts a request to `path` that is sent now and answered when the result is dropped. Refused requests count too, as
    /// they do on the server.
    pub fn count<'a>(&'a self, path: &'a str) -> Counted<'a> {
        let now = Instant::now();
        if limit_of(path).is_some() {
            let mut sent = self.sent.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let window = sent.entry(path.to_owned()).or_default();
            window.times.push_back(now);
            prune(&mut window.times, window_of(path), now);
        }
        Counted { pace: self, path, sent: now }
    }

    fn answered(&self, path: &str, at: Instant) {
        let now = Instant::now();
        let mut sent = self.sent.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(window) = sent.get_mut(path) else { return };
        if let Some(place) = window.times.iter().position(|time| *time == at) {
            window.times.remove(place);
            window.times.push_back(now);
        }
    }

    /// Notes requests that were sent before this program knew of them, each by how long ago.
    pub fn recall(&self, path: &str, ago: &[Duration]) {
        if limit_of(path).is_none() {
            return;
        }
        let now = Instant::now();
        let mut sent = self.sent.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let times = &mut sent.entry(path.to_owned()).or_default().times;
        times.extend(ago.iter().filter_map(|ago| now.checked_sub(*ago)));
        times.make_contiguous().sort_unstable();
        prune(times, window_of(path), now);
    }

    /// How long ago each request was sent that still counts, by path.
    pub fn counted(&self) -> Vec<(String, Vec<Duration>)> {
        let now = Instant::now();
        let mut sent = self.sent.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let counted = sent.iter_mut().map(|(path, window)| {
            prune(&mut window.times, window_of(path), now);
            (path.clone(), window.times.iter().map(|time| now.saturating_duration_since(*time)).collect())
        });
        counted.filter(|(_, times): &(String, Vec<Duration>)| !times.is_empty()).collect()
    }

    /// Notes the limit the server itself stated for `path`.
    pub fn stated(&self, path: &str, limit: usize) {
        let mut sent = self.sent.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        sent.entry(path.to_owned()).or_default().stated = Some(limit);
    }

    /// How long to wait until `count` more requests to `path` fit into its window; zero when they fit now.
    pub fn wait_for(&self, path: &str, count: usize) -> Duration {
        let Some(default) = limit_of(path) else { return Duration::ZERO };
        let now = Instant::now();
        let window = window_of(path);
        let mut sent = self.sent.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(entry) = sent.get_mut(path) else { return Duration::ZERO };
        prune(&mut entry.times, window, now);
        let limit = entry.stated.unwrap_or(default).max(1);
        let count = count.min(limit);
        let over = (entry.times.len() + count).saturating_sub(limit);
        if over == 0 {
            return Duration::ZERO;
        }
        // After the oldest `over` requests have left the window there is room.
        entry
            .times
            .get(over - 1)
            .map_or(Duration::ZERO, |oldest| (*oldest + window).saturating_duration_since(now))
    }
}

/// A request that is under way.
#[derive(Debug)]
pub struct Counted<'a> {
    pace: &'a Pace,
    path: &'a str,
    sent: Instant,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.pace.answered(self.path, self.sent);
    }
}

fn prune(times: &mut VecDeque<Instant>, window: Duration, now: Instant) {
    while times.front().is_some_and(|oldest| now.saturating_duration_since(*oldest) > window) {
        times.pop_front();
    }
}

fn window_of(path: &str) -> Duration {
    MARGIN + if path.starts_with("/api/v1/auth/") { Duration::from_secs(300) } else { WINDOW }
}

/// Requests a window on `path`, or `None` where the limiter does not look.
fn limit_of(path: &str) -> Option<usize> {
    match path {
        "/" | "/health" | "/docs" | "/redoc" | "/openapi.json" => None,
        "/api/v1/runs" => Some(10),
        "/api/v1/auth/login" => Some(10),
        "/api/v1/auth/register" => Some(5),
        "/api/v1/projects" | "/api/v1/personas" => Some(100),
        _ => Some(60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_full_window_asks_to_wait_until_it_has_room() {
        let pace = Pace::default();
        for _ in 0..60 {
            pace.count("/api/v1/nodes/fork/");
        }
        assert!(pace.wait_for("/api/v1/nodes/fork/", 1) > Duration::from_secs(59));
        assert_eq!(pace.wait_for("/api/v1/nodes/other", 60), Duration::ZERO);
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(pace.wait_for("/api/v1/nodes/fork/", 60), Duration::ZERO);
    }

    /// A slow server counts a request late, and the next window may not begin before that request has left it.
    #[tokio::test(start_paused = true)]
    async fn a_request_counts_until_a_window_after_its_answer() {
        let pace = Pace::default();
        let path = "/api/v1/nodes/fork/";
        let under_way: Vec<Counted<'_>> = (0..60).map(|_| pace.count(path)).collect();
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(pace.wait_for(path, 1) > Duration::ZERO, "what is under way counts");
        drop(under_way);
        tokio::time::advance(Duration::from_secs(59)).await;
        let wait = pace.wait_for(path, 20);
        assert!(wait >= Duration::from_secs(1) && wait < Duration::from_secs(2), "{wait:?}");
        for moment in 0..20 {
            let here = pace.wait_for(path, 20);
            tokio::time::advance(Duration::from_millis(100)).await;
            let left = Duration::from_millis(1500).saturating_sub(Duration::from_millis(100) * moment);
            assert_eq!(here, left, "no moment falls between counting and leaving");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_stated_limit_wins_over_the_known_one() {
        let pace = Pace::default();
        pace.stated("/api/v1/runs", 100);
        for _ in 0..20 {
            pace.count("/api/v1/runs");
        }
        assert_eq!(pace.wait_for("/api/v1/runs", 1), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_sent_before_counts_until_its_window_is_over() {
        let before = Pace::default();
        tokio::time::advance(Duration::from_secs(100)).await;
        for _ in 0..60 {
            before.count("/api/v1/nodes/fork/");
        }
        tokio::time::advance(Duration::from_secs(20)).await;
        let counted = before.counted();
        assert_eq!(counted, [("/api/v1/nodes/fork/".to_owned(), vec![Duration::from_secs(20); 60])]);
        let after = Pace::default();
        for (path, ago) in &counted {
            after.recall(path, ago);
        }
        let wait = after.wait_for("/api/v1/nodes/fork/", 60);
        assert!((39..=41).contains(&wait.as_secs()), "{wait:?}");
        tokio::time::advance(Duration::from_secs(41)).await;
        assert_eq!(after.wait_for("/api/v1/nodes/fork/", 60), Duration::ZERO);
        assert!(after.counted().is_empty());
    }

    #[test]
    fn health_is_exempt() {
        let pace = Pace::default();
        for _ in 0..1000 {
            pace.count("/health");
        }
        assert_eq!(pace.wait_for("/health", 1), Duration::ZERO);
    }
}
