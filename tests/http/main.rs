//! The HTTP interface, as a client sees it: a real server on a port of its own and an empty data folder.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod archive;
mod artifacts;
mod audit;
mod events;
mod findings;
mod gates;
mod gitguardian_tokens;
mod graphql;
mod harness;
mod input;
mod keys;
mod lifecycle;
mod limits;
mod operations;
mod pepper_browser;
mod pepper_members;
mod pepper_session;
mod projects;
mod scans;
mod table;
mod time;
mod triage;
mod trusca_admin;
mod trusca_admin_audit;
mod trusca_admin_users;
mod trusca_auth;
mod trusca_browser;
mod trusca_keys;
mod trusca_oauth;
mod trusca_reset;
mod uploads;
