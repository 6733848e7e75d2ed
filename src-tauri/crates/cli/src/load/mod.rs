//! `holdpoint load`.

mod fleet;
mod operation;
mod options;
mod permission;
mod runbook;
mod words;

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::Duration;

use holdpoint_load::http::{HttpLanes, Target};
use holdpoint_load::plan::{Arrivals, Model, Plan, Stage};
use holdpoint_load::{
    FitnessLimits, Found, Judgement, Lanes, Limit, LoadResult, Order, Orders, Search, State, Threshold, find,
    judge, start,
};
use serde_json::json;

use clap::Args;

pub(crate) use options::LoadOptions;

use crate::failure::Failure;
use fleet::{Engine, FleetAction};
use operation::Operations;
use words::Progress;

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
    if !options.find_limit {
        options.plan()?;
    }
    if options.operation.is_empty() {
        permission::check(&options)?;
        let target = Target::new(&options.url, options.http()?)?;
        let kinds = target.names().to_vec();
        return measured(&options, &kinds, &HttpLanes::new(target), &thresholds).await;
    }
    let environment = options.environment.as_deref().ok_or_else(|| {
        Failure::usage("an --operation goes to a named environment; name it with --environment")
    })?;
    if options.threads != 1 {
        return Err(Failure::usage("an --operation is sent by one thread; leave out --threads"));
    }
    let kinds: Vec<String> = options.operation.iter().map(|one| one.name()).collect();
    let operations = Operations::prepare(&options.operation, environment).await?;
    let outcome = measured(&options, &kinds, &operations, &thresholds).await;
    operations.clean_up().await;
    outcome
}

async fn measured<L: Lanes>(
    options: &LoadOptions,
    kinds: &[String],
    lanes: &L,
    thresholds: &[Threshold],
) -> Result<u8, Failure> {
    let limits = FitnessLimits::default();
    // Said now and not after a load that nobody could save.
    let json = options.json.as_deref().map(create).transpose()?;
    let log = options.hdr_log.as_deref().map(create).transpose()?;
    if options.find_limit {
        let limit = search(options, kinds, lanes, thresholds, &limits)?;
        words::limit(&limit);
        write_json(json, options.json.as_deref(), &json!({ "holdpoint_load": 1, "limit": limit }))?;
        return Ok(match limit.found {
            Found::Knee | Found::HigherThanTried => 0,
            Found::LowerThanTried => 1,
            Found::NotProven | Found::Aborted => 3,
        });
    }
    let plan = options.plan()?;
    let log = log.map(|file| Box::new(file) as Box<dyn std::io::Write + Send>);
    eprintln!("Load: {}, {}", kinds.join(", "), words::model(&plan.model));
    let result = send(plan, kinds, lanes, log).await?;
    let judgement = judge(&result, thresholds, &limits);
    words::result(&result);
    words::generator(&result.generator);
    words::judgement(&judgement);
    let value = json!({ "holdpoint_load": 1, "result": result, "judgement": judgement });
    write_json(json, options.json.as_deref(), &value)?;
    if let (Some(problem), Some(path)) = (&result.log_problem, &options.hdr_log) {
        return Err(Failure::failed(format!("{} is not whole: {problem}", path.display())));
    }
    Ok(exit_code(&judgement))
}

fn exit_code(judgement: &Judgement) -> u8 {
    match judgement.state {
        State::Met => 0,
        State::NotMet => 1,
        State::NotProven => 3,
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

fn write_json(
    file: Option<BufWriter<File>>,
    path: Option<&Path>,
    value: &serde_json::Value,
) -> Result<(), Failure> {
    let (Some(mut file), Some(path)) = (file, path) else { return Ok(()) };
    let written = serde_json::to_writer_pretty(&mut file, value)
        .map_err(std::io::Error::from)
        .and_then(|()| file.flush());
    written.map_err(|error| Failure::failed(format!("{} could not be written: {error}", path.display())))
}

/// Sends one load to its end. Ctrl-C lets what is in flight end, a second one gives it up.
async fn send<L: Lanes>(
    plan: Plan,
    kinds: &[String],
    lanes: &L,
    log: Option<Box<dyn std::io::Write + Send>>,
) -> Result<LoadResult, Failure> {
    let mut progress = Progress::new(plan.duration());
    let running = start(plan, kinds.to_vec(), lanes, log)?;
    let mut live = running.live.clone();
    let orders = running.orders.clone();
    let joined = tokio::task::spawn_blocking(move || running.join());
    loop {
        tokio::select! {
            changed = live.changed() => {
                if changed.is_err() {
                    break;
                }
                progress.see(&live.borrow_and_update());
            }
            _ = tokio::signal::ctrl_c() => interrupt(&orders),
        }
    }
    progress.end();
    joined
        .await
        .map_err(|error| Failure::failed(format!("the load ended with a defect of Holdpoint: {error}")))
}

fn interrupt(orders: &Orders) {
    if orders.now() == Order::Drain {
        eprintln!("Given up: what is in flight is abandoned.");
        orders.give(Order::Abort);
    } else {
        eprintln!("Ending: nothing more is sent, what is in flight is waited for. Ctrl-C again gives it up.");
        orders.give(Order::Drain);
    }
}

/// Tries one rate after the other; between two the target has as long to recover as a step takes to drain.
fn search<L: Lanes>(
    options: &LoadOptions,
    kinds: &[String],
    lanes: &L,
    thresholds: &[Threshold],
    limits: &FitnessLimits,
) -> Result<Limit, Failure> {
    let search = Search {
        from: options.rate.unwrap_or(10.0),
        up_to: options.up_to,
        precision: options.precision / 100.0,
        steps: 60,
    };
    let duration = options.duration.unwrap_or(Duration::from_secs(10));
    let handle = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        find(&search, |rate| {
            let arrivals = options.poisson.map_or(Arrivals::Constant, |seed| Arrivals::Poisson { seed });
            let stages = vec![Stage::steady(rate, duration)];
            let plan = options.bounded(Plan::new(Model::Open { arrivals, stages }));
            let result = handle.block_on(send(plan, kinds, lanes, None))?;
            if result.ending != holdpoint_load::LoadEnding::Completed {
                return Ok(None);
            }
            let judgement = judge(&result, thresholds, limits);
            words::step(rate, &result, &judgement);
            Ok(Some(judgement))
        })
    })
}
