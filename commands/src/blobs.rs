//! Removing blobs that nothing names any more: what deleted scans and projects left behind.
//!
//! Blobs are shared by content, and whoever stores bytes that are there already writes nothing. So a blob that nothing
//! names may still be wanted: by somebody who found it there and has not yet recorded what it is for. It is therefore
//! removed in two steps.
//!
//! 1. What only deleted things name is *set aside* ([`BlobStore::set_aside`]): it can be read as before, but whoever
//!    stores the same bytes from now on writes them anew.
//! 2. When everybody who stored it before must have recorded what for ([`BlobRemoval::grace`]), the log is asked again.
//!    What is named by now is put back, and the rest is discarded.
//!
//! What names a blob may be recorded after what it belongs to was deleted, and after the first step: a scan is queued while
//! its project is being deleted. Such a blob is found in its place by the second step, and both are done again for it.
//!
//! Nothing is lost, because storing and recording lie less than the grace apart. If something names the blob after the
//! second step, its bytes were stored after the first, hence in its place, and only what was set aside is discarded. A
//! blob that was set aside once more, for a later deletion, is left to the second step of that one.
//!
//! What events name that could not be applied to the read models is read from the log and counts as used. Neither step is
//! done in a store that is another log's: two installations in one place would remove each other's blobs.
//!
//! Blobs that were stored and never recorded, because a request or a worker ended in between, are found by looking through
//! the store (`unnamed`), and go the same way.
//!
//! Both steps may be done twice, so it is enough to know how far they have come. What the state store names, copies of
//! read models and signed checkpoints, is asked of [`KeptBlobs`]: whoever names blobs in another way has to be asked there
//! a release before the first of them is stored.

mod parked;
mod reached;
mod unnamed;

use crate::ports::{Checkpoints, ReadError};
use crate::reactor::until_true;
use parked::Parked;
use reached::{Again, PARTS, Reached};
use scanledger_domain::blob::{BlobHash, BlobStore, BlobUse, Deleted, Deletion, OWNER};
use scanledger_domain::log::{EventLog, Position};
use scanledger_domain::time::Clock;
use scanledger_domain::{BoxFuture, Cause};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;
use unnamed::Unnamed;
use uuid::Uuid;

/// Under which name it is kept how far this has come.
const CHECKPOINT: &str = "blobs";
/// Deletions that are worked at before it is kept how far this has come.
const PAGE: usize = 100;
/// How often it is looked whether something was deleted, at most.
const LOOK: Duration = Duration::from_secs(5);
/// How long to wait for the read model to reach the end of the log.
const VIEWS: Duration = Duration::from_secs(30);

/// Which blobs the log names. Implemented over the projections.
pub trait BlobUses: Send + Sync {
    /// Waits until everything up to `position` is taken into account.
    ///
    /// # Errors
    /// [`ReadError::TooLate`] after `timeout`.
    fn wait_for(&self, position: Position, timeout: Duration) -> BoxFuture<'_, Result<(), ReadError>>;

    /// What was deleted after a position, in order, at most `limit`.
    fn deletions(&self, after: Position, limit: usize) -> BoxFuture<'_, Result<Vec<Deletion>, ReadError>>;

    /// Where the events are that could not be taken into account: what they name stands in the log alone.
    fn parked(&self) -> BoxFuture<'_, Result<Vec<Position>, ReadError>>;

    /// Every blob that something of these names, once, and whether anything that was not deleted names it too.
    fn blobs_of(&self, what: Vec<Deleted>) -> BoxFuture<'_, Result<Vec<(BlobHash, BlobUse)>, ReadError>>;

    /// Each of these that anything ever named, once, and whether anything that was not deleted does.
    fn uses_of(&self, blobs: Vec<BlobHash>) -> BoxFuture<'_, Result<Vec<(BlobHash, BlobUse)>, ReadError>>;
}

/// Blobs that are named elsewhere than in the log.
pub trait KeptBlobs: Send + Sync {
    /// All of them.
    ///
    /// # Errors
    /// When what names them cannot be read.
    fn blobs(&self) -> BoxFuture<'_, Result<HashSet<BlobHash>, Cause>>;
}

/// Removes blobs that nothing names any more. Runs under a lease.
#[derive(Clone)]
pub struct BlobRemoval {
    /// The end of the log is asked for before it is said that nothing names a blob.
    pub log: Arc<dyn EventLog>,
    /// Who names which.
    pub uses: Arc<dyn BlobUses>,
    /// What else is named.
    pub kept: Arc<dyn KeptBlobs>,
    /// Where they are.
    pub blobs: Arc<dyn BlobStore>,
    /// Where it is kept how far this has come.
    pub checkpoints: Arc<dyn Checkpoints>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How much later than it is stored a blob may be recorded: [`scanledger_domain::limits::BLOB_GRACE`].
    pub grace: Duration,
}

