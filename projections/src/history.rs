//! Reading a log on from an event that was read before, or noticing that it has another history by now.

use scanledger_domain::limits::LOST_AFTER;
use scanledger_domain::log::{EventLog, LogError, Position, Recorded};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

/// How often a log is asked again that has less than was read before.
const AGAIN: Duration = Duration::from_millis(100);

/// Events above `after`, at most `limit`, if the event there is still the one with the id `last`; that is not asked
/// if there is none.
///
/// # Errors
/// [`LogError::Diverged`] if the log has another event there, or none.
pub(crate) async fn read_on(
    log: &dyn EventLog,
    after: Position,
    last: Option<Uuid>,
    limit: usize,
) -> Result<Vec<Recorded>, LogError> {
    let (Some(last), Some(before)) = (last, after.0.checked_sub(1)) else {
        return log.read_all(after, limit).await;
    };
    let began = Instant::now();
    loop {
        let mut events = log.read_all(Position(before), limit.saturating_add(1)).await?;
        match events.first() {
            Some(first) if first.position == after && first.id.0 == last => {
                events.remove(0);
                return Ok(events);
            }
            None if began.elapsed() < LOST_AFTER => sleep(AGAIN).await,
            Some(_) | None => return Err(LogError::Diverged { position: after }),
        }
    }
}

/// Whether the log has, at `position`, the event with the id `last`; at the start there is none to have.
///
/// # Errors
/// When the log cannot be read.
pub(crate) async fn is_there(
    log: &dyn EventLog,
    position: Position,
    last: Option<Uuid>,
) -> Result<bool, LogError> {
    if position == Position::START {
        return Ok(true);
    }
    Ok(log.event_at(position).await?.is_some_and(|event| Some(event.id.0) == last))
}
