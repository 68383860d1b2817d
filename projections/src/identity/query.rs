//! Keys and people.

use crate::store::column::{id, optional_id};
use crate::store::{ReadError, Views};
use rusqlite::{OptionalExtension, Row, params};
use scanledger_domain::id::{ApiKeyId, OrganizationId, ProjectId, UserId};
use scanledger_domain::identity::{KeyHash, Role};
use scanledger_domain::time::Timestamp;
use scanledger_domain::vault::Sealed;
use std::collections::HashMap;

/// An API key that was not revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRow {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose it is.
    pub organization: OrganizationId,
    /// What people call it.
    pub name: String,
    /// Its first characters.
    pub prefix: String,
    /// What it may do.
    pub role: Role,
    /// The only project it sees.
    pub project: Option<ProjectId>,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// When.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// A person, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRow {
    /// Their id.
    pub id: UserId,
    /// Their name, sealed.
    pub name: Sealed,
    /// Their address, sealed.
    pub email: Sealed,
}

const COLUMNS: &str =
    "k.id, o.id, k.name, k.prefix, k.role, k.project, k.created_by, k.created_at, k.expires_at
     FROM api_key k JOIN organization o ON o.key = k.organization";

fn read(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    Ok(KeyRow {
        id: ApiKeyId(id(row, 0)?),
        organization: OrganizationId(id(row, 1)?),
        name: row.get(2)?,
        prefix: row.get(3)?,
        role: match row.get_ref(4)?.as_str()? {
            "admin" => Role::Admin,
            "security" => Role::Security,
            "developer" => Role::Developer,
            _ => Role::Viewer,
        },
        project: optional_id(row, 5)?.map(ProjectId),
        created_by: optional_id(row, 6)?.map(UserId),
        created_at: Timestamp(row.get(7)?),
        expires_at: row.get::<_, Option<i64>>(8)?.map(Timestamp),
    })
}

impl Views {
    /// The key of a token, unless it was revoked. Whether it has expired is for the caller to see.
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

    /// People by id; unknown ones are left out.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn people(&self, ids: Vec<UserId>) -> Result<HashMap<UserId, PersonRow>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached("SELECT name, email FROM user WHERE id = ?1")?;
            let mut people = HashMap::with_capacity(ids.len());
            for id in ids {
                let person = statement
                    .query_row(params![id.as_bytes()], |row| {
                        Ok(PersonRow { id, name: Sealed(row.get(0)?), email: Sealed(row.get(1)?) })
                    })
                    .optional()?;
                if let Some(person) = person {
                    people.insert(id, person);
                }
            }
            Ok(people)
        })
        .await
    }

    /// All organizations with their names, eldest first: for commands at the shell.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn organizations(&self) -> Result<Vec<(OrganizationId, String)>, ReadError> {
        self.read(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT id, name FROM organization WHERE name <> '' ORDER BY key")?;
            let rows = statement.query_map([], |row| Ok((OrganizationId(id(row, 0)?), row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}
