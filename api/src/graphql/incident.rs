//! Incidents: secrets, wherever they stand.

use super::actor::Actor;
use super::problem::bad_input;
use super::scalar::{Instant, Place};
use super::scope::id;
use super::word::{IgnoreReason, IncidentStatus, IncidentTag, Severity, TriageState};
use async_graphql::{ID, InputObject, Object, Result, SimpleObject};
use scanledger_domain::limits::BULK_FINDINGS;
use scanledger_domain::log;
use scanledger_projections::incident::{self, Closing, IncidentRow};

/// An incident at a position.
pub(super) struct Incident {
    pub(super) row: IncidentRow,
}

/// Which incidents. Empty lists mean all.
#[derive(Debug, Clone, Default, InputObject)]
pub(super) struct IncidentFilter {
    /// With these statuses.
    #[graphql(default)]
    statuses: Vec<IncidentStatus>,
    /// Of these severities.
    #[graphql(default)]
    severities: Vec<Severity>,
    /// Of these detectors.
    #[graphql(default)]
    rules: Vec<String>,
    /// With at least one of these tags.
    #[graphql(default)]
    tags: Vec<IncidentTag>,
    /// Whose secret stands or stood in one of these projects.
    #[graphql(default)]
    projects: Vec<ID>,
    /// That one of these people is to work at.
    #[graphql(default)]
    assignees: Vec<ID>,
}

impl IncidentFilter {
    /// The filter, if it is within limits.
    ///
    /// # Errors
    /// For what is no id, and for lists longer than [`BULK_FINDINGS`].
    pub(super) fn checked(self) -> Result<incident::IncidentFilter> {
        let Self { statuses, severities, rules, tags, projects, assignees } = self;
        let lists = [("rules", rules.len()), ("projects", projects.len()), ("assignees", assignees.len())];
        if let Some((list, _)) = lists.into_iter().find(|(_, length)| *length > BULK_FINDINGS) {
            return Err(bad_input(format!("{list} may have at most {BULK_FINDINGS} entries")));
        }
        Ok(incident::IncidentFilter {
            statuses: statuses.into_iter().map(Into::into).collect(),
            severities: severities.into_iter().map(Into::into).collect(),
            rules,
            tags: incident::TagFilter {
                any_of: tags.into_iter().map(Into::into).collect(),
                ..Default::default()
            },
            projects: projects.iter().map(|project| id(project, "projects")).collect::<Result<_>>()?,
            assignees: assignees.iter().map(|user| id(user, "assignees")).collect::<Result<_>>()?,
            ..Default::default()
        })
    }
}

/// Who closed an incident or decided about it, and when.
#[derive(SimpleObject)]
pub(super) struct Step {
    /// Who.
    actor: Actor,
    /// When.
    at: Instant,
}

impl From<Closing> for Step {
    fn from(closing: Closing) -> Self {
        Self { actor: Actor(closing.actor), at: Instant(closing.at) }
    }
}

/// A secret, wherever it stands in the organization.
#[Object]
impl Incident {
    /// Its id.
    async fn id(&self) -> ID {
        ID(self.row.id.to_string())
    }

    /// Where in the log it was opened; its number in dialects whose ids are numbers.
    async fn number(&self) -> Place {
        Place(self.row.number)
    }

    /// What kind of secret: the detector's id.
    async fn rule(&self) -> &str {
        &self.row.rule
    }

    /// What of the secret may be shown.
    async fn masked_secret(&self) -> &str {
        &self.row.secret.masked
    }

    /// How bad.
    async fn severity(&self) -> Severity {
        self.row.severity.into()
    }

    /// Where it stands.
    async fn status(&self) -> IncidentStatus {
        self.row.status().into()
    }

    /// What people decided.
    async fn state(&self) -> TriageState {
        self.row.state.into()
    }

    /// Why it is ignored.
    async fn ignore_reason(&self) -> Option<IgnoreReason> {
        self.row.reason.map(Into::into)
    }

    /// The last note on a decision.
    async fn note(&self) -> Option<&str> {
        self.row.note.as_deref()
    }

    /// The last decision; null if nobody ever decided.
    async fn decided(&self) -> Option<Step> {
        self.row.decided.map(Into::into)
    }

    /// Who closed it, if it is closed.
    async fn closed(&self) -> Option<Step> {
        self.row.closed.map(Into::into)
    }

    /// Who is to work at it.
    async fn assignee(&self) -> Option<Actor> {
        self.row.assignee.map(|user| Actor(log::Actor::User(user)))
    }

    /// When it was opened.
    async fn opened_at(&self) -> Instant {
        Instant(self.row.opened_at)
    }

    /// When it was opened or last came back.
    async fn triggered_at(&self) -> Instant {
        Instant(self.row.triggered_at)
    }

    /// Whether it came back after it was fixed, and nobody closed it since.
    async fn is_regression(&self) -> bool {
        self.row.is_regression
    }

    /// Whether the secret opens nothing any more, as who resolved it said.
    async fn is_secret_revoked(&self) -> bool {
        self.row.is_secret_revoked
    }

    /// What is worth knowing about it.
    async fn tags(&self) -> Vec<IncidentTag> {
        self.row.tags.iter().copied().map(Into::into).collect()
    }

    /// Places that the secret came to stand at, of those that the caller sees.
    async fn occurrences(&self) -> u64 {
        self.row.occurrences
    }

    /// Those of them where it still stands.
    async fn present(&self) -> u64 {
        self.row.present
    }
}
