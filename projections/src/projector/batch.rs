//! Applying a batch of events in one transaction.

use super::keys::Keys;
use super::text::Waiting;
use crate::blob::Excerpts;
use crate::branch::apply::Counters;
use crate::branch::{BranchStates, count_broken, may_break, report_broken};
use crate::store::{Mover, is_untried, open_writer};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use scanledger_domain::decider::DecodeError;
use scanledger_domain::event::Event;
use scanledger_domain::id::BranchId;
use scanledger_domain::log::{Metadata, Position, Recorded};
use std::path::Path;
use uuid::Uuid;

/// An event that is ready to be applied.
pub(crate) struct Decoded {
    pub(crate) recorded: Recorded,
    pub(crate) event: Event,
    pub(crate) metadata: Metadata,
}

impl Decoded {
    /// Reads an event and its metadata.
    pub(crate) fn of(recorded: Recorded) -> Result<Self, DecodeError> {
        let event = Event::of(&recorded)?;
        let metadata = Metadata::decode(&recorded.metadata)
            .map_err(|source| DecodeError::Data { kind: recorded.kind.to_string(), source })?;
        Ok(Self { recorded, event, metadata })
    }

    pub(crate) const fn position(&self) -> i64 {
        self.recorded.position.0.cast_signed()
    }

    pub(crate) const fn at(&self) -> i64 {
        self.recorded.recorded_at.0
    }
}

/// Why an event cannot be applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyError {
    #[error("it names {0} that no earlier event made")]
    Unknown(&'static str),
    #[error("the read model refused it: {0}")]
    Store(#[from] rusqlite::Error),
}

/// What applying needs besides the transaction.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(crate) keys: Keys,
    pub(crate) counters: Counters,
    pub(crate) branches: BranchStates,
    pub(crate) texts: Waiting,
    pub(crate) excerpts: Excerpts,
}

impl Scratch {
    fn flush(&mut self, tx: &Connection) -> Result<(), ApplyError> {
        self.branches.flush(tx)?;
        self.counters.flush(tx)?;
        Ok(self.texts.flush(tx)?)
    }
}

/// The only connection that writes to a views file.
pub(crate) struct Writer {
    /// Before the connection, so that it has ended when that is closed.
    mover: Option<Mover>,
    connection: Connection,
    scratch: Scratch,
    position: Position,
    /// The id of the event there.
    last: Option<Uuid>,
    parked: u64,
    broken: u64,
    is_untried: bool,
}

