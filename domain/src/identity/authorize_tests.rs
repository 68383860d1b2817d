//! The table of actions against every kind of caller.

use super::{
    Action, Authority, Belonging, Breadth, Credential, Denied, KeyForm, Limit, OrganizationRole, Principal,
    ProjectScope, Rank, Resource, Role, Scope, Scopes, Standing, TeamRole, Teamless, Visible, authorize,
};
use crate::id::{ApiKeyId, OrganizationId, ProjectId, SessionId, TeamId, UserId};
use crate::log::Actor;
use std::sync::Arc;
use uuid::Uuid;

const HOME: OrganizationId = OrganizationId(Uuid::from_u128(1));
const ELSEWHERE: OrganizationId = OrganizationId(Uuid::from_u128(2));
const SHOP: ProjectId = ProjectId(Uuid::from_u128(3));
const BANK: ProjectId = ProjectId(Uuid::from_u128(4));
const CORE: TeamId = TeamId(Uuid::from_u128(5));
const EDGE: TeamId = TeamId(Uuid::from_u128(6));
const ANA: UserId = UserId(Uuid::from_u128(7));

fn key(role: Role) -> Principal {
    let key = ApiKeyId(Uuid::from_u128(9));
    Principal {
        actor: Actor::Key(key),
        credential: Credential::Key { key, form: KeyForm::Pepper },
        organization: HOME,
        authority: Authority::Service { role },
        limit: Limit::NONE,
    }
}

fn limited(limit: Limit) -> Principal {
    Principal { limit, ..key(Role::Admin) }
}

fn person(rank: Rank, role: Option<OrganizationRole>, teams: &[(TeamId, TeamRole)]) -> Principal {
    let belonging =
        role.map(|role| Belonging { organization: HOME, role, teams: teams.iter().copied().collect() });
    let standing = Standing { user: ANA, rank, organizations: belonging.into_iter().collect() };
    Principal {
        actor: Actor::User(ANA),
        credential: Credential::Session(SessionId(Uuid::from_u128(8))),
        organization: HOME,
        authority: Authority::Person(Arc::new(standing)),
        limit: Limit::NONE,
    }
}

fn member(teams: &[(TeamId, TeamRole)]) -> Principal {
    person(Rank::Ordinary, Some(OrganizationRole::Member), teams)
}

fn project(team: Option<TeamId>) -> Resource {
    Resource::Project(ProjectScope { organization: HOME, team, project: SHOP })
}

fn allowed(principal: &Principal, resource: Resource) -> Vec<Action> {
    Action::ALL.into_iter().filter(|action| authorize(principal, *action, resource).is_ok()).collect()
}

const VIEWER: [Action; 6] = [
    Action::Read,
    Action::Export,
    Action::ReadSources,
    Action::ReadSecrets,
    Action::ReadMembers,
    Action::ReadTeams,
];
const DEVELOPER: [Action; 12] = [
    Action::Read,
    Action::Export,
    Action::Scan,
    Action::Triage,
    Action::Share,
    Action::Report,
    Action::ReadSources,
    Action::ReadSecrets,
    Action::CheckHoneytokens,
    Action::WriteProject,
    Action::ReadMembers,
    Action::ReadTeams,
];
const SECURITY: [Action; 16] = [
    Action::Read,
    Action::Export,
    Action::ReadAudit,
    Action::ExportAudit,
    Action::Scan,
    Action::Triage,
    Action::Share,
    Action::Report,
    Action::ReadSources,
    Action::ReadSecrets,
    Action::CheckHoneytokens,
    Action::WriteProject,
    Action::Delete,
    Action::WriteGate,
    Action::ReadMembers,
    Action::ReadTeams,
];

#[test]
fn the_table_of_roles_for_keys() {
    let with = |actions: &[Action], more: &[Action]| {
        let all = [actions, more].concat();
        Action::ALL.into_iter().filter(|action| all.contains(action)).collect::<Vec<_>>()
    };
    let home = Resource::Organization(HOME);
    let own = [Action::OwnKey];
    let administrator = [
        Action::ReadHoneytokens,
        Action::WriteHoneytokens,
        Action::WritePolicy,
        Action::ManageKeys,
        Action::ReadKeys,
        Action::OwnKey,
        Action::WriteMembers,
        Action::WriteTeams,
    ];
    assert_eq!(allowed(&key(Role::Viewer), home), with(&VIEWER, &own));
    assert_eq!(allowed(&key(Role::Developer), home), with(&DEVELOPER, &own));
    assert_eq!(allowed(&key(Role::Security), home), with(&SECURITY, &own));
    assert_eq!(allowed(&key(Role::Admin), home), with(&SECURITY, &administrator));
}

