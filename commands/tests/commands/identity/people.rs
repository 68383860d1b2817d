//! Registering, administering people, invitations, and those whom a provider vouches for.

use super::installation;
use crate::support::World;
use scanledger_commands::CommandError;
use scanledger_commands::identity::{
    AdminRole, Asked, GroupRule, InvitationSent, MemberRefusal, NewInvitation, NewPerson, Newcomers,
    PersonRefusal, ProviderRefusal,
};
use scanledger_commands::ports::{EmailStanding, Vouched, VouchedEmail};
use scanledger_domain::id::{CommandId, IdentityId, SubjectId, UserId};
use scanledger_domain::identity::{
    Changer, InstallationRefusal, Mark, Organization, OrganizationRefusal, OrganizationRole, Provider, Rank,
    SessionKind, Team, TeamRole, User, UserCommand, UserIdentityLinked, UserState, organization_stream,
    team_stream, user_stream,
};

/// Anybody may come, and has a home of their own.
const OWN: Newcomers = Newcomers::OnTheirOwn;

fn person(email: &str) -> NewPerson {
    NewPerson { email: email.into(), name: None, password: Some("correct horse".into()) }
}

fn asked(world: &World) -> Asked {
    Asked { command: CommandId(world.ids.fresh()), address: None, user_agent: None, request: None }
}

async fn register(world: &World, email: &str) -> UserId {
    world.identities.register(&world.fresh(), person(email)).await.unwrap().user
}

#[tokio::test]
async fn an_address_is_registered_once_whatever_its_case() {
    let world = World::new();
    register(&world, "Bob@Example.org").await;
    for email in ["bob@example.org", " BOB@EXAMPLE.ORG "] {
        let again = world.identities.register(&world.fresh(), person(email)).await;
        assert!(matches!(again, Err(CommandError::Refused(PersonRefusal::EmailTaken))), "{again:?}");
    }
    let (one, other) = (world.fresh(), world.fresh());
    let (one, other) = tokio::join!(
        world.identities.register(&one, person("eve@example.org")),
        world.identities.register(&other, person("eve@example.org")),
    );
    assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|ok| **ok).count(), 1);
}

#[tokio::test]
async fn somebody_always_runs_the_installation() {
    let world = World::new();
    let ana = installation(&world).await.user;
    let bob = register(&world, "bob@example.org").await;
    let people = &world.identities;
    let last = people.set_active(&world.fresh(), bob, ana, false).await;
    let is_last = |error: &CommandError<PersonRefusal>| {
        matches!(
            error,
            CommandError::Refused(PersonRefusal::Installation(InstallationRefusal::LastSuperAdmin))
        )
    };
    assert!(is_last(&last.unwrap_err()));
    let oneself = people.set_active(&world.fresh(), ana, ana, false).await.unwrap_err();
    assert!(matches!(
        oneself,
        CommandError::Refused(PersonRefusal::Installation(InstallationRefusal::Oneself))
    ));
    people.set_role(&world.fresh(), ana, bob, AdminRole::SuperAdmin).await.unwrap();
    people.set_active(&world.fresh(), bob, ana, false).await.unwrap();
    assert!(is_last(&people.set_active(&world.fresh(), ana, bob, false).await.unwrap_err()));
    people.set_active(&world.fresh(), bob, ana, true).await.unwrap();
    people.set_active(&world.fresh(), ana, bob, false).await.unwrap();
    let state = world.ledger.load::<User>(&user_stream(bob)).await.unwrap().0;
    let account = state.account().unwrap();
    assert_eq!((account.is_active, account.rank), (false, Rank::SuperAdmin));
}