impl Writer {
    /// Opens or creates the file; `None` if it holds the projection of another log.
    pub(crate) fn open(path: &Path, log: Uuid) -> rusqlite::Result<Option<Self>> {
        let connection = open_writer(path)?;
        let found: Option<([u8; 16], i64, Option<[u8; 16]>)> = connection
            .query_row("SELECT log, position, event FROM checkpoint", [], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let (position, last) = match found {
            Some((of, ..)) if of != *log.as_bytes() => return Ok(None),
            Some((_, position, event)) => (position, event.map(Uuid::from_bytes)),
            None => {
                connection.execute(
                    "INSERT INTO checkpoint (one, log, position, recorded_at) VALUES (1, ?1, 0, 0)",
                    [log.as_bytes()],
                )?;
                (0, None)
            }
        };
        let parked = connection.query_row("SELECT count(*) FROM parked", [], |row| row.get::<_, i64>(0))?;
        let broken = count_broken(&connection)?;
        let is_untried = is_untried(&connection)?;
        Ok(Some(Self {
            mover: Some(Mover::new(&connection, path)),
            connection,
            scratch: Scratch::default(),
            position: Position(position.cast_unsigned()),
            last,
            parked: parked.cast_unsigned(),
            broken,
            is_untried,
        }))
    }

    /// Faster and unsafe against power loss: for files that nobody uses before they are complete.
    pub(crate) fn build_mode(&mut self) -> rusqlite::Result<()> {
        self.mover = None;
        self.connection.pragma_update(None, "synchronous", "OFF")?;
        self.connection.pragma_update(None, "cache_size", -131_072)?;
        self.connection.pragma_update(None, "wal_autocheckpoint", 20_000)
    }

    /// The last event that was applied.
    pub(crate) const fn position(&self) -> Position {
        self.position
    }

    /// How many events could not be applied.
    pub(crate) const fn parked(&self) -> u64 {
        self.parked
    }

    /// How many branches are not what the log says of them.
    pub(crate) const fn broken(&self) -> u64 {
        self.broken
    }

    /// Whether it was another node that could not apply some of them, and this one has not tried.
    pub(crate) const fn is_untried(&self) -> bool {
        self.is_untried
    }

    /// The last event that was applied, and its id.
    pub(crate) const fn end(&self) -> (Position, Option<Uuid>) {
        (self.position, self.last)
    }

    /// Applies events that follow the last one, in one transaction.
    ///
    /// If one of them cannot be applied, they are applied one by one, and that one is parked.
    pub(crate) fn apply(&mut self, batch: &[Decoded]) -> rusqlite::Result<()> {
        let Some(last) = batch.last() else { return Ok(()) };
        let applied = match self.try_apply(batch) {
            Ok(()) => Ok(()),
            Err(ApplyError::Store(error)) if is_transient(&error) => Err(error),
            Err(_) => {
                self.scratch = Scratch::default();
                self.apply_singly(batch)
            }
        };
        match applied {
            Ok(()) => (self.position, self.last) = (last.recorded.position, Some(last.recorded.id.0)),
            Err(error) => {
                // It is ahead of the file now.
                self.scratch = Scratch::default();
                return Err(error);
            }
        }
        if let Some(mover) = &mut self.mover
            && let Err(error) = mover.committed(&self.connection)
        {
            tracing::warn!("the write-ahead log of the read models was not moved: {error}");
        }
        Ok(())
    }

    fn try_apply(&mut self, batch: &[Decoded]) -> Result<(), ApplyError> {
        self.scratch.keys.trim();
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let parked = self.parked > 0;
        let outcome = batch.iter().try_for_each(|decoded| {
            if parked && is_parked(&tx, decoded)? {
                return Err(ApplyError::Unknown("a stream with a parked event"));
            }
            apply_event(&tx, &mut self.scratch, decoded)
        });
        outcome.and_then(|()| finish(&tx, &mut self.scratch, batch))?;
        let is_counted = batch.iter().any(|decoded| may_break(&decoded.event));
        let broken = if is_counted { count_broken(&tx)? } else { self.broken };
        tx.commit()?;
        self.broken = broken;
        Ok(())
    }

    fn apply_singly(&mut self, batch: &[Decoded]) -> rusqlite::Result<()> {
        let mut tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut parked = 0;
        for decoded in batch {
            let savepoint = tx.savepoint()?;
            let outcome = if is_parked(&savepoint, decoded)? {
                Err(ApplyError::Unknown("a stream with a parked event"))
            } else {
                apply_event(&savepoint, &mut self.scratch, decoded)
                    .and_then(|()| self.scratch.flush(&savepoint))
            };
            match outcome {
                Ok(()) => savepoint.commit()?,
                // There is nothing wrong with the event.
                Err(ApplyError::Store(error)) if is_transient(&error) => return Err(error),
                Err(error) => {
                    self.scratch = Scratch::default();
                    drop(savepoint);
                    let recorded = &decoded.recorded;
                    tracing::error!(
                        event.position = recorded.position.0,
                        event.kind = %recorded.kind,
                        event.stream = %recorded.stream,
                        "parked an event that cannot be applied: {error}"
                    );
                    tx.execute(
                        "INSERT INTO parked (position, stream, kind, reason) VALUES (?1, ?2, ?3, ?4)",
                        params![
                            decoded.position(),
                            recorded.stream.as_str(),
                            &*recorded.kind,
                            error.to_string()
                        ],
                    )?;
                    parked += 1;
                }
            }
        }
        write_checkpoint(&tx, batch)?;
        let broken = count_broken(&tx)?;
        tx.commit()?;
        self.parked += parked;
        self.broken = broken;
        Ok(())
    }

    /// Reports a branch, if its rows do not add up to what it says of itself.
    pub(crate) fn report_broken(&mut self, branch: BranchId) -> rusqlite::Result<()> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        report_broken(&tx, branch)?;
        let broken = count_broken(&tx)?;
        tx.commit()?;
        self.scratch.branches.forget();
        self.broken = broken;
        Ok(())
    }