#[test]
fn people_may_what_they_are_and_only_super_administrators_run_the_installation() {
    let own = |principal: &Principal| {
        let may = |action| authorize(principal, action, Resource::Organization(HOME)).is_ok();
        [Action::OwnAccount, Action::OwnKeys, Action::OwnKey, Action::ManageKeys, Action::Administer].map(may)
    };
    assert_eq!(own(&member(&[(CORE, TeamRole::Viewer)])), [true, false, false, false, false]);
    assert_eq!(own(&member(&[(CORE, TeamRole::Developer)])), [true, true, false, false, false]);
    let admin = person(Rank::Ordinary, Some(OrganizationRole::Admin), &[]);
    assert_eq!(own(&admin), [true, true, false, true, false]);
    assert_eq!(own(&person(Rank::SuperAdmin, None, &[])), [true, true, false, true, true]);
    let denied = |principal: &Principal, action| authorize(principal, action, Resource::Installation);
    assert_eq!(denied(&admin, Action::Administer), Err(Denied::NotSuperAdmin));
    assert_eq!(denied(&key(Role::Admin), Action::Administer), Err(Denied::NotAPerson));
    assert_eq!(denied(&key(Role::Admin), Action::OwnAccount), Err(Denied::NotAPerson));
    assert_eq!(denied(&admin, Action::OwnKey), Err(Denied::NotAKey));
    // A key that acts for a person is not that person.
    let credential = key(Role::Admin).credential;
    let for_ana = Principal { credential, ..person(Rank::SuperAdmin, None, &[]) };
    assert_eq!(denied(&for_ana, Action::Administer), Err(Denied::NotAPerson));
}

#[test]
fn another_organization_is_foreign_whatever_the_role() {
    let elsewhere = ProjectScope { organization: ELSEWHERE, team: None, project: SHOP };
    let callers = [
        key(Role::Admin),
        member(&[(CORE, TeamRole::Admin)]),
        person(Rank::Ordinary, Some(OrganizationRole::Owner), &[]),
    ];
    for caller in callers {
        for resource in
            [Resource::Organization(ELSEWHERE), Resource::Team(ELSEWHERE, CORE), Resource::Project(elsewhere)]
        {
            assert_eq!(authorize(&caller, Action::Read, resource), Err(Denied::Foreign));
        }
    }
}

#[test]
fn members_see_their_teams_and_what_belongs_to_no_team() {
    let ana = member(&[(CORE, TeamRole::Viewer), (EDGE, TeamRole::Admin)]);
    assert_eq!(allowed(&ana, project(Some(CORE))), [VIEWER.as_slice(), &[Action::OwnAccount]].concat());
    assert_eq!(authorize(&ana, Action::Delete, project(Some(EDGE))), Ok(()));
    assert_eq!(authorize(&ana, Action::Delete, project(None)), Ok(()));
    assert_eq!(authorize(&ana, Action::Delete, Resource::Organization(HOME)), Ok(()));
    let bob = member(&[(CORE, TeamRole::Developer)]);
    assert_eq!(authorize(&bob, Action::Read, project(Some(EDGE))), Err(Denied::OtherTeam));
    assert_eq!(authorize(&bob, Action::Read, Resource::Team(HOME, EDGE)), Err(Denied::OtherTeam));
    assert_eq!(
        authorize(&bob, Action::Delete, project(Some(CORE))),
        Err(Denied::Role { needed: Role::Security })
    );
    assert_eq!(authorize(&member(&[]), Action::Scan, project(None)), Ok(()));
    let stranger = person(Rank::Ordinary, None, &[]);
    assert_eq!(authorize(&stranger, Action::Read, project(None)), Err(Denied::Foreign));
    for run in [OrganizationRole::Owner, OrganizationRole::Admin] {
        let admin = person(Rank::Ordinary, Some(run), &[]);
        assert_eq!(authorize(&admin, Action::Delete, project(Some(EDGE))), Ok(()));
    }
}

#[test]
fn a_key_sees_the_project_or_team_that_it_is_for() {
    let for_shop = limited(Limit { project: Some(SHOP), ..Limit::NONE });
    assert_eq!(authorize(&for_shop, Action::Triage, project(None)), Ok(()));
    let bank = Resource::Project(ProjectScope { organization: HOME, team: None, project: BANK });
    assert_eq!(authorize(&for_shop, Action::Triage, bank), Err(Denied::OtherProject));
    assert_eq!(
        authorize(&for_shop, Action::ManageKeys, Resource::Organization(HOME)),
        Err(Denied::OtherProject)
    );
    let for_core = limited(Limit { team: Some(CORE), ..Limit::NONE });
    assert_eq!(authorize(&for_core, Action::Triage, project(Some(CORE))), Ok(()));
    for other in [Some(EDGE), None] {
        assert_eq!(authorize(&for_core, Action::Triage, project(other)), Err(Denied::OtherTeam));
    }
    assert_eq!(
        authorize(&for_core, Action::ManageKeys, Resource::Organization(HOME)),
        Err(Denied::OtherTeam)
    );
}

