//! What a report says to people, as texts without any markup: made once from results and verdict, so that no format can
//! say something else than another.

use holdpoint_agentverse::evidence::PackState;
use holdpoint_check::event::PartState;
use holdpoint_check::results::{FaultResults, Results};
use holdpoint_check::statistics::{percentile_bound_ms, percentile_ms};
use holdpoint_check::verdict::{Finding, State, Verdict, Weight, Word};
use holdpoint_check::words::{ChaosMode, TestId};

use crate::json::status;
use crate::table::{Column, Mark, Row, Table};

/// The whole of it, in the order in which it matters.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// The verdict in a line, with its labels.
    pub headline: String,
    /// One sentence that explains it.
    pub because: String,
    /// How the verdict reads at a glance.
    pub mark: Mark,
    /// What must be read together with the verdict: a title and what it means.
    pub labels: Vec<(&'static str, String)>,
    /// What was checked, where and when.
    pub about: Vec<(&'static str, String)>,
    /// What people decided, in order.
    pub decisions: Vec<DecisionFacts>,
    /// Accepted findings.
    pub waivers: Vec<WaiverFacts>,
    /// Heaviest first.
    pub findings: Vec<FindingFacts>,
    /// The GO/NO-GO table.
    pub criteria: Table,
    /// Operations by test.
    pub tests: Table,
    /// Restarts; none where no chaos test ran.
    pub faults: Option<Table>,
    /// Evidence packs; none where they were not planned.
    pub packs: Option<Table>,
    /// Bucket isolation; none where it was not looked at.
    pub bucket: Option<Table>,
    /// What could not be checked.
    pub unchecked: Vec<String>,
    /// What is left behind.
    pub left: Vec<String>,
}

/// A person's decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecisionFacts {
    /// `Promote, against the verdict`.
    pub decision: String,
    /// Whether it goes against the verdict.
    pub against: bool,
    /// Name and role.
    pub by: String,
    /// When, in UTC.
    pub at: String,
    /// The verdict then.
    pub verdict_then: String,
    /// Why; may be empty.
    pub note: String,
}

/// An accepted finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaiverFacts {
    /// The code of the finding.
    pub code: String,
    /// The criterion.
    pub criterion: String,
    /// Who accepts it.
    pub by: String,
    /// Until when, in UTC.
    pub until: String,
    /// Why.
    pub reason: String,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingFacts {
    /// One line.
    pub title: String,
    /// `breaks`, `leaves unproven`, `note on`.
    pub weight: &'static str,
    /// The same at a glance.
    pub mark: Mark,
    /// The criterion it bears on.
    pub criterion: String,
    /// Its stable code.
    pub code: String,
    /// What happened.
    pub happened: String,
    /// The likely cause; may be empty.
    pub likely_cause: String,
    /// What to do next.
    pub next_action: String,
    /// The operations that show it: when, and what.
    pub witness: Vec<(String, String)>,
    /// What the service logged then.
    pub logged: Vec<String>,
}

/// Makes the facts of a check.
pub fn of_check(results: &Results, verdict: &Verdict) -> Facts {
    Facts {
        headline: verdict.headline.clone(),
        because: verdict.because.clone(),
        mark: mark_of(verdict),
        labels: labels(verdict),
        about: about(results, verdict),
        decisions: decisions(results),
        waivers: verdict
            .waivers
            .iter()
            .map(|waiver| WaiverFacts {
                code: waiver.code.clone(),
                criterion: waiver.criterion.clone(),
                by: waiver.name.clone(),
                until: waiver.expires_at.format("%Y-%m-%d %H:%M UTC").to_string(),
                reason: waiver.reason.clone(),
            })
            .collect(),
        findings: verdict.findings.iter().map(finding).collect(),
        criteria: criteria(verdict),
        tests: tests(results, verdict),
        faults: faults(results),
        packs: packs(results),
        bucket: bucket(results),
        unchecked: verdict.unchecked.clone(),
        left: left(results),
    }
}

