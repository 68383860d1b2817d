//! Sources and what was found in them, as GitGuardian's clients see it: occurrences, perimeters, documents.

use crate::archive::{Files, token};
use crate::gitguardian_incidents::{act, list, number, numbers, shop};
use crate::gitguardian_tokens::{key, link, refused};
use crate::harness::{Answer, Api};
use scanledger_domain::identity::{Scope, Scopes};
use scanledger_domain::limits::{DOCUMENTS, INCIDENT_SIGHTINGS, URL_CHARS};
use serde_json::{Value, json};

#[tokio::test]
async fn sources_are_projects_with_their_incidents() {
    let api = shop(3).await;
    let empty = api.project("empty").await;
    let sources = api.get("/v1/sources").await;
    assert_eq!((sources.header("x-per-page"), sources.header("link")), ("20", ""));
    let sources = sources.expect(200);
    let names: Vec<_> =
        sources.as_array().unwrap().iter().map(|one| one["full_name"].as_str().unwrap()).collect();
    assert_eq!(names, ["shop", "empty"]);
    let shop = &sources[0];
    let breakdown = &shop["secret_incidents_breakdown"]["open_secret_incidents"];
    let severities: u64 =
        breakdown["severity_breakdown"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    assert_eq!((&breakdown["total"], severities), (&json!(3), 3));
    assert_eq!((&shop["last_scan"]["status"], &shop["health"]), (&json!("finished"), &json!("at_risk")));
    assert_eq!((&sources[1]["last_scan"], &sources[1]["health"]), (&Value::Null, &json!("unknown")));
    assert_eq!(sources[1]["external_id"], empty);
    let path = format!("/v1/sources/{}", shop["id"]);
    assert_eq!(api.get(&path).await.expect(200), *shop);
    let incidents = api.get(&format!("{path}/incidents/secrets?status=TRIGGERED")).await.expect(200);
    assert_eq!(incidents.as_array().unwrap().len(), 3);
    let none = api.get(&format!("/v1/sources/{}/incidents/secrets", sources[1]["id"])).await.expect(200);
    assert_eq!(none, json!([]));
    let count = async |query: &str| {
        api.get(&format!("/v1/sources?{query}")).await.expect(200).as_array().unwrap().len()
    };
    for (query, expected) in [
        ("search=SHO", 1),
        ("health=at_risk", 1),
        ("health=unknown", 1),
        ("type=github", 1),
        ("type=custom_source,gitlab", 1),
        ("last_scan_status=finished", 1),
        ("visibility=public", 0),
        ("monitored=True", 2),
        ("ordering=-last_scan_date&per_page=1", 1),
    ] {
        assert_eq!(count(query).await, expected, "{query}");
    }
    for gone in [
        "/v1/sources/1000000",
        "/v1/sources/x",
        "/v1/sources/1000000/incidents/secrets",
        "/v1/incidents/secrets/1000000",
    ] {
        assert_eq!(refused(&api.get(gone).await, 404), "Not found.");
    }
}

#[tokio::test]
async fn occurrences_are_narrowed() {
    let api = shop(2).await;
    let source = api.get("/v1/sources").await.expect(200)[0]["id"].clone();
    let incident = number(&list(&api, "").await[0]);
    let count = async |query: &str| {
        api.get(&format!("/v1/occurrences/secrets?{query}")).await.expect(200).as_array().unwrap().len()
    };
    for (query, expected) in [
        (String::new(), 2),
        (format!("source_id={source}"), 2),
        ("source_id=1".to_owned(), 0),
        ("source_name=shop".to_owned(), 2),
        (format!("incident_id={incident}"), 1),
        ("filepath=src/file00.js,src/file01.js".to_owned(), 2),
        ("filepath=src/file01.js".to_owned(), 1),
        ("presence=present".to_owned(), 2),
        ("presence=removed".to_owned(), 0),
        ("presence=removed,present".to_owned(), 2),
        ("presence=removed,removed".to_owned(), 0),
        ("source_type=github".to_owned(), 2),
        ("source_type=gitlab,custom_source".to_owned(), 0),
        ("status=TRIGGERED".to_owned(), 2),
        ("author_name=ana".to_owned(), 0),
        ("date_after=2001-01-01T00:00:00Z".to_owned(), 2),
        ("sha=abc".to_owned(), 0),
    ] {
        assert_eq!(count(&query).await, expected, "{query}");
    }
    refused(&api.get("/v1/occurrences/secrets?source_id=x").await, 400);
    refused(&api.get("/v1/occurrences/secrets?presence=maybe").await, 400);
}

#[tokio::test]
async fn a_scan_knows_the_secrets_that_incidents_are_about() {
    let api = shop(2).await;
    let rows = list(&api, "").await;
    let (first, second) = (number(&rows[0]), number(&rows[1]));
    let text = format!("a = '{}'\nb = '{}'\nc = '{}'\n", token(0), token(1), token(7));
    let scan = async |query: &str| {
        let found = api.post(&format!("/v1/scan?{query}"), &json!({ "document": text })).await.expect(200);
        found["policy_breaks"].as_array().unwrap().clone()
    };
    let found = scan("all_secrets=True").await;
    let known: Vec<_> = found.iter().map(|one| one["known_secret"].as_bool().unwrap()).collect();
    assert_eq!(known, [true, true, false]);
    let of = |one: &Value| one["incident_url"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let mut urls: Vec<String> = found[..2].iter().map(of).collect();
    urls.sort_by_key(|number| number.parse::<u64>().unwrap());
    assert_eq!(urls, [first.to_string(), second.to_string()]);
    assert_eq!(found[2]["incident_url"], "");
    assert_eq!(scan("ignore_known_secrets=true").await.len(), 1);

    act(&api, first, "ignore", json!({ "ignore_reason": "test_credential" })).await.expect(200);
    let excluded = scan("all_secrets=true").await;
    let marked: Vec<_> = excluded.iter().filter(|one| one["is_excluded"] == true).collect();
    assert_eq!(marked.len(), 1);
    assert!(marked[0]["exclude_reason"].as_str().unwrap().contains("test credential"));
    assert_eq!(of(marked[0]), first.to_string());
    assert_eq!(scan("all_secrets=false").await.len(), 2);
    let detectors = api.get("/v1/secret_detectors/github_token").await.expect(200);
    assert_eq!(
        (&detectors["open_incidents_count"], &detectors["ignored_incidents_count"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(detectors["frequency"], 1.0);
    // Another organization's incidents are nobody's business.
    let foreigner = api.foreigner().await;
    let found = foreigner.post("/v1/scan", &json!({ "document": text })).await.expect(200);
    assert!(found["policy_breaks"].as_array().unwrap().iter().all(|one| one["known_secret"] == false));
}

#[tokio::test]
async fn documents_of_a_source_open_incidents() {
    let api = Api::start().await;
    let project = api.project("mails").await;
    let body = |source: &str, text: String| {
        let location = json!({ "url": "https://example.org/mail/1" });
        json!({ "source_uuid": source, "documents": [{ "document": text, "filename": "mail-1", "location": location }] })
    };
    let report = async |source: &str, text: String| {
        api.post("/exposed/v1/scan/create-incidents", &body(source, text)).await
    };
    let made = report(&project, format!("x\n{}", token(1))).await.expect(200);
    assert_eq!(
        (&made[0]["policy_break_count"], &made[0]["policy_breaks"][0]["known_secret"]),
        (&json!(1), &json!(true))
    );
    let rows = list(&api, "").await;
    assert_eq!((rows.len(), &rows[0]["occurrences_count"]), (1, &json!(1)));
    let read = api.get(&format!("/v1/incidents/secrets/{}", number(&rows[0]))).await.expect(200);
    let place = &read["occurrences"][0];
    assert_eq!((&place["url"], &place["filepath"]), (&json!("https://example.org/mail/1"), &json!("mail-1")));
    assert_eq!(place["matches"][0]["post_line_start"], 2);
    // An address that is too long is left out.
    let long = format!("https://example.org/{}", "x".repeat(URL_CHARS));
    let document = json!({ "document": token(9), "filename": "mail-2", "location": { "url": long } });
    let body_of_long = json!({ "source_uuid": project, "documents": [document] });
    api.post("/v1/scan/create-incidents", &body_of_long).await.expect(200);
    let rows = list(&api, "").await;
    let read = api.get(&format!("/v1/incidents/secrets/{}", number(&rows[1]))).await.expect(200);
    assert!(!read["occurrences"][0]["url"].as_str().unwrap().contains("xxx"));
    act(&api, number(&rows[1]), "resolve", json!({})).await.expect(200);
    // The same again is nothing new.
    report(&project, format!("x\n{}", token(1))).await.expect(200);
    assert_eq!(list(&api, "").await[0]["occurrences_count"], 1);
    // What a patch takes away opens nothing.
    report(&project, format!("@@ -1 +1 @@\n-{}\n+{}\n", token(2), token(3))).await.expect(200);
    assert_eq!(list(&api, "").await.len(), 3);
    let foreign = report(crate::harness::NOBODY, token(4)).await;
    assert!(refused(&foreign, 400).contains(&format!("Source {} not found", crate::harness::NOBODY)));
    let foreigner = api.foreigner().await;
    let foreign = foreigner.post("/v1/scan/create-incidents", &body(&project, token(4))).await;
    assert!(refused(&foreign, 400).contains("not found"));
    let scanner = key(&api, "scanner", |wanted| wanted.scopes = Scopes::from(Scope::Scan)).await;
    refused(&scanner.post("/v1/scan/create-incidents", &body(&project, token(4))).await, 403);
}

#[tokio::test]
async fn what_surrounds_an_incident_is_there() {
    let api = shop(1).await;
    api.scanned(&Files::default().with_secret("a.js", 0), &[("newProjectName", "web")]).await;
    let rows = list(&api, "").await;
    assert_eq!((rows.len(), &rows[0]["occurrences_count"]), (1, &json!(2)));
    let incident = number(&rows[0]);
    let path = format!("/v1/incidents/secrets/{incident}");
    let perimeter = api.get(&format!("{path}/impacted_perimeter")).await.expect(200);
    let names: Vec<_> = perimeter["sources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["full_name"], &one["files"]))
        .collect();
    assert_eq!(names, [(&json!("shop"), &json!(["src/file00.js"])), (&json!("web"), &json!(["a.js"]))]);
    for empty in ["leaks", "vaults"] {
        assert_eq!(api.get(&format!("{path}/{empty}")).await.expect(200), json!([]));
    }
    api.post(&format!("{path}/notes"), &json!({ "comment": "x" })).await.expect(201);
    act(&api, incident, "resolve", json!({})).await.expect(200);
    let log = api.get(&format!("{path}/activity-logs")).await.expect(200);
    let keys: Vec<_> =
        log.as_array().unwrap().iter().map(|one| one["content"]["content_key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["TRIGGER", "NOTE", "RESOLVE"]);
    let ids = numbers(log.as_array().unwrap());
    assert!(ids[0] == incident && ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    let secret = api.get(&format!("/v1/secrets/{}", rows[0]["secret_id"])).await.expect(200);
    assert_eq!(secret["id"], incident);
    assert!(!secret.to_string().contains(&token(0)) && secret.to_string().contains("****"));
    assert_eq!(api.get("/v1/severity-rules").await.expect(200), json!([]));
}

#[tokio::test]
async fn a_known_file_of_a_resolved_incident_is_nothing_new_and_one_of_its_name_is() {
    let api = Api::start().await;
    let project = api.project("shop").await;
    let report = async |path: &str| {
        let document = json!({ "document": token(1), "filename": path });
        let body = json!({ "source_uuid": project, "documents": [document] });
        api.post("/v1/scan/create-incidents", &body).await.expect(200);
        list(&api, "").await[0].clone()
    };
    let incident = number(&report("/builds/7/shop/.env").await);
    act(&api, incident, "resolve", json!({})).await.expect(200);
    assert_eq!(report("/builds/7/shop/.env").await["status"], "RESOLVED");
    let again = report("/builds/7/shop/backend/.env").await;
    assert_eq!((&again["status"], &again["regression"]), (&json!("TRIGGERED"), &json!(true)));
}

#[tokio::test]
async fn every_place_of_a_secret_is_part_of_its_perimeter() {
    let api = shop(1).await;
    let project = api.get("/api/projects").await.expect(200)["projects"][0]["id"].clone();
    let names: Vec<String> = (0..=INCIDENT_SIGHTINGS).map(|n| format!("mail-{n}")).collect();
    for names in names.chunks(DOCUMENTS) {
        let documents: Vec<Value> =
            names.iter().map(|name| json!({ "document": token(0), "filename": name })).collect();
        let body = json!({ "source_uuid": project, "documents": documents });
        api.post("/v1/scan/create-incidents", &body).await.expect(200);
    }
    let incident = number(&list(&api, "").await[0]);
    let path = format!("/v1/incidents/secrets/{incident}/impacted_perimeter");
    let perimeter = api.get(&path).await.expect(200);
    // The file on the branch, and as many beside it as an incident keeps.
    let files: Vec<&str> = perimeter["sources"][0]["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file.as_str().unwrap())
        .collect();
    assert_eq!(files.len(), 1 + INCIDENT_SIGHTINGS);
    assert!(files.contains(&"src/file00.js") && files.contains(&"mail-999") && !files.contains(&"mail-1000"));
}

/// The names of all sources that a query means, page by page, and back again.
async fn walked(api: &Api, query: &str) -> Vec<String> {
    let names = |page: &Answer| -> Vec<String> {
        let rows = page.expect(200);
        rows.as_array().unwrap().iter().map(|row| row["full_name"].as_str().unwrap().to_owned()).collect()
    };
    let mut page = api.get(&format!("/v1/sources?{query}&per_page=2")).await;
    let mut forth = names(&page);
    while let Some(next) = link(api, &page, "next") {
        page = api.get(&next).await;
        forth.extend(names(&page));
    }
    let mut back = names(&page);
    while let Some(previous) = link(api, &page, "prev") {
        page = api.get(&previous).await;
        back.splice(0..0, names(&page));
    }
    assert_eq!(back, forth, "{query}");
    forth
}

#[tokio::test]
async fn sources_are_walked_forth_and_back_in_every_order() {
    let api = shop(1).await;
    for name in ["a", "b", "c", "d"] {
        api.project(name).await;
    }
    let [shop, others] = [vec!["shop"], vec!["a", "b", "c", "d"]];
    let all = [shop.clone(), others.clone()].concat();
    let mut reversed = all.clone();
    reversed.reverse();
    for (query, expected) in [
        ("", all.clone()),
        ("ordering=last_scan_date", all),
        ("ordering=-last_scan_date", reversed),
        ("health=unknown", others.clone()),
        ("health=unknown&ordering=-last_scan_date", others.iter().rev().copied().collect()),
        ("type=custom_source", others),
        ("health=at_risk", shop),
        ("search=z", vec![]),
    ] {
        assert_eq!(walked(&api, query).await, expected, "{query}");
    }
    let second = api.get("/v1/sources?per_page=2&page=2").await.expect(200);
    assert_eq!((&second[0]["full_name"], &second[1]["full_name"]), (&json!("b"), &json!("c")));
}
