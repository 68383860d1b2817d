//! When API keys were last used: noted in memory on every request, written now and then.

use crate::store::KeyUseRows;
use crate::{StateError, failed};
use parking_lot::Mutex;
use scanledger_domain::id::ApiKeyId;
use scanledger_domain::time::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

/// Last-used times. What was touched since the last [`KeyUses::flush`] is lost in a crash.
pub struct KeyUses {
    rows: Arc<dyn KeyUseRows>,
    touched: Mutex<HashMap<ApiKeyId, Timestamp>>,
}

impl KeyUses {
    pub(crate) fn new(rows: Arc<dyn KeyUseRows>) -> Self {
        Self { rows, touched: Mutex::default() }
    }

    /// Notes that the key was used at `at`. In memory only, for the request path.
    pub fn touch_key(&self, key: ApiKeyId, at: Timestamp) {
        keep_later(&mut self.touched.lock(), key, at);
    }

    /// Writes what was touched since the last time, in one transaction; a later time in the store stays.
    ///
    /// # Errors
    /// When the store cannot be written; the times are then kept for the next flush.
    pub fn flush(&self) -> Result<(), StateError> {
        let touched = self.touched.lock().clone();
        if touched.is_empty() {
            return Ok(());
        }
        self.rows.write(&touched).map_err(failed("write when API keys were last used"))?;
        // Only now, so that they are always in memory or in the store for a reader.
        self.touched.lock().retain(|key, at| touched.get(key) != Some(at));
        Ok(())
    }

    /// When each of `keys` was last used, as far as it ever was.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last_used(&self, keys: &[ApiKeyId]) -> Result<HashMap<ApiKeyId, Timestamp>, StateError> {
        // Taken before the rows are read: what is no longer here then is in the store already.
        let touched: Vec<_> = {
            let touched = self.touched.lock();
            keys.iter().filter_map(|key| touched.get_key_value(key)).map(|(key, at)| (*key, *at)).collect()
        };
        let mut used = self.rows.read(keys).map_err(failed("read when API keys were last used"))?;
        for (key, at) in touched {
            keep_later(&mut used, key, at);
        }
        Ok(used)
    }
}

fn keep_later(times: &mut HashMap<ApiKeyId, Timestamp>, key: ApiKeyId, at: Timestamp) {
    let latest = times.entry(key).or_insert(at);
    *latest = at.max(*latest);
}
