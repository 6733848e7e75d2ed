//! `holdpoint load --engine locust`, and `holdpoint load export`, `join` and `judge`.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, Subcommand, ValueEnum};
use holdpoint_check::run::Held;
use holdpoint_check::words::TestId;
use holdpoint_desk::capacity::fleet::{self, Prepared, Work};
use holdpoint_desk::capacity::place;
use holdpoint_load::{Capacity, Live, Order, Wanted};
use holdpoint_locust::{FleetPlan, Gathered, Master, Package, Secrets, Sending, Sinks, Venv, k6, send_here};
use holdpoint_report::capacity;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::words::Progress;
use super::{LoadOptions, asked, check_kinds, create, hold, permission, thresholds};
use crate::failure::Failure;
use crate::manage;

/// Who sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Engine {
    /// This program
    #[default]
    Own,
    /// Workers of Locust; on this computer, or see `holdpoint load export` and `join`
    Locust,
}

#[derive(Args, Debug)]
pub(crate) struct FleetOptions {
    /// Who sends: this program, or workers of Locust that it starts here
    #[arg(long, value_enum, default_value = "own")]
    pub(crate) engine: Engine,
    /// Workers of Locust on this computer
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) workers: u32,
    /// L1, L2 or L3 of the runbook as a load of Locust, with its criteria, on --environment
    #[arg(long, value_name = "TEST", conflicts_with_all = ["url", "operation"])]
    pub(crate) test: Option<TestId>,
    /// Keep the package, the evidence and what the processes said in this folder
    #[arg(long, value_name = "FOLDER")]
    pub(crate) keep: Option<PathBuf>,
    /// Write what became of every operation into this folder, one file a worker
    #[arg(long, value_name = "FOLDER")]
    pub(crate) ledger: Option<PathBuf>,
}

