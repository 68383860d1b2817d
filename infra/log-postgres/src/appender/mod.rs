//! What appends: a task for the requests that wait, or the caller itself while there is only one.
//!
//! The task takes every request that waits, writes those that fit together with one call of `append_parts`, and looks up
//! those that seem to be repeats or lost races. The server decides: a request is refused only after the log was seen
//! to refuse it. A group whose fate is unknown, because the connection broke, is looked up by its ids and written
//! again if it is not there.

mod group;
mod hints;
mod lead;
mod statements;

pub(crate) use lead::Way;

use crate::connect::{APPEND, PAUSES, connect_writer, within};
use crate::error::{failed_for_all, is_passing, is_taken};
use crate::news::News;
use group::{GROUP_REQUESTS, Group, Sorted};
use hints::Hints;
use scanledger_domain::log::{Append, AppendError, Appended, LogCounters, NewEvent, Position};
use scanledger_domain::time::Clock;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use statements::{Outcome, append, look_up};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

/// What the appender is asked.
pub(crate) enum Message {
    /// To append a batch.
    Append(Request),
    /// To serve what a caller could not finish in one round.
    GoOn,
    /// To finish what was handed over, and end.
    Close,
}

/// A batch, and where its answer goes.
pub(crate) struct Request {
    batch: Vec<Append>,
    answer: oneshot::Sender<Result<Appended, AppendError>>,
    /// When its caller is to hear that the server cannot be reached.
    deadline: Instant,
    /// Whether it has to be looked up before it is written.
    is_doubtful: bool,
}

impl Request {
    pub(crate) fn new(
        batch: Vec<Append>,
        answer: oneshot::Sender<Result<Appended, AppendError>>,
        deadline: Instant,
    ) -> Self {
        Self { batch, answer, deadline, is_doubtful: false }
    }

    fn events(&self) -> impl Iterator<Item = &NewEvent> {
        self.batch.iter().flat_map(|part| &part.events)
    }

    /// A caller that went away needs no answer.
    fn answer(self, answer: Result<Appended, AppendError>) {
        let _ = self.answer.send(answer);
    }
}

/// Everything that appending needs.
pub(crate) struct Appender {
    options: PgConnectOptions,
    clock: Arc<dyn Clock>,
    news: Arc<News>,
    /// What other nodes are to be told of.
    committed: watch::Sender<Position>,
    counters: Arc<LogCounters>,
    connection: Option<PgConnection>,
    hints: Hints,
    waiting: VecDeque<Request>,
    /// How long to wait before the server is tried again; none while it answers.
    pause: Option<Duration>,
}

impl Appender {
    pub(crate) fn new(
        options: PgConnectOptions,
        clock: Arc<dyn Clock>,
        news: Arc<News>,
        committed: watch::Sender<Position>,
        counters: Arc<LogCounters>,
    ) -> Self {
        let (hints, waiting) = (Hints::default(), VecDeque::new());
        Self { options, clock, news, committed, counters, connection: None, hints, waiting, pause: None }
    }

    /// Serves requests until the log is closed or dropped.
    async fn run(this: Arc<Mutex<Self>>, mut inbox: mpsc::Receiver<Message>) {
        let mut messages = Vec::with_capacity(GROUP_REQUESTS);
        while inbox.recv_many(&mut messages, GROUP_REQUESTS).await > 0 {
            this.lock().await.serve(&mut inbox, &mut messages).await;
        }
        // Only now, because a caller may be in the middle of a round.
        this.lock().await.news.close();
    }

    /// Serves requests for as long as there are any, so that no caller gets in between with a group of one.
    async fn serve(&mut self, inbox: &mut mpsc::Receiver<Message>, messages: &mut Vec<Message>) {
        loop {
            for message in messages.drain(..) {
                match message {
                    Message::Append(request) => self.waiting.push_back(request),
                    Message::GoOn => {}
                    Message::Close => inbox.close(),
                }
            }
            self.round().await;
            let_callers_go_on(inbox).await;
            let room = GROUP_REQUESTS.saturating_sub(self.waiting.len());
            messages.extend(std::iter::from_fn(|| inbox.try_recv().ok()).take(room));
            if messages.is_empty() && self.waiting.is_empty() {
                return;
            }
        }
    }

