//! Capacity runs of the desk against a real rehearsal: where load may go, what is kept, and what can be told to a load.

#![cfg(unix)]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod support;

use std::path::PathBuf;

use holdpoint_check::words::TestId;
use holdpoint_desk::Theme;
use holdpoint_desk::capacity::{Became, CAPACITY_FILE, LOG_FILE};
use holdpoint_desk::view::{
    ApiOperation, CapacityDraft, CapacityFormat, CapacityModel, CapacityOrder, CapacityPhase, CapacityTarget,
    CapacityVerdict, CheckDraft,
};
use serde_json::Value;
use support::office::{Office, PATIENCE, rate};
use support::{holdpoint, text};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_is_sent_kept_opened_and_exported_as_the_terminal_does() {
    let office = Office::open().await;
    let operations = [ApiOperation::Health, ApiOperation::Expand];
    let thresholds = ["failures<=0", "p95<30s", "expand: p95<30s"];
    let draft = office.draft(&operations, rate(40.0, 2.75), &thresholds);
    let running = office.desk.start_capacity(&draft).await.unwrap();

    // Beside it nothing else is measured, and half of it is not shown.
    let other = office.desk.start_capacity(&draft).await.unwrap_err();
    assert_eq!(other.0.code, "capacity.running");
    let check = CheckDraft {
        environment: "mirror".into(),
        drill: None,
        tests: TestId::ALL.to_vec(),
        parameters: None,
        simulate: true,
        confirmed: Vec::new(),
        confirmed_name: None,
    };
    assert_eq!(office.desk.start_check(&check).await.unwrap_err().0.code, "capacity.running");
    assert_eq!(office.desk.capacity_report(1, Theme::Light).unwrap_err().0.code, "capacity.running");
    assert_eq!(office.desk.capacity_runs(0, 10).total, 0);

    let messages = Office::watched(&running).await;
    assert!(messages[0].whole);
    for message in &messages[1..] {
        assert!(!message.whole && serde_json::to_vec(message).unwrap().len() < 8 * 1024);
    }
    let last = &messages.last().unwrap().state;
    assert_eq!((last.phase, last.saved, last.problem.as_ref()), (CapacityPhase::Ended, true, None));
    assert_eq!((last.planned, last.sent, last.ok), (110, 110, 110));
    let points: u64 = messages.iter().flat_map(|message| &message.points).map(|point| point.ok).sum();
    assert_eq!(points, 110, "every answer is drawn once");

    let report = office.desk.capacity_report(1, Theme::Light).unwrap();
    let verdicts: Vec<CapacityVerdict> = report.thresholds.iter().map(|one| one.verdict).collect();
    // Fifty-five expansions, which the limiter lets through, do not bound a P95.
    assert_eq!(verdicts, [CapacityVerdict::Met, CapacityVerdict::Met, CapacityVerdict::TooFew], "{report:?}");
    assert_eq!(report.summary.verdict, CapacityVerdict::TooFew);
    assert!(report.no_verdict.contains("no GO and no NO-GO"));
    assert!(report.explained.iter().any(|text| text.contains("service time")), "{:?}", report.explained);
    assert_eq!(report.charts.len(), 2);
    let log = std::fs::read_to_string(office.folder_of(1).join(LOG_FILE)).unwrap();
    assert!(log.contains("Tag=expand") && log.contains("Tag=health"), "{log}");
    let page = office.desk.capacity_runs(0, 10);
    assert_eq!((page.total, &page.runs[0]), (1, &report.summary));

    // What was made for it is gone.
    let made =
        std::fs::read_to_string(office.rehearsal.state.path().join("logs/api.log")).unwrap_or_default();
    assert!(!made.contains("could not be removed"));

    let ours = office.folder.path().join("ours");
    let formats = [CapacityFormat::Markdown, CapacityFormat::Json, CapacityFormat::HdrLog];
    office.desk.export_capacity(1, &ours, &formats).unwrap();
    let theirs = office.folder.path().join("theirs");
    let output = holdpoint()
        .args(["report", "export"])
        .arg(office.folder_of(1))
        .arg("--to")
        .arg(&theirs)
        .args(["--name", "capacity-1"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output));
    for name in ["capacity-1.md", "capacity-1.json"] {
        let read = |folder: &PathBuf| std::fs::read_to_string(folder.join(name)).unwrap();
        assert_eq!(read(&ours), read(&theirs), "{name}");
    }
    let markdown = std::fs::read_to_string(ours.join("capacity-1.md")).unwrap();
    assert!(markdown.starts_with("# Capacity: too few to tell"), "{markdown}");
    assert_eq!(std::fs::read_to_string(ours.join("capacity-1.hlog")).unwrap(), log);
    let saved = std::fs::read(office.folder_of(1).join(CAPACITY_FILE)).unwrap();
    assert_eq!(std::fs::read(ours.join("capacity-1.json")).unwrap(), saved);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn load_goes_where_it_was_confirmed_and_nowhere_else() {
    let office = Office::open().await;
    let code =
        async |draft: CapacityDraft| office.desk.start_capacity(&draft).await.err().map(|error| error.0.code);
    let draft = office.draft(&[ApiOperation::Health], rate(20.0, 1.0), &[]);
    for confirmed in [None, Some(String::new()), Some("http://127.0.0.1:1".to_owned())] {
        let one = CapacityDraft { confirmed, ..draft.clone() };
        assert_eq!(code(one).await.as_deref(), Some("capacity.not_confirmed"));
    }
    let port: u16 = office.origin.rsplit(':').next().unwrap().parse().unwrap();
    for url in ["https://example.org/", "//example.org/", &format!("http://127.0.0.1:{}/", port ^ 1)] {
        let target = CapacityTarget::Url { url: url.into() };
        assert_eq!(
            code(CapacityDraft { target, ..draft.clone() }).await.as_deref(),
            Some("capacity.draft"),
            "{url}"
        );
    }
    let nothing = CapacityDraft { model: rate(0.0, 1.0), ..draft.clone() };
    assert_eq!(code(nothing).await.as_deref(), Some("capacity.draft"));
    let unknown = CapacityDraft { environment: "nobody".into(), ..draft.clone() };
    assert_eq!(code(unknown).await.as_deref(), Some("environment.unknown"));
    assert_eq!(office.desk.capacity_runs(0, 10).total, 0, "what was refused leaves nothing");

    // A path of the API is an address of the environment.
    let target = CapacityTarget::Url { url: "/health".into() };
    let running = office.desk.start_capacity(&CapacityDraft { target, ..draft }).await.unwrap();
    Office::watched(&running).await;
    let report = office.desk.capacity_report(running.number, Theme::Dark).unwrap();
    assert_eq!(
        (report.summary.asked.as_str(), report.summary.verdict),
        ("GET /health", CapacityVerdict::None)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_pauses_goes_on_and_is_aborted_and_what_was_measured_is_kept() {
    let office = Office::open().await;
    let draft = office.draft(&[ApiOperation::Health], rate(50.0, 600.0), &["failures<=0"]);
    let running = office.desk.start_capacity(&draft).await.unwrap();
    let told = running.clone();
    let mut quiet: Vec<u64> = Vec::new();
    let mut paused = false;
    let mut resumed_at: Option<u64> = None;
    let mut phases = Vec::new();
    let watching = running.watch(|live| {
        let state = live.state;
        if phases.last() != Some(&state.phase) {
            phases.push(state.phase);
        }
        match state.phase {
            CapacityPhase::Running if !paused && state.sent > 20 => {
                told.order(CapacityOrder::Pause);
                paused = true;
            }
            // A pause is long enough when two signs of life in a row tell of nothing new.
            CapacityPhase::Paused => {
                quiet.push(state.sent);
                if quiet.len() >= 4 && quiet[quiet.len() - 2..].windows(2).all(|two| two[0] == two[1]) {
                    resumed_at = Some(state.sent);
                    told.order(CapacityOrder::Go);
                }
            }
            CapacityPhase::Running if resumed_at.is_some_and(|sent| state.sent > sent + 10) => {
                told.order(CapacityOrder::Abort);
            }
            _ => {}
        }
        true
    });
    tokio::time::timeout(PATIENCE, watching).await.unwrap();
    running.over().await;
    let wanted = [
        CapacityPhase::Running,
        CapacityPhase::Paused,
        CapacityPhase::Running,
        CapacityPhase::Ending,
        CapacityPhase::Ended,
    ];
    phases.retain(|phase| *phase != CapacityPhase::Preparing);
    assert!(phases.starts_with(&wanted[..3]) && phases.last() == Some(&CapacityPhase::Ended), "{phases:?}");
    let report = office.desk.capacity_report(running.number, Theme::Light).unwrap();
    assert_eq!(
        (report.summary.ended.as_str(), report.summary.verdict),
        ("aborted", CapacityVerdict::NotProven)
    );
    assert!(report.summary.headline.starts_with("Capacity: ended before its time"), "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_is_found_and_shown_with_every_rate_that_was_tried() {
    let office = Office::open().await;
    let model = CapacityModel::Limit { from: 20.0, up_to: 40.0, seconds: 0.5, poisson: true };
    let draft = office.draft(&[ApiOperation::Health], model, &["failures<=0"]);
    let running = office.desk.start_capacity(&draft).await.unwrap();
    let messages = Office::watched(&running).await;
    assert_eq!(messages.last().unwrap().state.tried.len(), 2);
    let report = office.desk.capacity_report(running.number, Theme::Light).unwrap();
    assert_eq!(
        report.summary.headline,
        "Capacity: holds up to 40.0 a second, the highest rate that was tried"
    );
    assert!(report.has_log);
    assert_eq!(report.charts[0].id, "capacity-rates");
    assert_eq!(report.tables[0].title, "Rates that were tried");
    assert_eq!(report.tables[0].rows.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_terminal_measured_is_opened_once_and_what_is_damaged_is_refused() {
    let office = Office::open().await;
    let json = office.folder.path().join("terminal.json");
    let output = holdpoint()
        .env("HOLDPOINT_CONFIG_DIR", office.folder.path())
        .arg("load")
        .arg(format!("{}/health", office.origin))
        .args(["--rounds", "20x4", "--threshold", "p95<30s", "--json"])
        .arg(&json)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(office.desk.import(&json).unwrap(), Became::Capacity(1));
    assert_eq!(office.desk.import(&json).unwrap(), Became::Capacity(1), "the same file is added once");
    let report = office.desk.capacity_report(1, Theme::Light).unwrap();
    assert_eq!(report.summary.verdict, CapacityVerdict::Met);
    assert_eq!(report.summary.environment, "mirror", "the address belongs to a saved environment");
    assert!(!report.has_log);
    let no_log = office.desk.export_capacity(1, &office.folder.path().join("x"), &[CapacityFormat::HdrLog]);
    assert_eq!(no_log.unwrap_err().0.code, "capacity.no_log");
    let markdown = holdpoint().args(["report", "markdown"]).arg(&json).output().unwrap();
    assert!(text(&markdown).starts_with("# Capacity: the threshold is met"), "{}", text(&markdown));

    let whole: Value = serde_json::from_str(&std::fs::read_to_string(&json).unwrap()).unwrap();
    let damage: [fn(&mut Value); 5] = [
        |file| file["holdpoint_load"] = 99.into(),
        |file| file["result"]["operations"]["GET /health"]["ok"] = 7.into(),
        |file| file["thresholds"] = serde_json::json!(["no threshold"]),
        |file| file["wanted"] = Value::Null,
        |file| file["result"]["operations"]["GET /health"]["latency"] = "AAAA".into(),
    ];
    for (number, change) in damage.into_iter().enumerate() {
        let mut file = whole.clone();
        change(&mut file);
        let path = office.folder.path().join(format!("damaged-{number}.json"));
        std::fs::write(&path, file.to_string()).unwrap();
        assert_eq!(office.desk.import(&path).unwrap_err().0.code, "file.not_capacity", "{number}");
    }
    // A load that was cut off has only what was asked.
    let mut cut = whole;
    for name in ["took_s", "figures", "judgement", "limit", "result"] {
        cut[name] = Value::Null;
    }
    std::fs::write(office.folder_of(1).join(CAPACITY_FILE), cut.to_string()).unwrap();
    assert_eq!(office.desk.capacity_runs(0, 10).runs[0].ended, "cut off");
    let report = office.desk.capacity_report(1, Theme::Light).unwrap();
    assert_eq!(report.summary.headline, "Capacity: no figure, it was cut off");
}