impl FleetOptions {
    /// What only Locust can.
    pub(crate) fn refuse_alone(&self) -> Result<(), Failure> {
        if self.test.is_some() {
            return Err(Failure::usage(
                "--test is a load of --engine locust; on this computer alone holdpoint check --test does more",
            ));
        }
        if self.keep.is_some() || self.ledger.is_some() {
            return Err(Failure::usage("--keep and --ledger belong to --engine locust"));
        }
        Ok(())
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum FleetAction {
    /// Write the load down for somebody else to send: a package for Locust, or a script for k6
    Export(Box<ExportOptions>),
    /// Start the load of a package on a master of Locust that runs, fetch what came of it, and judge it
    Join(JoinOptions),
    /// Judge the evidence that a master of Locust left
    Judge(JudgeOptions),
}

#[derive(Args, Debug)]
pub(crate) struct ExportOptions {
    /// A script for k6, with the same arrivals and criteria. What k6 makes of it is not judged by Holdpoint
    #[arg(long, value_name = "FILE", required_unless_present = "locust")]
    k6: Option<PathBuf>,
    /// A package for Locust, into a new folder; `holdpoint load join` and `judge` take it from there
    #[arg(long, value_name = "FOLDER")]
    locust: Option<PathBuf>,
    #[command(flatten)]
    load: LoadOptions,
}

#[derive(Args, Debug)]
pub(crate) struct JoinOptions {
    /// The folder of the package that the master was started from
    package: PathBuf,
    /// The address of the master's page
    master: Url,
    /// A file of headers for the master, one a line, where a login stands before it
    #[arg(long, value_name = "FILE")]
    master_header_file: Option<PathBuf>,
    /// Keep the evidence in this file
    #[arg(long, value_name = "FILE")]
    evidence: Option<PathBuf>,
    #[command(flatten)]
    judging: JudgingOptions,
}

#[derive(Args, Debug)]
pub(crate) struct JudgeOptions {
    /// The folder of the package
    package: PathBuf,
    /// The file of evidence
    evidence: PathBuf,
    #[command(flatten)]
    judging: JudgingOptions,
}

/// How a load of somebody else is judged, and where what was recorded goes.
#[derive(Args, Clone, Debug)]
pub(crate) struct JudgingOptions {
    /// A criterion: p95<500ms, p99.9<2s, max<5s, failures<1%, failures<=0, rate>480; may be given several times
    #[arg(long, value_name = "CRITERION")]
    threshold: Vec<String>,
    /// Write everything that was recorded as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write latencies second by second in the log format of HdrHistogram
    #[arg(long, value_name = "FILE")]
    hdr_log: Option<PathBuf>,
    /// Write what became of every operation into this folder, one file a worker
    #[arg(long, value_name = "FOLDER")]
    ledger: Option<PathBuf>,
}

/// A load as it was typed, ready to be given to workers.
struct Typed {
    prepared: Prepared,
    /// The document of it.
    asked: Capacity,
    /// What of a test of the runbook is not in it.
    not_here: Option<&'static str>,
    /// The environment, which gets nothing else meanwhile.
    held: Option<Held>,
}

pub(crate) async fn act(action: FleetAction) -> Result<u8, Failure> {
    match action {
        FleetAction::Export(options) => export(&options),
        FleetAction::Join(options) => join(options).await,
        FleetAction::Judge(options) => {
            let package = Package::open(&options.package)?;
            let asked = of_package(&package, &options.judging)?;
            let gathered = gathered(&package, &options.evidence, &options.judging)?;
            told(asked, gathered, None, &options.judging)
        }
    }
}

/// Sends a load by workers on this computer.
pub(crate) async fn run(options: &LoadOptions) -> Result<u8, Failure> {
    if options.find_limit {
        return Err(Failure::usage(
            "--find-limit is for this computer's own engine; leave out --engine locust",
        ));
    }
    let judging = JudgingOptions {
        threshold: options.threshold.clone(),
        json: options.json.clone(),
        hdr_log: options.hdr_log.clone(),
        ledger: options.fleet.ledger.clone(),
    };
    let typed = prepare(options).await?;
    let outcome = sent(options, &typed, &judging).await;
    if let Some(operations) = &typed.prepared.operations {
        if let Some(held) = &typed.held {
            held.remember(operations.client());
        }
        if let Some(left) = operations.clean_up().await {
            eprintln!("holdpoint: {left}");
        }
    }
    outcome
}

async fn sent(options: &LoadOptions, typed: &Typed, judging: &JudgingOptions) -> Result<u8, Failure> {
    let Typed { prepared, asked, .. } = typed;
    let throwaway;
    let folder = match &options.fleet.keep {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            folder.as_path()
        }
        None => {
            throwaway = tempfile::tempdir()?;
            throwaway.path()
        }
    };
    eprintln!(
        "Load: {}, {}, by {} workers of Locust",
        asked.kinds.join(", "),
        capacity::wanted(&asked.wanted),
        options.fleet.workers
    );
    if let Some(not_here) = typed.not_here {
        eprintln!("  Not in this load, and only in a check: {not_here}");
    }
    let sending = Sending {
        plan: &prepared.plan,
        secrets: &prepared.secrets,
        workers: options.fleet.workers,
        folder,
        authorities: options.authorities.as_deref(),
        cache: Venv::usual_folder()?,
    };
    let began = Instant::now();
    let (package, evidence) = watched(&prepared.plan, async |orders, see| {
        send_here(sending, |text| eprintln!("{text}"), orders, see).await.map_err(failed)
    })
    .await?;
    let took_s = began.elapsed().as_secs_f64();
    let mut gathered = gathered(&package, &evidence, judging)?;
    prepared.settle(&mut gathered, options.fleet.workers).await;
    let code = told(asked.clone(), gathered, Some(took_s), judging)?;
    if options.fleet.keep.is_some() {
        eprintln!("  Package, evidence and logs are in {}", folder.display());
    }
    Ok(code)
}

/// Shows how far a load is while it is sent, and hands on what Ctrl-C wants.
async fn watched<T>(
    plan: &FleetPlan,
    send: impl AsyncFnOnce(watch::Receiver<Order>, &mut dyn FnMut(&Live)) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let (give, orders) = watch::channel(Order::Run);
    let mut progress = Progress::default();
    progress.begin(plan.load.duration());
    let mut see = |live: &Live| progress.see(live);
    let sent = {
        let running = send(orders, &mut see);
        tokio::pin!(running);
        loop {
            tokio::select! {
                ended = &mut running => break ended,
                _ = tokio::signal::ctrl_c() => interrupt(&give),
            }
        }
    };
    progress.end();
    sent
}

fn interrupt(give: &watch::Sender<Order>) {
    let again = *give.borrow() == Order::Drain;
    if again {
        eprintln!("Given up: what is in flight is abandoned.");
    } else {
        eprintln!("Ending: nothing more is sent, what is in flight is waited for. Ctrl-C again gives it up.");
    }
    give.send_replace(if again { Order::Abort } else { Order::Drain });
}

/// What was tried and did not work.
#[allow(clippy::needless_pass_by_value, reason = "as `map_err` hands it over")]
fn failed(error: impl std::error::Error) -> Failure {
    Failure::failed(error.to_string())
}

async fn prepare(options: &LoadOptions) -> Result<Typed, Failure> {
    if options.operation.is_empty() && options.fleet.test.is_none() {
        fleet::check_workers(options.fleet.workers, None).map_err(Failure::usage)?;
        let environment = permission::check(options)?;
        let mut secrets = Secrets::default();
        let plan = of_urls(options, &mut secrets)?;
        let origin = options.url.first().map(place::shown).unwrap_or_default();
        let wanted = Wanted::Load(plan.load.clone());
        let asked = asked(environment.as_ref(), origin, plan.kinds(), wanted, &options.threshold);
        check_kinds(&thresholds(&options.threshold)?, &asked.kinds)?;
        let held = environment.as_ref().map(hold).transpose()?;
        let prepared = Prepared { plan, secrets, operations: None };
        return Ok(Typed { prepared, asked, not_here: None, held });
    }
    let name = options.environment.as_deref().ok_or_else(|| {
        Failure::usage("an --operation or a --test goes to a named environment; name it with --environment")
    })?;
    let mut words = options.threshold.clone();
    // Wrong usage is said before anything is made.
    thresholds(&words)?;
    let (environment, known) = manage::resolve(name).await?;
    let mut not_here = None;
    let (work, load) = if let Some(id) = options.fleet.test {
        let test = fleet::test(id, &environment.parameters).ok_or_else(|| {
            Failure::usage(format!(
                "{id} is no load; `holdpoint check --test {id}` runs it, and --test takes L1, L2 or L3 here"
            ))
        })?;
        words.extend(test.thresholds);
        not_here = Some(test.not_here);
        (test.work, options.bounded(Wanted::Load(test.plan))?)
    } else {
        (Work::operations(&options.operation), options.wanted()?)
    };
    fleet::check_workers(options.fleet.workers, Some(&work)).map_err(Failure::usage)?;
    work.check(&known)?;
    let kinds = work.kinds();
    check_kinds(&thresholds(&words)?, &kinds)?;
    let http = options.http()?;
    let held = hold(&environment)?;
    let never = CancellationToken::new();
    let prepared = work.prepare(load.plan(), &http, &environment, &known, &never).await.map_err(failed)?;
    let asked = asked(Some(&environment), place::shown(&environment.api_url), kinds, load, &words);
    Ok(Typed { prepared, asked, not_here, held: Some(held) })
}

fn of_urls(options: &LoadOptions, secrets: &mut Secrets) -> Result<FleetPlan, Failure> {
    let wanted = options.wanted()?;
    let http = options.http()?;
    let mut plan =
        FleetPlan::of_urls(wanted.plan().clone(), &options.url, &http, options.header.len(), secrets)?;
    plan.ledger = options.fleet.ledger.is_some();
    plan.check()?;
    Ok(plan)
}

fn export(options: &ExportOptions) -> Result<u8, Failure> {
    let load = &options.load;
    if load.find_limit {
        return Err(Failure::usage("a search for the limit is not written down; leave out --find-limit"));
    }
    if !load.operation.is_empty() || load.fleet.test.is_some() {
        return Err(Failure::usage(
            "operations and tests of the API need a project that is made for them and removed afterwards, so they are not \
             exported; --engine locust runs them, and --keep leaves their package",
        ));
    }
    permission::check(load)?;
    let thresholds = thresholds(&load.threshold)?;
    let mut secrets = Secrets::default();
    let plan = of_urls(load, &mut secrets)?;
    if let Some(file) = &options.k6 {
        let script = k6::script(&plan, &thresholds)?;
        std::fs::write(file, script)
            .map_err(|error| Failure::usage(format!("{} cannot be written: {error}", file.display())))?;
        println!("{}: run it with k6. What k6 makes of it is not judged by Holdpoint.", file.display());
    }
    if let Some(folder) = &options.locust {
        let package = Package::write(folder, &plan, load.authorities.as_deref())?;
        println!("{}: a package for Locust, plan {}", folder.display(), package.digest());
        println!(
            "  README.txt in it tells how to run it. Afterwards: holdpoint load join, or holdpoint load judge."
        );
    }
    for (name, _) in secrets.variables() {
        println!("  Its workers need {name}, a header of yours that is secret and not in it");
    }
    Ok(0)
}

async fn join(options: JoinOptions) -> Result<u8, Failure> {
    let package = Package::open(&options.package)?;
    let asked = of_package(&package, &options.judging)?;
    let headers = options.master_header_file.as_deref().map(super::options::headers).transpose()?;
    let master = Master::new(options.master.clone(), &headers.unwrap_or_default())?;
    let throwaway = tempfile::tempdir()?;
    let evidence = options.evidence.clone().unwrap_or_else(|| throwaway.path().join("evidence.ndjson"));
    let workers = master.start(&package).await.map_err(failed)?;
    eprintln!(
        "Load: {}, {}, by {workers} workers of the master at {}",
        asked.kinds.join(", "),
        capacity::wanted(&asked.wanted),
        options.master
    );
    let began = Instant::now();
    watched(package.plan(), async |orders, see| {
        master.follow(&package, &evidence, orders, see).await.map_err(failed)
    })
    .await?;
    let took_s = began.elapsed().as_secs_f64();
    told(asked, gathered(&package, &evidence, &options.judging)?, Some(took_s), &options.judging)
}

/// What the workers reported, read from the evidence.
fn gathered(package: &Package, evidence: &Path, judging: &JudgingOptions) -> Result<Gathered, Failure> {
    let log = judging.hdr_log.as_deref().map(create).transpose()?;
    let sinks = Sinks {
        log: log.map(|file| Box::new(file) as Box<dyn std::io::Write + Send>),
        ledgers: judging.ledger.clone(),
        ..Sinks::default()
    };
    fleet::gathered(package, evidence, sinks).map_err(failed)
}

/// The document of a load that somebody else sent.
fn of_package(package: &Package, judging: &JudgingOptions) -> Result<Capacity, Failure> {
    let plan = package.plan();
    let kinds = plan.kinds();
    check_kinds(&thresholds(&judging.threshold)?, &kinds)?;
    Ok(asked(None, plan.http.origin(), kinds, Wanted::Load(plan.load.clone()), &judging.threshold))
}

/// Judges what was gathered by the criteria of its document, and tells it.
fn told(
    asked: Capacity,
    gathered: Gathered,
    took_s: Option<f64>,
    judging: &JudgingOptions,
) -> Result<u8, Failure> {
    let json = judging.json.as_deref().map(create).transpose()?;
    let done = fleet::judged(asked, gathered, took_s)?;
    super::told(&done, json, judging.json.as_deref(), judging.hdr_log.as_deref())
}
