//! Read models of other versions in the same folder.

use crate::shell::Place;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);

fn there(place: &Place, revision: &str) -> usize {
    let files = std::fs::read_dir(place.data()).expect("there is a data folder").flatten();
    files.filter(|file| file.file_name().to_string_lossy().starts_with(&format!("views-{revision}"))).count()
}

/// What a version leaves that serves the folder, and one that prepares to do so.
fn leave(place: &Place, former: &str, prepared: &str) {
    for name in [format!("views-{former}-7.db"), format!("views-{former}-7.db-wal")] {
        std::fs::write(place.data().join(name), b"").expect("a file can be written");
    }
    for name in [format!("views-{prepared}-1.db"), format!("views-{prepared}.prepared")] {
        std::fs::write(place.data().join(name), b"").expect("a file can be written");
    }
}

#[test]
fn a_server_removes_what_former_versions_left_and_leaves_what_was_prepared() {
    let place = Place::set_up();
    leave(&place, "00000000aaaa", "00000000bbbb");
    let server = place.serve();
    let began = Instant::now();
    while there(&place, "00000000aaaa") > 0 {
        assert!(began.elapsed() < PATIENCE, "the files of a former version stay");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(server.end("TERM").code(), Some(0));
    assert_eq!(there(&place, "00000000bbbb"), 2);
}

#[test]
fn what_is_prepared_is_marked_until_it_is_served() {
    let place = Place::set_up();
    let marks = || {
        let files = std::fs::read_dir(place.data()).expect("there is a data folder").flatten();
        files.filter(|file| file.file_name().to_string_lossy().ends_with(".prepared")).count()
    };
    place.run(&["rebuild", "--prepare"]).done();
    assert_eq!(marks(), 1);
    let server = place.serve();
    assert_eq!(marks(), 0);
    assert_eq!(server.end("TERM").code(), Some(0));
}

#[test]
fn an_erasure_removes_read_models_of_every_version() {
    let place = Place::set_up();
    let people = place.run(&["people", "list"]).done();
    let ana = people.split_whitespace().next().expect("there is somebody");
    leave(&place, "00000000aaaa", "00000000bbbb");
    place.run(&["people", "erase", ana]).done();
    assert_eq!(there(&place, "00000000"), 0);
    place.run(&["verify"]).done();
}
