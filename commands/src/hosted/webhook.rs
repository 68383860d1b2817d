//! What the code host tells on its own (dpendx reference §4).

use super::{CHECK_NAME, Hosted, HostedProblem, Result, context_of};
use crate::context::Context;
use crate::error::CommandError;
use crate::ports::{BranchEnd, HeadOrigin, WebhookEvent};
use scanledger_domain::branch::{CloseReason, CloseRefusal};
use scanledger_domain::check::{
    Check, CheckCommand, CheckKey, CheckLife, CheckOrigin, FixRequested, HostedBranch, Requested, ShownAs,
    check_stream,
};
use scanledger_domain::code_host::{CheckRunId, CommitSha, InstalledRepository};
use scanledger_domain::id::CommandId;
use scanledger_domain::identity::{Action, Resource, authorize};
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::vault::Vault;
use uuid::Uuid;

/// Namespace of deliveries: `UUIDv5(DNS, "delivery.scanledger")`.
const DELIVERIES: Uuid = Uuid::from_u128(0x8956_18b2_d6fc_5713_afe0_05d1_70f6_d54b);

/// What becomes of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivered {
    /// It is recorded, and what it asks for is or will be done.
    Accepted(Option<Position>),
    /// It is nothing to us.
    Ignored,
}

impl Hosted {
    /// Takes an event of the code host, whose signature was checked; `delivery` is its id, which is the same when it is
    /// delivered again. Only records what is to be done: a [`ChecksReactor`](super::ChecksReactor) does it. With the
    /// `vault`, the id of a scan is one that nobody can work out from what is known at the code host, where a check is
    /// called by its [`CheckKey`]: whoever knows the id reads what the scan saw.
    ///
    /// # Errors
    /// A fault, or [`HostedProblem::Host`] when the check run that a button belongs to cannot be looked up.
    pub async fn deliver(&self, vault: &dyn Vault, event: WebhookEvent, delivery: &str) -> Result<Delivered> {
        match event {
            WebhookEvent::PullRequest { at, step: _, number, head, branch, origin } => {
                let Ok(principal) = self.principal(at.installation) else { return Ok(Delivered::Ignored) };
                let key = CheckKey::of(vault, CheckOrigin::PullRequest { at: &at, number, head });
                let requested = Requested {
                    scan: key.scan(vault),
                    organization: principal.organization,
                    at,
                    reference: branch.clone(),
                    commit: Some(head),
                    pull_request: Some(number),
                    target: (origin == HeadOrigin::SameRepository).then_some(branch),
                    key: Some(key),
                };
                self.request(requested).await
            }
            WebhookEvent::RerunRequested { at, check_run, head } => {
                let Some(before) = self.of_check_run(vault, &at, check_run, head).await? else {
                    return Ok(Delivered::Ignored);
                };
                let key = CheckKey::of(vault, CheckOrigin::Again { check_run, delivery });
                self.request(Requested { scan: key.scan(vault), key: Some(key), ..before.requested }).await
            }
            WebhookEvent::ActionRequested { at, check_run, head, identifier } => {
                let Some(life) = self.of_check_run(vault, &at, check_run, head).await? else {
                    return Ok(Delivered::Ignored);
                };
                let scan = life.requested.scan;
                if identifier != fix_identifier(life.requested.shown_as()) || life.begun.is_none() {
                    return Ok(Delivered::Ignored);
                }
                let context = delivery_context(&life, delivery);
                let command = CheckCommand::RequestFix(FixRequested { scan });
                let done = self.0.ledger.execute::<Check>(&context, &check_stream(scan), None, command).await;
                let done = done.map_err(|error| error.map_refused(HostedProblem::Check))?;
                Ok(Delivered::Accepted(done.position))
            }
            WebhookEvent::BranchEnded { at, branch, end } => self.close(&at, &branch, end, delivery).await,
            WebhookEvent::InstallationEnded { installation, end } => {
                tracing::info!(%installation, ?end, "an installation cannot be used any more");
                Ok(Delivered::Ignored)
            }
            WebhookEvent::Ignored => Ok(Delivered::Ignored),
        }
    }

