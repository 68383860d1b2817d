//! An installation moves to PostgreSQL: what comes along, and what is refused that would lose its keys or a part of it.

use crate::database::Database;
use crate::joining::write;
use crate::node::{AGAIN, PATIENCE};
use crate::place::{Place, Role};
use serde_json::Value;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;
use tempfile::TempDir;
use tokio::process::Command;

/// What `verify` says that is as true of a log and its read models wherever they are.
const SAME: [&str; 6] = ["tables", "checkpoints", "signed", "position", "streams", "differences"];
/// Decisions about 500 findings each: a log that is imported in more than one transaction.
const DECISIONS: u64 = 12;
/// Events of the first of them.
const FIRST: u64 = 5_000;

/// What a command did.
pub struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{}{}", self.out, self.err);
        self.out
    }

    #[track_caller]
    pub fn fails(self) -> String {
        assert_eq!(self.code, Some(4), "{}{}", self.out, self.err);
        self.err
    }
}

async fn run(mut command: Command) -> Ran {
    let ran = command.output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: ran.status.code(), out: text(ran.stdout), err: text(ran.stderr) }
}

/// An installation on SQLite in `data`, its backup, and folders of nodes beside it.
pub struct Old {
    folder: TempDir,
}

impl Old {
    /// The demo's data, signed, with a backup in `old.tar` and `old.keys` and its events in `old.ndjson`.
    pub async fn backed_up() -> Self {
        let old = Self { folder: TempDir::new().unwrap() };
        old.run(&["demo", "--exit", "--data", "data"]).await.done();
        old.run(&["audit", "checkpoint", "--now", "--data", "data"]).await.done();
        old.run(&["backup", "--out", "old.tar", "--keys-out", "old.keys", "--data", "data"]).await.done();
        let events = old.events().await;
        std::fs::write(old.path("old.ndjson"), events).unwrap();
        old
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A node's folder with the installation's key in it, and nothing else.
    pub fn node(&self, name: &str) {
        std::fs::create_dir(self.path(name)).unwrap();
        std::fs::copy(self.path("data/server.key"), self.path(name).join("server.key")).unwrap();
    }

    async fn run(&self, arguments: &[&str]) -> Ran {
        run(self.command(arguments)).await
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_scanledger"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SCANLEDGER_") || name == "RUST_LOG" {
                command.env_remove(name);
            }
        }
        command.args(arguments).stdin(Stdio::null()).current_dir(self.folder.path()).kill_on_drop(true);
        command
    }

    /// Runs a command of a node on a database.
    pub async fn run_on(&self, node: &str, database: &Database, arguments: &[&str]) -> Ran {
        run(self.command_on(node, database, arguments)).await
    }

    /// A command of a node on a database, which is still to be run.
    pub fn command_on(&self, node: &str, database: &Database, arguments: &[&str]) -> Command {
        self.command(&[arguments, &["--data", node, "--log", database.url()]].concat())
    }

    pub async fn restore(&self, node: &str, database: &Database) -> Ran {
        self.run_on(node, database, &["restore", "old.tar", "--keys", "old.keys"]).await
    }

    async fn events(&self) -> String {
        self.run(&["export", "events", "--data", "data"]).await.done()
    }

    /// Makes sure that a node on a database has all of it.
    pub async fn is_whole_in(&self, node: &str, database: &Database) {
        assert_eq!(self.run_on(node, database, &["export", "events"]).await.done(), self.events().await);
        let before = self.run(&["verify", "--json", "--data", "data"]).await.done();
        let after = self.run_on(node, database, &["verify", "--json"]).await.done();
        says_the_same(&before, &after);
        let before = self.run(&["people", "list", "--data", "data"]).await.done();
        assert!(before.contains('@'), "{before}");
        assert_eq!(self.run_on(node, database, &["people", "list"]).await.done(), before);
    }
}

