//! `setup`.

use crate::shell::Place;

#[test]
fn setup_prints_one_json_object_with_a_key() {
    let made = Place::new().run(&["setup", "--organization", "Acme", "--email", "ana@acme.example"]).json();
    assert!(made["organizationId"].is_string() && made["userId"].is_string(), "{made}");
    let key = made["apiKey"].as_str().unwrap();
    assert!(key.starts_with("ppr_") && key.len() == 36, "{key}");
}

#[test]
fn setup_is_refused_the_second_time() {
    let place = Place::set_up();
    let again = place.run(&["setup", "--organization", "Other", "--email", "bob@other.example"]);
    assert!(again.out.is_empty());
    assert!(again.fails(4).contains("this installation is set up already"));
}

#[test]
fn setup_works_while_a_server_runs_on_the_empty_folder() {
    let place = Place::new();
    let mut server = place.serve();
    assert!(server.complaint().contains("nothing is set up"));
    assert!(server.complaint().contains("scanledger setup --data"));
    let arguments = ["setup", "--organization", "Acme", "--email", "ana@acme.example"];
    assert!(place.run(&arguments).json()["apiKey"].is_string());
    assert!(place.run(&arguments).fails(4).contains("already"));
}

#[test]
fn setup_takes_a_password_from_standard_input() {
    let arguments = ["setup", "--organization", "Acme", "--email", "ana@acme.example", "--password-stdin"];
    Place::new().run_with(&arguments, "correct horse battery staple\n").json();
    let refused = Place::new().run_with(&arguments, "short\n").fails(4);
    assert!(refused.contains("password") && !refused.contains("short\n"), "{refused}");
}

#[test]
fn options_come_from_the_environment_too() {
    let place = Place::new();
    let mut command = place.command(&["setup"]);
    command.env("SCANLEDGER_ORGANIZATION", "Acme").env("SCANLEDGER_EMAIL", "ana@acme.example");
    assert!(command.output().unwrap().status.success());
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::set_up();
    let key = place.data().join("server.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = place.run(&["key", "create", "--name", "ci"]).fails(4);
    assert!(refused.contains("server.key") && refused.contains("644"), "{refused}");
}

#[test]
fn a_log_whose_keys_are_gone_is_not_opened_with_new_ones() {
    let place = Place::set_up();
    let state = place.data().join("state.db");
    std::fs::remove_file(&state).unwrap();
    assert!(place.run(&["key", "create", "--name", "ci"]).fails(4).contains("state.db is missing"));
    assert!(!state.exists());
    std::fs::remove_file(place.data().join("server.key")).unwrap();
    assert!(place.run(&["key", "create", "--name", "ci"]).fails(4).contains("server.key is missing"));
}
