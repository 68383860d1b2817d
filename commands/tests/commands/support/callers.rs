//! Callers that commands are given for.

use super::ACME;
use scanledger_domain::id::{ApiKeyId, OrganizationId, ProjectId, SessionId, TeamId, UserId};
use scanledger_domain::identity::{
    Authority, Belonging, Credential, KeyForm, Limit, OrganizationRole, Principal, Rank, Role, Standing,
    TeamRole,
};
use scanledger_domain::log::Actor;
use std::sync::Arc;
use uuid::Uuid;

pub const CORE: TeamId = TeamId(Uuid::from_u128(0xc0de));
pub const EDGE: TeamId = TeamId(Uuid::from_u128(0xed6e));

/// A key that may do everything in an organization.
pub fn key_of(organization: OrganizationId) -> Principal {
    let key = ApiKeyId(Uuid::from_u128(0xce));
    Principal {
        actor: Actor::Key(key),
        credential: Credential::Key { key, form: KeyForm::Pepper },
        organization,
        authority: Authority::Service { role: Role::Admin },
        limit: Limit::NONE,
    }
}

/// A key that may do everything.
pub fn key() -> Principal {
    key_of(ACME)
}

/// A key that may do everything in one project.
pub fn key_for(project: ProjectId) -> Principal {
    Principal { limit: Limit { project: Some(project), ..Limit::NONE }, ..key() }
}

/// A member of the organization and some of its teams.
pub fn member(teams: &[(TeamId, TeamRole)]) -> Principal {
    let user = UserId(Uuid::from_u128(0xa1a));
    let teams = teams.iter().copied().collect();
    let belonging = Belonging { organization: ACME, role: OrganizationRole::Member, teams };
    let standing = Standing { user, rank: Rank::Ordinary, organizations: vec![belonging] };
    Principal {
        actor: Actor::User(user),
        credential: Credential::Session(SessionId(Uuid::from_u128(0x5e))),
        organization: ACME,
        authority: Authority::Person(Arc::new(standing)),
        limit: Limit::NONE,
    }
}
