//! `holdpoint check`.

use std::path::{Path, PathBuf};

use holdpoint_check::environment::{Environment, Kind, Secrets};
use holdpoint_check::event::CheckEnding;
use holdpoint_check::parameters::{Gate, Parameters};
use holdpoint_check::plan::{ChaosIntent, Plan};
use holdpoint_check::results::Results;
use holdpoint_check::run::Check;
use holdpoint_check::verdict::{State, Verdict};
use holdpoint_check::words::Suite;
use holdpoint_check::{judge, run, saved};
use holdpoint_compare::Baseline;
use holdpoint_desk::rehearsal::Rehearsal;
use holdpoint_desk::vault::Vault;
use holdpoint_desk::{comparing, planning, saving};
use holdpoint_report::{JSON_FILE, MARKDOWN_FILE};
use tokio::sync::broadcast::error::RecvError;

use crate::arguments::{CheckOptions, RegressionChoice};
use crate::ci;
use crate::failure::Failure;
use crate::live::Live;
use crate::manage;
use crate::out;
use crate::rehearsal::manner;
use crate::signals::Signals;

/// How a check ended.
pub(crate) struct Checked {
    /// The exit code.
    pub(crate) code: u8,
    /// Whether somebody ended it.
    pub(crate) aborted: bool,
}

/// One check; `turn` counts where it is repeated.
pub(crate) async fn run(options: &CheckOptions, turn: Option<u32>) -> Result<Checked, Failure> {
    let suite = suite(options);
    let folder = folder(options.out.as_deref(), turn)?;
    let rehearse =
        options.rehearse || options.profile.is_some() || options.drill.is_some() || options.oddity.is_some();
    let (rehearsal, environment, secrets, profile) = if rehearse {
        let manner = manner(options.profile, options.drill.as_deref(), options.oddity.as_deref());
        let rehearsal = Rehearsal::start(&manner, false).await?;
        let (environment, secrets) = (rehearsal.environment.clone(), rehearsal.secrets.clone());
        (Some(rehearsal), environment, secrets, Some(manner.name().to_owned()))
    } else {
        let name = options.environment.as_deref().unwrap_or("staging");
        let (environment, secrets) = manage::resolve(name).await?;
        (None, environment, secrets, None)
    };
    let outcome = checked(options, turn, suite, environment, secrets, profile, &folder).await;
    if let Some(rehearsal) = rehearsal {
        rehearsal.stop().await;
    }
    outcome
}

fn suite(options: &CheckOptions) -> Suite {
    if options.load_only {
        Suite::Load
    } else if options.chaos_only {
        Suite::Chaos
    } else if options.verify_only {
        Suite::Verify
    } else if options.test.is_empty() {
        Suite::All
    } else {
        Suite::Tests(options.test.clone())
    }
}

/// The folder of this check; one that holds a check already is refused, so that nothing recorded is lost.
fn folder(out: Option<&Path>, turn: Option<u32>) -> Result<PathBuf, Failure> {
    let folder = match out {
        Some(folder) => folder.to_owned(),
        None => {
            let name = chrono::Local::now().format("%Y%m%d-%H%M%S").to_string();
            PathBuf::from("holdpoint-checks").join(name)
        }
    };
    let folder = turn.map_or(folder.clone(), |turn| folder.join(format!("{turn:04}")));
    let cannot = |error: std::io::Error| {
        Failure::usage(format!(
            "the folder {} cannot be used: {error}. Choose another with --out",
            folder.display()
        ))
    };
    std::fs::create_dir_all(&folder).map_err(cannot)?;
    // Said now and not after a check that nobody could save.
    tempfile::NamedTempFile::new_in(&folder).map_err(cannot)?;
    if folder.join(run::JOURNAL_FILE).exists() {
        return Err(Failure::usage(format!(
            "the folder {} holds a check already; choose another with --out",
            folder.display()
        )));
    }
    Ok(folder)
}

