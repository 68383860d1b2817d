//! What deleted and replaced keys leave in the files of a PostgreSQL database, as an intruder sees them.

use crate::world::{World, subject};
use scanledger_domain::vault::Vault;
use scanledger_state::State;
use sqlx::{Connection, PgConnection};
use std::time::{Duration, Instant};

/// Long enough for a busy machine; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long tidying up may take when somebody is in its way.
const IN_THE_WAY: Duration = Duration::from_secs(5);
const KEYS: &str = "SELECT wrapped FROM subject_key ORDER BY subject";

/// Whether these bytes are in the file of a table.
fn is_in_file(world: &World, table: &str, bytes: &[u8]) -> bool {
    world.execute("CHECKPOINT");
    let file = format!("pg_read_binary_file(pg_relation_filepath('scanledger_state.{table}'))");
    let sql = format!("SELECT (position('\\x{}'::bytea IN {file}) > 0)::int::bigint", hex::encode(bytes));
    world.number(&sql) == 1
}

fn is_due(world: &World) -> bool {
    world.number("SELECT count(*) FROM checkpoint WHERE name = 'keys/unswept'") == 1
}

/// Tidies up until nothing is left to do: some transaction of somebody else may be in the way for a moment.
fn tidy(world: &World, state: &State) {
    let began = Instant::now();
    while is_due(world) {
        assert!(began.elapsed() < PATIENCE, "deleted keys stay in the files");
        state.tidy(world.now()).unwrap();
    }
}

#[test]
fn an_erased_key_leaves_the_file_of_its_table() {
    let world = World::on_postgres();
    let state = world.open();
    let sealed = [1, 2, 3].map(|number| state.vault.seal(subject(number), "text").unwrap());
    let keys = world.blobs(KEYS);
    assert!(keys.len() == 3 && keys.iter().all(|key| is_in_file(&world, "subject_key", key)));

    state.vault.erase(subject(3)).unwrap();
    world.execute("VACUUM scanledger_state.subject_key");
    assert!(is_in_file(&world, "subject_key", &keys[2]), "a plain vacuum leaves the last row of a page");
    tidy(&world, &state);
    assert!(!is_in_file(&world, "subject_key", &keys[2]));
    for (number, key) in keys.iter().take(2).enumerate() {
        assert!(is_in_file(&world, "subject_key", key));
        assert_eq!(world.open().vault.open(&sealed[number]).unwrap().as_deref(), Some("text"));
    }
    assert_eq!(state.vault.erased().unwrap(), [subject(3)]);

    // To erase somebody who has no key leaves nothing.
    state.vault.erase(subject(3)).unwrap();
    state.vault.erase(subject(4)).unwrap();
    assert!(!is_due(&world));
}

#[test]
fn what_was_under_the_old_server_key_leaves_the_files_after_a_rotation() {
    let world = World::on_postgres();
    let state = world.open();
    state.vault.seal(subject(1), "text").unwrap();
    let once = ["key_check", "data_key", "signing_key"].map(|key| {
        let sql = format!("SELECT {key} FROM installation");
        ("installation", world.blobs(&sql).remove(0))
    });
    let old: Vec<_> = once.into_iter().chain([("subject_key", world.blobs(KEYS).remove(0))]).collect();
    state.rotate(&world.key_file()).unwrap();
    assert!(old.iter().all(|(table, key)| is_in_file(&world, table, key)));
    tidy(&world, &state);
    for (table, key) in &old {
        assert!(!is_in_file(&world, table, key), "{table}");
    }
}

#[test]
fn a_key_leaves_the_file_later_if_somebody_is_in_the_way_and_nobody_waits_for_that() {
    for in_the_way in [
        // May still see the row, also in a table that it has not read yet.
        "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM scanledger_state.migration",
        // Holds the table.
        "BEGIN; SELECT FROM scanledger_state.subject_key",
    ] {
        let world = World::on_postgres();
        let state = world.open();
        let [ana, bo] = [1, 2].map(|number| state.vault.seal(subject(number), "text").unwrap());
        let key = world.blobs(KEYS).remove(0);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut other = runtime.block_on(PgConnection::connect(world.url())).unwrap();
        runtime.block_on(sqlx::raw_sql(in_the_way).execute(&mut other)).unwrap();

        state.vault.erase(subject(1)).unwrap();
        let began = Instant::now();
        state.tidy(world.now()).unwrap();
        assert!(began.elapsed() < IN_THE_WAY, "{in_the_way}");
        assert!(is_in_file(&world, "subject_key", &key) && is_due(&world), "{in_the_way}");
        assert_eq!(state.vault.open(&ana).unwrap(), None);
        // Another process knows of it, for this one may end before.
        drop(state);
        let state = world.open();
        assert_eq!(state.vault.open(&bo).unwrap().as_deref(), Some("text"));
        runtime.block_on(sqlx::raw_sql("COMMIT").execute(&mut other)).unwrap();
        tidy(&world, &state);
        assert!(!is_in_file(&world, "subject_key", &key), "{in_the_way}");
    }
}
