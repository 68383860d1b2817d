//! What is measured: a store in this process, or scripts in others.

use crate::{Result, SPELL, STREAMS};
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Instant;
use tokio::task::JoinSet;

/// What was done while it was measured.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spell {
    /// Events that were acknowledged.
    pub(crate) appended: u64,
    /// Appends that the store refused without anybody else having written to the stream, and that were made again.
    pub(crate) again: u64,
    pub(crate) seconds: f64,
    /// Transactions in which all of that was written; none where the library does not say.
    pub(crate) commits: Option<u64>,
}

impl Spell {
    /// Events per second.
    pub(crate) fn rate(&self) -> f64 {
        self.appended as f64 / self.seconds
    }
}

/// A library that appends.
pub(crate) trait Contender {
    fn name(&self) -> &str;

    /// `callers` that append one event at a time for [`SPELL`], each waiting for its answer.
    fn measure(&mut self, callers: usize) -> BoxFuture<'_, Result<Spell>>;

    /// Ends what runs outside of this process.
    fn end(self: Box<Self>) -> BoxFuture<'static, Result<()>>;
}

/// A Rust library, with every one of [`STREAMS`] at a version that it knows.
pub(crate) trait Store: Send + Sync + 'static {
    /// Appends one event to `stream`, to which nobody else writes now, with the version it is at; answers how often
    /// that was refused before it was accepted.
    fn append(&self, stream: usize) -> impl Future<Output = Result<u64>> + Send;

    /// Transactions so far; none where the library does not say.
    fn commits(&self) -> Option<u64> {
        None
    }
}

/// A store whose callers are tasks of this process.
pub(crate) struct InProcess<S> {
    name: &'static str,
    store: Arc<S>,
}

impl<S> InProcess<S> {
    pub(crate) fn new(name: &'static str, store: S) -> Self {
        Self { name, store: Arc::new(store) }
    }
}

impl<S: Store> Contender for InProcess<S> {
    fn name(&self) -> &str {
        self.name
    }

    fn measure(&mut self, callers: usize) -> BoxFuture<'_, Result<Spell>> {
        Box::pin(async move {
            let before = self.store.commits();
            let started = Instant::now();
            let mut tasks = JoinSet::new();
            for caller in 0..callers {
                let store = Arc::clone(&self.store);
                tasks.spawn(async move {
                    let (mut appended, mut again) = (0, 0);
                    while started.elapsed() < SPELL {
                        // A stream that no other caller draws.
                        let stream = fastrand::usize(..STREAMS / callers) * callers + caller;
                        again += store.append(stream).await?;
                        appended += 1;
                    }
                    Result::Ok((appended, again))
                });
            }
            let mut spell = Spell::default();
            while let Some(task) = tasks.join_next().await {
                let (appended, again) = task??;
                spell.appended += appended;
                spell.again += again;
            }
            spell.seconds = started.elapsed().as_secs_f64();
            spell.commits = self.store.commits().zip(before).map(|(after, before)| after - before);
            Ok(spell)
        })
    }

    fn end(self: Box<Self>) -> BoxFuture<'static, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}
