//! Last-used times.

use super::SqliteStore;
use crate::store::KeyUseRows;
use rusqlite::{OptionalExtension, params};
use scanledger_domain::Cause;
use scanledger_domain::id::ApiKeyId;
use scanledger_domain::time::Timestamp;
use std::collections::HashMap;

impl KeyUseRows for SqliteStore {
    fn write(&self, times: &HashMap<ApiKeyId, Timestamp>) -> Result<(), Cause> {
        let mut connection = self.rest.lock();
        let tx = connection.transaction()?;
        {
            let mut upsert = tx.prepare_cached(
                "INSERT INTO key_use (api_key, last_used_at) VALUES (?1, ?2) \
                 ON CONFLICT (api_key) DO UPDATE SET last_used_at = max(last_used_at, excluded.last_used_at)",
            )?;
            for (key, at) in times {
                upsert.execute(params![key.as_bytes(), at.0])?;
            }
        }
        Ok(tx.commit()?)
    }

    fn read(&self, keys: &[ApiKeyId]) -> Result<HashMap<ApiKeyId, Timestamp>, Cause> {
        let connection = self.rest.lock();
        let mut select = connection.prepare_cached("SELECT last_used_at FROM key_use WHERE api_key = ?1")?;
        let mut times = HashMap::with_capacity(keys.len());
        for key in keys {
            let at: Option<i64> = select.query_row([key.as_bytes()], |row| row.get(0)).optional()?;
            times.extend(at.map(|at| (*key, Timestamp(at))));
        }
        Ok(times)
    }
}
