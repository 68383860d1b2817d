//! Every kind of caller: what they send, and who they are by the rules.

use crate::place::{NOBODY, Place};
use crate::send::sign_in;
use crate::world::World;
use scanledger_api::auth::TokenKind;
use scanledger_commands::identity::NewKey;
use scanledger_domain::id::{ApiKeyId, OrganizationId, ProjectId, SessionId};
use scanledger_domain::identity::{
    Authority, Breadth, Changer, Credential, KeyForm, KeyKind, Limit, Principal, Role, Scope, Scopes,
    Standing,
};
use scanledger_domain::log::Actor;
use scanledger_domain::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// Whom one does not have to belong to anything to be.
const NOWHERE: OrganizationId = OrganizationId(Uuid::nil());
/// How long the key lives that has expired when it is used.
const SHORT_MICROS: i64 = 1_000_000;

/// Where a caller asks for things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asks {
    /// In every place.
    Everywhere,
    /// In the team core only: what it is about is not where things are.
    InCore,
}

/// What keeps somebody out who is somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Barrier {
    /// Nothing.
    None,
    /// Their browser sends a page of somebody else's request, with their cookie.
    ForeignPage,
    /// They want to work in an organization that they do not belong to.
    ForeignOrganization,
}

/// Somebody who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// What tables call them.
    pub name: String,
    /// What they send with every request.
    pub headers: Vec<(&'static str, String)>,
    /// Who they are; nobody if what they send is not good.
    pub principal: Option<Principal>,
    /// Where they ask.
    pub asks: Asks,
    /// What keeps them out, whatever they may do.
    pub barrier: Barrier,
    /// What makes another key like theirs; none if they come without a key that works.
    pub key: Option<NewKey>,
}