#[tokio::test]
async fn a_role_in_a_team_takes_the_installation_away_and_brings_the_organization() {
    let world = World::new();
    let set_up = installation(&world).await;
    let bob = register(&world, "bob@example.org").await;
    world.identities.set_role(&world.fresh(), set_up.user, bob, AdminRole::SuperAdmin).await.unwrap();
    let role = AdminRole::InTeam(set_up.team, TeamRole::Viewer);
    world.identities.set_role(&world.fresh(), set_up.user, bob, role).await.unwrap();
    let user = world.ledger.load::<User>(&user_stream(bob)).await.unwrap().0;
    assert_eq!(user.account().unwrap().rank, Rank::Ordinary);
    let stream = organization_stream(set_up.organization);
    let organization = world.ledger.load::<Organization>(&stream).await.unwrap().0;
    assert_eq!(organization.members.get(&bob), Some(&OrganizationRole::Member));
    let team = world.ledger.load::<Team>(&team_stream(set_up.team)).await.unwrap().0;
    assert_eq!(team.live().unwrap().members.get(&bob), Some(&TeamRole::Viewer));
}

fn invitation(email: &str) -> NewInvitation {
    NewInvitation { email: email.into(), role: OrganizationRole::Member, team: None }
}

#[tokio::test]
async fn who_is_invited_comes_in_once_with_an_account_or_without() {
    let world = World::new();
    let set_up = installation(&world).await;
    let identities = &world.identities;
    let invite = async |email: &str| {
        let new = NewInvitation { team: Some((set_up.team, TeamRole::Developer)), ..invitation(email) };
        identities.invite(&world.fresh(), Changer::Owner, set_up.organization, new, "https://x/?token=").await
    };
    let already = invite("ana@example.org").await;
    assert!(matches!(already, Err(CommandError::Refused(MemberRefusal::MemberAlready))), "{already:?}");
    let for_eve = invite("eve@example.org").await.unwrap();
    assert_eq!(for_eve.sent, InvitationSent::NotSent, "there is no mail system");
    let token = for_eve.token.reveal();
    let password = Some("correct horse".to_owned());
    let eve = identities.register_invited(&asked(&world), token, None, password.clone()).await.unwrap().user;
    let again = identities.register_invited(&asked(&world), token, None, password).await;
    let is_over = |error: &CommandError<MemberRefusal>| {
        matches!(error, CommandError::Refused(MemberRefusal::Organization(OrganizationRefusal::NotInvited)))
    };
    assert!(is_over(&again.unwrap_err()));
    let bob = register(&world, "bob@example.org").await;
    let for_bob = invite("bob@example.org").await.unwrap();
    identities.accept_invitation(&world.fresh(), bob, for_bob.token.reveal()).await.unwrap();
    let stream = organization_stream(set_up.organization);
    let members = world.ledger.load::<Organization>(&stream).await.unwrap().0.members;
    assert!(members.contains_key(&eve) && members.contains_key(&bob));
    let team = world.ledger.load::<Team>(&team_stream(set_up.team)).await.unwrap().0;
    assert_eq!(team.live().unwrap().members.get(&eve), Some(&TeamRole::Developer));
    let revoked = invite("joe@example.org").await.unwrap();
    identities.revoke_invitation(&world.fresh(), set_up.organization, revoked.invitation).await.unwrap();
    let late = identities.accept_invitation(&world.fresh(), bob, revoked.token.reveal()).await;
    assert!(is_over(&late.unwrap_err()));
}

fn vouched(subject: &str, email: &str, standing: EmailStanding, groups: &[&str]) -> Vouched {
    Vouched {
        subject: subject.into(),
        email: Some(VouchedEmail { address: email.into(), standing }),
        name: Some("Somebody".into()),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
    }
}

