//! What the system says of other processes. Linux only, as the window tests are.

use std::fs;
use std::time::Duration;

/// `/proc` counts processor time in hundredths of a second on every Linux that Holdpoint runs on.
const TICKS: u64 = 100;

/// The newest process whose (short) name this is.
pub fn named(name: &str) -> Option<u32> {
    let all = fs::read_dir("/proc").ok()?.flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|id| fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|comm| comm.trim() == name))
        .max()
}

/// The newest process `name` that the newest process `above` has started.
pub fn below(above: &str, name: &str) -> Option<u32> {
    let above = named(above)?;
    let all = fs::read_dir("/proc").ok()?.flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .filter(|id| {
            fs::read_to_string(format!("/proc/{id}/comm")).is_ok_and(|comm| name.starts_with(comm.trim()))
        })
        .filter(|id| stat(*id).is_some_and(|fields| fields[1] == u64::from(above)))
        .max()
}

/// Processor time a process has used.
pub fn cpu(id: u32) -> Duration {
    let used = stat(id).map_or(0, |fields| fields[11] + fields[12]);
    Duration::from_millis(used * 1000 / TICKS)
}

/// Memory of a process that is in use now.
pub fn resident_mb(id: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|word| word.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
}

/// The numbers behind the name in `stat`: state (as 0), parent, and so on; processor time is at 11 and 12.
fn stat(id: u32) -> Option<Vec<u64>> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, rest) = text.rsplit_once(')')?;
    Some(rest.split_whitespace().map(|word| word.parse().unwrap_or(0)).collect())
}
