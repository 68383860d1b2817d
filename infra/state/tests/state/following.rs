//! Another process puts a new server key in the place of the present one, and this one goes on.

use crate::world::{World, read, reason, subject};
use scanledger_domain::OutOfReach;
use scanledger_domain::vault::{HashPurpose, Vault};
use scanledger_state::{KeyFile, ServerKey, State, Unusable};
use std::time::{Duration, Instant};

/// Long enough for a busy machine; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long nobody looks at the file again that was looked at in vain.
const AGAIN: Duration = Duration::from_secs(1);

on_both! {
    who_shares_the_key_file_goes_on_with_the_new_key,
    who_shares_the_key_file_goes_on_with_the_key_beside_it_if_a_rotation_came_no_further,
    who_has_a_copy_of_the_key_file_is_out_of_reach_until_it_is_the_new_one,
    trouble_with_the_key_file_is_known_before_somebody_needs_a_key,
    who_knows_of_a_rotation_that_the_store_has_lost_goes_on_with_the_key_of_before,
    nothing_is_sealed_with_a_key_that_the_store_has_lost_once_keys_were_forgotten,
}

fn nothing_is_sealed_with_a_key_that_the_store_has_lost_once_keys_were_forgotten(world: &World) {
    let here = world.open();
    let before = here.vault.seal(subject(1), "before").unwrap();
    world.execute("DELETE FROM subject_key");
    here.vault.forget();
    let after = here.vault.seal(subject(1), "after").unwrap();
    for process in [&here, &world.open()] {
        assert_eq!(process.vault.open(&after).unwrap().as_deref(), Some("after"));
        assert!(process.vault.open(&before).is_err());
    }
}

/// The tables that a rotation changes, and the one with the number of the present keys first.
fn tables(world: &World) -> &'static [&'static str] {
    if world.is_in_a_file() {
        &["key_check", "data_key", "signing_key", "subject_key"]
    } else {
        &["installation", "subject_key"]
    }
}

fn generation(world: &World) -> i64 {
    let table = tables(world)[0];
    let schema = if world.is_in_a_file() { "" } else { "scanledger_state." };
    world.number(&format!("SELECT generation FROM {schema}{table}"))
}