/// Why nothing is removed: the store is another log's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the blob store is that of the log {owner}, and this is the log {log}. A folder or a prefix of a bucket belongs to one \
     installation; if the other one is no more, delete the object `{OWNER}` there, and what only it named is removed"
)]
struct Foreign {
    owner: Uuid,
    log: Uuid,
}

/// What one life of this knows.
struct Looking {
    reached: Reached,
    unnamed: Unnamed,
    parked: Parked,
    /// Why nothing was removed when that was said last.
    told: Option<Foreign>,
}

impl BlobRemoval {
    /// Works until `stop`.
    ///
    /// # Errors
    /// When the log, the read model, the blob store or the checkpoint cannot be used; it may be begun again.
    pub async fn run(self, mut stop: watch::Receiver<bool>) -> Result<(), Cause> {
        let pause = LOOK.min(self.grace / PARTS);
        let mut looking = Looking {
            reached: self.find(CHECKPOINT).await?.unwrap_or_default(),
            unnamed: self.find_unnamed().await?,
            parked: Parked::default(),
            told: None,
        };
        // Before there is anything to remove, so that it is whose it has been all along.
        may_go_on(self.foreign().await?, &mut looking.told);
        loop {
            tokio::select! {
                () = until_true(&mut stop) => return Ok(()),
                looked = self.look(&mut looking) => looked?,
            }
            tokio::select! {
                () = until_true(&mut stop) => return Ok(()),
                () = sleep(pause) => (),
            }
        }
    }

    /// Does what is to be done by now. It may be cut off anywhere: what was not kept is done again.
    async fn look(&self, looking: &mut Looking) -> Result<(), Cause> {
        self.look_at_deletions(looking).await?;
        self.look_for_unnamed(looking).await
    }

    async fn look_at_deletions(&self, looking: &mut Looking) -> Result<(), Cause> {
        while let Some(until) = looking.reached.due(self.clock.now(), self.grace) {
            // What was stored before it was set aside is recorded by now, and has to be seen.
            if !self.may_remove(looking).await? {
                return Ok(());
            }
            self.discard(looking, until).await?;
        }
        while let Some(index) = looking.reached.due_again(self.clock.now(), self.grace) {
            if !self.may_remove(looking).await? {
                return Ok(());
            }
            self.look_again(looking, index).await?;
        }
        loop {
            let deletions = self.uses.deletions(looking.reached.set_aside, PAGE).await?;
            let Some(last) = deletions.last() else { return Ok(()) };
            if !self.may_remove(looking).await? {
                return Ok(());
            }
            self.first_step(&deletions, last.position, &looking.parked).await?;
            looking.reached.note(last.position, self.clock.now(), self.grace);
            self.keep(CHECKPOINT, &looking.reached).await?;
        }
    }

    /// The second look at deletions up to `until`, the end of the first wave.
    async fn discard(&self, looking: &mut Looking, until: Position) -> Result<(), Cause> {
        let Looking { reached, parked, .. } = looking;
        loop {
            let deletions = self.deletions(reached.discarded, until).await?;
            let Some(last) = deletions.last() else { break };
            if self.second_step(&deletions, last.position, parked).await? {
                reached.again.push(Again { after: reached.discarded, until: last.position, ended: None });
            }
            reached.discarded = last.position;
            self.keep(CHECKPOINT, reached).await?;
        }
        reached.waves.pop_front();
        reached.discarded = until;
        self.keep(CHECKPOINT, reached).await?;
        tracing::info!(position = until.0, "blobs of what was deleted are removed");
        Ok(())
    }

    async fn look_again(&self, looking: &mut Looking, index: usize) -> Result<(), Cause> {
        let Looking { reached, parked, .. } = looking;
        let Again { after, until, ended } = reached.again[index];
        let deletions = self.deletions(after, until).await?;
        if ended.is_none() {
            self.first_step(&deletions, until, parked).await?;
            reached.again[index].ended = Some(self.clock.now().0);
        } else if self.second_step(&deletions, until, parked).await? {
            reached.again[index].ended = None;
        } else {
            reached.again.remove(index);
        }
        self.keep(CHECKPOINT, reached).await
    }

