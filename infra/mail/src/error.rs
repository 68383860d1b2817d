//! What can go wrong on the way to the mail server.

use std::error::Error;
use std::io;

/// Why a mailer cannot be made. No text here shows the URL, which has a password in it.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The URL is none of a mail server.
    #[error(
        "the URL of the mail server is not smtps://[user:password@]host[:port], smtp://...?tls=required or \
         smtp://host[:port]"
    )]
    Url,
    /// The password would be readable on the way.
    #[error("the mail server has a password but no TLS: use smtps:// or ?tls=required")]
    PasswordInClear,
    /// Messages cannot come from there.
    #[error("the sender of mail is no address such as Scanledger <no-reply@example.com>")]
    Sender,
    /// The certificates to trust cannot be used.
    #[error("the certificates to trust for the mail server are not PEM")]
    Certificates,
}

/// Why a message was not handed over. No text here shows an address, a password or what the server said, which often
/// repeats them.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The message cannot be written to this recipient.
    #[error("the address of the recipient is none")]
    Address,
    /// The server does not take it.
    #[error("the mail server refused with {code}")]
    Refused {
        /// The reply code (RFC 5321 §4.2.1): 4xx may pass, 5xx will not; 535 is a wrong password.
        code: u16,
    },
    /// The server cannot do what is needed: TLS, a way to sign in that both know, addresses beyond ASCII.
    #[error("the mail server is not able to: {0}")]
    Incapable(String),
    /// There is no connection, or it broke; also when its certificate is not trusted.
    #[error("the mail server is out of reach")]
    Unreachable(#[source] io::Error),
    /// It took too long.
    #[error("the mail server took more than {patience_ms} ms")]
    TooSlow {
        /// How long it was waited for.
        patience_ms: u128,
    },
}

impl From<lettre::transport::smtp::Error> for SendError {
    fn from(error: lettre::transport::smtp::Error) -> Self {
        if let Some(code) = error.status() {
            return Self::Refused { code: code.into() };
        }
        if error.is_client() {
            // The driver's own words, among a dozen fixed ones.
            let reason = error.source().map(ToString::to_string);
            return Self::Incapable(reason.unwrap_or_default());
        }
        Self::Unreachable(cause(&error))
    }
}

/// What the system says. Anything else in the chain may be what the server said.
fn cause(error: &lettre::transport::smtp::Error) -> io::Error {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref::<io::Error>() {
            return io::Error::new(found.kind(), found.to_string());
        }
        cause = error.source();
    }
    io::Error::new(io::ErrorKind::InvalidData, "it does not speak SMTP as it should")
}