/// As after a failover to a standby that was behind, or a restore to an earlier moment.
fn who_knows_of_a_rotation_that_the_store_has_lost_goes_on_with_the_key_of_before(world: &World) {
    let (here, there) = (with_a_copy(world), world.open_with_key_file());
    let [ana, bo] = [1, 2].map(|number| there.vault.seal(subject(number), "text").unwrap());
    std::fs::copy(world.path("server.key"), world.path("before.key")).unwrap();
    for table in tables(world) {
        world.execute(&format!("CREATE TABLE before_{table} AS SELECT * FROM {table}"));
    }
    there.rotate(&world.key_file()).unwrap();
    let lost = generation(world);
    copy(world);
    here.vault.keep_up().unwrap();
    assert_eq!(here.vault.open(&ana).unwrap().as_deref(), Some("text"));

    for table in tables(world) {
        world.execute(&format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM before_{table}"));
    }
    assert_eq!(reason::<Unusable>(&here.vault.open(&bo).unwrap_err()), Unusable::OtherKeyFile);
    for copy in ["server.key", "copy.key"] {
        std::fs::copy(world.path("before.key"), world.path(copy)).unwrap();
    }
    here.vault.keep_up().unwrap();
    assert_eq!(here.vault.trouble(), None);
    assert_eq!(here.vault.open(&bo).unwrap().as_deref(), Some("text"));
    let cem = here.vault.seal(subject(3), "cem").unwrap();
    assert_eq!(world.open().vault.open(&cem).unwrap().as_deref(), Some("cem"));

    // Another rotation is not taken for the one that was lost.
    world.open_with_key_file().rotate(&world.key_file()).unwrap();
    assert_ne!(generation(world), lost);
}

fn who_shares_the_key_file_goes_on_with_the_new_key(world: &World) {
    let [here, there] = [world.open_with_key_file(), world.open_with_key_file()];
    let ana = there.vault.seal(subject(1), "ana").unwrap();
    let hash = here.vault.hash(HashPurpose::Claim, b"ana");
    let seed = here.vault.signing_seed().unwrap();
    there.rotate(&world.key_file()).unwrap();
    assert_eq!(here.vault.open(&ana).unwrap().as_deref(), Some("ana"));
    let bo = here.vault.seal(subject(2), "bo").unwrap();
    assert_eq!(there.vault.open(&bo).unwrap().as_deref(), Some("bo"));
    assert_eq!((here.vault.hash(HashPurpose::Claim, b"ana"), here.vault.trouble()), (hash, None));
    assert_eq!(here.vault.signing_seed().unwrap(), seed);

    // The other way round, and where a key is made and not read.
    here.rotate(&world.key_file()).unwrap();
    let cem = there.vault.seal(subject(3), "cem").unwrap();
    assert_eq!(world.open().vault.open(&cem).unwrap().as_deref(), Some("cem"));
}

fn who_shares_the_key_file_goes_on_with_the_key_beside_it_if_a_rotation_came_no_further(world: &World) {
    let [here, there] = [world.open_with_key_file(), world.open_with_key_file()];
    let sealed = there.vault.seal(subject(1), "ana").unwrap();
    let next = ServerKey::create(&world.path("server.key.next")).unwrap();
    let present = read(&world.path("server.key"));
    there.vault.rotate(&world.key(), &next).unwrap();
    assert_eq!(here.vault.open(&sealed).unwrap().as_deref(), Some("ana"));
    assert!(here.vault.seal(subject(2), "bo").is_ok());
    assert_eq!(read(&world.path("server.key")), present, "who rotates puts the file in its place");
    // Or whoever opens the store next.
    assert_eq!(world.open_with_key_file().vault.open(&sealed).unwrap().as_deref(), Some("ana"));
    assert!(!world.path("server.key.next").exists());
}

/// A process with a key file of its own.
fn with_a_copy(world: &World) -> State {
    copy(world);
    world.try_open_with(&KeyFile::new(world.path("copy.key"))).unwrap()
}

fn copy(world: &World) {
    std::fs::copy(world.path("server.key"), world.path("copy.key")).unwrap();
}

fn who_has_a_copy_of_the_key_file_is_out_of_reach_until_it_is_the_new_one(world: &World) {
    let (here, there) = (with_a_copy(world), world.open_with_key_file());
    let [ana, bo, cem] = [1, 2, 3].map(|number| there.vault.seal(subject(number), "text").unwrap());
    assert_eq!(here.vault.open(&ana).unwrap().as_deref(), Some("text"));
    there.rotate(&world.key_file()).unwrap();
    let looked = Instant::now();
    for error in [here.vault.open(&bo).unwrap_err(), here.vault.seal(subject(4), "text").unwrap_err()] {
        assert!(OutOfReach::is_behind(&error), "{error:?}");
        assert_eq!(reason::<Unusable>(&error), Unusable::OtherKeyFile);
    }
    assert_eq!(here.vault.trouble(), Some(Unusable::OtherKeyFile));
    assert_eq!(here.vault.open(&ana).unwrap().as_deref(), Some("text"), "what is in memory stays usable");

    copy(world);
    let at_once = here.vault.open(&bo);
    assert!(at_once.is_err() || looked.elapsed() >= AGAIN, "not every request reads the file");
    here.vault.keep_up().unwrap();
    assert_eq!(here.vault.trouble(), None);
    assert_eq!(here.vault.open(&bo).unwrap().as_deref(), Some("text"));

    // Nobody has to look for those who need a key.
    there.rotate(&world.key_file()).unwrap();
    assert!(here.vault.open(&cem).is_err());
    copy(world);
    let began = Instant::now();
    while here.vault.open(&cem).is_err() {
        assert!(began.elapsed() < PATIENCE, "the new file is not noticed");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(here.vault.trouble(), None);
}

fn trouble_with_the_key_file_is_known_before_somebody_needs_a_key(world: &World) {
    let (here, there) = (with_a_copy(world), world.open_with_key_file());
    here.vault.keep_up().unwrap();
    assert_eq!(here.vault.trouble(), None);
    there.rotate(&world.key_file()).unwrap();
    assert_eq!(reason::<Unusable>(&here.vault.keep_up().unwrap_err()), Unusable::OtherKeyFile);
    assert_eq!(here.vault.trouble(), Some(Unusable::OtherKeyFile));

    std::fs::write(world.path("copy.key"), "half a k").unwrap();
    assert!(here.vault.keep_up().is_err());
    let half = here.vault.trouble().unwrap().to_string();
    assert!(half.contains("does not hold 64 hexadecimal digits"), "{half}");
    std::fs::remove_file(world.path("copy.key")).unwrap();
    assert!(here.vault.keep_up().is_err());
    let missing = here.vault.trouble().unwrap().to_string();
    assert!(missing.contains("No such file") && !missing.contains("copy.key"), "{missing}");

    copy(world);
    here.vault.keep_up().unwrap();
    assert_eq!(here.vault.trouble(), None);
}
