//! What a caller is to be answered, from the table of the domain and from how dialects say no: never from the server.

use crate::callers::{Barrier, Caller};
use crate::place::{Place, Things};
use crate::rows::{About, Row};
use crate::world::World;
use scanledger_api::route_table;
use scanledger_api::routes::Access;
use scanledger_domain::id::{OrganizationId, TeamId};
use scanledger_domain::identity::{
    Action, Denied, KeyFacts, KeyPlace, Principal, ProjectScope, Resource, Visible, authorize, may_end,
    may_issue,
};
use std::collections::HashSet;
use std::sync::LazyLock;
use uuid::Uuid;

/// What somebody is answered, as far as it says who may do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// 401.
    Unauthenticated,
    /// 403.
    Forbidden,
    /// 404.
    Missing,
    /// Anything else that is no fault of the server: they may, whatever is wrong with the request.
    Through,
}

impl Answer {
    /// The answer with a status; none for faults of the server.
    pub const fn of(status: u16) -> Option<Self> {
        match status {
            401 => Some(Self::Unauthenticated),
            403 => Some(Self::Forbidden),
            404 => Some(Self::Missing),
            100..500 => Some(Self::Through),
            _ => None,
        }
    }

    /// What stands for it in tables.
    pub const fn symbol(self) -> char {
        match self {
            Self::Unauthenticated => '1',
            Self::Forbidden => '3',
            Self::Missing => '4',
            Self::Through => '+',
        }
    }
}

/// Whether a path is GitGuardian's: its routes are served once more under `/exposed`, and TRUSCA's are not.
fn is_served_exposed(path: &str) -> bool {
    static EXPOSED: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let exposed =
            route_table().into_iter().filter_map(|rule| Some(rule.path.strip_prefix("/exposed")?.to_owned()));
        exposed.collect()
    });
    EXPOSED.contains(path)
}

/// How a dialect says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// 403 whatever the reason.
    Plain,
    /// Administration does not exist for others (TRUSCA reference §2.4).
    Trusca,
    /// 403 whatever the reason.
    GitGuardian,
    /// What needs another scope does not exist (Semgrep reference §1).
    Semgrep,
}

impl Dialect {
    /// The dialect of a request, by its path.
    pub fn of(path: &str, caller: &Caller) -> Self {
        let is_token = caller.headers.iter().any(|(_, value)| value.starts_with("Token "));
        if path.starts_with("/exposed/v1/")
            || is_served_exposed(path)
            || (is_token && path.starts_with("/v1/"))
        {
            Self::GitGuardian
        } else if path.starts_with("/v1/") || path.starts_with("/auth/") {
            Self::Trusca
        } else if ["/api/v1/", "/api/agent/", "/api/cli/", "/api/registry/", "/c/", "/p/", "/r/", "/failure"]
            .iter()
            .any(|root| path.starts_with(root))
        {
            Self::Semgrep
        } else {
            Self::Plain
        }
    }

    /// How it says that somebody may not.
    const fn refusal(self, denied: Denied) -> Answer {
        match (self, denied) {
            (Self::Trusca, Denied::NotAPerson | Denied::NotAKey | Denied::Form | Denied::Scope { .. }) => {
                Answer::Unauthenticated
            }
            (Self::Trusca, Denied::NotSuperAdmin) | (Self::Semgrep, Denied::Scope { .. }) => Answer::Missing,
            _ => Answer::Forbidden,
        }
    }
}

/// What a caller is to be answered who asks for what is in a place.
pub fn expected(world: &World, row: &Row, caller: &Caller, place: Place) -> Answer {
    let action = match row.rule.access {
        Access::Open => return row.open,
        Access::Needs(action) => action,
    };
    let Some(principal) = &caller.principal else { return Answer::Unauthenticated };
    match caller.barrier {
        Barrier::ForeignPage if row.rule.method != "GET" => return Answer::Forbidden,
        Barrier::ForeignOrganization => return Answer::Forbidden,
        Barrier::ForeignPage | Barrier::None => (),
    }
    let dialect = Dialect::of(&row.rule.path, caller);
    if let Err(denied) = authorize(principal, action, action.floor(principal.organization)) {
        return dialect.refusal(denied);
    }
    match of_resource(world, row, principal, action, place) {
        Ok(answer) => answer,
        Err(denied) => dialect.refusal(denied),
    }
}