#[tokio::test]
async fn a_provider_brings_new_people_and_links_those_with_the_verified_address() {
    let world = World::new();
    let ana = installation(&world).await.user;
    let come = async |vouched: &Vouched| {
        let (asked, kind) = (asked(&world), SessionKind::Tokens);
        world.identities.sign_in_vouched(&asked, Provider::GitHub, vouched, OWN, &[], kind).await
    };
    let unverified = vouched("1", "ana@example.org", EmailStanding::Unverified, &[]);
    let refused = come(&unverified).await;
    assert!(matches!(refused, Err(CommandError::Refused(ProviderRefusal::NoEmail))), "{refused:?}");
    let verified = vouched("1", "Ana@example.org", EmailStanding::Verified, &[]);
    assert_eq!(come(&verified).await.unwrap().user, ana);
    // From here on the provider's id counts, whatever the address is.
    let moved = vouched("1", "elsewhere@example.org", EmailStanding::Unverified, &[]);
    assert_eq!(come(&moved).await.unwrap().user, ana);
    let new = vouched("2", "new@example.org", EmailStanding::Verified, &[]);
    let first = come(&new).await.unwrap().user;
    assert_ne!(first, ana);
    assert_eq!(come(&new).await.unwrap().user, first);
}

#[tokio::test]
async fn groups_at_the_provider_say_what_people_are_here_but_an_owner_stays() {
    let world = World::new();
    let set_up = installation(&world).await;
    let rules = [
        GroupRule { group: "staff".into(), role: OrganizationRole::Member, team: None },
        GroupRule {
            group: "security".into(),
            role: OrganizationRole::Admin,
            team: Some((set_up.team, TeamRole::Admin)),
        },
    ];
    let come = async |subject: &str, email: &str, groups: &[&str]| {
        let vouched = vouched(subject, email, EmailStanding::Verified, groups);
        let (asked, kind) = (asked(&world), SessionKind::Tokens);
        let provider = Provider::Oidc;
        world
            .identities
            .sign_in_vouched(&asked, provider, &vouched, Newcomers::InEldest, &rules, kind)
            .await
            .unwrap()
            .user
    };
    let role = async |user: UserId| {
        let stream = organization_stream(set_up.organization);
        world.ledger.load::<Organization>(&stream).await.unwrap().0.members.get(&user).copied()
    };
    let eve = come("7", "eve@example.org", &["staff", "security"]).await;
    assert_eq!(role(eve).await, Some(OrganizationRole::Admin));
    let team = world.ledger.load::<Team>(&team_stream(set_up.team)).await.unwrap().0;
    assert_eq!(team.live().unwrap().members.get(&eve), Some(&TeamRole::Admin));
    assert_eq!(come("7", "eve@example.org", &["staff"]).await, eve);
    assert_eq!(role(eve).await, Some(OrganizationRole::Member));
    let team = world.ledger.load::<Team>(&team_stream(set_up.team)).await.unwrap().0;
    assert_eq!(team.live().unwrap().members.get(&eve), None, "the group is gone, and so is what it gave");
    let ana = come("8", "ana@example.org", &[]).await;
    assert_eq!((ana, role(ana).await), (set_up.user, Some(OrganizationRole::Owner)));
}

#[tokio::test]
async fn what_was_unlinked_signs_nobody_in_and_is_free_for_somebody_else() {
    let world = World::new();
    let ana = installation(&world).await.user;
    let come = async |email: &str| {
        let vouched = vouched("1", email, EmailStanding::Verified, &[]);
        let (asked, kind) = (asked(&world), SessionKind::Tokens);
        world
            .identities
            .sign_in_vouched(&asked, Provider::GitHub, &vouched, OWN, &[], kind)
            .await
            .unwrap()
            .user
    };
    assert_eq!(come("ana@example.org").await, ana);
    let account = world.ledger.load::<User>(&user_stream(ana)).await.unwrap().0;
    let identity = *account.account().unwrap().identities.keys().next().unwrap();
    world.identities.unlink(&world.fresh(), ana, identity).await.unwrap();
    assert_ne!(come("somebody@example.org").await, ana);
}

