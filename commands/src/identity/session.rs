//! Signing in, going on, and signing out.

use super::{Asked, Identities, Token};
use crate::error::{CommandError, Fault};
use scanledger_domain::claim::{Claim, Unique, claim_stream};
use scanledger_domain::id::{OrganizationId, SessionId, SubjectId, UserId};
use scanledger_domain::identity::{
    Account, KeyHash, Method, Session, SessionCommand, SessionEnd, SessionEvent, SessionKind, SessionRefusal,
    SessionStarted, SignInFailure, User, UserCommand, UserState, plain_email, session_stream, user_stream,
};
use scanledger_domain::log::{Actor, Position, StreamName};
use scanledger_domain::time::Timestamp;
use std::time::Duration;

/// How long sessions and what belongs to them last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// An access token (TRUSCA reference §2.1: 30 minutes).
    pub access: Duration,
    /// A token to continue a session with (TRUSCA reference §2.1: 7 days).
    pub refresh: Duration,
    /// A session, however often it is continued.
    pub session: Duration,
    /// A token to set another password (TRUSCA reference §3.1: 1 hour).
    pub reset: Duration,
    /// How long nobody can ask for another one (TRUSCA reference §2.5: 300 seconds).
    pub reset_cooldown: Duration,
    /// An invitation.
    pub invitation: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self {
            access: Duration::from_secs(30 * 60),
            refresh: Duration::from_secs(7 * DAY),
            session: Duration::from_secs(30 * DAY),
            reset: Duration::from_secs(60 * 60),
            reset_cooldown: Duration::from_secs(300),
            invitation: Duration::from_secs(7 * DAY),
        }
    }
}

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// Who.
    pub user: UserId,
    /// Their session.
    pub session: SessionId,
    /// The token to continue it with.
    pub token: Token,
    /// When that ends.
    pub token_expires_at: Timestamp,
    /// Position of the last event.
    pub position: Position,
}

/// Why somebody is not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignInRefusal {
    /// The address, the password or the account will not do; which of them is not told.
    #[error("the address or the password is not right")]
    Invalid,
    /// The session is over, or its token is not good.
    #[error("the session is over, or its token is not good")]
    Over,
    /// The token was used before: all sessions of its owner are over.
    #[error("the token was used before; all sessions are over")]
    Reused,
}

type Result<T> = std::result::Result<T, CommandError<SignInRefusal>>;

/// A person, with what signing in needs to know.
pub(super) struct Known {
    pub(super) account: Account,
    /// Where they belong, in the order in which they came.
    pub(super) organizations: Vec<OrganizationId>,
}

impl Known {
    /// The organization whose audit log says what they do about themselves: the one that they came to first.
    pub(super) fn home(&self) -> Option<OrganizationId> {
        self.organizations.first().copied()
    }
}

impl Identities {
    /// Signs somebody in with a password. An unknown address takes as long as a wrong password.
    ///
    /// # Errors
    /// [`SignInRefusal::Invalid`]; else a fault.
    pub async fn sign_in(
        &self,
        asked: &Asked,
        email: &str,
        password: &str,
        kind: SessionKind,
    ) -> Result<SignedIn> {
        let known = self.person_with(email).await?;
        let sealed = known.as_ref().and_then(|known| known.account.password.as_ref());
        let stored = match sealed {
            Some(sealed) => self.vault.open(sealed)?,
            None => None,
        };
        let is_right = self.passwords.verify(password, stored).await?;
        let (about, failure) = match known {
            Some(known) if is_right && known.account.is_active => {
                return self.start(asked, &known, Method::Password, kind).await;
            }
            Some(known) if is_right => (Some(known), SignInFailure::Inactive),
            Some(known) => (Some(known), SignInFailure::Password),
            None => (None, SignInFailure::Unknown),
        };
        self.note_failure(asked, about.as_ref(), failure).await;
        Err(CommandError::Refused(SignInRefusal::Invalid))
    }

    /// Records that somebody was not let in because too many attempts had failed before. To be done after the answer,
    /// which must not tell by its time whether anybody has the address.
    ///
    /// # Errors
    /// When the log cannot be read or written.
    pub async fn record_locked(&self, asked: &Asked, email: &str) -> std::result::Result<(), Fault> {
        let about = self.person_with(email).await?;
        self.record_failure(asked, about.as_ref(), SignInFailure::Locked).await
    }

    /// Begins a session of somebody who has shown who they are.
    pub(super) async fn start(
        &self,
        asked: &Asked,
        known: &Known,
        method: Method,
        kind: SessionKind,
    ) -> Result<SignedIn> {
        let Account { user, epoch, .. } = known.account;
        let session: SessionId = asked.command.derive("session").0.into();
        let token = self.secret(&session.0.simple().to_string())?;
        let now = self.clock.now();
        let expires_at = after(now, self.lifetimes.session);
        let token_expires_at = after(now, self.lifetimes.refresh).min(expires_at);
        let started = SessionStarted {
            session,
            user,
            kind,
            method,
            epoch,
            token: token.hash(),
            token_expires_at,
            expires_at,
        };
        let context = self.context(asked, Actor::User(user), known.home(), SubjectId(user.0))?;
        let context = context.derive("session");
        let done = self
            .ledger
            .execute::<Session>(&context, &session_stream(session), None, SessionCommand::Start(started))
            .await
            .map_err(|error| error.map_refused(|_| SignInRefusal::Over))?;
        if done.is_repeat {
            // Its token was shown to whoever asked first.
            return Err(CommandError::Refused(SignInRefusal::Over));
        }
        let position = done.position.unwrap_or_default();
        Ok(SignedIn { user, session, token, token_expires_at, position })
    }

