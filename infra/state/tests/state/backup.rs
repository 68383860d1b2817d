//! Keys in a file of their own, and back.

use crate::world::{World, holds, read, reason, refusal, subject};
use scanledger_domain::vault::{HashPurpose, Vault};
use scanledger_state::{BACKUP_BYTES, BackupError, ServerKey, Unusable};
use std::fs::File;

on_both! {
    restored_keys_open_hash_and_sign_as_before,
    who_was_erased_before_or_since_gets_no_key_back,
    a_backup_never_overwrites_a_file,
    keys_are_restored_into_an_empty_store_only,
    keys_are_restored_under_their_own_server_key_only,
    a_process_that_opened_the_store_before_keys_were_restored_writes_none,
    many_subjects_are_restored,
}

fn restored_keys_open_hash_and_sign_as_before(world: &World) {
    let before = world.open().vault;
    let sealed = before.seal(subject(1), "ana").unwrap();
    before.export_keys(&world.path("keys.json")).unwrap();

    let other = world.sibling();
    let restored = other.open().vault;
    restored.import_keys(&world.path("keys.json"), &[]).unwrap();
    for vault in [restored, other.open().vault] {
        assert_eq!(vault.open(&sealed).unwrap().as_deref(), Some("ana"));
        assert_eq!(vault.hash(HashPurpose::Secret, b"x"), before.hash(HashPurpose::Secret, b"x"));
        assert_eq!(vault.signing_seed().unwrap(), before.signing_seed().unwrap());
        let again = vault.seal(subject(1), "again").unwrap();
        assert_eq!(before.open(&again).unwrap().as_deref(), Some("again"), "it is the same key");
    }
}

fn who_was_erased_before_or_since_gets_no_key_back(world: &World) {
    let before = world.open().vault;
    let sealed = [1, 2, 3].map(|number| before.seal(subject(number), "text").unwrap());
    before.erase(subject(1)).unwrap();
    before.export_keys(&world.path("keys.json")).unwrap();
    before.erase(subject(2)).unwrap();

    let other = world.sibling();
    let state = other.open();
    let current = [subject(2), subject(1), subject(9)];
    state.vault.import_keys(&world.path("keys.json"), &current).unwrap();
    for vault in [&state.vault, &other.open().vault] {
        let opened = sealed.each_ref().map(|sealed| vault.open(sealed).unwrap());
        assert_eq!(opened, [None, None, Some("text".to_owned())]);
        assert_eq!(vault.erased().unwrap(), [1, 2, 9].map(subject));
        assert!(vault.seal(subject(9), "text").is_err());
    }
    assert_eq!(other.number("SELECT count(*) FROM subject_key"), 1);
    state.vault.erase(subject(3)).unwrap();
    assert_eq!(state.vault.open(&sealed[2]).unwrap(), None);
    assert_eq!(other.open().vault.erased().unwrap(), [1, 2, 9, 3].map(subject));
}

fn a_backup_never_overwrites_a_file(world: &World) {
    std::fs::write(world.path("keys.json"), "precious").unwrap();
    let vault = world.open().vault;
    assert!(matches!(vault.export_keys(&world.path("keys.json")), Err(BackupError::Exists)));
    assert_eq!(read(&world.path("keys.json")), b"precious");
    let nowhere = vault.export_keys(&world.path("none/keys.json"));
    assert!(matches!(nowhere, Err(BackupError::Io { .. })));
    let leftovers = std::fs::read_dir(world.path(""))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".tmp"));
    assert_eq!(leftovers.count(), 0);
}

fn keys_are_restored_into_an_empty_store_only(world: &World) {
    let vault = world.open().vault;
    vault.export_keys(&world.path("keys.json")).unwrap();
    let [in_use, only_erased] = [world.sibling(), world.sibling()];
    let sealed = in_use.open().vault.seal(subject(1), "text").unwrap();
    only_erased.open().vault.erase(subject(1)).unwrap();
    for other in [&in_use, &only_erased] {
        let refused = other.open().vault.import_keys(&world.path("keys.json"), &[subject(1)]);
        assert!(matches!(refused, Err(BackupError::NotEmpty)));
    }
    assert_eq!(in_use.open().vault.open(&sealed).unwrap().as_deref(), Some("text"));
}

fn keys_are_restored_under_their_own_server_key_only(world: &World) {
    world.open().vault.export_keys(&world.path("keys.json")).unwrap();
    let other = world.sibling();
    std::fs::remove_file(other.path("server.key")).unwrap();
    ServerKey::create(&other.path("server.key")).unwrap();
    let vault = other.open().vault;
    let refused = vault.import_keys(&world.path("keys.json"), &[]);
    assert!(matches!(refused, Err(BackupError::OtherServerKey)));
    // Nothing has changed: it is still this key's.
    assert_eq!(refusal(other.try_open(&world.key())), Unusable::OtherServerKey);
    assert_eq!(other.open().vault.signing_seed().unwrap(), vault.signing_seed().unwrap());
}

