//! A history in which everything happens that can happen to organizations, people, teams, sessions and keys.

use super::{ORGANIZATION, PROJECT, World};
use scanledger_domain::blob::BlobHash;
use scanledger_domain::id::{
    AccessId, ApiKeyId, IdentityId, InvitationId, OrganizationId, ProjectId, ScanId, SessionId, TeamId,
    UserId,
};
use scanledger_domain::identity::{
    AccessDenied, AccessEvent, AccessGranted, Action, AddressProof, ApiKeyCreated, ApiKeyEvent,
    ApiKeyNarrowed, ApiKeyRevoked, Breadth, Channels, Given, InstallationEvent, InvitationAccepted,
    InvitationRevoked, Invited, InvitedTeam, KeyForm, KeyHash, KeyKind, MemberAdded, MemberRemoved, Method,
    OrganizationCreated, OrganizationEvent, OrganizationRole, PasswordSetter, Provider, Rank, Role, Scope,
    SessionContinued, SessionEnd, SessionEnded, SessionEvent, SessionKind, SessionStarted, SignInFailed,
    SignInFailure, SuperAdminAdded, SuperAdminRemoved, TeamCreated, TeamDeleted, TeamEvent, TeamMemberAdded,
    TeamMemberRemoved, TeamRole, TeamUpdated, UserActivated, UserChannelsSet, UserDeactivated, UserErased,
    UserEvent, UserIdentityLinked, UserIdentityUnlinked, UserPasswordSet, UserRankChanged, UserRegistered,
    UserResetRequested, UserSessionsEnded, Wanted, access_stream, apikey_stream, installation_stream,
    organization_stream, session_stream, team_stream, user_stream,
};
use scanledger_domain::log::Actor;
use scanledger_domain::project::{Created, Gate, ProjectDetails, ProjectEvent, project_stream};
use scanledger_domain::scan::{Queued, ScanEvent, ScanType, Source, SourceKind, scan_stream};
use scanledger_domain::time::Timestamp;
use scanledger_domain::vault::Sealed;
use uuid::Uuid;

/// Runs the installation, owns the organization, and belongs to no team.
pub const ANA: UserId = UserId(Uuid::from_u128(11));
/// An admin who was a member; a developer in [`CORE`] and an administrator of [`WEB`].
pub const BOB: UserId = UserId(Uuid::from_u128(12));
/// A member who was erased.
pub const EVE: UserId = UserId(Uuid::from_u128(13));
/// A member who came by invitation, views [`CORE`] and is not active.
pub const DAN: UserId = UserId(Uuid::from_u128(14));
/// An organization that [`BOB`] belonged to first and [`ANA`] belongs to as well.
pub const OTHER: OrganizationId = OrganizationId(Uuid::from_u128(20));
pub const CORE: TeamId = TeamId(Uuid::from_u128(21));
pub const WEB: TeamId = TeamId(Uuid::from_u128(22));
/// A team that was deleted while people belonged to it.
pub const GONE: TeamId = TeamId(Uuid::from_u128(23));
/// A project of [`CORE`], with one scan that waits.
pub const TOOL: ProjectId = ProjectId(Uuid::from_u128(24));
/// Continued and then ended.
pub const ENDED: SessionId = SessionId(Uuid::from_u128(31));
pub const OPEN: SessionId = SessionId(Uuid::from_u128(32));
/// Unlinked again.
pub const GITHUB: IdentityId = IdentityId(Uuid::from_u128(41));
pub const OIDC: IdentityId = IdentityId(Uuid::from_u128(42));
/// For a team.
pub const TEAM_KEY: ApiKeyId = ApiKeyId(Uuid::from_u128(51));
/// For a person, with two scopes, and narrowed.
pub const TOKEN: ApiKeyId = ApiKeyId(Uuid::from_u128(52));
/// For a person, and over at [`EXPIRY`].
pub const SHORT: ApiKeyId = ApiKeyId(Uuid::from_u128(53));
/// For a person, and revoked.
pub const REVOKED: ApiKeyId = ApiKeyId(Uuid::from_u128(54));
/// For [`TOOL`].
pub const PROJECT_KEY: ApiKeyId = ApiKeyId(Uuid::from_u128(55));
pub const WAITING: InvitationId = InvitationId(Uuid::from_u128(61));
pub const TAKEN_BACK: InvitationId = InvitationId(Uuid::from_u128(62));
pub const ACCEPTED: InvitationId = InvitationId(Uuid::from_u128(63));
pub const EXPIRY: Timestamp = Timestamp(5_000);

