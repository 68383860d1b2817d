//! People. Everything personal is sealed before it gets here.

use crate::decider::Decider;
use crate::id::UserId;
use crate::log::StreamName;
use crate::stored_events;
use crate::vault::Sealed;
use serde::{Deserialize, Serialize};

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

stored_events! {
    /// What happened to a person.
    pub enum UserEvent {
        /// They have an account.
        Registered(UserRegistered) = ("user.registered", 1),
    }
}

/// What can be asked of a person's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserCommand {
    /// Make it.
    Register(UserRegistered),
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserRefusal {
    /// There is one already.
    #[error("the user exists already")]
    Exists,
}

/// The rules of people's accounts; the state is whether there is one.
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
    type State = bool;
    type Command = UserCommand;
    type Event = UserEvent;
    type Refusal = UserRefusal;

    fn initial() -> bool {
        false
    }

    fn evolve(_: bool, event: &UserEvent) -> bool {
        match event {
            UserEvent::Registered(_) => true,
        }
    }

    fn decide(exists: &bool, command: UserCommand) -> Result<Vec<UserEvent>, UserRefusal> {
        match (exists, command) {
            (false, UserCommand::Register(registered)) => Ok(vec![registered.into()]),
            (true, UserCommand::Register(_)) => Err(UserRefusal::Exists),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{User, UserCommand, UserRefusal, UserRegistered, is_email, user_stream};
    use crate::decider::given;
    use crate::id::UserId;
    use crate::vault::Sealed;
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
