//! Incidents: decided about once and shown by every finding, with their places, notes and links, now and as of earlier.

#![expect(clippy::unwrap_used, reason = "a helper of a test that cannot go on has failed")]

mod decisions;
mod places;
#[expect(dead_code, reason = "tests use different parts of the same world")]
#[path = "../support/mod.rs"]
mod support;
