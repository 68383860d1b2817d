//! Limits of what is asked for: what is just within them is answered, and one more is refused in the dialect's shape.

use crate::archive::leaky;
use crate::gitguardian_tokens::refused;
use crate::harness::{Answer, Api, Client, NOBODY, form};
use crate::semgrep_web_more::ACME;
use crate::semgrep_web_triage::TRIAGE;
use crate::trusca_admin::super_admin;
use crate::trusca_browser::{invalid, server};
use reqwest::Method;
use scanledger_domain::limits::{
    ACTION_CHARS, ADMIN_PAGE_ROWS, BULK_PEOPLE, COMPONENT_PAGE_ROWS, COUNTED_ROWS, CURSOR_PAGE_ROWS,
    FINDING_PAGE_ROWS, FORM_BYTES, IDEMPOTENCY_KEY_CHARS, LONG_SEARCH_CHARS, PACKAGE_FILTERS,
    PROJECT_PAGE_ROWS, RULE_PAGE_ROWS, SCAN_PAGE_ROWS, SEARCH_CHARS, SECRET_PAGE_ROWS, SUMMARY_PAGE_ROWS,
    TRIAGE_NOTE_CHARS, TRIAGED_FINDINGS, UPLOAD_PARTS,
};
use serde_json::{Value, json};

/// Asks for `most`, which is answered, and for one more.
async fn beyond(client: &Client, path: &str, name: &str, most: u32) -> Answer {
    client.get(&format!("{path}?{name}={most}")).await.expect(200);
    client.get(&format!("{path}?{name}={}", most + 1)).await
}

/// Sends `most`, which is taken, and one more.
async fn beyond_in(client: &Client, path: &str, body: impl Fn(usize) -> Value, most: usize) -> Answer {
    client.post(path, &body(most)).await.expect(200);
    client.post(path, &body(most + 1)).await
}

#[tokio::test]
async fn administrators_see_so_many_rows_and_search_with_so_many_characters() {
    let api = server().await;
    let root = super_admin(&api).await;
    for path in ["/v1/admin/teams", "/v1/admin/users", "/v1/admin/audit"] {
        invalid(&beyond(&root, path, "page_size", ADMIN_PAGE_ROWS).await, "page_size");
    }
    for (path, name, most) in [
        ("/v1/admin/teams", "search", LONG_SEARCH_CHARS),
        ("/v1/admin/users", "search", LONG_SEARCH_CHARS),
        ("/v1/admin/audit", "q", LONG_SEARCH_CHARS),
        ("/v1/admin/audit", "action", ACTION_CHARS),
    ] {
        root.get(&format!("{path}?{name}={}", "x".repeat(most))).await.expect(200);
        invalid(&root.get(&format!("{path}?{name}={}", "x".repeat(most + 1))).await, name);
    }
    let people = |count: usize| json!({ "user_ids": vec![NOBODY; count] });
    invalid(&beyond_in(&root, "/v1/admin/users/bulk-deactivate", people, BULK_PEOPLE).await, "user_ids");
}

#[tokio::test]
async fn a_search_has_so_many_characters() {
    let api = Api::without_workers().await;
    let project = api.project("shop").await;
    let [most, more] = [SEARCH_CHARS, SEARCH_CHARS + 1].map(|count| "%C3%A9".repeat(count));
    for (path, name) in [
        ("/api/projects".to_owned(), "q"),
        (format!("/api/projects/{project}/findings"), "q"),
        (format!("/api/projects/{project}/findings"), "filePath"),
        (format!("/api/projects/{project}/components"), "name"),
        ("/api/audit-log".to_owned(), "q"),
    ] {
        api.get(&format!("{path}?{name}={most}")).await.expect(200);
        api.get(&format!("{path}?{name}={more}")).await.refused_for(name);
    }
    for path in ["/v1/members", "/v1/honeytokens", "/v1/teams", "/v1/sources"] {
        api.get(&format!("{path}?search={most}")).await.expect(200);
        assert!(refused(&api.get(&format!("{path}?search={more}")).await, 400).contains("search"));
    }
    // As long as the database takes no pattern any more, with each of these characters escaped.
    api.get(&format!("/api/projects?q={}", "_".repeat(25_001))).await.refused_for("q");
    let path = format!("{ACME}/dependencies");
    let named = |chars: usize| json!({ "dependencyFilter": { "name": "é".repeat(chars) } });
    beyond_in(&api, &path, named, SEARCH_CHARS).await.refused_for("dependencyFilter.name");
    let like =
        |chars: usize| json!({ "dependencyFilter": { "packageFilters": [{ "name": "é".repeat(chars) }] } });
    beyond_in(&api, &path, like, SEARCH_CHARS).await.refused_for("dependencyFilter.packageFilters.0.name");
    let many = |count: usize| json!({ "dependencyFilter": { "packageFilters": vec![json!({ "name": "a" }); count] } });
    beyond_in(&api, &path, many, PACKAGE_FILTERS).await.refused_for("dependencyFilter.packageFilters");
    let found = async |chars: usize| {
        let query =
            format!("{{ projects(filter: {{ nameContains: \"{}\" }}) {{ totalCount }} }}", "é".repeat(chars));
        api.post("/graphql", &json!({ "query": query })).await.expect(200)
    };
    assert_eq!(found(SEARCH_CHARS).await["data"]["projects"]["totalCount"], 0);
    assert_eq!(found(SEARCH_CHARS + 1).await["errors"][0]["extensions"]["code"], "BAD_INPUT");
}

