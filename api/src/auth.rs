//! Who asks: from a token to a [`Principal`], and from a request to the context of its command.

use crate::app::App;
use crate::memory::Memory;
use crate::problem::Problem;
use crate::request::{MIN_POSITION, Origin};
use crate::routes::Access;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use scanledger_commands::ports::Seen;
use scanledger_commands::{Context, IdempotencyKey};
use scanledger_domain::id::{CommandId, FindingId, OrganizationId, ProjectId, ScanId, SubjectId, UserId};
use scanledger_domain::identity::{Action, Denied, KeyForm, KeyHash, Principal, Resource, authorize};
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::vault::{Sealed, VaultError};
use scanledger_projections::finding::FindingScope;
use scanledger_projections::identity::KeyRow;
use std::sync::Arc;
use std::time::Duration;

/// Characters of an idempotency key.
const IDEMPOTENCY_KEY_CHARS: usize = 255;
/// Characters behind the prefix of a Pepper key: 24 bytes in base64url (Pepper reference §1).
const TOKEN_CHARS: usize = 32;
/// How long a request waits for the read model to reach a position (DESIGN section 2).
pub const VIEWS_TIMEOUT: Duration = Duration::from_secs(2);

/// Whoever sent a request, authenticated, and allowed by role to do what its route does.
pub struct Caller {
    /// Who it is.
    pub principal: Principal,
    /// What the route does, from the table of routes.
    pub action: Action,
    /// Where the request came from.
    pub origin: Origin,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let memory = Memory::of(parts);
        let token = bearer(&parts.headers)?;
        let principal = match authenticate(app, &memory, token).await {
            Ok(principal) => principal,
            // A key that was made on another node a moment ago is known here at the position of its making. Whoever
            // has none learns nothing from the wait.
            Err(refused)
                if refused.status() == StatusCode::UNAUTHORIZED
                    && parts.headers.contains_key(MIN_POSITION) =>
            {
                match reach_min_position(app, &parts.headers).await {
                    Ok(()) => authenticate(app, &memory, token).await?,
                    Err(_) => return Err(refused),
                }
            }
            Err(refused) => return Err(refused),
        };
        let action = match parts.extensions.get::<Access>() {
            Some(Access::Needs(action)) => *action,
            Some(Access::Open) | None => Action::Read,
        };
        authorize(&principal, action, Resource::Organization(principal.organization))?;
        reach_min_position(app, &parts.headers).await?;
        Ok(Self { principal, action, origin: Origin::of(parts) })
    }
}

/// The token of `Authorization: Bearer …`.
///
/// # Errors
/// 401 if there is none.
pub fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Err(Problem::unauthenticated("this needs an API key: Authorization: Bearer ppr_…"));
    };
    let (scheme, token) = value.to_str().ok().and_then(|value| value.split_once(' ')).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::unauthenticated("the header Authorization must be: Bearer ppr_…"));
    }
    Ok(token.trim())
}

/// Who a token stands for.
///
/// # Errors
/// 401 for a token that is malformed, unknown, expired or revoked; 503 while the read model is too old to tell.
pub async fn authenticate(app: &App, memory: &Memory, token: &str) -> Result<Principal, Problem> {
    let wrong = || Problem::unauthenticated("the API key is not valid");
    if !is_token(token) {
        return Err(wrong());
    }
    match memory.freshness.is_fresh(app).await {
        Ok(true) => (),
        Ok(false) => {
            return Err(Problem::unavailable("the read model is too far behind to tell who you are")
                .with_code("VIEWS_BEHIND"));
        }
        Err(error) => return Err(scanledger_commands::Fault::from(error).into()),
    }
    let key = find_key(app, memory, KeyHash::of(token))?.ok_or_else(wrong)?;
    let now = app.clock.now();
    if key.expires_at.is_some_and(|at| at <= now) {
        return Err(wrong());
    }
    app.key_usage.touch(key.id, now);
    let actor = key.created_by.map_or(Actor::Key(key.id), Actor::User);
    Ok(Principal { actor, organization: key.organization, project: key.project, role: key.role })
}

