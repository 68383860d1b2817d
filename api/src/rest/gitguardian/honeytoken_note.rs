//! Notes on honeytokens (reference §11): as those on incidents, but with ids of their own.

use super::honeytoken::find;
use super::note::{NoteIn, NoteKey, NotesIn};
use super::page::{Direction, Mark, PageIn, check_search};
use super::people::{Doers, member_by_number, token};
use super::shape::{Moment, done};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Id, Query, digest_of};
use crate::problem::Problem;
use crate::rest::{Written, shown as shown_at};
use axum::extract::{FromRequestParts, RawPathParams, State};
use axum::http::request::Parts;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use scanledger_commands::honeytoken::NoteWritten;
use scanledger_domain::id::{HoneytokenId, NoteId};
use scanledger_domain::log::{Actor, Position};
use scanledger_projections::honeytoken::HoneytokenNote;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A note on a honeytoken.
#[derive(Serialize, ToSchema)]
#[schema(as = gitguardian::HoneytokenNote)]
pub struct HoneytokenNoteOut {
    id: Uuid,
    honeytoken_id: Uuid,
    member_id: Option<u64>,
    /// The same.
    user_id: Option<u64>,
    api_token_id: Option<Uuid>,
    /// Its name.
    api_token: Option<String>,
    created_at: Moment,
    /// Null until it is changed.
    updated_at: Option<Moment>,
    comment: String,
}

/// A honeytoken and a note on it. What are no ids name nothing: 404.
pub struct NotePath(HoneytokenId, NoteId);

impl FromRequestParts<App> for NotePath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let missing = || Problem::missing("note");
        let path = RawPathParams::from_request_parts(parts, app).await.map_err(|_| missing())?;
        let mut ids = path.iter().map(|(_, text)| text.parse::<Uuid>().map_err(|_| missing()));
        let mut next = || ids.next().ok_or_else(missing).and_then(|id| id);
        Ok(Self(HoneytokenId(next()?), NoteId(next()?)))
    }
}

