//! How this process hears of what was committed: by its own appender, by the server's notifications, by looking.

use crate::connect::{PATIENCE, PAUSES, options, within};
use crate::reader::Readers;
use parking_lot::Mutex;
use scanledger_domain::id::EventId;
use scanledger_domain::limits::LOST_AFTER;
use scanledger_domain::log::{LogError, Position};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

/// The channel on which nodes say how far the log has come.
pub(crate) const CHANNEL: &str = "scanledger_log";

/// How often the log is looked at, in case that a notification got lost.
const LOOK: Duration = Duration::from_secs(1);

/// How often it is looked at while the server sends no notifications, as a standby does not.
const LOOK_ALONE: Duration = Duration::from_millis(100);

/// After how long a silence the connection that listens is tried: some networks drop idle ones without a word.
const SILENCE: Duration = Duration::from_secs(30);

/// Whether there is any news to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// The server answers.
    Open,
    /// It does not; so many looks in a row have failed.
    Lost(u64),
    /// The log was closed.
    Closed,
}

/// What is known of the log's end.
pub(crate) struct News {
    pub(crate) head: watch::Sender<Position>,
    pub(crate) reach: watch::Sender<Reach>,
    /// How often there was a reason to doubt that the log still has what was read of it.
    pub(crate) doubts: watch::Sender<u64>,
    /// The last event that was read here.
    seen: Mutex<Option<(Position, EventId)>>,
    /// When the server was last asked where the log ends, and answered.
    confirmed: Mutex<Instant>,
    /// Makes the next look happen now.
    pub(crate) waker: Arc<Notify>,
    is_listening: AtomicBool,
}

impl News {
    /// Of a log that was asked for its `head` at this moment.
    pub(crate) fn new(head: Position, asked: Instant) -> Self {
        Self {
            head: watch::Sender::new(head),
            reach: watch::Sender::new(Reach::Open),
            doubts: watch::Sender::default(),
            seen: Mutex::default(),
            confirmed: Mutex::new(asked),
            waker: Arc::default(),
            is_listening: AtomicBool::new(false),
        }
    }

    /// Says that the log goes up to `position`; what is known to be further stays.
    pub(crate) fn publish(&self, position: Position) {
        self.head.send_if_modified(|head| {
            let is_news = position > *head;
            *head = position.max(*head);
            is_news
        });
    }

    /// Notes an event that was read. If another one was read there before, somebody may have gone on from that.
    pub(crate) fn saw(&self, position: Position, id: EventId) {
        let mut seen = self.seen.lock();
        let is_another = match *seen {
            Some((last, _)) if position < last => return,
            Some((last, known)) if position == last && id == known => return,
            Some((last, _)) => position == last,
            None => false,
        };
        *seen = Some((position, id));
        drop(seen);
        self.publish(position);
        if is_another {
            self.doubt();
        }
    }

    /// Lets everything that follows the log make sure that it does.
    fn doubt(&self) {
        self.doubts.send_modify(|doubts| *doubts += 1);
    }

    /// Says that the log ends at `position`, before the place up to which it was `known`.
    fn put_back(&self, known: Position, position: Position) {
        self.seen.lock().take_if(|(seen, _)| *seen > position);
        let is_lower = self.head.send_if_modified(|head| {
            let is_known = *head == known;
            *head = if is_known { position } else { *head };
            is_known
        });
        if is_lower {
            tracing::error!(
                log.head = position.0,
                known = known.0,
                "the event log ends earlier than it did: it lost its last events, or was put back to an earlier state"
            );
        }
        // What came meanwhile was not news.
        self.waker.notify_one();
    }

    /// Notes that the server, asked at this moment, knew of nothing beyond the head. Not of a notification, which may
    /// have been under way for long.
    fn confirm(&self, asked: Instant) {
        *self.confirmed.lock() = asked;
    }

    /// For how long others may have appended what is not known here.
    pub(crate) fn head_age(&self) -> Duration {
        self.confirmed.lock().elapsed()
    }

    /// Ends everything that follows the log.
    pub(crate) fn close(&self) {
        self.reach.send_replace(Reach::Closed);
    }

