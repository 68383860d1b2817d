//! Searching documents, as GitGuardian's clients ask for it.

use crate::archive::token;
use crate::gitguardian_tokens::{key, refused};
use crate::harness::{Answer, Api, Client, column};
use crate::pepper_browser::server;
use scanledger_domain::identity::{KeyForm, KeyKind, Role, Scope, Scopes};
use scanledger_domain::limits::{
    DOCUMENT_BYTES, DOCUMENT_CALLS, DOCUMENT_NAME_CHARS, DOCUMENTS, DOCUMENTS_BODY_BYTES,
};
use serde_json::{Value, json};

/// A key that only scans, as most clients have one.
async fn scanner(api: &Api) -> Client {
    key(api, "scanner", |wanted| wanted.scopes = Scopes::from(Scope::Scan)).await
}

async fn multiscan(client: &Client, documents: &[&str]) -> Answer {
    let documents =
        documents.iter().map(|text| json!({ "filename": "a.txt", "document": text, "location": null }));
    client.post("/exposed/v1/multiscan?all_secrets=True", &documents.collect()).await
}

/// What stands where a match says that it does.
fn there(document: &str, matched: &Value) -> String {
    let index = |name: &str| usize::try_from(matched[name].as_u64().unwrap()).unwrap();
    let characters: Vec<char> = document.chars().collect();
    characters[index("index_start")..=index("index_end")].iter().collect()
}

#[tokio::test]
async fn a_document_is_searched_and_every_key_is_there() {
    let api = server(|_| ()).await;
    let client = scanner(&api).await;
    let secret = token(1);
    for prefix in ["/v1", "/exposed/v1"] {
        let body =
            json!({ "document": format!("🔑 e\u{301}\r\nkey = \"{secret}\"\r\n"), "filename": "a.py" });
        let answer = client.post(&format!("{prefix}/scan?all_secrets=true"), &body).await;
        let result = answer.expect(200);
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!((&result["policies"], &result["is_diff"]), (&json!(["Secrets detection"]), &json!(false)));
        assert_eq!(
            (&result["policy_break_count"], result["policy_breaks"].as_array().unwrap().len()),
            (&json!(1), 1)
        );
        let found = &result["policy_breaks"][0];
        let (start, end) = (13, 13 + secret.len() - 1);
        let expected = json!({
            "type": "GitHub token", "detector_name": "github_token", "detector_group_name": "github",
            "documentation_url": null, "policy": "Secrets detection", "validity": "no_checker",
            "known_secret": false, "incident_url": "", "is_excluded": false, "exclude_reason": null,
            "diff_kind": null, "is_vaulted": false, "vault_type": null, "vault_name": null, "vault_path": null,
            "vault_path_count": null,
            "matches": [{
                "type": "apikey", "match": secret, "index_start": start, "index_end": end,
                "line_start": 2, "line_end": 2,
            }],
        });
        assert_eq!(*found, expected);
    }
    assert_eq!(
        client.post("/v1/scan", &json!({ "document": "" })).await.expect(200)["policy_breaks"],
        json!([])
    );
}

#[tokio::test]
async fn results_come_in_the_order_of_their_documents() {
    let api = server(|_| ()).await;
    let client = scanner(&api).await;
    let documents: Vec<String> =
        (0..20).map(|n| if n % 3 == 0 { format!("key = {}", token(n)) } else { "none".to_owned() }).collect();
    let texts: Vec<&str> = documents.iter().map(String::as_str).collect();
    let results = multiscan(&client, &texts).await.expect(200);
    let results = results.as_array().unwrap();
    assert_eq!(results.len(), documents.len());
    for (document, result) in documents.iter().zip(results) {
        let found: Vec<&Value> = result["policy_breaks"].as_array().unwrap().iter().collect();
        assert_eq!(found.len(), usize::from(document != "none"));
        for found in found {
            assert_eq!(there(document, &found["matches"][0]), found["matches"][0]["match"]);
        }
    }
}

#[tokio::test]
async fn a_patch_says_what_comes_and_what_goes() {
    let api = server(|_| ()).await;
    let client = scanner(&api).await;
    let [comes, goes, stays] = [1, 2, 3].map(token);
    let patch = format!(
        "@@ -1,3 +1,3 @@ def ö():\n stays = '{stays}'\n-goes = '{goes}'\n+🔑 = '{comes}'\n\\ No newline at end of file"
    );
    let result = multiscan(&client, &[&patch]).await.expect(200)[0].clone();
    assert_eq!(result["is_diff"], true);
    let breaks = result["policy_breaks"].as_array().unwrap();
    let found: Vec<_> = breaks
        .iter()
        .map(|one| (one["diff_kind"].as_str().unwrap(), there(&patch, &one["matches"][0])))
        .collect();
    assert_eq!(found, [("context", stays), ("deletion", goes), ("addition", comes)]);
    let lines: Vec<_> = breaks.iter().map(|one| one["matches"][0]["line_start"].clone()).collect();
    assert_eq!(lines, [2, 3, 4]);
}

