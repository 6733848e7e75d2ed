//! What a request costs with Locust, and what more workers bring: `cargo xtask bench locust`. It shows figures; nothing
//! here can fail for being slow.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark talks to the terminal and may end there"
)]

use std::fmt::Write as _;
use std::io::{BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use holdpoint_load::Order;
use holdpoint_load::http::Options;
use holdpoint_load::plan::{Arrivals, Model, Plan, Stage};
use holdpoint_locust::{FleetPlan, Gathered, Here, Package, Secrets, Sinks, Venv, gather, run_here};
use tokio::sync::watch;

/// How long each load lasts.
const LASTS: Duration = Duration::from_secs(6);
/// Workers of each row.
const WORKERS: [u32; 3] = [1, 2, 4];
/// Users of the closed load, which asks as fast as it can.
const USERS: u32 = 32;
/// Rates of the open loads.
const RATES: [f64; 3] = [200.0, 500.0, 1000.0];

fn main() {
    let mut write: Option<PathBuf> = None;
    let mut note = "nothing else was started".to_owned();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match (word.as_str(), words.next()) {
            ("--write", Some(path)) => write = Some(path.into()),
            ("--note", Some(text)) => note = text,
            _ => return println!("usage: [--note TEXT] [--write FILE]"),
        }
    }
    let venv = Venv::ensure(&Venv::usual_folder().unwrap(), |text| println!("{text}")).unwrap();
    let url = server();
    let mut text = format!("{}\n\n", when_and_where(&note));
    text.push_str(&cost(&venv, &url));
    text.push_str(&lateness(&venv, &url));
    println!("\n{text}");
    if let Some(path) = write {
        std::fs::write(&path, text).unwrap();
        println!("written: {}", path.display());
    }
}

fn cost(venv: &Venv, url: &str) -> String {
    let mut text = format!(
        "A closed load of {USERS} users who ask as fast as they can, {} s: what one request costs a worker, and what more \
         workers bring.\n\n| workers | requests a second | worker CPU µs a request | busiest worker | failed |\n\
         |---|---|---|---|---|\n",
        LASTS.as_secs()
    );
    for workers in WORKERS {
        let users = Model::Users { users: USERS, think: Duration::ZERO, duration: LASTS };
        let gathered = send(venv, url, Plan::new(users), workers);
        let (total, elapsed) = (gathered.result.total(), gathered.result.elapsed_s);
        let cpu: f64 = gathered.result.fleet.as_ref().unwrap().workers.iter().map(|worker| worker.cpu).sum();
        let busiest = gathered
            .result
            .fleet
            .as_ref()
            .unwrap()
            .workers
            .iter()
            .map(|worker| worker.cpu)
            .fold(0.0, f64::max);
        writeln!(
            text,
            "| {workers} | {:.0} | {:.0} | {:.0} % | {} |",
            total.ok as f64 / elapsed,
            cpu * elapsed * 1e6 / total.sent.max(1) as f64,
            busiest * 100.0,
            total.failures()
        )
        .unwrap();
    }
    text.push('\n');
    text
}

fn lateness(venv: &Venv, url: &str) -> String {
    let mut text = format!(
        "Open loads of {} s: how late the workers were themselves (schedule lag), which is the least that can be known of \
         a latency.\n\n| rate | workers | lag P50 | P99 | P99.9 ms | latency P50 | P99 ms | busiest worker | sent of planned |\n\
         |---|---|---|---|---|---|---|---|---|\n",
        LASTS.as_secs()
    );
    for rate in RATES {
        for workers in WORKERS {
            let stages = vec![Stage::steady(rate, LASTS)];
            let open = Model::Open { arrivals: Arrivals::Poisson { seed: 1 }, stages };
            let gathered = send(venv, url, Plan::new(open), workers);
            let total = gathered.result.total();
            let busiest = gathered
                .result
                .fleet
                .as_ref()
                .unwrap()
                .workers
                .iter()
                .map(|worker| worker.cpu)
                .fold(0.0, f64::max);
            let lag = |quantile| total.lag.quantile_ms(quantile).unwrap_or_default();
            let latency = |quantile| total.latency.quantile_ms(quantile).unwrap_or_default();
            writeln!(
                text,
                "| {rate}/s | {workers} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.0} % | {} of {} |",
                lag(0.5),
                lag(0.99),
                lag(0.999),
                latency(0.5),
                latency(0.99),
                busiest * 100.0,
                total.sent,
                total.planned
            )
            .unwrap();
        }
    }
    text
}

fn send(venv: &Venv, url: &str, load: Plan, workers: u32) -> Gathered {
    let load = Plan { drain: Duration::from_secs(5), ..load };
    let urls = [url.parse().unwrap()];
    let secrets = &mut Secrets::default();
    let plan = FleetPlan::of_urls(load, &urls, &Options::default(), 0, secrets).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let package = Package::write(&folder.path().join("package"), &plan, None).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_give, orders) = watch::channel(Order::Run);
    let here = Here { venv, workers, secrets, folder: folder.path() };
    let evidence = runtime.block_on(run_here(&package, here, orders, |_| {})).unwrap();
    let gathered =
        gather(&package, BufReader::new(std::fs::File::open(evidence).unwrap()), Sinks::default()).unwrap();
    assert!(gathered.result.doubts.is_empty(), "{:#?}", gathered.result.doubts);
    gathered
}

/// A bare server on loopback: reads heads of requests and answers each with two bytes.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream));
        }
    });
    url
}

fn answer(mut stream: TcpStream) {
    let (mut seen, mut buffer) = (Vec::new(), [0_u8; 4096]);
    while let Ok(count) = stream.read(&mut buffer) {
        seen.extend_from_slice(&buffer[..count]);
        while let Some(end) = seen.windows(4).position(|four| four == b"\r\n\r\n") {
            seen.drain(..end + 4);
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err() {
                return;
            }
        }
        if count == 0 {
            return;
        }
    }
}

fn when_and_where(note: &str) -> String {
    let say = |program: &str, words: &[&str]| {
        let output =
            Command::new(program).args(words).output().map(|output| output.stdout).unwrap_or_default();
        String::from_utf8_lossy(&output).trim().to_owned()
    };
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    format!(
        "{}, {} processors ({}), Linux {}; server and workers on the same computer; {note}. More workers than processors \
         share them.",
        say("date", &["-u", "+%Y-%m-%d %H:%M UTC"]),
        std::thread::available_parallelism().map_or(0, usize::from),
        model.trim_start_matches([':', '\t', ' ']),
        say("uname", &["-r"]),
    )
}
