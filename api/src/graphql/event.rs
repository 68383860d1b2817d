//! The subscription to events: what was, then what comes, without a gap or a repeat.

use super::problem::{bad_input, put_back};
use super::scalar::{Instant, Place};
use super::scope::Scope;
use async_graphql::{Context, ID, Object, Result, Subscription};
use futures::Stream;
use futures::stream::try_unfold;
use scanledger_domain::event::Event;
use scanledger_domain::identity::Action;
use scanledger_domain::log::{Position, Recorded};
use scanledger_projections::event::EventQuery;
use std::collections::VecDeque;
use std::sync::Arc;

/// Events that are read ahead of a subscriber: all that waits in memory for one that does not read.
const READ_AHEAD: u32 = 100;

/// The root of subscriptions.
pub(super) struct Subscriptions;

/// What is in the log.
#[Subscription(name = "Subscription")]
impl Subscriptions {
    /// Events of the caller's organization that they see above `after`, then those that come; from now on without `after`.
    /// Needs the role security. `types` are event types such as `finding.triaged`; all without any.
    async fn events(
        &self,
        ctx: &Context<'_>,
        after: Option<Place>,
        #[graphql(default)] types: Vec<String>,
    ) -> Result<impl Stream<Item = Result<LoggedEvent>> + use<>> {
        let scope = Arc::clone(Scope::of(ctx));
        scope.authorize(Action::ReadAudit)?;
        let known = Event::types();
        if let Some(unknown) = types.iter().find(|kind| known.iter().all(|(name, _)| name != kind)) {
            return Err(bad_input(format!("there is no event type {unknown:?}")));
        }
        let head = scope.head();
        let after = after.map_or(head, |after| after.0);
        if after > head {
            return Err(bad_input(format!("position {after} is beyond the head of the log at {head}")));
        }
        let history = scope.sources().views.shown().history;
        let feed = Feed { kinds: types, after, history, waiting: VecDeque::new(), scope };
        Ok(try_unfold(feed, |mut feed| async move {
            let event = feed.next().await?;
            Ok(event.map(|event| (event, feed)))
        }))
    }
}

/// A reader of one organization's events. It is pulled: nothing is read before the last events were taken.
struct Feed {
    scope: Arc<Scope>,
    kinds: Vec<String>,
    after: Position,
    /// Of which `after` is a place.
    history: u64,
    waiting: VecDeque<LoggedEvent>,
}

impl Feed {
    /// The next event; waits for it. Ends when the server does.
    async fn next(&mut self) -> Result<Option<LoggedEvent>> {
        // Subscribed before looking, so that nothing can come in between unnoticed.
        let mut watch = self.scope.sources().views.watch();
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Ok(Some(event));
            }
            watch.borrow_and_update();
            let query = EventQuery {
                organization: self.scope.organization(),
                visible: self.scope.visible_to(Action::ReadAudit),
                kinds: self.kinds.clone(),
                after: self.after,
                until: None,
                limit: READ_AHEAD,
            };
            let found = self.scope.views().event_positions(query).await;
            let found = found.map_err(|error| self.scope.failed(&error))?;
            if self.scope.sources().views.shown().history != self.history {
                return Err(put_back());
            }
            self.after = found.examined;
            if found.positions.is_empty() {
                if watch.changed().await.is_err() {
                    return Ok(None);
                }
                continue;
            }
            self.read(&found.positions).await?;
        }
    }

    /// Reads the events at `positions`, which are in order, in as few reads of the log as their gaps allow.
    async fn read(&mut self, positions: &[Position]) -> Result<()> {
        let mut wanted = positions.iter().copied().peekable();
        while let Some(&first) = wanted.peek() {
            let before = Position(first.0.saturating_sub(1));
            let read = self.scope.sources().log.read_all(before, READ_AHEAD as usize).await;
            let read = read.map_err(|error| self.scope.internal(&error))?;
            let Some(last) = read.last().map(|recorded| recorded.position) else { return Ok(()) };
            for recorded in read {
                if wanted.peek() == Some(&recorded.position) {
                    wanted.next();
                    self.waiting.push_back(LoggedEvent(recorded));
                }
            }
            // An index that names what the log does not have is not to be waited for.
            while wanted.next_if(|&position| position <= last).is_some() {}
        }
        Ok(())
    }
}

/// An event as the log keeps it.
pub(super) struct LoggedEvent(Recorded);

/// Something that happened. Personal fields are sealed, as in the log.
#[Object(name = "Event")]
impl LoggedEvent {
    /// Its place in the log; what `after` takes to go on from here.
    async fn position(&self) -> Place {
        Place(self.0.position)
    }

    /// Its id.
    async fn id(&self) -> ID {
        ID(self.0.id.to_string())
    }

    /// The stream it belongs to.
    async fn stream(&self) -> &str {
        self.0.stream.as_str()
    }

    /// Its place in its stream, from 1.
    async fn version(&self) -> u64 {
        self.0.version.0
    }

    /// What happened, such as `finding.triaged`.
    #[graphql(name = "type")]
    async fn kind(&self) -> &str {
        &self.0.kind
    }

    /// The number of the shape of `data`.
    async fn schema(&self) -> u16 {
        self.0.schema
    }

    /// What it says.
    async fn data(&self) -> serde_json::Value {
        serde_json::from_slice(&self.0.data).unwrap_or_default()
    }

    /// Who caused it, and in answer to what.
    async fn metadata(&self) -> serde_json::Value {
        serde_json::from_slice(&self.0.metadata).unwrap_or_default()
    }

    /// When it was written.
    async fn recorded_at(&self) -> Instant {
        Instant(self.0.recorded_at)
    }
}
