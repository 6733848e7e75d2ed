//! Whole checks against the rehearsal's real processes.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdpoint_check::environment::Environment;
use holdpoint_check::words::TestId;
use holdpoint_desk::Desk;
use holdpoint_desk::archive::Archive;
use holdpoint_desk::view::{CheckDraft, Problem};
use holdpoint_settings::Environments;
use serde_json::Value;
use support::{Check, Rehearsal, all_gone, codes, headline, holdpoint, text};

#[test]
fn a_healthy_environment_is_go_with_everything_proven_and_no_secret_anywhere() {
    let rehearsal = Rehearsal::start("healthy");
    let (code, results, out) = Check::start(&rehearsal.environment, &["--require-real-chaos"]).finish();
    assert_eq!((code, headline(&results).as_str()), (0, "GO [rehearsal]"), "{:#?}", codes(&results));
    assert_eq!(results["overall_status"], "PASS");
    assert_eq!(results["bucket_isolation_verified"], true);
    for (group, tests) in [("load_tests", ["L1", "L2", "L3"]), ("chaos_tests", ["C1", "C2", "C3"])] {
        for test in tests {
            assert_eq!(results[group][test]["status"], "PASS", "{test}");
        }
    }
    assert_eq!(results["chaos_tests"]["C1"]["details"]["service_restarted"], true);
    let schema: Value =
        serde_json::from_str(&std::fs::read_to_string(out.path().join("step3_results.schema.json")).unwrap())
            .unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&results).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let report = std::fs::read_to_string(out.path().join("step3_results.md")).unwrap();
    assert!(report.starts_with("# GO [rehearsal]\n"), "{}", &report[..200]);
    let secrets = rehearsal.json()["secrets"].clone();
    let files = files_below(out.path());
    assert!(files.iter().any(|file| file.extension().is_some_and(|kind| kind == "svg")), "{files:?}");
    for file in files {
        let content = std::fs::read_to_string(&file).unwrap();
        for name in ["password", "ops_key", "s3_secret_key", "railway_token"] {
            assert!(!content.contains(secrets[name].as_str().unwrap()), "{name} is in {}", file.display());
        }
    }
    let shown = text(&holdpoint().args(["report", "markdown"]).arg(out.path()).output().unwrap());
    // Only the file has the charts, which lie beside it.
    let (before, charts) = report.split_once("## Charts\n").unwrap();
    let after = charts.find("\n## ").map_or("", |end| &charts[end + 1..]);
    assert_eq!(shown, format!("{before}{after}"), "the journal and the file tell the same");
    let file = out.path().join("step3_results.json");
    let again = text(&holdpoint().args(["report", "show"]).arg(file).output().unwrap());
    assert!(again.starts_with("# GO [rehearsal]\n"));
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

#[test]
fn the_second_generation_is_no_go_and_its_faults_are_named() {
    let rehearsal = Rehearsal::start("g2");
    let (code, results, _out) = Check::start(&rehearsal.environment, &[]).finish();
    assert_eq!(code, 1, "{}", headline(&results));
    assert_eq!(results["overall_status"], "FAIL");
    let codes = codes(&results);
    for code in ["auto_tune.failing", "calibration.failing", "export.content", "rep.absent", "run.stuck"] {
        assert!(codes.iter().any(|found| found == code), "{code} not in {codes:?}");
    }
}

#[test]
fn the_first_generation_is_no_go_and_its_faults_are_named() {
    let rehearsal = Rehearsal::start("g1");
    let (code, results, _out) = Check::start(&rehearsal.environment, &["--test", "L1,L3,REP"]).finish();
    assert_eq!(code, 1, "{}", headline(&results));
    let codes = codes(&results);
    for code in ["not_drivable", "expand.failing", "export.content", "rep.absent", "run.idle"] {
        assert!(codes.iter().any(|found| found == code), "{code} not in {codes:?}");
    }
}

#[test]
fn without_a_token_chaos_is_simulated_and_says_so_everywhere() {
    let rehearsal = Rehearsal::start("healthy");
    let (code, results, out) = Check::start(&rehearsal.environment, &["--simulate-chaos"]).finish();
    assert_eq!(
        (code, headline(&results).as_str()),
        (0, "GO (chaos simulated) [rehearsal]"),
        "{:?}",
        codes(&results)
    );
    for test in ["C1", "C2", "C3"] {
        assert_eq!(results["chaos_tests"][test]["status"], "SKIP");
    }
    assert_eq!(results["chaos_tests"]["C1"]["details"]["service_restarted"], false);
    let report = std::fs::read_to_string(out.path().join("step3_results.md")).unwrap();
    assert!(report.starts_with("# GO (chaos simulated)"));
    assert!(report.contains("Nothing was restarted"));
}

