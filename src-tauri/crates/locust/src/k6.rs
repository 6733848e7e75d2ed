//! A script for k6 with the same arrivals and criteria. An export: what k6 makes of it is not judged here, and says so.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use holdpoint_load::plan::Model;
use holdpoint_load::{Asks, Schedule, Threshold};
use serde_json::{Map, Value, json};

use crate::plan::FleetPlan;

const SCRIPT: &str = include_str!("../package/k6.js");
/// The most arrivals that are written out, some ten bytes each.
const MOST_ARRIVALS: usize = 2_000_000;
/// The most virtual users: each is an engine of JavaScript of its own, of a megabyte or more.
const MOST_USERS: usize = 2000;

/// Why there is no script.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum K6Error {
    /// What k6 has no like of.
    #[error("locust.k6.cannot: {0}; a package for Locust can")]
    Cannot(&'static str),
}

/// A script that sends the plan's arrivals, with thresholds of the same meaning. Plain requests alone: what takes more
/// than one step, a stream or a login is refused.
pub fn script(plan: &FleetPlan, thresholds: &[Threshold]) -> Result<String, K6Error> {
    let mut operations = Vec::new();
    for turn in &plan.turns {
        let Some(operation) = plan.operations.get(*turn) else { continue };
        let [step] = &operation.steps[..] else {
            return Err(K6Error::Cannot("a script for k6 has one request an operation"));
        };
        if step.stream.is_some() || step.login || step.json.is_some() {
            return Err(K6Error::Cannot("a script for k6 has neither streams nor a login"));
        }
        let body = step.body.as_ref().and_then(|text| STANDARD.decode(text).ok());
        let body = body.map(String::from_utf8).transpose();
        let body = body.map_err(|_| K6Error::Cannot("a script for k6 has only bodies that are text"))?;
        operations
            .push(json!({"name": operation.name, "method": step.method, "path": step.path, "body": body}));
    }
    if plan.http.authorities {
        return Err(K6Error::Cannot("k6 trusts the system's authorities alone"));
    }
    let (scenario, arrivals, think, planned) = match &plan.load.model {
        Model::Rounds { .. } => return Err(K6Error::Cannot("k6 has no barrier between rounds")),
        Model::Users { users, think, duration } => (
            json!({"executor": "constant-vus", "exec": "use", "vus": users, "duration": millis(*duration)}),
            Vec::new(),
            think.as_secs_f64(),
            Value::Null,
        ),
        Model::Open { arrivals, stages } => {
            let all: Vec<f64> = Schedule::new(*arrivals, stages)
                .take(MOST_ARRIVALS + 1)
                // A hundredth of a millisecond: k6 itself knows whole ones.
                .map(|arrival| (arrival.at.as_secs_f64() * 1e5).round() / 100.0)
                .collect();
            if all.len() > MOST_ARRIVALS {
                return Err(K6Error::Cannot("a script for k6 lists every arrival, at most two million"));
            }
            let users = all.len().min(plan.load.in_flight as usize).clamp(1, MOST_USERS);
            let lasts = plan.load.duration().unwrap_or_default() + plan.load.drain + Duration::from_secs(60);
            let scenario = json!({
                "executor": "shared-iterations",
                "exec": "arrive",
                "vus": users,
                "iterations": all.len().max(1),
                "maxDuration": millis(lasts),
                "gracefulStop": millis(plan.load.drain),
            });
            let planned = json!(all.len());
            (scenario, all, 0.0, planned)
        }
    };
    let told = json!({
        "origin": plan.http.origin(),
        "user_agent": plan.http.user_agent,
        "headers": plan.http.headers,
        "expected": plan.http.expected,
        "keep_connections": plan.http.keep_connections,
        "timeout_ms": plan.http.timeouts.request.as_millis(),
        "operations": operations,
        "think_s": think,
        "planned": planned,
        "arrivals_ms": arrivals,
    });
    let mut limits = Map::new();
    for threshold in thresholds {
        let (metric, words) = words(threshold);
        if let Some(list) = limits.entry(metric).or_insert_with(|| json!([])).as_array_mut() {
            list.push(Value::String(words));
        }
    }
    // The plan last: a path of it may look like a place to fill.
    Ok(SCRIPT
        .replacen("__SCENARIOS__", &json!({"load": scenario}).to_string(), 1)
        .replacen("__THRESHOLDS__", &Value::Object(limits).to_string(), 1)
        .replacen("__PLAN__", &told.to_string(), 1))
}

