//! A capacity run: one load, or one load after another in search of the limit, judged.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::collect::{Live, LoadEnding, LoadResult};
use crate::criteria::{Judgement, Threshold, judge};
use crate::engine::{Lanes, StartError, start};
use crate::figures::Figures;
use crate::fitness::FitnessLimits;
use crate::limit::{Finder, Limit, Search, Step};
use crate::orders::{Order, Orders};
use crate::plan::{Arrivals, Model, Plan, PlanError, Stage};

/// The longest try of a search: one that is to send enough operations at a low rate ends here all the same.
const LONGEST_TRY: Duration = Duration::from_secs(600);

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// One load.
    Load(Plan),
    /// The highest rate at which every criterion holds.
    Limit {
        /// How it is looked for.
        search: Search,
        /// What every try is, but for its rate; an open load of one stage.
        each: Plan,
    },
}

impl Wanted {
    /// A search whose tries are steady loads of `duration`.
    pub fn limit(search: Search, arrivals: Arrivals, duration: Duration) -> Self {
        let stages = vec![Stage::steady(search.from, duration)];
        Self::Limit { search, each: Plan::new(Model::Open { arrivals, stages }) }
    }

    /// The plan, or that of every try.
    pub fn plan(&self) -> &Plan {
        match self {
            Self::Load(plan) => plan,
            Self::Limit { each, .. } => each,
        }
    }

    /// The same plan with other bounds.
    #[must_use]
    pub fn bounded(mut self, bound: impl FnOnce(&mut Plan)) -> Self {
        match &mut self {
            Self::Load(plan) => bound(plan),
            Self::Limit { each, .. } => bound(each),
        }
        self
    }

    /// Refuses what cannot be done, before anything is sent.
    pub fn check(&self) -> Result<(), PlanError> {
        if let Self::Limit { search, .. } = self {
            search.check()?;
        }
        self.plan().check()
    }
}

/// The plan of a try at a rate. It lasts longer where it would send fewer operations than the criteria need.
fn at_rate(each: &Plan, rate: f64, fewest: u64) -> Plan {
    let mut plan = each.clone();
    if let Model::Open { stages, .. } = &mut plan.model {
        let needed =
            Duration::try_from_secs_f64(fewest as f64 / rate).unwrap_or(LONGEST_TRY).min(LONGEST_TRY);
        for stage in stages {
            *stage = Stage::steady(rate, stage.duration.max(needed));
        }
    }
    plan
}

/// Gives orders to whatever load of a capacity run is under way, and to those that follow it.
#[derive(Clone, Debug, Default)]
pub struct Control(Arc<Mutex<(Order, Option<Orders>)>>);

impl Control {
    /// Gives an order, as [`Orders::give`].
    pub fn give(&self, order: Order) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rank = |order| match order {
            Order::Run | Order::Pause => 0,
            Order::Drain => 1,
            Order::Abort => 2,
        };
        if rank(order) < rank(held.0) {
            return;
        }
        held.0 = order;
        if let Some(orders) = &held.1 {
            orders.give(order);
        }
    }

    /// The order that holds.
    pub fn now(&self) -> Order {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    fn hand(&self, orders: &Orders) {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        orders.give(held.0);
        held.1 = Some(orders.clone());
    }
}

/// What is told while a capacity run goes on.
#[derive(Debug)]
pub enum Seen<'a> {
    /// A load starts.
    Started(&'a Plan),
    /// Ten times a second what has happened so far in it.
    Live(&'a Live),
    /// A try of a search is over.
    Tried(&'a Step),
}

/// What a capacity run measured.
#[derive(Clone, Debug)]
pub struct Measured {
    /// What was found, where the limit was looked for.
    pub limit: Option<Limit>,
    /// The load; of a search the one at the highest rate at which every criterion held, else the last.
    pub result: LoadResult,
    /// What became of its criteria.
    pub judgement: Judgement,
    /// Its latencies second by second in the log format of `HdrHistogram`; empty where they went to `log` themselves.
    pub log: Vec<u8>,
}

/// A capacity run that is to be carried out.
#[derive(Debug)]
pub struct Job<'a, L> {
    /// What is wanted.
    pub wanted: &'a Wanted,
    /// Names of what is sent in turn.
    pub kinds: &'a [String],
    /// What sends it.
    pub lanes: &'a L,
    /// What is demanded.
    pub thresholds: &'a [Threshold],
    /// When this computer is not fit to measure.
    pub limits: FitnessLimits,
}

/// Sends what is wanted to its end, and judges it. The log of one load goes to `log` while it is sent; that of a search,
/// which is known when it is over, is part of what is returned. Dropping the future aborts the load.
pub async fn measure<L: Lanes>(
    job: Job<'_, L>,
    log: Option<Box<dyn io::Write + Send>>,
    control: &Control,
    mut see: impl FnMut(Seen<'_>),
) -> Result<Measured, StartError> {
    let Job { wanted, kinds, lanes, thresholds, limits } = job;
    wanted.check()?;
    let (search, each) = match wanted {
        Wanted::Load(plan) => {
            let result = send(plan, kinds, lanes, log, control, &mut see).await?;
            let judgement = judge(&result, thresholds, &limits);
            return Ok(Measured { limit: None, result, judgement, log: Vec::new() });
        }
        Wanted::Limit { search, each } => (search, each),
    };
    let fewest = thresholds.iter().map(|threshold| threshold.fewest(kinds.len())).max().unwrap_or(1);
    let mut finder = Finder::new(*search);
    // What is kept of the tries: the whole of each would take megabytes.
    let mut kept: Option<Measured> = None;
    while let Some(rate) = finder.next() {
        let buffer = Buffer::default();
        let writer = Box::new(buffer.clone());
        let result =
            send(&at_rate(each, rate, fewest), kinds, lanes, Some(writer), control, &mut see).await?;
        let judgement = judge(&result, thresholds, &limits);
        let whole = result.ending == LoadEnding::Completed;
        let figures = Figures::from(&result);
        let met_before = finder.limit().highest_met;
        if whole {
            finder.tell(judgement.clone(), figures);
            if let Some(step) = finder.limit().steps.last() {
                see(Seen::Tried(step));
            }
        }
        let holds = finder.limit().highest_met != met_before;
        if holds || met_before.is_none() {
            kept = Some(Measured { limit: None, result, judgement, log: buffer.take() });
        }
        if !whole {
            break;
        }
    }
    let mut measured = kept.unwrap_or_else(|| Measured {
        limit: None,
        result: LoadResult::default(),
        judgement: judge(&LoadResult::default(), thresholds, &limits),
        log: Vec::new(),
    });
    measured.limit = Some(finder.into_limit());
    Ok(measured)
}

/// Aborts a load that nobody waits for any more.
struct Abandoned(Orders);

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.give(Order::Abort);
    }
}

