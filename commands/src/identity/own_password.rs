//! Changing one's own password, and what becomes of the API keys that act for somebody.

use super::notice::Notice;
use super::person::PersonRefusal;
use super::session::Known;
use super::{Asked, Identities, SignedIn, to_the_end};
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ports::KeyOfPerson;
use scanledger_domain::decider::Decider as _;
use scanledger_domain::id::{ApiKeyId, SubjectId, UserId};
use scanledger_domain::identity::{
    Account, ApiKey, ApiKeyCommand, Method, SessionKind, SignInFailure, User, UserCommand, UserRefusal,
    UserState, apikey_stream, check_password,
};
use scanledger_domain::log::{Actor, Position};
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;
use tracing::Instrument as _;

/// How often keys that were made meanwhile are looked for: a key may make another before it is over.
const ROUNDS: usize = 8;
/// How long read models that are behind are waited for once whoever asked has been answered.
const LATER_WAIT: Duration = Duration::from_secs(600);

/// What becomes of the API keys that act for somebody whose password is set anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum KeysAfter {
    /// They go on: programs use them, and a password is changed for many reasons.
    #[default]
    Kept,
    /// They end: somebody else may have made or read them.
    Revoked,
}

impl From<bool> for KeysAfter {
    fn from(is_revoked: bool) -> Self {
        if is_revoked { Self::Revoked } else { Self::Kept }
    }
}

/// A password that is to take the place of another. `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordChange {
    /// The present one.
    pub present: String,
    /// The next one.
    pub next: String,
    /// What becomes of API keys.
    pub keys: KeysAfter,
    /// What the session is for that begins instead of those that are over.
    pub kind: SessionKind,
}

impl fmt::Debug for PasswordChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordChange").field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// What came of changing a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordChanged {
    /// The session that takes the place of all others.
    pub signed_in: SignedIn,
    /// How many API keys have ended with it.
    pub revoked_keys: u64,
    /// How many API keys still act for the person, as far as the read model knows.
    pub live_keys: u64,
}

/// A password that has taken the place of another.
#[derive(Debug)]
pub(super) struct Replaced {
    /// The person's epoch that this made.
    pub(super) epoch: u32,
    /// The API keys that have ended with it.
    pub(super) ended: Ended,
}

/// API keys that have ended.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// How many this has ended.
    count: u64,
    /// Those that are over, whoever has ended them: the read model may not know it yet.
    over: BTreeSet<ApiKeyId>,
    /// Position of the last event.
    pub(super) position: Option<Position>,
}

type Result<T> = std::result::Result<T, CommandError<PersonRefusal>>;

impl Identities {
    /// Gives somebody who is signed in another password, once they have shown the present one. All their sessions are
    /// over then, and a new one begins, which is over too if anything else has ended them all meanwhile.
    ///
    /// # Errors
    /// [`PersonRefusal::WeakPassword`], [`UserRefusal::NoPassword`], and [`UserRefusal::WrongPassword`], which is
    /// recorded; else a fault.
    pub async fn change_password(
        &self,
        asked: &Asked,
        user: UserId,
        change: PasswordChange,
    ) -> Result<PasswordChanged> {
        let refused = |refusal: UserRefusal| CommandError::Refused(PersonRefusal::User(refusal));
        check_password(&change.next).map_err(|weak| CommandError::Refused(weak.into()))?;
        let known = self.person(user).await?.ok_or(refused(UserRefusal::NotFound))?;
        let before = known.account.password.clone().ok_or(refused(UserRefusal::NoPassword))?;
        let stored = self.vault.open(&before)?;
        if !self.passwords.verify(&change.present, stored).await? {
            self.note_failure(asked, Some(&known), SignInFailure::Password).await;
            return Err(refused(UserRefusal::WrongPassword));
        }
        let password = self.sealed_password(user, &change.next).await?;
        let context = self.context(asked, Actor::User(user), known.home(), SubjectId(user.0))?;
        let command = UserCommand::ChangePassword { password, before };
        let (identities, asked) = (self.clone(), asked.clone());
        let begun = async move {
            let account = known.account.clone();
            let replaced = identities.replace_password(&context, account, command, change.keys).await?;
            let live_keys = identities.live_keys_besides(user, &replaced.ended).await?.len() as u64;
            // If anything has ended all sessions since, it ends this one too.
            let account = Account { epoch: replaced.epoch, ..known.account };
            let known = Known { account, organizations: known.organizations };
            let signed_in = identities.start(&asked, &known, Method::Password, change.kind).await;
            let signed_in = signed_in
                .map_err(|error| error.map_refused(|_| PersonRefusal::User(UserRefusal::Inactive)))?;
            Ok(PasswordChanged { signed_in, revoked_keys: replaced.ended.count, live_keys })
        };
        to_the_end(begun).await?
    }

