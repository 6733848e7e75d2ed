//! JUnit XML for CI systems: a suite a test, a case a criterion.
//!
//! Only what is met passes. What was simulated or waived is skipped, so that no system counts it as passed; what is not
//! proven is an error. The verdict is a case of its own, so that a check without criteria is never an empty success.

use std::io;

use chrono::SecondsFormat;
use holdpoint_check::results::Results;
use holdpoint_check::verdict::{Criterion, NoVerdict, State, Verdict, Word};
use holdpoint_check::words::{ChaosMode, TestId};
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

/// The whole document.
pub fn render(results: &Results, verdict: &Verdict) -> String {
    let suites = suites(results, verdict);
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    // Writing into memory cannot fail.
    let _ = write(&mut writer, results, verdict, &suites);
    let mut text = String::from_utf8(writer.into_inner()).unwrap_or_default();
    text.push('\n');
    text
}

enum Outcome {
    Passed,
    Failed,
    Error,
    Skipped,
}

struct Case {
    name: String,
    outcome: Outcome,
    /// In a line, where it did not pass.
    message: String,
    /// The code of the first finding on it.
    kind: String,
    /// All there is to say.
    text: String,
}

struct Suite {
    name: String,
    class: String,
    test: Option<TestId>,
    cases: Vec<Case>,
}

impl Suite {
    fn count(&self, which: fn(&Outcome) -> bool) -> usize {
        self.cases.iter().filter(|case| which(&case.outcome)).count()
    }
}

fn suites(results: &Results, verdict: &Verdict) -> Vec<Suite> {
    let mut whole = Suite {
        name: "Check".into(),
        class: "holdpoint.check".into(),
        test: None,
        cases: vec![the_verdict(verdict)],
    };
    let cases = |test: Option<TestId>| {
        let rows = verdict.criteria.iter().filter(move |row| row.test == test);
        rows.map(|row| case(row, verdict))
    };
    whole.cases.extend(cases(None));
    let mut suites = vec![whole];
    for test in results.plan.suite.tests() {
        let mut cases: Vec<Case> = cases(Some(test)).collect();
        if cases.is_empty() {
            cases.push(Case {
                name: format!("{test} was reached"),
                outcome: Outcome::Error,
                message: "the check ended before this test".into(),
                kind: "not_reached".into(),
                text: verdict.because.clone(),
            });
        }
        suites.push(Suite {
            name: format!("{test} {}", test.title()),
            class: format!("holdpoint.{test}"),
            test: Some(test),
            cases,
        });
    }
    suites
}

fn the_verdict(verdict: &Verdict) -> Case {
    let outcome = match (verdict.word, &verdict.no_verdict) {
        (Word::NoGo, _) => Outcome::Failed,
        (Word::Go, _) if verdict.chaos == ChaosMode::Simulated || !verdict.waivers.is_empty() => {
            Outcome::Skipped
        }
        (Word::Go, _) => Outcome::Passed,
        (Word::NoVerdict, Some(NoVerdict::PartOfSuite)) => Outcome::Skipped,
        (Word::NoVerdict, _) => Outcome::Error,
    };
    Case {
        name: "verdict".into(),
        outcome,
        message: verdict.headline.clone(),
        kind: "verdict".into(),
        text: format!("{}\n{}", verdict.headline, verdict.because),
    }
}

fn case(row: &Criterion, verdict: &Verdict) -> Case {
    let mut lines = vec![format!("measured: {}", row.measured), format!("limit: {}", row.limit)];
    lines.extend(row.margin.iter().map(|margin| format!("margin: {margin}")));
    lines.extend(row.bound.iter().map(|bound| format!("95 % bound: {bound}")));
    lines.push(format!("how sure: {}", row.sureness.word()));
    let findings: Vec<_> = verdict.findings.iter().filter(|finding| finding.criterion == row.id).collect();
    for finding in &findings {
        lines.push(String::new());
        lines.push(format!("{} ({})", finding.title, finding.code));
        lines.push(format!("What happened: {}", finding.happened));
        if !finding.likely_cause.is_empty() {
            lines.push(format!("Likely cause: {}", finding.likely_cause));
        }
        lines.push(format!("Do next: {}", finding.next_action));
        for witness in &finding.witness {
            lines.push(format!("Witness: {} {}: {}", witness.what, witness.id, witness.shows));
        }
    }
    let waivers = verdict.waivers.iter().filter(|waiver| waiver.criterion == row.id);
    lines.extend(waivers.map(|waiver| {
        format!("Waived by {} until {}: {}", waiver.name, waiver.expires_at.to_rfc3339(), waiver.reason)
    }));
    let outcome = match row.state {
        State::Met => Outcome::Passed,
        State::Broken => Outcome::Failed,
        State::Unproven => Outcome::Error,
        State::Simulated | State::Waived => Outcome::Skipped,
    };
    let nothing = if row.state == State::Simulated { ", nothing was restarted" } else { "" };
    Case {
        name: format!("{}: {}", row.id, row.title),
        outcome,
        message: format!("{}{nothing}: {} (limit {})", row.state.word(), row.measured, row.limit),
        kind: findings.first().map_or_else(|| "criterion".to_owned(), |finding| finding.code.clone()),
        text: lines.join("\n"),
    }
}

