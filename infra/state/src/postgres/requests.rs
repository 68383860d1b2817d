//! Remembered requests.

use super::{CALL, PgStore};
use crate::store::RequestRows;
use scanledger_commands::ports::Seen;
use scanledger_domain::id::CommandId;
use scanledger_domain::time::Timestamp;
use scanledger_domain::{BoxFuture, Cause};
use sqlx::PgPool;
use std::time::Instant;

impl RequestRows for PgStore {
    fn remember(&self, command: CommandId, body: [u8; 32]) -> BoxFuture<'_, Result<Seen, Cause>> {
        Box::pin(self.thread.call_async(CALL, move |pool| remember(pool, command, body)))
    }

    fn forget(&self, now: Timestamp, age_us: i64) -> Result<u64, Cause> {
        let asked = Instant::now();
        let (forgotten, database_us): (i64, i64) = self.call(move |pool| async move {
            // The clock is read once, in a query of its own, so that the index is used.
            let delete = sqlx::query_as(
                "WITH gone AS (\
                     DELETE FROM scanledger_state.request \
                     WHERE seen_at < (SELECT least($1, scanledger_state.now_us()) - $2) RETURNING command\
                 ) SELECT count(*), scanledger_state.now_us() FROM gone",
            );
            Ok(delete.bind(now.0).bind(age_us).fetch_one(&pool).await?)
        })?;
        self.difference.learn(now, asked, database_us);
        Ok(u64::try_from(forgotten)?)
    }
}

async fn remember(pool: PgPool, command: CommandId, body: [u8; 32]) -> Result<Seen, Cause> {
    // Of two at the same time one inserts; the other waits for that, and reads what it did.
    let insert = sqlx::query(
        "INSERT INTO scanledger_state.request (command, body, seen_at) \
         VALUES ($1, $2, scanledger_state.now_us()) ON CONFLICT (command) DO NOTHING",
    );
    let inserted = insert.bind(command.0).bind(body.as_slice()).execute(&pool).await?;
    if inserted.rows_affected() > 0 {
        return Ok(Seen::New);
    }
    let first = sqlx::query_scalar("SELECT body FROM scanledger_state.request WHERE command = $1");
    let first: Vec<u8> = first.bind(command.0).fetch_one(&pool).await?;
    Ok(if first == body { Seen::Same } else { Seen::Different })
}