fn of_resource(
    world: &World,
    row: &Row,
    principal: &Principal,
    action: Action,
    place: Place,
) -> Result<Answer, Denied> {
    let things = world.things(place);
    let is_own = things.is_some_and(|things| things.scope.organization == principal.organization);
    let found = |is_there: bool| if is_there { Answer::Through } else { Answer::Missing };
    match row.about {
        About::Nothing | About::OwnKey => Ok(Answer::Through),
        About::NewProject => principal.team_of_new_project().map(|_| Answer::Through),
        // A client's scan that is not the caller's is no different from one that is not there.
        About::ClientScan => {
            match things.map(|things| authorize(principal, action, Resource::Project(things.scope))) {
                None => Ok(row.nowhere),
                Some(Err(denied)) if denied.hides() => Ok(Answer::Missing),
                Some(may) => may.map(|()| Answer::Through),
            }
        }
        About::Project | About::Scan | About::Finding => {
            let Some(things) = things else { return Ok(row.nowhere) };
            authorize(principal, action, Resource::Project(things.scope))?;
            Ok(Answer::Through)
        }
        About::NativeProject => native(principal, action, things),
        About::NativeScan => match native(principal, action, world.things(Place::Core))? {
            Answer::Through => native(principal, action, things),
            answer => Ok(answer),
        },
        About::Key => {
            let Some(things) = things else { return Ok(Answer::Missing) };
            authorize(principal, action, Resource::Organization(things.scope.organization))?;
            Ok(Answer::Through)
        }
        About::Event
        | About::IncidentNumber
        | About::SourceNumber
        | About::DeploymentScan
        | About::DeploymentSource => {
            let seen = principal.visible_to(action);
            Ok(found(is_own && things.is_some_and(|things| seen.shows(things.scope))))
        }
        // What belongs to another organization is no different from what is not there.
        About::Member
        | About::MemberNumber
        | About::Invitation
        | About::InvitationNumber
        | About::TeamNumber
        | About::Deployment
        | About::Honeytoken
        | About::Token => Ok(found(is_own)),
        About::DeploymentProject => match things {
            Some(things) if is_own && principal.visible().shows(things.scope) => {
                authorize(principal, action, Resource::Project(things.scope)).map(|()| Answer::Through)
            }
            Some(_) | None => Ok(Answer::Missing),
        },
        // Whoever runs the installation sees all of it.
        About::Person | About::Team | About::TeamMember => Ok(found(things.is_some())),
        About::OwnedKey => match things {
            None => Ok(Answer::Missing),
            Some(things) => match may_end(principal, facts(things.scope)) {
                Err(denied) if denied.hides() => Ok(Answer::Missing),
                ended => ended.map(|()| Answer::Through),
            },
        },
        About::KeyForProject => {
            let Some(things) = things else { return Ok(Answer::Missing) };
            may_issue(principal, KeyPlace::Project(things.scope)).map(|()| Answer::Through)
        }
        About::KeyForTeam => match things {
            Some(things) => {
                let team = KeyPlace::Team(things.scope.organization, things.team);
                may_issue(principal, team).map(|()| Answer::Through)
            }
            // A team that nobody has is no different from one that others have: only who may for any is told.
            None => may_issue(principal, nobodys_team()).map(|()| Answer::Missing),
        },
        About::AuditOfTeams => match principal.visible() {
            // What happened to a team is about more than one project.
            Visible::Project(_) => Ok(Answer::Forbidden),
            Visible::All | Visible::Teams(..) => Ok(Answer::Through),
        },
        // Whether there is no such source for the caller or none at all is the same to clients: 400.
        About::SourceOfDocument => match things {
            None => Ok(row.nowhere),
            Some(things) => match authorize(principal, action, Resource::Project(things.scope)) {
                Err(denied) if denied.hides() => Ok(Answer::Through),
                may => may.map(|()| Answer::Through),
            },
        },
        About::Note | About::SomebodyElses => Ok(Answer::Missing),
    }
}

/// What of a route of our own is answered about a project or a scan of it.
fn native(principal: &Principal, action: Action, things: Option<&Things>) -> Result<Answer, Denied> {
    match things.map(|things| authorize(principal, action, Resource::Project(things.scope))) {
        None => Ok(Answer::Missing),
        Some(Err(denied)) if denied.hides() => Ok(Answer::Missing),
        Some(may) => may.map(|()| Answer::Through),
    }
}

fn nobodys_team() -> KeyPlace {
    KeyPlace::Team(OrganizationId(Uuid::nil()), TeamId(Uuid::nil()))
}

/// A key for a project that was made at the shell.
const fn facts(scope: ProjectScope) -> KeyFacts {
    KeyFacts { organization: scope.organization, team: scope.team, by: None }
}
