//! A report as one HTML file: readable without script and without network, clean on paper, and with its JSON inside, so
//! that Holdpoint opens it again.

use holdpoint_check::results::Results;
use holdpoint_check::verdict::Verdict;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::charts::{self, Chart, Theme};
use crate::facts::{self, DecisionFacts, Facts, FindingFacts};
use crate::table::{Mark, Row, Table};
use crate::{details, json};

const STYLE: &str = include_str!("html/report.css");
/// What stands before the JSON in a report; nothing else in one can contain it.
const JSON_START: &str = "<script type=\"application/json\" id=\"holdpoint-results\">";
const JSON_END: &str = "</script>";

/// The whole report.
pub fn render(results: &Results, verdict: &Verdict) -> String {
    let facts = facts::of_check(results, verdict);
    let charts = charts::of_check(results, Theme::Light);
    let (whole, by_test): (Vec<&Chart>, Vec<&Chart>) = charts.iter().partition(|chart| chart.test.is_none());
    // A text in JSON may hold `</script>`; with its `<` written as a number it is the same text.
    let embedded = json::document(results, verdict).to_string().replace('<', "\\u003c");
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="generator" content=(format!("Holdpoint {}", results.holdpoint));
                title { (facts.headline) " · " (results.plan.environment.name) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (banner(&facts))
                main {
                    (about(&facts))
                    @if !facts.decisions.is_empty() { (decisions(&facts.decisions)) }
                    @if !facts.waivers.is_empty() { (waivers(&facts)) }
                    @if !facts.findings.is_empty() { (findings(&facts.findings)) }
                    (criteria(&facts.criteria))
                    @for chart in &whole { section { h2 { (chart.title) } (figure(chart)) } }
                    section {
                        h2 { (facts.tests.title) }
                        (table(&facts.tests, |_| true))
                        p.note { (facts.tests.note) }
                        @for test in results.plan.suite.tests() {
                            @let own = by_test.iter().copied().filter(|chart| chart.test == Some(test));
                            @let tables = details::of_test(results, test);
                            @let own: Vec<&Chart> = own.collect();
                            @if !own.is_empty() || !tables.is_empty() {
                                details {
                                    summary { (test) " " (test.title()) ": charts and operations" }
                                    @for chart in own { h3 { (chart.title) } (figure(chart)) }
                                    @for one in &tables { h3 { (one.title) } (noted(one)) (table(one, |_| true)) }
                                }
                            }
                        }
                    }
                    @for one in facts.faults.iter().chain(&facts.packs).chain(&facts.bucket) { (folded(one)) }
                    @if !facts.unchecked.is_empty() { (list("What could not be checked", &facts.unchecked)) }
                    (list("Left behind", &facts.left))
                }
                footer {
                    p {
                        "Every number of this report is also in it as JSON: open this file in Holdpoint, or read it with "
                        code { "holdpoint report show" } "."
                    }
                }
                (PreEscaped(JSON_START)) (PreEscaped(embedded)) (PreEscaped(JSON_END))
            }
        }
    };
    page.into_string()
}

/// The JSON in a report of ours; none where the bytes are something else.
pub(crate) fn embedded(bytes: &[u8]) -> Option<&[u8]> {
    let text = std::str::from_utf8(bytes).ok()?;
    if !text.trim_start().get(..9)?.eq_ignore_ascii_case("<!doctype") {
        return None;
    }
    let (_, rest) = text.rsplit_once(JSON_START)?;
    let (json, _) = rest.split_once(JSON_END)?;
    Some(json.as_bytes())
}

fn class(mark: Mark) -> &'static str {
    match mark {
        Mark::Good => "good",
        Mark::Bad => "bad",
        Mark::Unsure => "unsure",
        Mark::Simulated => "simulated",
        Mark::Plain => "plain",
    }
}

/// A shape for each mark, so that it is seen without colour as well.
fn shape(mark: Mark) -> Markup {
    html! {
        @match mark {
            Mark::Good => svg class="shape" viewBox="0 0 16 16" aria-hidden="true" {
                circle cx="8" cy="8" r="7" fill="currentColor" {}
                path d="M4.6 8.3l2.3 2.3 4.5-4.8" fill="none" stroke="#fff" stroke-width="1.8" {}
            },
            Mark::Bad => svg class="shape" viewBox="0 0 16 16" aria-hidden="true" {
                path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" fill="currentColor" {}
                path d="M5.2 5.2l5.6 5.6m0-5.6l-5.6 5.6" stroke="#fff" stroke-width="1.8" {}
            },
            Mark::Unsure => svg class="shape" viewBox="0 0 16 16" aria-hidden="true" {
                circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6" {}
                path d="M4.8 8h6.4" stroke="currentColor" stroke-width="1.8" {}
            },
            Mark::Simulated => svg class="shape" viewBox="0 0 16 16" aria-hidden="true" {
                circle cx="8" cy="8" r="6.2" fill="none" stroke="currentColor" stroke-width="1.6" stroke-dasharray="3 2" {}
                path d="M4.5 11.5l7-7" stroke="currentColor" stroke-width="1.6" {}
            },
            Mark::Plain => "",
        }
    }
}

fn banner(facts: &Facts) -> Markup {
    html! {
        header class=(format!("verdict {}", class(facts.mark))) {
            (shape(facts.mark))
            div {
                h1 { (facts.headline) }
                p { (facts.because) }
                @for (title, meaning) in &facts.labels { p.label { strong { (title) } " " (meaning) } }
            }
        }
    }
}

fn about(facts: &Facts) -> Markup {
    html! {
        section.about aria-label="What was checked" {
            dl { @for (name, value) in &facts.about { div { dt { (name) } dd { (value) } } } }
        }
    }
}

