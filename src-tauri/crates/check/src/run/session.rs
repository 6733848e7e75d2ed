//! What the preflight prepared and the tests share: a project, an explored node, and the list of what was created.

use std::sync::{Mutex, PoisonError};

use holdpoint_agentverse::types::Run;

use super::context::Context;
use crate::event::{Event, Phase};
use crate::words::TestId;

/// Shared by the tests of one check.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) has_jobs: bool,
    /// The user's id, which is also the tenant's.
    pub(super) tenant_id: String,
    pub(super) project_id: String,
    /// The explored root node.
    pub(super) baseline: String,
    /// The preflight's own run, succeeded.
    pub(super) first_run: Run,
    created: Mutex<Created>,
}

#[derive(Debug, Default)]
struct Created {
    projects: Vec<(String, String)>,
    runs: Vec<String>,
    smoke: Vec<String>,
}

impl Session {
    pub(super) fn new(
        has_jobs: bool,
        tenant_id: String,
        project: (String, String),
        baseline: String,
        first_run: Run,
    ) -> Self {
        let created = Created {
            projects: vec![project.clone()],
            runs: vec![first_run.run_id.clone()],
            smoke: Vec::new(),
        };
        Self { has_jobs, tenant_id, project_id: project.0, baseline, first_run, created: Mutex::new(created) }
    }

    fn created(&self) -> std::sync::MutexGuard<'_, Created> {
        self.created.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note_project(&self, id: &str, name: &str) {
        self.created().projects.push((id.into(), name.into()));
    }

    pub(super) fn note_run(&self, id: &str) {
        self.created().runs.push(id.into());
    }

    pub(super) fn note_smoke_object(&self, key: &str) {
        self.created().smoke.push(key.into());
    }

    pub(super) fn created_projects(&self) -> Vec<(String, String)> {
        self.created().projects.clone()
    }

    pub(super) fn run_ids(&self) -> Vec<String> {
        self.created().runs.clone()
    }

    pub(super) fn smoke_objects(&self) -> Vec<String> {
        self.created().smoke.clone()
    }
}

/// What a look at the whole system saw.
pub(super) struct Look {
    pub(super) healthy: bool,
    pub(super) detail: String,
    /// Whether nobody answered.
    pub(super) unanswered: bool,
}

impl Look {
    /// As it is recorded.
    pub(super) fn event(&self, test: Option<TestId>, phase: Phase) -> Event {
        let Self { healthy, detail, unanswered } = self;
        Event::Steady { test, phase, healthy: *healthy, detail: detail.clone(), unanswered: *unanswered }
    }
}

/// Whether the whole system works right now: every dependency by body, and the worker by a real task round trip,
/// because the API calls a dead worker healthy (API facts 17.9).
pub(super) async fn steady_state(context: &Context) -> Look {
    let mut problems = Vec::new();
    let mut unanswered = false;
    match context.api.ready().await {
        Ok(ready) => {
            for dependency in ready.dependencies.iter().filter(|one| one.status != "healthy") {
                let message = dependency.message.as_deref().unwrap_or("no reason given");
                problems.push(format!("{} {}: {message}", dependency.name, dependency.status));
            }
            if ready.dependencies.is_empty() {
                problems.push("/health/ready names no dependency".into());
            } else if problems.is_empty() && ready.status != "healthy" {
                problems.push(format!("/health/ready says {}", ready.status));
            }
        }
        Err(error) => {
            unanswered = error.class.is_unanswered();
            problems.push(error.to_string());
        }
    }
    match context.api.worker_heartbeat().await {
        Ok(answer) if answer.status == "success" => {}
        Ok(answer) => problems.push(format!(
            "the worker did not answer a task: {} {}",
            answer.status,
            answer.message.unwrap_or_default()
        )),
        Err(error) => {
            unanswered |= error.class.is_unanswered();
            problems.push(format!("the worker could not be asked: {error}"));
        }
    }
    let healthy = problems.is_empty();
    let detail =
        if healthy { "every dependency healthy, the worker answered a task".into() } else { problems.join("; ") };
    Look { healthy, detail, unanswered }
}
