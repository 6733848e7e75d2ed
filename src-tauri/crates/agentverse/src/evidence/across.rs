//! The judgement of a whole pack: each file by itself, then each against the others and what the API says.

use chrono::TimeDelta;

use super::graph_file::{self, GraphFile};
use super::ledger::{self, Ledger};
use super::manifest::{self, Manifest};
use super::trace::{self, Trace};
use super::{
    EvidenceFile, Expectation, FileVerdict, Limits, Pack, PackState, PackVerdict, Problem, report_file,
};

/// Clocks of the processes that write one pack may differ by this much.
const CLOCK_TOLERANCE: TimeDelta = TimeDelta::seconds(5);
/// How far sums of costs may be apart: relative, and in dollars for small sums that were rounded to six digits.
const COST_TOLERANCE: f64 = 1e-6;

pub(super) fn judge(pack: &Pack, expectation: &Expectation, limits: &Limits) -> PackVerdict {
    let get = |file| pack.files.get(&file);
    let (manifest_file, manifest) = manifest::read(get(EvidenceFile::Manifest), expectation, limits);
    let status = manifest.as_ref().and_then(|manifest| manifest.status.as_deref());
    let (trace_file, trace) = trace::read(get(EvidenceFile::Trace), expectation, status, limits);
    let (ledger_file, ledger) = ledger::read(get(EvidenceFile::LlmLedger), expectation, limits);
    let (graph_file, graph) = graph_file::read(get(EvidenceFile::UniverseGraph), expectation, limits);
    let report_file = report_file::read(get(EvidenceFile::Report), expectation, manifest.as_ref(), limits);
    let reports = [manifest_file, trace_file, ledger_file, graph_file, report_file];
    let mut across = Across::default();
    let mut files = Vec::with_capacity(reports.len());
    for report in reports {
        let (file, warnings) = report.finish();
        files.push(file);
        across.warnings.extend(warnings);
    }
    if pack.run_id != expectation.run_id {
        across.differ("cross.run_id", "the pack is another run's", &expectation.run_id, &pack.run_id);
    }
    if let Some(manifest) = &manifest {
        across.against_api(manifest, expectation);
        if let Some(trace) = &trace {
            across.totals_of_trace(manifest, trace);
        }
        if let Some(ledger) = &ledger {
            across.totals_of_ledger(manifest, ledger);
        }
    }
    if let Some(graph) = &graph {
        across.graph(manifest.as_ref(), graph, expectation);
    }
    if let (Some(trace), Some(ledger)) = (&trace, &ledger) {
        across.times(trace, ledger);
    }
    let state = state_of(&files, &across.problems);
    PackVerdict { state, files, cross_file: across.problems, warnings: across.warnings }
}

fn state_of(files: &[FileVerdict], cross: &[Problem]) -> PackState {
    let any = |state| files.iter().any(|file| file.state == state);
    let there = files.iter().any(|file| file.sha256.is_some());
    if files.iter().all(|file| file.state == PackState::Absent) {
        PackState::Absent
    } else if any(PackState::Corrupt) || !cross.is_empty() || (there && any(PackState::Absent)) {
        PackState::Corrupt
    } else if any(PackState::Unreadable) {
        PackState::Unreadable
    } else {
        PackState::Valid
    }
}

#[derive(Default)]
struct Across {
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

impl Across {
    fn differ(&mut self, rule: &str, message: &str, expected: &str, found: &str) {
        self.problems.push(Problem::new(rule, None, message).against(expected, found));
    }

    fn warn(&mut self, rule: &str, message: impl Into<String>) {
        self.warnings.push(Problem::new(rule, None, message));
    }

    fn against_api(&mut self, manifest: &Manifest, expectation: &Expectation) {
        let pairs = [
            ("cross.project_id", "project_id", &expectation.project_id, &manifest.project_id),
            ("cross.node_id", "node_id", &expectation.node_id, &manifest.node_id),
        ];
        for (rule, name, expected, found) in pairs {
            match (expected, found) {
                (Some(expected), Some(found)) if expected != found => {
                    self.differ(rule, &format!("the manifest's {name} is not the run's"), expected, found);
                }
                (Some(_), None) => self.warn(rule, format!("the manifest states no {name}")),
                _ => {}
            }
        }
    }

    /// A total that the manifest states must be what the file holds; one that it leaves out proves nothing.
    fn total(&mut self, name: &str, stated: Option<u64>, counted: u64) {
        let rule = format!("cross.{name}");
        match stated {
            Some(stated) if stated != counted => {
                let message = format!("the manifest's {name} is not what its file holds");
                self.differ(&rule, &message, &counted.to_string(), &stated.to_string());
            }
            Some(_) => {}
            None => self.warn(&rule, format!("the manifest states no {name}")),
        }
    }