fn says_the_same(before: &str, after: &str) {
    let [before, after] = [before, after].map(|text| serde_json::from_str::<Value>(text).unwrap());
    assert!(before["tables"].as_array().unwrap().len() > 20);
    assert_eq!(before["differences"], 0);
    for same in SAME {
        assert_eq!(before[same], after[same], "{same}");
    }
}

pub fn has_state(database: &Database) -> bool {
    database.ask("SELECT to_regclass('scanledger_state.checkpoint') IS NOT NULL") == ["t"]
}

#[tokio::test]
async fn a_backup_that_is_restored_into_postgres_says_the_same_in_every_table() {
    let (old, database) = (Old::backed_up().await, Database::create());
    old.node("node");
    old.restore("node", &database).await.done();
    old.is_whole_in("node", &database).await;
    // Now an installation is in it.
    old.node("other");
    let why = old.restore("other", &database).await.fails();
    assert!(why.contains("an installation is in it, and nothing is written over"), "{why}");
}

#[tokio::test]
async fn a_log_that_was_imported_is_served_with_its_own_keys_only() {
    let (old, database) = (Old::backed_up().await, Database::create());
    let said = old.run_on("node", &database, &["import", "events", "old.ndjson"]).await;
    assert!(
        said.err.contains("is not served without the keys") && said.err.contains("restore"),
        "{}",
        said.err
    );
    said.done();
    for arguments in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["setup", "--organization", "Acme", "--email", "ana@acme.example"],
        &["key", "create", "--name", "mine"],
        &["keys", "backup", "--out", "new.keys"],
    ] {
        let why = old.run_on("node", &database, arguments).await.fails();
        assert!(why.contains("restore"), "{arguments:?}: {why}");
        assert!(!has_state(&database) && !old.path("node/server.key").exists(), "{arguments:?}");
    }
    std::fs::copy(old.path("data/server.key"), old.path("node/server.key")).unwrap();
    old.restore("node", &database).await.done();
    old.is_whole_in("node", &database).await;
}

#[tokio::test]
async fn a_restore_goes_on_after_the_events_that_were_imported_before_if_they_are_its_own() {
    let old = Old::backed_up().await;
    let events = old.events().await;
    let first: String = events.split_inclusive('\n').take(7).collect();
    std::fs::write(old.path("first.ndjson"), first).unwrap();
    let database = Database::create();
    old.node("node");
    old.run_on("node", &database, &["import", "events", "first.ndjson"]).await.done();
    old.restore("node", &database).await.done();
    old.is_whole_in("node", &database).await;

    // Into the log of another installation, and into one that has gone on since, nothing is written.
    let other = Old::backed_up().await;
    let first: String = other.events().await.split_inclusive('\n').take(7).collect();
    std::fs::write(old.path("other.ndjson"), first).unwrap();
    old.run(&["key", "create", "--name", "later", "--data", "data"]).await.done();
    std::fs::write(old.path("later.ndjson"), old.events().await).unwrap();
    for (file, why) in
        [("other.ndjson", "another log is in it"), ("later.ndjson", "goes on after the backup")]
    {
        let database = Database::create();
        let node = file.split_once('.').unwrap().0;
        old.node(node);
        old.run_on(node, &database, &["import", "events", file]).await.done();
        let before = database.ask("SELECT count(*) FROM scanledger_log.events");
        let refused = old.restore(node, &database).await.fails();
        assert!(refused.contains(why), "{refused}");
        assert!(!has_state(&database));
        assert_eq!(database.ask("SELECT count(*) FROM scanledger_log.events"), before);
    }
}

#[tokio::test]
async fn a_log_is_not_imported_beside_keys_that_are_not_its_own() {
    let (old, database) = (Old::backed_up().await, Database::create());
    // Somebody looked at the new installation too early.
    old.run_on("node", &database, &["people", "list"]).await.done();
    assert!(has_state(&database));
    let why = old.run_on("node", &database, &["import", "events", "old.ndjson"]).await.fails();
    assert!(why.contains("are not those of this log"), "{why}");
    assert_eq!(database.ask("SELECT count(*) FROM scanledger_log.events"), ["0"]);
}

