//! The API's operations as steps that a worker elsewhere can take: what is asked, what is taken from the answer, and what
//! must hold of it. The same requests as those of [`holdpoint_agentverse::Client`].

use std::collections::BTreeMap;
use std::time::Duration;

use holdpoint_agentverse::ExposeSecret as _;
use holdpoint_check::environment::Secrets as Known;
use holdpoint_check::parameters::Parameters;
use holdpoint_check::words::TestId;
use holdpoint_load::plan::{Model, Plan};
use holdpoint_locust::{Check, Holds, Operation, Secrets, Step, Stream};
use serde_json::{Value, json};

use super::Work;
use crate::capacity::operation::{ApiOperation, Made};
use crate::error::DeskError;

/// What a worker can do with the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// One of the operations that can be typed.
    Api(ApiOperation),
    /// L2: a scenario and its calibration, its score recomputed.
    Calibrate,
    /// L2: a new parameter version.
    AutoTune,
    /// L3: a stream of telemetry to its end, each tick once.
    Stream,
    /// L3: an export, read and downloaded.
    Export,
}

/// A test of the runbook as a load.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// Its tasks in turn.
    pub work: Work,
    /// How many at once, and how often.
    pub plan: Plan,
    /// Its criteria.
    pub thresholds: Vec<String>,
    /// What of the test is no load, and stays with a check.
    pub not_here: &'static str,
}

/// L1, L2 or L3 by its parameters; another test is no load.
pub fn test(id: TestId, parameters: &Parameters) -> Option<Test> {
    let at_once = |concurrency, rounds| Plan::new(Model::Rounds { concurrency, rounds });
    let mixed = |first: u32, second: u32| {
        // One of each in turn for as long as there are both, so that all workers get of both.
        let both = first.min(second) as usize;
        let mut turns = [0, 1].repeat(both);
        turns.extend(std::iter::repeat_n(0, first as usize - both));
        turns.extend(std::iter::repeat_n(1, second as usize - both));
        (turns, at_once(first + second, 1))
    };
    Some(match id {
        TestId::L1 => {
            let l1 = &parameters.l1;
            Test {
                work: Work { tasks: vec![Task::Api(ApiOperation::Expand)], turns: vec![0] },
                plan: at_once(l1.concurrency, l1.rounds),
                thresholds: vec![
                    format!("failures<={}", l1.failure_limit),
                    format!("p95<{}ms", l1.p95_limit_ms),
                ],
                not_here: "the audit of the graph",
            }
        }
        TestId::L2 => {
            let l2 = &parameters.l2;
            let (turns, plan) = mixed(l2.calibrations, l2.auto_tunes);
            Test {
                work: Work { tasks: vec![Task::Calibrate, Task::AutoTune], turns },
                plan,
                thresholds: vec![format!("failures<={}", l2.failure_limit)],
                not_here: "the backlog of the queue, and jobs under pressure of runs",
            }
        }
        TestId::L3 => {
            let l3 = &parameters.l3;
            let (turns, plan) = mixed(l3.streams, l3.exports);
            Test {
                work: Work { tasks: vec![Task::Stream, Task::Export], turns },
                plan,
                thresholds: vec![format!("failures<={}", l3.bucket_failure_limit)],
                not_here: "the storage probes beside it",
            }
        }
        _ => return None,
    })
}

impl Task {
    /// Its name in records and reports.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Api(one) => one.name(),
            Self::Calibrate => "calibrate",
            Self::AutoTune => "auto_tune",
            Self::Stream => "stream",
            Self::Export => "export",
        }
    }
}

/// How a worker logs in. The name and the password stand in its environment alone.
pub(super) fn login(known: &Known, secrets: &mut Secrets) -> Result<Step, DeskError> {
    let (Some(email), Some(password)) = (&known.email, &known.password) else {
        return Err(DeskError::new(
            "capacity.no_login",
            "The environment has no login, and this load needs one.",
            "Set it under Environments, or with `holdpoint environment set NAME --ask-secrets`.",
        ));
    };
    let (email, password) =
        (secrets.keep("EMAIL", email.as_str()), secrets.keep("PASSWORD", password.expose_secret()));
    Ok(Step {
        json: Some(json!({"email": email, "password": password})),
        token: Some("/access_token".into()),
        ..step("POST", "/api/v1/auth/login")
    })
}

