//! What people's accounts can go through.

use super::{
    AddressProof, Channels, PasswordSetter, Provider, Rank, User, UserActivated, UserChannelsSet,
    UserCommand, UserDeactivated, UserErased, UserEvent, UserIdentityLinked, UserIdentityUnlinked,
    UserPasswordSet, UserRankChanged, UserRefusal, UserRegistered, UserResetRequested, UserSessionsEnded,
    Wanted, is_email, user_stream,
};
use crate::decider::{Decider as _, given};
use crate::id::{ApiKeyId, IdentityId, SubjectId, UserId};
use crate::identity::KeyHash;
use crate::time::Timestamp;
use crate::vault::Sealed;
use std::collections::BTreeSet;
use uuid::Uuid;

const ANA: UserId = UserId(Uuid::from_u128(1));
const LINK: IdentityId = IdentityId(Uuid::from_u128(5));

fn sealed(text: &str) -> Sealed {
    Sealed(text.to_owned())
}

fn ana() -> UserRegistered {
    let address = AddressProof::Known;
    UserRegistered { user: ANA, name: sealed("name"), email: sealed("address"), password: None, address }
}

fn registered() -> UserEvent {
    ana().into()
}

fn with_password() -> UserEvent {
    UserRegistered { password: Some(sealed("hash")), ..ana() }.into()
}

fn deactivated() -> UserEvent {
    UserDeactivated { user: ANA }.into()
}

fn requested(token: &str) -> UserEvent {
    UserResetRequested { user: ANA, token: KeyHash::of(token), expires_at: Timestamp(100) }.into()
}

fn password_set() -> UserEvent {
    UserPasswordSet { user: ANA, password: sealed("new"), setter: PasswordSetter::Reset }.into()
}

fn password_changed() -> UserEvent {
    UserPasswordSet { user: ANA, password: sealed("new"), setter: PasswordSetter::Changed }.into()
}

fn password_set_by_operator() -> UserEvent {
    UserPasswordSet { user: ANA, password: sealed("new"), setter: PasswordSetter::Operator }.into()
}

fn change(before: &str) -> UserCommand {
    UserCommand::ChangePassword { password: sealed("new"), before: sealed(before) }
}

fn linked(identity: IdentityId, provider: Provider) -> UserIdentityLinked {
    UserIdentityLinked { user: ANA, identity, provider, subject: sealed("583231"), email: None }
}

fn keys(numbers: &[u128]) -> BTreeSet<ApiKeyId> {
    numbers.iter().map(|number| ApiKeyId(Uuid::from_u128(*number))).collect()
}

fn erased(numbers: &[u128]) -> UserErased {
    UserErased { user: ANA, keys: keys(numbers), marks: marks(&[]) }
}

fn marks(numbers: &[u128]) -> BTreeSet<SubjectId> {
    numbers.iter().map(|number| SubjectId(Uuid::from_u128(*number))).collect()
}

fn erase(numbers: &[u128]) -> UserCommand {
    UserCommand::Erase { keys: keys(numbers), marks: marks(&[]) }
}

fn reset(token: &str, now: i64) -> UserCommand {
    UserCommand::Reset { token: KeyHash::of(token), password: sealed("new"), now: Timestamp(now) }
}

#[test]
fn a_person_is_registered_once() {
    given::<User>([]).when(UserCommand::Register(ana())).then([registered()]);
    given::<User>([registered()]).when(UserCommand::Register(ana())).then_refused(UserRefusal::Exists);
}

#[test]
fn a_person_is_erased_with_the_keys_that_they_alone_used() {
    given::<User>([registered()]).when(erase(&[])).then([erased(&[]).into()]);
    given::<User>([registered()]).when(erase(&[3, 2])).then([erased(&[2, 3]).into()]);
    let subjects: Vec<_> = erased(&[2, 3]).subjects().collect();
    assert_eq!(subjects, [1, 2, 3].map(|number| SubjectId(Uuid::from_u128(number))));
}

#[test]
fn a_person_is_erased_once_and_each_further_key_once() {
    let before = || [registered(), erased(&[2]).into(), erased(&[3]).into()];
    for known in [&[][..], &[2], &[2, 3]] {
        given::<User>(before()).when(erase(known)).then([]);
    }
    given::<User>(before()).when(erase(&[3, 4])).then([erased(&[4]).into()]);
}

#[test]
fn what_others_said_of_a_person_is_erased_with_them_and_once() {
    let of = |numbers: &[u128]| UserErased { marks: marks(numbers), ..erased(&[2]) };
    let asked = |numbers: &[u128]| UserCommand::Erase { keys: keys(&[2]), marks: marks(numbers) };
    given::<User>([registered()]).when(asked(&[7, 8])).then([of(&[7, 8]).into()]);
    let subjects: Vec<_> = of(&[7, 8]).subjects().collect();
    assert_eq!(subjects, [1, 2, 7, 8].map(|number| SubjectId(Uuid::from_u128(number))));
    let before = || [registered(), of(&[7]).into(), of(&[8]).into()];
    given::<User>(before()).when(asked(&[7, 8])).then([]);
    let further = UserErased { marks: marks(&[9]), ..erased(&[]) };
    given::<User>(before()).when(asked(&[8, 9])).then([further.into()]);
}