pub fn key_hash(key: ApiKeyId) -> KeyHash {
    KeyHash::of(&key.to_string())
}

/// Writes the history and projects it.
pub async fn everybody(world: &mut World) {
    people(world).await;
    teams(world).await;
    accounts(world).await;
    sessions(world).await;
    keys(world).await;
    invitations(world).await;
    accesses(world).await;
}

async fn of_user(world: &mut World, user: UserId, event: impl Into<UserEvent>) {
    world.append(user_stream(user), &[event.into()]).await;
}

async fn of_organization(world: &mut World, id: OrganizationId, event: impl Into<OrganizationEvent>) {
    world.append(organization_stream(id), &[event.into()]).await;
}

async fn of_team(world: &mut World, team: TeamId, event: impl Into<TeamEvent>) {
    world.append(team_stream(team), &[event.into()]).await;
}

fn sealed(text: &str) -> Sealed {
    Sealed(format!("v1.{text}"))
}

async fn people(world: &mut World) {
    use OrganizationRole::{Admin, Member, Owner};
    for (user, name) in [(ANA, "ana"), (BOB, "bob"), (EVE, "eve"), (DAN, "dan")] {
        let password = (user == ANA).then(|| sealed("hash"));
        let email = sealed(&format!("{name}@acme"));
        of_user(
            world,
            user,
            UserRegistered { user, name: sealed(name), email, password, address: AddressProof::Known },
        )
        .await;
    }
    let other = OrganizationCreated { organization: OTHER, name: "Other".to_owned() };
    of_organization(world, OTHER, other).await;
    let joins = [
        (OTHER, BOB, Owner),
        (ORGANIZATION, ANA, Owner),
        (ORGANIZATION, BOB, Member),
        (OTHER, ANA, Member),
        (ORGANIZATION, EVE, Member),
        (ORGANIZATION, DAN, Member),
        (ORGANIZATION, BOB, Admin),
        (OTHER, DAN, Member),
    ];
    for (organization, user, role) in joins {
        of_organization(world, organization, MemberAdded { organization, user, role }).await;
    }
    of_organization(world, OTHER, MemberRemoved { organization: OTHER, user: DAN }).await;
}

async fn teams(world: &mut World) {
    use TeamRole::{Admin, Developer, Viewer};
    let made = [(CORE, "Core", None), (WEB, "Shop", Some("shop")), (GONE, "Gone", Some("gone"))];
    for (team, name, slug) in made {
        let (name, slug) = (name.to_owned(), slug.map(str::to_owned));
        let created = TeamCreated { team, organization: ORGANIZATION, name, slug, description: None };
        of_team(world, team, created).await;
    }
    let description = Some("Sells.".to_owned());
    let updated =
        TeamUpdated { team: WEB, name: "100%_web".to_owned(), slug: Some("web".to_owned()), description };
    of_team(world, WEB, updated).await;
    let joins = [
        (CORE, DAN, Viewer),
        (CORE, BOB, Viewer),
        (WEB, BOB, Admin),
        (CORE, BOB, Developer),
        (CORE, EVE, Developer),
        (GONE, DAN, Admin),
        (WEB, DAN, Developer),
    ];
    for (team, user, role) in joins {
        of_team(world, team, TeamMemberAdded { team, user, role }).await;
    }
    of_team(world, WEB, TeamMemberRemoved { team: WEB, user: DAN }).await;
    of_team(world, GONE, TeamDeleted { team: GONE }).await;
    project_with_a_scan(world).await;
}

