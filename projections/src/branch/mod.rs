//! Branches: their inventory, and the totals that lists show.

pub(crate) mod apply;
mod broken;
mod counters;
mod inventory;
mod life;
mod list;
mod open;
mod present;
mod state;

pub use broken::{BrokenBranch, broken_branches};
pub use inventory::{GateCounts, InventorySnapshot};
pub use list::{BranchFilter, BranchQuery, BranchRow, BranchSort, BranchState, Closure, LastScan};
pub use open::OpenBranch;
pub use present::PresentFindings;

pub(crate) use broken::{count_broken, may_break, report_broken};
pub(crate) use counters::Cell;
pub(crate) use state::BranchStates;

/// The total that a finding is counted in.
pub(crate) const fn cell(branch: i64, severity: u8, status: u8, scanner: u8) -> Cell {
    Cell { branch, severity, status, scanner }
}
