//! The triage of one finding: its own stream, which outlives every scan.

use super::{Fingerprint, Merged, TriageState};
use crate::decider::Decider;
use crate::id::{FindingId, ProjectId};
use crate::limits::NOTE_CHARS;
use crate::log::StreamName;
use crate::stored_events;
use serde::{Deserialize, Serialize};

/// `finding.triaged`: somebody decided about a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Triaged {
    /// The finding.
    #[serde(rename = "finding")]
    pub finding: FindingId,
    /// Its project.
    #[serde(rename = "project")]
    pub project: ProjectId,
    /// Told by the first decision, so that the stream says what it is about.
    #[serde(rename = "fingerprint", skip_serializing_if = "Option::is_none", default)]
    pub fingerprint: Option<Fingerprint>,
    /// What it was before.
    #[serde(rename = "from")]
    pub from: TriageState,
    /// What it is now.
    #[serde(rename = "to")]
    pub to: TriageState,
    /// Why.
    #[serde(rename = "note", skip_serializing_if = "Option::is_none", default)]
    pub note: Option<String>,
}

stored_events! {
    /// What happened to one finding.
    pub enum FindingEvent {
        /// Somebody decided.
        Triaged(Triaged) = ("finding.triaged", 1),
        /// It turned out to be another finding.
        Merged(Merged) = ("finding.merged", 1),
    }
}

/// Decides about a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriageCommand {
    /// The finding; the views showed that it exists.
    pub finding: FindingId,
    /// Its project.
    pub project: ProjectId,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// What it shall be.
    pub to: TriageState,
    /// Why; `None` leaves the note that is there.
    pub note: Option<String>,
}

/// Where a finding stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TriageStatus {
    /// The state.
    pub state: TriageState,
    /// The last note.
    pub note: Option<String>,
    /// Whether anybody ever decided.
    pub decided: bool,
    /// The elder finding that it turned out to be, whose triage holds for it.
    pub merged_into: Option<FindingId>,
}

impl TriageStatus {
    /// The fingerprint, if the stream has no event yet: its first one says what it is about.
    pub(super) fn first_tells(&self, fingerprint: Fingerprint) -> Option<Fingerprint> {
        (!self.decided && self.merged_into.is_none()).then_some(fingerprint)
    }
}

/// Why a decision is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TriageRefusal {
    /// The note is longer than [`NOTE_CHARS`].
    #[error("the note may have at most {NOTE_CHARS} characters")]
    NoteTooLong,
    /// It turned out to be another finding, and decisions are about that one.
    #[error("the finding turned out to be {into}")]
    Merged {
        /// The elder finding, which may be merged into one that is elder still.
        into: FindingId,
    },
}

/// The rules of triage.
#[derive(Debug)]
pub struct Triage;

/// The stream of a finding.
pub fn finding_stream(id: FindingId) -> StreamName {
    StreamName::new("finding", id)
}

impl Decider for Triage {
    type State = TriageStatus;
    type Command = TriageCommand;
    type Event = FindingEvent;
    type Refusal = TriageRefusal;

    fn initial() -> TriageStatus {
        TriageStatus::default()
    }

    fn evolve(state: TriageStatus, event: &FindingEvent) -> TriageStatus {
        match event {
            FindingEvent::Triaged(triaged) => TriageStatus {
                state: triaged.to,
                note: triaged.note.clone().or(state.note),
                decided: true,
                merged_into: state.merged_into,
            },
            FindingEvent::Merged(merged) => TriageStatus { merged_into: Some(merged.into), ..state },
        }
    }

    fn decide(state: &TriageStatus, command: TriageCommand) -> Result<Vec<FindingEvent>, TriageRefusal> {
        if command.note.as_ref().is_some_and(|note| note.chars().count() > NOTE_CHARS) {
            return Err(TriageRefusal::NoteTooLong);
        }
        if let Some(into) = state.merged_into {
            return Err(TriageRefusal::Merged { into });
        }
        let note = command.note.filter(|note| state.note.as_ref() != Some(note));
        if command.to == state.state && note.is_none() {
            return Ok(vec![]);
        }
        Ok(vec![
            Triaged {
                finding: command.finding,
                project: command.project,
                fingerprint: state.first_tells(command.fingerprint),
                from: state.state,
                to: command.to,
                note,
            }
            .into(),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::{FindingEvent, Triage, TriageCommand, TriageRefusal, Triaged};
    use crate::decider::given;
    use crate::finding::{Fingerprint, TriageState};
    use crate::id::{FindingId, ProjectId};
    use crate::limits::NOTE_CHARS;
    use TriageState::{FalsePositive, Fixed, Untriaged};
    use uuid::Uuid;

    const PRINT: Fingerprint = Fingerprint([7; 16]);

    fn triaged(from: TriageState, to: TriageState, note: Option<&str>, first: bool) -> FindingEvent {
        Triaged {
            finding: FindingId(Uuid::from_u128(1)),
            project: ProjectId(Uuid::from_u128(2)),
            fingerprint: first.then_some(PRINT),
            from,
            to,
            note: note.map(str::to_owned),
        }
        .into()
    }

    fn triage(to: TriageState, note: Option<&str>) -> TriageCommand {
        TriageCommand {
            finding: FindingId(Uuid::from_u128(1)),
            project: ProjectId(Uuid::from_u128(2)),
            fingerprint: PRINT,
            to,
            note: note.map(str::to_owned),
        }
    }

    #[test]
    fn the_first_decision_names_project_and_fingerprint() {
        given::<Triage>([]).when(triage(FalsePositive, Some("test data"))).then([triaged(
            Untriaged,
            FalsePositive,
            Some("test data"),
            true,
        )]);
    }

    #[test]
    fn every_state_can_follow_every_other() {
        for from in TriageState::ALL {
            for to in TriageState::ALL.into_iter().filter(|&to| to != from) {
                given::<Triage>([triaged(Untriaged, from, None, true)])
                    .when(triage(to, None))
                    .then([triaged(from, to, None, false)]);
            }
        }
    }

    #[test]
    fn the_same_decision_again_is_no_event() {
        given::<Triage>([triaged(Untriaged, Fixed, Some("in 1.2"), true)])
            .when(triage(Fixed, Some("in 1.2")))
            .then_nothing();
        given::<Triage>([triaged(Untriaged, Fixed, Some("in 1.2"), true)])
            .when(triage(Fixed, None))
            .then_nothing();
        given::<Triage>([]).when(triage(Untriaged, None)).then_nothing();
    }

    #[test]
    fn another_note_is_another_decision() {
        given::<Triage>([triaged(Untriaged, Fixed, Some("in 1.2"), true)])
            .when(triage(Fixed, Some("in 1.3")))
            .then([triaged(Fixed, Fixed, Some("in 1.3"), false)]);
    }

    #[test]
    fn a_note_has_a_limit() {
        let longest = "é".repeat(NOTE_CHARS);
        given::<Triage>([]).when(triage(Fixed, Some(&longest))).then([triaged(
            Untriaged,
            Fixed,
            Some(&longest),
            true,
        )]);
        given::<Triage>([])
            .when(triage(Fixed, Some(&format!("{longest}x"))))
            .then_refused(TriageRefusal::NoteTooLong);
    }
}
