//! `people`.

use crate::shell::{Place, Server};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::path::Path;

const NAME: &str = "Ana Lopez";
const EMAIL: &str = "ana.lopez@acme.example";
const BROWSER: &str = "AnasBrowser/77.3";

/// A place that Ana set up, her id and an API key that acts for her.
pub fn anas_place() -> (Place, String, String) {
    let place = Place::new();
    let made = place.run(&["setup", "--organization", "Acme", "--email", EMAIL, "--name", NAME]).json();
    let user = made["userId"].as_str().expect("an id is text").to_owned();
    let key = place.run(&["key", "create", "--name", "hers", "--role", "admin", "--user", &user]).done();
    (place, user, key.trim().to_owned())
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

/// Somebody else registers; their id.
fn register(place: &Place, email: &str) -> String {
    let server = place.serve();
    let url = format!("{}/auth/register", server.url);
    let person = json!({ "email": email, "password": "correct horse battery staple" });
    let (status, made) = ask(&server, reqwest::Client::new().post(url).json(&person));
    assert_eq!(status, 201, "{made}");
    made["id"].as_str().expect("an id is text").to_owned()
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
    assert_eq!(said, format!("{user}  {NAME}  <{EMAIL}>  (runs the installation)\n"));
    let people = list(&place);
    assert_eq!(people.len(), 1);
    assert_eq!((&people[0]["id"], &people[0]["standing"]), (&json!(user), &json!("known")));
    assert_eq!(people[0]["rank"], "super_admin");
    assert!(people[0]["organizationId"].is_string());
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
    assert_eq!((&erased["actor"]["kind"], &erased["details"]["user"]), (&json!("operator"), &json!(user)));
    // What others said of whoever has her address is sealed for another.
    assert_eq!(erased["details"]["marks"].as_array().map(Vec::len), Some(1), "{erased}");
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
fn somebody_without_an_account_is_erased_by_what_others_call_them() {
    let (place, user, _) = anas_place();
    let eve = ["people", "erase", "--email", "Eve@elsewhere.example", "--login", "Lopez, Eve"];
    let said = place.run(&eve).done();
    let id = said.split_once("spoke of, ").expect("it names them").1.split_once(' ').expect("it goes on").0;
    assert!(said.contains("is erased") && !said.contains("elsewhere") && !said.contains("Lopez"), "{said}");
    let events = place.run(&["export", "events"]).done();
    assert!(
        events.contains(r#""type":"user.erased""#) && !events.to_lowercase().contains("eve@"),
        "{events}"
    );
    let again = place.run(&[&eve[..], &["--json"]].concat()).json();
    assert_eq!(again["id"], json!(id));
    let mut named_elsewhere = place.command(&["people", "erase", "--json"]);
    named_elsewhere.env("SCANLEDGER_ERASE_EMAIL", "eve@elsewhere.example");
    let ran = named_elsewhere.env("SCANLEDGER_ERASE_LOGIN", "Lopez, Eve").output().expect("the command runs");
    let again: Value = serde_json::from_slice(&ran.stdout).expect("the output is JSON");
    assert_eq!(again["id"], json!(id));
    assert_eq!(place.run(&["export", "events"]).done(), events);
    assert_eq!(list(&place)[0]["standing"], "known");
    let admin = admin_key(&place);
    let server = place.serve();
    assert_eq!(entry(&server, &admin, "user.erased")["resourceId"], json!(id));
    let why = place.run(&["people", "erase", "--email", EMAIL]).fails(4);
    assert!(why.contains(&format!("people erase {user}")) && !why.contains(EMAIL), "{why}");
    place.run(&["people", "erase"]).fails(2);
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

#[test]
fn who_may_not_sign_in_uses_no_key_either_and_comes_back() {
    let (place, user, key) = anas_place();
    let bob = register(&place, "bob@acme.example");
    let server = place.serve();
    place.run(&["people", "promote", "--email", "bob@acme.example"]).done();
    let said = place.run(&["people", "deactivate", "--email", "Ana.Lopez@acme.example"]).done();
    assert_eq!(said, format!("person {user} may not sign in, and their sessions are over\n"));
    assert_eq!(get(&server, &key, "/api/projects").0, 401);
    assert_eq!(list(&place)[0]["standing"], "inactive");
    let said = place.run(&["people", "list"]).done();
    assert!(said.contains("(may not sign in)") && said.contains(&format!("{bob}  ")), "{said}");
    let again = place.run(&["people", "deactivate", "--email", EMAIL, "--json"]).json();
    assert_eq!(again, json!({ "id": user, "position": null }));
    place.run(&["people", "activate", "--email", EMAIL]).done();
    assert_eq!(get(&server, &key, "/api/projects").0, 200);
    assert!(place.run(&["verify"]).done().contains("everything agrees"));
}

#[test]
fn an_operator_gives_somebody_another_password() {
    let (place, user, _) = anas_place();
    let set = ["people", "set-password", "--email", EMAIL];
    let refused = place.run_with(&set, "short\n").fails(4);
    assert!(refused.contains("8 to 128 characters") && !refused.contains("short\n"), "{refused}");
    let server = place.serve();
    let sign_in = |password: &str| {
        let url = format!("{}/auth/login", server.url);
        ask(&server, reqwest::Client::new().post(url).json(&json!({ "email": EMAIL, "password": password })))
            .0
    };
    assert_eq!(sign_in("correct horse battery"), 401);
    let said = place.run_with(&set, "correct horse battery\n").done();
    assert_eq!(said, format!("person {user} has another password, and their sessions are over\n"));
    assert_eq!(sign_in("correct horse battery"), 200);
    let events = place.run(&["export", "events", "--type", "user.password_set"]).done();
    assert!(events.lines().count() == 1 && events.contains(r#""kind":"operator""#), "{events}");
    assert!(!events.contains("battery") && !events.contains("argon2"), "{events}");
}

#[test]
fn somebody_always_runs_the_installation() {
    let (place, user, _) = anas_place();
    let bob = register(&place, "bob@acme.example");
    for command in ["demote", "deactivate"] {
        let why = place.run(&["people", command, "--email", EMAIL]).fails(4);
        assert!(why.contains("the last active super administrator has to stay"), "{why}");
    }
    let said = place.run(&["people", "promote", "--email", "bob@acme.example"]).done();
    assert_eq!(said, format!("person {bob} runs the installation\n"));
    assert!(place.run(&["people", "demote", "--email", EMAIL, "--json"]).json()["position"].is_u64());
    let ranks: Vec<_> = list(&place).iter().map(|person| person["rank"].clone()).collect();
    assert_eq!(ranks, ["ordinary", "super_admin"]);
    // Who runs nothing may be let out; who may not sign in runs nothing, and does again when they may.
    place.run(&["people", "deactivate", "--email", EMAIL]).done();
    place.run(&["people", "promote", "--email", EMAIL]).done();
    let why = place.run(&["people", "demote", "--email", "bob@acme.example"]).fails(4);
    assert!(why.contains("has to stay"), "{why}");
    place.run(&["people", "activate", "--email", EMAIL]).done();
    place.run(&["people", "demote", "--email", "bob@acme.example"]).done();
    let entries = place.run(&["export", "events", "--type", "user.rank_changed"]).done();
    assert!(entries.lines().all(|line| line.contains(r#""kind":"operator""#)), "{entries}");
    assert_eq!(entries.lines().filter(|line| line.contains(&user)).count(), 3);
}

#[test]
fn nobody_else_is_changed_for_an_address_that_nobody_has() {
    let (place, _, _) = anas_place();
    let before = place.run(&["export", "events"]).done();
    for command in ["promote", "demote", "activate", "deactivate"] {
        let why = place.run(&["people", command, "--email", "eve@acme.example"]).fails(4);
        assert!(why.contains("no person with this e-mail address") && !why.contains("eve@"), "{why}");
    }
    assert_eq!(place.run(&["export", "events"]).done(), before);
}

#[test]
fn who_registered_by_themselves_is_listed_and_can_be_erased() {
    let (place, user, _) = anas_place();
    let bob = register(&place, "bob@acme.example");
    let ids: Vec<_> = list(&place).iter().map(|person| person["id"].clone()).collect();
    assert_eq!(ids, [json!(user), json!(bob)]);
    let said = place.run(&["people", "list"]).done();
    assert!(said.ends_with(&format!("\n{bob}  <bob@acme.example>\n")), "{said}");
    let why = place.run(&["key", "create", "--name", "ci"]).fails(4);
    let acme = list(&place)[0]["organizationId"].as_str().unwrap().to_owned();
    assert!(why.contains("--organization") && why.contains(&format!("{acme}  Acme")), "{why}");
    place.run(&["key", "create", "--name", "ci", "--organization", &acme]).done();
    assert!(wrapped_key(&place, &bob).is_some());
    place.run(&["people", "erase", &bob]).done();
    assert_eq!(wrapped_key(&place, &bob), None);
    assert_eq!(list(&place)[1]["standing"], "erased");
    let why = place.run(&["people", "promote", "--email", "bob@acme.example"]).fails(4);
    assert!(why.contains("no person with this e-mail address"), "{why}");
}
