//! A database for each test.

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};

/// Databases that this process has made.
static MADE: AtomicU32 = AtomicU32::new(0);

/// A new database on the server of the tests, dropped with everything in it at the end.
pub(crate) struct Database {
    server: String,
    name: String,
    url: String,
}

/// The URL of the server that was started for the tests.
fn server() -> String {
    std::env::var("SCANLEDGER_TEST_POSTGRES")
        .expect("SCANLEDGER_TEST_POSTGRES names no server: run the tests through `bash tests/run.sh`")
}

impl Database {
    pub(crate) async fn create() -> Self {
        Self::create_on(server()).await
    }

    /// On another server than the common one.
    pub(crate) async fn create_on(server: String) -> Self {
        let name = format!("test_{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let (address, _) = server.rsplit_once('/').expect("the URL names a database");
        let url = format!("{address}/{name}");
        run(&server, format!("CREATE DATABASE {name}")).await;
        Self { server, name, url }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// A connection past the log.
    pub(crate) async fn connect(&self) -> PgConnection {
        PgConnectOptions::from_str(&self.url).unwrap().connect().await.unwrap()
    }

    /// Ends every connection to the database but the one that asks; answers how many.
    pub(crate) async fn cut(connection: &mut PgConnection) -> i64 {
        let cut = "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                   WHERE datname = current_database() AND pid <> pg_backend_pid()) AS cut";
        sqlx::query_scalar(cut).fetch_one(connection).await.unwrap()
    }
}

impl Drop for Database {
    /// On a thread of its own, because a runtime cannot wait for another one.
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let drop = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            // A server that has gone has taken the database along.
            runtime.block_on(async {
                if let Ok(mut connection) = PgConnectOptions::from_str(&server).unwrap().connect().await {
                    let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                    let _ = sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await;
                }
            });
        };
        let _ = std::thread::spawn(drop).join();
    }
}

async fn run(url: &str, statement: String) {
    let mut connection = PgConnectOptions::from_str(url).unwrap().connect().await.unwrap();
    sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}