    /// Moves everything from the write-ahead log into the file, and gives back the space of deleted rows.
    pub(crate) fn close(self) -> rusqlite::Result<()> {
        drop(self.mover);
        self.connection.pragma_update(None, "wal_checkpoint", "TRUNCATE")?;
        self.connection.close().map_err(|(_, error)| error)
    }
}

/// Whether what could not be written now may be later, when a disk has room again or somebody else has let go.
pub(super) fn is_transient(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode as Code;
    matches!(
        error.sqlite_error_code(),
        Some(
            Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::DiskFull
                | Code::SystemIoFailure
                | Code::CannotOpen
        )
    )
}

fn is_parked(tx: &Connection, decoded: &Decoded) -> rusqlite::Result<bool> {
    tx.prepare_cached("SELECT EXISTS (SELECT 1 FROM parked WHERE stream = ?1)")?
        .query_row([decoded.recorded.stream.as_str()], |row| row.get(0))
}

fn finish(tx: &Connection, scratch: &mut Scratch, batch: &[Decoded]) -> Result<(), ApplyError> {
    scratch.flush(tx)?;
    Ok(write_checkpoint(tx, batch)?)
}

fn write_checkpoint(tx: &Connection, batch: &[Decoded]) -> rusqlite::Result<()> {
    let Some(last) = batch.last() else { return Ok(()) };
    tx.prepare_cached("UPDATE checkpoint SET position = ?1, event = ?2, recorded_at = ?3")?
        .execute(params![last.position(), last.recorded.id.as_bytes(), last.at()])?;
    Ok(())
}

fn apply_event(tx: &Connection, scratch: &mut Scratch, decoded: &Decoded) -> Result<(), ApplyError> {
    let project = match &decoded.event {
        Event::Branch(event) => Some(crate::branch::apply::apply(tx, scratch, decoded, event)?),
        Event::Finding(event) => Some(crate::finding::decide::triage(tx, scratch, decoded, event)?),
        Event::Incident(event) => crate::incident::apply::apply(tx, scratch, decoded, event)?,
        Event::Scan(event) => Some(crate::scan::apply(tx, scratch, decoded, event)?),
        Event::Project(event) => Some(crate::project::apply(tx, scratch, decoded, event)?),
        Event::Organization(_)
        | Event::User(_)
        | Event::Session(_)
        | Event::Team(_)
        | Event::ApiKey(_)
        | Event::Access(_)
        | Event::Installation(_) => crate::identity::apply(tx, scratch, decoded)?,
        Event::Advisory(event) => {
            crate::component::apply_advisory(tx, decoded, event)?;
            None
        }
        Event::Policy(event) => {
            crate::policy::apply(tx, scratch, decoded, event)?;
            None
        }
        Event::Honeytoken(event) => {
            crate::honeytoken::apply(tx, scratch, decoded, event)?;
            None
        }
        Event::Check(_) | Event::Claim(_) => None,
    };
    let organization = scratch.keys.organization(tx, decoded.metadata.organization)?;
    let kind = scratch.keys.kind(tx, &decoded.recorded.kind)?;
    tx.prepare_cached(
        "INSERT INTO event_index (organization, position, kind, project, recorded_at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![organization, decoded.position(), kind, project, decoded.at()])?;
    crate::audit::apply(tx, scratch, decoded, organization, project)
}

#[cfg(test)]
mod tests;
