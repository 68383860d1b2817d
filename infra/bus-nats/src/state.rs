//! What is known of the bus, for metrics and readiness.

use crate::error::BusError;
use scanledger_domain::log::Position;
use std::sync::Arc;

/// Whether there is a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Link {
    /// No server is reached; it is tried again all the time.
    #[default]
    Down,
    /// There is one.
    Up,
}

/// The state of the bus, as it changes.
#[derive(Debug, Clone, Default)]
pub struct BusState {
    /// Whether there is a connection.
    pub link: Link,
    /// The last event that the bus is known to have kept; none before this process has published or looked.
    pub published: Option<Position>,
    /// Why publishing does not go on, until it does.
    pub failure: Option<Arc<BusError>>,
}

impl BusState {
    /// How far the bus is behind a log whose last event is at `head`, in positions; `None` if this process does not
    /// know what the bus has.
    pub fn lag(&self, head: Position) -> Option<u64> {
        self.published.map(|published| head.0.saturating_sub(published.0))
    }
}

#[cfg(test)]
mod tests {
    use super::BusState;
    use scanledger_domain::log::Position;

    #[test]
    fn the_lag_is_what_is_not_published_yet() {
        let lag = |published, head| BusState { published, ..BusState::default() }.lag(Position(head));
        assert_eq!(lag(Some(Position(7)), 10), Some(3));
        assert_eq!(lag(Some(Position::START), 10), Some(10));
        // A head that was read before the last publication.
        assert_eq!(lag(Some(Position(11)), 10), Some(0));
        assert_eq!(lag(None, 10), None);
    }
}
