//! One incident, for tests.

use super::{IgnoreReason, IncidentEvent, Opened, Opening, Sighting, Triaged};
use crate::branch::SecretFacts;
use crate::finding::TriageState;
use crate::id::{FindingId, OrganizationId, ProjectId, UserId};
use crate::log::Actor;
use crate::severity::Severity;
use uuid::Uuid;

pub(super) const ACME: OrganizationId = OrganizationId(Uuid::from_u128(1));
pub(super) const SHOP: ProjectId = ProjectId(Uuid::from_u128(2));
pub(super) const LEAK: FindingId = FindingId(Uuid::from_u128(5));
pub(super) const ANA: UserId = UserId(Uuid::from_u128(3));
pub(super) const BEN: UserId = UserId(Uuid::from_u128(4));
pub(super) const BY_ANA: Actor = Actor::User(ANA);
pub(super) const BY_BEN: Actor = Actor::User(BEN);

pub(super) fn opening() -> Opening {
    Opening {
        organization: ACME,
        secret: SecretFacts { hash: "ab".repeat(48), leak_hash: "cd".repeat(32), masked: "gh…".to_owned() },
        rule: "GITHUB_TOKEN".to_owned(),
        severity: Severity::High,
        is_historical: false,
    }
}

pub(super) fn opened() -> IncidentEvent {
    let Opening { organization, secret, rule, severity, is_historical } = opening();
    Opened { incident: opening().incident(), organization, secret, rule, severity, is_historical }.into()
}

/// A decision about the incident itself.
pub(super) fn triaged(from: TriageState, to: TriageState) -> Triaged {
    Triaged {
        incident: opening().incident(),
        organization: ACME,
        finding: None,
        from,
        to,
        reason: IgnoreReason::of(to),
        is_secret_revoked: None,
        note: None,
    }
}

pub(super) fn page(path: &str) -> Sighting {
    Sighting {
        project: SHOP,
        path: path.to_owned(),
        url: Some("https://wiki.example.org/page".to_owned()),
        line: Some(3),
        end_line: Some(3),
    }
}
