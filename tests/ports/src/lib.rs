//! Ports for servers that tests start, stop and start again.
//!
//! A port that the system gave out and that was given back belongs to nobody until the server has taken it, and again
//! while the server is down: two tests at the same time then talk to one server, which is killed for both. The ports
//! here lie below those that systems give out by themselves, and each has a lock file for as long as a process wants it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt;
use std::fs::{File, TryLockError};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

/// Below what Linux (32768), macOS and Windows (49152) give out by themselves, and below what `tests/services` tries.
const PORTS: Range<u16> = 10_000..20_000;

/// A port of this machine that is this process's own until it is dropped.
#[derive(Debug)]
pub struct Port {
    number: u16,
    /// Locked; the system lets go of it with the process, however that ends.
    _lock: File,
}

impl Port {
    /// One on which nobody listens and which no other test has.
    ///
    /// # Panics
    /// When there is none, or no lock file can be made in the folder for temporary files.
    #[must_use]
    pub fn reserve() -> Self {
        // Whoever else runs tests here may not write where we do; what they listen on is seen below.
        let user = std::env::var("USER").unwrap_or_default();
        let folder = std::env::temp_dir().join(format!("scanledger-test-ports.{user}"));
        std::fs::create_dir_all(&folder).unwrap();
        // Processes begin in different places, so that they hardly ever ask for the same.
        let offset = std::process::id().wrapping_mul(97) % PORTS.len() as u32;
        let begin = PORTS.start + u16::try_from(offset).unwrap();
        (begin..PORTS.end)
            .chain(PORTS.start..begin)
            .find_map(|number| {
                let lock = File::create(folder.join(number.to_string())).unwrap();
                match lock.try_lock() {
                    Ok(()) => is_free(number).then_some(Self { number, _lock: lock }),
                    Err(TryLockError::WouldBlock) => None,
                    Err(TryLockError::Error(error)) => panic!("a port cannot be locked: {error}"),
                }
            })
            .expect("a port is free")
    }

    /// Its number.
    #[must_use]
    pub const fn number(&self) -> u16 {
        self.number
    }
}

impl fmt::Display for Port {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.number.fmt(formatter)
    }
}

fn is_free(number: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{PORTS, Port};
    use std::collections::HashSet;
    use std::net::TcpListener;

    #[test]
    fn a_port_is_given_out_once_until_it_is_given_back_and_not_while_somebody_listens() {
        let ports: Vec<Port> = (0..50).map(|_| Port::reserve()).collect();
        let numbers: HashSet<u16> = ports.iter().map(Port::number).collect();
        assert_eq!(numbers.len(), 50);
        assert!(numbers.iter().all(|number| PORTS.contains(number)), "{numbers:?}");

        let number = ports[0].number();
        drop(ports);
        let listener = TcpListener::bind(("127.0.0.1", number)).unwrap();
        assert_ne!(Port::reserve().number(), number);
        drop(listener);
        assert_eq!(Port::reserve().number(), number);
    }
}
