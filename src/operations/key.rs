//! API keys.

use super::people::{self, Who};
use super::{Outcome, context};
use crate::server::Engine;
use anyhow::{Context, Result, bail};
use scanledger_commands::Context as CommandContext;
use scanledger_commands::identity::NewKey;
use scanledger_domain::id::{OrganizationId, ProjectId, TeamId, UserId};
use scanledger_domain::identity::{Breadth, KeyForm, KeyKind, Role, Scopes};
use scanledger_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Organizations that are shown to whoever has to name one.
const SHOWN: usize = 5;

/// A key that somebody at the shell wants.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyWanted {
    /// What people call it.
    pub name: String,
    /// What it looks like.
    pub form: KeyForm,
    /// For whom it acts.
    pub kind: KeyKind,
    /// The strongest role that it lets through.
    pub role: Role,
    /// What it may be used for.
    pub scopes: Scopes,
    /// Whether it may change anything.
    pub breadth: Breadth,
    /// The only team whose projects it sees.
    pub team: Option<TeamId>,
    /// The only project it sees.
    pub project: Option<ProjectId>,
    /// Whose it is; may be left out if that follows from the rest, or there is one organization.
    pub organization: Option<OrganizationId>,
    /// The person for whom it acts.
    pub person: Option<Who>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

impl KeyWanted {
    /// A key of our own form that acts for itself, and may be used for everything that its role allows.
    pub fn new(name: impl Into<String>, role: Role) -> Self {
        Self {
            name: name.into(),
            form: KeyForm::Pepper,
            kind: KeyKind::Service,
            role,
            scopes: Scopes::ALL,
            breadth: Breadth::ReadWrite,
            team: None,
            project: None,
            organization: None,
            person: None,
            expires_at: None,
        }
    }
}

pub(super) async fn create(engine: &Engine, wanted: KeyWanted) -> Result<Outcome> {
    let by = match &wanted.person {
        None => None,
        Some(who) => Some(people::find(engine, who).await?.id),
    };
    let organization = organization_for(engine, &wanted, by).await?;
    let KeyWanted { name, form, kind, role, scopes, breadth, team, project, expires_at, .. } = wanted;
    let key = NewKey { organization, name, form, kind, role, team, project, scopes, breadth, by, expires_at };
    let context = CommandContext { organization: Some(organization), ..context() };
    let issued = engine.identities.create_key(&context, key).await.context("while issuing the key")?;
    Ok(Outcome::KeyCreated {
        id: issued.created.key.to_string(),
        token: issued.token.reveal().to_owned(),
        prefix: issued.created.prefix,
    })
}

/// Whose a key is to be: of the organization that was named, else of that of its project, its team or its person, else
/// of the only one.
async fn organization_for(engine: &Engine, wanted: &KeyWanted, by: Option<UserId>) -> Result<OrganizationId> {
    let views = engine.projector.views();
    let organizations = views.organizations().await.context("while looking for the organization")?;
    if organizations.is_empty() {
        bail!("nothing is set up here yet: run `scanledger setup` first");
    }
    let mut organization = wanted.organization;
    if let Some(named) = organization
        && !organizations.iter().any(|(known, _)| *known == named)
    {
        bail!("there is no organization {named}");
    }
    if let Some(project) = wanted.project {
        let scope = views.scope_of_project(project).await.context("while looking for the project")?;
        organization = Some(same("project", scope.organization, organization)?);
    }
    if let Some(team) = wanted.team {
        let row = views.team(team).await.context("while looking for the team")?;
        let row = row.with_context(|| format!("there is no team {team}"))?;
        organization = Some(same("team", row.organization, organization)?);
    }
    if let Some(user) = by {
        let standing = views.look_up_standing(user).context("while looking for the person")?;
        let own = standing.map(|person| person.standing.organizations).unwrap_or_default();
        organization = match organization {
            Some(named) if !own.iter().any(|own| own.organization == named) => {
                bail!("person {user} does not belong to organization {named}")
            }
            Some(named) => Some(named),
            None => own.first().map(|own| own.organization),
        };
    }
    match (organization, organizations.as_slice()) {
        (Some(organization), _) => Ok(organization),
        (None, [(only, _)]) => Ok(*only),
        (None, several) => {
            let eldest = several.iter().take(SHOWN).map(|(id, name)| format!("\n  {id}  {name}"));
            let eldest: String = eldest.collect();
            bail!("there are several organizations: name one with --organization; the eldest are{eldest}")
        }
    }
}

/// The organization of the `what` that was named, which has to be the one that was named before, if one was.
fn same(what: &str, of: OrganizationId, named: Option<OrganizationId>) -> Result<OrganizationId> {
    if named.is_some_and(|named| named != of) {
        bail!("the {what} belongs to organization {of}");
    }
    Ok(of)
}
