//! What surrounds an incident (reference §4.2): where else it is, and who sees it.

use super::incident::find;
use super::incident_shape::SecretPresenceOut;
use super::page::PageIn;
use super::people::Doers;
use super::shape::Moment;
use super::source_shape::sources_by_id;
use super::word::StatusWord;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Id, Query};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use scanledger_domain::log::{Actor, Position};
use scanledger_projections::At;
use scanledger_projections::incident::{IncidentNote, IncidentRow};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Where else a secret was seen.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::Leak)]
pub struct LeakOut {
    source: String,
    name: String,
    url: String,
}

/// A store that has a secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::Vault)]
pub struct VaultOut {
    vault_type: String,
    vault_name: String,
    path: String,
}

/// Where an incident is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::ImpactedPerimeter)]
pub struct PerimeterOut {
    id: u64,
    status: StatusWord,
    secret_presence: SecretPresenceOut,
    sources: Vec<ImpactedSourceOut>,
}

/// A source in which a secret stands or stood.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::ImpactedSource)]
pub struct ImpactedSourceOut {
    id: u64,
    url: String,
    r#type: &'static str,
    full_name: String,
    files: Vec<String>,
}

/// Something that happened to an incident.
#[derive(Serialize, ToSchema)]
#[schema(as = gitguardian::Activity)]
pub struct ActivityOut {
    id: u64,
    incident_id: u64,
    member: Option<ActivityMemberOut>,
    api_token_id: Option<Uuid>,
    created_at: Moment,
    updated_at: Option<Moment>,
    content: ActivityContentOut,
}

/// Who did it.
#[derive(Serialize, ToSchema)]
#[schema(as = gitguardian::ActivityMember)]
pub struct ActivityMemberOut {
    id: u64,
    name: String,
    email: String,
}

/// What happened.
#[derive(Serialize, ToSchema)]
#[schema(as = gitguardian::ActivityContent)]
pub struct ActivityContentOut {
    /// `action` or `note`.
    r#type: &'static str,
    content_key: &'static str,
    comment: Option<String>,
}

/// Where else the secret of an incident was seen: nobody looks
#[utoipa::path(
    get, path = "/v1/incidents/secrets/{id}/leaks", tag = "GitGuardian incidents",
    responses((status = 200, body = Vec<LeakOut>), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn leaks(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
) -> Result<Json<Vec<LeakOut>>, Problem> {
    find(&app, &caller, number).await?;
    Ok(Json(vec![]))
}

/// The stores that have the secret of an incident: none is connected
#[utoipa::path(
    get, path = "/v1/incidents/secrets/{id}/vaults", tag = "GitGuardian incidents",
    responses((status = 200, body = Vec<VaultOut>), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn vaults(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
) -> Result<Json<Vec<VaultOut>>, Problem> {
    find(&app, &caller, number).await?;
    Ok(Json(vec![]))
}

/// The sources and files of an incident
///
/// Of the files, the first 5,000 that it came to stand in.
#[utoipa::path(
    get, path = "/v1/incidents/secrets/{id}/impacted_perimeter", tag = "GitGuardian incidents",
    responses((status = 200, body = PerimeterOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn impacted_perimeter(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
) -> Result<Json<PerimeterOut>, Problem> {
    let row = find(&app, &caller, number).await?;
    let visible = caller.principal.visible_to(caller.action);
    let files = app.views.incident_files(caller.organization(), visible, row.number).await?;
    let known = sources_by_id(&app, caller.organization(), files.keys().copied().collect()).await?;
    let mut sources: Vec<ImpactedSourceOut> = files
        .into_iter()
        .filter_map(|(project, files)| {
            let source = known.get(&project)?;
            Some(ImpactedSourceOut {
                id: source.id,
                url: source.url().to_owned(),
                r#type: source.r#type,
                full_name: source.full_name.clone(),
                files: files.into_iter().collect(),
            })
        })
        .collect();
    sources.sort_by_key(|source| source.id);
    Ok(Json(PerimeterOut {
        id: row.number.0,
        status: row.status().into(),
        secret_presence: SecretPresenceOut::of(&row),
        sources,
    }))
}

/// What happened to an incident: that it was opened, what was decided last, and every note
#[utoipa::path(
    get, path = "/v1/incidents/secrets/{id}/activity-logs", tag = "GitGuardian incidents", params(PageIn),
    responses((status = 200, body = Vec<ActivityOut>), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn activity_logs(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
    uri: Uri,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    let row = find(&app, &caller, number).await?;
    let notes = app.views.incident_notes(caller.organization(), row.id, At::Now).await?;
    let decision = app.views.last_decision(row.id).await?;
    let entries = entries(&row, decision, notes);
    let page = page.of(entries, super::page::Direction::Ascending, |entry| super::page::Mark {
        value: Some(entry.at.0.0),
        id: entry.number.0.into(),
    })?;
    let doers = Doers::of(&app, caller.organization(), [], page.rows.iter().filter_map(|row| row.by)).await?;
    let page = page.map(|entry| activity(&row, &doers, entry));
    Ok(page.answer(&app, &uri))
}

/// Something that happened.
struct Entry {
    number: Position,
    by: Option<Actor>,
    at: Moment,
    edited_at: Option<Moment>,
    content: ActivityContentOut,
}

fn entries(row: &IncidentRow, decision: Option<Position>, notes: Vec<IncidentNote>) -> Vec<Entry> {
    let action = |content_key| ActivityContentOut { r#type: "action", content_key, comment: None };
    let opened = Entry {
        number: row.number,
        by: None,
        at: Moment(row.opened_at),
        edited_at: None,
        content: action("TRIGGER"),
    };
    let decided = row.decided.zip(decision).map(|(decided, number)| Entry {
        number,
        by: Some(decided.actor),
        at: Moment(decided.at),
        edited_at: None,
        content: action(match StatusWord::from(row.status()) {
            StatusWord::Resolved => "RESOLVE",
            StatusWord::Ignored => "IGNORE",
            StatusWord::Triggered | StatusWord::Assigned => "UNRESOLVE",
        }),
    });
    let notes = notes.into_iter().map(|note| Entry {
        number: note.number,
        by: Some(note.author),
        at: Moment(note.written_at),
        edited_at: note.edited_at.map(Moment),
        content: ActivityContentOut { r#type: "note", content_key: "NOTE", comment: Some(note.text) },
    });
    std::iter::once(opened).chain(decided).chain(notes).collect()
}

fn activity(row: &IncidentRow, doers: &Doers, entry: Entry) -> ActivityOut {
    let member = match entry.by {
        Some(Actor::User(user)) => doers.person(user).map(|shown| ActivityMemberOut {
            id: shown.number,
            name: shown.person.name.clone(),
            email: shown.person.email.clone().unwrap_or_default(),
        }),
        Some(Actor::Key(_) | Actor::System | Actor::Operator) | None => None,
    };
    ActivityOut {
        id: entry.number.0,
        incident_id: row.number.0,
        member,
        api_token_id: super::people::token(entry.by),
        created_at: entry.at,
        updated_at: entry.edited_at,
        content: entry.content,
    }
}
