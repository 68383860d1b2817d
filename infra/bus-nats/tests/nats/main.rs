//! The bus on real servers: every event once and in order, whatever fails.
//!
//! Each test has a server of its own; the program comes from `tests/services/nats.sh`, which `bash tests/run.sh` runs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access;
mod checkpoints;
mod cluster;
mod example;
mod hints;
mod outages;
mod publishing;
mod retention;
mod secure;
mod server;
mod streams;
mod world;
