//! `holdpoint load`.

mod fleet;
mod options;
mod permission;
mod words;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Instant;

use clap::Args;
use holdpoint_check::environment::Environment;
use holdpoint_check::run;
use holdpoint_desk::capacity::{Operations, place};
use holdpoint_load::http::{HttpLanes, Target};
use holdpoint_load::{
    Capacity, Control, FitnessLimits, Found, Job, Lanes, Measured, Order, Seen, State, Threshold, Wanted,
    measure,
};
use holdpoint_report::capacity;
use tokio_util::sync::CancellationToken;

pub(crate) use options::LoadOptions;

use crate::failure::Failure;
use crate::manage;
use fleet::{Engine, FleetAction};
use words::Progress;

/// Every threshold holds in what was measured, and that was too little to tell.
const TOO_FEW: u8 = 4;

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct LoadCommand {
    #[command(subcommand)]
    action: Option<FleetAction>,
    #[command(flatten)]
    options: LoadOptions,
}

pub(crate) async fn run(command: LoadCommand) -> Result<u8, Failure> {
    match command.action {
        Some(action) => fleet::act(action).await,
        None if command.options.fleet.engine == Engine::Locust => fleet::run(&command.options).await,
        None => alone(command.options).await,
    }
}

/// By this computer's own engine.
async fn alone(options: LoadOptions) -> Result<u8, Failure> {
    options.fleet.refuse_alone()?;
    let thresholds = thresholds(&options.threshold)?;
    if options.find_limit && thresholds.is_empty() {
        return Err(Failure::usage("--find-limit needs at least one --threshold that can break"));
    }
    let wanted = options.wanted()?;
    if options.operation.is_empty() {
        let environment = permission::check(&options)?;
        let target = Target::new(&options.url, options.http()?)?;
        let kinds = target.names().to_vec();
        check_kinds(&thresholds, &kinds)?;
        let origin = options.url.first().map(place::shown).unwrap_or_default();
        let asked = asked(environment.as_ref(), origin, kinds, wanted, &options.threshold);
        let _held = environment.as_ref().map(hold).transpose()?;
        return measured(&options, asked, &HttpLanes::new(target), &thresholds).await;
    }
    let name = options.environment.as_deref().ok_or_else(|| {
        Failure::usage("an --operation goes to a named environment; name it with --environment")
    })?;
    if options.threads != 1 {
        return Err(Failure::usage("an --operation is sent by one thread; leave out --threads"));
    }
    let kinds: Vec<String> = options.operation.iter().map(|one| one.name().to_owned()).collect();
    check_kinds(&thresholds, &kinds)?;
    let (environment, secrets) = manage::resolve(name).await?;
    let held = hold(&environment)?;
    let never = CancellationToken::new();
    let operations = Operations::prepare(&options.operation, &environment, &secrets, &never)
        .await
        .map_err(|error| Failure::failed(error.to_string()))?;
    let asked =
        asked(Some(&environment), place::shown(&environment.api_url), kinds, wanted, &options.threshold);
    let outcome = measured(&options, asked, &operations, &thresholds).await;
    held.remember(operations.client());
    if let Some(left) = operations.clean_up().await {
        eprintln!("holdpoint: {left}");
    }
    outcome
}

fn hold(environment: &Environment) -> Result<run::Held, Failure> {
    let id = format!("load-{}", std::process::id());
    run::hold(environment, &id).map_err(|error| Failure::failed(error.to_string()))
}

fn check_kinds(thresholds: &[Threshold], kinds: &[String]) -> Result<(), Failure> {
    Ok(thresholds.iter().try_for_each(|threshold| threshold.check(kinds))?)
}

/// The document of a load that is about to be sent.
fn asked(
    environment: Option<&Environment>,
    origin: String,
    kinds: Vec<String>,
    wanted: Wanted,
    thresholds: &[String],
) -> Capacity {
    let environment = environment.map(|environment| environment.name.clone());
    let thresholds = thresholds.iter().map(|text| text.trim().to_owned()).collect();
    Capacity::asked(environment, origin, kinds, wanted, thresholds)
}

