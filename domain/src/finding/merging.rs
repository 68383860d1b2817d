//! Two findings that turn out to be one.
//!
//! A finding about a package is named by the advisory that it was first seen with. When an alias that is learnt later
//! says that two such findings are one, the younger is merged into the elder, whose triage holds from there on. Which of
//! them is the elder follows from their order of first sight, which is total and never changes: so no finding is merged
//! into one that was merged into it, whichever scans learn of what and in which order.

use super::{FindingEvent, Fingerprint, Triage, TriageStatus};
use crate::decider::Decider;
use crate::id::{FindingId, ProjectId};
use serde::{Deserialize, Serialize};

/// `finding.merged`: a finding turned out to be one that was seen before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    /// The younger finding, in whose stream this is.
    #[serde(rename = "finding")]
    pub finding: FindingId,
    /// The project of both.
    #[serde(rename = "project")]
    pub project: ProjectId,
    /// Told if nothing was ever decided about it, so that the stream says what it is about.
    #[serde(rename = "fingerprint", skip_serializing_if = "Option::is_none", default)]
    pub fingerprint: Option<Fingerprint>,
    /// The elder finding, whose triage holds for both.
    #[serde(rename = "into")]
    pub into: FindingId,
}

/// Merges a finding into an elder one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergeCommand {
    /// The younger finding.
    pub finding: FindingId,
    /// The project of both.
    pub project: ProjectId,
    /// The fingerprint of the younger one.
    pub fingerprint: Fingerprint,
    /// The elder finding: the views showed that it was seen first.
    pub into: FindingId,
}

/// Why a finding is not merged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeRefusal {
    /// It is the elder itself.
    #[error("a finding is not merged into itself")]
    Itself,
}

/// The rules of merging, over the stream of the younger finding.
#[derive(Debug)]
pub struct Merging;

impl Decider for Merging {
    type State = TriageStatus;
    type Command = MergeCommand;
    type Event = FindingEvent;
    type Refusal = MergeRefusal;

    fn initial() -> TriageStatus {
        Triage::initial()
    }

    fn evolve(state: TriageStatus, event: &FindingEvent) -> TriageStatus {
        Triage::evolve(state, event)
    }

    fn decide(state: &TriageStatus, command: MergeCommand) -> Result<Vec<FindingEvent>, MergeRefusal> {
        let MergeCommand { finding, project, fingerprint, into } = command;
        if into == finding {
            return Err(MergeRefusal::Itself);
        }
        if state.merged_into == Some(into) {
            return Ok(vec![]);
        }
        let fingerprint = state.first_tells(fingerprint);
        Ok(vec![Merged { finding, project, fingerprint, into }.into()])
    }
}

#[cfg(test)]
mod tests {
    use super::{MergeCommand, MergeRefusal, Merged, Merging};
    use crate::decider::given;
    use crate::finding::{
        FindingEvent, Fingerprint, Triage, TriageCommand, TriageRefusal, TriageState, Triaged,
    };
    use crate::id::{FindingId, ProjectId};
    use crate::limits::NOTE_CHARS;
    use uuid::Uuid;

    const PRINT: Fingerprint = Fingerprint([7; 16]);
    const SHOP: ProjectId = ProjectId(Uuid::from_u128(9));

    fn finding(n: u128) -> FindingId {
        FindingId(Uuid::from_u128(n))
    }

    fn merge(into: u128) -> MergeCommand {
        MergeCommand { finding: finding(3), project: SHOP, fingerprint: PRINT, into: finding(into) }
    }

    fn merged(into: u128, fingerprint: Option<Fingerprint>) -> FindingEvent {
        Merged { finding: finding(3), project: SHOP, fingerprint, into: finding(into) }.into()
    }

    fn triaged() -> FindingEvent {
        let (from, to) = (TriageState::Untriaged, TriageState::Accepted);
        let (finding, fingerprint) = (finding(3), Some(PRINT));
        Triaged { finding, project: SHOP, fingerprint, from, to, note: None }.into()
    }

    fn accept(note: Option<String>) -> TriageCommand {
        let to = TriageState::Accepted;
        TriageCommand { finding: finding(3), project: SHOP, fingerprint: PRINT, to, note }
    }

    #[test]
    fn a_finding_is_merged_into_the_elder_and_the_first_event_says_what_the_stream_is_about() {
        given::<Merging>([]).when(merge(2)).then([merged(2, Some(PRINT))]);
        given::<Merging>([triaged()]).when(merge(2)).then([merged(2, None)]);
    }

    #[test]
    fn merging_again_is_no_event() {
        given::<Merging>([merged(2, Some(PRINT))]).when(merge(2)).then_nothing();
        given::<Merging>([triaged(), merged(2, None)]).when(merge(2)).then_nothing();
    }

    #[test]
    fn a_merged_finding_follows_an_elder_that_is_elder_still() {
        given::<Merging>([merged(2, Some(PRINT))]).when(merge(1)).then([merged(1, None)]);
        given::<Merging>([merged(2, Some(PRINT)), merged(1, None)]).when(merge(1)).then_nothing();
    }

    #[test]
    fn a_finding_is_not_merged_into_itself() {
        given::<Merging>([]).when(merge(3)).then_refused(MergeRefusal::Itself);
        given::<Merging>([merged(2, Some(PRINT))]).when(merge(3)).then_refused(MergeRefusal::Itself);
    }

    #[test]
    fn decisions_about_a_merged_finding_are_refused_and_name_the_last_elder() {
        let refused = |into| TriageRefusal::Merged { into: finding(into) };
        given::<Triage>([merged(2, Some(PRINT))]).when(accept(None)).then_refused(refused(2));
        given::<Triage>([triaged(), merged(2, None)]).when(accept(None)).then_refused(refused(2));
        given::<Triage>([merged(2, Some(PRINT)), merged(1, None)])
            .when(accept(None))
            .then_refused(refused(1));
    }

    #[test]
    fn a_note_that_is_too_long_for_the_elder_is_refused_at_once() {
        given::<Triage>([merged(2, Some(PRINT))])
            .when(accept(Some("x".repeat(NOTE_CHARS + 1))))
            .then_refused(TriageRefusal::NoteTooLong);
    }
}
