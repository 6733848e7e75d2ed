//! The rehearsal: a stand-in of AgentVerse staging on Railway that any computer can start offline.
//!
//! Every service is an operating system process of its own, really killed and really restarted. State lives in a
//! folder that goes when the rehearsal goes. Each process ends when its standard input ends, so nothing outlives the
//! one that started it, however that one dies.

mod api;
mod clients;
mod config;
mod drills;
mod edge;
mod leftovers;
mod minio;
mod oddities;
mod ports;
mod postgres;
mod railway;
mod redis;
mod supervisor;
mod telemetry;
mod unrest;
mod worker;

use std::io::Write as _;

use clap::{Parser, Subcommand};

use crate::config::{Options, Role, Setup};

#[derive(Parser)]
#[command(name = "holdpoint-rehearsal", version, about = "The built-in stand-in of a staging environment")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Starts the whole environment and prints its environment file on one line when it is ready
    Up(Options),
    /// Lists the rehearsals that are offered for training, as JSON
    Drills,
    /// Lists the oddities that its Railway can have, as JSON
    Oddities,
    /// Runs one service; the supervisor starts these
    #[command(hide = true)]
    Role {
        /// Which
        role: Role,
    },
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Up(options) => supervisor::up(options).await,
        Command::Drills => {
            let _ = writeln!(std::io::stdout(), "{}", drills::catalogue());
            Ok(())
        }
        Command::Oddities => {
            let _ = writeln!(std::io::stdout(), "{}", oddities::catalogue());
            Ok(())
        }
        Command::Role { role } => run_role(role).await,
    };
    if let Err(error) = outcome {
        config::say(&format!("rehearsal: {error}"));
        std::process::exit(1);
    }
    // A read of standard input cannot be cancelled and would keep the runtime waiting.
    std::process::exit(0);
}

async fn run_role(role: Role) -> config::Outcome {
    let (setup, stdin_ended) = Setup::from_stdin().await?;
    let serving = async {
        match role {
            Role::Api => api::serve(setup).await,
            Role::Worker => worker::serve(setup).await,
            Role::Postgres => postgres::serve(setup).await,
            Role::Redis => redis::serve(setup).await,
            Role::Minio => minio::serve(setup).await,
            Role::Web => edge::serve_web(setup).await,
        }
    };
    tokio::select! {
        outcome = serving => outcome,
        // Whoever started this process is gone.
        _ = stdin_ended => Ok(()),
    }
}