#[test]
fn who_never_had_an_account_is_erased_once_and_an_account_is_not_erased_so() {
    let stranger = |numbers: &[u128]| UserErased { marks: marks(numbers), ..erased(&[]) };
    let asked = |numbers: &[u128]| UserCommand::EraseStranger(stranger(numbers));
    given::<User>([]).when(asked(&[7])).then([stranger(&[7]).into()]);
    given::<User>([stranger(&[7]).into()]).when(asked(&[7])).then([]);
    given::<User>([stranger(&[7]).into()]).when(asked(&[7, 8])).then([stranger(&[8]).into()]);
    given::<User>([registered()]).when(asked(&[])).then_refused(UserRefusal::Exists);
}

#[test]
fn nothing_can_be_asked_of_who_never_was_or_was_erased() {
    for history in [vec![], vec![registered(), erased(&[]).into()]] {
        for command in [
            UserCommand::Deactivate,
            UserCommand::Activate,
            UserCommand::SetRank(Rank::SuperAdmin),
            UserCommand::EndSessions,
            UserCommand::SetPassword { password: sealed("new") },
            change("hash"),
            reset("token", 1),
            UserCommand::Unlink(LINK),
            UserCommand::Link(linked(LINK, Provider::GitHub)),
            UserCommand::SetChannels(Channels::default()),
        ] {
            given::<User>(history.clone()).when(command).then_refused(UserRefusal::NotFound);
        }
    }
    given::<User>([]).when(erase(&[])).then_refused(UserRefusal::NotFound);
    given::<User>([registered(), erased(&[]).into()])
        .when(UserCommand::Register(ana()))
        .then_refused(UserRefusal::Exists);
}

#[test]
fn an_account_is_deactivated_and_activated() {
    let activated = UserEvent::from(UserActivated { user: ANA });
    given::<User>([registered()]).when(UserCommand::Deactivate).then([deactivated()]);
    given::<User>([registered(), deactivated()]).when(UserCommand::Deactivate).then_nothing();
    given::<User>([registered(), deactivated()]).when(UserCommand::Activate).then([activated]);
    given::<User>([registered()]).when(UserCommand::Activate).then_nothing();
}

#[test]
fn a_rank_changes() {
    let changed = UserEvent::from(UserRankChanged { user: ANA, rank: Rank::SuperAdmin });
    given::<User>([registered()]).when(UserCommand::SetRank(Rank::SuperAdmin)).then([changed.clone()]);
    given::<User>([registered(), changed]).when(UserCommand::SetRank(Rank::SuperAdmin)).then_nothing();
    given::<User>([registered()]).when(UserCommand::SetRank(Rank::Ordinary)).then_nothing();
}

#[test]
fn a_reset_works_once_and_in_time() {
    let history = || vec![registered(), requested("token")];
    given::<User>(history()).when(reset("token", 99)).then([password_set()]);
    for (token, now) in [("token", 100), ("guess", 99)] {
        given::<User>(history()).when(reset(token, now)).then_refused(UserRefusal::BadToken);
    }
    for ends_it in [password_set(), password_set_by_operator(), requested("later"), deactivated()] {
        let history = history().into_iter().chain([ends_it]);
        given::<User>(history).when(reset("token", 99)).then_refused(UserRefusal::BadToken);
    }
    given::<User>([registered()]).when(reset("token", 1)).then_refused(UserRefusal::BadToken);
}

#[test]
fn who_is_not_active_gets_no_reset() {
    let request = UserCommand::RequestReset { token: KeyHash::of("t"), expires_at: Timestamp(100) };
    given::<User>([registered()]).when(request.clone()).then([requested("t")]);
    given::<User>([registered(), deactivated()]).when(request).then_refused(UserRefusal::Inactive);
}

#[test]
fn what_ends_sessions_moves_the_epoch() {
    let epoch = |events: &[UserEvent]| {
        let state = events.iter().fold(User::initial(), User::evolve);
        state.account().unwrap().epoch
    };
    assert_eq!(epoch(&[registered()]), 0);
    let ended = UserEvent::from(UserSessionsEnded { user: ANA });
    for ends in [deactivated(), password_set(), password_changed(), password_set_by_operator(), ended] {
        assert_eq!(epoch(&[registered(), ends.clone()]), 1, "{ends:?}");
    }
    for leaves in [requested("token"), linked(LINK, Provider::GitHub).into()] {
        assert_eq!(epoch(&[registered(), leaves]), 0);
    }
    given::<User>([registered()])
        .when(UserCommand::EndSessions)
        .then([UserSessionsEnded { user: ANA }.into()]);
}

