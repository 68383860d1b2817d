//! Small values by name.

use super::PgStore;
use crate::store::CheckpointRows;
use scanledger_domain::Cause;

impl CheckpointRows for PgStore {
    fn find(&self, name: &str) -> Result<Option<Vec<u8>>, Cause> {
        let name = name.to_owned();
        self.call(|pool| async move {
            let select = sqlx::query_scalar("SELECT value FROM scanledger_state.checkpoint WHERE name = $1");
            Ok(select.bind(name).fetch_optional(&pool).await?)
        })
    }

    fn put(&self, name: &str, value: &[u8]) -> Result<(), Cause> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.call(|pool| async move {
            let upsert = sqlx::query(
                "INSERT INTO scanledger_state.checkpoint (name, value) VALUES ($1, $2) \
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            );
            upsert.bind(name).bind(value).execute(&pool).await?;
            Ok(())
        })
    }

    fn replace(&self, name: &str, before: Option<&[u8]>, value: &[u8]) -> Result<bool, Cause> {
        let (name, before, value) = (name.to_owned(), before.map(<[u8]>::to_owned), value.to_owned());
        self.call(|pool| async move {
            let change = match before {
                None => sqlx::query(
                    "INSERT INTO scanledger_state.checkpoint (name, value) VALUES ($1, $2) \
                     ON CONFLICT DO NOTHING",
                )
                .bind(name)
                .bind(value),
                Some(before) => sqlx::query(
                    "UPDATE scanledger_state.checkpoint SET value = $2 WHERE name = $1 AND value = $3",
                )
                .bind(name)
                .bind(value)
                .bind(before),
            };
            Ok(change.execute(&pool).await?.rows_affected() > 0)
        })
    }
}