#[test]
fn a_key_needs_the_scope_whatever_its_role() {
    for action in Action::ALL {
        let Some(needed) = action.needs().scope else { continue };
        let others: Scopes = Scope::ALL.iter().copied().filter(|scope| *scope != needed).collect();
        let home = Resource::Organization(HOME);
        let without = limited(Limit { scopes: others, ..Limit::NONE });
        assert_eq!(authorize(&without, action, home), Err(Denied::Scope { needed }), "{action:?}");
        let only = limited(Limit { scopes: needed.into(), ..Limit::NONE });
        assert_eq!(authorize(&only, action, home), Ok(()), "{action:?}");
    }
}

#[test]
fn a_key_in_truscas_form_scans_and_reads_whatever_its_role() {
    let own = key(Role::Admin);
    let Credential::Key { key, .. } = own.credential else { panic!("it is a key") };
    let narrow = Principal { credential: Credential::Key { key, form: KeyForm::Trusca }, ..own };
    let home = Resource::Organization(HOME);
    assert_eq!(allowed(&narrow, home), [Action::Read, Action::Scan, Action::OwnKey]);
    assert_eq!(authorize(&narrow, Action::ManageKeys, home), Err(Denied::Form));
}

#[test]
fn a_key_that_reads_changes_nothing() {
    let reads = limited(Limit { breadth: Breadth::ReadOnly, ..Limit::NONE });
    let home = Resource::Organization(HOME);
    for (action, answer) in [
        (Action::Read, Ok(())),
        (Action::ReadAudit, Ok(())),
        (Action::Scan, Err(Denied::ReadOnly)),
        (Action::Triage, Err(Denied::ReadOnly)),
        (Action::ManageKeys, Err(Denied::ReadOnly)),
    ] {
        assert_eq!(authorize(&reads, action, home), answer, "{action:?}");
    }
}

#[test]
fn a_key_for_a_person_never_does_more_than_they_may() {
    let credential = key(Role::Admin).credential;
    let for_viewer = Principal { credential, ..member(&[(CORE, TeamRole::Viewer)]) };
    let needed = Role::Developer;
    assert_eq!(authorize(&for_viewer, Action::Scan, project(Some(CORE))), Err(Denied::Role { needed }));
    let limit = Limit { ceiling: Role::Viewer, ..Limit::NONE };
    let narrowed = Principal { credential, limit, ..member(&[(CORE, TeamRole::Admin)]) };
    assert_eq!(authorize(&narrowed, Action::Scan, project(Some(CORE))), Err(Denied::Role { needed }));
}

#[test]
fn lists_show_what_single_things_allow() {
    assert_eq!(key(Role::Viewer).visible(), Visible::All);
    assert_eq!(person(Rank::SuperAdmin, None, &[]).visible(), Visible::All);
    assert_eq!(person(Rank::Ordinary, Some(OrganizationRole::Admin), &[]).visible(), Visible::All);
    let teams = |teams: &[TeamId], too| Visible::Teams(teams.iter().copied().collect(), too);
    let ana = member(&[(CORE, TeamRole::Viewer)]);
    assert_eq!(ana.visible(), teams(&[CORE], Teamless::Too));
    assert_eq!(person(Rank::Ordinary, None, &[]).visible(), teams(&[], Teamless::Not));
    let limit = |team, project| Limit { team, project, ..Limit::NONE };
    assert_eq!(limited(limit(Some(EDGE), None)).visible(), teams(&[EDGE], Teamless::Not));
    assert_eq!(limited(limit(None, Some(SHOP))).visible(), Visible::Project(SHOP));
    let narrowed = |team| Principal { limit: limit(Some(team), None), ..ana.clone() };
    assert_eq!(narrowed(CORE).visible(), teams(&[CORE], Teamless::Not));
    assert_eq!(narrowed(EDGE).visible(), teams(&[], Teamless::Not));
}

