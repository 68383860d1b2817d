//! Who there is, as read models say it: one history, and every question about it.

#[expect(dead_code, reason = "the world is for all tests of this crate, and not all of it is needed here")]
mod support;

use scanledger_domain::id::{ApiKeyId, InvitationId, OrganizationId, SessionId, TeamId, UserId};
use scanledger_domain::identity::{
    Belonging, Breadth, Channels, InvitedTeam, KeyForm, KeyHash, KeyKind, Method, OrganizationRole, Provider,
    Rank, Scope, Scopes, SessionContinued, SessionEnd, SessionEvent, SessionKind, SessionStarted, TeamRole,
    Visible, Wanted, session_stream,
};
use scanledger_domain::log::Position;
use scanledger_domain::time::Timestamp;
use scanledger_projections::Paging;
use scanledger_projections::audit::AuditQuery;
use scanledger_projections::identity::{
    InvitationState, KeyFilter, KeyReach, MemberFilter, Revoked, TeamFilter, TeamUsage, UserFilter, UserRole,
};
use scanledger_projections::incident::Direction;
use std::collections::BTreeSet;
use support::identity::{
    ACCEPTED, ANA, BOB, CORE, DAN, ENDED, EVE, EXPIRY, GONE, OIDC, OPEN, OTHER, PROJECT_KEY, REVOKED, SHORT,
    TAKEN_BACK, TEAM_KEY, TOKEN, TOOL, WAITING, WEB, everybody, key_hash,
};
use support::{ORGANIZATION, World};
use uuid::Uuid;

const ALL: Paging = Paging { offset: 0, limit: 100 };
const NOBODY: UserId = UserId(Uuid::from_u128(0xdead));

async fn world() -> World {
    let mut world = World::new().await;
    everybody(&mut world).await;
    assert_eq!(world.projector.health().parked, 0);
    world
}

#[tokio::test]
async fn a_standing_says_what_a_person_is_now_where_they_came_first_first() {
    let world = world().await;
    let bob = world.views().look_up_standing(BOB).unwrap().unwrap();
    let other = Belonging { organization: OTHER, role: OrganizationRole::Owner, teams: [].into() };
    let acme = Belonging {
        organization: ORGANIZATION,
        role: OrganizationRole::Admin,
        teams: [(CORE, TeamRole::Developer), (WEB, TeamRole::Admin)].into(),
    };
    assert_eq!(bob.standing.organizations, [other, acme]);
    assert_eq!((bob.standing.user, bob.standing.rank), (BOB, Rank::Ordinary));
    // Password, sessions ended, deactivated: once each.
    assert_eq!((bob.is_active, bob.epoch), (true, 3));
    let ana = world.views().look_up_standing(ANA).unwrap().unwrap();
    assert!(ana.standing.is_super_admin());
    let homes: Vec<_> = ana.standing.organizations.iter().map(|belonging| belonging.organization).collect();
    assert_eq!(homes, [ORGANIZATION, OTHER]);
}

#[tokio::test]
async fn a_standing_has_no_team_that_is_gone_or_was_left_and_nobody_who_was_erased() {
    let world = world().await;
    let dan = world.views().look_up_standing(DAN).unwrap().unwrap();
    assert_eq!((dan.is_active, dan.epoch), (false, 1));
    let teams: Vec<_> = dan.standing.organizations.iter().map(|belonging| belonging.teams.clone()).collect();
    assert_eq!(teams, [[(CORE, TeamRole::Viewer)].into()], "one organization left, one team gone, one left");
    assert_eq!(world.views().look_up_standing(EVE).unwrap(), None);
    assert_eq!(world.views().look_up_standing(NOBODY).unwrap(), None);
}

#[tokio::test]
async fn a_session_says_whether_it_ended() {
    let world = world().await;
    let open = world.views().session(OPEN).unwrap().unwrap();
    assert_eq!((open.user, open.kind, open.epoch), (BOB, SessionKind::Tokens, 3));
    assert_eq!((open.expires_at, open.ended), (EXPIRY, None));
    let ended = world.views().session(ENDED).unwrap().unwrap();
    assert_eq!((ended.kind, ended.ended), (SessionKind::Cookie, Some(SessionEnd::Reuse)));
    assert_eq!(world.views().session(SessionId(NOBODY.0)).unwrap(), None);
    // What is left of somebody's: neither ended, nor too late.
    let before_its_end = Timestamp(EXPIRY.0 - 1);
    let left = async |user, at| world.views().sessions_of(user, at).await.unwrap();
    assert_eq!(left(BOB, before_its_end).await, [(OPEN, open.clone())]);
    assert_eq!(left(BOB, EXPIRY).await, []);
    assert_eq!(left(ANA, before_its_end).await, []);
    let is_left = async |user, session, at| world.views().is_live_session(user, session, at).await.unwrap();
    assert!(is_left(BOB, OPEN, before_its_end).await && !is_left(BOB, OPEN, EXPIRY).await);
    assert!(!is_left(ANA, OPEN, before_its_end).await && !is_left(ANA, ENDED, before_its_end).await);
    let bob = world.views().user(BOB).await.unwrap().unwrap();
    assert_eq!(bob.last_login_at, Some(open.started_at));
}

