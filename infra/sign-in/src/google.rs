//! Google accounts, of people and of Google Workspace.

use crate::error::SetupError;
use crate::oidc::{OidcOptions, OpenIdConnect};
use crate::registration::Registration;
use scanledger_commands::ports::{Authorization, IdentityProvider, ProviderError, Vouched};
use scanledger_domain::BoxFuture;
use scanledger_domain::time::Clock;
use std::sync::Arc;

/// <https://developers.google.com/identity/openid-connect/openid-connect>
const ISSUER: &str = "https://accounts.google.com";

/// Accounts at Google.
pub struct Google(OpenIdConnect);

impl Google {
    /// Accounts at Google, for this client. Does not connect yet.
    ///
    /// # Errors
    /// [`SetupError::Client`].
    pub fn new(registration: Registration, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        Self::at(ISSUER, registration, clock)
    }

    /// The same at another issuer.
    ///
    /// # Errors
    /// Every [`SetupError`].
    pub fn at(issuer: &str, registration: Registration, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        // Google refuses scopes that it does not know, and has no claim with groups.
        let options = OidcOptions { groups_claim: None, ..OidcOptions::new(issuer) };
        Ok(Self(OpenIdConnect::new(registration, options, clock)?))
    }
}

impl IdentityProvider for Google {
    fn authorize_url<'a>(
        &'a self,
        authorization: &'a Authorization,
    ) -> BoxFuture<'a, Result<String, ProviderError>> {
        self.0.authorize_url(authorization)
    }

    fn exchange<'a>(
        &'a self,
        code: &'a str,
        authorization: &'a Authorization,
    ) -> BoxFuture<'a, Result<Vouched, ProviderError>> {
        self.0.exchange(code, authorization)
    }
}
