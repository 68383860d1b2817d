//! Taking events over as another log recorded them.

use crate::error::{failed, is_taken};
use crate::writer::{Content, Head, Place, Statements};
use scanledger_domain::log::{ImportError, Position, Recorded, StreamName, Version};
use scanledger_domain::time::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::oneshot;

/// Events to take over, and where the answer goes.
pub(crate) struct Import {
    pub(crate) events: Vec<Recorded>,
    pub(crate) answer: oneshot::Sender<Result<Position, ImportError>>,
}

/// The end of the log as it grows within the transaction.
struct End<'e> {
    position: Position,
    recorded_at: Timestamp,
    streams: HashMap<&'e StreamName, (i64, Version)>,
    kinds: HashMap<&'e str, i64>,
}

/// Writes `events` after the log's last one, all of them or none; answers the new head.
pub(crate) fn import(statements: &mut Statements<'_>, events: &[Recorded]) -> Result<Position, ImportError> {
    let written = write(statements, events);
    if written.is_err() {
        statements.roll_back();
    }
    written
}

fn write(statements: &mut Statements<'_>, events: &[Recorded]) -> Result<Position, ImportError> {
    statements.begin().map_err(store)?;
    let last = statements.last().map_err(store)?.unwrap_or(Place { position: 0, recorded_at: i64::MIN });
    let head = Position(last.position);
    if let Some(first) = events.first()
        && first.position.0 != head.0 + 1
    {
        return Err(ImportError::NotNext { head, next: first.position });
    }
    let mut end = End {
        position: head,
        recorded_at: Timestamp(last.recorded_at),
        streams: HashMap::new(),
        kinds: HashMap::new(),
    };
    for event in events {
        end.add(statements, event)?;
    }
    statements.commit().map_err(store)?;
    Ok(end.position)
}

impl<'e> End<'e> {
    /// Writes `event` if it goes on where the log ends, which then is where the event is.
    fn add(&mut self, statements: &mut Statements<'_>, event: &'e Recorded) -> Result<(), ImportError> {
        let refuse = |reason| Err(ImportError::DoesNotFit { position: event.position, reason });
        if event.position.0 != self.position.0 + 1 {
            return refuse("its position does not follow the one before it");
        }
        if event.recorded_at <= self.recorded_at {
            return refuse("it is not later than the one before it");
        }
        let known = self.streams.get(&event.stream).copied();
        let (stream, version) = match known {
            Some((stream, version)) => (Some(stream), version),
            None => {
                let Head { stream, version } = statements.head_of(&event.stream).map_err(store)?;
                (stream, Version(version))
            }
        };
        if event.version.0 != version.0 + 1 {
            return refuse("its version does not follow the one before it in its stream");
        }
        let stream = match stream {
            Some(stream) => stream,
            None => statements.insert_stream(&event.stream).map_err(store)?,
        };
        let kind = self.kind(statements, &event.kind).map_err(store)?;
        let place = (stream, event.version.0);
        match statements.insert_event(event.position.0, place, kind, Content::from(event), event.recorded_at)
        {
            // Position and version were looked at above.
            Err(error) if is_taken(&error) => return refuse("its id is in the log already"),
            inserted => inserted.map_err(store)?,
        }
        self.streams.insert(&event.stream, (stream, event.version));
        (self.position, self.recorded_at) = (event.position, event.recorded_at);
        Ok(())
    }

    fn kind(&mut self, statements: &mut Statements<'_>, kind: &'e str) -> rusqlite::Result<i64> {
        if let Some(number) = self.kinds.get(kind) {
            return Ok(*number);
        }
        let number = statements.number_of_kind(kind)?;
        self.kinds.insert(kind, number);
        Ok(number)
    }
}

fn store(error: rusqlite::Error) -> ImportError {
    failed("import events", &Arc::new(error)).into()
}