    async fn request(&self, requested: Requested) -> Result<Delivered> {
        let scan = requested.scan;
        let context = context_of(scan, requested.organization, "request");
        let command = CheckCommand::Request(requested);
        let done = self.0.ledger.execute::<Check>(&context, &check_stream(scan), None, command).await;
        match done {
            Ok(done) => Ok(Delivered::Accepted(done.position)),
            // The same commit of the same pull request, under another name of its branch: the check is there.
            Err(CommandError::Refused(_)) => Ok(Delivered::Accepted(None)),
            Err(error) => Err(error.map_refused(HostedProblem::Check)),
        }
    }

    /// Closes a branch of the project that the repository is checked in, if there are both.
    async fn close(
        &self,
        at: &InstalledRepository,
        branch: &HostedBranch,
        end: BranchEnd,
        delivery: &str,
    ) -> Result<Delivered> {
        let Ok(principal) = self.principal(at.installation) else { return Ok(Delivered::Ignored) };
        let found = self.0.projects.find_for_client(&principal, &at.repository.to_string()).await;
        let found = found.map_err(|error| error.map_refused(HostedProblem::Project))?;
        let Some(scope) = found else { return Ok(Delivered::Ignored) };
        authorize(&principal, Action::Scan, Resource::Project(scope)).map_err(HostedProblem::from)?;
        let name = branch.name();
        let command = Uuid::new_v5(&DELIVERIES, format!("{} {name} {delivery}", scope.project).as_bytes());
        let context = Context::new(CommandId(command), Actor::System, Some(principal.organization));
        let reason = match end {
            BranchEnd::Merged => CloseReason::Merged,
            BranchEnd::Deleted => CloseReason::Deleted,
        };
        match self.0.branches.close(&context, scope.project, &name, reason).await {
            Ok(Some(position)) => Ok(Delivered::Accepted(Some(position))),
            Ok(None) | Err(CommandError::Refused(CloseRefusal::IsDefault | CloseRefusal::NotSilent)) => {
                Ok(Delivered::Ignored)
            }
            Err(CommandError::Stale { actual }) => Err(CommandError::Stale { actual }),
            Err(CommandError::Contended) => Err(CommandError::Contended),
            Err(CommandError::Fault(fault)) => Err(fault.into()),
        }
    }

    /// The check that a check run shows, if it is one of this server's.
    async fn of_check_run(
        &self,
        vault: &dyn Vault,
        at: &InstalledRepository,
        check_run: CheckRunId,
        head: CommitSha,
    ) -> Result<Option<CheckLife>> {
        if self.principal(at.installation).is_err() {
            return Ok(None);
        }
        let found = self.0.host.find_check_run(at, head, CHECK_NAME).await?;
        let shown = found.filter(|found| found.id == check_run).and_then(|found| found.external_id);
        let Some(shown) = shown.and_then(|id| id.parse::<ShownAs>().ok()) else { return Ok(None) };
        let life = self.find(shown.scan(vault)).await?;
        Ok(life.filter(|life| {
            let requested = &life.requested;
            // A check that has a key is not found by its scan.
            requested.shown_as() == shown && requested.at.installation == at.installation
        }))
    }
}

fn delivery_context(life: &CheckLife, delivery: &str) -> Context {
    let Requested { scan, organization, .. } = life.requested;
    let mut context = context_of(scan, organization, "fix");
    context.command = CommandId(Uuid::new_v5(&DELIVERIES, format!("{scan} {delivery}").as_bytes()));
    context
}

/// What comes back when the button of a check is pressed: `fix:` and the first 16 digits of what it is shown as, because
/// a code host takes 20 characters.
pub(super) fn fix_identifier(shown: ShownAs) -> String {
    format!("fix:{}", shown.short())
}

#[cfg(test)]
mod tests {
    use super::{DELIVERIES, fix_identifier};
    use scanledger_domain::limits::CHECK_IDENTIFIER_CHARS;
    use uuid::Uuid;

    #[test]
    fn a_button_is_known_by_what_fits_on_it() {
        let shown = format!("chk_{}", "0123456789abcdef".repeat(2)).parse().unwrap();
        assert_eq!(fix_identifier(shown), "fix:0123456789abcdef");
        assert_eq!(fix_identifier(shown).len(), CHECK_IDENTIFIER_CHARS);
    }

    #[test]
    fn the_namespace_is_what_it_says() {
        assert_eq!(DELIVERIES, Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"delivery.scanledger"));
    }
}
