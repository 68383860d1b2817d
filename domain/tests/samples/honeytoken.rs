//! Samples of what happens to honeytokens.

use super::{ORGANIZATION, Sample, USER, full, minimal, text};
use scanledger_domain::event::Event;
use scanledger_domain::honeytoken::{
    Changed, Created, HoneytokenEvent, HoneytokenKind, NoteAdded, NoteEdited, NoteRemoved, Reset, Revoked,
    Triggered,
};
use scanledger_domain::id::{HoneytokenId, NoteId, TriggerId};
use scanledger_domain::log::Actor;
use scanledger_domain::time::Timestamp;
use scanledger_domain::vault::Sealed;
use uuid::Uuid;

const HONEYTOKEN: HoneytokenId = HoneytokenId(Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0040));
const NOTE: NoteId = NoteId(Uuid::from_u128(0x019a_0000_0000_5000_8000_0000_0000_0041));
const TRIGGER: TriggerId = TriggerId(Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0042));

fn created() -> Created {
    Created {
        honeytoken: HONEYTOKEN,
        organization: ORGANIZATION,
        kind: HoneytokenKind::Aws,
        name: text("Ana's old laptop"),
        description: Some(text("in ~/.aws/credentials\nsince it was handed back")),
        access_hash: "a1".repeat(48),
        leak_hashes: ["b2".repeat(32), "c3".repeat(32)],
        access_id: Sealed(text("v1.YWNjZXNzIGlk")),
        secret_key: Sealed(text("v1.c2VjcmV0IGtleQ")),
    }
}

fn triggered() -> Triggered {
    Triggered {
        honeytoken: HONEYTOKEN,
        organization: ORGANIZATION,
        trigger: TRIGGER,
        at: Timestamp(1_795_000_000_000_000),
        service: Some(text("sts")),
        region: Some(text("eu-central-1")),
        action: Some(text("GetCallerIdentity")),
        address_hash: Some("d4".repeat(48)),
    }
}

fn changed() -> Changed {
    let (honeytoken, organization) = (HONEYTOKEN, ORGANIZATION);
    Changed { honeytoken, organization, name: text("wiki"), description: Some(text("first page")) }
}

pub fn samples() -> Vec<Sample> {
    let (honeytoken, organization) = (HONEYTOKEN, ORGANIZATION);
    let happened = |event: HoneytokenEvent| full(Event::Honeytoken(event));
    let bare = |event: HoneytokenEvent| minimal(Event::Honeytoken(event));
    let (by, note) = (Actor::User(USER), NOTE);
    vec![
        happened(created().into()),
        bare(Created { description: None, ..created() }.into()),
        happened(changed().into()),
        bare(Changed { description: None, ..changed() }.into()),
        happened(Reset { honeytoken, organization }.into()),
        happened(Revoked { honeytoken, organization }.into()),
        happened(triggered().into()),
        bare(
            Triggered { service: None, region: None, action: None, address_hash: None, ..triggered() }.into(),
        ),
        happened(NoteAdded { honeytoken, organization, note, by, text: text("planted in May") }.into()),
        happened(NoteEdited { honeytoken, organization, note, text: text("planted in June") }.into()),
        happened(NoteRemoved { honeytoken, organization, note }.into()),
    ]
}
