//! Reading requests: every way to fail is a [`Problem`], with the place and what is wrong with it.

mod body;
mod number;
mod path;
mod query;
mod when;

pub use body::{Body, digest_of, length_of, parse_json, parse_value, read_bytes, read_json};
pub use number::{Number, Opaque, Patched, present};
pub use path::{Id, Segment};
pub use query::{List, Query};
pub use when::{AtIn, parse_at, parse_at_of, parse_instant, parse_scan};

use crate::problem::Problem;
use scanledger_domain::address::without_credentials;
use scanledger_domain::limits::SEARCH_CHARS;

/// Refuses what is longer than anybody searches for: the database has a limit of its own for patterns, beyond which it
/// would fail.
///
/// # Errors
/// 400 for the parameter `name` beyond [`SEARCH_CHARS`].
pub fn check_search(name: &str, text: Option<&str>) -> Result<(), Problem> {
    match text {
        Some(text) if text.chars().count() > SEARCH_CHARS => {
            Err(Problem::invalid(name, format!("may have at most {SEARCH_CHARS} characters")))
        }
        Some(_) | None => Ok(()),
    }
}

/// A problem for what `serde` says about a part of the request.
fn invalid(error: &serde_path_to_error::Error<impl std::error::Error>) -> Problem {
    let message = error.inner().to_string();
    // serde_json adds where in the text it happened, which says nothing to whoever built the value.
    let message = message.split(" at line ").next().unwrap_or_default();
    // serde repeats a text that stands where something else is expected.
    let message = without_credentials(message).into_owned();
    let mut path = error.path().to_string();
    for says in ["missing field `", "duplicate field `"] {
        if let Some(field) = message.strip_prefix(says).and_then(|rest| rest.split('`').next()) {
            path = if path == "." { field.to_owned() } else { format!("{path}.{field}") };
        }
    }
    Problem::invalid(path, message)
}
