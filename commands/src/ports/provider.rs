//! Who somebody is, according to a provider outside: GitHub, Google, an OpenID Connect provider.

use crate::ports::Entropy;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use scanledger_domain::{BoxFuture, Cause};
use std::fmt;

/// Bytes of randomness in each value that nobody may guess.
const RANDOM_BYTES: usize = 32;

/// What a browser is sent to a provider with, kept (signed or encrypted) until it comes back. `Debug` shows nothing
/// that is secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Authorization {
    /// Comes back with the browser and has to be the same; the caller compares it, because only the caller knows
    /// which browser it is (RFC 6749 §10.12).
    pub state: String,
    /// Stands in the identity token (OpenID Connect Core §3.1.2.1).
    pub nonce: String,
    /// Proves to the provider that who brings the code asked for it: 43 to 128 unreserved characters (RFC 7636 §4.1).
    /// Never shown to the browser in clear.
    pub verifier: String,
    /// Where the provider sends the browser back to; the same in both requests.
    pub redirect_uri: String,
}

impl Authorization {
    /// One that nobody can guess.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn try_new(entropy: &dyn Entropy, redirect_uri: String) -> Result<Self, Cause> {
        Ok(Self {
            state: random(entropy)?,
            nonce: random(entropy)?,
            verifier: random(entropy)?,
            redirect_uri,
        })
    }
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization").field("redirect_uri", &self.redirect_uri).finish_non_exhaustive()
    }
}

/// 43 characters of base64url.
fn random(entropy: &dyn Entropy) -> Result<String, Cause> {
    let mut bytes = [0; RANDOM_BYTES];
    entropy.fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Whether a provider has seen that an address belongs to the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailStanding {
    /// It has.
    Verified,
    /// It has not, or does not say: anybody may have typed the address in, so it proves nothing.
    Unverified,
}

/// An address that a provider names. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct VouchedEmail {
    /// The address, as the provider writes it.
    pub address: String,
    /// What it is worth.
    pub standing: EmailStanding,
}

impl fmt::Debug for VouchedEmail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VouchedEmail").field("standing", &self.standing).finish_non_exhaustive()
    }
}

/// Whom a provider vouches for. `Debug` shows nothing personal.
#[derive(Clone, PartialEq, Eq)]
pub struct Vouched {
    /// Who it is at this provider, for ever: it is never given to somebody else, as names and addresses are.
    pub subject: String,
    /// How to reach the person, if the provider says so.
    pub email: Option<VouchedEmail>,
    /// What to call the person, if the provider says so.
    pub name: Option<String>,
    /// The groups that the provider has the person in, as it names them, in its order.
    pub groups: Vec<String>,
}

impl fmt::Debug for Vouched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vouched").finish_non_exhaustive()
    }
}

/// A provider did not vouch for anybody. No cause shows a secret, a code, a token or something personal.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// What the browser brought is not good: a code that is unknown, old or used, or an identity token that somebody
    /// else signed, for somebody else, for another attempt or long ago.
    #[error("the sign-in is refused")]
    Refused(#[source] Cause),
    /// The provider does not answer as it should; later it may.
    #[error("the provider is out of reach")]
    Unreachable(#[source] Cause),
    /// The provider does not know this server as it is configured, or is none; somebody has to look.
    #[error("the provider is not set up for this server")]
    Misconfigured(#[source] Cause),
}

/// Somebody outside who knows people.
pub trait IdentityProvider: Send + Sync {
    /// Where to send the browser.
    ///
    /// # Errors
    /// [`ProviderError::Unreachable`] and [`ProviderError::Misconfigured`], if the provider has to be asked where that
    /// is.
    fn authorize_url<'a>(
        &'a self,
        authorization: &'a Authorization,
    ) -> BoxFuture<'a, Result<String, ProviderError>>;

    /// Whom the code that the browser came back with stands for. A code is good once. That `state` came back as it
    /// was sent has to be checked before.
    ///
    /// # Errors
    /// Every [`ProviderError`].
    fn exchange<'a>(
        &'a self,
        code: &'a str,
        authorization: &'a Authorization,
    ) -> BoxFuture<'a, Result<Vouched, ProviderError>>;
}

#[cfg(test)]
mod tests {
    use super::{Authorization, EmailStanding, Vouched, VouchedEmail};
    use crate::ports::OsEntropy;
    use std::collections::HashSet;

    #[test]
    fn every_authorization_is_another_one_and_fits_rfc_7636() {
        let mut seen = HashSet::new();
        for _ in 0..100 {
            let one = Authorization::try_new(&OsEntropy, "https://here/back".into()).unwrap();
            for value in [one.state, one.nonce, one.verifier] {
                let is_unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
                assert!(value.len() == 43 && value.chars().all(is_unreserved), "{value}");
                assert!(seen.insert(value));
            }
        }
    }

    #[test]
    fn nothing_secret_or_personal_is_shown() {
        let authorization = Authorization::try_new(&OsEntropy, "https://here/back".into()).unwrap();
        assert_eq!(format!("{authorization:?}"), "Authorization { redirect_uri: \"https://here/back\", .. }");
        let email = VouchedEmail { address: "ana@example.com".into(), standing: EmailStanding::Verified };
        assert_eq!(format!("{email:?}"), "VouchedEmail { standing: Verified, .. }");
        let vouched =
            Vouched { subject: "1".into(), email: Some(email), name: Some("Ana".into()), groups: Vec::new() };
        assert_eq!(format!("{vouched:?}"), "Vouched { .. }");
    }
}