#[tokio::test]
async fn a_session_of_tokens_is_over_when_nobody_continues_it_and_one_of_a_cookie_is_not() {
    let mut world = world().await;
    let [idle, used, cookie] = [2_001, 2_002, 2_003].map(|id| SessionId(Uuid::from_u128(id)));
    let idle_until = Timestamp(EXPIRY.0 - 100);
    for (session, kind) in
        [(idle, SessionKind::Tokens), (used, SessionKind::Tokens), (cookie, SessionKind::Cookie)]
    {
        let started = SessionStarted {
            session,
            user: BOB,
            kind,
            method: Method::Password,
            epoch: 3,
            token: KeyHash::of("first"),
            token_expires_at: idle_until,
            expires_at: EXPIRY,
        };
        world.append(session_stream(session), &[SessionEvent::from(started)]).await;
    }
    let token = KeyHash::of("second");
    let continued = SessionContinued { session: used, token, token_expires_at: EXPIRY };
    world.append(session_stream(used), &[SessionEvent::from(continued)]).await;
    let left = async |at| {
        let sessions = world.views().sessions_of(BOB, at).await.unwrap();
        let left: BTreeSet<_> = sessions.into_iter().map(|(session, _)| session).collect();
        for session in [OPEN, idle, used, cookie] {
            let is_live = world.views().is_live_session(BOB, session, at).await.unwrap();
            assert_eq!(is_live, left.contains(&session), "{session}");
        }
        left
    };
    assert_eq!(left(Timestamp(idle_until.0 - 1)).await, [OPEN, idle, used, cookie].into());
    assert_eq!(left(idle_until).await, [OPEN, used, cookie].into());
    assert_eq!(left(EXPIRY).await, [].into());
}

#[tokio::test]
async fn a_key_is_found_with_all_that_it_may_until_it_is_revoked() {
    let world = world().await;
    let views = world.views();
    let token = views.key_by_hash(&key_hash(TOKEN)).unwrap().unwrap();
    assert_eq!((token.id, token.form, token.kind), (TOKEN, KeyForm::GitGuardian, KeyKind::Personal));
    assert_eq!(token.scopes, [Scope::Scan, Scope::IncidentsRead].into_iter().collect::<Scopes>());
    assert_eq!((token.breadth, token.team, token.created_by), (Breadth::ReadOnly, None, Some(BOB)));
    let team_key = views.key_by_hash(&key_hash(TEAM_KEY)).unwrap().unwrap();
    assert_eq!((team_key.kind, team_key.team), (KeyKind::Service, Some(CORE)));
    assert_eq!((team_key.scopes, team_key.breadth), (Scopes::ALL, Breadth::ReadWrite));
    assert_eq!(views.key_by_hash(&key_hash(REVOKED)).unwrap(), None);
    let revoked = views.key(REVOKED).await.unwrap().unwrap();
    assert!(revoked.revoked_at.is_some_and(|at| at > revoked.created_at));
    assert_eq!(views.key(ApiKeyId(NOBODY.0)).await.unwrap(), None);
    let live: Vec<_> = views.keys(ORGANIZATION).await.unwrap().iter().map(|key| key.id).collect();
    assert_eq!(live, [PROJECT_KEY, SHORT, TOKEN, TEAM_KEY]);
}

