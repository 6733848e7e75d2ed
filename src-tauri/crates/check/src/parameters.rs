//! Parameters of every test, with the runbook's values as defaults.

use serde::{Deserialize, Serialize};

/// The most of anything that a load asks for: more is a slip of the keyboard.
const COUNT_LIMIT: u32 = 100_000;

/// All parameters. In a file every part and field may be left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Parameters {
    /// Of the preflight and of every request.
    pub general: General,
    /// Of L1.
    pub l1: L1,
    /// Of L2.
    pub l2: L2,
    /// Of L3.
    pub l3: L3,
    /// Of C1.
    pub c1: C1,
    /// Of C2.
    pub c2: C2,
    /// Of C3.
    pub c3: C3,
    /// How a check is compared with an earlier one.
    pub regression: RegressionGate,
}

/// Whether being slower than before counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Gate {
    /// It is not asked.
    #[default]
    Off,
    /// It is told, and changes no verdict.
    Warn,
    /// It breaks a criterion.
    Block,
}

/// Comparison with an earlier check. The runbook knows none, so that it is off until a person wants it. It can only take a
/// GO away: it adds a criterion and never removes one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct RegressionGate {
    /// Whether it counts.
    pub gate: Gate,
    /// Slower by no more than this, in per cent, is accepted.
    pub tolerance_pct: f64,
    /// What is compared with: `last-go`, `median:5`, or a check by its number or folder.
    pub baseline: String,
}

impl Default for RegressionGate {
    fn default() -> Self {
        Self { gate: Gate::Off, tolerance_pct: 10.0, baseline: "last-go".into() }
    }
}

/// Preflight and requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct General {
    /// Seconds until a request counts as timed out (API facts 10.3: 30).
    pub request_timeout_s: u64,
    /// Seconds the preflight's own run may take.
    pub preflight_run_deadline_s: u64,
    /// Largest accepted difference between the server's clock and this computer's, in seconds.
    pub clock_difference_limit_s: u64,
    /// Seconds from the end of a fault to the next one, at least: a restart that falls into another one proves nothing.
    pub fault_spacing_s: u64,
    /// Faults a check may inject, at most.
    pub fault_limit: u32,
}

impl Default for General {
    fn default() -> Self {
        Self {
            request_timeout_s: 30,
            preflight_run_deadline_s: 180,
            clock_difference_limit_s: 60,
            fault_spacing_s: 15,
            fault_limit: 3,
        }
    }
}

/// L1: 20 concurrent × 3 rounds, 0 failures, P95 < 5000 ms.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct L1 {
    /// Expansions at once.
    pub concurrency: u32,
    /// Bursts.
    pub rounds: u32,
    /// Failures that are still accepted.
    pub failure_limit: u64,
    /// P95 must be below this, in milliseconds.
    pub p95_limit_ms: f64,
}

impl Default for L1 {
    fn default() -> Self {
        Self { concurrency: 20, rounds: 3, failure_limit: 0, p95_limit_ms: 5000.0 }
    }
}

/// L2: 10 calibration + 10 auto-tune at once, 0 failures, backlog < 100.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct L2 {
    /// Calibrations at once.
    pub calibrations: u32,
    /// Auto-tune requests at once.
    pub auto_tunes: u32,
    /// Runs queued beside them, so that the queue is under real pressure.
    pub pressure_runs: u32,
    /// Failures that are still accepted.
    pub failure_limit: u64,
    /// The backlog must stay below this.
    pub backlog_limit: u64,
    /// Seconds until everything queued must have ended.
    pub drain_deadline_s: u64,
}

impl Default for L2 {
    fn default() -> Self {
        Self {
            calibrations: 10,
            auto_tunes: 10,
            pressure_runs: 8,
            failure_limit: 0,
            backlog_limit: 100,
            drain_deadline_s: 300,
        }
    }
}

