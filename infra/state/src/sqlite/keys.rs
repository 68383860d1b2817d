//! Keys at rest.

use super::SqliteStore;
use crate::store::{AllKeys, Found, FoundKey, Installation, KeyRows, PutKey, Wrapped};
use crate::vault::{Rewrap, generation_after};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use scanledger_domain::Cause;
use scanledger_domain::id::SubjectId;
use uuid::Uuid;

impl KeyRows for SqliteStore {
    fn load(&self) -> Result<Option<Installation>, Cause> {
        Ok(installation(&self.keys.lock())?)
    }

    fn fill(&self, fresh: Installation) -> Result<Installation, Cause> {
        let mut connection = self.keys.lock();
        let tx = begin(&mut connection)?;
        for (insert, key) in [
            (
                "INSERT INTO data_key (one, wrapped) VALUES (1, ?1) ON CONFLICT DO NOTHING",
                Some(fresh.data_key),
            ),
            (
                "INSERT INTO signing_key (one, wrapped) VALUES (1, ?1) ON CONFLICT DO NOTHING",
                fresh.signing_key,
            ),
        ] {
            tx.execute(insert, [key])?;
        }
        tx.execute(
            "INSERT INTO key_check (one, sealed, generation) VALUES (1, ?1, ?2) ON CONFLICT DO NOTHING",
            params![fresh.check, fresh.generation],
        )?;
        let filled = installation(&tx)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        tx.commit()?;
        Ok(filled)
    }

    fn find(&self, subject: SubjectId) -> Result<Found, Cause> {
        Ok(find(&self.keys.lock(), subject)?)
    }

    fn put(&self, generation: i64, subject: SubjectId, wrapped: Wrapped) -> Result<PutKey, Cause> {
        let mut connection = self.keys.lock();
        // Locked for writing from the start, so that two do not both find no key.
        let tx = begin(&mut connection)?;
        let found = find(&tx, subject)?;
        if found.generation != generation {
            return Ok(PutKey::OtherGeneration);
        }
        match found.key {
            FoundKey::Key(wrapped) => Ok(PutKey::Key(wrapped)),
            FoundKey::Erased => Ok(PutKey::Erased),
            FoundKey::None => {
                insert_subject(&tx, subject, &wrapped)?;
                tx.commit()?;
                Ok(PutKey::Key(wrapped))
            }
        }
    }

    fn erase(&self, subject: SubjectId) -> Result<(), Cause> {
        let mut connection = self.keys.lock();
        let tx = begin(&mut connection)?;
        tx.execute("DELETE FROM subject_key WHERE subject = ?1", [subject.as_bytes()])?;
        insert_erased(&tx, subject)?;
        tx.commit()?;
        Ok(self.empty_wal(&connection)?)
    }

    fn erased(&self) -> Result<Vec<SubjectId>, Cause> {
        Ok(erased(&self.keys.lock())?)
    }

    fn erasures(&self) -> Result<i64, Cause> {
        let connection = self.keys.lock();
        let mut select = connection.prepare_cached("SELECT coalesce(max(seq), 0) FROM erased_subject")?;
        Ok(select.query_row([], |row| row.get(0))?)
    }

    fn rewrap(&self, rewrap: Rewrap) -> Result<Installation, Cause> {
        let mut connection = self.keys.lock();
        let tx = begin(&mut connection)?;
        let before = installation(&tx)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        let after = rewrap.installation(&before)?;
        {
            let mut update = tx.prepare("UPDATE subject_key SET wrapped = ?2 WHERE subject = ?1")?;
            for (subject, wrapped) in subjects(&tx)? {
                update.execute(params![subject.as_bytes(), rewrap.subject_key(subject, &wrapped)?])?;
            }
        }
        replace_installation(&tx, &after)?;
        tx.commit()?;
        self.empty_wal(&connection)?;
        Ok(after)
    }

    fn export(&self) -> Result<AllKeys, Cause> {
        let mut connection = self.keys.lock();
        let tx = connection.transaction()?;
        let installation = installation(&tx)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        Ok(AllKeys { installation, subjects: subjects(&tx)?, erased: erased(&tx)? })
    }

