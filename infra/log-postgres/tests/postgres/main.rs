//! The event log on PostgreSQL, on a real server: the suite of all logs, several nodes on one log, servers that break.
//!
//! The server comes from `tests/services/postgres.sh`; `bash tests/run.sh` starts it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod conformance;
mod database;
mod import;
mod losing;
mod nodes;
mod opening;
mod ordering;
mod outage;
mod proxy;
mod replaying;
mod samples;
mod server;
mod vanishing;
