//! What the system says of this computer and of our own threads. Nothing where the system does not say.

use std::fs;

/// Lets this process have as many connections as the system allows it at most: the usual limit is 1024. Where that
/// fails, requests fail for want of files, and are counted as this computer's own failures.
pub fn allow_connections() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        if limit.current != limit.maximum {
            let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
        }
    }
}

/// Nanoseconds a thread has run, and nanoseconds it was ready to run and had to wait for a processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ThreadTime {
    pub(crate) ran: u64,
    pub(crate) waited: u64,
}

impl ThreadTime {
    /// Of the calling thread.
    pub(crate) fn now() -> Option<Self> {
        Self::read(&fs::read_to_string("/proc/thread-self/schedstat").ok()?)
    }

    fn read(text: &str) -> Option<Self> {
        let mut numbers = text.split_whitespace().map(str::parse);
        Some(Self { ran: numbers.next()?.ok()?, waited: numbers.next()?.ok()? })
    }
}

/// Processor time of the whole computer since it started, in its own ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostTime {
    all: u64,
    idle: u64,
    stolen: u64,
}

impl HostTime {
    pub(crate) fn now() -> Option<Self> {
        Self::read(&fs::read_to_string("/proc/stat").ok()?)
    }

    /// The first line: `cpu user nice system idle iowait irq softirq steal …`; what follows is counted in `user`.
    fn read(text: &str) -> Option<Self> {
        let line = text.lines().next()?.strip_prefix("cpu ")?;
        let numbers: Vec<u64> =
            line.split_whitespace().take(8).filter_map(|word| word.parse().ok()).collect();
        let [_, _, _, idle, waiting, _, _, stolen] = numbers[..] else { return None };
        Some(Self { all: numbers.iter().sum(), idle: idle + waiting, stolen })
    }

    /// The shares of the time since `before` in which processors were busy, and in which another machine had them.
    pub(crate) fn shares_since(self, before: Self) -> Option<(f64, f64)> {
        let all = self.all.checked_sub(before.all).filter(|all| *all > 0)? as f64;
        let idle = self.idle.saturating_sub(before.idle) as f64;
        let stolen = self.stolen.saturating_sub(before.stolen) as f64;
        Some((1.0 - idle / all, stolen / all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_those_of_the_time_between() {
        let before = HostTime::read("cpu  100 0 100 800 0 0 0 0 0 0\ncpu0 1").unwrap();
        let after = HostTime::read("cpu  130 0 120 840 0 0 0 10 0 0\n").unwrap();
        let (busy, stolen) = after.shares_since(before).unwrap();
        assert!((busy - 0.6).abs() < 1e-9 && (stolen - 0.1).abs() < 1e-9, "{busy} {stolen}");
        assert_eq!(before.shares_since(before), None);
        assert_eq!(HostTime::read("intr 1"), None);
        assert_eq!(ThreadTime::read("120 7 3"), Some(ThreadTime { ran: 120, waited: 7 }));
        assert_eq!(ThreadTime::read(""), None);
    }
}
