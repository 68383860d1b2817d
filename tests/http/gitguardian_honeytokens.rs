//! Honeytokens, as GitGuardian's clients make and read them.

use crate::gitguardian_tokens::{key, link, refused};
use crate::harness::{Answer, Api, Client, NOBODY, column, id};
use crate::honeytoken_uses::used;
use crate::pepper_browser::server;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use reqwest::Method;
use scanledger_domain::identity::{Role, Scope, Scopes};
use scanledger_domain::limits::HONEYTOKEN_PREFIXES;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

pub const HONEYTOKENS: &str = "/v1/honeytokens";
pub const EVENTS: &str = "/v1/honeytokens_events";
const OBFUSCATED: &str = "<GG>OBFUSCATED</GG>";

pub async fn made(client: &Client, name: &str) -> Value {
    client.post(HONEYTOKENS, &json!({ "name": name, "type": "AWS", "description": null })).await.expect(201)
}

pub fn access_id(honeytoken: &Value) -> &str {
    honeytoken["token"]["access_token_id"].as_str().unwrap()
}

pub fn secret_key(honeytoken: &Value) -> &str {
    honeytoken["token"]["secret_key"].as_str().unwrap()
}

pub async fn read(api: &Api, honeytoken: &Value) -> Value {
    api.get(&format!("{HONEYTOKENS}/{}", id(honeytoken))).await.expect(200)
}

pub async fn act(api: &Api, honeytoken: &Value, what: &str) -> Answer {
    api.post(&format!("{HONEYTOKENS}/{}/{what}", id(honeytoken)), &json!({})).await
}

async fn names(client: &Client, query: &str) -> Vec<String> {
    let listed = client.get(&format!("{HONEYTOKENS}?{query}")).await.expect(200);
    column(&listed, "name").into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_honeytoken_is_made_and_changed_and_revoked() {
    let api = server(|_| ()).await;
    let token = made(&api, "Old laptop").await;
    let keys: Vec<&str> = token.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "created_at",
        "creator_api_token_id",
        "creator_id",
        "custom_tags",
        "description",
        "gitguardian_url",
        "id",
        "name",
        "open_events_count",
        "revoked_at",
        "revoker_api_token_id",
        "revoker_id",
        "status",
        "tags",
        "token",
        "triggered_at",
        "type",
    ];
    assert_eq!(keys.into_iter().collect::<BTreeSet<_>>(), expected.into_iter().collect());
    assert_eq!((&token["status"], &token["type"]), (&json!("active"), &json!("AWS")));
    assert_eq!((&token["creator_id"], &token["triggered_at"]), (&Value::Null, &Value::Null));
    assert_eq!(token["creator_api_token_id"], json!(api.key_id().await));
    assert_eq!((access_id(&token).len(), secret_key(&token).len()), (20, 40));

    // Whoever does not ask for it is not shown the credential.
    let path = format!("{HONEYTOKENS}/{}", id(&token));
    assert_eq!(api.get(&path).await.expect(200).get("token"), None);
    assert_eq!(api.get(&format!("{path}?show_token=True")).await.expect(200)["token"], token["token"]);
    let listed = api.get(&format!("/exposed{HONEYTOKENS}?show_token=true")).await;
    assert_eq!(listed.expect(200)[0]["token"], token["token"]);

    // Names are its own, whatever the case, until it is revoked.
    refused(&api.post(HONEYTOKENS, &json!({ "name": "old LAPTOP" })).await, 409);
    let other = made(&api, "Wiki").await;
    refused(&api.patch(&path, &json!({ "name": "wiki" })).await, 409);
    let patch = json!({ "name": "Ana's laptop", "description": "in ~/.aws" });
    let changed = api.patch(&path, &patch).await.expect(200);
    assert_eq!((&changed["name"], &changed["description"]), (&json!("Ana's laptop"), &json!("in ~/.aws")));
    let cleared = api.patch(&path, &json!({ "description": null })).await.expect(200);
    assert_eq!((&cleared["name"], &cleared["description"]), (&json!("Ana's laptop"), &Value::Null));
    made(&api, "old laptop").await;

    refused(&act(&api, &token, "reset").await, 409);
    let revoked = act(&api, &token, "revoke").await.expect(200);
    assert_eq!((&revoked["status"], revoked["revoked_at"].is_string()), (&json!("revoked"), true));
    assert_eq!(revoked["revoker_api_token_id"], json!(api.key_id().await));
    for step in ["revoke", "reset"] {
        refused(&act(&api, &token, step).await, 409);
    }
    refused(&api.patch(&path, &json!({ "name": "x" })).await, 409);
    made(&api, "Ana's laptop").await;
    assert_ne!(access_id(&token), access_id(&other));
}

