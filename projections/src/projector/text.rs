//! Texts for the full-text indexes: collected by each event, written once per batch.

use rusqlite::Connection;

/// Texts that wait for one index.
///
/// An index keeps new words in memory until a transaction or savepoint ends, and then writes them as a segment of
/// their own. Many statements open a savepoint, so words that were written between them became thousands of
/// segments that had to be merged again: a fifth of the time of a rebuild.
pub(crate) struct Texts {
    insert: &'static str,
    text: String,
    /// Which row has the text up to where, in the order of rows.
    rows: Vec<(i64, usize)>,
}

impl Texts {
    const fn new(insert: &'static str) -> Self {
        Self { insert, text: String::new(), rows: Vec::new() }
    }

    /// Where the text of the next row is to be added.
    pub(crate) const fn text(&mut self) -> &mut String {
        &mut self.text
    }

    /// What was added since the last row is the text of `row`.
    pub(crate) fn end(&mut self, row: i64) {
        self.rows.push((row, self.text.len()));
    }

    fn flush(&mut self, tx: &Connection) -> rusqlite::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let mut insert = tx.prepare_cached(self.insert)?;
        let mut start = 0;
        for &(row, end) in &self.rows {
            insert.execute((row, &self.text[start..end]))?;
            start = end;
        }
        self.rows.clear();
        self.text.clear();
        Ok(())
    }
}

/// Texts that wait for the indexes of a views file.
pub(crate) struct Waiting {
    pub(crate) audit: Texts,
    pub(crate) findings: Texts,
}

impl Default for Waiting {
    fn default() -> Self {
        Self {
            audit: Texts::new("INSERT INTO audit_text (rowid, text) VALUES (?1, ?2)"),
            findings: Texts::new("INSERT INTO finding_text (rowid, text) VALUES (?1, ?2)"),
        }
    }
}

impl Waiting {
    /// Writes what waits.
    pub(crate) fn flush(&mut self, tx: &Connection) -> rusqlite::Result<()> {
        self.findings.flush(tx)?;
        self.audit.flush(tx)
    }
}

#[cfg(test)]
mod tests {
    use super::Waiting;
    use crate::store::open_writer;

    #[test]
    fn the_texts_of_a_batch_are_one_segment_whatever_came_between_them() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open_writer(&folder.path().join("views.db")).unwrap();
        let tx = connection.unchecked_transaction().unwrap();
        let mut waiting = Waiting::default();
        for row in 1..=30 {
            waiting.findings.text().push_str(&format!("common number{row}"));
            waiting.findings.end(row);
            // It might change several rows, so it has a savepoint of its own.
            tx.execute("UPDATE parked SET reason = 'none' WHERE stream = 'none'", []).unwrap();
        }
        waiting.flush(&tx).unwrap();
        tx.commit().unwrap();
        let count = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(count("SELECT count(DISTINCT segid) FROM finding_text_idx"), 1);
        assert_eq!(count("SELECT count(*) FROM finding_text WHERE finding_text MATCH 'common'"), 30);
        assert_eq!(count("SELECT rowid FROM finding_text WHERE finding_text MATCH 'number17'"), 17);
    }

    #[test]
    fn what_was_written_does_not_wait_any_more() {
        let folder = tempfile::tempdir().unwrap();
        let connection = open_writer(&folder.path().join("views.db")).unwrap();
        let mut waiting = Waiting::default();
        for (row, word) in [(1, "first"), (2, "second")] {
            waiting.audit.text().push_str(word);
            waiting.audit.end(row);
            waiting.flush(&connection).unwrap();
        }
        let found = |word: &str| {
            let sql = "SELECT rowid FROM audit_text WHERE audit_text MATCH ?1";
            let mut statement = connection.prepare(sql).unwrap();
            let rows = statement.query_map([word], |row| row.get::<_, i64>(0)).unwrap();
            rows.collect::<Result<Vec<_>, _>>().unwrap()
        };
        assert_eq!((found("first"), found("second")), (vec![1], vec![2]));
    }
}
