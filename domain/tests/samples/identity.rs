//! Samples of what happens to organizations, people, teams, keys, projects, advisories and claims.

use super::{KEY, ORGANIZATION, PROJECT, Sample, USER, another, full, further, minimal, text};
use scanledger_domain::advisory::{Generation, Imported, ImportedFile};
use scanledger_domain::blob::BlobHash;
use scanledger_domain::claim::{Released, Taken};
use scanledger_domain::component::Ecosystem;
use scanledger_domain::event::Event;
use scanledger_domain::id::{AccessId, IdentityId, InvitationId, ScanId, SessionId, SubjectId, TeamId};
use scanledger_domain::identity::{
    AccessDenied, AccessGranted, Action, AddressProof, ApiKeyCreated, ApiKeyNarrowed, ApiKeyRevoked, Breadth,
    Channels, InvitationAccepted, InvitationRevoked, Invited, InvitedTeam, KeyForm, KeyHash, KeyKind,
    MemberAdded, MemberRemoved, Method, OrganizationCreated, OrganizationRole, PasswordSetter, Provider,
    Rank, Role, Scope, SessionContinued, SessionEnd, SessionEnded, SessionKind, SessionStarted, SignInFailed,
    SignInFailure, SuperAdminAdded, SuperAdminRemoved, TeamCreated, TeamDeleted, TeamMemberAdded,
    TeamMemberRemoved, TeamRole, TeamUpdated, UserActivated, UserChannelsSet, UserDeactivated, UserErased,
    UserIdentityLinked, UserIdentityUnlinked, UserPasswordSet, UserRankChanged, UserRegistered,
    UserResetRequested, UserSessionsEnded, Wanted, user_stream,
};
use scanledger_domain::project::{Created, Deleted, Gate, GateUpdated, Limit, ProjectDetails, Updated};
use scanledger_domain::report::ArtifactKind;
use scanledger_domain::time::Timestamp;
use scanledger_domain::vault::Sealed;
use uuid::Uuid;

const TEAM: TeamId = TeamId(Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0007));
const SCAN: ScanId = ScanId(Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0005));
const SESSION: SessionId = SessionId(Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0008));
const IDENTITY: IdentityId = IdentityId(Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0009));
const ACCESS: AccessId = AccessId(Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_000a));
const INVITATION: InvitationId = InvitationId(Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_000b));
const MARK: SubjectId = SubjectId(Uuid::from_u128(0x019a_0000_0000_5000_8000_0000_0000_0013));
const LATER: Timestamp = Timestamp(1_795_255_200_123_456);

fn user() -> UserRegistered {
    UserRegistered {
        address: AddressProof::Known,
        user: USER,
        name: Sealed(text("v1.QW5hIEx1w61z")),
        email: Sealed(text("v1.YW5hQGV4YW1wbGUub3Jn")),
        password: Some(Sealed(text("v1.JGFyZ29uMmlkJHY9MTk"))),
    }
}

fn key() -> ApiKeyCreated {
    ApiKeyCreated {
        key: KEY,
        organization: ORGANIZATION,
        name: text("CI of the shop"),
        form: KeyForm::Pepper,
        prefix: text("ppr_Ab3d"),
        hash: KeyHash::of("ppr_not-a-token"),
        role: Role::Developer,
        project: Some(PROJECT),
        by: Some(USER),
        expires_at: Some(LATER),
        team: None,
        kind: KeyKind::Personal,
        scopes: None,
        breadth: Breadth::ReadWrite,
    }
}

/// What keys have besides since they can be narrowed and belong to a team.
fn narrow_key() -> ApiKeyCreated {
    ApiKeyCreated {
        form: KeyForm::GitGuardian,
        prefix: text("ggd_sl_0a1b"),
        project: None,
        team: Some(TEAM),
        kind: KeyKind::Service,
        scopes: Some([Scope::Scan, Scope::IncidentsRead].into_iter().collect()),
        breadth: Breadth::ReadOnly,
        ..key()
    }
}

fn team() -> TeamCreated {
    TeamCreated {
        team: TEAM,
        organization: ORGANIZATION,
        name: text("Checkout"),
        slug: None,
        description: None,
    }
}

fn invited() -> Invited {
    Invited {
        organization: ORGANIZATION,
        invitation: INVITATION,
        email: Sealed(text("v1.Ym9iQGV4YW1wbGUub3Jn")),
        role: OrganizationRole::Member,
        team: Some(InvitedTeam { id: TEAM, role: TeamRole::Developer }),
        token: KeyHash::of("not-a-token"),
        expires_at: LATER,
    }
}