/// Letters that XML cannot hold, not even escaped, are replaced.
fn clean(text: &str) -> String {
    let allowed = |letter: char| match letter {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        letter => letter >= ' ',
    };
    text.chars().map(|letter| if allowed(letter) { letter } else { '\u{fffd}' }).collect()
}

fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

fn write(
    writer: &mut Writer<Vec<u8>>,
    results: &Results,
    verdict: &Verdict,
    suites: &[Suite],
) -> io::Result<()> {
    let sum = |which| suites.iter().map(|suite| suite.count(which)).sum::<usize>().to_string();
    let failed: fn(&Outcome) -> bool = |outcome| matches!(outcome, Outcome::Failed);
    let errors: fn(&Outcome) -> bool = |outcome| matches!(outcome, Outcome::Error);
    let skipped: fn(&Outcome) -> bool = |outcome| matches!(outcome, Outcome::Skipped);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer
        .create_element("testsuites")
        .with_attributes([
            ("name", clean(&verdict.headline).as_str()),
            ("tests", sum(|_| true).as_str()),
            ("failures", sum(failed).as_str()),
            ("errors", sum(errors).as_str()),
            ("time", seconds(results.elapsed_ms).as_str()),
        ])
        .write_inner_content(|writer| {
            for suite in suites {
                let one = suite.test.and_then(|test| results.tests.get(&test));
                let took = suite
                    .test
                    .map_or(results.elapsed_ms, |_| one.and_then(|one| one.elapsed_ms).unwrap_or_default());
                let began = one.and_then(|one| one.started_at).unwrap_or(results.started_at);
                writer
                    .create_element("testsuite")
                    .with_attributes([
                        ("name", suite.name.as_str()),
                        ("tests", suite.count(|_| true).to_string().as_str()),
                        ("failures", suite.count(failed).to_string().as_str()),
                        ("errors", suite.count(errors).to_string().as_str()),
                        ("skipped", suite.count(skipped).to_string().as_str()),
                        ("time", seconds(took).as_str()),
                        ("timestamp", began.to_rfc3339_opts(SecondsFormat::Secs, true).as_str()),
                    ])
                    .write_inner_content(|writer| write_suite(writer, results, verdict, suite))?;
            }
            Ok(())
        })?;
    Ok(())
}

fn write_suite(
    writer: &mut Writer<Vec<u8>>,
    results: &Results,
    verdict: &Verdict,
    suite: &Suite,
) -> io::Result<()> {
    if suite.test.is_none() {
        let mut properties = vec![("verdict", verdict.headline.clone())];
        properties.extend(crate::facts::of_check(results, verdict).about);
        writer.create_element("properties").write_inner_content(|writer| {
            for (name, value) in &properties {
                writer
                    .create_element("property")
                    .with_attributes([("name", *name), ("value", clean(value).as_str())])
                    .write_empty()?;
            }
            Ok(())
        })?;
    }
    for case in &suite.cases {
        writer
            .create_element("testcase")
            .with_attributes([
                ("name", clean(&case.name).as_str()),
                ("classname", suite.class.as_str()),
                // A criterion is judged, not timed; some readers need the attribute all the same.
                ("time", "0.000"),
            ])
            .write_inner_content(|writer| {
                let (tag, text_in_it) = match case.outcome {
                    Outcome::Passed => return out(writer, &case.text),
                    Outcome::Failed => ("failure", true),
                    Outcome::Error => ("error", true),
                    Outcome::Skipped => ("skipped", false),
                };
                let (message, kind) = (clean(&case.message), clean(&case.kind));
                let element = writer
                    .create_element(tag)
                    .with_attributes([("message", message.as_str()), ("type", kind.as_str())]);
                if text_in_it {
                    element.write_text_content(BytesText::new(&clean(&case.text)))?;
                    return Ok(());
                }
                element.write_empty()?;
                out(writer, &case.text)
            })?;
    }
    Ok(())
}

fn out(writer: &mut Writer<Vec<u8>>, text: &str) -> io::Result<()> {
    writer.create_element("system-out").write_text_content(BytesText::new(&clean(text)))?;
    Ok(())
}
