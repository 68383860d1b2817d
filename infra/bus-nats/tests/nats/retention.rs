//! What retention takes away is not published again, and what comes after it is not lost.

use crate::server::Server;
use crate::world::{PATIENCE, Publishing, World, expected, messages, stream};
use scanledger_bus_nats::{BusOptions, Retention};
use scanledger_domain::log::{EventLog, Position};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The server has the events after `missing`, and no others.
async fn assert_only_after(missing: u64, server: &Server, world: &World) {
    let found = messages(server, "scanledger.events.>").await;
    let skipped = usize::try_from(missing).unwrap();
    let log = world.log.identity();
    let events = world.everything().await;
    let wanted: Vec<_> = (1..).zip(&events).skip(skipped).map(|(n, event)| expected(n, event, log)).collect();
    assert_eq!(found, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_goes_on_behind_events_that_have_all_expired() {
    let (server, world) = (Server::started(), World::new());
    world.append(1_500).await;
    let retention = Retention { max_age: Some(Duration::from_millis(500)), max_bytes: None };
    world.publish_all(&server, BusOptions { retention, ..BusOptions::default() }).await;
    let begun = Instant::now();
    while stream(&server).await.cached_info().state.messages > 0 {
        assert!(begun.elapsed() < PATIENCE, "nothing expires");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.append(70).await;
    // Another publisher, which has nothing but the log and the empty stream, and which lets nothing expire.
    world.publish_all(&server, BusOptions::default()).await;
    assert_eq!(stream(&server).await.cached_info().config.max_age, Duration::ZERO);
    assert_only_after(1_500, &server, &world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_at_work_goes_on_after_a_purge() {
    let (server, world) = (Server::started(), World::new());
    world.append(300).await;
    let publishing = Publishing::start(world.bus(&server).await, Arc::clone(&world.log) as _);
    publishing.until(Position(300)).await;
    stream(&server).await.purge().await.unwrap();
    world.append(70).await;
    publishing.until(Position(370)).await;
    publishing.stop().await.unwrap();
    assert_only_after(300, &server, &world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_message_may_be_missing() {
    let (server, world) = (Server::started(), World::new());
    world.append(300).await;
    world.publish_all(&server, BusOptions::default()).await;
    for last in [299, 300] {
        stream(&server).await.delete_message(last).await.unwrap();
    }
    world.append(70).await;
    world.publish_all(&server, BusOptions::default()).await;
    let sequences: Vec<_> =
        messages(&server, "scanledger.events.>").await.iter().map(|m| m.sequence).collect();
    let wanted: Vec<_> = (1..=298).chain(301..=370).collect();
    assert_eq!(sequences, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_on_bytes_keeps_the_newest() {
    let (server, world) = (Server::started(), World::new());
    world.append(500).await;
    world.publish_all(&server, BusOptions::default()).await;
    let retention = Retention { max_age: None, max_bytes: NonZeroU64::new(100_000) };
    world.append(1).await;
    world.publish_all(&server, BusOptions { retention, ..BusOptions::default() }).await;
    let info = stream(&server).await.cached_info().clone();
    assert_eq!(info.config.max_bytes, 100_000);
    assert!(info.state.bytes <= 100_000);
    assert_eq!(info.state.last_sequence, world.log.head().await.unwrap().0);
    assert_only_after(info.state.first_sequence - 1, &server, &world).await;
}
