//! Messages to people about how they sign in (OWASP ASVS 4.0.3 §2.2.3 and §2.5.5). They are sent whatever channels
//! somebody has chosen: whoever has taken an account over would choose none.

use super::Identities;
use crate::error::Fault;
use crate::ports::Mail;
use scanledger_domain::id::UserId;
use scanledger_domain::identity::Provider;
use scanledger_domain::log::Position;

/// What was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Notice {
    /// There is another password.
    Password,
    /// Somebody vouches for them from here on.
    Linked(Provider),
    /// Somebody no longer does.
    Unlinked(Provider),
}

impl Notice {
    fn subject(self) -> &'static str {
        match self {
            Self::Password => "The password of your Scanledger account was changed",
            Self::Linked(_) => "Somebody vouches for your Scanledger account",
            Self::Unlinked(_) => "Somebody no longer vouches for your Scanledger account",
        }
    }

    /// `live_keys` is how many API keys act for them at this moment.
    fn text(self, live_keys: usize) -> String {
        let what = match self {
            Self::Password => {
                "The password of your Scanledger account is another one, and sessions from before are over."
                    .to_owned()
            }
            Self::Linked(provider) => {
                format!(
                    "An account at {provider} can be used to sign in to your Scanledger account from now on."
                )
            }
            Self::Unlinked(provider) => {
                format!(
                    "An account at {provider} can no longer be used to sign in to your Scanledger account."
                )
            }
        };
        let keys = match live_keys {
            0 => "No API key acts for you.".to_owned(),
            1 => "One API key still acts for you; revoke it if you do not know it.".to_owned(),
            many => format!("{many} API keys still act for you; revoke those that you do not know."),
        };
        format!(
            "{what}\n\n{keys}\n\nIf it was not you, ask for a new password at once, let it end your API keys too, and \
             tell whoever runs this installation.\n"
        )
    }
}

impl Identities {
    /// Sends somebody a message beside whatever goes on, about what is `after` a position; without a mail system,
    /// nothing. It is tried once; that it was not sent is for whoever reads the server's log.
    pub(super) fn tell(&self, user: UserId, notice: Notice, after: Option<Position>) {
        if self.mailer.is_none() {
            return;
        }
        let identities = self.clone();
        tokio::spawn(async move {
            if let Err(error) = identities.send_notice(user, notice, after).await {
                tracing::error!(error = &error as &dyn std::error::Error, "a message was not sent");
            }
        });
    }

    async fn send_notice(&self, user: UserId, notice: Notice, after: Option<Position>) -> Result<(), Fault> {
        let (Some(mailer), Some(known)) = (&self.mailer, self.person(user).await?) else { return Ok(()) };
        let Some(to) = self.vault.open(&known.account.email)? else { return Ok(()) };
        if let Some(position) = after
            && let Err(error) = self.views.wait_for(position, super::VIEWS_WAIT).await
        {
            // That something has changed is worth more than how many keys are left.
            tracing::warn!(error = &error as &dyn std::error::Error, "a message counts keys of before");
        }
        let keys = self.views.live_keys_of(user, self.clock.now()).await?;
        let mail = Mail { to, subject: notice.subject().to_owned(), text: notice.text(keys.len()) };
        mailer.send(mail).await.map_err(|error| Fault::other("send a message", error))
    }
}

#[cfg(test)]
mod tests {
    use super::Notice;
    use scanledger_domain::identity::Provider;

    #[test]
    fn a_message_says_what_happened_and_which_keys_are_left() {
        for (notice, what) in [
            (Notice::Password, "password"),
            (Notice::Linked(Provider::GitHub), "github can be used"),
            (Notice::Unlinked(Provider::Oidc), "oidc can no longer"),
        ] {
            assert!(notice.text(0).contains(what) && notice.text(0).contains("No API key"), "{notice:?}");
            assert!(notice.text(1).contains("One API key") && notice.text(7).contains("7 API keys"));
            assert!(!notice.subject().contains('\n'));
        }
    }
}
