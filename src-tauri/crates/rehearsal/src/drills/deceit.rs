//! Deceit: what the system says of itself is not what it is.

use super::{Defect, Row};

pub(super) const ROWS: &[Row] = &[
    (
        "healthy-but-failing",
        "Healthy, and the work fails",
        "Every health answer is healthy while every run after the first fails",
        &["L2"],
        "runs.failed",
        "run.failed",
        Defect::WorkFails,
    ),
    (
        "ready-but-unhealthy",
        "HTTP 200 with unhealthy",
        "Under load /health/ready turns to unhealthy in its body and goes on answering HTTP 200",
        &["L1"],
        "steady.end",
        "steady.broken",
        Defect::ReadyUnhealthy,
    ),
    (
        "version-changes",
        "A deployment during the check",
        "The API answers with another version from the first expansion on",
        &["L1"],
        "system.same",
        "system.changed",
        Defect::VersionChanges,
    ),
    (
        "deployment-rolled-back",
        "A deployment comes and goes",
        "For two seconds of the check another version answers; at the end it is the one of the start again",
        &["L1", "L3"],
        "system.same",
        "system.changed",
        Defect::VersionFlaps,
    ),
    (
        "clock-off",
        "The server's clock is wrong",
        "The clock of the API is seven minutes behind, that of the object store is right",
        &["L1"],
        "clocks",
        "clock.off",
        Defect::ClockOff,
    ),
    (
        "other-environment",
        "Another environment answers",
        "From the first expansion on the address is served by an API that calls itself production",
        &["L1"],
        "system.same",
        "system.changed",
        Defect::OtherEnvironment,
    ),
];
