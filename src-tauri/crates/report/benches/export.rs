//! What each export takes and how large it is, of the check of a real rehearsal. For people to read.

#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench talks to the terminal")]

use std::time::Instant;

use holdpoint_check::{judge, saved};
use holdpoint_report::{html, intervals, json, junit, markdown};

fn main() {
    let journal = concat!(env!("CARGO_MANIFEST_DIR"), "/../check/tests/journals/healthy.ndjson");
    let began = Instant::now();
    let results = saved::results(journal.as_ref()).unwrap();
    let verdict = judge::judge(&results);
    println!("{:<16} {:>10} {:>12}", "what", "bytes", "best of 9");
    println!(
        "{:<16} {:>10} {:>9.1} ms",
        "journal, read",
        std::fs::metadata(journal).unwrap().len(),
        ms(began)
    );
    let formats: [(&str, &dyn Fn() -> String); 7] = [
        ("markdown", &|| markdown::render(&results, &verdict)),
        ("markdown, short", &|| markdown::summary(&results, &verdict)),
        ("html", &|| html::render(&results, &verdict)),
        ("json", &|| json::document(&results, &verdict).to_string()),
        ("junit", &|| junit::render(&results, &verdict)),
        ("csv", &|| intervals::csv(&results, &verdict)),
        ("hdr log", &|| intervals::hdr_log(&results, &verdict)),
    ];
    for (name, make) in formats {
        let mut best = f64::INFINITY;
        let mut bytes = 0;
        for _ in 0..9 {
            let began = Instant::now();
            bytes = make().len();
            best = best.min(ms(began));
        }
        println!("{name:<16} {bytes:>10} {best:>9.1} ms");
    }
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
