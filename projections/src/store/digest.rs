//! Digests of tables: what tells whether two views files say the same.

use rusqlite::Connection;
use rusqlite::types::ValueRef;
use sha2::{Digest, Sha256};
use std::path::Path;

/// The content of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableDigest {
    /// Its name.
    pub table: String,
    /// How many rows it has.
    pub rows: u64,
    /// SHA-256 over all rows in key order, hex.
    pub digest: String,
}

/// The digest of every table of a views file, full-text indexes included, in order of their names.
///
/// The checkpoint is left out: it says where the file is, not what it says.
///
/// # Errors
/// When the file cannot be read.
pub fn table_digests(path: &Path) -> rusqlite::Result<Vec<TableDigest>> {
    let connection = super::open_reader(path, super::Reading::Queries)?;
    let transaction = connection.unchecked_transaction()?;
    let mut tables = transaction.prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'checkpoint'
         AND name NOT LIKE '%\\_text%' ESCAPE '\\' ORDER BY name",
    )?;
    let names: Vec<String> = tables.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut digests = Vec::with_capacity(names.len() + 2);
    for name in names {
        let order = primary_key(&transaction, &name)?;
        digests.push(digest(&transaction, &name, &format!("SELECT * FROM {name} ORDER BY {order}"))?);
    }
    drop(tables);
    drop(transaction);
    for index in ["audit_text", "finding_text"] {
        digests.push(text_digest(path, index)?);
    }
    digests.sort_by(|a, b| a.table.cmp(&b.table));
    Ok(digests)
}

fn primary_key(connection: &Connection, table: &str) -> rusqlite::Result<String> {
    let mut columns =
        connection.prepare("SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk")?;
    let names: Vec<String> = columns.query_map([table], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(if names.is_empty() { "rowid".to_owned() } else { names.join(", ") })
}

fn digest(connection: &Connection, table: &str, sql: &str) -> rusqlite::Result<TableDigest> {
    let mut statement = connection.prepare(sql)?;
    let columns = statement.column_count();
    let mut rows = statement.query([])?;
    let mut hash = Sha256::new();
    let mut count = 0;
    while let Some(row) = rows.next()? {
        count += 1;
        for column in 0..columns {
            feed(&mut hash, row.get_ref(column)?);
        }
    }
    Ok(TableDigest { table: table.to_owned(), rows: count, digest: hex::encode(hash.finalize()) })
}

fn feed(hash: &mut Sha256, value: ValueRef<'_>) {
    match value {
        ValueRef::Null => hash.update([0]),
        ValueRef::Integer(number) => {
            hash.update([1]);
            hash.update(number.to_be_bytes());
        }
        ValueRef::Real(number) => {
            hash.update([2]);
            hash.update(number.to_bits().to_be_bytes());
        }
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            hash.update([3]);
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        }
    }
}

/// An index without content cannot be read row by row, and its storage depends on when it was merged; its
/// vocabulary says which word is in how many rows.
fn text_digest(path: &Path, index: &str) -> rusqlite::Result<TableDigest> {
    let connection = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection
        .execute_batch(&format!("CREATE VIRTUAL TABLE temp.words USING fts5vocab (main, {index}, row)"))?;
    digest(&connection, index, "SELECT term, doc FROM temp.words ORDER BY term")
}
