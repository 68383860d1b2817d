//! OpenID Connect: the authorization code flow (OpenID Connect Core §3.1) with PKCE (RFC 7636).

mod claims;
mod discovery;
mod fault;

use crate::error::{Fault, SetupError, misconfigured, refused};
use crate::http::{Http, is_secure};
use crate::oidc::claims::{Extra, Known};
use crate::oidc::discovery::{Discovery, Provider};
use crate::registration::Registration;
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreAuthenticationFlow, CoreErrorResponseType, CoreGenderClaim,
    CoreIdTokenVerifier, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm,
    CoreRevocableToken, CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AccessToken, AuthorizationCode, ClaimsVerificationError, Client, ClientId, ClientSecret, CsrfToken,
    EmptyExtraTokenFields, EndpointMaybeSet, EndpointNotSet, EndpointSet, IdToken, IdTokenClaims,
    IdTokenFields, IssuerUrl, Nonce, OAuth2TokenResponse as _, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, Scope, SignatureVerificationError, StandardErrorResponse, StandardTokenResponse,
    SubjectIdentifier, TokenResponse as _, UserInfoClaims,
};
use scanledger_commands::ports::{Authorization, IdentityProvider, ProviderError, Vouched};
use scanledger_domain::BoxFuture;
use scanledger_domain::time::Clock;
use std::sync::Arc;

type Token = IdToken<Extra, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type TokenClaims = IdTokenClaims<Extra, CoreGenderClaim>;
type TokenFields = IdTokenFields<
    Extra,
    EmptyExtraTokenFields,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJwsSigningAlgorithm,
>;
type OidcClient = Client<
    Extra,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    StandardTokenResponse<TokenFields, CoreTokenType>,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointMaybeSet,
    EndpointMaybeSet,
>;

/// Which provider, and what it calls things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcOptions {
    /// The issuer, exactly as its tokens name it: a `/` at the end counts.
    pub issuer: String,
    /// The claim with the names of the person's groups, in the identity token or at the userinfo endpoint, if there is
    /// one.
    pub groups_claim: Option<String>,
    /// What to ask for besides `openid`.
    pub scopes: Vec<String>,
}

impl OidcOptions {
    /// The provider at `issuer`, asked for `profile` and `email`, with groups in the claim `groups`. Some providers
    /// want a scope of that name too.
    pub fn new(issuer: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            groups_claim: Some("groups".to_owned()),
            scopes: vec!["profile".to_owned(), "email".to_owned()],
        }
    }
}

/// People that an OpenID Connect provider knows.
pub struct OpenIdConnect {
    client_id: ClientId,
    client_secret: ClientSecret,
    groups_claim: Option<String>,
    scopes: Vec<Scope>,
    discovery: Discovery,
    clock: Arc<dyn Clock>,
    http: Http,
}

impl OpenIdConnect {
    /// People at the issuer of `options`, for this client. Does not connect yet. `clock` says whether a token has
    /// expired, and whether the provider is to be asked again how it is set up.
    ///
    /// # Errors
    /// Every [`SetupError`].
    pub fn new(
        registration: Registration,
        options: OidcOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SetupError> {
        let no_url = || SetupError::Url { what: "issuer" };
        let issuer = IssuerUrl::new(options.issuer).map_err(|_| no_url())?;
        if !is_secure(issuer.url()) {
            return Err(no_url());
        }
        Ok(Self {
            client_id: ClientId::new(registration.client_id),
            client_secret: ClientSecret::new(registration.client_secret),
            groups_claim: options.groups_claim,
            scopes: options.scopes.into_iter().map(Scope::new).collect(),
            discovery: Discovery::new(issuer, Arc::clone(&clock)),
            clock,
            http: Http::new()?,
        })
    }

    async fn url(&self, authorization: &Authorization) -> Result<String, ProviderError> {
        let provider = self.discovery.find(&self.http).await?;
        let client = self.client(&provider, authorization)?;
        let state = CsrfToken::new(authorization.state.clone());
        let nonce = Nonce::new(authorization.nonce.clone());
        let request = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, || state, || nonce)
            .add_scopes(self.scopes.iter().cloned())
            .set_pkce_challenge(pkce(&authorization.verifier)?);
        Ok(request.url().0.into())
    }

    async fn vouch(&self, code: &str, authorization: &Authorization) -> Result<Vouched, ProviderError> {
        // Asked for its shape: the driver takes any.
        pkce(&authorization.verifier)?;
        let provider = self.discovery.find(&self.http).await?;
        let client = self.client(&provider, authorization)?;
        let tokens = client
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .map_err(|_| misconfigured(Fault::NoEndpoint("token")))?
            .set_pkce_verifier(PkceCodeVerifier::new(authorization.verifier.clone()))
            .request_async(&self.http)
            .await
            .map_err(fault::of_code)?;
        let token = tokens.id_token().ok_or_else(|| misconfigured(Fault::NoToken))?;
        let claims = self.verify(&provider, token, authorization).await?;
        let mut known = Known::of(claims, self.groups_claim.as_deref());
        if !known.is_complete() && provider.userinfo_endpoint().is_some() {
            let more = self.userinfo(&client, tokens.access_token(), claims.subject()).await?;
            known.add(Known::of(&more, self.groups_claim.as_deref()));
        }
        Ok(known.into_vouched(claims.subject().to_string()))
    }

