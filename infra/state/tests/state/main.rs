//! What the state store promises, in a file and on PostgreSQL alike; what only one of them can do is in `file` and
//! `postgres`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[macro_use]
mod world;

mod backup;
mod checkpoints;
mod document_calls;
mod file;
mod following;
mod key_uses;
mod leases;
mod postgres;
mod requests;
mod rotation;
mod server_key;
mod sweeping;
mod vault;
