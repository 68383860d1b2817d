//! `key create`.

use crate::shell::Place;

#[test]
fn a_key_is_printed_alone_or_as_json() {
    let place = Place::set_up();
    let token = place.run(&["key", "create", "--name", "ci"]).done();
    assert!(token.starts_with("ppr_") && token.trim_end().len() == 36, "{token}");
    let json = place.run(&["key", "create", "--name", "ci", "--role", "viewer", "--json"]).json();
    assert!(json["apiKey"].as_str().unwrap().starts_with(json["prefix"].as_str().unwrap()));
    let created = place.run(&["export", "events", "--type", "apikey.created"]).done();
    let roles: Vec<_> = created.lines().map(|line| line.contains(r#""role":"viewer""#)).collect();
    assert_eq!(roles, [false, false, true]);
    assert!(!created.contains(token.trim_end()), "the log holds a hash only");
}

#[test]
fn a_key_is_issued_by_the_server_that_has_the_folder() {
    let place = Place::set_up();
    let _server = place.serve();
    assert!(place.run(&["key", "create", "--name", "ci"]).done().starts_with("ppr_"));
}

#[test]
fn a_key_needs_an_installation() {
    let place = Place::new();
    assert!(place.run(&["key", "create", "--name", "ci"]).fails(4).contains("run `scanledger setup"));
    assert!(!place.data().exists());
}

#[test]
fn a_key_for_a_project_or_organization_that_is_not_there_is_refused() {
    let place = Place::set_up();
    let nobody = "018f0000-0000-7000-8000-000000000000";
    for option in ["--project", "--organization"] {
        let refused = place.run(&["key", "create", "--name", "ci", option, nobody]).fails(4);
        assert!(refused.contains("no such project") || refused.contains("no organization"), "{refused}");
    }
}

#[test]
fn a_key_may_end() {
    let place = Place::set_up();
    let create = |at| place.run(&["key", "create", "--name", "ci", "--expires-at", at]);
    assert!(create("tomorrow").fails(2).contains("RFC 3339"));
    assert!(create("2999-01-01T00:00:00Z").done().starts_with("ppr_"));
}
