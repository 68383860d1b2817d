//! What deleted and replaced keys leave in the files of the database.
//!
//! A row that is deleted or replaced stays in its page. A plain `VACUUM` only takes it off the list of the page's rows:
//! of the last one, and of rows that were moved when an earlier one went, the bytes stay until something else is
//! written there. Only tables that are written anew have none of them (`VACUUM FULL`). So whoever deletes or replaces
//! keys notes that in the same transaction, and whoever tidies up next, on any node, does it.

use scanledger_domain::Cause;
use sqlx::{Connection, PgConnection, PgPool};
use std::time::Duration;

/// The checkpoint that says since which transaction there is something to do.
const MARK: &str = "keys/unswept";

/// The tables with keys, each with what writes it anew.
const TABLES: [[&str; 2]; 2] = [
    ["scanledger_state.installation", "VACUUM (FULL) scanledger_state.installation"],
    ["scanledger_state.subject_key", "VACUUM (FULL) scanledger_state.subject_key"],
];

/// Nobody reads keys while their table is written anew: 0.12 s for 100,000 of them in 14 MB, 0.8 s for a million.
/// Beyond this it is left to a quiet hour.
const AT_MOST_BYTES: i64 = 256 * 1024 * 1024;

/// How long to wait for those who read keys. Who wants to read them meanwhile waits as long.
const LOCK: &str = "500ms";

/// Up to this, writing a table anew takes long only now and then.
const SMALL_BYTES: i64 = 16 * 1024 * 1024;

/// How long writing a table anew may take, while nobody reads it: less than others wait for it.
const WRITE: &str = "3s";

/// SQLSTATE of a statement that took too long.
const CANCELED: &str = "57014";

/// How often, and how long apart, to look whether somebody may still see what was deleted. Most transactions are short.
const LOOKS: u32 = 5;
const APART: Duration = Duration::from_millis(200);

/// What became of deleted keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Swept {
    /// There are none in the files.
    Nothing,
    /// They have left the files.
    Gone,
    /// They are in the files of this table, which are not written anew beside running nodes, or only slowly. Said once.
    TooLarge(&'static str),
}

/// Why deleted keys are still in the files.
#[derive(Debug, thiserror::Error)]
enum Unswept {
    #[error(
        "a transaction that began before still sees them: of a session, a prepared one, or that of a replica's query"
    )]
    Seen,
    #[error("the server keeps rows for a while after they were deleted (vacuum_defer_cleanup_age)")]
    Deferred,
    #[error("{0} can be written anew by its owner alone, and this is another role")]
    NotOwner(&'static str),
}

/// Notes that keys are deleted or replaced by this transaction. The last to note it is the last to commit, because each
/// holds the row of the installation; its number need not be the highest.
pub(super) async fn mark(tx: &mut PgConnection) -> Result<(), Cause> {
    sqlx::query(
        "INSERT INTO scanledger_state.checkpoint (name, value) \
         SELECT $1, convert_to(greatest(pg_current_xact_id(), pg_snapshot_xmax(pg_current_snapshot()))::text, 'UTF8') \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .bind(MARK)
    .execute(tx)
    .await?;
    Ok(())
}

/// Takes deleted keys out of the files, if there are any.
///
/// # Errors
/// When they are still there: the mark is too, and a later call goes on.
pub(super) async fn sweep(pool: PgPool) -> Result<Swept, Cause> {
    let mark = sqlx::query_scalar(
        "SELECT convert_from(value, 'UTF8') FROM scanledger_state.checkpoint WHERE name = $1",
    );
    let Some(mark): Option<String> = mark.bind(MARK).fetch_optional(&pool).await? else {
        return Ok(Swept::Nothing);
    };
    // Of servers up to version 15.
    let is_deferred =
        sqlx::query_scalar("SELECT coalesce(current_setting('vacuum_defer_cleanup_age', true), '0') <> '0'");
    if is_deferred.fetch_one(&pool).await? {
        return Err(Unswept::Deferred.into());
    }
    wait_until_unseen(&pool, &mark).await?;
    let swept = write_anew(&pool).await?;
    // A mark of somebody who came later stays.
    sqlx::query(
        "DELETE FROM scanledger_state.checkpoint WHERE name = $1 AND convert_from(value, 'UTF8') = $2",
    )
    .bind(MARK)
    .bind(&mark)
    .execute(&pool)
    .await?;
    Ok(swept)
}

/// Rows that somebody may still see are written into the new file too, so nothing is begun before nobody does.
async fn wait_until_unseen(pool: &PgPool, mark: &str) -> Result<(), Cause> {
    for look in 1..=LOOKS {
        // A number that this server has not come to yet is that of the server from which the database was brought, as
        // a dump, in which there are no deleted rows.
        let is_seen: bool = sqlx::query_scalar(
            "SELECT $1::text::xid8 <= pg_snapshot_xmax(pg_current_snapshot()) AND EXISTS ( \
                 SELECT FROM ( \
                     SELECT unnest(ARRAY[backend_xid, backend_xmin]) FROM pg_stat_activity \
                     WHERE pid <> pg_backend_pid() AND (datname IS NULL OR datname = current_database()) \
                     UNION ALL SELECT transaction FROM pg_prepared_xacts WHERE database = current_database() \
                     UNION ALL SELECT xmin FROM pg_replication_slots \
                 ) AS held (xid) \
                 WHERE xid IS NOT NULL AND age(xid) >= age($1::text::xid8::xid))",
        )
        .bind(mark)
        .fetch_one(pool)
        .await?;
        if !is_seen {
            return Ok(());
        }
        if look < LOOKS {
            tokio::time::sleep(APART).await;
        }
    }
    Err(Unswept::Seen.into())
}

/// Writes the tables anew, each in a transaction of its own, which `VACUUM` needs.
async fn write_anew(pool: &PgPool) -> Result<Swept, Cause> {
    // A connection of its own, because none of the others may wait so shortly.
    let options = (*pool.connect_options()).clone().options([
        ("lock_timeout", LOCK),
        ("statement_timeout", WRITE),
        // Who may not write a table anew is warned by the server each time; it is noticed below.
        ("client_min_messages", "error"),
    ]);
    let mut connection = PgConnection::connect_with(&options).await?;
    let done = write_all_anew(&mut connection).await;
    // What it did is done, and the server notices an end without a farewell.
    let _ = connection.close().await;
    done
}

async fn write_all_anew(connection: &mut PgConnection) -> Result<Swept, Cause> {
    let mut left = None;
    for [table, write] in TABLES {
        let size = sqlx::query_scalar("SELECT pg_relation_size($1::text::regclass)");
        let size: i64 = size.bind(table).fetch_one(&mut *connection).await?;
        if size > AT_MOST_BYTES {
            left = Some(table);
            continue;
        }
        let before = file_of(connection, table).await?;
        match sqlx::raw_sql(write).execute(&mut *connection).await {
            Err(sqlx::Error::Database(error))
                if size > SMALL_BYTES && error.code().as_deref() == Some(CANCELED) =>
            {
                left = Some(table);
                continue;
            }
            written => written.map(drop)?,
        }
        // Who may not is warned by the server, and no more.
        if file_of(connection, table).await? == before {
            return Err(Unswept::NotOwner(table).into());
        }
    }
    Ok(left.map_or(Swept::Gone, Swept::TooLarge))
}

async fn file_of(connection: &mut PgConnection, table: &str) -> Result<Option<String>, Cause> {
    let path = sqlx::query_scalar("SELECT pg_relation_filepath($1::text::regclass)");
    Ok(path.bind(table).fetch_one(connection).await?)
}
