//! Blobs that were stored and never named: what a request or a worker left that ended in between.
//!
//! Once a grace the whole store is looked through, part by part. What is older than a grace and named by nothing goes
//! through the same two steps as what deletions leave, with a grace between them; only that these are kept by hash,
//! since no place in the log stands for them. What was set aside and is not kept, because somebody died before that, is
//! found aside by the next look, and its grace begins then.
//!
//! What deletions are still to remove is left to them. What they have removed may have been stored again by somebody who
//! never came to name it, and is then as if it had never been named.

use super::reached::{Reached, micros};
use super::{BlobRemoval, Looking};
use scanledger_domain::Cause;
use scanledger_domain::blob::{BlobHash, BlobUse, Listed, Shelf};
use scanledger_domain::limits::UNNAMED_BLOBS;
use scanledger_domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

/// Under which name it is kept how far this has come.
const CHECKPOINT: &str = "blobs/unnamed";
/// Blobs that are asked about at once.
const ASKED: usize = 1_000;
/// Parts of a look: what is aside, which has waited longer, then what is in its place, each by the first byte of hashes.
const PARTS: u16 = 2 * 256;

/// How far this has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Unnamed {
    /// When the last look began, in microseconds since 1970 UTC.
    began: i64,
    /// The part that it goes on with; `None` if it has ended.
    next: Option<u16>,
    /// Since when what nothing names is set aside, in the same unit.
    aside: BTreeMap<BlobHash, i64>,
}

impl Unnamed {
    /// The first look is a grace from now: before that nothing is old enough in a store that is new.
    fn new(now: Timestamp) -> Self {
        Self { began: now.0, next: None, aside: BTreeMap::new() }
    }

    /// Begins a look if it is time.
    fn begin(&mut self, now: Timestamp, grace: Duration) {
        if self.next.is_none() && now.0.saturating_sub(self.began) >= micros(grace) {
            (self.began, self.next) = (now.0, Some(0));
        }
    }

    /// What was set aside so long ago that everybody who stored it before must have recorded what for.
    fn due(&self, now: Timestamp, grace: Duration) -> Vec<BlobHash> {
        let is_due = |at: i64| now.0.saturating_sub(at) >= micros(grace);
        self.aside.iter().filter(|(_, at)| is_due(**at)).map(|(blob, _)| *blob).collect()
    }

    fn is_full(&self) -> bool {
        self.aside.len() >= UNNAMED_BLOBS
    }
}

const fn shelf_of(part: u16) -> (Shelf, u8) {
    let [shelf, first] = part.to_be_bytes();
    (if shelf == 0 { Shelf::Aside } else { Shelf::Place }, first)
}

/// Who needs a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    Somebodys,
    /// Deletions that have not come to their end see to it.
    Deletions,
    Nobodys,
}

fn whose(is: Option<BlobUse>, reached: &Reached) -> Whose {
    match is {
        Some(BlobUse::Used) => Whose::Somebodys,
        Some(BlobUse::UnusedSince(last)) if !reached.is_done_with(last) => Whose::Deletions,
        Some(BlobUse::UnusedSince(_)) | None => Whose::Nobodys,
    }
}

impl BlobRemoval {
    /// Does what is to be done by now about blobs that nothing names.
    pub(super) async fn look_for_unnamed(&self, looking: &mut Looking) -> Result<(), Cause> {
        self.end_unnamed(looking).await?;
        looking.unnamed.begin(self.clock.now(), self.grace);
        if looking.unnamed.next.is_none() || !self.may_remove(looking).await? {
            return Ok(());
        }
        let kept = self.kept.blobs().await?;
        while let Some(part) = looking.unnamed.next {
            let before = looking.unnamed.aside.len();
            if !self.look_through(part, &kept, looking).await? {
                return Ok(());
            }
            looking.unnamed.next = Some(part + 1).filter(|next| *next < PARTS);
            if looking.unnamed.next.is_none() || looking.unnamed.aside.len() > before {
                self.keep(CHECKPOINT, &looking.unnamed).await?;
            }
        }
        Ok(())
    }

    /// Sets aside what nothing names in a part of the store; `false` if nothing may be removed.
    async fn look_through(
        &self,
        part: u16,
        kept: &HashSet<BlobHash>,
        looking: &mut Looking,
    ) -> Result<bool, Cause> {
        let (shelf, first) = shelf_of(part);
        // In this order: what was there by now, and is named by then.
        let listed = self.blobs.list(shelf, first).await?;
        let now = self.clock.now();
        let is_old = |listed: &Listed| match shelf {
            Shelf::Aside => true,
            Shelf::Place => now.0.saturating_sub(listed.written.0) >= micros(self.grace),
        };
        // What is aside and was stored again since waits for its second step: it is not kept since when twice.
        let is_meant = |listed: &Listed| is_old(listed) && !looking.unnamed.aside.contains_key(&listed.blob);
        let meant: Vec<_> = listed.iter().filter(|listed| is_meant(listed)).map(|found| found.blob).collect();
        for page in meant.chunks(ASKED) {
            if !self.may_remove(looking).await? {
                return Ok(false);
            }
            for (blob, whose) in self.whose(page, kept, looking).await? {
                match (whose, shelf) {
                    (Whose::Somebodys, Shelf::Aside) => self.blobs.put_back(blob).await?,
                    (Whose::Nobodys, _) if !looking.unnamed.is_full() => {
                        if shelf == Shelf::Place {
                            self.blobs.set_aside(blob).await?;
                        }
                        looking.unnamed.aside.insert(blob, self.clock.now().0);
                    }
                    (Whose::Somebodys | Whose::Deletions | Whose::Nobodys, _) => (),
                }
            }
        }
        Ok(true)
    }

