//! Honeytokens, as a thief uses them, and what is known of it afterwards.

use crate::gitguardian_honeytokens::{EVENTS, HONEYTOKENS, access_id, act, made, read, secret_key};
use crate::gitguardian_tokens::link;
use crate::harness::{Answer, Api, column, id};
use crate::pepper_browser::server;
use reqwest::header::{AUTHORIZATION, USER_AGENT};
use reqwest::{Method, RequestBuilder};
use scanledger_api::limit::{QuotaChange, Settings};
use scanledger_domain::limits::HONEYTOKEN_TRIGGERS_A_MINUTE;
use scanledger_domain::log::{Metadata, Position};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A request with an access id, signed as AWS' clients sign.
fn signed(api: &Api, access_id: &str, path: &str) -> RequestBuilder {
    let scope = format!("{access_id}/20261121/eu-central-1/sts/aws4_request");
    let signature = "00".repeat(32);
    let header =
        format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={signature}");
    let request = api.with_key(None).request(Method::POST, &format!("/decoy/aws{path}"));
    request.header(AUTHORIZATION, header).header(USER_AGENT, "aws-cli/2.31.0")
}

/// Uses a honeytoken to ask who it is, as thieves do first.
pub async fn used(api: &Api, access_id: &str) -> Answer {
    let request = signed(api, access_id, "/").body("Action=GetCallerIdentity&Version=2011-06-15");
    let answer = api.send(request).await;
    api.shown().await;
    answer
}

#[tokio::test]
async fn whoever_uses_one_is_told_that_the_key_is_unknown_and_it_goes_off() {
    let api = server(|_| ()).await;
    let token = made(&api, "laptop").await;
    let answer = used(&api, access_id(&token)).await;
    assert_eq!((answer.status, answer.header("content-type")), (403, "text/xml"));
    let request = answer.header("x-amzn-requestid").to_owned();
    let text = answer.text();
    assert!(text.contains("<Code>InvalidClientTokenId</Code>") && text.contains(&request), "{text}");

    let triggered = read(&api, &token).await;
    assert_eq!((&triggered["status"], &triggered["open_events_count"]), (&json!("triggered"), &json!(1)));
    assert!(triggered["triggered_at"].is_string());
    let events = api.get(EVENTS).await.expect(200);
    let event = &events[0];
    assert_eq!((&event["honeytoken_id"], &event["status"]), (&token["id"], &json!("open")));
    assert_eq!((&event["ip_address"], &event["action"]), (&json!("127.0.0.1"), &json!("GetCallerIdentity")));
    let data = json!({ "service": "sts", "region": "eu-central-1", "user_agent": "aws-cli/2.31.0" });
    assert_eq!(event["data"], data);
    assert_eq!(event["triggered_at"], triggered["triggered_at"]);

    // A key that is none is answered with the same bytes, but for the number of the request.
    let mut other = access_id(&token)[..19].to_owned();
    other.push(if access_id(&token).ends_with('A') { 'B' } else { 'A' });
    for unknown in [other.as_str(), "none", "", &"x".repeat(2_000)] {
        let again = used(&api, unknown).await;
        let its = again.header("x-amzn-requestid").to_owned();
        assert_eq!((again.status, again.text().replace(&its, &request)), (403, text.clone()));
        let names = |answer: &Answer| {
            answer.headers.keys().map(|name| name.as_str().to_owned()).collect::<BTreeSet<_>>()
        };
        assert_eq!(names(&again), names(&answer));
    }
    assert_eq!(api.get(EVENTS).await.expect(200).as_array().unwrap().len(), 1);

    let reset = act(&api, &token, "reset").await.expect(200);
    assert_eq!((&reset["status"], &reset["open_events_count"]), (&json!("active"), &json!(0)));
    assert_eq!(reset["triggered_at"], Value::Null);
    assert_eq!(api.get(EVENTS).await.expect(200)[0]["status"], "archived");
    used(&api, access_id(&token)).await;
    assert_eq!(read(&api, &token).await["status"], "triggered");
    act(&api, &token, "revoke").await.expect(200);
    used(&api, access_id(&token)).await;
    assert_eq!(api.get(EVENTS).await.expect(200).as_array().unwrap().len(), 2);
    assert_eq!(read(&api, &token).await["open_events_count"], 0);
}

