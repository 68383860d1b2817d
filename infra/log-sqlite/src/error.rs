//! Driver errors in the words of the port.

use rusqlite::ErrorCode;
use scanledger_domain::Cause;
use scanledger_domain::log::LogError;
use std::sync::Arc;

/// The store answered with something that must not be.
pub(crate) fn broken<E: Into<Cause>>(doing: &'static str) -> impl FnOnce(E) -> LogError {
    move |source| LogError::Broken { doing, source: source.into() }
}

/// The store takes no such request now.
pub(crate) fn unavailable(doing: &'static str) -> LogError {
    LogError::Unavailable { doing, source: None }
}

/// A failed transaction, as each of the requests in it hears of it.
pub(crate) fn failed(doing: &'static str, error: &Arc<rusqlite::Error>) -> LogError {
    let source: Cause = Box::new(Arc::clone(error));
    if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) {
        return LogError::Unavailable { doing, source: Some(source) };
    }
    LogError::Broken { doing, source }
}

/// Whether an insert met an event id, or a stream's version, that the log has already.
pub(crate) fn is_taken(error: &rusqlite::Error) -> bool {
    let taken = [rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE, rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY];
    error.sqlite_error().is_some_and(|error| taken.contains(&error.extended_code))
}
