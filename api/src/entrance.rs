//! How people come in: who may register, who vouches for them, and where browsers are sent.

use crate::auth::Transport;
use scanledger_commands::identity::GroupRule;
use scanledger_commands::ports::IdentityProvider;
use scanledger_domain::identity::Provider;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Who may make an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Registration {
    /// Anybody; they get an organization of their own.
    #[default]
    Open,
    /// Who was invited, or whom an administrator or the OpenID provider lets in.
    Closed,
}

/// How people come in.
#[derive(Clone)]
pub struct Entrance {
    /// Who may make an account.
    pub registration: Registration,
    /// Where browsers and clients reach this server, without a slash at the end: `https://scan.example.org`.
    pub public_url: String,
    /// Where a browser is sent after a provider has vouched for its user.
    pub landing_url: String,
    /// Where it is sent otherwise, with `error=…`.
    pub failure_url: String,
    /// Where links in messages lead, for another password; `token=…` is added.
    pub reset_url: String,
    /// Where links in messages lead, for an invitation; `token=…` is added.
    pub invitation_url: String,
    /// Who vouches.
    pub providers: BTreeMap<Provider, Arc<dyn IdentityProvider>>,
    /// What members of groups at the OpenID provider are here.
    pub group_rules: Vec<GroupRule>,
}

impl fmt::Debug for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entrance")
            .field("registration", &self.registration)
            .field("public_url", &self.public_url)
            .field("providers", &self.providers.keys())
            .finish_non_exhaustive()
    }
}

impl Entrance {
    /// With everything under `public_url`, nobody who vouches, and open registration.
    pub fn at(public_url: impl Into<String>) -> Self {
        let public_url = public_url.into().trim_end_matches('/').to_owned();
        Self {
            registration: Registration::Open,
            landing_url: format!("{public_url}/"),
            failure_url: format!("{public_url}/auth/login"),
            reset_url: format!("{public_url}/auth/reset-password"),
            invitation_url: format!("{public_url}/auth/invitation"),
            public_url,
            providers: BTreeMap::new(),
            group_rules: vec![],
        }
    }

    /// Whether cookies are sent over HTTPS only.
    pub fn is_secure(&self) -> bool {
        self.transport() == Transport::Secure
    }

    /// How browsers reach this server.
    pub fn transport(&self) -> Transport {
        if self.public_url.starts_with("https://") { Transport::Secure } else { Transport::Plain }
    }
}

/// What the value of `parameter` is put behind to be part of an address.
pub fn before_value(address: &str, parameter: &str) -> String {
    let joint = if address.contains('?') { '&' } else { '?' };
    format!("{address}{joint}{parameter}=")
}

#[cfg(test)]
mod tests {
    use super::before_value;

    #[test]
    fn a_parameter_is_added_to_those_that_are_there() {
        assert_eq!(before_value("https://x/reset", "token"), "https://x/reset?token=");
        assert_eq!(before_value("https://x/?page=reset", "token"), "https://x/?page=reset&token=");
    }
}
