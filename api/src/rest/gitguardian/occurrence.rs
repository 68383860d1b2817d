//! Occurrences of secrets in the whole workspace (reference §4.3).

use super::incident_filter::{span, tags};
use super::occurrence_shape::{OccurrenceOut, PresenceWord, shown};
use super::page::{Direction, Mark, Ordering, PageIn};
use super::people::{direction, member_by_number};
use super::source_shape::source_type;
use super::word::{SeverityWord, StatusWord, TagWord, ValidityWord};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{List, Query};
use crate::problem::Problem;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use scanledger_domain::id::ProjectId;
use scanledger_domain::log::Position;
use scanledger_projections::At;
use scanledger_projections::incident::{OccurrenceFilter, OccurrenceQuery, OccurrenceRow};
use scanledger_projections::project::{ProjectQuery, ProjectSort};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

/// By what occurrences are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OccurrenceKey {
    /// When they came, which is the order of their ids.
    Date,
}

/// Which occurrences.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OccurrencesIn {
    /// Only come before this instant (RFC 3339).
    date_before: Option<String>,
    /// Only come at or after this instant.
    date_after: Option<String>,
    /// Only in these sources, with commas between them.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "12,34")]
    source_id: List<NumberText>,
    /// Only in sources of these names.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    source_name: List<String>,
    /// Only of these incidents.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    incident_id: List<NumberText>,
    /// Only of incidents that this member is to work at.
    incident_assignee_id: Option<u64>,
    /// Only in sources of these types.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "github,custom_source")]
    source_type: List<String>,
    /// Only still there, or not any more.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "present")]
    presence: List<PresenceWord>,
    /// Only by somebody of this name. Who wrote a line is not looked at.
    author_name: Option<String>,
    /// Only by somebody with this address. Who wrote a line is not looked at.
    author_info: Option<String>,
    /// Only seen in these commits.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    sha: List<String>,
    /// Only in these files.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    filepath: List<String>,
    /// Only of incidents with one of these.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "critical,high")]
    severity: List<SeverityWord>,
    /// Only of incidents with one of these.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "TRIGGERED")]
    status: List<StatusWord>,
    /// Only with one of these; all are `no_checker`.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    validity: List<ValidityWord>,
    /// Only with one of these; `NONE` stands for no tag at all.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    tags: List<TagWord>,
    /// Only with none of these.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    exclude_tags: List<TagWord>,
    /// `date`, with `-` in front for the other way round.
    #[param(value_type = Option<String>, example = "-date")]
    ordering: Option<Ordering<OccurrenceKey>>,
}

/// A whole number in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberText(pub u64);

impl<'de> Deserialize<'de> for NumberText {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| serde::de::Error::custom("must be whole numbers"))
    }
}

/// The places where secrets stand or stood
#[utoipa::path(
    get, path = "/v1/occurrences/secrets", tag = "GitGuardian incidents", params(OccurrencesIn, PageIn),
    responses((status = 200, body = Vec<OccurrenceOut>))
)]
pub async fn list_occurrences(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(wanted): Query<OccurrencesIn>,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    let keyset = page.keyset()?;
    let mark = |row: &OccurrenceRow| Mark { value: None, id: row.number.0.into() };
    let Some(filter) = filter(&app, &caller, &wanted).await? else {
        return Ok(keyset.page(vec![], false, mark).with(Vec::<OccurrenceOut>::new()).answer(&app, &uri));
    };
    let wrong = |_| Problem::invalid("cursor", "must be from the header Link of another page");
    let from = keyset.from.map(|mark| u64::try_from(mark.id).map(Position)).transpose().map_err(wrong)?;
    let towards = wanted.ordering.map_or(Direction::default(), |ordering| ordering.direction);
    let query = OccurrenceQuery {
        organization: caller.organization(),
        visible: caller.principal.visible_to(caller.action),
        at: At::Now,
        filter,
        direction: direction(towards),
        from,
        is_backward: keyset.is_backward,
        limit: keyset.limit(),
    };
    let found = app.views.occurrences(query).await?;
    let page = keyset.page(found.rows, found.has_more, mark);
    let shown = shown(&app, caller.organization(), &page.rows).await?;
    Ok(page.with(shown).answer(&app, &uri))
}

/// None if nothing can be meant.
async fn filter(
    app: &App,
    caller: &Caller,
    wanted: &OccurrencesIn,
) -> Result<Option<OccurrenceFilter>, Problem> {
    let seen = span("date", wanted.date_after.as_deref(), wanted.date_before.as_deref())?;
    let is_possible = wanted.author_name.is_none()
        && wanted.author_info.is_none()
        && (wanted.validity.0.is_empty() || wanted.validity.0.contains(&ValidityWord::NoChecker));
    let assignees = match wanted.incident_assignee_id {
        None => vec![],
        Some(number) => match member_by_number(app, caller.organization(), number).await? {
            Some(user) => vec![user],
            None => return Ok(None),
        },
    };
    let Some(projects) = projects(app, caller, wanted).await? else { return Ok(None) };
    let Some(tags) = tags(&wanted.tags.0, &wanted.exclude_tags.0).filter(|_| is_possible) else {
        return Ok(None);
    };
    Ok(Some(OccurrenceFilter {
        incidents: wanted.incident_id.0.iter().map(|number| Position(number.0)).collect(),
        statuses: wanted.status.0.iter().map(|word| (*word).into()).collect(),
        severities: wanted.severity.0.iter().map(|word| (*word).into()).collect(),
        assignees,
        projects,
        paths: wanted.filepath.0.clone(),
        commits: wanted.sha.0.clone(),
        presence: match &wanted.presence.0[..] {
            [first, others @ ..] if others.iter().all(|word| word == first) => Some((*first).into()),
            _ => None,
        },
        seen,
        tags,
    }))
}

/// The projects that are meant by number, name and type; none if there is none.
async fn projects(
    app: &App,
    caller: &Caller,
    wanted: &OccurrencesIn,
) -> Result<Option<Vec<ProjectId>>, Problem> {
    let (numbers, names, types) = (&wanted.source_id.0, &wanted.source_name.0, &wanted.source_type.0);
    if numbers.is_empty() && names.is_empty() && types.is_empty() {
        return Ok(Some(vec![]));
    }
    let query = ProjectQuery {
        organization: caller.organization(),
        visible: caller.principal.visible_to(caller.action),
        at: At::Now,
        name_contains: None,
        has_repository: None,
        sort: ProjectSort::Name,
        paging: None,
    };
    let meant = app.views.projects(query).await?.rows.into_iter().filter(|row| {
        (numbers.is_empty() || numbers.contains(&NumberText(row.number)))
            && (names.is_empty() || names.contains(&row.details.name))
            && (types.is_empty()
                || types.iter().any(|word| word == source_type(row.details.repo_url.as_deref())))
    });
    let meant: Vec<ProjectId> = meant.map(|row| row.id).collect();
    Ok((!meant.is_empty()).then_some(meant))
}
