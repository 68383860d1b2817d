//! The event feed.

use crate::harness::{Api, column};
use reqwest::Method;
use scanledger::adapters::TimeOrderedIds;
use scanledger_domain::decider::StoredEvent;
use scanledger_domain::id::{CommandId, Ids, ProjectId};
use scanledger_domain::identity::Role;
use scanledger_domain::limits::{BATCH_BYTES, EVENT_ANSWER_BYTES, EVENT_PAGE_ROWS};
use scanledger_domain::log::{Actor, Append, Metadata, NewEvent, Version};
use scanledger_domain::project::{Gate, GateUpdated, ProjectEvent, project_stream};
use serde_json::{Value, json};

#[tokio::test]
async fn the_feed_is_the_organizations_part_of_the_log() {
    let api = Api::without_workers().await;
    api.foreigner().await;
    // That somebody reads the feed is an event of its own, once a minute.
    api.get("/api/events?limit=1").await.expect(200);
    api.project("shop").await;
    let feed = api.get("/api/events?limit=1000").await;
    let head = api.server.engine.event_log().head().await.unwrap();
    assert_eq!(feed.header("scanledger-position"), head.to_string());
    let events = feed.expect(200);
    let events = events.as_array().unwrap();
    let positions: Vec<u64> = events.iter().map(|event| event["position"].as_u64().unwrap()).collect();
    assert!(positions.is_sorted_by(|a, b| a < b));
    for event in events {
        assert_eq!(event["metadata"]["organization"], api.organization.as_str(), "{event}");
        for field in ["id", "stream", "type", "recordedAt"] {
            assert!(event[field].is_string(), "{event}");
        }
        assert!(event["version"].as_u64() >= Some(1) && event["schema"] == 1 && event["data"].is_object());
    }
    let created = events.iter().find(|event| event["type"] == "project.created").unwrap();
    assert_eq!(created["data"]["details"]["name"], "shop");
    let text = feed.text();
    assert!(!text.contains("ana@example.org") && !text.contains(api.key()));
}

#[tokio::test]
async fn the_feed_goes_on_where_it_was() {
    let api = Api::without_workers().await;
    // That somebody reads the feed is an event of its own, once a minute.
    api.get("/api/events?limit=1").await.expect(200);
    for n in 0..5 {
        api.project(&format!("project {n}")).await;
    }
    let all = api.get("/api/events?limit=1000").await.expect(200);
    let (mut walked, mut after) = (Vec::new(), "0".to_owned());
    loop {
        let page = api.get(&format!("/api/events?limit=2&after={after}")).await;
        let events = page.expect(200);
        if events.as_array().unwrap().is_empty() {
            break;
        }
        walked.extend(events.as_array().unwrap().clone());
        page.header("scanledger-position").clone_into(&mut after);
    }
    assert_eq!(Value::Array(walked), all);
    let created = api.get("/api/events?types=project.created,project.deleted").await.expect(200);
    assert_eq!(column(&created, "type"), ["project.created"; 5]);
}

#[tokio::test]
async fn lines_are_one_envelope_each() {
    let api = Api::without_workers().await;
    api.get("/api/events?limit=1").await.expect(200);
    api.project("shop").await;
    let request = api.request(Method::GET, "/api/events").header("accept", "application/x-ndjson");
    let lines = api.send(request).await;
    assert_eq!((lines.status, lines.header("content-type")), (200, "application/x-ndjson"));
    let parsed: Vec<Value> = lines.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json!(parsed), api.get("/api/events").await.expect(200));
}

#[tokio::test]
async fn a_key_for_one_project_sees_its_events_only() {
    let api = Api::without_workers().await;
    let own = api.project("own").await;
    api.project("other").await;
    let client = api.with_role(Role::Security, Some(&own)).await;
    let events = client.get("/api/events").await.expect(200);
    assert_eq!(column(&events, "type"), ["project.created"]);
    assert_eq!(events[0]["data"]["project"], own.as_str());
}

#[tokio::test]
async fn questions_that_make_no_sense_are_refused() {
    let api = Api::without_workers().await;
    api.get("/api/events?after=999999").await.refused_as(400, "BEYOND_HEAD");
    api.get(&format!("/api/events?limit={EVENT_PAGE_ROWS}")).await.expect(200);
    let beyond = format!("limit={}", EVENT_PAGE_ROWS + 1);
    for (query, path) in [
        ("after=-1", "after"),
        ("after=99999999999999999999", "after"),
        ("types=project.exploded", "types"),
        (beyond.as_str(), "limit"),
        ("limit=0", "limit"),
    ] {
        api.get(&format!("/api/events?{query}")).await.refused_for(path);
    }
}

/// Appends changes of a new project, each of which has so many bytes.
async fn change(api: &Api, project: ProjectId, sizes: &[usize]) {
    let log = api.server.engine.event_log();
    let event = ProjectEvent::from(GateUpdated { project, gate: Gate::default() });
    for (version, size) in (1..).zip(sizes) {
        let command = CommandId(TimeOrderedIds.fresh());
        let new = |request: usize| {
            let metadata = Metadata {
                organization: Some(api.organization.parse().unwrap()),
                actor: Actor::Operator,
                correlation: command.0,
                causation: None,
                address: None,
                user_agent: None,
                request: Some("x".repeat(request)),
                key: None,
            };
            NewEvent {
                id: command.event(0),
                kind: event.kind(),
                schema: event.schema(),
                data: event.encode(),
                metadata: metadata.encode().into(),
            }
        };
        let events = vec![new(size - new(0).size())];
        assert_eq!(events[0].size(), *size);
        let append = Append { stream: project_stream(project), expected: Version(version), events };
        log.append(vec![append]).await.unwrap();
    }
    api.shown().await;
}

#[tokio::test]
async fn an_answer_has_so_many_bytes_of_events() {
    const BIG: usize = BATCH_BYTES - 1_000;
    const MANY: usize = EVENT_ANSWER_BYTES / BIG;
    const SMALL: usize = 1_000;
    // As many as fit with the next one exactly, one that does not fit any more; and after that, a byte too many.
    const REST: usize = EVENT_ANSWER_BYTES - MANY * BIG;
    let sizes = [vec![BIG; MANY], vec![REST, SMALL], vec![BIG; MANY], vec![REST - SMALL + 1]].concat();
    let api = Api::without_workers().await;
    let project = api.project("shop").await;
    change(&api, project.parse().unwrap(), &sizes).await;
    let mut pages = vec![];
    let mut after = "0".to_owned();
    loop {
        let path = format!("/api/events?types=project.gate_updated&limit={EVENT_PAGE_ROWS}&after={after}");
        let page = api.get(&path).await;
        let events = page.expect(200).as_array().unwrap().len();
        if events == 0 {
            break;
        }
        pages.push(events);
        page.header("scanledger-position").clone_into(&mut after);
    }
    assert_eq!(pages, [MANY + 1, MANY + 1, 1]);
}
