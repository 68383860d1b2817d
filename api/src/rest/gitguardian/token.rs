//! API tokens (reference §3): the keys of the organization, whatever their form.

use super::page::{Direction, Mark, Ordering, PageIn};
use super::shape::{Moment, done};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Id, List, Query, digest_of};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use futures::future::try_join_all;
use scanledger_domain::id::{ApiKeyId, OrganizationId, UserId};
use scanledger_domain::identity::{Credential, Denied, KeyKind, Scope};
use scanledger_domain::time::Timestamp;
use scanledger_projections::Paging;
use scanledger_projections::identity::{KeyFilter, KeyRow, Revoked};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Keys that are read in one go.
const ROWS: u32 = 1_000;

/// For whom a token acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = gitguardian::TokenType)]
pub enum TokenType {
    /// For a member.
    PersonalAccessToken,
    /// For itself.
    ServiceAccount,
}

/// Whether a token is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = gitguardian::TokenStatus)]
pub enum TokenStatus {
    /// It is.
    Active,
    /// Its time is over.
    Expired,
    /// Somebody ended it.
    Revoked,
}

/// By what tokens are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum TokenKey {
    /// When they were made.
    #[serde(rename = "created_at")]
    Creation,
    /// When they were last used.
    #[serde(rename = "last_used_at")]
    Use,
    /// When they end.
    #[serde(rename = "expire_at")]
    End,
    /// When somebody ended them.
    #[serde(rename = "revoked_at")]
    Revocation,
}

/// Which tokens.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TokensIn {
    /// Only in this state.
    #[param(inline)]
    status: Option<TokenStatus>,
    /// Only of this member.
    member_id: Option<u64>,
    /// Only made by this member.
    creator_id: Option<u64>,
    /// Only with one of these scopes, with commas between them.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "scan,incidents:read")]
    scopes: List<String>,
    /// Only whose name contains this, whatever the case.
    search: Option<String>,
    /// `created_at`, `last_used_at`, `expire_at` or `revoked_at`, with `-` in front for the other way round; by id if
    /// absent.
    #[param(value_type = Option<String>, example = "-created_at")]
    ordering: Option<Ordering<TokenKey>>,
}

/// A token, without its text.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::Token)]
pub struct TokenOut {
    id: Uuid,
    name: String,
    workspace_id: u64,
    r#type: TokenType,
    status: TokenStatus,
    created_at: Moment,
    /// To the minute.
    last_used_at: Option<Moment>,
    expire_at: Option<Moment>,
    revoked_at: Option<Moment>,
    /// For whom it acts.
    member_id: Option<u64>,
    /// Who made it.
    creator_id: Option<u64>,
    #[schema(value_type = Vec<String>)]
    scopes: Vec<&'static str>,
}

/// The token that the request came with
#[utoipa::path(
    get, path = "/v1/api_tokens/self", tag = "GitGuardian tokens", responses((status = 200, body = TokenOut))
)]
pub async fn read_own_token(State(app): State<App>, caller: Caller) -> Result<Json<TokenOut>, Problem> {
    one(&app, key_of(&app, own(&caller)?).await?).await
}

/// The token that the request came with, for who signs in with it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::OwnToken)]
pub struct OwnTokenOut {
    r#type: TokenType,
    /// The workspace.
    account_id: u64,
    name: String,
    #[schema(value_type = Vec<String>)]
    scope: Vec<&'static str>,
    expire_at: Option<Moment>,
}

/// The token that the request came with, for who signs in with it
#[utoipa::path(
    get, path = "/v1/token", tag = "GitGuardian tokens", responses((status = 200, body = OwnTokenOut))
)]
pub async fn read_token_of_sign_in(
    State(app): State<App>,
    caller: Caller,
) -> Result<Json<OwnTokenOut>, Problem> {
    let TokenOut { r#type, workspace_id, name, scopes, expire_at, .. } =
        one(&app, key_of(&app, own(&caller)?).await?).await?.0;
    Ok(Json(OwnTokenOut { r#type, account_id: workspace_id, name, scope: scopes, expire_at }))
}

/// Ends the token that the request came with, as signing out does
#[utoipa::path(
    post, path = "/v1/token/revoke", tag = "GitGuardian tokens",
    responses((status = 204, description = "It is no longer good."))
)]
pub async fn sign_out(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    revoke(&app, &caller, async { own(&caller) }).await
}

/// Ends the token that the request came with
#[utoipa::path(
    delete, path = "/v1/api_tokens/self", tag = "GitGuardian tokens",
    responses((status = 204, description = "It is no longer good."))
)]
pub async fn revoke_own_token(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    revoke(&app, &caller, async { own(&caller) }).await
}

