//! `rebuild`.

use crate::shell::Place;

fn views(place: &Place) -> Vec<String> {
    let files = std::fs::read_dir(place.data()).expect("there is a data folder").flatten();
    let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("views-") && name.ends_with(".db")).collect()
}

#[test]
fn read_models_are_built_anew_and_say_the_same() {
    let place = Place::set_up();
    let before = views(&place);
    let json = place.run(&["rebuild", "--json"]).json();
    assert!(
        json["position"].as_u64().unwrap() > 0 && json["eventsPerSecond"].as_f64().unwrap() > 0.0,
        "{json}"
    );
    assert_ne!(views(&place), before);
    place.run(&["verify"]).done();
}

#[test]
fn a_running_server_builds_and_swaps() {
    let place = Place::set_up();
    let server = place.serve();
    assert!(place.run(&["rebuild"]).done().starts_with("built up to position "));
    place.run(&["key", "create", "--name", "after"]).done();
    assert_eq!(server.end("TERM").code(), Some(0));
    assert_eq!(views(&place).len(), 1);
    place.run(&["verify"]).done();
}

#[test]
fn what_a_running_server_serves_need_not_be_prepared() {
    let place = Place::set_up();
    place.run(&["rebuild", "--prepare"]).done();
    let _server = place.serve();
    assert!(place.run(&["rebuild", "--prepare"]).fails(4).contains("serves these read models already"));
}
