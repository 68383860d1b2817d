//! Recording what changes nothing: sign-ins that failed, refusals, and who took data out.

use super::session::Known;
use super::{Asked, Identities};
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ledger::Committed;
use scanledger_domain::id::{AccessId, OrganizationId, SubjectId, UserId};
use scanledger_domain::identity::{
    Access, AccessDenied, AccessEvent, AccessGranted, AccessRefusal, Action, Given, SignInFailed,
    SignInFailure, access_stream,
};
use scanledger_domain::limits::{BATCH_BYTES, BATCH_EVENTS};
use scanledger_domain::log::Actor;
use scanledger_domain::time::Timestamp;
use uuid::Uuid;

/// Namespace of those for whom origins of nobody in particular are sealed: `UUIDv5(DNS, "strangers.scanledger")`.
const STRANGERS: Uuid = Uuid::from_u128(0xd71e_750f_ad6c_584b_9b51_ff86_380a_7590);

/// Bytes that a failure has at most besides the metadata of its command: what it says, and whose audit log says so.
const FAILED_BYTES: usize = 256;

/// For whom the origin of somebody unknown is sealed: one subject a day. With one of its own for each attempt, a key
/// would be made durable each time, and the time it takes would tell that nobody has the address.
pub(crate) fn strangers(now: Timestamp) -> SubjectId {
    SubjectId(Uuid::new_v5(&STRANGERS, &now.day().to_be_bytes()))
}

impl Identities {
    /// Records that somebody was refused; `organization` is the one that they asked to work in, where it was that.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn record_denied(
        &self,
        context: &Context,
        action: Action,
        route: String,
        organization: Option<OrganizationId>,
    ) -> Result<(), Fault> {
        let access = context.made_id("access");
        let denied = AccessDenied { access, action: action.into(), route, organization };
        self.record(context, access, denied.into()).await
    }

    /// Records that somebody took data out, or looked at the audit log, and what they were given.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn record_granted(
        &self,
        context: &Context,
        action: Action,
        route: String,
        given: Given,
    ) -> Result<(), Fault> {
        let access = context.made_id("access");
        let granted = AccessGranted::of(access, action, route, given);
        self.record(context, access, granted.into()).await
    }

    /// As [`Self::record_failure`], for somebody who is refused whatever comes of it. That it could not be recorded is
    /// for whoever reads the server's log: the answer is the same, and the attempt counts.
    pub(super) async fn note_failure(&self, asked: &Asked, about: Option<&Known>, reason: SignInFailure) {
        if let Err(error) = self.record_failure(asked, about, reason).await {
            tracing::error!(error = &error as &dyn std::error::Error, "a failed sign-in was not recorded");
        }
    }

    /// Records that a sign-in failed, for each organization of the person whose account it was about; the origin is
    /// sealed for the person, or for the strangers of the day. As many organizations as a batch has room for are one
    /// write, so that the time it takes does not tell them.
    pub(super) async fn record_failure(
        &self,
        asked: &Asked,
        about: Option<&Known>,
        reason: SignInFailure,
    ) -> Result<(), Fault> {
        let user = about.map(|known| known.account.user);
        let subject = user.map_or_else(|| strangers(self.clock.now()), |user| SubjectId(user.0));
        let actor = user.map_or(Actor::System, Actor::User);
        let context = self.context(asked, actor, None, subject)?;
        let mut homes: Vec<Option<OrganizationId>> =
            about.into_iter().flat_map(|known| &known.organizations).copied().map(Some).collect();
        if homes.is_empty() {
            homes.push(None);
        }
        let one = FAILED_BYTES + context.derive("access").metadata().len();
        for (number, homes) in homes.chunks((BATCH_BYTES / one).clamp(1, BATCH_EVENTS)).enumerate() {
            let part = if number == 0 { "access".to_owned() } else { format!("access {number}") };
            self.record_failure_in(&context.derive(&part), homes, user, reason).await?;
        }
        Ok(())
    }

    /// Records a failure for some organizations, in one batch.
    async fn record_failure_in(
        &self,
        context: &Context,
        homes: &[Option<OrganizationId>],
        user: Option<UserId>,
        reason: SignInFailure,
    ) -> Result<(), Fault> {
        let mut batch = self.ledger.batch(context);
        for home in homes {
            let access: AccessId = context.made_id(&label(*home));
            batch.belonging_to(*home);
            let failed = SignInFailed { access, user, reason }.into();
            batch.decide_new::<Access>(access_stream(access), failed).map_err(unrecorded)?;
        }
        match batch.commit().await? {
            Committed::At { .. } | Committed::Nothing => Ok(()),
            Committed::Raced => Err(raced()),
        }
    }

    async fn record(&self, context: &Context, access: AccessId, event: AccessEvent) -> Result<(), Fault> {
        let context = context.derive("access");
        let recorded = self.ledger.execute::<Access>(&context, &access_stream(access), None, event).await;
        recorded.map(|_: crate::ledger::Executed<Access>| ()).map_err(unrecorded)
    }
}

/// Tells the events of one failure apart.
fn label(organization: Option<OrganizationId>) -> String {
    organization.map_or_else(|| "access".to_owned(), |organization| organization.to_string())
}

fn unrecorded(error: CommandError<AccessRefusal>) -> Fault {
    match error {
        CommandError::Fault(fault) => fault,
        CommandError::Refused(never) => match never {},
        CommandError::Stale { .. } | CommandError::Contended => raced(),
    }
}

fn raced() -> Fault {
    Fault::other("record an access", "others wrote to its stream")
}
