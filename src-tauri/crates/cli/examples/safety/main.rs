//! The long forms of what the tests try in a bounded form: `safety crash [N]`, `safety abort`, `safety soak [MINUTES]`.
//! Each prints a table and ends with failure where anything did not hold.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks to the terminal")]
#![allow(clippy::unwrap_used, reason = "what is shared with the tests fails as they do")]

mod abort;
mod crash;
#[path = "../../tests/support/rig.rs"]
mod rig;
mod soak;

use std::process::{Command, ExitCode};

type Failure = Box<dyn std::error::Error>;

const USAGE: &str = "safety crash [N] | safety abort | safety soak [MINUTES]";

#[tokio::main]
async fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["crash"] => crash::run(200),
        ["crash", number] => number.parse().map_err(Failure::from).and_then(crash::run),
        ["abort"] => abort::run(),
        ["soak"] => soak::run(60.0).await,
        ["soak", minutes] => match minutes.parse() {
            Ok(minutes) => soak::run(minutes).await,
            Err(error) => Err(error.into()),
        },
        _ => Err(USAGE.into()),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("safety: {error}");
            ExitCode::from(2)
        }
    }
}

/// The programs lie where this one does.
fn programs() -> Result<rig::Programs, Failure> {
    let here = std::env::current_exe()?;
    let folder = here.ancestors().nth(2).ok_or("this program lies nowhere")?;
    let program = |name: &str| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    Ok(rig::Programs { holdpoint: program("holdpoint"), rehearsal: program("holdpoint-rehearsal") })
}

fn signal(which: &str, pid: &str) {
    // A process that has ended already cannot be signalled, and is looked at all the same.
    let _ = Command::new("sh").args(["-c", &format!("kill {which} {pid} 2>/dev/null")]).status();
}
