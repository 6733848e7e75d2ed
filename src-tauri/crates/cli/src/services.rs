//! `holdpoint services`: the runbook's manual operations.

use std::path::Path;

use holdpoint_check::environment::Environment;
use holdpoint_check::words::Service;
use holdpoint_check::{fold, journal, run};
use holdpoint_desk::view::{RecoveryState, RestartOutcome, ServiceState};
use holdpoint_desk::{by_hand, operations, recovery};

use crate::arguments::{Consent, ServicesCommand};
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
        ServicesCommand::Restart { service, of, consent } => {
            let (environment, secrets) = resolve(&of.environment).await?;
            admit(&environment, service, &consent, "restarted")?;
            let typed = consent.confirm.as_deref();
            let report = by_hand::restart(&environment, &secrets, service, typed).await.map_err(failed)?;
            println!("{}", report.message);
            if report.outcome == RestartOutcome::NotSeen {
                println!(
                    "If it stays away: holdpoint services redeploy {service} --environment {} --yes",
                    of.environment
                );
            }
            Ok(if report.outcome == RestartOutcome::Proven { 0 } else { 3 })
        }
        ServicesCommand::Redeploy { service, of, consent } => {
            let (environment, secrets) = resolve(&of.environment).await?;
            admit(&environment, service, &consent, "redeployed")?;
            let typed = consent.confirm.as_deref();
            let report = by_hand::redeploy(&environment, &secrets, service, typed).await.map_err(failed)?;
            println!("{}", report.message);
            Ok(if report.outcome == RestartOutcome::Proven { 0 } else { 3 })
        }
        ServicesCommand::Recovered { check, environment } => recovered(&check, environment).await,
    }
}

/// Looks at what an ended or cut-off check has left. 0 where everything is back, 3 where something is away.
async fn recovered(check: &Path, environment: Option<String>) -> Result<u8, Failure> {
    let path = if check.is_dir() { check.join(run::JOURNAL_FILE) } else { check.to_owned() };
    let results = fold::fold(&journal::read(&path)?)?;
    if recovery::open_faults(&results).is_empty() {
        println!("Every restart of this check is on record with its end; nothing was left open.");
        return Ok(0);
    }
    let name = environment.unwrap_or_else(|| results.plan.environment.name.clone());
    let (environment, secrets) = resolve(&name).await?;
    let found = recovery::verify(&results, &environment, &secrets).await.map_err(failed)?;
    for one in &found {
        println!("{}: {}", one.test, one.message);
        let known = |identity: &Option<String>| identity.clone().unwrap_or_else(|| "not known".into());
        println!("    before: {}, now: {}", known(&one.before), known(&one.now));
        println!("    {}", one.next);
    }
    println!("The journal was not touched: the check says what it saw.");
    let away = found.iter().any(|one| one.state == RecoveryState::Away);
    Ok(if away { 3 } else { 0 })
}

fn admit(environment: &Environment, service: Service, consent: &Consent, what: &str) -> Result<(), Failure> {
    if consent.yes {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{service} of {} would really be {what}; confirm with --yes",
        environment.name
    )))
}

/// What was tried and did not work; what is missing in the configuration is wrong usage.
#[expect(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
fn failed(error: holdpoint_desk::DeskError) -> Failure {
    let configuration = [
        "railway.not_configured",
        "railway.no_token",
        "railway.no_service",
        "railway.not_confirmed",
        "recovery.other_environment",
    ];
    if configuration.contains(&error.0.code.as_str()) {
        Failure::usage(error.to_string())
    } else {
        Failure::failed(error.to_string())
    }
}
