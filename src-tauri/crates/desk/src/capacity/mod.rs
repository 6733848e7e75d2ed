//! Capacity: how much an environment takes, and what the tail looks like. One load at a time, beside no check.

mod archive;
mod draft;
mod live;
mod operation;
pub mod place;
mod report;
mod words;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use holdpoint_check::environment::{Environment, Secrets};
use holdpoint_check::run::{self, Held};
use holdpoint_load::http::{HttpLanes, Options, Target};
use holdpoint_load::{
    Capacity, Control, FORMAT, FitnessLimits, Job, Lanes, Measured, Order, Wanted, measure,
};
use holdpoint_report::charts::Theme;
use tokio_util::sync::CancellationToken;

pub use self::archive::{CAPACITY_FILE, CapacityArchive, LOG_FILE};
use self::draft::{Asked, Read};
use self::live::{LiveFold, Sent};
pub use self::operation::{ApiOperation, Made, Operations};
pub use self::report::export;
use crate::desk::Desk;
use crate::error::DeskError;
use crate::rehearsal;
use crate::ticking;
use crate::view::{
    CapacityDraft, CapacityFormat, CapacityLive, CapacityOrder, CapacityPage, CapacityPhase, CapacityPlan,
    CapacityReport, CapacityState, Problem,
};

/// The capacity runs of a desk.
#[derive(Debug)]
pub struct Runs {
    /// Those that are kept.
    pub archive: CapacityArchive,
    current: Mutex<Option<Arc<Running>>>,
}

/// A capacity run that goes on, or that went on last.
#[derive(Debug)]
pub struct Running {
    /// Its number.
    pub number: u32,
    live: Mutex<LiveFold>,
    control: Control,
    /// Cancelled when it is to end before it begins to send.
    stop: CancellationToken,
    started: Instant,
    /// Cancelled when it is saved, and what was made for it removed.
    over: CancellationToken,
}

impl Running {
    /// Whether it still goes on.
    pub fn runs(&self) -> bool {
        !self.over.is_cancelled()
    }

    /// Tells it what to do. An end holds for good.
    pub fn order(&self, order: CapacityOrder) {
        let order = match order {
            CapacityOrder::Go => Order::Run,
            CapacityOrder::Pause => Order::Pause,
            CapacityOrder::Drain => Order::Drain,
            CapacityOrder::Abort => Order::Abort,
        };
        if matches!(order, Order::Drain | Order::Abort) {
            self.stop.cancel();
        }
        self.control.give(order);
        self.live().ordered(order);
    }

    /// Becomes ready when it is saved and cleaned up after.
    pub async fn over(&self) {
        self.over.cancelled().await;
    }

    /// Sends everything so far, then what is new, until it is over or the watcher is gone.
    pub async fn watch(&self, send: impl FnMut(CapacityLive) -> bool) {
        let mut sent = Sent::default();
        let next = || {
            let live = self.live();
            (live.message(&mut sent, self.now_ms()), live.is_over())
        };
        ticking::watch(next, send).await;
    }

    fn live(&self) -> MutexGuard<'_, LiveFold> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Runs {
    /// Capacity runs in a folder beside that of the checks.
    pub fn beside(checks: &Path) -> Self {
        let archive = CapacityArchive::in_folder(&checks.with_file_name("capacity"));
        Self { archive, current: Mutex::default() }
    }

    /// The one that goes on now.
    pub fn running(&self) -> Option<Arc<Running>> {
        self.latest().filter(|running| running.runs())
    }

    /// The one that goes on, or that went on last.
    pub fn latest(&self) -> Option<Arc<Running>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Refuses what would be measured under the load of a capacity run.
pub(crate) fn runs_now(running: &Running) -> DeskError {
    DeskError::new(
        "capacity.running",
        format!("Capacity run {} goes on.", running.number),
        "Wait until it has ended, or end it under Capacity.",
    )
}

/// What a file from outside became.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Became {
    /// A check.
    Check(u32),
    /// A capacity run.
    Capacity(u32),
}

/// What sends.
enum Sender {
    Operations(Operations),
    Url(HttpLanes, Vec<String>),
}

impl Desk {
    /// Adds a file from outside, whichever of ours or of the runners before us it is.
    pub fn import(&self, path: &Path) -> Result<Became, DeskError> {
        if holdpoint_report::capacity::is_one_at(path) {
            return self.capacity.archive.import(path).map(Became::Capacity);
        }
        self.archive.import(path).map(|check| Became::Check(check.number))
    }

    /// What a draft comes to. The rehearsal is not started for it.
    pub fn preview_capacity(&self, draft: &CapacityDraft) -> Result<CapacityPlan, DeskError> {
        let environment = if draft.environment == rehearsal::NAME {
            None
        } else {
            Some(self.environments.load(&draft.environment)?)
        };
        Ok(draft::preview(draft, environment.as_ref()))
    }