#[tokio::test]
async fn a_use_is_recorded_with_the_id_of_its_request() {
    let api = server(|_| ()).await;
    let token = made(&api, "laptop").await;
    let request = signed(&api, access_id(&token), "/").header("x-request-id", "thief-1");
    assert_eq!(api.send(request).await.header("x-request-id"), "thief-1");
    let log = api.server.engine.event_log().read_all(Position::START, 1_000).await.unwrap();
    let triggered = log.iter().find(|event| *event.kind == *"honeytoken.triggered").unwrap();
    assert_eq!(Metadata::decode(&triggered.metadata).unwrap().request.as_deref(), Some("thief-1"));
}

#[tokio::test]
async fn every_way_to_use_one_sets_it_off() {
    let api = server(|_| ()).await;
    let nobody = api.with_key(None);
    for (name, method, query, target, action) in [
        ("list", Method::GET, "", None, "GET"),
        ("head", Method::HEAD, "", None, "HEAD"),
        ("put", Method::PUT, "", None, "PUT"),
        ("patch", Method::PATCH, "", None, "PATCH"),
        ("delete", Method::DELETE, "?Action=DeleteUser", None, "DeleteUser"),
        ("table", Method::POST, "", Some("DynamoDB_20120810.ListTables"), "ListTables"),
    ] {
        let token = made(&api, name).await;
        let path = if name == "list" { "/decoy/aws" } else { "/decoy/aws/bucket/key" };
        let scope = format!("{}/20261121/us-east-1/s3/aws4_request", access_id(&token));
        let header = format!("AWS4-HMAC-SHA256 Credential={scope},SignedHeaders=host,Signature=0");
        let mut request = nobody.request(method, &format!("{path}{query}")).header(AUTHORIZATION, header);
        if let Some(target) = target {
            request = request.header("x-amz-target", target);
        }
        assert_eq!(api.send(request).await.status, 403);
        api.shown().await;
        let events = api.get(&format!("{EVENTS}?honeytoken_id={}", id(&token))).await.expect(200);
        assert_eq!(column(&events, "action"), [action], "{name}");
    }
    let token = made(&api, "signed address").await;
    let scope = format!("{}%2F20261121%2Fus-east-1%2Fs3%2Faws4_request", access_id(&token));
    let path = format!("/decoy/aws/bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={scope}");
    assert_eq!(nobody.get(&path).await.status, 403);
    api.shown().await;
    assert_eq!(read(&api, &token).await["status"], "triggered");
    for unsigned in ["/decoy/aws", "/decoy/aws/", "/decoy/aws/bucket/key"] {
        assert_eq!(nobody.get(unsigned).await.header("content-type"), "text/xml");
    }
}

#[tokio::test]
async fn so_many_uses_a_minute_are_recorded() {
    let api = server(|_| ()).await;
    let (token, other) = (made(&api, "laptop").await, made(&api, "wiki").await);
    for _ in 0..HONEYTOKEN_TRIGGERS_A_MINUTE + 2 {
        assert_eq!(used(&api, access_id(&token)).await.status, 403);
    }
    assert_eq!(read(&api, &token).await["open_events_count"], HONEYTOKEN_TRIGGERS_A_MINUTE);
    used(&api, access_id(&other)).await;
    assert_eq!(read(&api, &other).await["open_events_count"], 1);
}

