//! What the load engine costs and how true it is, beside others in one run: `cargo xtask bench stall` and
//! `cargo xtask bench cost`. It shows figures and judges goals; nothing here can fail for being slow.
//!
//! The program starts itself again as the server that is asked and as the client that sends, so that each can be
//! pinned to a processor, frozen, and its processor time read.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a benchmark talks to the terminal and may end there"
)]

mod cost;
mod peers;
mod process;
mod report;
mod send;
mod server;
mod stall;

use std::path::PathBuf;

/// What is typed after the name of the benchmark.
struct Options {
    /// Where `oha` is.
    oha: PathBuf,
    /// Repeats of each measurement.
    repeats: usize,
    /// The file whose section is to be written.
    write: Option<PathBuf>,
    /// What else ran on the machine meanwhile, in the words of who started this.
    note: String,
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let (what, rest) = words.split_first().map_or(("", &[][..]), |(what, rest)| (what.as_str(), rest));
    match what {
        "serve" => server::run(rest),
        "send" => send::run(rest),
        "stall" | "cost" => {
            let mut options = Options {
                oha: "oha".into(),
                repeats: 0,
                write: None,
                note: "nothing else was started".into(),
            };
            let mut rest = rest.iter();
            while let Some(word) = rest.next() {
                match (word.as_str(), rest.next()) {
                    ("--oha", Some(path)) => options.oha = path.into(),
                    ("--repeats", Some(number)) => options.repeats = number.parse().unwrap(),
                    ("--write", Some(path)) => options.write = Some(path.into()),
                    ("--note", Some(note)) => note.clone_into(&mut options.note),
                    _ => return eprintln!("unknown: {word}"),
                }
            }
            let text = if what == "stall" { stall::run(&options) } else { cost::run(&options) };
            println!("\n{text}");
            if let Some(path) = &options.write {
                report::write(path, what, &text);
            }
        }
        _ => eprintln!("usage: stall|cost [--oha PATH] [--repeats N] [--note TEXT] [--write FILE]"),
    }
}
