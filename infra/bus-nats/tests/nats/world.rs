//! A log with events, buses that publish it, and what is on the server then.

use crate::server::Server;
use async_nats::jetstream;
use async_nats::jetstream::consumer::{DeliverPolicy, pull};
use async_nats::jetstream::stream::Stream;
use futures::StreamExt;
use scanledger_bus_nats::{BusError, BusOptions, BusState, NatsBus};
use scanledger_domain::id::{CommandId, OrganizationId};
use scanledger_domain::log::{
    Actor, Append, Envelope, EventLog, Metadata, NewEvent, Position, Recorded, StreamName, Version,
};
use scanledger_domain::time::{Clock, Timestamp};
use scanledger_log_sqlite::SqliteLog;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use uuid::Uuid;

/// How long a test waits for something that must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const DETECTED: &str = include_str!("../../../../domain/tests/golden/finding.detected.1.json");
pub(crate) const UPDATED: &str =
    include_str!("../../../../domain/tests/golden/branch.findings_updated.1.minimal.json");
pub(crate) const RESOLVED: &str = include_str!("../../../../domain/tests/golden/finding.resolved.1.json");

/// The organization with this number; none for 0.
pub(crate) fn organization(number: u128) -> Option<OrganizationId> {
    (number > 0).then(|| OrganizationId(Uuid::from_u128(number)))
}

struct Ticks(AtomicI64);

impl Clock for Ticks {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// A log in a folder of its own.
pub(crate) struct World {
    pub(crate) log: Arc<SqliteLog>,
    written: AtomicU64,
    folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::at(tempfile::tempdir().unwrap())
    }

    /// The log in `folder`, made if there is none.
    pub(crate) fn at(folder: TempDir) -> Self {
        let clock = Arc::new(Ticks(AtomicI64::new(1_795_255_200_000_000)));
        let log = Arc::new(SqliteLog::open(&folder.path().join("log.db"), clock).unwrap());
        Self { log, written: AtomicU64::new(0), folder }
    }

    /// The same log, opened again, and a copy of it as it is now.
    pub(crate) async fn copied(self) -> (Self, Self) {
        let Self { log, written, folder } = self;
        let copy = tempfile::tempdir().unwrap();
        log.close().await;
        assert!(Arc::into_inner(log).is_some(), "somebody else uses the log");
        std::fs::copy(folder.path().join("log.db"), copy.path().join("log.db")).unwrap();
        (Self { written, ..Self::at(folder) }, Self::at(copy))
    }

    /// Appends one event to the stream of the branch with this number.
    pub(crate) async fn append_one(&self, branch: u64, version: u64, kind: &'static str, data: &str) {
        self.append_all(branch, version, vec![(kind, data.to_owned())], organization(1)).await;
    }

    /// Appends `count` findings, in turns of an organization, another one and none.
    pub(crate) async fn append(&self, count: u64) {
        let begun = self.written.load(Ordering::Relaxed);
        let mut appended = 0;
        while appended < count {
            let number = begun + appended;
            let part = (count - appended).min(100);
            let events = (0..part).map(|_| ("finding.detected", DETECTED.trim_end().to_owned())).collect();
            self.append_all(1_000_000 + number, 0, events, organization(u128::from(number / 100 % 3))).await;
            appended += part;
        }
    }

    async fn append_all(
        &self,
        branch: u64,
        version: u64,
        events: Vec<(&'static str, String)>,
        organization: Option<OrganizationId>,
    ) {
        let command = CommandId(Uuid::from_u128(u128::from(self.written.load(Ordering::Relaxed)) + 1));
        let metadata = Metadata {
            organization,
            actor: Actor::System,
            correlation: command.0,
            causation: None,
            address: None,
            user_agent: None,
            request: None,
            key: None,
        };
        let metadata: Arc<[u8]> = metadata.encode().into();
        self.written.fetch_add(events.len() as u64, Ordering::Relaxed);
        let event = |(ordinal, (kind, data)): (u32, (&'static str, String))| NewEvent {
            id: command.event(ordinal),
            kind,
            schema: 1,
            data: data.into_bytes(),
            metadata: Arc::clone(&metadata),
        };
        let events = (0..).zip(events).map(event).collect();
        let stream = StreamName::new("branch", branch);
        self.log.append(vec![Append { stream, expected: Version(version), events }]).await.unwrap();
    }

    pub(crate) async fn bus(&self, server: &Server) -> Arc<NatsBus> {
        self.bus_with(server, BusOptions::default()).await
    }

    pub(crate) async fn bus_with(&self, server: &Server, options: BusOptions) -> Arc<NatsBus> {
        Arc::new(NatsBus::connect(&server.url(), self.log.identity(), options).await.unwrap())
    }

    /// Publishes all there is, and stops.
    pub(crate) async fn publish_all(&self, server: &Server, options: BusOptions) {
        let publishing = Publishing::start(self.bus_with(server, options).await, Arc::clone(&self.log) as _);
        publishing.until(self.log.head().await.unwrap()).await;
        publishing.stop().await.unwrap();
    }

    pub(crate) async fn everything(&self) -> Vec<Recorded> {
        self.log.read_all(Position::START, usize::MAX).await.unwrap()
    }
}

/// A publisher at work.
pub(crate) struct Publishing {
    pub(crate) bus: Arc<NatsBus>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), Arc<BusError>>>,
}

impl Publishing {
    pub(crate) fn start(bus: Arc<NatsBus>, log: Arc<dyn EventLog>) -> Self {
        let (stop, stopped) = watch::channel(false);
        let at_work = Arc::clone(&bus);
        let task = tokio::spawn(async move { at_work.publish_from(log, stopped).await });
        Self { bus, stop, task }
    }

