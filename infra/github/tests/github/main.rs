//! The app against a GitHub over HTTP that checks what it is sent.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod checks;
mod commits;
mod limits;
mod pulls;
mod repository;
mod setup;
mod tokens;
mod webhook;
