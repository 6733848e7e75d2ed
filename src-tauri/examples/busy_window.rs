//! Holdpoint's page over a check that records as many requests a second as it is told: `busy_window JOURNAL RATE`.
//! The benchmark of the page measures what the page costs then.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use holdpoint_check::event::{Event, Interval, Record};
use holdpoint_check::journal;
use holdpoint_check::plan::ChaosIntent;
use holdpoint_check::words::TestId;
use holdpoint_desk::live::{LiveFold, Sent};
use holdpoint_desk::view::{Home, Live, RunningCheck, Settings};
use holdpoint_load::Pulse;
use tauri::{Manager as _, State};

/// The number the check goes by.
const NUMBER: u32 = 1;

/// As the window's own watcher sends.
const TICK: Duration = Duration::from_millis(250);

struct Busy {
    fold: Mutex<LiveFold>,
    started: Instant,
}

impl Busy {
    fn fold(&self) -> std::sync::MutexGuard<'_, LiveFold> {
        self.fold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn elapsed_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[tauri::command]
async fn home() -> Home {
    let running = RunningCheck {
        number: NUMBER,
        environment: "rehearsal".into(),
        chaos: ChaosIntent::Real,
        tests: TestId::ALL.to_vec(),
    };
    Home {
        version: env!("CARGO_PKG_VERSION").into(),
        checks: 0,
        environments: Vec::new(),
        running: Some(running),
        last: None,
        settings: Settings::default(),
        opened: None,
        opened_capacity: None,
        capacity: None,
        refused: None,
    }
}

#[tauri::command]
async fn watch_check(busy: State<'_, Arc<Busy>>, on_live: tauri::ipc::Channel<Live>) -> Result<(), ()> {
    let busy = busy.inner().clone();
    tauri::async_runtime::spawn(async move {
        let mut sent = Sent::default();
        let mut tick = tokio::time::interval(TICK);
        loop {
            tick.tick().await;
            let message = busy.fold().message(&mut sent, busy.elapsed_ms());
            if message.is_some_and(|message| on_live.send(message).is_err()) {
                return;
            }
        }
    });
    Ok(())
}

#[tauri::command]
async fn unwatch_check() {}

#[tauri::command]
async fn set_title() {}

/// Ends `rate` requests a second for ever, and folds what ended in every second as a check does.
fn load(busy: &Busy, rate: u64) {
    let pulse = Arc::new(Pulse::default());
    let ending = pulse.clone();
    let started = busy.started;
    std::thread::spawn(move || {
        let mut ended = 0_u64;
        loop {
            let due = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX) * rate / 1_000_000;
            for number in ended..due {
                ending.ended(Duration::from_micros(4_000 + number % 9_000), number % 997 != 0);
            }
            ended = due;
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    for seq in 0.. {
        let from_ms = busy.elapsed_ms();
        std::thread::sleep(Duration::from_secs(1));
        let Some(beat) = pulse.take() else { continue };
        let interval =
            Interval { from_ms, ok: beat.ok, failed: beat.failed, latency: (&beat.latency).into() };
        let at = chrono::Utc::now();
        let record = Record { seq, at, elapsed_ms: busy.elapsed_ms(), event: Event::Interval(interval) };
        busy.fold().see(&record);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let journal = PathBuf::from(arguments.next().ok_or("the first argument is a journal")?);
    let rate = arguments.next().and_then(|word| word.to_str()?.parse().ok()).ok_or("then comes the rate")?;
    let mut fold = LiveFold::new(NUMBER, std::collections::BTreeMap::new());
    let records = journal::read(&journal)?;
    records
        .iter()
        .take_while(|record| !matches!(record.event, Event::TestEnded { .. }))
        .for_each(|record| fold.see(record));
    let busy = Arc::new(Busy { fold: Mutex::new(fold), started: Instant::now() });
    tauri::Builder::default()
        .manage(busy)
        .invoke_handler(tauri::generate_handler![home, watch_check, unwatch_check, set_title])
        .setup(move |app| {
            tauri::WebviewWindowBuilder::new(app, "main", tauri::WebviewUrl::default())
                .inner_size(1280.0, 800.0)
                .build()?;
            let busy = app.state::<Arc<Busy>>().inner().clone();
            std::thread::spawn(move || load(&busy, rate));
            Ok(())
        })
        .run(tauri::generate_context!())?;
    Ok(())
}