fn is_token(token: &str) -> bool {
    token.strip_prefix(KeyForm::Pepper.prefix()).is_some_and(|rest| {
        rest.len() == TOKEN_CHARS
            && rest.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
    })
}

fn find_key(app: &App, memory: &Memory, hash: KeyHash) -> Result<Option<Arc<KeyRow>>, Problem> {
    // Taken before the query: if the read model moves on meanwhile, what is remembered holds no longer.
    let position = app.views.position();
    if let Some(key) = memory.keys.find(&hash, position) {
        return Ok(Some(key));
    }
    let Some(key) = app.views.key_by_hash(&hash)? else { return Ok(None) };
    let key = Arc::new(key);
    memory.keys.insert(hash, position, Arc::clone(&key));
    Ok(Some(key))
}

/// Waits until the read model has reached the position that the client asks for.
async fn reach_min_position(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    let Some(value) = headers.get(MIN_POSITION) else { return Ok(()) };
    let wanted = value.to_str().ok().and_then(|text| text.parse().ok()).map(Position);
    let Some(wanted) = wanted else {
        return Err(Problem::invalid(MIN_POSITION.as_str(), "must be a position: a whole number from 0"));
    };
    if wanted <= app.views.position() {
        return Ok(());
    }
    let head = app.ledger.log().head().await.map_err(scanledger_commands::Fault::from)?;
    if wanted > head {
        let message = format!("position {wanted} is beyond the head of the log at {head}");
        return Err(Problem::invalid(MIN_POSITION.as_str(), message).with_code("BEYOND_HEAD"));
    }
    Ok(app.views.wait_for(wanted, VIEWS_TIMEOUT).await?)
}

impl Caller {
    /// The caller's organization.
    pub fn organization(&self) -> OrganizationId {
        self.principal.organization
    }

    /// The only project that the caller sees, if there is only one.
    pub fn only_project(&self) -> Option<ProjectId> {
        self.principal.project
    }

    /// The person behind the caller, if there is one.
    pub fn person(&self) -> Option<UserId> {
        match self.principal.actor {
            Actor::User(user) => Some(user),
            Actor::Key(_) | Actor::System | Actor::Operator => None,
        }
    }

    /// Whether the route's action may be done to `resource`.
    ///
    /// # Errors
    /// 403 if not.
    pub fn may(&self, resource: Resource) -> Result<(), Problem> {
        Ok(authorize(&self.principal, self.action, resource)?)
    }

    /// Whether the caller sees all projects of its organization, as whoever makes one must.
    ///
    /// # Errors
    /// 403 for a key that is limited to one project.
    pub fn may_all_projects(&self) -> Result<(), Problem> {
        match self.principal.project {
            None => Ok(()),
            Some(_) => Err(Denied::OtherProject.into()),
        }
    }

    /// Whether the route's action may be done to a project.
    ///
    /// # Errors
    /// 404 if there is none of this id, 403 if it is not for the caller (Pepper reference §16).
    pub async fn may_project(&self, app: &App, project: ProjectId) -> Result<(), Problem> {
        let organization = app.views.organization_of_project(project).await?;
        self.may(Resource::Project(organization, project))
    }

    /// Whether the route's action may be done to a scan.
    ///
    /// # Errors
    /// As [`Self::may_project`].
    pub async fn may_scan(&self, app: &App, scan: ScanId) -> Result<ProjectId, Problem> {
        let (organization, project) = app.views.scope_of_scan(scan).await?;
        self.may(Resource::Project(organization, project))?;
        Ok(project)
    }

    /// Whether the route's action may be done to a finding.
    ///
    /// # Errors
    /// As [`Self::may_project`].
    pub async fn may_finding(&self, app: &App, finding: FindingId) -> Result<FindingScope, Problem> {
        let scopes = app.views.finding_scopes(vec![finding]).await?;
        let scope = scopes.into_iter().next().ok_or_else(|| Problem::missing("finding"))?;
        self.may(Resource::Project(scope.organization, scope.project))?;
        Ok(scope)
    }

