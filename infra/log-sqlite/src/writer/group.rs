//! One transaction: the decision on each request of a group, in the order in which they came.

use super::Request;
use super::heads::{Head, Heads};
use super::statements::{Content, Place, Statements};
use scanledger_domain::log::{Append, AppendError, Appended, Position, Version};
use scanledger_domain::time::{Clock, Timestamp};

/// How event ids that the log has already are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KnownIds {
    /// By the insert that fails on the unique index; the whole group is then written again.
    LeftToIndex,
    /// By looking each one up first.
    LookedUp,
}

/// What became of a group.
pub(super) struct Written {
    /// One per request, in their order.
    pub(super) answers: Vec<Result<Appended, AppendError>>,
    /// The log's last position afterwards.
    pub(super) head: Position,
    /// Events written.
    pub(super) events: u64,
    /// Requests they came from.
    pub(super) requests: u64,
}

/// What a transaction works with.
pub(super) struct Group<'a, 'c> {
    pub(super) statements: &'a mut Statements<'c>,
    pub(super) heads: &'a mut Heads,
}

/// The end of the log as it grows within the transaction.
struct Tail {
    position: u64,
    recorded_at: i64,
    /// The clock, read once the write lock was held.
    now: i64,
}

impl Group<'_, '_> {
    /// Decides and writes the whole group; on an error nothing of it is in the log.
    pub(super) fn write(
        &mut self,
        requests: &[Request],
        clock: &dyn Clock,
        known: KnownIds,
    ) -> rusqlite::Result<Written> {
        let written = self.write_and_commit(requests, clock, known);
        if written.is_err() {
            self.statements.roll_back();
            self.heads.clear();
        }
        written
    }

    fn write_and_commit(
        &mut self,
        requests: &[Request],
        clock: &dyn Clock,
        known: KnownIds,
    ) -> rusqlite::Result<Written> {
        self.statements.begin()?;
        let last = self.statements.last()?.unwrap_or(Place { position: 0, recorded_at: i64::MIN });
        if self.heads.position != Some(last.position) {
            self.heads.clear();
        }
        let mut tail = Tail { position: last.position, recorded_at: last.recorded_at, now: clock.now().0 };
        let mut answers = Vec::with_capacity(requests.len());
        let mut accepted = 0;
        for request in requests {
            let before = tail.position;
            answers.push(self.decide(&request.batch, known, &mut tail)?);
            accepted += u64::from(tail.position > before);
        }
        self.statements.commit()?;
        self.heads.position = Some(tail.position);
        let events = tail.position - last.position;
        Ok(Written { answers, head: Position(tail.position), events, requests: accepted })
    }

    /// The answer to one request, whose events are written if it is accepted.
    fn decide(
        &mut self,
        batch: &[Append],
        known: KnownIds,
        tail: &mut Tail,
    ) -> rusqlite::Result<Result<Appended, AppendError>> {
        let conflict = self.conflict(batch)?;
        let look_up = conflict.is_some() || known == KnownIds::LookedUp;
        if look_up && let Some(answer) = self.known(batch)? {
            return Ok(answer);
        }
        match conflict {
            Some(conflict) => Ok(Err(conflict)),
            None => self.insert(batch, tail).map(Ok),
        }
    }

    /// The first stream that is not where the writer thought.
    fn conflict(&mut self, batch: &[Append]) -> rusqlite::Result<Option<AppendError>> {
        for part in batch {
            let actual = Version(self.head(part)?.version);
            if actual != part.expected {
                let (stream, expected) = (part.stream.clone(), part.expected);
                return Ok(Some(AppendError::Conflict { stream, expected, actual }));
            }
        }
        Ok(None)
    }

    fn head(&mut self, part: &Append) -> rusqlite::Result<Head> {
        if let Some(head) = self.heads.streams.get(&part.stream) {
            return Ok(*head);
        }
        let head = self.statements.head_of(&part.stream)?;
        self.heads.streams.insert(part.stream.clone(), head);
        Ok(head)
    }

    /// The answer to a batch of which the log has some event ids, from earlier or from this very group.
    fn known(&mut self, batch: &[Append]) -> rusqlite::Result<Option<Result<Appended, AppendError>>> {
        let (mut places, mut unknown) = (Vec::new(), false);
        for event in batch.iter().flat_map(|part| &part.events) {
            match self.statements.place_of(event.id)? {
                Some(place) => places.push(place),
                None => unknown = true,
            }
            if unknown && !places.is_empty() {
                return Ok(Some(Err(AppendError::PartlyKnown)));
            }
        }
        let first = places.iter().map(|place| place.position).min();
        let last = places.iter().max_by_key(|place| place.position);
        Ok(first.zip(last).map(|(first, last)| {
            Ok(Appended {
                first: Position(first),
                last: Position(last.position),
                recorded_at: Timestamp(last.recorded_at),
            })
        }))
    }

    fn insert(&mut self, batch: &[Append], tail: &mut Tail) -> rusqlite::Result<Appended> {
        let first = Position(tail.position + 1);
        for part in batch {
            let Head { stream, mut version } = self.head(part)?;
            let stream = match stream {
                Some(stream) => stream,
                None => self.statements.insert_stream(&part.stream)?,
            };
            for event in &part.events {
                version += 1;
                tail.position += 1;
                tail.recorded_at = tail.now.max(tail.recorded_at.saturating_add(1));
                let kind = self.kind(event.kind)?;
                let at = Timestamp(tail.recorded_at);
                let content = Content::from(event);
                self.statements.insert_event(tail.position, (stream, version), kind, content, at)?;
            }
            self.heads.streams.insert(part.stream.clone(), Head { stream: Some(stream), version });
        }
        Ok(Appended { first, last: Position(tail.position), recorded_at: Timestamp(tail.recorded_at) })
    }

    fn kind(&mut self, kind: &'static str) -> rusqlite::Result<i64> {
        if let Some(number) = self.heads.kinds.get(kind) {
            return Ok(*number);
        }
        let number = self.statements.number_of_kind(kind)?;
        self.heads.kinds.insert(kind, number);
        Ok(number)
    }
}
