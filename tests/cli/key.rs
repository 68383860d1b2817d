//! `key create`.

use crate::shell::Place;
use scanledger_domain::time::Timestamp;
use serde_json::{Value, json};

/// The event that made the newest key.
fn newest(place: &Place) -> Value {
    let events = place.run(&["export", "events", "--type", "apikey.created"]).done();
    serde_json::from_str(events.lines().last().expect("there is a key")).expect("events are JSON")
}

/// What the log says about the newest key.
fn created(place: &Place) -> Value {
    newest(place)["data"].clone()
}

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
    for (option, why) in [
        ("--project", "no such project"),
        ("--organization", "there is no organization"),
        ("--team", "there is no team"),
        ("--user", "there is no person"),
    ] {
        let refused = place.run(&["key", "create", "--name", "ci", option, nobody]).fails(4);
        assert!(refused.contains(why), "{refused}");
    }
    let refused = place.run(&["key", "create", "--name", "ci", "--email", "eve@acme.example"]).fails(4);
    assert!(refused.contains("no person with this e-mail address"), "{refused}");
}

#[test]
fn a_key_may_end() {
    let place = Place::set_up();
    let create = |at| place.run(&["key", "create", "--name", "ci", "--expires-at", at]);
    assert!(create("tomorrow").fails(2).contains("RFC 3339"));
    assert!(create("2999-01-01T00:00:00Z").done().starts_with("ppr_"));
}

#[test]
fn a_key_may_end_after_some_days() {
    let place = Place::set_up();
    place.run(&["key", "create", "--name", "ci", "--expires-in-days", "90"]).done();
    let event = newest(&place);
    let made = Timestamp::parse_rfc3339(event["recordedAt"].as_str().unwrap()).unwrap();
    let ends = Timestamp(event["data"]["expiresAt"].as_i64().unwrap());
    // The shell counts from when it was asked.
    assert!(ends <= made.plus_seconds(90 * 86_400) && ends > made.plus_seconds(89 * 86_400), "{event}");
    let both = ["--expires-in-days", "90", "--expires-at", "2999-01-01T00:00:00Z"];
    place.run(&[&["key", "create", "--name", "ci"], &both[..]].concat()).fails(2);
    place.run(&["key", "create", "--name", "ci", "--expires-in-days", "0"]).fails(2);
}

#[test]
fn a_key_has_one_of_four_forms() {
    let place = Place::set_up();
    for (form, start, length) in
        [("ppr", "ppr_", 36), ("tos", "tos_", 45), ("gitguardian", "ggd_sl_", 71), ("semgrep", "", 64)]
    {
        let made = place.run(&["key", "create", "--name", form, "--form", form, "--json"]).json();
        let token = made["apiKey"].as_str().unwrap();
        assert!(token.starts_with(start) && token.len() == length, "{form}: {token}");
        assert!(token.starts_with(made["prefix"].as_str().unwrap()));
        assert_eq!(created(&place)["form"], form);
    }
    assert!(place.run(&["key", "create", "--name", "ci", "--form", "jwt"]).fails(2).contains("gitguardian"));
}

#[test]
fn a_key_is_for_what_was_said_and_no_more() {
    let place = Place::set_up();
    place
        .run(&["key", "create", "--name", "ci", "--form", "semgrep", "--scopes", "ci", "--read-only"])
        .done();
    let made = created(&place);
    assert_eq!((&made["scopes"], &made["breadth"]), (&json!("scan"), &json!("read_only")));
    place.run(&["key", "create", "--name", "app", "--form", "semgrep", "--scopes", "web-api"]).done();
    let scopes = created(&place)["scopes"].as_str().unwrap().to_owned();
    let words: Vec<&str> = scopes.split(',').collect();
    assert!(words.contains(&"incidents:read") && !words.contains(&"scan"), "{scopes}");
    place.run(&["key", "create", "--name", "all"]).done();
    let made = created(&place);
    assert_eq!((&made["scopes"], &made["kind"]), (&Value::Null, &json!("service")));
    let refused = place.run(&["key", "create", "--name", "ci", "--scopes", "scan,fly"]).fails(2);
    assert!(refused.contains("there is no scope") && refused.contains("fly"), "{refused}");
}

#[test]
fn a_key_acts_for_itself_or_for_a_person() {
    let place = Place::set_up();
    let user = place.run(&["people", "list", "--json"]).json()["people"][0]["id"].clone();
    place.run(&["key", "create", "--name", "laptop", "--email", " ANA@acme.example"]).done();
    assert_eq!(created(&place)["by"], user);
    assert_eq!(created(&place)["kind"], Value::Null, "personal is what keys were before there were kinds");
    let by_id = ["key", "create", "--name", "laptop", "--kind", "personal", "--user", user.as_str().unwrap()];
    place.run(&by_id).done();
    assert_eq!(created(&place)["by"], user);
    let refused = place.run(&["key", "create", "--name", "ci", "--kind", "personal"]).fails(4);
    assert!(refused.contains("--user or --email"), "{refused}");
    let service = ["key", "create", "--name", "ci", "--kind", "service", "--email", "ana@acme.example"];
    assert!(place.run(&service).fails(4).contains("acts for itself"));
}

#[test]
fn the_key_of_the_setup_belongs_to_no_person() {
    let made = created(&Place::set_up());
    assert_eq!((&made["by"], &made["kind"]), (&Value::Null, &json!("service")));
}