    /// Starts a capacity run; one at a time, and beside no check.
    pub async fn start_capacity(self: &Arc<Self>, draft: &CapacityDraft) -> Result<Arc<Running>, DeskError> {
        let _one = self.starting.lock().await;
        if let Some(check) = self.running() {
            return Err(DeskError::new(
                "check.running",
                format!("Check {} is running.", check.check.number),
                "Wait until it has ended: it would be measured under this load.",
            ));
        }
        if let Some(running) = self.capacity.running() {
            return Err(runs_now(&running));
        }
        // What cannot be done is refused before a rehearsal is started for it.
        if draft.environment == rehearsal::NAME {
            read(draft, None)?;
        }
        let (environment, secrets) = self.resolve(&draft.environment, None).await?;
        let read = read(draft, Some(&environment))?;
        let origin = draft::origin(&read.asked, &environment);
        if draft.environment != rehearsal::NAME && draft.confirmed.as_deref() != Some(origin.as_str()) {
            return Err(DeskError::new(
                "capacity.not_confirmed",
                "The load was not started.",
                "Confirm that this host may get it; it is asked for every capacity run.",
            )
            .because(format!("Load would go to {origin}, and that was not confirmed.")));
        }
        let (number, folder) = self.capacity.archive.next()?;
        let begun = begin(number, &environment, read, origin, &folder);
        let (running, task) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                // Nothing was sent: an empty folder would look like a lost load.
                let _ = std::fs::remove_dir_all(&folder);
                return Err(error);
            }
        };
        *self.capacity.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(running.clone());
        tokio::spawn(task.follow(running.clone(), environment, secrets));
        Ok(running)
    }

    /// Capacity runs that are kept.
    pub fn capacity_runs(&self, offset: u32, limit: u32) -> CapacityPage {
        let running = self.capacity.running().map(|running| running.number);
        self.capacity.archive.list(offset, limit, running)
    }

    /// Refuses the capacity run that still goes on: half of it would read as one that was cut off.
    fn capacity_ended(&self, number: u32) -> Result<(), DeskError> {
        match self.capacity.running() {
            Some(running) if running.number == number && !running.live().has_result() => {
                Err(runs_now(&running))
            }
            _ => Ok(()),
        }
    }

    /// Opens a capacity run.
    pub fn capacity_report(&self, number: u32, theme: Theme) -> Result<CapacityReport, DeskError> {
        self.capacity_ended(number)?;
        let folder = self.capacity.archive.folder_of(number)?;
        let capacity = self.capacity.archive.open(number)?;
        Ok(report::of(number, &folder, &capacity, theme))
    }

    /// Writes exports of a capacity run into a folder, and answers with the files.
    pub fn export_capacity(
        &self,
        number: u32,
        folder: &Path,
        formats: &[CapacityFormat],
    ) -> Result<Vec<PathBuf>, DeskError> {
        self.capacity_ended(number)?;
        let from = self.capacity.archive.folder_of(number)?;
        let capacity = self.capacity.archive.open(number)?;
        export(&from, folder, &format!("capacity-{number}"), formats, &capacity)
    }
}

fn read(draft: &CapacityDraft, environment: Option<&Environment>) -> Result<Read, DeskError> {
    draft::read(draft, environment).map_err(|fields| {
        DeskError(Problem {
            code: "capacity.draft".into(),
            message: "The load was not started.".into(),
            why: "Some fields hold values that cannot be used.".into(),
            remedy: "Change the marked fields and start again.".into(),
            fields,
        })
    })
}

/// A capacity run that is about to begin.
struct Task {
    asked: Asked,
    wanted: Wanted,
    thresholds: Vec<holdpoint_load::Threshold>,
    document: Capacity,
    folder: PathBuf,
    sender: Option<Sender>,
    /// No check begins on the environment while this lives.
    held: Held,
}

