//! A running check as the page sees it: a fold over the same records as everything else, sent ten times a second.

use std::collections::BTreeMap;

use holdpoint_agentverse::types::is_terminal;
use holdpoint_check::event::{Event, Record};
use holdpoint_check::results::Results;
use holdpoint_check::statistics::percentile_ms;
use holdpoint_check::words::{Service, TestId};
use holdpoint_check::{fold, judge};

use crate::lines;
use crate::summary::{self, short_title};
use crate::ticking::{BATCH, SIGN_OF_LIFE_MS};
use crate::view::{
    BacklogPoint, EventLine, FaultState, Figure, IntervalPoint, LineKind, Live, LiveFault, LivePhase,
    LiveState, LiveTest, LogLine, RunBar, RunCounts, TestState,
};

/// Bytes of a message, but for the first one, which carries all there is.
const LARGEST: usize = 8 * 1024;

fn size(message: &Live) -> usize {
    // It goes to the page as JSON; what cannot be written there does not get there.
    serde_json::to_vec(message).map_or(usize::MAX, |text| text.len())
}

/// Folds the records of a running check.
#[derive(Debug)]
pub struct LiveFold {
    number: u32,
    estimates: BTreeMap<TestId, u64>,
    results: Option<Results>,
    states: BTreeMap<TestId, TestState>,
    lines: Vec<EventLine>,
    logs: Vec<LogLine>,
    stopping: bool,
    saved: bool,
    drill: Option<String>,
    /// Grows with everything that changes what is shown, but for time.
    version: u64,
}

/// What a watcher has been sent.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    intervals: usize,
    backlog: usize,
    lines: usize,
    logs: usize,
    runs: BTreeMap<String, RunBar>,
    version: Option<u64>,
    at_ms: u64,
    /// Whether the last message could not hold everything.
    behind: bool,
}

impl LiveFold {
    /// A fold of check `number`; `estimates` say how long tests take by experience.
    pub fn new(number: u32, estimates: BTreeMap<TestId, u64>) -> Self {
        Self {
            number,
            estimates,
            results: None,
            states: BTreeMap::new(),
            lines: Vec::new(),
            logs: Vec::new(),
            stopping: false,
            saved: false,
            drill: None,
            version: 0,
        }
    }

    /// Takes one record.
    pub fn see(&mut self, record: &Record) {
        self.version += 1;
        match &mut self.results {
            None => {
                self.results = fold::start(record);
                self.drill = self
                    .results
                    .as_ref()
                    .and_then(|results| results.plan.rehearsal_profile.clone())
                    .filter(|name| name != "healthy");
            }
            Some(results) => fold::apply(results, record),
        }
        self.lines.extend(lines::line(record));
        if let Event::LogLines { test, service, lines } = &record.event {
            self.logs.extend(lines.iter().map(|line| LogLine {
                service: *service,
                test: *test,
                text: line.chars().take(600).collect(),
            }));
        }
        if let (Event::TestEnded { test, .. }, Some(results)) = (&record.event, &self.results) {
            // The judge looks at what is there; what later tests add cannot mend what this one broke.
            let verdict = judge::judge(results);
            self.states.insert(*test, summary::test_state(results, &verdict, *test));
        }
    }

    /// A person asked for an end.
    pub fn stopping(&mut self) {
        self.version += 1;
        self.stopping = true;
    }

    /// Something went wrong that no journal can hold.
    pub fn tell(&mut self, text: &str) {
        self.version += 1;
        let (seq, at_ms) = self.lines.last().map_or((0, 0), |line| (line.seq + 1, line.at_ms));
        self.lines.push(EventLine { seq, at_ms, kind: LineKind::Fail, test: None, text: text.to_owned() });
    }

    /// The reports are on the disk.
    pub fn saved(&mut self) {
        self.version += 1;
        self.saved = true;
    }

    /// Whether nothing more will come.
    pub fn is_over(&self) -> bool {
        self.saved
    }

