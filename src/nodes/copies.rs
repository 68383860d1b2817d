//! The list of copies of read models in the blob store: one for all nodes and versions, changed by compare-and-swap.
//!
//! A copy stands on it before its bytes are stored, and until they are removed, and then for as long as somebody may
//! still be storing them, so that none is left behind whoever dies in between. An erasure empties it, and from then on
//! only a node that has built its read models anew may add to it.

use crate::adapters::SystemClock;
use anyhow::{Context, Result};
use scanledger_commands::ports::Checkpoints;
use scanledger_domain::blob::{BlobHash, BlobStore};
use scanledger_domain::log::Position;
use scanledger_domain::time::{Clock, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The checkpoint.
const NAME: &str = "views/copies";

/// Microseconds after a copy was removed for which it is removed again and again: whoever was storing it when it became
/// unwanted may end later.
const STORING: i64 = 60 * 60 * 1_000_000;

/// A copy that nodes may start from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Copy {
    /// The revision of the read models.
    pub(super) revision: String,
    /// Its bytes.
    pub(super) blob: BlobHash,
    /// The last event in it.
    pub(super) position: Position,
}

/// The newest copy, as of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Newest {
    pub(super) copy: Copy,
    /// The last erasure by then: the read models in the copy were built after it, when the keys were gone.
    pub(super) erased: Position,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct List {
    /// The last erasure: read models that were built before it may not be copied any more.
    erased: Position,
    /// Complete ones.
    copies: Vec<Copy>,
    /// The one that is being stored.
    making: Option<BlobHash>,
    /// What is to be removed.
    unwanted: Vec<BlobHash>,
    /// What was removed, and may come back.
    removed: Vec<Removed>,
}

/// A copy that was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Removed {
    blob: BlobHash,
    /// For the first time.
    at: Timestamp,
}

impl Removed {
    const fn is_over(&self, now: Timestamp) -> bool {
        now.0 - self.at.0 >= STORING
    }
}

/// The list, and the blobs that it is about.
#[derive(Clone)]
pub(super) struct Copies {
    checkpoints: Arc<dyn Checkpoints>,
    blobs: Arc<dyn BlobStore>,
}

impl Copies {
    pub(super) fn new(checkpoints: Arc<dyn Checkpoints>, blobs: Arc<dyn BlobStore>) -> Self {
        Self { checkpoints, blobs }
    }

    /// The newest copy of a revision.
    pub(super) async fn newest(&self, revision: &'static str) -> Result<Option<Newest>> {
        let List { erased, copies, .. } = self.read().await?;
        let of_it = copies.into_iter().filter(|copy| copy.revision == revision);
        Ok(of_it.max_by_key(|copy| copy.position).map(|copy| Newest { copy, erased }))
    }

    /// Whether copies of read models may be added that were built anew after the erasure at `since`.
    pub(super) async fn takes(&self, since: Position) -> Result<bool> {
        Ok(self.read().await?.erased <= since)
    }

    /// Notes that `blob` will be stored, a copy of read models that were built anew after the erasure at `since`; `false`
    /// if there was a later one, or the blob is on the list already, and it must not be stored.
    pub(super) async fn claim(&self, blob: BlobHash, since: Position) -> Result<bool> {
        self.change(move |list| {
            let is_listed = list.unwanted.contains(&blob)
                || list.removed.iter().any(|removed| removed.blob == blob)
                || list.copies.iter().any(|copy| copy.blob == blob);
            if list.erased > since || is_listed {
                return false;
            }
            // Whoever claimed another one died before it was complete, or is late.
            list.unwanted.extend(list.making.replace(blob).filter(|left| *left != blob));
            true
        })
        .await
    }

    /// Takes the claim of a copy back that could not be stored. In case the store has it all the same, or will have it
    /// soon, it is removed like one that was.
    pub(super) async fn withdraw(&self, blob: BlobHash) -> Result<()> {
        let at = SystemClock.now();
        self.change(move |list| {
            if list.making.take_if(|making| *making == blob).is_some() {
                list.removed.push(Removed { blob, at });
            }
        })
        .await
    }

