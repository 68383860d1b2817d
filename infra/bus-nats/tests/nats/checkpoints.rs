//! Signed checkpoints are kept apart from the events.

use crate::server::Server;
use crate::world::{World, assert_exactly_once, context};
use scanledger_bus_nats::{BusError, BusOptions};
use scanledger_domain::log::EventLog;

fn note(size: u64) -> String {
    format!("scanledger/1\n{size}\nroot\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_is_kept_and_disturbs_no_event() {
    let (server, world) = (Server::started(), World::new());
    world.append(10).await;
    let bus = world.bus(&server).await;
    let last = bus.last_checkpoint().await.unwrap();
    assert_eq!(last.size, 0);
    let last = bus.publish_checkpoint(last, &note(7)).await.unwrap();
    world.publish_all(&server, BusOptions::default()).await;
    bus.publish_checkpoint(last, &note(10)).await.unwrap();
    let stream = context(&server).await.get_stream("SCANLEDGER_CHECKPOINTS").await.unwrap();
    assert_eq!(stream.cached_info().state.messages, 2);
    let newest = stream.get_last_raw_message_by_subject("scanledger.checkpoints").await.unwrap();
    assert_eq!(newest.payload, note(10));
    let log = newest.headers.get("Scanledger-Log").unwrap().to_string();
    assert_eq!(log, world.log.identity().to_string());
    assert_eq!(bus.last_checkpoint().await.unwrap().size, 10);
    assert_exactly_once(&server, &world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_publish_the_same_checkpoint_one_does() {
    let (server, world) = (Server::started(), World::new());
    let (one, other) = (world.bus(&server).await, world.bus(&server).await);
    let seen = one.last_checkpoint().await.unwrap();
    let kept = one.publish_checkpoint(seen, &note(5)).await.unwrap();
    let raced = other.publish_checkpoint(seen, &note(5)).await;
    assert!(matches!(raced, Err(BusError::Raced)), "{raced:?}");
    assert_eq!(other.last_checkpoint().await.unwrap(), kept);
    other.publish_checkpoint(kept, &note(6)).await.unwrap();
    let stream = context(&server).await.get_stream("SCANLEDGER_CHECKPOINTS").await.unwrap();
    assert_eq!(stream.cached_info().state.messages, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_checkpoints_were_removed_they_may_be_published_again() {
    let (server, world) = (Server::started(), World::new());
    let bus = world.bus(&server).await;
    let last = bus.last_checkpoint().await.unwrap();
    bus.publish_checkpoint(last, &note(5)).await.unwrap();
    context(&server).await.get_stream("SCANLEDGER_CHECKPOINTS").await.unwrap().purge().await.unwrap();
    let last = bus.last_checkpoint().await.unwrap();
    assert_eq!(last.size, 0);
    bus.publish_checkpoint(last, &note(5)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_of_two_logs_are_not_mixed() {
    let (server, world, stranger) = (Server::started(), World::new(), World::new());
    world.bus(&server).await.last_checkpoint().await.unwrap();
    let refused = stranger.bus(&server).await.last_checkpoint().await;
    assert!(
        matches!(refused, Err(BusError::OtherLog { stream: "SCANLEDGER_CHECKPOINTS", .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_checkpoint_among_them_is_noticed() {
    let (server, world) = (Server::started(), World::new());
    let bus = world.bus(&server).await;
    let last = bus.last_checkpoint().await.unwrap();
    let refused = bus.publish_checkpoint(last, "one line").await;
    assert!(matches!(refused, Err(BusError::OtherShape { .. })), "{refused:?}");
    let context = context(&server).await;
    context.publish("scanledger.checkpoints", "hello".into()).await.unwrap().await.unwrap();
    let refused = bus.last_checkpoint().await;
    assert!(
        matches!(refused, Err(BusError::OtherShape { what: "its last message is no checkpoint", .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_a_checkpoint_is_not_taken_for_published() {
    let (server, world) = (Server::stopped(""), World::new());
    let bus = world.bus(&server).await;
    let refused = bus.last_checkpoint().await;
    assert!(matches!(refused, Err(BusError::Unavailable { .. })), "{refused:?}");
    let refused = bus.publish_checkpoint(scanledger_bus_nats::KeptNote::default(), &note(5)).await;
    assert!(matches!(refused, Err(BusError::Unavailable { .. })), "{refused:?}");
}