fn mark_of(verdict: &Verdict) -> Mark {
    match (verdict.word, verdict.chaos) {
        (Word::NoGo, _) => Mark::Bad,
        (Word::NoVerdict, _) => Mark::Unsure,
        (Word::Go, ChaosMode::Simulated) => Mark::Simulated,
        (Word::Go, _) => Mark::Good,
    }
}

fn labels(verdict: &Verdict) -> Vec<(&'static str, String)> {
    let mut labels = Vec::new();
    if verdict.chaos == ChaosMode::Simulated {
        labels.push((
            "Chaos simulated.",
            "Nothing was restarted. This says nothing about how the system survives a restart.".to_owned(),
        ));
    }
    if verdict.rehearsal {
        labels.push((
            "Rehearsal.",
            "The built-in environment was checked. This says nothing about staging.".to_owned(),
        ));
    }
    labels.extend(verdict.looser.iter().map(|looser| ("Looser than the runbook:", looser.clone())));
    labels
}

fn about(results: &Results, verdict: &Verdict) -> Vec<(&'static str, String)> {
    let environment = &results.plan.environment;
    let mut about = vec![
        ("Scope", verdict.scope.clone()),
        ("Chaos", verdict.chaos.word().to_owned()),
        ("Environment", format!("{} ({})", environment.name, environment.api_url)),
        ("Version", results.api.first().map_or("unknown".into(), |api| api.version.clone())),
        ("Started", results.started_at.format("%Y-%m-%d %H:%M:%S UTC").to_string()),
        ("Duration", format!("{:.1} s", results.elapsed_ms as f64 / 1000.0)),
        ("Check", results.check_id.clone()),
        ("Plan", format!("sha256 {}", results.plan.digest().get(..16).unwrap_or_default())),
        ("Holdpoint", results.holdpoint.clone()),
    ];
    if let Some(digest) = &results.journal_sha256 {
        about.push(("Journal", format!("sha256 {digest}")));
    }
    about
}

fn decisions(results: &Results) -> Vec<DecisionFacts> {
    let decisions = results.sign_offs.iter().map(|sign_off| {
        let against = sign_off.is_against();
        DecisionFacts {
            decision: format!(
                "{}{}",
                sign_off.decision.word(),
                if against { ", against the verdict" } else { "" }
            ),
            against,
            by: [sign_off.name.as_str(), sign_off.role.as_str()]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join(", "),
            at: sign_off.at.format("%Y-%m-%d %H:%M UTC").to_string(),
            verdict_then: sign_off.headline.clone(),
            note: sign_off.note.clone(),
        }
    });
    decisions.collect()
}

fn finding(finding: &Finding) -> FindingFacts {
    let (weight, mark) = match finding.weight {
        Weight::Breaks => ("breaks", Mark::Bad),
        Weight::Unproven => ("leaves unproven", Mark::Unsure),
        Weight::Note => ("note on", Mark::Plain),
    };
    FindingFacts {
        title: finding.title.clone(),
        weight,
        mark,
        criterion: finding.criterion.clone(),
        code: finding.code.clone(),
        happened: finding.happened.clone(),
        likely_cause: finding.likely_cause.clone(),
        next_action: finding.next_action.clone(),
        witness: finding
            .witness
            .iter()
            .map(|witness| {
                let at = witness.at_ms.map_or(String::new(), |at| format!(" at {:.1} s", at as f64 / 1000.0));
                (at, format!("{} {}: {}", witness.what, witness.id, witness.shows))
            })
            .collect(),
        logged: finding.logged.clone(),
    }
}

/// A state at a glance.
pub(crate) fn mark_of_state(state: State) -> Mark {
    match state {
        State::Met => Mark::Good,
        State::Broken => Mark::Bad,
        State::Unproven | State::Waived => Mark::Unsure,
        State::Simulated => Mark::Simulated,
    }
}

