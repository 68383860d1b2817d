//! What it looks like: events projected into SQLite read models, and the typed queries on them.
//!
//! One file per node, written by one [`Projector`], read by everyone through [`Views`]. Everything in it can be
//! built again from the log. Every query takes an [`At`]: now, a position, an instant, or the end of a scan.
//!
//! This crate knows no dialect, no network and no command.

mod at;
pub mod audit;
mod blob;
pub mod branch;
pub mod component;
mod conditions;
pub mod diff;
pub mod event;
pub mod export;
pub mod finding;
mod history;
pub mod honeytoken;
pub mod identity;
pub mod incident;
mod page;
#[cfg(test)]
mod plan;
pub mod policy;
pub mod project;
mod projector;
pub mod scan;
pub mod store;
pub mod tree;

pub use at::{At, Moment};
pub use blob::living_blobs;
pub use page::{Page, Paging};
pub use projector::{Health, Projector, ProjectorError, build};
pub use store::{ReadError, Shown, Views};
