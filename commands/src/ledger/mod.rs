//! The one way to write: known command id? load stream, decide, append with the expected version.

mod batch;
mod claims;
mod parts;

pub use batch::{Batch, Committed, Races};
pub use claims::HOLDER_SECONDS;

use crate::context::Context;
use crate::error::{CommandError, Fault};
use scanledger_domain::decider::{Decider, StoredEvent};
use scanledger_domain::id::CommandId;
use scanledger_domain::log::{
    Append, AppendError, Appended, EventLog, FoundOrRead, LogError, NewEvent, Position, Recorded, StreamName,
    Version,
};
use scanledger_domain::time::{Clock, Timestamp};
use std::fmt;
use std::sync::Arc;

/// How often a lost race is decided again.
pub(crate) const ATTEMPTS: u32 = 8;
/// Events read from a stream at a time.
const PAGE: usize = 1_000;

/// Decides and appends. Cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    log: Arc<dyn EventLog>,
    clock: Option<Arc<dyn Clock>>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("log", &self.log.identity()).finish()
    }
}

/// What came of a command.
#[derive(Debug)]
pub struct Executed<D: Decider> {
    /// Position of its last event, the old one if the command was repeated; `None` if there was nothing to do.
    pub position: Option<Position>,
    /// When its last event was recorded; `None` if there was nothing to do.
    pub recorded_at: Option<Timestamp>,
    /// What happened; for a repeated command, what happened then.
    pub events: Vec<D::Event>,
    /// The state after it; for a repeated command, the present one.
    pub state: D::State,
    /// The stream's version that belongs to `state`.
    pub version: Version,
    /// Whether the log knew the command already.
    pub is_repeat: bool,
}

/// A stream as it was read.
struct Loaded<S> {
    state: S,
    version: Version,
    /// Of its last event.
    position: Position,
}

impl Ledger {
    /// A ledger over `log`.
    pub fn new(log: Arc<dyn EventLog>) -> Self {
        Self { log, clock: None }
    }

