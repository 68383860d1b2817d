//! The audit log (reference §9): events that people read, in Pepper's words.

use super::action::{Asked, asked_for, details, resource_asked_for, resource_word, word_of};
use crate::app::App;
use crate::auth::Caller;
use crate::extract::{AtIn, List, Number, Query, check_search};
use crate::problem::Problem;
use crate::rest::Instant;
use axum::Json;
use axum::extract::State;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use scanledger_domain::id::UserId;
use scanledger_domain::limits::AUDIT_PAGE_ROWS;
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::vault::{ERASED_PERSON, Sealed, Vault, VaultError};
use scanledger_projections::Moment;
use scanledger_projections::audit::{AuditEntry, AuditQuery};
use scanledger_projections::identity::PersonRow;
use scanledger_projections::incident::Direction;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Entries on a page if nobody says (reference §9).
const PAGE: u32 = 50;
/// Pages read for one answer when a word stands for only some events of a type.
const ROUNDS: usize = 10;

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct AuditIn {
    /// Only these actions, with commas between them: Pepper's words, or types of events.
    #[serde(default)]
    #[param(value_type = Option<String>, example = "scan.queued,finding.status_changed")]
    action: List<String>,
    /// Only about this kind of thing.
    #[param(example = "finding")]
    resource: Option<String>,
    /// Only what this person did.
    user_id: Option<String>,
    /// Only with all of these words.
    q: Option<String>,
    /// Where the page before ended; opaque.
    cursor: Option<String>,
    /// Entries on a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<Number<AUDIT_PAGE_ROWS>>,
}

/// An entry.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntryOut {
    /// The position of its event.
    id: String,
    action: String,
    resource: String,
    resource_id: Uuid,
    /// What the event says.
    details: serde_json::Map<String, serde_json::Value>,
    /// None if it is not known, or its person was erased.
    ip_address: Option<String>,
    user_agent: Option<String>,
    created_at: Instant,
    /// None if no person did it.
    user: Option<AuditUserOut>,
    actor: AuditActorOut,
}

/// Who did it.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditActorOut {
    /// `user`, `key`, `system` or `operator`.
    kind: &'static str,
    id: Option<Uuid>,
    /// The API key that it was done with: a person's, or the one that acted by itself. None for who had signed in.
    key: Option<Uuid>,
}

/// A person.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditUserOut {
    id: Uuid,
    /// `erased person` for one who was.
    name: String,
    /// None if the person was erased.
    email: Option<String>,
}

/// Entries on a page.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditPageOut {
    /// Newest first.
    entries: Vec<AuditEntryOut>,
    /// Where the next page begins; none on the last.
    next_cursor: Option<String>,
}

/// The audit log, newest first
#[utoipa::path(
    get, path = "/api/audit-log", tag = "Audit", params(AuditIn, AtIn),
    responses((status = 200, body = AuditPageOut))
)]
pub async fn list_entries(
    State(app): State<App>,
    caller: Caller,
    Query(wanted): Query<AuditIn>,
    Query(at): Query<AtIn>,
) -> Result<Json<AuditPageOut>, Problem> {
    let at = caller.at(&app, &at).await?;
    let moment = app.views.resolve(caller.organization(), at).await?;
    let asked = asked_for(&wanted.action.0)?;
    let Some(query) = query(&caller, &wanted, &asked, moment)? else {
        return Ok(Json(AuditPageOut { entries: vec![], next_cursor: None }));
    };
    let (entries, next) = read(&app, query, &asked).await?;
    let entries = opened(&app, entries).await?;
    Ok(Json(AuditPageOut { entries, next_cursor: next.map(to_cursor) }))
}

/// The question for the read model; `None` if nothing can answer it.
fn query(
    caller: &Caller,
    wanted: &AuditIn,
    asked: &Option<Asked>,
    moment: Moment,
) -> Result<Option<AuditQuery>, Problem> {
    check_search("q", wanted.q.as_deref())?;
    let before = wanted.cursor.as_deref().map(from_cursor).transpose()?;
    let resource = wanted.resource.as_deref().map(resource_asked_for).transpose()?;
    let user = wanted.user_id.as_deref().map(str::parse::<UserId>);
    let (Ok(user), Some(actions)) = (user.transpose(), asked.as_ref().map_or(Some(vec![]), Asked::types))
    else {
        return Ok(None);
    };
    let resource = match resource {
        Some(None) => return Ok(None),
        Some(Some(resource)) => Some(resource.as_str().to_owned()),
        None => None,
    };
    Ok(Some(AuditQuery {
        organization: caller.organization(),
        visible: caller.principal.visible_to(caller.action),
        actions,
        resource,
        user,
        text: wanted.q.clone(),
        before,
        after: None,
        until: match moment {
            Moment::Live => None,
            Moment::Past(position) => Some(Position(position.cast_unsigned())),
        },
        direction: Direction::Descending,
        limit: wanted.limit.map_or(PAGE, |limit| limit.0),
    }))
}

