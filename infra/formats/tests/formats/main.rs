//! What each report format says, and that the official schemas agree.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod arbitrary;
mod csv;
mod cyclonedx;
mod html;
mod sample;
mod sarif;
mod schema;
mod schemas;
mod spdx;
