//! Whether two checks may be compared at all: the same plan against the same environment, measured by a fit computer.

use holdpoint_check::environment::{Environment, Kind};
use holdpoint_check::event::{CheckEnding, Ending};
use holdpoint_check::results::Results;
use holdpoint_check::verdict::{State, Verdict};
use holdpoint_check::words::TestId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that has to be alike and is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Difference {
    /// What, such as `l1.concurrency`.
    pub what: String,
    /// In the first check.
    pub before: String,
    /// In the second.
    pub after: String,
}

impl Difference {
    fn new(what: &str, before: impl Into<String>, after: impl Into<String>) -> Self {
        Self { what: what.into(), before: before.into(), after: after.into() }
    }
}

/// Every reason not to compare two checks; none where they may be.
pub(crate) fn differences(before: (&Results, &Verdict), after: (&Results, &Verdict)) -> Vec<Difference> {
    let (one, two) = (before.0, after.0);
    let mut found = Vec::new();
    if one.check_id == two.check_id {
        found.push(Difference::new("check", "one and the same check", "one and the same check"));
        return found;
    }
    environments(&one.plan.environment, &two.plan.environment, &mut found);
    let profile =
        |results: &Results| results.plan.rehearsal_profile.clone().unwrap_or_else(|| "healthy".to_owned());
    if one.plan.environment.kind == Kind::Rehearsal && profile(one) != profile(two) {
        found.push(Difference::new("rehearsal", profile(one), profile(two)));
    }
    parameters(one, two, &mut found);
    let measured = |(results, verdict): (&Results, &Verdict)| match &results.ending {
        None => Some("cut off".to_owned()),
        Some(CheckEnding::Blocked { .. }) => Some("stopped by its preflight".to_owned()),
        Some(_) => verdict
            .criteria
            .iter()
            .find(|row| row.id == "generator" && row.state != State::Met)
            .map(|row| format!("not fit to measure: {}", row.measured)),
    };
    let (left, right) = (measured(before), measured(after));
    if left.is_some() || right.is_some() {
        let fit = || "fit to measure".to_owned();
        found.push(Difference::new("measurement", left.unwrap_or_else(fit), right.unwrap_or_else(fit)));
    }
    if found.is_empty() && in_common(one, two).is_empty() {
        let ran = |results: &Results| {
            let names: Vec<&str> =
                TestId::ALL.into_iter().filter(|test| ran(results, *test)).map(TestId::name).collect();
            if names.is_empty() { "none to its end".to_owned() } else { names.join(", ") }
        };
        found.push(Difference::new("tests", ran(one), ran(two)));
    }
    found
}

/// The tests that both ran to their end.
pub(crate) fn in_common(one: &Results, two: &Results) -> Vec<TestId> {
    TestId::ALL.into_iter().filter(|test| ran(one, *test) && ran(two, *test)).collect()
}

/// Whether a test ran to its end.
pub(crate) fn ran(results: &Results, test: TestId) -> bool {
    results.tests.get(&test).is_some_and(|one| one.ending == Some(Ending::Completed))
}

/// Ids and addresses decide, names are only shown. A rehearsal has other ports each time and is always itself.
fn environments(one: &Environment, two: &Environment, found: &mut Vec<Difference>) {
    let kind = |environment: &Environment| match environment.kind {
        Kind::Staging => "staging",
        Kind::Rehearsal => "rehearsal",
    };
    if one.kind != two.kind {
        found.push(Difference::new("environment.kind", kind(one), kind(two)));
        return;
    }
    if one.kind == Kind::Rehearsal {
        return;
    }
    let railway = |environment: &Environment,
                   pick: fn(&holdpoint_check::environment::RailwayTarget) -> &str| {
        environment.railway.as_ref().map_or("none", pick).to_owned()
    };
    let rows = [
        ("environment.api_url", one.api_url.to_string(), two.api_url.to_string()),
        ("environment.web_url", one.web_url.to_string(), two.web_url.to_string()),
        ("environment.storage.url", one.storage.url.to_string(), two.storage.url.to_string()),
        ("environment.storage.bucket", one.storage.bucket.clone(), two.storage.bucket.clone()),
        (
            "environment.railway.project_id",
            railway(one, |target| &target.project_id),
            railway(two, |target| &target.project_id),
        ),
        (
            "environment.railway.environment_id",
            railway(one, |target| &target.environment_id),
            railway(two, |target| &target.environment_id),
        ),
    ];
    for (what, before, after) in rows {
        // An environment that got its Railway ids later is still the same.
        let absent = what.starts_with("environment.railway") && (before == "none" || after == "none");
        if before != after && !absent {
            found.push(Difference::new(what, before, after));
        }
    }
}

/// Every number of the plan that differs. What a check is compared with changes nothing that is measured.
fn parameters(one: &Results, two: &Results, found: &mut Vec<Difference>) {
    let value = |results: &Results| {
        let mut value = serde_json::to_value(&results.plan.parameters).unwrap_or_default();
        if let Some(parts) = value.as_object_mut() {
            parts.remove("regression");
        }
        value
    };
    walk("", &value(one), &value(two), found);
}

fn walk(path: &str, one: &Value, two: &Value, found: &mut Vec<Difference>) {
    match (one, two) {
        (Value::Object(left), Value::Object(right)) => {
            let mut names: Vec<&String> = left.keys().chain(right.keys()).collect();
            names.sort();
            names.dedup();
            for name in names {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let empty = Value::Null;
                walk(&path, left.get(name).unwrap_or(&empty), right.get(name).unwrap_or(&empty), found);
            }
        }
        _ if one != two => found.push(Difference::new(path, one.to_string(), two.to_string())),
        _ => {}
    }
}