    /// Waits until the bus has the event at `position`.
    pub(crate) async fn until(&self, position: Position) {
        self.wait(|state| state.published.is_some_and(|published| published >= position)).await;
    }

    pub(crate) async fn wait(&self, is_so: impl Fn(&BusState) -> bool) -> BusState {
        let mut state = self.bus.state();
        let state = timeout(PATIENCE, state.wait_for(is_so)).await;
        state.unwrap_or_else(|_| panic!("still {:?}", self.bus.state().borrow())).unwrap().clone()
    }

    pub(crate) async fn stop(self) -> Result<(), Arc<BusError>> {
        self.stop.send_replace(true);
        timeout(PATIENCE, self.task).await.unwrap().unwrap()
    }

    /// The error with which publishing ended by itself.
    pub(crate) async fn failed(self) -> Arc<BusError> {
        timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap_err()
    }
}

/// A message as a consumer gets it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) sequence: u64,
    pub(crate) subject: String,
    pub(crate) headers: [String; 3],
    pub(crate) payload: String,
}

/// What the event is to be on the bus.
pub(crate) fn expected(sequence: u64, event: &Recorded, log: Uuid) -> Message {
    let organization = Metadata::decode(&event.metadata).unwrap().organization;
    let organization = organization.map_or_else(|| "installation".to_owned(), |id| id.0.to_string());
    let mut payload = Vec::new();
    Envelope::write(event, &mut payload).unwrap();
    Message {
        sequence,
        subject: format!("scanledger.events.{organization}.{}", event.kind),
        headers: [event.id.to_string(), event.position.to_string(), log.to_string()],
        payload: String::from_utf8(payload).unwrap(),
    }
}

pub(crate) async fn context(server: &Server) -> jetstream::Context {
    jetstream::new(async_nats::connect(server.url()).await.unwrap())
}

pub(crate) async fn stream(server: &Server) -> Stream {
    context(server).await.get_stream("SCANLEDGER_EVENTS").await.unwrap()
}

/// The messages on subjects that match `filter`, in order.
pub(crate) async fn messages(server: &Server, filter: &str) -> Vec<Message> {
    let config = pull::OrderedConfig {
        filter_subject: filter.to_owned(),
        deliver_policy: DeliverPolicy::All,
        ..pull::OrderedConfig::default()
    };
    let begun = Instant::now();
    let consumer = loop {
        // A cluster that has just lost a server may take its time.
        let made = match context(server).await.get_stream("SCANLEDGER_EVENTS").await {
            Ok(stream) => stream.create_consumer(config.clone()).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match made {
            Ok(consumer) => break consumer,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "no consumer: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let mut pending = consumer.cached_info().num_pending;
    let mut stream = consumer.messages().await.unwrap();
    let mut found = Vec::new();
    while pending > 0 {
        let message = timeout(PATIENCE, stream.next()).await.unwrap().unwrap().unwrap();
        let info = message.info().unwrap();
        pending = info.pending;
        let headers = message.headers.as_ref().unwrap();
        let header = |name: &str| headers.get(name).unwrap().to_string();
        found.push(Message {
            sequence: info.stream_sequence,
            subject: message.subject.to_string(),
            headers: ["Nats-Msg-Id", "Scanledger-Position", "Scanledger-Log"].map(header),
            payload: String::from_utf8(message.payload.to_vec()).unwrap(),
        });
    }
    found
}

/// Every event of the log is on the server, once and in order, and nothing else is.
pub(crate) async fn assert_exactly_once(server: &Server, world: &World) {
    let found = messages(server, "scanledger.events.>").await;
    let log = world.log.identity();
    let events = world.everything().await;
    assert_eq!(found.len(), events.len());
    for ((sequence, event), message) in (1..).zip(&events).zip(&found) {
        assert_eq!(*message, expected(sequence, event, log));
    }
}
