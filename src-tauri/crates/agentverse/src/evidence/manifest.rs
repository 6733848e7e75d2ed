//! `manifest.json`: what the run was and what it sums up to.

use serde_json::Value;

use super::lines::Report;
use super::{EvidenceFile, Expectation, Fetched, Limits, Problem};

const STATUSES: [&str; 5] = ["running", "completed", "failed", "pending", "cancelled"];

/// What the other files are held against.
pub(super) struct Manifest {
    pub(super) rep_id: Option<String>,
    pub(super) project_id: Option<String>,
    pub(super) node_id: Option<String>,
    pub(super) status: Option<String>,
    /// Written by the service, which always writes every field; the other dialect leaves most of them out.
    pub(super) by_service: bool,
    pub(super) agents: Option<u64>,
    pub(super) steps: Option<u64>,
    pub(super) replicates: Option<u64>,
    pub(super) total_ticks: Option<u64>,
    pub(super) total_agent_steps: Option<u64>,
    pub(super) total_llm_calls: Option<u64>,
    pub(super) total_tokens: Option<u64>,
    pub(super) total_cost: Option<f64>,
}

pub(super) fn read(
    fetched: Option<&Fetched>,
    expectation: &Expectation,
    limits: &Limits,
) -> (Report, Option<Manifest>) {
    let mut report = Report::new(EvidenceFile::Manifest);
    let parsed = report.text(fetched, limits).and_then(|text| report.document(text, limits));
    let Some(object) = parsed else { return (report, None) };
    report.own_run(&object, expectation, None);
    let rep_id = report.string(&object, "rep_id", None).map(str::to_owned);
    let status = report.string(&object, "status", None).map(str::to_owned);
    if let Some(status) = &status {
        if !STATUSES.contains(&status.as_str()) {
            let problem = Problem::new("manifest.status", None, "the status is not one that a pack has");
            report.push(problem.against(&STATUSES.join(", "), status));
        } else if expectation.run_succeeded && status != "completed" {
            let problem =
                Problem::new("manifest.status", None, "the run succeeded and the pack says otherwise");
            report.push(problem.against("completed", status));
        } else if !expectation.run_succeeded && status == "completed" {
            report.warn("manifest.status", None, "the pack says completed and the run did not succeed");
        }
    }
    let created = report.time(&object, "created_at", None);
    if let Some(created) = created {
        report.in_window(created, "created_at", expectation, None);
    }
    if object.get("completed_at").is_some_and(|value| !value.is_null()) {
        let completed = report.time(&object, "completed_at", None);
        if let Some(completed) = completed {
            report.in_window(completed, "completed_at", expectation, None);
        }
        if let (Some(created), Some(completed)) = (created, completed)
            && completed < created
        {
            report.add("manifest.completed_at", None, "it was completed before it was created");
        }
    } else if expectation.run_succeeded {
        report.add("field.missing", None, "completed_at is missing although the run succeeded");
    }
    let nothing = |value: &Value| value.is_null() || *value == Value::String(String::new());
    if expectation.run_succeeded && object.get("error").is_some_and(|value| !nothing(value)) {
        report.add("manifest.error", None, "it holds an error although the run succeeded");
    }
    report.amount(&object, "runtime_seconds", None);
    let project_id = report.optional_string(&object, "project_id", None).map(str::to_owned);
    let node_id = report.optional_string(&object, "node_id", None).map(str::to_owned);
    let total_cost = report.amount(&object, "total_cost_usd", None);
    let mut whole = |field| report.count(&object, field, None);
    let manifest = Manifest {
        rep_id,
        project_id,
        node_id,
        status,
        by_service: object.contains_key("rep_version"),
        agents: whole("agent_count"),
        steps: whole("step_count"),
        replicates: whole("replicate_count"),
        total_ticks: whole("total_ticks"),
        total_agent_steps: whole("total_agent_steps"),
        total_llm_calls: whole("total_llm_calls"),
        total_tokens: whole("total_tokens"),
        total_cost,
    };
    (report, Some(manifest))
}
