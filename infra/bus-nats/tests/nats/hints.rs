//! Nodes tell each other how far the log has come.

use crate::server::Server;
use crate::world::{PATIENCE, World};
use scanledger_bus_nats::Link;
use scanledger_domain::log::Position;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::timeout;

/// Waits until the bus is connected and, because what it listens to is told to the server in order, hears others.
async fn connected(bus: &scanledger_bus_nats::NatsBus) {
    let mut state = bus.state();
    timeout(PATIENCE, state.wait_for(|state| state.link == Link::Up)).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(200)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_hears_of_a_commit_within_a_second() {
    let (server, world) = (Server::started(), World::new());
    let (one, other) = (world.bus(&server).await, world.bus(&server).await);
    connected(&one).await;
    connected(&other).await;
    let (heads, announced) = watch::channel(Position::START);
    let speaking = std::sync::Arc::clone(&one);
    let announcing = tokio::spawn(async move { speaking.announce(announced).await });
    let mut hints = other.hints();
    for position in [1, 17, 4_000] {
        let begun = Instant::now();
        heads.send_replace(Position(position));
        timeout(PATIENCE, hints.wait_for(|hint| *hint == Position(position))).await.unwrap().unwrap();
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
    // Who speaks does not hear itself.
    assert_eq!(*one.hints().borrow(), Position::START);
    drop(heads);
    timeout(PATIENCE, announcing).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_commits_are_told_as_a_few_and_the_last_one_is() {
    let (server, world) = (Server::started(), World::new());
    let (one, other) = (world.bus(&server).await, world.bus(&server).await);
    connected(&one).await;
    connected(&other).await;
    let (heads, announced) = watch::channel(Position::START);
    tokio::spawn(async move { one.announce(announced).await });
    let mut hints = other.hints();
    let listening = tokio::spawn(async move {
        let mut heard = 0;
        while *hints.borrow_and_update() != Position(50_000) {
            hints.changed().await.unwrap();
            heard += 1;
        }
        heard
    });
    for position in 1..=50_000 {
        heads.send_replace(Position(position));
    }
    let heard = timeout(PATIENCE, listening).await.unwrap().unwrap();
    assert!(heard < 5_000, "{heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_while_the_server_was_away_is_told_when_it_returns() {
    let (mut server, world) = (Server::started(), World::new());
    let (one, other) = (world.bus(&server).await, world.bus(&server).await);
    connected(&one).await;
    connected(&other).await;
    server.kill();
    timeout(PATIENCE, one.state().wait_for(|state| state.link == Link::Down)).await.unwrap().unwrap();
    let (heads, announced) = watch::channel(Position::START);
    tokio::spawn(async move { one.announce(announced).await });
    heads.send_replace(Position(9));
    server.start();
    connected(&other).await;
    heads.send_replace(Position(10));
    let mut hints = other.hints();
    timeout(PATIENCE, hints.wait_for(|hint| *hint == Position(10))).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_log_on_the_same_server_is_not_heard() {
    let (server, world, stranger) = (Server::started(), World::new(), World::new());
    let (one, other) = (world.bus(&server).await, stranger.bus(&server).await);
    let witness = world.bus(&server).await;
    for bus in [&one, &other, &witness] {
        connected(bus).await;
    }
    let (_heads, announced) = watch::channel(Position(5));
    tokio::spawn(async move { one.announce(announced).await });
    let mut heard = witness.hints();
    timeout(PATIENCE, heard.wait_for(|hint| *hint == Position(5))).await.unwrap().unwrap();
    assert_eq!(*other.hints().borrow(), Position::START);
}
