//! Keys at rest: every key in the file is under the server's key, bound to what it is for.

use super::cipher::SecretKey;
use super::{SealError, other_server_key};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use scanledger_domain::Cause;
use scanledger_domain::id::SubjectId;
use uuid::Uuid;

const CHECK_CONTEXT: &[u8] = b"scanledger key check v1";
const CHECK_TEXT: &[u8] = b"this store belongs to this key";
const DATA_KEY_CONTEXT: &[u8] = b"scanledger data key v1";
const SUBJECT_KEY_CONTEXT: &[u8] = b"scanledger subject key v1";

/// Proves that the file belongs to `server_key` and answers the data key; a new file gets both.
pub(super) fn unlock(connection: &mut Connection, server_key: &SecretKey) -> Result<SecretKey, Cause> {
    // Locked for writing from the start, so that two first openers do not both make a data key.
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let check =
        tx.query_row("SELECT sealed FROM key_check", [], |row| row.get::<_, Vec<u8>>(0)).optional()?;
    let data_key = match check {
        Some(check) => {
            server_key.decrypt(&check, CHECK_CONTEXT).map_err(other_server_key)?;
            let wrapped: Vec<u8> = tx.query_row("SELECT wrapped FROM data_key", [], |row| row.get(0))?;
            server_key.unwrap(&wrapped, DATA_KEY_CONTEXT)?
        }
        None => make_data_key(&tx, server_key)?,
    };
    tx.commit()?;
    Ok(data_key)
}

fn make_data_key(tx: &Transaction<'_>, server_key: &SecretKey) -> Result<SecretKey, Cause> {
    let check = server_key.encrypt(CHECK_TEXT, CHECK_CONTEXT)?;
    tx.execute("INSERT INTO key_check (one, sealed) VALUES (1, ?1)", [check])?;
    let data_key = SecretKey::random()?;
    let wrapped = server_key.wrap(&data_key, DATA_KEY_CONTEXT)?;
    tx.execute("INSERT INTO data_key (one, wrapped) VALUES (1, ?1)", [wrapped])?;
    Ok(data_key)
}

/// The subject's key, if it has one.
pub(super) fn find_key(
    connection: &Connection,
    server_key: &SecretKey,
    subject: SubjectId,
) -> Result<Option<SecretKey>, Cause> {
    let mut select = connection.prepare_cached("SELECT wrapped FROM subject_key WHERE subject = ?1")?;
    let wrapped: Option<Vec<u8>> = select.query_row([subject.as_bytes()], |row| row.get(0)).optional()?;
    let key = wrapped.map(|wrapped| server_key.unwrap(&wrapped, &subject_context(subject)));
    Ok(key.transpose()?)
}

/// The subject's key, durable when it answers; made if there is none and the subject was not erased.
pub(super) fn load_or_make_key(
    connection: &mut Connection,
    server_key: &SecretKey,
    subject: SubjectId,
) -> Result<SecretKey, Cause> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    if let Some(key) = find_key(&tx, server_key, subject)? {
        return Ok(key);
    }
    if is_erased(&tx, subject)? {
        return Err(SealError::Erased.into());
    }
    let key = SecretKey::random()?;
    let wrapped = server_key.wrap(&key, &subject_context(subject))?;
    tx.execute(
        "INSERT INTO subject_key (subject, wrapped) VALUES (?1, ?2)",
        params![subject.as_bytes(), wrapped],
    )?;
    tx.commit()?;
    Ok(key)
}

/// Deletes the subject's key and remembers that.
pub(super) fn erase(connection: &mut Connection, subject: SubjectId) -> Result<(), Cause> {
    let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute("DELETE FROM subject_key WHERE subject = ?1", [subject.as_bytes()])?;
    tx.execute(
        "INSERT INTO erased_subject (subject) VALUES (?1) ON CONFLICT (subject) DO NOTHING",
        [subject.as_bytes()],
    )?;
    tx.commit()?;
    // Older pages in the write-ahead log still hold the wrapped key until they are overwritten.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

pub(super) fn is_erased(connection: &Connection, subject: SubjectId) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM erased_subject WHERE subject = ?1")?.exists([subject.as_bytes()])
}

/// A number that grows with every erasure.
pub(super) fn erasures(connection: &Connection) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("SELECT coalesce(max(seq), 0) FROM erased_subject")?
        .query_row([], |row| row.get(0))
}

pub(super) fn erased(connection: &Connection) -> rusqlite::Result<Vec<SubjectId>> {
    let mut select = connection.prepare_cached("SELECT subject FROM erased_subject ORDER BY seq")?;
    let subjects = select.query_map([], |row| Ok(SubjectId(Uuid::from_bytes(row.get(0)?))))?;
    subjects.collect()
}

/// Binds a wrapped key to its subject, so that rows cannot be swapped.
fn subject_context(subject: SubjectId) -> Vec<u8> {
    [SUBJECT_KEY_CONTEXT, subject.as_bytes()].concat()
}
