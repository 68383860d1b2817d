//! `people`.

use crate::shell::{Place, Server};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::path::Path;

const NAME: &str = "Ana Lopez";
const EMAIL: &str = "ana.lopez@acme.example";
const BROWSER: &str = "AnasBrowser/77.3";

/// A place that Ana set up, her id and her API key.
pub fn anas_place() -> (Place, String, String) {
    let place = Place::new();
    let made = place.run(&["setup", "--organization", "Acme", "--email", EMAIL, "--name", NAME]).json();
    let text = |field: &str| made[field].as_str().expect("an id is text").to_owned();
    let (user, key) = (text("userId"), text("apiKey"));
    (place, user, key)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
}

/// What the server answers.
fn ask(server: &Server, request: reqwest::RequestBuilder) -> (u16, Value) {
    runtime().block_on(async {
        let answer = request.header("user-agent", BROWSER).send().await.expect("the server answers");
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap_or_else(|error| panic!("{}: {error}", server.url));
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    })
}

fn get(server: &Server, key: &str, path: &str) -> (u16, Value) {
    ask(server, reqwest::Client::new().get(format!("{}{path}", server.url)).bearer_auth(key))
}

/// Makes a project with a key, in a browser.
pub fn make_project(server: &Server, key: &str, name: &str) -> (u16, Value) {
    let url = format!("{}/api/projects", server.url);
    ask(server, reqwest::Client::new().post(url).bearer_auth(key).json(&json!({ "name": name })))
}

fn list(place: &Place) -> Vec<Value> {
    place.run(&["people", "list", "--json"]).json()["people"].as_array().expect("people are a list").clone()
}

/// The one entry of the audit log of an action.
fn entry(server: &Server, key: &str, action: &str) -> Value {
    let (status, page) = get(server, key, &format!("/api/audit-log?action={action}"));
    assert_eq!(status, 200, "{page}");
    assert_eq!(page["entries"].as_array().map(Vec::len), Some(1), "{page}");
    page["entries"][0].clone()
}

fn admin_key(place: &Place) -> String {
    place.run(&["key", "create", "--name", "admin", "--role", "admin"]).done().trim().to_owned()
}

/// What a subject's key is in the state store: under the server's key, so that these bytes are the key.
fn wrapped_key(place: &Place, subject: &str) -> Option<Vec<u8>> {
    let state = Connection::open(place.data().join("state.db")).expect("there is a state store");
    let subject: uuid::Uuid = subject.parse().expect("a subject is an id");
    let sql = "SELECT wrapped FROM subject_key WHERE subject = ?1";
    state.query_row(sql, [&subject.as_bytes()[..]], |row| row.get(0)).ok()
}

/// The files below `folder` in which `bytes` stand.
fn files_with(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() {
            found.extend(files_with(&path, bytes));
        } else if path.is_file()
            && std::fs::read(&path)
                .expect("a file can be read")
                .windows(bytes.len())
                .any(|part| part == bytes)
        {
            found.push(path.display().to_string());
        }
    }
    found
}

fn views_files(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.data()).expect("a folder can be read").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with("views-") && name.ends_with(".db")).collect()
}

#[test]
fn people_are_listed_with_what_is_needed_to_find_them() {
    let (place, user, _) = anas_place();
    let said = place.run(&["people", "list"]).done();
    assert_eq!(said, format!("{user}  {NAME}  <{EMAIL}>\n"));
    let people = list(&place);
    assert_eq!(people.len(), 1);
    assert_eq!((&people[0]["id"], &people[0]["standing"]), (&json!(user), &json!("known")));
    let _server = place.serve();
    assert_eq!(list(&place), people);
}