fn a_process_that_opened_the_store_before_keys_were_restored_writes_none(world: &World) {
    world.open().vault.export_keys(&world.path("keys.json")).unwrap();
    let other = world.sibling();
    let [restoring, beside] = [other.open().vault, other.open().vault];
    restoring.import_keys(&world.path("keys.json"), &[]).unwrap();
    // Its data key is none that anybody knows any more.
    let refused = beside.seal(subject(1), "text").unwrap_err();
    assert_eq!(reason::<Unusable>(&refused), Unusable::KeysChanged);
}

fn many_subjects_are_restored(world: &World) {
    /// More than one statement takes.
    const SUBJECTS: u128 = 2_050;
    let before = world.open().vault;
    let sealed: Vec<_> = (0..SUBJECTS).map(|number| before.seal(subject(number), "text").unwrap()).collect();
    before.export_keys(&world.path("keys.json")).unwrap();
    let other = world.sibling();
    let restored = other.open().vault;
    let gone: Vec<_> = (0..SUBJECTS / 2).map(subject).collect();
    restored.import_keys(&world.path("keys.json"), &gone).unwrap();
    for (number, sealed) in sealed.iter().enumerate() {
        assert_eq!(restored.open(sealed).unwrap().is_some(), number >= gone.len());
    }
}

#[test]
fn a_backup_holds_wrapped_keys_for_its_owner_alone() {
    let world = World::in_a_file();
    let vault = world.open().vault;
    vault.seal(subject(0xa1), "ana").unwrap();
    vault.erase(subject(0xb2)).unwrap();
    let path = world.path("keys.json");
    vault.export_keys(&path).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let document: serde_json::Value = serde_json::from_slice(&read(&path)).unwrap();
    assert_eq!(document["format"], "scanledger keys");
    assert_eq!(document["version"], 1);
    assert_eq!(document["subject_keys"][0]["subject"], subject(0xa1).to_string());
    assert_eq!(document["erased"], serde_json::json!([subject(0xb2)]));
    // 12 bytes of nonce, 32 of key and 16 of tag.
    for wrapped in [&document["data_key"], &document["signing_key"], &document["subject_keys"][0]["wrapped"]]
    {
        assert_eq!(wrapped.as_str().unwrap().len(), (12 + 32 + 16) / 3 * 4);
    }
    let key = read(&world.path("server.key"));
    assert!(!holds(&read(&path), key.trim_ascii_end()));
    assert!(!holds(&read(&path), vault.signing_seed().unwrap().as_slice()));
}

#[test]
fn what_is_no_backup_is_refused_and_changes_nothing() {
    let world = World::in_a_file();
    let vault = world.open().vault;
    vault.seal(subject(1), "ana").unwrap();
    vault.seal(subject(2), "bo").unwrap();
    let path = world.path("keys.json");
    vault.export_keys(&path).unwrap();
    let good = String::from_utf8(read(&path)).unwrap();
    let other = world.sibling();
    let empty = other.open().vault;
    let seed = empty.signing_seed().unwrap();
    let import = |text: &str| {
        std::fs::write(&path, text).unwrap();
        empty.import_keys(&path, &[]).unwrap_err()
    };
    for malformed in [
        "",
        "{}",
        &good[..good.len() / 2],
        &good[..good.len() - 1],
        &format!("{good}x"),
        &good.replace("scanledger keys", "something else"),
        &good.replace("\"wrapped\"", "\"unknown\""),
        &good.replacen("\"key_check\":\"", "\"key_check\":\"*", 1),
    ] {
        let error = import(malformed);
        assert!(matches!(error, BackupError::Malformed(_)), "{error:?}");
    }
    assert!(matches!(
        import(&good.replace("\"version\":1", "\"version\":2,\"new\":{}")),
        BackupError::Newer { found: 2 }
    ));
    let [one, two] = [1, 2].map(|number| subject(number).to_string());
    let swapped = good.replace(&one, "#").replace(&two, &one).replace('#', &two);
    assert!(matches!(import(&swapped), BackupError::Tampered(_)));
    assert_eq!(other.open().vault.signing_seed().unwrap(), seed);
    assert_eq!(other.number("SELECT count(*) FROM subject_key"), 0);
    std::fs::write(&path, good).unwrap();
    empty.import_keys(&path, &[]).unwrap();
}

#[test]
fn a_backup_longer_than_the_limit_is_refused_unread() {
    let world = World::in_a_file();
    let path = world.path("keys.json");
    let file = File::create(&path).unwrap();
    let vault = world.open().vault;
    file.set_len(BACKUP_BYTES).unwrap();
    assert!(matches!(vault.import_keys(&path, &[]), Err(BackupError::Malformed(_))));
    file.set_len(BACKUP_BYTES + 1).unwrap();
    assert!(matches!(vault.import_keys(&path, &[]), Err(BackupError::TooLarge)));
}