#[tokio::test]
async fn keys_are_narrowed_by_what_they_are_and_who_may_see_them() {
    let world = world().await;
    let cases: [(KeyFilter, &[ApiKeyId]); 9] = [
        (KeyFilter::default(), &[PROJECT_KEY, SHORT, TOKEN, TEAM_KEY]),
        (
            KeyFilter { include_revoked: Revoked::Included, ..KeyFilter::default() },
            &[PROJECT_KEY, REVOKED, SHORT, TOKEN, TEAM_KEY],
        ),
        (KeyFilter { organization: Some(OTHER), ..KeyFilter::default() }, &[]),
        (
            KeyFilter {
                organization: Some(ORGANIZATION),
                forms: Some(vec![KeyForm::Pepper, KeyForm::Trusca]),
                ..KeyFilter::default()
            },
            &[PROJECT_KEY, TEAM_KEY],
        ),
        (KeyFilter { created_by: Some(BOB), ..KeyFilter::default() }, &[SHORT, TOKEN]),
        (KeyFilter { teams: Some([CORE, WEB].into()), ..KeyFilter::default() }, &[PROJECT_KEY, TEAM_KEY]),
        (
            KeyFilter { created_by: Some(BOB), teams: Some([CORE].into()), ..KeyFilter::default() },
            &[PROJECT_KEY, SHORT, TOKEN, TEAM_KEY],
        ),
        (KeyFilter { team: Some(CORE), reach: Some(KeyReach::Team), ..KeyFilter::default() }, &[TEAM_KEY]),
        (KeyFilter { project: Some(TOOL), ..KeyFilter::default() }, &[PROJECT_KEY]),
    ];
    for (filter, expected) in cases {
        let (rows, total) = world.views().key_page(filter.clone(), ALL).await.unwrap();
        assert_eq!(rows.iter().map(|key| key.id).collect::<Vec<_>>(), expected, "{filter:?}");
        assert_eq!(total, expected.len() as u64);
    }
    let second = Paging { offset: 1, limit: 1 };
    let (rows, total) = world.views().key_page(KeyFilter::default(), second).await.unwrap();
    assert_eq!((rows[0].id, total), (SHORT, 4));
}

#[tokio::test]
async fn tokens_of_a_person_count_until_they_are_over() {
    let world = world().await;
    let count = |user, form, now| {
        let views = world.views();
        async move { views.live_personal_tokens(user, form, now).await.unwrap() }
    };
    assert_eq!(count(BOB, KeyForm::GitGuardian, Timestamp(EXPIRY.0 - 1)).await, 2);
    assert_eq!(count(BOB, KeyForm::GitGuardian, EXPIRY).await, 1);
    assert_eq!(count(BOB, KeyForm::Pepper, EXPIRY).await, 0);
    assert_eq!(count(ANA, KeyForm::Pepper, EXPIRY).await, 0, "hers is a service's");
}

#[tokio::test]
async fn people_are_listed_newest_first_without_those_who_were_erased() {
    let world = world().await;
    let cases: [(UserFilter, &[UserId]); 6] = [
        (UserFilter::default(), &[DAN, BOB, ANA]),
        (UserFilter { role: Some(UserRole::SuperAdmin), active: None }, &[ANA]),
        (UserFilter { role: Some(UserRole::Team(TeamRole::Admin)), active: None }, &[BOB]),
        (UserFilter { role: Some(UserRole::Team(TeamRole::Viewer)), active: None }, &[DAN]),
        (UserFilter { role: None, active: Some(true) }, &[BOB, ANA]),
        (UserFilter { role: Some(UserRole::Team(TeamRole::Viewer)), active: Some(true) }, &[]),
    ];
    for (filter, expected) in cases {
        let (rows, total) = world.views().users(filter, ALL).await.unwrap();
        assert_eq!(rows.iter().map(|user| user.id).collect::<Vec<_>>(), expected, "{filter:?}");
        assert_eq!(total, expected.len() as u64);
    }
    let (rows, total) =
        world.views().users(UserFilter::default(), Paging { offset: 2, limit: 1 }).await.unwrap();
    assert_eq!((rows[0].id, total), (ANA, 3));
    let all: Vec<_> = world.views().all_users().await.unwrap().iter().map(|user| user.id).collect();
    assert_eq!(all, [DAN, BOB, ANA]);
}

#[tokio::test]
async fn a_person_has_a_number_that_stays_and_everything_that_lists_show() {
    let world = world().await;
    let views = world.views();
    let bob = views.user(BOB).await.unwrap().unwrap();
    assert_eq!(views.user_by_number(bob.number).await.unwrap().as_ref(), Some(&bob));
    let registered = world.log.read_all(Position(bob.number - 1), 1).await.unwrap().remove(0);
    assert_eq!(&*registered.kind, "user.registered");
    assert_eq!(bob.registered_at, registered.recorded_at);
    assert!(bob.updated_at > bob.registered_at && bob.has_password && !bob.is_erased);
    assert_eq!((bob.scans, bob.teams, bob.strongest), (1, 2, Some(TeamRole::Admin)));
    let ana = views.user(ANA).await.unwrap().unwrap();
    assert_eq!((ana.rank, ana.scans, ana.teams, ana.strongest), (Rank::SuperAdmin, 0, 0, None));
    let eve = views.user(EVE).await.unwrap().unwrap();
    assert!(eve.is_erased && !eve.has_password);
    assert_eq!(views.user(NOBODY).await.unwrap(), None);
    assert_eq!(views.user_by_number(bob.number + 1_000_000).await.unwrap(), None);
}

