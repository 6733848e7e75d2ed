//! A capacity run from its preparation to its saved document.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use holdpoint_check::environment::{Environment, Secrets};
use holdpoint_check::run::{self, Held};
use holdpoint_load::http::{HttpLanes, Options, Target};
use holdpoint_load::plan::Plan;
use holdpoint_load::{
    Capacity, Control, FitnessLimits, Job, Lanes, Live, Measured, Order, Seen, Threshold, Wanted, measure,
};
use holdpoint_locust::{
    FleetPlan, Gathered, Master, Package, Secrets as Hidden, Sending, Sinks, Venv, send_here,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::archive::{self, EVIDENCE_FILE, LOG_FILE, PACKAGE_FOLDER};
use super::draft::{Asked, Read};
use super::fleet::{self, Prepared, Work};
use super::live::LiveFold;
use super::operation::{ApiOperation, Operations};
use super::{Running, discard, words};
use crate::error::DeskError;
use crate::view::{CapacityPhase, CapacityState, CapacityWorkers};

/// Who sends, and what.
pub(super) enum Sender {
    /// This program: operations of the API.
    Operations(Vec<ApiOperation>),
    /// This program: an address.
    Url(HttpLanes),
    /// So many workers of Locust on this computer.
    Workers(u32, Given),
    /// Workers that a master elsewhere leads, at an address.
    Master { master: Box<Master>, address: String, package: Box<Package> },
}

/// What workers are given.
pub(super) enum Given {
    /// Work for which something has to be made first.
    Work(Work),
    /// A plan that needs nothing made for it.
    Plan(Box<FleetPlan>),
}

/// A load that may be sent.
pub(super) struct Load {
    pub(super) sender: Sender,
    /// Names of what is sent.
    pub(super) kinds: Vec<String>,
    pub(super) wanted: Wanted,
    pub(super) thresholds: Vec<Threshold>,
    /// Where it goes.
    pub(super) origin: String,
}

impl Sender {
    /// Who sends what a person has chosen, and the names of it.
    pub(super) fn of(read: &Read, secrets: &Secrets) -> Result<(Self, Vec<String>), DeskError> {
        if let Some(count) = read.workers {
            let given = match &read.asked {
                Asked::Url(url) => Given::Plan(Box::new(fleet::of_url(url, read.wanted.plan())?)),
                Asked::Operations(_) | Asked::Test(_) => {
                    let work = read.asked.work().unwrap_or_default();
                    work.check(secrets)?;
                    Given::Work(work)
                }
            };
            let kinds = match &given {
                Given::Plan(plan) => plan.kinds(),
                Given::Work(work) => work.kinds(),
            };
            return Ok((Self::Workers(count, given), kinds));
        }
        match &read.asked {
            Asked::Url(url) => {
                let target = Target::new(std::slice::from_ref(url), Options::default()).map_err(|error| {
                    DeskError::new("capacity.target", "The load was not started.", "Change the address.")
                        .because(error)
                })?;
                let kinds = target.names().to_vec();
                Ok((Self::Url(HttpLanes::new(target)), kinds))
            }
            Asked::Operations(operations) => {
                let kinds = operations.iter().map(|one| one.name().to_owned()).collect();
                Ok((Self::Operations(operations.clone()), kinds))
            }
            // A draft that asks for a test without workers is refused at its field.
            Asked::Test(_) => Ok((Self::Operations(Vec::new()), Vec::new())),
        }
    }

    fn workers(&self) -> Option<CapacityWorkers> {
        match self {
            Self::Operations(_) | Self::Url(_) => None,
            Self::Workers(count, _) => Some(CapacityWorkers { count: *count, master: None }),
            // Known when it has begun.
            Self::Master { address, .. } => Some(CapacityWorkers { count: 0, master: Some(address.clone()) }),
        }
    }
}

/// A capacity run that is about to begin.
pub(super) struct Task {
    sender: Sender,
    wanted: Wanted,
    thresholds: Vec<Threshold>,
    document: Capacity,
    folder: PathBuf,
    /// Where the environment of Python is kept; the account's folder for caches otherwise.
    cache: Option<PathBuf>,
    /// No check begins on the environment while this lives.
    held: Held,
}

/// Takes the environment, and writes down what is about to be sent.
pub(super) fn begin(
    number: u32,
    load: Load,
    environment: &Environment,
    folder: &Path,
    cache: Option<&Path>,
) -> Result<(Arc<Running>, Task), DeskError> {
    let held = run::hold(environment, &format!("capacity-{number}")).map_err(|error| {
        DeskError::new(
            "capacity.held",
            "The load was not started.",
            "Wait until the check has ended: it would be measured under this load.",
        )
        .because(error)
    })?;
    let Load { mut sender, kinds, wanted, thresholds, origin } = load;
    let document = Capacity::asked(
        Some(environment.name.clone()),
        origin.clone(),
        kinds.clone(),
        wanted.clone(),
        thresholds.iter().map(|threshold| threshold.text().to_owned()).collect(),
    );
    // On the disk before anything is sent: a load that is cut off is found there.
    archive::write(folder, &document)?;
    if let Sender::Master { package, .. } = &mut sender {
        **package = package.copy(&folder.join(PACKAGE_FOLDER))?;
    }
    let state = CapacityState {
        number,
        environment: environment.name.clone(),
        kind: environment.kind,
        origin,
        asked: kinds.join(", "),
        load: holdpoint_report::capacity::wanted(&wanted),
        started_at: words::moment(document.started_unix_ms),
        elapsed_ms: 0,
        lasts_ms: None,
        into_ms: 0,
        phase: CapacityPhase::Preparing,
        making: String::new(),
        workers: sender.workers(),
        planned: 0,
        sent: 0,
        ok: 0,
        failed: 0,
        refused: 0,
        in_flight: 0,
        classes: Vec::new(),
        trying: match &wanted {
            Wanted::Limit { search, .. } => Some(search.from),
            Wanted::Load(_) => None,
        },
        tried: Vec::new(),
        problem: None,
        saved: false,
    };
    let running = Arc::new(Running {
        number,
        live: Mutex::new(LiveFold::new(state)),
        control: Control::default(),
        orders: watch::Sender::new(Order::Run),
        stop: CancellationToken::new(),
        started: Instant::now(),
        over: CancellationToken::new(),
    });
    let (folder, cache) = (folder.to_owned(), cache.map(Path::to_owned));
    Ok((running, Task { sender, wanted, thresholds, document, folder, cache, held }))
}

/// What was measured, and how long it took in seconds.
type Taken = (Measured, f64);

/// Why there is nothing measured.
struct Unmeasured {
    error: DeskError,
    /// Whether something was sent all the same, so that what is in the folder is kept.
    sent: bool,
}

fn unsent(error: impl Into<DeskError>) -> Unmeasured {
    Unmeasured { error: error.into(), sent: false }
}

impl Task {
    /// Prepares, sends, saves, and cleans up.
    pub(super) async fn follow(mut self, running: Arc<Running>, environment: Environment, secrets: Secrets) {
        let mut made = None;
        let measured = self.carry_out(&running, &environment, &secrets, &mut made).await;
        running.live().measured();
        let saved = match measured {
            Ok((measured, took_s)) => self.save(measured, took_s).map(|()| running.live().saved()),
            Err(Unmeasured { error, sent }) => {
                if !sent {
                    discard(&self.folder);
                }
                Err(error)
            }
        };
        if let Err(error) = saved {
            tracing::error!(%error, folder = %self.folder.display(), "the capacity run was not kept");
            running.live().tell(error);
        }
        if let Some(operations) = &made {
            self.held.remember(operations.client());
            if let Some(left) = operations.clean_up().await {
                running.live().tell(DeskError::new("capacity.left", left.clone(), "Remove it by hand."));
                self.document.left.push(left);
                if self.folder.is_dir()
                    && let Err(error) = archive::write(&self.folder, &self.document)
                {
                    tracing::error!(%error, "what was left behind was not noted");
                }
            }
        }
        running.live().end(running.now_ms());
        drop(self);
        running.over.cancel();
    }

    /// Sends it. What was made at the API goes into `made`, whatever becomes of the load.
    async fn carry_out(
        &self,
        running: &Arc<Running>,
        environment: &Environment,
        secrets: &Secrets,
        made: &mut Option<Operations>,
    ) -> Result<Taken, Unmeasured> {
        match &self.sender {
            Sender::Url(lanes) => self.alone(running, lanes).await,
            Sender::Operations(operations) => {
                let ready = Operations::prepare(operations, environment, secrets, &running.stop).await;
                let ready = made.insert(ready.map_err(unsent)?);
                self.alone(running, ready).await
            }
            Sender::Workers(count, given) => {
                let prepared = match given {
                    Given::Plan(plan) => {
                        let plan = plan.as_ref().clone();
                        Prepared { plan, secrets: Hidden::default(), operations: None }
                    }
                    Given::Work(work) => {
                        let (load, options) = (self.wanted.plan(), Options::default());
                        let ready = work.prepare(load, &options, environment, secrets, &running.stop).await;
                        ready.map_err(unsent)?
                    }
                };
                made.clone_from(&prepared.operations);
                self.by_workers(running, *count, &prepared).await
            }
            Sender::Master { master, package, .. } => self.by_master(running, master, package).await,
        }
    }

    /// By this program.
    async fn alone<L: Lanes + Sync>(&self, running: &Running, lanes: &L) -> Result<Taken, Unmeasured> {
        let log: Option<Box<dyn std::io::Write + Send>> = match &self.wanted {
            Wanted::Load(_) => Some(Box::new(archive::log(&self.folder).map_err(unsent)?)),
            Wanted::Limit { .. } => None,
        };
        let began = Instant::now();
        let limits = FitnessLimits::default();
        let see = |seen: Seen<'_>| running.live().see(&seen, running.now_ms());
        let (kinds, thresholds) = (&self.document.kinds, &self.thresholds);
        let job = Job { wanted: &self.wanted, kinds, lanes, thresholds, limits };
        let measured = measure(job, log, &running.control, see).await.map_err(|error| {
            unsent(
                DeskError::new("capacity.not_started", "The load was not started.", "Try again.")
                    .because(error),
            )
        })?;
        Ok((measured, began.elapsed().as_secs_f64()))
    }

    /// By workers of Locust on this computer.
    async fn by_workers(
        &self,
        running: &Arc<Running>,
        count: u32,
        prepared: &Prepared,
    ) -> Result<Taken, Unmeasured> {
        let cache = self.cache.clone().map_or_else(Venv::usual_folder, Ok).map_err(unsent)?;
        let sending = Sending {
            plan: &prepared.plan,
            secrets: &prepared.secrets,
            workers: count,
            folder: &self.folder,
            authorities: None,
            cache,
        };
        let making = running.clone();
        let say = move |text: &str| making.live().making(text);
        let mut seeing = Seeing { running, plan: &prepared.plan.load, began: None };
        let sent = send_here(sending, say, running.orders.subscribe(), |live| seeing.see(live)).await;
        let (package, evidence) = match sent {
            Ok(both) => both,
            Err(error) => return Err(seeing.broken(error)),
        };
        let took_s = seeing.took_s();
        let mut gathered = self.gathered(running, package, evidence).await?;
        prepared.settle(&mut gathered, count).await;
        Ok((fleet::measured(gathered, &self.thresholds), took_s))
    }

    /// By workers that a master elsewhere leads.
    async fn by_master(
        &self,
        running: &Running,
        master: &Master,
        package: &Package,
    ) -> Result<Taken, Unmeasured> {
        let orders = running.orders.subscribe();
        let count = master.start(package).await.map_err(unsent)?;
        running.live().workers(count);
        let mut seeing = Seeing { running, plan: &package.plan().load, began: None };
        seeing.see(&Live::default());
        let evidence = self.folder.join(EVIDENCE_FILE);
        if let Err(error) = master.follow(package, &evidence, orders, |live| seeing.see(live)).await {
            return Err(seeing.broken(error));
        }
        let took_s = seeing.took_s();
        let gathered = self.gathered(running, package.clone(), evidence).await?;
        Ok((fleet::measured(gathered, &self.thresholds), took_s))
    }

    /// What the workers reported, read from the evidence.
    async fn gathered(
        &self,
        running: &Running,
        package: Package,
        evidence: PathBuf,
    ) -> Result<Gathered, Unmeasured> {
        // Nothing is sent any more.
        running.live().measured();
        let kept = |error: DeskError| Unmeasured { error, sent: true };
        let log = archive::log(&self.folder).map_err(kept)?;
        let sinks = Sinks { log: Some(Box::new(log)), ..Sinks::default() };
        let reading = tokio::task::spawn_blocking(move || fleet::gathered(&package, &evidence, sinks));
        match reading.await {
            Ok(gathered) => gathered.map_err(|error| kept(error.into())),
            Err(error) => Err(kept(
                DeskError::new("capacity.evidence", "The evidence was not judged.", "Judge it again.")
                    .because(error),
            )),
        }
    }

    fn save(&mut self, measured: Measured, took_s: f64) -> Result<(), DeskError> {
        if !measured.log.is_empty() {
            let mut log = archive::log(&self.folder)?;
            let written = log.write_all(&measured.log).and_then(|()| log.flush());
            written.map_err(|error| archive::unwritable(&self.folder.join(LOG_FILE), &error))?;
        }
        self.document = self.document.clone().with(measured, took_s);
        archive::write(&self.folder, &self.document)
    }
}

/// Shows what workers do.
struct Seeing<'a> {
    running: &'a Running,
    plan: &'a Plan,
    began: Option<Instant>,
}

impl Seeing<'_> {
    fn see(&mut self, live: &Live) {
        let now = self.running.now_ms();
        if self.began.is_none() {
            self.began = Some(Instant::now());
            self.running.live().see(&Seen::Started(self.plan), now);
        }
        self.running.live().see(&Seen::Live(live), now);
    }

    /// Seconds since the load began.
    fn took_s(&self) -> f64 {
        self.began.map_or(0.0, |began| began.elapsed().as_secs_f64())
    }

    fn broken(&self, error: impl Into<DeskError>) -> Unmeasured {
        Unmeasured { error: error.into(), sent: self.began.is_some() }
    }
}
