//! Who asks: from what a request shows to a [`Principal`], and from a request to the context of its command.

mod credential;
mod record;
mod repeat;
mod resolve;
mod token;

pub use credential::{
    Presented, SECURE_PREFIX, SESSION_COOKIE, Transport, cookies, same_origin, session_token,
};
pub(crate) use record::{Recorded, record_locked};
pub(crate) use resolve::authenticate;
pub use token::{AccessTokens, Bearer, TokenKind};

use crate::app::App;
use crate::limit::AccountHash;
use crate::memory::Memory;
use crate::problem::Problem;
use crate::request::{MIN_POSITION, Origin};
use crate::routes::Access;
use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use scanledger_commands::Context;
use scanledger_commands::identity::Asked;
use scanledger_domain::id::{CommandId, FindingId, OrganizationId, ProjectId, ScanId, SubjectId, UserId};
use scanledger_domain::identity::{
    Action, Credential, Denied, Given, Principal, ProjectScope, Resource, Visible, authorize, plain_email,
};
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::report::ArtifactKind;
use scanledger_domain::vault::{HashPurpose, Sealed, VaultError};
use scanledger_projections::finding::{FindingInScan, FindingScope};
use std::time::Duration;

/// How long a request waits for the read model to reach a position.
pub const VIEWS_TIMEOUT: Duration = Duration::from_secs(2);
/// The organization that somebody who belongs to several works in with this request.
pub const ORGANIZATION: HeaderName = HeaderName::from_static("scanledger-organization");

/// Whoever sent a request, authenticated, and allowed by role to do what its route does.
pub struct Caller {
    /// Who it is.
    pub principal: Principal,
    /// What the route does, from the table of routes.
    pub action: Action,
    /// Where the request came from.
    pub origin: Origin,
    route: String,
    memory: Memory,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let memory = Memory::of(parts);
        let presented = Presented::of(&parts.headers, app.entrance.transport())?;
        let principal = match authenticate(app, &memory, presented).await {
            Ok(principal) => principal,
            // A key that was made on another node a moment ago is known here at the position of its making. Whoever
            // has none learns nothing from the wait.
            Err(refused)
                if refused.status() == StatusCode::UNAUTHORIZED
                    && parts.headers.contains_key(MIN_POSITION) =>
            {
                match reach_min_position(app, &parts.headers).await {
                    Ok(()) => authenticate(app, &memory, presented).await?,
                    Err(_) => return Err(refused),
                }
            }
            Err(refused) => return Err(refused),
        };
        if let Presented::Cookie(_) = presented {
            same_origin(&parts.method, &parts.headers)?;
        }
        let action = match parts.extensions.get::<Access>() {
            Some(Access::Needs(action)) => *action,
            // Whoever comes to a route that is open to all and says who they are may look.
            Some(Access::Open) => Action::Read,
            None => {
                tracing::error!("a route has no line in the table of routes: {}", route(parts));
                return Err(Problem::internal());
            }
        };
        let (origin, route) = (Origin::of(parts), route(parts));
        let mut caller = Self { principal, action, origin, route, memory };
        caller.go_to_work(app, &parts.headers).await?;
        if let Err(denied) = authorize(&caller.principal, action, action.floor(caller.organization())) {
            return Err(caller.refused(app, denied).await);
        }
        reach_min_position(app, &parts.headers).await?;
        if action.is_recorded() && !is_about_one(&caller.route) {
            caller.record_granted(app, action, Given::default()).await?;
        }
        Ok(caller)
    }
}

/// The route as the table has it, without what clients put into it.
fn route(parts: &Parts) -> String {
    let path = parts.extensions.get::<MatchedPath>().map_or("", |path| path.as_str());
    format!("{} {path}", parts.method)
}

/// Whether a route is about one thing, which is known only when it was looked up: what the caller takes out is recorded
/// then, with what it is.
fn is_about_one(route: &str) -> bool {
    route.contains('{')
}

