//! What events name that could not be applied to the read models.

use scanledger_domain::Cause;
use scanledger_domain::blob::BlobHash;
use scanledger_domain::event::Event;
use scanledger_domain::log::{EventLog, Position};
use std::collections::{BTreeSet, HashSet};

/// Events that are read from the log at once: those of one stream often follow each other.
const READ_EVENTS: usize = 100;

/// The blobs that parked events name, read from the log once.
#[derive(Debug, Default)]
pub(super) struct Parked {
    events: BTreeSet<Position>,
    blobs: HashSet<BlobHash>,
}

/// An event that the read models have as parked.
#[derive(Debug, thiserror::Error)]
#[error("the log does not have the event at position {0}, which could not be applied to the read models")]
struct NotThere(Position);

impl Parked {
    /// Whether one of them names a blob.
    pub(super) fn names(&self, blob: BlobHash) -> bool {
        self.blobs.contains(&blob)
    }

    /// Takes these to be what is parked now.
    ///
    /// # Errors
    /// When the log cannot be read, or an event cannot be decoded.
    pub(super) async fn refresh(&mut self, log: &dyn EventLog, now: Vec<Position>) -> Result<(), Cause> {
        let now: BTreeSet<_> = now.into_iter().collect();
        if !self.events.is_subset(&now) {
            // The read models were built anew, and have some of them.
            *self = Self::default();
        }
        let mut unread: BTreeSet<_> = now.difference(&self.events).copied().collect();
        while let Some(&first) = unread.first() {
            let events = log.read_all(Position(first.0.saturating_sub(1)), READ_EVENTS).await?;
            for event in events.iter().filter(|event| unread.remove(&event.position)) {
                self.blobs.extend(Event::of(event)?.blobs().into_iter().map(|named| named.blob));
                self.events.insert(event.position);
            }
            if unread.contains(&first) {
                return Err(NotThere(first).into());
            }
        }
        Ok(())
    }
}
