//! Making it happen: load stream, decide, append; and the workers that run scans.
//!
//! Every write of the product goes through [`Ledger`]. The services ([`identity`], [`project`], [`scan`],
//! [`branch`], [`finding`], [`incident`], [`honeytoken`], [`hosted`]) put single decisions together where one request needs several; the rules themselves are in
//! the domain. This crate knows no store, no read model and no HTTP: what it needs of them are the traits in
//! [`ports`].

pub mod blobs;
pub mod branch;
pub mod ci;
pub mod context;
pub mod error;
pub mod finding;
pub mod honeytoken;
pub mod hosted;
pub mod identity;
pub mod incident;
pub mod ledger;
pub mod policy;
pub mod ports;
pub mod progress;
pub mod project;
pub mod proof;
pub mod reactor;
pub mod scan;
mod thread;
pub mod worker;

pub use context::{Context, IdempotencyKey};
pub use error::{CommandError, Fault};
pub use ledger::{Batch, Committed, Executed, Ledger, Races};