/// Entries that were asked for, and where to go on.
async fn read(
    app: &App,
    mut query: AuditQuery,
    asked: &Option<Asked>,
) -> Result<(Vec<AuditEntry>, Option<Position>), Problem> {
    let limit = query.limit as usize;
    let mut kept = Vec::new();
    for _ in 0..ROUNDS {
        let (entries, has_more) = app.views.audit(query.clone()).await?;
        query.before = entries.last().map(|entry| entry.position).or(query.before);
        for entry in entries {
            if asked.as_ref().is_some_and(|asked| !asked.covers(&entry)) {
                continue;
            }
            if kept.len() == limit {
                // The page is full, and this one begins the next.
                return Ok((kept, query.before.map(|_| Position(entry.position.0 + 1))));
            }
            kept.push(entry);
        }
        if !has_more {
            return Ok((kept, None));
        }
        if kept.len() == limit {
            break;
        }
    }
    Ok((kept, query.before))
}

/// Opens what is sealed, all in one go beside the runtime: it asks the key store.
async fn opened(app: &App, entries: Vec<AuditEntry>) -> Result<Vec<AuditEntryOut>, Problem> {
    let ids: HashSet<UserId> = entries.iter().filter_map(|entry| person(entry.actor)).collect();
    let people = app.views.people(ids.into_iter().collect()).await?;
    let vault = Arc::clone(&app.vault);
    let shown = tokio::task::spawn_blocking(move || {
        let users = open_people(&*vault, people)?;
        entries.into_iter().map(|entry| shown(&*vault, &users, entry)).collect::<Result<Vec<_>, _>>()
    });
    shown.await.map_err(|error| Problem::fault(&error))?.map_err(|error: VaultError| Problem::fault(&error))
}

fn open_people(
    vault: &dyn Vault,
    people: HashMap<UserId, PersonRow>,
) -> Result<HashMap<UserId, AuditUserOut>, VaultError> {
    let open = |(id, person): (UserId, PersonRow)| {
        let name = vault.open(&person.name)?.unwrap_or_else(|| ERASED_PERSON.to_owned());
        let user = AuditUserOut { id: id.0, name, email: vault.open(&person.email)? };
        Ok((id, user))
    };
    people.into_iter().map(open).collect()
}

fn shown(
    vault: &dyn Vault,
    users: &HashMap<UserId, AuditUserOut>,
    entry: AuditEntry,
) -> Result<AuditEntryOut, VaultError> {
    let open = |sealed: &Option<Sealed>| sealed.as_ref().map_or(Ok(None), |sealed| vault.open(sealed));
    Ok(AuditEntryOut {
        id: entry.position.to_string(),
        action: word_of(&entry),
        resource: resource_word(&entry.resource).to_owned(),
        resource_id: entry.resource_id,
        ip_address: open(&entry.address)?,
        user_agent: open(&entry.user_agent)?,
        created_at: Instant(entry.at),
        user: person(entry.actor).and_then(|user| users.get(&user).cloned()),
        actor: actor(&entry),
        details: details(&entry),
    })
}

fn actor(entry: &AuditEntry) -> AuditActorOut {
    let (kind, id) = match entry.actor {
        Actor::User(user) => ("user", Some(user.0)),
        Actor::Key(key) => ("key", Some(key.0)),
        Actor::System => ("system", None),
        Actor::Operator => ("operator", None),
    };
    AuditActorOut { kind, id, key: entry.key.map(|key| key.0) }
}

fn person(actor: Actor) -> Option<UserId> {
    match actor {
        Actor::User(user) => Some(user),
        Actor::Key(_) | Actor::System | Actor::Operator => None,
    }
}

fn to_cursor(before: Position) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(format!("before:{before}"))
}

fn from_cursor(cursor: &str) -> Result<Position, Problem> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).unwrap_or_default();
    let text = std::str::from_utf8(&bytes).ok().and_then(|text| text.strip_prefix("before:"));
    let position = text.and_then(|text| text.parse().ok()).filter(|position| *position <= i64::MAX as u64);
    position.map(Position).ok_or_else(|| Problem::invalid("cursor", "must be the nextCursor of an answer"))
}

#[cfg(test)]
mod tests {
    use super::{from_cursor, to_cursor};
    use proptest::prelude::proptest;
    use scanledger_domain::log::Position;

    #[test]
    fn a_cursor_leads_back() {
        for position in [0, 1, 1_000_000] {
            assert_eq!(from_cursor(&to_cursor(Position(position))).unwrap(), Position(position));
        }
    }

    proptest! {
        #[test]
        fn no_cursor_makes_the_reader_panic(text in ".{0,60}") {
            let _ = from_cursor(&text);
        }
    }
}
