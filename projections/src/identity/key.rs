//! API keys.

use super::word::{read_word, word};
use super::{limits, unsigned};
use crate::page::Paging;
use crate::project::batch::hex_ids;
use crate::store::column::{id, optional_id, to_json};
use crate::store::{ReadError, Views};
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, named_params, params};
use scanledger_domain::id::{ApiKeyId, OrganizationId, ProjectId, TeamId, UserId};
use scanledger_domain::identity::{Breadth, KeyForm, KeyHash, KeyKind, Role, Scopes};
use scanledger_domain::time::Timestamp;
use std::collections::BTreeSet;

/// An API key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// What people call it.
    pub name: String,
    /// What it looks like.
    pub form: KeyForm,
    /// Its first characters.
    pub prefix: String,
    /// For whom it acts.
    pub kind: KeyKind,
    /// What it may do.
    pub role: Role,
    /// What it may be used for.
    pub scopes: Scopes,
    /// Whether it may change anything.
    pub breadth: Breadth,
    /// The only team whose projects it sees.
    pub team: Option<TeamId>,
    /// The only project it sees.
    pub project: Option<ProjectId>,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// Whether revoked keys are in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Revoked {
    /// They are left out.
    #[default]
    LeftOut,
    /// They are in it.
    Included,
}

/// What keys see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyReach {
    /// Everything in their organization.
    Organization,
    /// One team.
    Team,
    /// One project.
    Project,
}

impl KeyReach {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Team => "team",
            Self::Project => "project",
        }
    }
}

/// Which keys. Every field narrows, except that `created_by` and `teams` together mean either.
///
/// The team of a key for a project is the project's.
#[derive(Debug, Clone, Default)]
pub struct KeyFilter {
    /// Only of this organization.
    pub organization: Option<OrganizationId>,
    /// Only of these forms.
    pub forms: Option<Vec<KeyForm>>,
    /// Only made by this person, or whose team is one of `teams`.
    pub created_by: Option<UserId>,
    /// Only whose team is among these, or that `created_by` made.
    pub teams: Option<BTreeSet<TeamId>>,
    /// Only of this team.
    pub team: Option<TeamId>,
    /// Only for this project.
    pub project: Option<ProjectId>,
    /// Only those that see this much.
    pub reach: Option<KeyReach>,
    /// Whether revoked ones are wanted.
    pub include_revoked: Revoked,
}

const COLUMNS: &str =
    "k.id, o.id, k.name, k.prefix, k.role, k.project, k.created_by, k.created_at, k.expires_at,
     k.form, k.kind, k.scopes, k.breadth, k.team, k.revoked_at
     FROM api_key k JOIN organization o ON o.key = k.organization";

fn read(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    let scopes = row.get_ref(11)?.as_str()?.parse();
    Ok(KeyRow {
        id: ApiKeyId(id(row, 0)?),
        organization: OrganizationId(id(row, 1)?),
        name: row.get(2)?,
        form: read_word(row, 9)?,
        prefix: row.get(3)?,
        kind: read_word(row, 10)?,
        role: read_word(row, 4)?,
        scopes: scopes
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(11, Type::Text, Box::new(error)))?,
        breadth: read_word(row, 12)?,
        team: optional_id(row, 13)?.map(TeamId),
        project: optional_id(row, 5)?.map(ProjectId),
        created_by: optional_id(row, 6)?.map(UserId),
        created_at: Timestamp(row.get(7)?),
        expires_at: row.get::<_, Option<i64>>(8)?.map(Timestamp),
        revoked_at: row.get::<_, Option<i64>>(14)?.map(Timestamp),
    })
}

impl Views {
    /// The key of a token, unless it was revoked. Whether it has expired, and whether the person that it acts for may
    /// still do anything, is for the caller to see. On the caller's thread, in one statement.
    ///
    /// # Errors
    /// When the store fails.
    pub fn key_by_hash(&self, hash: &KeyHash) -> Result<Option<KeyRow>, ReadError> {
        self.look_up(|connection| {
            Ok(connection
                .prepare_cached(&format!("SELECT {COLUMNS} WHERE k.hash = ?1 AND k.revoked IS NULL"))?
                .query_row([&hash.0], read)
                .optional()?)
        })
    }

