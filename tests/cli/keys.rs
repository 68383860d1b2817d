//! `keys`.

use crate::shell::Place;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;

/// The server's key as it is.
fn server_key(place: &Place) -> String {
    std::fs::read_to_string(place.data().join("server.key")).expect("there is a key")
}

/// Who there is, which only the right keys tell.
fn people(place: &Place) -> Value {
    place.run(&["people", "list", "--json"]).json()["people"].clone()
}

#[test]
fn a_rotation_changes_the_file_and_nothing_that_is_under_it() {
    let place = Place::set_up();
    let (key, known) = (server_key(&place), people(&place));
    let said = place.run(&["keys", "rotate"]).done();
    assert!(said.contains("server.key") && said.contains("make a new one"), "{said}");
    assert_ne!(server_key(&place), key);
    assert_eq!(people(&place), known);
    assert!(place.run(&["verify"]).done().contains("everything agrees"));
}

#[test]
fn a_running_server_rotates_its_key_and_goes_on() {
    let place = Place::set_up();
    let known = people(&place);
    let server = place.serve();
    let key = server_key(&place);
    let json = place.run(&["keys", "rotate", "--json"]).json();
    assert_eq!(json["isShared"], false);
    assert_ne!(server_key(&place), key);
    assert_eq!(people(&place), known);
    assert!(place.run(&["key", "create", "--name", "ci"]).done().starts_with("ppr_"));
    assert_eq!(server.end("TERM").code(), Some(0));
    assert_eq!(people(&place), known);
}

#[test]
fn the_old_key_opens_nothing_after_a_rotation() {
    let place = Place::set_up();
    let key = server_key(&place);
    place.run(&["keys", "rotate"]).done();
    std::fs::write(place.data().join("server.key"), key).unwrap();
    let why = place.run(&["people", "list"]).fails(4);
    assert!(why.contains("belongs to another server key"), "{why}");
}

#[test]
fn a_backup_of_the_keys_is_for_its_owner_and_is_not_written_over() {
    let place = Place::set_up();
    let server = place.serve();
    place.run(&["keys", "backup", "--out", "keys.json"]).done();
    let file = place.beside("keys.json");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    let keys: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&keys["format"], keys["subject_keys"].as_array().unwrap().len()),
        (&"scanledger keys".into(), 1)
    );
    assert!(!text.contains(server_key(&place).trim()));
    let why = place.run(&["keys", "backup", "--out", "keys.json"]).fails(4);
    assert!(why.contains("there is a file of that name already"), "{why}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    drop(server);
}

#[test]
fn keys_need_an_installation() {
    let place = Place::new();
    for command in [&["keys", "rotate"][..], &["keys", "backup", "--out", "keys.json"]] {
        assert!(place.run(command).fails(4).contains("there is no data in"));
    }
    assert!(!place.data().exists() && !place.beside("keys.json").exists());
}
