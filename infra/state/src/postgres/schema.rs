//! The schema: its migrations, and which ones are refused.

use crate::store::Unusable;
use scanledger_domain::Cause;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{PgPool, SqlSafeStr};
use std::borrow::Cow;

const SCHEMA: &str = "scanledger_state";

/// Inside the schema, so that it does not meet those of others in the same database.
const TABLE: &str = "scanledger_state.migration";

/// Each with its version.
const MIGRATIONS: [(i64, &str); 2] = [
    (1, include_str!("../../../../migrations/state/postgres/0001_state.sql")),
    (2, include_str!("../../../../migrations/state/postgres/0002_document_calls.sql")),
];

/// Brings the schema to the newest version, under an advisory lock, so that of several nodes one does it.
///
/// If it fails the pool has to be closed, for the lock goes with its connection.
pub(super) async fn migrate(pool: &PgPool) -> Result<(), Cause> {
    let migrations = MIGRATIONS.map(|(version, sql)| {
        Migration::new(version, Cow::Borrowed("state"), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.to_vec());
    migrator.dangerous_set_table_name(TABLE);
    migrator.create_schema(SCHEMA);
    migrator.run(pool).await.map_err(refusal)
}

fn refusal(error: MigrateError) -> Cause {
    match error {
        MigrateError::VersionMissing(found) => {
            Unusable::Newer { found: usize::try_from(found).unwrap_or(usize::MAX), known: MIGRATIONS.len() }
                .into()
        }
        MigrateError::VersionMismatch(_) => Unusable::Foreign.into(),
        other => other.into(),
    }
}

/// Whether the schema is there, with keys in it.
pub(super) async fn is_set_up(pool: &PgPool) -> Result<bool, Cause> {
    let is_there = "SELECT to_regclass('scanledger_state.installation') IS NOT NULL";
    if !sqlx::query_scalar(is_there).fetch_one(pool).await? {
        return Ok(false);
    }
    let has_keys = "SELECT EXISTS (SELECT FROM scanledger_state.installation)";
    Ok(sqlx::query_scalar(has_keys).fetch_one(pool).await?)
}
