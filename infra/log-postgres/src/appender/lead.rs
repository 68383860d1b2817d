//! A round that a caller does itself, because nobody else appends.

use super::{Appender, Message, Request};
use scanledger_domain::BoxFuture;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, OwnedMutexGuard, mpsc};

/// The way to the appender.
pub(crate) struct Way {
    /// Held by its task for as long as requests wait, and by a caller for one round.
    appender: Arc<Mutex<Appender>>,
    pub(crate) inbox: mpsc::Sender<Message>,
}

/// Handing a request to the appender's task and its answer back wakes two tasks, which takes about as long as what the
/// server does for one event. A caller who finds the appender idle does without. Dropping it before it has ended leaves
/// the rest to a task of its own, because a statement that is under way must be heard to its end.
pub(crate) struct Lead {
    rest: Option<BoxFuture<'static, ()>>,
    runtime: Handle,
}

impl Way {
    pub(crate) fn new(appender: Appender, waiting: usize) -> Self {
        let (inbox, requests) = mpsc::channel(waiting);
        let appender = Arc::new(Mutex::new(appender));
        tokio::spawn(Appender::run(Arc::clone(&appender), requests));
        Self { appender, inbox }
    }

    /// Serves a request on the caller's task, or gives it back because others append.
    pub(crate) fn lead(&self, request: Request) -> Result<Lead, Request> {
        let is_idle = self.inbox.capacity() == self.inbox.max_capacity() && !self.inbox.is_closed();
        match Arc::clone(&self.appender).try_lock_owned() {
            Ok(appender) if is_idle && appender.waiting.is_empty() => Ok(Lead {
                rest: Some(Box::pin(round(appender, request, self.inbox.downgrade()))),
                runtime: Handle::current(),
            }),
            Ok(_) | Err(_) => Err(request),
        }
    }
}

async fn round(mut appender: OwnedMutexGuard<Appender>, request: Request, inbox: mpsc::WeakSender<Message>) {
    appender.waiting.push_back(request);
    appender.round().await;
    let is_answered = appender.waiting.is_empty();
    drop(appender);
    if !is_answered && let Some(inbox) = inbox.upgrade() {
        // If it is full or closed, the task is about to look anyway.
        let _ = inbox.try_send(Message::GoOn);
    }
}

impl Future for Lead {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(rest) = &mut self.rest else { return Poll::Ready(()) };
        std::task::ready!(rest.as_mut().poll(context));
        self.rest = None;
        Poll::Ready(())
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if let Some(rest) = self.rest.take() {
            self.runtime.spawn(rest);
        }
    }
}