/// The tokens of the organization
#[utoipa::path(
    get, path = "/v1/api_tokens", tag = "GitGuardian tokens", params(TokensIn, PageIn),
    responses((status = 200, body = Vec<TokenOut>))
)]
pub async fn list_tokens(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(wanted): Query<TokensIn>,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    let rows = wanted_keys(&app, caller.organization(), &wanted).await?;
    let used = last_used(&app, &rows).await?;
    let direction = wanted.ordering.map_or(Direction::default(), |ordering| ordering.direction);
    let page = page.of(rows, direction, |key| Mark {
        value: wanted.ordering.and_then(|ordering| instant(ordering.by, key, &used)).map(|at| at.0),
        id: key.id.0.as_u128(),
    })?;
    let shown = tokens(&app, caller.organization(), &page.rows, &used).await?;
    Ok(page.with(shown).answer(&app, &uri))
}

/// A token of the organization
#[utoipa::path(
    get, path = "/v1/api_tokens/{id}", tag = "GitGuardian tokens",
    responses((status = 200, body = TokenOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn read_token(
    State(app): State<App>,
    caller: Caller,
    Id(key): Id<ApiKeyId>,
) -> Result<Json<TokenOut>, Problem> {
    one(&app, of_organization(&app, &caller, key).await?).await
}

/// Ends a token of the organization
#[utoipa::path(
    delete, path = "/v1/api_tokens/{id}", tag = "GitGuardian tokens",
    responses(
        (status = 204, description = "It is no longer good."),
        (status = 404, body = crate::problem::ProblemBody)
    )
)]
pub async fn revoke_token(
    State(app): State<App>,
    caller: Caller,
    Id(key): Id<ApiKeyId>,
) -> Result<Response, Problem> {
    revoke(&app, &caller, async { Ok(of_organization(&app, &caller, key).await?.id) }).await
}

/// The key that a request came with.
fn own(caller: &Caller) -> Result<ApiKeyId, Problem> {
    match caller.principal.credential {
        Credential::Key { key, .. } => Ok(key),
        Credential::Session(_) | Credential::Installation(_) => Err(Denied::NotAKey.into()),
    }
}

async fn key_of(app: &App, key: ApiKeyId) -> Result<KeyRow, Problem> {
    app.views.key(key).await?.ok_or_else(|| Problem::missing("token"))
}

/// A key of the caller's organization. One of another organization is no different from none.
async fn of_organization(app: &App, caller: &Caller, key: ApiKeyId) -> Result<KeyRow, Problem> {
    let key = key_of(app, key).await?;
    if key.organization == caller.organization() { Ok(key) } else { Err(Problem::missing("token")) }
}

async fn revoke(
    app: &App,
    caller: &Caller,
    find: impl Future<Output = Result<ApiKeyId, Problem>>,
) -> Result<Response, Problem> {
    let revocation = async {
        let key = find.await?;
        let context = caller.command(app, digest_of(b"")).await?;
        Ok(app.identities.revoke_key(&context, key).await?)
    };
    Ok(done(app, caller.once(app, digest_of(b""), revocation).await?).await)
}

/// All keys that are meant. An organization has hundreds of them at most, and what narrows the list is known here only.
async fn wanted_keys(
    app: &App,
    organization: OrganizationId,
    wanted: &TokensIn,
) -> Result<Vec<KeyRow>, Problem> {
    let scopes = wanted
        .scopes
        .0
        .iter()
        .map(|word| word.parse::<Scope>().map_err(|error| Problem::invalid("scopes", error.to_string())));
    let scopes: Vec<Scope> = scopes.collect::<Result<_, _>>()?;
    let (member, creator) = (person(app, wanted.member_id).await?, person(app, wanted.creator_id).await?);
    let search = wanted.search.as_ref().map(|text| text.to_lowercase());
    let now = app.clock.now();
    let is_wanted = |key: &KeyRow| {
        wanted.status.is_none_or(|status| status_of(key, now) == status)
            && member.is_none_or(|member| member.is_some() && member_of(key) == member)
            && creator.is_none_or(|creator| creator.is_some() && key.created_by == creator)
            && (scopes.is_empty() || scopes.iter().any(|scope| key.scopes.contains(*scope)))
            && search.as_ref().is_none_or(|search| key.name.to_lowercase().contains(search))
    };
    let filter = KeyFilter {
        organization: Some(organization),
        include_revoked: Revoked::Included,
        ..KeyFilter::default()
    };
    let (mut found, mut offset) = (Vec::new(), 0);
    loop {
        let (rows, total) = app.views.key_page(filter.clone(), Paging { offset, limit: ROWS }).await?;
        found.extend(rows.into_iter().filter(is_wanted));
        offset += u64::from(ROWS);
        if offset >= total {
            return Ok(found);
        }
    }
}

