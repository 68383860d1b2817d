//! Samples of what happens to incidents.

use super::{ORGANIZATION, PROJECT, Sample, USER, full, minimal, text};
use scanledger_domain::branch::SecretFacts;
use scanledger_domain::event::Event;
use scanledger_domain::finding::TriageState;
use scanledger_domain::id::{FindingId, IncidentId, NoteId, OccurrenceId, ShareId};
use scanledger_domain::identity::KeyHash;
use scanledger_domain::incident::{
    Assigned, IgnoreReason, IncidentEvent, NoteAdded, NoteEdited, NoteRemoved, Occurred, Opened, Regressed,
    SeveritySet, Shared, Triaged, Unassigned, Unshared,
};
use scanledger_domain::log::Actor;
use scanledger_domain::severity::Severity;
use scanledger_domain::time::Timestamp;
use uuid::Uuid;

const INCIDENT: IncidentId = IncidentId(Uuid::from_u128(0x019a_0000_0000_5000_8000_0000_0000_0030));
const FINDING: FindingId = FindingId(Uuid::from_u128(0x019a_0000_0000_5000_8000_0000_0000_0034));
const NOTE: NoteId = NoteId(Uuid::from_u128(0x019a_0000_0000_5000_8000_0000_0000_0031));
const SHARE: ShareId = ShareId(Uuid::from_u128(0x019a_0000_0000_5000_8000_0000_0000_0032));
const OCCURRENCE: OccurrenceId = OccurrenceId(Uuid::from_u128(0x019a_0000_0000_5000_8000_0000_0000_0033));

fn triaged() -> Triaged {
    Triaged {
        incident: INCIDENT,
        organization: ORGANIZATION,
        finding: Some(FINDING),
        from: TriageState::Untriaged,
        to: TriageState::Accepted,
        reason: Some(IgnoreReason::TestCredential),
        is_secret_revoked: Some(false),
        note: Some(text("only opens the \"test\" system")),
    }
}

fn shared() -> Shared {
    Shared {
        incident: INCIDENT,
        organization: ORGANIZATION,
        share: SHARE,
        token_hash: KeyHash("5e".repeat(32)),
        expires_at: Some(Timestamp(1_795_000_000_000_000)),
    }
}

fn occurred() -> Occurred {
    Occurred {
        incident: INCIDENT,
        organization: ORGANIZATION,
        occurrence: OCCURRENCE,
        project: PROJECT,
        path: text("wiki/Set-up.md"),
        url: Some(text("https://wiki.example.org/set-up")),
        line: Some(12),
        end_line: Some(14),
    }
}

pub fn samples() -> Vec<Sample> {
    let (incident, organization) = (INCIDENT, ORGANIZATION);
    let happened = |event: IncidentEvent| full(Event::Incident(event));
    let bare = |event: IncidentEvent| minimal(Event::Incident(event));
    vec![
        happened(
            Opened {
                incident,
                organization,
                secret: SecretFacts {
                    hash: "a1".repeat(48),
                    leak_hash: "b2".repeat(32),
                    masked: text("gh…9z"),
                },
                rule: text("GITHUB_TOKEN"),
                severity: Severity::Critical,
                is_historical: true,
            }
            .into(),
        ),
        happened(triaged().into()),
        bare(
            Triaged { finding: None, reason: None, is_secret_revoked: None, note: None, ..triaged() }.into(),
        ),
        happened(Regressed { incident, organization }.into()),
        happened(SeveritySet { incident, organization, severity: Severity::Low }.into()),
        happened(Assigned { incident, organization, user: USER }.into()),
        happened(Unassigned { incident, organization }.into()),
        happened(
            NoteAdded { incident, organization, note: NOTE, by: Actor::User(USER), text: text("rotated") }
                .into(),
        ),
        happened(NoteEdited { incident, organization, note: NOTE, text: text("rotated in May") }.into()),
        happened(NoteRemoved { incident, organization, note: NOTE }.into()),
        happened(shared().into()),
        bare(Shared { expires_at: None, ..shared() }.into()),
        happened(Unshared { incident, organization, share: SHARE }.into()),
        happened(occurred().into()),
        bare(Occurred { url: None, line: None, end_line: None, ..occurred() }.into()),
    ]
}