/// The notes on a honeytoken
#[utoipa::path(
    get, path = "/v1/honeytokens/{id}/notes", tag = "GitGuardian honeytokens", params(NotesIn, PageIn),
    responses((status = 200, body = Vec<HoneytokenNoteOut>), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn list_honeytoken_notes(
    State(app): State<App>,
    caller: Caller,
    Id(honeytoken): Id<HoneytokenId>,
    uri: Uri,
    Query(wanted): Query<NotesIn>,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    let honeytoken = find(&app, &caller, honeytoken).await?.id;
    let author = match wanted.member_id {
        Some(number) => Some(member_by_number(&app, caller.organization(), number).await?),
        None => None,
    };
    check_search(wanted.search.as_deref())?;
    let search = wanted.search.map(|text| text.to_lowercase());
    let is_wanted = |note: &HoneytokenNote| {
        author.is_none_or(|author| author.is_some_and(|user| note.author == Actor::User(user)))
            && search.as_ref().is_none_or(|text| note.text.to_lowercase().contains(text))
    };
    let rows = notes(&app, &caller, honeytoken).await?.into_iter().filter(is_wanted).collect();
    let direction = wanted.ordering.map_or(Direction::default(), |ordering| ordering.direction);
    let page = page.of(rows, direction, |note| {
        let value = wanted.ordering.and_then(|ordering| match ordering.by {
            NoteKey::Creation => Some(note.written_at),
            NoteKey::Change => note.edited_at,
        });
        Mark { value: value.map(|at| at.0), id: note.number.0.into() }
    })?;
    let shown = shown(&app, &caller, honeytoken, &page.rows).await?;
    Ok(page.with(shown).answer(&app, &uri))
}

/// Writes a note on a honeytoken
#[utoipa::path(
    post, path = "/v1/honeytokens/{id}/notes", tag = "GitGuardian honeytokens", request_body = NoteIn,
    responses((status = 201, body = HoneytokenNoteOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn add_honeytoken_note(
    State(app): State<App>,
    caller: Caller,
    Id(honeytoken): Id<HoneytokenId>,
    body: Body<NoteIn>,
) -> Result<Written<HoneytokenNoteOut>, Problem> {
    let honeytoken = find(&app, &caller, honeytoken).await?.id;
    let context = caller.command(&app, body.digest).await?;
    let text = body.value.comment;
    let written = app.honeytokens.add_note(&context, honeytoken, text.clone()).await?;
    let NoteWritten { note, position, written_at } = written;
    shown_at(&app, Some(position)).await;
    let found = find_note(&app, &caller, (honeytoken, note)).await?;
    let author = caller.principal.actor;
    let decided = || HoneytokenNote { id: note, number: position, author, text, written_at, edited_at: None };
    let note = found.unwrap_or_else(decided);
    answer(&app, &caller, honeytoken, (note, StatusCode::CREATED, Some(position))).await
}

/// Writes something else in a note on a honeytoken
#[utoipa::path(
    method(patch, put), path = "/v1/honeytokens/{id}/notes/{note_id}", tag = "GitGuardian honeytokens",
    request_body = NoteIn,
    responses((status = 200, body = HoneytokenNoteOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn edit_honeytoken_note(
    State(app): State<App>,
    caller: Caller,
    NotePath(honeytoken, note): NotePath,
    body: Body<NoteIn>,
) -> Result<Written<HoneytokenNoteOut>, Problem> {
    let honeytoken = find(&app, &caller, honeytoken).await?.id;
    let context = caller.command(&app, body.digest).await?;
    let about = (honeytoken, note);
    let position = app.honeytokens.edit_note(&context, about, body.value.comment).await?;
    shown_at(&app, position).await;
    let note = find_note(&app, &caller, about).await?.ok_or_else(|| Problem::missing("note"))?;
    answer(&app, &caller, honeytoken, (note, StatusCode::OK, position)).await
}

/// Takes a note on a honeytoken back
#[utoipa::path(
    delete, path = "/v1/honeytokens/{id}/notes/{note_id}", tag = "GitGuardian honeytokens",
    responses(
        (status = 204, description = "It is gone."),
        (status = 404, body = crate::problem::ProblemBody)
    )
)]
pub async fn remove_honeytoken_note(
    State(app): State<App>,
    caller: Caller,
    NotePath(honeytoken, note): NotePath,
) -> Result<Response, Problem> {
    let removal = async {
        let honeytoken = find(&app, &caller, honeytoken).await?.id;
        let context = caller.command(&app, digest_of(b"")).await?;
        Ok(app.honeytokens.remove_note(&context, (honeytoken, note)).await?)
    };
    Ok(done(&app, caller.once(&app, digest_of(b""), removal).await?).await)
}

async fn notes(app: &App, caller: &Caller, honeytoken: HoneytokenId) -> Result<Vec<HoneytokenNote>, Problem> {
    Ok(app.views.honeytoken_notes(caller.organization(), honeytoken).await?)
}

async fn find_note(
    app: &App,
    caller: &Caller,
    (honeytoken, note): (HoneytokenId, NoteId),
) -> Result<Option<HoneytokenNote>, Problem> {
    Ok(notes(app, caller, honeytoken).await?.into_iter().find(|found| found.id == note))
}

async fn answer(
    app: &App,
    caller: &Caller,
    honeytoken: HoneytokenId,
    (note, status, position): (HoneytokenNote, StatusCode, Option<Position>),
) -> Result<Written<HoneytokenNoteOut>, Problem> {
    let shown = shown(app, caller, honeytoken, std::slice::from_ref(&note)).await?.pop();
    let shown = shown.ok_or_else(|| Problem::missing("note"))?;
    Ok(Written::at(app, status, position, shown).await)
}

async fn shown(
    app: &App,
    caller: &Caller,
    honeytoken: HoneytokenId,
    rows: &[HoneytokenNote],
) -> Result<Vec<HoneytokenNoteOut>, Problem> {
    let doers = Doers::of(app, caller.organization(), [], rows.iter().map(|note| note.author)).await?;
    let shown = rows.iter().map(|note| {
        let member = doers.member(Some(note.author));
        HoneytokenNoteOut {
            id: note.id.0,
            honeytoken_id: honeytoken.0,
            member_id: member,
            user_id: member,
            api_token_id: token(Some(note.author)),
            api_token: doers.key_name(Some(note.author)).map(str::to_owned),
            created_at: Moment(note.written_at),
            updated_at: note.edited_at.map(Moment),
            comment: note.text.clone(),
        }
    });
    Ok(shown.collect())
}
