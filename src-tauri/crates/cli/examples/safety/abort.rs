//! An abort at every kind of event of every test: the first of its kind, and one in the middle of the others.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::rig::{PATIENCE, Rig, named};
use crate::{Failure, programs};

const TESTS: [&str; 7] = ["L1", "L2", "L3", "C1", "C2", "C3", "L1,REP,BUCKET"];
/// Checks at once: each has a rehearsal of its own and mostly waits.
const LANES: usize = 3;
const SIGNALS: [&str; 3] = ["-INT", "-TERM", "-HUP"];

/// One abort: in which test, at which occurrence of which kind of event, whether it is asked for twice.
struct Moment {
    test: &'static str,
    kind: String,
    occurrence: usize,
    twice: bool,
}

pub(crate) fn run() -> Result<bool, Failure> {
    let programs = programs()?;
    let mut moments = Vec::new();
    for test in TESTS {
        let mut rig = Rig::start(&programs, &["--test", test]);
        let code = rig.finish().ok_or("a check does not end")?;
        if code != 0 {
            return Err(format!("a healthy check of {test} ended with {code}: {}", rig.told()).into());
        }
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for line in &rig.seen {
            *kinds.entry(named(&serde_json::from_str(line)?).to_owned()).or_default() += 1;
        }
        for (kind, count) in kinds.into_iter().filter(|(kind, _)| kind != "check_ended") {
            let twice = kind.starts_with("fault_");
            moments.push(Moment { test, kind: kind.clone(), occurrence: 1, twice: false });
            if count > 2 {
                moments.push(Moment { test, kind: kind.clone(), occurrence: count / 2 + 1, twice: false });
            }
            if twice {
                moments.push(Moment { test, kind, occurrence: 1, twice: true });
            }
        }
    }
    println!(
        "{:<14} {:<22} {:>4} {:>6}  {:>7} {:>9}  it says",
        "test", "aborted at", "no.", "twice", "seconds", "to end s"
    );
    let next = AtomicUsize::new(0);
    let bad = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(moment) = moments.get(number) else { return };
                    let started = Instant::now();
                    let mut rig = Rig::start(&programs, &["--test", moment.test]);
                    let mut count = 0;
                    rig.until(PATIENCE, |event| {
                        count += usize::from(named(event) == moment.kind);
                        count == moment.occurrence
                    });
                    rig.signal(SIGNALS[number % SIGNALS.len()]);
                    let asked = Instant::now();
                    if moment.twice {
                        rig.until(PATIENCE, |event| named(event) == "abort_requested");
                        rig.signal("-INT");
                    }
                    let code = rig.finish();
                    let took = asked.elapsed().as_secs_f64();
                    let after = rig.after_abort(code);
                    println!(
                        "{:<14} {:<22} {:>4} {:>6}  {:>7.1} {took:>9.1}  {}",
                        moment.test,
                        moment.kind,
                        moment.occurrence,
                        if moment.twice { "twice" } else { "" },
                        started.elapsed().as_secs_f64(),
                        after.said
                    );
                    for wrong in &after.wrong {
                        println!("      WRONG: {wrong}");
                    }
                    *bad.lock().unwrap() += usize::from(!after.wrong.is_empty());
                }
            });
        }
    });
    let bad = bad.into_inner()?;
    println!("\n{} of {} aborts held", moments.len() - bad, moments.len());
    Ok(bad == 0)
}
