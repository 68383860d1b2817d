//! Servers that are not there, or go away in the middle.

use crate::server::Server;
use crate::world::{Publishing, World, assert_exactly_once, context};
use scanledger_bus_nats::Link;
use scanledger_domain::log::Position;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_comes_later_gets_everything() {
    let mut server = Server::stopped("");
    let world = World::new();
    world.append(300).await;
    let publishing = Publishing::start(world.bus(&server).await, Arc::clone(&world.log) as _);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let state = publishing.wait(|_| true).await;
    assert_eq!((state.link, state.published), (Link::Down, None));
    server.start();
    publishing.until(Position(300)).await;
    publishing.stop().await.unwrap();
    assert_exactly_once(&server, &world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_in_the_middle_misses_nothing_and_doubles_nothing() {
    let (mut server, world) = (Server::started(), World::new());
    world.append(30_000).await;
    let publishing = Publishing::start(world.bus(&server).await, Arc::clone(&world.log) as _);
    for begun in [1, 5_000, 10_000] {
        publishing.until(Position(begun)).await;
        server.kill();
        let state = publishing.wait(|state| state.link == Link::Down).await;
        assert!(state.published < Some(Position(30_000)), "it was killed too late to show anything");
        server.start();
    }
    publishing.until(Position(30_000)).await;
    publishing.stop().await.unwrap();
    assert_exactly_once(&server, &world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_committed_while_the_server_is_away_is_published_when_it_returns() {
    let (mut server, world) = (Server::started(), World::new());
    world.append(100).await;
    let publishing = Publishing::start(world.bus(&server).await, Arc::clone(&world.log) as _);
    publishing.until(Position(100)).await;
    server.kill();
    publishing.wait(|state| state.link == Link::Down).await;
    world.append(400).await;
    let state = publishing.wait(|_| true).await;
    assert_eq!(state.lag(Position(500)), Some(400));
    server.start();
    publishing.until(Position(500)).await;
    publishing.stop().await.unwrap();
    assert_exactly_once(&server, &world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_deleted_is_made_again_from_the_first_event() {
    let (server, world) = (Server::started(), World::new());
    world.append(200).await;
    let publishing = Publishing::start(world.bus(&server).await, Arc::clone(&world.log) as _);
    publishing.until(Position(200)).await;
    context(&server).await.delete_stream("SCANLEDGER_EVENTS").await.unwrap();
    world.append(100).await;
    publishing.until(Position(300)).await;
    publishing.stop().await.unwrap();
    assert_exactly_once(&server, &world).await;
}
