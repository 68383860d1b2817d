//! Shapes of API keys (reference §3.4).

use super::{PageNumber, PageSize};
use crate::app::App;
use crate::problem::Problem;
use crate::rest::Moment;
use scanledger_commands::identity::IssuedKey;
use scanledger_domain::id::{ApiKeyId, ProjectId, TeamId, UserId};
use scanledger_domain::identity::{Breadth, KeyPlace};
use scanledger_domain::time::Timestamp;
use scanledger_domain::vault::VaultError;
use scanledger_projections::ReadError;
use scanledger_projections::identity::{KeyRow, PersonRow};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What a key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = trusca::KeyScope)]
#[serde(rename_all = "lowercase")]
pub enum KeyScopeWord {
    /// All that its maker sees.
    Org,
    /// A team.
    Team,
    /// A project.
    Project,
}

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = trusca::KeyBreadth)]
#[serde(rename_all = "snake_case")]
pub enum BreadthWord {
    /// Scan and read; what clients get that do not know the field (reference §0).
    #[default]
    ReadWrite,
    /// Read.
    ReadOnly,
}

/// Which keys.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ApiKeysIn {
    /// Only keys that open this much.
    pub scope: Option<KeyScopeWord>,
    /// Only keys of this team: those for it, and those for its projects.
    pub team_id: Option<Uuid>,
    /// Only keys for this project.
    pub project_id: Option<Uuid>,
    /// Whether revoked keys are listed too.
    #[serde(default)]
    pub include_revoked: bool,
    /// From 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1)]
    pub page: Option<PageNumber>,
    /// Keys on a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200, default = 50)]
    pub page_size: Option<PageSize>,
}

/// A key, without its token.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = APIKeyListItem)]
pub struct ApiKeyListItem {
    id: Uuid,
    name: String,
    /// `tos_` and 8 hexadecimal digits.
    key_prefix: String,
    scope: KeyScopeWord,
    /// The team that it is for, or that its project belongs to.
    team_id: Option<Uuid>,
    project_id: Option<Uuid>,
    permission_breadth: BreadthWord,
    created_by_user_id: Option<Uuid>,
    /// None if they were erased.
    created_by_email: Option<String>,
    created_at: Moment,
    expires_at: Option<Moment>,
    last_used_at: Option<Moment>,
    revoked_at: Option<Moment>,
}

/// A key that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = APIKeyCreateIn)]
pub struct ApiKeyCreateIn {
    /// One line of 1 to 100 characters.
    pub name: String,
    pub scope: KeyScopeWord,
    /// For `team` only.
    pub team_id: Option<Uuid>,
    /// For `project` only.
    pub project_id: Option<Uuid>,
    #[serde(default)]
    pub permission_breadth: BreadthWord,
    /// Never if absent.
    #[schema(minimum = 1, maximum = 1825)]
    pub expires_in_days: Option<u32>,
    /// There are no service accounts here; a key for one is refused.
    pub service_account_id: Option<Uuid>,
}

/// A key that was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = APIKeyCreateOut)]
pub struct ApiKeyCreateOut {
    id: Uuid,
    name: String,
    key_prefix: String,
    /// The whole token; shown once.
    raw_key: String,
    scope: KeyScopeWord,
    team_id: Option<Uuid>,
    project_id: Option<Uuid>,
    permission_breadth: BreadthWord,
    created_by_user_id: Option<Uuid>,
    created_at: Moment,
    expires_at: Option<Moment>,
}

/// What a key is narrowed to.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
pub enum NarrowedTo {
    /// It only reads.
    #[serde(rename = "read_only")]
    ReadOnly,
}

/// A key is narrowed.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = APIKeyNarrowIn)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyNarrowIn {
    /// A key is never widened.
    #[expect(dead_code, reason = "that it can be read says everything")]
    permission_breadth: NarrowedTo,
}

impl From<Breadth> for BreadthWord {
    fn from(breadth: Breadth) -> Self {
        match breadth {
            Breadth::ReadWrite => Self::ReadWrite,
            Breadth::ReadOnly => Self::ReadOnly,
        }
    }
}

impl From<BreadthWord> for Breadth {
    fn from(word: BreadthWord) -> Self {
        match word {
            BreadthWord::ReadWrite => Self::ReadWrite,
            BreadthWord::ReadOnly => Self::ReadOnly,
        }
    }
}

