//! A master and its workers on this computer.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use holdpoint_foreign::text;
use holdpoint_load::{Live, Order};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::watch;
use tokio::time::{Instant, interval, timeout, timeout_at};

use crate::follow::Follow;
use crate::package::PROGRAM;
use crate::told::Told;
use crate::{FleetPlan, Package, PackageError, Secrets, Venv, VenvError};

/// Until a process of Python has loaded Locust, on a busy computer.
const START: Duration = Duration::from_secs(60);
/// How often it is looked whether the load has begun.
const LOOK: Duration = Duration::from_millis(200);
/// Until a process has ended that was told to.
const END: Duration = Duration::from_secs(15);
/// From the word to start to the first intended start: on one computer nothing has far to go.
const LEAD_S: &str = "1";
/// The most workers on one computer.
pub const MOST_WORKERS_HERE: u32 = 64;
/// How much of the end of a log is looked at.
const TAIL: u64 = 4096;

/// What runs, and where it leaves what.
#[derive(Debug)]
pub struct Here<'a> {
    /// The environment of Python.
    pub venv: &'a Venv,
    /// How many workers; one is good for about as many operations a second as `BENCH.md` says.
    pub workers: u32,
    /// What the workers need to know and nobody else.
    pub secrets: &'a Secrets,
    /// A folder for the evidence and for what the processes say.
    pub folder: &'a Path,
}

/// Why a fleet on this computer came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum HereError {
    /// So many workers are not started here.
    #[error(
        "locust.here.workers: {0} workers cannot run on this computer; it takes 1 to {MOST_WORKERS_HERE}"
    )]
    Workers(u32),
    /// A process cannot be started, or its log cannot be written.
    #[error("locust.here.start: {what} could not be started: {source}")]
    Start {
        /// Which.
        what: String,
        /// Why.
        source: io::Error,
    },
    /// A process ended before the load began.
    #[error("locust.here.ended: {what} ended before the load began; it said: {said}")]
    Ended {
        /// Which.
        what: String,
        /// Its last words.
        said: String,
    },
    /// Somebody ended it before anything was sent.
    #[error("locust.here.stopped: it was ended before anything was sent")]
    Stopped,
    /// Nothing happened for longer than the load can take.
    #[error("locust.here.hung: the master neither went on nor ended; its log is {0}")]
    Hung(PathBuf),
}

/// A load, and what it takes to send it from here: for who has neither a package nor an environment of Python.
#[derive(Debug)]
pub struct Sending<'a> {
    /// The load.
    pub plan: &'a FleetPlan,
    /// What the workers need to know and nobody else.
    pub secrets: &'a Secrets,
    /// How many workers.
    pub workers: u32,
    /// A folder for the package, the evidence and what the processes say. There must be no package in it.
    pub folder: &'a Path,
    /// The file of further certificate authorities, where the plan wants them.
    pub authorities: Option<&'a Path>,
    /// Where environments of Python are kept; [`Venv::usual_folder`] is the account's.
    pub cache: PathBuf,
}