/// L3: 10 streams + 10 exports at once, 0 bucket failures, no timeouts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct L3 {
    /// Streams at once.
    pub streams: u32,
    /// Exports at once.
    pub exports: u32,
    /// Ticks of each stream, counted from the end of the run.
    pub ticks: u32,
    /// Storage probes during the load, at most.
    pub storage_probes: u32,
    /// Bucket failures that are still accepted.
    pub bucket_failure_limit: u64,
    /// A stream that is silent for this many seconds has timed out.
    pub silence_s: u64,
}

impl Default for L3 {
    fn default() -> Self {
        Self {
            streams: 10,
            exports: 10,
            ticks: 30,
            storage_probes: 10,
            bucket_failure_limit: 0,
            silence_s: 30,
        }
    }
}

/// C1: worker restart mid-run; 0 stuck runs, 0 duplicates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct C1 {
    /// Runs started before the restart; more than the worker's four slots, so that some are in flight and some wait.
    pub runs: u32,
    /// Seconds until the worker must be back with a new boot id.
    pub restart_deadline_s: u64,
    /// Seconds after the restart until every run must have ended.
    pub run_deadline_s: u64,
}

impl Default for C1 {
    fn default() -> Self {
        Self { runs: 8, restart_deadline_s: 180, run_deadline_s: 300 }
    }
}

/// C2: API restart mid-stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct C2 {
    /// Streams open during the restart.
    pub streams: u32,
    /// Ticks of each stream, counted from the end of the run.
    pub ticks: u32,
    /// Milliseconds between two probes of the outage.
    pub probe_ms: u64,
    /// Seconds until the API must be back.
    pub restart_deadline_s: u64,
    /// A stream that neither delivers nor ends for this many seconds hangs.
    pub silence_s: u64,
}

impl Default for C2 {
    fn default() -> Self {
        Self { streams: 5, ticks: 60, probe_ms: 100, restart_deadline_s: 240, silence_s: 45 }
    }
}

/// C3: database restart under load; 0 data corruption, 0 stuck runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct C3 {
    /// Writes a second during the fault.
    pub writes_per_second: f64,
    /// Milliseconds between two reads of real data, which also measure the outage.
    pub probe_ms: u64,
    /// Seconds of load before the fault.
    pub before_s: u64,
    /// Seconds of load after recovery.
    pub after_s: u64,
    /// Runs in flight during the fault.
    pub runs: u32,
    /// Seconds until the database must answer again.
    pub restart_deadline_s: u64,
    /// Seconds after recovery until every run must have ended.
    pub run_deadline_s: u64,
}

impl Default for C3 {
    fn default() -> Self {
        Self {
            writes_per_second: 2.0,
            probe_ms: 100,
            before_s: 2,
            after_s: 3,
            runs: 4,
            restart_deadline_s: 180,
            run_deadline_s: 300,
        }
    }
}

impl Parameters {
    /// Deadlines that fit the rehearsal, whose restarts take seconds. No limit of the runbook is changed.
    pub fn for_rehearsal() -> Self {
        let mut parameters = Self::default();
        parameters.general.preflight_run_deadline_s = 30;
        parameters.general.fault_spacing_s = 2;
        parameters.l2.drain_deadline_s = 40;
        parameters.l3.silence_s = 15;
        // Rehearsed runs are short: with three times the worker's slots some still wait when it is restarted.
        parameters.c1.runs = 12;
        parameters.c1.restart_deadline_s = 30;
        parameters.c1.run_deadline_s = 30;
        parameters.c2.restart_deadline_s = 30;
        parameters.c2.silence_s = 15;
        parameters.c3.restart_deadline_s = 30;
        parameters.c3.run_deadline_s = 30;
        parameters
    }