    fn import(&self, keys: AllKeys) -> Result<Option<Installation>, Cause> {
        let mut connection = self.keys.lock();
        let tx = begin(&mut connection)?;
        let is_used = "SELECT EXISTS (SELECT 1 FROM subject_key) OR EXISTS (SELECT 1 FROM erased_subject)";
        if tx.query_row(is_used, [], |row| row.get(0))? {
            return Ok(None);
        }
        let before = installation(&tx)?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        let after = Installation { generation: generation_after(before.generation)?, ..keys.installation };
        for (subject, wrapped) in &keys.subjects {
            insert_subject(&tx, *subject, wrapped)?;
        }
        for subject in keys.erased {
            insert_erased(&tx, subject)?;
        }
        replace_installation(&tx, &after)?;
        tx.commit()?;
        self.empty_wal(&connection)?;
        Ok(Some(after))
    }
}

fn begin(connection: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    connection.transaction_with_behavior(TransactionBehavior::Immediate)
}

fn installation(connection: &Connection) -> rusqlite::Result<Option<Installation>> {
    let mut select = connection.prepare_cached(
        "SELECT k.generation, k.sealed, d.wrapped, s.wrapped \
         FROM key_check AS k JOIN data_key AS d ON d.one = k.one LEFT JOIN signing_key AS s ON s.one = k.one",
    )?;
    let row = select.query_row([], |row| {
        Ok(Installation {
            generation: row.get(0)?,
            check: row.get(1)?,
            data_key: row.get(2)?,
            signing_key: row.get(3)?,
        })
    });
    row.optional()
}

fn replace_installation(tx: &Transaction<'_>, keys: &Installation) -> rusqlite::Result<()> {
    tx.execute("UPDATE key_check SET sealed = ?1, generation = ?2", params![keys.check, keys.generation])?;
    tx.execute("UPDATE data_key SET wrapped = ?1", [&keys.data_key])?;
    tx.execute("UPDATE signing_key SET wrapped = ?1", [&keys.signing_key])?;
    Ok(())
}

fn find(connection: &Connection, subject: SubjectId) -> rusqlite::Result<Found> {
    let mut select = connection.prepare_cached(
        "SELECT generation, (SELECT wrapped FROM subject_key WHERE subject = ?1), \
                EXISTS (SELECT 1 FROM erased_subject WHERE subject = ?1) \
         FROM key_check",
    )?;
    select.query_row([subject.as_bytes()], |row| {
        let key = match row.get(1)? {
            Some(wrapped) => FoundKey::Key(wrapped),
            None if row.get(2)? => FoundKey::Erased,
            None => FoundKey::None,
        };
        Ok(Found { key, generation: row.get(0)? })
    })
}

fn insert_subject(tx: &Transaction<'_>, subject: SubjectId, wrapped: &[u8]) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT INTO subject_key (subject, wrapped) VALUES (?1, ?2)")?
        .execute(params![subject.as_bytes(), wrapped])?;
    Ok(())
}

fn insert_erased(tx: &Transaction<'_>, subject: SubjectId) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT INTO erased_subject (subject) VALUES (?1) ON CONFLICT (subject) DO NOTHING")?
        .execute([subject.as_bytes()])?;
    Ok(())
}

fn subjects(connection: &Connection) -> rusqlite::Result<Vec<(SubjectId, Wrapped)>> {
    let mut select = connection.prepare("SELECT subject, wrapped FROM subject_key ORDER BY subject")?;
    let rows = select.query_map([], |row| Ok((SubjectId(Uuid::from_bytes(row.get(0)?)), row.get(1)?)))?;
    rows.collect()
}

fn erased(connection: &Connection) -> rusqlite::Result<Vec<SubjectId>> {
    let mut select = connection.prepare_cached("SELECT subject FROM erased_subject ORDER BY seq")?;
    let subjects = select.query_map([], |row| Ok(SubjectId(Uuid::from_bytes(row.get(0)?))))?;
    subjects.collect()
}