#[test]
fn a_part_of_the_suite_passes_without_a_verdict() {
    let rehearsal = Rehearsal::start("healthy");
    let (code, results, _out) = Check::start(&rehearsal.environment, &["--load-only"]).finish();
    assert_eq!((code, headline(&results).as_str()), (0, "NO VERDICT, load only: passed [rehearsal]"));
    assert_eq!(results["overall_status"], "SKIP");
}

/// The second one finds the window of the API's limiter used up by the first and waits for it (API facts 3.3).
#[test]
fn a_check_right_after_another_passes_too() {
    let rehearsal = Rehearsal::start("healthy");
    for number in ["first", "second"] {
        let (code, results, _out) = Check::start(&rehearsal.environment, &["--test", "L1"]).finish();
        assert_eq!(code, 0, "{number}: {} {:?}", headline(&results), codes(&results));
    }
}

#[test]
fn a_worker_killed_by_hand_is_no_go() {
    let rehearsal = Rehearsal::start("healthy");
    let mut check = Check::start(&rehearsal.environment, &["--load-only"]);
    check.until_test("L2");
    rehearsal.kill("worker");
    let (code, results, _out) = check.finish();
    assert_eq!(code, 1, "{}", headline(&results));
    let codes = codes(&results);
    assert!(
        codes.contains(&"run.stuck".to_owned()) && codes.contains(&"worker.down".to_owned()),
        "{codes:?}"
    );
}

#[test]
fn an_object_store_that_stops_is_no_go() {
    let rehearsal = Rehearsal::start("healthy");
    let mut check = Check::start(&rehearsal.environment, &["--test", "L1,L3,REP,BUCKET"]);
    check.until_test("L3");
    rehearsal.kill("minio");
    let (code, results, _out) = check.finish();
    assert_eq!(code, 1, "{}", headline(&results));
    let codes = codes(&results);
    assert!(
        codes.contains(&"bucket.failing".to_owned()) && codes.contains(&"rep.unreadable".to_owned()),
        "{codes:?}"
    );
}

#[test]
fn one_changed_byte_of_evidence_is_no_go() {
    let rehearsal = Rehearsal::start("healthy");
    let mut check = Check::start(&rehearsal.environment, &["--test", "L1,REP"]);
    let created = check.until_event("run_created");
    check.until_test("L1");
    let run = created["run_id"].as_str().unwrap();
    let bucket = rehearsal.json()["storage"]["bucket"].as_str().unwrap().to_owned();
    let file =
        rehearsal.state.path().join("minio").join(bucket).join("runs").join(run).join("llm_ledger.ndjson");
    let content = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, content.replacen("\"tokens_in\":42", "\"tokens_in\":43", 1)).unwrap();
    let (code, results, _out) = check.finish();
    assert_eq!(code, 1, "{}", headline(&results));
    assert_eq!(codes(&results), ["rep.corrupt"]);
    assert_eq!(results["rep_corruption_count"], 1);
    let witness = &results["holdpoint"]["verdict"]["findings"][0]["witness"][0];
    assert_eq!(witness["id"], run);
    assert!(witness["shows"].as_str().unwrap().contains("total_tokens"), "{witness}");
}

/// How the window refuses a check of an environment that the terminal checks.
fn by_the_window(rehearsal: &Rehearsal, folder: &Path) -> Problem {
    let (mut environment, _) =
        Environment::from_json(&std::fs::read_to_string(&rehearsal.environment).unwrap()).unwrap();
    environment.name = "mirror".into();
    let checks = Archive::in_folder(&folder.join("checks"));
    let desk = Arc::new(Desk::new(checks, Environments::in_folder(&folder.join("environments"))));
    desk.environments.save(&environment).unwrap();
    let draft = CheckDraft {
        environment: environment.name,
        drill: None,
        tests: vec![TestId::L1],
        parameters: None,
        simulate: true,
        confirmed: Vec::new(),
        confirmed_name: None,
    };
    let starting = desk.start_check(&draft);
    let refused = tokio::runtime::Runtime::new().unwrap().block_on(starting).unwrap_err();
    assert_eq!(desk.archive.count(), 0, "nothing was recorded");
    refused.0
}

