//! The audit log (reference §3.3, §3.6, §12.1): for team administrators what is about their teams, for super
//! administrators everything.

use super::csv::Csv;
use super::word::{diff, is_table, target_of, types_of, words_of};
use super::{PageNumber, PageSize, page_a};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::Query;
use crate::problem::Problem;
use crate::rest::Moment;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use scanledger_domain::id::UserId;
use scanledger_domain::identity::{Action, Denied, Given, Principal, Resource, Role, Visible, authorize};
use scanledger_domain::limits::{ACTION_CHARS, AUDIT_EXPORT_ROWS, LONG_SEARCH_CHARS};
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::time::Timestamp;
use scanledger_domain::vault::{Vault, VaultError};
use scanledger_projections::Paging;
use scanledger_projections::audit::{AuditReach, AuditRow, AuditSearch};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Entries on a page if nobody says (reference §1.1).
const PAGE: u32 = 50;
/// Entries that are read at a time for a file.
const EXPORT_BATCH: u32 = 2_000;

const COLUMNS: [&str; 8] = [
    "created_at",
    "actor_user_id",
    "actor_email",
    "team_id",
    "target_table",
    "target_id",
    "action",
    "request_id",
];

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditLogIn {
    /// Only what this person did.
    actor_user_id: Option<Uuid>,
    /// Only about this table.
    #[param(example = "projects")]
    target_table: Option<String>,
    /// Only actions that contain this text, whatever the case.
    #[param(max_length = 64)]
    action: Option<String>,
    /// Only at or after this instant (RFC 3339).
    from: Option<String>,
    /// Only at or before this instant (RFC 3339).
    to: Option<String>,
    /// Only with all of these words; a word ending in `*` stands for all that begin so.
    #[param(max_length = 255)]
    q: Option<String>,
}

/// Which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditPageIn {
    /// From 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1)]
    page: Option<PageNumber>,
    /// Entries on a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    page_size: Option<PageSize>,
}

/// An entry.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditLogItem {
    /// Made from the position of its event, so that it never changes.
    id: Uuid,
    created_at: Moment,
    /// None if no person did it.
    actor_user_id: Option<Uuid>,
    /// None if no person did it, or they were erased.
    actor_email: Option<String>,
    /// The team that it is about.
    team_id: Option<Uuid>,
    target_table: String,
    target_id: Option<String>,
    action: String,
    /// What the event says; secrets are masked, people shown as hashes.
    diff: Option<Map<String, Value>>,
    request_id: Option<String>,
}

/// Entries on a page, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditLogListPage {
    items: Vec<AuditLogItem>,
    total: u64,
    page: u32,
    page_size: u32,
    has_more: bool,
}

/// The audit log of the caller's teams, newest first
///
/// Entries about no team are for super administrators, who see everything.
#[utoipa::path(
    get, path = "/v1/audit", tag = "TRUSCA audit", params(AuditLogIn, AuditPageIn),
    responses((status = 200, body = AuditLogListPage))
)]
pub async fn list_entries(
    State(app): State<App>,
    caller: Caller,
    Query(wanted): Query<AuditLogIn>,
    Query(page): Query<AuditPageIn>,
) -> Result<Json<AuditLogListPage>, Problem> {
    let search = search(reach(&caller.principal)?, &wanted)?;
    Ok(Json(page_of(&app, search, &page).await?))
}

/// The audit log of the installation, newest first
///
/// That it was looked at is an entry of it.
#[utoipa::path(
    get, path = "/v1/admin/audit", tag = "TRUSCA admin", params(AuditLogIn, AuditPageIn),
    responses((status = 200, body = AuditLogListPage))
)]
pub async fn list_all_entries(
    State(app): State<App>,
    caller: Caller,
    Query(wanted): Query<AuditLogIn>,
    Query(page): Query<AuditPageIn>,
) -> Result<Json<AuditLogListPage>, Problem> {
    let search = search(AuditReach::All, &wanted)?;
    caller.record_granted(&app, Action::ReadAudit, Given::default()).await?;
    Ok(Json(page_of(&app, search, &page).await?))
}

/// The audit log of the installation as a file, newest first
///
/// That it was taken is an entry of the audit log.
#[utoipa::path(
    get, path = "/v1/admin/audit/export.csv", tag = "TRUSCA admin", params(AuditLogIn),
    responses(
        (status = 200, content_type = "text/csv", body = String),
        (status = 413, body = super::shape::ProblemOut),
    )
)]
pub async fn export_entries(
    State(app): State<App>,
    caller: Caller,
    Query(wanted): Query<AuditLogIn>,
) -> Result<Response, Problem> {
    let mut search = search(AuditReach::All, &wanted)?;
    let name = file_name(&search);
    caller.record_granted(&app, Action::ExportAudit, Given::default()).await?;
    let mut table = Csv::new(&COLUMNS);
    let mut is_first = true;
    loop {
        let paging = Paging { offset: 0, limit: EXPORT_BATCH };
        let found = app.views.audit_page(search.clone(), paging).await?;
        if is_first {
            fits(found.total)?;
        }
        is_first = false;
        // What is recorded meanwhile has a later position.
        search.before = found.rows.last().map(|row| row.entry.position);
        let has_more = found.total > found.rows.len() as u64;
        for item in items_of(&app, found.rows).await? {
            add(&mut table, &item);
        }
        if !has_more {
            return Ok(table.into_file(&name));
        }
    }
}

