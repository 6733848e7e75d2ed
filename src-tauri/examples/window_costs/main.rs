//! What the window costs, side by side in one run: `cargo xtask bench window`. It shows figures and judges nothing.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark talks to the terminal and may end there"
)]

#[path = "../../tests/window/desktop.rs"]
#[expect(dead_code, reason = "the tests of the window use the rest")]
mod desktop;
mod process;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use desktop::{Desktop, Window, until};
use serde_json::json;

const STARTS: usize = 11;
const HISTORY: u32 = 5_000;
const RATES: [u32; 2] = [50, 50_000];
const BUSY: Duration = Duration::from_secs(20);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut checks = 3;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--checks" => checks = words.next().and_then(|number| number.parse().ok()).unwrap_or(checks),
            other => {
                println!("unknown: {other}; usage: [--checks N]");
                return;
            }
        }
    }
    start().await;
    page().await;
    history().await;
    sitting(checks).await;
    println!("\nwindow: 4 benchmarks shown");
}

fn beside(name: &str) -> PathBuf {
    desktop::built("examples").join(name)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() * 1000.0
}

/// From the request to start a program until a person can work in its page.
async fn start_once(desktop: &Desktop, program: &Path) -> f64 {
    let asked = now_ms();
    let window = desktop.start(program, &[]).await;
    let ready = until("the page is ready", || async {
        window.js("return (mark => mark && performance.timeOrigin + mark.startTime)(performance.getEntriesByName('ready')[0])").await.as_f64()
    })
    .await;
    window.close().await;
    ready - asked
}

async fn start() {
    let desktop = Desktop::new().await;
    let ours = &desktop::built("holdpoint-desktop");
    let bare = beside("bare_window");
    let (mut of_ours, mut of_bare) = (Vec::new(), Vec::new());
    // The first of each only warms what the others find warm.
    start_once(&desktop, ours).await;
    start_once(&desktop, &bare).await;
    for _ in 0..STARTS {
        of_ours.push(start_once(&desktop, ours).await);
        of_bare.push(start_once(&desktop, &bare).await);
    }
    let (ours, bare) = (median(of_ours), median(of_bare));
    println!("\nStart until a person can work (median of {STARTS}, in turn)");
    println!("  Holdpoint    {ours:7.0} ms");
    println!("  bare window  {bare:7.0} ms");
    println!("  ratio        {:7.2}   (goal: at most 1.25)", ours / bare);
}

async fn page() {
    println!("\nThe page while a check records requests ({} s each)", BUSY.as_secs());
    let journal = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/check/tests/journals/healthy.ndjson");
    for rate in RATES {
        let desktop = Desktop::new().await;
        let rate = rate.to_string();
        let window = desktop.start(&beside("busy_window"), &[journal.to_str().unwrap(), &rate]).await;
        window.reads("main", "L1").await;
        let page = process::below("busy_window", "WebKitWebProcess").unwrap();
        // The first seconds load and lay out; what stays is measured.
        tokio::time::sleep(Duration::from_secs(3)).await;
        let before = process::cpu(page);
        tokio::time::sleep(BUSY).await;
        let used = process::cpu(page).saturating_sub(before);
        let share = 100.0 * used.as_secs_f64() / BUSY.as_secs_f64();
        println!("  {rate:>6} requests/s  {share:5.1} % of a core   (goal: at most 15)");
        window.close().await;
    }
}

async fn history() {
    let desktop = Desktop::new().await;
    let checks = desktop.home.path().join("holdpoint/checks");
    let one = checks.join("0001-20260101-120000");
    std::fs::create_dir_all(&one).unwrap();
    let journal = Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/check/tests/journals/healthy.ndjson");
    std::fs::copy(journal, one.join("journal.ndjson")).unwrap();
    let config = desktop.home.path().join("config");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("window.json"), json!({ "environment": "rehearsal" }).to_string()).unwrap();
    // The first opening writes the summary that lists are made of.
    let window = desktop.open(&[]).await;
    rows(&window).await;
    window.close().await;
    for number in 2..=HISTORY {
        let folder = checks.join(format!("{number:04}-20260101-120000"));
        std::fs::create_dir(&folder).unwrap();
        // What lists show; the rest of a check is only read when it is opened.
        for entry in std::fs::read_dir(&one).unwrap().flatten().filter(|entry| entry.path().is_file()) {
            std::fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
        }
    }
    let window = desktop.open(&[]).await;
    let mut first = Vec::new();
    for _ in 0..5 {
        first.push(rows(&window).await);
    }
    let scrolled = window
        .page
        .execute_async(
            "const done = arguments[0];
             const table = document.querySelector('main table');
             const last = () => Number([...table.tBodies[0].rows].at(-1)?.getAttribute('aria-rowindex'));
             const total = Number(table.getAttribute('aria-rowcount'));
             const started = performance.now();
             let frames = 0, worst = 0, before = started;
             const step = now => {
                 worst = Math.max(worst, now - before); before = now; frames++;
                 for (let one = table; one; one = one.parentElement) one.scrollTop += 4000;
                 if (last() >= total || now - started > 60000) done([now - started, frames, worst, last(), total]);
                 else requestAnimationFrame(step);
             };
             requestAnimationFrame(step);",
            Vec::new(),
        )
        .await
        .unwrap();
    println!("\nA history of {HISTORY} checks");
    println!("  first rows    {:7.0} ms   (goal: at most 150)", median(first));
    let figure = |index: usize| scrolled[index].as_f64().unwrap_or(f64::NAN);
    println!(
        "  to its end    {:7.0} ms   {} frames, the longest {:.0} ms, row {} of {}",
        figure(0),
        figure(1),
        figure(2),
        figure(3),
        figure(4)
    );
    window.close().await;
}

/// Goes to the history from another screen; milliseconds until rows are there.
async fn rows(window: &Window) -> f64 {
    window.go("#/settings").await;
    window.reads("main", "Settings").await;
    // A script that changes the place never calls back, so it leaves its answer in the page.
    window
        .js("const started = performance.now();
             window.took = null;
             const look = () => {
                 if (document.querySelector('main table tbody tr td')) window.took = performance.now() - started;
                 else requestAnimationFrame(look);
             };
             location.hash = '#/history';
             requestAnimationFrame(look);")
        .await;
    until("the history shows rows", || async { window.js("return window.took").await.as_f64() }).await
}

async fn sitting(checks: u32) {
    println!("\nMemory in one sitting of {checks} checks (resident, MB)");
    println!("  after  window   page  verdict");
    let desktop = Desktop::new().await;
    let window = desktop.open(&[]).await;
    let ours = process::named("holdpoint-deskt").unwrap();
    let page = process::below("holdpoint-deskt", "WebKitWebProcess").unwrap();
    let mut verdict = String::new();
    for number in 0..=checks {
        if number > 0 {
            window.go("#/drills").await;
            window.reads("main", "Healthy").await;
            window.js("[...document.querySelectorAll('main tr')].find(row => row.innerText.includes('Healthy')).querySelector('button').click()").await;
            window.reads("main", &format!("Check {number}")).await;
            window.reads("main", "Finished").await;
            let said = "return document.querySelector('main').innerText.match(/NO-GO|NO VERDICT|GO/)[0]";
            window.js(said).await.as_str().unwrap_or_default().clone_into(&mut verdict);
        }
        let (ours, page) = (process::resident_mb(ours), process::resident_mb(page));
        println!("  {number:>5}  {ours:6.1}  {page:5.1}  {verdict}");
    }
    window.close().await;
}
