//! The rules of API keys, one by one.

use super::{
    ApiKey, ApiKeyCommand, ApiKeyCreated, ApiKeyEvent, ApiKeyNarrowed, ApiKeyRefusal, ApiKeyRevoked, Breadth,
    KeyForm, KeyHash, KeyKind, apikey_stream,
};
use crate::decider::given;
use crate::id::{ApiKeyId, OrganizationId, ProjectId, TeamId};
use crate::identity::Role;
use crate::limits::NAME_CHARS;
use crate::time::Timestamp;
use uuid::Uuid;

const KEY: ApiKeyId = ApiKeyId(Uuid::from_u128(1));
const NOW: Timestamp = Timestamp(1_000_000);

fn ci() -> ApiKeyCreated {
    ApiKeyCreated {
        key: KEY,
        organization: OrganizationId(Uuid::from_u128(2)),
        name: "CI".to_owned(),
        form: KeyForm::Pepper,
        prefix: "ppr_AbCd".to_owned(),
        hash: KeyHash::of("ppr_AbCdEfGh"),
        role: Role::Developer,
        project: Some(ProjectId(Uuid::from_u128(3))),
        by: None,
        expires_at: None,
        team: None,
        kind: KeyKind::Personal,
        scopes: None,
        breadth: Breadth::ReadWrite,
    }
}

fn named(name: &str) -> ApiKeyCreated {
    ApiKeyCreated { name: name.to_owned(), ..ci() }
}

fn ending(at: Timestamp) -> ApiKeyCreated {
    ApiKeyCreated { expires_at: Some(at), ..ci() }
}

fn create(created: ApiKeyCreated) -> ApiKeyCommand {
    ApiKeyCommand::Create { created, now: NOW }
}

fn revoked() -> ApiKeyEvent {
    ApiKeyRevoked { key: KEY }.into()
}

#[test]
fn a_key_is_created_once() {
    given::<ApiKey>([]).when(create(ci())).then([ci().into()]);
    given::<ApiKey>([ci().into()]).when(create(ci())).then_refused(ApiKeyRefusal::Exists);
}

#[test]
fn a_revoked_key_never_comes_back() {
    given::<ApiKey>([ci().into(), revoked()]).when(create(ci())).then_refused(ApiKeyRefusal::Exists);
}

#[test]
fn a_name_has_a_limit_and_one_line() {
    let longest = "é".repeat(NAME_CHARS);
    given::<ApiKey>([]).when(create(named(&longest))).then([named(&longest).into()]);
    for name in [format!("{longest}x").as_str(), "", "\u{a0}", "two\nlines"] {
        given::<ApiKey>([]).when(create(named(name))).then_refused(ApiKeyRefusal::BadName);
    }
}

#[test]
fn a_key_ends_after_it_begins() {
    let next = Timestamp(NOW.0 + 1);
    given::<ApiKey>([]).when(create(ending(next))).then([ending(next).into()]);
    given::<ApiKey>([]).when(create(ending(NOW))).then_refused(ApiKeyRefusal::ExpiresInThePast);
    given::<ApiKey>([])
        .when(create(ending(Timestamp(NOW.0 - 1))))
        .then_refused(ApiKeyRefusal::ExpiresInThePast);
}

#[test]
fn a_key_that_has_expired_can_still_be_revoked() {
    given::<ApiKey>([ending(Timestamp(0)).into()]).when(ApiKeyCommand::Revoke).then([revoked()]);
}

#[test]
fn a_key_is_revoked_once() {
    given::<ApiKey>([ci().into()]).when(ApiKeyCommand::Revoke).then([revoked()]);
    given::<ApiKey>([ci().into(), revoked()])
        .when(ApiKeyCommand::Revoke)
        .then_refused(ApiKeyRefusal::NotFound);
    given::<ApiKey>([]).when(ApiKeyCommand::Revoke).then_refused(ApiKeyRefusal::NotFound);
}

#[test]
fn a_hash_is_sha_256_in_hex() {
    // FIPS 180-4, example "abc".
    assert_eq!(KeyHash::of("abc").0, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

#[test]
fn its_stream_is_named_by_its_id() {
    assert_eq!(apikey_stream(KEY).as_str(), "apikey-00000000-0000-0000-0000-000000000001");
}

#[test]
fn a_key_is_narrowed_once_and_never_widened() {
    let narrowed = ApiKeyEvent::from(ApiKeyNarrowed { key: KEY });
    given::<ApiKey>([ci().into()]).when(ApiKeyCommand::Narrow).then([narrowed.clone()]);
    given::<ApiKey>([ci().into(), narrowed.clone()]).when(ApiKeyCommand::Narrow).then_nothing();
    let reads = ApiKeyCreated { breadth: Breadth::ReadOnly, ..ci() };
    given::<ApiKey>([reads.into()]).when(ApiKeyCommand::Narrow).then_nothing();
    given::<ApiKey>([ci().into(), narrowed]).when(ApiKeyCommand::Revoke).then([revoked()]);
    given::<ApiKey>([ci().into(), revoked()])
        .when(ApiKeyCommand::Narrow)
        .then_refused(ApiKeyRefusal::NotFound);
}

#[test]
fn a_key_is_for_a_team_or_for_a_project() {
    let both = ApiKeyCreated { team: Some(TeamId(Uuid::from_u128(4))), ..ci() };
    given::<ApiKey>([]).when(create(both.clone())).then_refused(ApiKeyRefusal::TwoReaches);
    let team = ApiKeyCreated { project: None, ..both };
    given::<ApiKey>([]).when(create(team.clone())).then([team.into()]);
}

#[test]
fn every_form_recognises_its_own_tokens_and_no_others() {
    for (form, random) in KeyForm::ALL.into_iter().flat_map(|form| [(form, [0; 32]), (form, [0xfe; 32])]) {
        let token = form.token(&random);
        assert_eq!(KeyForm::of(&token), Some(form), "{token}");
        assert!(token.starts_with(form.visible(&token)) && form.visible(&token).len() < token.len() / 2);
        for bad in [format!("{token}0"), token[1..].to_owned(), token.replace(['0', 'f', '_'], " ")] {
            assert_eq!(KeyForm::of(&bad), None, "{bad}");
        }
        assert_eq!(form.as_str().parse(), Ok(form));
    }
    assert_eq!(KeyForm::of(""), None);
    assert_eq!(KeyForm::of("tos_0123abcd_AbCdEfGhIjKlMnOpQrStUvWxYz01-_89"), Some(KeyForm::Trusca));
    assert_eq!(KeyForm::of("tos_0123ABCD_AbCdEfGhIjKlMnOpQrStUvWxYz01-_89"), None);
}
