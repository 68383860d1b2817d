//! What a log offers. Adapters live in `infra`; the conformance suite in `tests/conformance` holds them to it.

use super::{InvalidBatch, NewEvent, Position, Recorded, StreamName, Version};
use crate::id::EventId;
use crate::time::Timestamp;
use crate::{BoxFuture, Cause};
use uuid::Uuid;

/// Events for one stream, as part of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// The stream to write to.
    pub stream: StreamName,
    /// How many events the stream has, as far as the writer knows.
    pub expected: Version,
    /// What to write; at least one event.
    pub events: Vec<NewEvent>,
}

/// Where a batch went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Position of the batch's first event.
    pub first: Position,
    /// Position of the batch's last event.
    pub last: Position,
    /// When the last event was recorded.
    pub recorded_at: Timestamp,
}

/// What [`EventLog::find_or_read`] answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundOrRead {
    /// The log has the event, here.
    Found(Position),
    /// It has not; these are the stream's first events.
    Read(Vec<Recorded>),
}

/// Why a batch was not written.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// A stream is not at the version the writer expected: a lost race, not a fault.
    #[error("stream {stream} is at version {actual}, not {expected}")]
    Conflict {
        /// The stream.
        stream: StreamName,
        /// What the writer expected.
        expected: Version,
        /// What the log has.
        actual: Version,
    },
    /// Some of the event ids are in the log and some are not.
    #[error("some events of the batch are in the log already, and some are not")]
    PartlyKnown,
    /// The batch breaks a rule of [`Append::check_all`], or one of its store.
    #[error("the batch is not acceptable")]
    Invalid(#[from] InvalidBatch),
    /// The store failed; whether the batch was written is known only by asking for its ids.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// The store failed.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// It cannot be reached, is shutting down or is overloaded; later may work.
    #[error("the event log is not available while trying to {doing}")]
    Unavailable {
        /// What was tried.
        doing: &'static str,
        /// Why, if the driver said.
        #[source]
        source: Option<Cause>,
    },
    /// It answered with something that must not be.
    #[error("the event log failed while trying to {doing}")]
    Broken {
        /// What was tried.
        doing: &'static str,
        /// What the driver said.
        #[source]
        source: Cause,
    },
    /// It no longer has an event that it handed out, or another one in its place: it lost its end, or was put back to an
    /// earlier state, and may have gone on from there. What was made of it since belongs to another history.
    #[error("the event log no longer has the event that it had at position {position}")]
    Diverged {
        /// Where the event was.
        position: Position,
    },
}

/// An append-only, totally ordered log of events in streams.
pub trait EventLog: Send + Sync {
    /// Made once, when the log was: tells one log from another.
    fn identity(&self) -> Uuid;

    /// Whether a batch over several streams is written whole or not at all. A log that cannot do that refuses such a
    /// batch as [`InvalidBatch::SeveralStreams`], and its callers write the parts one after the other, claims first.
    fn is_atomic_over_streams(&self) -> bool {
        true
    }

    /// Whether positions have no hole: the n-th event is at position n. A log that others write to as well has holes,
    /// so that a missing position says nothing of a missing event.
    fn is_contiguous(&self) -> bool {
        true
    }

    /// Writes every part of the batch, or nothing. Durable when it answers.
    ///
    /// A batch whose event ids are all in the log already is not written again; its old place is the answer.
    fn append(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Appended, AppendError>>;

    /// Events of a stream with a version above `after`, in order, at most `limit`.
    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamName,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, LogError>>;

    /// Events with a position above `after`, in order, at most `limit`.
    fn read_all(&self, after: Position, limit: usize) -> BoxFuture<'_, Result<Vec<Recorded>, LogError>>;

    /// The event at a position, if there is one.
    fn event_at(&self, position: Position) -> BoxFuture<'_, Result<Option<Recorded>, LogError>> {
        Box::pin(async move {
            let Some(before) = position.0.checked_sub(1) else { return Ok(None) };
            let next = self.read_all(Position(before), 1).await?.pop();
            Ok(next.filter(|event| event.position == position))
        })
    }

    /// The position of an event id, if the log has it.
    fn find(&self, id: EventId) -> BoxFuture<'_, Result<Option<Position>, LogError>>;

    /// The position of `id` if the log has it, else the first events of `stream`, at most `limit`: what has to be
    /// known before a command is decided, in one step where a store can do it so.
    fn find_or_read<'a>(
        &'a self,
        id: EventId,
        stream: &'a StreamName,
        limit: usize,
    ) -> BoxFuture<'a, Result<FoundOrRead, LogError>> {
        Box::pin(async move {
            Ok(match self.find(id).await? {
                Some(position) => FoundOrRead::Found(position),
                None => FoundOrRead::Read(self.read_stream(stream, Version::NONE, limit).await?),
            })
        })
    }

    /// The position of the last event.
    fn head(&self) -> BoxFuture<'_, Result<Position, LogError>>;

    /// Everything above `after`: first what is there, then what comes, without a gap or a repeat.
    fn subscribe(&self, after: Position) -> Box<dyn Subscription>;
}

/// A reader that follows the log.
pub trait Subscription: Send {
    /// The next events, at least one; waits until there are some. Cancel-safe.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] when the log is shutting down or out of reach; the subscription may be
    /// asked again and continues where it was.
    /// [`LogError::Diverged`] when the log no longer goes on from what was handed out last; the subscription hands out
    /// nothing more.
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Recorded>, LogError>>;
}

/// Why recorded events were not taken over.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The first event does not follow the last one of the log.
    #[error("the log is at position {head}; the import goes on with position {next}")]
    NotNext {
        /// The position of the log's last event.
        head: Position,
        /// The position of the first event of the import.
        next: Position,
    },
    /// An event contradicts what is in the log: its position, version, id or time does not follow.
    #[error("the event at position {position} does not fit: {reason}")]
    DoesNotFit {
        /// The event.
        position: Position,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The store failed.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// A log that takes events over exactly as another log recorded them: with their positions, ids, versions,
/// times and bytes. For moving from one store to another, while nobody appends.
pub trait ImportLog: EventLog {
    /// Writes `events`, which go on at the position after the log's head, without a gap; all of them or none.
    /// Durable when it answers with the new head.
    ///
    /// # Errors
    /// [`ImportError::NotNext`] and [`ImportError::DoesNotFit`] when they do not go on there.
    fn import(&self, events: Vec<Recorded>) -> BoxFuture<'_, Result<Position, ImportError>>;
}
