//! Branches that nobody scans any more.

use super::Branches;
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ports::OpenBranch;
use crate::reactor::until_true;
use scanledger_domain::Cause;
use scanledger_domain::branch::{CloseReason, CloseRefusal, silent_since};
use scanledger_domain::id::CommandId;
use scanledger_domain::limits::SILENT_BRANCHES;
use scanledger_domain::log::Actor;
use scanledger_domain::time::{Clock, Timestamp};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// How often silent branches are looked for.
const LOOK_AGAIN: Duration = Duration::from_secs(3_600);

impl Branches {
    /// Closes every branch that is silent at `now` ([`CloseReason::Silent`]), [`SILENT_BRANCHES`] at a time. Answers how
    /// many there were.
    ///
    /// # Errors
    /// When log or read model fail; what was closed until then is closed.
    pub async fn close_silent(&self, now: Timestamp) -> Result<u64, Fault> {
        self.catch_up().await?;
        let (mut closed, mut after) = (0, None);
        loop {
            let page = self.views.silent_branches(silent_since(now), after, SILENT_BRANCHES).await?;
            for open in &page {
                closed += u64::from(self.close_if_silent(open, now).await?);
            }
            match page.last() {
                Some(last) if page.len() == SILENT_BRANCHES as usize => {
                    after = Some((last.heard_at, last.branch))
                }
                Some(_) | None => return Ok(closed),
            }
        }
    }

    /// Whether the branch was closed by this.
    async fn close_if_silent(&self, open: &OpenBranch, now: Timestamp) -> Result<bool, Fault> {
        // The same for whoever sees the branch like this, so that it happens once.
        let command = CommandId(open.branch.0).derive(&format!("silent-{}", open.version));
        let context = Context::new(command, Actor::System, Some(open.organization));
        let reason = CloseReason::Silent { heard_at: open.heard_at, now };
        match self.close_as_seen(&context, open, reason).await {
            Ok(position) => {
                tracing::info!(branch.id = %open.branch, "a branch was closed, because nobody scans it");
                Ok(position.is_some())
            }
            Err(CommandError::Fault(fault)) => Err(fault),
            Err(CommandError::Refused(CloseRefusal::IsDefault | CloseRefusal::NotSilent)) => Ok(false),
            // Somebody scans it after all, or another node was faster.
            Err(CommandError::Stale { .. } | CommandError::Contended) => Ok(false),
        }
    }
}

/// Closes silent branches every hour. Runs under a lease.
#[derive(Clone)]
pub struct SilenceReactor {
    branches: Branches,
    clock: Arc<dyn Clock>,
}

impl SilenceReactor {
    /// The reactor.
    pub fn new(branches: Branches, clock: Arc<dyn Clock>) -> Self {
        Self { branches, clock }
    }

    /// Works until `stop`, and looks first of all.
    ///
    /// # Errors
    /// When log or read model fail; it may be begun again.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> Result<(), Cause> {
        loop {
            tokio::select! {
                () = until_true(&mut stop) => return Ok(()),
                closed = self.branches.close_silent(self.clock.now()) => { closed?; }
            }
            tokio::select! {
                () = until_true(&mut stop) => return Ok(()),
                () = sleep(LOOK_AGAIN) => (),
            }
        }
    }
}
