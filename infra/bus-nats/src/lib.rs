//! Committed events on NATS JetStream: a copy for others to follow, not the truth.
//!
//! | subject | what |
//! |---|---|
//! | `scanledger.events.<organization>.<type>` | every event once, in order, kept in the stream `SCANLEDGER_EVENTS` |
//! | `scanledger.checkpoints` | signed checkpoints, the newest kept in the stream `SCANLEDGER_CHECKPOINTS` |
//! | `scanledger.head.<log>` | how far the log has come; kept nowhere |
//!
//! An event's payload is its envelope as the event feed has it; headers are `Nats-Msg-Id` (the event's id),
//! `Scanledger-Position` and `Scanledger-Log`. Each event is published with the sequence that the stream must have
//! before it (`Nats-Expected-Last-Sequence`), so the *n*th message is the log's *n*th event, however often publishers
//! and servers fail and however many publish at once. A publisher keeps no state: the stream's last message says where
//! to go on. Checkpoints are published in the same way, and the last one's second line, its size, says which come next.
//!
//! Needs a tokio runtime with time and IO, and a NATS server from 2.9 with JetStream. TLS is rustls with aws-lc-rs.

mod error;
mod heads;
mod options;
mod publisher;
mod state;
mod stream;

pub use error::BusError;
pub use options::{BusOptions, Limit, Retention};
pub use state::{BusState, Link};
pub use stream::KeptNote;

use crate::publisher::Publisher;
use async_nats::jetstream::context::{Context, ContextBuilder};
use async_nats::{Client, Event};
use scanledger_domain::log::{EventLog, Position};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use uuid::Uuid;

/// How long the server may take for an answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection to the bus.
pub struct NatsBus {
    client: Client,
    log: Uuid,
    options: BusOptions,
    state: Arc<watch::Sender<BusState>>,
    hints: watch::Receiver<Position>,
    /// What hears other nodes; ends with the bus.
    _listener: JoinSet<()>,
}

impl NatsBus {
    /// Makes a connection for the log with this identity to the server at `url` (`nats://[user:password@]host:port`
    /// or `[token@]`, `tls://` to insist on TLS; several servers of a cluster with commas between), and makes it again
    /// whenever it breaks. Does not wait for the server.
    ///
    /// # Errors
    /// [`BusError::Url`], [`BusError::File`] when credentials or certificates cannot be read, and
    /// [`BusError::Unavailable`] when the driver takes no connection with these options.
    pub async fn connect(url: &str, log: Uuid, options: BusOptions) -> Result<Self, BusError> {
        let (addresses, prepared) = options.prepare(url).await?;
        let state = Arc::new(watch::Sender::new(BusState::default()));
        let seen = Arc::clone(&state);
        let prepared = prepared.event_callback(move |event| {
            follow(&seen, &event);
            std::future::ready(())
        });
        // Attempts to reach the server come later; what fails here is what the options say.
        let connected = prepared.connect(addresses).await;
        let client =
            connected.map_err(|source| BusError::File { what: "certificates", source: source.into() })?;
        let (sender, hints) = watch::channel(Position::START);
        let mut listener = JoinSet::new();
        listener.spawn(heads::listen(client.clone(), heads::subject(log), sender));
        Ok(Self { client, log, options, state, hints, _listener: listener })
    }

    /// Whether there is a connection, and how far publishing has come.
    pub fn state(&self) -> watch::Receiver<BusState> {
        self.state.subscribe()
    }

