//! Copies of read models that nodes leave for each other, and what becomes of them when somebody is to be forgotten.

use crate::node::{Node, eventually};
use crate::place::{Place, Role};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Every copy is worth its bytes.
const SHARING: [(&str, &str); 1] = [("SCANLEDGER_SHARE_VIEWS", "1")];

/// The list of copies, as it is stored.
fn list(place: &Place) -> Value {
    let sql =
        "SELECT convert_from(value, 'UTF8') FROM scanledger_state.checkpoint WHERE name = 'views/copies'";
    place.database.ask(sql).pop().map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
}

fn copy_of(list: &Value) -> Option<String> {
    Some(list["copies"].as_array()?.first()?["blob"].as_str()?.to_owned())
}

/// The files below a folder with these bytes in their name.
fn files(folder: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, name));
        } else if path.to_string_lossy().contains(name) {
            found.push(path);
        }
    }
    found
}

/// Waits for a copy that is not the one `before`.
async fn shared(place: &Place, before: Option<&str>) -> String {
    let mut copy = None;
    eventually("a copy is shared", async || {
        copy = copy_of(&list(place));
        copy.is_some() && copy.as_deref() != before
    })
    .await;
    copy.unwrap()
}

#[tokio::test]
async fn no_copy_of_read_models_outlives_the_person_who_is_in_it() {
    let place = Place::set_up().await;
    let blobs = place.path("blobs");
    let sharing = async || {
        let node: Node = place.launch("a", Role::Api, &SHARING).await;
        node.ready().await;
        node
    };
    let a = sharing().await;
    let first = shared(&place, None).await;
    assert_eq!(files(&blobs, &first).len(), 1);

    // A newer one takes its place, also when the older one is of another revision.
    place.database.ask(
        "UPDATE scanledger_state.checkpoint SET value = convert_to(replace(convert_from(value, 'UTF8'),
         '\"revision\":\"', '\"revision\":\"0'), 'UTF8') WHERE name = 'views/copies'",
    );
    a.post("/api/projects", &json!({ "name": "shop" })).await.expect(201);
    let second = shared(&place, Some(&first)).await;
    eventually("the older copy is removed", async || files(&blobs, &first).is_empty()).await;
    assert_eq!(files(&blobs, &second).len(), 1);
    a.end().await;

    // What versions before and to come have left in the folder of a node that shares nothing.
    let b = place.start("b", Role::Api).await;
    for name in ["views-00000000aaaa-1.db", "views-00000000bbbb-1.db", "views-00000000bbbb.prepared"] {
        std::fs::write(b.folder.join(name), b"").unwrap();
    }
    let people = place.run(&["people", "list"]).await;
    let ana = people.split_whitespace().next().unwrap();
    place.run_on("b", &["people", "erase", ana]).await;
    assert_eq!(files(&blobs, &second), [] as [PathBuf; 0]);
    assert_eq!(list(&place)["copies"], json!([]));
    assert_eq!(files(&b.folder, "views-0000"), [] as [PathBuf; 0]);
    b.end().await;

    // A node that has built its own anew shares them again.
    let a = sharing().await;
    let third = shared(&place, None).await;
    assert_eq!(files(&blobs, &third).len(), 1);
    a.end().await;
    place.run_on("a", &["verify"]).await;
}
