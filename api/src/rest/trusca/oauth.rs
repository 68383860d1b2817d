//! Signing in with somebody who vouches for people (reference §3.1).

use super::auth::refresh_cookie;
use super::flow::{Flow, LIFETIME, Returned};
use super::landing::{landing_at, with_error};
use super::shape::ProblemOut;
use super::visitor::{Cookie, Visitor};
use crate::app::App;
use crate::entrance::Registration;
use crate::extract::Query;
use crate::problem::Problem;
use crate::rest::shown;
use axum::Json;
use axum::extract::{FromRequestParts, RawPathParams, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use scanledger_commands::CommandError;
use scanledger_commands::identity::{Asked, GroupRule, Newcomers, ProviderRefusal, SignedIn};
use scanledger_commands::ports::{Authorization, IdentityProvider, OsEntropy};
use scanledger_domain::identity::{Provider, SessionKind};
use serde::{Deserialize, Serialize};
use std::error::Error;
use utoipa::{IntoParams, ToSchema};

/// The cookie of a browser on its way.
const FLOW: Cookie = Cookie { name: "oauth_flow", path: "/auth/oauth" };

/// Who vouches for people.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = trusca::OAuthProvidersResponse)]
pub struct ProvidersOut {
    /// Always all of them, in the same order.
    providers: Vec<ProviderOut>,
}

/// Somebody who may vouch for people.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = trusca::OAuthProviderStatusOut)]
pub struct ProviderOut {
    /// `github`, `google` or `oidc`.
    provider: &'static str,
    /// Whether people can sign in with it.
    configured: bool,
}

/// Where a browser wants to go.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuthorizeIn {
    /// A path, or an address below the landing page's host; everything else is ignored.
    redirect_after: Option<String>,
}

/// What a browser comes back with.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct CallbackIn {
    /// What the provider exchanges for a person.
    code: Option<String>,
    /// What the browser was sent with.
    state: Option<String>,
    /// Why the provider sends it back without a code.
    error: Option<String>,
}

/// What a browser is told whose user is not signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    Denied,
    MissingParams,
    InvalidState,
    Failed,
    UserInactive,
    NoOrganization,
}

impl Failure {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Denied => "oauth_denied",
            Self::MissingParams => "oauth_missing_params",
            Self::InvalidState => "oauth_invalid_state",
            Self::Failed => "oauth_failed",
            Self::UserInactive => "oauth_user_inactive",
            Self::NoOrganization => "oauth_no_organization",
        }
    }
}

impl From<ProviderRefusal> for Failure {
    fn from(refusal: ProviderRefusal) -> Self {
        match refusal {
            ProviderRefusal::Inactive => Self::UserInactive,
            ProviderRefusal::NoOrganization => Self::NoOrganization,
            ProviderRefusal::Closed
            | ProviderRefusal::Unproven
            | ProviderRefusal::NoEmail
            | ProviderRefusal::Person(_)
            | ProviderRefusal::SignIn(_) => Self::Failed,
        }
    }
}

/// The parameter `{provider}`; none if there is no such provider.
pub struct Named(Option<Provider>);

impl FromRequestParts<App> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let parameters = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|_| Problem::bad_request("the path is not valid UTF-8"))?;
        let named = parameters.iter().find(|(parameter, _)| *parameter == "provider");
        Ok(Self(named.and_then(|(_, name)| name.parse().ok())))
    }
}

/// Who may vouch for people here
#[utoipa::path(
    get, path = "/auth/oauth/providers", tag = "Sign-in", responses((status = 200, body = ProvidersOut))
)]
pub async fn list_providers(State(app): State<App>) -> Json<ProvidersOut> {
    let providers = Provider::ALL.map(|provider| ProviderOut {
        provider: provider.as_str(),
        configured: app.entrance.providers.contains_key(&provider),
    });
    Json(ProvidersOut { providers: providers.into() })
}

/// Sends a browser to a provider
#[utoipa::path(
    get, path = "/auth/oauth/{provider}/authorize", tag = "Sign-in", params(AuthorizeIn),
    responses(
        (status = 302, description = "To the provider."),
        (status = 422, body = ProblemOut, description = "There is no such provider."),
        (status = 503, body = ProblemOut, description = "The provider is not configured.")
    )
)]
pub async fn authorize(
    State(app): State<App>,
    Named(provider): Named,
    Query(wanted): Query<AuthorizeIn>,
) -> Result<Response, Problem> {
    let provider = provider.ok_or_else(|| Problem::invalid("provider", "must be github, google or oidc"))?;
    let vouching = configured(&app, provider)?;
    let flow = Flow::try_new(&OsEntropy).map_err(|cause| Problem::fault(&*cause))?;
    let after =
        wanted.redirect_after.filter(|wanted| landing_at(&app.entrance.landing_url, wanted).is_some());
    let begun = flow.begin(&*app.vault, provider, back_to(&app, provider), after, app.clock.now());
    let authorization = begun.map_err(|error| Problem::fault(&error))?;
    match vouching.authorize_url(&authorization).await {
        Ok(url) => redirect(&url, [FLOW.set(&app, &flow.cookie(), LIFETIME)]),
        Err(error) => {
            log(provider, &error);
            failed(&app, Failure::Failed)
        }
    }
}

