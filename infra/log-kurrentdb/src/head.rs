//! The head of the log, which is asked for again and again.

use kurrentdb::Position as Place;
use parking_lot::Mutex;
use scanledger_domain::log::{LogError, Position};

use crate::remote::Remote;

/// Looks for the head of the log in what anybody has written since it was last found: a log that is quiet on a server
/// that is not would be far from the end.
#[derive(Debug, Default)]
pub(crate) struct Head {
    found: Mutex<Option<Found>>,
}

/// The head as it was at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    /// Where `$all` ended just before, whoever wrote what is there. The log has no event between the head and this.
    end: Place,
    head: Position,
}

impl Head {
    /// The position of the last event of the log.
    ///
    /// # Errors
    /// When the server does not answer.
    pub(crate) async fn find(&self, remote: &dyn Remote) -> Result<Position, LogError> {
        // Before the end is asked for, which is no earlier then, unless the server was put back.
        let known = *self.found.lock();
        let end = remote.end().await?;
        let same = match (known, end) {
            (Some(known), Some(end)) if known.end == end => Some(known.head),
            (Some(known), Some(end)) if known.end.commit < end.commit => {
                // What is wrong with a place that is none any more, looking backwards can tell.
                matches!(remote.has_more(known.end).await, Ok(false)).then_some(known.head)
            }
            (Some(_) | None, _) => None,
        };
        let head = match same {
            Some(head) => head,
            None => remote.head().await?,
        };
        if let Some(end) = end {
            let mut found = self.found.lock();
            // Somebody else may have found a later one meanwhile.
            if *found == known || found.is_none_or(|found| found.end.commit <= end.commit) {
                *found = Some(Found { end, head });
            }
        }
        Ok(head)
    }
}
