//! What only a shared database has: nodes with different clocks, and outages.

use crate::world::{World, block_on, refusal, subject};
use scanledger_commands::ports::{IdempotencyStore, Leases};
use scanledger_domain::OutOfReach;
use scanledger_domain::id::CommandId;
use scanledger_domain::vault::{Vault, VaultError};
use scanledger_state::{ERASURE_DELAY, State, Unusable};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Long enough for a busy machine; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn a_database_without_a_store_is_told_apart_and_left_alone() {
    let world = World::on_postgres();
    let is_there = || block_on(State::is_in(world.url())).unwrap();
    assert!(!is_there());
    assert_eq!(world.number("SELECT count(*) FROM pg_namespace WHERE nspname = 'scanledger_state'"), 0);
    drop(world.open());
    assert!(is_there());
}

#[test]
fn a_store_of_a_newer_version_is_refused() {
    let world = World::on_postgres();
    drop(world.open());
    world.execute("INSERT INTO migration SELECT 3, 'later', now(), true, '', 0");
    assert_eq!(refusal(world.try_open(&world.key())), Unusable::Newer { found: 3, known: 2 });
}

#[test]
fn nothing_is_made_outside_the_schema() {
    let world = World::on_postgres();
    drop(world.open());
    let outside = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                   WHERE n.nspname NOT IN ('scanledger_state', 'pg_catalog', 'information_schema', 'pg_toast')";
    assert_eq!(world.number(outside), 0);
}

#[test]
fn clocks_of_nodes_may_differ_by_hours() {
    const HOUR: i64 = 3_600;
    let world = World::on_postgres();
    let [ahead, behind] = [world.open(), world.open()];
    let now_ahead = || world.now().plus_seconds(HOUR);
    let now_behind = || world.now().plus_seconds(-HOUR);
    behind.tidy(now_behind()).unwrap();

    let held = ahead.leases.acquire("scan 1", "ana", now_ahead(), 30_000).unwrap().unwrap();
    assert!((29..=30).contains(&((held.until.0 - now_ahead().0) / 1_000_000)));
    assert_eq!(behind.leases.acquire("scan 1", "bo", now_behind(), 30_000).unwrap(), None);
    // On the clock of the node that asks: it lapses in half a minute there too.
    let seen = Leases::holder(&*behind.leases, "scan 1").unwrap().unwrap();
    assert!((29..=30).contains(&((seen.until.0 - now_behind().0) / 1_000_000)));
    assert_eq!(behind.leases.lapsed(now_behind()).unwrap(), []);
    assert!(ahead.leases.renew("scan 1", "ana", now_ahead(), 30_000).unwrap().is_some());

    world.pass(30);
    assert_eq!(ahead.leases.renew("scan 1", "ana", now_ahead(), 30_000).unwrap(), None);
    assert_eq!(behind.leases.acquire("scan 1", "bo", now_behind(), 30_000).unwrap().unwrap().attempt, 2);
}

#[test]
fn a_lease_of_a_node_that_vanished_lapses_by_time() {
    let world = World::on_postgres();
    let proxy = Proxy::to(world.url());
    let vanishing = block_on(State::connect(&proxy.url, &world.key())).unwrap();
    let staying = world.open();
    assert!(vanishing.leases.acquire("scan 1", "ana", world.now(), 700).unwrap().is_some());
    // Its connections stay open, and nothing comes from them any more.
    proxy.be(FROZEN);
    assert_eq!(staying.leases.acquire("scan 1", "bo", world.now(), 30_000).unwrap(), None);
    std::thread::sleep(Duration::from_millis(800));
    assert_eq!(staying.leases.acquire("scan 1", "bo", world.now(), 30_000).unwrap().unwrap().attempt, 2);
    proxy.be(CUT);
}

#[test]
fn an_outage_is_an_error_and_over_when_the_database_is_back() {
    let world = World::on_postgres();
    let proxy = Proxy::to(world.url());
    let state = block_on(State::connect(&proxy.url, &world.key())).unwrap();
    let sealed = state.vault.seal(subject(1), "text").unwrap();
    state.checkpoints.put("bus", b"1").unwrap();

    proxy.be(CUT);
    assert!(state.checkpoints.find("bus").is_err());
    assert!(state.leases.acquire("scan 1", "ana", world.now(), 30_000).is_err());
    assert!(block_on(state.requests.remember(CommandId(Uuid::nil()), [0; 32])).is_err());
    assert!(state.vault.seal(subject(2), "text").is_err());
    assert!(state.vault.erase(subject(2)).is_err());

    proxy.be(OPEN);
    eventually("the vault opens again", || state.vault.open(&sealed).is_ok());
    eventually("checkpoints are read again", || state.checkpoints.find("bus").is_ok());
    assert_eq!(state.vault.open(&sealed).unwrap().as_deref(), Some("text"));
    assert_eq!(state.checkpoints.find("bus").unwrap(), Some(b"1".to_vec()));
    assert!(state.leases.acquire("scan 1", "ana", world.now(), 30_000).unwrap().is_some());
}

