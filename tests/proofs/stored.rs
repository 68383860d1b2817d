//! What `verify --check-blobs` says of signed checkpoints in the blob store.

use crate::log::{SignedLog, Tampering};
use scanledger_domain::blob::BlobHash;
use scanledger_domain::proof::{Ed25519Signer, SignedCheckpoint};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod on_sqlite {
            $(#[test] fn $name() { super::$name(&crate::log::SignedLog::new()); })+
        }
        mod on_postgres {
            $(#[test] fn $name() { super::$name(&crate::log::SignedLog::on_postgres()); })+
        }
    };
}

on_both!(
    what_happened_to_a_checkpoint_in_the_store_is_said,
    what_nothing_names_any_more_is_found_for_as_long_as_it_is_there,
);

/// Where the newest checkpoint lies, and what it is.
fn newest(log: &SignedLog) -> (BlobHash, PathBuf, String) {
    let note = log.place.run(&["audit", "checkpoint"]).done();
    let blob = BlobHash::of(note.as_bytes());
    (blob, path_of(&log.place.data().join("blobs"), blob), note)
}

fn path_of(shelf: &Path, blob: BlobHash) -> PathBuf {
    let name = blob.to_string();
    shelf.join(&name[..2]).join(name)
}

/// The same checkpoint, under another key.
fn signed_by_another(note: &str) -> String {
    let checkpoint = SignedCheckpoint::parse(note).unwrap().checkpoint;
    SignedCheckpoint::sign(checkpoint, &Ed25519Signer::from_seed([9; 32])).note.to_string()
}

/// What is said when it is found that something differs.
#[track_caller]
fn difference(log: &SignedLog) -> String {
    let ran = log.place.run(&["verify", "--check-blobs"]);
    let said = ran.out.clone();
    ran.fails(1);
    said
}

/// How many checkpoints were read, are yet to be stored and are named by nothing.
#[track_caller]
fn counted(log: &SignedLog) -> [u64; 3] {
    let said = log.place.run(&["verify", "--check-blobs", "--json"]);
    let said: Value = serde_json::from_str(&said.out).unwrap();
    ["named", "waiting", "unnamed"].map(|part| said["storedCheckpoints"][part].as_u64().unwrap())
}

fn what_happened_to_a_checkpoint_in_the_store_is_said(log: &SignedLog) {
    let all = log.place.run(&["verify", "--check-blobs"]).done();
    assert!(all.contains("stored  2 signed checkpoints are named, 0 are yet to be stored"), "{all}");
    let (blob, path, note) = newest(log);
    let size = log.second;
    let older = fs::read_to_string(&log.kept).unwrap();
    let changed = note.replacen(&format!("\n{size}\n"), &format!("\n{}\n", size - 1), 1);
    let of = format!("the checkpoint of {size} events");
    for (content, expected) in [
        (None, format!("{of} is missing in the blob store: there is no blob {blob}")),
        (Some(String::new()), format!("{of} cannot be read in the blob store: blob {blob}: ")),
        (
            Some("a note".to_owned()),
            format!("{of} was overwritten in the blob store: blob {blob}: not a signed note"),
        ),
        (
            Some(format!("{note}{}", "\n".repeat(20_000))),
            format!("{of} was overwritten in the blob store: blob {blob}: "),
        ),
        (
            Some(signed_by_another(&note)),
            format!("{of} in the blob store is not signed with the key of this server: blob {blob}"),
        ),
        (
            Some(changed),
            format!("{of} in the blob store is not signed with the key of this server: blob {blob}"),
        ),
        (Some(older), format!("{of} is another one in the blob store: blob {blob}, of {} events", log.first)),
    ] {
        match &content {
            None => fs::remove_file(&path).unwrap(),
            Some(content) => fs::write(&path, content).unwrap(),
        }
        let said = difference(log);
        assert!(said.contains(&format!("differs: {expected}")) && said.contains("1 difference\n"), "{said}");
    }
    // Nobody looks there who was not told to.
    log.place.run(&["verify"]).done();
    fs::write(&path, &note).unwrap();
    log.place.run(&["verify", "--check-blobs"]).done();
}

fn what_nothing_names_any_more_is_found_for_as_long_as_it_is_there(log: &SignedLog) {
    let (blob, path, note) = newest(log);
    log.forget();
    log.place.run(&["verify", "--check-blobs"]).done();
    assert_eq!(counted(log), [0, 0, 2], "they are found, and the log is what they say");

    log.tamper(Tampering::ChangeAByte);
    // Whoever has the server's key can have the new past signed, and what is kept beside the log agrees with it.
    log.place.run(&["audit", "checkpoint", "--now"]).done();
    let alone = log.place.run(&["verify"]).out;
    assert!(!alone.contains("those of the checkpoint"), "{alone}");
    let expected = format!(
        "the first {0} events of the log are not those of the checkpoint of {0} events (blob {blob}, which nothing \
         names)",
        log.second
    );
    let said = difference(log);
    assert!(said.contains(&expected), "{said}");
    assert!(said.contains(&format!("are not those of the checkpoint of {} events", log.first)), "{said}");
    assert_eq!(counted(log), [1, 0, 2]);

    // Its removal has begun.
    let aside = path_of(&log.place.data().join("blobs/aside"), blob);
    fs::create_dir_all(aside.parent().unwrap()).unwrap();
    fs::rename(&path, &aside).unwrap();
    let said = difference(log);
    assert!(said.contains(&expected), "{said}");
    // One that another key signed says nothing about this log, and anybody may have stored it.
    fs::write(&aside, signed_by_another(&note)).unwrap();
    assert_eq!(counted(log), [1, 0, 1]);
}