#[tokio::test]
async fn an_odd_document_does_not_keep_the_others_from_being_searched() {
    let api = server(|_| ()).await;
    let client = scanner(&api).await;
    let secret = token(1);
    let odd = format!("a\0b\u{1a}\u{feff}\u{fffd} {secret}\0");
    let results = multiscan(&client, &["", &odd, &secret]).await.expect(200);
    let counts: Vec<_> =
        results.as_array().unwrap().iter().map(|result| result["policy_break_count"].clone()).collect();
    assert_eq!(counts, [0, 1, 1]);
    assert_eq!(there(&odd, &results[1]["policy_breaks"][0]["matches"][0]), secret);
}

#[tokio::test]
async fn what_is_within_the_limits_is_searched_and_what_is_not_is_refused_so_that_clients_notice() {
    let api = server(|_| ()).await;
    let client = scanner(&api).await;
    let secret = token(1);
    // Searched to its last byte.
    let longest = format!("{}\n{secret}", "ä ".repeat((DOCUMENT_BYTES - secret.len() - 1) / 3));
    let longest = format!("{}{longest}", " ".repeat(DOCUMENT_BYTES - longest.len()));
    assert_eq!(longest.len(), DOCUMENT_BYTES);
    assert_eq!(multiscan(&client, &[&longest]).await.expect(200)[0]["policy_break_count"], 1);
    let name = "ä".repeat(DOCUMENT_NAME_CHARS);
    client.post("/v1/scan", &json!({ "document": "", "filename": name })).await.expect(200);
    multiscan(&client, &["x"; DOCUMENTS]).await.expect(200);

    let too_long = format!("{longest} ");
    let bodies = [
        ("multiscan", json!([{ "document": "" }, { "document": too_long }]), "[1].document"),
        ("multiscan", json!([{ "document": "", "filename": format!("{name}ä") }]), "[0].filename"),
        ("multiscan", vec![json!({ "document": "" }); DOCUMENTS + 1].into(), "20"),
        ("multiscan", json!([]), "1 to 20"),
        ("multiscan", json!([{ "filename": "x" }]), "document"),
        ("multiscan", json!({ "document": "" }), "expected a sequence"),
        ("scan", json!({ "document": too_long }), "document"),
        ("scan", json!({ "document": null }), "document"),
    ];
    for (route, body, says) in bodies {
        let detail = refused(&client.post(&format!("/v1/{route}"), &body).await, 400);
        // Clients take any other 400 for a scan without findings.
        assert!(detail.contains(says) && detail.contains("not found"), "{detail}");
    }
}

#[tokio::test]
async fn a_body_is_as_long_as_clients_are_told_and_no_longer() {
    let api = server(|_| ()).await;
    let client = scanner(&api).await;
    let secret = token(1);
    let document = json!({ "document": secret }).to_string();
    let send = async |bytes: usize| {
        let body = format!("[{}{document}]", " ".repeat(bytes - document.len() - 2));
        assert_eq!(body.len(), bytes);
        let request = client.request(reqwest::Method::POST, "/v1/multiscan");
        client.send(request.header("content-type", "application/json").body(body)).await
    };
    assert_eq!(send(DOCUMENTS_BODY_BYTES).await.expect(200)[0]["policy_break_count"], 1);
    refused(&send(DOCUMENTS_BODY_BYTES + 1).await, 413);
}

