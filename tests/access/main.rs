//! Who may do what: every route, every field of GraphQL and every socket with every kind of caller, held against the
//! table of the domain.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../http/archive.rs"]
#[expect(dead_code, reason = "shared with the tests of the HTTP interface, which need all of it")]
mod archive;
mod callers;
mod declared;
mod expected;
mod fields;
mod foreign;
mod graphql;
mod lists;
mod matrix;
mod place;
mod rows;
mod send;
mod socket;
mod throwaway;
mod world;
