//! What only a file has: other files of that name, its older forms, and what stays in it.

use crate::world::{World, block_on, holds, refusal, subject};
use rusqlite::Connection;
use scanledger_commands::ports::{IdempotencyStore, Seen};
use scanledger_domain::id::CommandId;
use scanledger_domain::vault::{HashPurpose, Vault};
use scanledger_state::{State, Unusable};
use uuid::Uuid;

#[test]
fn a_store_of_a_newer_version_is_refused_and_left_alone() {
    let world = World::in_a_file();
    drop(world.open());
    world.execute("PRAGMA user_version = 4");
    assert_eq!(refusal(world.try_open(&world.key())), Unusable::Newer { found: 4, known: 3 });
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let world = World::in_a_file();
    world.execute("CREATE TABLE theirs (x)");
    let before = world.bytes();
    assert_eq!(refusal(world.try_open(&world.key())), Unusable::Foreign);
    assert_eq!(world.bytes(), before);
}

/// As the first version left it.
fn age(world: &World, checkpoints: &[(String, Vec<u8>)]) {
    world.execute(
        "DROP TABLE signing_key; DROP TABLE request; DROP TABLE document_call; ALTER TABLE key_check DROP COLUMN generation; \
         PRAGMA user_version = 1;",
    );
    let connection = Connection::open(world.path("state.db")).unwrap();
    for (name, value) in checkpoints {
        connection.execute("INSERT INTO checkpoint (name, value) VALUES (?1, ?2)", (name, value)).unwrap();
    }
}

#[test]
fn a_store_of_the_first_version_keeps_its_keys_and_gets_a_signing_seed() {
    let world = World::in_a_file();
    let before = world.open().vault;
    let sealed = before.seal(subject(1), "ana").unwrap();
    let hash = before.hash(HashPurpose::Claim, b"ana");
    drop(before);
    age(&world, &[]);
    let seed = world.open().vault.signing_seed().unwrap();
    let vault = world.open().vault;
    assert_eq!(vault.signing_seed().unwrap(), seed);
    assert_eq!(vault.open(&sealed).unwrap().as_deref(), Some("ana"));
    assert_eq!(vault.hash(HashPurpose::Claim, b"ana"), hash);
    world.open().rotate(&world.key_file()).unwrap();
    assert_eq!(world.open().vault.signing_seed().unwrap(), seed);
}

#[test]
fn requests_that_were_checkpoints_in_the_first_version_are_remembered_for_a_day_more() {
    let world = World::in_a_file();
    drop(world.open());
    let command = CommandId(Uuid::from_u128(0xabcd));
    age(&world, &[(format!("request/{command}"), vec![1; 32]), ("node".to_owned(), vec![7; 16])]);
    let state = world.open();
    assert_eq!(state.checkpoints.find("node").unwrap(), Some(vec![7; 16]));
    assert_eq!(state.checkpoints.find(&format!("request/{command}")).unwrap(), None);
    assert_eq!(state.tidy(world.now()).unwrap(), 0);
    let seen = |body| block_on(state.requests.remember(command, [body; 32])).unwrap();
    assert_eq!([seen(1), seen(2)], [Seen::Same, Seen::Different]);
}

fn wrapped(world: &World) -> Vec<u8> {
    world.blobs("SELECT wrapped FROM subject_key").remove(0)
}

#[test]
fn an_erased_key_is_gone_from_the_files() {
    let world = World::in_a_file();
    let vault = world.open().vault;
    vault.seal(subject(1), "text").unwrap();
    let wrapped = wrapped(&world);
    assert!(holds(&world.bytes(), &wrapped));
    vault.erase(subject(1)).unwrap();
    assert!(!holds(&world.bytes(), &wrapped));
}

#[test]
fn an_erased_key_is_gone_from_the_files_as_soon_as_no_reader_is_in_the_way() {
    let world = World::in_a_file();
    let state = world.open();
    state.vault.seal(subject(1), "text").unwrap();
    let wrapped = wrapped(&world);
    let reader = Connection::open(world.path("state.db")).unwrap();
    reader.execute_batch("BEGIN; SELECT * FROM subject_key").unwrap();
    reader.query_row("SELECT count(*) FROM subject_key", [], |_| Ok(())).unwrap();
    state.vault.erase(subject(1)).unwrap();
    assert!(holds(&world.bytes(), &wrapped), "the reader still needs it");
    state.tidy(world.now()).unwrap();
    assert!(holds(&world.bytes(), &wrapped), "the reader still needs it");
    reader.execute_batch("COMMIT").unwrap();
    state.tidy(world.now()).unwrap();
    assert!(!holds(&world.bytes(), &wrapped));
}

#[test]
fn a_key_that_was_erased_before_a_crash_is_gone_after_the_next_start() {
    let world = World::in_a_file();
    let state = world.open();
    state.vault.seal(subject(1), "text").unwrap();
    let wrapped = wrapped(&world);
    // The erasure as it is committed, without what follows; the files as a crash leaves them.
    world.execute("PRAGMA secure_delete = ON; DELETE FROM subject_key");
    let crashed = World::in_a_file();
    for name in ["state.db", "state.db-wal", "server.key"] {
        std::fs::copy(world.path(name), crashed.path(name)).unwrap();
    }
    assert!(holds(&crashed.bytes(), &wrapped));
    let restarted: State = crashed.open();
    restarted.tidy(crashed.now()).unwrap();
    assert!(!holds(&crashed.bytes(), &wrapped));
}