#[tokio::test]
async fn what_is_not_valid_is_refused() {
    let api = server(|_| ()).await;
    for bad in [
        json!({}),
        json!({ "name": "" }),
        json!({ "name": "x".repeat(101) }),
        json!({ "name": "two\nlines" }),
        json!({ "name": "x", "type": "GCP" }),
        json!({ "name": "x", "description": "x".repeat(2_001) }),
        json!({ "name": "x", "custom_tags": [{ "key": "env" }] }),
    ] {
        refused(&api.post(HONEYTOKENS, &bad).await, 400);
    }
    refused(&api.get(&format!("{HONEYTOKENS}/{NOBODY}")).await, 404);
    refused(&api.get(&format!("{HONEYTOKENS}/none")).await, 404);
    for query in ["ordering=colour", "status=lost", "type=GCP", "show_token=perhaps", "cursor=x"] {
        refused(&api.get(&format!("{HONEYTOKENS}?{query}")).await, 400);
    }
    assert_eq!(api.get(HONEYTOKENS).await.expect(200), json!([]));
}

#[tokio::test]
async fn lists_are_narrowed_ordered_and_paged() {
    let api = server(|_| ()).await;
    for name in ["beta", "Alpha", "delta", "gamma"] {
        made(&api, name).await;
    }
    let all = api.get(&format!("{HONEYTOKENS}?show_token=true")).await.expect(200);
    let [beta, alpha, delta] = [&all[0], &all[1], &all[2]];
    for token in [delta, alpha] {
        used(&api, access_id(token)).await;
    }
    act(&api, beta, "revoke").await.expect(200);
    let path = format!("{HONEYTOKENS}/{}", id(delta));
    api.patch(&path, &json!({ "description": "Behind the RIVER" })).await.expect(200);
    let (own, nobody) = (api.key_id().await, NOBODY);
    for (query, expected) in [
        ("", vec!["beta", "Alpha", "delta", "gamma"]),
        ("ordering=-created_at", vec!["gamma", "delta", "Alpha", "beta"]),
        ("ordering=name", vec!["Alpha", "beta", "delta", "gamma"]),
        ("ordering=-name", vec!["gamma", "delta", "beta", "Alpha"]),
        ("ordering=triggered_at", vec!["delta", "Alpha", "beta", "gamma"]),
        ("ordering=revoked_at&status=revoked,active", vec!["beta", "gamma"]),
        ("status=triggered", vec!["Alpha", "delta"]),
        ("search=river", vec!["delta"]),
        ("search=LPH", vec!["Alpha"]),
        ("type=AWS&per_page=1", vec!["beta"]),
        ("tags=publicly_exposed", vec![]),
        ("creator_id=1", vec![]),
        (&format!("creator_api_token_id={own}"), vec!["beta", "Alpha", "delta", "gamma"]),
        (&format!("creator_api_token_id={nobody}"), vec![]),
        (&format!("revoker_api_token_id={own}"), vec!["beta"]),
    ] {
        assert_eq!(names(&api, query).await, expected, "{query}");
    }
    for ordering in ["", "name", "-triggered_at", "revoked_at"] {
        let whole = names(&api, &format!("ordering={ordering}")).await;
        let (mut forth, mut path) = (vec![], format!("{HONEYTOKENS}?per_page=1&ordering={ordering}"));
        let last = loop {
            let page = api.get(&path).await;
            forth.extend(column(&page.expect(200), "name").into_iter().map(str::to_owned));
            match link(&api, &page, "next") {
                Some(next) => path = next,
                None => break page,
            }
        };
        assert_eq!(forth, whole, "{ordering}");
        let before = api.get(&link(&api, &last, "prev").unwrap()).await.expect(200);
        assert_eq!(column(&before, "name"), [whole[2].as_str()], "{ordering}");
    }
}

