//! A way to the server that can be blocked, as a network is. Tests of whole nodes use it, too.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// How long to wait before looking again.
const AGAIN: Duration = Duration::from_millis(5);

/// A way to the database at a URL.
pub(crate) struct Proxy {
    url: String,
    network: Arc<Network>,
}

#[derive(Default)]
struct Network {
    is_frozen: AtomicBool,
    /// Connections so far.
    made: AtomicU64,
    /// How many of them, the first ones, are silent for ever.
    abandoned: AtomicU64,
}

impl Proxy {
    pub(crate) fn to(url: &str) -> Self {
        let (_, rest) = url.split_once('@').unwrap();
        let (server, database) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = listener.local_addr().unwrap();
        let network = Arc::new(Network::default());
        let (server, accepting) = (server.to_owned(), Arc::clone(&network));
        std::thread::spawn(move || {
            for client in listener.incoming() {
                // A connection that fails is the client's affair.
                let _ = client.and_then(|client| accepting.connect(client, &server));
            }
        });
        Self { url: url.replace(rest, &format!("{here}/{database}")), network }
    }

    /// The database's URL on this way.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Lets nothing through, and tells nobody.
    pub(crate) fn freeze(&self) {
        self.network.is_frozen.store(true, Ordering::SeqCst);
    }

    /// Lets everything through again, also what was under way.
    pub(crate) fn thaw(&self) {
        self.network.is_frozen.store(false, Ordering::SeqCst);
    }

    /// What was connected stays so, and nothing comes from it ever again; new connections work. So it is after another
    /// server has taken the place of one that vanished.
    pub(crate) fn fail_over(&self) {
        self.network.abandoned.store(self.network.made.load(Ordering::SeqCst), Ordering::SeqCst);
    }
}

impl Network {
    fn connect(self: &Arc<Self>, client: TcpStream, server: &str) -> io::Result<()> {
        let number = self.made.fetch_add(1, Ordering::SeqCst);
        let server = TcpStream::connect(server)?;
        for (mut from, mut to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
            let network = Arc::clone(self);
            std::thread::spawn(move || {
                let mut bytes = [0; 4_096];
                while let Ok(read @ 1..) = from.read(&mut bytes) {
                    while network.holds(number) {
                        std::thread::sleep(AGAIN);
                    }
                    if to.write_all(&bytes[..read]).is_err() {
                        break;
                    }
                }
                let _ = to.shutdown(Shutdown::Both);
            });
        }
        Ok(())
    }

    /// Whether what came on this connection is not to go on.
    fn holds(&self, number: u64) -> bool {
        self.is_frozen.load(Ordering::SeqCst) || number < self.abandoned.load(Ordering::SeqCst)
    }
}