    /// Offers the copy that was claimed, now that it is stored, instead of all older ones; `false` if it is unwanted by
    /// now.
    pub(super) async fn offer(&self, copy: Copy, since: Position) -> Result<bool> {
        self.change(move |list| {
            let is_claimed = list.making.take_if(|making| *making == copy.blob).is_some();
            if !is_claimed || list.erased > since {
                if !list.unwanted.contains(&copy.blob) {
                    list.unwanted.push(copy.blob);
                }
                return false;
            }
            let older = list.copies.extract_if(.., |other| other.position <= copy.position);
            list.unwanted.extend(older.map(|older| older.blob));
            list.copies.push(copy.clone());
            true
        })
        .await
    }

    /// Takes every copy off the list, because of the erasure at `erased`; [`Self::sweep`] removes them.
    pub(super) async fn disown(&self, erased: Position) -> Result<()> {
        self.change(move |list| {
            // Copies that were made since are of read models that were built anew.
            if list.erased < erased {
                list.erased = erased;
                list.unwanted.extend(list.copies.drain(..).map(|copy| copy.blob));
                list.unwanted.extend(list.making.take());
            }
        })
        .await
    }

    /// Removes what is unwanted, and what was removed not long ago.
    ///
    /// # Errors
    /// When a copy cannot be removed; it stays on the list.
    pub(super) async fn sweep(&self) -> Result<()> {
        self.sweep_at(SystemClock.now()).await
    }

    async fn sweep_at(&self, now: Timestamp) -> Result<()> {
        let List { unwanted, removed, .. } = self.read().await?;
        let doing = "while removing a copy of read models";
        for blob in unwanted {
            self.blobs.remove(blob).await.context(doing)?;
            self.change(move |list| {
                list.unwanted.retain(|other| *other != blob);
                list.removed.retain(|other| other.blob != blob);
                list.removed.push(Removed { blob, at: now });
            })
            .await?;
        }
        for Removed { blob, .. } in &removed {
            self.blobs.remove(*blob).await.context(doing)?;
        }
        if removed.iter().any(|removed| removed.is_over(now)) {
            // Only what this call has removed once more.
            self.change(move |list| {
                list.removed.retain(|other| !(other.is_over(now) && removed.contains(other)))
            })
            .await?;
        }
        Ok(())
    }

    async fn read(&self) -> Result<List> {
        let checkpoints = Arc::clone(&self.checkpoints);
        tokio::task::spawn_blocking(move || Ok(find(&*checkpoints)?.1)).await?
    }

    /// Changes the list, however many do so at the same time; `change` is called again when another one was faster.
    async fn change<T: Send + 'static>(&self, change: impl Fn(&mut List) -> T + Send + 'static) -> Result<T> {
        let checkpoints = Arc::clone(&self.checkpoints);
        tokio::task::spawn_blocking(move || {
            loop {
                let (stored, before) = find(&*checkpoints)?;
                let mut list = before.clone();
                let answer = change(&mut list);
                let value = serde_json::to_vec(&list)?;
                if list == before || replace(&*checkpoints, stored.as_deref(), &value)? {
                    return Ok(answer);
                }
            }
        })
        .await?
    }
}

/// The list as it is stored, and what it says.
fn find(checkpoints: &dyn Checkpoints) -> Result<(Option<Vec<u8>>, List)> {
    let doing = "while reading the list of copies of read models";
    let stored = checkpoints.find(NAME).map_err(anyhow::Error::from_boxed).context(doing)?;
    let list = match &stored {
        None => List::default(),
        Some(bytes) => serde_json::from_slice(bytes).context(doing)?,
    };
    Ok((stored, list))
}

fn replace(checkpoints: &dyn Checkpoints, before: Option<&[u8]>, value: &[u8]) -> Result<bool> {
    let replaced = checkpoints.replace(NAME, before, value);
    replaced.map_err(anyhow::Error::from_boxed).context("while writing the list of copies of read models")
}