    /// Serves what waits: one group and one look-up at most.
    async fn round(&mut self) {
        let Sorted { group, doubtful, later } =
            Sorted::new(std::mem::take(&mut self.waiting), &mut self.hints);
        self.waiting = later;
        if !group.requests.is_empty() {
            self.write(group).await;
        }
        if !doubtful.is_empty() {
            self.look_up(doubtful).await;
        }
    }

    async fn write(&mut self, group: Group) {
        let now = self.clock.now();
        let outcome = match self.connection().await {
            Ok(connection) => within(APPEND, append(connection, &group, now)).await,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(Outcome::Written(last, recorded_at)) => {
                self.pause = None;
                let answers = group.answers(last, recorded_at);
                self.counters.add_group(group.len() as u64, group.requests.len() as u64);
                self.tell(last);
                for (stream, span) in group.streams {
                    self.hints.saw(stream, span.to);
                }
                for (request, answer) in group.requests.into_iter().zip(answers) {
                    request.answer(Ok(answer));
                }
            }
            Ok(Outcome::Moved(versions)) => {
                for (stream, version) in versions {
                    self.hints.saw(stream, version);
                }
                self.again(group.requests, false);
            }
            Err(error) if is_taken(&error) => {
                self.again(group.requests, true);
            }
            Err(error) => self.failed("append events", group.requests, error).await,
        }
    }

    /// Answers the requests that stay refused when the log is asked; the others wait again.
    async fn look_up(&mut self, requests: Vec<Request>) {
        let seen = match self.connection().await {
            Ok(connection) => within(APPEND, look_up(connection, &requests)).await,
            Err(error) => Err(error),
        };
        match seen {
            Ok(seen) => {
                self.pause = None;
                let mut fitting = Vec::new();
                for request in requests {
                    match seen.answer(&request) {
                        Some(answer) => {
                            // The commit may have been this node's own, of which the connection that broke told nothing.
                            if let Ok(appended) = &answer {
                                self.tell(appended.last);
                            }
                            request.answer(answer);
                        }
                        None => fitting.push(request),
                    }
                }
                for (stream, version) in seen.versions {
                    self.hints.saw(stream, version);
                }
                self.again(fitting, false);
            }
            Err(error) => self.failed("look up events", requests, error).await,
        }
    }

    /// Tells this node and the others how far the log has come.
    fn tell(&self, last: Position) {
        self.news.publish(last);
        self.committed.send_if_modified(|committed| {
            let is_news = last > *committed;
            *committed = last.max(*committed);
            is_news
        });
    }

    /// Puts requests back in front of those that wait.
    fn again(&mut self, requests: Vec<Request>, is_doubtful: bool) {
        for request in requests.into_iter().rev() {
            self.waiting.push_front(Request { is_doubtful, ..request });
        }
    }

    /// What becomes of requests after an error: if it may pass, they are looked up on a new connection, because they
    /// may have been written.
    async fn failed(&mut self, doing: &'static str, requests: Vec<Request>, error: sqlx::Error) {
        self.connection = None;
        let error = Arc::new(error);
        if !is_passing(&error) {
            for request in requests {
                request.answer(Err(failed_for_all(doing, &error).into()));
            }
            return;
        }
        if self.pause.is_none() {
            tracing::warn!(error = %error, "the server of the event log is out of reach");
        }
        self.again(requests, true);
        let [shortest, longest] = PAUSES;
        let pause = self.pause.map_or(shortest, |pause| longest.min(pause * 2));
        self.pause = Some(pause);
        let next = Instant::now() + pause;
        for request in std::mem::take(&mut self.waiting) {
            if request.deadline <= next {
                request.answer(Err(failed_for_all(doing, &error).into()));
            } else if !request.answer.is_closed() {
                self.waiting.push_back(request);
            }
        }
        sleep(pause).await;
    }

    async fn connection(&mut self) -> sqlx::Result<&mut PgConnection> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect_writer(&self.options).await?,
        };
        Ok(self.connection.insert(connection))
    }
}

/// Lets tasks that are ready run for as long as they hand requests over. Callers that were just answered often have
/// their next request at once; without this, half of them would find the next group gone, and all groups would be
/// half as large for ever. Takes microseconds, and a group takes a flush of the disk.
async fn let_callers_go_on(inbox: &mpsc::Receiver<Message>) {
    let mut handed_over = inbox.len();
    loop {
        yield_now().await;
        if inbox.len() == handed_over {
            return;
        }
        handed_over = inbox.len();
    }
}
