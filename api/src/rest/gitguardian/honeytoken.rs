//! Honeytokens (reference §11).

use super::honeytoken_shape::{
    Credentials, HoneytokenOut, HoneytokenStatusWord, HoneytokenType, Privacy, shown,
};
use super::incident_filter::actors;
use super::member::Flag;
use super::page::{Direction, Keyset, Mark, Ordering, PageIn, check_search};
use super::people::direction;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Id, List, Patched, Query, digest_of, present};
use crate::problem::Problem;
use crate::rest::{Written, shown as shown_at};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use scanledger_commands::honeytoken::{HoneytokenMade, HoneytokenPatch, HoneytokenWanted};
use scanledger_domain::honeytoken::{Created, HoneytokenStatus};
use scanledger_domain::id::HoneytokenId;
use scanledger_domain::log::{Actor, Position};
use scanledger_projections::honeytoken::{HoneytokenFilter, HoneytokenQuery, HoneytokenRow, HoneytokenSort};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// By what honeytokens are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum HoneytokenKey {
    /// What they are called.
    #[serde(rename = "name")]
    Name,
    /// When they were made.
    #[serde(rename = "created_at")]
    Creation,
    /// When they were triggered.
    #[serde(rename = "triggered_at")]
    Trigger,
    /// When they were revoked.
    #[serde(rename = "revoked_at")]
    Revocation,
}

/// Which honeytokens.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct HoneytokensIn {
    /// Only with one of these, with commas between them.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "active,triggered")]
    status: List<HoneytokenStatusWord>,
    /// Only of this kind; there is one.
    #[param(inline)]
    r#type: Option<HoneytokenType>,
    /// Only with this text in name or description, whatever the case.
    search: Option<String>,
    /// Only made by this member.
    creator_id: Option<u64>,
    /// Only made with this token.
    creator_api_token_id: Option<Uuid>,
    /// Only revoked by this member.
    revoker_id: Option<u64>,
    /// Only revoked with this token.
    revoker_api_token_id: Option<Uuid>,
    /// Only with one of these tags. There are none.
    tags: Option<String>,
    /// `name`, `created_at`, `triggered_at` or `revoked_at`, with `-` in front for the other way round; in the order in
    /// which they were made if absent.
    #[param(value_type = Option<String>, example = "-created_at")]
    ordering: Option<Ordering<HoneytokenKey>>,
}

/// Whether credentials are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ShowTokenIn {
    /// Whether to show the credential.
    #[param(value_type = Option<bool>, default = false)]
    show_token: Option<Flag>,
}

impl ShowTokenIn {
    fn credentials(&self, privacy: Privacy) -> Credentials {
        match self.show_token {
            Some(Flag::Yes) => Credentials::Shown(privacy),
            Some(Flag::No) | None => Credentials::LeftOut,
        }
    }
}

/// A honeytoken that is wanted.
#[derive(Deserialize, ToSchema)]
#[schema(as = gitguardian::HoneytokenCreate)]
pub struct HoneytokenIn {
    /// One line; unique among those that are not revoked.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    #[serde(default)]
    r#type: HoneytokenType,
    #[schema(max_length = 2000)]
    description: Option<String>,
    /// Must be empty: there are no tags of the workspace.
    #[serde(default)]
    custom_tags: Vec<Value>,
}

/// What is to be different about a honeytoken.
#[derive(Deserialize, ToSchema)]
#[schema(as = gitguardian::HoneytokenPatch)]
pub struct HoneytokenPatchIn {
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// Null for none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 2000)]
    description: Patched<String>,
    /// Must be empty: there are no tags of the workspace.
    #[serde(default)]
    custom_tags: Vec<Value>,
}

/// The honeytokens of the workspace
#[utoipa::path(
    get, path = "/v1/honeytokens", tag = "GitGuardian honeytokens", params(HoneytokensIn, ShowTokenIn, PageIn),
    responses((status = 200, body = Vec<HoneytokenOut>))
)]
pub async fn list_honeytokens(
    State(app): State<App>,
    caller: Caller,
    privacy: Privacy,
    uri: Uri,
    Query(wanted): Query<HoneytokensIn>,
    Query(show): Query<ShowTokenIn>,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    check_search(wanted.search.as_deref())?;
    let keyset = page.keyset()?;
    let mark = |row: &HoneytokenRow| Mark { value: None, id: row.number.0.into() };
    let Some(filter) = wanted.filter(&app, &caller).await? else {
        let none: Vec<HoneytokenRow> = vec![];
        return Ok(keyset.page(none, false, mark).with(Vec::<HoneytokenOut>::new()).answer(&app, &uri));
    };
    let towards = wanted.ordering.map_or(Direction::default(), |ordering| ordering.direction);
    let query = HoneytokenQuery {
        organization: caller.organization(),
        filter,
        by: wanted.sort(),
        direction: direction(towards),
        from: from(keyset)?,
        is_backward: keyset.is_backward,
        limit: keyset.limit(),
    };
    let found = app.views.honeytokens(query).await?;
    let page = keyset.page(found.rows, found.has_more, mark);
    let rows = shown(&app, caller.organization(), &page.rows, show.credentials(privacy)).await?;
    Ok(page.with(rows).answer(&app, &uri))
}