#[test]
fn the_last_way_to_sign_in_stays() {
    let other = IdentityId(Uuid::from_u128(6));
    let unlinked = UserEvent::from(UserIdentityUnlinked { user: ANA, identity: LINK });
    let link = || UserEvent::from(linked(LINK, Provider::GitHub));
    let unlink = || UserCommand::Unlink(LINK);
    given::<User>([registered(), link()]).when(unlink()).then_refused(UserRefusal::LocksOut);
    given::<User>([with_password(), link()]).when(unlink()).then([unlinked.clone()]);
    given::<User>([registered(), link(), linked(other, Provider::Google).into()])
        .when(unlink())
        .then([unlinked.clone()]);
    given::<User>([with_password(), link(), unlinked]).when(unlink()).then_refused(UserRefusal::NotLinked);
}

#[test]
fn an_identity_is_linked_once_and_only_to_who_is_active() {
    let link = || linked(LINK, Provider::Oidc);
    given::<User>([registered()]).when(UserCommand::Link(link())).then([link().into()]);
    given::<User>([registered(), link().into()]).when(UserCommand::Link(link())).then_nothing();
    given::<User>([registered(), deactivated()])
        .when(UserCommand::Link(link()))
        .then_refused(UserRefusal::Inactive);
}

#[test]
fn an_address_is_known_once_its_owner_has_used_a_token_that_was_sent_there() {
    let claimed = || UserEvent::from(UserRegistered { address: AddressProof::Claimed, ..ana() });
    let proof = |events: &[UserEvent]| {
        let state = events.iter().fold(User::initial(), User::evolve);
        state.account().unwrap().address
    };
    assert_eq!(proof(&[registered()]), AddressProof::Known);
    assert_eq!(proof(&[claimed()]), AddressProof::Claimed);
    assert_eq!(proof(&[claimed(), password_set()]), AddressProof::Claimed);
    assert_eq!(proof(&[claimed(), requested("token"), password_set()]), AddressProof::Known);
    // Whoever is signed in may never have read a message there, and an operator has not asked who has.
    for set in [password_changed(), password_set_by_operator()] {
        assert_eq!(proof(&[claimed(), requested("token"), set]), AddressProof::Claimed);
    }
    given::<User>([claimed(), requested("token")])
        .when(UserCommand::SetPassword { password: sealed("new") })
        .then([password_set_by_operator()]);
}

#[test]
fn a_password_is_changed_by_who_has_shown_the_present_one() {
    given::<User>([with_password()]).when(change("hash")).then([password_changed()]);
    given::<User>([with_password()]).when(change("older")).then_refused(UserRefusal::WrongPassword);
    given::<User>([with_password(), password_set()])
        .when(change("hash"))
        .then_refused(UserRefusal::WrongPassword);
    given::<User>([registered()]).when(change("hash")).then_refused(UserRefusal::NoPassword);
    given::<User>([with_password(), deactivated()]).when(change("hash")).then_refused(UserRefusal::Inactive);
    // A reset that was asked for before is over.
    given::<User>([with_password(), requested("token"), password_changed()])
        .when(reset("token", 99))
        .then_refused(UserRefusal::BadToken);
}

#[test]
fn channels_are_chosen() {
    let quiet = Channels { email: Wanted::No, ..Channels::default() };
    let set = UserEvent::from(UserChannelsSet { user: ANA, channels: quiet });
    given::<User>([registered()]).when(UserCommand::SetChannels(quiet)).then([set.clone()]);
    given::<User>([registered(), set]).when(UserCommand::SetChannels(quiet)).then_nothing();
    given::<User>([registered()]).when(UserCommand::SetChannels(Channels::default())).then_nothing();
}

#[test]
fn an_address_has_one_at_between_something_and_a_domain() {
    for good in ["ana@example.org", "a@b", "ana+scan@example.org", "änä@bücher.example"] {
        assert!(is_email(good), "{good}");
    }
    for bad in
        ["", "@", "ana", "ana@", "@example.org", "a@b@example.org", "a b@example.org", "a\n@b", "a@b\0"]
    {
        assert!(!is_email(bad), "{bad:?}");
    }
}

#[test]
fn an_address_has_at_most_254_characters() {
    let domain = "@example.org";
    let longest = format!("{}{domain}", "a".repeat(254 - domain.len()));
    assert!(is_email(&longest));
    assert!(!is_email(&format!("a{longest}")));
}

#[test]
fn their_stream_is_named_by_their_id() {
    assert_eq!(user_stream(ANA).as_str(), "user-00000000-0000-0000-0000-000000000001");
}
