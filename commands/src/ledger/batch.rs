//! Decisions over several streams that happen together or not at all.

use super::{ATTEMPTS, Ledger, encode, raced};
use crate::context::Context;
use crate::error::{CommandError, Fault};
use scanledger_domain::decider::Decider;
use scanledger_domain::id::OrganizationId;
use scanledger_domain::log::{Append, Position, StreamName, Version};
use scanledger_domain::time::Timestamp;
use std::sync::Arc;

/// Collects decided parts, one per stream; event ordinals run over the whole batch.
///
/// The way to use it is a loop: decide every part, commit, and start again with a new batch when another
/// writer was faster, as often as [`Races`] allows.
#[derive(Debug)]
pub struct Batch<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) context: &'a Context,
    metadata: Arc<[u8]>,
    pub(super) parts: Vec<Append>,
    events: u32,
    bytes: usize,
}

/// What came of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It is in the log.
    At {
        /// Position of its last event.
        position: Position,
        /// When that was recorded.
        recorded_at: Timestamp,
    },
    /// There was nothing to write.
    Nothing,
    /// Another writer was faster: decide again.
    Raced,
}

/// Counts lost races.
#[derive(Debug, Default)]
pub struct Races {
    lost: u32,
}

impl Races {
    /// Notes a lost race.
    ///
    /// # Errors
    /// [`CommandError::Contended`] when it was one too many.
    pub fn lost<R: std::error::Error + 'static>(&mut self) -> Result<(), CommandError<R>> {
        self.lost += 1;
        if self.lost >= ATTEMPTS { Err(CommandError::Contended) } else { Ok(()) }
    }
}

impl Ledger {
    /// An empty batch for the command of `context`.
    pub fn batch<'a>(&'a self, context: &'a Context) -> Batch<'a> {
        Batch { ledger: self, context, metadata: context.metadata(), parts: vec![], events: 0, bytes: 0 }
    }
}

impl Batch<'_> {
    /// What is decided from here on belongs to `organization`, whatever that of the context is.
    pub fn belonging_to(&mut self, organization: Option<OrganizationId>) {
        self.metadata = Context { organization, ..self.context.clone() }.metadata();
    }

    /// Decides what `command` does to `stream` as it is in the log now, and adds that to the batch.
    ///
    /// A stream may be decided on once in a batch.
    ///
    /// # Errors
    /// The refusal of the rules, or a fault.
    pub async fn decide<D: Decider>(
        &mut self,
        stream: StreamName,
        command: D::Command,
    ) -> Result<Vec<D::Event>, CommandError<D::Refusal>> {
        self.decide_all::<D>(stream, [command]).await
    }

    /// Decides like [`Self::decide`], but only on the version of the stream that the command was made from.
    ///
    /// # Errors
    /// [`CommandError::Stale`] if the stream is at another version; else as [`Self::decide`].
    pub async fn decide_seen<D: Decider>(
        &mut self,
        stream: StreamName,
        seen: Version,
        command: D::Command,
    ) -> Result<Vec<D::Event>, CommandError<D::Refusal>> {
        let (state, version) = self.ledger.load::<D>(&stream).await?;
        if version != seen {
            return Err(CommandError::Stale { actual: version });
        }
        self.add::<D>(stream, state, version, [command])
    }

    /// Decides what `command` does to a stream that does not exist, as far as the caller knows. Nothing is read: if there
    /// is one after all, the batch is raced.
    ///
    /// # Errors
    /// The refusal of the rules.
    pub fn decide_new<D: Decider>(
        &mut self,
        stream: StreamName,
        command: D::Command,
    ) -> Result<Vec<D::Event>, CommandError<D::Refusal>> {
        self.add::<D>(stream, D::initial(), Version::NONE, [command])
    }

    /// Decides several commands on one stream, each on the state that the one before leaves behind.
    ///
    /// # Errors
    /// As [`Self::decide`].
    pub async fn decide_all<D: Decider>(
        &mut self,
        stream: StreamName,
        commands: impl IntoIterator<Item = D::Command> + Send,
    ) -> Result<Vec<D::Event>, CommandError<D::Refusal>> {
        let (state, version) = self.ledger.load::<D>(&stream).await?;
        self.add::<D>(stream, state, version, commands)
    }

    pub(super) fn add<D: Decider>(
        &mut self,
        stream: StreamName,
        mut state: D::State,
        version: Version,
        commands: impl IntoIterator<Item = D::Command>,
    ) -> Result<Vec<D::Event>, CommandError<D::Refusal>> {
        let mut all = Vec::new();
        for command in commands {
            let events = D::decide(&state, command).map_err(CommandError::Refused)?;
            state = events.iter().fold(state, D::evolve);
            all.extend(events);
        }
        if !all.is_empty() {
            let events = encode(self.context.command, self.events, &all, &self.metadata);
            self.events += events.len() as u32;
            self.bytes += events.iter().map(scanledger_domain::log::NewEvent::size).sum::<usize>();
            self.parts.push(Append { stream, expected: version, events });
        }
        Ok(all)
    }

    /// Events in it so far.
    pub const fn events(&self) -> usize {
        self.events as usize
    }

    /// Bytes of data and metadata in it so far.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of metadata that every event of it carries.
    pub fn metadata_bytes(&self) -> usize {
        self.metadata.len()
    }

    /// Writes all of it, or nothing; on a log that is not atomic over streams, one part after the other, so that
    /// repeating the command goes on where it stopped.
    ///
    /// # Errors
    /// When the log cannot be written, or a limit of a batch is exceeded.
    pub async fn commit(self) -> Result<Committed, Fault> {
        if self.parts.is_empty() {
            return Ok(Committed::Nothing);
        }
        if self.parts.len() > 1 && !self.ledger.log().is_atomic_over_streams() {
            return self.commit_in_steps().await;
        }
        match self.ledger.log().append(self.parts).await {
            Ok(appended) => Ok(Committed::At { position: appended.last, recorded_at: appended.recorded_at }),
            Err(error) => raced(error).map(|()| Committed::Raced),
        }
    }
}