fn begin(
    number: u32,
    environment: &Environment,
    read: Read,
    origin: String,
    folder: &Path,
) -> Result<(Arc<Running>, Task), DeskError> {
    let held = run::hold(environment, &format!("capacity-{number}")).map_err(|error| {
        DeskError::new(
            "capacity.held",
            "The load was not started.",
            "Wait until the check has ended: it would be measured under this load.",
        )
        .because(error)
    })?;
    let sender = match &read.asked {
        Asked::Operations(_) => None,
        Asked::Url(url) => Some(http(url)?),
    };
    let kinds = match (&read.asked, &sender) {
        (Asked::Operations(operations), _) => operations.iter().map(|one| one.name().to_owned()).collect(),
        (_, Some(Sender::Url(_, kinds))) => kinds.clone(),
        _ => Vec::new(),
    };
    let document = Capacity {
        holdpoint_load: FORMAT,
        holdpoint: env!("CARGO_PKG_VERSION").into(),
        environment: Some(environment.name.clone()),
        origin: origin.clone(),
        kinds: kinds.clone(),
        wanted: read.wanted.clone(),
        thresholds: read.thresholds.iter().map(|threshold| threshold.text().to_owned()).collect(),
        started_unix_ms: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
        took_s: None,
        figures: None,
        judgement: None,
        limit: None,
        left: Vec::new(),
        result: None,
    };
    // On the disk before anything is sent: a load that is cut off is found there.
    archive::write(folder, &document)?;
    let state = CapacityState {
        number,
        environment: environment.name.clone(),
        kind: environment.kind,
        origin,
        asked: kinds.join(", "),
        load: holdpoint_report::capacity::wanted(&read.wanted),
        started_at: words::moment(document.started_unix_ms),
        elapsed_ms: 0,
        lasts_ms: None,
        into_ms: 0,
        phase: CapacityPhase::Preparing,
        planned: 0,
        sent: 0,
        ok: 0,
        failed: 0,
        refused: 0,
        in_flight: 0,
        classes: Vec::new(),
        trying: match &read.wanted {
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
        stop: CancellationToken::new(),
        started: Instant::now(),
        over: CancellationToken::new(),
    });
    let Read { asked, wanted, thresholds } = read;
    let folder = folder.to_owned();
    Ok((running, Task { asked, wanted, thresholds, document, folder, sender, held }))
}

fn http(url: &url::Url) -> Result<Sender, DeskError> {
    let target = Target::new(std::slice::from_ref(url), Options::default()).map_err(|error| {
        DeskError::new("capacity.target", "The load was not started.", "Change the address.").because(error)
    })?;
    let kinds = target.names().to_vec();
    Ok(Sender::Url(HttpLanes::new(target), kinds))
}

impl Task {
    /// Prepares, sends, saves, and cleans up.
    async fn follow(mut self, running: Arc<Running>, environment: Environment, secrets: Secrets) {
        let sender = match self.sender.take() {
            Some(sender) => Ok(sender),
            None => self.prepare(&environment, &secrets, &running.stop).await.map(Sender::Operations),
        };
        let sender = match sender {
            Ok(sender) => sender,
            Err(error) => {
                // Nothing was sent, so there is nothing to keep.
                let _ = std::fs::remove_dir_all(&self.folder);
                running.live().tell(error);
                running.live().end(running.now_ms());
                running.over.cancel();
                return;
            }
        };
        let measured = match &sender {
            Sender::Operations(operations) => self.send(&running, &operations.kinds(), operations).await,
            Sender::Url(lanes, kinds) => self.send(&running, kinds, lanes).await,
        };
        running.live().measured();
        let saved = measured.and_then(|(measured, took_s)| self.save(measured, took_s));
        match saved {
            Ok(()) => running.live().saved(),
            Err(error) => {
                tracing::error!(%error, folder = %self.folder.display(), "the capacity run was not kept");
                running.live().tell(error);
            }
        }
        if let Sender::Operations(operations) = &sender {
            self.held.remember(operations.client());
            if let Some(left) = operations.clean_up().await {
                running.live().tell(DeskError::new("capacity.left", left.clone(), "Remove it by hand."));
                self.document.left.push(left);
                if let Err(error) = archive::write(&self.folder, &self.document) {
                    tracing::error!(%error, "what was left behind was not noted");
                }
            }
        }
        running.live().end(running.now_ms());
        drop(self);
        running.over.cancel();
    }

    async fn prepare(
        &self,
        environment: &Environment,
        secrets: &Secrets,
        stop: &CancellationToken,
    ) -> Result<Operations, DeskError> {
        let wanted = match &self.asked {
            Asked::Operations(operations) => operations.as_slice(),
            Asked::Url(_) => &[],
        };
        Operations::prepare(wanted, environment, secrets, stop).await
    }

    async fn send<L: Lanes + Sync>(
        &self,
        running: &Running,
        kinds: &[String],
        lanes: &L,
    ) -> Result<(Measured, f64), DeskError> {
        let log: Option<Box<dyn std::io::Write + Send>> = match &self.wanted {
            Wanted::Load(_) => Some(Box::new(archive::log(&self.folder)?)),
            Wanted::Limit { .. } => None,
        };
        let began = Instant::now();
        let limits = FitnessLimits::default();
        let see = |seen: holdpoint_load::Seen<'_>| running.live().see(&seen, running.now_ms());
        let job = Job { wanted: &self.wanted, kinds, lanes, thresholds: &self.thresholds, limits };
        let measured = measure(job, log, &running.control, see).await;
        let measured = measured.map_err(|error| {
            DeskError::new("capacity.not_started", "The load was not started.", "Try again.").because(error)
        })?;
        Ok((measured, began.elapsed().as_secs_f64()))
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
