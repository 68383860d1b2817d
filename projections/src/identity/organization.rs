//! Organizations.

use super::unsigned;
use crate::store::column::id;
use crate::store::{ReadError, Views};
use rusqlite::{OptionalExtension, Params, Row};
use scanledger_domain::id::OrganizationId;
use scanledger_domain::time::Timestamp;

/// An organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationRow {
    /// Its id.
    pub id: OrganizationId,
    /// Its id where it has to be a whole number: the position of its `organization.created`.
    pub number: u64,
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

fn read(row: &Row<'_>) -> rusqlite::Result<OrganizationRow> {
    Ok(OrganizationRow {
        id: OrganizationId(id(row, 0)?),
        number: unsigned(row, 1)?,
        name: row.get(2)?,
        created_at: Timestamp(row.get(3)?),
    })
}

impl Views {
    /// An organization.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn organization(
        &self,
        organization: OrganizationId,
    ) -> Result<Option<OrganizationRow>, ReadError> {
        self.find_organization("id = ?1 AND created IS NOT NULL", (*organization.as_bytes(),)).await
    }

    /// An organization by the whole number that stands for it ([`OrganizationRow::number`]).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn organization_by_number(&self, number: u64) -> Result<Option<OrganizationRow>, ReadError> {
        self.find_organization("created = ?1", (number.cast_signed(),)).await
    }

    /// The organization that was made first: where super administrators work who belong to none.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn eldest_organization(&self) -> Result<Option<OrganizationRow>, ReadError> {
        self.find_organization("created IS NOT NULL ORDER BY created LIMIT 1", ()).await
    }

    async fn find_organization(
        &self,
        condition: &'static str,
        of: impl Params + Send + 'static,
    ) -> Result<Option<OrganizationRow>, ReadError> {
        self.read(move |connection| {
            Ok(connection
                .prepare_cached(&format!(
                    "SELECT id, created, name, created_at FROM organization WHERE {condition}"
                ))?
                .query_row(of, read)
                .optional()?)
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