#[cfg(test)]
mod tests {
    use super::{Copies, Copy, STORING, find};
    use scanledger_blobs::Blobs;
    use scanledger_domain::blob::{BlobHash, BlobStore};
    use scanledger_domain::log::Position;
    use scanledger_domain::time::Timestamp;
    use scanledger_state::{ServerKey, State};
    use std::sync::Arc;

    struct Place {
        _folder: tempfile::TempDir,
        blobs: Blobs,
        copies: Copies,
    }

    impl Place {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let key = ServerKey::create(&folder.path().join("server.key")).unwrap();
            let state = State::open(&folder.path().join("state.db"), &key).unwrap();
            let blobs = Blobs::local(folder.path().join("blobs")).unwrap();
            let copies = Copies::new(Arc::clone(&state.checkpoints) as _, Arc::new(blobs.clone()));
            Self { _folder: folder, blobs, copies }
        }

        /// Stores a copy as a node does that has built its read models anew after the erasure at `since`.
        async fn share(&self, revision: &str, position: u64, since: u64) -> (BlobHash, bool) {
            let bytes = format!("{revision} at {position}").into_bytes();
            let (blob, since) = (BlobHash::of(&bytes), Position(since));
            if !self.copies.claim(blob, since).await.unwrap() {
                return (blob, false);
            }
            assert_eq!(self.blobs.put(bytes).await.unwrap(), blob);
            let copy = Copy { revision: revision.to_owned(), blob, position: Position(position) };
            let is_offered = self.copies.offer(copy, since).await.unwrap();
            self.copies.sweep().await.unwrap();
            (blob, is_offered)
        }

        async fn erase(&self, erased: u64) {
            self.copies.disown(Position(erased)).await.unwrap();
            self.copies.sweep().await.unwrap();
        }

        async fn is_there(&self, blob: BlobHash) -> bool {
            self.blobs.contains(blob).await.unwrap()
        }