    fn totals_of_trace(&mut self, manifest: &Manifest, trace: &Trace) {
        self.total("total_ticks", manifest.total_ticks, trace.ticks);
        self.total("total_agent_steps", manifest.total_agent_steps, trace.agent_steps);
        if let (Some((tick, line)), Some(steps)) = (trace.highest_tick, manifest.steps) {
            // Whether ticks start again in each replicate, and at 0 or 1, depends on the writer.
            let all = steps.saturating_mul(manifest.replicates.unwrap_or(1).max(1));
            let highest = all.max(manifest.total_ticks.unwrap_or(0));
            if tick > highest {
                let message = "the trace names a tick that the run has not";
                let problem = Problem::new("cross.tick", Some(line), message);
                self.problems.push(problem.against(&format!("at most {highest}"), &tick.to_string()));
            }
        }
        let Some(decisions) = decisions(manifest) else { return };
        // API facts 7.4: two footprints, by writer.
        let whole = manifest.steps.zip(manifest.replicates).and_then(|(steps, replicates)| {
            steps.checked_add(2)?.checked_mul(replicates)?.checked_add(decisions)?.checked_add(3)
        });
        let lines = Some(trace.lines);
        if lines != whole && lines != decisions.checked_add(3) {
            self.warn("trace.footprint", format!("no known writer makes {} lines of this run", trace.lines));
        }
    }

    fn totals_of_ledger(&mut self, manifest: &Manifest, ledger: &Ledger) {
        self.total("total_llm_calls", manifest.total_llm_calls, ledger.calls);
        self.total("total_tokens", manifest.total_tokens, ledger.tokens);
        match manifest.total_cost {
            Some(stated) => {
                let tolerance = COST_TOLERANCE * stated.max(ledger.cost).max(1.0);
                // Endless sums are not within a tolerance of anything.
                if !ledger.cost.is_finite() || (stated - ledger.cost).abs() > tolerance {
                    let message = "the manifest's total_cost_usd is not what the ledger sums to";
                    let (sum, stated) = (ledger.cost.to_string(), stated.to_string());
                    self.differ("cross.total_cost_usd", message, &sum, &stated);
                } else if ledger.with_cost < ledger.calls {
                    self.warn("ledger.cost", "not every call in the ledger states its cost");
                }
            }
            None => self.warn("cross.total_cost_usd", "the manifest states no total_cost_usd"),
        }
        if ledger.calls == 0 && manifest.total_llm_calls.is_none() {
            self.warn(
                "ledger.empty",
                "the ledger is empty and the manifest does not say how many calls there were",
            );
        } else if decisions(manifest).is_some_and(|decisions| decisions != ledger.calls) {
            self.warn(
                "ledger.footprint",
                format!("no known writer makes {} calls of this run", ledger.calls),
            );
        }
    }

    fn graph(&mut self, manifest: Option<&Manifest>, graph: &GraphFile, expectation: &Expectation) {
        let stated = manifest.and_then(|manifest| manifest.project_id.as_deref());
        if let (Some(stated), Some(found)) = (stated, &graph.project_id)
            && stated != found
        {
            self.differ("cross.graph.project_id", "manifest and graph name two projects", stated, found);
        }
        let stated = manifest.and_then(|manifest| manifest.node_id.as_ref());
        if let Some(node) = expectation.node_id.as_ref().or(stated)
            && !graph.nodes.contains(node)
        {
            let found = format!("{} other nodes", graph.nodes.len());
            self.differ("cross.graph.node", "the run's node is not in the pack's graph", node, &found);
        }
    }

    fn times(&mut self, trace: &Trace, ledger: &Ledger) {
        let (Some(start), Some(end)) = (trace.first, trace.last) else { return };
        let run = format!("{} to {}", start.to_rfc3339(), end.to_rfc3339());
        for time in [ledger.first, ledger.last].into_iter().flatten() {
            // Differences of times cannot overflow; a time moved by the tolerance could.
            let early = start.signed_duration_since(time) > CLOCK_TOLERANCE;
            if early || time.signed_duration_since(end) > CLOCK_TOLERANCE {
                let message = "a call lies outside the run's own time";
                self.differ("cross.ledger.time", message, &run, &time.to_rfc3339());
            }
        }
    }
}

/// Agents times steps times replicates: the decisions that a fully scaled run takes.
fn decisions(manifest: &Manifest) -> Option<u64> {
    manifest.agents?.checked_mul(manifest.steps?)?.checked_mul(manifest.replicates?)
}