    /// Publishes every event of `log` that the bus has not, and then each as it is committed, until `stop` is true or
    /// its sender is gone. Waits while the server is out of reach; then [`BusState::failure`] says so.
    ///
    /// Any number of processes may do this at once and nothing is doubled, but one is enough.
    ///
    /// # Errors
    /// What somebody has to look at ([`BusError::is_passing`] is false): [`BusError::OtherLog`],
    /// [`BusError::OtherShape`], [`BusError::Diverged`], [`BusError::Unreadable`]; also in [`BusState::failure`].
    pub async fn publish_from(
        &self,
        log: Arc<dyn EventLog>,
        mut stop: watch::Receiver<bool>,
    ) -> Result<(), Arc<BusError>> {
        let publisher = Publisher {
            client: &self.client,
            options: &self.options,
            state: &self.state,
            log,
            reached: None,
        };
        let ended = tokio::select! {
            // An error means that nobody is left to stop it later.
            _ = stop.wait_for(|stop| *stop) => Ok(()),
            error = Box::pin(publisher.run()) => Err(error),
        };
        self.state.send_modify(|state| {
            // How far another publisher comes, this one does not hear.
            state.published = None;
            if ended.is_ok() {
                state.failure = None;
            }
        });
        ended
    }

    /// What other nodes say about how far the log has come: a reason to look, and no more. The newest is what counts,
    /// and it may be lower than one before, because nodes speak at the same time. This node's own are not heard.
    pub fn hints(&self) -> watch::Receiver<Position> {
        self.hints.clone()
    }

    /// Tells other nodes each new value of `heads`, or only the newest where they come faster than the bus takes them;
    /// ends when the sender is gone. What was committed while the bus was out of reach is told afterwards.
    pub async fn announce(&self, mut heads: watch::Receiver<Position>) {
        let subject = heads::subject(self.log);
        let mut state = self.state.subscribe();
        loop {
            // The sender lives as long as this.
            let _ = state.wait_for(|state| state.link == Link::Up).await;
            let head = *heads.borrow_and_update();
            let told = self.client.publish(subject.clone(), head.to_string().into()).await;
            if let Err(error) = told {
                tracing::debug!(%error, "the head of the log was not announced");
            }
            tokio::time::sleep(heads::PACE).await;
            if heads.changed().await.is_err() {
                return;
            }
        }
    }

    /// The signed checkpoint that the bus has kept last. Makes their stream if there is none.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] when the server does not answer, [`BusError::OtherLog`] and [`BusError::OtherShape`] as
    /// for events.
    pub async fn last_checkpoint(&self) -> Result<KeptNote, BusError> {
        stream::last_checkpoint(&self.context(), self.log, &self.options).await
    }

    /// Publishes a signed checkpoint of the log right after `last`; it is kept when this answers.
    ///
    /// # Errors
    /// [`BusError::Unavailable`] when the server does not take it, [`BusError::Raced`] if `last` is no longer the last
    /// one, and [`BusError::OtherShape`] if the note is none of a checkpoint.
    pub async fn publish_checkpoint(&self, last: KeptNote, note: &str) -> Result<KeptNote, BusError> {
        stream::publish_checkpoint(&self.context(), self.log, last, note).await
    }

    /// Keeps in the state why checkpoints are not published, or that they are.
    pub fn note_checkpoints(&self, failure: Option<Arc<BusError>>) {
        self.state.send_if_modified(|state| {
            let is_news = failure.is_some() || state.checkpoint_failure.is_some();
            state.checkpoint_failure = failure;
            is_news
        });
    }

    fn context(&self) -> Context {
        ContextBuilder::new().timeout(PATIENCE).build(self.client.clone())
    }
}

/// Keeps what the driver says about its connection.
fn follow(state: &watch::Sender<BusState>, event: &Event) {
    let link = match event {
        Event::Connected => Link::Up,
        Event::Disconnected | Event::Closed => Link::Down,
        Event::LameDuckMode
        | Event::Draining
        | Event::SlowConsumer(_)
        | Event::ServerError(_)
        | Event::ClientError(_) => {
            tracing::debug!(%event, "the bus");
            return;
        }
    };
    let before = state.borrow().link;
    if before != link {
        tracing::info!(?link, "the bus");
        state.send_modify(|state| state.link = link);
    }
}
