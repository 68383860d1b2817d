//! The log itself.

use parking_lot::Mutex;
use scanledger_domain::BoxFuture;
use scanledger_domain::id::{EventId, Ids};
use scanledger_domain::log::{
    Append, AppendError, Appended, EventLog, FoundOrRead, LogCounters, LogError, LogStats, Position,
    Recorded, StreamName, Subscription, Version,
};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{RwLock, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use crate::batch::check;
use crate::envelope::Stored;
use crate::error::{broken, unavailable};
use crate::follow::{KurrentSubscription, follow};
use crate::head::Head;
use crate::namespace::Namespace;
use crate::places::{Known, Places, off_thread};
use crate::remote::Remote;
use crate::server::Server;

/// How long a call waits until the index has what the server has.
const CATCH_UP: Duration = Duration::from_secs(10);
/// How often the server is asked where the log ends.
const LOOK: Duration = Duration::from_secs(1);

/// Where the log is, and what belongs to it on this machine.
#[derive(Clone)]
pub struct KurrentOptions {
    /// `kurrentdb://user:password@host:port?tls=true`, or `kurrentdb+discover://…` for a cluster. A secret.
    pub connection: String,
    /// Whose streams are the log's.
    pub namespace: Namespace,
    /// The file of the index of event ids; it may be deleted while no server runs, and is then built again.
    pub places: PathBuf,
}

impl fmt::Debug for KurrentOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { connection: _, namespace, places } = self;
        f.debug_struct("KurrentOptions")
            .field("namespace", namespace)
            .field("places", places)
            .finish_non_exhaustive()
    }
}

/// An event log on a KurrentDB or EventStoreDB from 22.6 on. See the crate's documentation.
///
/// Needs a tokio runtime. Dropping it ends the subscriptions.
pub struct KurrentLog {
    identity: Uuid,
    shared: Arc<Shared>,
    following: JoinHandle<()>,
    looking: JoinHandle<()>,
}

impl fmt::Debug for KurrentLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KurrentLog").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// What the log and its subscriptions share.
pub(crate) struct Shared {
    remote: Arc<dyn Remote>,
    head: Head,
    places: Arc<Places>,
    /// How far the index has come.
    pub(crate) reached: watch::Receiver<Position>,
    /// When the server was last asked for the end of the log that the index then came to.
    confirmed: Mutex<Option<Instant>>,
    /// Whether it is closed; read as long as an append is under way.
    is_closed: RwLock<bool>,
    counters: LogCounters,
}

impl KurrentLog {
    /// Connects, gives the log an identity if it has none, and begins to follow it.
    ///
    /// The index goes on in the background from where its file ends; until it has caught up, calls that need it
    /// answer [`LogError::Unavailable`] after ten seconds.
    ///
    /// # Errors
    /// [`LogError::Broken`] with [`Unusable`](crate::Unusable) as its source when the connection string, the settings or the
    /// log's identity are not what they should be; [`LogError::Unavailable`] when the server cannot be reached.
    pub async fn connect(options: &KurrentOptions, ids: &dyn Ids) -> Result<Self, LogError> {
        let doing = "connect to KurrentDB";
        let settings = crate::settings(&options.connection).map_err(broken(doing))?;
        let (server, identity) = Server::connect(settings, options.namespace.clone(), ids.fresh()).await?;
        Self::over(Arc::new(server), identity, options.places.clone()).await
    }

    /// The log with this identity on this server.
    pub(crate) async fn over(
        remote: Arc<dyn Remote>,
        identity: Uuid,
        path: PathBuf,
    ) -> Result<Self, LogError> {
        let opened = tokio::task::spawn_blocking(move || Places::open(&path, identity)).await;
        let places = Arc::new(opened.map_err(broken("open the index of event ids"))??);
        let last = begin(&*remote, &places).await?;
        let (publish, reached) = watch::channel(last);
        let following = tokio::spawn(follow(Arc::clone(&remote), Arc::clone(&places), publish));
        let shared = Arc::new(Shared {
            remote,
            head: Head::default(),
            places,
            reached,
            confirmed: Mutex::default(),
            is_closed: RwLock::new(false),
            counters: LogCounters::default(),
        });
        let looking = tokio::spawn(look(Arc::clone(&shared)));
        Ok(Self { identity, shared, following, looking })
    }

