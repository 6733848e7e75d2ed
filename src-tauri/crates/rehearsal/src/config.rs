//! What the processes of a rehearsal know of each other, and how the environment behaves.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::sync::oneshot;

use crate::drills::{Defect, Drill, Switch};
use crate::oddities::Row;

/// The result of a process.
pub(crate) type Outcome = Result<(), Box<dyn std::error::Error + Send + Sync>>;

/// The bucket of staging.
pub(crate) const BUCKET: &str = "agentverse-staging-artifacts";
/// A bucket as production would have it, which the staging key must not see.
pub(crate) const OTHER_BUCKET: &str = "agentverse-artifacts";

/// Options of `up`.
#[derive(Args, Clone, Debug)]
pub(crate) struct Options {
    /// How the environment behaves
    #[arg(long, value_enum, default_value = "healthy")]
    pub(crate) profile: Profile,
    /// A healthy environment with this one defect
    #[arg(long, value_name = "NAME", value_parser = Drill::find, conflicts_with = "profile")]
    pub(crate) drill: Option<Drill>,
    /// A healthy environment whose Railway has this one oddity
    #[arg(long, value_name = "NAME", value_parser = Row::find, conflicts_with_all = ["profile", "drill"])]
    pub(crate) oddity: Option<&'static Row>,
    /// Milliseconds from kill to serving again
    #[arg(long, default_value_t = 1500)]
    pub(crate) worker_restart_ms: u64,
    /// Milliseconds from kill to serving again
    #[arg(long, default_value_t = 2500)]
    pub(crate) api_restart_ms: u64,
    /// Milliseconds from kill to serving again
    #[arg(long, default_value_t = 1500)]
    pub(crate) postgres_restart_ms: u64,
    /// Restart as slowly as the recorded staging did: worker 5 s, API 65 s, Postgres 30 s
    #[arg(long)]
    pub(crate) recorded_durations: bool,
    /// Milliseconds that a run takes on average
    #[arg(long, default_value_t = 1200)]
    pub(crate) run_ms: u64,
    /// Where the state lives; a temporary folder otherwise
    #[arg(long)]
    pub(crate) state: Option<PathBuf>,
}

/// How an environment behaves (API facts, "Two API generations").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Profile {
    /// The contract as it is meant
    Healthy,
    /// The same at the edges of what it allows: slow answers, lists in any order, tasks delivered twice
    Restless,
    /// The second generation as recorded, faults included
    G2,
    /// The first generation as recorded, faults included
    G1,
}

/// How the environment behaves: as a generation did or is meant to, with at most one defect besides.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Behaviour {
    profile: Profile,
    pub(crate) defect: Option<Defect>,
}

impl Behaviour {
    pub(crate) fn new(profile: Profile, defect: Option<Defect>) -> Self {
        Self { profile, defect }
    }

    fn healthy(&self) -> bool {
        matches!(self.profile, Profile::Healthy | Profile::Restless)
    }

    /// Whether everything that the contract leaves open varies.
    pub(crate) fn restless(&self) -> bool {
        self.profile == Profile::Restless
    }

    /// Whether the contract as it is meant is kept where `defect` would break it.
    fn healthy_but(&self, defect: Defect) -> bool {
        self.healthy() && self.defect != Some(defect)
    }

    /// Whether the second generation's paths exist.
    pub(crate) fn second_generation(&self) -> bool {
        self.profile != Profile::G1
    }

    /// Whether a fork creates a node.
    pub(crate) fn fork_works(&self) -> bool {
        self.profile != Profile::G1
    }

    /// Whether auto-tune answers.
    pub(crate) fn auto_tune_works(&self) -> bool {
        self.healthy_but(Defect::AutoTuneFails)
    }

    /// Whether calibration jobs reach the worker.
    pub(crate) fn jobs_work(&self) -> bool {
        self.healthy_but(Defect::JobsNeverQueued)
    }

    /// Whether exports hold records.
    pub(crate) fn exports_hold_records(&self) -> bool {
        self.healthy_but(Defect::ExportEmpty)
    }

    /// Whether exports outlive the API's process.
    pub(crate) fn exports_are_kept(&self) -> bool {
        self.healthy_but(Defect::ExportsInMemory)
    }

