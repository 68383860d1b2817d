//! What the appender remembers of streams.

use hashlink::LruCache;
use scanledger_domain::log::{StreamName, Version};

/// Streams whose version is remembered.
const STREAMS: usize = 65_536;

/// A bounded memory of versions, as they were last seen here. Other nodes write too, so it decides nothing: what
/// contradicts it is looked up before it is refused, and what agrees with it is checked when it is written.
pub(super) struct Hints(LruCache<StreamName, Version>);

impl Default for Hints {
    fn default() -> Self {
        Self(LruCache::new(STREAMS))
    }
}

impl Hints {
    /// Whether `stream` was last seen at another version.
    pub(super) fn contradict(&mut self, stream: &StreamName, expected: Version) -> bool {
        self.0.get(stream).is_some_and(|seen| *seen != expected)
    }

    pub(super) fn saw(&mut self, stream: StreamName, version: Version) {
        self.0.insert(stream, version);
    }
}
