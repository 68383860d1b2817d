//! The streams on the server, and how far the one of events has come.

use crate::error::{BusError, checkpoint_not_published, unavailable};
use crate::options::{BusOptions, Limit, Retention};
use async_nats::HeaderMap;
use async_nats::header::{HeaderName, NATS_MESSAGE_ID};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::{Context, GetStreamErrorKind};
use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::stream::{
    Config, DiscardPolicy, LastRawMessageErrorKind, RetentionPolicy, StorageType, Stream,
};
use scanledger_domain::id::EventId;
use scanledger_domain::log::{EventLog, Position};
use std::time::Duration;
use uuid::Uuid;

/// The stream that keeps every event.
pub(crate) const EVENTS: &str = "SCANLEDGER_EVENTS";
/// The subjects of all events.
pub(crate) const EVENT_SUBJECTS: &str = "scanledger.events.>";
/// The stream that keeps signed checkpoints of the log.
const CHECKPOINTS: &str = "SCANLEDGER_CHECKPOINTS";
/// Their subject.
pub(crate) const CHECKPOINT_SUBJECT: &str = "scanledger.checkpoints";
/// How many checkpoints are kept.
const KEPT_CHECKPOINTS: i64 = 10_000;

/// The header with an event's position.
pub(crate) const POSITION: HeaderName = HeaderName::from_static("Scanledger-Position");
/// The header with the identity of the log.
pub(crate) const LOG: HeaderName = HeaderName::from_static("Scanledger-Log");

/// How the description of a stream begins; the identity of the log follows.
const DESCRIPTION: &str = "Scanledger, log ";

/// How long the server remembers ids of events, which costs it memory for each. Ids are for consumers: what keeps
/// events from being doubled is the sequence that each expects.
const DUPLICATE_WINDOW: Duration = Duration::from_secs(10);

/// Events that are read at once to find a place in the log.
const STEP_EVENTS: usize = 1_000;

/// How far the stream of events has come.
///
/// Sequence *n* of the stream is the *n*th event of the log, whoever published it: a publisher starts with the log's
/// first event, and each event follows the one before it or is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Reached {
    /// In the stream.
    pub(crate) sequence: u64,
    /// In the log.
    pub(crate) position: Position,
}

/// Where the stream of events ends. Makes the stream if there is none.
///
/// The last message tells; if retention has removed it, the position is found by counting events of the log from the
/// last known place, at worst from the start.
pub(crate) async fn reached(
    context: &Context,
    log: &dyn EventLog,
    options: &BusOptions,
    known: Option<Reached>,
) -> Result<Reached, BusError> {
    let stream = open(context, Wanted::events(log.identity(), options), log.identity()).await?;
    let sequence = stream.cached_info().state.last_sequence;
    if sequence == 0 {
        return Ok(Reached::default());
    }
    let last = match stream.get_last_raw_message_by_subject(EVENT_SUBJECTS).await {
        Ok(message) => read(&message, log).await?,
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => {
            known.filter(|known| known.sequence <= sequence).unwrap_or_default()
        }
        Err(error) => return Err(unavailable("read the last event on the bus")(error)),
    };
    count(log, last, sequence).await
}

/// The checkpoint that the bus has kept last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeptNote {
    /// The last sequence of the stream.
    sequence: u64,
    /// How many events it covers; 0 if the bus has none.
    pub size: u64,
}

/// Where the stream of checkpoints ends. Makes the stream if there is none.
pub(crate) async fn last_checkpoint(
    context: &Context,
    log: Uuid,
    options: &BusOptions,
) -> Result<KeptNote, BusError> {
    let stream = open(context, Wanted::checkpoints(log, options), log).await?;
    let sequence = stream.cached_info().state.last_sequence;
    if sequence == 0 {
        return Ok(KeptNote::default());
    }
    match stream.get_last_raw_message_by_subject(CHECKPOINT_SUBJECT).await {
        Ok(message) => {
            let note = std::str::from_utf8(&message.payload).ok();
            let shape =
                BusError::OtherShape { stream: CHECKPOINTS, what: "its last message is no checkpoint" };
            let size = note.and_then(size_of).ok_or(shape)?;
            Ok(KeptNote { sequence: message.sequence, size })
        }
        // Somebody removed them all: they are published again.
        Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => {
            Ok(KeptNote { sequence, size: 0 })
        }
        Err(error) => Err(unavailable("read the last checkpoint on the bus")(error)),
    }
}

/// Publishes a checkpoint that is to follow `last`.
pub(crate) async fn publish_checkpoint(
    context: &Context,
    log: Uuid,
    last: KeptNote,
    note: &str,
) -> Result<KeptNote, BusError> {
    let shape = BusError::OtherShape { stream: CHECKPOINTS, what: "what is to follow is no checkpoint" };
    let size = size_of(note).ok_or(shape)?;
    let message = PublishMessage::build()
        .payload(note.to_owned().into())
        .header(LOG, log.to_string())
        .expected_stream(CHECKPOINTS)
        .expected_last_sequence(last.sequence);
    let sent = context.send_publish(CHECKPOINT_SUBJECT, message).await.map_err(checkpoint_not_published)?;
    let kept = sent.await.map_err(checkpoint_not_published)?;
    Ok(KeptNote { sequence: kept.sequence, size })
}

/// How many events a checkpoint covers: its second line (C2SP `tlog-checkpoint`).
fn size_of(note: &str) -> Option<u64> {
    note.lines().nth(1)?.parse().ok()
}

/// A stream as it is to be.
struct Wanted {
    /// As it is made, before any limit.
    made: Config,
    retention: Retention,
    replicas: Option<u8>,
}

impl Wanted {
    fn events(log: Uuid, options: &BusOptions) -> Self {
        let made = config(EVENTS, EVENT_SUBJECTS, log);
        Self { made, retention: options.retention, replicas: options.replicas }
    }

