//! Databases on the PostgreSQL server that `bash tests/run.sh` starts.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Databases that this process has made.
static MADE: AtomicU32 = AtomicU32::new(0);

/// A database of a test's own.
pub struct Database {
    address: String,
    name: String,
    /// Where it is.
    pub url: String,
}

impl Database {
    /// An empty one.
    pub fn create() -> Self {
        let common = variable("SCANLEDGER_TEST_POSTGRES");
        let (address, _) = common.rsplit_once('/').expect("the URL names a database");
        let name = format!("cli_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let made = program("createdb").arg(format!("--maintenance-db={common}")).arg(&name).status();
        assert!(made.expect("there is a createdb").success());
        Self { url: format!("{address}/{name}"), address: address.to_owned(), name }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let mut drop = program("dropdb");
        drop.arg(format!("--maintenance-db={}/postgres", self.address)).args(["--force", &self.name]);
        // What stays behind goes with the server.
        let _ = drop.status();
    }
}

fn program(name: &str) -> Command {
    Command::new(Path::new(&variable("SCANLEDGER_TEST_POSTGRES_BIN")).join(name))
}

fn variable(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} names no server: run the tests through `bash tests/run.sh`"))
}
