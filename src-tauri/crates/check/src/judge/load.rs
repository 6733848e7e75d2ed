//! L1 to L3.

use std::collections::BTreeMap;

use super::sheet::{Row, Say, Sheet, classes, failed_operations, nobody_answered, witness};
use crate::event::{GIVEN_UP, StreamEndKind, WriteKind};
use crate::ledger::Fate;
use crate::results::{BacklogSample, TestResults};
use crate::statistics::{failure_share_bound, percentile_bound_ms, percentile_ms};
use crate::verdict::{State, Weight, Witness};
use crate::words::{Sureness, TestId};

/// A criterion of failures of some kinds of operation, with its bound and a finding.
#[expect(clippy::too_many_arguments, reason = "a table row has that many columns")]
fn failures(
    sheet: &mut Sheet<'_>,
    (id, test): (&'static str, TestId),
    title: &'static str,
    results: &TestResults,
    (kinds, expected): (&[&str], u64),
    limit: u64,
    sureness: Sureness,
    (code, what, cause, next): (&str, &str, &str, &str),
) {
    let records: Vec<_> = kinds.iter().filter_map(|kind| results.operations.get(*kind)).collect();
    let planned: u64 = records.iter().map(|record| record.planned).sum();
    let sent: u64 = records.iter().map(|record| record.sent).sum();
    let ok: u64 = records.iter().map(|record| record.ok).sum();
    let mut by_class: BTreeMap<String, u64> = BTreeMap::new();
    for record in &records {
        for (class, count) in &record.failed {
            *by_class.entry(class.clone()).or_default() += count;
        }
    }
    by_class.remove(GIVEN_UP);
    let bad: u64 = by_class.values().sum();
    let state = match (planned, bad) {
        (0, _) => State::Unproven,
        (_, bad) if bad > limit => State::Broken,
        // What was planned and is not on record was not done.
        _ if planned < expected || sent < planned || ok + bad < sent => State::Unproven,
        _ => State::Met,
    };
    let bound = failure_share_bound(bad, sent).map(|share| format!("at most {:.1} % fail", share * 100.0));
    sheet.row(Row {
        id,
        test: Some(test),
        title,
        limit: limit.to_string(),
        measured: format!("{bad} of {sent}"),
        margin: None,
        bound,
        state,
        sureness: if state == State::Unproven { Sureness::NotChecked } else { sureness },
    });
    if bad == 0 {
        return;
    }
    if nobody_answered(by_class.keys().map(String::as_str)) {
        sheet.rests_on_us(id);
    }
    let limited = by_class.get("rate_limited").copied().unwrap_or(0);
    let (code, cause, next) = if limited == bad {
        (
            "rate_limit.storm",
            "The API's limiter refused: something else used the same window, or its limit is lower than documented",
            "Wait until nothing else has used the API for a minute, then run the check again",
        )
    } else {
        (code, cause, next)
    };
    let mut witnesses: Vec<Witness> = Vec::new();
    for kind in kinds {
        witnesses.extend(failed_operations(results, kind));
    }
    let say = Say {
        code,
        title: format!("{bad} of {sent} {what} failed"),
        happened: format!("{} of {sent} {what}: {}", bad, classes(&by_class)),
        likely_cause: cause,
        next_action: next,
        witness: witnesses,
    };
    let weight = if state == State::Broken { Weight::Breaks } else { Weight::Note };
    sheet.find(id, Some(test), weight, say);
}

/// Things the API of this server cannot do: NO-GO where the runbook asks for them.
fn not_drivable(sheet: &mut Sheet<'_>, id: &'static str, test: TestId, results: &TestResults) {
    if results.not_drivable.is_empty() {
        return;
    }
    let what: Vec<&str> = results.not_drivable.iter().map(|(what, _)| what.as_str()).collect();
    sheet.row(Row {
        id,
        test: Some(test),
        title: "This server can do what the test asks for",
        limit: "everything".into(),
        measured: format!("not: {}", what.join(", ")),
        margin: None,
        bound: None,
        state: State::Broken,
        sureness: Sureness::NotDrivable,
    });
    let say = Say {
        code: "not_drivable",
        title: format!("{test} cannot be driven on this server: {}", what.join(", ")),
        happened: results
            .not_drivable
            .iter()
            .map(|(_, reason)| reason.as_str())
            .collect::<Vec<_>>()
            .join("; "),
        likely_cause: "This generation of the API does not have the operation, or it is broken for every call",
        next_action: "Deploy a version of the API in which the operation works, then run the check again",
        witness: failed_operations(results, "expand"),
    };
    sheet.find(id, Some(test), Weight::Breaks, say);
}

pub(super) fn l1(sheet: &mut Sheet<'_>) {
    let Some(results) = sheet.completed("L1.completed", TestId::L1) else { return };
    let parameters = sheet.results.plan.parameters.l1.clone();
    not_drivable(sheet, "L1.drivable", TestId::L1, results);
    failures(
        sheet,
        ("L1.failures", TestId::L1),
        "Node expansions that fail",
        results,
        (&["expand"], u64::from(parameters.concurrency) * u64::from(parameters.rounds)),
        parameters.failure_limit,
        Sureness::Proven,
        (
            "expand.failing",
            "node expansions",
            "The API or its database refused work under 20 concurrent expansions",
            "Read the API's log of that moment for the named requests, mend the cause, run the check again",
        ),
    );
    p95(sheet, results, parameters.p95_limit_ms);
    let audit = results.graph.last();
    let violations = audit.map(|audit| audit.violations.clone()).unwrap_or_default();
    let known = if audit.is_some() {
        (State::Met, Sureness::Proven)
    } else {
        (State::Unproven, Sureness::NotChecked)
    };
    let measured = audit.map_or_else(
        || "the graph was not read".to_owned(),
        |audit| {
            format!(
                "{} errors; nodes {} → {}, edges {} → {}",
                audit.violations.len(),
                audit.nodes.0,
                audit.nodes.1,
                audit.edges.0,
                audit.edges.1
            )
        },
    );
    let title = "Universe graph integrity errors";
    let bad = violations.len() as u64;
    if sheet.none_allowed("L1.graph", Some(TestId::L1), title, bad, known, measured) {
        let say = Say {
            code: "graph.integrity",
            title: format!("The universe graph breaks {bad} rules"),
            happened: violations.iter().take(3).map(|one| one.message.clone()).collect::<Vec<_>>().join("; "),
            likely_cause: "Concurrent expansions were stored wrongly: a race in the API or a missing constraint",
            next_action: "Look at the named nodes in the database and at the expansion code before anything is released",
            witness: violations
                .iter()
                .map(|one| witness(None, &format!("{:?}", one.rule), &one.id, one.message.clone()))
                .collect(),
        };
        sheet.find("L1.graph", Some(TestId::L1), Weight::Breaks, say);
    }
    super::whole::ledger(sheet, "L1.ledger", TestId::L1, WriteKind::Fork);
}

fn p95(sheet: &mut Sheet<'_>, results: &TestResults, limit: f64) {
    let record = results.operations.get("expand").cloned().unwrap_or_default();
    let value = percentile_ms(&record.latency, 0.95);
    let bound = percentile_bound_ms(&record.latency, 0.95);
    let samples = record.latency.len();
    let over = value.is_some_and(|value| value >= limit);
    let state = match value {
        None => State::Unproven,
        Some(_) if over => State::Broken,
        Some(_) => State::Met,
    };
    sheet.rests_on_us("L1.p95");
    sheet.row(Row {
        id: "L1.p95",
        test: Some(TestId::L1),
        title: "P95 latency of node expansions, from the intended start",
        limit: format!("< {limit:.0} ms"),
        measured: value.map_or("no sample".into(), |value| format!("{value:.0} ms (n = {samples})")),
        margin: value.map(|value| format!("{:+.0} ms", limit - value)),
        bound: bound.map(|bound| format!("below {bound:.0} ms")),
        state,
        sureness: if value.is_some() { Sureness::Observed } else { Sureness::NotChecked },
    });
    if !over {
        return;
    }
    let mut slowest: Vec<(f64, u64, &str)> = sheet
        .results
        .writes
        .iter()
        .filter(|write| write.test == TestId::L1)
        .filter_map(|write| match &write.fate {
            Fate::Acknowledged { latency_ms, .. } => Some((*latency_ms, write.sent_ms, write.id.as_str())),
            _ => None,
        })
        .collect();
    slowest.retain(|one| one.0 >= limit);
    slowest.sort_by(|one, other| other.0.total_cmp(&one.0));
    let say = Say {
        code: "latency.p95",
        title: format!("P95 of node expansions is {:.0} ms", value.unwrap_or_default()),
        happened: format!(
            "P95 {:.0} ms over {samples} samples, limit {limit:.0} ms",
            value.unwrap_or_default()
        ),
        likely_cause: "Cold start or scaling on Railway, or the database is slow under concurrent writes",
        next_action: "Wait for warm-up and run the check again; if it stays, look at the slowest requests in the API's log",
        witness: slowest
            .into_iter()
            .take(5)
            .map(|(latency, at, id)| witness(Some(at), "expand", id, format!("{latency:.0} ms")))
            .collect(),
    };
    sheet.find("L1.p95", Some(TestId::L1), Weight::Breaks, say);
}

pub(super) fn l2(sheet: &mut Sheet<'_>) {
    let Some(results) = sheet.completed("L2.completed", TestId::L2) else { return };
    let parameters = sheet.results.plan.parameters.l2.clone();
    let jobs = !sheet.results.jobs.is_empty();
    failures(
        sheet,
        ("L2.calibration", TestId::L2),
        "Calibrations that fail or answer a wrong score",
        results,
        (&["calibrate", "calibration_job"], u64::from(parameters.calibrations) * if jobs { 2 } else { 1 }),
        parameters.failure_limit,
        Sureness::Proven,
        (
            "calibration.failing",
            "calibrations and calibration jobs",
            "The calibration code fails, or its arithmetic is wrong: every score is recomputed by Holdpoint",
            "Read the API's log for the named requests, mend the calibration endpoints, run the check again",
        ),
    );
    failures(
        sheet,
        ("L2.auto_tune", TestId::L2),
        "Auto-tune requests that fail",
        results,
        (&["auto_tune"], u64::from(parameters.auto_tunes)),
        parameters.failure_limit,
        Sureness::Observed,
        (
            "auto_tune.failing",
            "auto-tune requests",
            "Auto-tune itself fails on this server (known: it refers to an audit constant that does not exist)",
            "Mend POST /api/v1/calibration/auto-tune, deploy it, run the check again",
        ),
    );
    let mut numbers: BTreeMap<i64, Vec<&(String, String, i64)>> = BTreeMap::new();
    for version in &results.versions {
        numbers.entry(version.2).or_default().push(version);
    }
    let doubled: Vec<_> = numbers.values().filter(|list| list.len() > 1).flatten().collect();
    if sheet.none_allowed(
        "L2.versions",
        Some(TestId::L2),
        "Auto-tune versions that share a number",
        doubled.len() as u64,
        (State::Met, Sureness::Observed),
        format!("{} of {}", doubled.len(), results.versions.len()),
    ) {
        let say = Say {
            code: "auto_tune.version_doubled",
            title: "Concurrent auto-tunes got the same version number".into(),
            happened: format!("{} versions share a number with another", doubled.len()),
            likely_cause: "Version numbers are computed without locking",
            next_action: "Let the database assign the number, then run the check again",
            witness: doubled
                .iter()
                .map(|(id, version, number)| {
                    witness(None, "auto_tune", id, format!("version {version} is number {number}"))
                })
                .collect(),
        };
        sheet.find("L2.versions", Some(TestId::L2), Weight::Breaks, say);
    }
    backlog(sheet, results, parameters.backlog_limit);
    super::whole::stuck(sheet, "L2.stuck", TestId::L2, parameters.drain_deadline_s);
}

/// What waited at most: as Holdpoint counts its own work, or as the server says, whichever is more. The server's list is
/// usually one that nothing is put into (API facts 6), so that a small number of its own proves nothing.
fn backlog(sheet: &mut Sheet<'_>, results: &TestResults, limit: u64) {
    let said = |sample: &BacklogSample| sample.server_says.and_then(|length| u64::try_from(length).ok());
    let worst = |sample: &BacklogSample| sample.waiting.max(said(sample).unwrap_or(0));
    let peak = results.backlog.iter().max_by_key(|sample| worst(sample));
    let ours = results.backlog.iter().map(|sample| sample.waiting).max().unwrap_or(0);
    let oldest = results.backlog.iter().map(|sample| sample.oldest_s).fold(0.0, f64::max);
    let drained = results.backlog.iter().rev().take_while(|sample| sample.waiting == 0).last();
    let server = results.backlog.iter().filter_map(said).max();
    let state = match peak {
        None => State::Unproven,
        Some(peak) if worst(peak) >= limit => State::Broken,
        Some(_) => State::Met,
    };
    let measured = peak.map_or("not sampled".to_owned(), |_| {
        let began = results.began_ms.unwrap_or(0);
        let drain = drained.map_or("not drained".to_owned(), |sample| {
            format!("drained after {:.1} s", sample.at_ms.saturating_sub(began) as f64 / 1000.0)
        });
        let server = server.map_or("nothing".to_owned(), |length| length.to_string());
        format!("peak {ours}, oldest {oldest:.1} s, {drain}; the server says {server}")
    });
    sheet.row(Row {
        id: "L2.backlog",
        test: Some(TestId::L2),
        title: "Peak of the queue backlog, counted by Holdpoint and by the server",
        limit: format!("< {limit}"),
        measured,
        margin: peak.map(|peak| format!("{:+}", i128::from(limit) - i128::from(worst(peak)))),
        bound: None,
        state,
        sureness: if peak.is_some() { Sureness::Proven } else { Sureness::NotChecked },
    });
    if let Some(peak) = peak.filter(|_| state == State::Broken) {
        let (height, waiting) = (worst(peak), peak.waiting);
        let by = if waiting >= limit {
            "runs and jobs of this check waited at once"
        } else {
            "tasks waited, as the server says"
        };
        let say = Say {
            code: "backlog.peak",
            title: format!("The queue backlog reached {height}"),
            happened: format!("{height} {by}; the oldest of this check for {:.1} s", peak.oldest_s),
            likely_cause: "The worker is too slow or too few for this load",
            next_action: "Look at the worker's log and capacity",
            witness: vec![witness(Some(peak.at_ms), "backlog", "peak", format!("{height} {by}"))],
        };
        sheet.find("L2.backlog", Some(TestId::L2), Weight::Breaks, say);
    }
}

pub(super) fn l3(sheet: &mut Sheet<'_>) {
    let Some(results) = sheet.completed("L3.completed", TestId::L3) else { return };
    let parameters = sheet.results.plan.parameters.l3.clone();
    not_drivable(sheet, "L3.drivable", TestId::L3, results);
    let bad_probes: Vec<_> = results.storage_probes.iter().filter(|probe| !probe.ok).collect();
    let broken_objects = results.failures.iter().filter(|failure| failure.kind == "replay").count() as u64;
    let bucket_failures = bad_probes.len() as u64 + broken_objects;
    let probed = results.storage_probes.len();
    if bad_probes.iter().all(|probe| probe.unanswered) && broken_objects == 0 {
        sheet.rests_on_us("L3.bucket");
    }
    let state = match (probed, bucket_failures) {
        (_, bad) if bad > parameters.bucket_failure_limit => State::Broken,
        (0, _) => State::Unproven,
        _ => State::Met,
    };
    sheet.row(Row {
        id: "L3.bucket",
        test: Some(TestId::L3),
        title: "Bucket operations that fail",
        limit: parameters.bucket_failure_limit.to_string(),
        measured: format!("{bucket_failures} of {probed} probes"),
        margin: None,
        bound: failure_share_bound(bad_probes.len() as u64, probed as u64)
            .map(|share| format!("at most {:.1} % fail", share * 100.0)),
        state,
        sureness: if probed == 0 { Sureness::NotChecked } else { Sureness::Observed },
    });
    if state == State::Broken {
        let say = Say {
            code: "bucket.failing",
            title: format!("{bucket_failures} bucket operations failed under load"),
            happened: bad_probes.first().map_or_else(String::new, |probe| probe.detail.clone()),
            likely_cause: "MinIO cannot be reached or refuses writes",
            next_action: "Check GET /health/storage-test and MinIO in Railway, then run the check again",
            witness: bad_probes
                .iter()
                .map(|probe| witness(Some(probe.at_ms), "storage-test", "probe", probe.detail.clone()))
                .chain(failed_operations(results, "replay"))
                .collect(),
        };
        sheet.find("L3.bucket", Some(TestId::L3), Weight::Breaks, say);
    }
    bucket_latency(sheet, results);
    let timeouts: u64 = results.operations.values().filter_map(|record| record.failed.get("timeout")).sum();
    let hung: Vec<_> = results.streams.iter().filter(|one| one.end == StreamEndKind::Hung).collect();
    let title = "Streams and exports that time out";
    let recorded = ["export", "stream"].iter().all(|kind| {
        results.operations.contains_key(*kind)
            || (*kind == "stream" && results.operations.contains_key("replay"))
    });
    let known =
        if recorded { (State::Met, Sureness::Observed) } else { (State::Unproven, Sureness::NotChecked) };
    sheet.rests_on_us("L3.timeouts");
    if sheet.none_allowed("L3.timeouts", Some(TestId::L3), title, timeouts, known, timeouts.to_string()) {
        let mut witnesses: Vec<Witness> =
            hung.iter().map(|one| witness(None, "stream", &one.id, one.detail.clone())).collect();
        witnesses.extend(
            results.failures.iter().filter(|failure| failure.class == "timeout").map(|failure| {
                witness(Some(failure.at_ms), &failure.kind, &failure.id, failure.detail.clone())
            }),
        );
        let say = Say {
            code: "stream.timeout",
            title: format!("{timeouts} streams or exports timed out"),
            happened: "Nothing came within the time limit".into(),
            likely_cause: "The API or the bucket is blocked under concurrent streams",
            next_action: "Look at the API's log and its database connections at that moment",
            witness: witnesses,
        };
        sheet.find("L3.timeouts", Some(TestId::L3), Weight::Breaks, say);
    }
    streams(sheet, "L3.streams", TestId::L3, results, u64::from(parameters.streams));
    failures(
        sheet,
        ("L3.exports", TestId::L3),
        "Exports that fail, are empty, or hold other data",
        results,
        (&["export"], u64::from(parameters.exports)),
        0,
        Sureness::Proven,
        (
            "export.content",
            "exports",
            "The export has no data source wired, or it reads the wrong data (known: exports of this API are empty)",
            "Look at the named exports and the export code; an export that says completed must hold its records",
        ),
    );
}

/// How long a single write or read of the bucket takes, by the API's own measure, so that no queue before it counts.
fn bucket_latency(sheet: &mut Sheet<'_>, results: &TestResults) {
    // The runbook names one limit of a wait; a bucket that takes longer for one object cannot keep it.
    let limit = sheet.results.plan.parameters.l1.p95_limit_ms;
    let timed: Vec<_> =
        results.storage_probes.iter().filter_map(|probe| Some((probe.slowest_ms()?, probe))).collect();
    let slowest = timed.iter().map(|(time, _)| *time).max_by(f64::total_cmp);
    let state = match slowest {
        None => State::Unproven,
        Some(slowest) if slowest >= limit => State::Broken,
        Some(_) => State::Met,
    };
    sheet.row(Row {
        id: "L3.bucket_latency",
        test: Some(TestId::L3),
        title: "Slowest single write or read of the bucket",
        limit: format!("< {limit:.0} ms"),
        measured: slowest.map_or("no operation succeeded".into(), |slowest| {
            format!("{slowest:.0} ms (n = {})", timed.len())
        }),
        margin: slowest.map(|slowest| format!("{:+.0} ms", limit - slowest)),
        bound: None,
        state,
        sureness: if slowest.is_some() { Sureness::Observed } else { Sureness::NotChecked },
    });
    if state != State::Broken {
        return;
    }
    let mut slow: Vec<_> = timed.into_iter().filter(|(time, _)| *time >= limit).collect();
    slow.sort_by(|one, other| other.0.total_cmp(&one.0));
    let say = Say {
        code: "bucket.slow",
        title: format!("One write or read of the bucket took {:.0} ms", slowest.unwrap_or_default()),
        happened: format!(
            "{} of {} storage probes were slower than {limit:.0} ms",
            slow.len(),
            results.storage_probes.len()
        ),
        likely_cause: "MinIO or its disk is overloaded, or its volume is throttled",
        next_action: "Look at MinIO's metrics and volume in Railway, then run the check again",
        witness: slow
            .iter()
            .map(|(time, probe)| witness(Some(probe.at_ms), "storage-test", "probe", format!("{time:.0} ms")))
            .collect(),
    };
    sheet.find("L3.bucket_latency", Some(TestId::L3), Weight::Breaks, say);
}

/// Completeness and order of every stream; used by L3 and, with resumption allowed, by C2.
pub(super) fn streams(
    sheet: &mut Sheet<'_>,
    id: &'static str,
    test: TestId,
    results: &TestResults,
    planned: u64,
) {
    if results.streams.is_empty() && !results.not_drivable.is_empty() {
        return;
    }
    let mut witnesses = Vec::new();
    let mut answered = false;
    for one in results.streams.iter().filter(|one| one.end != StreamEndKind::Aborted) {
        let mut wrong = Vec::new();
        let clean_failure = test == TestId::C2 && one.end == StreamEndKind::Failed;
        if !one.missing.is_empty() && !clean_failure {
            wrong.push(format!("ticks {:?} are missing", first_of(&one.missing)));
        }
        if !one.repeated.is_empty() {
            wrong.push(format!("ticks {:?} came twice", first_of(&one.repeated)));
        }
        if !one.out_of_order.is_empty() {
            wrong.push(format!("ticks {:?} came out of order", first_of(&one.out_of_order)));
        }
        if let Some(tick) = one.wrong_final {
            wrong.push(format!("it says it ended on tick {tick}, not {}", one.to_tick));
        }
        match one.end {
            StreamEndKind::Hung => wrong.push(format!("it hangs: {}", one.detail)),
            StreamEndKind::ClosedEarly => wrong.push("it was closed without its end event".into()),
            StreamEndKind::Failed if !clean_failure => wrong.push(one.detail.clone()),
            _ => {}
        }
        if !wrong.is_empty() {
            let content =
                !one.repeated.is_empty() || !one.out_of_order.is_empty() || one.wrong_final.is_some();
            answered |= content || !one.unanswered;
            witnesses.push(witness(None, "stream", &one.id, wrong.join("; ")));
        }
    }
    if !answered {
        sheet.rests_on_us(id);
    }
    let bad = witnesses.len() as u64;
    let whole =
        results.streams.iter().filter(|one| one.end == StreamEndKind::Complete && one.completed).count();
    let first: Vec<f64> = results.streams.iter().filter_map(|one| one.first_event_ms).collect();
    let slowest_first = first.iter().copied().fold(0.0, f64::max);
    let gap = results.streams.iter().map(|one| one.longest_gap_ms).fold(0.0, f64::max);
    let state = if (results.streams.len() as u64) < planned { State::Unproven } else { State::Met };
    let resumed = results.streams.iter().filter(|one| one.resumed > 0 && one.completed).count();
    let measured = format!(
        "{bad} wrong of {}; {whole} complete, {resumed} after resuming; first event ≤ {slowest_first:.0} ms, longest gap {gap:.0} ms",
        results.streams.len()
    );
    let title = if test == TestId::C2 {
        "Streams that lose or repeat a tick, or hang"
    } else {
        "Streams with a missing, repeated or disordered tick, or without their end"
    };
    if sheet.none_allowed(id, Some(test), title, bad, (state, Sureness::Proven), measured) {
        let happened = witnesses.first().map_or_else(String::new, |one| one.shows.clone());
        let refused = results
            .streams
            .iter()
            .filter(|one| one.end == StreamEndKind::Failed && one.received == 0)
            .count();
        let say = if refused as u64 == bad {
            Say {
                code: "stream.refused",
                title: format!("{bad} of {} streams could not be opened", results.streams.len()),
                happened,
                likely_cause: "Streams that are open use up what the API has of something: each holds a database \
                               connection on the recorded code",
                next_action: "Compare the API's database pool with the streams that are open at once; read its log of \
                              that moment",
                witness: witnesses,
            }
        } else {
            Say {
                code: "stream.ticks",
                title: format!("{bad} streams are wrong"),
                happened,
                likely_cause: "The stream loses its place, or the telemetry object is damaged",
                next_action: "Read the named streams again from the given tick and compare with the telemetry object",
                witness: witnesses,
            }
        };
        sheet.find(id, Some(test), Weight::Breaks, say);
    }
}

fn first_of(ticks: &[i64]) -> &[i64] {
    &ticks[..ticks.len().min(5)]
}