    /// Limits and amounts that are looser than the runbook's, in words; a verdict that rests on them says so.
    pub fn looser_than_runbook(&self) -> Vec<String> {
        let runbook = Self::default();
        let mut looser = Vec::new();
        let mut more = |name: &str, ours: f64, theirs: f64| {
            if ours > theirs {
                looser.push(format!("{name} {ours} (runbook {theirs})"));
            }
        };
        more("L1 failures", self.l1.failure_limit as f64, runbook.l1.failure_limit as f64);
        more("L1 P95 limit in ms", self.l1.p95_limit_ms, runbook.l1.p95_limit_ms);
        more("L2 failures", self.l2.failure_limit as f64, runbook.l2.failure_limit as f64);
        more("L2 backlog limit", self.l2.backlog_limit as f64, runbook.l2.backlog_limit as f64);
        let bucket = (self.l3.bucket_failure_limit as f64, runbook.l3.bucket_failure_limit as f64);
        more("L3 bucket failures", bucket.0, bucket.1);
        let mut fewer = |name: &str, ours: u32, theirs: u32| {
            if ours < theirs {
                looser.push(format!("{name} {ours} (runbook {theirs})"));
            }
        };
        fewer("L1 concurrency", self.l1.concurrency, runbook.l1.concurrency);
        fewer("L1 rounds", self.l1.rounds, runbook.l1.rounds);
        fewer("L2 calibrations", self.l2.calibrations, runbook.l2.calibrations);
        fewer("L2 auto-tunes", self.l2.auto_tunes, runbook.l2.auto_tunes);
        fewer("L3 streams", self.l3.streams, runbook.l3.streams);
        fewer("L3 exports", self.l3.exports, runbook.l3.exports);
        looser
    }

    /// Values a test cannot run with, in words.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut at_least_one = |name: &str, value: u64| {
            if value == 0 {
                problems.push(format!("{name} must be at least 1"));
            }
        };
        at_least_one("general.request_timeout_s", self.general.request_timeout_s);
        at_least_one("l1.concurrency", self.l1.concurrency.into());
        at_least_one("l1.rounds", self.l1.rounds.into());
        at_least_one("l2.calibrations", self.l2.calibrations.into());
        at_least_one("l2.auto_tunes", self.l2.auto_tunes.into());
        at_least_one("l3.streams", self.l3.streams.into());
        at_least_one("l3.exports", self.l3.exports.into());
        at_least_one("l3.ticks", self.l3.ticks.into());
        at_least_one("c2.streams", self.c2.streams.into());
        at_least_one("c2.ticks", self.c2.ticks.into());
        at_least_one("c2.probe_ms", self.c2.probe_ms);
        at_least_one("c3.probe_ms", self.c3.probe_ms);
        for (name, value) in [
            ("c1.runs", self.c1.runs),
            ("l2.pressure_runs", self.l2.pressure_runs),
            ("c3.runs", self.c3.runs),
        ] {
            if value < 2 {
                problems.push(format!("{name} must be at least 2"));
            }
        }
        for (name, value) in [
            ("l1.rounds", self.l1.rounds),
            ("l2.calibrations", self.l2.calibrations),
            ("l2.auto_tunes", self.l2.auto_tunes),
            ("l3.streams", self.l3.streams),
            ("l3.exports", self.l3.exports),
        ] {
            if value > COUNT_LIMIT {
                problems.push(format!("{name} must be at most {COUNT_LIMIT}"));
            }
        }
        if self.l1.concurrency > 60 {
            problems.push(
                "l1.concurrency must be at most 60: the API's limiter allows 60 expansions a minute".into(),
            );
        }
        for (name, value) in
            [("l1.p95_limit_ms", self.l1.p95_limit_ms), ("c3.writes_per_second", self.c3.writes_per_second)]
        {
            if !value.is_finite() || value <= 0.0 {
                problems.push(format!("{name} must be above 0"));
            }
        }
        if !(5.0..=1000.0).contains(&self.regression.tolerance_pct) {
            problems.push("regression.tolerance_pct must be from 5 to 1000: less is noise".into());
        }
        if self.regression.baseline.trim().is_empty() {
            problems.push("regression.baseline must be last-go, median:N or a check".into());
        }
        problems
    }
}
