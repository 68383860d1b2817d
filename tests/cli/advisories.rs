//! `advisories import`.

use crate::shell::{Place, advisories};
use serde_json::Value;

fn sum(summary: &Value, field: &str) -> u64 {
    let files = summary["files"].as_array().expect("there is a list of files");
    files.iter().map(|file| file[field].as_u64().expect("counts are numbers")).sum()
}

fn imports(place: &Place) -> usize {
    place.run(&["export", "events", "--type", "advisories.imported"]).done().lines().count()
}

#[test]
fn importing_the_same_again_changes_nothing() {
    let place = Place::new();
    let first = place.import().json();
    assert_eq!((first["generation"].as_u64(), sum(&first, "added"), sum(&first, "broken")), (Some(1), 42, 0));
    let again = place.import().json();
    assert_eq!(
        (again["generation"].as_u64(), sum(&again, "added"), sum(&again, "unchanged")),
        (Some(1), 0, 42)
    );
    assert_eq!(imports(&place), 1);
}

#[test]
fn an_import_goes_through_the_server_that_has_the_folder() {
    let place = Place::set_up();
    let _server = place.serve();
    assert_eq!(place.import().json()["generation"], 1);
    let report = place.run(&["advisories", "import", &advisories("npm")]).done();
    assert!(report.contains("9 records of npm (0 added, 0 changed, 0 withdrawn, 9 unchanged)"), "{report}");
    assert!(report.ends_with("generation 1 is in force\n"), "{report}");
    assert_eq!(imports(&place), 1);
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let place = Place::new();
    assert!(place.run(&["advisories", "import", "nowhere.zip"]).fails(4).contains("nowhere.zip"));
    assert!(!place.data().exists());
}

#[test]
fn a_broken_record_hinders_no_other() {
    let place = Place::new();
    let folder = place.beside("osv");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("broken.json"), "{").unwrap();
    let ran = place.run(&["advisories", "import", "--json", "osv", &advisories("npm")]);
    let summary: Value = serde_json::from_str(&ran.out).unwrap();
    assert!(ran.fails(3).contains("osv"), "a source that gave nothing is named");
    assert_eq!((sum(&summary, "broken"), sum(&summary, "added")), (1, 9));
    assert!(summary["files"][0]["problems"][0].as_str().unwrap().starts_with("broken.json: "));
}

#[test]
fn what_gives_no_record_is_no_import() {
    let place = Place::new();
    // What a download leaves behind that found no file, and a folder of something else.
    std::fs::write(place.beside("npm.zip"), "<html><body>404 Not Found</body></html>").unwrap();
    std::fs::create_dir(place.beside("nothing")).unwrap();
    let ran = place.run(&["advisories", "import", "npm.zip", "nothing"]);
    assert!(ran.out.contains("0 records"), "{}", ran.out);
    let complaint = ran.fails(4);
    assert!(complaint.contains("npm.zip") && complaint.contains("nothing"), "{complaint}");
    assert_eq!(imports(&place), 0);
}