    /// Gives somebody another password, tells them, and ends their API keys if that is wanted: those that are known
    /// before the password is another one, so that a server which ends in between leaves nobody with a new password and
    /// old keys; those that were made meanwhile afterwards, and if they are not known yet, as soon as they are. To be
    /// done [to the end](to_the_end).
    ///
    /// # Errors
    /// What the person's rules refuse; nothing has ended then, unless something else came between. Else a fault.
    pub(super) async fn replace_password(
        &self,
        context: &Context,
        account: Account,
        command: UserCommand,
        keys: KeysAfter,
    ) -> Result<Replaced> {
        let user = account.user;
        let state = UserState::Registered(Box::new(account));
        let events = User::decide(&state, command.clone())
            .map_err(|refusal| CommandError::Refused(PersonRefusal::from(refusal)))?;
        let after = events.iter().fold(state, User::evolve);
        let epoch = after.account().map(|account| account.epoch).unwrap_or_default();
        let mut ended = Ended::default();
        if keys == KeysAfter::Revoked {
            let known = self.views.live_keys_of(user, self.clock.now()).await?;
            self.end_each(context, known, &mut ended).await?;
        }
        ended.position = ended.position.max(self.change_user(context, user, command).await?.position);
        // Whatever fails from here on, the password is another one, and its owner has to hear of it.
        self.tell(user, Notice::Password, ended.position);
        if keys == KeysAfter::Revoked
            && let Err(fault) = self.end_others(context, user, super::VIEWS_WAIT, &mut ended).await
        {
            // Whoever asked would take an error for a password that is still the one before.
            tracing::warn!(error = &fault as &dyn std::error::Error, "keys of a person end later");
            self.end_later(context.clone(), user);
        }
        Ok(Replaced { epoch, ended })
    }

    /// Ends the API keys of somebody beside whatever goes on, as soon as the read models know all of them.
    fn end_later(&self, context: Context, user: UserId) {
        let identities = self.clone();
        let ending = async move {
            let ended = identities.end_others(&context, user, LATER_WAIT, &mut Ended::default()).await;
            if let Err(fault) = ended {
                tracing::error!(error = &fault as &dyn std::error::Error, "keys of a person were not ended");
            }
        };
        tokio::spawn(ending.in_current_span());
    }

    /// The API keys that act for somebody, without those that are over though the read model does not know it yet.
    async fn live_keys_besides(
        &self,
        user: UserId,
        ended: &Ended,
    ) -> std::result::Result<Vec<KeyOfPerson>, Fault> {
        let mut keys = self.views.live_keys_of(user, self.clock.now()).await?;
        keys.retain(|known| !ended.over.contains(&known.key));
        Ok(keys)
    }

    /// Ends every API key that acts for somebody as of now, and those that are made meanwhile; waits so long for the read
    /// model to know them.
    async fn end_others(
        &self,
        context: &Context,
        user: UserId,
        patience: Duration,
        ended: &mut Ended,
    ) -> std::result::Result<(), Fault> {
        for _ in 0..ROUNDS {
            // Up to the end of the log: what somebody else has ended meanwhile is not among them either.
            let head = self.ledger.log().head().await?;
            self.views.wait_for(head, patience).await?;
            let keys = self.live_keys_besides(user, ended).await?;
            if keys.is_empty() {
                return Ok(());
            }
            self.end_each(context, keys, ended).await?;
        }
        Err(Fault::other("end the keys of a person", "others are made all the time"))
    }

    async fn end_each(
        &self,
        context: &Context,
        keys: Vec<KeyOfPerson>,
        ended: &mut Ended,
    ) -> std::result::Result<(), Fault> {
        for known in keys {
            // It is the audit log of the key's organization that says that it has ended.
            let context = Context {
                organization: Some(known.organization),
                ..context.derive(&format!("revoke {}", known.key))
            };
            let stream = apikey_stream(known.key);
            match self.ledger.execute::<ApiKey>(&context, &stream, None, ApiKeyCommand::Revoke).await {
                Ok(done) => {
                    ended.count += u64::from(!done.is_repeat);
                    ended.over.insert(known.key);
                    ended.position = ended.position.max(done.position);
                }
                // It has ended already.
                Err(CommandError::Refused(_)) => drop(ended.over.insert(known.key)),
                // The next round ends it.
                Err(CommandError::Stale { .. } | CommandError::Contended) => {}
                Err(CommandError::Fault(fault)) => return Err(fault),
            }
        }
        Ok(())
    }
}
