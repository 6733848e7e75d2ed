//! The one oddity of a rehearsal's Railway, and counting how often its place was passed.

use std::sync::atomic::{AtomicU64, Ordering};

/// What Railway does otherwise than usual. Each is looked for at one place only, which is where it says what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oddity {
    // Tokens.
    AccountToken,
    WorkspaceToken,
    ProjectTokenAsBearer,
    AccountTokenAsProject,
    TokenRevoked,
    TokenRevokedMeanwhile,
    NotAuthorized,
    NotAuthorizedRestart,
    TwoFactor,
    PlanExpired,
    // Other ids.
    TokenOfOtherEnvironment,
    TokenOfOtherProject,
    EnvironmentOfOtherProject,
    DeploymentOfOtherProject,
    DeploymentOfOtherEnvironment,
    DeploymentOfOtherService,
    ProjectUnreadable,
    PrimaryUnknown,
    // Deployments.
    LatestFailed,
    LatestSkipped,
    Deploying,
    NeverDeployed,
    Sleeping,
    Crashed,
    Stopped,
    Replicas,
    StatusUnknown,
    StatusUnknownElsewhere,
    DeploymentChanged,
    DeploymentGone,
    StaleSuccess,
    // The restart's answer.
    NotRestartable,
    RestartFalse,
    RestartNull,
    RestartTimesOut,
    RestartGateway,
    RestartUnanswered,
    RestartAnsweredByPage,
    RestartProblem,
    // Limits and the edge.
    RateLimited,
    RateLimitedOnce,
    RestartRateLimited,
    RestartRateLimitedOnce,
    RestartTooQuick,
    BudgetLow,
    EdgeBlocked,
    EdgeDenied,
    EdgeLimited,
    GatewayOnce,
    Redirected,
    // Answers.
    Paged,
    PagedEndless,
    LogSurplus,
    LogsRefused,
    DocumentRefused,
}

/// The oddity of this Railway, if it has one.
#[derive(Debug, Default)]
pub(crate) struct Odd {
    oddity: Option<Oddity>,
    passed: AtomicU64,
}

impl Odd {
    pub(crate) fn new(oddity: Option<Oddity>) -> Self {
        Self { oddity, passed: AtomicU64::new(0) }
    }

    pub(crate) fn which(&self) -> Option<Oddity> {
        self.oddity
    }

    pub(crate) fn is(&self, oddity: Oddity) -> bool {
        self.oddity == Some(oddity)
    }

    /// How often the place of this oddity was passed, this time included; 0 where it is not the oddity.
    pub(crate) fn pass(&self, oddity: Oddity) -> u64 {
        if self.is(oddity) { self.passed.fetch_add(1, Ordering::Relaxed) + 1 } else { 0 }
    }
}