/// The person that a number stands for, if one is asked for: `Some(None)` if it stands for nobody.
async fn person(app: &App, number: Option<u64>) -> Result<Option<Option<UserId>>, Problem> {
    let Some(number) = number else { return Ok(None) };
    Ok(Some(app.views.user_by_number(number).await?.map(|user| user.id)))
}

/// For whom a key acts.
fn member_of(key: &KeyRow) -> Option<UserId> {
    key.created_by.filter(|_| key.kind == KeyKind::Personal)
}

fn status_of(key: &KeyRow, now: Timestamp) -> TokenStatus {
    if key.revoked_at.is_some() {
        TokenStatus::Revoked
    } else if key.expires_at.is_some_and(|at| at <= now) {
        TokenStatus::Expired
    } else {
        TokenStatus::Active
    }
}

type Used = HashMap<ApiKeyId, Timestamp>;

/// When something about a key happened or will.
fn instant(by: TokenKey, key: &KeyRow, used: &Used) -> Option<Timestamp> {
    match by {
        TokenKey::Creation => Some(key.created_at),
        TokenKey::Use => used.get(&key.id).copied(),
        TokenKey::End => key.expires_at,
        TokenKey::Revocation => key.revoked_at,
    }
}

async fn last_used(app: &App, keys: &[KeyRow]) -> Result<Used, Problem> {
    let usage = Arc::clone(&app.key_usage);
    let ids: Vec<ApiKeyId> = keys.iter().map(|key| key.id).collect();
    let used = tokio::task::spawn_blocking(move || usage.last_used(&ids)).await;
    used.map_err(|error| Problem::fault(&error))?.map_err(|cause| Problem::fault(&*cause))
}

async fn one(app: &App, key: KeyRow) -> Result<Json<TokenOut>, Problem> {
    let (organization, keys) = (key.organization, [key]);
    let used = last_used(app, &keys).await?;
    let shown = tokens(app, organization, &keys, &used).await?.pop();
    shown.map(Json).ok_or_else(|| Problem::missing("token"))
}

async fn tokens(
    app: &App,
    organization: OrganizationId,
    keys: &[KeyRow],
    used: &Used,
) -> Result<Vec<TokenOut>, Problem> {
    let workspace =
        app.views.organization(organization).await?.ok_or_else(|| Problem::missing("workspace"))?;
    let numbers = numbers(app, keys.iter().filter_map(|key| key.created_by)).await?;
    let number = |user: UserId| numbers.get(&user).copied();
    let now = app.clock.now();
    let shown = keys.iter().map(|key| TokenOut {
        id: key.id.0,
        name: key.name.clone(),
        workspace_id: workspace.number,
        r#type: match key.kind {
            KeyKind::Personal => TokenType::PersonalAccessToken,
            KeyKind::Service => TokenType::ServiceAccount,
        },
        status: status_of(key, now),
        created_at: Moment(key.created_at),
        last_used_at: used.get(&key.id).copied().map(Moment::of_minute),
        expire_at: key.expires_at.map(Moment),
        revoked_at: key.revoked_at.map(Moment),
        member_id: member_of(key).and_then(number),
        creator_id: key.created_by.and_then(number),
        scopes: key.scopes.iter().map(Scope::as_str).collect(),
    });
    Ok(shown.collect())
}

/// The numbers that stand for people; the makers of a page of keys are few.
async fn numbers(app: &App, people: impl Iterator<Item = UserId>) -> Result<HashMap<UserId, u64>, Problem> {
    let people: HashSet<UserId> = people.collect();
    let found = try_join_all(people.into_iter().map(|user| app.views.user(user))).await?;
    Ok(found.into_iter().flatten().map(|user| (user.id, user.number)).collect())
}
