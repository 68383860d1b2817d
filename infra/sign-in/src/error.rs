//! What can go wrong. Providers repeat what they were sent, and tokens name people; so no text here comes from outside.

use crate::http::HttpFault;
use scanledger_commands::ports::ProviderError;

/// Why a provider cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A URL is none, or is neither `https` nor of this machine.
    #[error("the {what} of the sign-in provider is not a URL with https (or http to this machine)")]
    Url {
        /// Which URL.
        what: &'static str,
    },
    /// The system gives no HTTP client: it has no certificates to trust.
    #[error("there is no HTTP client for sign-in providers")]
    Client(#[source] reqwest::Error),
}

/// What exactly is wrong with a sign-in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the provider did not take the code")]
    Code,
    #[error("the verifier is not one of RFC 7636 §4.1")]
    Verifier,
    #[error("the URL to come back to is none")]
    RedirectUri,
    #[error("the provider does not know this client, its secret or the URL to come back to")]
    Client,
    #[error("the provider answered with status {0}")]
    Status(u16),
    #[error("the provider gave an answer that cannot be read")]
    Unreadable,
    #[error("the provider's configuration cannot be read")]
    Configuration,
    #[error("the provider's configuration is that of another issuer")]
    OtherIssuer,
    #[error("the provider has no {0} endpoint")]
    NoEndpoint(&'static str),
    #[error("the provider gave no identity token")]
    NoToken,
    #[error("the identity token is signed by somebody else, or not as it has to be")]
    Signature,
    #[error("the identity token is from another issuer")]
    Issuer,
    #[error("the identity token is for somebody else")]
    Audience,
    #[error("the identity token is for another attempt")]
    Nonce,
    #[error("the identity token has expired")]
    Expired,
    #[error("the identity token is not as it has to be")]
    Token,
    #[error("what the provider tells about the person is about somebody else")]
    Subject,
    #[error("the provider does not show this client the addresses of the person")]
    Emails,
}

pub(crate) fn refused(fault: Fault) -> ProviderError {
    ProviderError::Refused(fault.into())
}

pub(crate) fn misconfigured(fault: Fault) -> ProviderError {
    ProviderError::Misconfigured(fault.into())
}

pub(crate) fn unreachable(fault: Fault) -> ProviderError {
    ProviderError::Unreachable(fault.into())
}

impl From<HttpFault> for ProviderError {
    fn from(fault: HttpFault) -> Self {
        match fault {
            HttpFault::Insecure => Self::Misconfigured(fault.into()),
            HttpFault::Unsendable | HttpFault::Unanswered(_) | HttpFault::TooLarge | HttpFault::Busy(_) => {
                Self::Unreachable(fault.into())
            }
        }
    }
}
