//! Last-used times.

use super::{PgStore, ROWS};
use crate::store::KeyUseRows;
use scanledger_domain::Cause;
use scanledger_domain::id::ApiKeyId;
use scanledger_domain::time::Timestamp;
use std::collections::HashMap;
use uuid::Uuid;

impl KeyUseRows for PgStore {
    fn write(&self, times: &HashMap<ApiKeyId, Timestamp>) -> Result<(), Cause> {
        let mut times: Vec<_> = times.iter().map(|(key, at)| (key.0, at.0)).collect();
        // In one order everywhere, so that nodes that write the same keys wait for each other and never in a ring.
        times.sort_unstable();
        self.call(|pool| async move {
            let mut tx = pool.begin().await?;
            for page in times.chunks(ROWS) {
                sqlx::query(
                    "INSERT INTO scanledger_state.key_use AS k (api_key, last_used_at) \
                     SELECT * FROM unnest($1::uuid[], $2::bigint[]) \
                     ON CONFLICT (api_key) DO UPDATE \
                     SET last_used_at = greatest(k.last_used_at, excluded.last_used_at)",
                )
                .bind(page.iter().map(|(key, _)| *key).collect::<Vec<_>>())
                .bind(page.iter().map(|(_, at)| *at).collect::<Vec<_>>())
                .execute(&mut *tx)
                .await?;
            }
            Ok(tx.commit().await?)
        })
    }

    fn read(&self, keys: &[ApiKeyId]) -> Result<HashMap<ApiKeyId, Timestamp>, Cause> {
        let keys: Vec<_> = keys.iter().map(|key| key.0).collect();
        let rows: Vec<(Uuid, i64)> = self.call(|pool| async move {
            let select = sqlx::query_as(
                "SELECT api_key, last_used_at FROM scanledger_state.key_use WHERE api_key = ANY ($1)",
            );
            Ok(select.bind(keys).fetch_all(&pool).await?)
        })?;
        Ok(rows.into_iter().map(|(key, at)| (ApiKeyId(key), Timestamp(at))).collect())
    }
}
