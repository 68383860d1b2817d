//! Commands and workers on the real stores; only the read model is the test's own, folded from the log.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on may panic")]

mod claims;
mod ledger;
mod reactor;
mod services;
mod support;
mod worker;