    /// Takes the token of a session and gives another one. A token that was used before ends all sessions of its
    /// owner.
    ///
    /// # Errors
    /// [`SignInRefusal::Over`], [`SignInRefusal::Reused`]; else a fault.
    pub async fn continue_session(&self, asked: &Asked, token: &str) -> Result<SignedIn> {
        let over = || CommandError::Refused(SignInRefusal::Over);
        let session = session_of(token).ok_or_else(over)?;
        let stream = session_stream(session);
        let life = self.ledger.load::<Session>(&stream).await?.0.ok_or_else(over)?;
        let user = life.started.user;
        let known = self.person(user).await?.ok_or_else(over)?;
        let is_current = known.account.is_active && known.account.epoch == life.started.epoch;
        let next = self.secret(&session.0.simple().to_string())?;
        let now = self.clock.now();
        let sent = KeyHash::of(token);
        if !is_current && !life.used.contains(&sent) {
            return Err(over());
        }
        let next_expires_at = after(now, self.lifetimes.refresh);
        let context = self.context(asked, Actor::User(user), known.home(), SubjectId(user.0))?;
        let command = SessionCommand::Continue { sent, next: next.hash(), next_expires_at, now };
        let done = self
            .ledger
            .execute::<Session>(&context.derive("session"), &stream, None, command)
            .await
            .map_err(|error| error.map_refused(|_: SessionRefusal| SignInRefusal::Over))?;
        match done.events.first() {
            Some(SessionEvent::Continued(continued)) if !done.is_repeat => Ok(SignedIn {
                user,
                session,
                token: next,
                token_expires_at: continued.token_expires_at,
                position: done.position.unwrap_or_default(),
            }),
            Some(SessionEvent::Ended(ended)) if ended.reason == SessionEnd::Reuse => {
                self.ledger
                    .execute::<User>(
                        &context.derive("reuse"),
                        &user_stream(user),
                        None,
                        UserCommand::EndSessions,
                    )
                    .await
                    .map_err(|error| error.map_refused(|_| SignInRefusal::Reused))?;
                Err(CommandError::Refused(SignInRefusal::Reused))
            }
            Some(_) | None => Err(over()),
        }
    }

    /// Ends the session of a token; whatever the token is, nobody is signed in with it afterwards.
    ///
    /// # Errors
    /// When the log cannot be read or written.
    pub async fn sign_out(&self, asked: &Asked, token: &str) -> std::result::Result<Option<Position>, Fault> {
        let Some(session) = session_of(token) else { return Ok(None) };
        let Some(life) = self.ledger.load::<Session>(&session_stream(session)).await?.0 else {
            return Ok(None);
        };
        // Who only knows the id of a session cannot end it.
        let sent = KeyHash::of(token);
        if life.token.0 != sent && !life.used.contains(&sent) {
            return Ok(None);
        }
        self.end_session(asked, life.started.user, session).await
    }

    /// Ends a session whose owner is known to ask for it.
    ///
    /// # Errors
    /// When the log cannot be read or written.
    pub async fn end_session(
        &self,
        asked: &Asked,
        user: UserId,
        session: SessionId,
    ) -> std::result::Result<Option<Position>, Fault> {
        let organization = self.person(user).await?.and_then(|known| known.home());
        let context = self.context(asked, Actor::User(user), organization, SubjectId(user.0))?;
        let done = self
            .ledger
            .execute::<Session>(&context, &session_stream(session), None, SessionCommand::SignOut)
            .await;
        match done {
            Ok(done) => Ok(done.position),
            Err(CommandError::Refused(_) | CommandError::Stale { .. } | CommandError::Contended) => Ok(None),
            Err(CommandError::Fault(fault)) => Err(fault),
        }
    }

    /// Who has an address, by the claim on it, so that nobody's has to be opened; whoever is meant may be erased by now.
    ///
    /// # Errors
    /// When the log or the vault cannot be used.
    pub async fn holder_of_address(&self, email: &str) -> std::result::Result<Option<UserId>, Fault> {
        self.claimed_by(claim_stream(&*self.vault, Unique::Email(&plain_email(email)))).await
    }

    async fn claimed_by(&self, claim: StreamName) -> std::result::Result<Option<UserId>, Fault> {
        let holder = self.ledger.load::<Claim>(&claim).await?.0;
        Ok(holder.and_then(|holder| holder.as_str().strip_prefix("user-")?.parse().ok()))
    }

    /// Whoever has an address.
    pub(super) async fn person_with(&self, email: &str) -> std::result::Result<Option<Known>, Fault> {
        let email = plain_email(email);
        self.holder_of(claim_stream(&*self.vault, Unique::Email(&email))).await
    }

    /// Whoever holds a claim that only people hold.
    pub(super) async fn holder_of(&self, claim: StreamName) -> std::result::Result<Option<Known>, Fault> {
        match self.claimed_by(claim).await? {
            Some(user) => self.person(user).await,
            None => Ok(None),
        }
    }

    /// A person who has an account.
    pub(super) async fn person(&self, user: UserId) -> std::result::Result<Option<Known>, Fault> {
        match self.ledger.load::<User>(&user_stream(user)).await?.0 {
            UserState::Registered(account) => {
                let organizations = self.views.homes_of(user).await?;
                Ok(Some(Known { account: *account, organizations }))
            }
            UserState::Missing | UserState::Erased { .. } => Ok(None),
        }
    }
}

/// The session that a token says it belongs to.
fn session_of(token: &str) -> Option<SessionId> {
    let (id, secret) = token.split_once('.')?;
    (secret.len() == 43 && id.len() == 32).then(|| id.parse().ok())?
}

pub(super) fn after(now: Timestamp, span: Duration) -> Timestamp {
    now.plus_seconds(i64::try_from(span.as_secs()).unwrap_or(i64::MAX / 2_000_000))
}
