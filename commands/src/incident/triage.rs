//! Deciding about incidents themselves; for decisions about their findings, see [`crate::finding`].

use super::{IncidentDone, Incidents, Result};
use crate::context::Context;
use scanledger_domain::id::{IncidentId, UserId};
use scanledger_domain::identity::Principal;
use scanledger_domain::incident::{IgnoreReason, IncidentCommand};
use scanledger_domain::severity::Severity;

impl Incidents {
    /// Has an incident ignored, and every finding of its secret with it.
    ///
    /// # Errors
    /// [`IncidentRefusal::AlreadyIgnored`](scanledger_domain::incident::IncidentRefusal::AlreadyIgnored) for the same
    /// reason; as all of them, [`super::IncidentProblem::NotFound`], `Denied`, or a fault.
    pub async fn ignore(
        &self,
        context: &Context,
        principal: &Principal,
        incident: IncidentId,
        reason: IgnoreReason,
    ) -> Result<IncidentDone> {
        self.change(context, principal, incident, IncidentCommand::Ignore { reason }).await
    }

    /// Has an incident resolved, and every finding of its secret with it.
    ///
    /// # Errors
    /// As [`Self::ignore`], if it is resolved already.
    pub async fn resolve(
        &self,
        context: &Context,
        principal: &Principal,
        incident: IncidentId,
        is_secret_revoked: bool,
    ) -> Result<IncidentDone> {
        self.change(context, principal, incident, IncidentCommand::Resolve { is_secret_revoked }).await
    }

    /// Has an incident open again, and every finding of its secret untriaged.
    ///
    /// # Errors
    /// As [`Self::ignore`], if it is open already.
    pub async fn reopen(
        &self,
        context: &Context,
        principal: &Principal,
        incident: IncidentId,
    ) -> Result<IncidentDone> {
        self.change(context, principal, incident, IncidentCommand::Reopen).await
    }

    /// Says how bad an incident is. Findings keep the severity that scanners gave them.
    ///
    /// # Errors
    /// As [`Self::ignore`].
    pub async fn set_severity(
        &self,
        context: &Context,
        principal: &Principal,
        incident: IncidentId,
        severity: Severity,
    ) -> Result<IncidentDone> {
        self.change(context, principal, incident, IncidentCommand::SetSeverity(severity)).await
    }

    /// Has `user` work at an incident, of whom the caller knows that they belong to the organization.
    ///
    /// # Errors
    /// As [`Self::ignore`], if it is closed.
    pub async fn assign(
        &self,
        context: &Context,
        principal: &Principal,
        incident: IncidentId,
        user: UserId,
    ) -> Result<IncidentDone> {
        self.change(context, principal, incident, IncidentCommand::Assign(user)).await
    }

    /// Has nobody in particular work at an incident.
    ///
    /// # Errors
    /// As [`Self::ignore`], if it is closed.
    pub async fn unassign(
        &self,
        context: &Context,
        principal: &Principal,
        incident: IncidentId,
    ) -> Result<IncidentDone> {
        self.change(context, principal, incident, IncidentCommand::Unassign).await
    }
}
