use super::{
    Changed, Created, Honeytoken, HoneytokenCommand as Ask, HoneytokenEvent, HoneytokenKind,
    HoneytokenRefusal as No, HoneytokenState, HoneytokenStatus, NewHoneytoken, NoteAdded, NoteEdited,
    NoteRemoved, Reset, Revoked, Triggered, Usage, honeytoken_stream,
};
use crate::decider::{Decider, given};
use crate::id::{HoneytokenId, NoteId, OrganizationId, TriggerId, UserId};
use crate::limits::{
    DESCRIPTION_CHARS, HONEYTOKEN_NOTES, HONEYTOKEN_TRIGGERS, HONEYTOKEN_TRIGGERS_A_MINUTE,
    HONEYTOKEN_USAGE_CHARS, HONEYTOKENS, NAME_CHARS, NOTE_CHARS,
};
use crate::log::Actor;
use crate::time::Timestamp;
use crate::vault::Sealed;
use uuid::Uuid;

const ACME: OrganizationId = OrganizationId(Uuid::from_u128(1));
const DECOY: HoneytokenId = HoneytokenId(Uuid::from_u128(2));
const USE: TriggerId = TriggerId(Uuid::from_u128(3));
const NOTE: NoteId = NoteId(Uuid::from_u128(4));
const ANA: Actor = Actor::User(UserId(Uuid::from_u128(5)));
const BEN: Actor = Actor::User(UserId(Uuid::from_u128(6)));
const RESET: Reset = Reset { honeytoken: DECOY, organization: ACME };
const REVOKED: Revoked = Revoked { honeytoken: DECOY, organization: ACME };
const SECOND: i64 = 1_000_000;

fn created() -> Created {
    Created {
        honeytoken: DECOY,
        organization: ACME,
        kind: HoneytokenKind::Aws,
        name: "old laptop".to_owned(),
        description: None,
        access_hash: "ab".repeat(48),
        leak_hashes: ["cd".repeat(32), "ef".repeat(32)],
        access_id: Sealed("v1.a".to_owned()),
        secret_key: Sealed("v1.b".to_owned()),
    }
}

fn create(created: Created, others: u64) -> Ask {
    Ask::Create(Box::new(NewHoneytoken { created, others }))
}

fn named(name: &str) -> Created {
    Created { name: name.to_owned(), ..created() }
}

fn change(name: &str, description: Option<&str>) -> Ask {
    Ask::Change { name: name.to_owned(), description: description.map(str::to_owned) }
}

fn at(second: i64) -> Ask {
    let usage = Usage { service: Some("sts".to_owned()), ..Usage::default() };
    Ask::Trigger { trigger: USE, now: Timestamp(second * SECOND), usage, address_hash: None }
}

fn used(second: i64) -> HoneytokenEvent {
    Triggered {
        honeytoken: DECOY,
        organization: ACME,
        trigger: USE,
        at: Timestamp(second * SECOND),
        service: Some("sts".to_owned()),
        region: None,
        action: None,
        address_hash: None,
    }
    .into()
}

/// One use in ten minutes each, after it was made.
fn used_often(times: usize) -> impl Iterator<Item = HoneytokenEvent> {
    let uses = (0_i64..).map(|n| used(n * 600)).take(times);
    [created().into()].into_iter().chain(uses)
}

fn status(history: impl IntoIterator<Item = HoneytokenEvent>) -> HoneytokenStatus {
    let state =
        history.into_iter().fold(HoneytokenState::Missing, |state, event| Honeytoken::evolve(state, &event));
    state.known().unwrap().status
}

#[test]
fn one_is_made_once() {
    given::<Honeytoken>([]).when(create(created(), 0)).then([created().into()]);
    given::<Honeytoken>([created().into()]).when(create(created(), 1)).then_refused(No::AlreadyThere);
}

#[test]
fn an_organization_has_so_many_that_are_not_revoked() {
    given::<Honeytoken>([]).when(create(created(), HONEYTOKENS - 1)).then([created().into()]);
    given::<Honeytoken>([]).when(create(created(), HONEYTOKENS)).then_refused(No::TooMany);
}

