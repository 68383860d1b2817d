//! Which API keys people issue, see and revoke for themselves and their teams (TRUSCA reference §3.4). Whoever runs an
//! organization has all of its keys besides ([`Action::ManageKeys`]).

use super::{Action, Denied, Principal, ProjectScope, Resource, Role, authorize};
use crate::id::{OrganizationId, TeamId, UserId};
use crate::limits::KEY_DAYS;
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// What a key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPlace {
    /// An organization: everything in it that its maker sees.
    Organization(OrganizationId),
    /// A team and its projects.
    Team(OrganizationId, TeamId),
    /// One project.
    Project(ProjectScope),
}

impl KeyPlace {
    /// Whose it is.
    pub const fn organization(self) -> OrganizationId {
        match self {
            Self::Organization(organization)
            | Self::Team(organization, _)
            | Self::Project(ProjectScope { organization, .. }) => organization,
        }
    }
}

/// What matters about a key when somebody wants to see or end it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyFacts {
    /// Whose it is.
    pub organization: OrganizationId,
    /// Its team: the one that it is for, or the one that its project belongs to.
    pub team: Option<TeamId>,
    /// Who made it.
    pub by: Option<UserId>,
}

/// Which keys somebody sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeysSeen {
    /// All of them.
    All,
    /// Those that `by` made, and those whose team is one of `teams`.
    Of {
        /// The person; none sees keys that were made by none.
        by: Option<UserId>,
        /// Their teams, in whatever organization.
        teams: BTreeSet<TeamId>,
    },
}

impl KeysSeen {
    /// Which keys `principal` sees: their own and those of their teams; super administrators see all.
    pub fn by(principal: &Principal) -> Self {
        if is_super_admin(principal) {
            return Self::All;
        }
        let person = principal.person();
        let belongings = person.iter().flat_map(|standing| &standing.organizations);
        let teams = belongings.flat_map(|belonging| belonging.teams.keys().copied()).collect();
        Self::Of { by: person.map(|standing| standing.user), teams }
    }

    /// Whether a key is among them.
    pub fn shows(&self, key: KeyFacts) -> bool {
        match self {
            Self::All => true,
            Self::Of { by, teams } => {
                (by.is_some() && key.by == *by) || key.team.is_some_and(|team| teams.contains(&team))
            }
        }
    }
}

/// Whether `principal` may issue a key for `place`: for an organization super administrators, for a team who runs it,
/// for a project whoever scans in it.
///
/// # Errors
/// Why not.
pub fn may_issue(principal: &Principal, place: KeyPlace) -> Result<(), Denied> {
    let there = principal.in_organization(place.organization()).ok_or(Denied::Foreign)?;
    match place {
        KeyPlace::Organization(organization) => {
            authorize(&there, Action::OwnKeys, Resource::Organization(organization))?;
            if is_super_admin(&there) { Ok(()) } else { Err(Denied::Role { needed: Role::Admin }) }
        }
        KeyPlace::Team(organization, team) => may_run(&there, organization, team),
        KeyPlace::Project(scope) => authorize(&there, Action::OwnKeys, Resource::Project(scope)),
    }
}

/// Whether `principal` may end or narrow a key: who made it, who runs its team, and super administrators.
///
/// # Errors
/// One that hides the key ([`Denied::hides`]) from who does not see it, else why not.
pub fn may_end(principal: &Principal, key: KeyFacts) -> Result<(), Denied> {
    let seen = KeysSeen::by(principal);
    if !seen.shows(key) {
        return Err(Denied::OtherTeam);
    }
    let is_own = principal.person().is_some_and(|standing| key.by == Some(standing.user));
    if seen == KeysSeen::All || is_own {
        return Ok(());
    }
    let denied = Denied::Role { needed: Role::Security };
    let there = principal.in_organization(key.organization).ok_or(denied)?;
    may_run(&there, key.organization, key.team.ok_or(denied)?)
}