#[test]
fn what_lists_show_can_be_read_and_what_they_hide_cannot() {
    let limit = |team, project| Limit { team, project, ..Limit::NONE };
    let ana = member(&[(CORE, TeamRole::Viewer)]);
    let callers = [
        key(Role::Viewer),
        person(Rank::SuperAdmin, None, &[]),
        person(Rank::Ordinary, Some(OrganizationRole::Owner), &[]),
        member(&[]),
        member(&[(CORE, TeamRole::Admin), (EDGE, TeamRole::Viewer)]),
        Principal { limit: limit(Some(CORE), None), ..ana.clone() },
        Principal { limit: limit(Some(EDGE), None), ..ana.clone() },
        limited(limit(Some(EDGE), None)),
        limited(limit(None, Some(SHOP))),
        ana,
    ];
    for caller in callers {
        for team in [None, Some(CORE), Some(EDGE)] {
            for project in [SHOP, BANK] {
                let scope = ProjectScope { organization: HOME, team, project };
                let may = authorize(&caller, Action::Read, Resource::Project(scope));
                assert_eq!(caller.visible().shows(scope), may.is_ok(), "{caller:?} {scope:?}");
                assert!(may.is_ok() || may.is_err_and(Denied::hides));
            }
        }
    }
}

#[test]
fn lists_for_an_action_leave_out_teams_in_which_it_is_not_allowed() {
    let ana = member(&[(CORE, TeamRole::Admin), (EDGE, TeamRole::Viewer)]);
    let teams = |teams: &[TeamId]| Visible::Teams(teams.iter().copied().collect(), Teamless::Too);
    assert_eq!(ana.visible_to(Action::Read), teams(&[CORE, EDGE]));
    assert_eq!(ana.visible_to(Action::ReadAudit), teams(&[CORE]));
    for team in [CORE, EDGE] {
        let scope = ProjectScope { organization: HOME, team: Some(team), project: SHOP };
        let may = authorize(&ana, Action::ReadAudit, Resource::Project(scope));
        assert_eq!(ana.visible_to(Action::ReadAudit).shows(scope), may.is_ok());
    }
    assert_eq!(key(Role::Admin).visible_to(Action::ReadAudit), Visible::All);
    let for_core = limited(Limit { team: Some(CORE), ..Limit::NONE });
    assert_eq!(for_core.visible_to(Action::ReadAudit), for_core.visible());
}

#[test]
fn a_new_project_belongs_to_the_only_team_of_whoever_makes_it() {
    let limit = |team, project| Limit { team, project, ..Limit::NONE };
    let ana = member(&[(CORE, TeamRole::Developer)]);
    assert_eq!(ana.team_of_new_project(), Ok(Some(CORE)));
    let both = member(&[(CORE, TeamRole::Developer), (EDGE, TeamRole::Admin)]);
    assert_eq!(both.team_of_new_project(), Ok(None));
    assert_eq!(member(&[]).team_of_new_project(), Ok(None));
    assert_eq!(key(Role::Admin).team_of_new_project(), Ok(None));
    let narrowed = |team| Principal { limit: limit(Some(team), None), ..both.clone() };
    assert_eq!(narrowed(EDGE).team_of_new_project(), Ok(Some(EDGE)));
    let left = Principal { limit: limit(Some(EDGE), None), ..ana };
    assert_eq!(left.team_of_new_project(), Err(Denied::OtherTeam));
    assert_eq!(limited(limit(Some(CORE), None)).team_of_new_project(), Ok(Some(CORE)));
    assert_eq!(limited(limit(None, Some(SHOP))).team_of_new_project(), Err(Denied::OtherProject));
}

#[test]
fn people_work_where_they_belong_and_keys_at_home() {
    let ana = member(&[]);
    assert_eq!(ana.in_organization(HOME), Some(ana.clone()));
    assert_eq!(ana.in_organization(ELSEWHERE), None);
    assert_eq!(key(Role::Admin).in_organization(ELSEWHERE), None);
    let everywhere = person(Rank::SuperAdmin, None, &[]).in_organization(ELSEWHERE).unwrap();
    assert_eq!(authorize(&everywhere, Action::Read, Resource::Organization(ELSEWHERE)), Ok(()));
}

#[test]
fn an_installation_scans_and_reads_in_its_organization_and_nothing_else() {
    let installation = Principal::of_installation(42.try_into().unwrap(), HOME);
    assert_eq!(allowed(&installation, project(None)), [Action::Read, Action::Export, Action::Scan]);
    assert_eq!(allowed(&installation, project(Some(CORE))), [Action::Read, Action::Export, Action::Scan]);
    let foreign = ProjectScope { organization: ELSEWHERE, team: None, project: SHOP };
    assert_eq!(authorize(&installation, Action::Scan, Resource::Project(foreign)), Err(Denied::Foreign));
    assert_eq!(authorize(&installation, Action::OwnAccount, Resource::Installation), Err(Denied::NotAPerson));
    assert_eq!(authorize(&installation, Action::OwnKey, Resource::Installation), Err(Denied::NotAKey));
}