/// Makes a honeytoken
///
/// Its credential goes off when somebody uses it at `/decoy/aws` of this server.
#[utoipa::path(
    post, path = "/v1/honeytokens", tag = "GitGuardian honeytokens", request_body = HoneytokenIn,
    responses(
        (status = 201, body = HoneytokenOut),
        (status = 409, body = crate::problem::ProblemBody, description = "Another one has the name, or there are enough.")
    )
)]
pub async fn create_honeytoken(
    State(app): State<App>,
    caller: Caller,
    body: Body<HoneytokenIn>,
) -> Result<Written<HoneytokenOut>, Problem> {
    let HoneytokenIn { name, r#type: HoneytokenType::Aws, description, custom_tags } = body.value;
    without_tags(&custom_tags)?;
    let context = caller.command(&app, body.digest).await?;
    let wanted = HoneytokenWanted { organization: caller.organization(), name, description };
    let made = app.honeytokens.create(&context, wanted).await?;
    shown_at(&app, Some(made.position)).await;
    let found = app.views.honeytoken(caller.organization(), made.honeytoken).await?;
    let row = found.unwrap_or_else(|| as_made(&made, caller.principal.actor));
    let shown = one(&app, &caller, &row, Credentials::LeftOut).await?.with(&made.credential);
    Ok(Written::at(&app, StatusCode::CREATED, Some(made.position), shown).await)
}

/// A honeytoken of the workspace
#[utoipa::path(
    get, path = "/v1/honeytokens/{id}", tag = "GitGuardian honeytokens", params(ShowTokenIn),
    responses((status = 200, body = HoneytokenOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn read_honeytoken(
    State(app): State<App>,
    caller: Caller,
    privacy: Privacy,
    Id(honeytoken): Id<HoneytokenId>,
    Query(show): Query<ShowTokenIn>,
) -> Result<Json<HoneytokenOut>, Problem> {
    let row = find(&app, &caller, honeytoken).await?;
    one(&app, &caller, &row, show.credentials(privacy)).await.map(Json)
}

/// Changes what is written about a honeytoken
#[utoipa::path(
    patch, path = "/v1/honeytokens/{id}", tag = "GitGuardian honeytokens", request_body = HoneytokenPatchIn,
    responses(
        (status = 200, body = HoneytokenOut),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "Another one has the name, or it is revoked.")
    )
)]
pub async fn patch_honeytoken(
    State(app): State<App>,
    caller: Caller,
    Id(honeytoken): Id<HoneytokenId>,
    body: Body<HoneytokenPatchIn>,
) -> Result<Written<HoneytokenOut>, Problem> {
    let HoneytokenPatchIn { name, description, custom_tags } = body.value;
    without_tags(&custom_tags)?;
    let row = find(&app, &caller, honeytoken).await?;
    let context = caller.command(&app, body.digest).await?;
    let patch = HoneytokenPatch { name, description };
    let position = app.honeytokens.change(&context, row.id, patch).await?;
    after(&app, &caller, row.id, position).await
}

/// Notes that the uses of a honeytoken are dealt with
#[utoipa::path(
    post, path = "/v1/honeytokens/{id}/reset", tag = "GitGuardian honeytokens",
    responses(
        (status = 200, body = HoneytokenOut),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "It is not triggered.")
    )
)]
pub async fn reset_honeytoken(
    State(app): State<App>,
    caller: Caller,
    Id(honeytoken): Id<HoneytokenId>,
) -> Result<Written<HoneytokenOut>, Problem> {
    let row = find(&app, &caller, honeytoken).await?;
    let context = caller.command(&app, digest_of(b"")).await?;
    let position = app.honeytokens.reset(&context, row.id).await?;
    after(&app, &caller, row.id, position).await
}

