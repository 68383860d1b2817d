//! Who used honeytokens (reference §11).

use super::honeytoken::from;
use super::honeytoken_shape::{Privacy, url_of};
use super::page::{Direction, Mark, Ordering, PageIn, check_search};
use super::people::direction;
use super::shape::Moment;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::Query;
use crate::problem::Problem;
use crate::rest::people::open_texts;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use scanledger_domain::id::{HoneytokenId, OrganizationId};
use scanledger_projections::honeytoken::{UsageFilter, UsageQuery, UsageRow, UsageStatus};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Whether somebody has dealt with a use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = gitguardian::HoneytokenEventStatus)]
pub enum EventStatus {
    /// Nobody has.
    Open,
    /// It came from an address that is allowed; there are none here.
    Allowed,
    /// The honeytoken was reset or revoked since.
    Archived,
}

/// By what uses are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum EventKey {
    /// When they were.
    #[serde(rename = "triggered_at")]
    Trigger,
}

/// Which uses.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventsIn {
    /// Only of this honeytoken.
    honeytoken_id: Option<Uuid>,
    /// Only in this state.
    #[param(inline)]
    status: Option<EventStatus>,
    /// Only from this network address.
    ip_address: Option<String>,
    /// Only with this text in what was asked for, whatever the case.
    search: Option<String>,
    /// Only with one of these tags. There are none.
    tags: Option<String>,
    /// `triggered_at`, with `-` in front for the newest first.
    #[param(value_type = Option<String>, example = "-triggered_at")]
    ordering: Option<Ordering<EventKey>>,
}

/// A use of a honeytoken.
#[derive(Serialize, ToSchema)]
#[schema(as = gitguardian::HoneytokenEvent)]
pub struct EventOut {
    id: Uuid,
    honeytoken_id: Uuid,
    triggered_at: Moment,
    gitguardian_url: String,
    status: EventStatus,
    ip_address: Option<String>,
    /// What was asked for, in words of whoever asked.
    action: Option<String>,
    data: EventDataOut,
    /// Empty: there are none.
    tags: Vec<String>,
}

/// What else a use tells, in words of whoever used it.
#[derive(Serialize, ToSchema)]
#[schema(as = gitguardian::HoneytokenEventData)]
pub struct EventDataOut {
    service: Option<String>,
    region: Option<String>,
    user_agent: Option<String>,
}

/// Who used honeytokens of the workspace
#[utoipa::path(
    get, path = "/v1/honeytokens_events", tag = "GitGuardian honeytokens", params(EventsIn, PageIn),
    responses((status = 200, body = Vec<EventOut>))
)]
pub async fn list_honeytoken_events(
    State(app): State<App>,
    caller: Caller,
    privacy: Privacy,
    uri: Uri,
    Query(wanted): Query<EventsIn>,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    check_search(wanted.search.as_deref())?;
    let keyset = page.keyset()?;
    let mark = |row: &UsageRow| Mark { value: None, id: row.number.0.into() };
    let Some(filter) = wanted.filter(&app, caller.organization()) else {
        let none: Vec<UsageRow> = vec![];
        return Ok(keyset.page(none, false, mark).with(Vec::<EventOut>::new()).answer(&app, &uri));
    };
    let towards = wanted.ordering.map_or(Direction::default(), |ordering| {
        let EventKey::Trigger = ordering.by;
        ordering.direction
    });
    let query = UsageQuery {
        organization: caller.organization(),
        filter,
        direction: direction(towards),
        from: from(keyset)?,
        is_backward: keyset.is_backward,
        limit: keyset.limit(),
    };
    let found = app.views.honeytoken_usages(query).await?;
    let page = keyset.page(found.rows, found.has_more, mark);
    let rows = shown(&app, privacy, &page.rows).await?;
    Ok(page.with(rows).answer(&app, &uri))
}

impl EventsIn {
    /// None if nothing can be meant.
    fn filter(&self, app: &App, organization: OrganizationId) -> Option<UsageFilter> {
        if self.tags.is_some() {
            return None;
        }
        let status = match self.status {
            None => None,
            Some(EventStatus::Open) => Some(UsageStatus::Open),
            Some(EventStatus::Archived) => Some(UsageStatus::Archived),
            Some(EventStatus::Allowed) => return None,
        };
        let address_hash = match &self.ip_address {
            None => None,
            Some(text) => {
                let address: IpAddr = text.trim().parse().ok()?;
                Some(app.honeytokens.address_hash(organization, &address.to_string()))
            }
        };
        let honeytoken = self.honeytoken_id.map(HoneytokenId);
        Some(UsageFilter { honeytoken, status, address_hash, search: self.search.clone() })
    }
}

async fn shown(app: &App, privacy: Privacy, rows: &[UsageRow]) -> Result<Vec<EventOut>, Problem> {
    let sealed = rows.iter().flat_map(|row| [row.address.clone(), row.user_agent.clone()]).flatten();
    let mut opened = open_texts(app, sealed.collect()).await?.into_iter();
    let shown = rows.iter().map(|row| {
        let ip_address = row.address.as_ref().and_then(|_| opened.next().flatten());
        let user_agent = row.user_agent.as_ref().and_then(|_| opened.next().flatten());
        let seen = |text: Option<String>| text.map(|text| privacy.shown(text));
        EventOut {
            id: row.id.0,
            honeytoken_id: row.honeytoken.0,
            triggered_at: Moment(row.at),
            gitguardian_url: url_of(app, row.honeytoken),
            status: match row.status {
                UsageStatus::Open => EventStatus::Open,
                UsageStatus::Archived => EventStatus::Archived,
            },
            ip_address: seen(ip_address),
            action: seen(row.action.clone()),
            data: EventDataOut {
                service: seen(row.service.clone()),
                region: seen(row.region.clone()),
                user_agent: seen(user_agent),
            },
            tags: vec![],
        }
    });
    Ok(shown.collect())
}