        async fn newest(&self, revision: &'static str) -> Option<u64> {
            self.copies.newest(revision).await.unwrap().map(|newest| newest.copy.position.0)
        }
    }

    #[tokio::test]
    async fn a_newer_copy_takes_the_place_of_all_older_ones_of_whatever_revision() {
        let place = Place::new();
        assert_eq!(place.newest("a").await, None);
        let (first, _) = place.share("a", 10, 0).await;
        let (second, _) = place.share("a", 20, 0).await;
        assert_eq!((place.newest("a").await, place.newest("b").await), (Some(20), None));
        assert!(!place.is_there(first).await && place.is_there(second).await);
        let (third, _) = place.share("b", 30, 0).await;
        assert_eq!((place.newest("a").await, place.newest("b").await), (None, Some(30)));
        assert!(!place.is_there(second).await && place.is_there(third).await);
        // One that comes late, from a node that is behind, takes nothing away.
        place.share("a", 25, 0).await;
        assert_eq!((place.newest("a").await, place.newest("b").await), (Some(25), Some(30)));
        // The same again is there already.
        assert!(!place.share("b", 30, 0).await.1 && place.is_there(third).await);
    }

    #[tokio::test]
    async fn an_erasure_removes_all_copies_and_only_views_that_were_built_since_are_copied_again() {
        let place = Place::new();
        let (before, _) = place.share("a", 10, 0).await;
        assert!(place.copies.takes(Position(0)).await.unwrap());
        place.erase(12).await;
        assert_eq!(place.newest("a").await, None);
        assert!(!place.is_there(before).await);
        // Of a node that has not built its own anew yet.
        assert!(!place.copies.takes(Position(11)).await.unwrap());
        assert!(place.copies.takes(Position(12)).await.unwrap());
        let (late, is_offered) = place.share("a", 14, 0).await;
        assert!(!is_offered && !place.is_there(late).await);
        let (since, is_offered) = place.share("a", 15, 12).await;
        assert!(is_offered && place.is_there(since).await);
        // Another node finishes the same erasure, or an earlier one, later.
        for erased in [12, 11] {
            place.erase(erased).await;
            assert!(place.is_there(since).await);
        }
        assert_eq!(place.newest("a").await, Some(15));
    }

    #[tokio::test]
    async fn a_copy_that_is_being_stored_while_somebody_is_erased_is_removed() {
        let place = Place::new();
        let blob = BlobHash::of(b"views");
        assert!(place.copies.claim(blob, Position(0)).await.unwrap());
        place.erase(5).await;
        place.blobs.put(b"views".to_vec()).await.unwrap();
        let copy = Copy { revision: "a".to_owned(), blob, position: Position(9) };
        assert!(!place.copies.offer(copy, Position(0)).await.unwrap());
        place.copies.sweep().await.unwrap();
        assert!(!place.is_there(blob).await);
        assert_eq!(place.newest("a").await, None);
    }

    #[tokio::test]
    async fn what_a_node_left_that_died_is_removed_by_the_next_one_or_by_an_erasure() {
        for is_erased in [false, true] {
            let place = Place::new();
            let left = BlobHash::of(b"views");
            assert!(place.copies.claim(left, Position(0)).await.unwrap());
            place.blobs.put(b"views".to_vec()).await.unwrap();
            if is_erased {
                place.erase(5).await;
            } else {
                assert!(place.share("a", 10, 0).await.1);
            }
            assert!(!place.is_there(left).await);
        }
    }

    #[tokio::test]
    async fn a_claim_that_is_taken_back_leaves_nothing_that_grows() {
        let place = Place::new();
        let list = || find(&*place.copies.checkpoints).unwrap().1;
        let late = BlobHash::of(b"views");
        assert!(place.copies.claim(late, Position(0)).await.unwrap());
        place.copies.withdraw(late).await.unwrap();
        assert_eq!((list().making, list().unwanted), (None, vec![]));
        // The store had taken it all the same.
        place.blobs.put(b"views".to_vec()).await.unwrap();
        let began = list().removed[0].at;
        for (after, is_over) in [(STORING - 1, false), (STORING, true)] {
            place.copies.sweep_at(Timestamp(began.0 + after)).await.unwrap();
            assert!(!place.is_there(late).await);
            assert_eq!(list().removed.is_empty(), is_over);
        }
        // Somebody else's is left alone, and so is one that is offered by now.
        let (offered, _) = place.share("a", 10, 0).await;
        assert!(place.copies.claim(late, Position(0)).await.unwrap());
        let before = list();
        for other in [offered, BlobHash::of(b"other views")] {
            place.copies.withdraw(other).await.unwrap();
            assert_eq!(list(), before);
        }
    }

    #[tokio::test]
    async fn what_was_still_being_stored_when_it_was_removed_is_removed_again_by_others() {
        let place = Place::new();
        let late = BlobHash::of(b"views");
        let list = || find(&*place.copies.checkpoints).unwrap().1;
        assert!(place.copies.claim(late, Position(0)).await.unwrap());
        place.erase(5).await;
        let began = list().removed[0].at;
        // Whoever stored it died before it was offered.
        for after in [0, 1, STORING - 1, STORING] {
            place.blobs.put(b"views".to_vec()).await.unwrap();
            assert!(!place.copies.claim(late, Position(5)).await.unwrap());
            place.copies.sweep_at(Timestamp(began.0 + after)).await.unwrap();
            assert!(!place.is_there(late).await, "{after}");
            assert_eq!(list().removed.is_empty(), after == STORING, "{after}");
        }
        assert!(place.copies.claim(late, Position(5)).await.unwrap());
    }

    #[tokio::test]
    async fn what_many_note_at_the_same_time_is_all_noted() {
        let place = Place::new();
        let erasing = (1..=20).map(|position| {
            let copies = place.copies.clone();
            tokio::spawn(async move {
                let blob = BlobHash::of(&[u8::try_from(position).unwrap()]);
                copies.claim(blob, Position(100)).await.unwrap();
                copies.disown(Position(position)).await.unwrap();
                copies.sweep().await.unwrap();
            })
        });
        for erasing in erasing.collect::<Vec<_>>() {
            erasing.await.unwrap();
        }
        let (_, list) = find(&*place.copies.checkpoints).unwrap();
        assert_eq!(list.erased, Position(20));
        assert!(list.copies.is_empty() && list.unwanted.is_empty());
    }
}
