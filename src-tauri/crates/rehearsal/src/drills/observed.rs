//! What was seen on the real code (API facts 17).

use super::{Defect, Row};

pub(super) const ROWS: &[Row] = &[
    (
        "worker-strands-runs",
        "Stranded runs",
        "Each worker process does one run and strands those it had taken besides",
        &["L2"],
        "L2.stuck",
        "run.stuck",
        Defect::WorkerStrandsRuns,
    ),
    (
        "restart-strands-run",
        "A verified restart strands a run",
        "The restart of the worker is verified, and the runs that it hit are never taken up again",
        &["C1"],
        "C1.stuck",
        "run.stuck",
        Defect::RunStranded,
    ),
    (
        "agents-idle",
        "Idle agents",
        "Runs succeed without a single agent step",
        &["BUCKET"],
        "runs.idle",
        "run.idle",
        Defect::AgentsIdle,
    ),
    (
        "late-flip",
        "Late flip",
        "Long after a restart a second delivery turns a run that had succeeded into a failed one",
        &["C1", "C2"],
        "runs.flipped",
        "run.flipped",
        Defect::LateFlip,
    ),
    (
        "streams-use-up-pool",
        "Streams use up the database",
        "Each open stream keeps a database connection; the ninth and everything beside it is answered with 500",
        &["L3"],
        "L3.streams",
        "stream.refused",
        Defect::StreamsUsePool,
    ),
    (
        "dependency-freezes-api",
        "One slow dependency freezes everything",
        "A storage call hangs inside the API's only loop, and every other request waits for it",
        &["L3"],
        "api.stalls",
        "api.stalled",
        Defect::DependencyFreezes,
    ),
    (
        "worker-listed-but-dead",
        "A dead worker is listed",
        "The worker dies after its first run; its boot key goes on saying that it is available",
        &["L1"],
        "steady.end",
        "worker.down",
        Defect::WorkerListedDead,
    ),
];
