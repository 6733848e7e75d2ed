//! What each defect is called, and what a check must make of it.

use super::Drill;

/// What a drill teaches.
pub(crate) struct Lesson {
    /// Its name for people.
    pub(crate) title: &'static str,
    /// What goes wrong, in a line.
    pub(crate) what: &'static str,
    /// Where it stands in the list.
    pub(crate) group: &'static str,
    /// The tests that suffice to see it.
    pub(crate) tests: &'static [&'static str],
    /// The criterion that must not be met.
    pub(crate) criterion: &'static str,
    /// `no_go`; `no_verdict` where the check rightly refuses to begin.
    pub(crate) ends_in: &'static str,
}

const LOAD: &str = "load";
const STORAGE: &str = "streaming and storage";
const CHAOS: &str = "chaos";
const EVIDENCE: &str = "evidence";
const WHOLE: &str = "whole system";
const DECEIT: &str = "deceit";

const L1: &[&str] = &["L1"];
const L2: &[&str] = &["L2"];
const L3: &[&str] = &["L3"];
const C1: &[&str] = &["C1"];
const C2: &[&str] = &["C2"];
const C3: &[&str] = &["C3"];
const REP: &[&str] = &["L2", "REP"];
const BUCKET: &[&str] = &["L2", "BUCKET"];

fn no_go(
    group: &'static str,
    tests: &'static [&'static str],
    criterion: &'static str,
    title: &'static str,
    what: &'static str,
) -> Lesson {
    Lesson { title, what, group, tests, criterion, ends_in: "no_go" }
}

