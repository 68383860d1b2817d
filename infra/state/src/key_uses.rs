//! When API keys were last used: noted in memory on every request, written now and then.

use crate::{Shared, StateError, failed};
use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, params};
use scanledger_domain::id::ApiKeyId;
use scanledger_domain::time::Timestamp;
use std::collections::HashMap;

/// Last-used times. What was touched since the last [`KeyUses::flush`] is lost in a crash.
pub struct KeyUses {
    connection: Shared,
    touched: Mutex<HashMap<ApiKeyId, Timestamp>>,
}

impl KeyUses {
    pub(crate) fn new(connection: Shared) -> Self {
        Self { connection, touched: Mutex::default() }
    }

    /// Notes that the key was used at `at`. In memory only, for the request path.
    pub fn touch_key(&self, key: ApiKeyId, at: Timestamp) {
        keep_later(&mut self.touched.lock(), key, at);
    }

    /// Writes what was touched since the last time, in one transaction; a later time in the file stays.
    ///
    /// # Errors
    /// When the store cannot be written; the times are then kept for the next flush.
    pub fn flush(&self) -> Result<(), StateError> {
        // Locked before the times are taken, so that they are always in memory or in the file for a reader.
        let mut connection = self.connection.lock();
        let touched = self.touched.lock().clone();
        if touched.is_empty() {
            return Ok(());
        }
        write(&mut connection, &touched).map_err(failed("write when API keys were last used"))?;
        let mut now_touched = self.touched.lock();
        now_touched.retain(|key, at| touched.get(key) != Some(at));
        Ok(())
    }

    /// When each of `keys` was last used, as far as it ever was.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last_used(&self, keys: &[ApiKeyId]) -> Result<HashMap<ApiKeyId, Timestamp>, StateError> {
        let connection = self.connection.lock();
        let mut used = read(&connection, keys).map_err(failed("read when API keys were last used"))?;
        let touched = self.touched.lock();
        for key in keys {
            if let Some(at) = touched.get(key) {
                keep_later(&mut used, *key, *at);
            }
        }
        Ok(used)
    }
}

fn keep_later(times: &mut HashMap<ApiKeyId, Timestamp>, key: ApiKeyId, at: Timestamp) {
    let latest = times.entry(key).or_insert(at);
    *latest = at.max(*latest);
}

fn write(connection: &mut Connection, times: &HashMap<ApiKeyId, Timestamp>) -> rusqlite::Result<()> {
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
    tx.commit()
}

fn read(connection: &Connection, keys: &[ApiKeyId]) -> rusqlite::Result<HashMap<ApiKeyId, Timestamp>> {
    let mut select = connection.prepare_cached("SELECT last_used_at FROM key_use WHERE api_key = ?1")?;
    let mut times = HashMap::with_capacity(keys.len());
    for key in keys {
        let at: Option<i64> = select.query_row([key.as_bytes()], |row| row.get(0)).optional()?;
        times.extend(at.map(|at| (*key, Timestamp(at))));
    }
    Ok(times)
}
