//! Every event once and in order, while nothing is broken.

use crate::server::Server;
use crate::world::{Publishing, World, assert_exactly_once, messages, organization};
use scanledger_bus_nats::BusOptions;
use scanledger_domain::log::{EventLog, Position};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_log_is_published_and_then_what_comes() {
    let (server, world) = (Server::started(), World::new());
    world.append(5_000).await;
    let publishing = Publishing::start(world.bus(&server).await, Arc::clone(&world.log) as _);
    publishing.until(Position(5_000)).await;
    for _ in 0..50 {
        world.append(7).await;
    }
    publishing.until(Position(5_350)).await;
    let state = publishing.wait(|_| true).await;
    assert_eq!(state.lag(world.log.head().await.unwrap()), Some(0));
    publishing.stop().await.unwrap();
    assert_exactly_once(&server, &world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organization_can_be_followed_alone() {
    let (server, world) = (Server::started(), World::new());
    world.append(600).await;
    world.publish_all(&server, BusOptions::default()).await;
    let one = organization(1).unwrap();
    let found = messages(&server, &format!("scanledger.events.{}.>", one.0)).await;
    assert_eq!(found.len(), 200);
    assert!(found.iter().all(|message| message.payload.contains(&one.0.to_string())));
    assert_eq!(messages(&server, "scanledger.events.installation.>").await.len(), 200);
    assert_eq!(messages(&server, "scanledger.events.*.finding.detected").await.len(), 600);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_goes_on_where_one_was_stopped_in_the_middle() {
    let (server, world) = (Server::started(), World::new());
    world.append(20_000).await;
    for begun in [1, 4_000, 8_000] {
        let publishing = Publishing::start(world.bus(&server).await, Arc::clone(&world.log) as _);
        publishing.until(Position(begun)).await;
        let state = publishing.wait(|_| true).await;
        assert!(state.published < Some(Position(20_000)), "it was stopped too late to show anything");
        publishing.stop().await.unwrap();
    }
    world.publish_all(&server, BusOptions::default()).await;
    assert_exactly_once(&server, &world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_publishers_at_once_double_nothing() {
    let (server, world) = (Server::started(), World::new());
    world.append(5_000).await;
    let one = Publishing::start(world.bus(&server).await, Arc::clone(&world.log) as _);
    let other = Publishing::start(world.bus(&server).await, Arc::clone(&world.log) as _);
    for _ in 0..50 {
        world.append(20).await;
        tokio::task::yield_now().await;
    }
    one.until(Position(6_000)).await;
    other.until(Position(6_000)).await;
    one.stop().await.unwrap();
    other.stop().await.unwrap();
    assert_exactly_once(&server, &world).await;
}
