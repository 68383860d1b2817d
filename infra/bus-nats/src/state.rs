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
    /// The last event that the bus is known to have kept; none while this process publishes no events, and before it
    /// has looked.
    pub published: Option<Position>,
    /// Why publishing events does not go on, until it does.
    pub failure: Option<Arc<BusError>>,
    /// Why the last signed checkpoint that was to be published was not, until one is.
    pub checkpoint_failure: Option<Arc<BusError>>,
}

impl BusState {
    /// How far the bus is behind a log whose last event is at `head`, in positions; `None` if this process does not
    /// know what the bus has.
    pub fn lag(&self, head: Position) -> Option<u64> {
        self.published.map(|published| head.0.saturating_sub(published.0))
    }

    /// The bus has every event up to `reached`. What stands in the way of a later one still does.
    pub(crate) fn advance(&mut self, reached: Position) {
        self.published = Some(reached);
        let is_ahead = |failure: &Arc<BusError>| failure.stops_at().is_some_and(|stop| stop > reached);
        self.failure.take_if(|failure| !is_ahead(failure));
    }
}

#[cfg(test)]
mod tests {
    use super::BusState;
    use crate::error::BusError;
    use scanledger_domain::log::Position;
    use std::sync::Arc;

    #[test]
    fn a_failure_lasts_until_the_bus_has_what_failed() {
        let too_large = BusError::TooLarge { position: Position(5), bytes: 9 };
        let mut state = BusState { failure: Some(Arc::new(too_large)), ..BusState::default() };
        for (reached, is_over) in [(3, false), (4, false), (5, true)] {
            state.advance(Position(reached));
            assert_eq!((state.published, state.failure.is_none()), (Some(Position(reached)), is_over));
        }
        state.failure = Some(Arc::new(BusError::Raced));
        state.advance(Position(5));
        assert!(state.failure.is_none());
    }

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
