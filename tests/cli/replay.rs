//! `replay`.

use crate::api::{Api, Finding, in_api_words};
use crate::shell::Place;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use std::path::Path;

/// The events of a place, as `export events` writes them.
pub fn events(place: &Place) -> Vec<Value> {
    let out = place.run(&["export", "events"]).done();
    out.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect()
}

/// A place with the data of the demo: two scans, two decisions.
pub fn demo() -> Place {
    let place = Place::new();
    place.run(&["demo", "--exit", "--data", place.data().to_str().expect("the path is text")]).done();
    place
}

/// The positions of the events of a type.
fn positions_of(events: &[Value], kind: &str) -> Vec<u64> {
    let of_kind = events.iter().filter(|event| event["type"] == kind);
    of_kind.map(|event| event["position"].as_u64().expect("a position is a number")).collect()
}

/// Positions at which lists differ: before and after each scan and each decision, and the last one.
pub fn moments(events: &[Value]) -> Vec<u64> {
    let kinds = ["project.created", "branch.scanned", "finding.triaged", "incident.triaged"];
    let mut moments: Vec<u64> =
        kinds.iter().flat_map(|kind| positions_of(events, kind)).flat_map(|at| [at - 1, at]).collect();
    moments.push(events.len() as u64);
    moments.retain(|at| *at >= positions_of(events, "project.created")[0]);
    moments.sort_unstable();
    moments.dedup();
    moments
}

fn open(path: &Path) -> Connection {
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("the file can be opened")
}

fn findings(file: &Connection) -> Vec<Finding> {
    let sql =
        "SELECT finding_id, state, severity, path, rule, title FROM analyst_findings ORDER BY finding_id";
    let mut select = file.prepare(sql).expect("the view is there");
    let rows = select.query_map([], |row| {
        let mut finding = Finding::default();
        for (index, field) in finding.iter_mut().enumerate() {
            *field = row.get(index)?;
        }
        Ok(finding)
    });
    rows.expect("the view can be read").map(|row| in_api_words(row.expect("a row is text"))).collect()
}

#[test]
fn the_file_says_what_the_api_says_as_of_the_same_position() {
    let place = demo();
    let moments = moments(&events(&place));
    assert!(moments.len() > 8, "{moments:?}");
    let api = Api::start(&place);
    let mut seen = vec![];
    for at in moments {
        let out = place.beside(&format!("at-{at}.db"));
        let file = out.to_str().unwrap();
        let json = place.run(&["replay", "--as-of", &at.to_string(), "--out", file, "--json"]).json();
        assert_eq!((&json["position"], &json["events"]), (&at.into(), &at.into()));
        let replayed = findings(&open(&out));
        assert_eq!(replayed, api.findings(at), "as of {at}");
        seen.push(replayed.len());
    }
    assert!(seen.contains(&0) && seen.contains(&40), "{seen:?}");
}

#[test]
fn an_instant_is_the_last_event_by_then() {
    let place = Place::set_up();
    let events = events(&place);
    let at = |as_of: &str, file: &str| {
        place.run(&["replay", "--as-of", as_of, "--out", file, "--json"]).json()["position"].as_u64().unwrap()
    };
    for event in &events {
        let position = event["position"].as_u64().unwrap();
        let instant = event["recordedAt"].as_str().unwrap();
        assert_eq!(at(instant, &format!("{position}.db")), position);
    }
    assert_eq!(at("2020-01-01T00:00:00Z", "before.db"), 0);
    assert_eq!(at("2999-01-01T00:00:00+02:00", "after.db"), events.len() as u64);
    assert_eq!(at("now", "now.db"), events.len() as u64);
    let early = open(&place.beside("before.db"));
    assert_eq!(findings(&early), [[""; 6]; 0]);
}

#[test]
fn a_file_is_made_once_and_is_one_file() {
    let place = demo();
    let said = place.run(&["replay", "--as-of", "now", "--out", "now.db"]).done();
    assert!(said.starts_with("replayed ") && said.contains(" events into now.db in "), "{said}");
    let before = std::fs::read(place.beside("now.db")).unwrap();
    let refused = place.run(&["replay", "--as-of", "1", "--out", "now.db"]).fails(4);
    assert!(refused.contains("now.db is there already"), "{refused}");
    assert_eq!(std::fs::read(place.beside("now.db")).unwrap(), before);
    let beside: Vec<_> =
        std::fs::read_dir(place.beside(".")).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(beside.len(), 2, "the data and the file: {beside:?}");
    let file = open(&place.beside("now.db"));
    let mode: String = file.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "delete");
    let scans = "SELECT count(*), min(status), max(critical + high) FROM analyst_scans WHERE gate IN ('passed', 'failed')";
    let scans: (u32, String, u32) =
        file.query_row(scans, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    assert_eq!(scans, (2, "completed".to_owned(), 11));
}

#[test]
fn personal_data_stays_sealed() {
    let place = Place::set_up();
    place.run(&["replay", "--as-of", "now", "--out", "now.db"]).done();
    let bytes = std::fs::read(place.beside("now.db")).unwrap();
    assert!(!bytes.windows(16).any(|window| window == b"ana@acme.example"));
    let users: u32 =
        open(&place.beside("now.db")).query_row("SELECT count(*) FROM user", [], |row| row.get(0)).unwrap();
    assert_eq!(users, 1);
}

#[test]
fn what_lies_in_the_future_is_refused() {
    let place = Place::set_up();
    let refused = place.run(&["replay", "--as-of", "999", "--out", "x.db"]).fails(4);
    assert!(refused.contains("position 999 is beyond the end of the log at "), "{refused}");
    assert!(place.run(&["replay", "--as-of", "soon", "--out", "x.db"]).fails(2).contains("expected `now`"));
    assert!(!place.beside("x.db").exists());
    assert!(
        Place::new()
            .run(&["replay", "--as-of", "now", "--out", "x.db"])
            .fails(4)
            .contains("there is no data in")
    );
}