fn linked() -> UserIdentityLinked {
    UserIdentityLinked {
        user: USER,
        identity: IDENTITY,
        provider: Provider::GitHub,
        subject: Sealed(text("v1.MTIzNDU2")),
        email: Some(Sealed(text("v1.YW5hQGV4YW1wbGUub3Jn"))),
    }
}

fn session() -> SessionStarted {
    SessionStarted {
        session: SESSION,
        user: USER,
        kind: SessionKind::Tokens,
        method: Method::Provider(Provider::Oidc),
        epoch: 2,
        token: KeyHash::of("not-a-token"),
        token_expires_at: LATER,
        expires_at: LATER.plus_seconds(60),
    }
}

fn details() -> ProjectDetails {
    ProjectDetails {
        name: text("Web shop"),
        description: Some(text("What customers see.\nAlso: “checkout”.")),
        repo_url: Some(text("https://git.example.org/shop/web.git")),
        default_branch: text("main"),
        dast_target_url: Some(text("https://staging.example.org")),
    }
}

fn bare_details() -> ProjectDetails {
    ProjectDetails { description: None, repo_url: None, dast_target_url: None, ..details() }
}

fn project() -> Created {
    Created {
        project: PROJECT,
        organization: ORGANIZATION,
        team: Some(TEAM),
        details: details(),
        gate: Gate::default(),
    }
}

fn imported() -> Imported {
    let file = |content: &[u8], ecosystems: &[Ecosystem], records| ImportedFile {
        blob: BlobHash::of(content),
        ecosystems: ecosystems.to_vec(),
        records,
    };
    Imported {
        generation: Generation(17),
        files: vec![file(b"npm", &[Ecosystem::Npm], 20_000), file(b"all", &Ecosystem::ALL, 60_000)],
        changed: 312,
    }
}

pub fn samples() -> Vec<Sample> {
    let gate = Gate {
        max_critical: Limit::AtMost(0),
        max_high: Limit::AtMost(0),
        max_medium: Limit::AtMost(u32::MAX),
        max_low: Limit::Unlimited,
        fail_on_new: false,
    };
    let mut samples = accounts();
    samples.extend(sessions());
    samples.extend([
        full(Event::Organization(
            OrganizationCreated { organization: ORGANIZATION, name: text("Ácme & Söhne") }.into(),
        )),
        full(Event::Organization(
            MemberAdded { organization: ORGANIZATION, user: USER, role: OrganizationRole::Owner }.into(),
        )),
        full(Event::Organization(MemberRemoved { organization: ORGANIZATION, user: USER }.into())),
        full(Event::Organization(invited().into())),
        minimal(Event::Organization(Invited { team: None, ..invited() }.into())),
        full(Event::Organization(
            InvitationRevoked { organization: ORGANIZATION, invitation: INVITATION }.into(),
        )),
        full(Event::Organization(
            InvitationAccepted { organization: ORGANIZATION, invitation: INVITATION, user: USER }.into(),
        )),
        full(Event::Installation(SuperAdminAdded { user: USER }.into())),
        full(Event::Installation(SuperAdminRemoved { user: USER }.into())),
        full(Event::User(user().into())),
        minimal(Event::User(UserRegistered { password: None, ..user() }.into())),
        full(Event::User(UserErased { user: USER, keys: [KEY].into(), marks: [].into() }.into())),
        minimal(Event::User(UserErased { user: USER, keys: [].into(), marks: [].into() }.into())),
        further(Event::User(UserErased { user: USER, keys: [KEY].into(), marks: [MARK].into() }.into())),
        full(Event::Team(team().into())),
        further(Event::Team(
            TeamCreated { slug: Some(text("checkout")), description: Some(text("Sells.")), ..team() }.into(),
        )),
        full(Event::Team(updated(Some("checkout"), Some("Sells.\nAlso: refunds.")).into())),
        minimal(Event::Team(updated(None, None).into())),
        full(Event::Team(TeamDeleted { team: TEAM }.into())),
        full(Event::Team(TeamMemberAdded { team: TEAM, user: USER, role: TeamRole::Admin }.into())),
        full(Event::Team(TeamMemberRemoved { team: TEAM, user: USER }.into())),
        full(Event::ApiKey(key().into())),
        minimal(Event::ApiKey(
            ApiKeyCreated { role: Role::Admin, project: None, by: None, expires_at: None, ..key() }.into(),
        )),
        further(Event::ApiKey(narrow_key().into())),
        full(Event::ApiKey(ApiKeyRevoked { key: KEY }.into())),
        full(Event::ApiKey(ApiKeyNarrowed { key: KEY }.into())),
        full(Event::Project(project().into())),
        minimal(Event::Project(Created { team: None, details: bare_details(), ..project() }.into())),
        full(Event::Project(Updated { project: PROJECT, details: details() }.into())),
        minimal(Event::Project(Updated { project: PROJECT, details: bare_details() }.into())),
        full(Event::Project(GateUpdated { project: PROJECT, gate }.into())),
        full(Event::Project(Deleted { project: PROJECT }.into())),
        full(Event::Advisory(imported().into())),
        minimal(Event::Advisory(Imported { files: vec![], ..imported() }.into())),
        full(Event::Claim(Taken { holder: user_stream(USER) }.into())),
        full(Event::Claim(Released { holder: user_stream(USER) }.into())),
    ]);
    samples
}