fn step(method: &str, path: &str) -> Step {
    Step { method: method.into(), path: path.into(), ..Step::default() }
}

fn asked(method: &str, path: &str) -> Step {
    Step { login: true, ..step(method, path) }
}

fn sent(path: &str, body: Value) -> Step {
    Step { json: Some(body), ..asked("POST", path) }
}

fn capture(name: &str, at: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(name.to_owned(), at.to_owned())])
}

fn check(at: &str, holds: Holds) -> Check {
    Check { at: at.into(), holds }
}

/// The steps of a task. `last_tick` is the last one of the run that was made.
pub(super) fn operation(task: Task, made: &Made, last_tick: i64, parameters: &Parameters) -> Operation {
    let project = made.project.clone().unwrap_or_default();
    let steps = match task {
        Task::Api(one) => vec![single(one, made)],
        Task::Calibrate => {
            // The mean of the squared differences over the keys (API facts 4.6).
            let (predicted, actual) =
                (json!({"adoption": 0.2, "churn": 0.4}), json!({"adoption": 0.5, "churn": 0.8}));
            let brier = f64::midpoint(0.09, 0.16);
            let scenario =
                json!({"project_id": project, "name": "${id}", "data_cutoff": "2026-01-01T00:00:00Z"});
            let run = json!({
                "scenario_id": "${scenario}",
                "ground_truth": {"predicted": predicted, "actual": actual},
                "target_accuracy": 0.8,
            });
            vec![
                Step {
                    capture: capture("scenario", "/scenario_id"),
                    ..sent("/api/v1/calibration/scenarios", scenario)
                },
                Step {
                    checks: vec![check("/brier_score", Holds::Near(brier))],
                    ..sent("/api/v1/calibration/run", run)
                },
            ]
        }
        Task::AutoTune => {
            let body = json!({"project_id": project, "method": "bayesian", "require_approval": true});
            vec![Step {
                capture: capture("key", "/version_id"),
                ..sent("/api/v1/calibration/auto-tune", body)
            }]
        }
        Task::Stream => {
            let from = (last_tick + 1 - i64::from(parameters.l3.ticks)).max(0);
            let path = format!("/api/v1/telemetry/{}/stream?start_tick={from}&speed=10", made.run);
            let stream =
                Stream { end: Some("complete".into()), tick: Some("tick".into()), from, to: last_tick };
            let silence = Some(Duration::from_secs(parameters.l3.silence_s));
            vec![Step { stream: Some(stream), silence, ..asked("GET", &path) }]
        }
        Task::Export => {
            let body = json!({"resource_type": "runs", "project_id": project, "format": "json"});
            let completed = vec![
                check("/status", Holds::Equals("completed".into())),
                check("/record_count", Holds::Above(0.0)),
            ];
            vec![
                Step { capture: capture("key", "/export_id"), ..sent("/api/v1/exports", body) },
                Step { checks: completed, ..asked("GET", "/api/v1/exports/${key}") },
                Step {
                    checks: vec![check("", Holds::Records(true))],
                    ..asked("GET", "/api/v1/exports/${key}/download")
                },
            ]
        }
    };
    Operation { name: task.name().into(), steps }
}

fn single(one: ApiOperation, made: &Made) -> Step {
    match one {
        ApiOperation::Health => Step { fixed: true, ..step("GET", "/health") },
        ApiOperation::Ready => Step { fixed: true, ..step("GET", "/health/ready") },
        ApiOperation::Projects => asked("GET", "/api/v1/project-specs/?skip=0&limit=100"),
        ApiOperation::Run => asked("GET", &format!("/api/v1/runs/{}", made.run)),
        ApiOperation::Expand => {
            let body = json!({
                "parent_node_id": made.node,
                "label": "${id}",
                "intervention_label": "${id}",
                "intervention": {"variable_deltas": {"price": -0.1}},
                "intervention_type": "variable_delta",
                "auto_run": false,
            });
            Step { capture: capture("key", "/node/node_id"), ..sent("/api/v1/nodes/fork/", body) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixed_tests_take_turns_for_as_long_as_there_are_both() {
        let mut parameters = Parameters::default();
        parameters.l2.calibrations = 3;
        parameters.l2.auto_tunes = 1;
        assert_eq!(test(TestId::L2, &parameters).unwrap().work.turns, [0, 1, 0, 0]);
        assert!(test(TestId::C1, &parameters).is_none());
    }
}
