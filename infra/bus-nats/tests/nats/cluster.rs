//! Several servers as a cluster: on how many of them events are kept.

use crate::server::Server;
use crate::world::{PATIENCE, Publishing, World, context};
use async_nats::jetstream::stream::Config;
use scanledger_bus_nats::BusOptions;
use scanledger_domain::log::EventLog;
use scanledger_test_ports::Port;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SERVERS: usize = 3;

/// The servers, and the ports on which they talk to each other.
fn cluster() -> (Vec<Server>, Vec<Port>) {
    let ports: Vec<Port> = (0..SERVERS).map(|_| Port::reserve()).collect();
    let routes: Vec<String> = ports.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
    let settings = ports.iter().map(|port| {
        format!(
            "server_name: \"n{port}\"\ncluster {{ name: \"c\", listen: \"127.0.0.1:{port}\", routes: [{}] }}",
            routes.join(", ")
        )
    });
    let mut servers: Vec<Server> = settings.map(Server::stopped).collect();
    servers.iter_mut().for_each(Server::start);
    (servers, ports)
}

/// Publishes all there is through the first server, and answers how the stream of events is set up then.
async fn published(servers: &[Server], world: &World, replicas: Option<u8>) -> Config {
    let options = BusOptions { replicas, ..BusOptions::default() };
    let publishing =
        Publishing::start(world.bus_with(&servers[0], options).await, Arc::clone(&world.log) as _);
    publishing.until(world.log.head().await.unwrap()).await;
    publishing.stop().await.unwrap();
    // What was just changed may be told by a server that has not heard of it yet.
    let begun = Instant::now();
    loop {
        let stream = context(&servers[0]).await.get_stream("SCANLEDGER_EVENTS").await;
        if let Ok(stream) = stream
            && replicas.is_none_or(|count| stream.cached_info().config.num_replicas == usize::from(count))
        {
            return stream.cached_info().config.clone();
        }
        assert!(begun.elapsed() < PATIENCE, "the stream does not come to {replicas:?} copies");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_kept_on_as_many_servers_as_somebody_said_and_stay_there() {
    let ((mut servers, _ports), world) = (cluster(), World::new());
    world.append(20).await;
    assert_eq!(published(&servers, &world, Some(3)).await.num_replicas, 3);
    // A node that says nothing of it changes nothing.
    world.append(20).await;
    assert_eq!(published(&servers, &world, None).await.num_replicas, 3);
    // With one server less all goes on.
    servers[2].kill();
    world.append(20).await;
    assert_eq!(published(&servers, &world, None).await.num_replicas, 3);
    crate::world::assert_exactly_once(&servers[0], &world).await;
}