#[tokio::test]
async fn so_many_uses_from_one_network_are_looked_at() {
    let quotas = ["decoy=2/24h".parse::<QuotaChange>().unwrap()].into_iter().collect();
    let api = Api::with_limits(Settings { quotas, ..Settings::default() }).await;
    let statuses = [used(&api, "none").await, used(&api, "none").await, used(&api, "none").await];
    assert_eq!(statuses.map(|answer| answer.status), [403, 403, 429]);
    api.get(HONEYTOKENS).await.expect(200);
}

#[tokio::test]
async fn nothing_of_it_is_in_the_log_in_clear() {
    let api = server(|_| ()).await;
    let token = made(&api, "laptop").await;
    let context = api.post(&format!("{HONEYTOKENS}/with-context"), &json!({ "name": "file" })).await;
    let content = context.expect(200)["content"].as_str().unwrap().to_owned();
    used(&api, access_id(&token)).await;
    // What a stranger says of what it wants may be the credential itself.
    let own = access_id(&token);
    let request = api.with_key(None).request(Method::GET, &format!("/decoy/aws/{own}/ana@example.org"));
    let scope =
        format!("AWS4-HMAC-SHA256 Credential={own}/20261121/{own}/ana@example.org/aws4_request, Signature=0");
    api.send(request.header(AUTHORIZATION, scope).header("x-amz-target", own)).await;
    api.shown().await;
    let events = api.get("/api/events?limit=1000").await.text();
    assert!(!events.contains("/decoy/aws") && events.matches("honeytoken.triggered").count() >= 2);
    assert!(events.contains("honeytoken.created") && events.contains("honeytoken.triggered"));
    let audit = api.get("/api/audit-log?limit=200").await.text();
    assert!(audit.contains("honeytoken.triggered"));
    let listed = api.get("/v1/audit_logs").await.text();
    let of_context = content.lines().filter_map(|line| line.split_once(" = ").map(|(_, value)| value));
    let clear = of_context.filter(|value| value.len() >= 20 && !value.starts_with("http"));
    let clear: Vec<&str> = clear.chain([access_id(&token), secret_key(&token)]).collect();
    assert_eq!(clear.len(), 4, "{content}");
    for text in [&events, &audit, &listed] {
        for clear in &clear {
            assert!(!text.contains(clear));
        }
    }
    assert!(!events.contains("aws-cli/2.31.0"));
}

#[tokio::test]
async fn uses_are_narrowed_ordered_and_paged() {
    let api = server(|_| ()).await;
    let (first, second) = (made(&api, "first").await, made(&api, "second").await);
    used(&api, access_id(&first)).await;
    used(&api, access_id(&second)).await;
    act(&api, &first, "reset").await.expect(200);
    let of = async |query: &str| {
        let listed = api.get(&format!("{EVENTS}?{query}")).await.expect(200);
        column(&listed, "honeytoken_id").into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let (first, second) = (id(&first), id(&second));
    for (query, expected) in [
        ("", vec![&first, &second]),
        ("ordering=triggered_at", vec![&first, &second]),
        ("ordering=-triggered_at", vec![&second, &first]),
        ("status=open", vec![&second]),
        ("status=archived", vec![&first]),
        ("status=allowed", vec![]),
        ("ip_address=127.0.0.1", vec![&first, &second]),
        ("ip_address=127.0.0.2", vec![]),
        ("ip_address=nowhere", vec![]),
        ("search=getcaller", vec![&first, &second]),
        ("search=nothing", vec![]),
        ("tags=x", vec![]),
        (&format!("honeytoken_id={second}"), vec![&second]),
    ] {
        assert_eq!(of(query).await.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    let page = api.get(&format!("{EVENTS}?per_page=1&ordering=-triggered_at")).await;
    assert_eq!(column(&page.expect(200), "honeytoken_id"), [second.as_str()]);
    let next = api.get(&link(&api, &page, "next").unwrap()).await;
    assert_eq!(column(&next.expect(200), "honeytoken_id"), [first.as_str()]);
    let back = api.get(&link(&api, &next, "prev").unwrap()).await.expect(200);
    assert_eq!(column(&back, "honeytoken_id"), [second.as_str()]);
}