    /// Sets aside what nothing names but a page of deletions, which ends at `until`, and earlier ones.
    async fn first_step(
        &self,
        deletions: &[Deletion],
        until: Position,
        parked: &Parked,
    ) -> Result<(), Cause> {
        for (blob, is) in self.blobs_of(deletions, parked).await? {
            match is {
                BlobUse::UnusedSince(last) if last <= until => self.blobs.set_aside(blob).await?,
                // Something else that named it was deleted later, and its page is yet to come.
                BlobUse::UnusedSince(_) | BlobUse::Used => (),
            }
        }
        Ok(())
    }

    /// Discards what the first step set aside, or puts it back; answers whether some of it lay in its place.
    async fn second_step(
        &self,
        deletions: &[Deletion],
        until: Position,
        parked: &Parked,
    ) -> Result<bool, Cause> {
        let mut is_left = false;
        for (blob, is) in self.blobs_of(deletions, parked).await? {
            match is {
                BlobUse::Used => self.blobs.put_back(blob).await?,
                BlobUse::UnusedSince(last) if last <= until => {
                    self.blobs.discard(blob).await?;
                    is_left |= self.blobs.contains(blob).await?;
                }
                BlobUse::UnusedSince(_) => (),
            }
        }
        Ok(is_left)
    }

    /// A page of the deletions after one position and up to another.
    async fn deletions(&self, after: Position, until: Position) -> Result<Vec<Deletion>, ReadError> {
        let mut deletions = self.uses.deletions(after, PAGE).await?;
        deletions.retain(|deletion| deletion.position <= until);
        Ok(deletions)
    }

    async fn blobs_of(
        &self,
        deletions: &[Deletion],
        parked: &Parked,
    ) -> Result<Vec<(BlobHash, BlobUse)>, ReadError> {
        let mut blobs = self.uses.blobs_of(deletions.iter().map(|deletion| deletion.what).collect()).await?;
        for (blob, is) in &mut blobs {
            if parked.names(*blob) {
                *is = BlobUse::Used;
            }
        }
        Ok(blobs)
    }

    /// Makes sure that everything that is recorded now is known, and says whether the store is ours.
    async fn may_remove(&self, looking: &mut Looking) -> Result<bool, Cause> {
        let head = self.log.head().await?;
        self.uses.wait_for(head, VIEWS).await?;
        looking.parked.refresh(&*self.log, self.uses.parked().await?).await?;
        Ok(may_go_on(self.foreign().await?, &mut looking.told))
    }

    async fn foreign(&self) -> Result<Option<Foreign>, Cause> {
        let log = self.log.identity();
        let owner = self.blobs.owner(log).await?;
        Ok((owner != log).then_some(Foreign { owner, log }))
    }

    /// What cannot be read is as nothing, and no reason to stop: everything is done once more, and nothing too early.
    async fn find<T: DeserializeOwned>(&self, name: &'static str) -> Result<Option<T>, Cause> {
        let checkpoints = Arc::clone(&self.checkpoints);
        let kept = tokio::task::spawn_blocking(move || checkpoints.find(name)).await??;
        Ok(kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    async fn keep(&self, name: &'static str, value: &(impl Serialize + Sync)) -> Result<(), Cause> {
        let (checkpoints, value) = (Arc::clone(&self.checkpoints), serde_json::to_vec(value)?);
        tokio::task::spawn_blocking(move || checkpoints.put(name, &value)).await?
    }
}

/// Whether something may be removed; says once why nothing is.
fn may_go_on(foreign: Option<Foreign>, told: &mut Option<Foreign>) -> bool {
    if let Some(foreign) = foreign
        && *told != Some(foreign)
    {
        tracing::warn!("no blobs are removed: {foreign}");
    }
    *told = foreign;
    foreign.is_none()
}

#[cfg(test)]
mod tests {
    use super::{Foreign, may_go_on};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};
    use uuid::Uuid;

    /// Counts what is logged.
    struct Lines(Arc<AtomicUsize>);

    impl Subscriber for Lines {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, _: &Event<'_>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn it_is_said_once_why_nothing_is_removed() {
        let lines = Arc::new(AtomicUsize::new(0));
        let mut told = None;
        let mut hear = |held| {
            let goes_on =
                tracing::subscriber::with_default(Lines(Arc::clone(&lines)), || may_go_on(held, &mut told));
            (goes_on, lines.swap(0, Ordering::SeqCst))
        };
        let [one, other] =
            [1, 3].map(|owner| Foreign { owner: Uuid::from_u128(owner), log: Uuid::from_u128(2) });
        assert_eq!(hear(None), (true, 0));
        assert_eq!(hear(Some(one)), (false, 1));
        assert_eq!(hear(Some(one)), (false, 0));
        assert_eq!(hear(Some(other)), (false, 1));
        assert_eq!(hear(None), (true, 0));
        assert_eq!(hear(Some(other)), (false, 1));
    }
}
