//! Sessions.

use super::word::{read_optional_word, read_word};
use crate::store::column::id;
use crate::store::{ReadError, Views};
use rusqlite::{OptionalExtension, named_params};
use scanledger_domain::id::{SessionId, UserId};
use scanledger_domain::identity::{SessionEnd, SessionKind};
use scanledger_domain::limits::PAGE_ROWS;
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

/// The sessions of `:user` that are not over at `:now`: not ended, of the present epoch, and not at the end of their time,
/// which comes earlier for tokens that nobody has continued.
macro_rules! live {
    () => {
        "FROM session s JOIN user u ON u.id = s.user AND u.epoch = s.epoch
         WHERE s.user = :user AND s.ended IS NULL AND s.expires_at > :now
           AND (s.kind <> 'tokens' OR s.token_expires_at > :now)"
    };
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

    /// The sessions of a person that are not over at `now`, newest first, at most [`PAGE_ROWS`].
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sessions_of(
        &self,
        user: UserId,
        now: Timestamp,
    ) -> Result<Vec<(SessionId, SessionRow)>, ReadError> {
        self.read(move |connection| {
            let mut statement = connection.prepare_cached(concat!(
                "SELECT s.id, s.kind, s.epoch, s.started_at, s.expires_at ",
                live!(),
                " ORDER BY s.started_at DESC, s.id LIMIT :rows"
            ))?;
            let of = named_params! { ":user": user.as_bytes(), ":now": now.0, ":rows": PAGE_ROWS };
            let rows = statement.query_map(of, |row| {
                let session = SessionRow {
                    user,
                    kind: read_word(row, 1)?,
                    epoch: row.get(2)?,
                    started_at: Timestamp(row.get(3)?),
                    expires_at: Timestamp(row.get(4)?),
                    ended: None,
                };
                Ok((SessionId(id(row, 0)?), session))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Whether a session is one of [`Self::sessions_of`], however many there are.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn is_live_session(
        &self,
        user: UserId,
        session: SessionId,
        now: Timestamp,
    ) -> Result<bool, ReadError> {
        self.read(move |connection| {
            let mut statement =
                connection.prepare_cached(concat!("SELECT 1 ", live!(), " AND s.id = :id"))?;
            let of = named_params! { ":user": user.as_bytes(), ":now": now.0, ":id": session.as_bytes() };
            Ok(statement.exists(of)?)
        })
        .await
    }
}
