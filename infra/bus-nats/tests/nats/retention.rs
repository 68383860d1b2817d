//! What retention takes away is not published again, and what comes after it is not lost.

use crate::server::Server;
use crate::world::{PATIENCE, Publishing, World, context, expected, messages, stream};
use async_nats::jetstream::stream::Config;
use scanledger_bus_nats::{BusOptions, Limit, Retention};
use scanledger_domain::log::{EventLog, Position};
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn keeping(max_age: Option<Limit<Duration>>, max_bytes: Option<Limit<NonZeroU64>>) -> BusOptions {
    BusOptions { retention: Retention { max_age, max_bytes }, ..BusOptions::default() }
}

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
    world.publish_all(&server, keeping(Some(Limit::At(Duration::from_millis(500))), None)).await;
    let begun = Instant::now();
    while stream(&server).await.cached_info().state.messages > 0 {
        assert!(begun.elapsed() < PATIENCE, "nothing expires");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    world.append(70).await;
    // Another publisher, which has nothing but the log and the empty stream, and which lets nothing expire.
    world.publish_all(&server, keeping(Some(Limit::Off), None)).await;
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
    world.append(1).await;
    world.publish_all(&server, keeping(None, NonZeroU64::new(100_000).map(Limit::At))).await;
    let info = stream(&server).await.cached_info().clone();
    assert_eq!(info.config.max_bytes, 100_000);
    assert!(info.state.bytes <= 100_000);
    assert_eq!(info.state.last_sequence, world.log.head().await.unwrap().0);
    assert_only_after(info.state.first_sequence - 1, &server, &world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_that_an_operator_set_stay_and_those_that_are_given_are_set() {
    const DAY: Duration = Duration::from_secs(86_400);
    let (server, world) = (Server::started(), World::new());
    world.append(10).await;
    let bus = world.bus(&server).await;
    let first = bus.last_checkpoint().await.unwrap();
    let first = bus.publish_checkpoint(first, "log\n10\nfirst\n").await.unwrap();
    world.publish_all(&server, BusOptions::default()).await;
    let context = context(&server).await;
    let config = async |name: &str| context.get_stream(name).await.unwrap().cached_info().config.clone();
    let made = config("SCANLEDGER_EVENTS").await;
    assert_eq!((made.max_age, made.max_bytes, made.num_replicas), (Duration::ZERO, -1, 1));

    let set = Config {
        max_age: 30 * DAY,
        max_bytes: 1_000_000_000,
        max_messages: 5_000_000,
        duplicate_window: Duration::from_secs(120),
        ..made
    };
    context.update_stream(set.clone()).await.unwrap();
    let checkpoints = Config { max_messages: 70, max_age: DAY, ..config("SCANLEDGER_CHECKPOINTS").await };
    context.update_stream(checkpoints.clone()).await.unwrap();
    world.append(10).await;
    world.publish_all(&server, BusOptions::default()).await;
    assert_eq!(bus.last_checkpoint().await.unwrap(), first);
    bus.publish_checkpoint(first, "log\n20\nsecond\n").await.unwrap();
    assert_eq!(config("SCANLEDGER_EVENTS").await, set);
    assert_eq!(config("SCANLEDGER_CHECKPOINTS").await, checkpoints);

    world.append(10).await;
    world.publish_all(&server, keeping(Some(Limit::At(DAY)), None)).await;
    assert_eq!(config("SCANLEDGER_EVENTS").await, Config { max_age: DAY, ..set.clone() });
    world.publish_all(&server, keeping(Some(Limit::Off), Some(Limit::Off))).await;
    assert_eq!(config("SCANLEDGER_EVENTS").await, Config { max_age: Duration::ZERO, max_bytes: -1, ..set });
    assert_only_after(0, &server, &world).await;
}
