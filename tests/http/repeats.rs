//! Requests that come again with the same idempotency key.

use crate::archive::leaky;
use crate::harness::{Answer, Api, Client, id};
use reqwest::Method;
use scanledger_domain::identity::Role;
use serde_json::{Value, json};

async fn keyed(client: &Client, method: Method, path: &str, key: &str, body: Option<&Value>) -> Answer {
    let request = client.request(method, path).header("idempotency-key", key);
    client
        .send(match body {
            Some(body) => request.json(body),
            None => request,
        })
        .await
}

/// Deletes twice with one key: both answers are the same, and one that comes with no key or another finds nothing.
async fn deleted_once(api: &Api, others: &[Client], path: &str) {
    let delete = async |client: &Client, key: &str| keyed(client, Method::DELETE, path, key, None).await;
    let first = delete(api, "clean-up").await;
    first.expect(200);
    let again = delete(api, "clean-up").await;
    assert_eq!((again.status, &again.bytes), (200, &first.bytes), "{path}");
    let position = "scanledger-position";
    assert_eq!(again.header(position), first.header(position), "{path}");
    let other_query = keyed(api, Method::DELETE, &format!("{path}?force=1"), "clean-up", None).await;
    other_query.refused_as(422, "IDEMPOTENCY_KEY_REUSED");
    api.delete(path).await.refused(404);
    delete(api, "other").await.refused(404);
    for other in others {
        let told = delete(other, "clean-up").await;
        assert!(matches!(told.status, 403 | 404), "{path}: the key of one caller says nothing to another");
    }
}

#[tokio::test]
async fn a_deletion_that_is_repeated_has_its_first_answer() {
    let api = Api::without_workers().await;
    let queued = api.upload(&leaky(1), &[]).await.expect(201);
    let (scan, project) = (queued["scanId"].as_str().unwrap(), queued["projectId"].as_str().unwrap());
    let others = [api.with_role(Role::Admin, None).await, api.foreigner().await];
    deleted_once(&api, &others, &format!("/api/scans/{scan}")).await;
    deleted_once(&api, &others, &format!("/api/projects/{project}")).await;
    let key = api.post("/api/apikeys", &json!({ "name": "CI" })).await.expect(201);
    deleted_once(&api, &others, &format!("/api/apikeys/{}", id(&key))).await;
}

#[tokio::test]
async fn a_key_that_comes_with_another_query_is_refused() {
    let api = Api::without_workers().await;
    let (one, other) = (api.project("one").await, api.project("other").await);
    let body = json!({ "maxHigh": 1 });
    let put = async |query: &str| {
        keyed(&api, Method::PUT, &format!("/api/settings/build-gates?{query}"), "gate-1", Some(&body)).await
    };
    let first = put(&format!("projectId={one}&via=ci")).await;
    assert_eq!(first.expect(200)["maxHigh"], 1);
    let again = put(&format!("via=ci&note=&projectId={one}")).await;
    assert_eq!((again.status, &again.bytes), (200, &first.bytes), "the order of parameters says nothing");
    assert_eq!(again.header("scanledger-position"), first.header("scanledger-position"));
    put(&format!("projectId={other}&via=ci")).await.refused_as(422, "IDEMPOTENCY_KEY_REUSED");
    let gate = api.get(&format!("/api/settings/build-gates?projectId={other}")).await.expect(200);
    assert_eq!(gate["maxHigh"], 5, "nothing was written");
}
