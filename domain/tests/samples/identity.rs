//! Samples of what happens to organizations, people, teams, keys, projects, advisories and claims.

use super::{KEY, ORGANIZATION, PROJECT, Sample, USER, full, minimal, text};
use scanledger_domain::advisory::{Generation, Imported, ImportedFile};
use scanledger_domain::blob::BlobHash;
use scanledger_domain::claim::{Released, Taken};
use scanledger_domain::component::Ecosystem;
use scanledger_domain::event::Event;
use scanledger_domain::id::TeamId;
use scanledger_domain::identity::{
    ApiKeyCreated, ApiKeyRevoked, KeyForm, KeyHash, MemberAdded, OrganizationCreated, OrganizationRole, Role,
    TeamCreated, TeamMemberAdded, TeamMemberRemoved, TeamRole, UserErased, UserRegistered, user_stream,
};
use scanledger_domain::project::{Created, Deleted, Gate, GateUpdated, Limit, ProjectDetails, Updated};
use scanledger_domain::time::Timestamp;
use scanledger_domain::vault::Sealed;
use uuid::Uuid;

const TEAM: TeamId = TeamId(Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0007));

fn user() -> UserRegistered {
    UserRegistered {
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
        expires_at: Some(Timestamp(1_795_255_200_123_456)),
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
    vec![
        full(Event::Organization(
            OrganizationCreated { organization: ORGANIZATION, name: text("Ácme & Söhne") }.into(),
        )),
        full(Event::Organization(
            MemberAdded { organization: ORGANIZATION, user: USER, role: OrganizationRole::Owner }.into(),
        )),
        full(Event::User(user().into())),
        minimal(Event::User(UserRegistered { password: None, ..user() }.into())),
        full(Event::User(UserErased { user: USER, keys: [KEY].into() }.into())),
        minimal(Event::User(UserErased { user: USER, keys: [].into() }.into())),
        full(Event::Team(
            TeamCreated { team: TEAM, organization: ORGANIZATION, name: text("Checkout") }.into(),
        )),
        full(Event::Team(TeamMemberAdded { team: TEAM, user: USER, role: TeamRole::Admin }.into())),
        full(Event::Team(TeamMemberRemoved { team: TEAM, user: USER }.into())),
        full(Event::ApiKey(key().into())),
        minimal(Event::ApiKey(
            ApiKeyCreated { role: Role::Admin, project: None, by: None, expires_at: None, ..key() }.into(),
        )),
        full(Event::ApiKey(ApiKeyRevoked { key: KEY }.into())),
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
    ]
}