/// Ends a honeytoken for good
#[utoipa::path(
    post, path = "/v1/honeytokens/{id}/revoke", tag = "GitGuardian honeytokens",
    responses(
        (status = 200, body = HoneytokenOut),
        (status = 404, body = crate::problem::ProblemBody),
        (status = 409, body = crate::problem::ProblemBody, description = "It is revoked.")
    )
)]
pub async fn revoke_honeytoken(
    State(app): State<App>,
    caller: Caller,
    Id(honeytoken): Id<HoneytokenId>,
) -> Result<Written<HoneytokenOut>, Problem> {
    let row = find(&app, &caller, honeytoken).await?;
    let context = caller.command(&app, digest_of(b"")).await?;
    let position = app.honeytokens.revoke(&context, row.id).await?;
    after(&app, &caller, row.id, position).await
}

/// A honeytoken of the caller's organization. One of another organization is no different from none.
pub async fn find(app: &App, caller: &Caller, honeytoken: HoneytokenId) -> Result<HoneytokenRow, Problem> {
    let found = app.views.honeytoken(caller.organization(), honeytoken).await?;
    found.ok_or_else(|| Problem::missing("honeytoken"))
}

/// Tags of the workspace cannot be given to what there is.
///
/// # Errors
/// 400 if there are any.
pub fn without_tags(tags: &[Value]) -> Result<(), Problem> {
    if tags.is_empty() {
        return Ok(());
    }
    Err(Problem::invalid("custom_tags", "must be empty: there are no tags of the workspace"))
}

/// The number of the row from which a page is counted.
///
/// # Errors
/// 400 for a cursor of another list.
pub fn from(keyset: Keyset) -> Result<Option<Position>, Problem> {
    let wrong = |_| Problem::invalid("cursor", "must be from the header Link of another page");
    keyset.from.map(|mark| u64::try_from(mark.id).map(Position).map_err(wrong)).transpose()
}

/// A honeytoken that reads do not show yet.
fn as_made(made: &HoneytokenMade, creator: Actor) -> HoneytokenRow {
    let Created { honeytoken, name, description, access_id, secret_key, .. } = made.created.clone();
    HoneytokenRow {
        id: honeytoken,
        number: made.position,
        name,
        description,
        status: HoneytokenStatus::Active,
        open_events: 0,
        access_id,
        secret_key,
        created_at: made.created_at,
        creator,
        triggered_at: None,
        revoked: None,
    }
}

async fn one(
    app: &App,
    caller: &Caller,
    row: &HoneytokenRow,
    credentials: Credentials,
) -> Result<HoneytokenOut, Problem> {
    let shown = shown(app, caller.organization(), std::slice::from_ref(row), credentials).await?.pop();
    shown.ok_or_else(|| Problem::missing("honeytoken"))
}

async fn after(
    app: &App,
    caller: &Caller,
    honeytoken: HoneytokenId,
    position: Option<Position>,
) -> Result<Written<HoneytokenOut>, Problem> {
    shown_at(app, position).await;
    let row = find(app, caller, honeytoken).await?;
    let body = one(app, caller, &row, Credentials::LeftOut).await?;
    Ok(Written::at(app, StatusCode::OK, position, body).await)
}

impl HoneytokensIn {
    fn sort(&self) -> HoneytokenSort {
        match self.ordering.map(|ordering| ordering.by) {
            None | Some(HoneytokenKey::Creation) => HoneytokenSort::Created,
            Some(HoneytokenKey::Name) => HoneytokenSort::Name,
            Some(HoneytokenKey::Trigger) => HoneytokenSort::Triggered,
            Some(HoneytokenKey::Revocation) => HoneytokenSort::Revoked,
        }
    }

    /// None if nothing can be meant.
    async fn filter(&self, app: &App, caller: &Caller) -> Result<Option<HoneytokenFilter>, Problem> {
        // There is one kind.
        let (None | Some(HoneytokenType::Aws)) = self.r#type;
        let organization = caller.organization();
        let creators = actors(app, organization, self.creator_id, self.creator_api_token_id).await?;
        let revokers = actors(app, organization, self.revoker_id, self.revoker_api_token_id).await?;
        let (Some(creators), Some(revokers), None) = (creators, revokers, &self.tags) else {
            return Ok(None);
        };
        let only = |actors: Vec<Actor>| actors.into_iter().next();
        Ok(Some(HoneytokenFilter {
            statuses: self.status.0.iter().map(|word| (*word).into()).collect(),
            search: self.search.clone(),
            creator: only(creators),
            revoker: only(revokers),
        }))
    }
}
