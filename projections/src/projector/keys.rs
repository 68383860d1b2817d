//! Keys of rows that events name by id.

use super::ApplyError;
use rusqlite::{Connection, OptionalExtension};
use scanledger_domain::id::OrganizationId;
use std::collections::HashMap;
use uuid::Uuid;

/// Keys of things, so that most events need no look-up. Bounded: emptied when it grows too big.
#[derive(Default)]
pub(crate) struct Keys {
    organizations: HashMap<OrganizationId, i64>,
    kinds: HashMap<String, i64>,
    projects: HashMap<Uuid, i64>,
    scans: HashMap<Uuid, (i64, i64)>,
    pub(crate) branches: HashMap<Uuid, crate::branch::apply::BranchKeys>,
}

/// More keys than this are forgotten at once; they are looked up again when needed.
const KEYS_KEPT: usize = 10_000;

impl Keys {
    pub(super) fn trim(&mut self) {
        if self.projects.len() + self.scans.len() + self.branches.len() > KEYS_KEPT {
            *self = Self::default();
        }
    }

    /// The key of an organization. Events of its first batch may stand before the one that creates it, so the
    /// first mention makes the row.
    pub(crate) fn organization(
        &mut self,
        tx: &Connection,
        id: Option<OrganizationId>,
    ) -> Result<i64, ApplyError> {
        let Some(id) = id else { return Ok(0) };
        if let Some(&key) = self.organizations.get(&id) {
            return Ok(key);
        }
        let key = tx
            .prepare_cached("SELECT key FROM organization WHERE id = ?1")?
            .query_row([id.as_bytes()], |row| row.get(0))
            .optional()?;
        let key = match key {
            Some(key) => key,
            None => {
                tx.prepare_cached("INSERT INTO organization (id, name, created_at) VALUES (?1, '', 0)")?
                    .execute([id.as_bytes()])?;
                tx.last_insert_rowid()
            }
        };
        self.organizations.insert(id, key);
        Ok(key)
    }

    pub(crate) fn project(&mut self, tx: &Connection, id: Uuid) -> Result<i64, ApplyError> {
        if let Some(&key) = self.projects.get(&id) {
            return Ok(key);
        }
        let key = tx
            .prepare_cached("SELECT key FROM project WHERE id = ?1")?
            .query_row([id.as_bytes()], |row| row.get(0))
            .optional()?
            .ok_or(ApplyError::Unknown("a project"))?;
        self.projects.insert(id, key);
        Ok(key)
    }

    /// The key of a scan, and of its project.
    pub(crate) fn scan(&mut self, tx: &Connection, id: Uuid) -> Result<(i64, i64), ApplyError> {
        if let Some(&keys) = self.scans.get(&id) {
            return Ok(keys);
        }
        let keys = tx
            .prepare_cached("SELECT key, project FROM scan WHERE id = ?1")?
            .query_row([id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
            .ok_or(ApplyError::Unknown("a scan"))?;
        self.scans.insert(id, keys);
        Ok(keys)
    }

    pub(super) fn kind(&mut self, tx: &Connection, name: &str) -> Result<i64, ApplyError> {
        if let Some(&key) = self.kinds.get(name) {
            return Ok(key);
        }
        tx.prepare_cached("INSERT OR IGNORE INTO event_kind (name) VALUES (?1)")?.execute([name])?;
        let key = tx
            .prepare_cached("SELECT key FROM event_kind WHERE name = ?1")?
            .query_row([name], |row| row.get(0))?;
        self.kinds.insert(name.to_owned(), key);
        Ok(key)
    }
}