    fn set_reach(&self, reach: impl Fn(Reach) -> Reach) {
        self.reach.send_if_modified(|now| {
            let next = if *now == Reach::Closed { Reach::Closed } else { reach(*now) };
            std::mem::replace(now, next) != next
        });
    }

    /// Answers what was so before.
    fn listens(&self, is_listening: bool) -> bool {
        let before = self.is_listening.swap(is_listening, Ordering::Relaxed);
        // What was committed before it listened, or while it did not, was not announced.
        self.waker.notify_one();
        before
    }
}

/// Looks at the log when it is woken, and now and then.
pub(crate) async fn look(readers: Arc<Readers>, news: Arc<News>) {
    let mut short_since = None;
    loop {
        let pause = if news.is_listening.load(Ordering::Relaxed) { LOOK } else { LOOK_ALONE };
        // Either is a reason to look.
        let _ = timeout(pause, news.waker.notified()).await;
        // What is known before the look begins is there when it ends, as long as nothing is lost.
        let known = *news.head.borrow();
        let asked = Instant::now();
        match end_of(&readers, known).await {
            Ok((last, is_replaying)) => {
                weigh(&news, known, last, is_replaying, &mut short_since);
                // A server that has less than was known may be far behind the one that others append to.
                if short_since.is_none() && !is_replaying {
                    news.confirm(asked);
                }
                news.set_reach(|_| Reach::Open);
            }
            Err(_) => {
                // Who answers next may be another server, which is given its own time.
                short_since = None;
                news.set_reach(|now| match now {
                    Reach::Lost(times) => Reach::Lost(times + 1),
                    Reach::Open | Reach::Closed => Reach::Lost(1),
                });
            }
        }
    }
}

/// The last event, and whether it is an earlier one than was known because the server has yet to replay the others.
async fn end_of(
    readers: &Arc<Readers>,
    known: Position,
) -> Result<(Option<(Position, EventId)>, bool), LogError> {
    let last = readers.last().await?;
    let is_short = last.map_or(Position::START, |(position, _)| position) < known;
    Ok((last, is_short && readers.is_replaying().await?))
}

/// Holds what a look has found against what was known when it began.
fn weigh(
    news: &News,
    known: Position,
    last: Option<(Position, EventId)>,
    is_replaying: bool,
    short_since: &mut Option<Instant>,
) {
    let found = last.map_or(Position::START, |(position, _)| position);
    match *short_since {
        _ if found >= known || is_replaying => *short_since = None,
        None => {
            news.doubt();
            *short_since = Some(Instant::now());
        }
        Some(since) if since.elapsed() >= LOST_AFTER => {
            news.put_back(known, found);
            *short_since = None;
        }
        Some(_) => {}
    }
    if let Some((position, id)) = last {
        news.saw(position, id);
    }
}

/// Passes the server's notifications on, on a connection of its own that is made again whenever it breaks.
pub(crate) async fn listen(base: PgConnectOptions, news: Arc<News>) {
    let options = options(&base, PATIENCE);
    let [mut pause, longest] = PAUSES;
    loop {
        if let Err(error) = hear(&options, &news).await {
            tracing::debug!(error = %error, "the connection that listens for new events has failed");
        }
        pause = if news.listens(false) { PAUSES[0] } else { longest.min(pause * 2) };
        sleep(pause).await;
    }
}

/// Listens until the connection breaks.
async fn hear(options: &PgConnectOptions, news: &News) -> sqlx::Result<()> {
    let pool =
        PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE).connect_lazy_with(options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.eager_reconnect(false);
    within(PATIENCE, listener.listen(CHANNEL)).await?;
    news.listens(true);
    loop {
        match timeout(SILENCE, listener.try_recv()).await {
            Ok(heard) => match heard? {
                Some(notification) => match notification.payload().parse() {
                    Ok(position) => news.publish(Position(position)),
                    // Not ours, but a reason to look.
                    Err(_) => news.waker.notify_one(),
                },
                None => return Ok(()),
            },
            Err(_) => {
                within(PATIENCE, sqlx::query("SELECT 1").execute(&mut listener)).await?;
            }
        }
    }
}
