//! The engine against a real server: every operation is accounted for, whatever happens.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod support;

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use holdpoint_load::http::Options;
use holdpoint_load::plan::{AtCap, Model, Plan};
use holdpoint_load::{LoadEnding, Order, Running};
use support::{OK, answering, balanced, begin, head, load, open, quick, rounds, server};

fn url(address: SocketAddr) -> String {
    format!("http://{address}/")
}

fn patient() -> Options {
    let mut options = quick();
    options.timeouts.request = Duration::from_secs(60);
    options.timeouts.connect = Duration::from_secs(60);
    options
}

/// A server that holds every answer back until it is told to go on.
fn held() -> (SocketAddr, Arc<AtomicBool>) {
    let go = Arc::new(AtomicBool::new(false));
    let held = Arc::clone(&go);
    let (address, _) = server(move |mut stream| {
        while head(&mut stream) {
            while !held.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(2));
            }
            if stream.write_all(OK.as_bytes()).is_err() {
                return;
            }
        }
    });
    (address, go)
}

/// Waits until the load has sent so many.
fn until(running: &mut Running, reached: impl Fn(&holdpoint_load::Live) -> bool) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(running.live.wait_for(reached)).unwrap();
}

#[test]
fn an_open_load_sends_exactly_what_was_planned_over_any_number_of_threads() {
    let address = answering(OK, false);
    for threads in [1, 3] {
        let result = load(&url(address), patient(), Plan { threads, ..open(300.0, 1.5) });
        let total = result.total();
        assert_eq!((total.planned, total.ok, total.refused), (450, 450, 0), "{:?}", total.failed);
        assert_eq!(result.ending, LoadEnding::Completed);
        let of = |part: fn(&holdpoint_load::Second) -> u64| result.seconds.iter().map(part).sum::<u64>();
        assert_eq!((of(|one| one.planned), of(|one| one.sent), of(|one| one.ok)), (450, 450, 450));
        assert_eq!(result.seconds.last().unwrap().in_flight, 0);
    }
}

#[test]
fn a_cap_refuses_and_counts_and_nothing_is_lost() {
    let (address, go) = held();
    let plan = Plan { in_flight: 5, ..open(100.0, 1.0) };
    let mut running = begin(&url(address), patient(), plan);
    until(&mut running, |live| live.planned == 100);
    go.store(true, Ordering::Relaxed);
    let total = running.join().total();
    balanced(&total);
    assert_eq!((total.planned, total.sent, total.refused, total.ok), (100, 5, 95, 5));
}

#[test]
fn at_a_cap_that_waits_everything_is_sent_late_and_says_so() {
    let (address, go) = held();
    let plan = Plan { in_flight: 5, at_cap: AtCap::Wait, ..open(100.0, 1.0) };
    let mut running = begin(&url(address), patient(), plan);
    until(&mut running, |live| live.elapsed > Duration::from_secs(1));
    go.store(true, Ordering::Relaxed);
    let total = running.join().total();
    balanced(&total);
    assert_eq!((total.sent, total.ok), (100, 100));
    assert!(total.latency.rank_ms(50).unwrap() > 400.0, "half of them waited for the server");
}

#[test]
fn what_finds_no_room_in_time_is_refused_so_that_the_load_ends() {
    let (address, _go) = held();
    let drain = Duration::from_millis(200);
    let plan = Plan { in_flight: 5, at_cap: AtCap::Wait, drain, ..open(100.0, 0.5) };
    let total = load(&url(address), patient(), plan).total();
    balanced(&total);
    assert_eq!((total.planned, total.sent, total.refused, total.abandoned), (50, 5, 45, 5));
}

#[test]
fn a_stall_shows_in_latency_and_not_in_service_time_alone() {
    let (address, go) = held();
    let mut running = begin(&url(address), patient(), open(200.0, 1.0));
    until(&mut running, |live| live.planned == 200);
    go.store(true, Ordering::Relaxed);
    let total = running.join().total();
    balanced(&total);
    // Each waited from its own intended start; so half of them waited half a second and more.
    assert_eq!(total.ok, 200);
    assert!(total.latency.rank_ms(100).unwrap() > 450.0);
}

#[test]
fn an_abort_gives_up_what_is_in_flight_and_counts_it() {
    let (address, _go) = held();
    let mut running = begin(&url(address), patient(), open(100.0, 600.0));
    until(&mut running, |live| live.sent >= 20);
    running.orders.give(Order::Abort);
    let result = running.join();
    let total = result.total();
    balanced(&total);
    assert_eq!(result.ending, LoadEnding::Aborted);
    assert!(total.abandoned >= 20 && total.abandoned == total.sent, "{total:?}");
}

#[test]
fn a_drain_waits_for_what_is_in_flight() {
    let (address, go) = held();
    let mut running = begin(&url(address), patient(), open(100.0, 600.0));
    until(&mut running, |live| live.sent >= 20);
    running.orders.give(Order::Drain);
    go.store(true, Ordering::Relaxed);
    let result = running.join();
    let total = result.total();
    balanced(&total);
    assert_eq!(result.ending, LoadEnding::Drained);
    assert!(total.ok >= 20 && total.ok == total.sent && total.abandoned == 0, "{total:?}");
}

#[test]
fn a_pause_sends_nothing_and_loses_nothing() {
    let address = answering(OK, false);
    let mut running = begin(&url(address), patient(), open(100.0, 1.0));
    until(&mut running, |live| live.sent >= 10);
    running.orders.give(Order::Pause);
    // Longer than the whole plan: without the pause everything would have been sent.
    let paused = running.live.borrow().elapsed;
    until(&mut running, |live| live.elapsed > paused + Duration::from_millis(1500));
    assert!(running.live.borrow().sent < 100);
    running.orders.give(Order::Run);
    let total = running.join().total();
    balanced(&total);
    assert_eq!((total.planned, total.ok), (100, 100));
}

#[test]
fn what_was_not_answered_in_time_to_drain_is_abandoned() {
    let (address, _go) = held();
    let plan = Plan { drain: Duration::from_millis(200), ..open(50.0, 0.2) };
    let total = load(&url(address), patient(), plan).total();
    assert_eq!((total.planned, total.abandoned), (10, 10));
}

#[test]
fn users_and_rounds_keep_their_connections_unless_told_otherwise() {
    let serve = || server(|mut stream| while head(&mut stream) && stream.write_all(OK.as_bytes()).is_ok() {});
    let (address, connections) = serve();
    let duration = Duration::from_millis(500);
    let users = Plan::new(Model::Users { users: 4, think: Duration::from_millis(20), duration });
    let total = load(&url(address), patient(), users).total();
    assert!(total.ok >= 8, "{}", total.ok);
    assert_eq!((total.ok, connections.load(Ordering::Relaxed)), (total.planned, 4));

    let (address, connections) = serve();
    let total = load(&url(address), patient(), rounds(6, 4)).total();
    assert_eq!((total.ok, connections.load(Ordering::Relaxed)), (24, 6));

    let (address, connections) = serve();
    let each = Options { keep_connections: false, ..patient() };
    let total = load(&url(address), each, rounds(6, 4)).total();
    assert_eq!((total.ok, connections.load(Ordering::Relaxed)), (24, 24));
}

#[test]
fn a_load_that_is_dropped_ends() {
    let (address, _go) = held();
    let mut running = begin(&url(address), patient(), open(100.0, 600.0));
    until(&mut running, |live| live.sent >= 5);
    let mut live = running.live.clone();
    drop(running);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async { while live.changed().await.is_ok() {} });
    assert_eq!(live.borrow().in_flight, 0);
}
