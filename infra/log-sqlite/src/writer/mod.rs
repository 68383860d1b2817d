//! The one thread that writes.

mod group;
mod heads;
mod statements;

use crate::error::{failed_group, is_taken};
use crate::stats::Counters;
use group::{Group, KnownIds};
use heads::Heads;
use rusqlite::Connection;
use scanledger_domain::log::{Append, AppendError, Appended, LogError, NewEvent, Position};
use scanledger_domain::time::Clock;
use statements::Statements;
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
    pub(crate) counters: Arc<Counters>,
}

impl Writer {
    /// Serves requests until the log is closed or dropped.
    pub(crate) fn run(self, mut inbox: mpsc::Receiver<Message>) {
        let Self { connection, clock, head, counters } = self;
        let mut heads = Heads::default();
        let mut messages = Vec::with_capacity(GROUP_REQUESTS);
        match Statements::prepare(&connection) {
            Ok(mut statements) => {
                while inbox.blocking_recv_many(&mut messages, GROUP_REQUESTS) > 0 {
                    let mut requests = Vec::with_capacity(messages.len());
                    for message in messages.drain(..) {
                        match message {
                            Message::Append(request) => requests.push(request),
                            Message::Close => inbox.close(),
                        }
                    }
                    for requests in in_groups(requests) {
                        let mut group = Group { statements: &mut statements, heads: &mut heads };
                        serve(&mut group, requests, clock.as_ref(), &head, &counters);
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

/// Answers every request of the group, after writing those that are accepted.
fn serve(
    group: &mut Group<'_, '_>,
    requests: Vec<Request>,
    clock: &dyn Clock,
    head: &watch::Sender<Position>,
    counters: &Counters,
) {
    // Ids are nearly always new, and the unique index finds the others at no further cost; only then the
    // group is written again with a look-up per event.
    let written = match group.write(&requests, clock, KnownIds::LeftToIndex) {
        Err(error) if is_taken(&error) => group.write(&requests, clock, KnownIds::LookedUp),
        written => written,
    };
    match written {
        Ok(written) => {
            if written.events > 0 {
                head.send_replace(written.head);
                counters.add_group(written.events, written.requests);
            }
            for (request, answer) in requests.into_iter().zip(written.answers) {
                // A caller that went away needs no answer.
                let _ = request.answer.send(answer);
            }
        }
        Err(error) => {
            let error = Arc::new(error);
            for request in requests {
                let _ = request.answer.send(Err(failed_group(&error).into()));
            }
        }
    }
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
        if let Message::Append(request) = message {
            let doing = "prepare the writer of the event log";
            let error = LogError::Broken { doing, source: Box::new(Arc::clone(&error)) };
            let _ = request.answer.send(Err(error.into()));
        }
    }
}
