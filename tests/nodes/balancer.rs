//! What stands before several nodes: passes each connection on to one of those that are there.

use std::sync::{Arc, Mutex};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A balancer; ends with its connections when dropped.
pub struct Balancer {
    /// Its base URL.
    pub url: String,
    nodes: Arc<Mutex<Vec<String>>>,
    _accepting: JoinSet<()>,
}

impl Balancer {
    /// One that listens on a port of its own.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let nodes = Arc::new(Mutex::new(Vec::new()));
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::clone(&nodes)));
        Self { url, nodes, _accepting: accepting }
    }

    /// From now on it passes connections on to nodes with these base URLs.
    pub fn aim<'a>(&self, urls: impl IntoIterator<Item = &'a str>) {
        let addresses = urls.into_iter().map(|url| url.trim_start_matches("http://").to_owned());
        *self.nodes.lock().unwrap() = addresses.collect();
    }
}

async fn accept(listener: TcpListener, nodes: Arc<Mutex<Vec<String>>>) {
    let mut connections = JoinSet::new();
    loop {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut addresses = nodes.lock().unwrap().clone();
        fastrand::shuffle(&mut addresses);
        connections.spawn(async move {
            for address in addresses {
                // One that has gone refuses at once.
                if let Ok(mut node) = TcpStream::connect(address).await {
                    // Either side may go at any moment, and the other one is told by the end of its connection.
                    let _ = copy_bidirectional(&mut client, &mut node).await;
                    return;
                }
            }
        });
        while connections.try_join_next().is_some() {}
    }
}
