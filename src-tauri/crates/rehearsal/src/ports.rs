//! Ports that no other rehearsal takes.

use std::io;
use std::net::{TcpListener, UdpSocket};

/// Five ports for the roles, below those the system hands to outgoing connections: one of the latter could be taken by
/// somebody's request while a service is down for its restart.
#[derive(Debug)]
pub(crate) struct Ports {
    /// Those of API, web, Postgres, Redis and MinIO.
    pub(crate) numbers: [u16; 5],
    /// The same numbers of UDP, held as long as this lives. Nothing of ours speaks UDP, so that keeps every other rehearsal
    /// from choosing them, also while nothing listens there yet; two that shared one would answer for each other.
    _reserved: Vec<UdpSocket>,
}

impl Ports {
    pub(crate) fn reserve() -> io::Result<Self> {
        let mut reserved = Vec::new();
        let mut numbers = Vec::new();
        for _ in 0..1000 {
            let port = rand::random_range(20_000..32_000);
            let Ok(socket) = UdpSocket::bind(("127.0.0.1", port)) else { continue };
            if TcpListener::bind(("127.0.0.1", port)).is_err() {
                continue;
            }
            reserved.push(socket);
            numbers.push(port);
            if let Ok(numbers) = <[u16; 5]>::try_from(numbers.as_slice()) {
                return Ok(Self { numbers, _reserved: reserved });
            }
        }
        Err(io::Error::other("no five free ports between 20000 and 32000"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn rehearsals_that_start_at_once_share_no_port() {
        let all: Vec<Ports> = (0..100).map(|_| Ports::reserve().unwrap()).collect();
        let different: BTreeSet<u16> = all.iter().flat_map(|ports| ports.numbers).collect();
        assert_eq!(different.len(), 500);
        // They can be listened on all the same.
        for port in all[0].numbers {
            TcpListener::bind(("127.0.0.1", port)).unwrap();
        }
    }
}
