//! What a person sees while a check runs: lines always, and below them a bar for the running test on a terminal.

use std::time::Duration;

use console::style;
use holdpoint_check::event::{Ending, Event, Phase, Record, RowState};
use holdpoint_check::fold;
use holdpoint_check::results::Results;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::out;

/// The live view: a reporter of the same events as every other.
pub(crate) struct Live {
    results: Option<Results>,
    bar: ProgressBar,
    terminal: bool,
}

impl Live {
    pub(crate) fn new() -> Self {
        let terminal = console::user_attended_stderr();
        let bar = ProgressBar::new(1);
        if !terminal {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(template) =
            ProgressStyle::with_template("  {prefix:6} {bar:24} {pos}/{len}  {msg}  {elapsed}")
        {
            bar.set_style(template);
        }
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { results: None, bar, terminal }
    }

    fn say(&self, line: &str) {
        if self.terminal {
            self.bar.println(line);
        } else {
            out::tell(line);
        }
    }

    /// Takes one event.
    pub(crate) fn see(&mut self, record: &Record) {
        match &mut self.results {
            None => self.results = fold::start(record),
            Some(results) => fold::apply(results, record),
        }
        let at = format!("{:>6.1} s", record.elapsed_ms as f64 / 1000.0);
        match &record.event {
            Event::CheckStarted { plan, .. } => {
                self.say(&format!(
                    "Checking {} ({}), {}, chaos {}",
                    plan.environment.name,
                    plan.environment.api_url,
                    plan.suite.scope(),
                    if plan.restarts().is_empty() { "not real" } else { "real" }
                ));
            }
            Event::Preflight(row) => {
                let mark = match row.state {
                    RowState::Ok => style("ok  ").green(),
                    RowState::Warning => style("warn").yellow(),
                    RowState::NotChecked => style("-   ").dim(),
                    RowState::NotReady | RowState::Misconfigured => style("FAIL").red(),
                };
                self.say(&format!("{at}  {mark}  {}: {}", row.title, row.observed));
                if !row.remedy.is_empty() && row.state != RowState::Ok {
                    self.say(&format!("                → {}", row.remedy));
                }
            }
            Event::TestStarted { test } => {
                self.bar.reset();
                self.bar.set_prefix(test.name());
                self.bar.set_message("");
                self.say(&format!("{at}  {} {}", style(test.name()).bold(), test.title()));
            }
            Event::Progress { done, total, doing, .. } => {
                self.bar.set_length(*total);
                self.bar.set_position(*done);
                self.bar.set_message(doing.clone());
            }
            Event::ApiStalled { from_ms, waited_ms, .. } => {
                let from = *from_ms as f64 / 1000.0;
                self.say(&format!(
                    "{at}    the API let a question wait for {waited_ms:.0} ms from {from:.1} s on"
                ));
            }
            Event::Offline { lasted_ms: None, .. } => {
                let warning =
                    style("this computer has no network; nothing follows about the system").yellow();
                self.say(&format!("{at}    {warning}"));
            }
            Event::Offline { lasted_ms: Some(lasted), .. } => {
                self.say(&format!("{at}    the network is back after {:.1} s", lasted / 1000.0));
            }
            Event::FaultIntended(intent) => self.say(&format!(
                "{at}    ▼ fault: restart {} (deployment {})",
                intent.service, intent.deployment_id
            )),
            Event::FaultSimulated { service, .. } => {
                self.say(&format!("{at}    ▽ simulated: {service} is NOT restarted"));
            }
            Event::FaultRefused { message, remedy, .. } => {
                self.say(&format!("{at}    ✕ refused: {message}. {remedy}"));
            }
            Event::FaultProven { how, before, after, .. } => {
                self.say(&format!("{at}    ◆ proven: {how}, {before} → {after}"));
            }
            Event::FaultUnproven { reason, .. } => self.say(&format!("{at}    ? not proven: {reason}")),
            Event::FaultRecovered { seconds, how, .. } => {
                self.say(&format!("{at}    ▲ back after {seconds:.1} s: {how}"));
            }
            Event::FaultNotRecovered { advice, .. } => self.say(&format!("{at}    ✕ {advice}")),
            Event::Outage { service, at_least_ms, at_most_ms, .. } => {
                self.say(&format!("{at}    outage of {service}: {at_least_ms:.0} to {at_most_ms:.0} ms"));
            }
            Event::Steady { phase: Phase::End, healthy: false, detail, .. } => {
                self.say(&format!("{at}  {} {detail}", style("not healthy at the end:").red()));
            }
            Event::RunStuck { run_id, status, waited_s, .. } => {
                self.say(&format!("{at}    stuck: run {run_id} is {status} after {waited_s:.0} s"));
            }
            Event::TestEnded { test, ending } => {
                let how = match ending {
                    Ending::Completed => String::new(),
                    Ending::Aborted => ", aborted".into(),
                    Ending::Stopped { reason } => format!(", could not finish: {reason}"),
                };
                self.say(&format!("{at}    {}{how}", self.summary(*test)));
            }
            Event::AbortRequested { reason } => self.say(&format!(
                "{at}  {}: {reason}. Load ends now, services that were touched are waited for.",
                style("Aborting").yellow()
            )),
            Event::CleanedUp { left, .. } if !left.is_empty() => {
                self.say(&format!("{at}  left on the server: {}", left.join("; ")));
            }
            Event::CheckEnded { .. } => self.bar.finish_and_clear(),
            _ => {}
        }
    }

    /// Counts of a test in a line.
    fn summary(&self, test: holdpoint_check::words::TestId) -> String {
        let Some(results) = &self.results else { return String::new() };
        let one = results.test(test);
        let mut parts: Vec<String> = one
            .operations
            .iter()
            .map(|(kind, record)| {
                let p95 = holdpoint_check::statistics::percentile_ms(&record.latency, 0.95)
                    .map_or(String::new(), |value| format!(", P95 {value:.0} ms"));
                format!("{kind} {} ok, {} failed{p95}", record.ok, record.failures())
            })
            .collect();
        let runs = results.runs_of(test);
        if !runs.is_empty() {
            let ended = runs.iter().filter(|run| run.status() == "succeeded").count();
            parts.push(format!("{ended} of {} runs succeeded", runs.len()));
        }
        if !one.streams.is_empty() {
            let whole = one.streams.iter().filter(|stream| stream.completed).count();
            parts.push(format!("{whole} of {} streams complete", one.streams.len()));
        }
        if test == holdpoint_check::words::TestId::Rep {
            parts.push(format!("{} evidence packs judged", results.packs.len()));
        }
        format!("done: {}", if parts.is_empty() { "see report".to_owned() } else { parts.join("; ") })
    }
}
