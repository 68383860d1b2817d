//! People. Everything personal is sealed before it gets here.

use crate::decider::Decider;
use crate::id::{ApiKeyId, SubjectId, UserId};
use crate::log::StreamName;
use crate::stored_events;
use crate::vault::Sealed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// `user.registered`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRegistered {
    /// Their id.
    #[serde(rename = "user")]
    pub user: UserId,
    /// Their name, sealed.
    #[serde(rename = "name")]
    pub name: Sealed,
    /// Their address, sealed.
    #[serde(rename = "email")]
    pub email: Sealed,
    /// Argon2id in PHC format, sealed; none for people who cannot sign in with a password.
    #[serde(rename = "password", skip_serializing_if = "Option::is_none", default)]
    pub password: Option<Sealed>,
}

/// `user.erased`: nothing personal of them may be readable from here on. Whoever holds their key deletes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserErased {
    /// The person.
    #[serde(rename = "user")]
    pub user: UserId,
    /// API keys without a person behind them that this person alone used: addresses and user agents of their
    /// requests are sealed for the key.
    #[serde(rename = "keys", skip_serializing_if = "BTreeSet::is_empty", default)]
    pub keys: BTreeSet<ApiKeyId>,
}

impl UserErased {
    /// Everybody whose key has to be deleted.
    pub fn subjects(&self) -> impl Iterator<Item = SubjectId> {
        std::iter::once(SubjectId(self.user.0)).chain(self.keys.iter().map(|key| SubjectId(key.0)))
    }
}

stored_events! {
    /// What happened to a person.
    pub enum UserEvent {
        /// They have an account.
        Registered(UserRegistered) = ("user.registered", 1),
        /// They are to be forgotten.
        Erased(UserErased) = ("user.erased", 1),
    }
}

/// What can be asked of a person's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserCommand {
    /// Make it.
    Register(UserRegistered),
    /// Forget who they are, with API keys that this person alone used. Nothing happens if they are forgotten already.
    Erase {
        /// The keys.
        keys: BTreeSet<ApiKeyId>,
    },
}

/// Where an account stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserState {
    /// There is none.
    Missing,
    /// There is one.
    Registered(UserId),
    /// There was one.
    Erased {
        /// Whose.
        user: UserId,
        /// The API keys that were erased with it.
        keys: BTreeSet<ApiKeyId>,
    },
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserRefusal {
    /// There is one already, or there was.
    #[error("the user exists already")]
    Exists,
    /// There never was one.
    #[error("the user does not exist")]
    NotFound,
}

/// The rules of people's accounts.
#[derive(Debug)]
pub struct User;

/// The stream of a person.
pub fn user_stream(id: UserId) -> StreamName {
    StreamName::new("user", id)
}

/// Whether `text` can be an e-mail address: one `@` between something and a domain, no white space, at most
/// 254 characters (RFC 5321 §4.5.3.1).
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let clean = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    clean && text.len() <= 254 && !local.is_empty() && !local.contains('@') && !domain.is_empty()
}

impl Decider for User {
    type State = UserState;
    type Command = UserCommand;
    type Event = UserEvent;
    type Refusal = UserRefusal;

    fn initial() -> UserState {
        UserState::Missing
    }

    fn evolve(state: UserState, event: &UserEvent) -> UserState {
        match event {
            UserEvent::Registered(registered) => UserState::Registered(registered.user),
            UserEvent::Erased(erased) => {
                let mut keys = erased.keys.clone();
                if let UserState::Erased { keys: before, .. } = state {
                    keys.extend(before);
                }
                UserState::Erased { user: erased.user, keys }
            }
        }
    }

    fn decide(state: &UserState, command: UserCommand) -> Result<Vec<UserEvent>, UserRefusal> {
        match (state, command) {
            (UserState::Missing, UserCommand::Register(registered)) => Ok(vec![registered.into()]),
            (_, UserCommand::Register(_)) => Err(UserRefusal::Exists),
            (UserState::Missing, UserCommand::Erase { .. }) => Err(UserRefusal::NotFound),
            (UserState::Registered(user), UserCommand::Erase { keys }) => {
                Ok(vec![UserErased { user: *user, keys }.into()])
            }
            (UserState::Erased { user, keys: before }, UserCommand::Erase { keys }) => {
                let further: BTreeSet<_> = keys.difference(before).copied().collect();
                if further.is_empty() {
                    return Ok(vec![]);
                }
                Ok(vec![UserErased { user: *user, keys: further }.into()])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{User, UserCommand, UserErased, UserRefusal, UserRegistered, is_email, user_stream};
    use crate::decider::given;
    use crate::id::{ApiKeyId, SubjectId, UserId};
    use crate::vault::Sealed;
    use std::collections::BTreeSet;
    use uuid::Uuid;

    const ANA: UserId = UserId(Uuid::from_u128(1));

    fn ana() -> UserRegistered {
        UserRegistered {
            user: ANA,
            name: Sealed("sealed name".to_owned()),
            email: Sealed("sealed address".to_owned()),
            password: None,
        }
    }

    #[test]
    fn a_person_is_registered_once() {
        given::<User>([]).when(UserCommand::Register(ana())).then([ana().into()]);
        given::<User>([ana().into()]).when(UserCommand::Register(ana())).then_refused(UserRefusal::Exists);
    }

    fn keys(numbers: &[u128]) -> BTreeSet<ApiKeyId> {
        numbers.iter().map(|number| ApiKeyId(Uuid::from_u128(*number))).collect()
    }

    fn erased(numbers: &[u128]) -> UserErased {
        UserErased { user: ANA, keys: keys(numbers) }
    }

    fn erase(numbers: &[u128]) -> UserCommand {
        UserCommand::Erase { keys: keys(numbers) }
    }

    #[test]
    fn a_person_is_erased_with_the_keys_that_they_alone_used() {
        given::<User>([ana().into()]).when(erase(&[])).then([erased(&[]).into()]);
        given::<User>([ana().into()]).when(erase(&[3, 2])).then([erased(&[2, 3]).into()]);
        let subjects: Vec<_> = erased(&[2, 3]).subjects().collect();
        assert_eq!(subjects, [1, 2, 3].map(|number| SubjectId(Uuid::from_u128(number))));
    }

    #[test]
    fn a_person_is_erased_once_and_each_further_key_once() {
        let before = || [ana().into(), erased(&[2]).into(), erased(&[3]).into()];
        for known in [&[][..], &[2], &[2, 3]] {
            given::<User>(before()).when(erase(known)).then([]);
        }
        given::<User>(before()).when(erase(&[3, 4])).then([erased(&[4]).into()]);
    }

    #[test]
    fn who_never_was_cannot_be_erased() {
        given::<User>([]).when(erase(&[])).then_refused(UserRefusal::NotFound);
    }

    #[test]
    fn who_was_erased_does_not_come_back() {
        given::<User>([ana().into(), erased(&[]).into()])
            .when(UserCommand::Register(ana()))
            .then_refused(UserRefusal::Exists);
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
}
