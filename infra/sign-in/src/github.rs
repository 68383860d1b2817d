//! GitHub, and GitHub Enterprise Server: an OAuth app, or a GitHub App that acts for people.
//! <https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps>

use crate::error::{Fault, SetupError, misconfigured, refused, unreachable};
use crate::http::{Http, is_secure};
use crate::oidc::pkce;
use crate::registration::Registration;
use openidconnect::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use openidconnect::http::{HeaderValue, Method, Request, StatusCode};
use openidconnect::{HttpRequest, HttpResponse};
use scanledger_commands::ports::{
    Authorization, EmailStanding, IdentityProvider, ProviderError, Vouched, VouchedEmail,
};
use scanledger_domain::BoxFuture;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;

/// To know who somebody is, and the addresses that are not shown to everybody.
const SCOPES: &str = "read:user user:email";

/// The version of the API that the answers below are from.
const API_VERSION: &str = "2022-11-28";

/// Where GitHub is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitHubSite {
    authorize: Url,
    token: Url,
    user: Url,
    emails: Url,
}

impl GitHubSite {
    /// github.com.
    pub fn public() -> Self {
        let urls = Self::at("https://github.com", "https://api.github.com");
        urls.expect("these are URLs with https")
    }

    /// A GitHub Enterprise Server (`https://github.example.com`).
    ///
    /// # Errors
    /// [`SetupError::Url`] when it is no URL, or neither `https` nor of this machine.
    pub fn enterprise(base: &str) -> Result<Self, SetupError> {
        let base = base.trim_end_matches('/');
        Self::at(base, &format!("{base}/api/v3"))
    }

    /// Pages at `base` and the REST API at `api`.
    ///
    /// # Errors
    /// [`SetupError::Url`] when one is no URL, or neither `https` nor of this machine.
    pub fn at(base: &str, api: &str) -> Result<Self, SetupError> {
        let url = |what, base: &str, path| {
            let url = Url::parse(&format!("{}{path}", base.trim_end_matches('/')));
            url.ok().filter(is_secure).ok_or(SetupError::Url { what })
        };
        Ok(Self {
            authorize: url("address", base, "/login/oauth/authorize")?,
            token: url("address", base, "/login/oauth/access_token")?,
            user: url("API", api, "/user")?,
            // The most that one page has; GitHub lets nobody have so many.
            emails: url("API", api, "/user/emails?per_page=100")?,
        })
    }
}

/// Accounts at GitHub.
pub struct GitHub {
    registration: Registration,
    site: GitHubSite,
    http: Http,
}

/// The answer to a code. Errors come with status 200 too.
#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Email {
    email: String,
    primary: bool,
    verified: bool,
}

impl GitHub {
    /// Accounts at `site`, for this client. Does not connect yet.
    ///
    /// # Errors
    /// [`SetupError::Client`].
    pub fn new(registration: Registration, site: GitHubSite) -> Result<Self, SetupError> {
        Ok(Self { registration, site, http: Http::new()? })
    }

    fn url(&self, authorization: &Authorization) -> Result<String, ProviderError> {
        let mut url = self.site.authorize.clone();
        url.query_pairs_mut()
            .append_pair("client_id", &self.registration.client_id)
            .append_pair("redirect_uri", &authorization.redirect_uri)
            .append_pair("scope", SCOPES)
            .append_pair("state", &authorization.state)
            .append_pair("code_challenge", pkce(&authorization.verifier)?.as_str())
            .append_pair("code_challenge_method", "S256");
        Ok(url.into())
    }

    async fn vouch(&self, code: &str, authorization: &Authorization) -> Result<Vouched, ProviderError> {
        let token = self.token(code, authorization).await?;
        let user: User = read(&self.ask(&self.site.user, &token).await?)?;
        let emails = self.ask(&self.site.emails, &token).await?;
        let emails: Vec<Email> = match emails.status() {
            // GitHub answers so when a GitHub App was not given the permission.
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => return Err(misconfigured(Fault::Emails)),
            _ => read(&emails)?,
        };
        let name = user.name.filter(|name| !name.trim().is_empty()).unwrap_or(user.login);
        Ok(Vouched {
            subject: user.id.to_string(),
            email: emails.into_iter().find(|email| email.primary).map(VouchedEmail::from),
            name: Some(name),
            groups: Vec::new(),
        })
    }