impl Caller {
    fn new(
        name: impl Into<String>,
        headers: Vec<(&'static str, String)>,
        principal: Option<Principal>,
    ) -> Self {
        Self {
            name: name.into(),
            headers,
            principal,
            asks: Asks::Everywhere,
            barrier: Barrier::None,
            key: None,
        }
    }

    /// Somebody with a new key.
    async fn with_key(world: &World, name: impl Into<String>, key: NewKey, principal: Principal) -> Self {
        let (_, token) = world.key(key.clone()).await;
        let credential = match principal.credential {
            Credential::Key { key: id, .. } => Credential::Key { key: id, form: key.form },
            other @ (Credential::Session(_) | Credential::Installation(_)) => other,
        };
        let principal = Principal { credential, ..principal };
        Self { key: Some(key), ..Self::bearer(name, &token, Some(principal)) }
    }

    /// The same caller with a key of its own, which may be ended; for `project`, if theirs is for one.
    pub async fn twin(&self, world: &World, project: Option<ProjectId>) -> Self {
        let Some(key) = self.key.clone() else { return self.clone() };
        let project = key.project.map(|own| project.unwrap_or(own));
        let (_, token) = world.key(NewKey { project, ..key }).await;
        world.shown().await;
        Self::bearer(self.name.clone(), &token, self.principal.clone())
    }

    fn bearer(name: impl Into<String>, token: &str, principal: Option<Principal>) -> Self {
        Self::new(name, vec![("authorization", format!("Bearer {token}"))], principal)
    }
}

/// A key that acts for itself.
pub fn service(organization: OrganizationId, role: Role, limit: Limit) -> Principal {
    let key = ApiKeyId(Uuid::nil());
    Principal {
        actor: Actor::Key(key),
        credential: Credential::Key { key, form: KeyForm::Pepper },
        organization,
        authority: Authority::Service { role },
        limit: Limit { ceiling: role, ..limit },
    }
}

/// A person who has signed in.
pub fn session(standing: &Standing) -> Principal {
    Principal {
        actor: Actor::User(standing.user),
        credential: Credential::Session(SessionId(Uuid::nil())),
        organization: standing.organizations.first().map_or(NOWHERE, |first| first.organization),
        authority: Authority::Person(Arc::new(standing.clone())),
        limit: Limit::NONE,
    }
}

/// A key that acts for a person.
fn personal(standing: &Standing, organization: OrganizationId) -> Principal {
    let key = ApiKeyId(Uuid::nil());
    let credential = Credential::Key { key, form: KeyForm::Pepper };
    Principal { credential, organization, ..session(standing) }
}

/// All of them.
pub async fn callers(world: &World) -> Vec<Caller> {
    let mut callers = strangers(world).await;
    callers.extend(keys(world).await);
    callers.extend(personal_keys(world).await);
    callers.extend(people(world).await);
    callers.extend(browsers(world).await);
    callers.extend(scopes(world).await);
    world.shown().await;
    callers
}

/// Who is nobody here: what they send is missing, wrong, or no longer good.
async fn strangers(world: &World) -> Vec<Caller> {
    let nobody = |name: &str, token: &str| Caller::bearer(name, token, None);
    let identities = &world.server.engine.identities;
    let mut callers = vec![Caller::new("no credentials", vec![], None)];
    callers.push(nobody("malformed key", "ppr_short"));
    callers.push(nobody("unknown key", "ppr_AbCdEfGhIjKlMnOpQrStUvWxYz01-_89"));
    callers.push(nobody("unknown tos key", "tos_0123abcd_AbCdEfGhIjKlMnOpQrStUvWxYz01-_89"));
    callers.push(nobody("unknown hex key", &"0a".repeat(32)));
    callers.push(nobody("unknown ggd key", &format!("ggd_sl_{}", "0a".repeat(32))));
    let (revoked, token) = world.key(world.new_key(world.home)).await;
    identities.revoke_key(&world.context(Some(world.home)), revoked).await.unwrap();
    callers.push(nobody("revoked key", &token));
    let end = Timestamp(world.server.app.clock.now().0 + SHORT_MICROS);
    let (_, token) = world.key(NewKey { expires_at: Some(end), ..world.new_key(world.home) }).await;
    let wait = u64::try_from(end.0 - world.server.app.clock.now().0).unwrap_or_default();
    tokio::time::sleep(Duration::from_micros(wait)).await;
    assert!(world.server.app.clock.now() >= end, "the key should have expired");
    callers.push(nobody("expired key", &token));
    callers.extend(dead_sessions(world).await);
    callers
}

/// Sessions of people that are over, and tokens that are not good.
async fn dead_sessions(world: &World) -> Vec<Caller> {
    let app = &world.server.app;
    let identities = &world.server.engine.identities;
    let (ida, dave) = (world.who("ida"), world.who("dave"));
    let mut callers = vec![];
    let own_key = NewKey { kind: KeyKind::Personal, by: Some(ida.user), ..world.new_key(world.home) };
    let (_, token) = world.key(own_key).await;
    callers.push(Caller::bearer("key of deactivated person", &token, None));
    let signed_in = sign_in(world, &ida.email()).await;
    callers.push(Caller::bearer("session of deactivated person", &signed_in.access, None));
    let context = world.context(None);
    identities.set_active(&context, world.who("ana").user, ida.user, false).await.unwrap();
    let signed_out = sign_in(world, &dave.email()).await;
    signed_out.sign_out(world).await;
    callers.push(Caller::bearer("signed-out session", &signed_out.access, None));
    let live = sign_in(world, &dave.email()).await.access;
    callers.push(Caller::bearer("forged token", &forged(&live), None));
    let now = app.clock.now();
    let bearer = app.tokens.check(TokenKind::Access, &live, now).unwrap();
    let sign = |kind, from: Timestamp| {
        app.tokens.sign(kind, bearer, app.ids.fresh(), from, Duration::from_secs(600)).unwrap()
    };
    let past = sign(TokenKind::Access, now.plus_seconds(-601));
    callers.push(Caller::bearer("expired token", &past, None));
    callers.push(Caller::bearer("cookie's token as bearer", &sign(TokenKind::Session, now), None));
    let cookie = vec![("cookie", format!("next-auth.session-token={live}"))];
    callers.push(Caller::new("access token as cookie", cookie, None));
    callers
}

/// The same token for somebody else: what is signed differs, the signature does not.
fn forged(token: &str) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let last = parts[2].pop().unwrap();
    parts[2].insert(0, last);
    parts.join(".")
}

/// Keys that act for themselves.
async fn keys(world: &World) -> Vec<Caller> {
    let home = world.home;
    let mut callers = vec![];
    for role in Role::ALL {
        let key = NewKey { role, ..world.new_key(home) };
        let principal = service(home, role, Limit::NONE);
        callers.push(Caller::with_key(world, format!("key {role:?}"), key, principal).await);
    }
    for form in [KeyForm::Trusca, KeyForm::GitGuardian, KeyForm::Semgrep] {
        let key = NewKey { form, ..world.new_key(home) };
        let principal = service(home, Role::Admin, Limit::NONE);
        callers.push(Caller::with_key(world, format!("key {form}"), key, principal).await);
    }
    let key = NewKey { form: KeyForm::GitGuardian, ..world.new_key(home) };
    let (_, token) = world.key(key.clone()).await;
    let headers = vec![("authorization", format!("Token {token}"))];
    let principal = Some(service(home, Role::Admin, Limit::NONE));
    callers.push(Caller { key: Some(key), ..Caller::new("key gitguardian as Token", headers, principal) });
    let core = world.things(Place::Core).unwrap().project();
    for (name, role, limit) in [
        ("key read-only", Role::Admin, Limit { breadth: Breadth::ReadOnly, ..Limit::NONE }),
        ("key without scopes", Role::Admin, Limit { scopes: Scopes::NONE, ..Limit::NONE }),
        ("key for team core", Role::Admin, Limit { team: Some(world.core), ..Limit::NONE }),
        ("key for team core, Developer", Role::Developer, Limit { team: Some(world.core), ..Limit::NONE }),
        ("key for project of core", Role::Admin, Limit { project: Some(core), ..Limit::NONE }),
    ] {
        let Limit { scopes, breadth, team, project, .. } = limit;
        let wanted = NewKey { role, scopes, breadth, team, project, ..world.new_key(home) };
        callers.push(Caller::with_key(world, name, wanted, service(home, role, limit)).await);
    }
    let principal = service(world.elsewhere, Role::Admin, Limit::NONE);
    let key = world.new_key(world.elsewhere);
    callers.push(Caller::with_key(world, "key of other organization", key, principal).await);
    callers
}

