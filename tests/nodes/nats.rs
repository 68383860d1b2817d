//! A NATS server of a test's own, and what its stream of events holds.

use async_nats::jetstream;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use futures::StreamExt;
use scanledger_test_ports::Port;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long the server may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long to wait before looking again.
const AGAIN: Duration = Duration::from_millis(20);

/// What a publisher keeps, and on which subjects.
const STREAMS: [(&str, &str); 2] =
    [("SCANLEDGER_EVENTS", "scanledger.events.>"), ("SCANLEDGER_CHECKPOINTS", "scanledger.checkpoints")];

/// A server with JetStream in a folder of its own, on a port that stays the same; killed at the end.
pub struct Nats {
    folder: TempDir,
    port: Port,
    child: Option<Child>,
}

impl Nats {
    pub fn start() -> Self {
        let mut nats = Self { folder: tempfile::tempdir().unwrap(), port: Port::reserve(), child: None };
        nats.begin();
        nats
    }

    /// Starts it with the data that it had.
    pub fn begin(&mut self) {
        let program = std::env::var("SCANLEDGER_TEST_NATS_BIN").expect(
            "SCANLEDGER_TEST_NATS_BIN names no NATS server: run the tests through `bash tests/run.sh`",
        );
        let child = Command::new(program)
            .args(["-a", "127.0.0.1", "-p", &self.port.to_string(), "-js", "-sd"])
            .arg(self.folder.path().join("data"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let child = self.child.insert(child.unwrap());
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port.number())).is_err() {
            assert_eq!(child.try_wait().unwrap(), None, "the NATS server ended");
            assert!(began.elapsed() < PATIENCE, "the NATS server did not start");
            std::thread::sleep(AGAIN);
        }
    }

    /// `kill -9`; its data stay.
    pub fn kill(&mut self) {
        let mut child = self.child.take().expect("a server that runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub fn is_there(&self) -> bool {
        self.child.is_some()
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// How many events the stream has; none if there is no stream yet.
    pub async fn count(&self) -> u64 {
        match self.stream().await {
            Some(stream) => stream.cached_info().state.messages,
            None => 0,
        }
    }

    /// Waits until the stream has this many events, or more.
    pub async fn has(&self, events: u64) {
        let has = async {
            while self.count().await < events {
                tokio::time::sleep(AGAIN).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, has).await;
        assert!(waited.is_ok(), "the stream does not come to {events} events in {PATIENCE:?}");
    }

    /// Everything in the stream, in order: one envelope each.
    pub async fn events(&self) -> Vec<String> {
        self.all("SCANLEDGER_EVENTS", "scanledger.events.>").await
    }

    /// Every signed checkpoint, in order.
    pub async fn checkpoints(&self) -> Vec<String> {
        self.all("SCANLEDGER_CHECKPOINTS", "scanledger.checkpoints").await
    }

    async fn all(&self, stream: &str, filter: &str) -> Vec<String> {
        let stream = self.stream_called(stream).await.expect("there is a stream");
        let config = pull::OrderedConfig {
            deliver_policy: DeliverPolicy::All,
            filter_subject: filter.to_owned(),
            ..pull::OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await.unwrap();
        let mut pending = consumer.cached_info().num_pending;
        let mut messages = consumer.messages().await.unwrap();
        let mut events = Vec::new();
        while pending > 0 {
            let message = tokio::time::timeout(PATIENCE, messages.next()).await.unwrap().unwrap().unwrap();
            pending = message.info().unwrap().pending;
            events.push(String::from_utf8(message.payload.to_vec()).unwrap());
        }
        events
    }

    /// The signed checkpoint that was published last.
    pub async fn newest_checkpoint(&self) -> Option<String> {
        let stream = self.stream_called("SCANLEDGER_CHECKPOINTS").await?;
        let message = stream.get_last_raw_message_by_subject("scanledger.checkpoints").await.ok()?;
        Some(String::from_utf8(message.payload.to_vec()).unwrap())
    }

    /// Makes the streams as the publisher of another log does.
    pub async fn with_streams_of_another_log(&self) {
        for (name, subject) in STREAMS {
            let config = jetstream::stream::Config {
                name: name.to_owned(),
                subjects: vec![subject.to_owned()],
                description: Some(format!("Scanledger, log {}", uuid::Uuid::from_u128(7))),
                ..jetstream::stream::Config::default()
            };
            self.context().await.create_stream(config).await.unwrap();
        }
    }

    /// Deletes both streams.
    pub async fn delete_streams(&self) {
        for (name, _) in STREAMS {
            self.context().await.delete_stream(name).await.unwrap();
        }
    }

    async fn context(&self) -> jetstream::Context {
        jetstream::new(async_nats::connect(self.url()).await.unwrap())
    }

    async fn stream(&self) -> Option<jetstream::stream::Stream> {
        self.stream_called("SCANLEDGER_EVENTS").await
    }

    async fn stream_called(&self, name: &str) -> Option<jetstream::stream::Stream> {
        self.context().await.get_stream(name).await.ok()
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.kill();
        }
    }
}
