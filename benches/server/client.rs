//! A client that costs little: requests are bytes made once, and of an answer only status and length are looked at.

use crate::process::{Server, own_cpu};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// A request, ready to be sent.
pub type Request = Arc<[u8]>;

/// Who asks.
#[derive(Debug, Clone)]
pub struct Client {
    /// `127.0.0.1:…`.
    pub address: String,
    /// The API key.
    pub key: String,
}

impl Client {
    /// A request without a body.
    pub fn get(&self, path: &str) -> Request {
        self.request("GET", path, "application/json", b"")
    }

    /// A request with JSON.
    pub fn patch(&self, path: &str, body: &Value) -> Request {
        self.request("PATCH", path, "application/json", body.to_string().as_bytes())
    }

    /// A request with any body.
    pub fn request(&self, method: &str, path: &str, media_type: &str, body: &[u8]) -> Request {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: {media_type}\r\n\
             Content-Length: {}\r\n\r\n",
            self.address,
            self.key,
            body.len()
        );
        [head.as_bytes(), body].concat().into()
    }

    /// A connection.
    pub async fn connect(&self) -> Result<Connection> {
        let stream = TcpStream::connect(&self.address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: vec![0; 1024 * 1024] })
    }

    /// Asks once, on a connection of its own, and answers the JSON of a success.
    pub async fn ask(&self, request: &Request) -> Result<Value> {
        Ok(serde_json::from_slice(&self.ask_bytes(request).await?)?)
    }

    /// Asks once, on a connection of its own, and answers the body of a success.
    pub async fn ask_bytes(&self, request: &Request) -> Result<Vec<u8>> {
        let mut connection = self.connect().await?;
        let (status, body) = connection.round_trip(request).await?;
        ensure!((200..300).contains(&status), "{status}: {}", String::from_utf8_lossy(body));
        Ok(body.to_vec())
    }
}

/// A connection that is kept.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    /// Sends a request and reads the whole answer.
    pub async fn round_trip(&mut self, request: &[u8]) -> Result<(u16, &[u8])> {
        self.stream.write_all(request).await?;
        let mut filled = 0;
        let (status, start, end) = loop {
            filled += self.read(filled).await?;
            if let Some(head) = head(&self.buffer[..filled])? {
                break head;
            }
        };
        while filled < end {
            if self.buffer.len() < end {
                self.buffer.resize(end, 0);
            }
            filled += self.read(filled).await?;
        }
        Ok((status, &self.buffer[start..end]))
    }

    async fn read(&mut self, filled: usize) -> Result<usize> {
        let read = self.stream.read(&mut self.buffer[filled..]).await?;
        ensure!(read > 0, "the server closed the connection");
        Ok(read)
    }
}

/// Status, where the body starts, and where it ends, once the head is there.
fn head(bytes: &[u8]) -> Result<Option<(u16, usize, usize)>> {
    let Some(start) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let text = std::str::from_utf8(&bytes[..start])?;
    let status = text.get(9..12).context("a status line")?.parse()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
    });
    let length = length.context("answers have a length")??;
    Ok(Some((status, start + 4, start + 4 + length)))
}

/// What a load took.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Requests answered.
    pub requests: usize,
    /// In seconds.
    pub wall: f64,
    /// Processor time of the server, in seconds.
    pub server: f64,
    /// Processor time of the client, in seconds.
    pub client: f64,
}

impl Load {
    /// Processor time of the server for one request, in milliseconds.
    pub fn cpu_ms(&self) -> f64 {
        self.server * 1e3 / self.requests as f64
    }

    /// Requests answered in a second.
    pub fn rate(&self) -> f64 {
        self.requests as f64 / self.wall
    }
}

/// When a load ends.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// After this time.
    Elapsed(Duration),
    /// When every request has been sent once.
    AllSent,
}

/// Sends `requests` in turn over `connections`, each waiting for its answer before it sends again.
pub async fn load(
    server: &Server,
    client: &Client,
    connections: usize,
    requests: Vec<Request>,
    until: Until,
) -> Result<Load> {
    let requests = Arc::new(requests);
    let next = Arc::new(AtomicUsize::new(0));
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(client.connect().await?);
    }
    let (server_began, client_began, began) = (server.cpu()?, own_cpu()?, Instant::now());
    let mut workers = JoinSet::new();
    for mut connection in open {
        let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
        workers.spawn(async move {
            let mut sent = 0;
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let is_over = match until {
                    Until::Elapsed(spell) => began.elapsed() >= spell,
                    Until::AllSent => at >= requests.len(),
                };
                if is_over {
                    return anyhow::Ok(sent);
                }
                let (status, body) = connection.round_trip(&requests[at % requests.len()]).await?;
                ensure!(status == 200, "{status}: {}", String::from_utf8_lossy(body));
                sent += 1;
            }
        });
    }
    let mut sent = 0;
    while let Some(worker) = workers.join_next().await {
        sent += worker??;
    }
    let wall = began.elapsed().as_secs_f64();
    Ok(Load { requests: sent, wall, server: server.cpu()? - server_began, client: own_cpu()? - client_began })
}
