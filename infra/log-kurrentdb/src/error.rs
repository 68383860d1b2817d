//! Errors of the client and of the index in the words of the port.

use kurrentdb::{CurrentRevision, Error};
use scanledger_domain::Cause;
use scanledger_domain::log::{AppendError, LogError, StreamName, Version};

use crate::envelope::version;

/// Why a KurrentDB cannot be used as an event log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The connection string is none. What it says is not repeated here: it may hold a password.
    #[error("the connection string is not of the form kurrentdb://user:password@host:port?tls=true")]
    ConnectionString,
    /// The client cannot be made from the settings, such as a certificate file that cannot be read.
    #[error("the client of KurrentDB refuses its settings: {0}")]
    Settings(String),
    /// The namespace has other characters than lower-case letters, digits and `_`, or is empty or too long.
    #[error("a namespace has 1 to 40 lower-case letters, digits and underscores")]
    Namespace,
    /// The server does not say where in `$all` an event of a stream is.
    #[error("the server is older than KurrentDB or EventStoreDB 22.6")]
    TooOld,
    /// The stream of the log's identity holds something else.
    #[error("the stream that should hold the identity of the log holds something else")]
    Identity,
}

/// gRPC's codes for "not now": cancelled, deadline exceeded, resource exhausted, aborted, unavailable.
const NOT_NOW: [i32; 5] = [1, 4, 8, 10, 14];

/// The store answered with something that must not be.
pub(crate) fn broken<E: Into<Cause>>(doing: &'static str) -> impl FnOnce(E) -> LogError {
    move |source| LogError::Broken { doing, source: source.into() }
}

/// The store takes no such request now.
pub(crate) fn unavailable(doing: &'static str) -> LogError {
    LogError::Unavailable { doing, source: None }
}

/// Whether a leader has to be looked for, which the client does by itself, before it is tried again.
pub(crate) const fn is_not_leader(error: &Error) -> bool {
    matches!(error, Error::NotLeaderException(_))
}

/// A failed call. The client's errors name hosts at most; user and password travel in a header.
pub(crate) fn failed(doing: &'static str, error: Error) -> LogError {
    let may_work_later = match &error {
        Error::ServerError(_)
        | Error::NotLeaderException(_)
        | Error::ConnectionClosed
        | Error::GrpcConnectionError(_)
        | Error::DeadlineExceeded => true,
        Error::Grpc { code, .. } => NOT_NOW.contains(&i32::from(*code)),
        Error::InternalParsingError(_)
        | Error::AccessDenied
        | Error::ResourceAlreadyExists
        | Error::ResourceNotFound
        | Error::ResourceDeleted
        | Error::UnsupportedFeature
        | Error::InternalClientError
        | Error::InitializationError(_)
        | Error::IllegalStateError(_)
        | Error::WrongExpectedVersion { .. } => false,
    };
    if may_work_later {
        LogError::Unavailable { doing, source: Some(error.into()) }
    } else {
        LogError::Broken { doing, source: error.into() }
    }
}

/// A failed append.
pub(crate) fn refused(stream: &StreamName, expected: Version, error: Error) -> AppendError {
    match error {
        Error::WrongExpectedVersion { current, .. } => {
            let actual = match current {
                CurrentRevision::NoStream => Version::NONE,
                CurrentRevision::Current(revision) => version(revision),
            };
            AppendError::Conflict { stream: stream.clone(), expected, actual }
        }
        other => failed("append events", other).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{failed, refused};
    use kurrentdb::{ClientSettings, CurrentRevision, Endpoint, Error, StreamState};
    use scanledger_domain::log::{AppendError, LogError, StreamName, Version};

    fn conflict(current: CurrentRevision) -> AppendError {
        let error = Error::WrongExpectedVersion { expected: StreamState::StreamRevision(4), current };
        refused(&StreamName::stored("finding-1"), Version(5), error)
    }

    #[test]
    fn a_wrong_expected_version_is_a_conflict_with_the_actual_one() {
        for (current, version) in [
            (CurrentRevision::NoStream, 0),
            (CurrentRevision::Current(0), 1),
            (CurrentRevision::Current(7), 8),
        ] {
            let AppendError::Conflict { stream, expected, actual } = conflict(current) else {
                panic!("a conflict")
            };
            assert_eq!((stream.as_str(), expected, actual), ("finding-1", Version(5), Version(version)));
        }
    }

    #[test]
    fn what_may_work_later_is_unavailable() {
        let leader = Endpoint { host: "node-2".into(), port: 2113 };
        for error in [
            Error::ServerError("gone".into()),
            Error::NotLeaderException(leader),
            Error::ConnectionClosed,
            Error::DeadlineExceeded,
        ] {
            assert!(matches!(failed("append events", error), LogError::Unavailable { .. }));
        }
    }

    #[test]
    fn what_somebody_has_to_mend_is_broken() {
        for error in [
            Error::AccessDenied,
            Error::ResourceDeleted,
            Error::UnsupportedFeature,
            Error::InternalParsingError("?".into()),
            Error::IllegalStateError("?".into()),
        ] {
            let named = error.to_string();
            let LogError::Broken { doing, source } = failed("read a stream", error) else {
                panic!("{named} will not go away")
            };
            assert_eq!((doing, source.to_string()), ("read a stream", named));
        }
    }

    #[test]
    fn nobody_learns_a_password_from_an_error() {
        let wrong = "kurrentdb://admin:hunter2@host:2113?tls=perhaps";
        assert!(wrong.parse::<ClientSettings>().is_err());
        assert!(!super::Unusable::ConnectionString.to_string().contains("hunter2"));
        let odd = crate::settings(wrong).unwrap_err();
        assert!(!format!("{odd:?} {odd}").contains("hunter2"));
    }
}