/// A key that was just made.
pub fn created_out(place: KeyPlace, issued: IssuedKey) -> ApiKeyCreateOut {
    let IssuedKey { token, created, created_at, .. } = issued;
    let (scope, team) = match place {
        KeyPlace::Organization(_) => (KeyScopeWord::Org, None),
        KeyPlace::Team(_, team) => (KeyScopeWord::Team, Some(team)),
        KeyPlace::Project(scope) => (KeyScopeWord::Project, scope.team),
    };
    ApiKeyCreateOut {
        id: created.key.0,
        name: created.name,
        key_prefix: created.prefix,
        raw_key: token.reveal().to_owned(),
        scope,
        team_id: team.map(|team| team.0),
        project_id: created.project.map(|project| project.0),
        permission_breadth: created.breadth.into(),
        created_by_user_id: created.by.map(|user| user.0),
        created_at: Moment(created_at),
        expires_at: created.expires_at.map(Moment),
    }
}

/// The team of a key: its own, or that of its project; none if that was deleted.
///
/// # Errors
/// When the store cannot be read.
pub async fn team_of(app: &App, row: &KeyRow) -> Result<Option<TeamId>, Problem> {
    match (row.team, row.project) {
        (None, Some(project)) => team_of_project(app, project).await,
        (team, _) => Ok(team),
    }
}

async fn team_of_project(app: &App, project: ProjectId) -> Result<Option<TeamId>, Problem> {
    match app.views.scope_of_project(project).await {
        Ok(scope) => Ok(scope.team),
        Err(ReadError::Missing(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// What is shown of keys besides their rows.
struct Around {
    used: HashMap<ApiKeyId, Timestamp>,
    emails: HashMap<UserId, Option<String>>,
    teams: HashMap<ProjectId, Option<TeamId>>,
}

impl Around {
    /// Looks up when keys were used, by whom they were made, and whose their projects are: one look-up per project.
    async fn of(app: &App, rows: &[KeyRow]) -> Result<Self, Problem> {
        let makers: HashSet<UserId> = rows.iter().filter_map(|row| row.created_by).collect();
        let people = app.views.people(makers.into_iter().collect()).await?;
        let mut teams = HashMap::new();
        for project in rows.iter().filter_map(|row| row.project).collect::<HashSet<_>>() {
            teams.insert(project, team_of_project(app, project).await?);
        }
        let (usage, vault) = (Arc::clone(&app.key_usage), Arc::clone(&app.vault));
        let ids: Vec<ApiKeyId> = rows.iter().map(|row| row.id).collect();
        // Both ask a store, and may wait for it.
        let looked_up = tokio::task::spawn_blocking(move || {
            let used = usage.last_used(&ids).map_err(|cause| Problem::fault(&*cause))?;
            let open = |(id, person): (UserId, PersonRow)| Ok((id, vault.open(&person.email)?));
            let emails = people.into_iter().map(open).collect::<Result<HashMap<_, _>, VaultError>>();
            Ok::<_, Problem>((used, emails.map_err(|error| Problem::fault(&error))?))
        });
        let (used, emails) = looked_up.await.map_err(|error| Problem::fault(&error))??;
        Ok(Self { used, emails, teams })
    }

    fn item(&self, row: KeyRow) -> ApiKeyListItem {
        let (scope, team) = match (row.team, row.project) {
            (_, Some(project)) => (KeyScopeWord::Project, self.teams.get(&project).copied().flatten()),
            (Some(team), None) => (KeyScopeWord::Team, Some(team)),
            (None, None) => (KeyScopeWord::Org, None),
        };
        ApiKeyListItem {
            id: row.id.0,
            name: row.name,
            key_prefix: row.prefix,
            scope,
            team_id: team.map(|team| team.0),
            project_id: row.project.map(|project| project.0),
            permission_breadth: row.breadth.into(),
            created_by_user_id: row.created_by.map(|user| user.0),
            created_by_email: row.created_by.and_then(|user| self.emails.get(&user).cloned().flatten()),
            created_at: Moment(row.created_at),
            expires_at: row.expires_at.map(Moment),
            last_used_at: self.used.get(&row.id).copied().map(Moment),
            revoked_at: row.revoked_at.map(Moment),
        }
    }
}

/// Keys as they are shown.
///
/// # Errors
/// When a store cannot be read.
pub async fn items_of(app: &App, rows: Vec<KeyRow>) -> Result<Vec<ApiKeyListItem>, Problem> {
    let around = Around::of(app, &rows).await?;
    Ok(rows.into_iter().map(|row| around.item(row)).collect())
}
