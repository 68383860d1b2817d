//! Counts of requests that had documents searched.

use super::{PgStore, ROWS};
use crate::store::{CallRow, CallRows};
use scanledger_domain::Cause;
use scanledger_domain::id::OrganizationId;

impl CallRows for PgStore {
    fn add(&self, rows: &[CallRow]) -> Result<(), Cause> {
        let mut wanted = Vec::with_capacity(rows.len());
        for CallRow { organization, day, calls } in rows {
            wanted.push((organization.0, *day, i64::try_from(*calls)?));
        }
        // In one order everywhere, so that nodes that write the same rows wait for each other and never in a ring.
        wanted.sort_unstable();
        self.call(|pool| async move {
            let mut tx = pool.begin().await?;
            for page in wanted.chunks(ROWS) {
                sqlx::query(
                    "INSERT INTO scanledger_state.document_call AS c (organization, day, calls) \
                     SELECT * FROM unnest($1::uuid[], $2::integer[], $3::bigint[]) \
                     ON CONFLICT (organization, day) DO UPDATE SET calls = c.calls + excluded.calls",
                )
                .bind(page.iter().map(|(organization, ..)| *organization).collect::<Vec<_>>())
                .bind(page.iter().map(|(_, day, _)| *day).collect::<Vec<_>>())
                .bind(page.iter().map(|(.., calls)| *calls).collect::<Vec<_>>())
                .execute(&mut *tx)
                .await?;
            }
            Ok(tx.commit().await?)
        })
    }

    fn sum(&self, organization: OrganizationId, first: i32) -> Result<u64, Cause> {
        let sum: i64 = self.call(move |pool| async move {
            let select = sqlx::query_scalar(
                "SELECT coalesce(sum(calls), 0)::bigint FROM scanledger_state.document_call \
                 WHERE organization = $1 AND day >= $2",
            );
            Ok(select.bind(organization.0).bind(first).fetch_one(&pool).await?)
        })?;
        Ok(u64::try_from(sum)?)
    }

    fn forget(&self, first: i32) -> Result<(), Cause> {
        self.call(move |pool| async move {
            let delete = sqlx::query("DELETE FROM scanledger_state.document_call WHERE day < $1");
            delete.bind(first).execute(&pool).await?;
            Ok(())
        })
    }
}