    async fn token(&self, code: &str, authorization: &Authorization) -> Result<HeaderValue, ProviderError> {
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &self.registration.client_id)
            .append_pair("client_secret", &self.registration.client_secret)
            .append_pair("code", code)
            .append_pair("redirect_uri", &authorization.redirect_uri)
            .append_pair("code_verifier", &authorization.verifier)
            .finish();
        let mut request = request(Method::POST, &self.site.token, body)?;
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(CONTENT_TYPE, form);
        let answer = self.http.send(request).await?;
        // An unknown client is not found.
        if answer.status() == StatusCode::NOT_FOUND {
            return Err(misconfigured(Fault::Client));
        }
        let answer: TokenAnswer = read(&answer)?;
        match (answer.access_token, answer.error.as_deref()) {
            (_, Some("incorrect_client_credentials" | "redirect_uri_mismatch" | "application_suspended")) => {
                Err(misconfigured(Fault::Client))
            }
            (_, Some(_)) => Err(refused(Fault::Code)),
            (Some(token), None) => bearer(&token),
            (None, None) => Err(unreachable(Fault::Unreadable)),
        }
    }

    async fn ask(&self, url: &Url, token: &HeaderValue) -> Result<HttpResponse, ProviderError> {
        let mut request = request(Method::GET, url, String::new())?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/vnd.github+json"));
        headers.insert("x-github-api-version", HeaderValue::from_static(API_VERSION));
        headers.insert(AUTHORIZATION, token.clone());
        Ok(self.http.send(request).await?)
    }
}

impl IdentityProvider for GitHub {
    fn authorize_url<'a>(
        &'a self,
        authorization: &'a Authorization,
    ) -> BoxFuture<'a, Result<String, ProviderError>> {
        Box::pin(std::future::ready(self.url(authorization)))
    }

    fn exchange<'a>(
        &'a self,
        code: &'a str,
        authorization: &'a Authorization,
    ) -> BoxFuture<'a, Result<Vouched, ProviderError>> {
        Box::pin(self.vouch(code, authorization))
    }
}

impl From<Email> for VouchedEmail {
    fn from(email: Email) -> Self {
        let standing = if email.verified { EmailStanding::Verified } else { EmailStanding::Unverified };
        Self { address: email.email, standing }
    }
}

fn request(method: Method, url: &Url, body: String) -> Result<HttpRequest, ProviderError> {
    let request = Request::builder().method(method).uri(url.as_str()).body(body.into_bytes());
    request.map_err(|_| misconfigured(Fault::Configuration))
}

fn bearer(token: &str) -> Result<HeaderValue, ProviderError> {
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    let mut value = value.map_err(|_| unreachable(Fault::Unreadable))?;
    value.set_sensitive(true);
    Ok(value)
}

fn read<T: DeserializeOwned>(answer: &HttpResponse) -> Result<T, ProviderError> {
    if answer.status() != StatusCode::OK {
        return Err(unreachable(Fault::Status(answer.status().as_u16())));
    }
    serde_json::from_slice(answer.body()).map_err(|_| unreachable(Fault::Unreadable))
}

#[cfg(test)]
mod tests {
    use super::GitHubSite;

    #[test]
    fn github_is_where_it_is() {
        let site = GitHubSite::public();
        assert_eq!(site.authorize.as_str(), "https://github.com/login/oauth/authorize");
        assert_eq!(site.token.as_str(), "https://github.com/login/oauth/access_token");
        assert_eq!(site.user.as_str(), "https://api.github.com/user");
        assert_eq!(site.emails.as_str(), "https://api.github.com/user/emails?per_page=100");
    }

    #[test]
    fn an_enterprise_server_has_its_api_below_it() {
        for base in ["https://github.example.com", "https://github.example.com/"] {
            let site = GitHubSite::enterprise(base).unwrap();
            assert_eq!(site.authorize.as_str(), "https://github.example.com/login/oauth/authorize");
            assert_eq!(site.user.as_str(), "https://github.example.com/api/v3/user");
        }
    }

    #[test]
    fn a_site_without_tls_is_refused() {
        for base in ["http://github.example.com", "github.example.com", ""] {
            assert!(GitHubSite::enterprise(base).is_err(), "{base}");
        }
    }
}
