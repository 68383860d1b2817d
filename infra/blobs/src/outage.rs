//! Telling a bucket that cannot be reached from one that refuses.

use domain::blob::BlobError;
use domain::{Cause, OutOfReach};
use object_store::client::HttpError;
use scanledger_domain as domain;
use std::error::Error;

/// What the store's client says of an answer with a status; it has a type of its own for it and keeps that to itself.
const STATUS: &str = "Server returned non-2xx status code: ";
/// What it says of a success that reports `InternalError` or `SlowDown`, as S3 does when it copies or puts parts together.
const BUSY: &str = "Server returned error response: ";

/// A request to the store failed, and was tried again as often as it may be.
pub(crate) fn refused(doing: &'static str) -> impl Fn(object_store::Error) -> BlobError {
    move |error| {
        let is_outage = is_outage(&error);
        let cause: Cause = error.into();
        let source = if is_outage { OutOfReach(cause).into() } else { cause };
        BlobError::Failed { doing, source }
    }
}

/// Whether the same may work later: nobody answered, not in time or not to the end, or they are too busy.
fn is_outage(error: &object_store::Error) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<HttpError>() || is_busy(&error.to_string()) {
            return true;
        }
        cause = error.source();
    }
    false
}

fn is_busy(said: &str) -> bool {
    let status = said.strip_prefix(STATUS).and_then(|rest| rest.get(..3));
    said.starts_with(BUSY) || status.is_some_and(|status| is_passing(status.parse().unwrap_or_default()))
}

/// Too slow, too many requests, and what goes wrong behind a server that otherwise knows what it does.
const fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502..=504)
}

#[cfg(test)]
mod tests {
    use super::is_busy;

    #[test]
    fn only_what_may_pass_is_an_outage() {
        for passing in [408, 429, 500, 502, 503, 504] {
            assert!(is_busy(&format!("Server returned non-2xx status code: {passing} Any: text")));
        }
        for lasting in [301, 400, 401, 403, 409, 411, 412, 416, 501, 505] {
            assert!(!is_busy(&format!("Server returned non-2xx status code: {lasting} Any: text")));
        }
        assert!(!is_busy("Server returned non-2xx status code: "));
        assert!(!is_busy("503"));
    }
}