    fn checkpoints(log: Uuid, options: &BusOptions) -> Self {
        let made = Config { max_messages: KEPT_CHECKPOINTS, ..config(CHECKPOINTS, CHECKPOINT_SUBJECT, log) };
        Self { made, retention: Retention::default(), replicas: options.replicas }
    }

    /// `config` with the limits that were asked for; all others, and what this program does not know of, stay as they
    /// are.
    fn limited(&self, config: Config) -> Config {
        let max_age = match self.retention.max_age {
            None => config.max_age,
            Some(Limit::Off) => Duration::ZERO,
            Some(Limit::At(age)) => age,
        };
        let max_bytes = match self.retention.max_bytes {
            None => config.max_bytes,
            Some(Limit::Off) => -1,
            Some(Limit::At(bytes)) => i64::try_from(bytes.get()).unwrap_or(i64::MAX),
        };
        // The server does not take ids that outlive what they belong to.
        let asked = self.retention.max_age.map_or(Duration::ZERO, |_| DUPLICATE_WINDOW);
        let duplicate_window = match (config.duplicate_window.max(asked), max_age) {
            (window, Duration::ZERO) => window,
            (window, age) => window.min(age),
        };
        let num_replicas = self.replicas.map_or(config.num_replicas, usize::from);
        Config { max_age, max_bytes, duplicate_window, num_replicas, ..config }
    }
}

fn config(name: &str, subjects: &str, log: Uuid) -> Config {
    Config {
        name: name.to_owned(),
        // Servers before 2.10 have no metadata.
        description: Some(format!("{DESCRIPTION}{log}")),
        subjects: vec![subjects.to_owned()],
        storage: StorageType::File,
        retention: RetentionPolicy::Limits,
        discard: DiscardPolicy::Old,
        num_replicas: 1,
        max_bytes: -1,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_consumers: -1,
        duplicate_window: DUPLICATE_WINDOW,
        ..Config::default()
    }
}

/// The stream, made if there is none, with the limits that were asked for.
async fn open(context: &Context, wanted: Wanted, log: Uuid) -> Result<Stream, BusError> {
    let doing = "open a stream";
    let stream = match context.get_stream(&wanted.made.name).await {
        Ok(stream) => stream,
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(cause) if cause.error_code() == ErrorCode::STREAM_NOT_FOUND => {
                let made = wanted.limited(wanted.made.clone());
                return context.create_stream(made).await.map_err(unavailable("make a stream"));
            }
            _ => return Err(unavailable(doing)(error)),
        },
    };
    let found = &stream.cached_info().config;
    check(found, &wanted.made, log)?;
    let changed = wanted.limited(found.clone());
    if changed != *found {
        context.update_stream(changed).await.map_err(unavailable("change the limits of a stream"))?;
    }
    Ok(stream)
}

/// Whether a stream that is there can be published to.
fn check(found: &Config, wanted: &Config, log: Uuid) -> Result<(), BusError> {
    let stream = if wanted.name == EVENTS { EVENTS } else { CHECKPOINTS };
    let owner = found.description.as_deref().and_then(|text| text.strip_prefix(DESCRIPTION)?.parse().ok());
    match owner {
        Some(owner) if owner == log => {}
        Some(owner) => return Err(BusError::OtherLog { stream, found: owner, expected: log }),
        None => return Err(BusError::OtherShape { stream, what: "its description names no log" }),
    }
    let differences = [
        (found.subjects != wanted.subjects, "it has other subjects"),
        (found.mirror.is_some() || found.sources.is_some(), "it is filled from another stream"),
        (found.storage != wanted.storage, "it is not kept in files"),
        (found.retention != wanted.retention, "it does not keep what was consumed"),
        (found.discard != wanted.discard, "it refuses new messages when it is full"),
        (found.no_ack, "it acknowledges nothing"),
        (found.sealed, "it is sealed"),
    ];
    match differences.into_iter().find(|(is_different, _)| *is_different) {
        Some((_, what)) => Err(BusError::OtherShape { stream, what }),
        None => Ok(()),
    }
}

/// What the headers of a message say, if the log agrees.
async fn read(message: &StreamMessage, log: &dyn EventLog) -> Result<Reached, BusError> {
    let shape = |what| BusError::OtherShape { stream: EVENTS, what };
    let (owner, position, id) = headers(&message.headers).ok_or(shape("its last message is no event"))?;
    if owner != log.identity() {
        return Err(BusError::OtherLog { stream: EVENTS, found: owner, expected: log.identity() });
    }
    if log.find(id).await? != Some(position) {
        return Err(BusError::Diverged { position });
    }
    Ok(Reached { sequence: message.sequence, position })
}

fn headers(headers: &HeaderMap) -> Option<(Uuid, Position, EventId)> {
    let log = headers.get(LOG)?.as_str().parse().ok()?;
    let position = headers.get(POSITION)?.as_str().parse().ok()?;
    let id = headers.get(NATS_MESSAGE_ID)?.as_str().parse().ok()?;
    Some((log, Position(position), EventId(id)))
}

/// Goes on from `last` to `sequence`, one event of the log for each.
async fn count(log: &dyn EventLog, mut last: Reached, sequence: u64) -> Result<Reached, BusError> {
    while last.sequence < sequence {
        let missing = usize::try_from(sequence - last.sequence).unwrap_or(usize::MAX);
        let events = log.read_all(last.position, missing.min(STEP_EVENTS)).await?;
        let Some(event) = events.last() else {
            return Err(BusError::Diverged { position: Position(last.position.0 + 1) });
        };
        last = Reached { sequence: last.sequence + events.len() as u64, position: event.position };
    }
    Ok(last)
}
