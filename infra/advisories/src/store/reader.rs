//! Reading the store: a small picture of the generation in force, and the records asked for lately.

use super::{StoreError, failed};
use crate::group::Statement;
use crate::limits::CACHE_BYTES;
use moka::sync::Cache;
use parking_lot::{Mutex, RwLock};
use rusqlite::{Connection, params};
use scanledger_domain::advisory::Generation;
use scanledger_domain::component::{Ecosystem, Package};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long matching may go on with a generation before it looks whether there is a newer one.
const STALE_AFTER: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Reader {
    connection: Mutex<Watched>,
    current: RwLock<Arc<Snapshot>>,
    opened: Instant,
    /// Milliseconds after `opened` when the generation was last looked at.
    looked_ms: AtomicU64,
}

/// A connection and what it last saw.
#[derive(Debug)]
struct Watched {
    connection: Connection,
    /// Changes when another connection commits (`PRAGMA data_version`).
    data_version: i64,
}

/// What is kept in memory of one generation.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub generation: Generation,
    /// The ecosystems of the packages with records, sorted.
    pub ecosystems: Vec<Ecosystem>,
    /// Sorted hashes of the packages with records, 8 bytes each. Two packages with one hash cost a query, no more.
    packages: Box<[u64]>,
    statements: Cache<Package, Arc<[Statement]>>,
}

impl Snapshot {
    /// Bytes of decoded records held, as they are weighed.
    #[cfg(test)]
    pub(super) fn cached_bytes(&self) -> u64 {
        self.statements.run_pending_tasks();
        self.statements.weighted_size()
    }

    fn has(&self, package: &Package) -> bool {
        self.packages.binary_search(&hash(package.ecosystem.as_str(), &package.name)).is_ok()
    }
}

fn hash(ecosystem: &str, name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (ecosystem, name).hash(&mut hasher);
    hasher.finish()
}

impl Reader {
    pub(super) fn open(connection: Connection) -> Result<Self, StoreError> {
        let data_version = data_version(&connection)?;
        let snapshot = snapshot(&connection)?;
        Ok(Self {
            connection: Mutex::new(Watched { connection, data_version }),
            current: RwLock::new(Arc::new(snapshot)),
            opened: Instant::now(),
            looked_ms: AtomicU64::new(0),
        })
    }

    /// The generation in force at this moment.
    pub(super) fn latest(&self) -> Result<Arc<Snapshot>, StoreError> {
        self.look(&mut self.connection.lock())
    }

    /// Asks the file something.
    pub(super) fn ask<T>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        question(&self.connection.lock().connection)
    }

    /// The generation last seen.
    pub(super) fn known(&self) -> Arc<Snapshot> {
        self.current.read().clone()
    }

    /// The statements about `package`, all of one generation; `None` if there are none.
    pub(super) fn statements(&self, package: &Package) -> Result<Option<Arc<[Statement]>>, StoreError> {
        let snapshot = self.recent()?;
        if !snapshot.has(package) {
            return Ok(None);
        }
        if let Some(statements) = snapshot.statements.get(package) {
            return Ok(Some(statements));
        }
        let mut watched = self.connection.lock();
        let loaded = loop {
            let snapshot = self.look(&mut watched)?;
            // An import may be committed between the look and the read; then the read is of no generation known.
            if let Some(statements) = load(&watched.connection, package, snapshot.generation)? {
                break (snapshot, statements);
            }
        };
        let (snapshot, statements) = loaded;
        snapshot.statements.insert(package.clone(), statements.clone());
        Ok(Some(statements))
    }

    fn recent(&self) -> Result<Arc<Snapshot>, StoreError> {
        let now_ms = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        let looked_ms = self.looked_ms.load(Ordering::Relaxed);
        if now_ms.saturating_sub(looked_ms) < STALE_AFTER.as_millis() as u64 {
            return Ok(self.known());
        }
        self.looked_ms.store(now_ms, Ordering::Relaxed);
        self.latest()
    }

    fn look(&self, watched: &mut Watched) -> Result<Arc<Snapshot>, StoreError> {
        let data_version = data_version(&watched.connection)?;
        let known = self.known();
        if data_version == watched.data_version {
            return Ok(known);
        }
        let snapshot = if generation(&watched.connection)? == known.generation {
            known
        } else {
            let snapshot = Arc::new(snapshot(&watched.connection)?);
            *self.current.write() = snapshot.clone();
            snapshot
        };
        watched.data_version = data_version;
        Ok(snapshot)
    }
}

