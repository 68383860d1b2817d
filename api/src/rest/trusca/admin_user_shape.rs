//! Shapes of people as super administrators see them (reference §3.3).

use crate::app::App;
use crate::problem::Problem;
use crate::rest::Moment;
use scanledger_domain::id::UserId;
use scanledger_domain::identity::{Rank, TeamRole};
use scanledger_domain::vault::{Vault, VaultError};
use scanledger_projections::identity::{MembershipRow, UserRow};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use uuid::Uuid;

/// What somebody is: the strongest thing that they are anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = trusca::UserRole)]
#[serde(rename_all = "snake_case")]
pub enum RoleWord {
    /// Runs the installation.
    SuperAdmin,
    /// Runs a team.
    TeamAdmin,
    /// Scans and triages; also who belongs to no team.
    Developer,
    /// Looks.
    Viewer,
}

impl RoleWord {
    /// The role in a team; none for who runs the installation.
    pub const fn in_team(self) -> Option<TeamRole> {
        match self {
            Self::SuperAdmin => None,
            Self::TeamAdmin => Some(TeamRole::Admin),
            Self::Developer => Some(TeamRole::Developer),
            Self::Viewer => Some(TeamRole::Viewer),
        }
    }

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SuperAdmin => "super_admin",
            Self::TeamAdmin => TeamRole::Admin.as_str(),
            Self::Developer => TeamRole::Developer.as_str(),
            Self::Viewer => TeamRole::Viewer.as_str(),
        }
    }

    /// What a person is (reference §2.3).
    pub fn of(row: &UserRow) -> Self {
        match (row.rank, row.strongest) {
            (Rank::SuperAdmin, _) => Self::SuperAdmin,
            (Rank::Ordinary, Some(TeamRole::Admin)) => Self::TeamAdmin,
            (Rank::Ordinary, Some(TeamRole::Developer) | None) => Self::Developer,
            (Rank::Ordinary, Some(TeamRole::Viewer)) => Self::Viewer,
        }
    }
}

/// Somebody in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdminUserListItem {
    id: Uuid,
    email: String,
    full_name: Option<String>,
    is_active: bool,
    is_superuser: bool,
    role: RoleWord,
    team_count: u64,
    last_login_at: Option<Moment>,
    created_at: Moment,
}

/// Somebody.
#[derive(Debug, Serialize, ToSchema)]
pub struct AdminUserDetail {
    id: Uuid,
    email: String,
    full_name: Option<String>,
    is_active: bool,
    is_superuser: bool,
    /// First come first.
    memberships: Vec<TeamMembershipPublic>,
    /// Scans that they asked for.
    scan_count: u64,
    last_login_at: Option<Moment>,
    created_at: Moment,
    updated_at: Moment,
}

/// A place in a team.
#[derive(Debug, Serialize, ToSchema)]
pub struct TeamMembershipPublic {
    team_id: Uuid,
    team_name: String,
    role: &'static str,
}

/// What is personal about somebody, in clear.
pub struct Personal {
    /// Their address.
    pub email: String,
    /// Their name, if they gave one.
    pub name: Option<String>,
}

impl Personal {
    /// Whether address or name contain `part`, which is in lower case.
    pub fn contains(&self, part: &str) -> bool {
        let fields = [Some(&self.email), self.name.as_ref()];
        fields.into_iter().flatten().any(|text| text.to_lowercase().contains(part))
    }
}

/// Opens what is sealed of people, and leaves out who was erased a moment ago, all in one go beside the runtime: it
/// asks the key store.
///
/// # Errors
/// When the key store cannot be read.
pub async fn opened(app: &App, rows: Vec<UserRow>) -> Result<Vec<(UserRow, Personal)>, Problem> {
    let vault = Arc::clone(&app.vault);
    let opened = tokio::task::spawn_blocking(move || {
        rows.into_iter().filter_map(|row| open(&*vault, row).transpose()).collect()
    });
    let opened: Result<Vec<_>, VaultError> = opened.await.map_err(|error| Problem::fault(&error))?;
    opened.map_err(|error| Problem::fault(&error))
}

fn open(vault: &dyn Vault, row: UserRow) -> Result<Option<(UserRow, Personal)>, VaultError> {
    let (Some(email), Some(name)) = (vault.open(&row.email)?, vault.open(&row.name)?) else {
        return Ok(None);
    };
    Ok(Some((row, Personal { email, name: Some(name).filter(|name| !name.is_empty()) })))
}

/// Somebody as shown in a list.
pub fn item((row, personal): (UserRow, Personal)) -> AdminUserListItem {
    AdminUserListItem {
        id: row.id.0,
        email: personal.email,
        full_name: personal.name,
        is_active: row.is_active,
        is_superuser: row.rank == Rank::SuperAdmin,
        role: RoleWord::of(&row),
        team_count: row.teams,
        last_login_at: row.last_login_at.map(Moment),
        created_at: Moment(row.registered_at),
    }
}

/// Somebody, with everything.
///
/// # Errors
/// 404 if there is nobody of this id, or no longer.
pub async fn detail(app: &App, user: UserId) -> Result<AdminUserDetail, Problem> {
    let row = row_of(app, user).await?;
    let memberships = app.views.memberships(user).await?;
    let (row, personal) = opened(app, vec![row]).await?.pop().ok_or_else(nobody)?;
    Ok(AdminUserDetail {
        id: row.id.0,
        email: personal.email,
        full_name: personal.name,
        is_active: row.is_active,
        is_superuser: row.rank == Rank::SuperAdmin,
        memberships: memberships.into_iter().map(membership).collect(),
        scan_count: row.scans,
        last_login_at: row.last_login_at.map(Moment),
        created_at: Moment(row.registered_at),
        updated_at: Moment(row.updated_at),
    })
}

/// Somebody's row.
///
/// # Errors
/// 404 if there is nobody of this id, or no longer.
pub async fn row_of(app: &App, user: UserId) -> Result<UserRow, Problem> {
    app.views.user(user).await?.filter(|row| !row.is_erased).ok_or_else(nobody)
}

fn nobody() -> Problem {
    Problem::missing("user").with_title("User Not Found")
}

fn membership(row: MembershipRow) -> TeamMembershipPublic {
    TeamMembershipPublic { team_id: row.team.0, team_name: row.team_name, role: row.role.as_str() }
}

#[cfg(test)]
mod tests {
    use super::Personal;

    #[test]
    fn people_are_found_by_any_part_of_their_address_or_name() {
        let ana = Personal { email: "Ana@example.org".to_owned(), name: Some("Ana Núñez".to_owned()) };
        for part in ["ana@", "example", "núñez", ""] {
            assert!(ana.contains(part), "{part}");
        }
        assert!(!ana.contains("bob") && !ana.contains("%"));
        let nameless = Personal { email: "x@y".to_owned(), name: None };
        assert!(nameless.contains("x@y") && !nameless.contains("ana"));
    }
}
