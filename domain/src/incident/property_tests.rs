//! Properties: a decision about a secret comes to the same whichever way it is taken, and no history is out of bounds.

use super::samples::{ANA, BY_ANA, LEAK, SHOP, opening, page};
use super::{IgnoreReason, Incident, IncidentCommand, IncidentState};
use crate::decider::Decider;
use crate::finding::{Fingerprint, Triage, TriageCommand, TriageState, TriageStatus};
use crate::id::NoteId;
use crate::severity::Severity;
use proptest::prelude::*;
use uuid::Uuid;

fn state() -> impl Strategy<Value = TriageState> {
    prop::sample::select(TriageState::ALL.to_vec())
}

fn note() -> impl Strategy<Value = Option<String>> {
    prop::option::of("[ab]{0,2}")
}

/// Commands of every kind, about a few notes and places.
fn command() -> impl Strategy<Value = IncidentCommand> {
    prop_oneof![
        Just(IncidentCommand::Open(opening())),
        (state(), note()).prop_map(|(to, note)| IncidentCommand::Decide {
            of: opening(),
            finding: LEAK,
            to,
            note
        }),
        prop::sample::select(IgnoreReason::ALL.to_vec())
            .prop_map(|reason| IncidentCommand::Ignore { reason }),
        any::<bool>().prop_map(|is_secret_revoked| IncidentCommand::Resolve { is_secret_revoked }),
        Just(IncidentCommand::Reopen),
        Just(IncidentCommand::Regress),
        prop::sample::select(Severity::ALL.to_vec()).prop_map(IncidentCommand::SetSeverity),
        Just(IncidentCommand::Assign(ANA)),
        Just(IncidentCommand::Unassign),
        (0..3_u128, "[ab]{0,2}").prop_map(|(note, text)| IncidentCommand::AddNote {
            note: NoteId(Uuid::from_u128(note)),
            by: BY_ANA,
            text
        }),
        (0..3_u128)
            .prop_map(|note| IncidentCommand::RemoveNote { note: NoteId(Uuid::from_u128(note)), by: BY_ANA }),
        "[ab]".prop_map(|path| IncidentCommand::Occur { of: opening(), seen: page(&path) }),
    ]
}

proptest! {
    #[test]
    fn deciding_about_a_secret_comes_to_what_deciding_about_a_finding_does(
        decisions in prop::collection::vec((state(), note()), 0..12)
    ) {
        let (mut finding, mut incident) = (TriageStatus::default(), IncidentState::Missing);
        for (to, note) in decisions {
            let asked = TriageCommand {
                finding: LEAK,
                project: SHOP,
                fingerprint: Fingerprint([7; 16]),
                to,
                note: note.clone(),
            };
            let of_finding = Triage::decide(&finding, asked).unwrap();
            let asked = IncidentCommand::Decide { of: opening(), finding: LEAK, to, note };
            let of_incident = Incident::decide(&incident, asked).unwrap();
            let decided = of_incident.iter().filter(|event| !matches!(event, super::IncidentEvent::Opened(_)));
            prop_assert_eq!(of_finding.len(), decided.count());
            finding = of_finding.iter().fold(finding, Triage::evolve);
            incident = of_incident.iter().fold(incident, Incident::evolve);
            let life = incident.known().unwrap();
            prop_assert_eq!((life.state, &life.note, life.is_decided), (finding.state, &finding.note, finding.decided));
        }
    }

    #[test]
    fn whatever_is_accepted_keeps_state_and_reason_together_and_repeats_to_nothing_new(
        commands in prop::collection::vec(command(), 0..40)
    ) {
        let mut state = IncidentState::Missing;
        for command in commands {
            let Ok(events) = Incident::decide(&state, command.clone()) else { continue };
            state = events.iter().fold(state, Incident::evolve);
            let Some(life) = state.known() else { continue };
            let is_ignored = IgnoreReason::of(life.state).is_some();
            prop_assert_eq!(life.reason.map(IgnoreReason::state), is_ignored.then_some(life.state));
            prop_assert!(!life.is_regression || life.status().is_open());
            let is_of_notes = matches!(command, IncidentCommand::AddNote { .. });
            if let Ok(again) = Incident::decide(&state, command) {
                prop_assert!(again.is_empty() || is_of_notes, "{:?}", again);
            }
        }
    }
}