async fn measured<L: Lanes>(
    options: &LoadOptions,
    asked: Capacity,
    lanes: &L,
    thresholds: &[Threshold],
) -> Result<u8, Failure> {
    // Said now and not after a load that nobody could save.
    let json = options.json.as_deref().map(create).transpose()?;
    let log = options.hdr_log.as_deref().map(create).transpose()?;
    eprintln!("Load: {}, {}", asked.kinds.join(", "), capacity::wanted(&asked.wanted));
    let began = Instant::now();
    let mut measured = send(&asked, lanes, thresholds, log).await?;
    if let Some(path) = options.hdr_log.as_deref().filter(|_| !measured.log.is_empty()) {
        keep(create(path)?, path, &measured.log)?;
        measured.log.clear();
    }
    let took_s = began.elapsed().as_secs_f64();
    told(&asked.with(measured, took_s), json, options.json.as_deref(), options.hdr_log.as_deref())
}

/// Tells what a load came to, keeps it where that is wanted, and answers with the exit code.
fn told(
    done: &Capacity,
    json: Option<BufWriter<File>>,
    json_path: Option<&Path>,
    log_path: Option<&Path>,
) -> Result<u8, Failure> {
    words::capacity(done);
    if let (Some(file), Some(path)) = (json, json_path) {
        keep(file, path, capacity::to_json(done).as_bytes())?;
    }
    let problem = done.result.as_ref().and_then(|result| result.log_problem.clone());
    if let (Some(problem), Some(path)) = (problem, log_path) {
        return Err(Failure::failed(format!("{} is not whole: {problem}", path.display())));
    }
    Ok(exit_code(done))
}

fn exit_code(done: &Capacity) -> u8 {
    match &done.limit {
        None => match done.judgement.as_ref().map(|judgement| judgement.state) {
            Some(State::Met) => 0,
            Some(State::NotMet) => 1,
            Some(State::TooFew) => TOO_FEW,
            Some(State::NotProven) | None => 3,
        },
        Some(limit) => match limit.found {
            Found::Knee | Found::HigherThanTried => 0,
            Found::LowerThanTried => 1,
            Found::TooFew => TOO_FEW,
            Found::NotProven | Found::Aborted => 3,
        },
    }
}

fn thresholds(texts: &[String]) -> Result<Vec<Threshold>, Failure> {
    Ok(texts.iter().map(|text| text.parse()).collect::<Result<_, _>>()?)
}

fn create(path: &Path) -> Result<BufWriter<File>, Failure> {
    File::create(path)
        .map(BufWriter::new)
        .map_err(|error| Failure::usage(format!("{} cannot be written: {error}", path.display())))
}

fn keep(mut file: BufWriter<File>, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let written = file.write_all(bytes).and_then(|()| file.flush());
    written.map_err(|error| Failure::failed(format!("{} could not be written: {error}", path.display())))
}

/// Sends what is wanted to its end. Ctrl-C lets what is in flight end, a second one gives it up.
async fn send<L: Lanes>(
    asked: &Capacity,
    lanes: &L,
    thresholds: &[Threshold],
    log: Option<BufWriter<File>>,
) -> Result<Measured, Failure> {
    let control = Control::default();
    let mut progress = Progress::default();
    let see = |seen: Seen<'_>| match seen {
        Seen::Started(plan) => progress.begin(plan.duration()),
        Seen::Live(live) => progress.see(live),
        Seen::Tried(step) => {
            progress.end();
            words::step(step);
        }
    };
    // The log of a search is known when it is over.
    let log = log.filter(|_| matches!(asked.wanted, Wanted::Load(_)));
    let log = log.map(|file| Box::new(file) as Box<dyn std::io::Write + Send>);
    let limits = FitnessLimits::default();
    let job = Job { wanted: &asked.wanted, kinds: &asked.kinds, lanes, thresholds, limits };
    let measuring = measure(job, log, &control, see);
    tokio::pin!(measuring);
    let measured = loop {
        tokio::select! {
            measured = &mut measuring => break measured,
            _ = tokio::signal::ctrl_c() => interrupt(&control),
        }
    };
    Ok(measured?)
}

fn interrupt(control: &Control) {
    if control.now() == Order::Drain {
        eprintln!("Given up: what is in flight is abandoned.");
        control.give(Order::Abort);
    } else {
        eprintln!("Ending: nothing more is sent, what is in flight is waited for. Ctrl-C again gives it up.");
        control.give(Order::Drain);
    }
}