    fn client(
        &self,
        provider: &Provider,
        authorization: &Authorization,
    ) -> Result<OidcClient, ProviderError> {
        let redirect_uri = RedirectUrl::new(authorization.redirect_uri.clone());
        let redirect_uri = redirect_uri.map_err(|_| misconfigured(Fault::RedirectUri))?;
        let secret = Some(self.client_secret.clone());
        let client = OidcClient::from_provider_metadata(provider.clone(), self.client_id.clone(), secret);
        Ok(client.set_redirect_uri(redirect_uri).set_auth_type(discovery::auth_type(provider)))
    }

    /// What an identity token says, if it is good. If its key is not among those known, the provider may have a new
    /// one; then it is asked once.
    async fn verify<'t>(
        &self,
        provider: &Arc<Provider>,
        token: &'t Token,
        authorization: &Authorization,
    ) -> Result<&'t TokenClaims, ProviderError> {
        let nonce = Nonce::new(authorization.nonce.clone());
        match token.claims(&self.verifier(provider), &nonce) {
            Err(error) if may_be_a_new_key(&error) => {
                let provider = self.discovery.with_new_keys(provider, &self.http).await?;
                token.claims(&self.verifier(&provider), &nonce).map_err(fault::of_token)
            }
            verified => verified.map_err(fault::of_token),
        }
    }

    /// Takes only what is signed with a key that the provider publishes: whoever has the client's secret could sign
    /// with it.
    fn verifier(&self, provider: &Provider) -> CoreIdTokenVerifier<'_> {
        let issuer = provider.issuer().clone();
        CoreIdTokenVerifier::new_public_client(self.client_id.clone(), issuer, provider.jwks().clone())
            .set_allowed_algs(provider.id_token_signing_alg_values_supported().iter().cloned())
            .set_time_fn(|| self.clock.now().to_utc())
    }

    async fn userinfo(
        &self,
        client: &OidcClient,
        access_token: &AccessToken,
        subject: &SubjectIdentifier,
    ) -> Result<UserInfoClaims<Extra, CoreGenderClaim>, ProviderError> {
        // The driver panics on a token that is no header.
        if !access_token.secret().chars().all(|c| c.is_ascii_graphic()) {
            return Err(misconfigured(Fault::Unreadable));
        }
        let request = client.user_info(access_token.clone(), Some(subject.clone()));
        let request = request.map_err(|_| misconfigured(Fault::NoEndpoint("userinfo")))?;
        request.request_async(&self.http).await.map_err(fault::of_userinfo)
    }
}

impl IdentityProvider for OpenIdConnect {
    fn authorize_url<'a>(
        &'a self,
        authorization: &'a Authorization,
    ) -> BoxFuture<'a, Result<String, ProviderError>> {
        Box::pin(self.url(authorization))
    }

    fn exchange<'a>(
        &'a self,
        code: &'a str,
        authorization: &'a Authorization,
    ) -> BoxFuture<'a, Result<Vouched, ProviderError>> {
        Box::pin(self.vouch(code, authorization))
    }
}

/// A signature that does not fit is one more reason to look: where keys have no ids, a new one cannot be told from a
/// wrong one.
fn may_be_a_new_key(error: &ClaimsVerificationError) -> bool {
    use SignatureVerificationError::{CryptoError, NoMatchingKey};
    matches!(error, ClaimsVerificationError::SignatureVerification(NoMatchingKey | CryptoError(_)))
}

/// The challenge (S256) to a verifier.
pub(crate) fn pkce(verifier: &str) -> Result<PkceCodeChallenge, ProviderError> {
    let is_unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
    // RFC 7636 §4.1.
    if !(43..=128).contains(&verifier.len()) || !verifier.chars().all(is_unreserved) {
        return Err(refused(Fault::Verifier));
    }
    Ok(PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(verifier.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::pkce;

    #[test]
    fn a_challenge_is_that_of_rfc_7636_appendix_b() {
        let challenge = pkce("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        assert_eq!(challenge.as_str(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_verifier_that_is_none_is_refused() {
        for verifier in ["", &"a".repeat(42), &"a".repeat(129), &" ".repeat(43), &"é".repeat(43)] {
            assert!(pkce(verifier).is_err(), "{verifier}");
        }
    }
}
