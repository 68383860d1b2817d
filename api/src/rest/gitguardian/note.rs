//! Notes on incidents (reference §4.2).

use super::incident::find;
use super::page::{Direction, Mark, Ordering, PageIn, check_search};
use super::people::{Doers, member_by_number, token};
use super::shape::{Moment, Numbers, done};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Body, Id, Query, digest_of};
use crate::problem::Problem;
use crate::rest::{Written, shown as shown_at};
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use scanledger_domain::id::NoteId;
use scanledger_domain::log::{Actor, Position};
use scanledger_projections::At;
use scanledger_projections::incident::{IncidentNote, IncidentRow};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// By what notes are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum NoteKey {
    /// When they were written.
    #[serde(rename = "created_at")]
    Creation,
    /// When they were last changed.
    #[serde(rename = "updated_at")]
    Change,
}

/// Which notes.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct NotesIn {
    /// `created_at` or `updated_at`, with `-` in front for the other way round; by id if absent.
    #[param(value_type = Option<String>, example = "-created_at")]
    pub(super) ordering: Option<Ordering<NoteKey>>,
    /// Only by this member.
    pub(super) member_id: Option<u64>,
    /// Only with this text, whatever the case.
    pub(super) search: Option<String>,
}

/// What a note is to say.
#[derive(Deserialize, ToSchema)]
#[schema(as = gitguardian::NoteText)]
pub struct NoteIn {
    #[schema(min_length = 1, max_length = 4000)]
    pub(super) comment: String,
}