    /// Whether the length of the queue is told as it is.
    pub(crate) fn tells_queue_length(&self) -> bool {
        self.healthy()
    }

    /// Whether the worker writes evidence packs.
    pub(crate) fn writes_packs(&self) -> bool {
        self.healthy_but(Defect::PacksAbsent)
    }

    /// Whether a replay is refused for objects of other tenants.
    pub(crate) fn guards_objects(&self) -> bool {
        self.healthy_but(Defect::TenantObjectReadable)
    }

    /// Whether agents do anything.
    pub(crate) fn agents_act(&self) -> bool {
        self.profile != Profile::G1 && self.defect != Some(Defect::AgentsIdle)
    }

    /// Whether each of the worker's children does one run in its life.
    pub(crate) fn one_run_per_child(&self) -> bool {
        self.profile == Profile::G1 || self.defect == Some(Defect::WorkerStrandsRuns)
    }

    /// Milliseconds until a task of a dead worker is delivered again.
    pub(crate) fn redelivery_ms(&self) -> u64 {
        if self.healthy_but(Defect::RunStranded) { 1500 } else { 3_600_000 }
    }

    /// Whether a second delivery of a finished run turns it to failed.
    pub(crate) fn redelivery_flips(&self) -> bool {
        !self.healthy_but(Defect::SucceededFails)
    }

    /// The switch of a process.
    pub(crate) fn switch(&self) -> Switch {
        Switch::new(self.defect)
    }
}

/// A service process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// The HTTP API
    Api,
    /// The task worker
    Worker,
    /// The database
    Postgres,
    /// The queue
    Redis,
    /// The object store
    Minio,
    /// The web front
    Web,
}

impl Role {
    pub(crate) const ALL: [Self; 6] =
        [Self::Postgres, Self::Redis, Self::Minio, Self::Api, Self::Worker, Self::Web];

    /// The short name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Minio => "minio",
            Self::Web => "web",
        }
    }

    /// The name Railway shows (API facts 2).
    pub(crate) fn service_name(self) -> &'static str {
        match self {
            Self::Api => "agentverse-api-staging",
            Self::Worker => "agentverse-worker-staging",
            Self::Postgres => "postgres-staging",
            Self::Redis => "redis-staging",
            Self::Minio => "minio-staging",
            Self::Web => "agentverse-web-staging",
        }
    }
}

/// Everything a service process is told, on the first line of its standard input: no secret is in its arguments.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) behaviour: Behaviour,
    /// How often this service was started before.
    pub(crate) restarts: u32,
    pub(crate) state: PathBuf,
    pub(crate) api_port: u16,
    pub(crate) web_port: u16,
    pub(crate) postgres_port: u16,
    pub(crate) redis_port: u16,
    pub(crate) minio_port: u16,
    pub(crate) run_ms: u64,
    pub(crate) email: String,
    pub(crate) password: String,
    pub(crate) user_id: String,
    pub(crate) jwt_secret: String,
    pub(crate) ops_key: String,
    pub(crate) s3_access_key: String,
    pub(crate) s3_secret_key: String,
    /// The key of API and worker, which is not the one that a check is given.
    pub(crate) services_access_key: String,
    pub(crate) services_secret_key: String,
}

impl Setup {
    /// Reads the first line, and answers with what becomes ready when the input ends.
    pub(crate) async fn from_stdin()
    -> Result<(Self, oneshot::Receiver<()>), Box<dyn std::error::Error + Send + Sync>> {
        let mut stdin = BufReader::new(tokio::io::stdin());
        let mut line = String::new();
        stdin.read_line(&mut line).await?;
        let setup = serde_json::from_str(&line)?;
        let (ended, wait) = oneshot::channel();
        tokio::spawn(async move {
            let mut rest = [0_u8; 64];
            while stdin.read(&mut rest).await.is_ok_and(|count| count > 0) {}
            let _ = ended.send(());
        });
        Ok((setup, wait))
    }
}

/// A line of a service's log; the supervisor keeps it.
#[expect(clippy::print_stderr, reason = "the log of a service is its standard error")]
pub(crate) fn say(line: &str) {
    eprintln!("{line}");
}
