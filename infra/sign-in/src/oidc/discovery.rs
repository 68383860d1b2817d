//! What the provider says about itself (OpenID Connect Discovery 1.0), kept for an hour.

use crate::error::{Fault, misconfigured};
use crate::http::{Http, is_secure};
use crate::oidc::fault;
use openidconnect::core::{CoreClientAuthMethod, CoreJsonWebKeySet, CoreProviderMetadata};
use openidconnect::{AuthType, IssuerUrl};
use parking_lot::RwLock;
use scanledger_commands::ports::ProviderError;
use scanledger_domain::time::{Clock, Timestamp};
use std::sync::Arc;

/// A provider's configuration, with its keys.
pub(crate) type Provider = CoreProviderMetadata;

/// How long it is believed, in seconds. Endpoints hardly ever change, and a new key is noticed when it is used.
const KEPT_SECONDS: i64 = 3600;

/// Finds the configuration of an issuer.
pub(crate) struct Discovery {
    issuer: IssuerUrl,
    clock: Arc<dyn Clock>,
    found: RwLock<Option<Found>>,
}

#[derive(Clone)]
struct Found {
    provider: Arc<Provider>,
    at: Timestamp,
}

impl Discovery {
    pub(crate) const fn new(issuer: IssuerUrl, clock: Arc<dyn Clock>) -> Self {
        Self { issuer, clock, found: RwLock::new(None) }
    }

    /// The configuration, asked for where it is not known or old. An old one is better than none.
    pub(crate) async fn find(&self, http: &Http) -> Result<Arc<Provider>, ProviderError> {
        let found = self.found.read().clone();
        match found {
            Some(found) if self.clock.now() < found.at.plus_seconds(KEPT_SECONDS) => Ok(found.provider),
            Some(old) => match self.ask(http).await {
                Ok(provider) => Ok(provider),
                Err(error) => {
                    tracing::warn!(issuer = self.issuer.as_str(), %error, "the old configuration is used");
                    Ok(old.provider)
                }
            },
            None => self.ask(http).await,
        }
    }

    async fn ask(&self, http: &Http) -> Result<Arc<Provider>, ProviderError> {
        let asked = Provider::discover_async(self.issuer.clone(), http).await;
        let provider = Arc::new(asked.map_err(fault::of_discovery)?);
        // The browser is sent there with what the person is about to allow.
        if !is_secure(provider.authorization_endpoint().url()) {
            return Err(misconfigured(Fault::NoEndpoint("secure authorization")));
        }
        *self.found.write() = Some(Found { provider: Arc::clone(&provider), at: self.clock.now() });
        Ok(provider)
    }

    /// The configuration with the keys that the provider has now, or those that somebody else asked for since `known`.
    pub(crate) async fn with_new_keys(
        &self,
        known: &Arc<Provider>,
        http: &Http,
    ) -> Result<Arc<Provider>, ProviderError> {
        let found = self.found.read().clone();
        if let Some(newer) = found.filter(|found| !Arc::ptr_eq(&found.provider, known)) {
            return Ok(newer.provider);
        }
        let keys = CoreJsonWebKeySet::fetch_async(known.jwks_uri(), http).await;
        let provider = Provider::clone(known).set_jwks(keys.map_err(fault::of_discovery)?);
        let provider = Arc::new(provider);
        if let Some(found) = self.found.write().as_mut() {
            found.provider = Arc::clone(&provider);
        }
        Ok(provider)
    }
}

/// How the provider wants to be shown the secret: in a header, unless it takes it in the body alone (OpenID Connect
/// Core §9).
pub(crate) fn auth_type(provider: &Provider) -> AuthType {
    use CoreClientAuthMethod::{ClientSecretBasic, ClientSecretPost};
    match provider.token_endpoint_auth_methods_supported() {
        Some(methods) if !methods.contains(&ClientSecretBasic) && methods.contains(&ClientSecretPost) => {
            AuthType::RequestBody
        }
        _ => AuthType::BasicAuth,
    }
}