    /// The second step.
    async fn end_unnamed(&self, looking: &mut Looking) -> Result<(), Cause> {
        let due = looking.unnamed.due(self.clock.now(), self.grace);
        if due.is_empty() || !self.may_remove(looking).await? {
            return Ok(());
        }
        let kept = self.kept.blobs().await?;
        let mut removed = 0;
        for page in due.chunks(ASKED) {
            for (blob, whose) in self.whose(page, &kept, looking).await? {
                match whose {
                    Whose::Somebodys => self.blobs.put_back(blob).await?,
                    Whose::Deletions => (),
                    Whose::Nobodys => {
                        self.blobs.discard(blob).await?;
                        removed += 1;
                    }
                }
                looking.unnamed.aside.remove(&blob);
            }
            self.keep(CHECKPOINT, &looking.unnamed).await?;
        }
        tracing::info!(blobs = removed, "blobs that nothing ever named are removed");
        Ok(())
    }

    async fn whose(
        &self,
        blobs: &[BlobHash],
        kept: &HashSet<BlobHash>,
        looking: &Looking,
    ) -> Result<Vec<(BlobHash, Whose)>, Cause> {
        let named: HashMap<_, _> = self.uses.uses_of(blobs.to_vec()).await?.into_iter().collect();
        let of = |blob: BlobHash| match kept.contains(&blob) || looking.parked.names(blob) {
            true => Whose::Somebodys,
            false => whose(named.get(&blob).copied(), &looking.reached),
        };
        Ok(blobs.iter().map(|blob| (*blob, of(*blob))).collect())
    }

    /// How far this has come; what cannot be read is begun anew.
    pub(super) async fn find_unnamed(&self) -> Result<Unnamed, Cause> {
        if let Some(found) = self.find(CHECKPOINT).await? {
            return Ok(found);
        }
        let new = Unnamed::new(self.clock.now());
        self.keep(CHECKPOINT, &new).await?;
        Ok(new)
    }
}

#[cfg(test)]
mod tests {
    use super::{PARTS, Unnamed, Whose, shelf_of, whose};
    use crate::blobs::reached::{Again, Reached};
    use scanledger_domain::blob::{BlobHash, BlobUse, Shelf};
    use scanledger_domain::limits::UNNAMED_BLOBS;
    use scanledger_domain::log::Position;
    use scanledger_domain::time::Timestamp;
    use std::collections::BTreeSet;
    use std::time::Duration;

    const GRACE: Duration = Duration::from_micros(100);

    #[test]
    fn a_look_goes_through_the_whole_store_once() {
        let parts: BTreeSet<_> = (0..PARTS).map(shelf_of).collect();
        assert_eq!(parts.len(), 512);
        assert_eq!(shelf_of(0), (Shelf::Aside, 0));
        assert_eq!(shelf_of(255), (Shelf::Aside, 255));
        assert_eq!(shelf_of(256), (Shelf::Place, 0));
    }

    #[test]
    fn a_look_begins_a_grace_after_the_one_before_unless_that_goes_on() {
        let mut unnamed = Unnamed::new(Timestamp(10));
        unnamed.begin(Timestamp(109), GRACE);
        assert_eq!(unnamed.next, None);
        unnamed.begin(Timestamp(110), GRACE);
        assert_eq!((unnamed.began, unnamed.next), (110, Some(0)));
        unnamed.next = Some(300);
        unnamed.begin(Timestamp(999), GRACE);
        assert_eq!((unnamed.began, unnamed.next), (110, Some(300)));
    }

    #[test]
    fn what_is_aside_is_due_after_a_grace_and_kept_by_its_hash() {
        let mut unnamed = Unnamed::new(Timestamp(0));
        let [one, other] = [b"1", b"2"].map(|bytes| BlobHash::of(bytes));
        unnamed.aside = [(one, 5), (other, 6)].into();
        assert_eq!(unnamed.due(Timestamp(104), GRACE), []);
        assert_eq!(unnamed.due(Timestamp(105), GRACE), [one]);
        let kept = serde_json::to_vec(&unnamed).unwrap();
        assert_eq!(serde_json::from_slice::<Unnamed>(&kept).unwrap(), unnamed);
    }

    #[test]
    fn so_many_wait_at_once_and_no_more() {
        let mut unnamed = Unnamed::new(Timestamp(0));
        let number = |n: usize| (BlobHash::of(&n.to_be_bytes()), 0);
        unnamed.aside = (1..UNNAMED_BLOBS).map(number).collect();
        assert!(!unnamed.is_full());
        unnamed.aside.extend([number(0)]);
        assert!(unnamed.is_full());
    }

    #[test]
    fn what_deletions_are_still_to_remove_is_left_to_them() {
        let again = Again { after: Position(3), until: Position(5), ended: None };
        let reached = Reached { discarded: Position(8), again: vec![again], ..Reached::default() };
        let unused = |last| whose(Some(BlobUse::UnusedSince(Position(last))), &reached);
        assert_eq!([3, 4, 5, 6, 8, 9].map(unused), {
            use Whose::{Deletions, Nobodys};
            [Nobodys, Deletions, Deletions, Nobodys, Nobodys, Deletions]
        });
        assert_eq!(whose(Some(BlobUse::Used), &reached), Whose::Somebodys);
        assert_eq!(whose(None, &reached), Whose::Nobodys);
    }
}
