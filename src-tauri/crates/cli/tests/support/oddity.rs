//! What a sound check makes of an oddity of Railway, read from what it saved.

use serde_json::Value;

/// What is wrong with the results of a check of C1 against the rehearsal with the oddity `row` of its catalogue, whose
/// Railway was `asked` for a restart so many times; nothing where they are sound.
pub fn wrong(row: &Value, results: &Value, asked: u64) -> Vec<String> {
    let verdict = &results["holdpoint"]["verdict"];
    let list = |name: &str| verdict[name].as_array().cloned().unwrap_or_default();
    let (criteria, findings) = (list("criteria"), list("findings"));
    let fault = criteria.iter().find(|one| one["id"] == "C1.fault").cloned().unwrap_or_default();
    let (ends, code) = (row["ends"].as_str().unwrap_or_default(), &row["code"]);
    let named = |criterion: &str| {
        findings.iter().any(|one| {
            one["code"] == *code
                && one["criterion"] == criterion
                && one["weight"] == "unproven"
                && one["next_action"].as_str().is_some_and(|next| !next.is_empty())
        })
    };
    let reason = verdict["no_verdict"]["reason"].as_str().unwrap_or("none");
    let mut wrong = Vec::new();
    let mut must = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    // The system under test is sound, and one test is no whole suite.
    must(verdict["word"] == "no_verdict", format!("the word is {}", verdict["word"]));
    let broken = criteria.iter().filter(|one| one["state"] == "broken").count();
    must(broken == 0, format!("{broken} criteria are broken"));
    must(asked == row["restarts"].as_u64().unwrap_or(0), format!("a restart was asked for {asked} times"));
    let chaos = if ends == "blocked" { "not_run" } else { "real" };
    must(verdict["chaos"] == chaos, format!("chaos is {}", verdict["chaos"]));
    match ends {
        "passes" => {
            must(reason == "part_of_suite", format!("the reason is {reason}"));
            let proven = fault["state"] == "met" && fault["sureness"] == "proven";
            must(proven, format!("the restart is {} and {}", fault["state"], fault["sureness"]));
        }
        "blocked" => {
            must(reason == "not_ready", format!("the reason is {reason}"));
            must(named("preflight"), format!("no finding {code} with a remedy"));
        }
        _ => {
            must(reason == "unproven", format!("the reason is {reason}"));
            must(fault["state"] == "unproven", format!("the restart is {}", fault["state"]));
            must(named("C1.fault"), format!("no finding {code} with a remedy"));
        }
    }
    if !wrong.is_empty() {
        let codes: Vec<&str> = findings.iter().filter_map(|one| one["code"].as_str()).collect();
        wrong.push(format!("findings: {}; {}", codes.join(" "), verdict["headline"]));
    }
    wrong
}
