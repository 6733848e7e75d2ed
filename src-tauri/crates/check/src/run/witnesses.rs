//! What the services logged while something went wrong, so that a NO-GO can be handed to whoever has to mend it.
//!
//! Where to look is read from the journal as it stands at the end of the check; what is found is one more event in it.
//! Logs are never judged: one that cannot be had leaves a finding without lines and nothing else.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use holdpoint_agentverse::error::redact;
use holdpoint_railway::{LogLine, Target};

use super::context::Context;
use crate::event::Event;
use crate::fold::fold;
use crate::journal;
use crate::judge::judge;
use crate::results::Results;
use crate::verdict::{Finding, Weight};
use crate::words::{Service, TestId};

/// Findings whose logs are looked for; each costs a request of Railway's budget.
const FINDINGS: usize = 8;
/// Lines that are asked for around one finding.
const ASKED: u32 = 200;
/// Lines that are kept of them.
const KEPT: usize = 5;
/// Asking takes no longer than this in all.
const PATIENCE: Duration = Duration::from_secs(20);

/// Records what was logged around each broken criterion.
pub(super) async fn keep_logs(context: &Context, journal: &Path) {
    let path = journal.to_owned();
    // Reading and folding takes milliseconds, but it is no work for the threads that drive the check.
    let read = tokio::task::spawn_blocking(move || fold(&journal::read(&path).ok()?).ok()).await;
    let Ok(Some(results)) = read else { return };
    let verdict = judge(&results);
    let broken = verdict.findings.iter().filter(|finding| finding.weight == Weight::Breaks).take(FINDINGS);
    let asking = async {
        let mut deployments = BTreeMap::new();
        for finding in broken {
            let service = service_of(finding);
            let deployment = match deployments.entry(service) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(serving(context, service).await),
            };
            let Some(deployment) = deployment else { continue };
            let (from, to) = window(&results, finding);
            let Some(client) = &context.railway else { return };
            let Ok(lines) = client.logs(deployment, ASKED, Some(from), Some(to)).await else { continue };
            let lines = telling(&lines, finding);
            if !lines.is_empty() {
                let criterion = finding.criterion.clone();
                context.emit.emit(Event::WitnessLogged { criterion, service, lines }).await;
            }
        }
    };
    let _ = tokio::time::timeout(PATIENCE, asking).await;
}

async fn serving(context: &Context, service: Service) -> Option<String> {
    let (client, railway) = context.railway.as_ref().zip(context.plan.environment.railway.as_ref())?;
    let target = Target {
        project_id: railway.project_id.clone(),
        environment_id: railway.environment_id.clone(),
        service_id: railway.services.get(&service)?.clone(),
    };
    Some(client.pin(&target).await.ok()?.deployment_id().to_owned())
}

/// Whose log is most likely to tell.
fn service_of(finding: &Finding) -> Service {
    match finding.code.split('.').next().unwrap_or_default() {
        "run" | "rep" | "worker" | "backlog" => Service::Worker,
        "bucket" => Service::Minio,
        "fault" | "outage" => match finding.test {
            Some(TestId::C1) => Service::Worker,
            Some(TestId::C3) => Service::Postgres,
            _ => Service::Api,
        },
        _ => Service::Api,
    }
}

/// From shortly before what shows the finding to shortly after; the whole test where that has no time.
fn window(results: &Results, finding: &Finding) -> (DateTime<Utc>, DateTime<Utc>) {
    let at =
        |ms: u64| results.started_at + TimeDelta::milliseconds(i64::try_from(ms).unwrap_or(i64::MAX / 2));
    let times = || finding.witness.iter().filter_map(|witness| witness.at_ms);
    let test = finding.test.and_then(|test| results.tests.get(&test));
    let from = times().min().or_else(|| test?.began_ms).unwrap_or(0);
    let to = match times().max() {
        Some(last) => at(last),
        None => test.and_then(|test| test.ended_at).unwrap_or(results.last_at),
    };
    (at(from) - TimeDelta::seconds(2), to + TimeDelta::seconds(5))
}

/// The lines that say most, in the order they were written: those that name a witness, then those that speak of trouble.
fn telling(lines: &[LogLine], finding: &Finding) -> Vec<String> {
    const TROUBLE: [&str; 8] =
        ["error", "exception", "traceback", "fail", "timeout", "refused", "kill", "warn"];
    let worth = |line: &LogLine| {
        let lower = line.message.to_lowercase();
        let named =
            finding.witness.iter().any(|witness| witness.id.len() >= 8 && line.message.contains(&witness.id));
        match (named, TROUBLE.iter().any(|word| lower.contains(word))) {
            (true, true) => 3,
            (true, false) => 2,
            (false, true) => 1,
            (false, false) => 0,
        }
    };
    let mut ranked: Vec<(usize, u8)> =
        lines.iter().map(worth).enumerate().filter(|(_, worth)| *worth > 0).collect();
    ranked.sort_by_key(|(_, worth)| std::cmp::Reverse(*worth));
    ranked.truncate(KEPT);
    ranked.sort_unstable();
    let told = |line: &LogLine| format!("{} {}", line.timestamp, redact(&line.message));
    ranked.into_iter().filter_map(|(at, _)| lines.get(at)).map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Witness;

    fn line(message: &str) -> LogLine {
        LogLine { timestamp: "2026-11-24T10:00:00Z".into(), message: message.into(), severity: None }
    }

    fn finding() -> Finding {
        Finding {
            code: "run.stuck".into(),
            criterion: "C1.stuck".into(),
            test: Some(TestId::C1),
            weight: Weight::Breaks,
            title: String::new(),
            happened: String::new(),
            likely_cause: String::new(),
            next_action: String::new(),
            witness: vec![Witness {
                at_ms: None,
                what: "run".into(),
                id: "0f3c9d52-run".into(),
                shows: String::new(),
            }],
            logged: Vec::new(),
        }
    }

    #[test]
    fn the_lines_that_tell_most_are_kept_in_their_order() {
        let mut lines =
            vec![line("GET /health 200"), line("run 0f3c9d52-run taken"), line("ERROR: pool closed")];
        lines.extend((0..9).map(|number| line(&format!("warning {number}"))));
        lines.push(line("run 0f3c9d52-run failed: password=hunter2"));
        let told = telling(&lines, &finding());
        assert_eq!(told.len(), KEPT);
        assert!(told[0].ends_with("run 0f3c9d52-run taken"), "{told:?}");
        assert!(told[1].ends_with("ERROR: pool closed"), "{told:?}");
        assert!(told[4].ends_with("failed: [hidden]"), "{told:?}");
        assert!(telling(&[line("GET /health 200")], &finding()).is_empty());
    }

    #[test]
    fn runs_are_the_workers_and_requests_the_apis() {
        assert_eq!(service_of(&finding()), Service::Worker);
        let of_api = Finding { code: "expand.failing".into(), test: Some(TestId::L1), ..finding() };
        assert_eq!(service_of(&of_api), Service::Api);
    }
}
