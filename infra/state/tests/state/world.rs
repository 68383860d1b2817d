//! A store of its own for each test, on either backend.

use rusqlite::Connection as SqliteConnection;
use scanledger_domain::id::SubjectId;
use scanledger_domain::time::Timestamp;
use scanledger_domain::vault::VaultError;
use scanledger_domain::{Cause, OutOfReach};
use scanledger_state::{KeyFile, KeyedStoreError, ServerKey, State, StateError, Unusable};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::cell::Cell;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use uuid::Uuid;

/// Makes two tests of each function: `in_a_file` and `on_postgres`.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod in_a_file {
            $(#[test] fn $name() { super::$name(&crate::world::World::in_a_file()); })+
        }
        mod on_postgres {
            $(#[test] fn $name() { super::$name(&crate::world::World::on_postgres()); })+
        }
    };
}

/// A store, its key, and a clock.
pub struct World {
    folder: TempDir,
    database: Option<Database>,
    now: Cell<Timestamp>,
}

impl World {
    pub fn in_a_file() -> Self {
        Self::with(None)
    }

    pub fn on_postgres() -> Self {
        Self::with(Some(Database::new()))
    }

    fn with(database: Option<Database>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        ServerKey::create(&folder.path().join("server.key")).unwrap();
        Self { folder, database, now: Cell::new(Timestamp(1_795_255_200_000_000)) }
    }

    /// Another store, empty, under the same server key.
    pub fn sibling(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::copy(self.path("server.key"), folder.path().join("server.key")).unwrap();
        let database = self.database.as_ref().map(|_| Database::new());
        Self { folder, database, now: Cell::new(self.now.get()) }
    }

