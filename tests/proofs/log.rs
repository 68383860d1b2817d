//! An installation with two checkpoints, and ways to change its log behind everybody's back.

use crate::database::Database;
use crate::shell::Place;
use rusqlite::Connection;
use std::path::PathBuf;

/// A set-up installation, signed, with further events, signed again, and two more events.
pub struct SignedLog {
    pub place: Place,
    /// Where log and state are, if they are not in the data folder.
    database: Option<Database>,
    /// The first checkpoint, kept elsewhere.
    pub kept: PathBuf,
    /// Events of the first checkpoint.
    pub first: u64,
    /// Events of the second checkpoint.
    pub second: u64,
}

impl SignedLog {
    /// With all its data in a folder.
    pub fn new() -> Self {
        Self::of(Place::set_up(), None)
    }

    /// With log and state in a database of its own.
    pub fn on_postgres() -> Self {
        let database = Database::create();
        Self::of(Place::set_up_on(database.url()), Some(database))
    }

    fn of(place: Place, database: Option<Database>) -> Self {
        let first = place.run(&["audit", "checkpoint", "--now"]).done();
        let kept = place.beside("elsewhere.checkpoint");
        std::fs::write(&kept, &first).unwrap();
        for name in ["one", "two", "three"] {
            place.run(&["key", "create", "--name", name]).done();
        }
        let second = place.run(&["audit", "checkpoint", "--now"]).done();
        // Where one of all is deleted, there is still one that no checkpoint covers.
        for name in ["four", "five"] {
            place.run(&["key", "create", "--name", name]).done();
        }
        Self { first: size(&first), second: size(&second), place, database, kept }
    }

    /// Changes rows of log or state past the program, as whoever owns them may; answers how many.
    pub fn change(&self, sql: &str) -> u64 {
        match &self.database {
            None => self.open().execute(sql, []).unwrap() as u64,
            Some(database) => last_word(database, sql),
        }
    }

    /// The number that a query answers.
    pub fn number(&self, sql: &str) -> u64 {
        match &self.database {
            None => self.open().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap().cast_unsigned(),
            Some(database) => last_word(database, sql),
        }
    }

    /// The tables of the log and, beside them, those of the state store.
    fn open(&self) -> Connection {
        let log = Connection::open(self.place.data().join("log.db")).unwrap();
        let state = self.place.data().join("state.db");
        log.execute("ATTACH DATABASE ?1 AS state", [state.to_str().unwrap()]).unwrap();
        log
    }

    pub fn events(&self) -> u64 {
        self.number("SELECT count(*) FROM events")
    }

    /// SQL for the text of a column of bytes.
    fn text_of(&self, column: &str) -> String {
        match &self.database {
            None => format!("CAST({column} AS TEXT)"),
            Some(_) => format!("convert_from({column}, 'UTF8')"),
        }
    }

    /// SQL for the bytes of a text.
    pub fn bytes_of(&self, text: &str) -> String {
        match &self.database {
            None => format!("CAST({text} AS BLOB)"),
            Some(_) => format!("convert_to({text}, 'UTF8')"),
        }
    }

    /// Changes events before both checkpoints. Leaves everything whole that is not about proofs: positions without
    /// holes, and times that grow.
    pub fn tamper(&self, how: Tampering) {
        let change = |sql: &str| assert!(self.change(sql) > 0, "{sql}");
        match how {
            Tampering::ChangeAByte => {
                let text = self.text_of("data");
                let changed = self.bytes_of(&format!("replace({text}, 'Acme', 'Acne')"));
                let sql = format!(
                    "UPDATE events SET data = {changed}
                     WHERE position = (SELECT min(position) FROM events WHERE {text} LIKE '%Acme%')"
                );
                assert_eq!(self.change(&sql), 1);
            }
            Tampering::DeleteOne => {
                change("DELETE FROM events WHERE position = 2");
                // In two steps, because one may not meet the other.
                change("UPDATE events SET position = -position WHERE position > 2");
                change("UPDATE events SET position = -position - 1 WHERE position < 0");
            }
            Tampering::SwapTwo => {
                for (from, to) in [(2, -1), (3, 2), (-1, 3)] {
                    let sql = format!("UPDATE events SET position = {to} WHERE position = {from}");
                    assert_eq!(self.change(&sql), 1);
                }
                // Each place keeps its time.
                let sql = "UPDATE events SET recorded_at =
                               (SELECT sum(recorded_at) FROM events WHERE position IN (2, 3)) - recorded_at
                           WHERE position IN (2, 3)";
                assert_eq!(self.change(sql), 2);
            }
            Tampering::RewriteTheTail => {
                assert!(self.events() >= self.second);
                // Every event from the third on is another one: the same, a second later.
                change("UPDATE events SET recorded_at = recorded_at + 1000000 WHERE position >= 3");
            }
        }
    }

    /// Removes everything of the log's past that is kept beside it.
    pub fn forget(&self) {
        assert!(self.change("DELETE FROM checkpoint WHERE name LIKE 'checkpoint/%'") > 0);
        self.forget_the_tree();
    }

    /// Removes the tree over the log.
    pub fn forget_the_tree(&self) {
        std::fs::remove_file(self.place.data().join("tree.db")).unwrap();
        for ending in ["-wal", "-shm"] {
            // They may not be there.
            drop(std::fs::remove_file(self.place.data().join(format!("tree.db{ending}"))));
        }
    }

    /// The path of the older checkpoint, as an argument.
    pub fn kept(&self) -> &str {
        self.kept.to_str().unwrap()
    }
}

/// What the database answers to a statement last: a number, or how many rows were changed.
fn last_word(database: &Database, sql: &str) -> u64 {
    let answer = database.ask(&format!("SET search_path = scanledger_log, scanledger_state; {sql}"));
    let last = answer.last().and_then(|line| line.split(' ').next_back());
    last.and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{sql}: {answer:?}"))
}

/// The size in the second line of a checkpoint.
pub fn size(note: &str) -> u64 {
    note.lines().nth(1).unwrap().parse().unwrap()
}

/// What somebody who owns the store may do to the log.
#[derive(Debug, Clone, Copy)]
pub enum Tampering {
    /// One byte of the data of one event.
    ChangeAByte,
    /// One event, and those behind it move up.
    DeleteOne,
    /// The places of two events.
    SwapTwo,
    /// Everything from some place on is other events.
    RewriteTheTail,
}
