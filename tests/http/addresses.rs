//! Addresses with credentials in them: refused where somebody gives them to us, and taken off where a client sends what
//! its checkout says.

use crate::archive::{leaky, token};
use crate::harness::{Api, id};
use crate::semgrep_ci::{Run, project};
use scanledger_domain::log::Position;
use serde_json::json;

/// What opens the repository in the addresses of these tests.
const SECRET: &str = "opensesame";

/// Addresses that hold it, and what they are without.
const TOLD: [(&str, &str); 4] = [
    ("https://oauth2:opensesame@example.org/acme/shop", "https://example.org/acme/shop"),
    ("https://opensesame@example.org/acme/shop", "https://example.org/acme/shop"),
    ("https://ana:open#sesame@example.org/acme/shop", "https://example.org/acme/shop"),
    ("https://example.org/acme/shop?private_token=opensesame&a=b", "https://example.org/acme/shop?a=b"),
];

/// Every event as the log has it.
async fn log(api: &Api) -> String {
    let events = api.server.engine.event_log().read_all(Position::START, 10_000).await.unwrap();
    let texts = events.iter().flat_map(|event| [&event.data, &event.metadata]);
    texts.map(|text| String::from_utf8(text.clone()).unwrap()).collect()
}

#[track_caller]
fn says_nothing(text: &str) {
    for part in [SECRET, "sesame"] {
        assert!(!text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn a_project_with_credentials_in_an_address_is_refused() {
    let api = Api::without_workers().await;
    let shop = api.project("shop").await;
    let before = log(&api).await;
    for (told, _) in TOLD {
        for field in ["repoUrl", "dastTargetUrl"] {
            let made = api.post("/api/projects", &json!({ "name": "bank", field: told })).await;
            let changed = api.patch(&format!("/api/projects/{shop}"), &json!({ field: told })).await;
            for refused in [made, changed] {
                refused.refused_for(field);
                assert_eq!(refused.json()["details"][0]["message"], "must not hold credentials");
                says_nothing(&refused.text());
            }
        }
        for field in ["repoUrl", "svnUrl"] {
            for fields in [vec![(field, told)], vec![(field, told), ("projectId", &*shop)]] {
                let refused = api.upload(&leaky(1), &fields).await;
                refused.refused_for(field);
                says_nothing(&refused.text());
            }
            let refused = api.post("/api/scans", &json!({ field: told })).await;
            refused.refused_for(field);
            says_nothing(&refused.text());
        }
    }
    assert_eq!(log(&api).await, before);
}

#[tokio::test]
async fn a_name_over_ssh_is_no_credential() {
    let api = Api::without_workers().await;
    let address = "svn+ssh://ana@example.org/shop";
    let made = api.post("/api/projects", &json!({ "name": "shop", "repoUrl": address })).await.expect(201);
    assert_eq!(made["repoUrl"], address);
    let queued = api.upload(&leaky(1), &[("svnUrl", address)]).await.expect(201);
    assert_eq!(queued["projectId"], made["id"]);
    let told = json!({ "repoUrl": "svn+ssh://ana:opensesame@example.org/shop" });
    api.patch(&format!("/api/projects/{}", id(&made)), &told).await.refused_for("repoUrl");
    says_nothing(&log(&api).await);
}

#[tokio::test]
async fn what_does_not_fit_is_not_repeated_with_credentials() {
    let api = Api::without_workers().await;
    let address = TOLD[0].0;
    for (path, body) in [
        ("/api/projects", json!(address)),
        ("/api/scans", json!({ "scanType": address })),
        ("/api/cli/v2/scans", json!({ "project_metadata": address, "scan_metadata": {} })),
    ] {
        let refused = api.post(path, &body).await;
        assert!((400..500).contains(&refused.status), "{path}: {}", refused.status);
        says_nothing(&refused.text());
    }
}

#[tokio::test]
async fn a_checkout_with_credentials_in_its_address_is_scanned_and_the_log_has_none() {
    let api = Api::without_workers().await;
    for (number, (told, plain)) in TOLD.into_iter().enumerate() {
        let repository = format!("acme/shop{number}");
        for _ in 0..2 {
            let run = Run::begin_as(&api, &repository, |body| {
                body["project_metadata"]["repo_url"] = json!(told);
                body["project_metadata"]["ci_job_url"] = json!(told);
            })
            .await;
            run.results(&["a"], &[]).await;
            run.complete().await;
        }
        let made = project(&api, &repository).await;
        let shown = api.get(&format!("/api/projects/{made}")).await.expect(200);
        assert_eq!((&shown["repoUrl"], &shown["_count"]["scans"]), (&json!(plain), &json!(2)));
    }
    // A client that names its project by its address.
    Run::begin(&api, TOLD[0].0).await;
    project(&api, TOLD[0].1).await;
    let log = log(&api).await;
    says_nothing(&log);
    assert_eq!(log.matches(r#""repoUrl":"https://example.org/acme/shop"#).count(), TOLD.len());
}

#[tokio::test]
async fn the_place_of_a_document_is_kept_without_credentials() {
    let api = Api::start().await;
    let wiki = api.project("wiki").await;
    for (told, _) in TOLD {
        let document = json!({ "document": token(1), "filename": "page", "location": { "url": told } });
        let body = json!({ "source_uuid": wiki, "documents": [document] });
        api.post("/v1/scan/create-incidents", &body).await.expect(200);
    }
    let incidents = api.get("/v1/incidents/secrets").await.expect(200);
    assert_eq!(incidents[0]["occurrences_count"], 2, "a place is the same whatever opens it");
    let log = log(&api).await;
    assert!(log.contains("https://example.org/acme/shop?a=b"));
    says_nothing(&log);
}
