//! `kill -9` at seeded random points, and what the next start says.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::rig::{Aftermath, Point};
use crate::{Failure, programs};

/// Another number makes other points.
const SEED: u64 = 7;
/// Checks at once: each has a rehearsal of its own and mostly waits.
const LANES: usize = 3;

pub(crate) fn run(points: u64) -> Result<bool, Failure> {
    let programs = programs()?;
    println!(
        "{:>4}  {:<30} {:>6}  {:<20} {:<9} {:>7}  the next start says",
        "no.", "killed at", "events", "last", "open", "seconds"
    );
    let next = AtomicU64::new(0);
    let table: Mutex<Vec<(Point, Aftermath)>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= points {
                        return;
                    }
                    let point = Point::of(number, SEED);
                    let started = Instant::now();
                    let after = point.run(&programs);
                    let said = if after.events == 0 { "nothing was recorded" } else { &after.said };
                    println!(
                        "{number:>4}  {:<30} {:>6}  {:<20} {:<9} {:>7.1}  {said}",
                        point.told(),
                        after.events,
                        after.last,
                        after.open.join(","),
                        started.elapsed().as_secs_f64()
                    );
                    for wrong in &after.wrong {
                        println!("      WRONG: {wrong}");
                    }
                    table.lock().unwrap().push((point, after));
                }
            });
        }
    });
    let table = table.into_inner()?;
    let mut last: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, after) in &table {
        *last.entry(after.last.as_str()).or_default() += 1;
    }
    let kinds: Vec<String> = last
        .iter()
        .map(|(name, count)| format!("{} {count}", if name.is_empty() { "nothing" } else { name }))
        .collect();
    let open = table.iter().filter(|(_, after)| !after.open.is_empty()).count();
    println!("\nin the middle of a fault: {open}");
    println!("last events: {}", kinds.join(", "));
    let bad = table.iter().filter(|(_, after)| !after.wrong.is_empty()).count();
    println!("{} of {} points held", table.len() - bad, table.len());
    Ok(bad == 0 && table.len() as u64 == points)
}
