//! Messages to people.

use scanledger_domain::{BoxFuture, Cause};
use std::fmt;

/// A message to one person. `Debug` shows neither address nor text.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The address (`ana@example.com`, without a name).
    pub to: String,
    /// What it is about, in one line; line breaks become spaces.
    pub subject: String,
    /// What it says: plain text, lines of any length.
    pub text: String,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").finish_non_exhaustive()
    }
}

/// A mail system.
pub trait Mailer: Send + Sync {
    /// Hands a message to the mail system. Once that took it, it is on its way; whether it arrives is not heard.
    ///
    /// # Errors
    /// When the mail system is out of reach or does not take it. The cause shows neither address nor text.
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<(), Cause>>;
}

#[cfg(test)]
mod tests {
    use super::Mail;

    #[test]
    fn a_message_shows_nothing_of_itself() {
        let mail = Mail { to: "ana@example.com".into(), subject: "Reset".into(), text: "t0ken".into() };
        assert_eq!(format!("{mail:?}"), "Mail { .. }");
    }
}