/// Why a load by workers on this computer came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// Its package.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// Its environment of Python.
    #[error(transparent)]
    Venv(#[from] VenvError),
    /// Its processes.
    #[error(transparent)]
    Here(#[from] HereError),
    /// A folder.
    #[error("locust.here.folder: the folder for the load cannot be used: {0}")]
    Folder(#[from] io::Error),
}

/// Writes a load down, makes the environment of Python where it is missing, sends the load by workers on this computer,
/// and answers with the package and the file of evidence, which [`gather`](crate::gather()) reads. `say` hears what takes
/// long before the load; `orders` and `see` are those of [`run_here`]. Whoever ends it before anything was sent does not
/// wait for what is being made.
pub async fn send_here(
    sending: Sending<'_>,
    say: impl Fn(&str) + Send + 'static,
    mut orders: watch::Receiver<Order>,
    see: impl FnMut(&Live),
) -> Result<(Package, PathBuf), SendError> {
    let Sending { plan, secrets, workers, folder, authorities, cache } = sending;
    // The processes are started elsewhere than where a relative path was typed.
    let folder = std::path::absolute(folder)?;
    let package = Package::write(&folder.join("package"), plan, authorities)?;
    let making = tokio::task::spawn_blocking(move || Venv::ensure(&cache, say));
    let venv = tokio::select! {
        made = making => made.map_err(io::Error::other)??,
        () = told_to_end(&mut orders) => return Err(HereError::Stopped.into()),
    };
    let here = Here { venv: &venv, workers, secrets, folder: &folder };
    let evidence = run_here(&package, here, orders, see).await?;
    Ok((package, evidence))
}

/// Whether an order ends a load.
pub(crate) fn ends(order: Order) -> bool {
    matches!(order, Order::Drain | Order::Abort)
}

/// Becomes ready with the order to end; never where nobody is left who could give it.
async fn told_to_end(orders: &mut watch::Receiver<Order>) {
    if orders.wait_for(|order| ends(*order)).await.is_err() {
        std::future::pending::<()>().await;
    }
}

struct Process {
    name: String,
    log: PathBuf,
    child: Child,
}

impl Process {
    fn start(name: &str, mut command: Command, folder: &Path) -> Result<Self, HereError> {
        let failed = |source| HereError::Start { what: format!("the {name} of Locust"), source };
        let log = folder.join(format!("{}.log", name.replace(' ', "-")));
        let file = File::create(&log).map_err(failed)?;
        let child = command.stderr(file).kill_on_drop(true).spawn().map_err(failed)?;
        Ok(Self { name: name.to_owned(), log, child })
    }

    /// It ended, and should not have.
    fn ended(&self) -> HereError {
        HereError::Ended { what: format!("the {} of Locust", self.name), said: tail(&self.log) }
    }
}

/// The last words in a log.
fn tail(log: &Path) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read().unwrap_or_default();
    let said = String::from_utf8_lossy(&bytes);
    let last: Vec<&str> = said.lines().rev().filter(|line| !line.trim().is_empty()).take(2).collect();
    let last: Vec<&str> = last.into_iter().rev().collect();
    if last.is_empty() { "nothing".into() } else { text::cut(&last.join(" "), 400) }
}

/// Sends the load of a package by workers on this computer, and answers with the file of evidence. `orders` says what is
/// to be done: [`Order::Drain`] starts nothing any more, [`Order::Abort`] gives up what is in flight; before anything is
/// sent either is an end at once. `see` hears that the load begins, and then of every report what has happened so far.
/// Dropping this ends every process.
pub async fn run_here(
    package: &Package,
    here: Here<'_>,
    mut orders: watch::Receiver<Order>,
    mut see: impl FnMut(&Live),
) -> Result<PathBuf, HereError> {
    if !(1..=MOST_WORKERS_HERE).contains(&here.workers) {
        return Err(HereError::Workers(here.workers));
    }
    let evidence = here.folder.join("evidence.ndjson");
    let count = here.workers.to_string();
    let mut command = locust(package, &here);
    command
        .args([
            "--master",
            "--headless",
            "--only-summary",
            "--master-bind-host",
            "127.0.0.1",
            "--master-bind-port",
            "0",
        ])
        .args([
            "--expect-workers",
            &count,
            "--expect-workers-max-wait",
            "60",
            "--users",
            &count,
            "--spawn-rate",
            "100",
        ])
        .env("HOLDPOINT_EVIDENCE", &evidence)
        .env("HOLDPOINT_CONTROL", "stdin")
        .env("HOLDPOINT_LEAD_S", LEAD_S)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut master = Process::start("master", command, here.folder)?;
    let mut control = master.child.stdin.take();
    let Some(stdout) = master.child.stdout.take() else { return Err(master.ended()) };
    let mut lines = BufReader::new(stdout).lines();
    let port = loop {
        tokio::select! {
            line = timeout(START, told(&mut lines)) => match line {
                Ok(Some(Told::Port(port))) => break port.to_string(),
                Ok(Some(Told::Live(_))) => {}
                Ok(None) => return Err(master.ended()),
                Err(_) => return Err(HereError::Hung(master.log)),
            },
            () = told_to_end(&mut orders) => return Err(HereError::Stopped),
        }
    };
    let mut workers = Vec::new();
    for number in 0..here.workers {
        let mut command = locust(package, &here);
        command
            .args(["--worker", "--master-host", "127.0.0.1", "--master-port", &port])
            .envs(here.secrets.variables())
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        workers.push(Process::start(&format!("worker {number}"), command, here.folder)?);
    }
    let plan = package.plan();
    let lasts = plan.load.duration().unwrap_or(holdpoint_load::plan::LONGEST) + plan.load.drain;
    let until = Instant::now() + lasts + Duration::from_secs_f64(plan.patience_s) + START + END;
    let mut follow = Follow::new(&evidence);
    let mut looks = interval(LOOK);
    let (mut ordered, mut begun) = (true, false);
    loop {
        tokio::select! {
            line = timeout_at(until, told(&mut lines)) => match line {
                Ok(Some(Told::Live(counts))) => see(&follow.seen(counts.unwrap_or_default().live())),
                Ok(Some(Told::Port(_))) => {}
                Ok(None) => break,
                Err(_) => return Err(HereError::Hung(master.log)),
            },
            changed = orders.changed(), if ordered => {
                ordered = changed.is_ok();
                let order = *orders.borrow_and_update();
                if ends(order) && !follow.has_begun() {
                    return Err(HereError::Stopped);
                }
                give(&mut control, order).await;
            }
            _ = looks.tick(), if !begun => {
                if follow.has_begun() {
                    begun = true;
                    see(&Live::default());
                }
                // With the evidence it is the master's business, which writes down who is gone.
                if let Some(gone) = workers.iter_mut().find_map(|one| matches!(one.child.try_wait(), Ok(Some(_))).then_some(&*one))
                    && !evidence.exists()
                {
                    return Err(gone.ended());
                }
            }
        }
    }
    // Whoever does not end is ended when this is dropped.
    let _ = timeout(END, master.child.wait()).await;
    for worker in &mut workers {
        let _ = timeout(END, worker.child.wait()).await;
    }
    if evidence.exists() { Ok(evidence) } else { Err(master.ended()) }
}

/// A process of Locust in the folder of the package. What the account sets for Locust by variables is not ours.
fn locust(package: &Package, here: &Here<'_>) -> Command {
    let mut command = Command::new(here.venv.python());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("LOCUST_") {
            command.env_remove(name);
        }
    }
    // Ctrl-C in a terminal is for this program, which ends the load in order.
    #[cfg(unix)]
    command.process_group(0);
    command
        .current_dir(package.folder())
        .args(["-m", "locust", "--locustfile", PROGRAM])
        .env("PYTHONUNBUFFERED", "1");
    command
}

async fn told(lines: &mut Lines<BufReader<ChildStdout>>) -> Option<Told> {
    loop {
        // Locust says things of its own on the same way.
        let line = lines.next_line().await.ok()??;
        if let Some(told) = line.strip_prefix("HOLDPOINT ").and_then(|text| serde_json::from_str(text).ok()) {
            return Some(told);
        }
    }
}

async fn give(control: &mut Option<ChildStdin>, order: Order) {
    let word: &[u8] = match order {
        Order::Drain => b"drain\n",
        Order::Abort => b"abort\n",
        Order::Run | Order::Pause => return,
    };
    if let Some(input) = control {
        // A master that does not hear any more has ended.
        let _ = input.write_all(word).await;
        let _ = input.flush().await;
    }
}
