//! How this process hears of what was committed: by its own appender, by the server's notifications, by looking.

use crate::connect::{PATIENCE, PAUSES, options, within};
use crate::reader::Readers;
use scanledger_domain::log::Position;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

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
    /// Makes the next look happen now.
    pub(crate) waker: Arc<Notify>,
    is_listening: AtomicBool,
}

impl News {
    pub(crate) fn new(head: Position) -> Self {
        Self {
            head: watch::Sender::new(head),
            reach: watch::Sender::new(Reach::Open),
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
    loop {
        let pause = if news.is_listening.load(Ordering::Relaxed) { LOOK } else { LOOK_ALONE };
        // Either is a reason to look.
        let _ = timeout(pause, news.waker.notified()).await;
        match readers.head().await {
            Ok(head) => {
                news.publish(head);
                news.set_reach(|_| Reach::Open);
            }
            Err(_) => news.set_reach(|now| match now {
                Reach::Lost(times) => Reach::Lost(times + 1),
                Reach::Open | Reach::Closed => Reach::Lost(1),
            }),
        }
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
