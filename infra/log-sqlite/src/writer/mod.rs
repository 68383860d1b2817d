//! The one thread that writes.

mod group;
mod heads;
mod statements;

pub(crate) use heads::Head;
pub(crate) use statements::{Content, Place, Statements};

use crate::error::{failed, is_taken};
use crate::import::{Import, import};
use crate::tail::Tail;
use group::{Group, KnownIds};
use heads::Heads;
use rusqlite::Connection;
use scanledger_domain::log::{
    Append, AppendError, Appended, LogCounters, LogError, NewEvent, Position, Recorded, Version,
};
use scanledger_domain::time::{Clock, Timestamp};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};

/// Requests that are taken from the channel at once.
const GROUP_REQUESTS: usize = 1_024;

/// Bytes after which a transaction takes no further request, so that a queue of large batches does not
/// become one long commit.
const GROUP_BYTES: usize = 16 * 1024 * 1024;

/// What the writer is asked.
pub(crate) enum Message {
    /// To append a batch.
    Append(Request),
    /// To take events over from another log.
    Import(Import),
    /// To finish what was handed over, and end.
    Close,
}

/// A batch, and where its answer goes.
pub(crate) struct Request {
    pub(crate) batch: Vec<Append>,
    pub(crate) answer: oneshot::Sender<Result<Appended, AppendError>>,
}

/// Everything the thread owns.
pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) clock: Arc<dyn Clock>,
    /// Dropped when the thread ends, which is how subscriptions hear that the log is closed.
    pub(crate) head: watch::Sender<Position>,
    pub(crate) tail: Arc<Tail>,
    pub(crate) counters: Arc<LogCounters>,
}

impl Writer {
    /// Serves requests until the log is closed or dropped.
    pub(crate) fn run(self, mut inbox: mpsc::Receiver<Message>) {
        let Self { connection, clock, head, tail, counters } = self;
        let mut heads = Heads::default();
        let mut messages = Vec::with_capacity(GROUP_REQUESTS);
        match Statements::prepare(&connection) {
            Ok(mut statements) => {
                while inbox.blocking_recv_many(&mut messages, GROUP_REQUESTS) > 0 {
                    let mut requests = Vec::with_capacity(messages.len());
                    let mut imports = Vec::new();
                    for message in messages.drain(..) {
                        match message {
                            Message::Append(request) => requests.push(request),
                            Message::Import(import) => imports.push(import),
                            Message::Close => inbox.close(),
                        }
                    }
                    for requests in in_groups(requests) {
                        let mut group = Group { statements: &mut statements, heads: &mut heads };
                        let told = Told { head: &head, tail: &tail, counters: &counters };
                        serve(&mut group, requests, clock.as_ref(), told);
                    }
                    for import in imports {
                        let told = Told { head: &head, tail: &tail, counters: &counters };
                        take_over(&mut statements, import, told);
                        // They know nothing of what was written.
                        heads.clear();
                    }
                }
            }
            Err(error) => refuse_all(&mut inbox, error),
        }
        // The file alone then holds everything; if a reader is in the way, the next opener does it.
        let _ = connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
        drop(connection);
        drop(head);
    }
}

/// Who hears of a commit.
struct Told<'a> {
    head: &'a watch::Sender<Position>,
    tail: &'a Tail,
    counters: &'a LogCounters,
}

/// Answers every request of the group, after writing those that are accepted.
fn serve(group: &mut Group<'_, '_>, requests: Vec<Request>, clock: &dyn Clock, told: Told<'_>) {
    // Ids are nearly always new, and the unique index finds the others at no further cost; only then the
    // group is written again with a look-up per event.
    let written = match group.write(&requests, clock, KnownIds::LeftToIndex) {
        Err(error) if is_taken(&error) => group.write(&requests, clock, KnownIds::LookedUp),
        written => written,
    };
    match written {
        Ok(written) => {
            let before = Position(written.head.0 - written.events);
            let mut waiting = Vec::with_capacity(requests.len());
            for (request, answer) in requests.into_iter().zip(written.answers) {
                if let Ok(appended) = &answer
                    && appended.first > before
                {
                    told.tail.extend(recorded(request.batch, appended));
                }
                waiting.push((request.answer, answer));
            }
            // After the tail, because whoever hears of the head looks there first.
            if written.events > 0 {
                told.head.send_replace(written.head);
                told.counters.add_group(written.events, written.requests);
            }
            for (caller, answer) in waiting {
                // A caller that went away needs no answer.
                let _ = caller.send(answer);
            }
        }
        Err(error) => {
            let error = Arc::new(error);
            for request in requests {
                let _ = request.answer.send(Err(failed("write a group of batches", &error).into()));
            }
        }
    }
}

/// Answers an import, after writing its events if they fit.
fn take_over(statements: &mut Statements<'_>, Import { events, answer }: Import, told: Told<'_>) {
    let imported = import(statements, &events);
    if let Ok(head) = imported
        && !events.is_empty()
    {
        let count = events.len() as u64;
        told.tail.extend(events);
        told.head.send_replace(head);
        told.counters.add_group(count, 1);
    }
    // A caller that went away needs no answer.
    let _ = answer.send(imported);
}

/// The events of a batch as they stand in the log: positions without a gap, and so many microseconds apart.
fn recorded(batch: Vec<Append>, appended: &Appended) -> impl Iterator<Item = Recorded> {
    let Appended { first, last, recorded_at } = *appended;
    let events = batch.into_iter().flat_map(|Append { stream, expected, events }| {
        (expected.0 + 1..).zip(events).map(move |(version, event)| (stream.clone(), Version(version), event))
    });
    (first.0..).zip(events).map(move |(position, (stream, version, event))| Recorded {
        position: Position(position),
        id: event.id,
        stream,
        version,
        kind: event.kind.into(),
        schema: event.schema,
        data: event.data,
        metadata: event.metadata.to_vec(),
        recorded_at: Timestamp(recorded_at.0 - (last.0 - position).cast_signed()),
    })
}

/// Splits requests into transactions of bounded size, in order.
fn in_groups(requests: Vec<Request>) -> Vec<Vec<Request>> {
    let mut groups = Vec::with_capacity(1);
    let (mut group, mut bytes) = (Vec::with_capacity(requests.len()), 0);
    for request in requests {
        bytes += request.batch.iter().flat_map(|part| &part.events).map(NewEvent::size).sum::<usize>();
        group.push(request);
        if bytes >= GROUP_BYTES {
            groups.push(std::mem::take(&mut group));
            bytes = 0;
        }
    }
    if !group.is_empty() {
        groups.push(group);
    }
    groups
}

/// What is left to do when the statements do not fit the file.
fn refuse_all(inbox: &mut mpsc::Receiver<Message>, error: rusqlite::Error) {
    let error = Arc::new(error);
    inbox.close();
    while let Some(message) = inbox.blocking_recv() {
        let doing = "prepare the writer of the event log";
        let error = LogError::Broken { doing, source: Box::new(Arc::clone(&error)) };
        match message {
            Message::Append(request) => drop(request.answer.send(Err(error.into()))),
            Message::Import(import) => drop(import.answer.send(Err(error.into()))),
            Message::Close => (),
        }
    }
}
