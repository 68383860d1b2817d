//! The subscription to events.

use super::populated;
use super::world::{CORE, EDGE, ELSEWHERE, HOME, World, admin, caller, member, project};
use futures::StreamExt as _;
use scanledger_domain::identity::{Role, TeamRole};
use scanledger_domain::limits::GRAPHQL_SOCKET_OPERATIONS;
use serde_json::Value;
use std::time::Duration;

/// The next event of a subscription, which has to come.
async fn next(stream: &mut (impl futures::Stream<Item = async_graphql::Response> + Unpin)) -> Value {
    let response = tokio::time::timeout(Duration::from_secs(20), stream.next()).await.unwrap().unwrap();
    assert_eq!(response.errors, []);
    response.data.into_json().unwrap()["events"].clone()
}

#[tokio::test]
async fn a_subscription_catches_up_and_goes_on_live_with_the_events_of_its_organization() {
    let mut world = World::new().await;
    world.create(HOME, 0).await;
    world.create(ELSEWHERE, 1).await;
    world.create(HOME, 2).await;
    let query = "subscription { events(after: \"0\", types: [\"project.created\"]) { position type data stream version } }";
    let mut events = world.subscribe(admin(), query);
    assert_eq!(next(&mut events).await["data"]["project"], project(0).to_string());
    let second = next(&mut events).await;
    assert_eq!(second["data"]["project"], project(2).to_string());
    assert_eq!(second["type"], "project.created");
    world.create(ELSEWHERE, 3).await;
    world.create(HOME, 4).await;
    assert_eq!(next(&mut events).await["data"]["project"], project(4).to_string());
    let after = format!("subscription {{ events(after: {}) {{ position type }} }}", second["position"]);
    let mut rest = world.subscribe(admin(), &after);
    assert_eq!(next(&mut rest).await["type"], "project.created");
}

#[tokio::test]
async fn a_subscription_without_a_position_begins_now() {
    let mut world = World::new().await;
    world.create(HOME, 0).await;
    let mut events = world.subscribe(admin(), "subscription { events { data metadata } }");
    // A subscription begins when it is first asked.
    let first = tokio::spawn(async move { next(&mut events).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    world.create(HOME, 1).await;
    let first = first.await.unwrap();
    assert_eq!(first["data"]["project"], project(1).to_string());
    assert_eq!(first["metadata"]["organization"], HOME.to_string());
}

#[tokio::test]
async fn a_subscription_of_a_key_for_a_project_has_only_the_events_of_that_project() {
    let (world, _) = populated(2).await;
    let only = caller(HOME, Role::Security, Some(project(1)));
    let mut events = world.subscribe(only, "subscription { events(after: \"0\") { type data } }");
    assert_eq!(next(&mut events).await["data"]["project"], project(1).to_string());
    assert_eq!(next(&mut events).await["type"], "scan.queued");
}

#[tokio::test]
async fn a_subscription_of_a_member_has_the_events_of_the_projects_that_they_see() {
    let mut world = World::new().await;
    world.create_for(HOME, Some(EDGE), 0).await;
    world.create_for(HOME, Some(CORE), 1).await;
    let ana = member(&[(CORE, TeamRole::Admin)]);
    let mut events = world.subscribe(ana, "subscription { events(after: \"0\") { type data } }");
    assert_eq!(next(&mut events).await["data"]["project"], project(1).to_string());
    world.create_for(HOME, Some(EDGE), 2).await;
    world.create(HOME, 3).await;
    assert_eq!(next(&mut events).await["data"]["project"], project(3).to_string());
}

#[tokio::test]
async fn subscriptions_are_refused_for_what_they_may_not_or_cannot_follow() {
    let world = World::new().await;
    for (principal, query, code) in [
        (caller(HOME, Role::Developer, None), "subscription { events { type } }", "FORBIDDEN"),
        (admin(), "subscription { events(types: [\"no.such\"]) { type } }", "BAD_INPUT"),
        (admin(), "subscription { events(after: \"99999\") { type } }", "BAD_INPUT"),
        (admin(), "subscription { events(after: \"-1\") { type } }", "BAD_INPUT"),
    ] {
        let mut events = world.subscribe(principal, query);
        let response = events.next().await.unwrap();
        let extensions = response.errors[0].extensions.clone().unwrap();
        assert_eq!(extensions.get("code"), Some(&async_graphql::Value::from(code)), "{query}");
    }
}

#[tokio::test]
async fn a_socket_follows_so_many_things_at_a_time_and_one_more_when_one_has_ended() {
    let mut world = World::new().await;
    world.create(HOME, 0).await;
    let subscribe = world.socket(admin());
    let query = "subscription { events(after: \"0\") { type } }";
    let mut open: Vec<_> = (0..GRAPHQL_SOCKET_OPERATIONS).map(|_| subscribe(query)).collect();
    next(open.last_mut().unwrap()).await;
    let refused = subscribe(query).next().await.unwrap();
    let extensions = refused.errors[0].extensions.clone().unwrap();
    assert_eq!(extensions.get("code"), Some(&async_graphql::Value::from("TOO_MANY")));
    open.pop();
    next(&mut subscribe(query)).await;
}

#[tokio::test]
async fn a_subscriber_that_lags_gets_every_event_once() {
    let mut world = World::new().await;
    for number in 0..150 {
        let organization = if number % 3 == 0 { ELSEWHERE } else { HOME };
        world.create(organization, number).await;
    }
    let query = "subscription { events(after: \"0\", types: [\"project.created\"]) { data } }";
    let mut events = world.subscribe(admin(), query);
    for number in (0..150).filter(|number| number % 3 != 0) {
        assert_eq!(next(&mut events).await["data"]["project"], project(number).to_string());
    }
}