#[tokio::test]
async fn scopes_and_roles_say_who_sees_and_makes_them() {
    let api = server(|_| ()).await;
    let token = made(&api, "laptop").await;
    let path = format!("{HONEYTOKENS}/{}", id(&token));
    let reader = key(&api, "reader", |wanted| wanted.scopes = Scopes::from(Scope::HoneytokensRead)).await;
    reader.get(&path).await.expect(200);
    reader.get(&format!("{path}?show_token=true")).await.expect(200);
    assert!(
        refused(&reader.post(HONEYTOKENS, &json!({ "name": "x" })).await, 403).contains("honeytokens:write")
    );
    let writer = key(&api, "writer", |wanted| wanted.scopes = Scopes::from(Scope::HoneytokensWrite)).await;
    assert!(refused(&writer.get(&format!("{path}?show_token=true")).await, 403).contains("honeytokens:read"));
    made(&writer, "wiki").await;
    let developer = key(&api, "developer", |wanted| wanted.role = Role::Developer).await;
    for path in [HONEYTOKENS, EVENTS, &path] {
        refused(&developer.get(path).await, 403);
    }
    refused(&developer.post(HONEYTOKENS, &json!({ "name": "x" })).await, 403);
    let foreigner = api.foreigner().await;
    refused(&foreigner.get(&path).await, 404);
    refused(&foreigner.post(&format!("{path}/revoke"), &json!({})).await, 404);
    assert_eq!(names(&foreigner, "").await, [""; 0]);
    used(&api, access_id(&token)).await;
    assert_eq!(foreigner.get(EVENTS).await.expect(200), json!([]));
    // Names are an organization's own.
    made(&foreigner, "laptop").await;
    // A cursor that somebody made up stands nowhere, also where another organization's honeytoken is: "wiki" would
    // come after "laptop".
    for position in 0..150 {
        for made_up in [format!("p=&i={position}"), format!("r=1&p=&i={position}")] {
            let cursor = BASE64_STANDARD.encode(made_up).replace('+', "%2B");
            let path = format!("{HONEYTOKENS}?ordering=name&cursor={cursor}");
            assert_eq!(foreigner.get(&path).await.expect(200), json!([]), "{position}");
        }
    }
}

#[tokio::test]
async fn privacy_mode_hides_what_is_sensitive() {
    let api = server(|_| ()).await;
    let token = made(&api, "laptop").await;
    used(&api, access_id(&token)).await;
    let private = async |path: &str| {
        let request = api.request(Method::GET, path).header("X-Privacy-Mode", "true");
        api.send(request).await.expect(200)
    };
    let hidden = json!({ "access_token_id": OBFUSCATED, "secret_key": OBFUSCATED });
    assert_eq!(private(&format!("{HONEYTOKENS}?show_token=true")).await[0]["token"], hidden);
    let path = format!("{HONEYTOKENS}/{}?show_token=true", id(&token));
    assert_eq!(private(&path).await["token"], hidden);
    let event = &private(EVENTS).await[0];
    for said in
        [&event["ip_address"], &event["action"], &event["data"]["user_agent"], &event["data"]["service"]]
    {
        assert_eq!(said, OBFUSCATED);
    }
}

#[tokio::test]
async fn a_file_to_plant_holds_both_keys_and_where_they_go_off() {
    let api = server(|_| ()).await;
    let endpoint = format!("{}/decoy/aws", api.server.url());
    let path = format!("{HONEYTOKENS}/with-context");
    for (language, filename) in [
        ("python", "deploy.py"),
        ("javascript", "deploy.mjs"),
        ("typescript", "deploy.ts"),
        ("go", "deploy.go"),
        ("java", "Deploy.java"),
        ("ruby", "deploy.rb"),
        ("shell", "deploy.sh"),
        ("dotenv", ".env"),
        ("yaml", "deploy.yaml"),
        ("terraform", "main.tf"),
        ("ini", "home/.aws/credentials"),
    ] {
        let wanted =
            json!({ "name": language, "type": "AWS", "filename": filename, "project_extensions": "py,js" });
        let file = api.post(&path, &wanted).await.expect(200);
        assert_eq!((&file["language"], &file["filename"]), (&json!(language), &json!(filename)));
        assert!(file["suggested_commit_message"].as_str().unwrap().contains(filename));
        let honeytoken = format!("{HONEYTOKENS}/{}?show_token=true", file["honeytoken_id"].as_str().unwrap());
        let honeytoken = api.get(&honeytoken).await.expect(200);
        assert_eq!(
            (&honeytoken["name"], &honeytoken["gitguardian_url"]),
            (&json!(language), &file["gitguardian_url"])
        );
        let content = file["content"].as_str().unwrap();
        for part in [access_id(&honeytoken), secret_key(&honeytoken), &endpoint] {
            assert!(content.contains(part), "{content}");
        }
    }
    assert!(refused(&api.post(&path, &json!({ "language": "cobol" })).await, 400).contains("language"));
    refused(&api.post(&path, &json!({ "name": "python" })).await, 409);
    let made_up = api.post(&path, &json!({ "project_extensions": ["rb"] })).await.expect(200);
    assert_eq!((&made_up["language"], &made_up["filename"]), (&json!("ruby"), &json!("backup.rb")));
}

#[tokio::test]
async fn a_repeated_request_makes_one_honeytoken_and_shows_it_again() {
    let api = server(|_| ()).await;
    let send = async || {
        let request = api.request(Method::POST, HONEYTOKENS).json(&json!({ "name": "laptop" }));
        api.send(request.header("Idempotency-Key", "plant-1")).await.expect(201)
    };
    let (first, again) = (send().await, send().await);
    assert_eq!((&first["id"], &first["token"]), (&again["id"], &again["token"]));
    assert_eq!(names(&api, "").await, ["laptop"]);
}