    /// The next message to a watcher; none before the check has said what it does, and none while nothing but time
    /// changes, except once a second. `elapsed_ms` is now.
    pub fn message(&self, sent: &mut Sent, elapsed_ms: u64) -> Option<Live> {
        let results = self.results.as_ref()?;
        let whole = sent.version.is_none();
        let silent = elapsed_ms.saturating_sub(sent.at_ms) < SIGN_OF_LIFE_MS;
        if sent.version == Some(self.version) && !sent.behind && silent {
            return None;
        }
        sent.version = Some(self.version);
        sent.at_ms = elapsed_ms;
        let backlog = backlog(results);
        let mut message = Live {
            whole,
            state: self.state(results, &backlog, elapsed_ms),
            intervals: Vec::new(),
            backlog: Vec::new(),
            lines: Vec::new(),
            logs: Vec::new(),
            runs: Vec::new(),
        };
        let mut batch = if whole { usize::MAX } else { BATCH };
        self.fill(&mut message, results, &backlog, sent, batch);
        while batch <= BATCH && batch > 1 && size(&message) >= LARGEST {
            batch /= 2;
            self.fill(&mut message, results, &backlog, sent, batch);
        }
        sent.intervals += message.intervals.len();
        sent.backlog += message.backlog.len();
        sent.lines += message.lines.len();
        sent.logs += message.logs.len();
        sent.runs.extend(message.runs.iter().map(|bar| (bar.run_id.clone(), bar.clone())));
        sent.behind = sent.intervals < results.intervals.len()
            || sent.backlog < backlog.len()
            || sent.lines < self.lines.len()
            || sent.logs < self.logs.len()
            || message.runs.len() >= batch;
        Some(message)
    }

    /// Puts at most `batch` of everything that a watcher has not heard of into a message.
    fn fill(
        &self,
        message: &mut Live,
        results: &Results,
        backlog: &[BacklogPoint],
        sent: &Sent,
        batch: usize,
    ) {
        let intervals = results.intervals.iter().skip(sent.intervals).take(batch);
        message.intervals = intervals
            .map(|interval| IntervalPoint {
                at_ms: interval.from_ms,
                ok: interval.ok,
                failed: interval.failed,
                p50_ms: interval.latency.quantile_ms(0.5),
                p95_ms: interval.latency.quantile_ms(0.95),
                p99_ms: interval.latency.quantile_ms(0.99),
            })
            .collect();
        message.backlog = backlog.iter().skip(sent.backlog).take(batch).copied().collect();
        message.lines = self.lines.iter().skip(sent.lines).take(batch).cloned().collect();
        message.logs = self.logs.iter().skip(sent.logs).take(batch).cloned().collect();
        let runs = results.runs.iter().map(run_bar);
        message.runs = runs.filter(|bar| sent.runs.get(&bar.run_id) != Some(bar)).take(batch).collect();
    }

    fn state(&self, results: &Results, backlog: &[BacklogPoint], elapsed_ms: u64) -> LiveState {
        let elapsed_ms =
            if results.ending.is_some() { results.elapsed_ms } else { elapsed_ms.max(results.elapsed_ms) };
        let tests: Vec<LiveTest> =
            TestId::ALL.into_iter().map(|test| self.tile(results, test, elapsed_ms)).collect();
        LiveState {
            number: self.number,
            check_id: results.check_id.clone(),
            environment: results.plan.environment.name.clone(),
            kind: results.plan.environment.kind,
            drill: self.drill.clone(),
            chaos: results.plan.chaos,
            started_at: results.started_at.to_rfc3339(),
            elapsed_ms,
            remaining_ms: self.remaining(results, &tests),
            phase: self.phase(results),
            preflight: if tests.iter().any(|test| test.began_ms.is_some()) {
                Vec::new()
            } else {
                results.preflight.clone()
            },
            tests,
            faults: faults(results, elapsed_ms),
            runs: counts(results),
            backlog_now: backlog.last().map(|point| point.waiting),
            backlog_peak: backlog.iter().map(|point| point.waiting).max(),
            backlog_limit: results.plan.parameters.l2.backlog_limit,
            p95_limit_ms: results.plan.parameters.l1.p95_limit_ms,
            waiting_for: waiting_for(results, elapsed_ms),
            offline_since_ms: results
                .offline
                .last()
                .filter(|one| one.lasted_ms.is_none())
                .map(|one| one.from_ms),
            saved: self.saved,
        }
    }

