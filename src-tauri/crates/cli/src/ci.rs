//! What a pipeline gets besides the exit code: files that were asked for, and on GitHub Actions the summary of the step and
//! annotations (workflow commands, as GitHub documents them).

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use holdpoint_check::results::Results;
use holdpoint_check::verdict::{Verdict, Weight, Word};
use holdpoint_report::{files, html, junit, markdown};

use crate::arguments::CheckOptions;
use crate::failure::Failure;
use crate::out;
use crate::repeat::of_turn;

/// GitHub shows ten annotations of a kind; the rest stand in the summary.
const ANNOTATIONS: usize = 10;

/// Writes what was asked for.
pub(crate) fn write(
    options: &CheckOptions,
    turn: Option<u32>,
    results: &Results,
    verdict: &Verdict,
) -> Result<(), Failure> {
    type Make = fn(&Results, &Verdict) -> String;
    let wanted: [(&Option<std::path::PathBuf>, Make); 3] = [
        (&options.junit, junit::render),
        (&options.markdown, markdown::render),
        (&options.html, html::render),
    ];
    for (path, make) in wanted {
        if let Some(path) = path {
            let path = of_turn(path, turn);
            files::write_whole(&path, make(results, verdict))
                .map_err(|error| Failure::failed(error.to_string()))?;
        }
    }
    if let Some(summary) = std::env::var_os("GITHUB_STEP_SUMMARY") {
        add(Path::new(&summary), &markdown::summary(results, verdict))
            .map_err(|error| Failure::failed(format!("the step summary cannot be written: {error}")))?;
    }
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") && !options.events {
        for line in annotations(verdict) {
            out::line(&line);
        }
    }
    Ok(())
}

/// The file collects what all commands of a step have to say.
fn add(path: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    writeln!(file, "{text}")
}

/// The verdict, then the findings: errors break, warnings leave unproven.
fn annotations(verdict: &Verdict) -> Vec<String> {
    let level = match verdict.word {
        Word::NoGo => "error",
        Word::Go if verdict.headline == "GO" => "notice",
        Word::Go | Word::NoVerdict => "warning",
    };
    let mut lines = vec![command(level, &verdict.headline, &verdict.because)];
    for (weight, level) in [(Weight::Breaks, "error"), (Weight::Unproven, "warning")] {
        let findings = verdict.findings.iter().filter(|finding| finding.weight == weight);
        lines.extend(findings.take(ANNOTATIONS).map(|finding| {
            let text = format!("{} Do next: {}", finding.happened, finding.next_action);
            command(level, &format!("{} ({})", finding.title, finding.criterion), &text)
        }));
    }
    lines
}

/// A workflow command. What stands in it can neither end it nor begin another one.
fn command(level: &str, title: &str, text: &str) -> String {
    let data = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| data(text).replace(':', "%3A").replace(',', "%2C");
    format!("::{level} title={}::{}", property(title), data(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_end_an_annotation_or_begin_another() {
        let line = command("error", "a: b, c\n::warning::x", "100 %\r\n::error::y");
        assert_eq!(line, "::error title=a%3A b%2C c%0A%3A%3Awarning%3A%3Ax::100 %25%0D%0A::error::y");
        assert_eq!(line.lines().count(), 1);
    }
}