async fn checked(
    options: &CheckOptions,
    turn: Option<u32>,
    suite: Suite,
    environment: Environment,
    secrets: Secrets,
    rehearsal_profile: Option<String>,
    folder: &Path,
) -> Result<Checked, Failure> {
    let chaos = if options.simulate_chaos || secrets.railway_token.is_none() {
        ChaosIntent::Simulated
    } else {
        ChaosIntent::Real
    };
    if options.require_real_chaos && chaos == ChaosIntent::Simulated {
        return Err(Failure::usage(
            "real chaos is required and no Railway token is set; set one with `holdpoint token set`",
        ));
    }
    let parameters = gated(options, planning::usual_parameters(&environment))?;
    let confirmed_name = options.confirm.clone();
    let mut plan = Plan { environment, suite, parameters, chaos, rehearsal_profile, confirmed_name };
    consent(options, &mut plan, &secrets).await?;
    let asked = plan.parameters.regression.gate != Gate::Off;
    let signals = Signals::listen()?;
    let check = run::start(plan, &secrets, folder)?;
    let journal_path = check.journal.clone();
    let ended = follow(check, signals, options.events).await;
    if asked {
        let beside = folder.parent().map(comparing::shelf).unwrap_or_default();
        if let Err(error) = comparing::gate("this check", folder, &beside) {
            // The verdict says that it was not compared; why is said here.
            out::tell(&format!("The check was not compared with its baseline: {error}"));
        }
    }
    let results = match saved::results(&journal_path) {
        Ok(results) => results,
        // Why nothing was recorded says more than that nothing was.
        Err(error) => return Err(ended.err().unwrap_or_else(|| Failure::failed(error.to_string()))),
    };
    let verdict = judge::judge(&results);
    let saved = saving::save(folder, &results, &verdict);
    if !options.events {
        say_verdict(&verdict, saved.is_ok().then_some(folder));
    }
    ended?;
    // A verdict nobody can show is none to act on.
    saved.map_err(|error| Failure::failed(error.to_string()))?;
    if options.sign {
        sign(folder, &results, &verdict).await?;
    }
    ci::write(options, turn, &results, &verdict)?;
    let aborted = matches!(results.ending, Some(CheckEnding::Aborted { .. }));
    Ok(Checked { code: verdict.exit_code(), aborted })
}

async fn sign(folder: &Path, results: &Results, verdict: &Verdict) -> Result<(), Failure> {
    let key = Vault::default().signing_key().await?;
    let key = key.ok_or_else(|| {
        Failure::usage("there is no key to sign with; make one with `holdpoint signing create`")
    })?;
    Ok(saving::sign(folder, results, verdict, &key)?)
}

/// The parameters with the comparison that was asked for.
fn gated(options: &CheckOptions, mut parameters: Parameters) -> Result<Parameters, Failure> {
    let regression = &mut parameters.regression;
    if let Some(gate) = options.regression {
        regression.gate = match gate {
            RegressionChoice::Off => Gate::Off,
            RegressionChoice::Warn => Gate::Warn,
            RegressionChoice::Block => Gate::Block,
        };
    }
    if let Some(tolerance) = options.tolerance {
        regression.tolerance_pct = tolerance;
    }
    if let Some(baseline) = &options.baseline {
        baseline.parse::<Baseline>().map_err(Failure::usage)?;
        regression.baseline.clone_from(baseline);
    }
    Ok(parameters)
}

/// Asked for every check and never remembered. The rehearsal's own processes need no consent.
async fn consent(options: &CheckOptions, plan: &mut Plan, secrets: &Secrets) -> Result<(), Failure> {
    let restarts = plan.restarts();
    // A name that was given is compared by the preflight with the one that Railway answers.
    if restarts.is_empty() || plan.environment.kind == Kind::Rehearsal || options.confirm.is_some() {
        return Ok(());
    }
    let names: Vec<&str> = restarts.iter().map(|service| service.name()).collect();
    let question = format!(
        "These {} services of environment {} will really be restarted: {}.",
        names.len(),
        plan.environment.name,
        names.join(", ")
    );
    // What Railway does not answer now is told by the preflight, which then stops the check.
    if let Ok(Some(wanted)) = run::name_to_confirm(plan, secrets).await {
        let project = wanted.project.map_or(String::new(), |project| format!(" of project {project}"));
        let question = format!("{question}\n{}{project}.", wanted.why);
        if !console::user_attended() {
            return Err(Failure::usage(format!(
                "{question}\nIf that is the one that is meant, confirm with --confirm {}",
                wanted.name
            )));
        }
        plan.confirmed_name = Some(typed(&question, "Railway's name of the environment", &wanted.name)?);
        return Ok(());
    }
    if options.confirm_restarts {
        return Ok(());
    }
    if !console::user_attended() {
        return Err(Failure::usage(format!(
            "{question} Confirm with --confirm-restarts, or use --simulate-chaos"
        )));
    }
    typed(&question, "the name of the environment", &plan.environment.name).map(drop)
}

