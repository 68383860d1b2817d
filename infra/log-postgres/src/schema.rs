//! The schema: how it is made and brought up to date, and which databases are refused.

use crate::connect::connect;
use crate::error::{broken, failed};
use scanledger_domain::log::LogError;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, SqlSafeStr};
use uuid::Uuid;

/// The database's schema that holds everything of the log.
const SCHEMA: &str = "scanledger_log";

/// Where the migrations that were made are kept.
const MIGRATIONS_TABLE: &str = "scanledger_log.migrations";

/// What each schema number adds, the first making number 1.
const MIGRATIONS: [(&str, &str); 4] = [
    ("events", include_str!("../../../migrations/log/postgres/0001_events.sql")),
    ("append_event", include_str!("../../../migrations/log/postgres/0002_append_event.sql")),
    ("quiet_appends", include_str!("../../../migrations/log/postgres/0003_quiet_appends.sql")),
    ("append_parts", include_str!("../../../migrations/log/postgres/0004_append_parts.sql")),
];

/// Why a database cannot be used as an event log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Its log was made by a newer version of this program.
    #[error("the event log has schema {found}, and this version knows up to {known}")]
    Newer {
        /// The schema of the log.
        found: usize,
        /// The newest schema this binary knows.
        known: usize,
    },
    /// Its log was made by an older version, and was opened for reading only.
    #[error("the event log has schema {found}; a server of this version has to open it once")]
    Older {
        /// The schema of the log; 0 when there is none.
        found: usize,
    },
}

/// Makes the log or brings it to the newest schema; answers its identity.
pub(crate) async fn open(options: &PgConnectOptions) -> Result<Uuid, LogError> {
    let doing = "open the event log";
    let mut connection = connect(options).await.map_err(failed(doing))?;
    match version(&mut connection).await.map_err(failed(doing))? {
        found if found > MIGRATIONS.len() => return Err(newer(found)),
        found if found < MIGRATIONS.len() => migrate(&mut connection).await?,
        _ => {}
    }
    let identity = identity(&mut connection).await.map_err(failed(doing))?;
    // All that is left to do is to say goodbye.
    let _ = connection.close().await;
    Ok(identity)
}

/// The identity of a log that is there already.
pub(crate) async fn open_read_only(options: &PgConnectOptions) -> Result<Uuid, LogError> {
    let doing = "open the event log for reading";
    let mut connection = connect(options).await.map_err(failed(doing))?;
    match version(&mut connection).await.map_err(failed(doing))? {
        found if found > MIGRATIONS.len() => return Err(newer(found)),
        found if found < MIGRATIONS.len() => return Err(broken(doing)(Unusable::Older { found })),
        _ => {}
    }
    let identity = identity(&mut connection).await.map_err(failed(doing))?;
    let _ = connection.close().await;
    Ok(identity)
}

fn newer(found: usize) -> LogError {
    broken("open the event log")(Unusable::Newer { found, known: MIGRATIONS.len() })
}

/// The number of the last migration that was made; 0 when there is no log.
async fn version(connection: &mut PgConnection) -> sqlx::Result<usize> {
    let exists: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(MIGRATIONS_TABLE)
        .fetch_one(&mut *connection)
        .await?;
    if !exists {
        return Ok(0);
    }
    let last: i64 =
        sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM scanledger_log.migrations WHERE success")
            .fetch_one(connection)
            .await?;
    Ok(usize::try_from(last).unwrap_or(usize::MAX))
}

/// Makes the migrations that are missing. The migrator takes an advisory lock first, so that of several nodes that
/// start together one does it, and the others find it done.
async fn migrate(connection: &mut PgConnection) -> Result<(), LogError> {
    let migrations = (1..).zip(MIGRATIONS).map(|(number, (name, sql))| {
        Migration::new(number, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.dangerous_set_table_name(MIGRATIONS_TABLE);
    migrator.create_schema(SCHEMA);
    let doing = "make the schema of the event log";
    match migrator.run_direct(None, connection, false).await {
        Ok(()) => Ok(()),
        Err(MigrateError::Execute(error)) => Err(failed(doing)(error)),
        // A newer node was faster.
        Err(MigrateError::VersionMissing(found)) => Err(newer(usize::try_from(found).unwrap_or(usize::MAX))),
        Err(error) => Err(broken(doing)(error)),
    }
}

async fn identity(connection: &mut PgConnection) -> sqlx::Result<Uuid> {
    sqlx::query_scalar("SELECT identity FROM scanledger_log.log").fetch_one(connection).await
}
