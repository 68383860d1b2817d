//! What the writer remembers of streams and event types, so that most appends read nothing.

use hashlink::LruCache;
use scanledger_domain::log::StreamName;
use std::collections::HashMap;

/// Streams whose head is remembered.
const STREAMS: usize = 65_536;

/// A stream's number in the file and how many events it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    /// None as long as the stream does not exist.
    pub(crate) stream: Option<i64>,
    pub(crate) version: u64,
}

/// A bounded memory of heads, and all event types met. Runs ahead of the file within a transaction, so it
/// is emptied when one fails.
pub(super) struct Heads {
    pub(super) streams: LruCache<StreamName, Head>,
    pub(super) kinds: HashMap<&'static str, i64>,
    /// The last position this writer has written or seen; anything else in the file means that somebody
    /// else has written too.
    pub(super) position: Option<u64>,
}

impl Default for Heads {
    fn default() -> Self {
        Self { streams: LruCache::new(STREAMS), kinds: HashMap::new(), position: None }
    }
}

impl Heads {
    pub(super) fn clear(&mut self) {
        self.streams.clear();
        self.kinds.clear();
        self.position = None;
    }
}
