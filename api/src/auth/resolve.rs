//! From what a request shows to a [`Principal`].

use super::credential::Presented;
use super::token::{Bearer, TokenKind};
use crate::app::App;
use crate::memory::Memory;
use crate::problem::Problem;
use scanledger_domain::id::{OrganizationId, UserId};
use scanledger_domain::identity::{
    Action, Authority, Credential, KeyHash, KeyKind, Limit, Principal, Resource, SessionKind, authorize,
};
use scanledger_domain::log::Actor;
use scanledger_projections::ReadError;
use scanledger_projections::identity::{KeyRow, PersonStanding};
use std::sync::Arc;
use uuid::Uuid;

/// Who works in no organization: what belongs to one is foreign to them.
const NOWHERE: OrganizationId = OrganizationId(Uuid::nil());

/// Who a request comes from.
///
/// # Errors
/// 401 for what is malformed, unknown, expired, revoked or over; 503 while the read model is too old to tell.
pub(crate) async fn authenticate(
    app: &App,
    memory: &Memory,
    presented: Presented<'_>,
) -> Result<Principal, Problem> {
    match memory.freshness.is_fresh(app).await {
        Ok(true) => (),
        Ok(false) => {
            return Err(Problem::unavailable(
                "the read model is, or may be, too far behind to tell who you are",
            )
            .with_code("VIEWS_BEHIND"));
        }
        Err(error) => return Err(scanledger_commands::Fault::from(error).into()),
    }
    match presented {
        Presented::Key(token, _) => of_key(app, memory, token).await,
        Presented::AccessToken(token) => of_session(app, memory, token, TokenKind::Access).await,
        Presented::Cookie(token) => of_session(app, memory, token, TokenKind::Session).await,
    }
}

async fn of_key(app: &App, memory: &Memory, token: &str) -> Result<Principal, Problem> {
    let wrong = || Problem::unauthenticated("the API key is not valid");
    let key = find_key(app, memory, KeyHash::of(token))?.ok_or_else(wrong)?;
    let now = app.clock.now();
    if key.expires_at.is_some_and(|at| at <= now) {
        return Err(wrong());
    }
    let (actor, authority) = match (key.kind, key.created_by) {
        (KeyKind::Personal, Some(user)) => {
            let person = standing(app, memory, user)?.filter(|person| person.is_active);
            (Actor::User(user), Authority::Person(Arc::new(person.ok_or_else(wrong)?.standing.clone())))
        }
        (KeyKind::Service, _) | (KeyKind::Personal, None) => {
            (Actor::Key(key.id), Authority::Service { role: key.role })
        }
    };
    let principal = Principal {
        actor,
        credential: Credential::Key { key: key.id, form: key.form },
        organization: key.organization,
        authority,
        limit: Limit {
            ceiling: key.role,
            team: key.team,
            project: key.project,
            scopes: key.scopes,
            breadth: key.breadth,
        },
    };
    // Whoever has left the team of a project sees it no more, whatever key they made before.
    if let (Some(project), Some(_)) = (key.project, principal.person()) {
        let scope = match app.views.scope_of_project(project).await {
            Err(ReadError::Missing(_)) => return Err(wrong()),
            scope => scope?,
        };
        authorize(&principal, Action::OwnKey, Resource::Project(scope)).map_err(|_| wrong())?;
    }
    app.key_usage.touch(key.id, now);
    Ok(principal)
}

async fn of_session(app: &App, memory: &Memory, token: &str, kind: TokenKind) -> Result<Principal, Problem> {
    let wrong = || Problem::unauthenticated("the session is over");
    let now = app.clock.now();
    let Bearer { user, session } = app.tokens.check(kind, token, now).ok_or_else(wrong)?;
    let row = app.views.session(session)?.ok_or_else(wrong)?;
    let person = standing(app, memory, user)?.filter(|person| person.is_active).ok_or_else(wrong)?;
    let is_of_kind = match row.kind {
        SessionKind::Tokens => kind == TokenKind::Access,
        SessionKind::Cookie => kind == TokenKind::Session,
    };
    if !is_of_kind
        || row.user != user
        || row.ended.is_some()
        || row.expires_at <= now
        || row.epoch != person.epoch
    {
        return Err(wrong());
    }
    let organization = match person.standing.organizations.first() {
        Some(belonging) => belonging.organization,
        None if person.standing.is_super_admin() => {
            app.identities.first_organization().await?.unwrap_or(NOWHERE)
        }
        None => NOWHERE,
    };
    Ok(Principal {
        actor: Actor::User(user),
        credential: Credential::Session(session),
        organization,
        authority: Authority::Person(Arc::new(person.standing.clone())),
        limit: Limit::NONE,
    })
}

fn find_key(app: &App, memory: &Memory, hash: KeyHash) -> Result<Option<Arc<KeyRow>>, Problem> {
    // Taken before the query: if the read model moves on meanwhile, what is remembered holds no longer.
    let shown = app.views.shown();
    if let Some(key) = memory.keys.find(&hash, shown) {
        return Ok(Some(key));
    }
    let Some(key) = app.views.key_by_hash(&hash)? else { return Ok(None) };
    let key = Arc::new(key);
    memory.keys.insert(hash, shown, Arc::clone(&key));
    Ok(Some(key))
}

fn standing(app: &App, memory: &Memory, user: UserId) -> Result<Option<Arc<PersonStanding>>, Problem> {
    let shown = app.views.shown();
    if let Some(person) = memory.people.find(&user, shown) {
        return Ok(Some(person));
    }
    let Some(person) = app.views.look_up_standing(user)? else { return Ok(None) };
    let person = Arc::new(person);
    memory.people.insert(user, shown, Arc::clone(&person));
    Ok(Some(person))
}