    pub fn is_in_a_file(&self) -> bool {
        self.database.is_none()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn url(&self) -> &str {
        &self.database.as_ref().unwrap().url
    }

    pub fn key(&self) -> ServerKey {
        ServerKey::load(&self.path("server.key")).unwrap()
    }

    pub fn key_file(&self) -> KeyFile {
        KeyFile::new(self.path("server.key"))
    }

    /// The store as a further process has it.
    pub fn open(&self) -> State {
        self.try_open(&self.key()).unwrap()
    }

    pub fn try_open(&self, key: &ServerKey) -> Result<State, StateError> {
        self.target().open(key)
    }

    /// Where the store is, for other threads.
    pub fn target(&self) -> Target {
        match &self.database {
            None => Target::File(self.path("state.db")),
            Some(database) => Target::Postgres(database.url.clone()),
        }
    }

    /// As a process opens it that finishes rotations.
    pub fn open_with_key_file(&self) -> State {
        self.try_open_with_key_file().unwrap()
    }

    pub fn try_open_with_key_file(&self) -> Result<State, KeyedStoreError> {
        self.try_open_with(&self.key_file())
    }

    pub fn try_open_with(&self, file: &KeyFile) -> Result<State, KeyedStoreError> {
        match &self.database {
            None => State::open_with(&self.path("state.db"), file),
            Some(database) => block_on(State::connect_with(&database.url, file)),
        }
    }

    /// The caller's clock.
    pub fn now(&self) -> Timestamp {
        match &self.database {
            None => self.now.get(),
            Some(_) => Timestamp(self.number("SELECT scanledger_state.now_us()")),
        }
    }

    /// Lets time pass for leases.
    pub fn pass(&self, seconds: i64) {
        self.now.set(self.now.get().plus_seconds(seconds));
        if self.database.is_some() {
            self.execute(&format!("UPDATE lease SET until = until - {seconds} * 1000000"));
        }
    }

    /// Does something behind the store's back.
    pub fn execute(&self, sql: &str) {
        match &self.database {
            None => SqliteConnection::open(self.path("state.db")).unwrap().execute_batch(sql).unwrap(),
            Some(database) => block_on(database.execute(sql)).unwrap(),
        }
    }

    /// A number behind the store's back.
    pub fn number(&self, sql: &str) -> i64 {
        match &self.database {
            None => {
                let connection = SqliteConnection::open(self.path("state.db")).unwrap();
                connection.query_row(sql, [], |row| row.get(0)).unwrap()
            }
            Some(database) => block_on(async {
                let mut connection = database.connect().await.unwrap();
                sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_one(&mut connection).await.unwrap()
            }),
        }
    }

    /// The first column.
    pub fn blobs(&self, sql: &str) -> Vec<Vec<u8>> {
        if let Some(database) = &self.database {
            return block_on(async {
                let mut connection = database.connect().await.unwrap();
                sqlx::query_scalar(AssertSqlSafe(sql.to_owned())).fetch_all(&mut connection).await.unwrap()
            });
        }
        let connection = SqliteConnection::open(self.path("state.db")).unwrap();
        let mut select = connection.prepare(sql).unwrap();
        select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// What the files of a store hold, as an intruder sees them.
    pub fn bytes(&self) -> Vec<u8> {
        let files = ["state.db", "state.db-wal"].map(|name| std::fs::read(self.path(name)));
        files.into_iter().flatten().flatten().collect()
    }
}

/// Where a store is.
pub enum Target {
    File(PathBuf),
    Postgres(String),
}

impl Target {
    pub fn open(&self, key: &ServerKey) -> Result<State, StateError> {
        match self {
            Self::File(path) => State::open(path, key),
            Self::Postgres(url) => block_on(State::connect(url, key)),
        }
    }
}

/// A database that is gone after the test.
pub struct Database {
    pub url: String,
    name: String,
}

impl Database {
    fn new() -> Self {
        let name = format!("state_{}", Uuid::from_u128(fastrand::u128(..)).simple());
        let server = server();
        block_on(async {
            let mut connection = PgConnection::connect(&server).await.unwrap();
            let sql = format!("CREATE DATABASE {name}");
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        });
        let (host, _) = server.rsplit_once('/').unwrap();
        Self { url: format!("{host}/{name}"), name }
    }

    async fn connect(&self) -> sqlx::Result<PgConnection> {
        let mut connection = PgConnection::connect(&self.url).await?;
        sqlx::query("SET search_path = scanledger_state").execute(&mut connection).await?;
        Ok(connection)
    }

    async fn execute(&self, sql: &str) -> sqlx::Result<()> {
        let mut connection = self.connect().await?;
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut connection).await?;
        Ok(())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        // Else the server, which is there for the tests alone, ends with it.
        let _ = block_on(async {
            let mut connection = PgConnection::connect(&server()).await?;
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await
        });
    }
}

/// The server in which tests make databases.
fn server() -> String {
    std::env::var("SCANLEDGER_TEST_POSTGRES")
        .expect("SCANLEDGER_TEST_POSTGRES names no PostgreSQL server: run through bash tests/run.sh")
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub fn subject(number: u128) -> SubjectId {
    SubjectId(Uuid::from_u128(number))
}

/// The cause of a vault's error.
#[track_caller]
pub fn reason<E: Clone + std::error::Error + 'static>(error: &VaultError) -> E {
    let reason = match error {
        VaultError::Failed { source, .. } => {
            let source = source.downcast_ref::<OutOfReach>().map_or(source, |outage| &outage.0);
            source.downcast_ref::<E>()
        }
        VaultError::Erased => None,
    };
    reason.cloned().unwrap_or_else(|| panic!("another reason is expected than {error:?}"))
}

/// Why a store is not to be used.
#[track_caller]
pub fn unusable(cause: &Cause) -> Unusable {
    cause
        .downcast_ref::<Unusable>()
        .unwrap_or_else(|| panic!("another reason is expected than {cause:?}"))
        .clone()
}

/// Why a store was not opened.
#[track_caller]
pub fn refusal(opened: Result<State, StateError>) -> Unusable {
    let Err(error) = opened else { panic!("the store must not be opened") };
    unusable(&error.source)
}

pub fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|bytes| bytes == needle)
}

pub fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}
