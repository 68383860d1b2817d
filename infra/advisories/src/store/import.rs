//! Imports: many records in, one generation out, in one transaction.

use super::standing::{Standing, standing};
use super::{StoreError, failed};
use crate::limits::{PROBLEMS, PROGRESS_RECORDS};
use crate::record::{Record, Unusable};
use crate::report::{FileReport, ImportError, ImportProgress, ImportReport, Problem};
use crate::source::{self, Bounds};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use scanledger_domain::Cause;
use scanledger_domain::advisory::Generation;
use scanledger_domain::component::Package;
use scanledger_domain::id::EventId;
use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

/// Which generation an import becomes, and when.
pub(super) enum Becoming<'a> {
    /// The one after the present one, if a record changes.
    Next,
    /// As [`Self::Next`], after this has taken note of it.
    Recorded(&'a mut dyn FnMut(&ImportReport) -> Result<EventId, Cause>),
    /// The one that it is in the log.
    Given(Generation, EventId),
}

pub(super) fn import(
    connection: &mut Connection,
    sources: &[PathBuf],
    becoming: Becoming<'_>,
    progress: &dyn Fn(ImportProgress<'_>),
    bounds: Bounds,
) -> Result<ImportReport, ImportError> {
    // Takes the write lock at once: records are compared with what no other import can change.
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed("begin the import"))?;
    let mut import = Import { transaction: &transaction, seen: HashSet::new() };
    let mut files = vec![];
    for (source, path) in sources.iter().enumerate() {
        let mut file = FileReport { path: path.clone(), ..FileReport::default() };
        let at = |records, total| ImportProgress { path, source, sources: sources.len(), records, total };
        let mut looked_at = 0;
        source::read(path, bounds, &mut |name, total, found| {
            import.take(&mut file, name, found)?;
            looked_at += 1;
            if looked_at % PROGRESS_RECORDS == 0 {
                progress(at(looked_at, total));
            }
            Ok(())
        })?;
        progress(at(looked_at, Some(looked_at)));
        file.ecosystems.sort_unstable();
        files.push(file);
    }
    let before = standing(&transaction)?;
    let mut report = ImportReport { generation: before.generation, files };
    let next = Generation(before.generation.0 + u64::from(report.is_new_generation()));
    let after = match becoming {
        Becoming::Next if report.is_new_generation() => Standing { generation: next, event: None },
        Becoming::Recorded(record) if report.is_new_generation() => {
            report.generation = next;
            let event = record(&report).map_err(|source| ImportError::NotRecorded { source })?;
            Standing { generation: next, event: Some(event) }
        }
        // Not even the later times of records that are the same: other nodes hear nothing of them.
        Becoming::Recorded(_) => return Ok(report),
        Becoming::Given(generation, event) if generation >= before.generation => {
            Standing { generation, event: Some(event) }
        }
        Becoming::Next | Becoming::Given(..) => before,
    };
    report.generation = after.generation;
    transaction
        .execute(
            "UPDATE generation SET number = ?1, event = ?2",
            params![
                i64::try_from(after.generation.0).unwrap_or(i64::MAX),
                after.event.map(|event| event.to_string())
            ],
        )
        .map_err(failed("count the generation"))?;
    transaction.commit().map_err(failed("commit the import"))?;
    tidy(connection);
    Ok(report)
}

/// Moves the import from the write-ahead log into the file. Waits for no reader that still needs the log: this
/// only saves space, and the next import tries again.
fn tidy(connection: &Connection) {
    let tidied = connection
        .busy_timeout(Duration::ZERO)
        .and_then(|()| connection.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);"));
    if let Err(error) = tidied {
        tracing::warn!(%error, "the advisories could not be tidied up after an import");
    }
}

struct Import<'a> {
    transaction: &'a Transaction<'a>,
    /// Keys of the records that were met in this import.
    seen: HashSet<i64>,
}

/// What is known of a record before.
struct Known {
    key: i64,
    modified: Option<i64>,
    withdrawn: bool,
    digest: Vec<u8>,
}