fn data_version(connection: &Connection) -> Result<i64, StoreError> {
    connection
        .prepare_cached("PRAGMA data_version")
        .and_then(|mut pragma| pragma.query_row([], |row| row.get(0)))
        .map_err(failed("look for a new generation"))
}

fn generation(connection: &Connection) -> Result<Generation, StoreError> {
    connection
        .prepare_cached("SELECT number FROM generation")
        .and_then(|mut select| select.query_row([], |row| row.get(0)))
        .map(|number: i64| Generation(number.unsigned_abs()))
        .map_err(failed("read the generation"))
}

fn snapshot(connection: &Connection) -> Result<Snapshot, StoreError> {
    // One transaction, so that the names are those of the generation.
    let transaction = connection.unchecked_transaction().map_err(failed("begin to read a generation"))?;
    let generation = generation(&transaction)?;
    let mut packages = transaction
        .prepare("SELECT ecosystem, name FROM package")
        .and_then(|mut select| {
            select
                .query_map([], |row| Ok(hash(row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?)))?
                .collect::<Result<Vec<u64>, _>>()
        })
        .map_err(failed("read the names of packages"))?;
    packages.sort_unstable();
    let ecosystems = ecosystems(&transaction)?;
    let statements = Cache::builder()
        .max_capacity(CACHE_BYTES)
        .weigher(|package: &Package, statements: &Arc<[Statement]>| {
            let bytes = package.name.len() + statements.iter().map(Statement::bytes).sum::<usize>();
            u32::try_from(bytes).unwrap_or(u32::MAX)
        })
        .build();
    Ok(Snapshot { generation, ecosystems, packages: packages.into(), statements })
}

fn ecosystems(connection: &Connection) -> Result<Vec<Ecosystem>, StoreError> {
    let has = |ecosystem: &Ecosystem| {
        connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM package WHERE ecosystem = ?1)")
            .and_then(|mut select| select.query_row([ecosystem.as_str()], |row| row.get(0)))
    };
    let mut known = vec![];
    for ecosystem in Ecosystem::ALL {
        if has(&ecosystem).map_err(failed("read which ecosystems there are"))? {
            known.push(ecosystem);
        }
    }
    Ok(known)
}

/// What is said about `package`, if `expected` is the generation in force.
fn load(
    connection: &Connection,
    package: &Package,
    expected: Generation,
) -> Result<Option<Arc<[Statement]>>, StoreError> {
    let transaction = connection.unchecked_transaction().map_err(failed("begin to read records"))?;
    if generation(&transaction)? != expected {
        return Ok(None);
    }
    let rows = transaction
        .prepare_cached(
            "SELECT advisory.key, advisory.id, advisory.text, affected.rules
             FROM package
             JOIN affected ON affected.package = package.key
             JOIN advisory ON advisory.key = affected.advisory
             WHERE package.ecosystem = ?1 AND package.name = ?2
             ORDER BY affected.advisory, affected.ordinal",
        )
        .and_then(|mut select| {
            select
                .query_map(params![package.ecosystem.as_str(), package.name], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })?
                .collect::<Result<Vec<(i64, String, String, String)>, _>>()
        })
        .map_err(failed("read records"))?;
    decode(package.ecosystem, rows).map(Some)
}

fn decode(
    ecosystem: Ecosystem,
    rows: Vec<(i64, String, String, String)>,
) -> Result<Arc<[Statement]>, StoreError> {
    let mut texts = HashMap::new();
    let mut statements = vec![];
    for (key, id, text, rules) in rows {
        let damaged = |source| StoreError::Damaged { id: id.clone(), source };
        let rules = serde_json::from_str(&rules).map_err(damaged)?;
        let (id, text) = match texts.get(&key) {
            Some((id, text)) => (Arc::clone(id), Arc::clone(text)),
            None => {
                let text = Arc::new(serde_json::from_str(&text).map_err(damaged)?);
                let id = Arc::<str>::from(id.as_str());
                texts.insert(key, (id.clone(), Arc::clone(&text)));
                (id, text)
            }
        };
        statements.push(Statement::new(ecosystem, id, text, rules));
    }
    Ok(statements.into())
}
