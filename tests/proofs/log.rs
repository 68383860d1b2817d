//! A data folder with two checkpoints, and ways to change its log behind everybody's back.

use crate::shell::Place;
use rusqlite::{Connection, params};
use std::path::PathBuf;

/// A set-up folder, signed, with further events, signed again, and one more event.
pub struct SignedLog {
    pub place: Place,
    /// The first checkpoint, kept elsewhere.
    pub kept: PathBuf,
    /// Events of the first checkpoint.
    pub first: u64,
    /// Events of the second checkpoint.
    pub second: u64,
}

impl SignedLog {
    pub fn new() -> Self {
        let place = Place::set_up();
        let first = place.run(&["audit", "checkpoint", "--now"]).done();
        let kept = place.beside("elsewhere.checkpoint");
        std::fs::write(&kept, &first).unwrap();
        for name in ["one", "two", "three"] {
            place.run(&["key", "create", "--name", name]).done();
        }
        let second = place.run(&["audit", "checkpoint", "--now"]).done();
        place.run(&["key", "create", "--name", "four"]).done();
        Self { first: size(&first), second: size(&second), place, kept }
    }

    /// The log, for changing.
    pub fn open(&self) -> Connection {
        Connection::open(self.place.data().join("log.db")).unwrap()
    }

    pub fn events(&self) -> u64 {
        let count: i64 = self.open().query_row("SELECT count(*) FROM events", [], |row| row.get(0)).unwrap();
        count.cast_unsigned()
    }

    pub fn tamper(&self, how: Tampering) {
        how.apply(&self.open(), self.second);
    }

    /// Removes everything of the log's past that is kept beside it.
    pub fn forget(&self) {
        let state = Connection::open(self.place.data().join("state.db")).unwrap();
        assert!(state.execute("DELETE FROM checkpoint WHERE name LIKE 'checkpoint/%'", []).unwrap() > 0);
        for ending in ["", "-wal", "-shm"] {
            drop(std::fs::remove_file(self.place.data().join(format!("tree.db{ending}"))));
        }
    }

    /// The path of the older checkpoint, as an argument.
    pub fn kept(&self) -> &str {
        self.kept.to_str().unwrap()
    }
}

/// The size in the second line of a checkpoint.
pub fn size(note: &str) -> u64 {
    note.lines().nth(1).unwrap().parse().unwrap()
}

/// What somebody with the file in hand may do to it.
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

impl Tampering {
    pub const ALL: [Self; 4] = [Self::ChangeAByte, Self::DeleteOne, Self::SwapTwo, Self::RewriteTheTail];

    /// Changes events before both checkpoints; `signed` is how many the larger one covers. Leaves everything whole
    /// that is not about proofs: positions without holes, and times that grow.
    fn apply(self, log: &Connection, signed: u64) {
        let run = |sql: &str| assert!(log.execute(sql, []).unwrap() > 0, "{sql}");
        match self {
            Self::ChangeAByte => {
                run("UPDATE events SET data = CAST(replace(CAST(data AS TEXT), 'Acme', 'Acne') AS BLOB) \
                 WHERE CAST(data AS TEXT) LIKE '%Acme%'")
            }
            Self::DeleteOne => {
                run("DELETE FROM events WHERE position = 2");
                // In two steps, because one may not meet the other.
                run("UPDATE events SET position = -position WHERE position > 2");
                run("UPDATE events SET position = -position - 1 WHERE position < 0");
            }
            Self::SwapTwo => {
                for (from, to) in [(2, -1), (3, 2), (-1, 3)] {
                    let moved = log.execute(
                        "UPDATE events SET position = ?2, recorded_at = recorded_at WHERE position = ?1",
                        params![from, to],
                    );
                    assert_eq!(moved.unwrap(), 1);
                }
            }
            Self::RewriteTheTail => {
                let all: i64 =
                    log.query_row("SELECT max(position) FROM events", [], |row| row.get(0)).unwrap();
                assert!(all >= signed.cast_signed());
                // Every event from the third on is another one: the same, a second later.
                run("UPDATE events SET recorded_at = recorded_at + 1000000 WHERE position >= 3");
            }
        }
    }
}