fn millis(duration: Duration) -> String {
    format!("{}ms", duration.as_millis())
}

/// A criterion in k6's words: the metric, of one kind where it is for one, and its threshold.
fn words(threshold: &Threshold) -> (String, String) {
    let or_equal = if threshold.is_inclusive() { "=" } else { "" };
    let (metric, words) = match threshold.asks() {
        Asks::Latency { quantile, limit_ms } => {
            let percent = (quantile * 100_000.0).round() / 1000.0;
            ("holdpoint_latency", format!("p({percent})<{or_equal}{limit_ms}"))
        }
        Asks::Longest { limit_ms } => ("holdpoint_latency", format!("max<{or_equal}{limit_ms}")),
        Asks::FailedShare { limit } => ("holdpoint_failed", format!("rate<{or_equal}{limit}")),
        Asks::Failed { limit } => ("holdpoint_failures", format!("count<{or_equal}{limit}")),
        Asks::Rate { limit } => ("holdpoint_ok", format!("rate>{or_equal}{limit}")),
    };
    (threshold.kind().map_or_else(|| metric.to_owned(), |kind| format!("{metric}{{name:{kind}}}")), words)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use holdpoint_load::http::Options;
    use holdpoint_load::plan::{Arrivals, Plan, Stage};

    use super::*;
    use crate::Secrets;

    fn plan(model: Model) -> FleetPlan {
        let urls = ["http://127.0.0.1:8080/a?b=1".parse().unwrap()];
        let options =
            Options { headers: vec![("Authorization".into(), "Bearer x".into())], ..Options::default() };
        FleetPlan::of_urls(Plan::new(model), &urls, &options, 0, &mut Secrets::default()).unwrap()
    }

    #[test]
    fn the_script_has_the_same_arrivals_and_criteria_and_no_secret() {
        let stages = vec![Stage { from: 0.0, to: 20.0, duration: Duration::from_secs(1) }];
        let plan = plan(Model::Open { arrivals: Arrivals::Poisson { seed: 3 }, stages });
        let thresholds: Vec<Threshold> =
            ["p95<500ms", "p99.9<=2s", "max<5s", "failures<1%", "failures<=0", "rate>=5", "GET /a: max<9s"]
                .iter()
                .map(|text| text.parse().unwrap())
                .collect();
        let script = script(&plan, &thresholds).unwrap();
        assert!(!script.contains("Bearer x") && script.contains("${secret:HEADER_1}"));
        let line = |start: &str| script.lines().find_map(|line| line.trim().strip_prefix(start)).unwrap();
        let thresholds = line("thresholds: ").trim_end_matches(',');
        assert_eq!(
            serde_json::from_str::<Value>(thresholds).unwrap(),
            json!({
                "holdpoint_latency": ["p(95)<500", "p(99.9)<=2000", "max<5000"],
                "holdpoint_failed": ["rate<0.01"],
                "holdpoint_failures": ["count<=0"],
                "holdpoint_ok": ["rate>=5"],
                "holdpoint_latency{name:GET /a}": ["max<9000"],
            })
        );
        let told: Value = serde_json::from_str(line("const PLAN = ").trim_end_matches(';')).unwrap();
        let arrivals: Vec<f64> = serde_json::from_value(told["arrivals_ms"].clone()).unwrap();
        let Model::Open { arrivals: how, stages } = &plan.load.model else { unreachable!("an open load") };
        let planned: Vec<f64> =
            Schedule::new(*how, stages).map(|one| one.at.as_secs_f64() * 1000.0).collect();
        assert_eq!(arrivals.len(), planned.len());
        assert!(arrivals.iter().zip(&planned).all(|(one, other)| (one - other).abs() < 0.01));
        assert_eq!(told["planned"], json!(planned.len()));
    }

    #[test]
    fn what_k6_has_no_like_of_is_refused() {
        assert!(script(&plan(Model::Rounds { concurrency: 2, rounds: 2 }), &[]).is_err());
        let users =
            Model::Users { users: 3, think: Duration::from_secs(1), duration: Duration::from_secs(5) };
        assert!(script(&plan(users), &[]).unwrap().contains("constant-vus"));
    }
}