/// When a key ends that is made at `now` for a number of days; `None` unless that is 1 to [`KEY_DAYS`].
pub fn key_end(now: Timestamp, days: u32) -> Option<Timestamp> {
    (1..=KEY_DAYS).contains(&days).then(|| now.plus_days(i64::from(days)))
}

fn may_run(principal: &Principal, organization: OrganizationId, team: TeamId) -> Result<(), Denied> {
    authorize(principal, Action::OwnKeys, Resource::Team(organization, team))?;
    match principal.role_in(team) {
        Some(role) if role >= Role::Security => Ok(()),
        Some(_) | None => Err(Denied::Role { needed: Role::Security }),
    }
}

fn is_super_admin(principal: &Principal) -> bool {
    authorize(principal, Action::Administer, Resource::Installation).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{KeyFacts, KeyPlace, KeysSeen, key_end, may_end, may_issue};
    use crate::id::{ApiKeyId, OrganizationId, ProjectId, SessionId, TeamId, UserId};
    use crate::identity::{
        Authority, Belonging, Credential, Denied, KeyForm, Limit, OrganizationRole, Principal, ProjectScope,
        Rank, Role, Standing, TeamRole,
    };
    use crate::limits::KEY_DAYS;
    use crate::log::Actor;
    use crate::time::Timestamp;
    use std::sync::Arc;
    use uuid::Uuid;

    const HOME: OrganizationId = OrganizationId(Uuid::from_u128(1));
    const ELSEWHERE: OrganizationId = OrganizationId(Uuid::from_u128(2));
    const SHOP: ProjectId = ProjectId(Uuid::from_u128(3));
    const CORE: TeamId = TeamId(Uuid::from_u128(5));
    const EDGE: TeamId = TeamId(Uuid::from_u128(6));
    const ANA: UserId = UserId(Uuid::from_u128(7));
    const BOB: UserId = UserId(Uuid::from_u128(8));

    fn person(rank: Rank, organizations: Vec<Belonging>) -> Principal {
        Principal {
            actor: Actor::User(ANA),
            credential: Credential::Session(SessionId(Uuid::from_u128(9))),
            organization: HOME,
            authority: Authority::Person(Arc::new(Standing { user: ANA, rank, organizations })),
            limit: Limit::NONE,
        }
    }

    fn belonging(
        organization: OrganizationId,
        role: OrganizationRole,
        team: TeamId,
        as_what: TeamRole,
    ) -> Belonging {
        Belonging { organization, role, teams: [(team, as_what)].into() }
    }

    /// Ana, who belongs to one team.
    fn ana(as_what: TeamRole) -> Principal {
        person(Rank::Ordinary, vec![belonging(HOME, OrganizationRole::Member, CORE, as_what)])
    }

    fn project(team: Option<TeamId>) -> KeyPlace {
        KeyPlace::Project(ProjectScope { organization: HOME, team, project: SHOP })
    }

    fn key(team: Option<TeamId>, by: UserId) -> KeyFacts {
        KeyFacts { organization: HOME, team, by: Some(by) }
    }

    const fn needs(needed: Role) -> Result<(), Denied> {
        Err(Denied::Role { needed })
    }

    #[test]
    fn who_issues_keys_for_what() {
        let owner =
            person(Rank::Ordinary, vec![belonging(HOME, OrganizationRole::Owner, EDGE, TeamRole::Developer)]);
        let runs_all = person(Rank::SuperAdmin, vec![]);
        let (admin, developer, viewer) =
            (ana(TeamRole::Admin), ana(TeamRole::Developer), ana(TeamRole::Viewer));
        let places =
            [KeyPlace::Organization(HOME), KeyPlace::Team(HOME, CORE), project(Some(CORE)), project(None)];
        for (who, answers) in [
            (&runs_all, [Ok(()), Ok(()), Ok(()), Ok(())]),
            (&owner, [needs(Role::Admin), Ok(()), Ok(()), Ok(())]),
            (&admin, [needs(Role::Admin), Ok(()), Ok(()), Ok(())]),
            (&developer, [needs(Role::Admin), needs(Role::Security), Ok(()), Ok(())]),
            (&viewer, [Role::Developer; 4].map(needs)),
        ] {
            assert_eq!(places.map(|place| may_issue(who, place)), answers);
        }
        for place in [KeyPlace::Team(HOME, EDGE), project(Some(EDGE))] {
            assert_eq!(may_issue(&admin, place), Err(Denied::OtherTeam));
        }
        let foreign = KeyPlace::Team(ELSEWHERE, CORE);
        assert_eq!(may_issue(&admin, foreign), Err(Denied::Foreign));
        assert_eq!(may_issue(&runs_all, foreign), Ok(()));
    }

    #[test]
    fn a_role_counts_in_the_organization_of_the_team() {
        let both = person(
            Rank::Ordinary,
            vec![
                belonging(HOME, OrganizationRole::Owner, CORE, TeamRole::Admin),
                belonging(ELSEWHERE, OrganizationRole::Member, EDGE, TeamRole::Developer),
            ],
        );
        assert_eq!(may_issue(&both, KeyPlace::Team(HOME, CORE)), Ok(()));
        assert_eq!(may_issue(&both, KeyPlace::Team(ELSEWHERE, EDGE)), needs(Role::Security));
        let there = KeyFacts { organization: ELSEWHERE, team: Some(EDGE), by: Some(BOB) };
        assert_eq!(may_end(&both, there), needs(Role::Security));
    }

    #[test]
    fn a_key_makes_and_ends_no_keys() {
        let credential = Credential::Key { key: ApiKeyId(Uuid::from_u128(4)), form: KeyForm::Trusca };
        let with_key = Principal { credential, ..person(Rank::SuperAdmin, vec![]) };
        for place in [KeyPlace::Organization(HOME), KeyPlace::Team(HOME, CORE), project(None)] {
            assert_eq!(may_issue(&with_key, place), Err(Denied::NotAPerson));
        }
        assert_ne!(KeysSeen::by(&with_key), KeysSeen::All);
        let service = Authority::Service { role: Role::Admin };
        let service = Principal { actor: Actor::System, authority: service, ..with_key };
        assert!(!KeysSeen::by(&service).shows(KeyFacts { organization: HOME, team: None, by: None }));
    }

    #[test]
    fn people_see_their_own_keys_and_those_of_their_teams() {
        let seen = KeysSeen::by(&ana(TeamRole::Developer));
        assert!(seen.shows(key(None, ANA)) && seen.shows(key(Some(EDGE), ANA)));
        assert!(seen.shows(key(Some(CORE), BOB)));
        assert!(!seen.shows(key(Some(EDGE), BOB)) && !seen.shows(key(None, BOB)));
        assert_eq!(KeysSeen::by(&person(Rank::SuperAdmin, vec![])), KeysSeen::All);
    }

    #[test]
    fn who_made_a_key_runs_its_team_or_runs_everything_ends_it() {
        let (admin, developer) = (ana(TeamRole::Admin), ana(TeamRole::Developer));
        let all = person(Rank::SuperAdmin, vec![]);
        for own in [key(None, ANA), key(Some(EDGE), ANA)] {
            assert_eq!(may_end(&developer, own), Ok(()));
        }
        let of_team = key(Some(CORE), BOB);
        assert_eq!(may_end(&developer, of_team), needs(Role::Security));
        assert_eq!(may_end(&admin, of_team), Ok(()));
        for hidden in [key(Some(EDGE), BOB), key(None, BOB)] {
            assert!(may_end(&admin, hidden).unwrap_err().hides());
            assert_eq!(may_end(&all, hidden), Ok(()));
        }
    }

    #[test]
    fn a_key_ends_after_a_day_to_five_years() {
        let now = Timestamp(7);
        assert_eq!(key_end(now, 1), Some(now.plus_seconds(86_400)));
        assert_eq!(key_end(now, KEY_DAYS), Some(now.plus_seconds(5 * 365 * 86_400)));
        assert_eq!((key_end(now, 0), key_end(now, KEY_DAYS + 1)), (None, None));
    }
}