#[test]
fn an_abort_in_the_middle_of_a_fault_waits_for_the_service() {
    let rehearsal = Rehearsal::start("healthy");
    let mut check = Check::start(&rehearsal.environment, &["--test", "C1"]);
    check.until_event("fault_accepted");
    let folder = tempfile::tempdir().unwrap();
    let second = support::holdpoint()
        .args(["check", "--test", "L1", "--environment"])
        .arg(&rehearsal.environment)
        .arg("--out")
        .arg(folder.path().join("second"))
        .output()
        .unwrap();
    assert_eq!(second.status.code(), Some(2));
    let said = support::text(&second);
    assert!(said.contains("is being checked already by check") && said.contains(&check.pid()), "{said}");
    let window = by_the_window(&rehearsal, folder.path());
    assert_eq!(window.code, "check.held");
    assert!(window.why.contains(&check.pid()), "{}", window.why);
    support::signal("-2", &check.pid());
    check.until_event("fault_recovered");
    let (code, results, _out) = check.finish();
    assert_eq!(code, 3, "{}", headline(&results));
    assert_eq!(headline(&results), "NO VERDICT, C1 only: aborted [rehearsal]");
    assert!(
        results["holdpoint"]["results"]["removed"].as_array().unwrap().len() == 1,
        "the project was removed"
    );
}

#[test]
fn a_killed_check_is_cut_off_and_its_journal_tells_what_happened() {
    let rehearsal = Rehearsal::start("healthy");
    let mut check = Check::start(&rehearsal.environment, &["--test", "C1"]);
    check.until_event("fault_accepted");
    check.kill();
    let shown = text(&holdpoint().args(["report", "show"]).arg(check.out.path()).output().unwrap());
    assert!(shown.starts_with("# NO VERDICT, C1 only: cut off [rehearsal]\n"), "{shown}");
    assert!(shown.contains("was never seen to end"), "the open fault is named: {shown}");
    assert!(!check.out.path().join("step3_results.json").exists(), "no half result");
    let journal = || std::fs::read(check.out.path().join("journal.ndjson")).unwrap();
    let before = journal();
    let recovered = |environment: &Path| {
        let mut command = holdpoint();
        command.args(["services", "recovered"]).arg(check.out.path()).arg("--environment").arg(environment);
        let output = command.output().unwrap();
        (output.status.code().unwrap(), text(&output))
    };
    // The worker of a rehearsal needs a moment for its restart.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    let said = loop {
        let (code, said) = recovered(&rehearsal.environment);
        if code == 0 {
            break said;
        }
        assert!(code == 3 && said.contains("services restart worker"), "{said}");
        assert!(std::time::Instant::now() < until, "{said}");
    };
    assert!(said.contains("worker is back as another process: the worker answered a task"), "{said}");
    assert!(said.contains("before: boot id") && said.contains("The journal was not touched"), "{said}");
    assert_eq!(journal(), before);
    let other = Rehearsal::start("healthy");
    let (code, said) = recovered(&other.environment);
    assert!(code == 2 && said.contains("not the environment that was checked"), "{said}");
}

#[test]
fn a_service_that_is_away_is_named_and_comes_back_by_a_redeploy() {
    let rehearsal = Rehearsal::start("healthy");
    let run = |arguments: &[&str]| {
        let mut command = holdpoint();
        command.arg("services").args(arguments).arg("--environment").arg(&rehearsal.environment);
        let output = command.output().unwrap();
        (output.status.code().unwrap(), text(&output))
    };
    rehearsal.kill("worker");
    let (code, said) = run(&["redeploy", "worker"]);
    assert!(code == 2 && said.contains("would really be redeployed; confirm with --yes"), "{said}");
    assert_eq!(rehearsal.mutations("serviceInstanceRedeploy"), 0);
    let (code, said) = run(&["redeploy", "worker", "--yes"]);
    assert!(code == 0 && said.contains("works again from a new deployment"), "{said}");
    assert_eq!(rehearsal.mutations("serviceInstanceRedeploy"), 1);
}

#[test]
fn no_process_outlives_the_rehearsal() {
    let mut rehearsal = Rehearsal::start("healthy");
    let pids = rehearsal.pids();
    assert_eq!(pids.len(), 6);
    rehearsal.kill_supervisor();
    assert!(all_gone(&pids), "every service ends when its supervisor is killed");
    let rehearsal = Rehearsal::start("healthy");
    let pids = rehearsal.pids();
    drop(rehearsal);
    assert!(all_gone(&pids), "every service ends when the rehearsal is stopped");
}