    /// The same ledger with a clock by which claims expire on a log that is not atomic over streams; without one they
    /// never do.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock: Some(clock), ..self }
    }

    pub(crate) fn clock(&self) -> Option<&dyn Clock> {
        self.clock.as_deref()
    }

    /// The log itself, for readers and subscriptions.
    pub fn log(&self) -> &Arc<dyn EventLog> {
        &self.log
    }

    /// The position of the command's first event, if the log knows the command.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn find(&self, command: CommandId) -> Result<Option<Position>, LogError> {
        self.log.find(command.event(0)).await
    }

    /// The state of a stream and its version: `initial()` and 0 if it does not exist.
    ///
    /// # Errors
    /// When the log cannot be read, or holds something that this version cannot.
    pub async fn load<D: Decider>(&self, stream: &StreamName) -> Result<(D::State, Version), Fault> {
        let page = self.log.read_stream(stream, Version::NONE, PAGE).await?;
        let Loaded { state, version, .. } = self.load_from::<D>(stream, page).await?;
        Ok((state, version))
    }

    /// As [`Self::load`], when the stream's first page was read already.
    async fn load_from<D: Decider>(
        &self,
        stream: &StreamName,
        first: Vec<Recorded>,
    ) -> Result<Loaded<D::State>, Fault> {
        let mut state = D::initial();
        let (mut version, mut position) = (Version::NONE, Position::START);
        self.read_from(stream, first, |recorded| {
            (version, position) = (recorded.version, recorded.position);
            if let Some(event) = claims::decode::<D::Event>(recorded)? {
                // `evolve` takes the state by value, and a closure cannot move out of what it borrows.
                let before = std::mem::replace(&mut state, D::initial());
                state = D::evolve(before, &event);
            }
            Ok(())
        })
        .await?;
        Ok(Loaded { state, version, position })
    }

    /// Does what `command` asks of `stream`.
    ///
    /// The command id is looked up first, unless it is fresh: a command that the log knows is not decided again. A lost
    /// race is decided again a few times, unless the caller has `seen` a version and means that one.
    ///
    /// # Errors
    /// [`CommandError::Refused`] if the rules do not allow it, [`CommandError::Stale`] if the stream is not at
    /// the version that was seen, [`CommandError::Contended`] if every attempt lost its race, else a fault.
    pub async fn execute<D: Decider>(
        &self,
        context: &Context,
        stream: &StreamName,
        seen: Option<Version>,
        command: D::Command,
    ) -> Result<Executed<D>, CommandError<D::Refusal>> {
        let metadata = context.metadata();
        for attempt in 0..ATTEMPTS {
            let first = if attempt == 0 && context.command.is_fresh() {
                self.log.read_stream(stream, Version::NONE, PAGE).await?
            } else {
                match self.log.find_or_read(context.command.event(0), stream, PAGE).await? {
                    FoundOrRead::Found(position) => {
                        return Ok(self.repeated::<D>(context, stream, position).await?);
                    }
                    FoundOrRead::Read(first) => first,
                }
            };
            let Loaded { state, version, position } = self.load_from::<D>(stream, first).await?;
            if seen.is_some_and(|seen| seen != version) {
                return Err(CommandError::Stale { actual: version });
            }
            let events = match D::decide(&state, command.clone()) {
                Ok(events) => events,
                // The same command may have been appended between the look-up and the reading of the stream.
                Err(refusal) => match self.find(context.command).await? {
                    Some(position) => return Ok(self.repeated::<D>(context, stream, position).await?),
                    None => return Err(CommandError::Refused(refusal)),
                },
            };
            if events.is_empty() {
                return Ok(Executed {
                    position: None,
                    recorded_at: None,
                    events,
                    state,
                    version,
                    is_repeat: false,
                });
            }
            let append = Append {
                stream: stream.clone(),
                expected: version,
                events: encode(context.command, 0, &events, &metadata),
            };
            match self.log.append(vec![append]).await {
                // It was not looked up, and the log knew it all the same: what was decided now did not happen.
                Ok(appended) if appended.first <= position => {
                    return Ok(self.repeated::<D>(context, stream, appended.first).await?);
                }
                Ok(appended) => return Ok(executed(appended, events, state, version)),
                Err(AppendError::Conflict { actual, .. }) if seen.is_some() => {
                    return Err(CommandError::Stale { actual });
                }
                Err(error) => raced(error)?,
            }
        }
        Err(CommandError::Contended)
    }

    /// The position of the command's last event, if the log knows the command: what it answers.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn known(&self, command: CommandId) -> Result<Option<Position>, LogError> {
        Ok(self.recorded(command).await?.last().map(|event| event.position))
    }

    /// Every event of the command, in order, if the log knows it; none of another command.
    pub(crate) async fn recorded(&self, command: CommandId) -> Result<Vec<Recorded>, LogError> {
        let Some(first) = self.find(command).await? else { return Ok(vec![]) };
        let before = Position(first.0.saturating_sub(1));
        let mut recorded = self.log.read_all(before, PAGE).await?;
        let own = recorded.iter().zip(0..).take_while(|(event, n)| event.id == command.event(*n)).count();
        recorded.truncate(own);
        Ok(recorded)
    }

    /// Calls `each` with every event of a stream, in order.
    async fn read(
        &self,
        stream: &StreamName,
        each: impl FnMut(&Recorded) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let first = self.log.read_stream(stream, Version::NONE, PAGE).await?;
        self.read_from(stream, first, each).await
    }

    /// As [`Self::read`], when the first page was read already.
    async fn read_from(
        &self,
        stream: &StreamName,
        first: Vec<Recorded>,
        mut each: impl FnMut(&Recorded) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let mut page = first;
        loop {
            for recorded in &page {
                each(recorded)?;
            }
            match page.last() {
                Some(last) if page.len() == PAGE => {
                    page = self.log.read_stream(stream, last.version, PAGE).await?;
                }
                Some(_) | None => return Ok(()),
            }
        }
    }

    /// The answer to a command that the log knows since `first`.
    async fn repeated<D: Decider>(
        &self,
        context: &Context,
        stream: &StreamName,
        first: Position,
    ) -> Result<Executed<D>, Fault> {
        let mut answer = Executed {
            position: Some(first),
            recorded_at: None,
            events: vec![],
            state: D::initial(),
            version: Version::NONE,
            is_repeat: true,
        };
        let mut own = context.command.event(0);
        self.read(stream, |recorded| {
            answer.version = recorded.version;
            let Some(event) = claims::decode::<D::Event>(recorded)? else { return Ok(()) };
            let before = std::mem::replace(&mut answer.state, D::initial());
            answer.state = D::evolve(before, &event);
            if recorded.id == own {
                answer.position = Some(recorded.position);
                answer.recorded_at = Some(recorded.recorded_at);
                answer.events.push(event);
                own = context.command.event(answer.events.len() as u32);
            }
            Ok(())
        })
        .await?;
        Ok(answer)
    }
}

fn executed<D: Decider>(
    appended: Appended,
    events: Vec<D::Event>,
    state: D::State,
    version: Version,
) -> Executed<D> {
    let version = Version(version.0 + events.len() as u64);
    let state = events.iter().fold(state, D::evolve);
    Executed {
        position: Some(appended.last),
        recorded_at: Some(appended.recorded_at),
        events,
        state,
        version,
        is_repeat: false,
    }
}

/// Events as they go into the log, numbered from `first` over the whole command.
pub(crate) fn encode<E: StoredEvent>(
    command: CommandId,
    first: u32,
    events: &[E],
    metadata: &Arc<[u8]>,
) -> Vec<NewEvent> {
    (first..).zip(events).map(|(ordinal, event)| encode_one(command, ordinal, event, metadata)).collect()
}

fn encode_one<E: StoredEvent>(command: CommandId, ordinal: u32, event: &E, metadata: &Arc<[u8]>) -> NewEvent {
    NewEvent {
        id: command.event(ordinal),
        kind: event.kind(),
        schema: event.schema(),
        data: event.encode(),
        metadata: Arc::clone(metadata),
    }
}

/// Whether a failed append was only a lost race; `PartlyKnown` is one, against a duplicate of the same command.
fn raced(error: AppendError) -> Result<(), Fault> {
    match error {
        AppendError::Conflict { .. } | AppendError::PartlyKnown => Ok(()),
        AppendError::Invalid(why) => Err(Fault::Batch(why.reason())),
        AppendError::Log(error) => Err(error.into()),
    }
}