#[tokio::test]
async fn lists_with_cursors_have_so_many_rows_and_are_counted_so_far() {
    let api = Api::without_workers().await;
    for path in ["/v1/sources", "/v1/incidents/secrets", "/v1/occurrences/secrets", "/v1/teams"] {
        let answer = beyond(&api, path, "per_page", CURSOR_PAGE_ROWS).await;
        assert!(refused(&answer, 400).contains("per_page"));
    }
    let last = u32::try_from(COUNTED_ROWS).unwrap() / CURSOR_PAGE_ROWS + 1;
    for path in ["/v1/incidents/secrets", "/v1/occurrences/secrets"] {
        let widest = format!("{path}?per_page={CURSOR_PAGE_ROWS}");
        api.get(&format!("{widest}&page={last}")).await.expect(200);
        assert!(refused(&api.get(&format!("{widest}&page={}", last + 1)).await, 400).contains("page"));
    }
}

#[tokio::test]
async fn lists_of_a_deployment_have_so_many_rows() {
    let api = Api::without_workers().await;
    let policies = api.get(&format!("{ACME}/policies")).await.expect(200);
    let policy = format!("policies/{}", policies["policies"][0]["id"].as_str().unwrap());
    for (list, name, most) in [
        ("findings", "page_size", FINDING_PAGE_ROWS),
        ("projects", "page_size", PROJECT_PAGE_ROWS),
        ("secrets", "limit", SECRET_PAGE_ROWS),
        (policy.as_str(), "limit", RULE_PAGE_ROWS),
    ] {
        beyond(&api, &format!("{ACME}/{list}"), name, most).await.refused_for(name);
    }
    for (list, name, most) in [
        ("scans/search", "limit", SCAN_PAGE_ROWS),
        ("dependencies", "pageSize", COMPONENT_PAGE_ROWS),
        ("dependencies/repositories", "pageSize", SUMMARY_PAGE_ROWS),
    ] {
        let body = |rows: usize| json!({ name: rows });
        beyond_in(&api, &format!("{ACME}/{list}"), body, most as usize).await.refused_for(name);
    }
}

#[tokio::test]
async fn one_request_decides_about_so_many_findings() {
    let api = Api::without_workers().await;
    let most = TRIAGED_FINDINGS as usize;
    let findings = |count: usize| json!({ "issue_type": "sast", "issue_ids": (1..=count).collect::<Vec<_>>(), "new_triage_state": "ignored" });
    beyond_in(&api, TRIAGE, findings, most).await.refused_for("issue_ids");
    let filtered =
        |limit: usize| json!({ "issue_type": "sast", "limit": limit, "new_triage_state": "ignored" });
    beyond_in(&api, TRIAGE, filtered, most).await.refused_for("limit");
    let noted = |chars: usize| json!({ "issue_type": "sast", "new_note": "é".repeat(chars) });
    beyond_in(&api, TRIAGE, noted, TRIAGE_NOTE_CHARS).await.refused_for("new_note");
}

#[tokio::test]
async fn an_idempotency_key_has_so_many_characters() {
    let api = Api::without_workers().await;
    let send = async |chars: usize| {
        let key = "k".repeat(chars);
        let request = api.request(Method::POST, "/api/projects").header("idempotency-key", key);
        api.send(request.json(&json!({ "name": "shop" }))).await
    };
    send(IDEMPOTENCY_KEY_CHARS).await.expect(201);
    send(IDEMPOTENCY_KEY_CHARS + 1).await.refused_for("Idempotency-Key");
    send(0).await.refused_for("Idempotency-Key");
}

#[tokio::test]
async fn an_upload_has_so_many_parts() {
    let api = Api::without_workers().await;
    // The archive is one of them, and one is left for the end.
    let parts = |count: usize| {
        (1..count).fold(form(&leaky(1), &[]), |form, number| form.text(format!("field{number}"), ""))
    };
    api.upload_form(parts(UPLOAD_PARTS)).await.expect(201);
    api.upload_form(parts(UPLOAD_PARTS + 1)).await.refused(400);
}

#[tokio::test]
async fn a_form_has_so_many_bytes() {
    let api = server().await;
    let send = async |bytes: usize| {
        let form = format!("password={}", "x".repeat(bytes - "password=".len()));
        let request = api.request(Method::POST, "/api/auth/callback/credentials").body(form);
        api.send(request.header("content-type", "application/x-www-form-urlencoded")).await
    };
    // It is read, and then has not the token that forms carry.
    send(FORM_BYTES).await.refused(403);
    send(FORM_BYTES + 1).await.refused(413);
}