#[test]
fn a_key_is_not_used_for_longer_than_a_second_without_word_of_erasures() {
    let world = World::on_postgres();
    let proxy = Proxy::to(world.url());
    let vault = block_on(State::connect(&proxy.url, &world.key())).unwrap().vault;
    let sealed = vault.seal(subject(1), "text").unwrap();
    for trouble in [FROZEN, CUT] {
        proxy.be(trouble);
        let began = Instant::now();
        assert_eq!(vault.open(&sealed).unwrap().as_deref(), Some("text"), "a moment is bridged");
        let error = loop {
            match vault.open(&sealed) {
                Err(error) => break error,
                Ok(_) => assert!(began.elapsed() < ERASURE_DELAY + Duration::from_millis(300)),
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        assert!(is_outage(&error), "{error:?}");
        // Whoever comes later does not wait to find that out.
        std::thread::sleep(2 * ERASURE_DELAY);
        let asked = Instant::now();
        assert!(vault.open(&sealed).is_err());
        assert!(asked.elapsed() < Duration::from_millis(100));
        proxy.be(OPEN);
        eventually("the vault opens again", || vault.open(&sealed).is_ok());
    }
}

#[test]
fn connections_that_the_server_ends_are_replaced() {
    let world = World::on_postgres();
    let state = world.open();
    for round in 0..3_u8 {
        state.checkpoints.put("bus", &[round]).unwrap();
        world.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        );
        eventually("it is read", || state.checkpoints.find("bus").is_ok());
        assert_eq!(state.checkpoints.find("bus").unwrap(), Some(vec![round]));
    }
}

#[test]
fn calls_work_from_inside_any_runtime() {
    let world = World::on_postgres();
    for mut runtime in
        [tokio::runtime::Builder::new_current_thread(), tokio::runtime::Builder::new_multi_thread()]
    {
        let runtime = runtime.enable_all().build().unwrap();
        runtime.block_on(async {
            let state = State::connect(world.url(), &world.key()).await.unwrap();
            let sealed = state.vault.seal(subject(1), "text").unwrap();
            assert_eq!(state.vault.open(&sealed).unwrap().as_deref(), Some("text"));
            state.checkpoints.put("bus", b"1").unwrap();
            state.requests.remember(CommandId(Uuid::nil()), [0; 32]).await.unwrap();
        });
    }
}

#[test]
fn no_error_shows_the_password() {
    let world = World::on_postgres();
    let address = world.url().split_once('@').unwrap().1;
    for url in [
        "postgres://ana:hunter2@127.0.0.1:1/x".to_owned(),
        "postgres://ana:hunter2@127.0.0.1:none/x".to_owned(),
        "postgres://ana:hunter2@[/x".to_owned(),
        format!("postgres://ana:hunter2@{address}"),
        format!("postgres://scanledger:hunter2@{address}-missing"),
    ] {
        let Err(error) = block_on(State::connect(&url, &world.key())) else {
            panic!("there is nothing at {url}")
        };
        let shown = format!("{error:?} {error} {}", error.source);
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

fn is_outage(error: &VaultError) -> bool {
    OutOfReach::is_behind(error)
}

fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What is between a node and the database.
const OPEN: u8 = 0;
/// Nothing gets through, and nobody is told.
const FROZEN: u8 = 1;
/// Connections end at once.
const CUT: u8 = 2;

/// A way to the database that can be blocked.
struct Proxy {
    url: String,
    network: Arc<Network>,
}

#[derive(Default)]
struct Network {
    mode: AtomicU8,
    connections: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    fn to(url: &str) -> Self {
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

    fn be(&self, mode: u8) {
        self.network.mode.store(mode, Ordering::SeqCst);
        if mode == CUT {
            for connection in self.network.connections.lock().unwrap().drain(..) {
                let _ = connection.shutdown(Shutdown::Both);
            }
        }
    }
}

impl Network {
    fn connect(self: &Arc<Self>, client: TcpStream, server: &str) -> io::Result<()> {
        if self.mode.load(Ordering::SeqCst) == CUT {
            return Ok(());
        }
        let server = TcpStream::connect(server)?;
        self.connections.lock().unwrap().extend([client.try_clone()?, server.try_clone()?]);
        for (mut from, mut to) in [(client.try_clone()?, server.try_clone()?), (server, client)] {
            let network = Arc::clone(self);
            std::thread::spawn(move || {
                let mut bytes = [0; 4_096];
                while let Ok(read @ 1..) = from.read(&mut bytes) {
                    while network.mode.load(Ordering::SeqCst) == FROZEN {
                        std::thread::sleep(Duration::from_millis(5));
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
}
