//! Credentials, and what the server does not take.

use crate::server::Server;
use crate::world::{PATIENCE, Publishing, World};
use scanledger_bus_nats::{BusError, BusOptions, Link, NatsBus};
use scanledger_domain::log::{EventLog, Position};
use std::sync::Arc;
use std::time::Duration;

async fn bus(url: String, world: &World) -> NatsBus {
    NatsBus::connect(&url, world.log.identity(), BusOptions::default()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_password_is_used_with_it_and_not_without() {
    let mut server = Server::stopped("authorization { user: ana, password: \"s@fe\" }");
    server.start();
    let world = World::new();
    world.append(10).await;
    let refused = bus(format!("nats://ana:wrong@127.0.0.1:{}", server.port), &world).await;
    let mut state = refused.state();
    let is_up = tokio::time::timeout(Duration::from_secs(1), state.wait_for(|state| state.link == Link::Up));
    assert!(is_up.await.is_err());
    let taken = bus(format!("nats://ana:s%40fe@127.0.0.1:{}", server.port), &world).await;
    let publishing = Publishing::start(Arc::new(taken), Arc::clone(&world.log) as _);
    publishing.until(Position(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_a_token_is_used_with_it() {
    let mut server = Server::stopped("authorization { token: t0ken }");
    server.start();
    let world = World::new();
    let bus = bus(format!("nats://t0ken@127.0.0.1:{}", server.port), &world).await;
    let mut state = bus.state();
    tokio::time::timeout(PATIENCE, state.wait_for(|state| state.link == Link::Up)).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_read_are_named_at_once() {
    let (server, world) = (Server::stopped(""), World::new());
    let missing = Some("nowhere/at/all".into());
    for (options, what) in [
        (BusOptions { credentials: missing.clone(), ..BusOptions::default() }, "credentials file"),
        (BusOptions { root_certificates: missing, ..BusOptions::default() }, "root certificates"),
    ] {
        let refused = NatsBus::connect(&server.url(), world.log.identity(), options).await.err();
        assert!(
            matches!(&refused, Some(BusError::File { what: found, .. }) if *found == what),
            "{refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_certificates_is_refused_at_once() {
    let (server, world, folder) = (Server::stopped(""), World::new(), tempfile::tempdir().unwrap());
    let broken = "-----BEGIN CERTIFICATE-----\nbm8gY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n";
    for text in ["", "no PEM", broken] {
        let file = folder.path().join("ca.pem");
        std::fs::write(&file, text).unwrap();
        let options = BusOptions { root_certificates: Some(file), ..BusOptions::default() };
        let refused = NatsBus::connect(&server.url(), world.log.identity(), options).await.err();
        assert!(
            matches!(refused, Some(BusError::File { what: "root certificates", .. })),
            "{text}: {refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_larger_than_the_server_takes_holds_publishing_up_and_is_named() {
    let mut server = Server::stopped("max_payload: 1024");
    server.start();
    let world = World::new();
    world.append_one(1, 0, "branch.opened", "{}").await;
    world.append_one(1, 1, "branch.opened", &format!("{{\"name\":\"{}\"}}", "a".repeat(1_000))).await;
    world.append_one(1, 2, "branch.opened", "{}").await;
    let publishing = Publishing::start(world.bus(&server).await, Arc::clone(&world.log) as _);
    let failed = |failure: &BusError| matches!(failure, BusError::TooLarge { position: Position(2), .. });
    let state = publishing.wait(|state| state.failure.as_deref().is_some_and(failed)).await;
    assert!(state.published <= Some(Position(1)), "{state:?}");
    // It is tried again for ever, and stays the reason all the while: it is said once, and not each time.
    let mut state = publishing.bus.state();
    let mut looked = 0;
    let tried = tokio::time::timeout(Duration::from_secs(2), async {
        while state.changed().await.is_ok() {
            looked += 1;
            let state = state.borrow_and_update();
            assert!(state.failure.as_deref().is_some_and(failed), "{state:?}");
        }
    });
    tried.await.unwrap_err();
    assert!(looked > 2, "it was tried {looked} times");
    publishing.stop().await.unwrap();
    let state = state.borrow();
    assert_eq!(
        (state.published, state.failure.is_none()),
        (None, true),
        "who does not publish knows of nothing"
    );
}
