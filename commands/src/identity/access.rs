//! Recording what changes nothing: sign-ins that failed, refusals, and who took data out.

use super::{Asked, Identities};
use crate::context::Context;
use crate::error::Fault;
use scanledger_domain::id::{AccessId, OrganizationId, ProjectId, SubjectId, UserId};
use scanledger_domain::identity::{
    Access, AccessDenied, AccessEvent, AccessGranted, Action, SignInFailed, SignInFailure, access_stream,
};
use scanledger_domain::log::Actor;
use scanledger_domain::time::Timestamp;
use uuid::Uuid;

/// Namespace of those for whom origins of nobody in particular are sealed: `UUIDv5(DNS, "strangers.scanledger")`.
const STRANGERS: Uuid = Uuid::from_u128(0xd71e_750f_ad6c_584b_9b51_ff86_380a_7590);

/// For whom the origin of somebody unknown is sealed: one subject a day. With one of its own for each attempt, a key
/// would be made durable each time, and the time it takes would tell that nobody has the address.
pub(crate) fn strangers(now: Timestamp) -> SubjectId {
    SubjectId(Uuid::new_v5(&STRANGERS, &now.day().to_be_bytes()))
}

impl Identities {
    /// Records that somebody was refused.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn record_denied(&self, context: &Context, action: Action, route: String) -> Result<(), Fault> {
        let access = context.made_id("access");
        self.record(context, access, AccessDenied { access, action: action.into(), route }.into()).await
    }

    /// Records that somebody took data out, or looked at the audit log.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn record_granted(
        &self,
        context: &Context,
        action: Action,
        route: String,
        project: Option<ProjectId>,
    ) -> Result<(), Fault> {
        let access = context.made_id("access");
        let granted = AccessGranted { access, action: action.into(), route, project };
        self.record(context, access, granted.into()).await
    }

    /// Records that a sign-in failed; the origin is sealed for the person, or for the strangers of the day.
    pub(super) async fn record_failure(
        &self,
        asked: &Asked,
        user: Option<UserId>,
        organization: Option<OrganizationId>,
        reason: SignInFailure,
    ) -> Result<(), Fault> {
        let access: AccessId = asked.command.derive("access").0.into();
        let subject = user.map_or_else(|| strangers(self.clock.now()), |user| SubjectId(user.0));
        let actor = user.map_or(Actor::System, Actor::User);
        let context = self.context(asked, actor, organization, subject)?;
        self.record(&context, access, SignInFailed { access, user, reason }.into()).await
    }

    async fn record(&self, context: &Context, access: AccessId, event: AccessEvent) -> Result<(), Fault> {
        let context = context.derive("access");
        let recorded = self.ledger.execute::<Access>(&context, &access_stream(access), None, event).await;
        recorded.map(|_: crate::ledger::Executed<Access>| ()).map_err(|error| match error {
            crate::CommandError::Fault(fault) => fault,
            crate::CommandError::Refused(never) => match never {},
            crate::CommandError::Stale { .. } | crate::CommandError::Contended => {
                Fault::other("record an access", "others wrote to its stream")
            }
        })
    }
}