fn decisions(decisions: &[DecisionFacts]) -> Markup {
    html! {
        section {
            h2 { "Sign-off" }
            @for one in decisions {
                div class=(if one.against { "decision against" } else { "decision" }) {
                    p { strong { (one.decision) } " by " (one.by) " at " (one.at) "." }
                    p { "Verdict then: " (one.verdict_then) "." }
                    @if !one.note.is_empty() { p { "Note: " (one.note) } }
                }
            }
        }
    }
}

fn waivers(facts: &Facts) -> Markup {
    html! {
        section {
            h2 { "Waivers" }
            ul {
                @for one in &facts.waivers {
                    li {
                        strong { (one.code) } " on " (one.criterion) ": accepted by " (one.by) " until " (one.until)
                        ". Reason: " (one.reason)
                    }
                }
            }
        }
    }
}

fn findings(findings: &[FindingFacts]) -> Markup {
    html! {
        section {
            h2 { "Findings and fix plan" }
            ol.findings {
                @for one in findings {
                    li class=(class(one.mark)) {
                        h3 { (shape(one.mark)) (one.title) }
                        dl {
                            div { dt { (one.weight) } dd { (one.criterion) " (code " code { (one.code) } ")" } }
                            div { dt { "What happened" } dd { (one.happened) } }
                            @if !one.likely_cause.is_empty() { div { dt { "Likely cause" } dd { (one.likely_cause) } } }
                            div { dt { "Do next" } dd { (one.next_action) } }
                        }
                        @if !one.witness.is_empty() || !one.logged.is_empty() {
                            details {
                                summary { "Evidence" }
                                ul {
                                    @for (at, shows) in &one.witness { li { "Witness" (at) ": " (shows) } }
                                    @for logged in &one.logged { li { "Logged then by " (logged) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What is not met stands open, what is met is folded, unless there is nothing else to see.
fn criteria(criteria: &Table) -> Markup {
    let met = criteria.rows.iter().filter(|row| row.mark == Mark::Good).count();
    let all = criteria.rows.len();
    html! {
        section {
            h2 { (criteria.title) }
            @if all == 0 { p { "No criterion was reached." } }
            @if met < all { (table(criteria, |row| row.mark != Mark::Good)) }
            @if met > 0 {
                details open[met == all] {
                    summary { (met) " of " (all) " criteria are met" }
                    (table(criteria, |row| row.mark == Mark::Good))
                }
            }
        }
    }
}

/// A section that is folded where all is as it should be.
fn folded(one: &Table) -> Markup {
    let open = one.rows.iter().any(|row| row.mark != Mark::Good);
    html! {
        section {
            h2 { (one.title) }
            (noted(one))
            @if !one.rows.is_empty() {
                details open[open] { summary { "All " (one.rows.len()) } (table(one, |_| true)) }
            }
        }
    }
}

fn noted(one: &Table) -> Markup {
    html! { @if !one.note.is_empty() { p.note { (one.note) } } }
}

/// What stays on one line in a table.
const SHORT: usize = 16;

fn table(one: &Table, wanted: impl Fn(&Row) -> bool) -> Markup {
    let cell = |place: usize| match one.columns.get(place) {
        Some(column) if column.numeric => Some("num"),
        Some(column) if column.mono => Some("mono"),
        _ => None,
    };
    // A word or a figure in a narrow column is not broken in two; sums and addresses are.
    let of = |place: usize, text: &str| {
        let short = (text.chars().count() <= SHORT).then_some("short");
        let classes: Vec<&str> = cell(place).into_iter().chain(short).collect();
        (!classes.is_empty()).then(|| classes.join(" "))
    };
    html! {
        div.wide {
            table {
                thead {
                    tr {
                        @for (place, column) in one.columns.iter().enumerate() {
                            th scope="col" class=[cell(place)] { (column.title) }
                        }
                    }
                }
                tbody {
                    @for row in one.rows.iter().filter(|row| wanted(row)) {
                        tr class=(class(row.mark)) {
                            @for (place, text) in row.cells.iter().enumerate() {
                                td class=[of(place, text)] {
                                    // The last cell says the state; the shape says it without colour.
                                    @if place + 1 == row.cells.len() { (shape(row.mark)) }
                                    (text)
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn figure(chart: &Chart) -> Markup {
    html! {
        figure {
            div role="img" aria-label=(chart.alt) { (PreEscaped(&chart.svg)) }
            figcaption { (chart.alt) @if !chart.note.is_empty() { " (" (chart.note) ")" } }
            @if !chart.rows.is_empty() {
                details.data {
                    summary { "The same as numbers" }
                    div.wide {
                        table {
                            thead { tr { @for title in &chart.columns { th scope="col" { (title) } } } }
                            tbody { @for row in &chart.rows { tr { @for text in row { td.num { (text) } } } } }
                        }
                    }
                }
            }
        }
    }
}

fn list(title: &str, lines: &[String]) -> Markup {
    html! { section { h2 { (title) } ul { @for one in lines { li { (one) } } } } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_report_of_ours_has_json_in_it() {
        let page = format!("<!DOCTYPE html><p>{JSON_START}{{\"a\":1}}{JSON_END}");
        assert_eq!(embedded(page.as_bytes()), Some(&b"{\"a\":1}"[..]));
        for other in
            ["", "<!DOCTYPE html>", "{\"a\":\"<!DOCTYPE html>\"}", "<!DOCTYPE html><script id=x>{}</script>"]
        {
            assert_eq!(embedded(other.as_bytes()), None, "{other}");
        }
    }
}