/// Asks a person to type `name`.
fn typed(question: &str, what: &str, name: &str) -> Result<String, Failure> {
    eprintln!("{question}\nType {what} to confirm:");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if answer.trim() == name {
        Ok(name.to_owned())
    } else {
        Err(Failure::usage("not confirmed; nothing was started"))
    }
}

/// Shows events until the check has ended. The first signal aborts it safely; a second one ends the waiting too.
async fn follow(mut check: Check, mut signals: Signals, as_json: bool) -> Result<(), Failure> {
    let mut live = (!as_json).then(Live::new);
    let mut heard = true;
    loop {
        tokio::select! {
            record = check.records.recv() => match record {
                Ok(record) => {
                    if let Some(live) = &mut live {
                        live.see(&record);
                    } else if let Ok(line) = serde_json::to_string(&*record) {
                        heard = heard && out::line(&line);
                    }
                }
                // The journal holds what was missed here.
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => break,
            },
            reason = signals.next() => {
                if check.abort.is_requested() {
                    out::tell("Ending at once: services that were touched are not waited for; the report names them.");
                    check.abort.request_at_once(reason);
                } else {
                    out::tell(
                        "Aborting: load ends now, services that were touched are waited for. Once more ends the waiting.",
                    );
                    check.abort.request(reason);
                }
            }
        }
    }
    match check.done.await {
        Ok(written) => written.map_err(|error| Failure::failed(error.to_string())),
        Err(error) => Err(Failure::failed(format!("the check ended with a defect of Holdpoint: {error}"))),
    }
}

/// The verdict with its criteria and findings; without a folder there are no files to point to.
fn say_verdict(verdict: &Verdict, folder: Option<&Path>) {
    let mut lines =
        vec![String::new(), format!("Verdict: {}", verdict.headline), verdict.because.clone(), String::new()];
    for row in &verdict.criteria {
        let mark = match row.state {
            State::Met => "  met        ",
            State::Broken => "  NOT MET    ",
            State::Unproven => "  not proven ",
            State::Simulated => "  simulated  ",
            State::Waived => "  waived     ",
        };
        let test = row.test.map_or(String::new(), |test| format!("{test}: "));
        let bound = row.bound.as_deref().map_or(String::new(), |bound| format!(" [95 %: {bound}]"));
        lines.push(format!("{mark} {test}{} — {} (limit {}){bound}", row.title, row.measured, row.limit));
    }
    for (number, finding) in (1..).zip(&verdict.findings) {
        lines.push(String::new());
        lines.push(format!("{number}. {}", finding.title));
        lines.push(format!("   What happened: {}", finding.happened));
        if !finding.likely_cause.is_empty() {
            lines.push(format!("   Likely cause:  {}", finding.likely_cause));
        }
        lines.push(format!("   Do next:       {}", finding.next_action));
        for witness in &finding.witness {
            lines.push(format!("   Witness:       {} {}: {}", witness.what, witness.id, witness.shows));
        }
        for logged in &finding.logged {
            println!("   Logged then:   {logged}");
        }
    }
    lines.extend(verdict.unchecked.iter().map(|one| format!("Not checked: {one}")));
    if let Some(folder) = folder {
        lines.push(String::new());
        lines.push(format!("Report: {}", folder.join(MARKDOWN_FILE).display()));
        lines.push(format!("Results: {}", folder.join(JSON_FILE).display()));
    }
    out::line(&lines.join("\n"));
}
