//! The rules of teams, one by one.

use super::{
    Team, TeamCommand, TeamCreated, TeamDeleted, TeamDetails, TeamEvent, TeamMemberAdded, TeamMemberRemoved,
    TeamRefusal, TeamRole, TeamUpdated, team_stream,
};
use crate::decider::given;
use crate::id::{OrganizationId, TeamId, UserId};
use crate::limits::{LONG_NAME_CHARS, SLUG_CHARS, TEAM_DESCRIPTION_CHARS};
use TeamRole::{Admin, Developer, Viewer};
use uuid::Uuid;

const CORE: TeamId = TeamId(Uuid::from_u128(1));
const ANA: UserId = UserId(Uuid::from_u128(2));
const BOB: UserId = UserId(Uuid::from_u128(3));

fn named(name: &str) -> TeamCreated {
    let organization = OrganizationId(Uuid::from_u128(4));
    TeamCreated { team: CORE, organization, name: name.to_owned(), slug: None, description: None }
}

fn created() -> TeamEvent {
    named("Core").into()
}

fn added(user: UserId, role: TeamRole) -> TeamEvent {
    TeamMemberAdded { team: CORE, user, role }.into()
}

fn removed(user: UserId) -> TeamEvent {
    TeamMemberRemoved { team: CORE, user }.into()
}

fn add(user: UserId, role: TeamRole) -> TeamCommand {
    TeamCommand::AddMember { user, role }
}

fn remove(user: UserId) -> TeamCommand {
    TeamCommand::RemoveMember { user }
}

#[test]
fn a_team_is_created_once() {
    given::<Team>([]).when(TeamCommand::Create(named("Core"))).then([created()]);
    given::<Team>([created()]).when(TeamCommand::Create(named("Core"))).then_refused(TeamRefusal::Exists);
}

#[test]
fn a_name_has_a_limit_and_one_line() {
    let longest = "é".repeat(LONG_NAME_CHARS);
    given::<Team>([]).when(TeamCommand::Create(named(&longest))).then([named(&longest).into()]);
    for name in [format!("{longest}x").as_str(), "", "  ", "two\nlines"] {
        given::<Team>([]).when(TeamCommand::Create(named(name))).then_refused(TeamRefusal::BadName);
    }
}

#[test]
fn somebody_can_belong_to_it_as_anything() {
    for role in [Admin, Developer, Viewer] {
        given::<Team>([created()]).when(add(ANA, role)).then([added(ANA, role)]);
    }
}

#[test]
fn another_role_is_an_event_and_the_same_role_is_none() {
    given::<Team>([created(), added(ANA, Viewer)]).when(add(ANA, Admin)).then([added(ANA, Admin)]);
    given::<Team>([created(), added(ANA, Viewer)]).when(add(ANA, Viewer)).then_nothing();
}

#[test]
fn who_belongs_to_it_can_leave_and_come_back() {
    given::<Team>([created(), added(ANA, Viewer)]).when(remove(ANA)).then([removed(ANA)]);
    given::<Team>([created(), added(ANA, Viewer), removed(ANA)])
        .when(add(ANA, Viewer))
        .then([added(ANA, Viewer)]);
}

#[test]
fn who_does_not_belong_to_it_cannot_leave() {
    given::<Team>([created(), added(ANA, Viewer)]).when(remove(BOB)).then_refused(TeamRefusal::NotAMember);
    given::<Team>([created(), added(ANA, Viewer), removed(ANA)])
        .when(remove(ANA))
        .then_refused(TeamRefusal::NotAMember);
}

#[test]
fn the_last_administrator_stays_while_others_do() {
    let both = [created(), added(ANA, Admin), added(BOB, Developer)];
    given::<Team>(both.clone()).when(remove(ANA)).then_refused(TeamRefusal::LastAdmin);
    given::<Team>(both.clone()).when(add(ANA, Viewer)).then_refused(TeamRefusal::LastAdmin);
    given::<Team>(both.clone()).when(remove(BOB)).then([removed(BOB)]);
    let two = both.into_iter().chain([added(BOB, Admin)]);
    given::<Team>(two.clone()).when(remove(ANA)).then([removed(ANA)]);
    given::<Team>(two).when(add(ANA, Viewer)).then([added(ANA, Viewer)]);
    given::<Team>([created(), added(ANA, Admin)]).when(remove(ANA)).then([removed(ANA)]);
    given::<Team>([created(), added(ANA, Admin)]).when(add(ANA, Viewer)).then_refused(TeamRefusal::LastAdmin);
}

fn details(slug: &str) -> TeamDetails {
    TeamDetails { name: "Core".to_owned(), slug: Some(slug.to_owned()), description: None }
}

#[test]
fn details_change_within_their_limits() {
    let updated = |slug: &str| {
        let TeamDetails { name, slug, description } = details(slug);
        TeamEvent::from(TeamUpdated { team: CORE, name, slug, description })
    };
    given::<Team>([created()]).when(TeamCommand::Update(details("core-1"))).then([updated("core-1")]);
    given::<Team>([created(), updated("core")]).when(TeamCommand::Update(details("core"))).then_nothing();
    let longest = "a".repeat(SLUG_CHARS);
    given::<Team>([created()]).when(TeamCommand::Update(details(&longest))).then([updated(&longest)]);
    for bad in ["", "-core", "Core", "co re", "côre", &format!("{longest}a")] {
        given::<Team>([created()]).when(TeamCommand::Update(details(bad))).then_refused(TeamRefusal::BadSlug);
    }
    let long = |n| TeamDetails { description: Some("é".repeat(n)), ..details("core") };
    let TeamDetails { name, slug, description } = long(TEAM_DESCRIPTION_CHARS);
    given::<Team>([created()]).when(TeamCommand::Update(long(TEAM_DESCRIPTION_CHARS))).then([TeamUpdated {
        team: CORE,
        name,
        slug,
        description,
    }
    .into()]);
    given::<Team>([created()])
        .when(TeamCommand::Update(long(TEAM_DESCRIPTION_CHARS + 1)))
        .then_refused(TeamRefusal::BadDescription);
}

#[test]
fn a_team_that_is_gone_does_not_come_back() {
    let deleted = TeamEvent::from(TeamDeleted { team: CORE });
    given::<Team>([created()]).when(TeamCommand::Delete).then([deleted.clone()]);
    for command in [TeamCommand::Delete, add(ANA, Viewer), TeamCommand::Update(details("core"))] {
        given::<Team>([created(), deleted.clone()]).when(command).then_refused(TeamRefusal::NotFound);
    }
    given::<Team>([created(), deleted])
        .when(TeamCommand::Create(named("Core")))
        .then_refused(TeamRefusal::Exists);
}

#[test]
fn nobody_joins_or_leaves_what_does_not_exist() {
    given::<Team>([]).when(add(ANA, Viewer)).then_refused(TeamRefusal::NotFound);
    given::<Team>([]).when(remove(ANA)).then_refused(TeamRefusal::NotFound);
}

#[test]
fn its_stream_is_named_by_its_id() {
    assert_eq!(team_stream(CORE).as_str(), "team-00000000-0000-0000-0000-000000000001");
}
