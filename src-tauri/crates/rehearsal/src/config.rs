//! What the processes of a rehearsal know of each other, and how the environment behaves.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::sync::oneshot;

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
    #[arg(long, value_enum, conflicts_with = "profile")]
    pub(crate) drill: Option<crate::drills::Drill>,
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
    /// The second generation as recorded, faults included
    G2,
    /// The first generation as recorded, faults included
    G1,
}

/// Single behaviours, so that each can be switched by itself.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Behaviour {
    /// The one seeded defect.
    pub(crate) defect: Option<crate::drills::Drill>,
    /// Whether the second generation's paths exist.
    pub(crate) second_generation: bool,
    /// Whether a fork creates a node.
    pub(crate) fork_works: bool,
    /// Whether auto-tune answers.
    pub(crate) auto_tune_works: bool,
    /// Whether calibration jobs reach the worker.
    pub(crate) jobs_work: bool,
    /// Whether exports hold records.
    pub(crate) exports_hold_records: bool,
    /// Whether the worker writes evidence packs.
    pub(crate) writes_packs: bool,
    /// Whether agents do anything.
    pub(crate) agents_act: bool,
    /// Whether each of the worker's children does one run in its life.
    pub(crate) one_run_per_child: bool,
    /// Milliseconds until a task of a dead worker is delivered again.
    pub(crate) redelivery_ms: u64,
    /// Whether a second delivery of a finished run turns it to failed.
    pub(crate) redelivery_flips: bool,
}

impl Behaviour {
    pub(crate) fn of(profile: Profile) -> Self {
        let healthy = profile == Profile::Healthy;
        Self {
            defect: None,
            second_generation: profile != Profile::G1,
            fork_works: profile != Profile::G1,
            auto_tune_works: healthy,
            jobs_work: healthy,
            exports_hold_records: healthy,
            writes_packs: healthy,
            agents_act: profile != Profile::G1,
            one_run_per_child: profile == Profile::G1,
            redelivery_ms: if healthy { 1500 } else { 3_600_000 },
            redelivery_flips: !healthy,
        }
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
}

impl Setup {
    /// Whether a process of this name was started before in this rehearsal; notes that one is now.
    pub(crate) fn is_restart(&self, name: &str) -> std::io::Result<bool> {
        let mark = self.state.join(format!("{name}.started"));
        let again = mark.exists();
        std::fs::write(mark, [])?;
        Ok(again)
    }

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
