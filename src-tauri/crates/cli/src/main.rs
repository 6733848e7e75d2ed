//! `holdpoint` in the terminal: the same check as in the window, told in lines.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "the terminal is where this program speaks")]

mod arguments;
mod check;
mod ci;
mod compare;
mod explain;
mod failure;
mod live;
mod load;
mod manage;
mod out;
mod rehearsal;
mod repeat;
mod report;
mod services;
mod signals;
mod signing;

use clap::{CommandFactory as _, Parser as _};

use crate::arguments::{Arguments, Command};
use crate::failure::Failure;

#[tokio::main]
async fn main() -> std::process::ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_env("HOLDPOINT_LOG"))
        .with_writer(std::io::stderr)
        .init();
    let outcome = match Arguments::parse().command {
        Command::Check(options) => repeat::run(&options).await,
        Command::Load(options) => load::run(*options).await,
        Command::Rehearse(options) => rehearsal::keep(options).await,
        Command::Environment(command) => manage::environment(command).await,
        Command::Token(command) => manage::token(command).await,
        Command::Services(command) => services::run(command).await,
        Command::Report(command) => report::run(command).await,
        Command::Signing(command) => signing::run(&command).await,
        Command::Explain { word } => explain::run(word.as_deref()),
        Command::Compare(options) => compare::run(&options),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Arguments::command(), "holdpoint", &mut std::io::stdout());
            Ok(0)
        }
        Command::Man => man(),
    };
    match outcome {
        Ok(code) => std::process::ExitCode::from(code),
        Err(failure) => {
            // It may quote what stands in a file or in an answer.
            let told = failure.to_string();
            out::tell(&format!("holdpoint: {}", holdpoint_foreign::text::lines(&told)));
            std::process::ExitCode::from(failure.code)
        }
    }
}

fn man() -> Result<u8, Failure> {
    clap_mangen::Man::new(Arguments::command())
        .render(&mut std::io::stdout())
        .map_err(|error| Failure::usage(error.to_string()))?;
    Ok(0)
}
