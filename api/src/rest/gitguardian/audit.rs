//! The audit log (reference §10), newest first.

use super::page::{Mark, PageIn};
use super::people::{Doers, member_by_email, member_by_number};
use super::shape::Moment;
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{Query, parse_instant};
use crate::problem::Problem;
use crate::rest::people::open_texts;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use scanledger_domain::audit::is_audited;
use scanledger_domain::event::Event;
use scanledger_domain::id::UserId;
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::time::Timestamp;
use scanledger_projections::audit::{AuditEntry, AuditQuery};
use scanledger_projections::incident::Direction;
use scanledger_projections::{At, Moment as PastOrLive};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditIn {
    /// Only before this instant (RFC 3339).
    date_before: Option<String>,
    /// Only at or after this instant.
    date_after: Option<String>,
    /// Only this event.
    #[param(example = "incident.triaged")]
    event_name: Option<String>,
    /// Only what this member did.
    member_id: Option<u64>,
    /// Only what this member did.
    member_email: Option<String>,
    /// Not to be asked for: names are sealed.
    member_name: Option<String>,
    /// Not to be asked for.
    api_token_id: Option<String>,
    /// Not to be asked for: addresses are sealed.
    ip_address: Option<String>,
}

impl AuditIn {
    /// Who narrows a list in a way that there is not must not take all of it for the answer.
    fn check(&self) -> Result<(), Problem> {
        let refused = [
            ("member_name", &self.member_name),
            ("api_token_id", &self.api_token_id),
            ("ip_address", &self.ip_address),
        ];
        match refused.into_iter().find(|(_, value)| value.as_ref().is_some_and(|value| !value.is_empty())) {
            Some((name, _)) => {
                Err(Problem::invalid(name, "is nothing that the audit log can be searched by"))
            }
            None => Ok(()),
        }
    }
}

/// What kind of action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(as = gitguardian::ActionType)]
pub enum ActionType {
    /// Something is new.
    Create,
    /// Somebody looked, or wanted to.
    Read,
    /// Something is different.
    Update,
    /// Something is gone.
    Delete,
}

/// An entry.
#[derive(Serialize, ToSchema)]
#[schema(as = gitguardian::AuditEntry)]
pub struct AuditOut {
    id: u64,
    date: Moment,
    member_email: Option<String>,
    member_name: Option<String>,
    member_id: Option<u64>,
    /// The token that it was done with, also a member's.
    api_token_id: Option<Uuid>,
    ip_address: Option<String>,
    target_ids: Vec<String>,
    action_type: ActionType,
    event_name: String,
    /// Null: what an event says is in `/api/audit-log`.
    #[schema(value_type = Option<Object>)]
    data: Option<()>,
}

/// Names of events.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = gitguardian::EventNames)]
pub struct EventNamesOut {
    events: Vec<&'static str>,
}

/// The audit log of the workspace, newest first
#[utoipa::path(
    get, path = "/v1/audit_logs", tag = "GitGuardian audit", params(AuditIn, PageIn),
    responses((status = 200, body = Vec<AuditOut>))
)]
pub async fn list_entries(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(wanted): Query<AuditIn>,
    Query(page): Query<PageIn>,
) -> Result<Response, Problem> {
    wanted.check()?;
    let keyset = page.keyset()?;
    let wrong = |_| Problem::invalid("cursor", "must be from the header Link of another page");
    let before = keyset.from.map(|mark| u64::try_from(mark.id).map(Position)).transpose().map_err(wrong)?;
    let after = wanted.date_after.as_deref().map(|text| parse_instant("date_after", text)).transpose()?;
    let until = match wanted.date_before.as_deref() {
        None => None,
        Some(text) => Some(last_before(&app, &caller, parse_instant("date_before", text)?).await?),
    };
    let mark = |entry: &AuditEntry| Mark { value: None, id: entry.position.0.into() };
    let empty = || keyset.page(vec![], false, mark).with(Vec::<AuditOut>::new()).answer(&app, &uri);
    let Ok(user) = doer(&app, &caller, &wanted).await? else { return Ok(empty()) };
    let query = AuditQuery {
        organization: caller.organization(),
        visible: caller.principal.visible_to(caller.action),
        actions: wanted.event_name.into_iter().collect(),
        resource: None,
        user,
        text: None,
        before,
        after: None,
        until,
        direction: Direction::Descending,
        limit: keyset.limit(),
    };
    let (mut entries, mut has_more) = app.views.audit(query).await?;
    let found = entries.len();
    // They come newest first, so that whatever is too old is the rest.
    entries.retain(|entry| after.is_none_or(|after| entry.at >= after));
    has_more &= entries.len() == found;
    let page = keyset.page(entries, has_more, mark).without_previous();
    let shown = shown(&app, &caller, &page.rows).await?;
    Ok(page.with(shown).answer(&app, &uri))
}

