//! A realistic sample of every event in its current schema, with every optional field filled in and, where it
//! matters, without; and of metadata.

mod branch;
mod check;
mod honeytoken;
mod identity;
mod incident;
mod policy;
mod scan;

use scanledger_domain::event::Event;
use scanledger_domain::id::{ApiKeyId, OrganizationId, ProjectId, UserId};
use scanledger_domain::log::{Actor, Metadata};
use scanledger_domain::vault::Sealed;
use uuid::Uuid;

/// An event and what its golden file is called after type and schema: nothing, `.minimal`, `.further` or `.another`.
pub struct Sample {
    pub variant: &'static str,
    pub event: Event,
}

pub const MINIMAL: &str = ".minimal";
/// With optional fields that a schema was given after its first sample was kept.
pub const FURTHER: &str = ".further";
/// With what the others leave out.
pub const ANOTHER: &str = ".another";

pub const ORGANIZATION: OrganizationId =
    OrganizationId(Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0001));
pub const PROJECT: ProjectId = ProjectId(Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0002));
pub const USER: UserId = UserId(Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0003));
pub const KEY: ApiKeyId = ApiKeyId(Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0004));

pub fn full(event: Event) -> Sample {
    Sample { variant: "", event }
}

pub fn minimal(event: Event) -> Sample {
    Sample { variant: MINIMAL, event }
}

pub fn further(event: Event) -> Sample {
    Sample { variant: FURTHER, event }
}

pub fn another(event: Event) -> Sample {
    Sample { variant: ANOTHER, event }
}

pub fn text(text: &str) -> String {
    text.to_owned()
}

/// Every sample; a type that is missing here fails a test.
pub fn events() -> Vec<Sample> {
    [
        branch::samples(),
        check::samples(),
        scan::samples(),
        policy::samples(),
        identity::samples(),
        incident::samples(),
        honeytoken::samples(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Metadata with and without its optional fields, and with one that came later.
pub fn metadata() -> [(&'static str, Metadata); 3] {
    let correlation = Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0010);
    let full = Metadata {
        organization: Some(ORGANIZATION),
        actor: Actor::User(USER),
        correlation,
        causation: Some(Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0011)),
        address: Some(Sealed(text("v1.MTAuMC4wLjE"))),
        user_agent: Some(Sealed(text("v1.Y3VybC84LjA"))),
        request: Some(text("019a0000-0000-7000-8000-000000000012")),
        key: None,
    };
    let further = Metadata { key: Some(KEY), ..full.clone() };
    let minimal = Metadata {
        organization: None,
        actor: Actor::System,
        correlation,
        causation: None,
        address: None,
        user_agent: None,
        request: None,
        key: None,
    };
    [("", full), (MINIMAL, minimal), (FURTHER, further)]
}
