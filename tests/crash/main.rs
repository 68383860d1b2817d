//! A server that is killed at any moment: what it acknowledged is there afterwards, and what it left undone is
//! finished.
//!
//! `SCANLEDGER_CRASH_ROUNDS` says how often it is killed (4 unless said), `SCANLEDGER_CRASH_SEED` repeats the moments
//! of an earlier run, which prints its seed.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod archive;
mod checks;
mod client;
mod export;
mod flushes;
mod kills;
mod load;
mod place;