    fn phase(&self, results: &Results) -> LivePhase {
        let begun = results.tests.values().any(|test| test.started_at.is_some());
        let open = results.tests.values().any(|test| test.ending.is_none());
        if results.ending.is_some() {
            LivePhase::Ended
        } else if self.stopping {
            LivePhase::Stopping
        } else if !begun {
            LivePhase::Preflight
        } else if open {
            LivePhase::Testing
        } else {
            LivePhase::Finishing
        }
    }

    fn remaining(&self, results: &Results, tests: &[LiveTest]) -> Option<u64> {
        if results.ending.is_some() || self.stopping || self.estimates.is_empty() {
            return None;
        }
        Some(
            tests
                .iter()
                .map(|test| match test.state {
                    TestState::Waiting => test.estimate_ms,
                    TestState::Running => test.estimate_ms.saturating_sub(test.elapsed_ms.unwrap_or(0)),
                    _ => 0,
                })
                .sum(),
        )
    }

    fn tile(&self, results: &Results, test: TestId, elapsed_ms: u64) -> LiveTest {
        let one = results.tests.get(&test);
        let state = match one {
            None => TestState::NotPlanned,
            Some(one) => match (one.started_at, self.states.get(&test)) {
                (_, Some(state)) => *state,
                (Some(_), None) if results.ending.is_none() => TestState::Running,
                (None, None) if results.ending.is_none() => TestState::Waiting,
                _ => TestState::Aborted,
            },
        };
        let began_ms = one.and_then(|one| one.began_ms);
        LiveTest {
            id: test,
            title: short_title(test).into(),
            state,
            began_ms,
            elapsed_ms: one
                .and_then(|one| one.elapsed_ms)
                .or_else(|| began_ms.map(|began| elapsed_ms.saturating_sub(began))),
            estimate_ms: self.estimates.get(&test).copied().unwrap_or(0),
            progress: one.and_then(|one| one.progress.clone()).filter(|_| state == TestState::Running),
            figure: began_ms.and_then(|_| figure(results, test, elapsed_ms)),
        }
    }
}

fn backlog(results: &Results) -> Vec<BacklogPoint> {
    let mut points: Vec<BacklogPoint> = results
        .tests
        .values()
        .flat_map(|test| &test.backlog)
        .map(|sample| BacklogPoint { at_ms: sample.at_ms, waiting: sample.waiting })
        .collect();
    points.sort_by_key(|point| point.at_ms);
    points
}

fn run_bar(run: &holdpoint_check::results::RunResults) -> RunBar {
    let first =
        |wanted: fn(&str) -> bool| run.statuses.iter().find(|(_, status)| wanted(status)).map(|(at, _)| *at);
    RunBar {
        run_id: run.run_id.clone(),
        test: run.test,
        created_ms: run.created_ms,
        executing_ms: first(|status| status == "running"),
        ended_ms: first(is_terminal),
        status: run.status().to_owned(),
        stuck: run.stuck.is_some(),
    }
}

fn counts(results: &Results) -> RunCounts {
    let mut counts = RunCounts::default();
    for run in &results.runs {
        counts.created += 1;
        if run.stuck.is_some() {
            counts.stuck += 1;
        } else if run.status() == "succeeded" {
            counts.finished += 1;
        } else if is_terminal(run.status()) {
            counts.failed += 1;
        } else if run.status() == "running" {
            counts.executing += 1;
        } else {
            counts.waiting += 1;
        }
    }
    counts
}

