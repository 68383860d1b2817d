//! Branches: their inventory, and the totals that lists show.

pub(crate) mod apply;
mod counters;
mod inventory;
mod present;
mod query;
mod state;

pub use inventory::{GateCounts, InventorySnapshot};
pub use query::BranchRow;

pub(crate) use counters::Cell;
pub(crate) use state::BranchStates;

/// The total that a finding is counted in.
pub(crate) const fn cell(branch: i64, severity: u8, status: u8, scanner: u8) -> Cell {
    Cell { branch, severity, status, scanner }
}
