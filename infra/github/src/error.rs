//! What can go wrong. GitHub repeats what it was sent, so no text here comes from outside.

use scanledger_commands::ports::CodeHostError;

/// Why GitHub cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The number of the app is none.
    #[error("the id of the GitHub App is not a number")]
    AppId,
    /// The key is neither PEM nor base64 of PEM, or not an RSA key of 2048 bits or more.
    #[error("the private key of the GitHub App is not an RSA key in PEM, or base64 of one")]
    Key,
    /// The URL is none, or is neither `https` nor of this machine.
    #[error("the address of GitHub's API is not a URL with https (or http to this machine)")]
    Url,
    /// The system gives no HTTP client: it has no certificates to trust.
    #[error("there is no HTTP client for GitHub")]
    Client(#[source] reqwest::Error),
}

/// What exactly is wrong with an answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("GitHub did not answer")]
    Unanswered(#[source] reqwest::Error),
    #[error("GitHub answered with status {0}")]
    Status(u16),
    #[error("GitHub's answer cannot be read")]
    Unreadable,
    #[error("GitHub redirects to where nothing may be sent")]
    Redirect,
    #[error("GitHub does not take the app's id with this key, or this machine's clock is wrong")]
    App,
    #[error("the request to GitHub cannot be signed")]
    Unsigned,
    #[error("GitHub does not take a token that it just gave")]
    FreshToken,
    #[error("a commit without changes, or with two of one file")]
    Changes,
}

impl From<Fault> for CodeHostError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::App | Fault::Unsigned => Self::Misconfigured(fault.into()),
            Fault::Changes => Self::Refused(fault.into()),
            Fault::Unanswered(_)
            | Fault::Status(_)
            | Fault::Unreadable
            | Fault::Redirect
            | Fault::FreshToken => Self::Unreachable(fault.into()),
        }
    }
}
