//! `verify`.

use crate::shell::Place;
use rusqlite::Connection;
use serde_json::Value;

/// Changes a file of the data folder whose name begins with `prefix`.
fn tamper(place: &Place, prefix: &str, sql: &str) {
    let files = std::fs::read_dir(place.data()).expect("there is a data folder").flatten();
    let mut files: Vec<_> = files.map(|file| file.path()).collect();
    files.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(prefix) && name.ends_with(".db")
    });
    assert_eq!(files.len(), 1, "{files:?}");
    let changed = Connection::open(&files[0]).and_then(|file| file.execute(sql, []));
    assert_eq!(changed.expect("the file can be changed"), 1);
}

#[test]
fn what_was_not_touched_is_verified() {
    let place = Place::set_up();
    place.import().done();
    let report = place.run(&["verify"]).done();
    assert!(report.ends_with("everything agrees\n"), "{report}");
    let json = place.run(&["verify", "--json"]).json();
    assert_eq!(json["differences"], 0);
    assert!(json["tables"].as_array().unwrap().iter().all(|table| table["equal"] == true), "{json}");
    assert_eq!(json["position"], json["viewsPosition"]);
}

#[test]
fn verify_works_beside_a_server() {
    let place = Place::set_up();
    let _server = place.serve();
    assert!(place.run(&["verify"]).done().contains("everything agrees"));
}

#[test]
fn one_changed_byte_of_the_read_models_is_reported_with_its_table() {
    let place = Place::set_up();
    tamper(&place, "views-", "UPDATE api_key SET name = 'Setup'");
    let ran = place.run(&["verify"]);
    assert!(ran.out.contains("DIFFERS api_key "), "{}", ran.out);
    assert!(ran.out.contains("equal   organization "), "{}", ran.out);
    ran.fails(1);
    place.run(&["rebuild"]).done();
    place.run(&["verify"]).done();
}

#[test]
fn an_event_that_cannot_be_read_is_reported_with_its_position() {
    let place = Place::set_up();
    tamper(&place, "log", "UPDATE events SET data = CAST('{}' AS BLOB) WHERE position = 3");
    let ran = place.run(&["verify"]);
    assert!(ran.out.contains("the event at 3 cannot be read"), "{}{}", ran.out, ran.err);
    ran.fails(1);
}

/// What `verify` says of a log that was changed in the file.
#[track_caller]
fn said_of_a_log(change: &str) -> String {
    let place = Place::set_up();
    tamper(&place, "log", change);
    let ran = place.run(&["verify"]);
    let said = ran.out.clone();
    ran.fails(1);
    said
}

#[test]
fn a_position_that_is_missing_is_reported() {
    let said = said_of_a_log("DELETE FROM events WHERE position = 2");
    assert!(said.contains("differs: position 3 follows 1\n"), "{said}");
}

#[test]
fn events_that_are_missing_at_the_start_are_reported() {
    let said = said_of_a_log("DELETE FROM events WHERE position = 1");
    assert!(said.contains("differs: position 2 follows 0\n"), "{said}");
}

#[test]
fn a_gap_in_the_versions_of_a_stream_is_reported_with_its_stream() {
    let last = "(SELECT max(position) FROM events)";
    let place = Place::set_up();
    let before = place.run(&["export", "events"]).done();
    let last_line: Value = serde_json::from_str(before.lines().last().unwrap()).unwrap();
    let (stream, version) = (last_line["stream"].as_str().unwrap(), last_line["version"].as_u64().unwrap());
    let said = said_of_a_log(&format!("UPDATE events SET version = version + 1 WHERE position = {last}"));
    // Ids differ from place to place, kinds of streams do not.
    let (kind, _) = stream.split_once('-').unwrap();
    let gap = format!(" has version {} where {version} is due\n", version + 1);
    assert!(said.lines().any(|line| line.starts_with(&format!("differs: {kind}-"))), "{said}");
    assert!(said.contains(&gap), "{said}");
}

#[test]
fn time_that_stands_or_goes_backwards_is_reported() {
    for step in [0, 1] {
        let said = said_of_a_log(&format!(
            "UPDATE events SET recorded_at = (SELECT recorded_at - {step} FROM events WHERE position = 2)
             WHERE position = 3"
        ));
        assert!(said.contains("differs: the event at 3 is not later than the one before it\n"), "{said}");
    }
}

#[test]
fn there_is_nothing_to_verify_without_data() {
    let place = Place::new();
    assert!(place.run(&["verify"]).fails(4).contains("there is no data in"));
    assert!(!place.data().exists());
}