/// Keys that act for people.
async fn personal_keys(world: &World) -> Vec<Caller> {
    let mut callers = vec![];
    for name in ["ana", "tess", "dave", "bob"] {
        let standing = &world.who(name).standing;
        let organization = standing.organizations[0].organization;
        let by = Some(standing.user);
        let wanted = NewKey { kind: KeyKind::Personal, by, ..world.new_key(organization) };
        let principal = personal(standing, organization);
        callers.push(Caller::with_key(world, format!("key of {name}"), wanted, principal).await);
    }
    callers
}

/// People who have signed in, with a token in a header.
async fn people(world: &World) -> Vec<Caller> {
    let mut callers = vec![];
    for (name, what) in [
        ("ana", "super admin"),
        ("olga", "owner"),
        ("adam", "admin"),
        ("tess", "team admin of core"),
        ("dave", "developer of core"),
        ("vera", "viewer of core"),
        ("emil", "team admin of edge"),
        ("mia", "member without team"),
        ("bob", "owner of other organization"),
    ] {
        let person = world.who(name);
        let access = sign_in(world, &person.email()).await.access;
        callers.push(Caller::bearer(what, &access, Some(session(&person.standing))));
    }
    callers.extend(elsewhere(world).await);
    let fay = world.who("fay");
    let access = sign_in(world, &fay.email()).await.access;
    let wanted = NewKey { kind: KeyKind::Personal, by: Some(fay.user), ..world.new_key(world.home) };
    let former = Standing { organizations: vec![], ..fay.standing.clone() };
    let principal = personal(&former, world.home);
    let with_key = Caller::with_key(world, "key of former member", wanted, principal).await;
    let context = world.context(Some(world.home));
    world
        .server
        .engine
        .identities
        .remove_member(&context, Changer::Owner, world.home, fay.user)
        .await
        .unwrap();
    callers.push(Caller::bearer("former member", &access, Some(session(&former))));
    callers.push(with_key);
    callers
}

/// People who want to work in the other organization, one who may, and one who may not; and in one that there is not.
async fn elsewhere(world: &World) -> [Caller; 3] {
    let (ana, dave) = (world.who("ana"), world.who("dave"));
    let there = ("scanledger-organization", world.elsewhere.to_string());
    let access = sign_in(world, &ana.email()).await.access;
    let principal = session(&ana.standing).in_organization(world.elsewhere).unwrap();
    let mut may = Caller::bearer("super admin, in other organization", &access, Some(principal));
    may.headers.push(there.clone());
    let mut nowhere = Caller::bearer("super admin, in no organization", &access, may.principal.clone());
    nowhere.headers.push(("scanledger-organization", NOBODY.to_owned()));
    let access = sign_in(world, &dave.email()).await.access;
    let principal = session(&dave.standing);
    let mut may_not = Caller::bearer("developer, in other organization", &access, Some(principal));
    may_not.headers.push(there);
    let barrier = Barrier::ForeignOrganization;
    [may, Caller { barrier, ..nowhere }, Caller { barrier, ..may_not }]
}

/// People who have signed in, with a cookie.
async fn browsers(world: &World) -> Vec<Caller> {
    let tess = world.who("tess");
    let cookie = crate::send::cookie_of(world, &tess.email()).await;
    let principal = Some(session(&tess.standing));
    let with = |origin: String| vec![("cookie", cookie.clone()), ("origin", origin)];
    let own = Caller::new("cookie of tess", with(world.server.url()), principal.clone());
    let foreign = with("https://elsewhere.example".to_owned());
    let foreign = Caller::new("cookie of tess, foreign page", foreign, principal);
    vec![own, Caller { barrier: Barrier::ForeignPage, ..foreign }]
}

/// A key for each scope alone, and for all but each.
async fn scopes(world: &World) -> Vec<Caller> {
    let mut callers = vec![];
    for scope in Scope::ALL {
        let others: Scopes = Scope::ALL.iter().copied().filter(|other| other != scope).collect();
        for (sign, scopes) in [("", Scopes::from(*scope)), ("not ", others)] {
            let key = NewKey { scopes, ..world.new_key(world.home) };
            let principal = service(world.home, Role::Admin, Limit { scopes, ..Limit::NONE });
            let name = format!("scope {sign}{}", scope.as_str());
            let caller = Caller::with_key(world, name, key, principal).await;
            callers.push(Caller { asks: Asks::InCore, ..caller });
        }
    }
    callers
}
