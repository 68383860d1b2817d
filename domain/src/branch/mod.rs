//! The inventory of a branch: which findings and components are on it, decided in one stream per branch.

mod close;
mod coverage;
mod decider;
mod facts;
mod fold;
mod inventory;
mod merges;
mod observe;
mod stored;

pub use close::{BranchLife, BranchRole, CloseBranch, CloseReason, CloseRefusal, Closing, silent_since};
pub use coverage::{ClientCoverage, Coverage, FoundBy, Present, RuleCoverage, ScannerCoverage};
pub use decider::{Branch, BranchRefusal, RecordScan};
pub use facts::AdvisoryDigest;
pub use fold::{Folded, Soundness};
pub use inventory::{Held, Inventory, InventoryDigest, Pending};
pub use merges::{Merge, merges};
pub use observe::{KnownAdvisory, Observed, observe};
pub use stored::{
    AdvisoryFacts, BaseBranch, BranchEvent, Closed, ClosedBecause, ComponentKey, ComponentsChanged, Detected,
    ExcerptRef, FindingsUpdated, Occurrence, Opened, Reopened, Resolved, ScanCounts, Scanned, SecretFacts,
    Update,
};

use crate::id::{BranchId, ProjectId};
use crate::log::StreamName;
use uuid::Uuid;

/// The id of a branch: `UUIDv5(project, name)`.
pub fn branch_id(project: ProjectId, name: &str) -> BranchId {
    BranchId(Uuid::new_v5(&project.0, name.as_bytes()))
}

/// The stream of a branch.
pub fn branch_stream(id: BranchId) -> StreamName {
    StreamName::new("branch", id)
}

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod samples;
