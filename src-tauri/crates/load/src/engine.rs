//! The engine: threads that send, and one that collects what they recorded.

use std::io;
use std::sync::mpsc as std_mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::collect::{self, Collector, Live, LoadResult};
use crate::drive::{Bounds, Lane, drive};
use crate::host::{ThreadTime, allow_connections};
use crate::orders::{Ear, Order, Orders};
use crate::pace::Pace;
use crate::plan::{Model, Plan, PlanError};
use crate::record::{Interval, Outlet, Recorder};
use crate::schedule::Schedule;
use crate::source::Source;

/// How often what was recorded is handed over.
pub const STEP: Duration = Duration::from_millis(100);

/// From the start of the threads to the first intended start, so that no thread begins late.
const LEAD: Duration = Duration::from_millis(50);

/// Makes lanes, thread by thread.
pub trait Lanes: Clone + Send + 'static {
    /// What it makes.
    type Lane: Lane;

    /// A maker of lanes for one thread; what it makes never leaves that thread.
    fn worker(&self) -> impl FnMut() -> Self::Lane;

    /// Sends what one thread has to send, until all of it has ended.
    fn run(&self, thread: Sending) {
        thread.run(self);
    }
}

/// Why a load cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The plan cannot be carried out.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// There are no operations to send.
    #[error("load.start.operations: there is no kind of operation to send; name at least one")]
    Operations,
    /// The system gave no thread.
    #[error(
        "load.start.thread: this computer gave no thread to send with: {0}; close other programs, or use fewer threads"
    )]
    Thread(#[from] io::Error),
}

/// A load that is running. Dropping it aborts the load.
#[derive(Debug)]
pub struct Running {
    /// Takes orders: pause, run, drain, abort.
    pub orders: Orders,
    /// Ten times a second what has happened so far.
    pub live: watch::Receiver<Live>,
    collector: Option<JoinHandle<LoadResult>>,
}

impl Running {
    /// Waits for the end. Blocks; for tasks there is [`Running::finished`].
    ///
    /// # Panics
    /// When the collecting thread panicked, which is a defect of Holdpoint.
    pub fn join(mut self) -> LoadResult {
        match self.collector.take().map(JoinHandle::join) {
            Some(Ok(result)) => result,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            // Taken only here, and this consumes the load.
            None => LoadResult::default(),
        }
    }

    /// Ends when the load has ended; then [`Running::join`] returns at once.
    pub async fn finished(&mut self) {
        // The sender is dropped at the very end; until then each change is one more step.
        while self.live.changed().await.is_ok() {}
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.collector.is_some() {
            self.orders.give(Order::Abort);
        }
    }
}

/// What a worker says.
pub(crate) enum Said {
    Recorded(Box<Interval>),
    Ended(Option<ThreadTime>),
}

/// Starts a load of operations of the named kinds, which take turns. `log` receives the latencies second by second in
/// the log format of `HdrHistogram`.
pub fn start<L: Lanes>(
    plan: Plan,
    kinds: Vec<String>,
    lanes: &L,
    log: Option<Box<dyn io::Write + Send>>,
) -> Result<Running, StartError> {
    plan.check()?;
    if kinds.is_empty() {
        return Err(StartError::Operations);
    }
    allow_connections();
    let workers = match &plan.model {
        // The barrier between rounds is one thread's business.
        Model::Rounds { .. } => 1,
        Model::Users { users, .. } => plan.threads.min(*users),
        Model::Open { .. } => plan.threads.min(plan.in_flight),
    };
    let orders = Orders::new(workers as usize);
    let begin = Instant::now() + LEAD;
    let (say, said) = mpsc::unbounded_channel();
    let mut emptied = Vec::new();
    let mut threads = Vec::new();
    for worker in 0..workers {
        let (give_back, taken_back) = std_mpsc::channel();
        emptied.push(give_back);
        let one = Sending {
            number: worker,
            workers,
            plan: plan.clone(),
            ear: orders.ear(worker as usize),
            recorder: Recorder::new(kinds.clone()),
            outlet: Outlet { worker: worker as usize, send: say.clone(), emptied: taken_back, every: STEP },
            begin,
        };
        let lanes = lanes.clone();
        let spawned = thread::Builder::new().name(format!("load-{worker}")).spawn(move || lanes.run(one));
        match spawned {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                orders.give(Order::Abort);
                return Err(error.into());
            }
        }
    }
    drop(say);
    let (publish, live) = watch::channel(Live::default());
    let collector = Collector::new(plan, kinds, begin, orders.clone(), emptied);
    let collecting = thread::Builder::new()
        .name("load-collect".into())
        .spawn(move || collect::run(collector, said, &publish, threads, log));
    match collecting {
        Ok(thread) => Ok(Running { orders, live, collector: Some(thread) }),
        Err(error) => {
            orders.give(Order::Abort);
            Err(error.into())
        }
    }
}