/// A note on an incident.
#[derive(Serialize, ToSchema)]
#[schema(as = gitguardian::Note)]
pub struct NoteOut {
    id: u64,
    incident_id: u64,
    /// The same.
    issue_id: u64,
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

/// The notes on an incident
#[utoipa::path(
    get, path = "/v1/incidents/secrets/{id}/notes", tag = "GitGuardian incidents", params(NotesIn, PageIn),
    responses((status = 200, body = Vec<NoteOut>), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn list_notes(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    uri: Uri,
    Query(wanted): Query<NotesIn>,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    let incident = find(&app, &caller, number).await?;
    let author = match wanted.member_id {
        Some(number) => Some(member_by_number(&app, caller.organization(), number).await?),
        None => None,
    };
    check_search(wanted.search.as_deref())?;
    let search = wanted.search.map(|text| text.to_lowercase());
    let is_wanted = |note: &IncidentNote| {
        author.is_none_or(|author| author.is_some_and(|user| note.author == Actor::User(user)))
            && search.as_ref().is_none_or(|text| note.text.to_lowercase().contains(text))
    };
    let rows = notes(&app, &caller, &incident).await?.into_iter().filter(is_wanted).collect();
    let direction = wanted.ordering.map_or(Direction::default(), |ordering| ordering.direction);
    let page = page.of(rows, direction, |note| {
        let value = wanted.ordering.and_then(|ordering| match ordering.by {
            NoteKey::Creation => Some(note.written_at),
            NoteKey::Change => note.edited_at,
        });
        Mark { value: value.map(|at| at.0), id: note.number.0.into() }
    })?;
    let shown = shown(&app, &caller, &incident, &page.rows).await?;
    Ok(page.with(shown).answer(&app, &uri))
}

/// Writes a note on an incident
#[utoipa::path(
    post, path = "/v1/incidents/secrets/{id}/notes", tag = "GitGuardian incidents", request_body = NoteIn,
    responses((status = 201, body = NoteOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn add_note(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    body: Body<NoteIn>,
) -> Result<Written<NoteOut>, Problem> {
    let incident = find(&app, &caller, number).await?;
    let context = caller.command(&app, body.digest).await?;
    let text = body.value.comment;
    let (id, written) =
        app.incidents.add_note(&context, &caller.principal, incident.id, text.clone()).await?;
    // What is answered while read models are late.
    let decided = written.position.zip(written.recorded_at).map(|(number, written_at)| {
        let author = caller.principal.actor;
        IncidentNote { id, number, author, text, written_at, edited_at: None }
    });
    after(&app, &caller, &incident, (id, decided), StatusCode::CREATED, written.position).await
}

/// Writes something else in a note
#[utoipa::path(
    patch, path = "/v1/incidents/secrets/{id}/notes/{note_id}", tag = "GitGuardian incidents",
    request_body = NoteIn,
    responses((status = 200, body = NoteOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn patch_note(
    State(app): State<App>,
    caller: Caller,
    Numbers(numbers): Numbers<2>,
    body: Body<NoteIn>,
) -> Result<Written<NoteOut>, Problem> {
    change(&app, &caller, numbers, body).await
}

/// Writes something else in a note, as `PATCH` does
#[utoipa::path(
    put, path = "/v1/incidents/secrets/{id}/notes/{note_id}", tag = "GitGuardian incidents",
    request_body = NoteIn,
    responses((status = 200, body = NoteOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn put_note(
    State(app): State<App>,
    caller: Caller,
    Numbers(numbers): Numbers<2>,
    body: Body<NoteIn>,
) -> Result<Written<NoteOut>, Problem> {
    change(&app, &caller, numbers, body).await
}

/// Takes a note back
#[utoipa::path(
    delete, path = "/v1/incidents/secrets/{id}/notes/{note_id}", tag = "GitGuardian incidents",
    responses(
        (status = 204, description = "It is gone."),
        (status = 404, body = crate::problem::ProblemBody)
    )
)]
pub async fn remove_note(
    State(app): State<App>,
    caller: Caller,
    Numbers(numbers): Numbers<2>,
) -> Result<Response, Problem> {
    let [number, note] = numbers;
    let removal = async {
        let incident = find(&app, &caller, number).await?;
        let note = note_of(&app, &caller, &incident, note).await?;
        let context = caller.command(&app, digest_of(b"")).await?;
        let about = (incident.id, note);
        Ok(app.incidents.remove_note(&context, &caller.principal, about).await?.position)
    };
    Ok(done(&app, caller.once(&app, digest_of(b""), removal).await?).await)
}

async fn change(
    app: &App,
    caller: &Caller,
    [number, note]: [u64; 2],
    body: Body<NoteIn>,
) -> Result<Written<NoteOut>, Problem> {
    let incident = find(app, caller, number).await?;
    let note = note_of(app, caller, &incident, note).await?;
    let context = caller.command(app, body.digest).await?;
    let about = (incident.id, note);
    let edited = app.incidents.edit_note(&context, &caller.principal, about, body.value.comment).await?;
    after(app, caller, &incident, (note, None), StatusCode::OK, edited.position).await
}

async fn notes(app: &App, caller: &Caller, incident: &IncidentRow) -> Result<Vec<IncidentNote>, Problem> {
    Ok(app.views.incident_notes(caller.organization(), incident.id, At::Now).await?)
}

async fn note_of(app: &App, caller: &Caller, incident: &IncidentRow, number: u64) -> Result<NoteId, Problem> {
    let found = notes(app, caller, incident).await?.into_iter().find(|note| note.number == Position(number));
    found.map(|note| note.id).ok_or_else(|| Problem::missing("note"))
}

async fn after(
    app: &App,
    caller: &Caller,
    incident: &IncidentRow,
    (note, decided): (NoteId, Option<IncidentNote>),
    status: StatusCode,
    position: Option<Position>,
) -> Result<Written<NoteOut>, Problem> {
    shown_at(app, position).await;
    let found = notes(app, caller, incident).await?.into_iter().find(|found| found.id == note).or(decided);
    let found = found.ok_or_else(|| Problem::missing("note"))?;
    let shown = shown(app, caller, incident, std::slice::from_ref(&found)).await?.pop();
    let shown = shown.ok_or_else(|| Problem::missing("note"))?;
    Ok(Written::at(app, status, position, shown).await)
}

async fn shown(
    app: &App,
    caller: &Caller,
    incident: &IncidentRow,
    rows: &[IncidentNote],
) -> Result<Vec<NoteOut>, Problem> {
    let doers = Doers::of(app, caller.organization(), [], rows.iter().map(|note| note.author)).await?;
    let shown = rows.iter().map(|note| {
        let member = doers.member(Some(note.author));
        NoteOut {
            id: note.number.0,
            incident_id: incident.number.0,
            issue_id: incident.number.0,
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
