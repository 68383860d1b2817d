//! The rules of people's accounts.

use super::{
    AddressProof, Channels, PasswordSetter, Provider, Rank, UserActivated, UserChannelsSet, UserDeactivated,
    UserErased, UserEvent, UserIdentityLinked, UserIdentityUnlinked, UserPasswordSet, UserRankChanged,
    UserRegistered, UserResetRequested, UserSessionsEnded,
};
use crate::decider::Decider;
use crate::id::{ApiKeyId, IdentityId, SubjectId, UserId};
use crate::identity::KeyHash;
use crate::time::Timestamp;
use crate::vault::Sealed;
use std::collections::{BTreeMap, BTreeSet};

/// What can be asked of a person's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserCommand {
    /// Make it.
    Register(UserRegistered),
    /// Forget who they are. Nothing happens if they are forgotten already, with these keys and marks.
    Erase {
        /// API keys that this person alone used.
        keys: BTreeSet<ApiKeyId>,
        /// For whom was sealed what others said of them.
        marks: BTreeSet<SubjectId>,
    },
    /// Forget somebody who never had an account, as [`Self::Erase`] does.
    EraseStranger(UserErased),
    /// Let them sign in no more.
    Deactivate,
    /// Let them sign in again.
    Activate,
    /// Make them something else to the installation.
    SetRank(Rank),
    /// Give them another password, as an operator, whatever they know.
    SetPassword {
        /// The hash, sealed.
        password: Sealed,
    },
    /// Give them another password, which they chose after they had shown the one before.
    ChangePassword {
        /// The hash, sealed.
        password: Sealed,
        /// The hash that was shown to be of theirs; nothing is changed if that is no longer the one.
        before: Sealed,
    },
    /// Let whoever has a token set another password.
    RequestReset {
        /// Hash of the token.
        token: KeyHash,
        /// When it ends.
        expires_at: Timestamp,
    },
    /// Use such a token.
    Reset {
        /// Hash of the token.
        token: KeyHash,
        /// The hash of the new password, sealed.
        password: Sealed,
        /// The present instant.
        now: Timestamp,
    },
    /// End all their sessions.
    EndSessions,
    /// Let somebody else vouch for them.
    Link(UserIdentityLinked),
    /// Let somebody else vouch for them no more.
    Unlink(IdentityId),
    /// Say where they want to be told.
    SetChannels(Channels),
}

/// A password reset that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordReset {
    /// Hash of the token.
    pub token: KeyHash,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A link to somebody who vouches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedIdentity {
    /// Who vouches.
    pub provider: Provider,
    /// The provider's id for the person, sealed.
    pub subject: Sealed,
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Whose.
    pub user: UserId,
    /// Their name, sealed.
    pub name: Sealed,
    /// Their address, sealed.
    pub email: Sealed,
    /// Hash of their password, sealed.
    pub password: Option<Sealed>,
    /// How it is known that the address is theirs.
    pub address: AddressProof,
    /// Whether they may sign in.
    pub is_active: bool,
    /// What they are to the installation.
    pub rank: Rank,
    /// How often all their sessions were ended; sessions of an earlier epoch are over.
    pub epoch: u32,
    /// A reset that was asked for and not used.
    pub reset: Option<PasswordReset>,
    /// Who vouches for them.
    pub identities: BTreeMap<IdentityId, LinkedIdentity>,
    /// Where they want to be told.
    pub channels: Channels,
}

/// Where an account stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserState {
    /// There is none.
    Missing,
    /// There is one.
    Registered(Box<Account>),
    /// There was one, or there never was; all that was erased of whom.
    Erased(UserErased),
}

impl UserState {
    /// The account, if there is one.
    pub fn account(&self) -> Option<&Account> {
        match self {
            Self::Registered(account) => Some(account),
            Self::Missing | Self::Erased(_) => None,
        }
    }
}

/// Why something is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UserRefusal {
    /// There is one already, or there was.
    #[error("the user exists already")]
    Exists,
    /// There is none, or no longer.
    #[error("the user does not exist")]
    NotFound,
    /// The account is not active.
    #[error("the account is not active")]
    Inactive,
    /// The password that was shown is not theirs, or no longer.
    #[error("the present password is not right")]
    WrongPassword,
    /// There is no password to be changed: others vouch for them.
    #[error("the account has no password; a reset gives it one")]
    NoPassword,
    /// The token of a reset is not good, or no longer.
    #[error("the token is invalid or has expired")]
    BadToken,
    /// There is no such link.
    #[error("the identity is not linked")]
    NotLinked,
    /// Nothing to sign in with would be left.
    #[error("nothing to sign in with would be left")]
    LocksOut,
}

/// The rules of people's accounts.
#[derive(Debug)]
pub struct User;

impl Decider for User {
    type State = UserState;
    type Command = UserCommand;
    type Event = UserEvent;
    type Refusal = UserRefusal;

    fn initial() -> UserState {
        UserState::Missing
    }

    fn evolve(state: UserState, event: &UserEvent) -> UserState {
        match (state, event) {
            (_, UserEvent::Registered(registered)) => UserState::Registered(Box::new(Account {
                user: registered.user,
                name: registered.name.clone(),
                email: registered.email.clone(),
                password: registered.password.clone(),
                address: registered.address,
                is_active: true,
                rank: Rank::Ordinary,
                epoch: 0,
                reset: None,
                identities: BTreeMap::new(),
                channels: Channels::default(),
            })),
            (UserState::Erased(before), UserEvent::Erased(erased)) => UserState::Erased(UserErased {
                user: erased.user,
                keys: &erased.keys | &before.keys,
                marks: &erased.marks | &before.marks,
            }),
            (_, UserEvent::Erased(erased)) => UserState::Erased(erased.clone()),
            (UserState::Registered(mut account), event) => {
                change(&mut account, event);
                UserState::Registered(account)
            }
            (state @ (UserState::Missing | UserState::Erased(_)), _) => state,
        }
    }