#[rustfmt::skip]
pub(super) fn of(drill: Drill) -> Lesson {
    use Drill as D;
    match drill {
        D::ExpansionFails => no_go(LOAD, L1, "L1.failures", "A failed expansion", "One of 30 node expansions answers 500"),
        D::ExpansionLost => no_go(LOAD, L1, "L1.ledger", "A lost expansion", "A node expansion is acknowledged and not stored"),
        D::ExpansionDoubled => no_go(LOAD, L1, "L1.ledger", "A doubled expansion", "A node expansion is stored twice"),
        D::WrongParent => no_go(LOAD, L1, "L1.graph", "Wrong parent", "A node is stored below another parent"),
        D::WrongDepth => no_go(LOAD, L1, "L1.graph", "Wrong depth", "A node is stored one level too deep"),
        D::Cycle => no_go(LOAD, L1, "L1.graph", "A cycle", "Two edges of the universe graph make a cycle"),
        D::EdgeToNowhere => no_go(LOAD, L1, "L1.graph", "An edge to nowhere", "An edge leads to a node that is not there"),
        D::SlowTail => no_go(LOAD, L1, "L1.p95", "A slow tail", "A few slow expansions put the P95 just over its limit"),
        D::Stall => no_go(LOAD, L1, "L1.p95", "A stall", "The whole API stands still for six seconds, once"),
        D::RateLimited => no_go(LOAD, L1, "L1.failures", "Refused by the limiter", "The limiter answers 429 long before its limit"),
        D::AutoTune500 => no_go(LOAD, L2, "L2.auto_tune", "Auto-tune fails", "Auto-tune answers every request with 500"),
        D::WrongScore => no_go(LOAD, L2, "L2.calibration", "A wrong score", "A calibration answers a score that is wrong"),
        D::BacklogPeak => no_go(LOAD, L2, "L2.backlog", "A high backlog", "The queue's backlog passes 100 and drains"),
        D::BacklogStuck => no_go(LOAD, L2, "L2.stuck", "A backlog that stays", "The queue's backlog never drains"),
        D::JobStuck => no_go(LOAD, L2, "L2.stuck", "One stuck job", "One calibration job is queued for ever"),
        D::JobsQueuedForEver => no_go(LOAD, L2, "L2.calibration", "Jobs that fail and wait", "Calibration jobs answer 500 and stay queued"),
        D::TickMissing => no_go(STORAGE, L3, "L3.streams", "A missing tick", "A stream leaves out a tick"),
        D::TickRepeated => no_go(STORAGE, L3, "L3.streams", "A repeated tick", "A stream sends a tick twice"),
        D::TicksOutOfOrder => no_go(STORAGE, L3, "L3.streams", "Ticks out of order", "A stream sends two ticks in the wrong order"),
        D::StreamWithoutEnd => no_go(STORAGE, L3, "L3.streams", "A stream without its end", "Streams close without their end event"),
        D::StreamStalls => no_go(STORAGE, L3, "L3.timeouts", "A stream that stalls", "A stream stays open and sends nothing"),
        D::ExportEmpty => no_go(STORAGE, L3, "L3.exports", "Empty exports", "Exports report that they are done and hold no records"),
        D::ExportForeign => no_go(STORAGE, L3, "L3.exports", "Exports of somebody else", "Exports hold runs of another project"),
        D::SlowBucket => no_go(STORAGE, L3, "L3.bucket", "A slow bucket", "Bucket writes take longer than anybody waits"),
        D::BucketWriteFails => no_go(STORAGE, L3, "L3.bucket", "Failing bucket writes", "One of ten bucket writes fails"),
        D::BucketFull => no_go(STORAGE, L3, "L3.bucket", "A full bucket", "The bucket takes no more writes"),
        D::RestartIgnored => no_go(CHAOS, C1, "C1.fault", "A restart that never happens", "Railway accepts the restart, the worker goes on as it was"),
        D::RestartsTwice => no_go(CHAOS, C1, "C1.once", "A second restart", "The restarted worker restarts once more by itself"),
        D::WorkerNeverReturns => no_go(CHAOS, C1, "C1.fault", "The worker stays away", "The worker does not come back from its restart"),
        D::SlowRecovery => no_go(CHAOS, C1, "C1.fault", "A slow recovery", "The worker comes back after the deadline"),
        D::RunStuckQueued => no_go(CHAOS, C1, "C1.stuck", "A run stuck in the queue", "A run is taken off the queue and never executed"),
        D::RunLost => no_go(CHAOS, C1, "C1.stuck", "Lost runs", "A run that a restart hits is never taken up again"),
        D::RunDoneTwice => no_go(CHAOS, C1, "C1.duplicates", "A run done twice", "A run is executed a second time after it was done"),
        D::LateFlip => no_go(CHAOS, C1, "runs.flipped", "A late flip", "A second delivery turns a run that had succeeded into a failed one"),
        D::WorkerStrandsRuns => no_go(CHAOS, C1, "C1.stuck", "Stranded runs", "Each worker process does one run and strands those it had taken besides"),
        D::WorkerListedDead => no_go(CHAOS, C1, "C1.fault", "Listed but dead", "After its restart the worker is listed and does nothing"),
        D::StreamGap => no_go(CHAOS, C2, "C2.streams", "A gap after resuming", "A stream that resumes after the restart leaves out ticks"),
        D::LastSecondLost => no_go(CHAOS, C3, "C3.ledger", "The last second is lost", "After its restart the database lacks acknowledged writes of the last second"),
        D::TornWrite => no_go(CHAOS, C3, "C3.ledger", "A torn write", "After its restart the database holds half of a write"),
        D::StaleReads => no_go(CHAOS, C3, "C3.unchanged", "Stale reads", "After its restart the database answers from before"),
        D::OtherDeployment => no_go(CHAOS, C1, "system.same", "Another deployment", "Another deployment of the API appears in the middle of the check"),
        D::PacksAbsent => no_go(EVIDENCE, REP, "REP.absent", "No evidence", "Runs succeed and leave no evidence pack"),
        D::PackFileAbsent => no_go(EVIDENCE, REP, "REP.corrupt", "A file is absent", "Of each evidence pack one file is absent, each time another"),
        D::PackFileEmpty => no_go(EVIDENCE, REP, "REP.corrupt", "A file is empty", "Of each evidence pack one file is empty, each time another"),
        D::PackFileTruncated => no_go(EVIDENCE, REP, "REP.corrupt", "A file is cut off", "Of each evidence pack one file ends in the middle, each time another"),
        D::PackFileNotUtf8 => no_go(EVIDENCE, REP, "REP.corrupt", "A file is not text", "Of each evidence pack one file is not UTF-8, each time another"),
        D::PackOfAnotherRun => no_go(EVIDENCE, REP, "REP.corrupt", "Evidence of another run", "Evidence packs name other runs"),
        D::PackCountsOff => no_go(EVIDENCE, REP, "REP.corrupt", "Counts off by one", "Manifests count one call more than the ledger holds"),
        D::LedgerCallDoubled => no_go(EVIDENCE, REP, "REP.corrupt", "A doubled call", "Ledgers hold a call twice, and manifests count it twice"),
        D::TraceBackwards => no_go(EVIDENCE, REP, "REP.corrupt", "Time runs backwards", "Two events of a trace have each other's time"),
        D::PackEdgeToNowhere => no_go(EVIDENCE, REP, "REP.corrupt", "A graph that leads nowhere", "The graph of an evidence pack has an edge to an unknown node"),
        D::PacksElsewhere => no_go(EVIDENCE, REP, "REP.absent", "Evidence in the wrong bucket", "Evidence packs are written to another bucket"),
        D::ArtifactsElsewhere => no_go(EVIDENCE, BUCKET, "BUCKET.c", "Artifacts in the wrong bucket", "Health names the right bucket, runs refer to another"),
        D::ArtifactByteChanged => no_go(EVIDENCE, BUCKET, "BUCKET.c", "One changed byte", "One byte of a stored artifact is not what was written"),
        D::KeyReadsProduction => no_go(EVIDENCE, BUCKET, "BUCKET.d", "A key that reaches too far", "The staging key reads a bucket that looks like production's"),
        D::AgentsIdle => no_go(WHOLE, L2, "runs.idle", "Idle agents", "Runs succeed without a single agent step"),
        D::StreamsUsePool => no_go(WHOLE, L3, "L3.exports", "Streams use up the database", "Open streams hold every database connection"),
        D::DependencyFreezes => no_go(WHOLE, L3, "L3.timeouts", "One slow dependency", "One slow call to the bucket freezes the whole API"),
        D::HealthLies => no_go(DECEIT, L3, "L3.bucket", "Health lies", "Health says healthy while the bucket refuses every write"),
        D::UnhealthyWith200 => no_go(DECEIT, L2, "steady.end", "Unhealthy with 200", "Readiness answers 200 and says unhealthy once the load has begun"),
        D::VersionChanges => no_go(DECEIT, C2, "system.same", "Another version", "Another version of the API answers after its restart"),
        D::ClockOff => Lesson { ends_in: "no_verdict", ..no_go(DECEIT, L1, "preflight", "A wrong clock", "The server's clock is five minutes off") },
        D::OtherEnvironment => Lesson { ends_in: "no_verdict", ..no_go(DECEIT, L1, "preflight", "Another environment", "The server says that it is production") },
    }
}
