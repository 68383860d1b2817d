//! Signed checkpoints are kept apart from the events.

use crate::server::Server;
use crate::world::{World, assert_exactly_once, context};
use scanledger_bus_nats::{BusError, BusOptions};
use scanledger_domain::log::EventLog;

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_is_kept_and_disturbs_no_event() {
    let (server, world) = (Server::started(), World::new());
    world.append(10).await;
    let bus = world.bus(&server).await;
    bus.publish_checkpoint("scanledger/1\n10\nfirst\n").await.unwrap();
    world.publish_all(&server, BusOptions::default()).await;
    bus.publish_checkpoint("scanledger/1\n10\nsecond\n").await.unwrap();
    let stream = context(&server).await.get_stream("SCANLEDGER_CHECKPOINTS").await.unwrap();
    assert_eq!(stream.cached_info().state.messages, 2);
    let newest = stream.get_last_raw_message_by_subject("scanledger.checkpoints").await.unwrap();
    assert_eq!(newest.payload, "scanledger/1\n10\nsecond\n");
    let log = newest.headers.get("Scanledger-Log").unwrap().to_string();
    assert_eq!(log, world.log.identity().to_string());
    assert_exactly_once(&server, &world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_of_two_logs_are_not_mixed() {
    let (server, world, stranger) = (Server::started(), World::new(), World::new());
    world.bus(&server).await.publish_checkpoint("one").await.unwrap();
    let refused = stranger.bus(&server).await.publish_checkpoint("other").await;
    assert!(
        matches!(refused, Err(BusError::OtherLog { stream: "SCANLEDGER_CHECKPOINTS", .. })),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_a_checkpoint_is_not_taken_for_published() {
    let (server, world) = (Server::stopped(""), World::new());
    let refused = world.bus(&server).await.publish_checkpoint("note").await;
    assert!(matches!(refused, Err(BusError::Unavailable { .. })), "{refused:?}");
}
