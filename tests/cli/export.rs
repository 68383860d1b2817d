//! `export events`.

use crate::shell::Place;
use serde_json::Value;

fn events(place: &Place, more: &[&str]) -> Vec<Value> {
    let out = place.run(&[&["export", "events"], more].concat()).done();
    out.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

fn positions(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| event["position"].as_u64().expect("a position is a number")).collect()
}

#[test]
fn the_log_comes_out_whole_and_in_order() {
    let place = Place::set_up();
    let all = events(&place, &[]);
    assert_eq!(positions(&all), (1..=all.len() as u64).collect::<Vec<_>>());
    let fields: Vec<_> = all[0].as_object().unwrap().keys().map(String::as_str).collect();
    let mut expected =
        ["position", "id", "stream", "version", "type", "schema", "data", "metadata", "recordedAt"];
    expected.sort_unstable();
    assert_eq!(fields, expected);
    assert!(all.iter().any(|event| event["type"] == "organization.created"));
}

#[test]
fn personal_data_comes_out_sealed() {
    let place = Place::set_up();
    let out = place.run(&["export", "events"]).done();
    assert!(!out.contains("ana@acme.example") && out.contains("user.registered"));
}

#[test]
fn a_part_of_the_log_is_named_by_its_ends_and_types() {
    let place = Place::set_up();
    assert_eq!(positions(&events(&place, &["--from", "2", "--to", "4"])), [2, 3, 4]);
    assert_eq!(positions(&events(&place, &["--from", "9999"])), [0; 0]);
    let keys = events(&place, &["--type", "apikey.created", "--type", "user.registered"]);
    let types: Vec<_> = keys.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["user.registered", "apikey.created"]);
}

#[test]
fn a_type_that_no_event_has_is_a_mistake_of_the_command_line() {
    let place = Place::set_up();
    assert!(place.run(&["export", "events", "--type", "finding.eaten"]).fails(2).contains("finding.eaten"));
}

#[test]
fn an_export_works_beside_a_server() {
    let place = Place::set_up();
    let before = events(&place, &[]).len();
    let _server = place.serve();
    place.run(&["key", "create", "--name", "ci"]).done();
    assert_eq!(events(&place, &[]).len(), before + 1);
}
