//! A projector that cannot go on says so, one that may go on later does, and one that nobody waits for any more ends.

#[expect(dead_code, reason = "tests use different parts of the same world")]
mod support;

use scanledger_domain::BoxFuture;
use scanledger_domain::id::EventId;
use scanledger_domain::log::{
    Append, AppendError, Appended, EventLog, LogError, Position, Recorded, StreamName, Subscription, Version,
};
use scanledger_domain::severity::Severity;
use scanledger_projections::Projector;
use std::sync::Arc;
use std::time::Duration;
use support::{World, secret};
use tokio::sync::{Notify, watch};
use uuid::Uuid;

/// An empty log; what happens to who follows it.
enum Following {
    Panics,
    /// Waits for ever, and tells when it is given up.
    Waits(Arc<Notify>),
}

impl EventLog for Following {
    fn identity(&self) -> Uuid {
        Uuid::from_u128(1)
    }

    fn append(&self, _: Vec<Append>) -> BoxFuture<'_, Result<Appended, AppendError>> {
        Box::pin(async { Err(AppendError::PartlyKnown) })
    }

    fn read_stream<'a>(
        &'a self,
        _: &'a StreamName,
        _: Version,
        _: usize,
    ) -> BoxFuture<'a, Result<Vec<Recorded>, LogError>> {
        Box::pin(async { Ok(vec![]) })
    }

    fn read_all(&self, _: Position, _: usize) -> BoxFuture<'_, Result<Vec<Recorded>, LogError>> {
        Box::pin(async { Ok(vec![]) })
    }

    fn find(&self, _: EventId) -> BoxFuture<'_, Result<Option<Position>, LogError>> {
        Box::pin(async { Ok(None) })
    }

    fn head(&self) -> BoxFuture<'_, Result<Position, LogError>> {
        Box::pin(async { Ok(Position::START) })
    }

    fn subscribe(&self, _: Position) -> Box<dyn Subscription> {
        match self {
            Self::Panics => Box::new(Follower(None)),
            Self::Waits(given_up) => Box::new(Follower(Some(Arc::clone(given_up)))),
        }
    }
}

struct Follower(Option<Arc<Notify>>);

impl Subscription for Follower {
    fn next(&mut self) -> BoxFuture<'_, Result<Vec<Recorded>, LogError>> {
        assert!(self.0.is_some(), "this log breaks whoever follows it");
        Box::pin(std::future::pending())
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if let Some(given_up) = &self.0 {
            given_up.notify_one();
        }
    }
}

#[tokio::test]
async fn one_that_breaks_says_that_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let projector = Projector::open(folder.path(), Arc::new(Following::Panics)).await.unwrap();
    let (_stop, stopped) = watch::channel(false);
    assert!(projector.run(stopped).await.is_err());
    assert!(projector.health().stopped.is_some());
}

#[tokio::test]
async fn one_that_is_told_to_stop_ends_well() {
    let folder = tempfile::tempdir().unwrap();
    let given_up = Arc::new(Notify::new());
    let log = Arc::new(Following::Waits(Arc::clone(&given_up)));
    let projector = Projector::open(folder.path(), log).await.unwrap();
    let (stop, stopped) = watch::channel(false);
    stop.send_replace(true);
    projector.run(stopped).await.unwrap();
    assert_eq!(projector.health().stopped, None);
}

#[tokio::test]
async fn one_that_nobody_waits_for_ends() {
    let folder = tempfile::tempdir().unwrap();
    let given_up = Arc::new(Notify::new());
    let log = Arc::new(Following::Waits(Arc::clone(&given_up)));
    let projector = Projector::open(folder.path(), log).await.unwrap();
    let (_stop, stopped) = watch::channel(false);
    let waited = tokio::time::timeout(Duration::from_millis(200), projector.run(stopped)).await;
    assert!(waited.is_err());
    tokio::time::timeout(Duration::from_secs(10), given_up.notified()).await.unwrap();
}

/// A full disk and a lock that somebody else holds are the same to it.
#[tokio::test]
async fn one_that_cannot_write_for_longer_than_it_waits_goes_on_later() {
    let mut world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let projector = Projector::open(folder.path(), Arc::clone(&world.log)).await.unwrap();
    let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let views = files.into_iter().find(|path| path.extension().is_some_and(|kind| kind == "db")).unwrap();
    let held = rusqlite::Connection::open(views).unwrap();
    held.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn({
        let projector = projector.clone();
        async move { projector.run(stopped).await }
    });
    world.scan("main", vec![secret("src/a.py", 1, Severity::High)], vec![]).await;
    // SQLite waits for five.
    tokio::time::sleep(Duration::from_secs(6)).await;
    let says = projector.health().stopped;
    assert_eq!(
        (projector.views().position(), says.as_deref()),
        (Position::START, Some("the read model could not be written"))
    );
    drop(held);
    let head = world.log.head().await.unwrap();
    projector.views().wait_for(head, Duration::from_secs(30)).await.unwrap();
    assert_eq!(projector.health().stopped, None);
    stop.send_replace(true);
    running.await.unwrap().unwrap();
}

/// Nothing comes after what it could not write: a rebuild has that already.
#[tokio::test]
async fn one_that_could_not_write_goes_on_with_read_models_that_were_built_anew() {
    let mut world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let projector = Projector::open(folder.path(), Arc::clone(&world.log)).await.unwrap();
    let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let views = files.into_iter().find(|path| path.extension().is_some_and(|kind| kind == "db")).unwrap();
    let held = rusqlite::Connection::open(views).unwrap();
    held.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (_stop, stopped) = watch::channel(false);
    let running = tokio::spawn({
        let projector = projector.clone();
        async move { projector.run(stopped).await }
    });
    world.scan("main", vec![secret("src/a.py", 1, Severity::High)], vec![]).await;
    let says = async |wanted: bool| {
        while projector.health().stopped.is_some() != wanted {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), says(true)).await.expect("it cannot write");
    let reached = projector.rebuild(Arc::new(|_, _| ())).await.unwrap();
    assert_eq!(reached, world.log.head().await.unwrap());
    tokio::time::timeout(Duration::from_secs(20), says(false)).await.expect("it says that it goes on");
    running.abort();
    drop(held);
}