/// Whole seconds in words: `5 s`, `1 min 5 s`.
fn seconds(ms: u64) -> String {
    let whole = ms / 1000;
    if whole < 60 {
        format!("{whole}\u{a0}s")
    } else {
        format!("{}\u{a0}min {}\u{a0}s", whole / 60, whole % 60)
    }
}

fn faults(results: &Results, elapsed_ms: u64) -> Vec<LiveFault> {
    let mut faults: Vec<LiveFault> = results
        .faults
        .iter()
        .map(|fault| {
            let name = fault.intent.service.title();
            let state = fault_state(fault);
            let away = seconds(elapsed_ms.saturating_sub(fault.intended_ms));
            LiveFault {
                test: fault.intent.test,
                service: fault.intent.service,
                at_ms: fault.intended_ms,
                recovered_ms: fault.recovered_ms,
                state,
                label: match (state, &fault.recovered) {
                    (FaultState::Recovered, Some((took, _))) => format!("{name} back in {took:.1}\u{a0}s"),
                    (FaultState::Refused, _) => format!("{name} restart refused"),
                    (FaultState::Unproven, _) => format!("{name} restart not proven"),
                    (FaultState::NotRecovered, _) => format!("{name} not back"),
                    (FaultState::Down, _) => format!("{name} down {away}"),
                    _ => format!("{name} restart asked {away}"),
                },
            }
        })
        .collect();
    for (test, service) in &results.simulated {
        let at_ms = results.tests.get(test).and_then(|one| one.began_ms).unwrap_or(0);
        faults.push(LiveFault {
            test: *test,
            service: *service,
            at_ms,
            recovered_ms: None,
            state: FaultState::Simulated,
            label: format!("{} not restarted, simulated", service.title()),
        });
    }
    faults.sort_by_key(|fault| fault.at_ms);
    faults
}

/// How a fault stands.
pub fn fault_state(fault: &holdpoint_check::results::FaultResults) -> FaultState {
    if fault.refused.is_some() {
        FaultState::Refused
    } else if fault.not_recovered.is_some() {
        FaultState::NotRecovered
    } else if fault.unproven.is_some() && fault.proven.is_none() {
        FaultState::Unproven
    } else if fault.recovered.is_some() && fault.proven.is_some() {
        FaultState::Recovered
    } else if fault.proven.is_some() {
        FaultState::Down
    } else {
        FaultState::Asked
    }
}

fn waiting_for(results: &Results, elapsed_ms: u64) -> Option<String> {
    let fault = results.faults.iter().find(|fault| {
        matches!(fault_state(fault), FaultState::Asked | FaultState::Down) && fault.recovered.is_none()
    })?;
    let since = elapsed_ms.saturating_sub(fault.intended_ms);
    (since >= 3000 && results.ending.is_none())
        .then(|| format!("{} has not come back for {}.", fault.intent.service.title(), seconds(since)))
}