#[tokio::test]
async fn whoever_has_found_a_secret_learns_whether_it_is_one() {
    let api = server(|_| ()).await;
    let token = made(&api, "laptop").await;
    let events = api.get("/api/events?types=honeytoken.created").await.expect(200);
    let hashes = events[0]["data"]["leakHashes"].as_array().unwrap().clone();
    let hashes: Vec<&str> = hashes.iter().map(|hash| hash.as_str().unwrap()).collect();
    let checker = key(&api, "laptop", |wanted| {
        wanted.scopes = Scopes::from(Scope::HoneytokensCheck);
        wanted.role = Role::Developer;
    })
    .await;
    let path = format!("{HONEYTOKENS}/prefixes");
    let check = async |prefixes: Vec<String>| checker.post(&path, &json!({ "prefixes": prefixes })).await;
    let other = if hashes.iter().any(|hash| hash.starts_with("00000")) { "11111" } else { "00000" };
    let prefixes = vec![hashes[0][..5].to_uppercase(), hashes[1][..5].to_owned(), other.to_owned()];
    let found = check(prefixes).await.expect(200);
    let hints: BTreeSet<&str> = column(&found["matches"], "hint").into_iter().collect();
    let expected = hashes.iter().map(|hash| hex::encode(Sha256::digest(hex::decode(hash).unwrap())));
    let expected: BTreeSet<String> = expected.collect();
    assert_eq!(hints, expected.iter().map(String::as_str).collect());
    assert_eq!(check(vec![other.to_owned()]).await.expect(200), json!({ "matches": [] }));
    assert_eq!(check(vec![other.to_owned(); HONEYTOKEN_PREFIXES]).await.status, 200);
    refused(&check(vec![other.to_owned(); HONEYTOKEN_PREFIXES + 1]).await, 400);
    refused(&check(vec!["0000".to_owned()]).await, 400);
    refused(&checker.get(&format!("{HONEYTOKENS}/{}", id(&token))).await, 403);
    let foreign = json!({ "prefixes": [&hashes[0][..5]] });
    let foreign = api.foreigner().await.post(&path, &foreign).await.expect(200);
    assert_eq!(foreign, json!({ "matches": [] }));
}

#[tokio::test]
async fn the_audit_log_says_that_there_is_a_honeytoken_and_nothing_to_hold_a_secret_against() {
    let api = server(|_| ()).await;
    let token = made(&api, "laptop").await;
    let query = "{ auditEntries(filter: { actions: [\"honeytoken.created\"] }) { nodes { details } } }";
    let read = api.post("/graphql", &json!({ "query": query })).await.expect(200);
    let of_graphql = &read["data"]["auditEntries"]["nodes"][0]["details"];
    let read = api.get("/api/audit-log?action=honeytoken.created").await.expect(200);
    let expected = json!({
        "honeytoken": token["id"],
        "organization": api.organization,
        "kind": "aws",
        "name": "laptop",
    });
    assert_eq!((of_graphql, &read["entries"][0]["details"]), (&expected, &expected));
}

#[tokio::test]
async fn notes_are_written_on_honeytokens() {
    let api = server(|_| ()).await;
    let token = made(&api, "laptop").await;
    let path = format!("{HONEYTOKENS}/{}/notes", id(&token));
    let note = api.post(&path, &json!({ "comment": "planted in May" })).await.expect(201);
    assert_eq!((&note["honeytoken_id"], &note["updated_at"]), (&token["id"], &Value::Null));
    assert_eq!(note["api_token_id"], json!(api.key_id().await));
    api.post(&path, &json!({ "comment": "and in June" })).await.expect(201);
    refused(&api.post(&path, &json!({ "comment": " " })).await, 400);
    let own = format!("{path}/{}", id(&note));
    let edited = api.put(&own, &json!({ "comment": "planted in April" })).await.expect(200);
    assert_eq!((&edited["comment"], edited["updated_at"].is_string()), (&json!("planted in April"), true));
    let other = key(&api, "other", |_| ()).await;
    refused(&other.patch(&own, &json!({ "comment": "x" })).await, 403);
    let listed = api.get(&format!("{path}?ordering=-created_at")).await.expect(200);
    assert_eq!(column(&listed, "comment"), ["and in June", "planted in April"]);
    let found = api.get(&format!("{path}?search=APRIL")).await.expect(200);
    assert_eq!(column(&found, "comment"), ["planted in April"]);
    let elsewhere = made(&api, "wiki").await;
    refused(&api.delete(&format!("{HONEYTOKENS}/{}/notes/{}", id(&elsewhere), id(&note))).await, 404);
    assert_eq!(api.delete(&own).await.status, 204);
    refused(&api.delete(&own).await, 404);
    refused(&api.delete(&format!("{path}/none")).await, 404);
    assert_eq!(api.get(&path).await.expect(200).as_array().unwrap().len(), 1);
}