#[test]
fn nothing_of_an_erased_person_can_be_read_and_every_proof_of_before_stays_valid() {
    let (place, user, key) = anas_place();
    let server = place.serve();
    assert_eq!(make_project(&server, &key, "shop").0, 201);
    let made = entry(&server, &key, "project.created");
    assert_eq!((&made["user"]["name"], &made["userAgent"]), (&json!(NAME), &json!(BROWSER)));
    assert_eq!(server.end("TERM").code(), Some(0));
    place.run(&["audit", "checkpoint", "--now"]).done();
    let verifier = place.run(&["audit", "key"]).done();
    place.run(&["audit", "bundle", "--out", "before.ndjson"]).done();
    let wrapped = wrapped_key(&place, &user).expect("she has a key");
    assert!(!files_with(&place.data(), &wrapped).is_empty());
    let views = views_files(&place);

    let said = place.run(&["people", "erase", &user]).done();
    assert!(said.contains(&format!("person {user} is erased")), "{said}");
    assert_eq!(wrapped_key(&place, &user), None);
    // Freed pages and write-ahead logs included.
    assert_eq!(files_with(&place.data(), &wrapped), Vec::<String>::new());
    assert!(views_files(&place).len() == 1 && views_files(&place) != views);
    place.run(&["backup", "--out", "later.tar", "--keys-out", "later.json"]).done();
    place.run(&["export", "events"]).done().lines().for_each(|line| assert!(!line.contains(NAME)));
    for clear in [NAME, EMAIL, BROWSER, "127.0.0.1"] {
        assert_eq!(files_with(&place.beside("."), clear.as_bytes()), Vec::<String>::new(), "{clear}");
    }
    assert!(place.run(&["verify"]).done().contains("everything agrees"));
    place.run(&["audit", "verify", "before.ndjson", "--key", verifier.trim()]).done();

    assert_eq!(place.run(&["people", "list"]).done(), format!("{user}  erased person\n"));
    assert_eq!(list(&place)[0]["standing"], "erased");
    let admin = admin_key(&place);
    let server = place.serve();
    let made = entry(&server, &admin, "project.created");
    assert_eq!(made["user"], json!({ "id": user, "name": "erased person", "email": null }));
    assert_eq!((&made["ipAddress"], &made["userAgent"]), (&Value::Null, &Value::Null));
    let erased = entry(&server, &admin, "user.erased");
    assert_eq!((&erased["resource"], &erased["resourceId"]), (&json!("user"), &json!(user)));
    assert_eq!(
        (&erased["actor"]["kind"], &erased["details"]),
        (&json!("operator"), &json!({ "user": user }))
    );
}

#[test]
fn a_running_server_forgets_a_person_and_ends_their_api_keys() {
    let (place, user, key) = anas_place();
    let admin = admin_key(&place);
    let server = place.serve();
    assert_eq!(make_project(&server, &key, "shop").0, 201);
    place.run(&["people", "erase", &user, "--json"]).json();
    assert_eq!(get(&server, &key, "/api/projects").0, 401);
    assert_eq!(make_project(&server, &admin, "other").0, 201);
    assert_eq!(entry(&server, &admin, "user.created")["details"], json!({ "user": user }));
    assert_eq!(place.run(&["people", "list"]).done(), format!("{user}  erased person\n"));
    assert!(place.run(&["verify"]).done().contains("everything agrees"));
}

#[test]
fn an_api_key_that_they_alone_used_is_erased_with_them() {
    let (place, user, _) = anas_place();
    let admin = admin_key(&place);
    let made = place.run(&["key", "create", "--name", "laptop", "--json"]).json();
    let (id, token) = (made["id"].as_str().unwrap(), made["apiKey"].as_str().unwrap());
    let server = place.serve();
    assert_eq!(make_project(&server, token, "shop").0, 201);
    assert!(wrapped_key(&place, id).is_some());
    // More than the person comes later, too.
    place.run(&["people", "erase", &user]).done();
    assert_eq!(get(&server, token, "/api/projects").0, 200);
    place.run(&["people", "erase", &user, "--key", id]).done();
    assert_eq!(wrapped_key(&place, id), None);
    assert_eq!(get(&server, token, "/api/projects").0, 401);
    let made = entry(&server, &admin, "project.created");
    assert_eq!((&made["ipAddress"], &made["userAgent"]), (&Value::Null, &Value::Null));
}

#[test]
fn erasing_again_changes_nothing() {
    let (place, user, _) = anas_place();
    place.run(&["people", "erase", &user]).done();
    let (before, views) = (place.run(&["export", "events"]).done(), views_files(&place));
    assert!(before.contains(r#""type":"user.erased""#));
    place.run(&["people", "erase", &user]).done();
    assert_eq!((place.run(&["export", "events"]).done(), views_files(&place)), (before, views));
}

#[test]
fn who_is_not_there_or_another_ones_key_cannot_be_erased() {
    let (place, user, _) = anas_place();
    let nobody = "018f0000-0000-7000-8000-000000000000";
    let before = place.run(&["export", "events"]).done();
    let why = place.run(&["people", "erase", nobody]).fails(4);
    assert!(why.contains("there is no person") && why.contains("people list"), "{why}");
    let why = place.run(&["people", "erase", &user, "--key", nobody]).fails(4);
    assert!(why.contains("there is no API key"), "{why}");
    place.run(&["people", "erase", "ana"]).fails(2);
    assert_eq!(place.run(&["export", "events"]).done(), before);
    let empty = Place::new();
    for command in [&["people", "list"][..], &["people", "erase", nobody]] {
        assert!(empty.run(command).fails(4).contains("there is no data in"));
    }
}