async fn send<L: Lanes>(
    plan: &Plan,
    kinds: &[String],
    lanes: &L,
    log: Option<Box<dyn io::Write + Send>>,
    control: &Control,
    see: &mut impl FnMut(Seen<'_>),
) -> Result<LoadResult, StartError> {
    let running = start(plan.clone(), kinds.to_vec(), lanes, log)?;
    let _abandoned = Abandoned(running.orders.clone());
    control.hand(&running.orders);
    see(Seen::Started(plan));
    let mut live = running.live.clone();
    let joined = tokio::task::spawn_blocking(move || running.join());
    while live.changed().await.is_ok() {
        let now = live.borrow_and_update().clone();
        see(Seen::Live(&now));
    }
    match joined.await {
        Ok(result) => Ok(result),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is ending, and nobody will look at it.
            Err(_) => Ok(LoadResult { ending: LoadEnding::Aborted, ..LoadResult::default() }),
        },
    }
}

/// A log in memory.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drive::Lane;
    use crate::limit::Found;
    use crate::record::Outcome;
    use crate::{Failure, FailureClass, Operation, Phases, State};

    /// Answers at once, and fails from a given operation of each load on.
    #[derive(Clone)]
    struct Good(u64);

    impl Lanes for Good {
        type Lane = Self;

        fn worker(&self) -> impl FnMut() -> Self {
            || self.clone()
        }
    }

    impl Lane for Good {
        async fn perform(&mut self, operation: Operation) -> Outcome {
            if operation.index < self.0 {
                Ok(Phases::default())
            } else {
                Err(Failure::new(FailureClass::Status(503), "full"))
            }
        }
    }

    async fn limit_of(good_until: u64, control: &Control) -> Measured {
        let search = Search { from: 100.0, up_to: 400.0, precision: 0.5, steps: 20 };
        let wanted = Wanted::limit(search, Arrivals::Constant, Duration::from_millis(200));
        let thresholds = ["failures<=0".parse().unwrap()];
        let kinds = ["a".to_owned()];
        let lanes = Good(good_until);
        let limits = FitnessLimits::default();
        let job = Job { wanted: &wanted, kinds: &kinds, lanes: &lanes, thresholds: &thresholds, limits };
        measure(job, None, control, |_| {}).await.unwrap()
    }

    /// A try of 200 ms sends a fifth of its rate.
    #[tokio::test]
    async fn of_a_search_the_load_at_the_highest_good_rate_is_kept_with_its_log() {
        let measured = limit_of(50, &Control::default()).await;
        let limit = measured.limit.unwrap();
        assert_eq!((limit.found, limit.highest_met), (Found::Knee, Some(200.0)));
        assert_eq!(measured.judgement.state, State::Met);
        assert_eq!(measured.result.total().planned, 40);
        assert!(String::from_utf8_lossy(&measured.log).contains("Tag=a"));
        let step = limit.steps.iter().find(|step| step.rate > 300.0).unwrap();
        assert_eq!((step.figures.planned, step.figures.failed), (80, 30));
    }

    #[tokio::test]
    async fn an_order_holds_for_the_loads_that_follow() {
        let control = Control::default();
        control.give(Order::Abort);
        control.give(Order::Run);
        let measured = limit_of(1000, &control).await;
        assert_eq!(measured.limit.unwrap().found, Found::Aborted);
        assert_eq!(measured.result.ending, LoadEnding::Aborted);
    }

    #[test]
    fn a_try_lasts_until_it_has_sent_enough_to_tell() {
        let wanted = Wanted::limit(
            Search { from: 10.0, up_to: 20.0, precision: 0.1, steps: 9 },
            Arrivals::Constant,
            Duration::from_secs(10),
        );
        assert_eq!(at_rate(wanted.plan(), 10.0, 299).duration(), Some(Duration::from_millis(29_900)));
        assert_eq!(at_rate(wanted.plan(), 100.0, 299).duration(), Some(Duration::from_secs(10)));
        assert_eq!(at_rate(wanted.plan(), 0.01, 299).duration(), Some(LONGEST_TRY));
    }
}
