//! `holdpoint services`: the runbook's manual operations.

use holdpoint_check::environment::Environment;
use holdpoint_check::words::Service;
use holdpoint_desk::operations;
use holdpoint_desk::view::{RestartOutcome, ServiceState};

use crate::arguments::ServicesCommand;
use crate::failure::Failure;
use crate::manage::resolve;

pub(crate) async fn run(command: ServicesCommand) -> Result<u8, Failure> {
    match command {
        ServicesCommand::Health(of) => {
            let (environment, secrets) = resolve(&of.environment).await?;
            let seen = operations::services(&environment, &secrets).await.map_err(failed)?;
            if let Some(problem) = seen.api_problem {
                return Err(Failure::failed(format!(
                    "{} {} {}",
                    problem.message, problem.why, problem.remedy
                )));
            }
            println!("API: {}", seen.api);
            for one in &seen.services {
                let state = match one.state {
                    ServiceState::Ready => "ready",
                    ServiceState::Slow => "slow",
                    ServiceState::Down => "DOWN",
                    ServiceState::Unknown => "unknown",
                };
                let took = one.answers_ms.map_or(String::new(), |ms| format!("{ms:.0} ms"));
                println!("  {:<12} {state:<8} {took:>8}  {}", one.title, one.detail);
            }
            let well = |state| matches!(state, ServiceState::Ready | ServiceState::Slow);
            Ok(u8::from(!seen.services.iter().all(|one| well(one.state))))
        }
        ServicesCommand::StorageTest(of) => {
            let (environment, secrets) = resolve(&of.environment).await?;
            let test = operations::storage_test(&environment, &secrets).await.map_err(failed)?;
            println!("{}: bucket {}", if test.ok { "passed" } else { "FAILED" }, test.bucket);
            if !test.object.is_empty() {
                println!(
                    "  wrote {} in {:.0} ms, read it in {:.0} ms, content verified: {}",
                    test.object,
                    test.write_ms.unwrap_or_default(),
                    test.read_ms.unwrap_or_default(),
                    test.verified.unwrap_or(false)
                );
            }
            if !test.message.is_empty() {
                println!("  {}", test.message);
            }
            Ok(u8::from(!test.ok))
        }
        ServicesCommand::Logs { service, of, lines } => {
            let (environment, secrets) = resolve(&of.environment).await?;
            for line in operations::logs(&environment, &secrets, service, lines).await.map_err(failed)? {
                println!("{} {}", line.at, line.text);
            }
            Ok(0)
        }
        ServicesCommand::Restart { service, of, yes } => {
            let (environment, secrets) = resolve(&of.environment).await?;
            confirm(&environment, service, yes)?;
            let report = operations::restart(&environment, &secrets, service).await.map_err(failed)?;
            println!("{}", report.message);
            Ok(if report.outcome == RestartOutcome::Proven { 0 } else { 3 })
        }
    }
}

fn confirm(environment: &Environment, service: Service, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{service} of {} would really be restarted; confirm with --yes",
        environment.name
    )))
}

/// What was tried and did not work; what is missing in the configuration is wrong usage.
#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
fn failed(error: holdpoint_desk::DeskError) -> Failure {
    let configuration = ["railway.not_configured", "railway.no_token", "railway.no_service"];
    if configuration.contains(&error.0.code.as_str()) {
        Failure::usage(error.to_string())
    } else {
        Failure::failed(error.to_string())
    }
}