/// The caller in another organization; `None` if there is no such place for them.
async fn at_work(
    app: &App,
    principal: &Principal,
    wanted: OrganizationId,
) -> Result<Option<Principal>, Problem> {
    let Some(there) = principal.in_organization(wanted) else { return Ok(None) };
    // Whoever runs the installation may work in every organization, so that one has to be there.
    let belongs = wanted == principal.organization
        || there.person().is_some_and(|standing| standing.belonging(wanted).is_some());
    if !belongs && app.views.organization(wanted).await?.is_none() {
        return Ok(None);
    }
    Ok(Some(there))
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
    /// Goes to the organization that the caller wants to work in. That it is not theirs is recorded, whatever they
    /// wanted to do there: nobody names it by mistake. Who names one after the other is recorded once in a while.
    async fn go_to_work(&mut self, app: &App, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(value) = headers.get(ORGANIZATION) else { return Ok(()) };
        let wanted: Option<OrganizationId> = value.to_str().ok().and_then(|text| text.parse().ok());
        let Some(wanted) = wanted else {
            return Err(Problem::invalid(ORGANIZATION.as_str(), "must be the id of an organization"));
        };
        match at_work(app, &self.principal, wanted).await? {
            Some(there) => {
                self.principal = there;
                Ok(())
            }
            None => {
                self.record_refusal(app, self.action, Some(wanted)).await;
                Err(Denied::Foreign.into())
            }
        }
    }

    /// The caller's organization.
    pub fn organization(&self) -> OrganizationId {
        self.principal.organization
    }

    /// The projects of its organization that the caller sees.
    pub fn visible(&self) -> Visible {
        self.principal.visible()
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

    /// As [`Self::may`], and a refusal of what only some may do is recorded.
    ///
    /// # Errors
    /// As [`Self::may`].
    pub async fn may_or_record(&self, app: &App, resource: Resource) -> Result<(), Problem> {
        match authorize(&self.principal, self.action, resource) {
            Ok(()) => Ok(()),
            Err(denied) => Err(self.refused(app, denied).await),
        }
    }

    /// The problem of a refusal, which is recorded if it is about what only some may do.
    pub async fn refused(&self, app: &App, denied: Denied) -> Problem {
        self.record_denied(app, self.action).await;
        denied.into()
    }

    /// As [`Self::may_or_record`], and what only is taken out or looked at is recorded with what it is.
    async fn may_have(&self, app: &App, resource: Resource, given: Given) -> Result<(), Problem> {
        self.may_or_record(app, resource).await?;
        if self.action.is_recorded() {
            self.record_granted(app, self.action, given).await?;
        }
        Ok(())
    }

    /// Whether the route's action may be done to a project.
    ///
    /// # Errors
    /// 404 if there is none of this id, 403 if it is not for the caller (Pepper reference §16).
    pub async fn may_project(&self, app: &App, project: ProjectId) -> Result<(), Problem> {
        let scope = app.views.scope_of_project(project).await?;
        let given = Given { project: Some(project), ..Given::default() };
        self.may_have(app, Resource::Project(scope), given).await
    }

    /// Whether the route's action may be done to a scan.
    ///
    /// # Errors
    /// As [`Self::may_project`].
    pub async fn may_scan(&self, app: &App, scan: ScanId) -> Result<ProjectId, Problem> {
        self.may_file(app, scan, None).await
    }

    /// Whether the route's action may be done to a file of a scan; `None` is what no scan has, or all of it.
    ///
    /// # Errors
    /// As [`Self::may_project`].
    pub async fn may_file(
        &self,
        app: &App,
        scan: ScanId,
        artifact: Option<ArtifactKind>,
    ) -> Result<ProjectId, Problem> {
        let scope: ProjectScope = app.views.scope_of_scan(scan).await?;
        let given = Given { project: Some(scope.project), scan: Some(scan), artifact };
        self.may_have(app, Resource::Project(scope), given).await?;
        Ok(scope.project)
    }

    /// Whether the route's action may be done to a finding.
    ///
    /// # Errors
    /// As [`Self::may_project`].
    pub async fn may_finding(&self, app: &App, finding: FindingId) -> Result<FindingScope, Problem> {
        let scopes = app.views.finding_scopes(vec![finding]).await?;
        let scope = scopes.into_iter().next().ok_or_else(|| Problem::missing("finding"))?;
        self.may_have_finding(app, &scope).await?;
        Ok(scope)
    }

    /// As [`Self::may_finding`], with the finding as it is shown now.
    ///
    /// # Errors
    /// As [`Self::may_project`].
    pub async fn may_decide(
        &self,
        app: &App,
        finding: FindingId,
    ) -> Result<(FindingScope, FindingInScan), Problem> {
        let (scope, shown) = app.views.finding_and_scope(finding)?;
        self.may_have_finding(app, &scope).await?;
        Ok((scope, shown))
    }

    async fn may_have_finding(&self, app: &App, finding: &FindingScope) -> Result<(), Problem> {
        let given = Given { project: Some(finding.scope.project), ..Given::default() };
        self.may_have(app, Resource::Project(finding.scope), given).await
    }

    /// Personal data under the key of its person or, without one, of the API key.
    ///
    /// # Errors
    /// 401 for somebody who was erased, else a fault.
    pub fn seal(&self, app: &App, text: Option<&str>) -> Result<Option<Sealed>, Problem> {
        let subject = match self.principal.actor {
            Actor::User(user) => SubjectId(user.0),
            Actor::Key(key) => SubjectId(key.0),
            Actor::System | Actor::Operator => return Ok(None),
        };
        let sealed = text.map(|text| app.vault.seal(subject, text)).transpose();
        sealed.map_err(|error: VaultError| match error {
            VaultError::Erased => Problem::unauthenticated("the account does not exist any more"),
            VaultError::Failed { .. } => Problem::fault(&error),
        })
    }

    /// The context of a command that nothing repeats.
    ///
    /// # Errors
    /// When the key store cannot be used.
    pub fn fresh_command(&self, app: &App) -> Result<Context, Problem> {
        self.context(app, CommandId(app.ids.fresh()))
    }

    fn context(&self, app: &App, command: CommandId) -> Result<Context, Problem> {
        let mut context = Context::new(command, self.principal.actor, Some(self.principal.organization));
        context.address =
            self.seal(app, self.origin.address.map(|address| address.to_string()).as_deref())?;
        context.user_agent = self.seal(app, self.origin.user_agent.as_deref())?;
        context.request.clone_from(&self.origin.request);
        context.key = match (self.principal.actor, self.principal.credential) {
            (Actor::User(_), Credential::Key { key, .. }) => Some(key),
            _ => None,
        };
        Ok(context)
    }
}

/// The account of an address, for counting failures: a keyed hash, whether or not there is such an account.
pub fn account_of(app: &App, email: &str) -> AccountHash {
    let hash = app.vault.hash(HashPurpose::Claim, plain_email(email).as_bytes());
    hash.try_into().expect("a hash of this purpose has 32 bytes")
}

/// A request before it is known who asks.
pub fn asked(app: &App, origin: &Origin) -> Asked {
    Asked {
        command: CommandId(app.ids.fresh()),
        address: origin.address.map(|address| address.to_string()),
        user_agent: origin.user_agent.clone(),
        request: origin.request.clone(),
    }
}