/// Takes a browser back from a provider
///
/// Whoever the provider vouches for lands with the cookie `refresh_token`; everybody else where `error=` says why not.
#[utoipa::path(
    get, path = "/auth/oauth/{provider}/callback", tag = "Sign-in", params(CallbackIn),
    responses(
        (status = 302, description = "To the landing page, or with `error=` to the page for failures."),
        (status = 404, body = ProblemOut, description = "There is no such provider."),
        (status = 503, body = ProblemOut, description = "The provider is not configured.")
    )
)]
pub async fn callback(
    State(app): State<App>,
    Named(provider): Named,
    visitor: Visitor,
    Query(brought): Query<CallbackIn>,
) -> Result<Response, Problem> {
    let provider = provider.ok_or_else(|| Problem::missing("provider"))?;
    let vouching = configured(&app, provider)?;
    let (authorization, returned, code) = match returned(&app, provider, &visitor, brought) {
        Ok(returned) => returned,
        Err(failure) => return failed(&app, failure),
    };
    let asked = visitor.asked(&app);
    match sign_in(&app, &asked, provider, vouching, &code, &authorization).await {
        Ok(signed_in) => land(&app, &signed_in, returned).await,
        Err(failure) => failed(&app, failure),
    }
}

/// Whether the browser comes back as it went.
fn returned(
    app: &App,
    provider: Provider,
    visitor: &Visitor,
    brought: CallbackIn,
) -> Result<(Authorization, Returned, String), Failure> {
    if brought.error.is_some() {
        return Err(Failure::Denied);
    }
    let (Some(code), Some(state)) = (brought.code, brought.state) else {
        return Err(Failure::MissingParams);
    };
    let flow = visitor.cookie(FLOW.name).and_then(Flow::of_cookie).ok_or(Failure::InvalidState)?;
    let ended = flow.end(&*app.vault, provider, back_to(app, provider), &state, app.clock.now());
    let (authorization, returned) = ended.ok_or(Failure::InvalidState)?;
    Ok((authorization, returned, code))
}

async fn sign_in(
    app: &App,
    asked: &Asked,
    provider: Provider,
    vouching: &dyn IdentityProvider,
    code: &str,
    authorization: &Authorization,
) -> Result<SignedIn, Failure> {
    let vouched = match vouching.exchange(code, authorization).await {
        Ok(vouched) => vouched,
        Err(error) => {
            log(provider, &error);
            if let Err(fault) = app.identities.record_unvouched(asked).await {
                log(provider, &fault);
            }
            return Err(Failure::Failed);
        }
    };
    let rules = rules(app, provider);
    let (newcomers, kind) = (newcomers(app, provider), SessionKind::Tokens);
    let signed_in = app.identities.sign_in_vouched(asked, provider, &vouched, newcomers, rules, kind).await;
    signed_in.map_err(|error| match error {
        CommandError::Refused(refusal) => refusal.into(),
        error => {
            log(provider, &error);
            Failure::Failed
        }
    })
}

/// Groups are those of the OpenID provider; what others call a group means nothing here.
fn rules(app: &App, provider: Provider) -> &[GroupRule] {
    match provider {
        Provider::Oidc => &app.entrance.group_rules,
        Provider::GitHub | Provider::Google => &[],
    }
}

/// The OpenID provider is the installation's own and knows who belongs to it; GitHub and Google know everybody.
fn newcomers(app: &App, provider: Provider) -> Newcomers {
    match (provider, app.entrance.registration) {
        (Provider::Oidc, _) => Newcomers::InEldest,
        (Provider::GitHub | Provider::Google, Registration::Open) => Newcomers::OnTheirOwn,
        (Provider::GitHub | Provider::Google, Registration::Closed) => Newcomers::Refused,
    }
}

fn configured(app: &App, provider: Provider) -> Result<&dyn IdentityProvider, Problem> {
    app.entrance.providers.get(&provider).map(|provider| &**provider).ok_or_else(|| {
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("people cannot sign in with {provider} here"))
            .with_title("OAuth Provider Disabled")
            .with_extension("oauth_provider_disabled", true)
    })
}

fn back_to(app: &App, provider: Provider) -> String {
    format!("{}/auth/oauth/{provider}/callback", app.entrance.public_url)
}

/// Nobody else hears of it: the browser only gets a word.
fn log(provider: Provider, error: &(dyn Error + 'static)) {
    tracing::warn!(%provider, error, "nobody was signed in with a provider");
}

async fn land(app: &App, signed_in: &SignedIn, returned: Returned) -> Result<Response, Problem> {
    shown(app, Some(signed_in.position)).await;
    let landing = &app.entrance.landing_url;
    let wanted = returned.redirect_after.and_then(|wanted| landing_at(landing, &wanted));
    redirect(wanted.as_deref().unwrap_or(landing), [refresh_cookie(app, signed_in), FLOW.clear(app)])
}

fn failed(app: &App, failure: Failure) -> Result<Response, Problem> {
    redirect(&with_error(&app.entrance.failure_url, failure.as_str()), [FLOW.clear(app)])
}

fn redirect(to: &str, cookies: impl IntoIterator<Item = HeaderValue>) -> Result<Response, Problem> {
    let location = HeaderValue::try_from(to).map_err(|error| Problem::fault(&error))?;
    let mut response = StatusCode::FOUND.into_response();
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, location);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for cookie in cookies {
        headers.append(header::SET_COOKIE, cookie);
    }
    Ok(response)
}
