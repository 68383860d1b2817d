//! Who may copy read models, and what becomes of the copies.

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
        let copy = Copy { revision: revision.to_owned(), blob, position: Position(position), event: None };
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
    let copy = Copy { revision: "a".to_owned(), blob, position: Position(9), event: None };
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
async fn everything_on_the_list_is_named_until_it_is_removed_for_good() {
    let place = Place::new();
    let (older, _) = place.share("a", 10, 0).await;
    let (newer, _) = place.share("a", 20, 0).await;
    let making = BlobHash::of(b"views");
    assert!(place.copies.claim(making, Position(0)).await.unwrap());
    assert_eq!(place.copies.blobs().await.unwrap(), [older, newer, making].into());
    place.copies.disown(Position(5)).await.unwrap();
    assert_eq!(place.copies.blobs().await.unwrap(), [older, newer, making].into());
    let began = find(&*place.copies.checkpoints).unwrap().1.removed[0].at;
    place.copies.sweep_at(Timestamp(began.0 + STORING - 1)).await.unwrap();
    place.copies.sweep_at(Timestamp(began.0 + 2 * STORING)).await.unwrap();
    assert_eq!(place.copies.blobs().await.unwrap(), [].into());
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

#[tokio::test]
async fn a_copy_that_is_refused_is_removed_and_the_one_before_it_is_not_back() {
    let place = Place::new();
    place.share("a", 10, 0).await;
    let (lost, _) = place.share("a", 20, 0).await;
    place.copies.refuse(lost).await.unwrap();
    place.copies.sweep().await.unwrap();
    assert_eq!((place.newest("a").await, place.is_there(lost).await), (None, false));
    // What is copied next may end earlier.
    let (next, is_offered) = place.share("a", 15, 0).await;
    assert!(is_offered && place.is_there(next).await);
    assert_eq!(place.newest("a").await, Some(15));
}
