//! Archives of strangers: what they are unpacked to, and which are refused.

#![expect(clippy::unwrap_used, reason = "all of it is a test, also what builds the archives")]

mod archives;
mod content;
mod limits;
mod memory;
mod properties;
mod refusals;
