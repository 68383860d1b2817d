//! Scanledger's composition root: where adapters are chosen and wired, and what the command line does.
//!
//! No rule and no query lives here.

pub mod adapters;
pub mod backup;
pub mod cli;
pub mod control;
pub mod data;
pub mod log;
pub mod nodes;
pub mod operations;
pub mod place;
pub mod proofs;
pub mod server;