#[test]
fn names_are_one_line_and_descriptions_short() {
    let longest = "é".repeat(NAME_CHARS);
    given::<Honeytoken>([]).when(create(named(&longest), 0)).then([named(&longest).into()]);
    for bad in ["", " ", "two\nlines", &format!("{longest}x")] {
        given::<Honeytoken>([]).when(create(named(bad), 0)).then_refused(No::BadName);
        given::<Honeytoken>([created().into()]).when(change(bad, None)).then_refused(No::BadName);
    }
    let longest = "é".repeat(DESCRIPTION_CHARS);
    let described = |text: &str| Created { description: Some(text.to_owned()), ..created() };
    given::<Honeytoken>([]).when(create(described(&longest), 0)).then([described(&longest).into()]);
    let longer = format!("{longest}x");
    given::<Honeytoken>([]).when(create(described(&longer), 0)).then_refused(No::DescriptionTooLong);
    given::<Honeytoken>([created().into()])
        .when(change("x", Some(&longer)))
        .then_refused(No::DescriptionTooLong);
}

#[test]
fn what_is_written_about_it_changes_until_it_is_revoked() {
    let changed = Changed {
        honeytoken: DECOY,
        organization: ACME,
        name: "wiki".to_owned(),
        description: Some("on the first page".to_owned()),
    };
    let ask = || change("wiki", Some("on the first page"));
    given::<Honeytoken>([created().into()]).when(ask()).then([changed.clone().into()]);
    given::<Honeytoken>([created().into(), changed.into()]).when(ask()).then_nothing();
    given::<Honeytoken>([created().into(), REVOKED.into()]).when(ask()).then_refused(No::Revoked);
    given::<Honeytoken>([]).when(ask()).then_refused(No::NotFound);
}

#[test]
fn a_use_triggers_it_until_somebody_resets_it() {
    given::<Honeytoken>([created().into()]).when(at(5)).then([used(5)]);
    assert_eq!(status([created().into()]), HoneytokenStatus::Active);
    assert_eq!(status([created().into(), used(5)]), HoneytokenStatus::Triggered);
    given::<Honeytoken>([created().into(), used(5)]).when(Ask::Reset).then([RESET.into()]);
    assert_eq!(status([created().into(), used(5), RESET.into()]), HoneytokenStatus::Active);
    given::<Honeytoken>([created().into()]).when(Ask::Reset).then_refused(No::NotTriggered);
    given::<Honeytoken>([created().into(), used(5), RESET.into()])
        .when(Ask::Reset)
        .then_refused(No::NotTriggered);
    given::<Honeytoken>([]).when(at(5)).then_refused(No::NotFound);
}

#[test]
fn a_revoked_one_tells_nothing_for_good() {
    for history in [vec![created().into()], vec![created().into(), used(5)]] {
        given::<Honeytoken>(history).when(Ask::Revoke).then([REVOKED.into()]);
    }
    let over = || [created().into(), used(1), REVOKED.into()];
    assert_eq!(status(over()), HoneytokenStatus::Revoked);
    given::<Honeytoken>(over()).when(at(5)).then_nothing();
    given::<Honeytoken>(over()).when(Ask::Revoke).then_refused(No::Revoked);
    given::<Honeytoken>(over()).when(Ask::Reset).then_refused(No::Revoked);
    let state = over().iter().fold(HoneytokenState::Missing, Honeytoken::evolve);
    assert!(!state.holds_name());
}

#[test]
fn so_many_uses_a_minute_are_recorded() {
    let most = HONEYTOKEN_TRIGGERS_A_MINUTE;
    let burst = |times: usize| {
        let uses = (0_i64..).map(used).take(times);
        [created().into()].into_iter().chain(uses).collect::<Vec<HoneytokenEvent>>()
    };
    let last = i64::try_from(most).unwrap() - 1;
    given::<Honeytoken>(burst(most - 1)).when(at(last)).then([used(last)]);
    given::<Honeytoken>(burst(most)).when(at(59)).then_nothing();
    // The first of them is a minute ago.
    given::<Honeytoken>(burst(most)).when(at(60)).then([used(60)]);
    let mut reset = burst(most);
    reset.push(RESET.into());
    given::<Honeytoken>(reset).when(at(59)).then_nothing();
}

#[test]
fn so_many_uses_are_recorded_until_somebody_resets_it() {
    let last = i64::try_from(HONEYTOKEN_TRIGGERS).unwrap() * 600;
    given::<Honeytoken>(used_often(HONEYTOKEN_TRIGGERS - 1)).when(at(last)).then([used(last)]);
    given::<Honeytoken>(used_often(HONEYTOKEN_TRIGGERS)).when(at(last)).then_nothing();
    let reset = used_often(HONEYTOKEN_TRIGGERS).chain([RESET.into()]);
    given::<Honeytoken>(reset).when(at(last)).then([used(last)]);
}

