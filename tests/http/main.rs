//! The HTTP interface, as a client sees it: a real server on a port of its own and an empty data folder.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod archive;
mod artifacts;
mod audit;
mod events;
mod findings;
mod gates;
mod graphql;
mod harness;
mod input;
mod keys;
mod lifecycle;
mod operations;
mod projects;
mod scans;
mod table;
mod time;
mod triage;
mod uploads;
