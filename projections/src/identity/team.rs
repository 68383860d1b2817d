//! Teams and who belongs to them. Deleted ones are nowhere.

use super::word::read_word;
use super::{limits, unsigned};
use crate::page::Paging;
use crate::store::column::{containing, id};
use crate::store::{ReadError, Views};
use rusqlite::{OptionalExtension, Row, named_params};
use scanledger_domain::id::{OrganizationId, TeamId, UserId};
use scanledger_domain::identity::TeamRole;
use scanledger_domain::time::Timestamp;
use scanledger_domain::vault::Sealed;

/// A team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamRow {
    /// Its id.
    pub id: TeamId,
    /// Its id where it has to be a whole number: the position of its `team.created`.
    pub number: u64,
    /// Whose it is.
    pub organization: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its name in paths; teams made before there were slugs have none.
    pub slug: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When what people write about it last changed.
    pub updated_at: Timestamp,
    /// How many people belong to it, erased ones aside.
    pub member_count: u64,
    /// How many projects it has, deleted ones aside.
    pub project_count: u64,
}

/// Somebody who belongs to a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamMemberRow {
    /// The id of the membership where it has to be a whole number: the position at which it began.
    pub number: u64,
    /// Who.
    pub user: UserId,
    /// Their name, sealed.
    pub name: Sealed,
    /// Their address, sealed.
    pub email: Sealed,
    /// As what.
    pub role: TeamRole,
    /// Since when, whatever the role.
    pub since: Timestamp,
}

/// Which teams. Every field narrows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TeamFilter {
    /// Only of this organization.
    pub organization: Option<OrganizationId>,
    /// Only whose name contains this, whatever the case of ASCII letters.
    pub search: Option<String>,
}

/// What depends on a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TeamUsage {
    /// Its projects, deleted ones aside.
    pub projects: u64,
    /// Scans of those that have not ended.
    pub active_scans: u64,
}

const COLUMNS: &str = "t.id, t.created, o.id, t.name, t.slug, t.description, t.created_at, t.updated_at,
     (SELECT count(*) FROM team_member x CROSS JOIN user u ON u.id = x.user AND u.erased IS NULL
      WHERE x.team = t.id AND x.valid_to = 9223372036854775807),
     (SELECT count(*) FROM project p WHERE p.team = t.id AND p.deleted IS NULL)
     FROM team t JOIN organization o ON o.key = t.organization";

fn read(row: &Row<'_>) -> rusqlite::Result<TeamRow> {
    Ok(TeamRow {
        id: TeamId(id(row, 0)?),
        number: unsigned(row, 1)?,
        organization: OrganizationId(id(row, 2)?),
        name: row.get(3)?,
        slug: row.get(4)?,
        description: row.get(5)?,
        created_at: Timestamp(row.get(6)?),
        updated_at: Timestamp(row.get(7)?),
        member_count: unsigned(row, 8)?,
        project_count: unsigned(row, 9)?,
    })
}

fn read_member(row: &Row<'_>) -> rusqlite::Result<TeamMemberRow> {
    Ok(TeamMemberRow {
        number: unsigned(row, 0)?,
        user: UserId(id(row, 1)?),
        name: Sealed(row.get(2)?),
        email: Sealed(row.get(3)?),
        role: read_word(row, 4)?,
        since: Timestamp(row.get(5)?),
    })
}

impl Views {
    /// Teams on a page, newest first, and how many there are without paging.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn teams(&self, filter: TeamFilter, paging: Paging) -> Result<(Vec<TeamRow>, u64), ReadError> {
        self.read(move |connection| {
            let organization = match filter.organization {
                Some(_) => "t.organization = (SELECT key FROM organization WHERE id = :organization)",
                None => ":organization IS NULL",
            };
            let condition = format!(
                "{organization} AND t.deleted IS NULL AND (:name IS NULL OR t.name LIKE :name ESCAPE '\\')"
            );
            let name = filter.search.as_deref().map(containing);
            let of = named_params! {
                ":organization": filter.organization.map(|organization| *organization.as_bytes()),
                ":name": name,
            };
            let total = connection
                .prepare_cached(&format!("SELECT count(*) FROM team t WHERE {condition}"))?
                .query_row(of, |row| unsigned(row, 0))?;
            let (limit, offset) = limits(paging);
            let mut statement = connection.prepare(&format!(
                "SELECT {COLUMNS} WHERE {condition} ORDER BY t.key DESC LIMIT {limit} OFFSET {offset}"
            ))?;
            let rows = statement.query_map(of, read)?;
            Ok((rows.collect::<Result<_, _>>()?, total))
        })
        .await
    }

    /// A team.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn team(&self, team: TeamId) -> Result<Option<TeamRow>, ReadError> {
        self.read(move |connection| {
            Ok(connection
                .prepare_cached(&format!("SELECT {COLUMNS} WHERE t.id = ?1 AND t.deleted IS NULL"))?
                .query_row([team.as_bytes()], read)
                .optional()?)
        })
        .await
    }

    /// A team by the whole number that stands for it ([`TeamRow::number`]).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn team_by_number(&self, number: u64) -> Result<Option<TeamRow>, ReadError> {
        self.read(move |connection| {
            Ok(connection
                .prepare_cached(&format!("SELECT {COLUMNS} WHERE t.created = ?1 AND t.deleted IS NULL"))?
                .query_row([number.cast_signed()], read)
                .optional()?)
        })
        .await
    }

    /// Who belongs to a team, strongest role first, then in the order in which they came; erased people are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn team_members(&self, team: TeamId) -> Result<Vec<TeamMemberRow>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT x.since, u.id, u.name, u.email, x.role, x.since_at
                 FROM team_member x CROSS JOIN user u ON u.id = x.user AND u.erased IS NULL
                 WHERE x.team = ?1 AND x.valid_to = 9223372036854775807",
            )?;
            let rows = statement.query_map([team.as_bytes()], read_member)?;
            let mut members: Vec<TeamMemberRow> = rows.collect::<Result<_, _>>()?;
            // Roles are declared strongest first.
            members.sort_by_key(|member| (member.role, member.number));
            Ok(members)
        })
        .await
    }

    /// What depends on a team.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn team_usage(&self, team: TeamId) -> Result<TeamUsage, ReadError> {
        self.read(move |connection| {
            let usage = connection
                .prepare_cached(
                    // Scans that have not ended are few, however many a team has had.
                    "SELECT (SELECT count(*) FROM project p WHERE p.team = ?1 AND p.deleted IS NULL),
                            (SELECT count(*) FROM scan_state st
                             CROSS JOIN scan s ON s.key = st.scan AND s.deleted IS NULL
                             CROSS JOIN project p ON p.key = s.project AND p.deleted IS NULL AND p.team = ?1
                             WHERE st.valid_to = 9223372036854775807
                               AND st.status IN ('queued', 'running', 'paused', 'settling')
                               AND (st.status IN ('queued', 'running', 'paused', 'settling') OR st.owes_partial = 1))",
                )?
                .query_row([team.as_bytes()], |row| {
                    Ok(TeamUsage { projects: unsigned(row, 0)?, active_scans: unsigned(row, 1)? })
                })?;
            Ok(usage)
        })
        .await
    }
}