/// Whether so many entries are a file.
fn fits(entries: u64) -> Result<(), Problem> {
    if entries <= AUDIT_EXPORT_ROWS {
        return Ok(());
    }
    let error = format!("a file has at most {AUDIT_EXPORT_ROWS} entries; narrow the time");
    Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, error)
        .with_title("Audit Export Too Large")
        .with_type("https://docs.trustedoss.io/errors/audit-export-too-large")
        .with_extension("audit_export_too_large", true))
}

/// `audit_export_<from|all>_<to|all>.csv` with days in UTC.
fn file_name(search: &AuditSearch) -> String {
    let day = |at: Option<Timestamp>| {
        at.map_or_else(|| "all".to_owned(), |at| at.to_rfc3339_millis()[..10].replace('-', ""))
    };
    format!("audit_export_{}_{}.csv", day(search.from), day(search.to))
}

fn add(table: &mut Csv, item: &AuditLogItem) {
    let id = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let (created_at, user, team) =
        (item.created_at.0.to_rfc3339_micros(), id(item.actor_user_id), id(item.team_id));
    table.row([
        created_at.as_str(),
        &user,
        item.actor_email.as_deref().unwrap_or_default(),
        &team,
        &item.target_table,
        item.target_id.as_deref().unwrap_or_default(),
        &item.action,
        item.request_id.as_deref().unwrap_or_default(),
    ]);
}

/// Whose entries somebody sees: of each organization that they belong to, the teams whose audit log they may read.
///
/// # Errors
/// 403 for who may read none.
fn reach(principal: &Principal) -> Result<AuditReach, Problem> {
    if authorize(principal, Action::Administer, Resource::Installation).is_ok() {
        return Ok(AuditReach::All);
    }
    let belongings = principal.person().into_iter().flat_map(|standing| &standing.organizations);
    let places: BTreeSet<_> =
        belongings.map(|belonging| belonging.organization).chain([principal.organization]).collect();
    let (mut organizations, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for organization in places {
        let Some(there) = principal.in_organization(organization) else { continue };
        match there.visible() {
            Visible::All => drop(organizations.insert(organization)),
            Visible::Teams(teams, _) => seen.extend(teams.into_iter().filter(|team| {
                authorize(&there, Action::ReadAudit, Resource::Team(organization, *team)).is_ok()
            })),
            // Entries about a team are about more than one project.
            Visible::Project(_) => (),
        }
    }
    if organizations.is_empty() && seen.is_empty() {
        return Err(Denied::Role { needed: Role::Security }.into());
    }
    Ok(AuditReach::Teams { organizations, teams: seen })
}

fn search(reach: AuditReach, wanted: &AuditLogIn) -> Result<AuditSearch, Problem> {
    let action = text("action", wanted.action.as_deref(), ACTION_CHARS)?;
    let table = wanted.target_table.as_deref();
    if table.is_some_and(|table| !is_table(table)) {
        return Err(Problem::invalid("target_table", "must be a table of the audit log"));
    }
    Ok(AuditSearch {
        reach,
        actions: (action.is_some() || table.is_some()).then(|| types_of(table, action)),
        user: wanted.actor_user_id.map(UserId),
        text: text("q", wanted.q.as_deref(), LONG_SEARCH_CHARS)?.map(str::to_owned),
        from: instant("from", wanted.from.as_deref())?,
        to: instant("to", wanted.to.as_deref())?,
        before: None,
    })
}

/// Text of a filter; blank text filters nothing.
fn text<'a>(name: &str, text: Option<&'a str>, characters: usize) -> Result<Option<&'a str>, Problem> {
    let text = text.filter(|text| !text.trim().is_empty());
    if text.is_some_and(|text| text.chars().count() > characters || text.chars().any(char::is_control)) {
        let message = format!("must be one line of at most {characters} characters");
        return Err(Problem::invalid(name, message));
    }
    Ok(text)
}

fn instant(name: &str, text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = text else { return Ok(None) };
    // The `+` of an offset that was not encoded has become a space.
    let at = Timestamp::parse_rfc3339(&text.replace(' ', "+"));
    let expected = "must be an instant in RFC 3339, such as 2026-12-31T00:00:00Z";
    at.map(Some).ok_or_else(|| Problem::invalid(name, expected))
}

async fn page_of(app: &App, search: AuditSearch, page: &AuditPageIn) -> Result<AuditLogListPage, Problem> {
    let paged = page_a(page.page, page.page_size, PAGE);
    let found = app.views.audit_page(search, paged.paging()).await?;
    let seen = paged.paging().offset + found.rows.len() as u64;
    Ok(AuditLogListPage {
        // Past the end nothing is left, however much was skipped.
        has_more: !found.rows.is_empty() && seen < found.total,
        items: items_of(app, found.rows).await?,
        total: found.total,
        page: paged.page,
        page_size: paged.limit,
    })
}

