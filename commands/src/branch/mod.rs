//! Branches: what is on them, and closing those that have done their duty.

mod fold;
mod inventory;
mod silence;

pub use inventory::{Inventories, OnBranch};
pub use silence::SilenceReactor;

use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ledger::{ATTEMPTS, Ledger};
use crate::ports::{OpenBranch, ReadModel};
use scanledger_domain::branch::{
    BranchEvent, BranchLife, CloseBranch, CloseReason, CloseRefusal, Closing, branch_stream,
};
use scanledger_domain::decider::Decider as _;
use scanledger_domain::id::ProjectId;
use scanledger_domain::log::Position;
use std::sync::Arc;
use std::time::Duration;

/// How long to wait for the read model.
const VIEWS_WAIT: Duration = Duration::from_secs(2);

type Result<T> = std::result::Result<T, CommandError<CloseRefusal>>;

/// Closes branches. Cheap to clone.
#[derive(Clone)]
pub struct Branches {
    ledger: Ledger,
    views: Arc<dyn ReadModel>,
}

impl Branches {
    /// The service.
    pub fn new(ledger: Ledger, views: Arc<dyn ReadModel>) -> Self {
        Self { ledger, views }
    }

    /// Closes the branch called `name`. The same `context` again closes nothing that was opened since. Answers where it
    /// was closed; `None` if it is not open.
    ///
    /// # Errors
    /// A [`CloseRefusal`]; [`CommandError::Contended`] if somebody else always wrote to the branch first; or a fault.
    pub async fn close(
        &self,
        context: &Context,
        project: ProjectId,
        name: &str,
        reason: CloseReason,
    ) -> Result<Option<Position>> {
        if let Some(position) = self.ledger.find(context.command).await? {
            return Ok(Some(position));
        }
        for _ in 0..ATTEMPTS {
            self.catch_up().await?;
            let Some(open) = self.views.open_branch(project, name).await? else { return Ok(None) };
            match self.close_as_seen(context, &open, reason).await {
                Err(CommandError::Stale { .. }) => (),
                done => return done,
            }
        }
        Err(CommandError::Contended)
    }

    /// Waits until the read model shows everything that happened.
    async fn catch_up(&self) -> std::result::Result<(), Fault> {
        let head = self.ledger.log().head().await?;
        Ok(self.views.wait_for(head, VIEWS_WAIT).await?)
    }

    /// Closes a branch on which nothing was recorded since it was looked at.
    ///
    /// # Errors
    /// As [`Self::close`]; [`CommandError::Stale`] if something was.
    async fn close_as_seen(
        &self,
        context: &Context,
        open: &OpenBranch,
        reason: CloseReason,
    ) -> Result<Option<Position>> {
        let OpenBranch { branch, version, role, .. } = *open;
        let command = CloseBranch { branch, role, reason };
        let events: Vec<BranchEvent> =
            Closing::decide(&BranchLife::Open, command).map_err(CommandError::Refused)?;
        let appended = self.ledger.append_parts(context, &branch_stream(branch), version, &events).await;
        let appended = appended.map_err(|error| error.map_refused(|never| match never {}))?;
        Ok(appended.map(|appended| appended.last))
    }
}
