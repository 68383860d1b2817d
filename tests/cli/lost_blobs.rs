//! Blobs that are gone from the store, and who says so.

use crate::replay::demo;
use crate::shell::Place;
use serde_json::Value;
use std::path::PathBuf;

/// The first scan's source and its project.
fn scanned(place: &Place) -> (String, String) {
    let queued = place.run(&["export", "events", "--type", "scan.queued"]).done();
    let queued: Value =
        serde_json::from_str(queued.lines().next().expect("there was a scan")).expect("it is JSON");
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    (text(&queued["data"]["source"]["blob"]), text(&queued["data"]["project"]))
}

fn file_of(place: &Place, blob: &str) -> PathBuf {
    place.data().join("blobs").join(&blob[..2]).join(blob)
}

fn delete(place: &Place, project: &str) {
    let key = place.run(&["key", "create", "--name", "mine", "--role", "admin"]).done();
    let server = place.serve();
    let url = format!("{}/api/projects/{project}", server.url);
    let request = reqwest::Client::new().delete(url).bearer_auth(key.trim());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let answer = runtime.block_on(request.send()).expect("the server answers");
    assert!(answer.status().is_success(), "{}", answer.status());
    assert_eq!(server.end("TERM").code(), Some(0));
}

#[test]
fn a_blob_that_is_lost_is_named_by_backup_and_verify_until_nothing_names_it() {
    let place = demo();
    let (source, project) = scanned(&place);
    place.run(&["verify", "--check-blobs"]).done();
    std::fs::remove_file(file_of(&place, &source)).expect("it was stored");

    let ran = place.run(&["backup", "--out", "whole.tar", "--json"]);
    assert!(ran.err.contains(&format!("blob {source} is not there")), "{}", ran.err);
    let done: Value = serde_json::from_str(&ran.out).expect("the output is JSON");
    assert_eq!((&done["lost"], &done["lostBlobs"]), (&1.into(), &Value::from(vec![source.clone()])));
    ran.fails(3);
    let why = place.run(&["backup", "--out", "hashes.tar", "--without-blobs"]).fails(3);
    assert!(why.contains(&source), "{why}");
    assert!(place.beside("whole.tar").exists() && place.beside("hashes.tar").exists());

    place.run(&["verify"]).done();
    let ran = place.run(&["verify", "--check-blobs"]);
    assert!(ran.out.contains(&format!("differs: blob {source} is missing\n")), "{}", ran.out);
    ran.fails(1);

    delete(&place, &project);
    place.run(&["backup", "--out", "later.tar"]).done();
    place.run(&["verify", "--check-blobs"]).done();
}

#[test]
fn a_store_that_is_gone_is_not_made_by_looking_for_it() {
    let place = demo();
    std::fs::remove_dir_all(place.data().join("blobs")).expect("it was there");
    let ran = place.run(&["verify", "--check-blobs", "--json"]);
    let said: Value = serde_json::from_str(&ran.out).expect("the output is JSON");
    let count = |value: &Value| value.as_u64().unwrap_or_default();
    let (blobs, checkpoints) = (count(&said["blobs"]), count(&said["storedCheckpoints"]["named"]));
    assert!(blobs > 3 && checkpoints > 0 && count(&said["differences"]) == blobs + checkpoints, "{said}");
    ran.fails(1);
    assert!(!place.data().join("blobs").exists());
}