#[tokio::test]
async fn who_looked_at_the_database_too_early_is_not_in_the_way_of_a_restore() {
    let (old, database) = (Old::backed_up().await, Database::create());
    for node in ["early", "node"] {
        old.node(node);
    }
    old.run_on("early", &database, &["people", "list"]).await.done();
    assert!(has_state(&database));
    old.restore("node", &database).await.done();
    old.is_whole_in("node", &database).await;
}

#[tokio::test]
async fn a_restore_that_was_killed_is_not_served_and_is_gone_on_with() {
    let place = Place::set_up().await;
    let (node, worker) = tokio::join!(place.start("a", Role::Api), place.start("one", Role::Worker(1)));
    write(&node, DECISIONS).await;
    node.end().await;
    worker.end().await;
    place.run(&["audit", "checkpoint", "--now"]).await;
    place.run(&["backup", "--out", "old.tar", "--keys-out", "old.keys"]).await;
    let (verified, events) = (place.run(&["verify", "--json"]).await, place.log().await);
    assert!(events.len() as u64 > FIRST + 500, "{} events", events.len());
    place.run(&["key", "create", "--name", "later"]).await;
    place.run(&["backup", "--out", "later.tar", "--keys-out", "later.keys"]).await;

    let database = Database::create();
    let on_it = |arguments: &[&str]| {
        let mut command = place.command("restored", arguments);
        command.env("SCANLEDGER_LOG", database.url());
        command
    };
    let restore = |file: &str| {
        let (tar, keys) = (format!("{file}.tar"), format!("{file}.keys"));
        let mut command = on_it(&["restore", &tar, "--keys", &keys]);
        command.env("SCANLEDGER_BLOBS", format!("file://{}", place.path("restored-blobs").display()));
        command
    };
    let count = || -> u64 {
        database.ask("SELECT count(*) FROM scanledger_log.events").pop().unwrap().parse().unwrap()
    };
    // The first event makes the table, so that the second transaction can be made to wait in it.
    std::fs::write(place.path("first.ndjson"), format!("{}\n", events[0])).unwrap();
    run(on_it(&["import", "events", "first.ndjson"])).await.done();
    database.ask(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$;
         CREATE TRIGGER wait BEFORE INSERT ON scanledger_log.events
         FOR EACH ROW WHEN (NEW.position > 5000) EXECUTE FUNCTION wait()",
    );
    let mut restoring = restore("old").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let began = Instant::now();
    while count() < FIRST {
        assert!(began.elapsed() < PATIENCE && restoring.try_wait().unwrap().is_none());
        tokio::time::sleep(AGAIN).await;
    }
    restoring.kill().await.unwrap();
    database.ask(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND pid <> pg_backend_pid();
         DROP TRIGGER wait ON scanledger_log.events",
    );
    assert_eq!(count(), FIRST);

    // Neither served nor changed, by nobody.
    for arguments in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["key", "create", "--name", "mine"],
        &["setup", "--organization", "Acme", "--email", "ana@acme.example"],
    ] {
        let why = run(on_it(arguments)).await.fails();
        assert!(why.contains("did not end") && why.contains("scanledger restore"), "{arguments:?}: {why}");
        assert_eq!(count(), FIRST, "{arguments:?}");
    }
    let why = run(restore("later")).await.fails();
    assert!(why.contains("end it with that backup"), "{why}");

    // The newest keys know who was erased since.
    std::fs::copy(place.path("later.keys"), place.path("old.keys")).unwrap();
    run(restore("old")).await.done();
    assert_eq!(run(on_it(&["export", "events"])).await.done().lines().collect::<Vec<_>>(), events);
    says_the_same(&verified, &run(on_it(&["verify", "--json"])).await.done());
    let restored = place.launch("restored", Role::Api, &[("SCANLEDGER_LOG", database.url())]).await;
    restored.ready().await;
    restored.get("/api/projects").await.expect(200);
    restored.end().await;
}
