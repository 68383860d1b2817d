//! Sessions.

use super::word::{read_optional_word, read_word};
use crate::store::column::id;
use crate::store::{ReadError, Views};
use rusqlite::OptionalExtension;
use scanledger_domain::id::{SessionId, UserId};
use scanledger_domain::identity::{SessionEnd, SessionKind};
use scanledger_domain::time::Timestamp;

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// Whose it is.
    pub user: UserId,
    /// What it is for.
    pub kind: SessionKind,
    /// The person's epoch when it began; it is over once that has moved on.
    pub epoch: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ends, however often it is continued.
    pub expires_at: Timestamp,
    /// Why it ended; `None` if nobody ended it, which says nothing about its time or its owner.
    pub ended: Option<SessionEnd>,
}

impl Views {
    /// A session. On the caller's thread, in one statement.
    ///
    /// # Errors
    /// When the store fails.
    pub fn session(&self, session: SessionId) -> Result<Option<SessionRow>, ReadError> {
        self.look_up(|connection| {
            let found = connection
                .prepare_cached(
                    "SELECT user, kind, epoch, started_at, expires_at, ended FROM session WHERE id = ?1",
                )?
                .query_row([session.as_bytes()], |row| {
                    Ok(SessionRow {
                        user: UserId(id(row, 0)?),
                        kind: read_word(row, 1)?,
                        epoch: row.get(2)?,
                        started_at: Timestamp(row.get(3)?),
                        expires_at: Timestamp(row.get(4)?),
                        ended: read_optional_word(row, 5)?,
                    })
                })
                .optional()?;
            Ok(found)
        })
    }
}