#[test]
fn what_strangers_say_is_kept_if_it_is_a_plain_word() {
    let said = |length: usize| Some("x".repeat(length));
    let usage = Usage {
        service: said(1),
        region: said(HONEYTOKEN_USAGE_CHARS),
        action: said(HONEYTOKEN_USAGE_CHARS + 1),
    };
    let now = Timestamp(7);
    let hash = Some("ab".repeat(32));
    let ask = Ask::Trigger { trigger: USE, now, usage, address_hash: hash.clone() };
    let kept = Triggered {
        honeytoken: DECOY,
        organization: ACME,
        trigger: USE,
        at: now,
        service: said(1),
        region: said(HONEYTOKEN_USAGE_CHARS),
        action: None,
        address_hash: hash,
    };
    given::<Honeytoken>([created().into()]).when(ask).then([kept.into()]);
}

fn added(note: NoteId, text: &str) -> HoneytokenEvent {
    NoteAdded { honeytoken: DECOY, organization: ACME, note, by: ANA, text: text.to_owned() }.into()
}

fn add(text: &str) -> Ask {
    Ask::AddNote { note: NOTE, by: ANA, text: text.to_owned() }
}

fn edit(by: Actor, text: &str) -> Ask {
    Ask::EditNote { note: NOTE, by, text: text.to_owned() }
}

#[test]
fn notes_are_written_on_revoked_ones_too() {
    given::<Honeytoken>([created().into(), REVOKED.into()]).when(add("x")).then([added(NOTE, "x")]);
    let longest = "é".repeat(NOTE_CHARS);
    given::<Honeytoken>([created().into()]).when(add(&longest)).then([added(NOTE, &longest)]);
    given::<Honeytoken>([created().into()]).when(add(&format!("{longest}x"))).then_refused(No::NoteTooLong);
    given::<Honeytoken>([created().into()]).when(add(" \n")).then_refused(No::NoteEmpty);
    given::<Honeytoken>([]).when(add("x")).then_refused(No::NotFound);
}

#[test]
fn a_honeytoken_has_so_many_notes() {
    let notes = |times: usize| {
        let notes = (0..times).map(|n| added(NoteId(Uuid::from_u128(100 + n as u128)), "x"));
        [created().into()].into_iter().chain(notes).collect::<Vec<HoneytokenEvent>>()
    };
    given::<Honeytoken>(notes(HONEYTOKEN_NOTES - 1)).when(add("y")).then([added(NOTE, "y")]);
    given::<Honeytoken>(notes(HONEYTOKEN_NOTES)).when(add("y")).then_refused(No::TooManyNotes);
}

#[test]
fn only_who_wrote_a_note_changes_it() {
    let written = || [created().into(), added(NOTE, "x")];
    let edited: HoneytokenEvent =
        NoteEdited { honeytoken: DECOY, organization: ACME, note: NOTE, text: "y".to_owned() }.into();
    given::<Honeytoken>(written()).when(edit(ANA, "y")).then([edited.clone()]);
    given::<Honeytoken>(written().into_iter().chain([edited])).when(edit(ANA, "y")).then_nothing();
    given::<Honeytoken>(written()).when(edit(BEN, "y")).then_refused(No::NotTheAuthor);
    given::<Honeytoken>([created().into()]).when(edit(ANA, "y")).then_refused(No::NoteNotFound);
    let removed = NoteRemoved { honeytoken: DECOY, organization: ACME, note: NOTE };
    let remove = |by| Ask::RemoveNote { note: NOTE, by };
    given::<Honeytoken>(written()).when(remove(ANA)).then([removed.into()]);
    given::<Honeytoken>(written()).when(remove(BEN)).then_refused(No::NotTheAuthor);
    given::<Honeytoken>(written().into_iter().chain([removed.into()]))
        .when(remove(ANA))
        .then_refused(No::NoteNotFound);
}

#[test]
fn statuses_are_read_from_their_words_and_streams_named_by_their_id() {
    for status in HoneytokenStatus::ALL {
        assert_eq!(status.as_str().parse(), Ok(status));
    }
    assert!("ACTIVE".parse::<HoneytokenStatus>().is_err());
    assert_eq!(honeytoken_stream(DECOY).as_str(), "honeytoken-00000000-0000-0000-0000-000000000002");
}