async fn project_with_a_scan(world: &mut World) {
    let details = ProjectDetails {
        name: "tool".to_owned(),
        description: None,
        repo_url: None,
        default_branch: "main".to_owned(),
        dast_target_url: None,
    };
    let gate = Gate::default();
    let created = Created { project: TOOL, organization: ORGANIZATION, team: Some(CORE), details, gate };
    world.append(project_stream(TOOL), &[ProjectEvent::from(created)]).await;
    let source = Source {
        kind: SourceKind::Upload,
        blob: BlobHash::of(b"tool"),
        name: "tool.tar.gz".to_owned(),
        size: 4,
    };
    let scan = ScanId(Uuid::from_u128(25));
    let queued = Queued {
        scan,
        organization: ORGANIZATION,
        project: TOOL,
        branch: "main".to_owned(),
        scan_type: ScanType::Full,
        source,
        commit: None,
        base: None,
        by: Actor::User(BOB),
        rescan_of: None,
        client: None,
    };
    world.append(scan_stream(scan), &[ScanEvent::from(queued)]).await;
}

async fn accounts(world: &mut World) {
    of_user(world, ANA, UserRankChanged { user: ANA, rank: Rank::SuperAdmin }).await;
    let runs: [InstallationEvent; 3] = [
        SuperAdminAdded { user: ANA }.into(),
        SuperAdminAdded { user: BOB }.into(),
        SuperAdminRemoved { user: BOB }.into(),
    ];
    world.append(installation_stream(), &runs).await;
    for (identity, provider, email) in
        [(GITHUB, Provider::GitHub, None), (OIDC, Provider::Oidc, Some(sealed("bob@idp")))]
    {
        let subject = sealed(provider.as_str());
        of_user(world, BOB, UserIdentityLinked { user: BOB, identity, provider, subject, email }).await;
    }
    of_user(world, BOB, UserIdentityUnlinked { user: BOB, identity: GITHUB }).await;
    let channels = Channels { email: Wanted::No, slack: Wanted::Yes, teams: Wanted::No };
    of_user(world, BOB, UserChannelsSet { user: BOB, channels }).await;
    let token = KeyHash::of("reset");
    of_user(world, BOB, UserResetRequested { user: BOB, token, expires_at: EXPIRY }).await;
    of_user(
        world,
        BOB,
        UserPasswordSet { user: BOB, password: sealed("hash"), setter: PasswordSetter::Reset },
    )
    .await;
    of_user(world, BOB, UserSessionsEnded { user: BOB }).await;
    of_user(world, BOB, UserDeactivated { user: BOB }).await;
    of_user(world, BOB, UserActivated { user: BOB }).await;
    of_user(world, DAN, UserDeactivated { user: DAN }).await;
    of_user(world, EVE, UserErased { user: EVE, keys: [].into(), marks: [].into() }).await;
}

async fn sessions(world: &mut World) {
    for (session, user, kind) in [(ENDED, ANA, SessionKind::Cookie), (OPEN, BOB, SessionKind::Tokens)] {
        let started = SessionStarted {
            session,
            user,
            kind,
            method: Method::Password,
            epoch: 3,
            token: KeyHash::of("first"),
            token_expires_at: EXPIRY,
            expires_at: EXPIRY,
        };
        world.append(session_stream(session), &[SessionEvent::from(started)]).await;
    }
    let token = KeyHash::of("second");
    let continued = SessionContinued { session: ENDED, token, token_expires_at: EXPIRY };
    let ended = SessionEnded { session: ENDED, user: ANA, reason: SessionEnd::Reuse };
    world.append(session_stream(ENDED), &[SessionEvent::from(continued), ended.into()]).await;
}

