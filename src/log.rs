//! The event log of an installation, whichever store it is in.

use crate::adapters::SystemClock;
use crate::data::DataFolder;
use crate::place::LogPlace;
use anyhow::{Context, Result};
use scanledger_domain::log::{EventLog, ImportLog, LogError, Position};
#[cfg(feature = "kurrentdb")]
use scanledger_log_kurrentdb::KurrentLog;
use scanledger_log_postgres::PostgresLog;
use scanledger_log_sqlite::SqliteLog;
use std::sync::Arc;
use tokio::sync::watch;
use url::Url;

/// An open event log.
#[derive(Clone)]
pub enum OpenLog {
    /// In a file of the data folder.
    Sqlite(Arc<SqliteLog>),
    /// In a PostgreSQL database.
    Postgres(Arc<PostgresLog>),
    /// In a KurrentDB.
    #[cfg(feature = "kurrentdb")]
    Kurrent(Arc<KurrentLog>),
}

/// What a process appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppendStats {
    /// Events.
    pub events: u64,
    /// Transactions.
    pub groups: u64,
    /// Most requests in one transaction.
    pub largest_group: u64,
}

impl OpenLog {
    /// Opens the log at `place` for reading and appending, and makes it if there is none.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open(place: &LogPlace, folder: &DataFolder) -> Result<Self> {
        let clock = Arc::new(SystemClock);
        match place {
            LogPlace::Folder => SqliteLog::open(&folder.log(), clock).map(Arc::new).map(Self::Sqlite),
            LogPlace::Postgres(url) => {
                PostgresLog::open(url.as_str(), clock).await.map(Arc::new).map(Self::Postgres)
            }
            LogPlace::Kurrent(url) => connect_kurrent(url, folder).await,
        }
        .with_context(|| format!("while opening the event log {place}"))
    }

    /// Opens the log at `place` for reading, beside whatever appends to it.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub async fn open_read_only(place: &LogPlace, folder: &DataFolder) -> Result<Self> {
        match place {
            LogPlace::Folder => SqliteLog::open_read_only(&folder.log()).map(Arc::new).map(Self::Sqlite),
            LogPlace::Postgres(url) => {
                PostgresLog::open_read_only(url.as_str()).await.map(Arc::new).map(Self::Postgres)
            }
            LogPlace::Kurrent(url) => connect_kurrent(url, folder).await,
        }
        .with_context(|| match place {
            LogPlace::Folder => format!("while opening the event log of {}", folder.root().display()),
            LogPlace::Postgres(_) | LogPlace::Kurrent(_) => format!("while opening the event log {place}"),
        })
    }

    /// The log as a port.
    pub fn port(&self) -> Arc<dyn EventLog> {
        match self {
            Self::Sqlite(log) => Arc::clone(log) as _,
            Self::Postgres(log) => Arc::clone(log) as _,
            #[cfg(feature = "kurrentdb")]
            Self::Kurrent(log) => Arc::clone(log) as _,
        }
    }

    /// The log as something that takes over another one's events, if its store can do that.
    pub fn importer(&self) -> Option<Arc<dyn ImportLog>> {
        match self {
            Self::Sqlite(log) => Some(Arc::clone(log) as _),
            Self::Postgres(log) => Some(Arc::clone(log) as _),
            #[cfg(feature = "kurrentdb")]
            Self::Kurrent(_) => None,
        }
    }

    /// The position of the last event that this process knows of, as it changes.
    pub fn head_watch(&self) -> watch::Receiver<Position> {
        match self {
            Self::Sqlite(log) => log.head_watch(),
            Self::Postgres(log) => log.head_watch(),
            #[cfg(feature = "kurrentdb")]
            Self::Kurrent(log) => log.head_watch(),
        }
    }

    /// What was appended here since it was opened.
    pub fn stats(&self) -> AppendStats {
        let (events, groups, largest_group) = match self {
            Self::Sqlite(log) => {
                let stats = log.stats();
                (stats.events, stats.groups, stats.largest_group)
            }
            Self::Postgres(log) => {
                let stats = log.stats();
                (stats.events, stats.groups, stats.largest_group)
            }
            #[cfg(feature = "kurrentdb")]
            Self::Kurrent(log) => {
                let stats = log.stats();
                (stats.events, stats.appends, 1)
            }
        };
        AppendStats { events, groups, largest_group }
    }

    /// Finishes every request that was handed over, then stops appending.
    pub async fn close(&self) {
        match self {
            Self::Sqlite(log) => log.close().await,
            Self::Postgres(log) => log.close().await,
            #[cfg(feature = "kurrentdb")]
            Self::Kurrent(log) => log.close().await,
        }
    }
}

#[cfg(feature = "kurrentdb")]
async fn connect_kurrent(url: &Url, folder: &DataFolder) -> Result<OpenLog, LogError> {
    use scanledger_log_kurrentdb::{KurrentOptions, Namespace};
    let doing = "name the streams of the log";
    let namespace = Namespace::new("scanledger")
        .map_err(|source| LogError::Broken { doing, source: Box::new(source) })?;
    let places = folder.root().join("places.db");
    let options = KurrentOptions { connection: url.as_str().to_owned(), namespace, places };
    KurrentLog::connect(&options, &crate::adapters::TimeOrderedIds).await.map(Arc::new).map(OpenLog::Kurrent)
}

#[cfg(not(feature = "kurrentdb"))]
async fn connect_kurrent(_: &Url, _: &DataFolder) -> Result<OpenLog, LogError> {
    Err(LogError::Unavailable { doing: "open a log that this build has no adapter for", source: None })
}
