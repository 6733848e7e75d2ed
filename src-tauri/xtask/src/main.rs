//! The commands a developer types: `cargo xtask run` and `cargo xtask test`, and those that try them hard,
//! `drills`, `repeat`, `crash`, `abort`, `soak`, `fuzz` and `fresh-root`.
//!
//! This crate uses nothing but the standard library, so that it is compiled in seconds on a machine that has
//! no more than Rust, and can say what else is missing before the long build starts.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to the terminal")]

use std::process::ExitCode;

mod bench;
mod bundle;
mod drills;
mod fresh_root;
mod fuzz;
mod packages;
mod page;
mod repeat;
mod safety;
mod steps;

use steps::Failure;

const USAGE: &str = "\
Usage: cargo xtask COMMAND

  run [ARGS...]                     install what the build needs, build, and open the window, ready to check the
                                    built-in rehearsal; without a display, or with ARGS, which go to `holdpoint
                                    check --rehearse`, run that check here
  test                              formatting, lints, build, tests; ends at the first failure
  bundle                            packages to install, for release: .deb and .rpm, or this system's own kind
  bench window [--checks N]         what the window costs beside a bare one, in time, processor and memory
  bench stall|cost [--repeats N] [--note TEXT] [--write]
                                    the load engine beside oha, wrk and hey: what it sees of a frozen server, and
                                    what a request costs; --write keeps the figures in src-tauri/crates/load/BENCH.md
  bench archive [CHECKS]            how fast an archive of 10,000 checks opens, lists and filters
  bench export                      what each export of a check takes, and how large it is
  bench locust [--note TEXT] [--write]
                                    what a request costs with Locust, and what more workers bring; --write keeps the
                                    figures in src-tauri/crates/locust/BENCH.md
  repeat [N] [--profile PROFILE]    N checks on the rehearsal, one after the other (20, healthy)
  drills [NAME...] [--group GROUP] [--healthy N] [--jobs N] [--beside] [--write]
                                    checks with one seeded defect each, and which of them were called, then
                                    healthy ones (50 after all drills); --beside asks the script that this
                                    replaces too, --write keeps the table in src-tauri/crates/rehearsal/DRILLS.md;
                                    --group railway runs the oddities of Railway, their table is ODDITIES.md
  crash [N]                         kill -9 a check at N seeded moments (200), and see what the next start says
  abort                             abort a check at every kind of event of every test
  soak [--minutes N]                checks back to back in one process (60 minutes): nothing of it may grow
  fuzz [--minutes N] [--keep] [TARGET...]
                                    hostile bytes for every parser of outside bytes, N minutes each (1); installs
                                    cargo-fuzz where it is missing; --keep adds to the corpus what reaches new code
  fresh-root [DIR] [--only-root|--deb]
                                    make a fresh Debian or Ubuntu root in DIR, and do `run` and `test` there;
                                    needs root; with --only-root stop once the root stands; with --deb
                                    install there what `bundle` made, rehearse with it and open its window
";

fn main() -> ExitCode {
    let mut arguments = Vec::new();
    for argument in std::env::args_os().skip(1) {
        match argument.into_string() {
            Ok(text) => arguments.push(text),
            Err(raw) => {
                eprintln!("xtask: this argument is not UTF-8: {}", raw.display());
                return ExitCode::from(2);
            }
        }
    }
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("", &[][..]),
    };

    let outcome = match command {
        "run" => steps::run(rest),
        "test" if rest.is_empty() => steps::test(),
        "bundle" if rest.is_empty() => bundle::bundle(),
        "bench" => bench::bench(rest),
        "drills" => drills::drills(rest),
        "fuzz" => fuzz::fuzz(rest),
        "repeat" => repeat::repeat(rest),
        "crash" => safety::crash(rest),
        "abort" if rest.is_empty() => safety::long(&["abort"]),
        "soak" => safety::soak(rest),
        "fresh-root" => fresh_root::fresh_root(rest),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        "bundle" => Err(Failure::usage("`bundle` takes no arguments")),
        "" => Err(Failure::usage("no command given")),
        "abort" => Err(Failure::usage("`abort` takes no arguments")),
        "test" => Err(Failure::usage("`test` takes no arguments")),
        unknown => Err(Failure::usage(format!("unknown command `{unknown}`"))),
    };

    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(message) = &failure.message {
                eprintln!("xtask: {message}");
            }
            if failure.show_usage {
                eprint!("\n{USAGE}");
            }
            ExitCode::from(failure.code)
        }
    }
}
