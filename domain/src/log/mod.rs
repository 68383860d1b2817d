//! The event log as the domain sees it: the envelope and the port.

mod batch;
mod envelope;
mod metadata;
mod port;
mod stats;

pub use batch::InvalidBatch;
pub use envelope::Envelope;
pub use metadata::{Actor, Metadata};
pub use port::{
    Append, AppendError, Appended, EventLog, FoundOrRead, ImportError, ImportLog, LogError, Subscription,
};
pub use stats::{GROUP_SIZES, LogCounters, LogStats};

use crate::id::EventId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// A place in the log. Strictly increasing; contiguous from 1 in our own stores; 0 is before the first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct Position(pub u64);

impl Position {
    /// Before the first event.
    pub const START: Self = Self(0);
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How many events a stream has; the first event has version 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
pub struct Version(pub u64);

impl Version {
    /// The stream does not exist yet.
    pub const NONE: Self = Self(0);
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a stream: `<aggregate>-<id>`. Never holds personal data in clear.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamName(Arc<str>);

impl StreamName {
    /// Bytes of a name that a log takes: as many as fit into every store's index.
    pub const BYTES: usize = 1_024;

    /// The stream of `aggregate` with `id`.
    pub fn new(aggregate: &str, id: impl fmt::Display) -> Self {
        Self(format!("{aggregate}-{id}").into())
    }

    /// A name read back from a store.
    pub fn stored(name: &str) -> Self {
        Self(name.into())
    }

    /// The name as stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An event on its way into the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Unique in the log; makes a repeated append harmless.
    pub id: EventId,
    /// The type, such as `finding.triaged`.
    pub kind: &'static str,
    /// The number of the shape of `data`.
    pub schema: u16,
    /// Exact JSON bytes.
    pub data: Vec<u8>,
    /// Exact JSON bytes of a [`Metadata`].
    pub metadata: Arc<[u8]>,
}

impl NewEvent {
    /// What the event counts towards [`crate::limits::BATCH_BYTES`].
    pub fn size(&self) -> usize {
        self.data.len() + self.metadata.len()
    }
}

/// An event as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Place in the whole log.
    pub position: Position,
    /// Unique id.
    pub id: EventId,
    /// The stream it belongs to.
    pub stream: StreamName,
    /// Place in its stream, from 1.
    pub version: Version,
    /// The type, such as `finding.triaged`.
    pub kind: Arc<str>,
    /// The number of the shape of `data`.
    pub schema: u16,
    /// Exact JSON bytes, as appended.
    pub data: Vec<u8>,
    /// Exact JSON bytes of a [`Metadata`], as appended.
    pub metadata: Vec<u8>,
    /// When it was written: strictly increasing over the log, so an instant is one position.
    pub recorded_at: Timestamp,
}