fn criteria(verdict: &Verdict) -> Table {
    let rows = verdict.criteria.iter().map(|row| {
        let test = row.test.map_or(String::new(), |test| format!("{test}: "));
        let cells = [
            format!("{test}{}", row.title),
            row.limit.clone(),
            row.measured.clone(),
            row.margin.clone().unwrap_or_default(),
            row.bound.clone().unwrap_or_default(),
            row.sureness.word().to_owned(),
            row.state.word().to_owned(),
        ];
        Row { cells: cells.into(), mark: mark_of_state(row.state) }
    });
    Table {
        title: "Criteria".into(),
        note: String::new(),
        columns: ["Criterion", "Limit", "Measured", "Margin", "95 % bound", "How sure", "State"]
            .map(Column::text)
            .into(),
        rows: rows.collect(),
    }
}

fn tests(results: &Results, verdict: &Verdict) -> Table {
    let mut rows = Vec::new();
    for (test, one) in &results.tests {
        let status = status(verdict, *test);
        let simulated = status == "SKIP" && one.started_at.is_some();
        let status = if simulated { "simulated" } else { status };
        let mark = match status {
            "PASS" => Mark::Good,
            "FAIL" => Mark::Bad,
            "simulated" => Mark::Simulated,
            _ => Mark::Unsure,
        };
        let title = format!("{test} {}", test.title());
        if one.operations.is_empty() {
            let mut cells = vec![title.clone()];
            cells.extend(std::iter::repeat_n(String::new(), 6));
            cells.push(status.to_owned());
            rows.push(Row { cells, mark });
        }
        for (kind, record) in &one.operations {
            let ms = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.0} ms"));
            let bound = percentile_bound_ms(&record.latency, 0.95)
                .map_or("too few samples".to_owned(), |bound| format!("below {bound:.0} ms"));
            let cells = [
                title.clone(),
                kind.clone(),
                record.sent.to_string(),
                record.failures().to_string(),
                ms(percentile_ms(&record.latency, 0.5)),
                format!("{} ({bound})", ms(percentile_ms(&record.latency, 0.95))),
                ms(record.latency.max_ms()),
                status.to_owned(),
            ];
            rows.push(Row { cells: cells.into(), mark });
        }
    }
    Table {
        title: "Tests".into(),
        note: "Latency counts from the intended start of each operation. P99 is not stated: it needs at least 299 samples."
            .into(),
        columns: vec![
            Column::text("Test"),
            Column::text("Operation"),
            Column::number("Sent"),
            Column::number("Failed"),
            Column::number("P50"),
            Column::number("P95 (95 % bound)"),
            Column::number("Max"),
            Column::text("Status"),
        ],
        rows,
    }
}

fn faults(results: &Results) -> Option<Table> {
    if results.faults.is_empty() && results.simulated.is_empty() {
        return None;
    }
    let mut rows: Vec<Row> = results
        .simulated
        .iter()
        .map(|(test, service)| {
            let cells = [
                test.to_string(),
                service.to_string(),
                "simulated: not restarted".into(),
                "none".into(),
                "not measured".into(),
                "not measured".into(),
            ];
            Row { cells: cells.into(), mark: Mark::Simulated }
        })
        .collect();
    rows.extend(results.faults.iter().map(|one| fault(results, one)));
    Some(Table {
        title: "Faults".into(),
        note: String::new(),
        columns: ["Test", "Service", "Requested", "Proof", "Back after", "Outage seen by the prober"]
            .map(Column::text)
            .into(),
        rows,
    })
}

