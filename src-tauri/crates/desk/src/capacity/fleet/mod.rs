//! A load for workers of Locust: what they are to do, what is made for it, and what is read back of what they wrote. The
//! window and the terminal are two doors to it.

mod error;
mod runbook;
mod stored;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use holdpoint_check::environment::{Environment, Secrets as Known};
use holdpoint_check::parameters::Parameters;
use holdpoint_load::http::Options;
use holdpoint_load::plan::Plan;
use holdpoint_load::{Capacity, FitnessLimits, Measured, Threshold, ThresholdError, judge};
use holdpoint_locust::{
    EvidenceError, FleetPlan, FleetPlanError, Gathered, Http, MOST_WORKERS_HERE, Operation, Package, Secrets,
    Sinks, gather,
};
use tokio_util::sync::CancellationToken;
use url::Url;

use self::runbook::Task;
pub use self::runbook::{Test, test};
use super::operation::{ApiOperation, Operations};
use crate::error::DeskError;

/// The API lets a login be asked for ten times in five minutes, and each worker asks once; this program did too.
const MOST_LOGINS: u32 = 9;

/// What workers are to do with the API of an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Work {
    tasks: Vec<Task>,
    /// Which task each arrival is, in turn.
    turns: Vec<usize>,
}

/// A load that is ready to be given to workers.
#[derive(Debug)]
pub struct Prepared {
    /// What they are told.
    pub plan: FleetPlan,
    /// What they need to know and nobody else.
    pub secrets: Secrets,
    /// What was made at the API for it.
    pub operations: Option<Operations>,
}

/// Refuses so many workers on this computer, in words.
pub fn check_workers(workers: u32, work: Option<&Work>) -> Result<(), String> {
    if !(1..=MOST_WORKERS_HERE).contains(&workers) {
        return Err(format!("this computer takes 1 to {MOST_WORKERS_HERE} workers"));
    }
    if workers > MOST_LOGINS && work.is_some_and(Work::needs_login) {
        return Err(format!(
            "each worker logs in, and the API allows ten logins in five minutes; use at most {MOST_LOGINS} workers"
        ));
    }
    Ok(())
}

/// A load of one address, asked without a login.
pub fn of_url(url: &Url, load: &Plan) -> Result<FleetPlan, FleetPlanError> {
    let (urls, options) = (std::slice::from_ref(url), Options::default());
    FleetPlan::of_urls(load.clone(), urls, &options, 0, &mut Secrets::default())
}

/// A header as it is typed, `NAME: VALUE`.
pub fn header(line: &str) -> Option<(String, String)> {
    line.split_once(':').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
}

impl Work {
    /// Operations in turn.
    pub fn operations(operations: &[ApiOperation]) -> Self {
        let tasks: Vec<Task> = operations.iter().map(|one| Task::Api(*one)).collect();
        Self { turns: (0..tasks.len()).collect(), tasks }
    }

    /// Names of what is done.
    pub fn kinds(&self) -> Vec<String> {
        self.tasks.iter().map(|task| task.name().to_owned()).collect()
    }

    /// The operations for which has to be there what these tasks need: those of L2 and L3 need a project with a run.
    fn needed(&self) -> Vec<ApiOperation> {
        let needed = |task: &Task| if let Task::Api(one) = task { *one } else { ApiOperation::Run };
        self.tasks.iter().map(needed).collect()
    }

    fn needs_login(&self) -> bool {
        self.needed().into_iter().any(ApiOperation::needs_login)
    }

    /// Refuses what cannot be done with what is known of the environment, before anything is made.
    pub fn check(&self, known: &Known) -> Result<(), DeskError> {
        if self.needs_login() {
            runbook::login(known, &mut Secrets::default())?;
        }
        Ok(())
    }

    /// Logs in, makes what the tasks need, and writes them down as steps. What was made is removed again where it fails or is
    /// stopped. Only timeouts are taken of `options`.
    pub async fn prepare(
        &self,
        load: &Plan,
        options: &Options,
        environment: &Environment,
        known: &Known,
        stop: &CancellationToken,
    ) -> Result<Prepared, DeskError> {
        let needed = self.needed();
        let mut secrets = Secrets::default();
        let login = self.needs_login().then(|| runbook::login(known, &mut secrets)).transpose()?;
        let options = Options { timeouts: options.timeouts, ..Options::default() };
        let http = Http::new(&environment.api_url, &options, 0, &mut secrets)?;
        let operations = Operations::prepare(&needed, environment, known, stop).await?;
        let steps = match self.steps(&operations, &environment.parameters).await {
            Ok(steps) => steps,
            Err(error) => {
                return Err(match operations.clean_up().await {
                    None => error,
                    Some(left) => {
                        let why = format!("{} {left}", error.0.why);
                        error.because(why)
                    }
                });
            }
        };
        let mut plan = FleetPlan::new(load.clone(), http, steps, operations.tag());
        plan.turns.clone_from(&self.turns);
        plan.login = login;
        plan.ledger = true;
        Ok(Prepared { plan, secrets, operations: Some(operations) })
    }

    async fn steps(&self, made: &Operations, parameters: &Parameters) -> Result<Vec<Operation>, DeskError> {
        let last = if self.tasks.contains(&Task::Stream) {
            made.client().telemetry_index(&made.made().run).await?.total_ticks
        } else {
            0
        };
        Ok(self.tasks.iter().map(|task| runbook::operation(*task, made.made(), last, parameters)).collect())
    }
}

impl Prepared {
    /// Counts what the workers asked for with what the limiter of the API counts, and reads back what they wrote. What cannot
    /// be read back is a doubt: nobody knows whether it is there.
    pub async fn settle(&self, gathered: &mut Gathered, workers: u32) {
        let Some(operations) = &self.operations else { return };
        stored::recall(operations.client(), &self.plan, &gathered.ledger, workers);
        match stored::read_back(operations, &gathered.ledger).await {
            Ok(stored) => gathered.result.stored = stored,
            Err(error) => {
                let doubt = format!("what the workers wrote could not be read back ({error})");
                gathered.result.doubts.push(doubt);
            }
        }
    }
}

/// Reads a file of evidence of the load that a package holds.
pub fn gathered(package: &Package, evidence: &Path, sinks: Sinks) -> Result<Gathered, EvidenceError> {
    gather(package, BufReader::new(File::open(evidence)?), sinks)
}

/// Judges what workers recorded.
pub fn measured(gathered: Gathered, thresholds: &[Threshold]) -> Measured {
    let judgement = judge(&gathered.result, thresholds, &FitnessLimits::default());
    Measured { limit: None, result: gathered.result, judgement, log: Vec::new() }
}

/// The document of a load that others sent, judged by its criteria. Without `took_s` it took as long as the workers say.
pub fn judged(asked: Capacity, gathered: Gathered, took_s: Option<f64>) -> Result<Capacity, ThresholdError> {
    let thresholds: Vec<Threshold> =
        asked.thresholds.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    let (started_unix_ms, elapsed_s) = (gathered.result.started_unix_ms, gathered.result.elapsed_s);
    let done = asked.with(measured(gathered, &thresholds), took_s.unwrap_or(elapsed_s));
    Ok(Capacity { started_unix_ms, ..done })
}