    /// A key, revoked ones too.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn key(&self, key: ApiKeyId) -> Result<Option<KeyRow>, ReadError> {
        self.read(move |connection| {
            Ok(connection
                .prepare_cached(&format!("SELECT {COLUMNS} WHERE k.id = ?1"))?
                .query_row([key.as_bytes()], read)
                .optional()?)
        })
        .await
    }

    /// The keys of an organization, newest first, revoked ones aside.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keys(&self, organization: OrganizationId) -> Result<Vec<KeyRow>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(&format!(
                "SELECT {COLUMNS} WHERE o.id = ?1 AND k.revoked IS NULL ORDER BY k.key DESC"
            ))?;
            let rows = statement.query_map([organization.as_bytes()], read)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Keys on a page, newest first, and how many there are without paging.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn key_page(&self, filter: KeyFilter, paging: Paging) -> Result<(Vec<KeyRow>, u64), ReadError> {
        self.read(move |connection| {
            let organization = match filter.organization {
                Some(_) => "k.organization = (SELECT key FROM organization WHERE id = :organization)",
                None => ":organization IS NULL",
            };
            let team = "coalesce(k.team, (SELECT p.team FROM project p WHERE p.id = k.project))";
            let condition = format!(
                "{organization} AND (:revoked OR k.revoked IS NULL)
                 AND (:forms IS NULL OR k.form IN (SELECT value FROM json_each(:forms)))
                 AND ((:by IS NULL AND :teams IS NULL) OR k.created_by = :by
                      OR {team} IN (SELECT unhex(value) FROM json_each(:teams)))
                 AND (:team IS NULL OR {team} = :team) AND (:project IS NULL OR k.project = :project)
                 AND (:reach IS NULL OR :reach = CASE WHEN k.project IS NOT NULL THEN 'project'
                                                      WHEN k.team IS NOT NULL THEN 'team' ELSE 'organization' END)"
            );
            let words = |forms: &Vec<KeyForm>| to_json(&forms.iter().map(|form| form.as_str()).collect::<Vec<_>>());
            let of = named_params! {
                ":organization": filter.organization.map(|organization| *organization.as_bytes()),
                ":revoked": filter.include_revoked == Revoked::Included,
                ":forms": filter.forms.as_ref().map(words),
                ":by": filter.created_by.map(|user| *user.as_bytes()),
                ":teams": filter.teams.as_ref().map(|teams| hex_ids(teams.iter().map(|team| team.0))),
                ":team": filter.team.map(|team| *team.as_bytes()),
                ":project": filter.project.map(|project| *project.as_bytes()),
                ":reach": filter.reach.map(KeyReach::as_str),
            };
            let total = connection
                .prepare_cached(&format!("SELECT count(*) FROM api_key k WHERE {condition}"))?
                .query_row(of, |row| unsigned(row, 0))?;
            let (limit, offset) = limits(paging);
            let sql = format!(
                "SELECT {COLUMNS} WHERE {condition} ORDER BY k.key DESC LIMIT {limit} OFFSET {offset}"
            );
            let mut statement = connection.prepare(&sql)?;
            let rows = statement.query_map(of, read)?;
            Ok((rows.collect::<Result<_, _>>()?, total))
        })
        .await
    }

    /// How many keys of a form act for a person and are neither revoked nor, at `now`, expired.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn live_personal_tokens(
        &self,
        user: UserId,
        form: KeyForm,
        now: Timestamp,
    ) -> Result<u64, ReadError> {
        self.read(move |connection| {
            let count = connection
                .prepare_cached(
                    "SELECT count(*) FROM api_key
                     WHERE created_by = ?1 AND form = ?2 AND kind = ?3 AND revoked IS NULL
                       AND (expires_at IS NULL OR expires_at > ?4)",
                )?
                .query_row(
                    params![user.as_bytes(), form.as_str(), word(KeyKind::Personal), now.0],
                    |row| unsigned(row, 0),
                )?;
            Ok(count)
        })
        .await
    }

    /// The keys that act for a person and are neither revoked nor, at `now`, expired, with their organizations.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn live_keys_of(
        &self,
        user: UserId,
        now: Timestamp,
    ) -> Result<Vec<(ApiKeyId, OrganizationId)>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT k.id, o.id FROM api_key k JOIN organization o ON o.key = k.organization
                 WHERE k.created_by = ?1 AND k.kind = ?2 AND k.revoked IS NULL
                   AND (k.expires_at IS NULL OR k.expires_at > ?3)
                 ORDER BY k.key",
            )?;
            let of = params![user.as_bytes(), word(KeyKind::Personal), now.0];
            let rows =
                statement.query_map(of, |row| Ok((ApiKeyId(id(row, 0)?), OrganizationId(id(row, 1)?))))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Which organization a key belongs to, unless it was revoked.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn organization_of_key(&self, key: ApiKeyId) -> Result<Option<OrganizationId>, ReadError> {
        self.read(move |connection| {
            let found = connection
                .prepare_cached(
                    "SELECT o.id FROM api_key k JOIN organization o ON o.key = k.organization
                     WHERE k.id = ?1 AND k.revoked IS NULL",
                )?
                .query_row([key.as_bytes()], |row| id(row, 0))
                .optional()?;
            Ok(found.map(OrganizationId))
        })
        .await
    }
}
