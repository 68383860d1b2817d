//! A honeytoken as it is.

use crate::at::FOREVER;
use crate::store::column::{actor, id};
use crate::store::{ReadError, Views};
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, params};
use scanledger_domain::honeytoken::HoneytokenStatus;
use scanledger_domain::id::{HoneytokenId, OrganizationId};
use scanledger_domain::log::{Actor, Position};
use scanledger_domain::time::Timestamp;
use scanledger_domain::vault::Sealed;

/// When a honeytoken was revoked, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revocation {
    /// By whom.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// A honeytoken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoneytokenRow {
    /// Its id.
    pub id: HoneytokenId,
    /// Its number: the position of its `honeytoken.created`.
    pub number: Position,
    /// What people call it.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Where it stands.
    pub status: HoneytokenStatus,
    /// Uses that nobody has dealt with.
    pub open_events: u64,
    /// The access id, sealed.
    pub access_id: Sealed,
    /// The secret key, sealed.
    pub secret_key: Sealed,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub creator: Actor,
    /// When it was first used since it was made or reset.
    pub triggered_at: Option<Timestamp>,
    /// Whether it is revoked.
    pub revoked: Option<Revocation>,
}

pub(super) const COLUMNS: &str =
    "h.id, h.key, h.name, h.description, h.status, h.open_events, h.access_id, h.secret_key, h.created_at,
     h.creator_kind, h.creator_id, h.triggered_at, h.revoked_at, h.revoker_kind, h.revoker_id";

pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<HoneytokenRow> {
    let status = row.get_ref(4)?.as_str()?.parse();
    let instant = |index: usize| -> rusqlite::Result<Option<Timestamp>> {
        Ok(Some(row.get(index)?).filter(|at| *at != FOREVER).map(Timestamp))
    };
    let revoked = match (instant(12)?, row.get::<_, Option<u8>>(13)?) {
        (Some(at), Some(kind)) => Some(Revocation { by: actor(kind, row, 14)?, at }),
        _ => None,
    };
    Ok(HoneytokenRow {
        id: HoneytokenId(id(row, 0)?),
        number: Position(row.get::<_, i64>(1)?.cast_unsigned()),
        name: row.get(2)?,
        description: row.get(3)?,
        status: status
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(4, Type::Text, Box::new(error)))?,
        open_events: row.get::<_, i64>(5)?.cast_unsigned(),
        access_id: Sealed(row.get(6)?),
        secret_key: Sealed(row.get(7)?),
        created_at: Timestamp(row.get(8)?),
        creator: actor(row.get(9)?, row, 10)?,
        triggered_at: instant(11)?,
        revoked,
    })
}

impl Views {
    /// A honeytoken of an organization.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn honeytoken(
        &self,
        organization: OrganizationId,
        honeytoken: HoneytokenId,
    ) -> Result<Option<HoneytokenRow>, ReadError> {
        self.read(move |connection| {
            Ok(connection
                .prepare_cached(&format!(
                    "SELECT {COLUMNS} FROM honeytoken h JOIN organization o ON o.key = h.organization
                     WHERE h.id = ?1 AND o.id = ?2"
                ))?
                .query_row(params![honeytoken.as_bytes(), organization.as_bytes()], read)
                .optional()?)
        })
        .await
    }

    /// The honeytoken with an access id, given as its keyed hash in hex, unless it was revoked. On the caller's thread, in
    /// one statement.
    ///
    /// # Errors
    /// When the store fails.
    pub fn honeytoken_of_access(
        &self,
        access_hash: &str,
    ) -> Result<Option<(HoneytokenId, OrganizationId)>, ReadError> {
        self.look_up(|connection| {
            Ok(connection
                .prepare_cached(
                    "SELECT h.id, o.id FROM honeytoken h JOIN organization o ON o.key = h.organization
                     WHERE h.access_hash = ?1 AND h.status <> 'revoked'",
                )?
                .query_row([access_hash], |row| Ok((HoneytokenId(id(row, 0)?), OrganizationId(id(row, 1)?))))
                .optional()?)
        })
    }

    /// How many honeytokens of an organization are not revoked.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn live_honeytokens(&self, organization: OrganizationId) -> Result<u64, ReadError> {
        self.read(move |connection| {
            let count: i64 = connection
                .prepare_cached(
                    "SELECT count(*) FROM honeytoken
                     WHERE organization = (SELECT key FROM organization WHERE id = ?1) AND status <> 'revoked'",
                )?
                .query_row([organization.as_bytes()], |row| row.get(0))?;
            Ok(count.cast_unsigned())
        })
        .await
    }

    /// The hashes of secrets of an organization's honeytokens that begin with one of `prefixes`, which are lower-case
    /// hexadecimal digits; revoked ones too, because they are no secrets either. One query.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn honeytoken_hashes(
        &self,
        organization: OrganizationId,
        prefixes: Vec<String>,
    ) -> Result<Vec<String>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(
                // `g` comes behind every digit.
                "SELECT DISTINCT h.hash FROM json_each(?2) p
                 CROSS JOIN honeytoken_hash h ON h.organization = (SELECT key FROM organization WHERE id = ?1)
                        AND h.hash >= p.value AND h.hash < p.value || 'g' ORDER BY h.hash",
            )?;
            let prefixes = crate::store::column::to_json(&prefixes);
            let rows = statement.query_map(params![organization.as_bytes(), prefixes], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }
}
