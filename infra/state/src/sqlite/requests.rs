//! Remembered requests.

use super::SqliteStore;
use crate::store::RequestRows;
use rusqlite::{Connection, params};
use scanledger_commands::ports::Seen;
use scanledger_domain::id::CommandId;
use scanledger_domain::time::Timestamp;
use scanledger_domain::{BoxFuture, Cause};
use std::sync::Arc;

impl RequestRows for SqliteStore {
    fn remember(&self, command: CommandId, body: [u8; 32]) -> BoxFuture<'_, Result<Seen, Cause>> {
        let connection = Arc::clone(&self.rest);
        Box::pin(async move {
            let remembered =
                tokio::task::spawn_blocking(move || remember(&connection.lock(), command, body)).await?;
            Ok(remembered?)
        })
    }

    fn forget(&self, now: Timestamp, age_us: i64) -> Result<u64, Cause> {
        let connection = self.rest.lock();
        let mut delete = connection.prepare_cached(
            "DELETE FROM request \
             WHERE seen_at < min(?1, CAST(unixepoch('subsec') * 1000000 AS INTEGER)) - ?2",
        )?;
        Ok(delete.execute(params![now.0, age_us])? as u64)
    }
}

fn remember(connection: &Connection, command: CommandId, body: [u8; 32]) -> rusqlite::Result<Seen> {
    // Of two at the same time one inserts, and the other reads what that one did.
    let inserted = connection
        .prepare_cached(
            "INSERT INTO request (command, body, seen_at) \
             VALUES (?1, ?2, CAST(unixepoch('subsec') * 1000000 AS INTEGER)) ON CONFLICT DO NOTHING",
        )?
        .execute(params![command.as_bytes(), body])?;
    if inserted > 0 {
        return Ok(Seen::New);
    }
    let first: [u8; 32] = connection
        .prepare_cached("SELECT body FROM request WHERE command = ?1")?
        .query_row([command.as_bytes()], |row| row.get(0))?;
    Ok(if first == body { Seen::Same } else { Seen::Different })
}
