//! Incidents: what people decide about secrets, what they write about them and whom they show them to, and what scans
//! have to say about them.

mod note;
mod report;
mod settle;
mod share;
mod triage;

pub use report::{Reported, ReportedSecret};
pub use settle::settle_incidents;
pub use share::{NewShare, ShareToken, SharedIncident};

use crate::context::Context;
use crate::error::CommandError;
use crate::ledger::{Executed, Ledger};
use crate::ports::{Entropy, ReadModel};
use scanledger_domain::id::{IncidentId, ShareId};
use scanledger_domain::identity::{Action, Denied, Principal, Resource, Visible, authorize};
use scanledger_domain::incident::{
    Incident, IncidentCommand, IncidentLife, IncidentRefusal, incident_stream,
};
use scanledger_domain::log::Position;
use scanledger_domain::time::{Clock, Timestamp};
use std::sync::Arc;

/// An incident after a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentDone {
    /// Where it stands.
    pub life: IncidentLife,
    /// Position of the event; `None` if it was so already.
    pub position: Option<Position>,
    /// When that was recorded.
    pub recorded_at: Option<Timestamp>,
}

/// Why an incident stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IncidentProblem {
    /// It does not exist for the caller.
    #[error("the incident does not exist")]
    NotFound,
    /// The caller sees it, and may not do this to it.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The request was made before; the link was shown then, and only a hash is left.
    #[error("the incident was shared by an earlier request, and its link is shown only once")]
    ShownBefore {
        /// The link that was made then.
        share: ShareId,
    },
    /// The rules of incidents.
    #[error(transparent)]
    Incident(IncidentRefusal),
}

impl From<IncidentRefusal> for IncidentProblem {
    fn from(refusal: IncidentRefusal) -> Self {
        match refusal {
            IncidentRefusal::NotFound => Self::NotFound,
            other => Self::Incident(other),
        }
    }
}

type Result<T> = std::result::Result<T, CommandError<IncidentProblem>>;

fn refused<T>(problem: impl Into<IncidentProblem>) -> Result<T> {
    Err(CommandError::Refused(problem.into()))
}

/// Records what people do about secrets.
///
/// Everything here is for a caller who sees the incident: who may do the same to a project in which the secret stands,
/// or to the organization as a whole.
#[derive(Clone)]
pub struct Incidents {
    ledger: Ledger,
    views: Arc<dyn ReadModel>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Incidents {
    /// The service.
    pub fn new(
        ledger: Ledger,
        views: Arc<dyn ReadModel>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self { ledger, views, clock, entropy }
    }

    /// Does what `command` asks, which `principal` needs `action` for.
    async fn execute(
        &self,
        context: &Context,
        principal: &Principal,
        (incident, action): (IncidentId, Action),
        command: IncidentCommand,
    ) -> Result<Executed<Incident>> {
        self.may(principal, action, incident).await?;
        self.ledger
            .execute::<Incident>(context, &incident_stream(incident), None, command)
            .await
            .map_err(|error| error.map_refused(IncidentProblem::from))
    }

    async fn change(
        &self,
        context: &Context,
        principal: &Principal,
        incident: IncidentId,
        command: IncidentCommand,
    ) -> Result<IncidentDone> {
        done(self.execute(context, principal, (incident, Action::Triage), command).await?)
    }

    /// Checks that the caller may do `action` in the organization, and sees a place of the secret where they may.
    async fn may(&self, principal: &Principal, action: Action, incident: IncidentId) -> Result<()> {
        let Some(owner) = self.views.incident_owner(incident).await? else {
            return refused(IncidentProblem::NotFound);
        };
        match authorize(principal, action, Resource::Organization(owner.organization)) {
            Ok(()) if principal.visible_to(action) == Visible::All => return Ok(()),
            Ok(()) => (),
            Err(denied) if denied.hides() => return refused(IncidentProblem::NotFound),
            Err(denied) => return refused(denied),
        }
        let mut why_not = IncidentProblem::NotFound;
        for scope in owner.projects {
            match authorize(principal, action, Resource::Project(scope)) {
                Ok(()) => return Ok(()),
                Err(denied) if denied.hides() => (),
                Err(denied) => why_not = denied.into(),
            }
        }
        refused(why_not)
    }
}

fn done(executed: Executed<Incident>) -> Result<IncidentDone> {
    let Executed { state, position, recorded_at, .. } = executed;
    match state.known() {
        Some(life) => Ok(IncidentDone { life: life.clone(), position, recorded_at }),
        None => refused(IncidentProblem::NotFound),
    }
}