#[tokio::test]
async fn an_account_knows_its_teams_who_vouches_for_it_and_where_it_is_told() {
    let world = world().await;
    let views = world.views();
    let teams = views.memberships(BOB).await.unwrap();
    let said: Vec<_> = teams.iter().map(|at| (at.team, at.team_name.as_str(), at.role)).collect();
    assert_eq!(said, [(CORE, "Core", TeamRole::Developer), (WEB, "100%_web", TeamRole::Admin)]);
    assert!(
        teams[0].since < teams[1].since && teams[0].number < teams[1].number,
        "another role is no beginning"
    );
    assert_eq!(teams[0].organization, ORGANIZATION);
    let links = views.identities(BOB).await.unwrap();
    assert_eq!(
        links.iter().map(|link| (link.id, link.provider)).collect::<Vec<_>>(),
        [(OIDC, Provider::Oidc)]
    );
    assert_eq!(links[0].email.as_ref().unwrap().0, "v1.bob@idp");
    let slack = Channels { email: Wanted::No, slack: Wanted::Yes, teams: Wanted::No };
    assert_eq!(views.channels(BOB).await.unwrap(), slack);
    assert_eq!(views.channels(ANA).await.unwrap(), Channels::default());
}

#[tokio::test]
async fn organizations_are_found_by_id_number_and_age() {
    let world = world().await;
    let views = world.views();
    let acme = views.organization(ORGANIZATION).await.unwrap().unwrap();
    assert_eq!((acme.name.as_str(), acme.number), ("Acme", 1));
    assert_eq!(views.eldest_organization().await.unwrap().as_ref(), Some(&acme));
    assert_eq!(views.organization_by_number(1).await.unwrap().as_ref(), Some(&acme));
    assert_eq!(views.organization_by_number(2).await.unwrap(), None);
    assert_eq!(views.organization(OrganizationId(NOBODY.0)).await.unwrap(), None);
}

#[tokio::test]
async fn members_are_listed_as_they_came_with_what_they_are_in_teams() {
    let world = world().await;
    let views = world.views();
    let (rows, total) = views.members(ORGANIZATION, MemberFilter::default(), ALL).await.unwrap();
    let said: Vec<_> = rows.iter().map(|member| (member.user.id, member.role, member.strongest)).collect();
    let expected = [
        (ANA, OrganizationRole::Owner, None),
        (BOB, OrganizationRole::Admin, Some(TeamRole::Admin)),
        (DAN, OrganizationRole::Member, Some(TeamRole::Viewer)),
    ];
    assert_eq!((said.as_slice(), total), (&expected[..], 3));
    let (others, _) = views.members(OTHER, MemberFilter::default(), ALL).await.unwrap();
    let said: Vec<_> = others.iter().map(|member| (member.user.id, member.strongest)).collect();
    assert_eq!(said, [(BOB, None), (ANA, None)], "teams of another organization do not count");
    let cases: [(MemberFilter, &[UserId]); 3] = [
        (MemberFilter { role: Some(OrganizationRole::Admin), ..MemberFilter::default() }, &[BOB]),
        (MemberFilter { active: Some(true), ..MemberFilter::default() }, &[ANA, BOB]),
        (MemberFilter { strongest: Some(vec![TeamRole::Developer]), ..MemberFilter::default() }, &[ANA]),
    ];
    for (filter, expected) in cases {
        let (rows, total) = views.members(ORGANIZATION, filter.clone(), ALL).await.unwrap();
        assert_eq!(rows.iter().map(|member| member.user.id).collect::<Vec<_>>(), expected, "{filter:?}");
        assert_eq!(total, expected.len() as u64);
    }
    assert_eq!(views.member(ORGANIZATION, DAN).await.unwrap().as_ref(), Some(&rows[2]));
    for (organization, user) in [(OTHER, DAN), (ORGANIZATION, EVE), (ORGANIZATION, NOBODY)] {
        assert_eq!(views.member(organization, user).await.unwrap(), None);
    }
}

