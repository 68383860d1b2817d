//! Where an incident stands, as far as the next decision needs to know.

use super::{IgnoreReason, IncidentEvent, IncidentStatus, Place};
use crate::finding::TriageState;
use crate::id::{IncidentId, NoteId, OccurrenceId, OrganizationId, ShareId, UserId};
use crate::note::Note;
use crate::severity::Severity;
use std::collections::{HashMap, HashSet};

/// An incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentLife {
    /// Its id.
    pub incident: IncidentId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// What people decided.
    pub state: TriageState,
    /// Why it is ignored, if it is.
    pub reason: Option<IgnoreReason>,
    /// The last note on a decision.
    pub note: Option<String>,
    /// Whether anybody ever decided.
    pub is_decided: bool,
    /// Whether it came back after it was fixed, and nobody closed it since.
    pub is_regression: bool,
    /// How bad.
    pub severity: Severity,
    /// Who is to work at it.
    pub assignee: Option<UserId>,
    /// Notes on it.
    pub notes: HashMap<NoteId, Note>,
    /// The link under which it is shared.
    pub share: Option<ShareId>,
    /// Places that are on no branch.
    pub sightings: HashSet<OccurrenceId>,
    /// The files of those.
    pub places: HashSet<Place>,
}

impl IncidentLife {
    /// Where it stands.
    pub fn status(&self) -> IncidentStatus {
        IncidentStatus::of(self.state, self.assignee.is_some())
    }

    fn triage(&mut self, to: TriageState, reason: Option<IgnoreReason>) {
        (self.state, self.reason) = (to, reason);
        self.is_decided = true;
    }
}

/// Whether there is an incident.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum IncidentState {
    /// There is none.
    #[default]
    Missing,
    /// There is one.
    Known(Box<IncidentLife>),
}

impl IncidentState {
    /// The incident, if there is one.
    pub fn known(&self) -> Option<&IncidentLife> {
        match self {
            Self::Missing => None,
            Self::Known(life) => Some(life),
        }
    }

    /// The state after an event.
    pub(super) fn after(self, event: &IncidentEvent) -> Self {
        let mut life = match (self, event) {
            (Self::Known(life), _) => life,
            (Self::Missing, IncidentEvent::Opened(opened)) => Box::new(IncidentLife {
                incident: opened.incident,
                organization: opened.organization,
                state: TriageState::default(),
                reason: None,
                note: None,
                is_decided: false,
                is_regression: false,
                severity: opened.severity,
                assignee: None,
                notes: HashMap::new(),
                share: None,
                sightings: HashSet::new(),
                places: HashSet::new(),
            }),
            (Self::Missing, _) => return Self::Missing,
        };
        match event {
            IncidentEvent::Opened(_) => (),
            IncidentEvent::Triaged(triaged) => {
                life.triage(triaged.to, triaged.reason);
                life.is_regression &= life.status().is_open();
                life.note = triaged.note.clone().or(life.note);
            }
            IncidentEvent::Regressed(_) => {
                life.triage(TriageState::Untriaged, None);
                life.is_regression = true;
            }
            IncidentEvent::SeveritySet(set) => life.severity = set.severity,
            IncidentEvent::Assigned(assigned) => life.assignee = Some(assigned.user),
            IncidentEvent::Unassigned(_) => life.assignee = None,
            IncidentEvent::NoteAdded(added) => {
                life.notes.insert(added.note, Note { by: added.by, text: added.text.clone() });
            }
            IncidentEvent::NoteEdited(edited) => {
                if let Some(note) = life.notes.get_mut(&edited.note) {
                    note.text.clone_from(&edited.text);
                }
            }
            IncidentEvent::NoteRemoved(removed) => drop(life.notes.remove(&removed.note)),
            IncidentEvent::Shared(shared) => life.share = Some(shared.share),
            IncidentEvent::Unshared(_) => life.share = None,
            IncidentEvent::Occurred(occurred) => {
                life.sightings.insert(occurred.occurrence);
                life.places.insert(Place::of(occurred.project, &occurred.path));
            }
        }
        Self::Known(life)
    }
}
