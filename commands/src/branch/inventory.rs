//! What is on a branch, for whoever decides about it: as the read model says or, where that is broken, as the log says.

use super::fold::{DOING, Fold, Until};
use crate::error::Fault;
use crate::ledger::Ledger;
use crate::ports::{InventorySnapshot, PresentFindings, ReadModel};
use crate::thread::on_thread;
use scanledger_domain::branch::{BaseBranch, Inventory, Present, Soundness, branch_id};
use scanledger_domain::id::{BranchId, FindingId, ProjectId};
use scanledger_domain::log::Version;
use scanledger_domain::scanning::{Place, ScannerKind};
use std::collections::HashMap;
use std::sync::Arc;

/// What the results of a scan are decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnBranch {
    /// The version of the branch's stream; 0 if it was never open.
    pub version: Version,
    /// What is on it. If it is not open, what was on it ([`Inventory::starting_from`] what is on the base, if it has
    /// one), with `opened: None`.
    pub inventory: Inventory,
    /// What a branch that is not open starts from.
    pub base: Option<BaseBranch>,
    /// Where findings of the scanners are that were asked for.
    pub places: HashMap<FindingId, Vec<Place>>,
}

/// Inventories of branches. The read model gives them; a branch that it is [`Soundness::Broken`] about is folded from the
/// log instead, which takes as long as its stream is.
#[derive(Clone, Copy)]
pub struct Inventories<'a> {
    ledger: &'a Ledger,
    views: &'a Arc<dyn ReadModel>,
}

impl<'a> Inventories<'a> {
    /// Over this log and this read model.
    pub const fn new(ledger: &'a Ledger, views: &'a Arc<dyn ReadModel>) -> Self {
        Self { ledger, views }
    }

    /// What is on the branch called `name` or, if it is not open, what its first results are decided on; and where
    /// findings of `scanners` are there.
    ///
    /// # Errors
    /// When log or read model fail.
    pub async fn of(
        &self,
        project: ProjectId,
        name: &str,
        scanners: Vec<ScannerKind>,
    ) -> Result<OnBranch, Fault> {
        let InventorySnapshot { version, inventory, base, soundness } =
            self.views.inventory(project, name).await?;
        let branch = branch_id(project, name);
        match soundness {
            Soundness::Sound => {
                let from = inventory.opened.as_ref().map(|_| branch).or(base.map(|base| base.branch));
                let places = match from {
                    Some(from) if !scanners.is_empty() => {
                        places(self.views.present_findings(from, scanners).await?.findings)
                    }
                    Some(_) | None => HashMap::new(),
                };
                Ok(OnBranch { version, inventory, base, places })
            }
            Soundness::Broken => {
                tracing::warn!(
                    branch.id = %branch,
                    "the read models of a branch are broken: what its log says is decided on"
                );
                let (inventory, present) = self.folded(branch, version, base, scanners).await?;
                let base = base.filter(|_| inventory.opened.is_none());
                Ok(OnBranch { version, inventory, base, places: places(present) })
            }
        }
    }

    /// What the log says is on a branch at a version of its stream or, if it is not open there, what its first results are
    /// decided on if it starts from `base`; and how findings of `scanners` look there, in any order. Reads the whole
    /// stream, a page at a time.
    ///
    /// # Errors
    /// When the log cannot be read or does not have that version.
    pub async fn folded(
        &self,
        branch: BranchId,
        version: Version,
        base: Option<BaseBranch>,
        scanners: Vec<ScannerKind>,
    ) -> Result<(Inventory, Vec<Present>), Fault> {
        let mut fold = Fold::new(&**self.ledger.log(), scanners);
        let own = fold.branch(branch, Until::Version(version)).await?;
        if own.inventory().opened.is_some() {
            return Ok(own.into_parts());
        }
        let base = match base {
            Some(base) => fold.branch(base.branch, Until::Position(base.position)).await?,
            None => fold.nothing(),
        };
        on_thread(DOING, move || own.starting_from(base).into_parts()).await
    }

    /// Findings of `scanners` that are on a branch now or, if it is closed, were when it was closed; not what clients
    /// uploaded; in any order.
    ///
    /// # Errors
    /// When log or read model fail.
    pub async fn present(&self, branch: BranchId, scanners: Vec<ScannerKind>) -> Result<Vec<Present>, Fault> {
        if scanners.is_empty() {
            return Ok(vec![]);
        }
        let PresentFindings { findings, soundness } =
            self.views.present_findings(branch, scanners.clone()).await?;
        match soundness {
            Soundness::Sound => Ok(findings),
            Soundness::Broken => {
                let mut fold = Fold::new(&**self.ledger.log(), scanners);
                Ok(fold.branch(branch, Until::End).await?.into_parts().1)
            }
        }
    }
}

fn places(present: Vec<Present>) -> HashMap<FindingId, Vec<Place>> {
    present.into_iter().map(|present| (present.finding, present.places)).collect()
}
