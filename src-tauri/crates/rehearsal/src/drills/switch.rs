//! The one defect of a rehearsal, and counting how often its place was passed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::PackFlaw;

/// What is wrong. Each is looked for at one place only, which is where it says what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Defect {
    // Load.
    ExpansionFails,
    ExpansionLost,
    ExpansionDoubled,
    ExpansionWrongParent,
    ExpansionWrongDepth,
    GraphCycle,
    EdgeToNowhere,
    SlowTail,
    HiddenStall,
    LimiterStorm,
    AutoTuneFails,
    VersionDoubled,
    CalibrationWrong,
    BacklogPeaks,
    BacklogStays,
    JobsNeverQueued,
    JobForgotten,
    // Streaming and storage.
    TickMissing,
    TickRepeated,
    TicksOutOfOrder,
    StreamWithoutEnd,
    StreamStalls,
    ExportEmpty,
    ExportForeign,
    BucketSlow,
    BucketFlaky,
    BucketFull,
    BucketCorrupts,
    // Chaos.
    WorkerRestartIgnored,
    ApiRestartIgnored,
    RestartsTwice,
    WorkerNeverReturns,
    QueueLost,
    RunLost,
    RunDoneTwice,
    SucceededFails,
    ExportsInMemory,
    StreamGap,
    SlowRecovery,
    LastSecondLost,
    TornWrite,
    StaleReads,
    OtherDeployment,
    // Evidence.
    Pack(PackFlaw),
    PacksAbsent,
    PackInWrongBucket,
    ObjectInSecondBucket,
    KeySeesOtherBucket,
    KeyReadsOtherBucket,
    ArtifactsElsewhere,
    TelemetryAltered,
    StrangeKey,
    // As seen on the real code.
    WorkerStrandsRuns,
    RunStranded,
    AgentsIdle,
    LateFlip,
    StreamsUsePool,
    DependencyFreezes,
    WorkerListedDead,
    TenantObjectReadable,
    // Deceit.
    WorkFails,
    ReadyUnhealthy,
    VersionChanges,
    VersionFlaps,
    ClockOff,
    OtherEnvironment,
}

/// The defect of this process, if it has one.
#[derive(Debug, Default)]
pub(crate) struct Switch {
    defect: Option<Defect>,
    passed: AtomicU64,
}

impl Switch {
    pub(crate) fn new(defect: Option<Defect>) -> Self {
        Self { defect, passed: AtomicU64::new(0) }
    }

    pub(crate) fn has(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    /// The damage to the evidence pack, where that is the defect.
    pub(crate) fn pack_flaw(&self) -> Option<PackFlaw> {
        match self.defect {
            Some(Defect::Pack(flaw)) => Some(flaw),
            _ => None,
        }
    }

    /// How often the place of this defect was passed, this time included; none where it is not the defect.
    pub(crate) fn pass(&self, defect: Defect) -> Option<u64> {
        self.has(defect).then(|| self.passed.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Whether this is the `number`-th time that the place is passed.
    pub(crate) fn nth(&self, defect: Defect, number: u64) -> bool {
        self.pass(defect) == Some(number)
    }

    /// Whether the place was passed `number` times or more, this time included.
    pub(crate) fn from(&self, defect: Defect, number: u64) -> bool {
        self.pass(defect).is_some_and(|passed| passed >= number)
    }

    /// Whether the place was ever passed. Does not pass it.
    pub(crate) fn passed(&self, defect: Defect) -> bool {
        self.has(defect) && self.passed.load(Ordering::Relaxed) > 0
    }

    /// Sleeps where `slow` says so.
    pub(crate) async fn linger(slow: bool, milliseconds: u64) {
        if slow {
            tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        }
    }
}
