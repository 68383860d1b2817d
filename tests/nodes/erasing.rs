//! Somebody is erased on one node: what is left of them on another one that runs, and in the database that both share.

use crate::node::{Node, eventually, send};
use crate::place::{Place, Role};
use reqwest::Method;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;

const NAME: &str = "Bea Quillharbour";
const EMAIL: &str = "bea.quillharbour@acme.example";
const PASSWORD: &str = "violet harbour 7";
/// How long somebody else may be writing to read models.
const BUSY: Duration = Duration::from_secs(10);

/// Somebody with an account, who makes a project of that name on this node: their id, and the position.
async fn person(node: &Node, name: &str, email: &str, project: &str) -> (String, u64) {
    let invited = node.post("/api/users", &json!({ "email": email, "role": "ADMIN" })).await.expect(201);
    let token = invited["link"].as_str().unwrap().split_once("?token=").unwrap().1;
    let body = json!({ "invitationToken": token, "password": PASSWORD, "name": name });
    let made = node.post("/api/auth/register", &body).await.expect(201);
    let signed_in =
        node.post("/auth/login", &json!({ "email": email, "password": PASSWORD })).await.expect(200);
    let access = signed_in["access_token"].as_str().unwrap();
    let project = node.request_as(access, Method::POST, "/api/projects").json(&json!({ "name": project }));
    let project = send(project).await;
    project.expect(201);
    (made["user"]["id"].as_str().unwrap().to_owned(), project.position())
}

/// What a node shows of the person who made a project.
async fn maker(node: &Node, person: &str, position: u64) -> Value {
    let page = node.get_at("/api/audit-log?action=project.created", position).await;
    let entries = page["entries"].as_array().unwrap();
    let entry = entries.iter().find(|entry| entry["actor"]["id"] == person);
    entry.unwrap_or_else(|| panic!("{person} made no project: {page}"))["user"].clone()
}

/// The files below a folder in which `bytes` stand.
fn files_with(folder: &Path, bytes: &[u8]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_with(&path, bytes));
        } else if path.is_file()
            // One that is gone by now holds nothing.
            && std::fs::read(&path).is_ok_and(|held| held.windows(bytes.len()).any(|part| part == bytes))
        {
            found.push(path);
        }
    }
    found
}

fn views(node: &Node) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(&node.folder).unwrap().flatten().map(|entry| entry.path());
    let is_views = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("views-") && name.ends_with(".db")
    };
    entries.filter(is_views).collect()
}

/// Whether bytes are in the file that the database keeps keys in.
fn is_in_database(place: &Place, hex: &str) -> bool {
    place.database.ask("CHECKPOINT");
    let file = "pg_read_binary_file(pg_relation_filepath('scanledger_state.subject_key'))";
    place.database.ask(&format!("SELECT position('\\x{hex}'::bytea IN {file}) > 0")) == ["t"]
}

/// Puts what read models must not hold into those of a running node, and into those of a former version beside them, as
/// a version with a mistake would.
fn put_into_views(node: &Node, secrets: &[&[u8]]) {
    let [file] = &views(node)[..] else { panic!("a node has one file of read models") };
    let connection = Connection::open(file).unwrap();
    connection.busy_timeout(BUSY).unwrap();
    connection.execute_batch("CREATE TABLE mistake (held BLOB NOT NULL)").unwrap();
    for secret in secrets {
        connection.execute("INSERT INTO mistake (held) VALUES (?1)", [secret]).unwrap();
    }
    std::fs::write(node.folder.join("views-00000000aaaa-1.db"), secrets.concat()).unwrap();
}

#[tokio::test]
async fn who_is_erased_on_one_node_is_in_no_file_of_the_other_and_both_show_an_erased_person() {
    let place = Place::set_up().await;
    let (a, b) = tokio::join!(place.start("a", Role::Api), place.start("b", Role::Api));
    let (bea, _) = person(&b, NAME, EMAIL, "hers").await;
    let (cem, position) = person(&b, "Cem", "cem@acme.example", "his").await;
    for node in [&a, &b] {
        let shown = maker(node, &bea, position).await;
        assert_eq!(shown, json!({ "id": bea, "name": NAME, "email": EMAIL }), "{}", node.name);
    }
    let hers =
        format!("SELECT encode(wrapped, 'hex') FROM scanledger_state.subject_key WHERE subject = '{bea}'");
    let wrapped_hex = place.database.ask(&hers).pop().unwrap();
    let wrapped = hex::decode(&wrapped_hex).unwrap();
    let secrets: [&[u8]; 4] = [NAME.as_bytes(), EMAIL.as_bytes(), &wrapped, wrapped_hex.as_bytes()];

    // Read models have what is personal as the log has it: sealed.
    let sealed = format!("v1.{}.", bea.replace('-', ""));
    for node in [&a, &b] {
        assert!(!files_with(&node.folder, sealed.as_bytes()).is_empty(), "{}", node.name);
        for secret in secrets {
            assert_eq!(files_with(&node.folder, secret), [] as [PathBuf; 0], "{}", node.name);
        }
    }
    put_into_views(&b, &secrets);
    for secret in secrets {
        assert!(files_with(&b.folder, secret).len() > 1, "in the present read models and in former ones");
    }
    assert!(is_in_database(&place, &wrapped_hex));

    let before = [views(&a), views(&b)];
    place.run_on("a", &["people", "erase", &bea]).await;
    let done = |node: &Node| {
        let name = format!("erasures/{}", node.id());
        format!("SELECT count(*) FROM scanledger_state.checkpoint WHERE name = '{name}'")
    };
    eventually("the other node has done its part", async || place.database.ask(&done(&b)) == ["1"]).await;
    for (node, before) in [&a, &b].into_iter().zip(before) {
        let after = views(node);
        assert!(after.len() == 1 && after != before, "{}: {before:?}, {after:?}", node.name);
        let shown = maker(node, &bea, position).await;
        assert_eq!(shown, json!({ "id": bea, "name": "erased person", "email": null }), "{}", node.name);
        assert_eq!(maker(node, &cem, position).await["name"], "Cem", "{}", node.name);
    }
    // Data folders of both, what they log, and blobs.
    for secret in secrets {
        assert_eq!(files_with(&place.path("."), secret), [] as [PathBuf; 0]);
    }
    assert_eq!(place.database.ask(&hers), [] as [&str; 0]);
    eventually("the key is not in the files of the database", async || !is_in_database(&place, &wrapped_hex))
        .await;

    a.end().await;
    b.end().await;
    for node in ["a", "b"] {
        place.run_on(node, &["verify"]).await;
    }
    assert!(place.log().await.iter().all(|line| !line.contains(NAME) && !line.contains(EMAIL)));
}
