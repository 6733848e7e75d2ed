//! What the preflight prepared and the tests share: a project, an explored node, and the list of what was created.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// Everything that the check made.
    pub(super) created: Arc<Created>,
}

/// Everything that a check made on the server, from the first request on: to be removed, or listed as left behind.
#[derive(Debug, Default)]
pub(super) struct Created {
    things: Mutex<Things>,
}

#[derive(Debug, Default)]
struct Things {
    projects: Vec<(String, String)>,
    runs: Vec<String>,
    smoke: Vec<String>,
    others: BTreeMap<&'static str, Vec<String>>,
}

impl Created {
    fn things(&self) -> MutexGuard<'_, Things> {
        self.things.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note_project(&self, id: &str, name: &str) {
        self.things().projects.push((id.into(), name.into()));
    }

    pub(super) fn note_run(&self, id: &str) {
        self.things().runs.push(id.into());
    }

    pub(super) fn note_smoke_object(&self, key: &str) {
        self.things().smoke.push(key.into());
    }

    /// A thing that the API offers no way to remove.
    pub(super) fn note_other(&self, kinds: &'static str, id: &str) {
        self.things().others.entry(kinds).or_default().push(id.into());
    }

    pub(super) fn projects(&self) -> Vec<(String, String)> {
        self.things().projects.clone()
    }

    pub(super) fn run_ids(&self) -> Vec<String> {
        self.things().runs.clone()
    }

    pub(super) fn is_empty(&self) -> bool {
        let things = self.things();
        things.projects.is_empty() && things.runs.is_empty() && things.smoke.is_empty()
    }

    /// What stays on the server, each kind with where it is. Only the server may remove it.
    pub(super) fn staying(&self, bucket: &str) -> Vec<String> {
        let things = self.things();
        let mut staying = Vec::new();
        if !things.runs.is_empty() {
            staying.push(format!(
                "telemetry and evidence of {} runs in bucket {bucket}, below telemetry/ and runs/ by run id",
                things.runs.len()
            ));
        }
        if !things.smoke.is_empty() {
            let (count, keys) = (things.smoke.len(), things.smoke.join(", "));
            staying.push(format!("{count} small objects of storage probes: {keys}"));
        }
        for (kinds, ids) in &things.others {
            staying.push(format!("{} {kinds}: {}", ids.len(), ids.join(", ")));
        }
        staying
    }
}

impl Session {
    pub(super) fn note_project(&self, id: &str, name: &str) {
        self.created.note_project(id, name);
    }

    pub(super) fn note_run(&self, id: &str) {
        self.created.note_run(id);
    }

    pub(super) fn note_smoke_object(&self, key: &str) {
        self.created.note_smoke_object(key);
    }

    pub(super) fn created_projects(&self) -> Vec<(String, String)> {
        self.created.projects()
    }

    pub(super) fn run_ids(&self) -> Vec<String> {
        self.created.run_ids()
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
    let detail = if healthy {
        "every dependency healthy, the worker answered a task".into()
    } else {
        problems.join("; ")
    };
    Look { healthy, detail, unanswered }
}