async fn of_key(world: &mut World, key: ApiKeyId, events: &[ApiKeyEvent]) {
    world.append(apikey_stream(key), events).await;
}

async fn keys(world: &mut World) {
    let plain = |key: ApiKeyId, form: KeyForm| ApiKeyCreated {
        key,
        organization: ORGANIZATION,
        name: format!("{form} key"),
        form,
        prefix: "prefix".to_owned(),
        hash: key_hash(key),
        role: Role::Developer,
        project: None,
        by: Some(BOB),
        expires_at: None,
        team: None,
        kind: KeyKind::Personal,
        scopes: None,
        breadth: Breadth::ReadWrite,
    };
    let team_key = ApiKeyCreated {
        by: Some(ANA),
        team: Some(CORE),
        kind: KeyKind::Service,
        ..plain(TEAM_KEY, KeyForm::Pepper)
    };
    of_key(world, TEAM_KEY, &[team_key.into()]).await;
    let scopes = Some([Scope::Scan, Scope::IncidentsRead].into_iter().collect());
    let token = ApiKeyCreated { scopes, ..plain(TOKEN, KeyForm::GitGuardian) };
    of_key(world, TOKEN, &[token.into(), ApiKeyNarrowed { key: TOKEN }.into()]).await;
    let short = ApiKeyCreated { expires_at: Some(EXPIRY), ..plain(SHORT, KeyForm::GitGuardian) };
    of_key(world, SHORT, &[short.into()]).await;
    let revoked = plain(REVOKED, KeyForm::GitGuardian);
    of_key(world, REVOKED, &[revoked.into(), ApiKeyRevoked { key: REVOKED }.into()]).await;
    let project_key =
        ApiKeyCreated { by: Some(ANA), project: Some(TOOL), ..plain(PROJECT_KEY, KeyForm::Trusca) };
    of_key(world, PROJECT_KEY, &[project_key.into()]).await;
}

async fn invitations(world: &mut World) {
    let organization = ORGANIZATION;
    for invitation in [WAITING, TAKEN_BACK, ACCEPTED] {
        let invited = Invited {
            organization,
            invitation,
            email: sealed("dan@acme"),
            role: OrganizationRole::Member,
            team: (invitation == WAITING).then_some(InvitedTeam { id: CORE, role: TeamRole::Viewer }),
            token: KeyHash::of(&invitation.to_string()),
            expires_at: EXPIRY,
        };
        of_organization(world, organization, invited).await;
    }
    of_organization(world, organization, InvitationRevoked { organization, invitation: TAKEN_BACK }).await;
    let accepted = InvitationAccepted { organization, invitation: ACCEPTED, user: DAN };
    of_organization(world, organization, accepted).await;
}

async fn accesses(world: &mut World) {
    let route = || "GET /v1/somewhere".to_owned();
    let unheard_of = ProjectId(Uuid::from_u128(99));
    let granted = |id, project| {
        let access = AccessId(Uuid::from_u128(id));
        let given = Given { project, ..Given::default() };
        AccessEvent::from(AccessGranted::of(access, Action::Export, route(), given))
    };
    let access = AccessId(Uuid::from_u128(71));
    let failed = SignInFailed { access, user: Some(BOB), reason: SignInFailure::Password };
    record(world, 71, failed.into()).await;
    let access = AccessId(Uuid::from_u128(72));
    let action = Action::Administer.into();
    record(world, 72, AccessDenied { access, action, route: route(), organization: None }.into()).await;
    for (id, project) in [(73, Some(PROJECT)), (74, Some(unheard_of)), (75, None)] {
        record(world, id, granted(id, project)).await;
    }
}

async fn record(world: &mut World, id: u128, event: AccessEvent) {
    world.append(access_stream(AccessId(Uuid::from_u128(id))), &[event]).await;
}