    /// The context of the command that this request gives; `body` is the SHA-256 of what it says.
    ///
    /// # Errors
    /// 400 for an idempotency key that will not do, 422 if it came with another body before, else a fault.
    pub async fn command(&self, app: &App, body: [u8; 32]) -> Result<Context, Problem> {
        let command = match self.idempotency_key()? {
            None => CommandId(app.ids.fresh()),
            Some(command) => match app.idempotency.remember(command, body).await {
                Ok(Seen::New | Seen::Same) => command,
                Ok(Seen::Different) => {
                    let error = "this idempotency key came with another request before";
                    let problem = Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error);
                    return Err(problem.with_code("IDEMPOTENCY_KEY_REUSED"));
                }
                Err(cause) => return Err(Problem::fault(&*cause)),
            },
        };
        let mut context = Context::new(command, self.principal.actor, Some(self.principal.organization));
        context.address =
            self.seal(app, self.origin.address.map(|address| address.to_string()).as_deref())?;
        context.user_agent = self.seal(app, self.origin.user_agent.as_deref())?;
        context.request.clone_from(&self.origin.request);
        Ok(context)
    }

    fn idempotency_key(&self) -> Result<Option<CommandId>, Problem> {
        let Some(value) = &self.origin.idempotency_key else { return Ok(None) };
        let key = value.to_str().ok().filter(|key| (1..=IDEMPOTENCY_KEY_CHARS).contains(&key.len()));
        let Some(key) = key else {
            let message = format!("must have 1 to {IDEMPOTENCY_KEY_CHARS} visible ASCII characters");
            return Err(Problem::invalid("Idempotency-Key", message));
        };
        let key = IdempotencyKey {
            organization: Some(self.principal.organization),
            actor: self.principal.actor,
            method: &self.origin.method,
            path: &self.origin.path,
            key,
        };
        Ok(Some(key.command()))
    }

    /// Personal data under the key of its person or, without one, of the API key.
    fn seal(&self, app: &App, text: Option<&str>) -> Result<Option<Sealed>, Problem> {
        let subject = match self.principal.actor {
            Actor::User(user) => SubjectId(user.0),
            Actor::Key(key) => SubjectId(key.0),
            Actor::System | Actor::Operator => return Ok(None),
        };
        let sealed = text.map(|text| app.vault.seal(subject, text)).transpose();
        sealed.map_err(|error: VaultError| Problem::fault(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::{bearer, is_token};
    use axum::http::{HeaderMap, HeaderValue, header};

    #[test]
    fn a_token_has_a_prefix_and_32_characters_of_base64url() {
        assert!(is_token("ppr_AbCdEfGhIjKlMnOpQrStUvWxYz01-_89"));
        for bad in [
            "",
            "ppr_",
            "ppr_AbCdEfGhIjKlMnOpQrStUvWxYz01-_8",
            "ppr_AbCdEfGhIjKlMnOpQrStUvWxYz01-_899",
            "ppr_AbCdEfGhIjKlMnOpQrStUvWxYz01+/89",
            "tos_AbCdEfGhIjKlMnOpQrStUvWxYz01-_89",
        ] {
            assert!(!is_token(bad), "{bad}");
        }
    }

    #[test]
    fn the_scheme_is_bearer_whatever_the_case() {
        let token = |value: &'static str| {
            let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(value))]);
            bearer(&headers).map(str::to_owned).map_err(|problem| problem.status().as_u16())
        };
        assert_eq!(token("Bearer abc"), Ok("abc".to_owned()));
        assert_eq!(token("bearer  abc"), Ok("abc".to_owned()));
        for bad in ["Basic abc", "abc", "", "Bearer"] {
            assert_eq!(token(bad), Err(401), "{bad}");
        }
        assert_eq!(bearer(&HeaderMap::new()).unwrap_err().status().as_u16(), 401);
    }
}
