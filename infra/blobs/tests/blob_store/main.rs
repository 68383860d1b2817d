//! What every blob store keeps to, in a folder and in a bucket.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod addresses;
mod bucket;
mod conformance;
mod erased;
mod folder;
mod outage;
