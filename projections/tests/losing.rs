//! A log that loses its last events under a running projector, or only seems to.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[expect(dead_code, reason = "tests use different parts of the same world")]
mod support;

use scanledger_domain::BoxFuture;
use scanledger_domain::id::EventId;
use scanledger_domain::log::{
    Append, AppendError, Appended, EventLog, LogError, Position, Recorded, StreamName, Subscription, Version,
};
use scanledger_domain::severity::Severity;
use scanledger_projections::Projector;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use support::{World, secret};
use tokio::sync::watch;

/// For what has to happen; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

/// A log as it was, and as it is without its last events. Whoever follows it is told when it becomes the other one.
struct Losing {
    whole: Arc<dyn EventLog>,
    short: Arc<dyn EventLog>,
    has_lost: watch::Sender<bool>,
    /// Whether reads come to an end.
    answers: watch::Sender<bool>,
}

impl Losing {
    fn present(&self) -> &Arc<dyn EventLog> {
        if *self.has_lost.borrow() { &self.short } else { &self.whole }
    }
}

impl EventLog for Losing {
    fn identity(&self) -> uuid::Uuid {
        self.whole.identity()
    }

    fn append(&self, batch: Vec<Append>) -> BoxFuture<'_, Result<Appended, AppendError>> {
        self.present().append(batch)
    }

    fn read_stream<'a>(
        &'a self,
        stream: &'a StreamName,
        after: Version,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, LogError>> {
        self.present().read_stream(stream, after, limit)
    }

    fn read_all(&self, after: Position, limit: usize) -> BoxFuture<'_, Result<Vec<Recorded>, LogError>> {
        Box::pin(async move {
            self.answers.subscribe().wait_for(|answers| *answers).await.unwrap();
            self.present().read_all(after, limit).await
        })
    }

    fn find(&self, id: EventId) -> BoxFuture<'_, Result<Option<Position>, LogError>> {
        self.present().find(id)
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, LogError>> {
        self.present().head()
    }

    fn subscribe(&self, after: Position) -> Box<dyn Subscription> {
        let inner = self.present().subscribe(after);
        Box::new(Follower { inner, after, has_lost: self.has_lost.subscribe() })
    }
}

struct Follower {
    inner: Box<dyn Subscription>,
    after: Position,
    has_lost: watch::Receiver<bool>,
}

impl Subscription for Follower {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Recorded>, LogError>> {
        Box::pin(async {
            tokio::select! {
                biased;
                _ = self.has_lost.changed() => Err(LogError::Diverged { position: self.after }),
                batch = self.inner.next() => batch,
            }
        })
    }
}

async fn eventually(what: &str, so: impl Fn() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("never: {what}"));
}

fn files(folder: &Path) -> BTreeSet<String> {
    let files =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    files.filter(|name| name.ends_with(".db")).collect()
}

/// A world's log that another one, which has seen no scan, is the beginning of.
async fn losing() -> (Arc<Losing>, [World; 2]) {
    let (mut whole, short) = (World::new().await, World::new().await);
    whole.scan("main", vec![secret("src/a.py", 1, Severity::High)], vec![]).await;
    let log = Losing {
        whole: Arc::clone(&whole.log),
        short: Arc::clone(&short.log),
        has_lost: watch::Sender::new(false),
        answers: watch::Sender::new(true),
    };
    (Arc::new(log), [whole, short])
}

#[tokio::test]
async fn what_is_shown_of_a_log_that_has_lost_it_says_so_until_it_is_built_anew() {
    let (log, _worlds) = losing().await;
    let folder = tempfile::tempdir().unwrap();
    let projector = Projector::open(folder.path(), Arc::clone(&log) as _).await.unwrap();
    let (_stop, stopped) = watch::channel(false);
    let running = tokio::spawn({
        let projector = projector.clone();
        async move { projector.run(stopped).await }
    });
    let (views, head) = (projector.views(), log.head().await.unwrap());
    views.wait_for(head, PATIENCE).await.unwrap();
    let before = views.shown();
    assert!(!views.has_diverged());

    log.answers.send_replace(false);
    log.has_lost.send_replace(true);
    eventually("it says so", || views.has_diverged()).await;
    assert_eq!(views.shown(), before, "what there is goes on being shown");
    assert!(projector.health().stopped.is_some());

    log.answers.send_replace(true);
    eventually("it is built anew", || !views.has_diverged()).await;
    assert_eq!(views.position(), log.head().await.unwrap());
    assert!(views.position() < head);
    assert_ne!(views.shown().history, before.history);
    assert_eq!(projector.health().stopped, None);
    running.abort();
}

#[tokio::test]
async fn nothing_is_built_anew_of_a_log_that_has_all_of_it_again() {
    let (log, _worlds) = losing().await;
    let folder = tempfile::tempdir().unwrap();
    let projector = Projector::open(folder.path(), Arc::clone(&log) as _).await.unwrap();
    let (_stop, stopped) = watch::channel(false);
    let running = tokio::spawn({
        let projector = projector.clone();
        async move { projector.run(stopped).await }
    });
    let (views, head) = (projector.views(), log.head().await.unwrap());
    views.wait_for(head, PATIENCE).await.unwrap();
    let (before, kept) = (views.shown(), files(folder.path()));

    log.answers.send_replace(false);
    log.has_lost.send_replace(true);
    eventually("it says so", || views.has_diverged()).await;
    log.has_lost.send_replace(false);
    log.answers.send_replace(true);
    eventually("it is as it was", || !views.has_diverged()).await;
    assert_eq!((views.shown(), files(folder.path())), (before, kept));
    assert_eq!(projector.health().stopped, None);
    running.abort();
}
