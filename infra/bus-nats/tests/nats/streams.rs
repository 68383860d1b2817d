//! Streams that are not ours are left alone.

use crate::server::Server;
use crate::world::{Publishing, World, assert_exactly_once, context, stream};
use async_nats::jetstream::stream::Config;
use scanledger_bus_nats::{BusError, BusOptions};
use scanledger_domain::log::{EventLog, Position};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_of_another_log_is_refused() {
    let (server, world, stranger) = (Server::started(), World::new(), World::new());
    world.append(10).await;
    stranger.append(20).await;
    world.publish_all(&server, BusOptions::default()).await;
    let bus = stranger.bus(&server).await;
    let error = Publishing::start(Arc::clone(&bus), Arc::clone(&stranger.log) as _).failed().await;
    assert!(bus.state().borrow().failure.as_ref().is_some_and(|failure| Arc::ptr_eq(failure, &error)));
    let (found, expected) = (world.log.identity(), stranger.log.identity());
    assert!(!error.is_passing());
    assert_eq!(
        error.to_string(),
        format!("stream SCANLEDGER_EVENTS on the bus belongs to log {found}, not to log {expected}")
    );
    assert_exactly_once(&server, &world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_somebody_made_otherwise_is_refused() {
    let (server, world) = (Server::started(), World::new());
    world.append(10).await;
    let subjects = vec!["scanledger.events.>".to_owned()];
    let config = Config { name: "SCANLEDGER_EVENTS".to_owned(), subjects, ..Config::default() };
    context(&server).await.create_stream(config).await.unwrap();
    let error = Publishing::start(world.bus(&server).await, Arc::clone(&world.log) as _).failed().await;
    assert!(matches!(*error, BusError::OtherShape { stream: "SCANLEDGER_EVENTS", .. }), "{error}");
    assert_eq!(stream(&server).await.cached_info().state.messages, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_keeps_its_name_but_not_its_subjects_is_refused() {
    let (server, world) = (Server::started(), World::new());
    world.publish_all(&server, BusOptions::default()).await;
    let context = context(&server).await;
    let mut config = stream(&server).await.cached_info().config.clone();
    config.subjects.push("something.else".to_owned());
    context.update_stream(config).await.unwrap();
    let error = Publishing::start(world.bus(&server).await, Arc::clone(&world.log) as _).failed().await;
    assert!(matches!(*error, BusError::OtherShape { what: "it has other subjects", .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_of_somebody_else_in_the_stream_is_noticed() {
    let (server, world) = (Server::started(), World::new());
    world.append(10).await;
    world.publish_all(&server, BusOptions::default()).await;
    context(&server).await.publish("scanledger.events.x", "hello".into()).await.unwrap().await.unwrap();
    let error = Publishing::start(world.bus(&server).await, Arc::clone(&world.log) as _).failed().await;
    assert!(matches!(*error, BusError::OtherShape { what: "its last message is no event", .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_lost_events_which_the_bus_has_is_not_published() {
    let (server, world) = (Server::started(), World::new());
    world.append(10).await;
    let (world, earlier) = world.copied().await;
    world.append(5).await;
    world.publish_all(&server, BusOptions::default()).await;
    assert_eq!(earlier.log.identity(), world.log.identity());
    assert_eq!(earlier.log.head().await.unwrap(), Position(10));
    let error = Publishing::start(earlier.bus(&server).await, Arc::clone(&earlier.log) as _).failed().await;
    assert!(matches!(*error, BusError::Diverged { position: Position(15) }), "{error}");
}
