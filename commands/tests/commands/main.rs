//! Commands and workers on the real stores; only the read model is the test's own, folded from the log.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod blobs;
mod branch;
mod checkpoints;
mod claims;
mod client_scans;
mod finding;
mod hosted;
mod identity;
mod incident;
mod ledger;
mod project;
mod reactor;
mod scan;
mod support;
mod worker;