#[tokio::test]
async fn teams_are_listed_newest_first_until_they_are_deleted() {
    let world = world().await;
    let views = world.views();
    let core = views.team(CORE).await.unwrap().unwrap();
    assert_eq!((core.name.as_str(), core.slug.as_deref()), ("Core", None));
    assert_eq!((core.member_count, core.project_count), (2, 1), "erased people do not count");
    assert_eq!(views.team_by_number(core.number).await.unwrap().as_ref(), Some(&core));
    let web = views.team(WEB).await.unwrap().unwrap();
    assert_eq!((web.slug.as_deref(), web.description.as_deref()), (Some("web"), Some("Sells.")));
    assert!(web.updated_at > web.created_at && core.updated_at == core.created_at);
    assert_eq!(views.team(GONE).await.unwrap(), None);
    assert_eq!(views.team(TeamId(NOBODY.0)).await.unwrap(), None);
    let search = |text: &str| TeamFilter { search: Some(text.to_owned()), ..TeamFilter::default() };
    let cases: [(TeamFilter, &[TeamId]); 6] = [
        (TeamFilter::default(), &[WEB, CORE]),
        (TeamFilter { organization: Some(ORGANIZATION), search: Some("o".to_owned()) }, &[CORE]),
        (TeamFilter { organization: Some(OTHER), search: None }, &[]),
        (search("WEB"), &[WEB]),
        (search("%_"), &[WEB]),
        (search("_r"), &[]),
    ];
    for (filter, expected) in cases {
        let (rows, total) = views.teams(filter.clone(), ALL).await.unwrap();
        assert_eq!(rows.iter().map(|team| team.id).collect::<Vec<_>>(), expected, "{filter:?}");
        assert_eq!(total, expected.len() as u64);
    }
}

#[tokio::test]
async fn a_team_knows_who_belongs_to_it_and_what_depends_on_it() {
    let world = world().await;
    let views = world.views();
    let members = views.team_members(CORE).await.unwrap();
    let said: Vec<_> = members.iter().map(|member| (member.user, member.role)).collect();
    assert_eq!(said, [(BOB, TeamRole::Developer), (DAN, TeamRole::Viewer)], "strongest first");
    assert_eq!(members[0].email.0, "v1.bob@acme");
    let place = views.memberships(BOB).await.unwrap().remove(0);
    assert_eq!((members[0].number, members[0].since), (place.number, place.since));
    assert_eq!(views.team_members(GONE).await.unwrap(), []);
    assert_eq!(views.team_usage(CORE).await.unwrap(), TeamUsage { projects: 1, active_scans: 1 });
    assert_eq!(views.team_usage(WEB).await.unwrap(), TeamUsage { projects: 0, active_scans: 0 });
}

#[tokio::test]
async fn invitations_are_open_until_somebody_comes_or_they_are_taken_back() {
    let world = world().await;
    let views = world.views();
    let open = views.invitations(ORGANIZATION).await.unwrap();
    assert_eq!(open.iter().map(|invitation| invitation.id).collect::<Vec<_>>(), [WAITING]);
    assert_eq!(open[0].team, Some(InvitedTeam { id: CORE, role: TeamRole::Viewer }));
    assert_eq!((open[0].organization, open[0].expires_at), (ORGANIZATION, EXPIRY));
    assert_eq!(views.invitation_by_number(open[0].number).await.unwrap().as_ref(), Some(&open[0]));
    for (id, state) in [(TAKEN_BACK, InvitationState::Revoked), (ACCEPTED, InvitationState::Accepted(DAN))] {
        assert_eq!(views.invitation(id).await.unwrap().unwrap().state, state);
    }
    assert_eq!(views.invitation(InvitationId(NOBODY.0)).await.unwrap(), None);
}

#[tokio::test]
async fn accesses_and_sessions_are_in_the_audit_log() {
    let world = world().await;
    let asked = |action: &str| AuditQuery {
        organization: ORGANIZATION,
        visible: Visible::All,
        actions: vec![action.to_owned()],
        resource: None,
        user: None,
        text: None,
        before: None,
        after: None,
        until: None,
        direction: Direction::Descending,
        limit: 10,
    };
    for (action, entries) in [
        ("session.started", 2),
        ("session.continued", 0),
        ("access.sign_in_failed", 1),
        ("access.granted", 3),
        ("organization.invited", 3),
        ("installation.super_admin_added", 0),
    ] {
        assert_eq!(world.views().audit(asked(action)).await.unwrap().0.len(), entries, "{action}");
    }
}
