//! What the log needs of a server.

use kurrentdb::Position as Place;
use scanledger_domain::BoxFuture;
use scanledger_domain::log::{AppendError, LogError, NewEvent, Position, StreamName, Version};

use crate::envelope::Stored;

/// What a call that only reads answers.
pub(crate) type Reading<'a, T> = BoxFuture<'a, Result<T, LogError>>;

/// The calls of KurrentDB that this log is made of. Every one sees what was acknowledged before it.
pub(crate) trait Remote: Send + Sync {
    /// Appends to one stream and answers a place of what was written, be it of the first or of the last event.
    ///
    /// If the stream has the same ids behind the expected version already, that is the answer: the server knows no
    /// other idempotency.
    fn append<'a>(
        &'a self,
        stream: &'a StreamName,
        expected: Version,
        events: Vec<NewEvent>,
    ) -> BoxFuture<'a, Result<Position, AppendError>>;

    /// Events of a stream with a version above `after`, at most `limit`.
    fn stream<'a>(&'a self, stream: &'a StreamName, after: Version, limit: usize)
    -> Reading<'a, Vec<Stored>>;

    /// Events of the log above `after`, at most `limit`. `from` is an event at or before `after`, if there is any:
    /// the server refuses to read from a place that is none.
    fn all(&self, from: Option<Position>, after: Position, limit: usize) -> Reading<'_, Vec<Stored>>;

    /// The place of the last event of `$all`, whoever wrote it.
    fn end(&self) -> Reading<'_, Option<Place>>;

    /// Whether the log has an event after such a place; an error if that is none any more.
    fn has_more(&self, after: Place) -> Reading<'_, bool>;

    /// The position of the last event of the log, looked for from the end of `$all` backwards.
    fn head(&self) -> Reading<'_, Position>;

    /// The position of the last event of a stream.
    fn end_of<'a>(&'a self, stream: &'a StreamName) -> Reading<'a, Position>;

    /// Follows the log from an event on, exclusively.
    fn follow(&self, after: Option<Position>) -> BoxFuture<'_, Box<dyn Following>>;
}

/// A live subscription; it ends with its first error, and must not be given up while it waits.
pub(crate) trait Following: Send {
    /// The next event.
    fn next(&mut self) -> Reading<'_, Stored>;
}