    fn decide(state: &UserState, command: UserCommand) -> Result<Vec<UserEvent>, UserRefusal> {
        match (state, command) {
            (UserState::Missing, UserCommand::Register(registered)) => Ok(vec![registered.into()]),
            (_, UserCommand::Register(_)) => Err(UserRefusal::Exists),
            (UserState::Erased(before), UserCommand::Erase { keys, marks }) => {
                let further = UserErased { user: before.user, keys, marks }.beyond(before);
                Ok(further.map(UserEvent::from).into_iter().collect())
            }
            (UserState::Missing, UserCommand::EraseStranger(erased)) => Ok(vec![erased.into()]),
            (UserState::Erased(before), UserCommand::EraseStranger(erased)) => {
                Ok(erased.beyond(before).map(UserEvent::from).into_iter().collect())
            }
            (UserState::Missing | UserState::Erased(_), _) => Err(UserRefusal::NotFound),
            (UserState::Registered(account), command) => of_account(account, command),
        }
    }
}

fn change(account: &mut Account, event: &UserEvent) {
    match event {
        UserEvent::Registered(_) | UserEvent::Erased(_) => (),
        UserEvent::Deactivated(_) => {
            account.is_active = false;
            account.epoch += 1;
            account.reset = None;
        }
        UserEvent::Activated(_) => account.is_active = true,
        UserEvent::RankChanged(changed) => account.rank = changed.rank,
        UserEvent::PasswordSet(set) => {
            // Who uses a token has read the message that it came with.
            if account.reset.is_some() && set.setter == PasswordSetter::Reset {
                account.address = AddressProof::Known;
            }
            account.password = Some(set.password.clone());
            account.epoch += 1;
            account.reset = None;
        }
        UserEvent::ResetRequested(requested) => {
            let UserResetRequested { token, expires_at, .. } = requested.clone();
            account.reset = Some(PasswordReset { token, expires_at });
        }
        UserEvent::SessionsEnded(_) => account.epoch += 1,
        UserEvent::IdentityLinked(linked) => {
            let UserIdentityLinked { provider, subject, .. } = linked.clone();
            account.identities.insert(linked.identity, LinkedIdentity { provider, subject });
        }
        UserEvent::IdentityUnlinked(unlinked) => {
            account.identities.remove(&unlinked.identity);
        }
        UserEvent::ChannelsSet(set) => account.channels = set.channels,
    }
}

fn of_account(account: &Account, command: UserCommand) -> Result<Vec<UserEvent>, UserRefusal> {
    let user = account.user;
    let event: UserEvent = match command {
        UserCommand::Register(_) | UserCommand::EraseStranger(_) => return Err(UserRefusal::Exists),
        UserCommand::Erase { keys, marks } => UserErased { user, keys, marks }.into(),
        UserCommand::Deactivate if !account.is_active => return Ok(vec![]),
        UserCommand::Deactivate => UserDeactivated { user }.into(),
        UserCommand::Activate if account.is_active => return Ok(vec![]),
        UserCommand::Activate => UserActivated { user }.into(),
        UserCommand::SetRank(rank) if rank == account.rank => return Ok(vec![]),
        UserCommand::SetRank(rank) => UserRankChanged { user, rank }.into(),
        UserCommand::SetPassword { password } => {
            UserPasswordSet { user, password, setter: PasswordSetter::Operator }.into()
        }
        UserCommand::ChangePassword { .. } if !account.is_active => return Err(UserRefusal::Inactive),
        UserCommand::ChangePassword { password, before } => match &account.password {
            None => return Err(UserRefusal::NoPassword),
            Some(present) if *present != before => return Err(UserRefusal::WrongPassword),
            Some(_) => UserPasswordSet { user, password, setter: PasswordSetter::Changed }.into(),
        },
        UserCommand::RequestReset { .. } if !account.is_active => return Err(UserRefusal::Inactive),
        UserCommand::RequestReset { token, expires_at } => {
            UserResetRequested { user, token, expires_at }.into()
        }
        UserCommand::Reset { token, password, now } => {
            let is_good = |reset: &PasswordReset| reset.token == token && now < reset.expires_at;
            if !account.is_active || !account.reset.as_ref().is_some_and(is_good) {
                return Err(UserRefusal::BadToken);
            }
            UserPasswordSet { user, password, setter: PasswordSetter::Reset }.into()
        }
        UserCommand::EndSessions => UserSessionsEnded { user }.into(),
        UserCommand::Link(linked) if account.identities.contains_key(&linked.identity) => return Ok(vec![]),
        UserCommand::Link(_) if !account.is_active => return Err(UserRefusal::Inactive),
        UserCommand::Link(linked) => linked.into(),
        UserCommand::Unlink(identity) if !account.identities.contains_key(&identity) => {
            return Err(UserRefusal::NotLinked);
        }
        UserCommand::Unlink(_) if account.password.is_none() && account.identities.len() == 1 => {
            return Err(UserRefusal::LocksOut);
        }
        UserCommand::Unlink(identity) => UserIdentityUnlinked { user, identity }.into(),
        UserCommand::SetChannels(channels) if channels == account.channels => return Ok(vec![]),
        UserCommand::SetChannels(channels) => UserChannelsSet { user, channels }.into(),
    };
    Ok(vec![event])
}