#[tokio::test]
async fn an_address_and_an_identity_are_free_once_their_person_is_erased() {
    let world = World::new();
    installation(&world).await;
    let vouched = vouched("9", "eve@example.org", EmailStanding::Verified, &[]);
    let come = async || {
        let (asked, kind) = (asked(&world), SessionKind::Tokens);
        world
            .identities
            .sign_in_vouched(&asked, Provider::Google, &vouched, OWN, &[], kind)
            .await
            .unwrap()
            .user
    };
    let eve = come().await;
    world.identities.erase(&world.fresh(), eve, [].into(), [].into()).await.unwrap();
    let again = come().await;
    assert_ne!(again, eve);
    world.identities.erase(&world.fresh(), again, [].into(), [].into()).await.unwrap();
    register(&world, "eve@example.org").await;
}

#[tokio::test]
async fn what_others_said_is_erased_by_every_address_that_a_person_had() {
    let world = World::new();
    installation(&world).await;
    let eve = register(&world, "Eve@example.org").await;
    let sealed = |text: &str| world.vault.seal(SubjectId(eve.0), text).unwrap();
    let identity = IdentityId(world.ids.fresh());
    let linked = UserIdentityLinked {
        user: eve,
        identity,
        provider: Provider::GitHub,
        subject: sealed("7"),
        email: Some(sealed("Eve@work.example")),
    };
    for command in [UserCommand::Link(linked), UserCommand::Unlink(identity)] {
        let stream = user_stream(eve);
        world.ledger.execute::<User>(&world.fresh(), &stream, None, command).await.unwrap();
    }
    let invited = SubjectId(world.ids.fresh());
    world.identities.erase(&world.fresh(), eve, [].into(), [invited].into()).await.unwrap();
    let (UserState::Erased(erased), _) = world.ledger.load::<User>(&user_stream(eve)).await.unwrap() else {
        panic!("she is erased")
    };
    let marks =
        ["eve@example.org", "eve@work.example"].map(|email| Mark::Email(email).subject(&*world.vault));
    assert_eq!(erased.marks, marks.into_iter().chain([invited]).collect());
}

#[tokio::test]
async fn who_only_claimed_an_address_does_not_get_what_its_owner_brings() {
    let world = World::new();
    let set_up = installation(&world).await;
    register(&world, "victim@example.org").await;
    let new = invitation("other@example.org");
    let invited = world.identities.invite(&world.fresh(), Changer::Owner, set_up.organization, new, "").await;
    let token = invited.unwrap().token;
    let password = Some("correct horse".to_owned());
    world.identities.register_invited(&asked(&world), token.reveal(), None, password).await.unwrap();
    for email in ["victim@example.org", "other@example.org"] {
        let vouched = vouched("4", email, EmailStanding::Verified, &[]);
        let (come, kind) = (asked(&world), SessionKind::Tokens);
        let refused =
            world.identities.sign_in_vouched(&come, Provider::Google, &vouched, OWN, &[], kind).await;
        assert!(matches!(refused, Err(CommandError::Refused(ProviderRefusal::Unproven))), "{refused:?}");
    }
}

#[tokio::test]
async fn who_has_an_account_anywhere_does_not_belong_to_others_for_that() {
    let world = World::new();
    let set_up = installation(&world).await;
    let come = async |newcomers: Newcomers| {
        let vouched = vouched("11", "new@example.org", EmailStanding::Verified, &[]);
        let (asked, kind) = (asked(&world), SessionKind::Tokens);
        world.identities.sign_in_vouched(&asked, Provider::GitHub, &vouched, newcomers, &[], kind).await
    };
    let refused = come(Newcomers::Refused).await;
    assert!(matches!(refused, Err(CommandError::Refused(ProviderRefusal::Closed))), "{refused:?}");
    let user = come(OWN).await.unwrap().user;
    let stream = organization_stream(set_up.organization);
    let members = world.ledger.load::<Organization>(&stream).await.unwrap().0.members;
    assert!(!members.contains_key(&user));
    assert_eq!(come(Newcomers::Refused).await.unwrap().user, user, "who is known stays known");
}
