//! L2: calibrations and auto-tunes at once under real queue pressure; the backlog seen from the client's side.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt as _;
use holdpoint_agentverse::error::{ApiError, ErrorClass};
use holdpoint_load::{Failure, Operation, rounds};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::context::Context;
use super::runs::{self, Tracked};
use super::session::Session;
use super::{FailureLog, failure_of, given_up};
use crate::event::Event;
use crate::words::TestId;

struct Job {
    id: String,
    created: Instant,
    status: String,
}

impl Job {
    fn is_terminal(&self) -> bool {
        matches!(self.status.as_str(), "succeeded" | "failed" | "canceled" | "cancelled")
    }
}

pub(super) async fn run(context: &Context, session: &Session) -> Result<(), String> {
    let parameters = &context.plan.parameters.l2;
    let failures = FailureLog::new(TestId::L2);
    let jobs: Mutex<Vec<Job>> = Mutex::new(Vec::new());
    progress(context, 0, "queueing runs").await;
    let mut tracked = runs::start_ensemble(context, session, TestId::L2, parameters.pressure_runs).await?;
    progress(context, 1, "calibrations and auto-tunes at once").await;
    let calibrations = rounds(
        (parameters.calibrations, 1),
        |_| async { !context.stop.is_cancelled() },
        |operation| calibrate(context, session, &failures, operation),
    );
    let queued = rounds(
        (if session.has_jobs { parameters.calibrations } else { 0 }, 1),
        |_| async { !context.stop.is_cancelled() },
        |operation| queue_job(context, session, &failures, &jobs, operation),
    );
    let tunes = rounds(
        (parameters.auto_tunes, 1),
        |_| async { !context.stop.is_cancelled() },
        |operation| auto_tune(context, session, &failures, operation),
    );
    let load = async {
        let (calibrations, queued, tunes) = tokio::join!(calibrations, queued, tunes);
        [("auto_tune", tunes), ("calibrate", calibrations), ("calibration_job", queued)]
    };
    tokio::pin!(load);
    // The backlog is sampled while the load runs and until it has drained.
    let started = Instant::now();
    let deadline = Duration::from_secs(parameters.drain_deadline_s);
    let mut measured = None;
    loop {
        {
            let mut jobs = jobs.lock().await;
            sample(context, &mut tracked, &mut jobs).await;
            if measured.is_some()
                && tracked.iter().all(Tracked::is_terminal)
                && jobs.iter().all(Job::is_terminal)
            {
                break;
            }
        }
        if started.elapsed() > deadline || context.stop.is_cancelled() {
            break;
        }
        let step = if started.elapsed() < Duration::from_secs(8) { 300 } else { 1200 };
        tokio::select! {
            records = &mut load, if measured.is_none() => {
                measured = Some(records);
                progress(context, 2, "waiting for the queue to drain").await;
            }
            () = tokio::time::sleep(Duration::from_millis(step)) => {}
        }
    }
    let measured = match measured {
        Some(measured) => measured,
        // Requests end by their own time limit; what they answer still counts.
        None => load.await,
    };
    for (kind, record) in measured {
        if record.planned > 0 {
            let record = Box::new(record);
            context.emit.emit(Event::Measured { test: TestId::L2, kind: kind.into(), record }).await;
        }
    }
    if context.stop.is_cancelled() {
        return Ok(());
    }
    for run in tracked.iter().filter(|run| !run.is_terminal()) {
        context
            .emit
            .emit(Event::RunStuck {
                test: Some(TestId::L2),
                run_id: run.id.clone(),
                status: run.status.clone(),
                waited_s: run.created.elapsed().as_secs_f64(),
            })
            .await;
    }
    for job in jobs.lock().await.iter().filter(|job| !job.is_terminal()) {
        context
            .emit
            .emit(Event::JobObserved { job_id: job.id.clone(), status: job.status.clone(), stuck: true })
            .await;
    }
    progress(context, 3, "done").await;
    Ok(())
}

async fn progress(context: &Context, done: u64, doing: &str) {
    context.emit.emit(Event::Progress { test: TestId::L2, done, total: 3, doing: doing.into() }).await;
}

/// One scenario and its calibration, with a known truth, so that the score can be recomputed.
async fn calibrate(
    context: &Context,
    session: &Session,
    failures: &FailureLog,
    operation: Operation,
) -> Result<(), Failure> {
    let id = format!("{}-calibration-{:02}", context.tag(), operation.index);
    let answer = async {
        let scenario = context.api.create_scenario(&session.project_id, &id).await?;
        if context.stop.is_cancelled() {
            return Ok(false);
        }
        let (predicted, actual) = truth(operation.index);
        let calibration = context.api.calibrate(&scenario, &predicted, &actual).await?;
        let recomputed = brier(&predicted, &actual);
        context
            .emit
            .emit(Event::CalibrationChecked { id: id.clone(), answered: calibration.brier_score, recomputed })
            .await;
        if (calibration.brier_score - recomputed).abs() > 1e-6 {
            return Err(ApiError::new(
                ErrorClass::Assertion,
                "POST /api/v1/calibration/run",
                format!("the Brier score is {}, recomputed {recomputed}", calibration.brier_score),
            ));
        }
        Ok(true)
    };
    match answer.await {
        Ok(false) => Err(given_up()),
        answer => noted(context, failures, "calibrate", &id, answer.map(|_| ())).await,
    }
}

