//! The event log of an installation, whichever store it is in.

pub(crate) mod lines;
pub(crate) mod sealed;
pub(crate) mod taking;

use crate::adapters::SystemClock;
use crate::data::DataFolder;
use crate::place::LogPlace;
use anyhow::{Context, Result};
use scanledger_domain::log::{EventLog, ImportLog, LogError, LogStats, Position};
#[cfg(feature = "kurrentdb")]
use scanledger_log_kurrentdb::KurrentLog;
use scanledger_log_postgres::PostgresLog;
use scanledger_log_sqlite::SqliteLog;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use url::Url;

/// How long to wait before a database that does not answer is asked again.
const AGAIN: Duration = Duration::from_millis(500);

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

    /// Waits until the database at `place` takes connections, for `patience` at most, and says once that it waits. An
    /// attempt that is under way by then is finished, which takes some seconds at most. A log in a folder is there at
    /// once, and KurrentDB's client waits by itself.
    ///
    /// # Errors
    /// When the database does not answer in time, or answers that it will not have this user.
    pub async fn wait_for(place: &LogPlace, patience: Duration) -> Result<()> {
        let LogPlace::Postgres(url) = place else { return Ok(()) };
        let began = Instant::now();
        let mut is_told = false;
        loop {
            let error = match PostgresLog::reach(url.as_str()).await {
                Ok(()) => break,
                Err(error @ LogError::Unavailable { .. }) if began.elapsed() + AGAIN < patience => error,
                Err(error) => {
                    let tried = format!("while connecting to {place}, {} s long", began.elapsed().as_secs());
                    return Err(error).context(tried);
                }
            };
            if !is_told {
                let error = anyhow::Error::from(error);
                tracing::warn!("waiting for {place}, for at most {} s: {error:#}", patience.as_secs());
                is_told = true;
            }
            tokio::time::sleep(AGAIN).await;
        }
        if is_told {
            tracing::info!("{place} answers after {} s", began.elapsed().as_secs());
        }
        Ok(())
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

    /// For how long others may have appended what this process does not know of.
    pub fn head_age(&self) -> Duration {
        match self {
            // Nobody else appends to it.
            Self::Sqlite(_) => Duration::ZERO,
            Self::Postgres(log) => log.head_age(),
            #[cfg(feature = "kurrentdb")]
            Self::Kurrent(log) => log.head_age(),
        }
    }

    /// What was appended here since it was opened.
    pub fn stats(&self) -> LogStats {
        match self {
            Self::Sqlite(log) => log.stats(),
            Self::Postgres(log) => log.stats(),
            #[cfg(feature = "kurrentdb")]
            Self::Kurrent(log) => log.stats(),
        }
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

#[cfg(test)]
mod tests {
    use super::{AGAIN, OpenLog};
    use crate::place::LogPlace;
    use std::net::TcpListener;
    use std::time::{Duration, Instant};

    /// A port of this machine on which nobody listens.
    fn nobody() -> LogPlace {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        LogPlace::parse(&format!("postgres://ana:s3cret@127.0.0.1:{port}/scans")).unwrap()
    }

    #[tokio::test]
    async fn a_database_that_does_not_answer_is_waited_for_so_long_and_no_longer() {
        for (patience, least) in [(Duration::ZERO, Duration::ZERO), (AGAIN * 3, AGAIN * 2)] {
            let began = Instant::now();
            let refused = OpenLog::wait_for(&nobody(), patience).await.unwrap_err();
            let shown = format!("{refused:#} {refused:?}");
            assert!(shown.contains("while connecting to postgres://127.0.0.1:"), "{shown}");
            assert!(!shown.contains("s3cret"), "{shown}");
            assert!(began.elapsed() >= least && began.elapsed() < patience + Duration::from_secs(8));
        }
    }

    #[tokio::test]
    async fn a_log_in_the_data_folder_is_not_waited_for() {
        OpenLog::wait_for(&LogPlace::Folder, Duration::from_secs(60)).await.unwrap();
    }
}
