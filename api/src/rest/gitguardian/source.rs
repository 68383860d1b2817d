//! Sources (reference §7): projects.

use super::member::Flag;
use super::page::{Direction, Keyset, Mark, Ordering, PageIn, check_search};
use super::people::direction;
use super::source_shape::{Health, ScanWord, SourceOut, source_type, sources};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Id, List, Query};
use crate::problem::Problem;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use scanledger_domain::id::{ProjectId, TeamId};
use scanledger_domain::time::Timestamp;
use scanledger_projections::At;
use scanledger_projections::project::{ProjectMark, ProjectOrder, ProjectWalk, WalkedProject};
use serde::Deserialize;
use utoipa::IntoParams;

/// Projects that are looked at in one go, when a page may take more than it shows.
const ROWS: u32 = 200;

/// By what sources are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceKey {
    /// When they were last scanned.
    LastScanDate,
}

/// Which sources.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SourcesIn {
    /// Only with this in the name, whatever the case.
    #[param(max_length = 200)]
    search: Option<String>,
    /// Only whose last scan stands so.
    #[param(inline)]
    last_scan_status: Option<ScanWord>,
    /// Only in this state.
    #[param(inline)]
    health: Option<Health>,
    /// Only of these types, with commas between them.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "github,custom_source")]
    r#type: List<String>,
    /// `last_scan_date`, with `-` in front for the other way round; by id if absent.
    #[param(value_type = Option<String>, example = "-last_scan_date")]
    ordering: Option<Ordering<SourceKey>>,
    /// Only so visible; all are `private`.
    visibility: Option<String>,
    /// Only the project with this id.
    external_id: Option<String>,
    /// Only so critical; all are `unknown`.
    source_criticality: Option<String>,
    /// Only those that are looked at, or are not. All are.
    #[param(value_type = Option<bool>)]
    monitored: Option<Flag>,
    /// Only of this team.
    team_id: Option<u64>,
}

/// The sources of the workspace
#[utoipa::path(
    get, path = "/v1/sources", tag = "GitGuardian sources", params(SourcesIn, PageIn),
    responses((status = 200, body = Vec<SourceOut>))
)]
pub async fn list_sources(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(wanted): Query<SourcesIn>,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    let team = match wanted.team_id {
        None => None,
        Some(number) => {
            let found = app.views.team_by_number(number).await?;
            let found = found.filter(|team| team.organization == caller.organization());
            let none = || Problem::invalid("team_id", "is no team of the workspace");
            Some(found.ok_or_else(none)?.id)
        }
    };
    list(&app, &caller, &uri, (&wanted, &page), team).await
}

/// A page of the sources that are meant.
pub async fn list(
    app: &App,
    caller: &Caller,
    uri: &Uri,
    (wanted, page): (&SourcesIn, &PageIn),
    team: Option<TeamId>,
) -> Result<Response, Problem> {
    check_search(wanted.search.as_deref())?;
    let keyset = page.keyset()?;
    let (rows, has_more) = walk(app, caller, wanted, keyset, team).await?;
    let page = keyset.page(rows, has_more, |found| Mark {
        value: wanted.ordering.and(found.last_scan_at).map(|at| at.0),
        id: found.row.number.into(),
    });
    let rows = page.rows.iter().map(|found| found.row.clone()).collect();
    let mut shown = sources(app, caller.organization(), rows).await?;
    let rows = page.rows.iter().filter_map(|found| shown.remove(&found.row.id)).collect();
    Ok(page.with::<SourceOut>(rows).answer(app, uri))
}

/// The projects of a page that are meant, in the order of reading, and whether there are more.
async fn walk(
    app: &App,
    caller: &Caller,
    wanted: &SourcesIn,
    keyset: Keyset,
    team: Option<TeamId>,
) -> Result<(Vec<WalkedProject>, bool), Problem> {
    let Some(project) = wanted.project() else { return Ok((vec![], false)) };
    let towards = wanted.ordering.map_or(Direction::default(), |ordering| ordering.direction);
    let walk = ProjectWalk {
        organization: caller.organization(),
        visible: caller.principal.visible_to(caller.action),
        name_contains: wanted.search.clone(),
        team,
        project,
        order: wanted.ordering.map_or(ProjectOrder::Number, |_| ProjectOrder::LastScan),
        direction: direction(towards).or_back(keyset.is_backward),
        from: keyset.from.map(project_mark).transpose()?,
        limit: 0,
    };
    let needed = keyset.limit() as usize;
    let mut found = match walk.order {
        ProjectOrder::LastScan if wanted.is_about_health() => {
            by_keys(app, caller, wanted, walk, needed).await?
        }
        ProjectOrder::LastScan | ProjectOrder::Number => by_rows(app, caller, wanted, walk, needed).await?,
    };
    let has_more = found.len() > needed;
    found.truncate(needed);
    if keyset.is_backward {
        found.reverse();
    }
    Ok((found, has_more))
}

