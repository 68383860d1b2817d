//! Forgotten passwords (OWASP forgot-password cheat sheet): the same answer whoever asks, tokens that work once.

use super::session::after;
use super::{Asked, Identities, KeysAfter, PersonChanged, PersonRefusal, Token, to_the_end};
use crate::context::Context;
use crate::error::{CommandError, Fault};
use crate::ports::Mail;
use hashlink::LruCache;
use parking_lot::Mutex;
use scanledger_domain::id::{SubjectId, UserId};
use scanledger_domain::identity::{KeyHash, User, UserCommand, UserRefusal, plain_email, user_stream};
use scanledger_domain::log::Actor;
use scanledger_domain::time::Timestamp;
use scanledger_domain::vault::HashPurpose;

/// Addresses that are remembered.
const ADDRESSES: usize = 10_000;

/// When which address may ask again, whether or not anybody has it. Bounded; the eldest go first.
pub(super) struct Cooldowns(Mutex<LruCache<Vec<u8>, Timestamp>>);

impl Default for Cooldowns {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(ADDRESSES)))
    }
}

impl Cooldowns {
    /// Seconds until `address` may ask again; if that is now, it has asked.
    fn ask(&self, address: Vec<u8>, now: Timestamp, until: Timestamp) -> Result<(), u64> {
        let mut asked = self.0.lock();
        match asked.get(&address) {
            Some(next) if *next > now => {
                let left = u64::try_from(next.0 - now.0).unwrap_or_default();
                Err(left.div_ceil(1_000_000))
            }
            Some(_) | None => {
                asked.insert(address, until);
                Ok(())
            }
        }
    }
}

/// What came of asking for a reset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetAsked {
    /// If anybody has the address, they get a message; [`Identities::send_reset`] does that.
    Taken,
    /// This address was asked about a moment ago.
    TooSoon {
        /// Until it may be asked about again.
        seconds: u64,
    },
}

impl Identities {
    /// Notes that a reset was asked for; costs the same whether or not anybody has the address.
    pub fn ask_for_reset(&self, email: &str) -> ResetAsked {
        let address = self.vault.hash(HashPurpose::Claim, plain_email(email).as_bytes());
        let now = self.clock.now();
        match self.resets.ask(address, now, after(now, self.lifetimes.reset_cooldown)) {
            Ok(()) => ResetAsked::Taken,
            Err(seconds) => ResetAsked::TooSoon { seconds },
        }
    }

    /// Sends a token to whoever has an address, if anybody active does and messages can be sent. To be done after the
    /// answer, which must not tell by its time whether anybody has the address.
    ///
    /// # Errors
    /// When the log cannot be written, or the mail system takes no message.
    pub async fn send_reset(&self, asked: &Asked, email: &str, link: &str) -> Result<(), Fault> {
        let Some(mailer) = &self.mailer else {
            tracing::warn!("a password reset was asked for, but no mail system is configured");
            return Ok(());
        };
        let Some(known) = self.person_with(email).await? else { return Ok(()) };
        let user = known.account.user;
        let context = self.context(asked, Actor::System, known.home(), SubjectId(user.0))?;
        let Some(token) = self.new_reset(&context, user).await? else { return Ok(()) };
        let minutes = self.lifetimes.reset.as_secs() / 60;
        let text = format!(
            "Somebody, probably you, asked for a new password for your Scanledger account.\n\n\
             Open this address within {minutes} minutes to choose one:\n\n{link}{}\n\n\
             If it was not you, do nothing: your password stays as it is.\n",
            token.reveal()
        );
        let subject = "A new password for Scanledger".to_owned();
        let mail = Mail { to: plain_email(email), subject, text };
        mailer.send(mail).await.map_err(|error| Fault::other("send a message", error))
    }

