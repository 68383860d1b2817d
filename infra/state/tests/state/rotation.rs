//! Another server key for the same keys.

use crate::world::{World, holds, read, reason, refusal, subject};
use scanledger_domain::vault::{HashPurpose, Vault};
use scanledger_state::{KeyFileError, KeyedStoreError, SealError, ServerKey, Unusable};

on_both! {
    after_a_rotation_everything_is_as_it_was_and_the_old_key_opens_nothing,
    a_rotation_with_the_wrong_old_key_changes_nothing,
    a_process_with_the_old_key_says_so_and_writes_no_keys,
    a_rotation_that_ended_before_the_store_changed_goes_on_with_the_next,
    a_rotation_that_ended_with_half_a_key_file_starts_anew,
    a_rotation_that_ended_before_the_file_was_renamed_is_finished_by_who_opens,
    a_key_of_somebody_else_beside_the_present_one_opens_nothing,
    many_subjects_are_rotated,
}

fn after_a_rotation_everything_is_as_it_was_and_the_old_key_opens_nothing(world: &World) {
    let (old, running) = (world.key(), world.open());
    let sealed = running.vault.seal(subject(1), "ana").unwrap();
    running.vault.erase(subject(2)).unwrap();
    let hash = running.vault.hash(HashPurpose::Claim, b"ana");
    let seed = running.vault.signing_seed().unwrap();

    running.rotate(&world.key_file()).unwrap();
    let bo = running.vault.seal(subject(3), "bo").unwrap();
    for vault in [&running.vault, &world.open().vault] {
        assert_eq!(vault.open(&sealed).unwrap().as_deref(), Some("ana"));
        assert_eq!(vault.open(&bo).unwrap().as_deref(), Some("bo"));
        assert_eq!(vault.hash(HashPurpose::Claim, b"ana"), hash);
        assert_eq!(vault.signing_seed().unwrap(), seed);
        assert_eq!(vault.erased().unwrap(), [subject(2)]);
    }
    assert_eq!(refusal(world.try_open(&old)), Unusable::OtherServerKey);
    assert!(!world.path("server.key.next").exists());
    running.rotate(&world.key_file()).unwrap();
    assert_eq!(world.open().vault.open(&sealed).unwrap().as_deref(), Some("ana"));
}

fn a_rotation_with_the_wrong_old_key_changes_nothing(world: &World) {
    let state = world.open();
    let sealed = state.vault.seal(subject(1), "ana").unwrap();
    let [other, new] = ["other", "new"].map(|name| ServerKey::create(&world.path(name)).unwrap());
    let error = state.vault.rotate(&other, &new).unwrap_err();
    assert_eq!(reason::<Unusable>(&error), Unusable::OtherServerKey);
    assert_eq!(world.open().vault.open(&sealed).unwrap().as_deref(), Some("ana"));
    std::fs::copy(world.path("other"), world.path("server.key")).unwrap();
    assert!(matches!(state.rotate(&world.key_file()), Err(KeyedStoreError::Vault(_))));
    assert!(!world.path("server.key.next").exists());
}

fn a_process_with_the_old_key_says_so_and_writes_no_keys(world: &World) {
    let [here, there] = [world.open(), world.open()];
    let [ana, bo] = [1, 2].map(|number| there.vault.seal(subject(number), "text").unwrap());
    assert_eq!(here.vault.open(&ana).unwrap().as_deref(), Some("text"));
    there.rotate(&world.key_file()).unwrap();
    let changed = |error: scanledger_domain::vault::VaultError| {
        assert_eq!(reason::<Unusable>(&error), Unusable::KeysChanged);
    };
    changed(here.vault.open(&bo).unwrap_err());
    changed(here.vault.seal(subject(3), "text").unwrap_err());
    assert_eq!(here.vault.open(&ana).unwrap().as_deref(), Some("text"), "what is in memory stays usable");
    assert_eq!(world.number("SELECT count(*) FROM subject_key"), 2);
    assert_eq!(world.open().vault.open(&bo).unwrap().as_deref(), Some("text"));
}

fn a_rotation_that_ended_before_the_store_changed_goes_on_with_the_next(world: &World) {
    let sealed = world.open().vault.seal(subject(1), "ana").unwrap();
    ServerKey::create(&world.path("server.key.next")).unwrap();
    let [present, next] = ["server.key", "server.key.next"].map(|name| read(&world.path(name)));
    let state = world.open_with_key_file();
    assert_eq!(read(&world.path("server.key")), present, "nothing was to be finished");
    state.rotate(&world.key_file()).unwrap();
    assert_eq!(read(&world.path("server.key")), next);
    assert_eq!(world.open_with_key_file().vault.open(&sealed).unwrap().as_deref(), Some("ana"));
}

