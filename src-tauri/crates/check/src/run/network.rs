//! Whether this computer has a network at all. What fails while it has none says nothing about the system.
//!
//! Once a second one host of the environment is connected to, without a word and without a credential. Only where that
//! fails are the others tried: while any of them can be reached, a silent one is silent by itself.

use std::io::ErrorKind;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use super::context::Context;
use crate::event::Event;

const STEP: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(2);

/// How a try to reach a host ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// It answered, if only by refusing.
    Reached,
    /// Nobody answered: it may be away, or this computer may be.
    Silent,
    /// This computer knows no way to it.
    NoWay,
}

type Host = (String, u16);

/// Watches until it is dropped.
pub(super) fn watch(context: &Context, began: Instant) -> AbortOnDropHandle<()> {
    let environment = &context.plan.environment;
    let railway = environment.railway.as_ref().map(|railway| &railway.url);
    let urls = [Some(&environment.api_url), railway, Some(&environment.storage.url)];
    let hosts = hosts(urls.into_iter().flatten());
    let emit = context.emit.clone();
    AbortOnDropHandle::new(tokio::spawn(async move {
        let mut steps = interval(STEP);
        steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut since: Option<(Instant, u64)> = None;
        loop {
            steps.tick().await;
            let asked = Instant::now();
            let offline = is_offline(&hosts).await;
            match (offline, since) {
                (true, None) => {
                    let from_ms = u64::try_from((asked - began).as_millis()).unwrap_or(u64::MAX);
                    since = Some((asked, from_ms));
                    emit.emit(Event::Offline { from_ms, lasted_ms: None }).await;
                }
                (false, Some((from, from_ms))) => {
                    since = None;
                    let lasted_ms = Some(from.elapsed().as_secs_f64() * 1000.0);
                    emit.emit(Event::Offline { from_ms, lasted_ms }).await;
                }
                _ => {}
            }
        }
    }))
}

/// Every host once, in order.
fn hosts<'a>(urls: impl Iterator<Item = &'a Url>) -> Vec<Host> {
    let mut hosts: Vec<Host> = Vec::new();
    for url in urls {
        let host = url.host_str().zip(url.port_or_known_default());
        let host = host.map(|(host, port)| (host.trim_matches(['[', ']']).to_owned(), port));
        hosts.extend(host.filter(|host| !hosts.contains(host)));
    }
    hosts
}

async fn is_offline(hosts: &[Host]) -> bool {
    let Some((first, others)) = hosts.split_first() else { return false };
    let of_first = reach(first).await;
    if of_first == Reach::Reached {
        return false;
    }
    let mut tries: FuturesUnordered<_> = others.iter().map(reach).collect();
    while let Some(of_other) = tries.next().await {
        if of_other == Reach::Reached {
            return false;
        }
    }
    // One silent host alone may be the one that is away.
    of_first == Reach::NoWay || !others.is_empty()
}

async fn reach((host, port): &Host) -> Reach {
    match timeout(PATIENCE, TcpStream::connect((host.as_str(), *port))).await {
        Ok(Ok(_)) => Reach::Reached,
        Ok(Err(error)) => match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset => Reach::Reached,
            ErrorKind::TimedOut => Reach::Silent,
            _ => Reach::NoWay,
        },
        Err(_) => Reach::Silent,
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Reserved for documentation: nobody is there, and many systems know no way to it.
    fn nowhere() -> Host {
        ("holdpoint.invalid".into(), 443)
    }

    #[tokio::test]
    async fn a_host_that_refuses_is_reached() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = ("127.0.0.1".to_owned(), listener.local_addr().unwrap().port());
        assert_eq!(reach(&host).await, Reach::Reached);
        drop(listener);
        assert_eq!(reach(&host).await, Reach::Reached);
    }

    #[tokio::test]
    async fn only_where_no_host_is_reached_this_computer_is_offline() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = ("127.0.0.1".to_owned(), listener.local_addr().unwrap().port());
        assert!(!is_offline(&[here.clone(), nowhere()]).await);
        assert!(!is_offline(&[nowhere(), here]).await);
        assert!(is_offline(&[nowhere(), nowhere()]).await);
        assert!(!is_offline(&[]).await);
    }

    #[test]
    fn each_host_is_asked_once() {
        let urls = ["https://a.example/x", "https://a.example:443", "http://[::1]:9000/"];
        let urls: Vec<Url> = urls.iter().map(|url| Url::parse(url).unwrap()).collect();
        assert_eq!(hosts(urls.iter()), [("a.example".to_owned(), 443), ("::1".to_owned(), 9000)]);
    }
}