/// What one thread of a load has to send.
pub struct Sending {
    number: u32,
    workers: u32,
    plan: Plan,
    ear: Ear,
    recorder: Recorder,
    outlet: Outlet,
    begin: Instant,
}

impl Sending {
    pub(crate) fn run<L: Lanes>(self, lanes: &L) {
        let say = self.outlet.send.clone();
        let worker = self.outlet.worker;
        if let Ok(runtime) = Builder::new_current_thread().enable_all().build() {
            // One task has the thread to itself; a budget would only interrupt it.
            runtime.block_on(tokio::task::unconstrained(self.send(lanes)));
            // A look-up of a host name may still block a thread; it is not waited for.
            runtime.shutdown_background();
            // Whoever listened is gone only when the load is given up.
            let _ = say.send((worker, Said::Ended(ThreadTime::now())));
        }
    }

    async fn send<L: Lanes>(self, lanes: &L) {
        let Self { number, workers, plan, ear, recorder, outlet, begin } = self;
        let mut recorder = recorder.with_outlet(outlet, begin);
        let mut new_lane = lanes.worker();
        let share = |total: u32| total / workers + u32::from(number < total % workers);
        let bounds = Bounds {
            in_flight: share(plan.in_flight) as usize,
            at_cap: plan.at_cap,
            room_until: None,
            drain: plan.drain,
        };
        let place = (u64::from(number), u64::from(workers));
        match &plan.model {
            Model::Rounds { concurrency, rounds } => {
                recorder.plan_in_turn(u64::from(*concurrency) * u64::from(*rounds));
                let bounds = Bounds { in_flight: usize::MAX, ..bounds };
                tokio::time::sleep_until(begin).await;
                // The lanes of a round are those of the round before: connections are kept.
                let mut idle = Vec::new();
                for round in 0..*rounds {
                    if matches!(ear.order(), Order::Drain | Order::Abort) {
                        break;
                    }
                    let mut source = Source::burst(round, *concurrency);
                    let lane = || idle.pop().unwrap_or_else(&mut new_lane);
                    idle = drive(&mut source, bounds, &mut recorder, &ear, Pace::fine(), lane).await;
                }
            }
            Model::Users { users, think, duration } => {
                let users = share(*users);
                let bounds = Bounds { in_flight: users as usize, ..bounds };
                let mut source = Source::users(users, *think, (begin, begin + *duration), place);
                drive(&mut source, bounds, &mut recorder, &ear, Pace::fine(), new_lane).await;
            }
            Model::Open { arrivals, stages } => {
                let schedule = Schedule::new(*arrivals, stages).share(place.0, place.1);
                let mut source = Source::open(schedule, begin, u64::MAX);
                let room_until = plan.duration().map(|lasting| begin + lasting + plan.drain);
                let bounds = Bounds { room_until, ..bounds };
                drive(&mut source, bounds, &mut recorder, &ear, Pace::fine(), new_lane).await;
            }
        }
    }
}
