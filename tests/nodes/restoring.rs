//! A restore that meets a server, or a file in its way.

use crate::database::Database;
use crate::moving::{Old, has_state};
use crate::node::{PATIENCE, eventually};
use std::process::Stdio;

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