    /// Makes a token for somebody because an administrator wants it, and sends it if messages can be sent.
    ///
    /// # Errors
    /// [`UserRefusal::NotFound`]; else a fault.
    pub async fn initiate_reset(
        &self,
        context: &Context,
        user: UserId,
        link: &str,
    ) -> Result<(), CommandError<PersonRefusal>> {
        let Some(known) = self.person(user).await? else {
            return Err(CommandError::Refused(UserRefusal::NotFound.into()));
        };
        let Some(token) = self.new_reset(context, user).await? else { return Ok(()) };
        let Some(mailer) = &self.mailer else { return Ok(()) };
        let Some(to) = self.vault.open(&known.account.email)? else { return Ok(()) };
        let text = format!(
            "An administrator asks you to choose a new password for your Scanledger account:\n\n{link}{}\n",
            token.reveal()
        );
        let mail = Mail { to, subject: "A new password for Scanledger".to_owned(), text };
        // The token stands; that its message did not go out is for whoever reads the server's log.
        if let Err(error) = mailer.send(mail).await {
            tracing::error!(error = &*error as &dyn std::error::Error, "a message was not sent");
        }
        Ok(())
    }

    /// Uses a token to set another password; all sessions are over then, and with [`KeysAfter::Revoked`] all API keys
    /// that act for the person. A message tells them, with how many keys are left.
    ///
    /// # Errors
    /// [`PersonRefusal::WeakPassword`], [`UserRefusal::BadToken`]; else a fault.
    pub async fn reset_password(
        &self,
        asked: &Asked,
        token: &str,
        password: &str,
        keys: KeysAfter,
    ) -> Result<PersonChanged, CommandError<PersonRefusal>> {
        let bad = || CommandError::Refused(UserRefusal::BadToken.into());
        let user = token.split_once('.').filter(|(id, _)| id.len() == 32);
        let user: Option<UserId> = user.and_then(|(id, _)| id.parse().ok());
        // A weak password is told about before the token is looked at, so that the token is still good afterwards.
        scanledger_domain::identity::check_password(password)
            .map_err(|weak| CommandError::Refused(weak.into()))?;
        let user = user.ok_or_else(bad)?;
        let known = self.person(user).await?.ok_or_else(bad)?;
        let (sent, now) = (KeyHash::of(token), self.clock.now());
        // Hashing is dear, and only whoever has a token may ask for it.
        if known.account.reset.as_ref().is_none_or(|reset| reset.token != sent) {
            return Err(bad());
        }
        let password = self.sealed_password(user, password).await?;
        let context = self.context(asked, Actor::User(user), known.home(), SubjectId(user.0))?;
        let command = UserCommand::Reset { token: sent, password, now };
        let identities = self.clone();
        let begun = async move { identities.replace_password(&context, known.account, command, keys).await };
        let replaced = to_the_end(begun).await??;
        Ok(PersonChanged { position: replaced.ended.position })
    }

    /// Makes a token; `None` for somebody who is not active.
    async fn new_reset(&self, context: &Context, user: UserId) -> Result<Option<Token>, Fault> {
        let token = self.secret(&user.0.simple().to_string())?;
        let expires_at = after(self.clock.now(), self.lifetimes.reset);
        let command = UserCommand::RequestReset { token: token.hash(), expires_at };
        let context = context.derive("reset");
        match self.ledger.execute::<User>(&context, &user_stream(user), None, command).await {
            Ok(done) if done.is_repeat => Ok(None),
            Ok(_) => Ok(Some(token)),
            Err(CommandError::Refused(_) | CommandError::Stale { .. } | CommandError::Contended) => Ok(None),
            Err(CommandError::Fault(fault)) => Err(fault),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cooldowns;
    use scanledger_domain::time::Timestamp;

    #[test]
    fn an_address_may_ask_again_after_a_while() {
        let cooldowns = Cooldowns::default();
        let ask = |address: &[u8], now: i64| {
            let (now, until) = (Timestamp(now * 1_000_000), Timestamp((now + 300) * 1_000_000));
            cooldowns.ask(address.to_vec(), now, until)
        };
        assert_eq!(ask(b"ana", 0), Ok(()));
        assert_eq!(ask(b"ana", 1), Err(299));
        assert_eq!(ask(b"bob", 1), Ok(()));
        assert_eq!(ask(b"ana", 299), Err(1));
        assert_eq!(ask(b"ana", 300), Ok(()));
        assert_eq!(ask(b"ana", 301), Err(299));
    }
}