/// Opens what is sealed, all in one go beside the runtime: it asks the key store.
async fn items_of(app: &App, rows: Vec<AuditRow>) -> Result<Vec<AuditLogItem>, Problem> {
    let ids: HashSet<UserId> = rows.iter().filter_map(|row| person(row.entry.actor)).collect();
    let people = app.views.people(ids.into_iter().collect()).await?;
    let vault = Arc::clone(&app.vault);
    let items = tokio::task::spawn_blocking(move || {
        let open = |person: &scanledger_projections::identity::PersonRow| vault.open(&person.email);
        let emails: HashMap<UserId, Option<String>> =
            people.iter().map(|(id, person)| Ok((*id, open(person)?))).collect::<Result<_, VaultError>>()?;
        rows.into_iter().map(|row| item_of(&*vault, &emails, row)).collect::<Result<Vec<_>, _>>()
    });
    items.await.map_err(|error| Problem::fault(&error))?.map_err(|error: VaultError| Problem::fault(&error))
}

fn item_of(
    vault: &dyn Vault,
    emails: &HashMap<UserId, Option<String>>,
    row: AuditRow,
) -> Result<AuditLogItem, VaultError> {
    let AuditRow { entry, team, request } = row;
    let (action, table) = words_of(&entry.action);
    let user = person(entry.actor);
    Ok(AuditLogItem {
        id: id_of(entry.position),
        created_at: Moment(entry.at),
        actor_user_id: user.map(|user| user.0),
        actor_email: user.and_then(|user| emails.get(&user).cloned().flatten()),
        team_id: team.map(|team| team.0),
        target_table: table.to_owned(),
        target_id: Some(target_of(&entry)),
        action: action.to_owned(),
        diff: Some(diff(vault, &entry)?),
        request_id: request,
    })
}

/// The id of an entry: a UUID of version 8 (RFC 9562 §5.8) that ends in its position, so that ids sort as positions do.
fn id_of(position: Position) -> Uuid {
    uuid::Builder::from_custom_bytes(u128::from(position.0).to_be_bytes()).into_uuid()
}

fn person(actor: Actor) -> Option<UserId> {
    match actor {
        Actor::User(user) => Some(user),
        Actor::Key(_) | Actor::System | Actor::Operator => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{AUDIT_EXPORT_ROWS, AuditLogIn, file_name, fits, id_of, search};
    use axum::http::StatusCode;
    use scanledger_domain::log::Position;
    use scanledger_domain::time::Timestamp;
    use scanledger_projections::audit::{AuditReach, AuditSearch};

    fn wanted(fill: impl FnOnce(&mut AuditLogIn)) -> Result<AuditSearch, u16> {
        let mut wanted = AuditLogIn {
            actor_user_id: None,
            target_table: None,
            action: None,
            from: None,
            to: None,
            q: None,
        };
        fill(&mut wanted);
        search(AuditReach::All, &wanted).map_err(|problem| problem.status().as_u16())
    }

    #[test]
    fn blank_text_filters_nothing_and_control_characters_are_refused() {
        let blank =
            wanted(|wanted| (wanted.action, wanted.q) = (Some(" ".to_owned()), Some("\t".to_owned())));
        let blank = blank.unwrap();
        assert_eq!((blank.actions, blank.text), (None, None));
        for bad in ["a\0", "a\nb", "a\r"] {
            assert_eq!(wanted(|wanted| wanted.action = Some(bad.to_owned())).err(), Some(400), "{bad:?}");
        }
        assert_eq!(wanted(|wanted| wanted.target_table = Some("cars".to_owned())).err(), Some(400));
    }

    #[test]
    fn a_file_is_named_by_its_days() {
        let of = |from: Option<&str>, to: Option<&str>| {
            let (from, to) = (from.map(str::to_owned), to.map(str::to_owned));
            file_name(&wanted(|wanted| (wanted.from, wanted.to) = (from, to)).unwrap())
        };
        assert_eq!(of(None, None), "audit_export_all_all.csv");
        let (from, to) = (Some("2026-11-01T00:30:00 01:00"), Some("2026-11-21T10:00:00Z"));
        assert_eq!(of(from, to), "audit_export_20261031_20261121.csv");
        assert_eq!(wanted(|wanted| wanted.to = Some("soon".to_owned())).err(), Some(400));
        let early = wanted(|wanted| wanted.from = Some("1970-01-01T00:00:01Z".to_owned())).unwrap();
        assert_eq!(early.from, Some(Timestamp(1_000_000)));
    }

    #[test]
    fn a_file_has_so_many_entries() {
        assert!(fits(AUDIT_EXPORT_ROWS).is_ok());
        assert_eq!(fits(AUDIT_EXPORT_ROWS + 1).unwrap_err().status(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[test]
    fn ids_sort_as_positions_do() {
        assert_eq!(id_of(Position(255)).to_string(), "00000000-0000-8000-8000-0000000000ff");
        assert!(id_of(Position(1 << 40)) > id_of(Position((1 << 40) - 1)));
    }
}
