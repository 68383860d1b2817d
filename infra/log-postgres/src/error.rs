//! Driver errors in the words of the port.

use scanledger_domain::Cause;
use scanledger_domain::log::LogError;
use std::io;
use std::sync::Arc;

/// Constraints of `events` whose violation means that somebody else was there first.
const TAKEN: [&str; 3] = ["events_id", "events_stream_version", "events_position"];

/// SQLSTATEs, and the beginnings of such, that say nothing about the request: the connection or the server has gone,
/// is starting, is a standby or has no room, or it took too long.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html>
const PASSING: [&str; 9] = ["08", "53", "57P", "57014", "55P03", "25006", "25P03", "25P04", "40"];

/// The beginnings of SQLSTATEs with which a server takes leave of a connection.
const LEAVE: [&str; 2] = ["08", "57P"];

/// The store answered with something that must not be.
pub(crate) fn broken<E: Into<Cause>>(doing: &'static str) -> impl FnOnce(E) -> LogError {
    move |source| LogError::Broken { doing, source: source.into() }
}

/// The store takes no such request now.
pub(crate) fn unavailable(doing: &'static str) -> LogError {
    LogError::Unavailable { doing, source: None }
}

/// A failure of the driver.
pub(crate) fn failed(doing: &'static str) -> impl FnOnce(sqlx::Error) -> LogError {
    move |error| failed_for_all(doing, &Arc::new(error))
}

/// A failure of the driver, as each of those hear of it whose work it was.
pub(crate) fn failed_for_all(doing: &'static str, error: &Arc<sqlx::Error>) -> LogError {
    let source: Cause = Box::new(Arc::clone(error));
    if is_passing(error) {
        return LogError::Unavailable { doing, source: Some(source) };
    }
    LogError::Broken { doing, source }
}

/// Whether the same request may succeed a little later, on a new connection.
pub(crate) fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => true,
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| PASSING.iter().any(|passing| code.starts_with(passing)))
        }
        _ => false,
    }
}

/// Whether the connection has gone, and with it most likely others to the same server.
pub(crate) fn is_lost(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => true,
        sqlx::Error::Database(error) => {
            error.code().is_some_and(|code| LEAVE.iter().any(|leave| code.starts_with(leave)))
        }
        _ => false,
    }
}

/// Whether an insert met an event id, a version or a position that the log has already.
pub(crate) fn is_taken(error: &sqlx::Error) -> bool {
    let constraint = error.as_database_error().and_then(|error| error.constraint());
    constraint.is_some_and(|constraint| TAKEN.contains(&constraint))
}

/// What an answer that did not come in time is called.
pub(crate) fn too_late() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the server did not answer in time"))
}
