//! That the log is what it was when it was signed: what is found when somebody changes it behind the server's back,
//! bundles, and the routes that prove.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../http/archive.rs"]
#[expect(dead_code, reason = "the harness is that of the HTTP tests, which use more of it")]
mod archive;
mod bundle;
#[path = "../nodes/database.rs"]
#[expect(dead_code, reason = "the tests of nodes use more of it")]
mod database;
mod following;
#[path = "../http/harness.rs"]
#[expect(dead_code, reason = "the HTTP tests use more of it")]
mod harness;
mod log;
mod publishing;
mod routes;
#[path = "../cli/shell.rs"]
#[expect(dead_code, reason = "the tests of the command line use more of it")]
mod shell;
mod signing;
mod stored;
mod tampering;