/// The key figure of a test so far.
pub fn figure(results: &Results, test: TestId, elapsed_ms: u64) -> Option<Figure> {
    let make = |value: String, unit: &str, label: &str, bad: bool| {
        Some(Figure { value, unit: unit.into(), label: label.into(), bad })
    };
    let one = results.tests.get(&test)?;
    match test {
        TestId::L1 => {
            let limit = results.plan.parameters.l1.p95_limit_ms;
            let p95 = percentile_ms(&summary::latency(results, test), 0.95)?;
            make(format!("{p95:.0}"), "ms", "P95", p95 >= limit)
        }
        TestId::L2 => {
            let peak = one.backlog.iter().map(|sample| sample.waiting).max()?;
            let limit = results.plan.parameters.l2.backlog_limit;
            make(peak.to_string(), "", "backlog", peak >= limit)
        }
        TestId::L3 => {
            let failed = one.streams.iter().filter(|stream| !stream.completed).count()
                + one.exports.iter().filter(|export| export.problem.is_some()).count()
                + one.storage_probes.iter().filter(|probe| !probe.ok).count();
            let any = !one.streams.is_empty() || !one.exports.is_empty();
            any.then(|| make(failed.to_string(), "", "failures", failed > 0)).flatten()
        }
        TestId::C1 | TestId::C2 | TestId::C3 => {
            if let Some(fault) = results.fault_of(test) {
                return match (&fault.recovered, fault_state(fault)) {
                    (Some((took, _)), FaultState::Recovered) => {
                        make(format!("{took:.1}"), "s", "back in", false)
                    }
                    (_, FaultState::Refused) => make("refused".into(), "", "restart", true),
                    (_, FaultState::Unproven) => make("not proven".into(), "", "restart", true),
                    (_, FaultState::NotRecovered) => make("not back".into(), "", "service", true),
                    _ => {
                        let away = elapsed_ms.saturating_sub(fault.intended_ms) / 1000;
                        make(away.to_string(), "s", "down", false)
                    }
                };
            }
            results
                .simulated
                .iter()
                .any(|(simulated, _)| *simulated == test)
                .then(|| make("nothing restarted".into(), "", "", false))
                .flatten()
        }
        TestId::Rep => {
            let bad = results.packs.values().filter(|pack| !pack.problems().is_empty()).count();
            (!results.packs.is_empty())
                .then(|| make(format!("{bad} of {}", results.packs.len()), "", "corrupted", bad > 0))
                .flatten()
        }
        TestId::Bucket => {
            use holdpoint_check::event::PartState;
            let holds = results.bucket.iter().filter(|part| part.state == PartState::Holds).count();
            let broken = results.bucket.iter().any(|part| part.state == PartState::Broken);
            (!results.bucket.is_empty())
                .then(|| make(format!("{holds} of {}", results.bucket.len()), "", "parts hold", broken))
                .flatten()
        }
    }
}

/// The services in the order people read them.
pub const SERVICES: [Service; 6] =
    [Service::Api, Service::Worker, Service::Web, Service::Postgres, Service::Redis, Service::Minio];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use holdpoint_check::journal;

    use super::*;

    fn healthy() -> Vec<Record> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../check/tests/journals");
        journal::read(&folder.join("healthy.ndjson")).unwrap()
    }

    #[test]
    fn a_watcher_hears_of_every_change_and_of_silence_once_a_second() {
        let mut fold = LiveFold::new(1, BTreeMap::new());
        let mut sent = Sent::default();
        assert!(fold.message(&mut sent, 0).is_none());
        let records = healthy();
        fold.see(&records[0]);
        assert!(fold.message(&mut sent, 0).unwrap().whole);
        assert!(fold.message(&mut sent, 900).is_none());
        assert_eq!(fold.message(&mut sent, 1000).unwrap().state.elapsed_ms, 1000);
        assert!(fold.message(&mut sent, 1100).is_none());
        fold.see(&records[1]);
        let changed = fold.message(&mut sent, 1100).unwrap();
        assert!(!changed.whole);
        assert_eq!(changed.lines.len(), 1);
        fold.stopping();
        assert_eq!(fold.message(&mut sent, 1100).unwrap().state.phase, LivePhase::Stopping);
    }

    #[test]
    fn what_one_message_cannot_hold_comes_with_the_next_and_nothing_is_lost() {
        let mut fold = LiveFold::new(1, BTreeMap::new());
        let mut sent = Sent::default();
        let records = healthy();
        fold.see(&records[0]);
        let mut heard = fold.message(&mut sent, 0).unwrap().lines.len();
        records[1..].iter().for_each(|record| fold.see(record));
        fold.saved();
        let mut messages = 0;
        // Time stands still: only what is new is a reason for a message.
        while let Some(message) = fold.message(&mut sent, 0) {
            assert!(size(&message) < LARGEST);
            heard += message.lines.len();
            messages += 1;
            assert!(messages < 1000, "a watcher would be told for ever");
        }
        assert!(messages > 1);
        assert_eq!(heard, fold.lines.len());
    }
}