fn updated(slug: Option<&str>, description: Option<&str>) -> TeamUpdated {
    let (slug, description) = (slug.map(text), description.map(text));
    TeamUpdated { team: TEAM, name: text("Checkout"), slug, description }
}

/// What happens to an account after it was made.
fn accounts() -> Vec<Sample> {
    let password = Sealed(text("v1.JGFyZ29uMmlkJHY9MTk"));
    let channels = Channels { email: Wanted::No, slack: Wanted::Yes, teams: Wanted::No };
    let events = [
        UserDeactivated { user: USER }.into(),
        UserActivated { user: USER }.into(),
        UserRankChanged { user: USER, rank: Rank::SuperAdmin }.into(),
        UserPasswordSet { user: USER, password: password.clone(), setter: PasswordSetter::Reset }.into(),
        UserResetRequested { user: USER, token: KeyHash::of("not-a-token"), expires_at: LATER }.into(),
        UserSessionsEnded { user: USER }.into(),
        linked().into(),
        UserIdentityUnlinked { user: USER, identity: IDENTITY }.into(),
        UserChannelsSet { user: USER, channels }.into(),
    ];
    let mut samples: Vec<_> = events.into_iter().map(|event| full(Event::User(event))).collect();
    samples.push(minimal(Event::User(UserIdentityLinked { email: None, ..linked() }.into())));
    let set = |setter| Event::User(UserPasswordSet { user: USER, password: password.clone(), setter }.into());
    samples.push(further(set(PasswordSetter::Changed)));
    samples.push(another(set(PasswordSetter::Operator)));
    samples
}

fn sessions() -> Vec<Sample> {
    let (token, token_expires_at) = (KeyHash::of("not-a-token-either"), LATER);
    let granted = |project| AccessGranted {
        access: ACCESS,
        action: Action::Export.into(),
        route: text("GET /v1/projects/{id}/sbom"),
        project,
        scan: None,
        artifact: None,
    };
    let artifact = AccessGranted {
        route: text("GET /api/scans/{id}/artifacts/{slug}"),
        scan: Some(SCAN),
        artifact: Some(ArtifactKind::CycloneDx),
        ..granted(Some(PROJECT))
    };
    let denied = |route, organization| AccessDenied {
        access: ACCESS,
        action: Action::ExportAudit.into(),
        route: text(route),
        organization,
    };
    let failed = |user, reason| SignInFailed { access: ACCESS, user, reason };
    vec![
        full(Event::Session(session().into())),
        minimal(Event::Session(
            SessionStarted { kind: SessionKind::Cookie, method: Method::Password, ..session() }.into(),
        )),
        full(Event::Session(SessionContinued { session: SESSION, token, token_expires_at }.into())),
        full(Event::Session(SessionEnded { session: SESSION, user: USER, reason: SessionEnd::Reuse }.into())),
        full(Event::Access(failed(Some(USER), SignInFailure::Password).into())),
        minimal(Event::Access(failed(None, SignInFailure::Unknown).into())),
        full(Event::Access(denied("GET /v1/admin/audit", None).into())),
        further(Event::Access(denied("GET /api/projects", Some(ORGANIZATION)).into())),
        full(Event::Access(granted(Some(PROJECT)).into())),
        minimal(Event::Access(granted(None).into())),
        further(Event::Access(artifact.into())),
    ]
}
