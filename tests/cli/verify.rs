//! `verify`.

use crate::shell::Place;
use rusqlite::Connection;

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

#[test]
fn there_is_nothing_to_verify_without_data() {
    let place = Place::new();
    assert!(place.run(&["verify"]).fails(4).contains("there is no data in"));
    assert!(!place.data().exists());
}