fn a_rotation_that_ended_with_half_a_key_file_starts_anew(world: &World) {
    let sealed = world.open().vault.seal(subject(1), "ana").unwrap();
    ServerKey::create(&world.path("server.key.next")).unwrap();
    let half = read(&world.path("server.key.next"))[..30].to_vec();
    std::fs::write(world.path("server.key.next"), half).unwrap();
    world.open_with_key_file().rotate(&world.key_file()).unwrap();
    assert_eq!(world.open_with_key_file().vault.open(&sealed).unwrap().as_deref(), Some("ana"));
}

fn a_rotation_that_ended_before_the_file_was_renamed_is_finished_by_who_opens(world: &World) {
    let state = world.open();
    let sealed = state.vault.seal(subject(1), "ana").unwrap();
    let next = ServerKey::create(&world.path("server.key.next")).unwrap();
    let written = read(&world.path("server.key.next"));
    state.vault.rotate(&world.key(), &next).unwrap();
    assert_eq!(refusal(world.try_open(&world.key())), Unusable::OtherServerKey);

    assert_eq!(world.open_with_key_file().vault.open(&sealed).unwrap().as_deref(), Some("ana"));
    assert_eq!(read(&world.path("server.key")), written);
    assert!(!world.path("server.key.next").exists());
    assert_eq!(world.open_with_key_file().vault.open(&sealed).unwrap().as_deref(), Some("ana"));
}

fn a_key_of_somebody_else_beside_the_present_one_opens_nothing(world: &World) {
    drop(world.open());
    for name in ["other.key", "server.key.next"] {
        ServerKey::create(&world.path(name)).unwrap();
    }
    std::fs::rename(world.path("other.key"), world.path("server.key")).unwrap();
    let before = read(&world.path("server.key"));
    let Err(KeyedStoreError::State(error)) = world.try_open_with_key_file() else {
        panic!("neither key fits");
    };
    assert_eq!(error.source.downcast_ref(), Some(&Unusable::OtherServerKey));
    assert_eq!(read(&world.path("server.key")), before);
    std::fs::remove_file(world.path("server.key")).unwrap();
    let missing = world.try_open_with_key_file();
    assert!(matches!(missing, Err(KeyedStoreError::KeyFile(KeyFileError::Io { .. }))));
}

fn many_subjects_are_rotated(world: &World) {
    /// More than one statement takes.
    const SUBJECTS: u128 = 2_050;
    let state = world.open();
    let sealed: Vec<_> =
        (0..SUBJECTS).map(|number| state.vault.seal(subject(number), "text").unwrap()).collect();
    state.rotate(&world.key_file()).unwrap();
    let vault = world.open().vault;
    for sealed in &sealed {
        assert_eq!(vault.open(sealed).unwrap().as_deref(), Some("text"));
    }
}

#[test]
fn no_key_under_the_old_server_key_stays_in_the_files() {
    let world = World::in_a_file();
    let state = world.open();
    state.vault.seal(subject(1), "ana").unwrap();
    let wrapped = world.blobs(
        "SELECT wrapped FROM subject_key UNION ALL SELECT wrapped FROM data_key \
         UNION ALL SELECT wrapped FROM signing_key UNION ALL SELECT sealed FROM key_check",
    );
    assert_eq!(wrapped.len(), 4);
    assert!(wrapped.iter().all(|key| holds(&world.bytes(), key)));
    state.rotate(&world.key_file()).unwrap();
    assert!(!wrapped.iter().any(|key| holds(&world.bytes(), key)));
}

#[test]
fn a_tampered_key_stops_a_rotation_before_anything_changes() {
    let world = World::in_a_file();
    let state = world.open();
    let sealed = state.vault.seal(subject(1), "ana").unwrap();
    state.vault.seal(subject(2), "bo").unwrap();
    world.execute("UPDATE subject_key SET wrapped = zeroblob(60) WHERE subject = (SELECT max(subject) FROM subject_key)");
    let Err(KeyedStoreError::Vault(error)) = state.rotate(&world.key_file()) else { panic!("it must stop") };
    assert_eq!(reason::<SealError>(&error), SealError::Tampered);
    assert_eq!(world.open_with_key_file().vault.open(&sealed).unwrap().as_deref(), Some("ana"));
}
