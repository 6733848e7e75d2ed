//! Capacity: how much an environment takes, and what the tail looks like. One load at a time, beside no check.

mod archive;
mod draft;
mod elsewhere;
pub mod fleet;
mod live;
mod operation;
pub mod place;
mod report;
mod task;
mod words;
mod written;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use holdpoint_check::environment::{Environment, Secrets};
use holdpoint_load::{Control, Order};
use holdpoint_report::charts::Theme;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub use self::archive::{CAPACITY_FILE, CapacityArchive, LOG_FILE};
use self::draft::Read;
use self::live::{LiveFold, Sent};
pub use self::operation::{ApiOperation, Made, Operations};
pub use self::report::export;
use self::task::{Load, Sender};
use crate::desk::Desk;
use crate::error::DeskError;
use crate::rehearsal;
use crate::ticking;
use crate::view::{
    CapacityDraft, CapacityFormat, CapacityLive, CapacityOrder, CapacityPage, CapacityPlan, CapacityReport,
    FieldProblem, PackageDraft, Problem,
};

/// The capacity runs of a desk.
#[derive(Debug)]
pub struct Runs {
    /// Those that are kept.
    pub archive: CapacityArchive,
    /// Where the environment of Python is kept that Locust runs in; the account's folder for caches otherwise.
    pub cache: Option<PathBuf>,
    current: Mutex<Option<Arc<Running>>>,
}

/// A capacity run that goes on, or that went on last.
#[derive(Debug)]
pub struct Running {
    /// Its number.
    pub number: u32,
    live: Mutex<LiveFold>,
    control: Control,
    /// The same orders for workers elsewhere.
    orders: watch::Sender<Order>,
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
        if order == Order::Pause && !self.live().can_pause() {
            return;
        }
        if matches!(order, Order::Drain | Order::Abort) {
            self.stop.cancel();
        }
        self.control.give(order);
        // What holds: an end is not taken back.
        let holds = self.control.now();
        self.orders.send_if_modified(|now| std::mem::replace(now, holds) != holds);
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
        Self { archive, cache: None, current: Mutex::default() }
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
        Ok(draft::preview(draft, self.known(&draft.environment)?.as_ref()))
    }

    /// What a package for Locust comes to, which others send. The rehearsal is not started for it.
    pub fn preview_package(&self, draft: &PackageDraft) -> Result<CapacityPlan, DeskError> {
        Ok(elsewhere::preview(draft, self.known(&draft.environment)?.as_ref()))
    }

    /// Starts a capacity run; one at a time, and beside no check.
    pub async fn start_capacity(self: &Arc<Self>, draft: &CapacityDraft) -> Result<Arc<Running>, DeskError> {
        let _one = self.starting.lock().await;
        self.nothing_runs()?;
        // What cannot be done is refused before a rehearsal is started for it.
        read(draft, self.known(&draft.environment)?.as_ref())?;
        let (environment, secrets) = self.resolve(&draft.environment, None).await?;
        let read = read(draft, Some(&environment))?;
        let origin = draft::origin(&read.asked, &environment);
        agreed(&environment.name, &origin, draft.confirmed.as_deref())?;
        let (sender, kinds) = Sender::of(&read, &secrets)?;
        let Read { wanted, thresholds, .. } = read;
        self.begin(Load { sender, kinds, wanted, thresholds, origin }, environment, secrets)
    }

    /// Starts the load of a package on a master that others run. `header` carries what the master asks for where a login
    /// stands before it; it goes nowhere else.
    pub async fn join_master(
        self: &Arc<Self>,
        draft: &PackageDraft,
        header: Option<&str>,
    ) -> Result<Arc<Running>, DeskError> {
        let _one = self.starting.lock().await;
        self.nothing_runs()?;
        let known = self.known(&draft.environment)?;
        elsewhere::read(draft, known.as_ref()).map_err(marked)?;
        let (environment, secrets) = self.resolve(&draft.environment, None).await?;
        let read = elsewhere::read(draft, Some(&environment)).map_err(marked)?;
        agreed(&environment.name, &read.origin, draft.confirmed.as_deref())?;
        let load = elsewhere::load(read, header)?;
        self.begin(load, environment, secrets)
    }

    /// Judges evidence that a master elsewhere left, and keeps it with its package. Answers with the number it is kept under.
    pub fn judge_evidence(&self, draft: &PackageDraft, evidence: &Path) -> Result<u32, DeskError> {
        let draft = PackageDraft { master: None, ..draft.clone() };
        let read = elsewhere::read(&draft, None).map_err(marked)?;
        let (number, folder) = self.capacity.archive.next()?;
        elsewhere::judge(&read, evidence, &folder).map(|()| number).inspect_err(|_| discard(&folder))
    }

    /// An environment as it is saved; of the rehearsal none, which may not be up.
    fn known(&self, name: &str) -> Result<Option<Environment>, DeskError> {
        if name == rehearsal::NAME { Ok(None) } else { Ok(Some(self.environments.load(name)?)) }
    }

    fn nothing_runs(&self) -> Result<(), DeskError> {
        if let Some(check) = self.running() {
            return Err(DeskError::new(
                "check.running",
                format!("Check {} is running.", check.check.number),
                "Wait until it has ended: it would be measured under this load.",
            ));
        }
        self.capacity.running().map_or(Ok(()), |running| Err(runs_now(&running)))
    }

    fn begin(
        &self,
        load: Load,
        environment: Environment,
        secrets: Secrets,
    ) -> Result<Arc<Running>, DeskError> {
        let (number, folder) = self.capacity.archive.next()?;
        // Nothing was sent: an empty folder would look like a lost load.
        let (running, task) =
            task::begin(number, load, &environment, &folder, self.capacity.cache.as_deref())
                .inspect_err(|_| discard(&folder))?;
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

/// Removes the folder of a capacity run of which there is nothing to keep.
fn discard(folder: &Path) {
    let _ = std::fs::remove_dir_all(folder);
}

/// Refuses load to a host that a person has not agreed to this once.
fn agreed(environment: &str, origin: &str, confirmed: Option<&str>) -> Result<(), DeskError> {
    if environment == rehearsal::NAME || confirmed == Some(origin) {
        return Ok(());
    }
    Err(DeskError::new(
        "capacity.not_confirmed",
        "The load was not started.",
        "Confirm that this host may get it; it is asked for every capacity run.",
    )
    .because(format!("Load would go to {origin}, and that was not confirmed.")))
}

fn read(draft: &CapacityDraft, environment: Option<&Environment>) -> Result<Read, DeskError> {
    draft::read(draft, environment).map_err(marked)
}

/// Problems in single fields.
fn marked(fields: Vec<FieldProblem>) -> DeskError {
    DeskError(Problem {
        code: "capacity.draft".into(),
        message: "The load was not started.".into(),
        why: "Some fields hold values that cannot be used.".into(),
        remedy: "Change the marked fields and start again.".into(),
        fields,
    })
}