impl Import<'_> {
    fn take(
        &mut self,
        file: &mut FileReport,
        name: &str,
        found: source::Found<'_>,
    ) -> Result<(), StoreError> {
        let record = found.map_err(Unusable::Broken).and_then(Record::read);
        let record = match record {
            Ok(record) => record,
            Err(unusable) => {
                note(file, name, &unusable);
                return Ok(());
            }
        };
        file.records += 1;
        for ecosystem in &record.ecosystems {
            if !file.ecosystems.contains(ecosystem) {
                file.ecosystems.push(*ecosystem);
            }
        }
        self.put(file, &record)
    }

    fn put(&mut self, file: &mut FileReport, record: &Record) -> Result<(), StoreError> {
        let digest = record.digest();
        let Some(known) = self.known(&record.id)? else {
            let key = self.insert(record, &digest)?;
            self.seen.insert(key);
            *(if record.withdrawn { &mut file.withdrawn } else { &mut file.added }) += 1;
            return Ok(());
        };
        let is_first = self.seen.insert(known.key);
        if known.digest == digest {
            file.unchanged += 1;
            return if record.modified > known.modified {
                self.touch(known.key, record.modified)
            } else {
                Ok(())
            };
        }
        // `None`, no usable time, is less than every time.
        if record.modified < known.modified || (record.modified == known.modified && !is_first) {
            file.older += 1;
            return Ok(());
        }
        self.replace(known.key, record, &digest)?;
        *(match (known.withdrawn, record.withdrawn) {
            (true, false) => &mut file.added,
            (false, true) => &mut file.withdrawn,
            (false, false) | (true, true) => &mut file.changed,
        }) += 1;
        Ok(())
    }

    fn known(&self, id: &str) -> Result<Option<Known>, StoreError> {
        let mut select = self
            .transaction
            .prepare_cached("SELECT key, modified, withdrawn, digest FROM advisory WHERE id = ?1")
            .map_err(failed("look up a record"))?;
        let known = |row: &rusqlite::Row<'_>| {
            Ok(Known { key: row.get(0)?, modified: row.get(1)?, withdrawn: row.get(2)?, digest: row.get(3)? })
        };
        select.query_row([id], known).optional().map_err(failed("look up a record"))
    }

    fn touch(&self, key: i64, modified: Option<i64>) -> Result<(), StoreError> {
        self.execute("UPDATE advisory SET modified = ?2 WHERE key = ?1", params![key, modified])
    }

    fn insert(&self, record: &Record, digest: &[u8]) -> Result<i64, StoreError> {
        self.execute(
            "INSERT INTO advisory (id, modified, withdrawn, digest, text) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![record.id, record.modified, record.withdrawn, digest, json(&record.text)],
        )?;
        let key = self.transaction.last_insert_rowid();
        self.affect(key, record)?;
        Ok(key)
    }

    fn replace(&self, key: i64, record: &Record, digest: &[u8]) -> Result<(), StoreError> {
        self.execute(
            "UPDATE advisory SET modified = ?2, withdrawn = ?3, digest = ?4, text = ?5 WHERE key = ?1",
            params![key, record.modified, record.withdrawn, digest, json(&record.text)],
        )?;
        self.execute("DELETE FROM affected WHERE advisory = ?1", params![key])?;
        self.affect(key, record)
    }

    fn affect(&self, key: i64, record: &Record) -> Result<(), StoreError> {
        for (ordinal, (package, rules)) in (0_i64..).zip(&record.affected) {
            let package = self.package(package)?;
            self.execute(
                "INSERT INTO affected (package, advisory, ordinal, rules) VALUES (?1, ?2, ?3, ?4)",
                params![package, key, ordinal, json(rules)],
            )?;
        }
        Ok(())
    }

    fn package(&self, package: &Package) -> Result<i64, StoreError> {
        let mut select = self
            .transaction
            .prepare_cached("SELECT key FROM package WHERE ecosystem = ?1 AND name = ?2")
            .map_err(failed("look up a package"))?;
        let named = params![package.ecosystem.as_str(), package.name];
        if let Some(key) =
            select.query_row(named, |row| row.get(0)).optional().map_err(failed("look up a package"))?
        {
            return Ok(key);
        }
        self.execute("INSERT INTO package (ecosystem, name) VALUES (?1, ?2)", named)?;
        Ok(self.transaction.last_insert_rowid())
    }

    fn execute(&self, sql: &'static str, values: &[&dyn rusqlite::ToSql]) -> Result<(), StoreError> {
        self.transaction
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(values))
            .map(|_| ())
            .map_err(failed("write a record"))
    }
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("strings, numbers and lists are always valid JSON")
}

fn note(file: &mut FileReport, name: &str, unusable: &Unusable) {
    match unusable {
        Unusable::Broken(_) => file.broken += 1,
        Unusable::OtherEcosystem => file.skipped += 1,
    }
    if file.problems.len() < PROBLEMS {
        tracing::warn!(source = %file.path.display(), file = name, reason = %unusable, "an advisory was not imported");
        file.problems.push(Problem { file: name.to_owned(), reason: unusable.to_string() });
    }
}