/// The first projects that are meant: `needed`, and one or more if there are more. Each page begins behind the one before.
async fn by_rows(
    app: &App,
    caller: &Caller,
    wanted: &SourcesIn,
    mut walk: ProjectWalk,
    needed: usize,
) -> Result<Vec<WalkedProject>, Problem> {
    let mut found = Vec::new();
    loop {
        let missing = u32::try_from(needed + 1 - found.len()).unwrap_or(u32::MAX);
        walk.limit = if wanted.is_about_health() { missing.max(ROWS) } else { missing };
        let rows = app.views.walk_projects(walk.clone()).await?;
        let is_end = rows.len() < walk.limit as usize;
        walk.from =
            rows.last().map(|last| ProjectMark { last_scan_at: last.last_scan_at, number: last.row.number });
        found.extend(meant(app, caller, wanted, rows).await?);
        if is_end || found.len() > needed {
            return Ok(found);
        }
    }
}

/// As [`by_rows`], where each page would cost a look at every project: what comes is read once.
async fn by_keys(
    app: &App,
    caller: &Caller,
    wanted: &SourcesIn,
    walk: ProjectWalk,
    needed: usize,
) -> Result<Vec<WalkedProject>, Problem> {
    let keys = app.views.walk_keys(walk).await?;
    let mut found = Vec::new();
    for keys in keys.chunks(ROWS as usize) {
        let ids = keys.iter().map(|key| key.project).collect();
        let mut rows = app.views.projects_by_id(caller.organization(), ids, At::Now).await?;
        let rows = keys.iter().filter_map(|key| {
            let row = rows.remove(&key.project)?;
            Some(WalkedProject { row, last_scan_at: key.last_scan_at })
        });
        found.extend(meant(app, caller, wanted, rows.collect()).await?);
        if found.len() > needed {
            break;
        }
    }
    Ok(found)
}

/// Where a cursor points.
fn project_mark(mark: Mark) -> Result<ProjectMark, Problem> {
    let wrong = |_| Problem::invalid("cursor", "must be from the header Link of another page");
    Ok(ProjectMark {
        last_scan_at: mark.value.map(Timestamp),
        number: u64::try_from(mark.id).map_err(wrong)?,
    })
}

/// Which of the projects are meant. How they stand is known with the counts only.
async fn meant(
    app: &App,
    caller: &Caller,
    wanted: &SourcesIn,
    rows: Vec<WalkedProject>,
) -> Result<Vec<WalkedProject>, Problem> {
    let is_of_type = |row: &WalkedProject| {
        let of = source_type(row.row.details.repo_url.as_deref());
        wanted.r#type.0.is_empty() || wanted.r#type.0.iter().any(|word| word == of)
    };
    let rows = rows.into_iter().filter(is_of_type);
    if wanted.health.is_none() && wanted.last_scan_status.is_none() {
        return Ok(rows.collect());
    }
    let rows: Vec<WalkedProject> = rows.collect();
    let shown = rows.iter().map(|found| found.row.clone()).collect();
    let shown = sources(app, caller.organization(), shown).await?;
    let stands = |found: &WalkedProject| shown.get(&found.row.id).is_some_and(|source| wanted.stands(source));
    Ok(rows.into_iter().filter(stands).collect())
}

impl SourcesIn {
    /// The one project that can be meant, if it can be only one; none at all if none can be.
    fn project(&self) -> Option<Option<ProjectId>> {
        let is_possible = self.visibility.as_ref().is_none_or(|word| word == "private")
            && self.source_criticality.as_ref().is_none_or(|word| word == "unknown")
            && self.monitored.is_none_or(|monitored| monitored == Flag::Yes);
        match (&self.external_id, is_possible) {
            (_, false) => None,
            (None, true) => Some(None),
            (Some(id), true) => {
                id.parse().ok().filter(|project: &ProjectId| project.to_string() == *id).map(Some)
            }
        }
    }

    /// Whether projects have to be looked at to know which are meant.
    fn is_about_health(&self) -> bool {
        self.health.is_some() || self.last_scan_status.is_some() || !self.r#type.0.is_empty()
    }

    /// Whether a source stands as is asked for.
    fn stands(&self, source: &SourceOut) -> bool {
        self.health.is_none_or(|health| health == source.health)
            && self
                .last_scan_status
                .is_none_or(|status| source.last_scan.as_ref().is_some_and(|scan| scan.status == status))
    }
}

/// A source of the workspace
#[utoipa::path(
    get, path = "/v1/sources/{id}", tag = "GitGuardian sources",
    responses((status = 200, body = SourceOut), (status = 404, body = crate::problem::ProblemBody))
)]
pub async fn read_source(
    State(app): State<App>,
    caller: Caller,
    Id(number): Id<u64>,
) -> Result<Json<SourceOut>, Problem> {
    let seen = caller.principal.visible_to(caller.action);
    let missing = || Problem::missing("source");
    let row = app.views.project_by_number(caller.organization(), seen, number).await?.ok_or_else(missing)?;
    let id = row.id;
    let mut shown = sources(&app, caller.organization(), vec![row]).await?;
    shown.remove(&id).map(Json).ok_or_else(missing)
}