async fn queue_job(
    context: &Context,
    session: &Session,
    failures: &FailureLog,
    jobs: &Mutex<Vec<Job>>,
    operation: Operation,
) -> Result<(), Failure> {
    let id = format!("{}-job-{:02}", context.tag(), operation.index);
    let answer = context.api.create_job(&session.project_id).await;
    let answer = match answer {
        Ok(job) => {
            let event =
                Event::JobObserved { job_id: job.id.clone(), status: job.status.clone(), stuck: false };
            context.emit.emit(event).await;
            session.created.note_other("calibration jobs", &job.id);
            jobs.lock().await.push(Job { id: job.id, created: Instant::now(), status: job.status });
            Ok(())
        }
        Err(error) => Err(error),
    };
    noted(context, failures, "calibration_job", &id, answer).await
}

async fn auto_tune(
    context: &Context,
    session: &Session,
    failures: &FailureLog,
    operation: Operation,
) -> Result<(), Failure> {
    let id = format!("{}-tune-{:02}", context.tag(), operation.index);
    let answer = match context.api.auto_tune(&session.project_id).await {
        Ok(version) => {
            let event = Event::VersionCreated {
                id: id.clone(),
                version_id: version.version_id,
                number: version.version_number,
            };
            context.emit.emit(event).await;
            Ok(())
        }
        Err(error) => Err(error),
    };
    noted(context, failures, "auto_tune", &id, answer).await
}

async fn noted(
    context: &Context,
    failures: &FailureLog,
    kind: &str,
    id: &str,
    answer: Result<(), ApiError>,
) -> Result<(), Failure> {
    match answer {
        Ok(()) => Ok(()),
        Err(error) => {
            failures.note(&context.emit, kind, id, &error.class.word(), &error.to_string()).await;
            Err(failure_of(&error))
        }
    }
}

/// One sample: what of ours waits, how old the oldest is, and what the server says beside it.
async fn sample(context: &Context, tracked: &mut [Tracked], jobs: &mut [Job]) {
    runs::poll(context, tracked).await;
    let due = jobs.iter_mut().filter(|job| {
        let path = format!("/api/v1/calibration/jobs/{}", job.id);
        !job.is_terminal() && context.api.wait_for_room(&path, 2).is_zero()
    });
    futures::stream::iter(due)
        .for_each_concurrent(4, |job| async move {
            if let Ok(answer) = context.api.job(&job.id).await
                && answer.status != job.status
            {
                job.status.clone_from(&answer.status);
                let event =
                    Event::JobObserved { job_id: job.id.clone(), status: answer.status, stuck: false };
                context.emit.emit(event).await;
            }
        })
        .await;
    let waiting_runs = tracked.iter().filter(|run| !run.is_terminal()).map(|run| run.created);
    let waiting_jobs = jobs.iter().filter(|job| !job.is_terminal()).map(|job| job.created);
    let ages: Vec<Duration> = waiting_runs.chain(waiting_jobs).map(|created| created.elapsed()).collect();
    let server_says = if context.api.wait_for_room("/health/ready", 20).is_zero() {
        context.api.ready().await.ok().and_then(|ready| {
            let celery = ready.dependencies.into_iter().find(|one| one.name == "celery")?;
            celery.details?.get("queue_length").and_then(Value::as_i64)
        })
    } else {
        None
    };
    context
        .emit
        .emit(Event::Backlog {
            test: TestId::L2,
            waiting: ages.len() as u64,
            oldest_s: ages.iter().max().map_or(0.0, Duration::as_secs_f64),
            server_says,
        })
        .await;
}

/// A truth whose score differs for each calibration.
fn truth(index: u64) -> (BTreeMap<String, f64>, BTreeMap<String, f64>) {
    let keys = ["adoption", "churn", "reach"];
    let pair = |position: usize| {
        let base = 0.1 + 0.07 * position as f64;
        (base + 0.01 * index as f64, base + 0.25)
    };
    let predicted = keys.iter().enumerate().map(|(at, key)| ((*key).to_owned(), pair(at).0)).collect();
    let actual = keys.iter().enumerate().map(|(at, key)| ((*key).to_owned(), pair(at).1)).collect();
    (predicted, actual)
}

/// Mean squared difference over the shared keys (API facts 4.6).
fn brier(predicted: &BTreeMap<String, f64>, actual: &BTreeMap<String, f64>) -> f64 {
    let shared: Vec<f64> = predicted
        .iter()
        .filter_map(|(key, value)| actual.get(key).map(|truth| (value - truth).powi(2)))
        .collect();
    if shared.is_empty() { 0.0 } else { shared.iter().sum::<f64>() / shared.len() as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_score_is_the_mean_squared_difference() {
        let (predicted, actual) = truth(0);
        assert!((brier(&predicted, &actual) - 0.0625).abs() < 1e-12);
        assert!((brier(&BTreeMap::new(), &actual)).abs() < f64::EPSILON);
    }
}
