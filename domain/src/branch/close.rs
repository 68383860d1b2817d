//! The end of a branch: nothing is on it any more, until a scan has results of it again.

use super::stored::{BranchEvent, Closed, ClosedBecause};
use super::{Held, Inventory, InventoryDigest, Pending};
use crate::decider::Decider;
use crate::id::BranchId;
use crate::limits::SILENT_BRANCH_DAYS;
use crate::time::Timestamp;

/// Closes a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseBranch {
    /// The branch.
    pub branch: BranchId,
    /// What it is to its project.
    pub role: BranchRole,
    /// Why.
    pub reason: CloseReason,
}

/// What a branch is to its project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BranchRole {
    /// The one that stands for the project, and that others start from.
    Default,
    /// Any other.
    Other,
}

/// What is said for closing a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// Its pull request was merged.
    Merged,
    /// It is gone from its repository.
    Deleted,
    /// Nobody scans it.
    Silent {
        /// When results of it were last complete or, without any, when it was opened.
        heard_at: Timestamp,
        /// The present instant.
        now: Timestamp,
    },
}

/// Why a branch is not closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CloseRefusal {
    /// It is the project's default branch, which stays whatever anybody says of a branch with its name.
    #[error("the default branch of a project is never closed")]
    IsDefault,
    /// It was scanned within [`SILENT_BRANCH_DAYS`].
    #[error("the branch was scanned not long ago")]
    NotSilent,
}

/// Whether a branch is open: all that has to be known of it to close it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BranchLife {
    /// It never had results, or it was closed since.
    #[default]
    NotOpen,
    /// It is open, perhaps with results of a run that is not complete.
    Open,
}

/// The rules of closing a branch, beside those of [`super::Branch`], in the same stream.
///
/// Results of a run that is not complete are no reason to wait: its next part or its next attempt finds the branch
/// closed, opens it again, and records everything that it saw.
#[derive(Debug)]
pub struct Closing;

impl Decider for Closing {
    type State = BranchLife;
    type Command = CloseBranch;
    type Event = BranchEvent;
    type Refusal = CloseRefusal;

    fn initial() -> BranchLife {
        BranchLife::default()
    }

    fn evolve(state: BranchLife, event: &BranchEvent) -> BranchLife {
        match event {
            BranchEvent::Opened(_) => BranchLife::Open,
            BranchEvent::Closed(_) => BranchLife::NotOpen,
            BranchEvent::Detected(_)
            | BranchEvent::Reopened(_)
            | BranchEvent::Resolved(_)
            | BranchEvent::FindingsUpdated(_)
            | BranchEvent::ComponentsChanged(_)
            | BranchEvent::Scanned(_) => state,
        }
    }

    fn decide(state: &BranchLife, command: CloseBranch) -> Result<Vec<BranchEvent>, CloseRefusal> {
        let CloseBranch { branch, role, reason } = command;
        match (*state, role) {
            (BranchLife::NotOpen, BranchRole::Default | BranchRole::Other) => Ok(vec![]),
            (BranchLife::Open, BranchRole::Default) => Err(CloseRefusal::IsDefault),
            (BranchLife::Open, BranchRole::Other) => {
                Ok(vec![Closed { branch, because: reason.weigh()? }.into()])
            }
        }
    }
}

/// Branches of which nothing was heard since this instant are silent at `now`.
pub const fn silent_since(now: Timestamp) -> Timestamp {
    now.plus_days(-SILENT_BRANCH_DAYS)
}

impl CloseReason {
    fn weigh(self) -> Result<ClosedBecause, CloseRefusal> {
        match self {
            Self::Merged => Ok(ClosedBecause::Merged),
            Self::Deleted => Ok(ClosedBecause::Deleted),
            Self::Silent { heard_at, now } if heard_at <= silent_since(now) => Ok(ClosedBecause::Silent),
            Self::Silent { .. } => Err(CloseRefusal::NotSilent),
        }
    }
}

impl Inventory {
    /// Takes everything from the branch. That a finding was there is still known, and so is the last scan: if that is
    /// recorded once more, it happened already.
    pub(super) fn close(&mut self) {
        for held in self.findings.values_mut() {
            held.is_present = false;
        }
        self.components.clear();
        self.opened = None;
        self.has_history = false;
        self.digest = InventoryDigest::default();
        self.generation = None;
        self.pending = Pending::default();
    }

    /// What the results of a branch that is not open are decided on: everything that is on `base`, and what was on the
    /// branch itself before it was closed, if it ever was open.
    #[must_use]
    pub fn starting_from(self, base: Self) -> Self {
        let Self { mut findings, mut uploads, components, digest, generation, has_history, .. } = base;
        findings.retain(|_, held| held.is_present);
        uploads.retain(|finding, _| findings.contains_key(finding));
        for (finding, held) in self.findings {
            findings.entry(finding).or_insert(Held { is_present: false, ..held });
        }
        uploads.extend(self.uploads);
        Self {
            opened: None,
            has_history,
            findings,
            uploads,
            components,
            digest,
            last_scan: self.last_scan,
            generation,
            pending: Pending::default(),
        }
    }
}

#[cfg(test)]
#[path = "close_tests.rs"]
mod tests;