fn fault(results: &Results, fault: &FaultResults) -> Row {
    let requested =
        fault.requested_at.map_or("not accepted".into(), |at| at.format("%H:%M:%S%.3f UTC").to_string());
    let proof = match (&fault.proven, &fault.refused, &fault.unproven) {
        (Some((how, before, after)), _, _) => format!("{how}: {before} → {after}"),
        (None, Some((_, message, _)), _) => format!("refused: {message}"),
        (None, None, Some(reason)) => format!("none: {reason}"),
        (None, None, None) => "none".into(),
    };
    let back = match (&fault.recovered, &fault.not_recovered) {
        (Some((seconds, how)), _) => format!("{seconds:.1} s ({how})"),
        (None, Some((waited, advice))) => format!("not within {waited:.0} s: {advice}"),
        (None, None) => "not seen".into(),
    };
    let test = results.tests.get(&fault.intent.test);
    let outages: Vec<String> = test
        .into_iter()
        .flat_map(|test| &test.outages)
        .map(|outage| format!("{:.0} to {:.0} ms", outage.at_least_ms, outage.at_most_ms))
        .collect();
    let mark = match (&fault.proven, &fault.recovered) {
        (Some(_), Some(_)) => Mark::Good,
        (None, _) => Mark::Unsure,
        (Some(_), None) => Mark::Bad,
    };
    let cells = [
        fault.intent.test.to_string(),
        fault.intent.service.to_string(),
        requested,
        proof,
        back,
        if outages.is_empty() { "none".into() } else { outages.join(", ") },
    ];
    Row { cells: cells.into(), mark }
}

fn packs(results: &Results) -> Option<Table> {
    if !results.planned(TestId::Rep) {
        return None;
    }
    let count = |state| results.packs.values().filter(|pack| pack.state == state).count();
    let rows = results.packs.iter().map(|(run, pack)| {
        let records = |name: &str| {
            pack.files
                .iter()
                .find(|file| file.file.file_name() == name)
                .and_then(|file| file.records)
                .map_or(String::new(), |count| count.to_string())
        };
        let first = pack
            .problems()
            .first()
            .map_or(String::new(), |(file, problem)| format!("{file}: {}", problem.message));
        let cells = [
            run.clone(),
            pack.state.word().to_owned(),
            records("trace.ndjson"),
            records("llm_ledger.ndjson"),
            first,
        ];
        let mark = match pack.state {
            PackState::Valid => Mark::Good,
            PackState::Corrupt => Mark::Bad,
            PackState::Absent | PackState::Unreadable => Mark::Unsure,
        };
        Row { cells: cells.into(), mark }
    });
    Some(Table {
        title: "Evidence packs".into(),
        note: format!(
            "{} valid, {} corrupt, {} absent, {} unreadable.",
            count(PackState::Valid),
            count(PackState::Corrupt),
            count(PackState::Absent),
            count(PackState::Unreadable)
        ),
        columns: vec![
            Column::mono("Run"),
            Column::text("State"),
            Column::number("Events"),
            Column::number("Calls"),
            Column::text("First problem"),
        ],
        rows: rows.collect(),
    })
}

fn bucket(results: &Results) -> Option<Table> {
    if results.bucket.is_empty() {
        return None;
    }
    let rows = results.bucket.iter().map(|part| {
        let (state, mark) = match part.state {
            PartState::Holds => ("holds", Mark::Good),
            PartState::Broken => ("BROKEN", Mark::Bad),
            PartState::Unproven => ("not proven", Mark::Unsure),
            PartState::NotChecked => ("not checked", Mark::Unsure),
        };
        let cells = [part.part.to_string(), part.title.clone(), state.to_owned(), part.observed.clone()];
        Row { cells: cells.into(), mark }
    });
    Some(Table {
        title: "Bucket isolation".into(),
        note: String::new(),
        columns: ["Part", "Says", "State", "Seen"].map(Column::text).into(),
        rows: rows.collect(),
    })
}

fn left(results: &Results) -> Vec<String> {
    let mut left = Vec::new();
    if !results.removed.is_empty() {
        left.push(format!("{} project specs of this check were removed", results.removed.len()));
    }
    left.extend(results.left.iter().cloned());
    if left.is_empty() {
        left.push("nothing is on record".into());
    }
    left
}
