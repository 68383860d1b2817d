//! Reading the whole log again, and holding it against what was signed.

use super::AuditTree;
use crate::error::Fault;
use scanledger_domain::log::{EventLog, Position, Recorded};
use scanledger_domain::proof::{Checkpoint, Frontier, Origin, TreeHash, leaf_hash};
use std::sync::Arc;

/// Events read at once.
const READ_EVENTS: usize = 256;

/// How the log, or what was made of it, contradicts a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// The first events are not those that were signed.
    #[error("the first {size} events of the log are not those of the checkpoint of {size} events")]
    Changed {
        /// The size of the checkpoint.
        size: u64,
    },
    /// Events that were signed are no longer there.
    #[error("the log has {events} events, and a checkpoint of {size} events was signed")]
    Shorter {
        /// The size of the checkpoint.
        size: u64,
        /// How many events there are.
        events: u64,
    },
    /// The checkpoint is of another log.
    #[error("the checkpoint of {size} events is of another log, or the first event of this one was changed")]
    OtherLog {
        /// The size of the checkpoint.
        size: u64,
    },
    /// A checkpoint that is kept is not signed with this server's key.
    #[error("the checkpoint of {size} events is not signed with the key of this server")]
    Unsigned {
        /// The size of the checkpoint.
        size: u64,
    },
    /// The tree does not go on where the last checkpoint ended.
    #[error("the tree of {to} events is no continuation of the checkpoint of {size} events")]
    Fork {
        /// The size of the checkpoint.
        size: u64,
        /// The size of the tree.
        to: u64,
    },
    /// An event is not the one that this process read before.
    #[error("the event at {position} is not the one that was hashed when it was written")]
    Event {
        /// Where.
        position: Position,
    },
}

impl Contradiction {
    /// The size of the checkpoint that is contradicted; `None` if it is not one.
    pub const fn size(&self) -> Option<u64> {
        match *self {
            Self::Changed { size }
            | Self::Shorter { size, .. }
            | Self::OtherLog { size }
            | Self::Unsigned { size }
            | Self::Fork { size, .. } => Some(size),
            Self::Event { .. } => None,
        }
    }
}

/// The first leaf of which log and stored tree say different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeafDifference {
    /// The number of the leaf.
    pub leaf: u64,
    /// The position of its event in the log.
    pub position: Position,
}

/// What the log was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examination {
    /// How many events were read.
    pub events: u64,
    /// How many of them were compared with the stored tree, which may end earlier.
    pub compared: u64,
    /// The position of the last of them.
    pub position: Position,
    /// The root over them.
    pub root: TreeHash,
    /// Which checkpoints they contradict, smallest first.
    pub contradictions: Vec<Contradiction>,
    /// Where the stored tree begins to say something else, if it does.
    pub tree: Option<LeafDifference>,
}

/// Reads the log as far as it goes, and compares every leaf with `tree` and every root with `checkpoints` (smallest
/// first). One pass, O(log n) memory.
///
/// # Errors
/// When the log or the tree cannot be read.
pub async fn examine(
    log: &dyn EventLog,
    checkpoints: &[Checkpoint],
    tree: Option<Arc<dyn AuditTree>>,
    progress: &(dyn Fn(Position) + Send + Sync),
) -> Result<Examination, Fault> {
    let mut reading = Reading::new(checkpoints, tree);
    let mut after = Position::START;
    loop {
        let batch = log.read_all(after, READ_EVENTS).await?;
        let Some(last) = batch.last() else { break };
        after = last.position;
        let work = tokio::task::spawn_blocking(move || reading.add(&batch).map(|()| reading));
        reading = work.await.map_err(|error| Fault::other("read the log again", error))??;
        progress(after);
    }
    Ok(reading.finish(after))
}

/// What is known half-way through.
struct Reading {
    frontier: Frontier,
    /// Largest first.
    due: Vec<Checkpoint>,
    contradictions: Vec<Contradiction>,
    tree: Option<Arc<dyn AuditTree>>,
    /// Leaves that the tree had at the beginning; it may grow meanwhile.
    tree_size: u64,
    difference: Option<LeafDifference>,
}

impl Reading {
    fn new(checkpoints: &[Checkpoint], tree: Option<Arc<dyn AuditTree>>) -> Self {
        Self {
            frontier: Frontier::default(),
            due: checkpoints.iter().rev().copied().collect(),
            contradictions: Vec::new(),
            tree_size: tree.as_ref().map_or(0, |tree| tree.size()),
            tree,
            difference: None,
        }
    }

    fn add(&mut self, batch: &[Recorded]) -> Result<(), Fault> {
        let stored = self.stored(batch.len() as u64)?;
        for (index, event) in batch.iter().enumerate() {
            let leaf = self.frontier.size();
            if leaf == 0 {
                self.check_origin(Origin(event.id));
            }
            let hash = leaf_hash(event);
            if self.difference.is_none() && stored.get(index).is_some_and(|stored| *stored != hash) {
                self.difference = Some(LeafDifference { leaf, position: event.position });
            }
            self.frontier.push(hash);
            if leaf + 1 == self.tree_size
                && self.difference.is_none()
                && self.stored_root()? != self.frontier.root()
            {
                self.difference = Some(LeafDifference { leaf, position: event.position });
            }
            while let Some(checkpoint) = self.due.last().filter(|due| due.size <= leaf + 1) {
                let size = checkpoint.size;
                if checkpoint.root != self.frontier.root() {
                    self.contradictions.push(Contradiction::Changed { size });
                }
                self.due.pop();
            }
        }
        Ok(())
    }

    /// Hashes of the next leaves as the tree has them, as far as it goes.
    fn stored(&self, count: u64) -> Result<Vec<TreeHash>, Fault> {
        let from = self.frontier.size();
        let count = count.min(self.tree_size.saturating_sub(from));
        match &self.tree {
            Some(tree) if count > 0 && self.difference.is_none() => {
                tree.leaves(from, count).map_err(|error| Fault::other("read the tree", error))
            }
            Some(_) | None => Ok(vec![]),
        }
    }

    /// The root of the tree as it was when the reading began.
    fn stored_root(&self) -> Result<TreeHash, Fault> {
        let Some(tree) = &self.tree else { return Ok(self.frontier.root()) };
        tree.root(self.tree_size).map_err(|error| Fault::other("read the root of the tree", error))
    }

    fn check_origin(&mut self, origin: Origin) {
        let others = self.due.iter().rev().filter(|due| due.origin != origin);
        self.contradictions.extend(others.map(|due| Contradiction::OtherLog { size: due.size }));
    }

    fn finish(mut self, position: Position) -> Examination {
        let events = self.frontier.size();
        let missing = self.due.iter().rev();
        self.contradictions.extend(missing.map(|due| Contradiction::Shorter { size: due.size, events }));
        if self.difference.is_none() && self.tree_size > events {
            self.difference = Some(LeafDifference { leaf: events, position });
        }
        Examination {
            events,
            compared: events.min(self.tree_size),
            position,
            root: self.frontier.root(),
            contradictions: self.contradictions,
            tree: self.difference,
        }
    }
}
