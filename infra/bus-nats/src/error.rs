//! What can go wrong on the way to the bus.

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use scanledger_domain::Cause;
use scanledger_domain::log::{LogError, Position};
use std::mem;
use uuid::Uuid;

/// Why something was not done. No text here shows a URL or a credential.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The URL is none of a NATS server.
    #[error(
        "the URL of the bus is not nats://host:port or tls://host:port, or several of them with commas between"
    )]
    Url,
    /// A file that the options name cannot be used.
    #[error("the {what} of the bus cannot be used")]
    File {
        /// Which file.
        what: &'static str,
        /// What is wrong with it.
        #[source]
        source: Cause,
    },
    /// The server cannot be reached or does not take the request now; later may work.
    #[error("the bus is not available while trying to {doing}")]
    Unavailable {
        /// What was tried.
        doing: &'static str,
        /// Why, if the driver said.
        #[source]
        source: Option<Cause>,
    },
    /// The stream holds the events of another log.
    #[error("stream {stream} on the bus belongs to log {found}, not to log {expected}")]
    OtherLog {
        /// The stream.
        stream: &'static str,
        /// Whose events it holds.
        found: Uuid,
        /// Whose events were to be published.
        expected: Uuid,
    },
    /// Somebody made the stream in another way, or wrote to it.
    #[error("stream {stream} on the bus was not made for this: {what}")]
    OtherShape {
        /// The stream.
        stream: &'static str,
        /// What is different.
        what: &'static str,
    },
    /// The stream has events that the log has not, or not there: the log was put back to an earlier state.
    #[error("the bus has an event at position {position} that the log has not")]
    Diverged {
        /// The position that the bus has.
        position: Position,
    },
    /// Another publisher wrote in between; what it wrote is read before going on.
    #[error("another publisher was faster")]
    Raced,
    /// An event is larger than the server takes (`max_payload`, 1 MiB unless it is configured).
    #[error("the event at position {position} is larger than the bus takes: its envelope has {bytes} bytes")]
    TooLarge {
        /// The event.
        position: Position,
        /// Bytes of its envelope.
        bytes: usize,
    },
    /// An event's data or metadata is not JSON.
    #[error("the event at position {position} cannot be read")]
    Unreadable {
        /// The event.
        position: Position,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl BusError {
    /// Whether it may pass without anybody doing something about it.
    pub const fn is_passing(&self) -> bool {
        match self {
            // A server's limit is raised without this process hearing of it.
            Self::Unavailable { .. } | Self::Raced | Self::TooLarge { .. } | Self::Log(_) => true,
            Self::Url
            | Self::File { .. }
            | Self::OtherLog { .. }
            | Self::OtherShape { .. }
            | Self::Diverged { .. }
            | Self::Unreadable { .. } => false,
        }
    }

    /// Whether the same stands in the way, whatever was tried.
    pub fn is_like(&self, other: &Self) -> bool {
        mem::discriminant(self) == mem::discriminant(other) && self.stops_at() == other.stops_at()
    }

    /// The event that cannot be published, if it is one event.
    pub const fn stops_at(&self) -> Option<Position> {
        match self {
            Self::TooLarge { position, .. } | Self::Unreadable { position, .. } => Some(*position),
            Self::Url
            | Self::File { .. }
            | Self::Unavailable { .. }
            | Self::OtherLog { .. }
            | Self::OtherShape { .. }
            | Self::Diverged { .. }
            | Self::Raced
            | Self::Log(_) => None,
        }
    }
}

/// The server did not do it.
pub(crate) fn unavailable<E: Into<Cause>>(doing: &'static str) -> impl FnOnce(E) -> BusError {
    move |source| BusError::Unavailable { doing, source: Some(source.into()) }
}

/// A checkpoint was not taken.
pub(crate) fn checkpoint_not_published(error: PublishError) -> BusError {
    match error.kind() {
        PublishErrorKind::WrongLastSequence => BusError::Raced,
        _ => unavailable("publish a checkpoint")(error),
    }
}

/// An event of `bytes` at `position` was not taken.
pub(crate) fn not_published(position: Position, bytes: usize) -> impl FnOnce(PublishError) -> BusError {
    move |error| match error.kind() {
        PublishErrorKind::WrongLastSequence => BusError::Raced,
        PublishErrorKind::MaxPayloadExceeded => BusError::TooLarge { position, bytes },
        PublishErrorKind::StreamNotFound
        | PublishErrorKind::WrongLastMessageId
        | PublishErrorKind::TimedOut
        | PublishErrorKind::BrokenPipe
        | PublishErrorKind::MaxAckPending
        | PublishErrorKind::Other => unavailable("publish an event")(error),
    }
}
