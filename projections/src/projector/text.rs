//! Texts for the full-text indexes: collected by each event, written once per batch.

use rusqlite::Connection;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Texts that wait for one index.
///
/// An index keeps new words in memory until a transaction or savepoint ends, and then writes them as a segment of
/// their own. Many statements open a savepoint, so words that were written between them became thousands of
/// segments that had to be merged again: a fifth of the time of a rebuild.
pub(crate) struct Texts {
    insert: &'static str,
    remove: &'static str,
    text: String,
    /// Which row has the text up to where, in the order of rows.
    rows: Vec<(i64, usize)>,
    /// What rows that were there say no longer, and what instead.
    replaced: BTreeMap<i64, (String, String)>,
}

impl Texts {
    const fn new(insert: &'static str, remove: &'static str) -> Self {
        Self { insert, remove, text: String::new(), rows: Vec::new(), replaced: BTreeMap::new() }
    }

    /// Where the text of the next row is to be added.
    pub(crate) const fn text(&mut self) -> &mut String {
        &mut self.text
    }

    /// What was added since the last row is the text of `row`.
    pub(crate) fn end(&mut self, row: i64) {
        self.rows.push((row, self.text.len()));
    }

    /// The text of a row, which is written or waits to be, is another one. An index keeps no texts, so it has to be told
    /// exactly what it was.
    pub(crate) fn replace(&mut self, row: i64, before: String, after: String) {
        match self.replaced.entry(row) {
            Entry::Occupied(mut again) => again.get_mut().1 = after,
            Entry::Vacant(first) => {
                first.insert((before, after));
            }
        }
    }

    fn flush(&mut self, tx: &Connection) -> rusqlite::Result<()> {
        if self.rows.is_empty() && self.replaced.is_empty() {
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
        let mut remove = tx.prepare_cached(self.remove)?;
        for (row, (before, after)) in std::mem::take(&mut self.replaced) {
            remove.execute((row, before))?;
            insert.execute((row, after))?;
        }
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
            audit: Texts::new(
                "INSERT INTO audit_text (rowid, text) VALUES (?1, ?2)",
                "INSERT INTO audit_text (audit_text, rowid, text) VALUES ('delete', ?1, ?2)",
            ),
            findings: Texts::new(
                "INSERT INTO finding_text (rowid, text) VALUES (?1, ?2)",
                "INSERT INTO finding_text (finding_text, rowid, text) VALUES ('delete', ?1, ?2)",
            ),
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
    fn a_row_is_found_by_its_last_text_alone_wherever_a_batch_ends() {
        let texts = ["first common", "second common", "third"];
        for ends in 0..4_u8 {
            let folder = tempfile::tempdir().unwrap();
            let connection = open_writer(&folder.path().join("views.db")).unwrap();
            let mut waiting = Waiting::default();
            for row in [1, 2] {
                waiting.findings.text().push_str(texts[0]);
                waiting.findings.end(row);
            }
            for (number, change) in texts.windows(2).enumerate() {
                if ends & (1 << number) != 0 {
                    waiting.flush(&connection).unwrap();
                }
                waiting.findings.replace(1, change[0].to_owned(), change[1].to_owned());
            }
            waiting.flush(&connection).unwrap();
            let found = |word: &str| {
                let sql = "SELECT rowid FROM finding_text WHERE finding_text MATCH ?1 ORDER BY rowid";
                let mut statement = connection.prepare(sql).unwrap();
                let rows = statement.query_map([word], |row| row.get::<_, i64>(0)).unwrap();
                rows.collect::<Result<Vec<_>, _>>().unwrap()
            };
            assert_eq!((found("first"), found("second")), (vec![2], vec![]), "{ends}");
            assert_eq!((found("common"), found("third")), (vec![2], vec![1]), "{ends}");
            let check = "INSERT INTO finding_text (finding_text) VALUES ('integrity-check')";
            connection.execute(check, []).unwrap();
        }
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