    /// The position of the last event that this process has seen, as it changes; before any caller of an append gets
    /// its answer.
    pub fn head_watch(&self) -> watch::Receiver<Position> {
        self.shared.reached.clone()
    }

    /// For how long others may have appended what [`Self::head_watch`] does not show. Goes on from 0 about once a
    /// second while the server answers; without an end until the index has caught up for the first time.
    pub fn head_age(&self) -> Duration {
        self.shared.confirmed.lock().map_or(Duration::MAX, |asked| asked.elapsed())
    }

    /// What was appended since the log was opened; each request is a write of its own.
    pub fn stats(&self) -> LogStats {
        self.shared.counters.read()
    }

    /// Finishes every append that has begun, then takes no more; subscriptions end when they have handed out what is
    /// there. Reading stays possible. Closing twice is harmless.
    pub async fn close(&self) {
        *self.shared.is_closed.write().await = true;
        self.following.abort();
        self.looking.abort();
    }
}

impl Drop for KurrentLog {
    fn drop(&mut self) {
        self.following.abort();
        self.looking.abort();
    }
}

/// Looks now and then whether the index has what the server has: a subscription that nothing comes from says no more
/// than one that is dead.
async fn look(shared: Arc<Shared>) {
    loop {
        let asked = Instant::now();
        if shared.catch_up().await.is_ok() {
            *shared.confirmed.lock() = Some(asked);
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// How far the index has come; back to the start if the log no longer has its last event, as after a restore.
async fn begin(remote: &dyn Remote, places: &Arc<Places>) -> Result<Position, LogError> {
    let Some((position, id)) = off_thread(places, Places::last).await? else { return Ok(Position::START) };
    let before = Position(position.0.saturating_sub(1));
    let there = match remote.all(Some(position), before, 1).await {
        Ok(events) => events.first().is_some_and(|event| (event.position, event.id) == (position, id)),
        // A place that is none any more is an error of the server, as much as one that is in trouble; which of
        // them it is, the head can tell.
        Err(_) => {
            remote.head().await?;
            false
        }
    };
    if there {
        return Ok(position);
    }
    tracing::warn!("the index of event ids is not that of the log as it is now, and is built again");
    off_thread(places, Places::clear).await?;
    Ok(Position::START)
}

impl Shared {
    /// Waits until the index has come as far as `position`.
    async fn reach(&self, position: Position) -> Result<(), LogError> {
        let mut reached = self.reached.clone();
        let reaching = reached.wait_for(|reached| *reached >= position);
        match tokio::time::timeout(CATCH_UP, reaching).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(unavailable("use a log that is closed")),
            Err(_) => Err(unavailable("wait until the index of event ids has caught up with the log")),
        }
    }

    /// Waits until the index has what the server has now.
    async fn catch_up(&self) -> Result<(), LogError> {
        self.reach(self.head().await?).await
    }

    async fn head(&self) -> Result<Position, LogError> {
        self.head.find(&*self.remote).await
    }

    async fn find(&self, id: EventId) -> Result<Option<Position>, LogError> {
        off_thread(&self.places, move |places| places.find(id)).await
    }

    /// Events of a stream with a version above `after`.
    async fn stream(
        &self,
        stream: &StreamName,
        after: Version,
        limit: usize,
    ) -> Result<Vec<Recorded>, LogError> {
        let events = self.remote.stream(stream, after, limit).await?;
        self.timed(events).await
    }

    async fn known(&self, ids: &Arc<[EventId]>) -> Result<Known, LogError> {
        let ids = Arc::clone(ids);
        off_thread(&self.places, move |places| places.known(&ids)).await
    }

    async fn append(&self, batch: Vec<Append>) -> Result<Appended, AppendError> {
        let Append { stream, expected, events } = check(batch)?;
        let is_closed = self.is_closed.read().await;
        if *is_closed {
            return Err(unavailable("append to a closed log").into());
        }
        let ids: Arc<[EventId]> = events.iter().map(|event| event.id).collect();
        // What is in this stream has to be known now. What a new stream holds, its first append will say.
        if expected != Version::NONE {
            self.reach(self.remote.end_of(&stream).await?).await?;
        }
        match self.known(&ids).await? {
            Known::All(place) => return Ok(place),
            Known::Partly => return Err(AppendError::PartlyKnown),
            Known::Nothing => {}
        }
        match self.remote.append(&stream, expected, events).await {
            Ok(written) => {
                self.counters.add_group(ids.len() as u64, 1);
                Ok(self.place(&ids, written).await?)
            }
            Err(conflict @ AppendError::Conflict { .. }) => {
                // The same batch may have been written between the look-up and the append.
                self.reach(self.remote.end_of(&stream).await?).await?;
                match self.known(&ids).await? {
                    Known::All(place) => Ok(place),
                    Known::Partly => Err(AppendError::PartlyKnown),
                    Known::Nothing => Err(conflict),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Where a batch is that was written; the server says a place, but not whether of its first or last event.
    async fn place(&self, ids: &Arc<[EventId]>, hint: Position) -> Result<Appended, LogError> {
        self.reach(hint).await?;
        loop {
            let mut reached = self.reached.clone();
            if let Known::All(place) = self.known(ids).await? {
                return Ok(place);
            }
            match tokio::time::timeout(CATCH_UP, reached.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(unavailable("use a log that is closed")),
                Err(_) => return Err(unavailable("wait until the index of event ids has what was appended")),
            }
        }
    }

    /// Gives events the times that they have in the log.
    async fn timed(&self, events: Vec<Stored>) -> Result<Vec<Recorded>, LogError> {
        let Some(last) = events.iter().map(|event| event.position).max() else { return Ok(vec![]) };
        self.reach(last).await?;
        off_thread(&self.places, move |places| {
            let times = places.times(events.iter().map(|event| event.position))?;
            let timed = events.into_iter().zip(times).map(|(event, time)| {
                let recorded_at = time.ok_or("the index of event ids lacks an event of the log")?;
                Ok(Recorded {
                    position: event.position,
                    id: event.id,
                    stream: event.stream,
                    version: event.version,
                    kind: event.kind,
                    schema: event.schema,
                    data: event.data,
                    metadata: event.metadata,
                    recorded_at,
                })
            });
            timed.collect::<Result<_, &str>>().map_err(broken("find the times of events"))
        })
        .await
    }

    /// Events above `after`.
    pub(crate) async fn all(&self, after: Position, limit: usize) -> Result<Vec<Recorded>, LogError> {
        let from = off_thread(&self.places, move |places| places.at_or_before(after)).await?;
        let events = self.remote.all(from, after, limit).await?;
        self.timed(events).await
    }
}

impl EventLog for KurrentLog {
    fn identity(&self) -> Uuid {
        self.identity
    }

    fn is_atomic_over_streams(&self) -> bool {
        false
    }

    fn is_contiguous(&self) -> bool {
        false
    }

    /// As the port says, for one stream. Event ids are unique as far as two nodes do not write the same command
    /// to two streams at the same moment.
    fn append(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(self.shared.append(batch))
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamName,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, LogError>> {
        Box::pin(self.shared.stream(stream, after, limit))
    }

    fn read_all(&self, after: Position, limit: usize) -> BoxFuture<'_, Result<Vec<Recorded>, LogError>> {
        Box::pin(self.shared.all(after, limit))
    }

    fn find(&self, id: EventId) -> BoxFuture<'_, Result<Option<Position>, LogError>> {
        Box::pin(async move {
            self.shared.catch_up().await?;
            self.shared.find(id).await
        })
    }

    /// The stream first: what has just been read of it is in the index, so an event of it is found without looking
    /// for the head of the log.
    fn find_or_read<'a>(
        &'a self,
        id: EventId,
        stream: &'a StreamName,
        limit: usize,
    ) -> BoxFuture<'a, Result<FoundOrRead, LogError>> {
        Box::pin(async move {
            let events = self.shared.stream(stream, Version::NONE, limit).await?;
            Ok(self.shared.find(id).await?.map_or(FoundOrRead::Read(events), FoundOrRead::Found))
        })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, LogError>> {
        Box::pin(self.shared.head())
    }

    fn subscribe(&self, after: Position) -> Box<dyn Subscription> {
        Box::new(KurrentSubscription::new(Arc::clone(&self.shared), after))
    }
}

#[cfg(test)]
mod tests {
    use super::KurrentOptions;
    use crate::namespace::Namespace;

    #[test]
    fn options_do_not_show_the_password() {
        let options = KurrentOptions {
            connection: "kurrentdb://admin:hunter2@host:2113".into(),
            namespace: Namespace::new("scanledger").unwrap(),
            places: "places.db".into(),
        };
        let shown = format!("{options:?}");
        assert!(shown.contains("places.db") && !shown.contains("hunter2"), "{shown}");
    }
}