/// The names of events in the audit log
#[utoipa::path(
    get, path = "/v1/audit_logs/event_names", tag = "GitGuardian audit",
    responses((status = 200, body = EventNamesOut))
)]
pub async fn list_event_names(_: Caller) -> Json<EventNamesOut> {
    let names = Event::types().into_iter().map(|(name, _)| name).filter(|name| is_audited(name));
    let names: BTreeSet<&'static str> = names.collect();
    Json(EventNamesOut { events: names.into_iter().collect() })
}

/// The last position before an instant.
async fn last_before(app: &App, caller: &Caller, instant: Timestamp) -> Result<Position, Problem> {
    let just_before = At::Instant(Timestamp(instant.0.saturating_sub(1)));
    Ok(match app.views.resolve(caller.organization(), just_before).await? {
        PastOrLive::Live => app.views.position(),
        PastOrLive::Past(position) => Position(position.cast_unsigned()),
    })
}

/// Whose entries are meant: anybody's, or a person's; an error if nobody can be.
async fn doer(app: &App, caller: &Caller, wanted: &AuditIn) -> Result<Result<Option<UserId>, ()>, Problem> {
    let organization = caller.organization();
    let by_number = match wanted.member_id {
        None => None,
        Some(number) => Some(member_by_number(app, organization, number).await?),
    };
    let by_email = match &wanted.member_email {
        None => None,
        Some(email) => Some(member_by_email(app, organization, email).await?),
    };
    Ok(match (by_number, by_email) {
        (None, None) => Ok(None),
        (Some(Some(user)), None) | (None, Some(Some(user))) => Ok(Some(user)),
        (Some(Some(user)), Some(Some(other))) if user == other => Ok(Some(user)),
        _ => Err(()),
    })
}

async fn shown(app: &App, caller: &Caller, entries: &[AuditEntry]) -> Result<Vec<AuditOut>, Problem> {
    let doers = Doers::of(app, caller.organization(), [], entries.iter().map(|entry| entry.actor)).await?;
    let sealed = entries.iter().filter_map(|entry| entry.address.clone()).collect();
    let mut addresses = open_texts(app, sealed).await?.into_iter();
    let shown = entries.iter().map(|entry| {
        let person = match entry.actor {
            Actor::User(user) => doers.person(user),
            Actor::Key(_) | Actor::System | Actor::Operator => None,
        };
        AuditOut {
            id: entry.position.0,
            date: Moment(entry.at),
            member_email: person.and_then(|shown| shown.person.email.clone()),
            member_name: person.map(|shown| shown.person.name.clone()),
            member_id: person.map(|shown| shown.number),
            api_token_id: entry.key.map(|key| key.0),
            ip_address: entry.address.as_ref().and_then(|_| addresses.next().flatten()),
            target_ids: vec![entry.resource_id.to_string()],
            action_type: action_type(&entry.action),
            event_name: entry.action.clone(),
            data: None,
        }
    });
    Ok(shown.collect())
}

/// What kind of action an event is, by its verb.
fn action_type(event: &str) -> ActionType {
    let (thing, verb) = event.split_once('.').unwrap_or((event, ""));
    match verb {
        _ if thing == "access" => ActionType::Read,
        "created" | "opened" | "registered" | "issued" | "invited" | "queued" | "detected" | "occurred"
        | "shared" | "note_added" => ActionType::Create,
        "deleted" | "removed" | "revoked" | "erased" | "ended" | "unshared" | "note_removed" => {
            ActionType::Delete
        }
        _ => ActionType::Update,
    }
}

#[cfg(test)]
mod tests {
    use super::{ActionType, action_type};

    #[test]
    fn an_action_is_told_by_its_verb() {
        assert_eq!(action_type("project.created"), ActionType::Create);
        assert_eq!(action_type("incident.triaged"), ActionType::Update);
        assert_eq!(action_type("project.deleted"), ActionType::Delete);
        assert_eq!(action_type("access.granted"), ActionType::Read);
    }
}