#[tokio::test]
async fn clients_are_told_what_the_server_takes() {
    let api = server(|_| ()).await;
    let client = scanner(&api).await;
    let answer = client.get("/exposed/v1/metadata").await;
    let body = answer.expect(200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(body["version"], answer.header("x-app-version"));
    assert_eq!(body["preferences"], json!({ "general__maximum_payload_size": 26_214_400 }));
    let expected = json!({ "maximum_document_size": 1_048_576, "maximum_documents_per_scan": 20 });
    assert_eq!(body["secret_scan_preferences"], expected);
    for hook in ["pre_commit", "pre_push", "pre_receive"] {
        assert!(!body["remediation_messages"][hook].as_str().unwrap().is_empty());
    }
    assert_eq!(refused(&api.with_key(None).get("/v1/metadata").await, 401), "Invalid API key.");
}

#[tokio::test]
async fn only_scans_count_and_the_quota_ends_them() {
    let api = server(|options| options.scan_quota = 3).await;
    let client = scanner(&api).await;
    let quota = async || {
        let content = client.get("/v1/quotas").await.expect(200)["content"].clone();
        assert_eq!(content["since"].as_str().unwrap().len(), "2026-11-21".len());
        assert_eq!(content["count"].as_u64().unwrap() + content["remaining"].as_u64().unwrap(), 3);
        content["count"].as_u64().unwrap()
    };
    assert_eq!(quota().await, 0);
    multiscan(&client, &["a", "b", "c", "d"]).await.expect(200);
    client.post("/v1/scan", &json!({ "document": "x" })).await.expect(200);
    refused(&client.post("/v1/scan", &json!({})).await, 400);
    client.get("/v1/metadata").await.expect(200);
    assert_eq!(quota().await, 2);
    multiscan(&client, &["a"]).await.expect(200);
    assert_eq!(quota().await, 3);
    for _ in 0..2 {
        assert_eq!(refused(&multiscan(&client, &["a"]).await, 403), "Quota limit reached.");
    }
    // Each organization has its own.
    let foreigner = api.foreigner().await;
    foreigner.post("/v1/scan", &json!({ "document": "x" })).await.expect(200);
    assert_eq!(quota().await, 3);
    // Somebody who looks at it with another key of the organization sees the same.
    assert_eq!(api.get("/v1/quotas").await.expect(200)["content"]["limit"], 3);
    let unlimited = server(|_| ()).await;
    assert_eq!(unlimited.get("/v1/quotas").await.expect(200)["content"]["limit"], DOCUMENT_CALLS);
}

#[tokio::test]
async fn a_key_scans_if_it_has_the_scope_and_a_role_that_may() {
    let api = server(|_| ()).await;
    let document = json!({ "document": "x" });
    let reader = key(&api, "reader", |wanted| wanted.scopes = Scopes::from(Scope::IncidentsRead)).await;
    assert!(refused(&reader.post("/v1/scan", &document).await, 403).contains("scan"));
    assert!(refused(&reader.get("/v1/secret_detectors").await, 403).contains("scan"));
    reader.get("/v1/quotas").await.expect(200);
    let viewer = key(&api, "viewer", |wanted| wanted.role = Role::Viewer).await;
    refused(&viewer.post("/v1/scan", &document).await, 403);
    for form in [KeyForm::Pepper, KeyForm::Trusca, KeyForm::Semgrep] {
        let other = key(&api, "other", |wanted| wanted.form = form).await;
        other.post("/exposed/v1/scan", &document).await.expect(200);
    }
}

#[tokio::test]
async fn whoever_signs_in_with_a_token_sees_it_and_signs_out() {
    let api = server(|_| ()).await;
    let client = key(&api, "laptop", |wanted| {
        wanted.kind = KeyKind::Personal;
        wanted.person = Some(scanledger::operations::Who::Id(api.user.parse().unwrap()));
        wanted.scopes = [Scope::Scan, Scope::IncidentsRead].into_iter().collect();
    })
    .await;
    let token = client.get("/exposed/v1/token").await.expect(200);
    let workspace = client.get("/v1/api_tokens/self").await.expect(200)["workspace_id"].clone();
    let expected = json!({
        "type": "personal_access_token", "account_id": workspace, "name": "laptop",
        "scope": ["scan", "incidents:read"], "expire_at": null,
    });
    assert_eq!(token, expected);
    let answer = client.send(client.request(reqwest::Method::POST, "/exposed/v1/token/revoke")).await;
    assert_eq!((answer.status, answer.bytes.len()), (204, 0));
    assert_eq!(refused(&client.get("/v1/token").await, 401), "Invalid API key.");
    assert_eq!(refused(&multiscan(&client, &["x"]).await, 401), "Invalid API key.");
}

#[tokio::test]
async fn detectors_are_listed_by_name_and_found_one_by_one() {
    let api = server(|_| ()).await;
    let client = scanner(&api).await;
    let listed = client.get("/v1/secret_detectors?per_page=100").await;
    assert_eq!(listed.header("x-per-page"), "100");
    let listed = listed.expect(200);
    let names = column(&listed, "name");
    assert!(names.is_sorted() && names.len() > 20, "{names:?}");
    let backwards = client.get("/v1/secret_detectors?ordering=-name&per_page=1").await;
    assert!(backwards.header("link").contains("rel=\"next\""));
    assert!(column(&backwards.expect(200), "name")[0] >= *names.last().unwrap());
    let one = client.get("/exposed/v1/secret_detectors/github_token").await.expect(200);
    assert_eq!((&one["type"], &one["category"]), (&json!("specific"), &json!("version_control_platform")));
    assert_eq!(one.as_object().unwrap().len(), 14);
    let found = client
        .get("/v1/secret_detectors?search=GITHUB&type=specific&is_active=True&per_page=100")
        .await
        .expect(200);
    assert!(column(&found, "name").contains(&"github_token"));
    assert!(column(&found, "name").len() < names.len());
    assert_eq!(client.get("/v1/secret_detectors?is_active=false").await.expect(200), json!([]));
    assert_eq!(client.get("/v1/secret_detectors?type=custom").await.expect(200), json!([]));
    assert_eq!(refused(&client.get("/v1/secret_detectors/nothing").await, 404), "Not found.");
    refused(&client.get("/v1/secret_detectors?type=odd").await, 400);
}
