//! `export parquet`, read by Apache Arrow's own reader.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

use crate::api::{Api, Finding, in_api_words};
use crate::replay::{demo, events, moments};
use crate::shell::Place;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

/// What the reader finds in an export.
fn read(place: &Place, folder: &str, positions: &[u64]) -> Value {
    let python = std::env::var_os("SCANLEDGER_TEST_PYARROW")
        .expect("SCANLEDGER_TEST_PYARROW names a Python with pyarrow: run through `bash tests/run.sh`");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parquet/read.py");
    let positions = positions.iter().map(u64::to_string);
    let output = Command::new(python).arg(script).arg(place.beside(folder)).args(positions).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn findings(read: &Value, at: u64) -> Vec<Finding> {
    let rows: Vec<Finding> = serde_json::from_value(read["findings"][at.to_string()].clone()).unwrap();
    rows.into_iter().map(in_api_words).collect()
}

/// An instant as Python writes it.
fn instant(event: &Value) -> String {
    event["recordedAt"].as_str().unwrap().replace('Z', "+00:00")
}

#[test]
fn the_files_say_what_the_api_says_at_every_position() {
    let place = demo();
    let events = events(&place);
    let api = Api::start(&place);
    let json = place.run(&["export", "parquet", "--out", "lake", "--json"]).json();
    // The key of the API is the one event more.
    let head = events.len() as u64 + 1;
    assert_eq!(json["position"], head);
    let moments = moments(&events);
    let read = read(&place, "lake", &moments);
    for file in ["events", "findings", "scans"] {
        assert_eq!(read["upTo"][file], head.to_string());
    }
    for at in moments {
        assert_eq!(findings(&read, at), api.findings(at), "as of {at}");
        let scans = api.get(&format!("/api/scans?limit=100&asOf={at}"));
        let counted: u64 =
            read["scans"][at.to_string()].as_object().unwrap().values().filter_map(Value::as_u64).sum();
        assert_eq!(scans["pagination"]["total"], counted, "as of {at}");
    }
    let scans = api.get("/api/scans?limit=100");
    for scan in scans["scans"].as_array().unwrap() {
        let counts = read["counts"][scan["id"].as_str().unwrap()].as_array().unwrap();
        let (gate, counts) = counts.split_last().unwrap();
        let total: u64 = counts.iter().filter_map(Value::as_u64).sum();
        assert_eq!(scan["_count"]["findings"], total);
        assert_eq!(scan["gateResult"], gate.as_str().unwrap().to_uppercase());
    }
}

#[test]
fn every_event_is_there_as_the_log_has_it() {
    let place = demo();
    let events = events(&place);
    place.run(&["export", "parquet", "--out", "lake"]).done();
    let read = read(&place, "lake", &[]);
    let lines = place.run(&["export", "events"]).done();
    let rows = read["events"].as_array().unwrap();
    assert_eq!(rows.len(), events.len());
    for ((row, event), line) in rows.iter().zip(&events).zip(lines.lines()) {
        let fields = ["position", "id", "stream", "version", "type", "schema"];
        for (index, field) in fields.iter().enumerate() {
            assert_eq!(row[index], event[field], "{field}");
        }
        let (data, metadata) = (row[6].as_str().unwrap(), row[7].as_str().unwrap());
        assert!(line.contains(&format!("\"data\":{data},\"metadata\":{metadata},")), "byte for byte: {line}");
        assert_eq!(row[8], instant(event));
    }
    // Intervals begin and end with events, at the times of these.
    let time = |position: &Value| instant(&events[position.as_u64().unwrap() as usize - 1]);
    let intervals = read["intervals"].as_array().unwrap();
    assert!(intervals.len() > 45 && intervals.iter().any(|interval| !interval[2].is_null()));
    for interval in intervals {
        assert_eq!(interval[1], time(&interval[0]));
        match &interval[2] {
            Value::Null => assert_eq!(interval[3], Value::Null),
            to => assert_eq!(interval[3], time(to)),
        }
    }
}

#[test]
fn an_export_of_the_past_knows_nothing_of_what_came_later() {
    let place = demo();
    let events = events(&place);
    let triaged = events.iter().find(|event| event["type"] == "finding.triaged").unwrap();
    let before = triaged["position"].as_u64().unwrap() - 1;
    place.run(&["export", "parquet", "--out", "then", "--as-of", &before.to_string()]).done();
    place.run(&["export", "parquet", "--out", "now"]).done();
    let (then, now) = (read(&place, "then", &[before]), read(&place, "now", &[before]));
    assert_eq!(then["upTo"]["findings"], before.to_string());
    assert_eq!(then["events"].as_array().unwrap().len() as u64, before);
    assert_eq!(findings(&then, before), findings(&now, before));
    assert!(
        then["intervals"].as_array().unwrap().iter().all(|interval| interval[0].as_u64().unwrap() <= before)
    );
    assert_eq!(then["types"], now["types"]);
    assert_eq!(
        (&then["types"]["events"]["recorded_at"], &then["types"]["findings"]["valid_to"]),
        (&json!("timestamp[us, tz=UTC]"), &json!("int64"))
    );
}

#[test]
fn personal_data_stays_sealed() {
    let place = Place::set_up();
    place.run(&["export", "parquet", "--out", "lake"]).done();
    let read = read(&place, "lake", &[]);
    assert!(!read.to_string().contains("ana@acme.example"));
    assert!(read["events"].as_array().unwrap().iter().any(|event| event[4] == "user.registered"));
    assert_eq!(read["intervals"], json!([]));
}

#[test]
fn read_models_of_another_log_are_not_taken() {
    let place = Place::set_up();
    place.run(&["rebuild"]).done();
    let events = events(&place);
    let log = Connection::open(place.data().join("log.db")).unwrap();
    assert_eq!(log.execute("UPDATE log SET identity = randomblob(16)", []).unwrap(), 1);
    let json = place.run(&["export", "parquet", "--out", "lake", "--json"]).json();
    assert_eq!((&json["position"], &json["files"][0]["rows"]), (&events.len().into(), &events.len().into()));
}

#[test]
fn files_that_are_there_are_not_written_over() {
    let place = Place::set_up();
    let said = place.run(&["export", "parquet", "--out", "lake"]).done();
    assert!(said.contains("lake/events.parquet  ") && said.ends_with('\n'), "{said}");
    let names = || {
        let files = std::fs::read_dir(place.beside("lake")).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["events.parquet", "findings.parquet", "scans.parquet"]);
    std::fs::remove_file(place.beside("lake/events.parquet")).unwrap();
    let refused = place.run(&["export", "parquet", "--out", "lake"]).fails(4);
    assert!(refused.contains("lake/findings.parquet is there already"), "{refused}");
    assert_eq!(names(), ["findings.parquet", "scans.parquet"]);
}
