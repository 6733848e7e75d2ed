//! How fast an archive of many checks opens, lists and filters: `cargo xtask bench archive`. Figures for people to read;
//! nothing here can fail for being slow.

#![allow(missing_docs)]
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark talks to the terminal and may end there"
)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use holdpoint_desk::Desk;
use holdpoint_desk::archive::Archive;
use holdpoint_desk::view::{ChecksQuery, TrendsQuery, VerdictFilter};
use holdpoint_settings::Environments;
use serde_json::{Value, json};

/// Checks, where nothing else is asked for.
const USUAL: u32 = 10_000;
/// Of each measurement the median of so many counts.
const REPEATS: usize = 9;

fn main() {
    let asked = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let count: u32 = asked.unwrap_or(USUAL);
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("checks");
    fs::create_dir(&folder).unwrap();
    println!("An archive of {count} checks\n");
    let made = Instant::now();
    fill(&folder, count);
    println!("{:>10.1} ms  to make its folders (not part of the product)", millis(made.elapsed()));

    let page = ChecksQuery { limit: 100, ..ChecksQuery::default() };
    let first = Instant::now();
    let listed = Archive::in_folder(&folder).list(&page, None);
    assert_eq!((listed.total, listed.checks.len()), (count, 100.min(count as usize)));
    println!(
        "{:>10.1} ms  first page without an index: it is made from the folders",
        millis(first.elapsed())
    );

    show("first page of a program that has just started", || {
        assert_eq!(Archive::in_folder(&folder).list(&page, None).total, count);
    });
    let archive = Archive::in_folder(&folder);
    let _ = archive.list(&page, None);
    let ask = |what: &str, query: ChecksQuery| show(what, || drop(archive.list(&query, None)));
    ask("first page", page.clone());
    ask("last page", ChecksQuery { offset: count.saturating_sub(100), ..page.clone() });
    ask("filter: NO-GO", ChecksQuery { verdict: Some(VerdictFilter::NoGo), ..page.clone() });
    ask("filter: environment", ChecksQuery { environment: Some("rehearsal".into()), ..page.clone() });
    ask("search: words that no check has", ChecksQuery { text: "no such words".into(), ..page.clone() });
    ask("search: words of some", ChecksQuery { text: "check 99".into(), ..page.clone() });
    ask("search: a number", ChecksQuery { text: "4321".into(), ..page.clone() });
    show("open one check, journal and all", || drop(archive.open(count / 2 + 1).unwrap()));
    let desk = Desk::new(Archive::in_folder(&folder), Environments::in_folder(root.path()));
    let query = TrendsQuery { environment: Some("rehearsal".into()), limit: 60, ..TrendsQuery::default() };
    show("trends of the last 60", || drop(desk.trends(&query)));
    show("coverage over all", || drop(desk.coverage("rehearsal")));
}

/// Makes folders as checks leave them. All share one journal on the disk, so that ten thousand fit anywhere; each has a
/// summary of its own.
fn fill(folder: &Path, count: u32) {
    let journal = folder.parent().unwrap().join("journal.ndjson");
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../check/tests/journals/healthy.ndjson");
    fs::copy(recorded, &journal).unwrap();
    let one = folder.join("0001-20260131-140200");
    fs::create_dir(&one).unwrap();
    fs::hard_link(&journal, one.join("journal.ndjson")).unwrap();
    let _ = Archive::in_folder(folder).summary(1).unwrap();
    let text = fs::read_to_string(one.join("summary.json")).unwrap();
    let kept: Value = serde_json::from_str(&text).unwrap();
    for number in 2..=count {
        let place = folder.join(format!("{number:04}-20260131-140200"));
        fs::create_dir(&place).unwrap();
        fs::hard_link(&journal, place.join("journal.ndjson")).unwrap();
        let mut own = kept.clone();
        own["summary"]["number"] = json!(number);
        own["summary"]["word"] = json!(if number % 7 == 0 { "no_go" } else { "go" });
        own["summary"]["headline"] = json!(format!("check {number} [rehearsal]"));
        fs::write(place.join("summary.json"), own.to_string()).unwrap();
    }
}

fn show(what: &str, work: impl Fn()) {
    let mut times: Vec<Duration> = (0..REPEATS)
        .map(|_| {
            let begun = Instant::now();
            work();
            begun.elapsed()
        })
        .collect();
    times.sort();
    println!(
        "{:>10.1} ms  {what} (longest of {REPEATS}: {:.1} ms)",
        millis(times[REPEATS / 2]),
        millis(times[REPEATS - 1])
    );
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
