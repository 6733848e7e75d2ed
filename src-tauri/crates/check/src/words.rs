//! The words of a check, used alike in code, journal, reports and on screen.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of the eight tests of the runbook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum TestId {
    /// Universe node expansion concurrency.
    L1,
    /// Calibration and auto-tune mixed workload.
    L2,
    /// Replay streaming and export stress.
    L3,
    /// Worker restart mid-run.
    C1,
    /// API restart mid-stream.
    C2,
    /// Transient database failure.
    C3,
    /// Integrity of run evidence packs.
    Rep,
    /// Isolation of the bucket.
    Bucket,
}

impl TestId {
    /// All eight, in the order a check runs them.
    pub const ALL: [Self; 8] =
        [Self::L1, Self::L2, Self::L3, Self::C1, Self::C2, Self::C3, Self::Rep, Self::Bucket];

    /// The short name.
    pub fn name(self) -> &'static str {
        match self {
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::L3 => "L3",
            Self::C1 => "C1",
            Self::C2 => "C2",
            Self::C3 => "C3",
            Self::Rep => "REP",
            Self::Bucket => "BUCKET",
        }
    }

    /// The runbook's title.
    pub fn title(self) -> &'static str {
        match self {
            Self::L1 => "Universe Node Expansion Concurrency",
            Self::L2 => "Calibration + Auto-Tune Mixed Workload",
            Self::L3 => "Replay Streaming + Export Stress",
            Self::C1 => "Worker Restart Mid-Run",
            Self::C2 => "API Restart Mid-Stream",
            Self::C3 => "Transient DB Failure Simulation",
            Self::Rep => "REP Integrity",
            Self::Bucket => "Bucket Isolation",
        }
    }

    /// Whether the test injects a fault.
    pub fn is_chaos(self) -> bool {
        matches!(self, Self::C1 | Self::C2 | Self::C3)
    }
}

impl fmt::Display for TestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for TestId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|test| test.name().eq_ignore_ascii_case(text.trim()))
            .ok_or_else(|| format!("there is no test {text:?}; the tests are L1 L2 L3 C1 C2 C3 REP BUCKET"))
    }
}

/// Which tests a check runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suite {
    /// All eight.
    All,
    /// L1 to L3.
    Load,
    /// C1 to C3.
    Chaos,
    /// REP and BUCKET.
    Verify,
    /// A list of tests.
    Tests(Vec<TestId>),
}

impl Suite {
    /// Its tests in the order they run.
    pub fn tests(&self) -> Vec<TestId> {
        match self {
            Self::All => TestId::ALL.to_vec(),
            Self::Load => vec![TestId::L1, TestId::L2, TestId::L3],
            Self::Chaos => vec![TestId::C1, TestId::C2, TestId::C3],
            Self::Verify => vec![TestId::Rep, TestId::Bucket],
            Self::Tests(list) => TestId::ALL.into_iter().filter(|test| list.contains(test)).collect(),
        }
    }

    /// Whether it is the whole runbook; only that can end in GO.
    pub fn is_whole(&self) -> bool {
        self.tests().len() == TestId::ALL.len()
    }

    /// How the scope reads in a verdict: `all tests`, `load only`, `L1, C2 only`.
    pub fn scope(&self) -> String {
        if self.is_whole() {
            return "all tests".into();
        }
        match self {
            Self::All => "all tests".into(),
            Self::Load => "load only".into(),
            Self::Chaos => "chaos only".into(),
            Self::Verify => "verification only".into(),
            Self::Tests(_) => {
                let names: Vec<_> = self.tests().iter().map(|test| test.name()).collect();
                format!("{} only", names.join(", "))
            }
        }
    }
}

/// How sure a measured value is: one scale, used everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Sureness {
    /// The real operation ran and its effect was read back by another way.
    Proven,
    /// The real operation ran; its effect could not be read back.
    Observed,
    /// A stand-in for the operation ran.
    Proxied,
    /// No fault was injected; the load around it was real.
    Simulated,
    /// This server cannot do it.
    NotDrivable,
    /// Credentials or selection left it out.
    NotChecked,
}

impl Sureness {
    /// As shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Observed => "observed",
            Self::Proxied => "proxied",
            Self::Simulated => "simulated",
            Self::NotDrivable => "not drivable",
            Self::NotChecked => "not checked",
        }
    }
}

/// How the chaos tests of a check were run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum ChaosMode {
    /// Services were really restarted.
    Real,
    /// The load was real, nothing was restarted.
    Simulated,
    /// The suite holds no chaos test, or none was reached.
    NotRun,
}

impl ChaosMode {
    /// As shown to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Simulated => "simulated",
            Self::NotRun => "not run",
        }
    }
}

/// A service of the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Service {
    /// The API.
    Api,
    /// The worker that executes runs.
    Worker,
    /// The web front.
    Web,
    /// The object store.
    Minio,
    /// The database.
    Postgres,
    /// The queue.
    Redis,
}

impl Service {
    /// All services.
    pub const ALL: [Self; 6] = [Self::Api, Self::Worker, Self::Web, Self::Minio, Self::Postgres, Self::Redis];

    /// The word used on the command line and in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
            Self::Web => "web",
            Self::Minio => "minio",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
        }
    }

    /// The name people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Api => "API",
            Self::Worker => "Worker",
            Self::Web => "Web",
            Self::Minio => "MinIO",
            Self::Postgres => "Postgres",
            Self::Redis => "Redis",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.name())
    }
}

impl FromStr for Service {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|service| service.name().eq_ignore_ascii_case(text)).ok_or_else(|| {
            format!("there is no service {text:?}; the services are api worker web minio postgres redis")
        })
    }
}
