//! A restore that meets a server, or a file in its way.

use crate::database::Database;
use crate::moving::{Old, has_state};
use crate::node::{PATIENCE, eventually};
use std::process::Stdio;
use tokio::process::Child;

/// Whether a restore has begun in a database and has not ended.
fn is_marked(database: &Database) -> bool {
    let mark = "SELECT length(value) > 0 FROM scanledger_state.checkpoint WHERE name = 'restore/unfinished'";
    has_state(database) && database.ask(mark) == ["t"]
}

#[tokio::test]
async fn a_restore_does_not_begin_where_a_server_runs_and_a_server_ends_where_one_begins() {
    let (old, database) = (Old::backed_up().await, Database::create());
    for node in ["early", "node"] {
        old.node(node);
    }
    let mut serve = old.command_on("early", &database, &["serve", "--listen", "127.0.0.1:0"]);
    let mut server = serve.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lease = "SELECT count(*) FROM scanledger_state.lease WHERE name = 'reactor-views'";
    eventually("the server runs", async || has_state(&database) && database.ask(lease) == ["1"]).await;
    let why = old.restore("node", &database).await.fails();
    assert!(why.contains("a server runs on this database"), "{why}");
    assert!(!is_marked(&database) && server.try_wait().unwrap().is_none());

    // As a restore does that found no server yet.
    database.ask("INSERT INTO scanledger_state.checkpoint (name, value) VALUES ('restore/unfinished', '{}')");
    let ended = tokio::time::timeout(PATIENCE, server.wait_with_output()).await.unwrap().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(4), "{said}");
    assert!(said.contains("a restore has begun in the database of this server"), "{said}");
    database.ask("DELETE FROM scanledger_state.checkpoint WHERE name = 'restore/unfinished'");
    // Its lease is left, and waited for.
    old.restore("node", &database).await.done();
    old.is_whole_in("node", &database).await;
}

#[tokio::test]
async fn a_restore_whose_files_cannot_be_moved_to_their_places_is_repeated() {
    let (old, database) = (Old::backed_up().await, Database::create());
    old.node("node");
    let in_the_way = old.path("node/tree.db");
    let getting_in_the_way = async {
        eventually("the restore has begun", async || is_marked(&database)).await;
        std::fs::create_dir(&in_the_way).unwrap();
    };
    let (ran, ()) = tokio::join!(old.restore("node", &database), getting_in_the_way);
    let why = ran.fails();
    assert!(why.contains("while moving files to their places"), "{why}");
    std::fs::remove_dir(&in_the_way).unwrap();
    let why = old.run_on("node", &database, &["serve", "--listen", "127.0.0.1:0"]).await.fails();
    assert!(is_marked(&database) && why.contains("did not end"), "{why}");
    old.restore("node", &database).await.done();
    old.is_whole_in("node", &database).await;
}

fn signal(process: &Child, signal: &str) {
    let id = process.id().expect("it has not ended").to_string();
    assert!(std::process::Command::new("kill").args([signal, &id]).status().unwrap().success());
}

/// What a process says that fails.
async fn failed(process: Child) -> String {
    let ended = tokio::time::timeout(PATIENCE, process.wait_with_output()).await.unwrap().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(4), "{said}");
    said
}

#[tokio::test]
async fn of_two_restores_the_later_one_goes_on_and_the_earlier_one_leaves_its_mark_alone() {
    let (old, database) = (Old::backed_up().await, Database::create());
    for node in ["first", "second"] {
        old.node(node);
    }
    // The first events make the table, so that the next ones can be made to wait.
    let events = std::fs::read_to_string(old.path("old.ndjson")).unwrap();
    let events: String = events.split_inclusive('\n').take(7).collect();
    std::fs::write(old.path("begin.ndjson"), events).unwrap();
    old.run_on("first", &database, &["import", "events", "begin.ndjson"]).await.done();
    database.ask(
        "CREATE TABLE go_on ();
         CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN
             WHILE NOT EXISTS (SELECT FROM public.go_on) LOOP PERFORM pg_sleep(0.05); END LOOP;
             RETURN NEW;
         END $$;
         CREATE TRIGGER wait BEFORE INSERT ON scanledger_log.events FOR EACH ROW EXECUTE FUNCTION wait()",
    );
    let begin = |node: &str| {
        let mut restore = old.command_on(node, &database, &["restore", "old.tar", "--keys", "old.keys"]);
        restore.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let first = begin("first");
    eventually("the first restore is noted", async || is_marked(&database)).await;
    // It waits for servers to notice, and is slower than the other one now.
    signal(&first, "-STOP");
    let mut second = begin("second");
    let writes = "SELECT count(*) FROM pg_stat_activity
                  WHERE datname = current_database() AND wait_event = 'PgSleep'";
    eventually("the second restore writes events", async || database.ask(writes) == ["1"]).await;
    signal(&first, "-CONT");
    let said = failed(first).await;
    assert!(said.contains("another restore goes on with the same backup"), "{said}");
    assert!(is_marked(&database) && second.try_wait().unwrap().is_none());
    let why = old.run_on("first", &database, &["key", "create", "--name", "mine"]).await.fails();
    assert!(why.contains("did not end"), "{why}");

    database.ask("INSERT INTO go_on DEFAULT VALUES");
    let ended = tokio::time::timeout(PATIENCE, second.wait_with_output()).await.unwrap().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    assert!(!is_marked(&database));
    old.is_whole_in("second", &database).await;
}
