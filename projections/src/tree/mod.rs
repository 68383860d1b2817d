//! The Merkle tree over the log, in a file of its own (`tree.db`), with O(log n) reads for a proof.
//!
//! It is a projection like any other: made from the log, and disposable. But it is not one of the views: a rebuild
//! of these leaves it alone, because what was hashed once is what a changed log is held against.

mod file;
mod follow;
mod reader;
mod scope;
mod writer;

pub use file::TREE_FILE;
pub use scope::positions_of_project;

use parking_lot::Mutex;
use reader::Reader;
use rusqlite::Connection;
use scanledger_domain::log::{LogError, Position, Recorded};
use scanledger_domain::proof::{OutsideTree, TreeHash};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;
use uuid::Uuid;
use writer::Writer;

/// Why the tree could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// There is no such leaf, or no such tree.
    #[error(transparent)]
    Outside(#[from] OutsideTree),
    /// The file failed.
    #[error("the file of the tree could not be used")]
    Store(#[from] rusqlite::Error),
    /// The file holds no hash where one has to be.
    #[error("the file of the tree is damaged: delete it, and it is built anew")]
    Damaged,
    /// The log failed.
    #[error("the log could not be read")]
    Log(#[from] LogError),
    /// It was opened for reading only.
    #[error("the tree is open for reading only")]
    ReadOnly,
    /// A blocking task was cancelled.
    #[error("the tree was cancelled")]
    Cancelled,
}

/// How far the tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reached {
    /// Leaves.
    pub size: u64,
    /// The position of the last of them.
    pub position: Position,
}

/// The tree of one log. Cheap to clone; its calls block, for some hundred microseconds each.
#[derive(Clone)]
pub struct Tree {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    /// None if it was opened for reading.
    writer: Option<Mutex<Writer>>,
    idle: Mutex<Vec<Connection>>,
    reached: watch::Sender<Reached>,
}

impl std::fmt::Debug for Tree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tree").field("reached", &*self.shared.reached.borrow()).finish_non_exhaustive()
    }
}

impl Tree {
    /// Opens the tree at `path` for the log with this identity; begins anew if the file is of another log or was
    /// damaged beyond reading.
    ///
    /// # Errors
    /// When the file cannot be opened or made.
    pub fn open(path: &Path, log: Uuid) -> Result<Self, TreeError> {
        let writer = match Writer::open(path, log) {
            Ok(writer) => writer,
            Err(error @ (TreeError::Damaged | TreeError::Store(_))) => {
                tracing::warn!("the tree over the log is built anew: {error}");
                file::remove(path);
                Writer::open(path, log)?
            }
            Err(error) => return Err(error),
        };
        let reached = writer.reached();
        Ok(Self::new(path, Some(Mutex::new(writer)), reached))
    }

    /// Opens the tree at `path` for reading, beside a server that may be writing it; `None` if there is none.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub fn open_read_only(path: &Path) -> Result<Option<Self>, TreeError> {
        if !path.exists() {
            return Ok(None);
        }
        let connection = file::open_reader(path)?;
        let reached = file::reached(&connection)?;
        let tree = Self::new(path, None, reached);
        tree.shared.idle.lock().push(connection);
        Ok(Some(tree))
    }

    fn new(path: &Path, writer: Option<Mutex<Writer>>, reached: Reached) -> Self {
        let (reached, _) = watch::channel(reached);
        let shared = Shared { path: path.to_owned(), writer, idle: Mutex::default(), reached };
        Self { shared: Arc::new(shared) }
    }

    /// How far it is; for a tree that was opened for reading, how far it was then.
    pub fn reached(&self) -> Reached {
        *self.shared.reached.borrow()
    }

    /// Follows [`Self::reached`].
    pub fn watch(&self) -> watch::Receiver<Reached> {
        self.shared.reached.subscribe()
    }

    /// Adds events, in one transaction together with their position: all that the log holds above `after`, up to the
    /// last of them. Those that are in it already are left out. `false`, and nothing is added, if the tree has not
    /// reached `after`, because then leaves would be missing between the two.
    ///
    /// # Errors
    /// When the file cannot be written; then it is as it was. [`LogError::Diverged`] if the event that the tree ends
    /// with is another one among them.
    pub fn append(&self, after: Position, events: &[Recorded]) -> Result<bool, TreeError> {
        self.write(|writer| writer.append(after, events))
    }

    /// Empties the tree, so that it is built anew.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn clear(&self) -> Result<(), TreeError> {
        self.write(Writer::clear)
    }

    fn write<T>(&self, work: impl FnOnce(&mut Writer) -> Result<T, TreeError>) -> Result<T, TreeError> {
        let mut writer = self.shared.writer.as_ref().ok_or(TreeError::ReadOnly)?.lock();
        let outcome = work(&mut writer);
        self.shared.reached.send_replace(writer.reached());
        outcome
    }

    /// The root of the tree of the first `size` leaves.
    ///
    /// # Errors
    /// [`TreeError::Outside`] if there are not so many.
    pub fn root(&self, size: u64) -> Result<TreeHash, TreeError> {
        self.read(|reader| reader.root(size))
    }

    /// The inclusion proof of a leaf in the tree of the first `size` leaves.
    ///
    /// # Errors
    /// [`TreeError::Outside`] if there is no such leaf in it, or there are not so many.
    pub fn inclusion(&self, leaf: u64, size: u64) -> Result<Vec<TreeHash>, TreeError> {
        self.read(|reader| reader.inclusion(leaf, size))
    }

    /// The consistency proof between the trees of the first `from` and the first `to` leaves.
    ///
    /// # Errors
    /// [`TreeError::Outside`] if one of them is empty or not there.
    pub fn consistency(&self, from: u64, to: u64) -> Result<Vec<TreeHash>, TreeError> {
        self.read(|reader| reader.consistency(from, to))
    }

    /// The hashes of leaves from number `from` on, at most `count`; fewer at the end of the tree.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn leaves(&self, from: u64, count: u64) -> Result<Vec<TreeHash>, TreeError> {
        self.read(|reader| reader.leaves(from, count))
    }

    /// The leaf of the event at `position`, if the tree has it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn leaf_at(&self, position: Position) -> Result<Option<u64>, TreeError> {
        self.read(|reader| reader.leaf_at(position))
    }

    /// The position of the event of `leaf`, if the tree has it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn position_of(&self, leaf: u64) -> Result<Option<Position>, TreeError> {
        self.read(|reader| reader.position_of(leaf))
    }

    /// Reads in one snapshot.
    fn read<T>(&self, query: impl FnOnce(&mut Reader<'_>) -> Result<T, TreeError>) -> Result<T, TreeError> {
        let idle = self.shared.idle.lock().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => file::open_reader(&self.shared.path)?,
        };
        let transaction = connection.unchecked_transaction()?;
        let answer = Reader::new(&transaction).and_then(|mut reader| query(&mut reader));
        drop(transaction);
        let mut idle = self.shared.idle.lock();
        if idle.len() < file::KEPT_CONNECTIONS {
            idle.push(connection);
        }
        answer
    }

    /// Ends writing and moves everything into the file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn close(&self) -> Result<(), TreeError> {
        self.write(Writer::close)
    }
}
